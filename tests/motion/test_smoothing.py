"""Filters: what they must keep, what they must take off, and what the causal one may not look
at.

Curves through gaps, beside scipy's.
"""

import numpy as np
import pytest

from posegrid.motion.smoothing import (
    filtered,
    gaps_to_fill,
    interpolated,
    known,
    local_parabolas,
    runs,
)

UNEVEN_S = np.cumsum(np.random.default_rng(5).uniform(0.01, 0.04, 80))
FILTERS = ("light", "savitzky-golay", "one-euro")


def wandering(time_s: np.ndarray) -> np.ndarray:
    """Two points that go 1 m/s, sway by 100 mm, once a second."""
    sway = 100 * np.sin(2 * np.pi * time_s[:, None, None] + np.arange(6).reshape(2, 3))
    return sway + 1000 * time_s[:, None, None]


@pytest.mark.parametrize("kind", ["none", *FILTERS])
def test_points_at_rest_stay_and_gaps_stay(kind):
    points = np.ones((80, 2, 3)) * [3.0, -4.0, 5.0]
    points[[4, 5, 40]] = np.nan
    result = filtered(points, UNEVEN_S, kind)
    np.testing.assert_allclose(result, points, atol=1e-9)
    assert np.isnan(result[40]).all()


def test_even_acceleration_comes_back_as_it_was_whatever_the_times():
    points = (3 + 500 * UNEVEN_S - 900 * UNEVEN_S**2)[:, None] * np.array([1.0, -2.0])
    np.testing.assert_allclose(local_parabolas(points, UNEVEN_S, 0.15), points, atol=1e-6)


def test_even_frames_give_the_classic_filter():
    time_s = np.arange(40) / 50
    values = np.random.default_rng(6).normal(size=(40, 1))
    half, row = 0.1001, 20
    offsets = np.arange(-5, 6) / 50
    weights = (1 - np.abs(offsets / half) ** 3) ** 3
    weights[[0, -1]] = np.maximum(weights[[0, -1]], 1e-9)
    expected = np.polyfit(offsets, values[row - 5 : row + 6, 0], 2, w=np.sqrt(weights))[-1]
    assert local_parabolas(values, time_s, half)[row, 0] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("kind", FILTERS)
def test_jitter_is_taken_off(kind):
    time_s = np.arange(300) / 50
    true = wandering(time_s)
    noisy = true + np.random.default_rng(7).normal(0, 15, true.shape)
    steps = [
        np.diff(points - true, axis=0).std() for points in (noisy, filtered(noisy, time_s, kind))
    ]
    assert steps[1] < 0.6 * steps[0]


@pytest.mark.parametrize("kind", ["light", "savitzky-golay"])
def test_filters_that_look_ahead_do_not_lag(kind):
    time_s = np.arange(300) / 50
    true = wandering(time_s)
    assert np.abs(filtered(true, time_s, kind) - true)[10:-10].max() < 6


def test_one_euro_looks_at_the_past_only():
    time_s = np.arange(50) / 30
    points = np.random.default_rng(8).normal(0, 100, (50, 2, 3))
    changed = points.copy()
    changed[30:] += 500
    before, after = (filtered(p, time_s, "one-euro") for p in (points, changed))
    np.testing.assert_array_equal(before[:30], after[:30])
    assert (before[30:] != after[30:]).all()


def test_nothing_is_looked_across_a_long_gap():
    time_s = np.array([0.0, 0.04, 0.08, 0.5, 0.54, 0.58])
    values = np.array([[0.0], [0.0], [0.0], [900.0], [900.0], [900.0]])
    for kind in FILTERS:
        np.testing.assert_allclose(filtered(values[:, None], time_s, kind)[:, 0], values, atol=1e-9)
    assert [run.tolist() for run in runs(known(values), time_s)] == [[0, 1, 2], [3, 4, 5]]


def test_a_frame_whose_time_is_unknown_is_left_alone():
    time_s = np.array([0.0, 0.02, np.nan, 0.06, 0.08])
    values = np.array([0.0, 0.0, 77.0, 0.0, 0.0])[:, None, None]
    for kind in FILTERS:
        np.testing.assert_allclose(filtered(values, time_s, kind), values, atol=1e-9)


@pytest.mark.parametrize("count", [3, 4, 5, 30])
def test_what_moves_evenly_is_filled_exactly_and_nothing_else_is_touched(count):
    rng = np.random.default_rng(count)
    for _ in range(20):
        time_s = np.cumsum(rng.uniform(0.01, 0.2, count))
        values = time_s[:, None, None] * rng.normal(size=(2, 3)) + rng.normal(size=(2, 3))
        gaps = np.zeros(count, dtype=bool)
        gaps[1:-1] = rng.random(count - 2) < 0.6
        holes = np.where(gaps[:, None, None], np.nan, values)
        filled = interpolated(holes, gaps, time_s)
        np.testing.assert_allclose(filled, values, atol=1e-12)
        np.testing.assert_array_equal(filled[~gaps], values[~gaps])


def test_they_do_not_overshoot():
    time_s, gaps = np.arange(9) / 25, np.arange(9) % 2 == 1
    values = np.array([0.0, np.nan, 0, np.nan, 10, np.nan, 10, np.nan, 3])[:, None]
    filled = interpolated(values, gaps & gaps_to_fill(~gaps, time_s), time_s)[:, 0]
    assert filled[1] == 0 and 0 < filled[3] < 10 and filled[5] == 10 and 3 < filled[7] < 10
