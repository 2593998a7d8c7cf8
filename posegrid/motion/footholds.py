"""The way of the whole body, corrected so that the feet that stand hardly slide: before single legs
are held in place.

Keypoints tell little of how the distance from the camera changes; feet that stand tell it well.
"""

import numpy as np
from jaxtyping import Bool, Float

from posegrid.motion.feet import ANKLES
from posegrid.motion.smoothing import known, runs

BEND_S, STAY_S = 0.035, 0.2
"""The correction bends and stays near zero: their weights against the slide, as times. Chosen on
rendered walks.
"""
MOST_ROUNDS, CLOSE = 2000, 1e-8


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
            slides = np.diff(joints_mm[rows][:, ANKLES], axis=0)
            step_s = float(np.median(np.diff(time_s[rows])))
            result[rows] = _correction(
                both.sum(axis=1), (both[..., None] * slides).sum(axis=1), step_s
            )
    return result


def _correction(
    feet: Float[np.ndarray, "n"], slide: Float[np.ndarray, "n 3"], step_s: float
) -> np.ndarray:
    """The least squares' normal equations, solved by conjugate gradients. feet: how many stand from
    frame to frame; slide: the sum of what they move, mm."""
    bending, staying = (BEND_S / step_s) ** 2, (step_s / STAY_S) ** 2

    def applied(c: np.ndarray) -> np.ndarray:
        return (
            staying * c
            + _transposed(feet[:, None] * np.diff(c, axis=0))
            + bending * _bends_transposed(c)
        )

    result = np.zeros((len(feet) + 1, 3))
    rest = -_transposed(slide)
    way, square = rest, (rest**2).sum()
    first = square
    for _ in range(MOST_ROUNDS):
        if square <= CLOSE**2 * first:
            break
        pushed = applied(way)
        length = square / (way * pushed).sum()
        result, rest = result + length * way, rest - length * pushed
        before, square = square, (rest**2).sum()
        way = rest + square / before * way
    return result


def _transposed(steps: Float[np.ndarray, "n 3"]) -> np.ndarray:
    """What `np.diff` does, transposed: each step is added to the frame after it and taken from the
    one before.
    """
    return -np.diff(steps, axis=0, prepend=0, append=0)


def _bends_transposed(c: np.ndarray) -> np.ndarray:
    """The second differences of the second differences, with free ends."""
    return _transposed(_transposed(np.diff(c, n=2, axis=0))) if len(c) > 2 else np.zeros_like(c)
