"""Wide shots: where the person is expected in them, and what their references show."""

import numpy as np
import pytest

from posegrid.walkers.render.wide_shots import (
    REACH,
    REFERENCES,
    expected_box,
    random_reference,
    wide_window,
)

BOX = np.array([10.0, 20.0, 50.0, 120.0])
EMPTY = np.full((80, 80, 3), 40, np.uint8)
IMAGE = EMPTY.copy()
SEEN = np.zeros((80, 80), bool)
SEEN[20:60, 30:50] = True
IMAGE[SEEN] = 200


def references(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return [random_reference(np.random.default_rng(n), EMPTY, IMAGE, SEEN) for n in range(count)]


def test_the_wide_window_is_a_square_about_the_box() -> None:
    x0, y0, side = wide_window(BOX)
    assert side == REACH * 100
    assert (x0 + side / 2, y0 + side / 2) == (30, 70)


def test_the_box_expected_is_about_the_true_one() -> None:
    rng = np.random.default_rng(0)
    boxes = np.array([expected_box(rng, BOX) for _ in range(800)])
    middles, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    assert (np.abs(middles - [30, 70]) < [0.14 * 40, 0.14 * 100]).all()
    assert np.quantile(sides[:, 0], 0.05) < 0.8 * 40
    assert np.quantile(sides[:, 0], 0.95) > 1.3 * 40
    assert (np.abs(sides[:, 1] / 100 - 1) < 0.45).all()
    assert np.mean(np.abs(sides[:, 0] / 40 - 1) < 0.15) > 0.4


def test_references_of_one_seed_are_the_same() -> None:
    for one, other in zip(references(20), references(20), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_each_kind_of_reference_comes_as_often_as_it_says() -> None:
    drawn = references(600)
    unknown = np.mean([not known.any() for _, known in drawn])
    empty = np.mean([known.all() and np.ptp(shown) == 0 for shown, known in drawn])
    assert unknown == pytest.approx(REFERENCES["none"], abs=0.06)
    assert empty == pytest.approx(REFERENCES["empty"], abs=0.06)


def test_what_rests_is_in_the_reference_and_what_moves_may_be_unknown() -> None:
    partly = [(r, k) for r, k in references(300) if k.any() and not k.all()]
    assert partly
    for reference, known in partly:
        assert known[:5].all()  # far from the person
        assert (known[SEEN] == 0).any() or reference[SEEN].mean() > 60
