"""When frames were taken: what a container says, what a recording's true rate makes of it, and what
the numbers in pictures' names tell.
"""

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float

from posegrid.errors import SourceError

EVEN = 0.001
"""Rates that differ by less are one: containers round times to a millisecond or finer."""
GAP = 2.5
"""Times so many usual intervals apart have a gap between them."""
RECENT = 60
"""The usual interval is the median of at most so many."""


class Clock:
    """Time of each frame as the container states it; two of one time are told apart."""

    def __init__(self, path: Path, rate: Fraction) -> None:
        self._path, self._rate = path, rate
        self._last_s: float | None = None
        self._intervals_s: list[float] = []

    def time_s(self, index: int, said_s: float | None) -> tuple[float, bool]:
        """Seconds of a frame, from what the container says, and whether it was moved: one that is
        no later than the frame before goes half way from there to a frame's length after its own
        time.

        Raises SourceError where there is no time, or it lies a frame or more before the last one.
        """
        last_s = self._last_s
        said_s = None if said_s is None or not math.isfinite(said_s) else said_s
        if said_s is not None and (last_s is None or said_s > last_s):
            if last_s is not None:
                self._intervals_s = [*self._intervals_s[1 - RECENT :], said_s - last_s]
            self._last_s = said_s
            return said_s, False
        usual_s = float(np.median(self._intervals_s)) if self._intervals_s else 1 / self._rate
        if said_s is None or last_s is None or said_s + usual_s <= last_s:
            raise SourceError(
                f"{self._path}: frame {index} has {'no time' if said_s is None else f'the time {said_s:g} s'}, "
                f"after {last_s or 0:g} s; the times of frames must not run backwards. Write the video "
                "anew with any video tool, so that it counts them again, or give its rate (`fps`)."
            )
        self._last_s = last_s + (said_s + float(usual_s) - last_s) / 2
        return self._last_s, True


def usual_rate(time_s: Float[np.ndarray, "T"]) -> Fraction | None:
    """Frames per second by the median interval between times, so that neither pauses nor dropped
    frames count; None for fewer than two.

    Rounded to a whole number or to 1000/1001 of one where it is as near as containers' rounding.
    """
    if len(time_s) < 2:
        return None
    median_s = float(np.median(np.diff(time_s)))
    mean_s = float(time_s[-1] - time_s[0]) / (len(time_s) - 1)
    # Times rounded to milliseconds have no exact median: their mean, if nothing is missing, has.
    exact = 1 / (mean_s if abs(mean_s - median_s) < 0.0006 else median_s)
    for rate in (Fraction(round(exact)), Fraction(round(exact * 1.001) * 1000, 1001)):
        if rate and abs(exact / rate - 1) < EVEN / 4:
            return rate
    return Fraction(exact).limit_denominator(1001)


def gap_note(time_s: Float[np.ndarray, "T"]) -> str:
    """A line that says where frames are missing, or nothing."""
    intervals = np.diff(time_s)
    gaps = np.flatnonzero(intervals > GAP * np.median(intervals)) if len(intervals) else []
    if not len(gaps):
        return ""
    longest = int(gaps[intervals[gaps].argmax()])
    return (
        f"gaps between frames: {len(gaps)}, the longest of {intervals[longest]:.2f} s after "
        f"{time_s[longest]:.2f} s; times are kept"
    )


def numbers_in(names: Sequence[str]) -> list[int] | None:
    """The numbers by which pictures' names differ; None where they do not rise by one number alone,
    as where a name holds date and time.
    """
    parts = [re.split(r"(\d+)", name) for name in names]
    if len(names) < 2 or len({len(part) for part in parts}) > 1:
        return None
    varying = [
        place for place, column in enumerate(zip(*parts, strict=True)) if len(set(column)) > 1
    ]
    if len(varying) != 1 or varying[0] % 2 == 0:
        return None
    numbers = [int(part[varying[0]]) for part in parts]
    return numbers if all(a < b for a, b in pairwise(numbers)) else None


def number_note(numbers: Sequence[int]) -> str:
    """A line that says what the numbers of pictures tell of their times, or nothing where none is
    missing.
    """
    steps = np.diff(numbers)
    if (steps == 1).all():
        return ""
    if (steps == steps[0]).all():
        return (
            f"the pictures' numbers go in steps of {steps[0]}: time is number / fps, "
            f"a picture every {steps[0]} frames"
        )
    return (
        f"of the pictures' numbers {numbers[0]} to {numbers[-1]} "
        f"{numbers[-1] - numbers[0] + 1 - len(numbers)} are missing: time is number / fps"
    )
