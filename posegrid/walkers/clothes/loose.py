"""What hangs loosely on a person - skirts, coats, long hair, bags - swings behind the body and
keeps off the legs.

A loose part is moved by bones of its own. Each swings about its head like a damped pendulum whose
rest direction goes with the body: the tip's deviation e from where it would hang obeys e'' + 2 z w
e' + w^2 e = -(acceleration of that point), solved exactly between frames, so that the frame rate
does not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from posegrid.body.rotations import angles_zxy, rot_z, smallest_rotations
from posegrid.walkers.body.mesh import BONE_INDEX, Body
from posegrid.walkers.clothes.loose_kernels import turn_off_rods

DRAG_S = 0.03
"""Air holds tips back by the way that the body makes in this time."""
TAKEN_ALONG = 0.3
"""Share of the speed of a limb that a tip keeps when the limb has pushed it."""
MOST_PUSHED_MM = 40.0
"""In one frame, as far as the speed is concerned."""
ROUNDS = 3
_SHARES = (0.4, 0.7, 1.0)
"""Where along a bone it is kept off colliders."""
_LEAST = (0.0, 0.5, 0.8)
"""How near to a collider these points may come at most, relative to its radius."""
Frames = tuple[Float[np.ndarray, "T _ 3 3"], Float[np.ndarray, "T _ 3"]]
"""Rotations of bones from rest to the world, and where they start, mm."""


@dataclass(frozen=True)
class Collider:
    """A limb that loose parts stay outside of: a round rod between the heads of two bones."""

    start: str
    end: str
    radius_mm: float


@dataclass(frozen=True, eq=False)
class LooseBone:
    """A bone that swings. Points lie in the body's rest frame, mm."""

    carrier: str
    """The bone of the body that it goes with."""
    head_mm: Float[np.ndarray, "3"]
    tip_mm: Float[np.ndarray, "3"]
    outward: Float[np.ndarray, "3"]
    """Unit vector away from the body: the way in which colliders push the tip."""
    after: int | None = None
    """Index of the loose bone whose tip carries the head; None: it is fixed to the carrier."""
    stiffness: float = 0.3
    """0 hangs by gravity alone, 1 turns with its carrier as if stiff."""
    frequency_hz: float = 1.6
    damping: float = 0.35
    """Relative to the critical one."""
    colliders: tuple[Collider, ...] = ()

    def renumbered(self, start: int) -> "LooseBone":
        """The same bone in a list where those of its garment begin at `start`."""
        return self if self.after is None else replace(self, after=self.after + start)

    @property
    def rest_mm(self) -> Float[np.ndarray, "3"]:
        """From the head to the tip."""
        return self.tip_mm - self.head_mm


def with_loose(loose: Sequence[LooseBone], body: Body, frames: Frames, fps: float) -> Frames:
    """The motion of the body's bones, and behind them that of the loose ones."""
    if not loose:
        return frames
    num_frames, num_bones = frames[0].shape[:2]
    rotations = np.concatenate([frames[0], np.empty((num_frames, len(loose), 3, 3))], axis=1)
    positions = np.concatenate([frames[1], np.empty((num_frames, len(loose), 3))], axis=1)
    starts = np.concatenate([body.bone_heads_mm, [bone.head_mm for bone in loose]])
    for group in _by_depth(loose):
        bones = [loose[k] for k in group]
        held_by = [
            BONE_INDEX[bone.carrier] if bone.after is None else num_bones + bone.after
            for bone in bones
        ]
        arms = np.array([bone.head_mm for bone in bones]) - starts[held_by]
        heads = positions[:, held_by] + (rotations[:, held_by] @ arms[..., None])[..., 0]
        base = _bases(bones, rotations)
        directions = _swung(bones, base, heads, _rods(bones, body, rotations, positions), fps)
        rest = np.array([bone.rest_mm for bone in bones])
        hanging = (base @ rest[..., None])[..., 0]
        rows = [num_bones + k for k in group]
        rotations[:, rows] = smallest_rotations(hanging, directions) @ base
        positions[:, rows] = heads
    return rotations, positions


def _by_depth(loose: Sequence[LooseBone]) -> list[list[int]]:
    """Indices of the bones fixed to the body, then of those on them."""
    first = [k for k, bone in enumerate(loose) if bone.after is None]
    second = [k for k, bone in enumerate(loose) if bone.after is not None]
    return [first, second] if second else [first]


def _bases(bones: list[LooseBone], rotations: np.ndarray) -> np.ndarray:
    """How a bone would turn that does not swing: with its carrier, or less (by stiffness)."""
    carriers = rotations[:, [BONE_INDEX[bone.carrier] for bone in bones]]
    upright = rot_z(angles_zxy(rotations[:, [BONE_INDEX["root"]]])[0])
    rest = np.array([bone.rest_mm for bone in bones])[..., None]
    share = np.array([bone.stiffness for bone in bones])[:, None]
    stiff, slack = (carriers @ rest)[..., 0], (upright @ rest)[..., 0]
    return smallest_rotations(stiff, share * stiff + (1 - share) * slack) @ carriers


