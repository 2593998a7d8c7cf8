"""Wider pictures than crops, with the reference that their video would give: a finder looks for the
person in them, and crops are cut out by what it finds, as `predict` cuts them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from scipy.ndimage import binary_dilation

WIDTH_PX = 240
REACH = 1.75
"""Side of a wide shot over the longer side of the person's box: a second look sees 1.4 of it."""
REFERENCES = {"none": 0.3, "empty": 0.38, "moved": 0.08, "on the spot": 0.24}
"""What a reference shows, and how often: nothing is known; the empty scene; the person somewhere
else, too; what has not moved of the person."""
BOX_SPREAD = 0.06
"""How far the edges of the box expected are off (sd), as a share of its sides."""


@dataclass(frozen=True, eq=False)
class WideShot:
    """A person and what is round them."""

    image: UInt8[np.ndarray, "n n 3"]
    reference: UInt8[np.ndarray, "n n 3"]
    known: UInt8[np.ndarray, "n n"]
    """1 where the reference is known."""
    box_px: Float[np.ndarray, "4"]
    """Where the person is expected."""
    seen: Bool[np.ndarray, "n n"]
    """What is seen of the person."""


@dataclass(frozen=True, eq=False)
class FoundCrop:
    """What a finder has cut out of a wide shot."""

    image: UInt8[np.ndarray, "size size 3"]
    mask: UInt8[np.ndarray, "size size"]
    """How sure it is of each pixel."""
    window: Float[np.ndarray, "3"]
    """x0, y0, side in the wide shot's pixels."""


FindIn = Callable[[WideShot], FoundCrop | None]
"""A finder; None: it does not find the person."""


def wide_window(box_xyxy: Float[np.ndarray, "4"]) -> Float[np.ndarray, "3"]:
    """The square (x0, y0, side) of a wide shot of the person in a box."""
    side = REACH * float((box_xyxy[2:] - box_xyxy[:2]).max())
    return np.array([*(0.5 * (box_xyxy[:2] + box_xyxy[2:]) - 0.5 * side), side])


def expected_box(
    rng: np.random.Generator, box_xyxy: Float[np.ndarray, "4"]
) -> Float[np.ndarray, "4"]:
    """Where somebody is expected who is in that box: about there, half of the time as wide as they
    were when legs and arms were closer to the trunk, or farther from it.
    """
    sides = box_xyxy[2:] - box_xyxy[:2]
    spread = np.clip(rng.normal(0, BOX_SPREAD, 4), -0.13, 0.13)
    expected = box_xyxy + spread * np.tile(sides, 2)
    if rng.random() < 0.5:
        wide, high = np.exp(rng.uniform([-0.4, -0.1], [0.5, 0.15]))
        grown = 0.5 * sides * [wide - 1, high - 1]
        expected += np.concatenate([-grown, grown])
    return expected


def random_reference(
    rng: np.random.Generator,
    empty: UInt8[np.ndarray, "n n 3"],
    image: UInt8[np.ndarray, "n n 3"],
    seen: Bool[np.ndarray, "n n"],
) -> tuple[UInt8[np.ndarray, "n n 3"], UInt8[np.ndarray, "n n"]]:
    """The reference of one video or another, and where it is known."""
    kind = str(rng.choice(list(REFERENCES), p=list(REFERENCES.values())))
    known = np.ones(seen.shape, np.uint8)
    if kind == "none":
        return np.zeros_like(empty), np.zeros_like(known)
    reference = empty.copy()
    if kind == "moved":
        shift = tuple(int(v) for v in rng.normal(0.0, [0.03, 0.25], 2) * len(seen))
        there = np.roll(seen, shift, (0, 1))
        reference[there] = np.roll(image, shift, (0, 1))[there]
    if kind == "on the spot":
        shift = tuple(int(v) for v in rng.integers(-2, 3, 2))
        there, shown = (np.roll(array, shift, (0, 1)) for array in (seen, image))
        still = there & _at_rest(rng, there)
        reference[still] = shown[still]
        if rng.random() < 0.7:
            near = np.asarray(binary_dilation(seen, iterations=int(rng.integers(1, 12))), bool)
            known[near & ~still] = 0
    return _coarser(rng, reference), known


def _at_rest(rng: np.random.Generator, seen: np.ndarray) -> np.ndarray:
    """What does not move of a person on the spot: what is below some height, or the middle."""
    rows, columns = np.nonzero(seen)
    if not rows.size:
        return seen
    height = rng.uniform(rows.min(), rows.max())
    below = np.arange(len(seen))[:, None] > height
    if rng.random() < 0.5:
        return np.broadcast_to(below, seen.shape)
    reach = np.quantile(np.abs(columns - columns.mean()), rng.uniform(0.3, 1.0))
    return (np.abs(np.arange(len(seen)) - columns.mean()) <= reach)[None, :] | below


def _coarser(rng: np.random.Generator, reference: np.ndarray) -> np.ndarray:
    """The reference at the resolution of a picture in which the person is smaller."""
    size = len(reference)
    small = int(size * np.exp(rng.uniform(np.log(0.2), 0.0)))
    picture = Image.fromarray(reference).resize((small, small), Image.Resampling.BOX)
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
