"""Arms that keep out of the trunk: postures are drawn without a look at the body, and bodies differ
in girth.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from posegrid.body.rotations import rot_x, rot_y, rot_z, turned
from posegrid.walkers.arms import LEAST_DEG, MOST_DEG
from posegrid.walkers.body.mesh import BONE_INDEX, Body, load_body_model
from posegrid.walkers.posture import DOWN, SIDES, Angles

ALONG_FOREARM = np.array([0.0, 0.3, 0.6, 0.85, 1.1, 1.3])
"""Points that are tested, as shares of elbow to wrist; the last ones are in the hand."""
THICKNESS_MM = np.array([45.0, 45.0, 40.0, 35.0, 28.0, 22.0])
"""Half the thickness of forearm and hand there, with both's clothes."""
EXTRA_RAD = np.radians(np.arange(0.0, 66.0, 3.0))
WAYS_OUT = ((1.0, 0.0), (0.0, 1.0), (0.7, 0.7), (-1.0, 0.0), (-0.7, 0.7))
"""Shares of shoulder flexion and abduction that lead out of the trunk: forwards, sideways,
backwards and between.
"""
SLICE_MM = 30.0
SPINE = ("root", "spine04", "spine03", "spine02", "spine01")


@dataclass(frozen=True, eq=False)
class Trunk:
    """Slices of a trunk at rest, from the pelvis up: half ellipses to the front and to the back,
    mm.
    """

    bottom_mm: float
    half_width_mm: Float[np.ndarray, "S"]
    front_y_mm: Float[np.ndarray, "S"]
    back_y_mm: Float[np.ndarray, "S"]

    def depth_mm(
        self, points: Float[np.ndarray, "*batch 3"], margin_mm: np.ndarray
    ) -> Float[np.ndarray, "*batch"]:
        """How deep points are in the trunk made thicker by a margin; negative outside, by about
        their distance.
        """
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
    """The angles with each arm swung out, as little as it takes, where its forearm would be inside
    the trunk.

    `reach`: frames before and after over which a correction builds up. What no way out clears stays
    as deep as it is at the best.
    """
    freed = dict(angles)
    for side, sign in SIDES:
        if depth_mm(body, angles, side, sign).max() > 0:
            costs = [_extra_rad(body, angles, side, sign, way) for way in WAYS_OUT]
            best = int(np.argmin([cost for _, cost in costs]))
            freed = _swung_out(freed, side, WAYS_OUT[best], _built_up(costs[best][0], reach))
    return freed


def depth_mm(body: Body, angles: Angles, side: str, sign: float) -> Float[np.ndarray, "T"]:
    """How deep the forearm of a side is in the trunk at most (negative: distance), the trunk taken
    as rigid.
    """
    flexion, abduction, rotation, elbow = (
        angles[f"{name}.{side}"]
        for name in ("shoulder_flexion", "shoulder_abduction", "shoulder_rotation", "elbow_flexion")
    )
    shoulder, elbow_at, wrist = (
        body.head_of(f"{bone}.{side}") for bone in ("upperarm01", "lowerarm01", "wrist")
    )
    upper = rot_x(-flexion) @ rot_y(-sign * abduction) @ rot_z(-sign * rotation)
    bend = shoulder + np.linalg.norm(elbow_at - shoulder) * turned(upper, DOWN)
    forearm = np.linalg.norm(wrist - elbow_at) * turned(upper @ rot_x(-elbow), DOWN)
    points = bend[:, None] + ALONG_FOREARM[:, None] * forearm[:, None]
    return trunk_of(body).depth_mm(points, THICKNESS_MM).max(axis=1)


def _extra_rad(
    body: Body, angles: Angles, side: str, sign: float, way: tuple[float, float]
) -> tuple[Float[np.ndarray, "T"], float]:
    """The least turns in a way that clear the arm, and what the way costs: its turns and what stays
    uncleared.
    """
    depths = np.stack(
        [
            depth_mm(
                body,
                _swung_out(angles, side, way, np.full(len(angles["trunk_tilt"]), extra)),
                side,
                sign,
            )
            for extra in EXTRA_RAD
        ]
    )
    clear = depths <= 0
    first = np.where(clear.any(axis=0), clear.argmax(axis=0), depths.argmin(axis=0))
    left = np.maximum(0, np.take_along_axis(depths, first[None], axis=0)[0])
    return EXTRA_RAD[first], float(EXTRA_RAD[first].mean() + 0.05 * left.max())


def _swung_out(
    angles: Angles, side: str, way: tuple[float, float], extra: np.ndarray
) -> dict[str, np.ndarray]:
    """The angles with one arm turned further, its shoulder inside its limits."""
    turned_out = dict(angles)
    for name, share, low, high in zip(
        ("shoulder_flexion", "shoulder_abduction"), way, LEAST_DEG, MOST_DEG, strict=False
    ):
        turned_out[f"{name}.{side}"] = np.clip(
            angles[f"{name}.{side}"] + share * extra, np.radians(low), np.radians(high)
        )
    return turned_out


def _built_up(extra: Float[np.ndarray, "T"], reach: int) -> Float[np.ndarray, "T"]:
    """The corrections smoothed, nowhere smaller than asked for by more than a little."""
    padded = np.pad(extra, reach, mode="edge")
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    window = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(np.pad(highest, reach, mode="edge"), window / window.sum(), mode="valid")
