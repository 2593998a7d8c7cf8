#!/usr/bin/env bash
# The original's scale: 150,000 training and 10,000 test images of "Walking", seven subjects, four cameras.
# Trains report2015 (both sizes) and posegrid_s, each from scratch and pre-trained; about 2 hours on two cores.
#
# Every stage resumes where it was stopped. DATA and RUN name other folders than the usual ones.
set -euo pipefail
cd "$(dirname "$0")/.."
export data=${DATA:-data/walking_150k}
export run=${RUN:-runs/walking_150k}

# One pass over the 150,000 for poses; a pre-trained network has had half a pass for the grid before it.
arm() {
    set -euo pipefail
    local here="$run/$1" start=$2 common=(--threads 1 --resume)
    if [ "$start" = scratch ]; then
        posegrid train "$data" --run "$here/scratch" --network "$1" --max-images 150000 "${common[@]}"
        posegrid evaluate "$here/scratch/best.safetensors" "$data" --out "$here/evaluation_scratch"
    else
        posegrid pretrain "$data" --run "$here/pretrain" --network "$1" --max-images 75000 "${common[@]}"
        posegrid train "$data" --run "$here/train" --init "$here/pretrain/best.safetensors" --max-images 150000 \
            "${common[@]}"
        posegrid evaluate "$here/train/best.safetensors" "$data" --out "$here/evaluation"
    fi
}
export -f arm

# S1 S5 S6 S7 train (37,500 crops each), S8 validates, S9 S11 test (5,000 each).
posegrid synth "$data" --subjects S1 S5 S6 S7 S8 S9 S11 --crops-per-person 37500 --held-out-crops-per-person 5000

# Two arms at a time, a core each, the longest first.
printf '%s\n' report2015_large,{pretrained,scratch} posegrid_s,{pretrained,scratch} report2015_small,{pretrained,scratch} |
    tr , ' ' | xargs --max-procs 2 --max-args 2 bash -c 'arm "$@"' arm

for network in posegrid_s report2015_small report2015_large; do
    posegrid report "$run/$network" --data "$data"
done
