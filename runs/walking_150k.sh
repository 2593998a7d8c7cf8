#!/usr/bin/env bash
# The original's scale: 150,000 training and 10,000 test images of "Walking", seven subjects, four cameras.
# Trains report2015 (both sizes) and posegrid_s, each from scratch and pre-trained; about 2.5 hours on two cores.
#
# Every stage resumes where it was stopped. DATA and RUN name other folders than the usual ones.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${DATA:-data/walking_150k}
run=${RUN:-runs/walking_150k}

# S1 S5 S6 S7 train (37,500 crops each), S8 validates, S9 S11 test (5,000 each).
posegrid synth "$data" --subjects S1 S5 S6 S7 S8 S9 S11 --crops-per-person 37500 --held-out-crops-per-person 5000

# One pass over the 150,000 for poses; half a pass before it for the grid. Both arms run side by side, a core each.
for network in posegrid_s report2015_small report2015_large; do
    here="$run/$network"
    posegrid train "$data" --run "$here/scratch" --network "$network" --max-images 150000 --threads 1 --resume &
    scratch=$!
    posegrid pretrain "$data" --run "$here/pretrain" --network "$network" --max-images 75000 --threads 1 --resume
    posegrid train "$data" --run "$here/train" --init "$here/pretrain/best.safetensors" --max-images 150000 \
        --threads 1 --resume
    wait "$scratch"
    posegrid evaluate "$here/scratch/best.safetensors" "$data" --out "$here/evaluation_scratch"
    posegrid evaluate "$here/train/best.safetensors" "$data" --out "$here/evaluation"
    posegrid report "$here" --data "$data"
done
