"""Training of the finder: streamed scenes, AdamW, a moving average of the weights, checkpoints that
training goes on from.

The first and the second look come in turn, so batches differ: their means and spreads are averaged
over both by slow running statistics, and after `FREEZE` samples these are what the network is
trained with, as it is run later.
"""

import json
import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tyro.conf import Positional

from posegrid.errors import CheckpointError, SettingsError
from posegrid.files import alone_in, completed
from posegrid.learning.finder_data import SceneBatch, SceneFolders, SceneStream, mirrored_batch
from posegrid.learning.finder_export import THRESHOLDS, export_finder
from posegrid.learning.finder_network import NETWORK, FinderNetwork
from posegrid.learning.finder_target import Losses, losses

FREEZE = 60_000
"""Samples."""
STATE, WEIGHTS = "state.safetensors", "posegrid-find.onnx"
WARM_UP_STEPS, LONGEST_STEP = 300, 5.0
LATER = 40
KEEP = 0.999
"""Of the moving average, each step (Polyak & Juditsky, 1992)."""


@dataclass(frozen=True)
class FinderTraining:
    """Settings of `posegrid train --target finder`."""

    people: Positional[Path]
    """Folder of people made by `posegrid scenes`."""
    backgrounds: Path
    """Folder with panoramas/*.jpg (equirectangular), textures/* and perhaps photos/*.jpg."""
    run: Path
    """Folder for the state (state.safetensors), from which another call goes on, the log
    (log.jsonl) and, at the end, the weights (posegrid-find.onnx, and .safetensors to learn on
    with)."""
    init: Path | None = None
    """Weights (posegrid-find.safetensors) of another training to begin with, such as those that
    come with posegrid; None: from nothing."""
    samples: int = 600_000
    """Frames and windows to learn from; each scene counts twice, once mirrored."""
    minutes: float | None = None
    """Minutes that it may take in all, however many samples that makes; None: as long as it takes.
    """
    rate: float = 2e-3
    """Highest learning rate of AdamW; it warms up and falls to 0 along a cosine."""
    weight_decay: float = 1e-4
    """Of AdamW, on convolutions only."""
    seed: int = 14
    """The same seed gives the same scenes in the same order."""
    save_every_s: float = 180.0
    """Seconds between two savings of the state: so much is lost at most."""
    workers: int = 1
    """Processes that compose scenes; 0: the one that learns does."""
    threads: int = 1
    """Of the process that learns."""

    def __post_init__(self) -> None:
        for name, least in (("samples", 1), ("workers", 0), ("threads", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise SettingsError(f"{name} is {getattr(self, name)}; expected at least {least}.")
        for name in ("minutes", "rate", "save_every_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise SettingsError(f"{name} is {value}; expected a number above 0.")

    @property
    def folders(self) -> SceneFolders:
        """Where scenes are made from."""
        return SceneFolders(self.backgrounds, self.people)


@dataclass
class State:
    """What a training is at."""

    network: FinderNetwork
    average: FinderNetwork
    optimiser: torch.optim.AdamW
    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    recent: dict[str, float] = field(default_factory=dict)


def train_finder(settings: FinderTraining) -> Path:
    """Trains to the end, from where the run's state is if there is one; the state's path.

    Raises SourceError for folders that lack people or places, CheckpointError for weights that are
    no finder's.
    """
    settings.folders.check("train")
    torch.set_num_threads(settings.threads)
    with alone_in(settings.run, "choose another run"):
        return _train_here(settings, settings.run / STATE)


def _train_here(settings: FinderTraining, path: Path) -> Path:
    state = _begun(settings, path)
    started, saved = time.monotonic() - state.seconds, time.monotonic()
    for batch in _twice(_batches(settings, state.step)):
        if progress(settings, state) >= 1:
            break
        _step(settings, state, batch)
        now = time.monotonic()
        state.seconds = now - started
        if state.step % 100 == 0:
            _log(settings.run / "log.jsonl", state)
        if now - saved > settings.save_every_s:
            save_state(path, state)
            saved = now
    save_state(path, state)
    weights = settings.run / WEIGHTS
    save_weights(weights.with_suffix(".safetensors"), state)
    export_finder(averaged_network(path), weights, THRESHOLDS, facts_of_state(path))
    print(f"{weights}: {state.samples} samples, {state.seconds / 60:.0f} minutes")
    return path


def _begun(settings: FinderTraining, path: Path) -> State:
    torch.manual_seed(settings.seed)
    network = _channels_last(FinderNetwork())
    average = _channels_last(FinderNetwork()).requires_grad_(False)
    if settings.init is not None:
        network.load_state_dict(averaged_network(settings.init).state_dict())
    average.load_state_dict(network.state_dict())
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    state = State(network, average, torch.optim.AdamW(groups, settings.rate, fused=True))
    return load_state(path, state) if path.exists() else state


def _batches(settings: FinderTraining, first: int) -> Iterator[SceneBatch]:
    stream = SceneStream(settings.folders, "train", settings.seed, first)
    return iter(
        DataLoader(
            stream,
            batch_size=None,
            num_workers=settings.workers,
            prefetch_factor=4 if settings.workers else None,
        )
    )


def _channels_last(network: FinderNetwork) -> FinderNetwork:
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return network


def _twice(batches: Iterator[SceneBatch]) -> Iterator[SceneBatch]:
    """Every batch, and each once more after `LATER` others, mirrored: drawing scenes is dear."""
    waiting: deque[SceneBatch] = deque()
    for batch in batches:
        yield batch
        waiting.append(batch)
        if len(waiting) > LATER:
            yield mirrored_batch(waiting.popleft())


def progress(settings: FinderTraining, state: State) -> float:
    """The share of the training that is done, by samples or by time, whichever is more."""
    by_time = state.seconds / (60 * settings.minutes) if settings.minutes else 0.0
    return min(max(state.samples / settings.samples, by_time), 1.0)


def rate_at(rate: float, step: int, done: float) -> float:
    """A short warm-up, then half a cosine down to a hundredth; `done`: share of the training."""
    cosine = max(0.01, 0.5 * (1 + math.cos(math.pi * done)))
    return rate * min(1.0, (step + 1) / WARM_UP_STEPS) * cosine


def _step(settings: FinderTraining, state: State, batch: SceneBatch) -> None:
    frozen = state.samples >= FREEZE or settings.init is not None
    state.network.train()
    if frozen:
        for module in state.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    for group in state.optimiser.param_groups:
        group["lr"] = rate_at(settings.rate, state.step, progress(settings, state))
    with torch.autocast("cpu", torch.bfloat16):
        answers = state.network(*batch[:4])
    parts = losses(answers, batch.truth)
    state.optimiser.zero_grad()
    parts.total.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), LONGEST_STEP)
    state.optimiser.step()
    _average(state)
    _remember(state, parts, "second" if batch.prior.any() else "first")
    state.step, state.samples = state.step + 1, state.samples + len(batch.frame)


@torch.no_grad()
def _average(state: State) -> None:
    keep = min(KEEP, (state.step + 1) / (state.step + 10))
    ours, theirs = state.average.state_dict(), state.network.state_dict()
    floating = [name for name, value in ours.items() if value.is_floating_point()]
    for name in floating:
        ours[name].lerp_(theirs[name], 1 - keep)


def _remember(state: State, parts: Losses, look: str) -> None:
    for name, value in zip(Losses._fields, parts, strict=True):
        key, value = f"{look}_{name}", float(value.detach())
        state.recent[key] = 0.98 * state.recent.get(key, value) + 0.02 * value


def _log(path: Path, state: State) -> None:
    line = {
        "step": state.step,
        "samples": state.samples,
        "seconds": round(state.seconds),
        **state.recent,
    }
    with path.open("a") as stream:
        stream.write(json.dumps({k: round(v, 4) for k, v in line.items()}) + "\n")


# --- state ----------------------------------------------------------------------------------------


def save_state(path: Path, state: State) -> None:
    """All that training goes on from, in one file of tensors; nothing in it is pickled."""
    tensors: dict[str, Tensor] = {f"network.{k}": v for k, v in state.network.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in state.average.state_dict().items()}
    for number, values in state.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{k}": v for k, v in values.items()}
    counts = {"step": state.step, "samples": state.samples, "seconds": state.seconds}
    with completed(path) as temporary:
        save_file(
            {k: v.contiguous() for k, v in tensors.items()},
            temporary,
            {"finder": json.dumps(counts)},
        )


def save_weights(path: Path, state: State) -> None:
    """The averaged weights alone, in 16 bits."""
    tensors = {f"average.{k}": v for k, v in state.average.state_dict().items()}
    half = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    counts = {"step": state.step, "samples": state.samples, "seconds": state.seconds}
    with completed(path) as temporary:
        save_file(
            {k: v.contiguous() for k, v in half.items()}, temporary, {"finder": json.dumps(counts)}
        )


def load_state(path: Path, state: State) -> State:
    """The state with what the file holds. CheckpointError if it is of another network."""
    tensors = load_file(path)
    counts = facts_of_state(path)
    try:
        for name in ("network", "average"):
            getattr(state, name).load_state_dict(_part(tensors, name))
    except RuntimeError as error:
        raise CheckpointError(
            f"{path} holds another network ({str(error).splitlines()[0]}); begin anew."
        ) from error
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in _part(tensors, "optimiser").items():
        number, name = key.split(".")
        moments.setdefault(int(number), {})[name] = value
    state.optimiser.load_state_dict(
        {"state": moments, "param_groups": state.optimiser.state_dict()["param_groups"]}
    )
    state.step, state.samples, state.seconds = (
        int(counts["step"]),
        int(counts["samples"]),
        float(counts["seconds"]),
    )
    return state


def facts_of_state(path: Path) -> dict[str, Any]:
    """Steps, samples and seconds so far."""
    with safe_open(path, "pt") as held:
        text = (held.metadata() or {}).get("finder")
    if text is None:
        raise CheckpointError(f"{path} is no state of a finder's training.")
    return json.loads(text)


def averaged_network(path: Path) -> FinderNetwork:
    """The averaged weights of a state or of `save_weights`, ready to answer.

    Raises CheckpointError for weights of another network.
    """
    network = FinderNetwork()
    try:
        network.load_state_dict(_part(load_file(path), "average"))
    except (OSError, RuntimeError, SafetensorError) as error:
        what = str(error).splitlines()[0]
        raise CheckpointError(f"{path} holds no weights of {NETWORK} ({what}).") from error
    return network.eval()


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(f"{name}."): value
        for key, value in tensors.items()
        if key.startswith(f"{name}.")
    }
