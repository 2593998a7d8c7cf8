#!/usr/bin/env bash
# The whole method on rendered walkers, in about ten minutes on two cores: what `make demo` runs.
set -euo pipefail
cd "$(dirname "$0")/.."
data=data/demo
run=runs/demo
mkdir -p "$run"

# 1. Walkers. 210 people train, 8 validate, 25 test; every person has a body, clothes and a gait of their own.
posegrid synth "$data" --people 210 --validation-people 8 --test-people 25 \
    --crops-per-person 100 --held-out-crops-per-person 80

# 2. The easier question first: which cells of a 10 x 10 grid does each of the 17 joints overlap?
posegrid pretrain "$data" --run "$run/pretrain" --max-images 12000 --resume

# 3. Keep those weights, replace the head, and learn where the joints are, in mm. Beside it the same from scratch.
posegrid train "$data" --run "$run/train" --init "$run/pretrain/best.safetensors" --max-images 20000 --resume
posegrid train "$data" --run "$run/scratch" --max-images 20000 --resume

# 4. Score both networks on people they have never seen, and make the page to look at.
posegrid evaluate "$run/train/best.safetensors" "$data" --out "$run/evaluation"
posegrid evaluate "$run/scratch/best.safetensors" "$data" --out "$run/evaluation-scratch"
posegrid report "$run" --data "$data"
echo "Open $run/report.html"
