#!/usr/bin/env bash
# The whole method on rendered walkers, in about ten minutes on two cores: what `make demo` runs.
set -euo pipefail
cd "$(dirname "$0")/.."
data=data/demo
run=runs/demo
mkdir -p "$run"
cores=$(getconf _NPROCESSORS_ONLN)
threads=$((cores > 4 ? (cores - 1) / 2 : 1)) # each of the two trainings that run side by side

# 1. Walkers. 210 people train, 8 validate, 25 test; every person has a body, clothes and a gait of their own.
posegrid synth "$data" --people 210 --validation-people 8 --test-people 25 \
    --crops-per-person 100 --held-out-crops-per-person 80

# 2. To compare with, on the cores that the other training leaves: the poses from scratch.
posegrid train "$data" --run "$run/scratch" --max-images 20000 --threads "$threads" --resume \
    > "$run/scratch.txt" 2>&1 &
scratch=$!
trap 'kill "$scratch" 2> /dev/null || true' EXIT

# 3. The easier question first: which cells of a 10 x 10 grid does each of the 17 joints overlap?
posegrid pretrain "$data" --run "$run/pretrain" --max-images 12000 --threads "$threads" --resume

# 4. Keep those weights, replace the head, and learn where the joints are, in mm.
posegrid train "$data" --run "$run/train" --init "$run/pretrain/best.safetensors" --max-images 20000 \
    --threads "$threads" --resume
wait "$scratch" || { cat "$run/scratch.txt"; exit 1; }
trap - EXIT

# 5. Score both networks on people they have never seen, and make the page to look at.
posegrid evaluate "$run/train/best.safetensors" "$data" --out "$run/evaluation"
posegrid evaluate "$run/scratch/best.safetensors" "$data" --out "$run/evaluation-scratch"
posegrid report "$run" --data "$data"
echo "Open $run/report.html"
