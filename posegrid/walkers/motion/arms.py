"""Arms: what people do with them besides swinging them, and how they keep out of the trunk.

Postures of one arm or both are drawn at random without a look at the body, and bodies differ in
girth: an arm that would be in the trunk is swung out.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from posegrid.body.rotations import turned
from posegrid.walkers.body.mesh import BONE_INDEX, Body, load_body_model
from posegrid.walkers.motion.posture import (
    ARM_ANGLES,
    DOWN,
    LEAST_DEG,
    MOST_DEG,
    SIDES,
    Angles,
    arm_frames,
    smooth_cover,
)


@dataclass(frozen=True)
class HeldArm:
    """One arm held in a posture, angles as in `posture.py`."""

    angles_rad: tuple[float, float, float, float]
    """In the order of `ARM_ANGLES`."""
    sway: float = 0.15
    """How much of a walker's arm swing is left."""


@dataclass(frozen=True)
class _Posture:
    """A posture's angles in degrees, how far they spread, and whether both arms take it."""

    share: float
    mean_deg: tuple[float, float, float, float]
    spread_deg: tuple[float, float, float, float]
    both: float
    """Chance that the other arm does the same; else it hangs."""


POSTURES = {
    "crossed": _Posture(0.10, (32, 4, 62, 102), (5, 4, 8, 8), 1.0),
    "in pockets": _Posture(0.12, (-12, 17, 18, 42), (6, 5, 8, 10), 0.7),
    "on the hips": _Posture(0.08, (-18, 42, 52, 95), (8, 8, 10, 12), 0.8),
    "behind the back": _Posture(0.06, (-30, 14, 75, 70), (6, 6, 8, 14), 0.9),
    "carrying": _Posture(0.10, (18, 6, 15, 88), (14, 6, 14, 14), 0.8),
    "at the ear": _Posture(0.08, (60, 44, 2, 138), (9, 9, 9, 5), 0.0),
    "waving": _Posture(0.05, (30, 78, -62, 88), (20, 18, 18, 22), 0.1),
    "spread": _Posture(0.13, (5, 78, 0, 12), (15, 22, 20, 12), 0.8),
    "forwards": _Posture(0.08, (78, 4, 10, 22), (18, 12, 20, 20), 0.6),
    "overhead": _Posture(0.06, (152, 16, 0, 22), (14, 12, 20, 22), 0.6),
    "any": _Posture(0.14, (45, 40, 5, 60), (45, 40, 45, 45), 0.5),
}
"""How arms are held, and how often."""


def sample_arms(rng: np.random.Generator) -> tuple[HeldArm | None, HeldArm | None]:
    """The left and the right arm held in a random posture; None for one that hangs or swings."""
    names = list(POSTURES)
    posture = POSTURES[str(rng.choice(names, p=[POSTURES[name].share for name in names]))]
    arms: list[HeldArm | None] = [_held(posture, rng), None]
    if rng.random() < posture.both:
        arms[1] = _held(posture, rng)
    return (arms[0], arms[1]) if rng.random() < 0.5 else (arms[1], arms[0])


def hanging_arm(rng: np.random.Generator) -> HeldArm:
    """An arm at the side of a person who stands."""
    return HeldArm(_within(rng.normal((2, 8, 5, 14), (9, 5, 10, 9))))


def spread_arm(rng: np.random.Generator) -> HeldArm:
    """An arm that keeps the balance: out to the side, up or down, straight or over the head."""
    elbow = rng.uniform(4, 30) if rng.random() < 0.6 else rng.uniform(30, 125)
    shoulder = rng.normal(10, 22), rng.uniform(25, 140), rng.normal(-5, 30)
    return HeldArm(_within(np.array([*shoulder, elbow])))


def hold_arm(angles: dict[str, Float[np.ndarray, "T"]], side: str, arm: HeldArm | None) -> None:
    """Put a held arm's angles (in place) in those of the swinging one; a little sway is left."""
    if arm is None:
        return
    for name, held in zip(ARM_ANGLES, arm.angles_rad, strict=True):
        swung = angles[f"{name}.{side}"]
        angles[f"{name}.{side}"] = held + arm.sway * (swung - swung.mean())


def _held(posture: _Posture, rng: np.random.Generator) -> HeldArm:
    angles_deg = rng.normal(posture.mean_deg, posture.spread_deg)
    return HeldArm(_within(angles_deg), float(rng.uniform(0.0, 0.3)))


def _within(angles_deg: np.ndarray) -> tuple[float, float, float, float]:
    """The angles inside the joints' limits, in radians."""
    flexion, abduction, rotation, elbow = np.radians(np.clip(angles_deg, LEAST_DEG, MOST_DEG))
    return float(flexion), float(abduction), float(rotation), float(elbow)


ALONG_FOREARM = np.array([0.0, 0.3, 0.6, 0.85, 1.1, 1.3])
"""Points that are tested, as shares of elbow to wrist; the last ones are in the hand."""
THICKNESS_MM = np.array([45.0, 45.0, 40.0, 35.0, 28.0, 22.0])
"""Half the thickness of forearm and hand there, with both's clothes."""
EXTRA_RAD = np.radians(np.arange(0.0, 66.0, 3.0))
WAYS_OUT = ((1.0, 0.0), (0.0, 1.0), (0.7, 0.7), (-1.0, 0.0), (-0.7, 0.7))
"""Shares of shoulder flexion and abduction that lead out of the trunk: ahead, aside, back."""
SLICE_MM = 30.0
SPINE = ("root", "spine04", "spine03", "spine02", "spine01")


