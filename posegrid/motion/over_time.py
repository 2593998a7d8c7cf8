"""Poses corrected by what comes before and after: a small network that has learnt from rendered clips
how the answers of single frames are wrong (`scripts/learn_over_time.py`).

It sees two thirds of a second, 25 times a second: the poses, where the joints lie in the picture, and
how sure each is, all as seen from the direction in which the person is, in units of the person's
size. It answers by how much poses are off, and how sure they are then. The centred one sees as much
before as after, the causal one only what was before: for live pictures. Convolutions over time with
shortcuts, after Pavllo et al. (CVPR 2019).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal, TypeVar

import numpy as np
from jaxtyping import Float, Float32, Int

from posegrid.body.camera import Camera, turns_onto_axis
from posegrid.body.skeleton import FEET_PARENTS, NUM_JOINTS, ROOT
from posegrid.body.track import Track
from posegrid.motion.smoothing import LONGEST_GAP_S, known, runs

WEIGHTS = "over_time.npz"
STEP_S = 0.04
NUM_INPUTS = 6 * NUM_JOINTS
"""Of a moment: three coordinates of each joint, two of its place in the picture, how sure it is."""
NUM_ANSWERS = 4 * NUM_JOINTS
"""Three coordinates of each joint, and the logarithm of what its radius is to be multiplied by."""
MOST_SURER = 1.5
"""These logarithms count from minus so much to so much."""
DILATIONS = (1, 1, 2, 4)
"""Of the first layer and of each block."""
REACH = sum(DILATIONS)
"""Twice as many moments are seen besides the one that is corrected."""
Kind = Literal["centred", "causal"]
AHEAD: Mapping[Kind, int] = MappingProxyType({"centred": REACH, "causal": 0})
MOST = 4.0
"""What is shown counts at most so many standard deviations from its mean."""
BLOCK = 1000
"""Moments that the network is asked about at a time."""

SomeTrack = TypeVar("SomeTrack", bound=Track)


@dataclass(frozen=True, eq=False)
class RawPoses:
    """What single frames say of one person: arrays as in `Track`, all numbers known."""

    time_s: Float[np.ndarray, "n"]
    joints_mm: Float[np.ndarray, "n 17 3"]
    root_mm: Float[np.ndarray, "n 3"]
    keypoints_px: Float[np.ndarray, "n 17 2"]
    sigma_mm: Float[np.ndarray, "n 17"]
    camera: Camera

    @classmethod
    def of(cls, track: Track, rows: Int[np.ndarray, "n"]) -> "RawPoses":
        """Of frames of a Track."""
        arrays = {name: getattr(track, name)[rows] for name in _ARRAYS}
        return cls(**arrays, camera=track.camera)

    def __getitem__(self, rows: Int[np.ndarray, "m"]) -> "RawPoses":
        return replace(self, **{name: getattr(self, name)[rows] for name in _ARRAYS})

    @property
    def all_known(self) -> bool:
        """Whether all numbers are finite."""
        return all(bool(np.isfinite(getattr(self, name)).all()) for name in _ARRAYS)

    def followed_by(self, other: "RawPoses") -> "RawPoses":
        """With later frames before the same camera."""
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in _ARRAYS}
        return replace(self, **{name: np.concatenate(pair) for name, pair in pairs.items()})


_ARRAYS = ("time_s", "joints_mm", "root_mm", "keypoints_px", "sigma_mm")


@dataclass(frozen=True, eq=False)
class Correction:
    """What to change of what single frames say."""

    missing_mm: Float32[np.ndarray, "n 17 3"]
    """To be added to the poses, axes of the camera."""
    sigma_times: Float32[np.ndarray, "n 17"]
    """What the radii (`sigma_mm`) are to be multiplied by."""

    @classmethod
    def none(cls) -> "Correction":
        """Of one frame."""
        return cls(np.zeros((1, NUM_JOINTS, 3), np.float32), np.ones((1, NUM_JOINTS), np.float32))

    @property
    def missing_with_feet_mm(self) -> Float32[np.ndarray, "n 21 3"]:
        """With heels and toes, which go with their ankles."""
        return self.missing_mm[:, [*range(NUM_JOINTS), *FEET_PARENTS]]


def corrected(track: SomeTrack) -> SomeTrack:
    """The Track with what the network says added to its poses, and radii that say how sure they are
    then, where it knows such weights, and knows places in the picture and how sure they are; else as
    it was. Feet go with their ankles.
    """
    network = shipped("centred")
    if track.weights not in network.weights_of:
        return track
    joints_mm, feet_mm = track.joints_mm.copy(), track.feet_mm.copy()
    sigma_mm = track.sigma_mm.copy()
    seen = known(track.joints_mm) & known(track.keypoints_px) & known(track.sigma_mm)
    for rows in runs(seen & known(track.root_mm), track.time_s):
        change = correction(RawPoses.of(track, rows), network)
        joints_mm[rows] += change.missing_mm
        feet_mm[rows] += change.missing_mm[:, FEET_PARENTS]
        sigma_mm[rows] *= change.sigma_times
    return replace(track, joints_mm=joints_mm, feet_mm=feet_mm, sigma_mm=sigma_mm)


def correction(raw: RawPoses, network: "OverTimeNetwork") -> Correction:
    """What to change of frames without a gap."""
    moments = raw[moments_in(raw.time_s)]
    size_mm, count, parts = size_of(moments), len(moments.time_s), []
    for start in range(0, count, BLOCK):
        end = min(start + BLOCK, count)
        # before the first moment and after the last one all is as in these
        near = np.clip(np.arange(start - network.back, end + network.ahead), 0, count - 1)
        parts.append(_said(moments[near], size_mm, network))
    at_s = raw.time_s[0] + STEP_S * np.arange(count)
    return Correction(
        _between(np.concatenate([part.missing_mm for part in parts]), at_s, raw.time_s),
        _between(np.concatenate([part.sigma_times for part in parts]), at_s, raw.time_s),
    )


def _between(
    values: Float[np.ndarray, "m *rest"], at_s: Float[np.ndarray, "m"], time_s: np.ndarray
) -> Float32[np.ndarray, "n *rest"]:
    """Values of moments at the times of frames, linear between them."""
    columns = values.reshape(len(values), -1).T
    between = np.stack([np.interp(time_s, at_s, column) for column in columns], axis=1)
    return between.reshape(len(time_s), *values.shape[1:]).astype(np.float32)


def correction_of_last(raw: RawPoses, network: "OverTimeNetwork") -> Correction:
    """What to change of the last frame, by those before it alone.

    Raises ValueError for a network that looks ahead.
    """
    if network.ahead:
        raise ValueError("expected the causal network")
    at_s = raw.time_s[-1] + STEP_S * np.arange(-network.back, 1)
    moments = raw[_nearest(raw.time_s, at_s)]
    return _said(moments, size_of(raw), network)


@dataclass(eq=False)
class LiveCorrection:
    """The causal network beside one person's poses as they come."""

    _before: RawPoses | None = None

    def of(self, now: RawPoses, weights: str) -> Correction:
        """What to change of one frame: nothing for weights that the network does not know, and
        where something is unknown.
        """
        network = shipped("causal")
        if weights not in network.weights_of or not now.all_known:
            return Correction.none()
        time_s, before = now.time_s[0], self._before
        if before is not None and 0 < time_s - before.time_s[-1] <= LONGEST_GAP_S:
            now = before.followed_by(now)
        self._before = now[np.flatnonzero(now.time_s >= time_s - (network.back + 1) * STEP_S)]
        return correction_of_last(self._before, network)


