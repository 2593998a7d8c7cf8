"""Peaks of a curve, told from its small unrest."""

import numpy as np
from jaxtyping import Float, Int


def standing_out(values: Float[np.ndarray, "n"], least: float) -> Int[np.ndarray, "_"]:
    """Rows of the peaks that rise by at least so much above the lowest value on the way to a higher one, on each side.

    Of a level top it is the middle.
    """
    steps = np.sign(np.diff(values))
    changes = np.flatnonzero(steps)
    tops = np.flatnonzero((steps[changes[:-1]] > 0) & (steps[changes[1:]] < 0))
    peaks = (changes[tops] + 1 + changes[tops + 1]) // 2
    return np.array([row for row in peaks.tolist() if _prominence(values, row) >= least], dtype=np.intp)


def apart(peaks: Int[np.ndarray, "n"], values: Float[np.ndarray, "_"], nearest: float) -> Int[np.ndarray, "_"]:
    """The peaks without those that are nearer than so many rows to a higher one that stays."""
    kept: list[int] = []
    for row in peaks[np.argsort(values[peaks], kind="stable")[::-1]].tolist():
        if all(abs(row - other) >= nearest for other in kept):
            kept.append(row)
    return np.array(sorted(kept), dtype=np.intp)


def _prominence(values: Float[np.ndarray, "n"], row: int) -> float:
    """How far the peak stands out: above the higher one of the lowest values before and after it, up to higher ones."""
    higher = np.flatnonzero(values > values[row])
    begin = higher[higher < row].max(initial=-1) + 1
    end = higher[higher > row].min(initial=len(values))
    return float(values[row] - max(values[begin : row + 1].min(), values[row:end].min()))
