"""The commands `posegrid pretrain` (the grid task) and `posegrid train` (poses): one stage of
training each.

A run folder holds settings.json, metrics.csv, tensorboard/, best.safetensors (of the best round on
the validation subjects), last.safetensors, and last.ckpt, from which `--resume` goes on to the very
same result. Test subjects are never read.
"""

import math
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from tyro.conf import Positional

from posegrid.errors import SettingsError
from posegrid.learning.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from posegrid.learning.data import (
    Augment,
    CropSet,
    MixedBatches,
    PoseFrame,
    TrainingBatches,
    whole_batches,
)
from posegrid.learning.grid_target import GridTarget
from posegrid.learning.loop import Optimiser, OptimiserSettings, Plan, StageModule, bf16_pays
from posegrid.learning.model_facts import ModelFacts, channels_of
from posegrid.learning.networks import (
    WIDTHS,
    Layers,
    Network,
    NetworkName,
    build_network,
    input_size_of,
    network_name,
    transfer,
)
from posegrid.learning.pose_targets import BinsTarget, MeanPose, PersonTarget, PoseTarget
from posegrid.learning.record import BEST, RESUME, Cost, RunRecord
from posegrid.learning.regression_targets import IntegralTarget, LikelihoodTarget
from posegrid.learning.run_folder import (
    check_folder,
    claim_folder,
    denormals_flushed,
    keep_freed_memory,
    quiet_lightning,
)
from posegrid.learning.stage_data import StageData, load_stage_data
from posegrid.learning.targets import JointTarget, Target

if TYPE_CHECKING:
    from posegrid.learning.stage_data import StreamedBatches

PoseTargetName = Literal["person", "bins", "pose", "integral", "rle"]
FEWEST_ROUNDS = 10
"""A run is measured about so often, and once an epoch."""
STREAM_BUFFER_CROPS = 4096
"""Crops that a streamed batch is drawn from, but at most a tenth of the run."""


@dataclass(frozen=True)
class StageSettings:
    """What both stages of training share."""

    data: Positional[Path]
    """Folder of prepared crops (made by prepare or synth)."""
    also: tuple[Path, ...] = field(default=(), kw_only=True)
    """More such folders to learn from: each gives an equal share of every batch, whatever its
    size.
    """
    run: Path
    """Folder that takes weights, curves and settings."""
    network: NetworkName | None = None
    """Default: that of --init, or posegrid_s."""
    optimiser: Optimiser = "adamw"
    """adamw with warm-up and cosine, or sgd: the historical one, momentum 0.9 at a constant
    rate.
    """
    learning_rate: float | None = None
    """Default: 0.001, with adamw 0.002 for posegrid_s and posegrid_m."""
    weight_decay: float | None = None
    """Default: adamw 0.0001, sgd 0.0005."""
    batch_size: int = 64
    """Crops in one step."""
    epochs: float = 6.0
    """Passes over the training crops; fractions are allowed."""
    max_images: int | None = None
    """Crops to see in all, in place of --epochs."""
    share: float = 1.0
    """Share of the training crops to learn from, above 0 and up to 1: the same ones in every
    run.
    """
    augment: Augment | None = None
    """standard: mirror, move, turn, light, cover, ragged masks. rolled: the same, turned further
    (17 degrees, one standard deviation, in place of 3). Default: standard for posegrid_s and
    posegrid_m, else none."""
    pose_frame: PoseFrame = "view"
    """view: the virtual camera that looks at the crop's centre. camera: the source camera, as in
    2015.
    """
    grid_cells: int = 10
    """Cells along each side of the grid."""
    bone_rule: bool = True
    """Cells with over 30 % of an adjoining bone count, too."""
    validation_images: int = 1000
    """At most so many validation crops are looked at after each round, spread evenly."""
    stream: int = 0
    """Learn from people who are rendered as they are needed, by so many processes, instead of the
    data's own training people; 0: do not. The data must be made by synth, --max-images must be
    given; --resume goes on with new people."""
    seed: int = 0
    """Fixes the first weights, the order and the augmentation."""
    threads: int = 0
    """Threads of torch; 0: one per core, or what OMP_NUM_THREADS says."""
    resume: bool = False
    """Go on from the run folder's last.ckpt."""
    overwrite: bool = False
    """Delete what an earlier run left in the run folder."""


@dataclass(frozen=True)
class PretrainSettings(StageSettings):
    """Settings of `posegrid pretrain`."""