def _said(moments: RawPoses, size_mm: float, network: "OverTimeNetwork") -> Correction:
    """The network's answer in the axes of the camera, for the moments that have all others near."""
    shown, turns = seen_from_person(moments, size_mm)
    missing, surer = np.split(network.said(shown), [3 * NUM_JOINTS], axis=1)
    missing = missing.reshape(-1, NUM_JOINTS, 3) * size_mm
    missing[:, ROOT], surer[:, ROOT] = 0.0, 0.0
    turns = turns[network.back : len(turns) - network.ahead]
    return Correction(
        np.einsum("nji,nkj->nki", turns, missing).astype(np.float32),
        np.exp(np.clip(surer, -MOST_SURER, MOST_SURER)).astype(np.float32),
    )


def moments_in(time_s: Float[np.ndarray, "n"]) -> Int[np.ndarray, "m"]:
    """The frame nearest to each even moment: its errors are those of a frame."""
    return _nearest(time_s, np.arange(time_s[0], time_s[-1] + STEP_S / 2, STEP_S))


def _nearest(time_s: Float[np.ndarray, "n"], at_s: Float[np.ndarray, "m"]) -> Int[np.ndarray, "m"]:
    after = np.clip(np.searchsorted(time_s, at_s), 0, len(time_s) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(time_s[after] - at_s < at_s - time_s[before], after, before)


def size_of(raw: RawPoses) -> float:
    """Unit of lengths: the median over frames of how far joints are from the pelvis on average."""
    return float(np.median(np.linalg.norm(raw.joints_mm, axis=-1).mean(axis=1)))


def seen_from_person(
    raw: RawPoses, size_mm: float
) -> tuple[Float[np.ndarray, "n inputs"], Float[np.ndarray, "n 3 3"]]:
    """What the network is shown of frames, and the turns from the camera's axes to those of the
    direction in which the person is.
    """
    root_mm, count = raw.root_mm.astype(np.float64), len(raw.time_s)
    turns = turns_onto_axis(root_mm)
    pose_mm = np.einsum("nij,nkj->nki", turns, raw.joints_mm.astype(np.float64))
    pixels = raw.keypoints_px.astype(np.float64)
    rays = raw.camera.rays(pixels.reshape(-1, 2)).reshape(*pixels.shape[:2], 3)
    rays = np.einsum("nij,nkj->nki", turns, rays)
    away_mm = np.linalg.norm(root_mm, axis=1)[:, None, None]
    parts = (pose_mm, rays[..., :2] / rays[..., 2:] * away_mm, raw.sigma_mm[..., None])
    shown = np.concatenate([part.reshape(count, -1) for part in parts], axis=1) / size_mm
    return shown, turns


@dataclass(frozen=True, eq=False)
class OverTimeNetwork:
    """Convolutions over time: the first layer, blocks of two beside a shortcut, the last layer."""

    weights_of: tuple[str, ...]
    """Names of the weights whose answers it has learnt to correct."""
    mean: Float[np.ndarray, "inputs"]
    spread: Float[np.ndarray, "inputs"]
    """What is shown is taken less the mean, over the spread."""
    layers: tuple[np.ndarray, ...]
    """Of each layer, (taps, inputs, answers)."""
    biases: tuple[np.ndarray, ...]
    ahead: int = REACH
    """So many of the moments that are seen come afterwards."""

    @property
    def back(self) -> int:
        """And so many before."""
        return 2 * REACH - self.ahead

    def said(self, shown: Float[np.ndarray, "n inputs"]) -> Float[np.ndarray, "m answers"]:
        """By how much poses are off, in units of the person's size, and the logarithms for radii,
        at the moments that have all others near them.
        """
        layers = list(zip(self.layers, self.biases, strict=True))
        values = np.clip((shown - self.mean) / self.spread, -MOST, MOST)
        values = np.maximum(_convolved(values, *layers[0], DILATIONS[0]), 0)
        for number, dilation in enumerate(DILATIONS[1:]):
            wide, narrow = layers[1 + 2 * number : 3 + 2 * number]
            within = np.maximum(_convolved(values, *wide, dilation), 0)
            within = np.maximum(_convolved(within, *narrow, 1), 0)
            values = values[dilation:-dilation] + within
        return _convolved(values, *layers[-1], 1)


def _convolved(
    values: Float[np.ndarray, "n inputs"], weight: np.ndarray, bias: np.ndarray, dilation: int
) -> np.ndarray:
    """Without padding: of three taps, 2 x dilation moments less."""
    taps, count = len(weight), len(values) - (len(weight) - 1) * dilation
    return bias + sum(
        values[tap * dilation : tap * dilation + count] @ weight[tap] for tap in range(taps)
    )


@cache
def shipped(kind: Kind) -> OverTimeNetwork:
    """One of the networks that come with posegrid, read once."""
    with (files("posegrid") / "weights" / WEIGHTS).open("rb") as file, np.load(file) as arrays:
        mine = [name for name in arrays.files if name.startswith(f"{kind}_")]
        numbers = {name.removeprefix(f"{kind}_"): arrays[name].astype(np.float64) for name in mine}
        weights_of = tuple(str(name) for name in arrays["weights_of"])
    count = sum(name.startswith("layer") for name in numbers)
    return OverTimeNetwork(
        weights_of,
        numbers["mean"],
        numbers["spread"],
        tuple(numbers[f"layer{number}"] for number in range(count)),
        tuple(numbers[f"bias{number}"] for number in range(count)),
        AHEAD[kind],
    )
