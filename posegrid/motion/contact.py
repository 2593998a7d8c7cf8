"""Which feet touch the floor: a small network that looks at half a second before and after, learnt
from rendered walkers (`scripts/learn_contact.py`); and which of these stand still.

It is asked about one foot at a time, a right one as the left one of the mirror image. It sees the
thorax and both legs from the pelvis of each moment, in axes of the body itself and in leg lengths:
neither gravity nor the floor, the person's size or the frame rate has to be known, and a treadmill
or a moving camera makes no difference. There feet touch and do not stand.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from posegrid.body.skeleton import JOINT_NAMES
from posegrid.motion.smoothing import known, runs

WEIGHTS = "contact.npz"
STEP_S, REACH = 0.04, 12
OFFSETS_S = STEP_S * np.arange(-REACH, REACH + 1)
"""Moments that the network sees, against the one that it is asked about."""
NUM_INPUTS = 21 * len(OFFSETS_S) + 2
"""Three coordinates of seven joints at each, and how much is known before and after."""
SHORTEST_S = 0.1
"""A shorter stance or swing is none."""
REST_MM_S = 150.0
"""Feet that touch may move so fast where nobody gets ahead."""
BLOCK = 100
"""Frames that the network is asked about at a time: 4 MB."""

Joints = Float[np.ndarray, "T 17 3"]
Times = Float[np.ndarray, "T"]


def _joints(*names: str) -> list[int]:
    return [JOINT_NAMES.index(name) for name in names]


_RIGHT, _LEFT = (
    _joints(*(f"{side}_{part}" for part in ("hip", "knee", "ankle"))) for side in ("right", "left")
)
PELVIS, THORAX = _joints("pelvis", "thorax")


def standing(joints_mm: Joints, time_s: Times) -> Bool[np.ndarray, "T 2"]:
    """True where the right and the left foot touch the floor, if feet that touch are at rest here;
    False where the joints (absolute, any frame at rest) are NaN.
    """
    stands = np.nan_to_num(touch_chance(joints_mm, time_s)) > 0.5
    for rows in runs(known(joints_mm), time_s):
        stands[rows] &= _at_rest(joints_mm[rows], time_s[rows], stands[rows])
    for foot in range(2):
        for stretch in stretches(stands[:, foot]):
            if not time_s[stretch[-1]] - time_s[stretch[0]] >= SHORTEST_S:
                stands[stretch, foot] = False
    return stands


def _at_rest(
    joints_mm: Float[np.ndarray, "n 17 3"],
    time_s: Float[np.ndarray, "n"],
    touches: Bool[np.ndarray, "n 2"],
) -> bool:
    """Whether feet that touch move much less in this frame than against the pelvis: a foot that
    stands goes back under the person as fast as the person gets ahead.
    """
    if len(time_s) < 2 or not touches.any():
        return False
    pelvis, *ankles = (
        np.gradient(joints_mm[:, joint], time_s, axis=0) for joint in (PELVIS, _RIGHT[2], _LEFT[2])
    )
    speeds = np.concatenate([ankle[on] for ankle, on in zip(ankles, touches.T, strict=True)])
    passing = np.concatenate(
        [(ankle - pelvis)[on] for ankle, on in zip(ankles, touches.T, strict=True)]
    )
    own, against = (float(np.linalg.norm(np.median(v, axis=0))) for v in (speeds, passing))
    return own < REST_MM_S + against / 2


def stretches(flags: Bool[np.ndarray, "T"]) -> list[Int[np.ndarray, "_"]]:
    """Rows of each unbroken run of True."""
    rows = np.flatnonzero(flags)
    return [run for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1) if len(run)]


def touch_chance(joints_mm: Joints, time_s: Times) -> Float[np.ndarray, "T 2"]:
    """How sure it is, 0..1, that the right and the left foot touch the floor; NaN where the joints
    (in any frame, relative to anything) are.
    """
    chance = np.full((len(joints_mm), 2), np.nan)
    for rows in runs(known(joints_mm), time_s):
        for start in range(0, len(rows), BLOCK):
            asked = slice(start, start + BLOCK)
            chance[rows[asked]] = shipped().chance(
                seen_by_feet(joints_mm[rows], time_s[rows], asked)
            )
    return chance


def seen_by_feet(
    joints_mm: Joints, time_s: Times, asked: slice = slice(None), pace: float = 1.0
) -> Float[np.ndarray, "n 2 inputs"]:
    """What the network is shown for the right and the left foot of the frames that are asked about,
    of a motion without gaps.

    Joints at `OFFSETS_S`, between frames along lines, before the first frame and after the last one
    as in these; then how much of the time before and after is known. pace: as if the motion were so
    many times as fast.
    """
    moments_s = time_s[asked, None] + pace * OFFSETS_S
    near_mm = _at(joints_mm, time_s, moments_s)
    axes, leg_mm = _body(near_mm)
    own = np.einsum("nij,nkaj->nkai", axes, near_mm - near_mm[:, :, :1])
    own /= leg_mm[:, None, None, None]
    ends_s = np.stack([time_s[asked] - time_s[0], time_s[-1] - time_s[asked]], axis=1)
    is_known = np.minimum(ends_s / (pace * OFFSETS_S[-1]), 1.0)
    mirrored = own * [-1.0, 1.0, 1.0]
    feet = (mirrored[:, :, [THORAX, *_RIGHT, *_LEFT]], own[:, :, [THORAX, *_LEFT, *_RIGHT]])
    shown = [np.concatenate([foot.reshape(len(own), -1), is_known], axis=1) for foot in feet]
    return np.stack(shown, axis=1)


def _at(
    joints_mm: Float[np.ndarray, "n 17 3"],
    time_s: Float[np.ndarray, "n"],
    moments_s: Float[np.ndarray, "m k"],
) -> Float[np.ndarray, "m k 17 3"]:
    """The joints at other moments, along lines between the frames; at the ends as there."""
    before = np.clip(np.searchsorted(time_s, moments_s, "right") - 1, 0, max(len(time_s) - 2, 0))
    after = np.minimum(before + 1, len(time_s) - 1)
    step_s = np.maximum(time_s[after] - time_s[before], 1e-9)
    share = np.clip((moments_s - time_s[before]) / step_s, 0.0, 1.0)[..., None, None]
    return joints_mm[before] * (1 - share) + joints_mm[after] * share


def _body(
    near_mm: Float[np.ndarray, "n k 17 3"],
) -> tuple[Float[np.ndarray, "n 3 3"], Float[np.ndarray, "n"]]:
    """The body's own axes (left, ahead, up) over the moments, and the length of its legs."""
    ankles_mm = near_mm[:, :, [_RIGHT[2], _LEFT[2]]].mean(axis=2)
    up = _unit(_unit(near_mm[:, :, THORAX] - ankles_mm).mean(axis=1))
    left = (near_mm[:, :, _LEFT[0]] - near_mm[:, :, _RIGHT[0]]).mean(axis=1)
    left = _unit(left - (left * up).sum(axis=1, keepdims=True) * up)
    parts_mm = [
        np.linalg.norm(near_mm[:, :, lower] - near_mm[:, :, upper], axis=-1)
        for leg in (_RIGHT, _LEFT)
        for upper, lower in pairwise(leg)
    ]
    return np.stack([left, np.cross(up, left), up], axis=1), np.mean(parts_mm, axis=(0, 2)) * 2


