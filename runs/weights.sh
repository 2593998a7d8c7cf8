#!/usr/bin/env bash
# Makes the weights that come with posegrid, from nothing: about 25 minutes on two fast cores, two hours on slow ones.
#
# MOTION may name a folder with walks of the CMU motion capture database (Acclaim ASF and AMC files; not part of the
# project, free for all uses): half of the walks are then real ones, as for the weights that are shipped.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${DATA:-data/weights}
run=${RUN:-runs/weights}

# 1200 people in clothes and motions of their own, each crop from a camera of its own. No grid task first: for this
# network it made no difference (docs/results.md).
posegrid synth "$data" --people 1200 --validation-people 20 --test-people 20 --crops-per-person 200 \
    --held-out-crops-per-person 100 --cameras varied --activities varied ${MOTION:+--motion "$MOTION"}
posegrid train "$data" --run "$run/train" --target person --max-images "${IMAGES:-800000}" --resume
posegrid evaluate "$run/train/best.safetensors" "$data" --out "$run/evaluation"
posegrid export "$run/train/best.safetensors" --out "${OUT:-posegrid/weights/posegrid-s.onnx}"
