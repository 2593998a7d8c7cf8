"""Short gaps of a motion, closed when asked for: each number on a smooth curve through its frames on both sides."""

from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

LONGEST_FILL_S = 0.5
"""A longer gap hides a step, which nobody can tell."""


def gaps_to_fill(found: Bool[np.ndarray, "T"], time_s: Float[np.ndarray, "T"]) -> Bool[np.ndarray, "T"]:
    """True for frames without a person between two with one that are at most `LONGEST_FILL_S` apart."""
    rows = np.flatnonzero(found & np.isfinite(time_s))
    result = np.zeros(len(found), dtype=bool)
    for before, after in pairwise(rows):
        if time_s[after] - time_s[before] <= LONGEST_FILL_S:
            result[before + 1 : after] = np.isfinite(time_s[before + 1 : after])
    return result


def interpolated(
    values: Float[np.ndarray, "T *rest"], gaps: Bool[np.ndarray, "T"], time_s: Float[np.ndarray, "T"]
) -> Float[np.ndarray, "T *rest"]:
    """The values, those of the gaps on curves without overshoot (Fritsch & Carlson, SIAM J. Numer. Anal. 1980)."""
    result = values.astype(np.float64).reshape(len(values), -1)
    there = np.isfinite(result).all(axis=1) & np.isfinite(time_s) & ~gaps
    if gaps.any() and there.sum() >= 2:
        from scipy.interpolate import PchipInterpolator  # costs 0.3 s to import

        result[gaps] = PchipInterpolator(time_s[there], result[there], extrapolate=False)(time_s[gaps])
    return result.reshape(values.shape)
