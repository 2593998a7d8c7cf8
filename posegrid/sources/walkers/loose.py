"""What hangs loosely on a person - skirts, coats, long hair, bags - swings behind the body and keeps off the legs.

A loose part is moved by bones of its own. Each swings about its head like a damped pendulum whose rest direction goes
with the body: the tip's deviation e from where it would hang obeys e'' + 2 z w e' + w^2 e = -(acceleration of the
hanging point), solved exactly between frames, so that the frame rate does not matter.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from posegrid.sources.walkers.body import BONE_INDEX

DRAG_S = 0.025
"""Air holds tips back by what the body goes in this time."""
TAKEN_ALONG = 0.3
"""Share of the speed of a leg that a tip keeps when the leg has pushed it."""


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
    """Index of the loose bone whose tip carries the head; None: the head is fixed to the carrier."""
    stiffness: float = 0.3
    """0 hangs by gravity alone, 1 turns with its carrier as if stiff."""
    frequency_hz: float = 1.5
    damping: float = 0.35
    """Relative to the critical one."""
    colliders: tuple[Collider, ...] = ()

    def renumbered(self, start: int) -> "LooseBone":
        """The same bone in a list where the ones of its garment begin at `start`."""
        return self if self.after is None else replace(self, after=self.after + start)

    @property
    def length_mm(self) -> float:
        return float(np.linalg.norm(self.tip_mm - self.head_mm))


class BoneMotion(NamedTuple):
    """Rotations from rest to the world and where bones start, frame by frame."""

    rotations: Float[np.ndarray, "T B 3 3"]
    positions_mm: Float[np.ndarray, "T B 3"]


def with_loose(loose: tuple[LooseBone, ...], body_mm: BoneMotion, fps: float) -> BoneMotion:
    """The motion of the body's bones followed by that of the loose ones."""
    if not loose:
        return body_mm
    rotations, positions = (np.empty((len(a), len(loose), *a.shape[2:])) for a in body_mm)
    for first in (True, False):
        group = [k for k, bone in enumerate(loose) if (bone.after is None) == first]
        if not group:
            continue
        bones = [loose[k] for k in group]
        carriers = body_mm.rotations[:, [BONE_INDEX[bone.carrier] for bone in bones]]
        heads = _heads(bones, body_mm, rotations, positions, loose)
        directions = _swing(bones, carriers, heads, body_mm.positions_mm, fps)
        rotations[:, group] = _turned(bones, carriers, directions)
        positions[:, group] = heads
    return BoneMotion(*(np.concatenate(pair, axis=1) for pair in zip(body_mm, (rotations, positions), strict=True)))


def _heads(
    bones: list[LooseBone], body: BoneMotion, rotations: np.ndarray, positions: np.ndarray, loose: tuple
) -> np.ndarray:
    """Where the bones start (T, n, 3), from their carriers' motion or that of the loose bones before them."""
    heads = np.empty((len(positions), len(bones), 3))
    for column, bone in enumerate(bones):
        if bone.after is None:
            index = BONE_INDEX[bone.carrier]
            rotation, position, start = body.rotations[:, index], body.positions_mm[:, index], None
            # the carrier's skin moves by x -> R (x - head) + position
            heads[:, column] = position + rotation @ (bone.head_mm - _rest_head(bone))
        else:
            before = loose[bone.after]
            rotation, position, start = rotations[:, bone.after], positions[:, bone.after], before.head_mm
            heads[:, column] = position + rotation @ (bone.head_mm - start)
    return heads
