"""What `posegrid pretrain` and `posegrid train` can be told, and what follows where they are not.

Torch-free, so that --help waits for nothing.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from posegrid.errors import SettingsError
from posegrid.learning.model_facts import NetworkName
from posegrid.people.crop import Background

Accelerator = Literal["auto", "cpu", "gpu"]
Augment = Literal["none", "standard", "rolled"]
Layers = Literal["convolutions", "all_but_head", "all"]
Optimiser = Literal["adamw", "sgd"]
PoseFrame = Literal["view", "camera"]
PoseTargetName = Literal["person", "bins", "pose", "integral", "rle", "plain", "parents"]
PresetName = Literal["report2015", "lichan2014"]


@dataclass(frozen=True)
class RunSettings:
    """What every training is told."""

    data: Positional[Path]
    """Folder to learn from."""
    run: Path
    """Folder that takes weights, curves and settings."""
    seed: int = field(default=0, kw_only=True)
    """Fixes the first weights, the order and the augmentation."""
    average: float = field(default=0.0, kw_only=True)
    """Keep, and measure, a moving average of the weights in place of the last ones: so much of it
    stays at each step, such as 0.999; 0: no average."""
    accelerator: Accelerator = field(default="auto", kw_only=True)
    """auto: a GPU if torch finds one, else the CPU."""
    threads: int = field(default=0, kw_only=True)
    """Threads of torch in each process; 0: what OMP_NUM_THREADS says, or all cores but one, which
    puts batches together."""
    resume: bool = field(default=False, kw_only=True)
    """Go on from the run folder's last.ckpt, perhaps on other devices."""
    overwrite: bool = field(default=False, kw_only=True)
    """Delete what an earlier run left in the run folder."""

    def __post_init__(self) -> None:
        if not 0 <= self.average < 1:
            raise SettingsError(f"`average` is {self.average:g}; expected at least 0 and below 1.")

    def as_json(self) -> dict[str, Any]:
        """What settings.json holds: all but how the command was repeated."""
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
            if name not in ("resume", "overwrite")
        }

    def without_folders(self) -> dict[str, Any]:
        """The same with files and folders by their own names: weights travel, and where they were
        made is private.
        """
        own = {name: value.name for name, value in vars(self).items() if isinstance(value, Path)}
        return {**self.as_json(), **own}


@dataclass(frozen=True)
class StageSettings(RunSettings):
    """What both stages of training on crops share."""

    data: Positional[Path]
    """Folder of prepared crops (made by prepare or synth)."""
    also: tuple[Path, ...] = field(default=(), kw_only=True)
    """More such folders to learn from: each gives an equal share of every batch, whatever its
    size.
    """
    preset: PresetName | None = None
    """How a source did it, to the letter as far as it says (docs/method.md): sets all below that it
    names; what is given beside it still counts. report2015: crops without background; lichan2014:
    crops in colour."""
    network: NetworkName | str | None = None
    """Default: that of --init, or posegrid_s. module:function: your own, by
    function(channels, image_size), a torch module from crops to features."""
    optimiser: Optimiser | None = None
    """adamw (default) with warm-up and cosine, or sgd: the historical one, momentum 0.9 at a
    constant rate.
    """
    learning_rate: float | None = None
    """Default: 0.001, with adamw 0.002 for posegrid_s and posegrid_m."""
    weight_decay: float | None = None
    """Default: adamw 0.0001, sgd 0.0005."""
    batch_size: int | None = None
    """Crops in one step, on all devices together. Default: 64."""
    epochs: float | None = None
    """Passes over the training crops; fractions are allowed. Default: 6."""
    max_images: int | None = None
    """Crops to see in all, in place of --epochs."""
    share: float = 1.0
    """Share of the training crops to learn from, above 0 and up to 1: the same ones in every
    run.
    """
    augment: Augment | None = None
    """standard: mirror, move, turn, light, colour, cover, ragged masks. rolled: the same, turned further
    (17 degrees, one standard deviation, in place of 3). Default: standard for posegrid_s and
    posegrid_m, else none."""
    pose_frame: PoseFrame | None = None
    """view (default): the virtual camera that looks at the crop's centre. camera: the source
    camera, as in 2015.
    """
    grid_cells: int = 10
    """Cells along each side of the grid."""
    bone_rule: bool | None = None
    """Cells with over 30 % of an adjoining bone count, too (default)."""
    validation_images: int = 1000
    """At most so many validation crops are looked at after each round, spread evenly."""
    stream: int = 0
    """Learn from people who are rendered as they are needed, by so many processes, instead of the
    data's own training people; 0: do not. The data must be made by synth, --max-images must be
    given; --resume goes on with new people."""
    devices: int = 1
    """Processes of this machine that train together, one GPU each (or a share of the cores).
    torchrun starts them on several machines."""
    accumulate: int = 1
    """Pieces in which a device takes its share of a batch, one after another, to save memory."""
    memory_gb: float = 1.5
    """So much memory in each process may hold decoded crops; others are decoded each time they are
    needed."""

    @property
    def own(self) -> tuple[str, ...]:
        """Code of the user's own that the run's weights need."""
        named = (self.network, getattr(self, "target", None))
        return tuple(name for name in named if name is not None and ":" in name)

    def as_json(self) -> dict[str, Any]:
        """As any training's."""
        return {**super().as_json(), "also": [str(folder) for folder in self.also]}

    def without_folders(self) -> dict[str, Any]:
        """As any training's."""
        return {**super().without_folders(), "also": [folder.name for folder in self.also]}


