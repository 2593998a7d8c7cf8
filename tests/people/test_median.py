"""The median of many pictures, against sorting."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from posegrid.people.median import median


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_the_median_is_the_lower_one_of_sorting(seed, count):
    rng = np.random.default_rng(seed)
    samples = list(rng.integers(0, 256, (count, 3, 4, 3), dtype=np.uint8))
    counted = list(rng.integers(0, 2, (count, 3, 4)) == 1)
    found = median(samples, counted)
    for row, column in np.ndindex(3, 4):
        values = [s[row, column] for s, c in zip(samples, counted, strict=True) if c[row, column]]
        least = np.sort(values, axis=0)[(len(values) - 1) // 2] if values else np.zeros(3)
        assert np.array_equal(found[row, column], least)
