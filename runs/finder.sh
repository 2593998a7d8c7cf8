#!/usr/bin/env bash
# Makes the weights that find people (posegrid/weights/posegrid-find.onnx is posegrid-find-int8.onnx of
# the run), from nothing: about two hours of two fast cores. Every stage goes on where it was stopped.
#
#   BACKGROUNDS=places MOTION=cmu_walk POSES=cmu_more runs/finder.sh
#
# BACKGROUNDS names a folder with panoramas/*.jpg (equirectangular; .npz beside them may hold their
# radiance), textures/* and perhaps photos/*.jpg. The shipped weights are of 64 panoramas of Poly
# Haven (CC0) and Emil Persson (CC BY), and of 1308 textures of ambientCG (CC0): docs/finding.md.
# MOTION may name a folder with walks of the CMU motion capture database, as for runs/release.sh;
# POSES one with other motions of it (ASF and AMC files, or BVH): jumps, kicks, bends, dances.
set -euo pipefail
cd "$(dirname "$0")/.."
places=${BACKGROUNDS:?names no folder with panoramas/ and textures/}
data=${DATA:-data/people}
run=${RUN:-runs/finder}

posegrid scenes "$data" --backgrounds "$places" ${MOTION:+--motion "$MOTION"} \
    --people 1072 --validation-people 40 --test-people 60
posegrid scenes "$data" --backgrounds "$places" ${POSES:+--poses "$POSES"} \
    --people 1222 --validation-people 40 --test-people 60
posegrid train --target finder "$data" --backgrounds "$places" --run "$run/first" --resume \
    --samples "${SAMPLES:-700000}"

# And on, with people as laboratories film them and of every weight, more of them seen at a slant.
more() { # PEOPLE VALIDATION-PEOPLE KIND, and what they do
    posegrid scenes "$data/more" --backgrounds "$places" --seed 31 --people "$1" --validation-people "$2" \
        --test-people 1 --people-kind "$3" "${@:4}"
}
walking=(${MOTION:+--motion "$MOTION"})
otherwise=(${POSES:+--poses "$POSES"})
more 60 12 laboratory "${walking[@]}"
more 120 24 laboratory "${otherwise[@]}"
more 180 34 everybody "${walking[@]}"
more 240 40 everybody "${otherwise[@]}"
more 300 40 sporty "${otherwise[@]}"
more 329 40 laboratory "${walking[@]}"
posegrid train --target finder "$data/more" --backgrounds "$places" --init "$run/first/posegrid-find.safetensors" \
    --run "$run/more" --resume --samples 120000 --learning-rate 0.001 --seed 41
python scripts/average_weights.py "$run/first/posegrid-find.safetensors" "$run/more/last.safetensors" --share 0.6 \
    --finder --out "$run/posegrid-find.safetensors"
python scripts/finder_in_8_bits.py "$run/posegrid-find.onnx" "$data/more" --backgrounds "$places" \
    --out "$run/posegrid-find-int8.onnx"
for split in validation test; do
    posegrid evaluate --target finder "$run/posegrid-find-int8.onnx" --people "$data" --backgrounds "$places" \
        --split "$split" --out "$run/$split.json"
done
