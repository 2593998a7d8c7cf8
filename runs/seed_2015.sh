#!/usr/bin/env bash
# The write-up of 2015 and Li & Chan (2014) as they stand, but for their mistakes; docs/method.md has what differs.
#
#   runs/seed_2015.sh                            rendered people named as Human3.6M's, about as many crops
#   runs/seed_2015.sh ~/human36m                 the release, Walking
#   CROPS=40 HELD_OUT=16 EPOCHS=1 BATCH=16 runs/seed_2015.sh      minutes: does it run at all?
#
# Each source: from scratch, and after the grid task, which hands on its convolutions. Every stage resumes. As printed it
# is 100 passes of each stage over 150,000 crops: days of a CPU. EPOCHS=5 learns something overnight.
set -euo pipefail
cd "$(dirname "$0")/.."
human36m=${1:-}
data=${DATA:-data/seed_2015}
run=${RUN:-runs/seed_2015}
length=(${EPOCHS:+--epochs "$EPOCHS"} ${BATCH:+--batch-size "$BATCH"})

# crops BACKGROUND: grey without background for the report, in colour for Li & Chan.
crops() {
    if [ -n "$human36m" ]; then
        posegrid prepare "$human36m" "$data/$1" --split walking2015 --background "$1"
    else
        posegrid synth "$data/$1" --subjects S1 S5 S6 S7 S8 S9 S11 --background "$1" \
            --crops-per-person "${CROPS:-37500}" --held-out-crops-per-person "${HELD_OUT:-5000}"
    fi
}
# both PRESET BACKGROUND: the same network from scratch and pre-trained.
both() {
    local here="$run/$1" common=(--preset "$1" --resume "${length[@]}")
    crops "$2"
    posegrid pretrain "$data/$2" --run "$here/pretrain" "${common[@]}"
    posegrid train "$data/$2" --run "$here/train" --init "$here/pretrain/best.safetensors" "${common[@]}"
    posegrid train "$data/$2" --run "$here/scratch" "${common[@]}"
    posegrid evaluate "$here/train/best.safetensors" "$data/$2" --out "$here/evaluation" --table
    posegrid evaluate "$here/scratch/best.safetensors" "$data/$2" --out "$here/evaluation_scratch"
    posegrid report "$here" --data "$data/$2"
}
both report2015 removed
both lichan2014 colour
# Li & Chan's better figure is that of both tasks at once.
posegrid train "$data/colour" --run "$run/lichan2014/joint" --preset lichan2014 --joint --resume "${length[@]}"
posegrid evaluate "$run/lichan2014/joint/best.safetensors" "$data/colour" --out "$run/lichan2014/evaluation_joint"