@dataclass(frozen=True)
class PretrainSettings(StageSettings):
    """Settings of `posegrid pretrain`."""


@dataclass(frozen=True)
class TrainSettings(StageSettings):
    """Settings of `posegrid train`."""

    init: Path | None = None
    """Checkpoint whose weights to start from; posegrid-m: those that come with posegrid (crops with
    masks). With --network posegrid_m a posegrid_s goes on as the wider network, no worse than it
    was; with crops in colour weights of grey crops with masks do, too."""
    transfer: Layers = "convolutions"
    """What to take from --init: the convolutions, as in 2015, all but the head, or all: to train on
    on more data.
    """
    target: PoseTargetName | str | None = None
    """person: bins for poses and for places in the picture, and how sure each joint is. bins: 64
    per coordinate. pose: 51 numbers, as in 2015. integral: the mean of a heat map over a cube of 8
    x 8 x 8 cells (soft-argmax). rle: 51 numbers by their likelihood, the shape of errors learnt.
    plain: 51 outputs that are mm as they come (the report). parents: 51 numbers relative to each
    joint's parent, over a depth scale (Li & Chan).
    module:Class: your own, a PoseDecoder made by Class(mean_pose_mm). finder: another network, with
    other settings (`posegrid train --target finder --help`).
    Default: bins for posegrid_s and posegrid_m, else pose."""
    joint: bool = False
    """Learn the grid task at the same time (Li & Chan, ACCV 2014)."""


