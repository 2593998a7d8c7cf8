"""Left and right, consistent over time: stretches of frames in which they were exchanged are exchanged back.

A network that sees one frame may take the left leg for the right one, at a crossing of the legs most often. The
cheapest way through all frames (Viterbi, IEEE Trans. Information Theory 1967) pays for how far the limbs jump from
frame to frame, and by the second for every stretch that is told against the network's word.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from posegrid.body.skeleton import JOINT_NAMES, mirror_order
from posegrid.motion.smoothing import known

LEGS = tuple(i for i, name in enumerate(JOINT_NAMES) if name.endswith(("hip", "knee", "ankle")))
ARMS = tuple(i for i, name in enumerate(JOINT_NAMES) if name.endswith(("shoulder", "elbow", "wrist")))
PRICE_MM_PER_S = 700.0
"""Price of a stretch told the other way round, against mean jumps of the limb's joints: legs 200 mm apart at both ends
of a stretch pay for 0.6 s."""


def consistent_sides(
    joints_mm: Float[np.ndarray, "T 17 3"], time_s: Float[np.ndarray, "T"]
) -> tuple[Float[np.ndarray, "T 17 3"], Bool[np.ndarray, "T 17"]]:
    """The poses with legs and arms exchanged back where that makes the motion whole, and which joints that changed."""
    rows = np.flatnonzero(known(joints_mm) & np.isfinite(time_s))
    result, exchanged = joints_mm.copy(), np.zeros(joints_mm.shape[:2], dtype=bool)
    if len(rows) < 2:
        return result, exchanged
    for joints in (LEGS, ARMS):
        order = np.arange(len(JOINT_NAMES))
        order[list(joints)] = mirror_order()[list(joints)]
        swapped = rows[_cheapest_way(joints_mm[rows][:, joints], joints_mm[rows][:, order[list(joints)]], time_s[rows])]
        result[swapped] = result[swapped][:, order]
        exchanged[swapped[:, None], joints] = True
    return result, exchanged


def _cheapest_way(
    as_told: Float[np.ndarray, "N J 3"], other: Float[np.ndarray, "N J 3"], time_s: Float[np.ndarray, "N"]
) -> Bool[np.ndarray, "N"]:
    """True for the frames to exchange."""
    states = np.stack([as_told, other])
    steps_s = np.gradient(time_s)
    cost = np.array([0.0, PRICE_MM_PER_S * steps_s[0]])
    best = np.zeros((len(time_s), 2), dtype=np.intp)
    for row in range(1, len(time_s)):
        jump = np.linalg.norm(states[:, None, row] - states[None, :, row - 1], axis=-1).mean(axis=-1)
        total = cost[None, :] + jump
        best[row] = total.argmin(axis=1)
        cost = total.min(axis=1) + [0.0, PRICE_MM_PER_S * steps_s[row]]
    return _traced(best, int(cost.argmin())) == 1


def _traced(best: Int[np.ndarray, "N 2"], last: int) -> Int[np.ndarray, "N"]:
    way = np.empty(len(best), dtype=np.intp)
    way[-1] = last
    for row in range(len(best) - 1, 0, -1):
        way[row - 1] = best[row, way[row]]
    return way
