#!/usr/bin/env bash
# All of Human3.6M, the 15 actions at 50 Hz, on one machine with eight GPUs: crops, grid task, poses, figures.
#
#   HUMAN36M=~/human36m runs/human36m_8gpu.sh          sized on paper in docs/scaling.md; nobody has run it yet
#
# GPUS=2 takes another number of GPUs: the global batch, and so the result, stays the same. Every stage resumes.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${DATA:-data/human36m_all}
run=${RUN:-runs/human36m_all}
gpus=${GPUS:-8}

posegrid doctor "$HUMAN36M"
posegrid prepare "$HUMAN36M" "$data" --actions --s9 drop --background masked --workers "${WORKERS:-16}"

# 128 crops for each of 8 GPUs; the rate grows with the root of the batch: 0.002 for 64 is 0.008 for 1024.
common=(--network posegrid_m --batch-size 1024 --learning-rate 0.008 --accelerator gpu --memory-gb 4 --resume)
several() {
    # the dashes: else torchrun takes --run for a flag of its own
    torchrun --standalone --nproc-per-node "$gpus" -m -- posegrid "$@" "${common[@]}"
}
several pretrain "$data" --run "$run/pretrain" --epochs 1
several train "$data" --run "$run/train" --init "$run/pretrain/best.safetensors" --target person --epochs 10
posegrid evaluate "$run/train/best.safetensors" "$data" --out "$run/evaluation" --table --accelerator gpu
