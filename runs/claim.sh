#!/usr/bin/env bash
# Does classification before regression help? docs/claim-table.md asks, this runs: about 65 minutes of one core for the first
# seed, 40 for each of the others, which leave out what is asked of one seed only.
#
#   runs/claim.sh                          three seeds; stop it when you like, it goes on where it was
#   FULL_SEEDS="0 1 2" runs/claim.sh       all arms with all seeds
#   SEEDS=0 IMAGES=100000 runs/claim.sh    (another number of images: another RUN, too)
#
# After each seed docs/claim-table.md has all arms, so an early stop leaves a whole table. All arms see the same number of
# images in all, a third of them in pre-training where there is any.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${DATA:-data/claim}
run=${RUN:-runs/claim}
images=${IMAGES:-45000}
before=$((images / 3))
after=$((images - before))

[ -f "$data/dataset.json" ] || posegrid synth "$data" --people 300 --crops-per-person 120 \
    --validation-people 20 --test-people 40 --seed 11 --workers 1

# scratch NAME FLAGS..., of $network and $seed: poses from the first image on.
scratch() {
    learn "$1" "$images" "${@:2}"
}
# pretrained NAME GRID TRANSFER FLAGS...: poses after the grid task GRID, taking TRANSFER of its weights.
pretrained() {
    learn "$1" "$after" --init "$(folder "grid_$2")/best.safetensors" --transfer "$3" "${@:4}"
}
# grid NAME FLAGS...: the grid task, for one arm or several.
grid() {
    local here
    here=$(folder "grid_$1")
    [ ! -f "$here/finished" ] || return 0
    posegrid pretrain "$data" --run "$here" --network "$network" --seed "$seed" --max-images "$before" \
        --threads 1 --resume "${@:2}"
    rm -rf "$here"/last.* "$here/steps.csv"
    touch "$here/finished"
}
learn() {
    local here
    here=$(folder "$1")
    [ ! -f "$here/evaluation.json" ] || return 0
    posegrid train "$data" --run "$here" --network "$network" --seed "$seed" --max-images "$2" \
        --threads 1 --resume "${@:3}"
    posegrid evaluate "$here/best.safetensors" "$data" --out "$here"
    rm -rf "$here"/last.* "$here/steps.csv" "$here/predictions.npz"
}
folder() {
    echo "$run/$network/$1/$seed"
}

# The centre: AdamW, 10 x 10 cells with the bone rule, the convolutions taken over, all crops. Then one thing changed.
sgd=(--optimiser sgd --learning-rate 0.01)
few_arms() {
    grid usual
    scratch scratch
    pretrained convolutions usual convolutions
}
main_arms() {
    few_arms
    pretrained all_but_head usual all_but_head
    scratch joint --joint
    grid sgd "${sgd[@]}"
    scratch sgd_scratch "${sgd[@]}"
    pretrained sgd_convolutions sgd convolutions "${sgd[@]}"
    scratch share05_scratch --share 0.05
    grid share05 --share 0.05
    pretrained share05_convolutions share05 convolutions --share 0.05
    pretrained share05_from_all usual convolutions --share 0.05
}
more_arms() {
    grid point --bone-rule False
    pretrained point point convolutions
    grid cells05 --grid-cells 5
    pretrained cells05 cells05 convolutions
    grid cells20 --grid-cells 20
    pretrained cells20 cells20 convolutions
    scratch share25_scratch --share 0.25
    grid share25 --share 0.25
    pretrained share25_convolutions share25 convolutions --share 0.25
}

for seed in ${SEEDS:-0 1 2}; do
    for network in ${NETWORKS:-report2015_small posegrid_s}; do
        main_arms
        [[ " ${FULL_SEEDS:-0} " != *" $seed "* ]] || more_arms
    done
    # The large networks are slow: one pair each, the first seed only.
    for network in ${LARGE-report2015_large lichan2014}; do
        [ "$seed" != 0 ] || few_arms
    done
    # Curves against images and against time: a page and curve_pose.png in each network's folder.
    for network in ${NETWORKS:-report2015_small posegrid_s} ${LARGE-report2015_large lichan2014}; do
        [ "$seed" != 0 ] || posegrid report "$run/$network" --pretrain "$(folder grid_usual)" \
            --train "$(folder convolutions)" --scratch "$(folder scratch)" --evaluation "$(folder convolutions)"
    done
    [ -z "${PAGE-docs/claim-table.md}" ] || python scripts/results_table.py "${PAGE-docs/claim-table.md}" --table claim --results "$run"
done
