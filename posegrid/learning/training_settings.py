"""What `posegrid pretrain` and `posegrid train` can be told, and what follows where they are not.

Torch-free, so that --help waits for nothing.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from posegrid.learning.model_facts import NetworkName

Accelerator = Literal["auto", "cpu", "gpu"]
Augment = Literal["none", "standard", "rolled"]
Layers = Literal["convolutions", "all_but_head", "all"]
Optimiser = Literal["adamw", "sgd"]
PoseFrame = Literal["view", "camera"]
PoseTargetName = Literal["person", "bins", "pose", "integral", "rle"]


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
    """Crops in one step, on all devices together."""
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
    accelerator: Accelerator = "auto"
    """auto: a GPU if torch finds one, else the CPU."""
    devices: int = 1
    """Processes of this machine that train together, one GPU each (or a share of the cores).
    torchrun starts them on several machines."""
    accumulate: int = 1
    """Pieces in which a device takes its share of a batch, one after another, to save memory."""
    memory_gb: float = 1.5
    """So much memory in each process may hold decoded crops; others are decoded each time they are
    needed."""
    threads: int = 0
    """Threads of torch in each process; 0: what OMP_NUM_THREADS says, or all cores but one, which
    puts batches together."""
    resume: bool = False
    """Go on from the run folder's last.ckpt, perhaps on other devices."""
    overwrite: bool = False
    """Delete what an earlier run left in the run folder."""

    def as_json(self) -> dict[str, Any]:
        """What settings.json holds: all but how the command was repeated."""
        values: dict[str, Any] = {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
            if name not in ("resume", "overwrite")
        }
        return {**values, "also": [str(folder) for folder in self.also]}

    def without_folders(self) -> dict[str, Any]:
        """The same with files and folders by their own names: weights travel, and where they were
        made is private.
        """
        own = {name: value.name for name, value in vars(self).items() if isinstance(value, Path)}
        return {**self.as_json(), **own, "also": [folder.name for folder in self.also]}


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
class OptimiserSettings:
    """AdamW with warm-up and cosine, or the historical SGD (momentum 0.9) at a constant rate."""

    kind: Optimiser
    learning_rate: float
    weight_decay: float


@dataclass(frozen=True)
class Recipe:
    """The settings that depend on others, decided."""

    network: NetworkName
    target: Literal["grid"] | PoseTargetName
    optimiser: OptimiserSettings
    augment: Augment

    @classmethod
    def of(cls, settings: StageSettings, network_before: NetworkName | None) -> "Recipe":
        """What the settings leave open, filled in; network_before: that of `--init`, if any."""
        network = settings.network or network_before or "posegrid_s"
        ours, sgd = network.startswith("posegrid"), settings.optimiser == "sgd"
        target: Literal["grid"] | PoseTargetName = "grid"
        if isinstance(settings, TrainSettings):
            target = settings.target or ("bins" if ours else "pose")
        rate, decay = settings.learning_rate, settings.weight_decay
        optimiser = OptimiserSettings(
            settings.optimiser,
            rate if rate is not None else 0.002 if ours and not sgd else 0.001,
            decay if decay is not None else 0.0005 if sgd else 0.0001,
        )
        augment = settings.augment or ("standard" if ours else "none")
        return cls(network, target, optimiser, augment)