@dataclass(frozen=True, eq=False)
class Trunk:
    """Slices of a trunk at rest, from the pelvis up: half ellipses to front and back, mm."""

    bottom_mm: float
    half_width_mm: Float[np.ndarray, "S"]
    front_y_mm: Float[np.ndarray, "S"]
    back_y_mm: Float[np.ndarray, "S"]

    def depth_mm(
        self, points: Float[np.ndarray, "*batch 3"], margin_mm: np.ndarray
    ) -> Float[np.ndarray, "*batch"]:
        """How deep points are in the trunk made thicker by a margin; outside about -distance."""
        row = np.floor((points[..., 2] - self.bottom_mm) / SLICE_MM).astype(int)
        inside = (row >= 0) & (row < len(self.half_width_mm))
        row = np.clip(row, 0, len(self.half_width_mm) - 1)
        middle = 0.5 * (self.front_y_mm[row] + self.back_y_mm[row])
        along = 0.5 * (self.back_y_mm[row] - self.front_y_mm[row]) + margin_mm
        across = self.half_width_mm[row] + margin_mm
        radius = np.hypot(points[..., 0] / across, (points[..., 1] - middle) / along)
        return np.where(inside, (1 - radius) * np.minimum(along, across), -np.inf)


@lru_cache(maxsize=8)
def trunk_of(body: Body) -> Trunk:
    """The slices of a body's trunk, of the tights that go round it."""
    model = load_body_model()
    tights = np.unique(model.faces["helper_tights"])
    spine = np.isin(model.skin_bones[tights], [BONE_INDEX[bone] for bone in SPINE])
    share = np.sum(model.skin_weights[tights], axis=1, where=spine)
    points = body.vertices_mm[tights[share > 0.5]]
    bottom = float(np.percentile(points[:, 2], 2))
    row = np.floor((points[:, 2] - bottom) / SLICE_MM).astype(int)
    # slices overlap, so that none misses the points of its widest ring
    slices = [points[np.abs(row - index) <= 1] for index in range(int(row.max()) + 1)]
    return Trunk(
        bottom,
        np.array([np.abs(points[:, 0]).max() for points in slices]),
        np.array([points[:, 1].min() for points in slices]),
        np.array([points[:, 1].max() for points in slices]),
    )


def cleared(body: Body, angles: Angles, reach: int = 6) -> dict[str, Float[np.ndarray, "T"]]:
    """The angles, each arm swung out as little as it takes where its forearm would be in the trunk.

    `reach`: frames before and after over which a correction builds up. What no way out clears stays
    as deep as it is at the best.
    """
    freed = dict(angles)
    for side, sign in SIDES:
        if depth_mm(body, angles, side, sign).max() > 0:
            ways = [(way, *_extra_rad(body, angles, side, sign, way)) for way in WAYS_OUT]
            way, extra, _ = min(ways, key=lambda found: found[2])
            freed = _swung_out(freed, side, way, smooth_cover(extra, reach))
    return freed


def depth_mm(body: Body, angles: Angles, side: str, sign: float) -> Float[np.ndarray, "T"]:
    """How deep a side's forearm is in the trunk, taken as rigid, at most (negative: distance)."""
    shoulder, elbow_at, wrist = (
        body.head_of(f"{bone}.{side}") for bone in ("upperarm01", "lowerarm01", "wrist")
    )
    upper, forearm = arm_frames(angles, side, sign)
    bend = shoulder + np.linalg.norm(elbow_at - shoulder) * turned(upper, DOWN)
    along = np.linalg.norm(wrist - elbow_at) * turned(forearm, DOWN)
    points = bend[:, None] + ALONG_FOREARM[:, None] * along[:, None]
    return trunk_of(body).depth_mm(points, THICKNESS_MM).max(axis=1)


def _extra_rad(
    body: Body, angles: Angles, side: str, sign: float, way: tuple[float, float]
) -> tuple[Float[np.ndarray, "T"], float]:
    """The least turns in a way that clear the arm, and the way's cost: turns, and what stays in."""
    trials = (_swung_out(angles, side, way, np.asarray(extra)) for extra in EXTRA_RAD)
    depths = np.stack([depth_mm(body, trial, side, sign) for trial in trials])
    clear = depths <= 0
    first = np.where(clear.any(axis=0), clear.argmax(axis=0), depths.argmin(axis=0))
    left = np.maximum(0, np.take_along_axis(depths, first[None], axis=0)[0])
    return EXTRA_RAD[first], float(EXTRA_RAD[first].mean() + 0.05 * left.max())


def _swung_out(
    angles: Angles, side: str, way: tuple[float, float], extra: np.ndarray
) -> dict[str, np.ndarray]:
    """The angles with one arm turned further, its shoulder inside its limits."""
    turned_out = dict(angles)
    limits_rad = np.radians([LEAST_DEG[:2], MOST_DEG[:2]]).T
    for joint, share, limits in zip(ARM_ANGLES[:2], way, limits_rad, strict=True):
        name = f"{joint}.{side}"
        turned_out[name] = np.clip(angles[name] + share * extra, *limits)
    return turned_out
