#!/usr/bin/env bash
# Makes the weights that come with posegrid, from nothing: about fifteen hours of one fast core, less with WORKERS=2.
#
#   MOTION=cmu_walk BACKGROUNDS=places POSES=cmu_more runs/release.sh
#
# MOTION may name a folder with walks of the CMU motion capture database (Acclaim ASF and AMC files; not part of the
# project, free for all uses): half of the walks are then real ones, as for the weights that are shipped. BACKGROUNDS and
# POSES are those of runs/finder.sh: real places, and captured motions of all kinds (ASF and AMC, or BVH: scripts/unpack_motions.py). Every stage resumes where it was stopped. No grid task first: for this network it made no difference (docs/results.md).
set -euo pipefail
cd "$(dirname "$0")/.."
data=${DATA:-data/release}
run=${RUN:-runs/release}
workers=${WORKERS:-1}

walkers=(--background masked --cameras varied --activities varied ${MOTION:+--motion "$MOTION"} --workers "$workers")
training=(--target person --threads "$workers" --resume)

# First people before plain rooms, with exact masks, turned to all sides: what bodies and motions look like.
plain() {
    posegrid synth "$data/plain" "${walkers[@]}" --people "$1" --validation-people 20 --test-people 20 \
        --crops-per-person 200 --held-out-crops-per-person 100
}
plain 385
posegrid train "$data/plain" --run "$run/first" "${training[@]}" --augment rolled --max-images 400000
plain 900
posegrid train "$data/plain" --run "$run/second" "${training[@]}" --augment rolled --max-images 760000 \
    --init "$run/first/last.safetensors" --transfer all --learning-rate 0.0015

# Then people of all kinds in all places, with masks as background subtraction makes them: what videos look like.
posegrid synth "$data/varied" "${walkers[@]}" --people 1600 --validation-people 25 --test-people 0 \
    --crops-per-person 150 --held-out-crops-per-person 80 \
    --people-kind varied --scenes varied --masks faulty
posegrid train "$data/varied" --run "$run/third" "${training[@]}" --augment standard --max-images 2200000 \
    --init "$run/second/last.safetensors" --transfer all --learning-rate 0.0015

# Then all of it together with walks of plainly dressed adults in all places: the most usual thing most often.
posegrid synth "$data/gaits" "${walkers[@]}" --activities gaits --people 1300 --validation-people 10 --test-people 0 \
    --crops-per-person 150 --held-out-crops-per-person 80 --scenes varied --masks faulty --seed 1
posegrid train "$data/varied" --also "$data/plain" "$data/gaits" --run "$run/fourth" "${training[@]}" \
    --augment standard --max-images 1600000 --init "$run/third/last.safetensors" --transfer all --learning-rate 0.0015

# At last the network grows, and people of all kinds walk in all places.
posegrid synth "$data/clothed" "${walkers[@]}" --activities gaits --people 450 --validation-people 4 --test-people 0 \
    --crops-per-person 150 --held-out-crops-per-person 80 --people-kind varied --scenes varied --masks faulty --seed 2
posegrid train "$data/varied" --also "$data/plain" "$data/gaits" "$data/clothed" --run "$run/fifth" "${training[@]}" \
    --network posegrid_m --augment standard --max-images 1450000 --init "$run/fourth/last.safetensors" --transfer all \
    --learning-rate 0.0015

# Then crops as `predict` cuts them, with the masks of the finder that comes with posegrid, beside some of all the others;
# and the mean of before and after, which keeps more of both (docs/LOG.md).
few=("${walkers[@]}" --validation-people 8 --test-people 0 --crops-per-person 100 --held-out-crops-per-person 60)
places=(--scenes varied --people-kind sporty ${BACKGROUNDS:+--backgrounds "$BACKGROUNDS"})
odd=(--activities varied ${POSES:+--poses "$POSES" --poses-share 0.45})
found() { # NAME PEOPLE SEED, and how they differ
    posegrid synth "$data/$1" "${few[@]}" --people "$2" --seed "$3" "${@:4}"
}
found found_gaits 190 31 "${places[@]}" --activities gaits --masks found
found found_poses 190 32 "${places[@]}" "${odd[@]}" --masks found
found faulty 130 33 "${places[@]}" --activities varied --masks faulty
found found_rooms 120 41 --activities gaits --scenes varied --masks found
found few_plain 80 42 --activities varied
found few_varied 60 43 --activities varied --scenes varied --masks faulty --people-kind varied
found few_gaits 60 44 --activities gaits --scenes varied --masks faulty
posegrid train "$data/found_rooms" --also "$data/found_gaits" "$data/found_poses" "$data/faulty" "$data/few_plain" \
    "$data/few_varied" "$data/few_gaits" --run "$run/sixth" "${training[@]}" --network posegrid_m --augment standard \
    --max-images 425000 --init "$run/fifth/last.safetensors" --transfer all --learning-rate 0.001 --seed 6
