"""Curves through gaps, beside scipy's."""

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from posegrid.motion.smoothing import gaps_to_fill, interpolated


@pytest.mark.parametrize("count", [3, 4, 5, 30])
def test_the_curves_are_scipys(count):
    rng = np.random.default_rng(count)
    for _ in range(20):
        time_s = np.cumsum(rng.uniform(0.01, 0.2, count))
        values = np.round(rng.normal(size=(count, 2, 3)), 1)
        gaps = np.zeros(count, dtype=bool)
        gaps[1:-1] = rng.random(count - 2) < 0.6
        curves = PchipInterpolator(time_s[~gaps], values[~gaps])
        np.testing.assert_allclose(interpolated(values, gaps, time_s), curves(time_s), atol=1e-12)


def test_they_do_not_overshoot():
    time_s, gaps = np.arange(9) / 25, np.arange(9) % 2 == 1
    values = np.array([0.0, np.nan, 0, np.nan, 10, np.nan, 10, np.nan, 3])[:, None]
    filled = interpolated(values, gaps & gaps_to_fill(~gaps, time_s), time_s)[:, 0]
    assert filled[1] == 0 and 0 < filled[3] < 10 and filled[5] == 10 and 3 < filled[7] < 10
