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
        result[gaps] = _on_curve(time_s[there], result[there], time_s[gaps])
    return result.reshape(values.shape)


def _on_curve(
    time_s: Float[np.ndarray, "n"], values: Float[np.ndarray, "n d"], at_s: Float[np.ndarray, "m"]
) -> Float[np.ndarray, "m d"]:
    """Cubic pieces (Hermite's form) through the values, at times between the first and the last; n is at least 2."""
    steps, slopes = np.diff(time_s)[:, None], _slopes(time_s, values)
    row = np.clip(np.searchsorted(time_s, at_s, side="right") - 1, 0, len(steps) - 1)
    step = steps[row]
    way = (at_s[:, None] - time_s[row, None]) / step
    rise = way**2 * (3 - 2 * way)
    bends = way * (1 - way) * ((1 - way) * slopes[row] - way * slopes[row + 1])
    return values[row] + rise * (values[row + 1] - values[row]) + step * bends


def _slopes(time_s: Float[np.ndarray, "n"], values: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """The curve's slope at each value: 0 at a turning point, else the harmonic mean of the slopes on both sides,
    weighted by the steps (Fritsch & Butland, SIAM J. Sci. Stat. Comput. 1984); at the ends that of a parabola."""
    steps = np.diff(time_s)[:, None]
    secants = np.diff(values, axis=0) / steps
    if len(secants) == 1:
        return np.repeat(secants, 2, axis=0)
    before, after = secants[:-1], secants[1:]
    one_way = before * after > 0
    w_before, w_after = steps[:-1] + 2 * steps[1:], 2 * steps[:-1] + steps[1:]
    mean = (w_before + w_after) / (w_before / np.where(one_way, before, 1) + w_after / np.where(one_way, after, 1))
    slopes = np.empty_like(values)
    slopes[1:-1] = np.where(one_way, mean, 0.0)
    slopes[0] = _slope_at_end(steps[0], steps[1], secants[0], secants[1])
    slopes[-1] = _slope_at_end(steps[-1], steps[-2], secants[-1], secants[-2])
    return slopes


def _slope_at_end(step: np.ndarray, next_step: np.ndarray, secant: np.ndarray, next_secant: np.ndarray) -> np.ndarray:
    """The parabola's slope at the end of three values, limited so that the curve does not overshoot."""
    slope = ((2 * step + next_step) * secant - step * next_secant) / (step + next_step)
    slope = np.where(slope * secant <= 0, 0.0, slope)
    return np.where((secant * next_secant < 0) & (np.abs(slope) > 3 * np.abs(secant)), 3 * secant, slope)
