"""Peaks by hand and beside scipy."""

import numpy as np
from scipy.signal import find_peaks

from posegrid.motion.gait_events import apart, standing_out


def test_a_peak_is_measured_from_the_higher_of_its_two_valleys():
    values = np.array([0.0, 5, 3, 9, 9, 9, 1, 2])
    assert standing_out(values, 2).tolist() == [1, 4]
    assert standing_out(values, 2.5).tolist() == [4]
    assert standing_out(values[::-1], 2.5).tolist() == [3]
    assert standing_out(np.array([3.0, 1, 3]), 0).tolist() == []


def test_they_are_scipys():
    rng = np.random.default_rng(0)
    for _ in range(300):
        values = np.round(np.cumsum(rng.normal(size=rng.integers(1, 200))), int(rng.integers(0, 4)))
        least = float(rng.uniform(0, 3))
        assert (
            standing_out(values, least).tolist() == find_peaks(values, prominence=least)[0].tolist()
        )
        every = standing_out(values, 0)
        unequal = values + 1e-6 * rng.random(len(values))
        nearest = float(rng.uniform(1, 20))
        expected = [
            row for row in find_peaks(unequal, distance=nearest)[0].tolist() if row in every
        ]
        if np.array_equal(standing_out(unequal, 0), every):
            assert apart(every, unequal, nearest).tolist() == expected