mkdir -p "$run/mean_of_sixth"
python scripts/average_weights.py "$run/fifth/last.safetensors" "$run/sixth/last.safetensors" --share 0.7 \
    --out "$run/mean_of_sixth/last.safetensors"

# And on, with more people before cameras that stand still, and a schedule that ends; again the mean of before and after.
found more_gaits 36 71 "${places[@]}" --activities gaits --masks found
found clips 120 51 "${places[@]}" --activities gaits --masks found --cameras fixed --views 2 --every-nth-frame 2
posegrid train "$data/found_rooms" --also "$data/found_gaits" "$data/found_poses" "$data/faulty" "$data/few_plain" \
    "$data/few_varied" "$data/few_gaits" "$data/more_gaits" "$data/clips" --run "$run/seventh" "${training[@]}" \
    --network posegrid_m --augment standard --max-images 605000 --init "$run/mean_of_sixth/last.safetensors" \
    --transfer all --learning-rate 0.001 --average 0.999 --seed 7
mkdir -p "$run/mean_of_seventh"
python scripts/average_weights.py "$run/mean_of_sixth/last.safetensors" "$run/seventh/last.safetensors" --share 0.6 \
    --out "$run/mean_of_seventh/last.safetensors"

# And on, with 3,600 people of whom a dozen crops each are seen, most of them as laboratories film them; these count twice.
laboratory=(--people-kind laboratory ${BACKGROUNDS:+--backgrounds "$BACKGROUNDS"})
dozen() { # NAME PEOPLE SEED, and how they differ
    found "$1" "$2" "$3" --scenes varied --masks found --views 1 --every-nth-frame 8 --crops-per-person 12 \
        --held-out-crops-per-person 12 --validation-people 40 "${@:4}"
}
dozen lab_gaits 1600 1111 "${laboratory[@]}" --activities gaits
dozen lab_poses 1600 1112 "${laboratory[@]}" --activities varied ${POSES:+--poses "$POSES" --poses-share 0.65}
dozen all_kinds 600 1113 --people-kind varied ${BACKGROUNDS:+--backgrounds "$BACKGROUNDS"} --activities varied \
    ${POSES:+--poses "$POSES" --poses-share 0.3}
posegrid train "$data/lab_gaits" --also "$data/lab_poses" "$data/lab_gaits" "$data/lab_poses" "$data/all_kinds" \
    "$data/found_gaits" "$data/found_poses" "$data/found_rooms" "$data/faulty" "$data/few_varied" "$data/few_plain" \
    --run "$run/eighth" "${training[@]}" --network posegrid_m --augment standard --batch-size 66 \
    --max-images 600000 --init "$run/mean_of_seventh/last.safetensors" --transfer all --learning-rate 0.001 \
    --average 0.999 --seed 8
mkdir -p "$run/mean_of_eighth"
python scripts/average_weights.py "$run/mean_of_seventh/last.safetensors" "$run/eighth/last.safetensors" --share 0.6 \
    --out "$run/mean_of_eighth/last.safetensors"

# And on, with masks that say how sure the finder is, and with people of every stature and weight; these count twice.
two_dozen() { # NAME PEOPLE SEED, and how they differ
    found "$1" "$2" "$3" --views 1 --every-nth-frame 4 --crops-per-person 24 --held-out-crops-per-person 12 \
        --validation-people 40 "${@:4}"
}
in_places=(--scenes varied ${BACKGROUNDS:+--backgrounds "$BACKGROUNDS"})
everybody=("${in_places[@]}" --people-kind everybody --masks found)
soft_lab=("${in_places[@]}" --people-kind laboratory --masks found)
captured=(--activities varied ${POSES:+--poses "$POSES"})
two_dozen every_gaits 890 1211 "${everybody[@]}" --activities gaits
two_dozen every_poses 640 1212 "${everybody[@]}" "${captured[@]}" ${POSES:+--poses-share 0.6}
two_dozen soft_lab_gaits 320 1213 "${soft_lab[@]}" --activities gaits
two_dozen soft_lab_poses 320 1214 "${soft_lab[@]}" "${captured[@]}" ${POSES:+--poses-share 0.65}
two_dozen soft_rooms 180 1215 --scenes varied --masks found --people-kind varied --activities gaits
two_dozen soft_faulty 150 1216 "${in_places[@]}" --people-kind varied --masks faulty --activities varied
two_dozen few_plain_more 190 1217 --activities varied
posegrid train "$data/every_gaits" --also "$data/every_poses" "$data/every_gaits" "$data/every_poses" \
    "$data/soft_lab_gaits" "$data/soft_lab_poses" "$data/soft_rooms" "$data/soft_faulty" "$data/few_plain_more" \
    --run "$run/ninth" "${training[@]}" --network posegrid_m --augment standard --batch-size 72 \
    --max-images 267000 --init "$run/mean_of_eighth/last.safetensors" --transfer all --learning-rate 0.0006 \
    --average 0.999 --seed 10
