"""Values over time without the jitter of single frames. Exact times: frame rates may vary, frames
may be missing.

Frames that hold a NaN stay as they are and count nothing, as do frames whose time is unknown; a gap
of more than `LONGEST_GAP_S` is not looked across.

Short gaps of a motion, closed when asked for: each number on a smooth curve through its frames on
both sides.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from posegrid.motion.refine_settings import Filter

LONGEST_GAP_S = 0.25
SHORTEST_STEP_S = 1e-3
LIGHT_SIGMA_S = 0.02
PARABOLA_HALF_S = 0.16
"""Half of the window of savitzky-golay."""
MIN_CUTOFF_HZ, SPEED_WEIGHT, SPEED_CUTOFF_HZ = 1.5, 0.006, 1.0
"""One Euro filter: cut-off at rest, its growth in Hz per unit and second (mm/s), cut-off of the
speed.
"""

Values = Float[np.ndarray, "T *rest"]
Times = Float[np.ndarray, "T"]


def filtered(values: Values, time_s: Times, kind: Filter) -> Values:
    """The values after the filter. one-euro looks at the past only and suits points in mm; the
    others look ahead.
    """
    match kind:
        case "light":
            return bell_averages(values, time_s, LIGHT_SIGMA_S)
        case "savitzky-golay":
            return local_parabolas(values, time_s, PARABOLA_HALF_S)
        case "one-euro":
            return one_euro(values, time_s)
    return values.astype(np.float64)


def bell_averages(values: Values, time_s: Times, sigma_s: float) -> Values:
    """Each frame's mean of the frames near it, weighted by a bell curve of sigma_s."""

    def middle(offset_s: np.ndarray, near: np.ndarray) -> np.ndarray:
        weights = np.exp(-0.5 * (offset_s / sigma_s) ** 2)
        return weights @ near / weights.sum()

    return _fitted(values, time_s, 3 * sigma_s, middle)


def local_parabolas(values: Values, time_s: Times, half_s: float) -> Values:
    """Each frame's value of the parabola through the frames within half_s, nearer ones counting
    more.

    The idea of Savitzky & Golay (Analytical Chemistry 1964), with the weights of Cleveland (J. Am.
    Stat. Assoc. 1979) for times that need not be even: what moves evenly, or speeds up evenly,
    comes back as it was.
    """

    def middle(offset_s: np.ndarray, near: np.ndarray) -> np.ndarray:
        at = offset_s / half_s
        weights = np.maximum(1 - np.abs(at) ** 3, 1e-3)[:, None] ** 1.5
        powers = at[:, None] ** np.arange(min(3, len(at)))
        return np.linalg.lstsq(powers * weights, near * weights, rcond=None)[0][0]

    return _fitted(values, time_s, half_s, middle)


def _fitted(
    values: Values,
    time_s: Times,
    reach_s: float,
    middle: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Values:
    """Each known frame's answer of `middle`(times from the frame, values (n, m)) on the known
    frames within reach_s.
    """
    flat = values.reshape(len(values), -1).astype(np.float64)
    result = flat.copy()
    for rows in runs(known(values), time_s):
        times = time_s[rows]
        first, last = (
            np.searchsorted(times, times - reach_s, "left"),
            np.searchsorted(times, times + reach_s, "right"),
        )
        for row, start, end in zip(rows, first, last, strict=True):
            result[row] = middle(times[start:end] - time_s[row], flat[rows[start:end]])
    return result.reshape(values.shape)


def one_euro(
    points_mm: Float[np.ndarray, "T *points axes"], time_s: Times
) -> Float[np.ndarray, "T *points axes"]:
    """Each frame's answer of a `OneEuro` that has seen those before it."""
    result = points_mm.astype(np.float64)
    for rows in runs(known(points_mm), time_s):
        live = OneEuro()
        for row in rows:
            result[row] = live.step(result[row], float(time_s[row]))
    return result


class OneEuro:
    """Low-pass filter, the weaker the faster a point moves; looks at the past only (Casiez et al.,
    CHI 2012).
    """

    def __init__(self) -> None:
        self._time_s = -np.inf
        self._points = self._raw = self._velocity = np.zeros(0)

    def step(
        self, points_mm: Float[np.ndarray, "*points axes"], time_s: float
    ) -> Float[np.ndarray, "*points axes"]:
        """The points after the filter; as they are at first, and after a gap of more than
        `LONGEST_GAP_S`.
        """
        points_mm = points_mm.astype(np.float64)
        if time_s - self._time_s > LONGEST_GAP_S:
            self._points, self._velocity = points_mm, np.zeros_like(points_mm)
        else:
            step_s = max(time_s - self._time_s, SHORTEST_STEP_S)
            wanted = (points_mm - self._raw) / step_s
            self._velocity = self._velocity + _share(np.array([SPEED_CUTOFF_HZ]), step_s) * (
                wanted - self._velocity
            )
            speed = np.linalg.norm(self._velocity, axis=-1, keepdims=True)
            share = _share(MIN_CUTOFF_HZ + SPEED_WEIGHT * speed, step_s)
            self._points = self._points + share * (points_mm - self._points)
        self._time_s, self._raw = time_s, points_mm
        return self._points


def _share(cutoff_hz: np.ndarray, step_s: float) -> np.ndarray:
    """How far a first-order low-pass filter moves towards a new value."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff_hz * step_s))


def known(values: Values) -> Bool[np.ndarray, "T"]:
    """True for frames whose numbers are all finite."""
    return np.asarray(np.isfinite(values.reshape(len(values), -1)).all(axis=1))


def runs(flags: Bool[np.ndarray, "T"], time_s: Times) -> list[Int[np.ndarray, "_"]]:
    """Rows of the flagged frames whose time is known, cut at long gaps."""
    rows = np.flatnonzero(flags & np.isfinite(time_s))
    return [
        run
        for run in np.split(rows, np.flatnonzero(np.diff(time_s[rows]) > LONGEST_GAP_S) + 1)
        if len(run)
    ]


LONGEST_FILL_S = 0.5
"""A longer gap hides a step, which nobody can tell."""


def gaps_to_fill(
    found: Bool[np.ndarray, "T"], time_s: Float[np.ndarray, "T"]
) -> Bool[np.ndarray, "T"]:
    """True for frames without a person between two with one that are at most `LONGEST_FILL_S`
    apart.
    """
    rows = np.flatnonzero(found & np.isfinite(time_s))
    result = np.zeros(len(found), dtype=bool)
    for before, after in pairwise(rows):
        if time_s[after] - time_s[before] <= LONGEST_FILL_S:
            result[before + 1 : after] = np.isfinite(time_s[before + 1 : after])
    return result


def interpolated(
    values: Float[np.ndarray, "T *rest"],
    gaps: Bool[np.ndarray, "T"],
    time_s: Float[np.ndarray, "T"],
) -> Float[np.ndarray, "T *rest"]:
    """The values, those of the gaps on curves without overshoot.

    Fritsch & Butland, SIAM J. Sci. Stat. Comput. 1984.
    """
    from scipy.interpolate import PchipInterpolator  # half a second that only --fill pays for

    result = values.astype(np.float64).reshape(len(values), -1)
    there = np.isfinite(result).all(axis=1) & np.isfinite(time_s) & ~gaps
    if gaps.any() and there.sum() >= 2:
        curve = PchipInterpolator(time_s[there], result[there], extrapolate=False)
        result[gaps] = curve(time_s[gaps])
    return result.reshape(values.shape)