class _Rods(NamedTuple):
    """R colliders frame by frame, and how near points at S shares of n bones may come."""

    starts: Float[np.ndarray, "T R 3"]
    ends: Float[np.ndarray, "T R 3"]
    pushes: Float[np.ndarray, "T R n 3"]
    """Unit vectors across the rods that point outwards for each bone: they turn with the limbs."""
    nearest_mm: Float[np.ndarray, "R S n"]


def _rods(
    bones: list[LooseBone], body: Body, rotations: np.ndarray, positions: np.ndarray
) -> _Rods:
    """The colliders that the bones share. What at rest is nearer than a rod is thick may stay."""
    rods = list(dict.fromkeys(rod for bone in bones for rod in bone.colliders))
    first, last = [BONE_INDEX[rod.start] for rod in rods], [BONE_INDEX[rod.end] for rod in rods]
    starts, ends = positions[:, first], positions[:, last]
    axes = ends - starts
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    pushes = np.einsum("trij,nj->trni", rotations[:, first], [bone.outward for bone in bones])
    pushes -= np.einsum("trni,tri->trn", pushes, axes)[..., None] * axes[:, :, None]
    pushes /= np.maximum(np.linalg.norm(pushes, axis=-1, keepdims=True), 1e-6)
    heads, rest = np.array([(bone.head_mm, bone.rest_mm) for bone in bones]).swapaxes(0, 1)
    points = heads + np.array(_SHARES)[:, None, None] * rest
    nearest = np.empty((len(rods), *points.shape[:2]))
    for k, rod in enumerate(rods):
        at_rest = distance_mm(points, body.head_of(rod.start), body.head_of(rod.end))
        nearest[k] = np.clip(at_rest, np.multiply(_LEAST, rod.radius_mm)[:, None], rod.radius_mm)
    return _Rods(starts, ends, pushes, nearest)


def distance_mm(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """From points (*n, 3) to the line between two: (*n)."""
    along = end - start
    place = np.clip((points - start) @ along / (along @ along), 0, 1)
    return np.linalg.norm(points - start - place[..., None] * along, axis=-1)


def _swung(
    bones: list[LooseBone], base: np.ndarray, heads: np.ndarray, rods: _Rods, fps: float
) -> np.ndarray:
    """Directions (T, n, 3) from the heads to the tips."""
    rest = np.array([bone.rest_mm for bone in bones])
    lengths = np.linalg.norm(rest, axis=1)[:, None]
    targets = heads + (base @ rest[..., None])[..., 0]
    velocity = np.gradient(targets, axis=0) * fps if len(targets) > 1 else np.zeros_like(targets)
    targets = targets - DRAG_S * velocity * [1, 1, 0]
    keep = _transition(bones, 1 / fps)
    off, speed, before = np.zeros_like(rest), np.zeros_like(rest), np.zeros_like(rest)
    directions, shares = np.empty_like(targets), np.array(_SHARES)
    for t in range(len(targets)):
        moving = (targets[t] - targets[t - 1]) * fps if t else before
        speed = speed + before - moving if t > 1 else speed
        before = moving
        off, speed = keep[0] * off + keep[1] * speed, keep[2] * off + keep[3] * speed
        free = targets[t] + off
        ways = free - heads[t]
        ways *= lengths / np.linalg.norm(ways, axis=1, keepdims=True)
        here = rods.starts[t], rods.ends[t], rods.pushes[t], rods.nearest_mm
        turn_off_rods(ways, heads[t], shares, *here, ROUNDS)
        tips = _not_over(heads[t] + ways, targets[t], heads[t], lengths)
        pushed = tips - free
        size = np.linalg.norm(pushed, axis=1, keepdims=True)
        most = np.minimum(1, MOST_PUSHED_MM / np.maximum(size, 1e-9))
        speed, off = speed + TAKEN_ALONG * fps * pushed * most, tips - targets[t]
        directions[t] = tips - heads[t]
    return directions


def _transition(
    bones: list[LooseBone], step_s: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What a damped oscillator's (deviation, speed) is multiplied with in a step: four (n, 1)."""
    natural = 2 * np.pi * np.array([bone.frequency_hz for bone in bones])[:, None]
    damping = np.array([bone.damping for bone in bones])[:, None]
    decay, swing = natural * damping, natural * np.sqrt(1 - damping**2)
    fading = np.exp(-decay * step_s)
    cosine, sine = fading * np.cos(swing * step_s), fading * np.sin(swing * step_s)
    back, slower = -(natural**2) / swing * sine, decay / swing * sine
    return cosine + slower, sine / swing, back, cosine - slower


def _not_over(
    tips: np.ndarray, targets: np.ndarray, heads: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """The tips (n, 3), turned back to a right angle from where they would hang if beyond it."""
    ways, hanging = tips - heads, targets - heads
    hanging = hanging / np.linalg.norm(hanging, axis=1, keepdims=True)
    ways = ways - np.minimum((ways * hanging).sum(axis=1, keepdims=True), 0) * hanging
    return heads + ways * (lengths / np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-6))
