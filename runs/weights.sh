#!/usr/bin/env bash
# Makes the weights that come with posegrid, from nothing: about 35 minutes on two cores.
#
# MOTION may name a folder with walks of the CMU motion capture database (Acclaim ASF and AMC files; not part of the
# project, free for all uses): half of the walks are then real ones, as for the weights that are shipped.
set -euo pipefail
cd "$(dirname "$0")/.."
data=data/weights
run=runs/weights

# 800 people in clothes and gaits of their own, each crop from a camera of its own.
posegrid synth "$data" --people 800 --validation-people 20 --test-people 20 --crops-per-person 100 --cameras varied \
    ${MOTION:+--motion "$MOTION"}
posegrid pretrain "$data" --run "$run/pretrain" --max-images 32000 --resume
posegrid train "$data" --run "$run/train" --init "$run/pretrain/best.safetensors" --max-images "${IMAGES:-240000}" --resume
posegrid evaluate "$run/train/best.safetensors" "$data" --out "$run/evaluation"
posegrid export "$run/train/best.safetensors" --out posegrid/weights/posegrid-s.onnx
