"""When a chance passes one half, by hand."""

import numpy as np
import pytest

from posegrid.motion.gait_events import changes_s


def test_between_frames_a_change_lies_on_a_line_whatever_the_times_are():
    rising, at_s = changes_s(
        np.array([0.1, 0.4, 0.8, 0.9, 0.5, 0.3]), np.array([0.0, 1.0, 2.0, 4.0, 5.0, 7.0])
    )
    assert rising.tolist() == [True, False]
    assert at_s == pytest.approx([1.25, 5.0])


def test_two_changes_within_a_tenth_of_a_second_are_none():
    chance = np.array([0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0]) * 0.8 + 0.1
    rising, at_s = changes_s(chance, np.arange(15) / 25)
    assert rising.tolist() == [True, False]
    assert at_s == pytest.approx([2.5 / 25, 10.5 / 25])


def test_of_three_changes_the_two_that_are_nearest_cancel():
    chance = np.array([0.0, 0, 0, 1, 1, 0, 1, 1, 1, 1])
    rising, at_s = changes_s(chance, np.arange(10) / 25)
    assert rising.tolist() == [True] and at_s == pytest.approx([2.5 / 25])


def test_near_an_end_nobody_knows():
    chance = np.array([0.0, 0, 1, 1, 1, 1, 1, 1, 0, 0])
    assert changes_s(chance, np.arange(10) / 25)[1].tolist() == []
    assert changes_s(chance, np.arange(10) / 10)[1] == pytest.approx([0.15, 0.75])


def test_what_stays_on_one_side_does_not_change():
    for chance in (np.full(5, 0.9), np.full(5, 0.2), np.zeros(0)):
        assert not len(changes_s(chance, np.arange(float(len(chance))))[1])
