"""The commands `posegrid pretrain` (the grid task) and `posegrid train` (poses): one stage of
training each.

A run folder holds what `learning/run.py` lists; `--resume` goes on to the very same result. Test
subjects are never read.
"""

import math
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from posegrid.learning.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
    with_measured_bounds,
)
from posegrid.learning.data import CropSet, MixedBatches, whole_batches
from posegrid.learning.devices import Devices, bf16_pays, joined_devices, run_on_devices
from posegrid.learning.loop import CropStage, Plan, Training
from posegrid.learning.model_facts import ModelFacts, channels_of
from posegrid.learning.networks import (
    Network,
    build_network,
    input_size_of,
    network_name,
    seeing_colours,
    transfer,
)
from posegrid.learning.run import BEST, Cost, Record, alone_in_run, check_folder, claim_folder
from posegrid.learning.stage_data import StageData, batches_of, stage_data
from posegrid.learning.targets import Target, target_of_names
from posegrid.learning.training_settings import (
    PretrainSettings,
    Recipe,
    StageSettings,
    TrainSettings,
)

FEWEST_ROUNDS = 10
"""A run is measured about so often, and once an epoch."""


def pretrain(settings: PretrainSettings) -> Path:
    """Train a network on the grid task; the path of its best checkpoint.

    Raises SettingsError, ShardError or OutputError.
    """
    run_on_devices(run_stage, settings, settings.devices)
    return settings.run / BEST


def train(settings: TrainSettings) -> Path:
    """Train a network on poses, from scratch or from a checkpoint; the path of its best checkpoint.

    Raises SettingsError, ShardError, CheckpointError or OutputError.
    """
    run_on_devices(run_stage, settings, settings.devices)
    return settings.run / BEST


def run_stage(settings: StageSettings) -> None:
    """A whole stage, in this process alone or as one of several that train together."""
    init = settings.init if isinstance(settings, TrainSettings) else None
    start = None if init is None else load_checkpoint(init, settings.own)
    recipe = Recipe.of(settings, network_name(start.facts.network) if start else None)
    joint = isinstance(settings, TrainSettings) and settings.joint
    repeat = {"resume": settings.resume, "overwrite": settings.overwrite}
    check_folder(settings.run, settings.as_json(), **repeat)
    with (
        joined_devices(settings.accelerator, settings.threads) as devices,
        alone_in_run(settings.run, devices.is_first),
        stage_data(settings, recipe.pose_frame, devices) as data,
    ):
        crops = data.training[0]
        cut_px = input_size_of(recipe.network, crops.image_size)
        target = target_of_names(
            recipe.target,
            cut_px,
            data.mean_pose_mm,
            data.depth_scale_mm,
            grid=(settings.grid_cells, recipe.bone_rule),
            joint=joint,
        )
        network = _build_network(settings, recipe, target, crops, start)
        plan = _plan(settings, recipe, data.num_crops, len(data.training) * devices.count)
        if devices.is_first:
            claim_folder(settings.run, settings.as_json(), **repeat)
        facts = ModelFacts(
            network=recipe.network,
            target=recipe.target + ("+grid" if joint else ""),
            image_size=crops.image_size,
            background=crops.background,
            pose_frame=recipe.pose_frame,
            mean_pose_mm=data.mean_pose_mm,
            target_settings=target.settings(),
            margin=data.margin,
            soft_masks=any(its.of_masks.soft for its in data.training),
            training=_origin(settings, recipe, data, start, devices),
        )
        stage = CropStage(network, target, devices)
        _fit(settings, recipe, data, stage, plan, facts, start)


def _fit(
    settings: StageSettings,
    recipe: Recipe,
    data: StageData,
    stage: CropStage,
    plan: Plan,
    facts: ModelFacts,
    start: Checkpoint | None,
) -> None:
    """Train, record, and measure the best weights' bounds."""
    devices = stage.devices
    cut_px = input_size_of(recipe.network, facts.image_size)
    like = MixedBatches.of(
        data.training, recipe.batch_size, settings.seed, recipe.augment, cut_px, devices.device
    )
    with batches_of(settings, data, like, devices.count * settings.accumulate) as batches:
        validation = partial(
            whole_batches, data.validation, cut_px, first=devices.rank, every=devices.count
        )
        training = Training(stage, batches, validation, plan, recipe.optimiser, settings.accumulate)
        before = Cost.of(start.facts.training if start else {})
        title = f"{facts.training['command']} {recipe.network}"
        record = Record(settings.run, facts, before, training, title)
        if settings.resume:
            record.resume()
        record.run()
    if devices.is_first:
        best = settings.run / BEST
        parts = (part.to(devices.device) for part in whole_batches(data.validation, cut_px))
        finished = with_measured_bounds(
            load_checkpoint(best, settings.own).to(devices.device), parts
        )
        told = replace(record.best_facts(), target_settings=finished.target.settings())
        save_checkpoint(best, finished.network, told)
    devices.wait()


def _build_network(
    settings: StageSettings,
    recipe: Recipe,
    target: Target,
    crops: CropSet,
    start: Checkpoint | None,
) -> Network:
    torch.manual_seed(settings.seed)
    network = build_network(recipe.network, target, crops.image_size, channels_of(crops.background))
    if start is not None and isinstance(settings, TrainSettings):
        start.facts.check_goes_on(crops.image_size, crops.background)
        grows = start.facts.background != crops.background
        before = seeing_colours(start.network) if grows else start.network
        transfer(before, network, settings.transfer)
    return network


def _plan(settings: StageSettings, recipe: Recipe, num_crops: int, shares: int) -> Plan:
    """shares: in how many a batch is divided at least."""
    num_images = settings.max_images
    if num_images is None:
        num_images = round(recipe.epochs * num_crops)
    epochs = 1 if settings.stream else math.ceil(num_images / num_crops)
    rounds = max(FEWEST_ROUNDS, epochs)
    return Plan.of(num_images, recipe.batch_size, rounds, shares * settings.accumulate)


def _origin(
    settings: StageSettings,
    recipe: Recipe,
    data: StageData,
    start: Checkpoint | None,
    devices: Devices,
) -> dict[str, Any]:
    """How the weights came about, for their facts."""
    return {
        "command": "pretrain" if isinstance(settings, PretrainSettings) else "train",
        "settings": settings.without_folders(),
        "recipe": asdict(recipe),
        "num_crops": data.num_crops,
        "mean_size_mm": data.mean_size_mm,
        "subjects": data.facts.subjects_of("train"),
        "validation_subjects": data.facts.subjects_of("validation"),
        "synthetic": data.facts.synthetic,
        "device": f"{devices.count} x {devices.device.type}",
        "precision": "bf16" if bf16_pays(devices.device) else "fp32",
        "before": start.facts.training if start else None,
    }
