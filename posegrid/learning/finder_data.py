"""Scenes as batches for the finder: each batch of one shape and one kind of look, drawn from a seed
and its number.

Drawing scenes is dear, so each batch is learnt from once more, mirrored.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from posegrid.learning.data import CPU, WHOLE, Piece
from posegrid.learning.finder_target import Truth, Truths, truth_of, wanted_box
from posegrid.walkers.render.wide_shots import expected_box
from posegrid.walkers.scenes.compose import MOST_PEOPLE, Scene, SceneRecipe, compose
from posegrid.walkers.scenes.figures import Library, files_of_people, load_library
from posegrid.walkers.scenes.surroundings import (
    Split,
    Surroundings,
    load_surroundings,
    places_and_textures,
)

FIRST_SHAPES = {
    (192, 320): 0.44, (320, 192): 0.17, (224, 288): 0.17, (288, 224): 0.05, (256, 256): 0.08,
    (160, 384): 0.05, (160, 256): 0.04,
}  # fmt: skip
"""Height and width of frames at first look, and how often."""
SECOND_SHAPES = {(192, 96): 0.3, (160, 128): 0.4, (128, 160): 0.2, (96, 192): 0.1}
SMALL_FIRST_SHAPES = {
    (128, 224): 0.44, (224, 128): 0.17, (160, 192): 0.17, (192, 160): 0.07, (160, 160): 0.1,
    (96, 256): 0.05,
}  # fmt: skip
SMALL_SECOND_SHAPES = {(128, 64): 0.3, (128, 96): 0.4, (96, 128): 0.2, (64, 128): 0.1}
SMALL_SHARE = 0.7
"""Of the batches: half the pixels cost half the time and teach nearly as much."""
FIRST_PIXELS, SECOND_PIXELS = 8 * 61440, 20 * 20480
"""Of a batch."""
REFERENCES = {
    "none": 0.28, "clean": 0.24, "ghosts": 0.12, "still": 0.06, "spot": 0.20, "shaken": 0.07,
    "wrong": 0.03,
}  # fmt: skip
LATER = 40
"""Steps from a batch to the same one mirrored, before batches come in turn with mirrored ones."""
LETTERS: dict[Split, str] = {"train": "W", "validation": "V", "test": "T"}


class SceneBatch(NamedTuple):
    """Inputs of the network, and the truth about them."""

    frame: UInt8[Tensor, "n 3 H W"]
    reference: UInt8[Tensor, "n 3 H W"]
    known: UInt8[Tensor, "n 1 H W"]
    prior: UInt8[Tensor, "n 1 H W"]
    truth: Truths

    def to(self, device: torch.device) -> "SceneBatch":
        """The same on another device."""
        frame, reference, known, prior = (part.to(device, non_blocking=True) for part in self[:4])
        truth = Truths(*(part.to(device, non_blocking=True) for part in self.truth))
        return SceneBatch(frame, reference, known, prior, truth)


@dataclass(frozen=True)
class SceneFolders:
    """Where scenes are made from."""

    backgrounds: Path
    """Holds panoramas/, textures/ and photos/."""
    cut_outs: Path
    """Holds one file a person (`posegrid.walkers.scenes.cut_out_files`)."""

    def check(self, split: Split) -> None:
        """Raises SourceError now if they lack people or places of a split; reads none of them."""
        places_and_textures(self.backgrounds, split)
        files_of_people(self.cut_outs, LETTERS[split])


class Scenes(Dataset[SceneBatch]):
    """The batches of a split by number: even ones are first looks, odd ones second looks."""

    def __init__(self, folders: SceneFolders, split: Split, seed: int) -> None:
        self.folders, self.seed = folders, seed
        self.split: Split = split

    @cached_property
    def _drawn_from(self) -> tuple[Library, Surroundings]:
        """Read in the process that composes, at the first batch."""
        library = load_library(self.folders.cut_outs, LETTERS[self.split])
        return library, load_surroundings(self.folders.backgrounds, self.split)

    def __getitem__(self, number: int) -> SceneBatch:
        return batch_of(number, self.seed, *self._drawn_from)

    def ahead(self, numbers: Iterable[int], workers: int) -> Iterator[SceneBatch]:
        """These batches in order, composed ahead by so many processes; by none: as they are taken."""
        prefetch = 4 if workers else None
        return iter(
            DataLoader(self, None, sampler=numbers, num_workers=workers, prefetch_factor=prefetch)  # pyright: ignore[reportCallIssue, reportArgumentType]
        )


@dataclass(eq=False)
class SceneBatches:
    """Batches in the order of the steps, each one a function of seed and step alone."""

    scenes: Scenes
    workers: int
    """Processes that compose scenes ahead."""
    device: torch.device = CPU
    """Where batches end up."""
    _coming: Iterator[SceneBatch] | None = None
    _mirrored: deque[SceneBatch] = field(default_factory=deque)
    """What was composed, to be seen once more."""
    _step: int = 0
    _next: int = 0
    """Number of the batch that comes next."""

    loaders: ClassVar[int] = 0

    @property
    def seed(self) -> int:
        return self.scenes.seed

    @property
    def size(self) -> float:
        return mean_batch_size()

    def at(self, step: int, piece: Piece = WHOLE) -> SceneBatch:
        """The batch of a step; it comes whole only.

        Steps follow each other. Another first step than 0, as after `--resume`, composes anew what
        is to be seen mirrored.
        """
        assert piece == WHOLE, "Scenes come in whole batches."
        if self._coming is None or step != self._step:
            self._open(step)
        assert self._coming is not None
        self._step = step + 1
        number, mirrored = batch_at(step)
        batch = None
        while self._next <= number:
            batch = next(self._coming)
            self._mirrored.append(mirrored_batch(batch))
            self._next += 1
        if mirrored:
            batch = self._mirrored.popleft()
        assert batch is not None
        return batch.to(self.device)

    def _open(self, step: int) -> None:
        """Before a step everything is composed anew that it, or a later one, shows."""
        self._mirrored.clear()
        self._next = max(step - LATER, 0) // 2
        self._coming = self.scenes.ahead(count(self._next), self.workers)


def batch_at(step: int) -> tuple[int, bool]:
    """The number of the batch that a step shows, and whether mirrored: after so many as `LATER`,
    new batches and mirrored ones take turns.
    """
    turn, is_mirrored = divmod(max(step - LATER, 0), 2)
    return (turn, True) if is_mirrored else (min(step, LATER) + turn, False)


def mean_batch_size() -> float:
    """Scenes in a batch in the mean."""

    def mean(shapes: dict[tuple[int, int], float], pixels: int) -> float:
        counts = [pixels // (high * wide) for high, wide in shapes]
        return float(np.average(counts, weights=list(shapes.values())))

    small = mean(SMALL_FIRST_SHAPES, FIRST_PIXELS) + mean(SMALL_SECOND_SHAPES, SECOND_PIXELS)
    large = mean(FIRST_SHAPES, FIRST_PIXELS) + mean(SECOND_SHAPES, SECOND_PIXELS)
    return 0.5 * (SMALL_SHARE * small + (1 - SMALL_SHARE) * large)


def batch_of(number: int, seed: int, library: Library, places: Surroundings) -> SceneBatch:
    """The batch of that number. Equal numbers, seeds, people and places give equal batches."""
    rng = np.random.default_rng([seed, number])
    second = number % 2 == 1
    small = rng.random() < SMALL_SHARE
    shapes = (FIRST_SHAPES, SECOND_SHAPES, SMALL_FIRST_SHAPES, SMALL_SECOND_SHAPES)
    shape = _chosen(rng, shapes[2 * small + second])
    count = (SECOND_PIXELS if second else FIRST_PIXELS) // (shape[0] * shape[1])
    make = second_look if second else first_look
    made = [make(rng, library, places, shape) for _ in range(count)]
    return collate(made)


def collate(made: list[tuple[Scene, np.ndarray, Truth]]) -> SceneBatch:
    """Scenes, priors and truths as tensors, channels first."""
    scenes = [scene for scene, _, _ in made]
    frame, reference = (
        torch.from_numpy(np.stack([getattr(s, name) for s in scenes])).permute(0, 3, 1, 2)
        for name in ("frame", "reference")
    )
    known = torch.from_numpy(np.stack([s.known for s in scenes])[:, None])
    prior = torch.from_numpy(np.stack([prior for _, prior, _ in made])[:, None])
    truths = zip(*(truth for _, _, truth in made), strict=True)
    return SceneBatch(
        frame,
        reference,
        known,
        prior,
        Truths(*(torch.from_numpy(np.stack(part)) for part in truths)),
    )


def mirrored_batch(batch: SceneBatch) -> SceneBatch:
    """The batch as in a mirror: left and right change places."""
    truth = Truths(*(part.flip(-1) for part in batch.truth))
    box, owner = truth.box.clone(), truth.owner.clone()
    box[:, 0], owner[:, 0] = -box[:, 0], -owner[:, 0]
    frame, reference, known, prior = (part.flip(-1) for part in batch[:4])
    return SceneBatch(frame, reference, known, prior, truth._replace(box=box, owner=owner))


def _chosen(rng: np.random.Generator, shares: dict) -> tuple[int, int]:  # type: ignore[type-arg]
    weights = np.array(list(shares.values()))
    return list(shares)[int(rng.choice(len(weights), p=weights / weights.sum()))]


def _reference(rng: np.random.Generator) -> str:
    return str(rng.choice(list(REFERENCES), p=list(REFERENCES.values())))


# --- looks ----------------------------------------------------------------------------------------


def first_look(
    rng: np.random.Generator, library: Library, places: Surroundings, shape: tuple[int, int]
) -> tuple[Scene, np.ndarray, Truth]:
    """A scene with nobody to six people of any size; all are asked for."""
    reference = _reference(rng)
    people = int(rng.choice(MOST_PEOPLE + 1, p=[0.1, 0.5, 0.2, 0.1, 0.05, 0.03, 0.02]))
    kind = rng.random()
    low, high = (0.2, 1.0) if kind < 0.67 else (0.05, 0.25) if kind < 0.92 else (1.0, 2.2)
    size = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    recipe = SceneRecipe(
        shape=shape,
        num_people=people,
        height_share=size,
        reference=reference,  # type: ignore[arg-type]
        crowded=bool(rng.random() < 0.25),
        cut=bool(rng.random() < 0.15),
        num_things=int(rng.integers(0, 8)) if rng.random() < 0.7 else 0,
        poster=bool(reference in ("clean", "ghosts") and rng.random() < 0.1),
    )
    scene = compose(rng, library, places, recipe)
    return scene, np.zeros(shape, np.uint8), truth_of(scene.cover, scene.seen)


def second_look(
    rng: np.random.Generator, library: Library, places: Surroundings, shape: tuple[int, int]
) -> tuple[Scene, np.ndarray, Truth]:
    """A window round one person, who alone is asked for; now and then round nobody."""
    nobody = rng.random() < 0.07
    people = 0 if nobody else 1 + int(rng.choice(4, p=[0.68, 0.2, 0.09, 0.03]))
    margin, close = rng.uniform(1.2, 1.8), rng.random() < 0.12
    slim = min(1.0, 1.9 * shape[1] / shape[0])
    recipe = SceneRecipe(
        shape=shape,
        num_people=people,
        height_share=float(rng.uniform(1.0, 2.2) if close else slim / margin),
        reference=_reference(rng),  # type: ignore[arg-type]
        crowded=True,
        centred=True,
        num_things=int(rng.integers(0, 3)) if rng.random() < 0.5 else 0,
    )
    scene = compose(rng, library, places, recipe)
    if rng.random() < 0.2:
        scene = _over_the_edge(rng, scene)
    boxes = [wanted_box(layer) for layer in scene.cover]
    asked = next((number for number, box in enumerate(boxes) if box is not None), None)
    box = None if asked is None else boxes[asked]
    if box is None or asked is None:
        middle = np.array([shape[1], shape[0]]) * rng.uniform(0.45, 0.55, 2)
        half = (
            0.5
            * np.array([shape[1], shape[0]])
            / rng.uniform(1.2, 1.8)
            * [rng.uniform(0.4, 1.0), 1.0]
        )
        box = np.array([*(middle - half), *(middle + half)])
        return (
            scene,
            _filled(box, shape),
            truth_of(np.zeros((1, *shape), np.float32), np.zeros((1, 2), np.float32)),
        )
    expected = expected_box(rng, box)
    return scene, _filled(expected, shape), truth_of(scene.cover[[asked]], scene.seen[[asked]])


def _filled(box: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """1 inside a box, 0 outside."""
    x0, y0, x1, y1 = np.clip(np.floor(box + 0.5), 0, [shape[1], shape[0]] * 2).astype(int)
    prior = np.zeros(shape, np.uint8)
    prior[y0:y1, x0:x1] = 1
    return prior


def _over_the_edge(rng: np.random.Generator, scene: Scene) -> Scene:
    """The scene as a window that leaves the picture at one side or two: black and unknown there."""
    high, wide = scene.known.shape
    inside = np.zeros((high, wide), bool)
    share = [rng.uniform(0.03, 0.4) if rng.random() < 0.4 else 0.0 for _ in range(4)]
    top, bottom, left, right = (
        int(part * side) for part, side in zip(share, (0.5 * high, high, wide, wide), strict=True)
    )
    left, right = (left, 0) if left > right else (0, right)
    inside[top : high - bottom, left : wide - right] = True
    frame, reference, known = (
        array.copy() for array in (scene.frame, scene.reference, scene.known)
    )
    frame[~inside], reference[~inside], known[~inside] = 0, 0, 0
    cover, seen = scene.cover * inside, scene.seen.copy()
    for number, (before, after) in enumerate(zip(scene.cover, cover, strict=True)):
        whole, left_over = wanted_box(before), wanted_box(after)
        if whole is not None and left_over is not None:
            cut = np.abs(whole - left_over)[[1, 3]] > 0.04 * (whole[3] - whole[1])
            seen[number, cut] = 0
    return Scene(frame, reference, known, cover, seen)