@dataclass(frozen=True)
class FinderSettings(RunSettings):
    """Settings of `posegrid train --target finder`."""

    data: Positional[Path]
    """Folder of people made by `posegrid scenes`."""
    run: Path
    """Folder that takes weights, curves and settings; at the end also posegrid-find.onnx, and
    posegrid-find.safetensors to learn on with."""
    backgrounds: Path = field(kw_only=True)
    """Folder with panoramas/*.jpg (equirectangular), textures/* and perhaps photos/*.jpg."""
    init: Path | None = None
    """Weights (posegrid-find.safetensors) of another training to begin with, such as those that
    come with posegrid; None: from nothing."""
    samples: int = 600_000
    """Frames and windows to learn from; each scene counts twice, once mirrored."""
    learning_rate: float = 2e-3
    """Highest of AdamW; it warms up and falls to 0 along a cosine."""
    weight_decay: float = 1e-4
    """Of AdamW, on convolutions only."""
    average: float = 0.999
    """Keep, and measure, a moving average of the weights in place of the last ones: so much of it
    stays at each step; 0: no average."""
    seed: int = 14
    """The same seed gives the same scenes in the same order."""
    workers: int = 1
    """Processes that compose scenes; 0: the one that learns does."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("samples", 1), ("workers", 0), ("threads", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise SettingsError(
                    f"`{name}` is {getattr(self, name)}; expected at least {least}."
                )
        if not self.learning_rate > 0:
            raise SettingsError(f"`learning_rate` is {self.learning_rate}; expected above 0.")


@dataclass(frozen=True)
class OptimiserSettings:
    """AdamW with warm-up and cosine, or the historical SGD (momentum 0.9) at a constant rate."""

    kind: Optimiser
    learning_rate: float
    weight_decay: float
    decays: Literal["all", "matrices"] = "all"
    """Which weights decay: with AdamW perhaps only those of convolutions and linear layers, not
    biases and normalisations."""
    clip_norm: float = 0.0
    """Longest gradient: longer ones are cut to it; 0: none is."""
    average: float = 0.0
    """What a moving average of the weights keeps at each step; 0: there is none."""


@dataclass(frozen=True)
class Preset:
    """What a source prints of its training, in place of our defaults."""

    background: Background
    """Crops that it takes."""
    network: NetworkName
    target: PoseTargetName
    bone_rule: bool
    learning_rate: float
    grid_learning_rate: float
    """That of the grid task."""
    weight_decay: float = 0.0005
    batch_size: int = 128
    epochs: float = 100.0
    optimiser: Optimiser = "sgd"
    augment: Augment = "none"
    pose_frame: PoseFrame = "camera"


PRESETS: Mapping[PresetName, Preset] = {
    # The report of 2015; its `[5, 10, 15]` channels gave the printed result. It did not shuffle:
    # here crops are.
    "report2015": Preset("removed", "report2015_small", "plain", True, 0.001, 0.001),
    # Li & Chan, ACCV 2014: random 112 px windows of 128 px crops come with the network. Rates,
    # decay, batch and epochs are not printed: the report's, with a rate for the grid that learns.
    "lichan2014": Preset("colour", "lichan2014", "parents", False, 0.001, 0.01),
}


@dataclass(frozen=True)
class Recipe:
    """The settings that depend on others, decided."""

    network: str
    target: str
    optimiser: OptimiserSettings
    augment: Augment
    pose_frame: PoseFrame
    bone_rule: bool
    batch_size: int
    epochs: float

    @classmethod
    def of(cls, settings: StageSettings, network_before: str | None) -> "Recipe":
        """What the settings leave open, filled in by the preset, or as is best for the network.

        network_before: that of `--init`, if any.
        """
        grid = not isinstance(settings, TrainSettings)
        given = {name: value for name, value in vars(settings).items() if value is not None}
        said = vars(PRESETS[settings.preset]) if settings.preset else {}
        if grid and said:
            said = {**said, "learning_rate": said["grid_learning_rate"]}

        def decided(name: str, usual: Any) -> Any:
            return given.get(name, said.get(name, usual))

        network = decided("network", network_before or "posegrid_s")
        ours, sgd = network in ("posegrid_s", "posegrid_m"), decided("optimiser", "adamw") == "sgd"
        return cls(
            network,
            "grid" if grid else decided("target", "bins" if ours else "pose"),
            OptimiserSettings(
                decided("optimiser", "adamw"),
                decided("learning_rate", 0.002 if ours and not sgd else 0.001),
                decided("weight_decay", 0.0005 if sgd else 0.0001),
                average=settings.average,
            ),
            decided("augment", "standard" if ours else "none"),
            decided("pose_frame", "view"),
            decided("bone_rule", True),
            decided("batch_size", 64),
            decided("epochs", 6.0),
        )


def check_preset(preset: PresetName | None, background: Background, folder: Path) -> None:
    """Raises SettingsError where the preset takes other crops than the folder has."""
    wanted = PRESETS[preset].background if preset else background
    if wanted != background:
        raise SettingsError(
            f"--preset {preset} takes crops with the background {wanted}, {folder} has it "
            f"{background}: make the data anew with --background {wanted}."
        )
