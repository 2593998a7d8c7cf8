"""Even times: a motion of a variable frame rate is carried over by its times; nothing is made up in
gaps.
"""

from dataclasses import replace

import numpy as np
import pytest

from posegrid.body.formats.c3d import Markers, turned_upright

RNG = np.random.default_rng(1)


def moving(time_s: np.ndarray, rate_hz: float = 25.0) -> Markers:
    """Joints that move evenly: place = time times a velocity of their own."""
    velocity = RNG.normal(0, 500, (17, 3))
    return Markers(
        np.arange(len(time_s)), time_s, time_s[:, None, None] * velocity, rate_hz, "walk.mp4"
    )


def test_even_times_stay_as_they_are():
    markers = moving(np.arange(20) / 25 + RNG.uniform(-0.005, 0.005, 20))
    assert markers.evenly_timed() is markers


def test_uneven_times_are_interpolated():
    time_s = np.cumsum(RNG.uniform(0.02, 0.06, 50))
    markers = moving(time_s)
    even = markers.evenly_timed()
    assert np.diff(even.time_s) == pytest.approx(np.full(len(even.time_s) - 1, 0.04))
    assert abs(even.time_s[-1] - time_s[-1]) <= 0.021 and even.time_s[0] == time_s[0]
    inside = even.time_s <= time_s[-1]
    velocity = markers.places_mm[10] / time_s[10]
    assert even.places_mm[inside] == pytest.approx(even.time_s[inside, None, None] * velocity)


def test_missing_frames_and_long_gaps_stay_missing():
    time_s = np.array([0.0, 0.04, 0.08, 0.13, 0.16, 0.56, 0.6])
    markers = moving(time_s)
    places = markers.places_mm.copy()
    places[3] = np.nan
    even = replace(markers, places_mm=places).evenly_timed()
    assert even.time_s == pytest.approx(np.arange(16) / 25)
    assert even.found.tolist() == [True] * 3 + [False] + [True] + [False] * 9 + [True] * 2


def test_turning_upright_is_a_rotation():
    assert np.linalg.det(turned_upright(np.eye(3))) == pytest.approx(1.0)
