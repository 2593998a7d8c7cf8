"""Connected parts of masks, by hand and beside scipy."""

import numpy as np
import pytest
from scipy import ndimage

from posegrid.people.morphology import boxes_of, labelled, largest_filled


def drawn(*rows: str) -> np.ndarray:
    return np.array([[letter == "#" for letter in row] for row in rows])


def test_a_corner_joins_only_with_diagonals():
    mask = drawn("#..#", ".#.#", "...#", "#...")
    assert labelled(mask)[0].tolist() == [[1, 0, 0, 2], [0, 3, 0, 2], [0, 0, 0, 2], [4, 0, 0, 0]]
    labels, count = labelled(mask, diagonals=True)
    assert count == 3 and labels.tolist() == [
        [1, 0, 0, 2],
        [0, 1, 0, 2],
        [0, 0, 0, 2],
        [3, 0, 0, 0],
    ]
    assert boxes_of(labels, count).tolist() == [[0, 0, 2, 2], [3, 0, 4, 3], [0, 3, 1, 4]]


def test_arms_that_meet_far_below_are_one_part():
    labels, count = labelled(drawn("#.#.#", "#.#.#", "#.###", "#.#..", "###.."))
    assert count == 1 and labels.max() == 1


@pytest.mark.parametrize("diagonals", [False, True])
def test_numbers_and_boxes_are_scipys(diagonals):
    rng = np.random.default_rng(2)
    masks = [rng.random(rng.integers(1, 40, 2)) < rng.random() for _ in range(300)]
    masks += [np.zeros((3, 4), dtype=bool), np.ones((3, 4), dtype=bool)]
    for mask in masks:
        labels, count = labelled(
            np.asfortranarray(mask) if rng.random() < 0.5 else mask, diagonals=diagonals
        )
        expected, number = ndimage.label(mask, np.ones((3, 3)) if diagonals else None)
        assert count == number and np.array_equal(labels, expected)
        found = [(c.start, r.start, c.stop, r.stop) for r, c in ndimage.find_objects(expected)]
        assert [tuple(box) for box in boxes_of(labels, count).tolist()] == found


def test_an_empty_picture_has_no_parts():
    assert (
        labelled(np.zeros((0, 4), dtype=bool))[1] == 0
        and labelled(np.zeros((4, 0), dtype=bool))[1] == 0
    )


def test_the_largest_part_is_filled_and_the_others_go():
    """A gap that an edge of a pixel leads out of is no hole."""
    mask = drawn("####.#", "#.#...", "##.###", "...#.#", "...###")
    expected = drawn("####..", "###...", "##.###", "...###", "...###")
    assert np.array_equal(largest_filled(mask), expected)
    assert (
        not largest_filled(np.zeros((2, 3), dtype=bool)).any()
        and largest_filled(np.zeros((0, 3), bool)).size == 0
    )


def test_of_equal_parts_the_first_is_taken():
    assert largest_filled(drawn("#.#")).tolist() == [[True, False, False]]


def test_the_largest_part_filled_is_scipys():
    rng = np.random.default_rng(4)
    for _ in range(500):
        mask = rng.random(rng.integers(1, 40, 2)) < rng.random()
        labels, count = ndimage.label(mask, np.ones((3, 3)))
        part = labels == np.bincount(labels[mask]).argmax() if count else mask
        assert np.array_equal(largest_filled(mask), ndimage.binary_fill_holes(part))
