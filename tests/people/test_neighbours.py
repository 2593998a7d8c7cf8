"""What neighbours make of a pixel, beside the slow definition and scipy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from posegrid.people.morphology import (
    closed,
    evened,
    grown,
    largest_around,
    medians,
    opened,
    softened,
)

SIZES = [(1, 1), (1, 9), (2, 3), (12, 17), (31, 8)]


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_growing_agrees_with_the_slow_definition(seed, reach):
    mask = np.random.default_rng(seed).random((12, 15)) < 0.08
    slow = np.zeros_like(mask)
    for row, column in np.argwhere(mask):
        slow[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1] = (
            True
        )
    assert (grown(mask, reach) == slow).all()
    assert (closed(mask, reach) >= mask).all() and (opened(mask, reach) <= mask).all()


def test_a_bridge_of_one_pixel_is_opened_and_a_slit_closed():
    mask = np.ones((7, 11), dtype=bool)
    mask[:, 5] = False
    assert closed(mask, 1).all()
    thread = np.zeros((7, 11), dtype=bool)
    thread[3] = True
    assert not opened(thread, 1).any()


def test_means_maxima_and_medians_are_scipys():
    rng = np.random.default_rng(0)
    for size in SIZES:
        values = rng.normal(size=size).astype(np.float32)
        np.testing.assert_allclose(
            evened(values), ndimage.uniform_filter(values, 3, mode="nearest"), atol=1e-6
        )
        assert np.array_equal(largest_around(values), ndimage.maximum_filter(values, 3))
        if min(size) > 1:
            bytes_ = rng.integers(0, 256, size, dtype=np.uint8)
            assert np.array_equal(medians(bytes_), ndimage.median_filter(bytes_, size=5))


def test_softening_is_scipys_and_leaves_the_sum_inside_alone():
    values = np.random.default_rng(1).random((5, 1, 7))
    expected = values
    for axis in range(3):
        expected = ndimage.convolve1d(
            expected, np.array([0.25, 0.5, 0.25]), axis=axis, mode="constant"
        )
    np.testing.assert_allclose(softened(values), expected, atol=1e-12)
    lone = np.zeros((3, 3))
    lone[1, 1] = 16
    assert softened(lone).tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