@dataclass(frozen=True)
class TrainSettings(StageSettings):
    """Settings of `posegrid train`."""

    init: Path | None = None
    """Checkpoint whose weights to start from; posegrid-m: those that come with posegrid (crops with
    masks). With --network posegrid_m a posegrid_s goes on as the wider network, no worse than it
    was."""
    transfer: Layers = "convolutions"
    """What to take from --init: the convolutions, as in 2015, all but the head, or all: to train on
    on more data.
    """
    target: PoseTargetName | None = None
    """person: bins for poses and for places in the picture, and how sure each joint is. bins: 64
    per coordinate. pose: 51 numbers, as in 2015. integral: the mean of a heat map over a cube of 8
    x 8 x 8 cells (soft-argmax). rle: 51 numbers by their likelihood, the shape of errors learnt.
    Default: bins for posegrid_s and posegrid_m, else pose."""
    joint: bool = False
    """Learn the grid task at the same time (Li & Chan, ACCV 2014)."""


@dataclass(frozen=True)
class Recipe:
    """The settings that depend on others, decided."""

    network: NetworkName
    target: Literal["grid"] | PoseTargetName
    optimiser: OptimiserSettings
    augment: Augment


def pretrain(settings: PretrainSettings) -> Path:
    """Train a network on the grid task; the path of its best checkpoint.

    Raises SettingsError, ShardError or OutputError.
    """
    return _run_stage(settings, None)


def train(settings: TrainSettings) -> Path:
    """Train a network on poses, from scratch or from a checkpoint; the path of its best checkpoint.

    Raises SettingsError, ShardError, CheckpointError or OutputError.
    """
    return _run_stage(settings, None if settings.init is None else load_checkpoint(settings.init))


def _run_stage(settings: StageSettings, start: Checkpoint | None) -> Path:
    recipe = _recipe(settings, start)
    claim = {
        "settings": _settings_json(settings),
        "resume": settings.resume,
        "overwrite": settings.overwrite,
    }
    check_folder(settings.run, **claim)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    keep_freed_memory()
    data = load_stage_data(
        (settings.data, *settings.also), settings.pose_frame, settings.validation_images
    )
    data = data.thinned(settings.share)
    crops = data.training[0]
    cut_px = input_size_of(recipe.network, crops.image_size)
    target = _build_target(settings, recipe, data.mean_pose_mm, cut_px)
    network = _build_network(settings, recipe, target, crops, start)
    claim_folder(settings.run, **claim)
    facts = ModelFacts(
        network=recipe.network,
        target=target.name,
        image_size=crops.image_size,
        background=crops.background,
        pose_frame=settings.pose_frame,
        mean_pose_mm=data.mean_pose_mm,
        target_settings=target.settings(),
        margin=data.margin,
        training=_origin(settings, recipe, data, start),
    )
    record = RunRecord(
        settings.run, facts, _cost_of(start), f"{facts.training['command']} {recipe.network}"
    )
    batches = MixedBatches.of(
        data.training, settings.batch_size, settings.seed, recipe.augment, cut_px
    )
    with _streamed(settings, data, batches) if settings.stream else nullcontext(batches) as batches:
        plan = _plan(settings, data.num_crops)
        _fit(
            StageModule(network, target, batches, data.validation, plan, recipe.optimiser),
            record,
            settings,
        )
    best = settings.run / BEST
    finished = with_measured_bounds(load_checkpoint(best), data.validation)
    save_checkpoint(
        best,
        finished.network,
        replace(record.best_facts(), target_settings=finished.target.settings()),
    )
    return best


