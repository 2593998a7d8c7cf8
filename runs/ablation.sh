#!/usr/bin/env bash
# What each kind of variety of the walkers is worth: the same network, crops and images, one kind after another added.
#
#   MOTION=cmu_walk runs/ablation.sh        an hour of one fast core; every stage resumes where it was stopped
#
# MOTION names a folder with walks of the CMU motion capture database (Acclaim ASF and AMC files). All arms have masks
# beside their crops and the usual augmentation, which spoils exact masks and changes backgrounds.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${MOTION:?names a folder with ASF and AMC files}"
data=${DATA:-data/ablation}
run=${RUN:-runs/ablation}
judge=${JUDGE:-data/sets/walkers-hard-validation}

[ -f "$judge/dataset.json" ] || posegrid synth "$judge" --set walkers-hard-validation

walkers=(--background masked)
arm() {
    local name=$1
    shift
    walkers+=("$@")
    posegrid synth "$data/$name" "${walkers[@]}" --people 120 --validation-people 10 --test-people 0 \
        --crops-per-person 120 --workers "${WORKERS:-1}"
    posegrid train "$data/$name" --run "$run/$name" --target person --max-images "${IMAGES:-150000}" \
        --threads "${WORKERS:-1}" --resume
    posegrid evaluate "$run/$name/last.safetensors" "$judge" --split validation --out "$run/$name/evaluation"
    posegrid export "$run/$name/last.safetensors" --out "$run/$name/$name.onnx"
}
arm a_demo
arm b_motion --motion "$MOTION" --activities varied
arm c_people --people-kind varied
arm d_cameras --cameras varied
arm e_scenes --scenes varied --masks faulty
