#!/usr/bin/env bash
# Every way of answering with a pose, on the same crops, with the same number of training images: about half an hour of
# one core. An arm that has its results is left out; one that was stopped goes on.
#
#   runs/baselines.sh                                  then docs/results.md holds the table
#   DATA=data/mine IMAGES=200000 RUN=runs/mine PAGE= runs/baselines.sh
set -euo pipefail
cd "$(dirname "$0")/.."
data=${DATA:-data/claim}
run=${RUN:-runs/baselines}
images=${IMAGES:-60000}

[ -f "$data/dataset.json" ] || posegrid synth "$data" --people 300 --crops-per-person 120 \
    --validation-people 20 --test-people 40 --seed 11 --workers 1

# Mean pose (in every evaluation), and nearest neighbours and kernel ridge on HOG, which see every crop once.
[ -f "$run/kernel_ridge_hog/cost.json" ] || python scripts/score_hog.py "$data" --out "$run"

# NAME, then the flags of its training. Networks learn as is usual for each: `posegrid train --help`.
arm() {
    local here=$run/$1
    shift
    [ ! -f "$here/cost.json" ] || return 0
    posegrid train "$data" --run "$here" --max-images "$images" --seed "${SEED:-0}" --threads 1 --resume "$@"
    posegrid evaluate "$here/best.safetensors" "$data" --out "$here"
    python scripts/measure_cost.py "$here/best.safetensors" --out "$here/cost.json"
}
# One backbone, four heads.
arm posegrid_s_pose --target pose
arm posegrid_s_bins --target bins
arm posegrid_s_integral --target integral
arm posegrid_s_rle --target rle
# The networks of 2014 and 2015.
arm report2015_small --network report2015_small
arm report2015_large --network report2015_large
arm lichan2014 --network lichan2014

[ -z "${PAGE-docs/results.md}" ] || python scripts/results_table.py "${PAGE-docs/results.md}" --table baselines --results "$run"