def _streamed(
    settings: StageSettings, data: StageData, batches: TrainingBatches | MixedBatches
) -> "StreamedBatches":
    """Batches that are put together in the same way, of people rendered as they are needed."""
    from posegrid.datasets.synth_stream import settings_of_dataset
    from posegrid.learning.stage_data import StreamedBatches

    if settings.max_images is None:
        raise SettingsError("--stream has no end: say with --max-images how many crops to see.")
    if isinstance(batches, MixedBatches):
        raise SettingsError(
            "--stream renders people like those of one data set; leave out --also or --stream."
        )
    people = settings_of_dataset(data.facts, settings.data, settings.stream)
    return StreamedBatches(batches, people, min(STREAM_BUFFER_CROPS, settings.max_images // 10))


def with_measured_bounds(checkpoint: Checkpoint, validation: CropSet) -> Checkpoint:
    """The checkpoint with the bounds of its uncertainty as they are on the validation crops; others
    as they are.
    """
    joint = checkpoint.target if isinstance(checkpoint.target, JointTarget) else None
    person = joint.pose if joint else checkpoint.target
    if not isinstance(person, PersonTarget):
        return checkpoint
    with torch.inference_mode():
        outputs = [
            checkpoint.network(part.images) for part in whole_batches(validation, person.image_size)
        ]
    bound_68, bound_95 = person.bounds(
        torch.cat(outputs)[:, : person.num_outputs], validation.pose_mm
    )
    person = replace(person, bound_68=bound_68, bound_95=bound_95)
    return replace(checkpoint, target=replace(joint, pose=person) if joint else person)


def _recipe(settings: StageSettings, start: Checkpoint | None) -> Recipe:
    network = settings.network or (network_name(start.facts.network) if start else "posegrid_s")
    ours, sgd = network in WIDTHS, settings.optimiser == "sgd"
    rate = 0.002 if ours and not sgd else 0.001
    target: Literal["grid"] | PoseTargetName = "grid"
    if isinstance(settings, TrainSettings):
        target = settings.target or ("bins" if ours else "pose")
    optimiser = OptimiserSettings(
        settings.optimiser,
        rate if settings.learning_rate is None else settings.learning_rate,
        (0.0005 if sgd else 0.0001) if settings.weight_decay is None else settings.weight_decay,
    )
    return Recipe(network, target, optimiser, settings.augment or ("standard" if ours else "none"))


def _build_target(
    settings: StageSettings, recipe: Recipe, mean_pose: MeanPose, cut_px: int
) -> Target:
    grid = GridTarget(cut_px, settings.grid_cells, settings.bone_rule)
    if recipe.target == "grid":
        return grid
    pose = {
        "pose": PoseTarget(mean_pose),
        "bins": BinsTarget(),
        "person": PersonTarget(cut_px),
        "integral": IntegralTarget(),
        "rle": LikelihoodTarget(mean_pose),
    }[recipe.target]
    return (
        JointTarget(pose, grid) if isinstance(settings, TrainSettings) and settings.joint else pose
    )


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
        for name, wanted in (("image_size", crops.image_size), ("background", crops.background)):
            if getattr(start.facts, name) != wanted:
                raise SettingsError(
                    f"--init was trained on crops with {name} {getattr(start.facts, name)}, the data has {wanted}."
                )
        transfer(start.network, network, settings.transfer)
    return network


def _plan(settings: StageSettings, num_crops: int) -> Plan:
    num_images = (
        settings.max_images
        if settings.max_images is not None
        else round(settings.epochs * num_crops)
    )
    num_crops = num_images if settings.stream else num_crops
    return Plan.of(
        num_images, settings.batch_size, max(FEWEST_ROUNDS, math.ceil(num_images / num_crops))
    )


def _origin(
    settings: StageSettings, recipe: Recipe, data: StageData, start: Checkpoint | None
) -> dict[str, Any]:
    """How the weights came about, for their facts."""
    return {
        "command": "pretrain" if isinstance(settings, PretrainSettings) else "train",
        "settings": _without_folders(settings),
        "recipe": asdict(recipe),
        "num_crops": data.num_crops,
        "mean_size_mm": data.mean_size_mm,
        "subjects": data.facts.subjects_of("train"),
        "validation_subjects": data.facts.subjects_of("validation"),
        "synthetic": data.facts.synthetic,
        "precision": "bf16" if bf16_pays() else "fp32",
        "before": start.facts.training if start else None,
    }


def _without_folders(settings: StageSettings) -> dict[str, Any]:
    """The settings with files and folders by their own names: weights travel, and where they were
    made is private.
    """
    values = _settings_json(settings)
    named = {
        name: value.name for name, value in asdict(settings).items() if isinstance(value, Path)
    }
    also = {"also": [folder.name for folder in settings.also]} if settings.also else {}
    return {**values, **named, **also}


def _cost_of(start: Checkpoint | None) -> Cost:
    """What the whole stage before cost, not only the part of it up to its best round."""
    if start is None:
        return Cost()
    training = start.facts.training
    seconds = float(training.get("run_total_seconds", 0.0))
    return Cost(
        int(training.get("run_total_images", 0)),
        seconds,
        float(training.get("run_total_cpu_seconds", seconds)),
    )


def _settings_json(settings: StageSettings) -> dict[str, Any]:
    values = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in asdict(settings).items()
    }
    values["also"] = [str(folder) for folder in settings.also]
    # a run that was begun before there were such settings can go on
    unused = [
        name
        for name, usual in (("stream", 0), ("also", []), ("share", 1.0))
        if values[name] == usual
    ]
    return {
        name: value
        for name, value in values.items()
        if name not in ("resume", "overwrite", *unused)
    }


def _fit(module: StageModule, record: RunRecord, settings: StageSettings) -> None:
    with quiet_lightning(), denormals_flushed():
        trainer = pl.Trainer(
            accelerator="cpu",
            devices=1,
            precision="bf16-mixed" if bf16_pays() else "32-true",
            max_epochs=module.plan.rounds,
            logger=TensorBoardLogger(settings.run, name="tensorboard", version=""),
            callbacks=[record],
            num_sanity_val_steps=0,
            log_every_n_steps=1,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        resume_from = settings.run / RESUME
        trainer.fit(
            module,
            ckpt_path=resume_from if settings.resume and resume_from.is_file() else None,
            weights_only=True,
        )
