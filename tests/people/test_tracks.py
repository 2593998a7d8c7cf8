"""Where somebody is expected next."""

import numpy as np
import pytest

from posegrid.people.tracks import BoxMotion

STEP_S = 1 / 30


def box_of_walker(frame: int) -> np.ndarray:
    """Somebody who goes 6 px a frame to the right, as wide as legs are open."""
    middle = np.array([100.0 + 6 * frame, 200.0])
    half = np.array([25 + 15 * np.sin(0.35 * frame), 90.0])
    return np.concatenate([middle - half, middle + half])


def test_who_goes_on_is_expected_where_they_will_be() -> None:
    motion = BoxMotion(box_of_walker(0))
    for frame in range(1, 60):
        motion.advance(STEP_S)
        expected = motion.box_xyxy
        if frame > 20:
            assert expected[[0, 2]].mean() == pytest.approx(100 + 6 * frame, abs=3)
        motion.see(box_of_walker(frame))


def test_sides_expected_lie_between_those_seen_however_they_swing() -> None:
    motion = BoxMotion(box_of_walker(0))
    for frame in range(1, 60):
        motion.advance(STEP_S)
        width = motion.box_xyxy[2] - motion.box_xyxy[0]
        assert 20 <= width <= 80
        motion.see(box_of_walker(frame))


def test_who_hides_keeps_their_size() -> None:
    motion = BoxMotion(box_of_walker(0))
    for frame in range(1, 12):
        motion.advance(STEP_S)
        motion.see(box_of_walker(frame))
    before = motion.box_xyxy
    motion.advance(0.8)
    sides = (motion.box_xyxy[2:] - motion.box_xyxy[:2], before[2:] - before[:2])
    np.testing.assert_allclose(*sides)
