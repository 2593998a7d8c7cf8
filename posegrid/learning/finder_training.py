"""Training of the finder on streamed scenes: a stage of the same engine as all networks'.

The first and the second look come in turn, so batches differ: their means and spreads are averaged
over both by slow running statistics, and after `FREEZE` samples these are what the network is
trained with, as it is run later.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from posegrid.errors import CheckpointError, SettingsError
from posegrid.learning.checkpoint import check_finite, save_checkpoint
from posegrid.learning.devices import Devices, bf16_pays, joined_devices
from posegrid.learning.finder_data import SceneBatch, SceneBatches, SceneFolders, Scenes
from posegrid.learning.finder_export import THRESHOLDS, FinderFacts, export_finder
from posegrid.learning.finder_network import NETWORK, FinderModule, RawAnswers
from posegrid.learning.finder_target import LEAST_PIXELS, losses
from posegrid.learning.loop import Plan, Stage, Training
from posegrid.learning.run import BEST, Cost, Record, alone_in_run, check_folder, claim_folder
from posegrid.learning.training_settings import FinderSettings, OptimiserSettings

FREEZE = 60_000
"""Samples."""
WEIGHTS = "posegrid-find.onnx"
CLIP_NORM = 5.0
FEWEST_ROUNDS, ROUND_SAMPLES = 10, 20_000
"""A run is measured about so often, or after so many samples."""
VALIDATION_BATCHES = 16
"""422 scenes, the same in every run."""


class FinderStage(Stage):
    """The finder's network, and how many samples it has learnt from."""

    figure, higher_is_better = "mask_iou", True
    seen: Tensor

    def __init__(self, network: FinderModule, devices: Devices, seen: int = 0) -> None:
        super().__init__(network, devices)
        self.register_buffer("seen", torch.tensor(seen))

    def forward(self, batch: SceneBatch) -> Tensor:
        """The batch's loss."""
        if self.training:
            if self.seen >= FREEZE:
                for module in self.network.modules():
                    if isinstance(module, nn.BatchNorm2d):
                        module.eval()
            self.seen += len(batch.frame)
        return losses(self.answers(batch), batch.truth).total

    def answers(self, batch: SceneBatch) -> RawAnswers:
        """What the network says, in the numbers that it computes in."""
        with self.devices.autocast():
            return self.network(*batch[:4])

    def measured(self, batch: SceneBatch) -> tuple[Tensor, Tensor]:
        """The loss, and the IoU of everybody's mask of each scene that shows anybody."""
        answers = self.answers(batch)
        mask, truth = answers.mask[:, 0] >= 0, batch.truth.mask >= 0.5
        both, either = (mask & truth).sum((1, 2)), (mask | truth).sum((1, 2))
        shown = truth.sum((1, 2)) >= LEAST_PIXELS
        return losses(answers, batch.truth).total, both[shown] / either[shown]

    def in_words(self, figure: float) -> str:
        """Of masks."""
        return f"IoU of masks {figure:.3f}"


def train_finder(settings: FinderSettings) -> Path:
    """Trains to the end; the path of the best weights as an ONNX file.

    Raises SourceError for folders that lack people or places, CheckpointError for weights that are
    no finder's, SettingsError or OutputError.
    """
    folders = SceneFolders(settings.backgrounds, settings.data)
    for split in ("train", "validation"):
        folders.check(split)
    repeat = {"resume": settings.resume, "overwrite": settings.overwrite}
    check_folder(settings.run, settings.as_json(), **repeat)
    with (
        joined_devices(settings.accelerator, settings.threads) as devices,
        alone_in_run(settings.run, devices.is_first),
    ):
        if devices.count > 1:
            raise SettingsError("--target finder learns on one device: start it without torchrun.")
        stage = begun_stage(settings, devices)
        scenes = Scenes(folders, "train", settings.seed)
        batches = SceneBatches(scenes, settings.workers, devices.device)
        rounds = max(FEWEST_ROUNDS, settings.samples // ROUND_SAMPLES)
        plan = Plan.of(settings.samples, batches.size, rounds)
        claim_folder(settings.run, settings.as_json(), **repeat)
        validation = Scenes(folders, "validation", 0).ahead(
            range(VALIDATION_BATCHES), settings.workers
        )
        held = [deepcopy(batch) for batch in validation]  # out of the workers' shared memory
        training = Training(stage, batches, lambda: held, plan, _optimiser(settings))
        facts = FinderFacts(_origin(settings, devices))
        record = Record(settings.run, facts, Cost(), training, f"train {NETWORK}")
        if settings.resume:
            record.resume()
        record.run()
    return _finished(settings.run, record)


def begun_stage(settings: FinderSettings, devices: Devices) -> FinderStage:
    """The stage before its first step. Normalisation is held from the start where weights are
    given.
    """
    torch.manual_seed(settings.seed)
    if settings.init is None:
        return FinderStage(FinderModule(), devices)
    return FinderStage(load_finder_module(settings.init), devices, seen=FREEZE)


def load_finder_module(path: Path) -> FinderModule:
    """The network with the weights of a finder's run, ready to answer.

    Raises CheckpointError for weights of another network, and for such as are no numbers.
    """
    network = FinderModule()
    try:
        # the weights that come with posegrid have the averaged ones' own names
        weights = {name.removeprefix("average."): value for name, value in load_file(path).items()}
        network.load_state_dict(weights)
    except (OSError, RuntimeError, SafetensorError) as error:
        what = str(error).splitlines()[0]
        raise CheckpointError(f"{path} holds no weights of {NETWORK} ({what}).") from error
    check_finite(network, path)
    return network.eval()


def _optimiser(settings: FinderSettings) -> OptimiserSettings:
    rate, decay = settings.learning_rate, settings.weight_decay
    return OptimiserSettings("adamw", rate, decay, "matrices", CLIP_NORM, settings.average)


def _origin(settings: FinderSettings, devices: Devices) -> dict[str, Any]:
    """How the weights came about."""
    return {
        "command": "train --target finder",
        "settings": settings.without_folders(),
        "device": devices.device.type,
        "precision": "bf16" if bf16_pays(devices.device) else "fp32",
    }


def _finished(run: Path, record: Record) -> Path:
    """Writes the best weights as they are used: as ONNX, and in 16 bits to learn on with."""
    network, facts, path = load_finder_module(run / BEST), record.best_facts(), run / WEIGHTS
    export_finder(network, path, THRESHOLDS, facts.training)
    save_checkpoint(path.with_suffix(".safetensors"), network.half(), facts)
    return path