mkdir -p "$run/mean_of_ninth" "$run/mean"
python scripts/average_weights.py "$run/mean_of_eighth/last.safetensors" "$run/ninth/last.safetensors" --share 0.7 \
    --out "$run/mean_of_ninth/last.safetensors"

# And on, with all the motions that are captured, mirrored and varied; masks are shown soft and hard.
two_dozen all_gaits 500 1311 "${everybody[@]}" --activities gaits
two_dozen all_poses 540 1312 "${everybody[@]}" "${captured[@]}" ${POSES:+--poses-share 0.7}
two_dozen all_lab_gaits 360 1313 "${soft_lab[@]}" --activities gaits
two_dozen all_lab_poses 180 1314 "${soft_lab[@]}" "${captured[@]}" ${POSES:+--poses-share 0.7}
two_dozen all_rooms 60 1315 --scenes varied --masks found --people-kind varied "${captured[@]}" ${POSES:+--poses-share 0.3}
two_dozen all_plain 150 1317 "${captured[@]}" ${POSES:+--poses-share 0.3}
posegrid train "$data/all_poses" --also "$data/all_gaits" "$data/all_poses" "$data/all_gaits" "$data/all_lab_gaits" \
    "$data/all_lab_poses" "$data/all_rooms" "$data/every_gaits" "$data/every_poses" "$data/soft_lab_gaits" \
    "$data/soft_lab_poses" "$data/soft_faulty" "$data/all_plain" \
    --run "$run/tenth" "${training[@]}" --network posegrid_m --augment standard --batch-size 78 \
    --max-images 210000 --init "$run/mean_of_ninth/last.safetensors" --transfer all --learning-rate 0.0006 \
    --average 0.999 --seed 11
python scripts/average_weights.py "$run/mean_of_ninth/last.safetensors" "$run/tenth/last.safetensors" --share 0.7 \
    --out "$run/mean/last.safetensors"

# Clips before cameras at rest teach when feet touch the floor (docs/motion.md).
clips() { # NAME PEOPLE VALIDATION SEED, and how they differ
    posegrid synth "$data/$1" "${walkers[@]}" "${places[@]}" --masks found --cameras fixed --views 1 \
        --every-nth-frame 2 --crops-per-person 60 --people "$2" --validation-people "$3" --test-people 0 --seed "$4" "${@:5}"
}
clips clips_of_gaits 310 40 810 --activities gaits
clips clips_of_poses 60 20 811 "${odd[@]}"
out=${OUT:-posegrid/weights/posegrid-m.onnx}
rm -f "${out%.onnx}.safetensors"
twins=()
for set in walkers-test walkers-hard walkers-everybody; do
    twins+=("data/sets/$set-validation")
    posegrid synth "data/sets/$set-validation" --set "$set-validation" --workers "$workers"
done
posegrid export "$run/mean/last.safetensors" --out "$out" --half --hard-masks --radii "${twins[@]}"
python scripts/learn_feet.py "$data/soft_lab_gaits" "$data/soft_rooms" --weights "${out%.onnx}.safetensors" \
    --out "${out%.onnx}-feet.safetensors"
posegrid export "${out%.onnx}.safetensors" --out "$out" --feet "${out%.onnx}-feet.safetensors" --int8 "$data/every_gaits"
more_clips() { # NAME PEOPLE SEED, and how they differ
    posegrid synth "$data/$1" "${walkers[@]}" --scenes varied --masks found --cameras fixed --views 1 --every-nth-frame 2 \
        --crops-per-person 36 --held-out-crops-per-person 36 --people "$2" --validation-people 2 --test-people 0 \
        --seed "$3" "${@:4}"
}
more_clips laboratory_gaits 1600 1001 "${laboratory[@]}" --activities gaits
more_clips laboratory_poses 800 1002 "${laboratory[@]}" --activities varied ${POSES:+--poses "$POSES" --poses-share 0.45}
more_clips clips_in_rooms 640 1003 --people-kind varied --activities gaits
python scripts/learn_over_time.py "$data/laboratory_gaits" "$data/laboratory_poses" "$data/clips_in_rooms" \
    --out posegrid/weights/over_time.npz
python scripts/learn_contact.py "$data/clips_of_gaits" "$data/clips_of_poses" --out posegrid/weights/contact.npz

for set in walkers-test walkers-hard walkers-everybody; do
    posegrid synth "data/sets/$set" --set "$set" --workers "$workers"
    posegrid evaluate "${out%.onnx}.safetensors" "data/sets/$set" --out "$run/evaluation_$set"
done
[ -z "${PAGE-docs/results.md}" ] || python scripts/results_table.py "${PAGE-docs/results.md}" --table weights --results "$run"
