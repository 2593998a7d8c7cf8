"""Motions whose standing feet (`contact.py`) stay where they are.

First the way of the whole body is corrected, so that the feet that stand hardly slide: keypoints
tell little of how the distance from the camera changes, feet that stand tell it well. Then single
legs are held in place. Neither the floor nor the direction of gravity has to be known; the camera
must be at rest.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import solveh_banded

from posegrid.body.rotations import unit
from posegrid.body.skeleton import JOINT_NAMES, TYPICAL_SHARE
from posegrid.motion.contact import stretches
from posegrid.motion.smoothing import known, runs

LEGS = tuple(
    tuple(JOINT_NAMES.index(f"{side}_{part}") for part in ("hip", "knee", "ankle"))
    for side in ("right", "left")
)
ANKLES = tuple(leg[2] for leg in LEGS)

LONGEST_SHIFT_MM = 300.0
"""Where a foot would have to be moved farther, it does not stand, or the estimate is bad: the
stretch is left alone.
"""
BLEND_S = 0.2
"""Before and after it stands, a foot is led to its place and away from it over so long."""

Joints = Float[np.ndarray, "T 17 3"]
Times = Float[np.ndarray, "T"]


def slip_mm(joints_mm: Joints, stands: Bool[np.ndarray, "T 2"]) -> float:
    """Mean way of a standing ankle from one frame to the next, mm; NaN if no foot stands for two
    frames.
    """
    steps = np.linalg.norm(np.diff(joints_mm[:, ANKLES], axis=0), axis=-1)[stands[1:] & stands[:-1]]
    return float(steps.mean()) if len(steps) else float("nan")


def with_still_feet(
    joints_mm: Joints,
    length_mm: Float[np.ndarray, "16"],
    stands: Bool[np.ndarray, "T 2"],
    time_s: Times,
) -> Joints:
    """The motion with every standing foot near one place, and thighs and shanks of these lengths;
    all but knees and ankles stays. NaN where a bone has no direction.

    A leg follows its ankle as a whole, half of the way at the knee, and keeps its bones' directions
    else: a straight knee is not bent to win some millimetres, so a foot that would have to come
    nearer to its hip goes on slipping.
    """
    result = joints_mm.copy()
    for foot, (hip, knee, ankle) in enumerate(LEGS):
        goal_mm = joints_mm[:, ankle] + _shifts(joints_mm[:, ankle], stands[:, foot], time_s)
        for _ in range(3):
            way = goal_mm - result[:, ankle]
            shank = result[:, ankle] - result[:, knee] + way / 2
            thigh = result[:, knee] - result[:, hip] + way / 2
            result[:, knee] = result[:, hip] + _of_length(thigh, length_mm[knee - 1])
            result[:, ankle] = result[:, knee] + _of_length(shank, length_mm[ankle - 1])
    return result


def _of_length(bone_mm: Float[np.ndarray, "T 3"], wanted_mm: float) -> Float[np.ndarray, "T 3"]:
    size_mm = np.linalg.norm(bone_mm, axis=1, keepdims=True)
    return bone_mm * (wanted_mm / np.where(size_mm > 0, size_mm, np.nan))


def _shifts(
    ankle_mm: Float[np.ndarray, "T 3"], stands: Bool[np.ndarray, "T"], time_s: Times
) -> Float[np.ndarray, "T 3"]:
    """How far the ankle has to go: to the stretch's median while it stands, a fading part of that
    before and after.
    """
    total, weights = np.zeros_like(ankle_mm), np.zeros(len(ankle_mm))
    timed = np.flatnonzero(np.isfinite(time_s))
    times = time_s[timed]
    for rows in stretches(stands):
        shift = np.median(ankle_mm[rows], axis=0) - ankle_mm[rows]
        if np.linalg.norm(shift, axis=1).max() > LONGEST_SHIFT_MM:
            continue
        begin_s, end_s = time_s[rows[[0, -1]]]
        first, last = np.searchsorted(times, (begin_s - BLEND_S, end_s + BLEND_S))
        near = timed[first:last]
        apart_s = np.maximum(np.maximum(begin_s - time_s[near], time_s[near] - end_s), 0.0)
        share = np.clip(1 - apart_s / BLEND_S, 0.0, 1.0)
        share[stands[near] & (apart_s > 0)] = 0.0
        total[near] += share[:, None] * shift[np.clip(near - rows[0], 0, len(rows) - 1)]
        weights[near] += share
    return total / np.maximum(weights, 1.0)[:, None]


def rigid_feet(from_ankle_mm: Float[np.ndarray, "T 4 3"]) -> Float[np.ndarray, "T 4 3"]:
    """The feet's points (`FEET_NAMES`, from their ankles) as one triangle of ankle, heel and toe, the
    same in all frames and on both sides: each keeps the direction from heel to toe and its plane.

    Its sides are the quantile `TYPICAL_SHARE` of those seen. NaN where a point of the foot is.
    """
    heel, toe = (from_ankle_mm.reshape(-1, 2, 2, 3)[:, :, point] for point in (0, 1))
    sole = toe - heel
    seen = known(from_ankle_mm.reshape(-1, 6)) & sole.any(axis=-1).ravel()
    if not seen.any():
        return from_ankle_mm
    to_heel_mm, to_toe_mm, sole_mm = (
        float(np.quantile(np.linalg.norm(side, axis=-1).ravel()[seen], TYPICAL_SHARE))
        for side in (heel, toe, sole)
    )
    behind_mm = (to_heel_mm**2 + sole_mm**2 - to_toe_mm**2) / (2 * sole_mm)
    below_mm = np.sqrt(max(to_heel_mm**2 - behind_mm**2, 0.0))
    ahead = unit(sole)
    down = unit(heel - (heel * ahead).sum(axis=-1, keepdims=True) * ahead)
    heel = below_mm * down - behind_mm * ahead
    return np.stack([heel, heel + sole_mm * ahead], axis=2).reshape(-1, 4, 3)


BEND_S, STAY_S = 0.07, 0.2
"""The correction bends and stays near zero: their weights against the slide, as times. Chosen on
rendered walks.
"""


def root_correction_mm(
    joints_mm: Float[np.ndarray, "T 17 3"],
    stands: Bool[np.ndarray, "T 2"],
    time_s: Float[np.ndarray, "T"],
) -> Float[np.ndarray, "T 3"]:
    """How far the whole person has to be moved in each frame; 0 where the joints (absolute) are
    NaN.

    It makes least the sum of the squares of the standing ankles' speeds, of the correction's
    acceleration times BEND_S, and of the correction by STAY_S, over each stretch of frames without
    a gap.
    """
    result = np.zeros((len(joints_mm), 3))
    for rows in runs(known(joints_mm), time_s):
        both = (stands[rows][1:] & stands[rows][:-1]).astype(np.float64)
        if both.any():
            slides = np.diff(joints_mm[:, ANKLES][rows], axis=0)
            step_s = float(np.median(np.diff(time_s[rows])))
            result[rows] = _correction(
                both.sum(axis=1), (both[..., None] * slides).sum(axis=1), step_s
            )
    return result


def _correction(
    feet: Float[np.ndarray, "n"], slide: Float[np.ndarray, "n 3"], step_s: float
) -> Float[np.ndarray, "m 3"]:
    """The least squares' normal equations, a symmetric matrix with two bands beside its diagonal.

    feet: how many stand from frame to frame; slide: the sum of what they move, mm.
    """
    bending, bends = (BEND_S / step_s) ** 2, len(feet) - 1
    bands = np.zeros((3, len(feet) + 1))
    bands[0] = (step_s / STAY_S) ** 2
    bands[0, 1:] += feet
    bands[0, :-1] += feet
    bands[1, :-1] -= feet
    for column, weight in enumerate((1.0, 4.0, 1.0)):
        bands[0, column : column + bends] += bending * weight
    for column in (0, 1):
        bands[1, column : column + bends] -= 2 * bending
    bands[2, :bends] += bending
    return solveh_banded(bands, np.diff(slide, axis=0, prepend=0, append=0), lower=True)
