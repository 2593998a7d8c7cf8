"""Left and right, consistent over time: where they were exchanged they are exchanged back.

A network that sees one frame may take the left leg for the right one, whole or from the knee on, at
a crossing of the legs most often. The cheapest way through all frames (Viterbi, IEEE Trans.
Information Theory 1967) pays for how far the limbs jump from frame to frame, and by the second for
every stretch that is told against the network's word; half for one at an end of the clip.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from posegrid.body.skeleton import JOINT_NAMES, mirror_order
from posegrid.motion.smoothing import known


def _joints(*parts: str) -> tuple[int, ...]:
    return tuple(i for i, name in enumerate(JOINT_NAMES) if name.endswith(parts))


LIMBS = (
    (_joints("hip", "knee", "ankle"), _joints("knee", "ankle")),
    (_joints("shoulder", "elbow", "wrist"), _joints("elbow", "wrist")),
)
"""Legs and arms: all of their joints, and those that a network exchanges without the others."""
PRICE_MM_PER_S = 700.0
"""Price of a stretch told the other way round, against mean jumps of the limbs' joints: legs 200 mm
apart at both ends of a stretch pay for 0.6 s."""


def consistent_sides(
    joints_mm: Float[np.ndarray, "T 17 3"], time_s: Float[np.ndarray, "T"]
) -> tuple[Float[np.ndarray, "T 17 3"], Bool[np.ndarray, "T 17"]]:
    """The poses with legs and arms exchanged back where that makes the motion whole, and which
    joints that changed.
    """
    rows = np.flatnonzero(known(joints_mm) & np.isfinite(time_s))
    result, exchanged = joints_mm.copy(), np.zeros(joints_mm.shape[:2], dtype=bool)
    if len(rows) < 2:
        return result, exchanged
    for whole, outer in LIMBS:
        tellings = [_exchanged(joints_mm, joints)[:, whole][rows] for joints in ((), whole, outer)]
        way = _cheapest_way(np.stack(tellings), time_s[rows])
        for state, joints in ((1, whole), (2, outer)):
            there = rows[way == state]
            result[there] = _exchanged(result[there], joints)
            exchanged[there[:, None], joints] = True
    return result, exchanged


def _exchanged(
    poses_mm: Float[np.ndarray, "N 17 3"], joints: tuple[int, ...]
) -> Float[np.ndarray, "N 17 3"]:
    order = np.arange(len(JOINT_NAMES))
    order[list(joints)] = mirror_order()[list(joints)]
    return poses_mm[:, order]


def _cheapest_way(
    poses_mm: Float[np.ndarray, "3 N J 3"], time_s: Float[np.ndarray, "N"]
) -> Int[np.ndarray, "N"]:
    """Which of the tellings to take in each frame: as it is, whole or outer joints exchanged.

    A stretch at the clip's beginning or end has one jump, where one inside has two: it costs half.
    So states 3 and 4 are 1 and 2 since the beginning, 5 and 6 are 1 and 2 up to the end.
    """
    tellings = np.array([0, 1, 2, 1, 2, 1, 2])
    shares = np.array([0.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5])
    barred = np.zeros((7, 7))  # from the second state to the first
    barred[3:5, :] = barred[:, 5:] = np.inf
    np.fill_diagonal(barred, 0.0)
    price = PRICE_MM_PER_S * np.gradient(time_s)[:, None] * shares
    best, cost = np.zeros((len(time_s), 7), dtype=np.int8), price[0]
    for row in range(1, len(time_s)):
        jump = np.linalg.norm(poses_mm[:, None, row] - poses_mm[None, :, row - 1], axis=-1)
        total = cost + jump.mean(axis=-1)[np.ix_(tellings, tellings)] + barred
        best[row] = total.argmin(axis=1)
        cost = total.min(axis=1) + price[row]
    way = np.empty(len(best), dtype=np.intp)
    way[-1] = cost.argmin()
    for row in range(len(best) - 1, 0, -1):
        way[row - 1] = best[row, way[row]]
    return tellings[way]