def _unit(vectors: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


@dataclass(frozen=True, eq=False)
class ContactNetwork:
    """Layers of numbers: each answer is 0 or more, but for the last one's, which is a logit."""

    mean: Float[np.ndarray, "inputs"]
    spread: Float[np.ndarray, "inputs"]
    """What is shown is taken less the mean, over the spread."""
    weights: tuple[np.ndarray, ...]
    """Of each layer, (answers, inputs)."""
    biases: tuple[np.ndarray, ...]

    def chance(self, seen: Float[np.ndarray, "*n inputs"]) -> Float[np.ndarray, "*n"]:
        """Of each foot that is shown, 0..1."""
        values = (seen - self.mean) / self.spread
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = (np.maximum(values, 0.0) if number else values) @ weight.T + bias
        return 1 / (1 + np.exp(-np.clip(values[..., 0], -50, 50)))


@cache
def shipped() -> ContactNetwork:
    """The network that comes with posegrid, read once."""
    with (files("posegrid") / "weights" / WEIGHTS).open("rb") as file, np.load(file) as arrays:
        numbers = {name: arrays[name].astype(np.float64) for name in arrays.files}
    layers = range(sum(name.startswith("weight") for name in numbers))
    return ContactNetwork(
        numbers["mean"],
        numbers["spread"],
        tuple(numbers[f"weight{layer}"] for layer in layers),
        tuple(numbers[f"bias{layer}"] for layer in layers),
    )
