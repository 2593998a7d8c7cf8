"""Paths on the floor and what a motion is."""

import numpy as np
import pytest
from walkers.motion.walking import straight_path

from posegrid.walkers.motion.paths import (
    LEAST_RADIUS_MM,
    WalkingPath,
    ellipse_path,
    figure_eight_path,
    sample_path,
    wandering_path,
)
from posegrid.walkers.motion.posture import Motion

HALF_SIZE_MM = (2000.0, 1500.0)
ROUNDS = {
    "ellipse": ellipse_path(*HALF_SIZE_MM),
    "clockwise": ellipse_path(*HALF_SIZE_MM, clockwise=True),
    "eight": figure_eight_path(*HALF_SIZE_MM),
    "wandering": wandering_path(*HALF_SIZE_MM, np.random.default_rng(3)),
}


@pytest.mark.parametrize("path", ROUNDS.values(), ids=ROUNDS.keys())
def test_a_round_comes_back_to_where_it_started(path: WalkingPath):
    distance = np.linspace(0, path.length_mm, 50)
    xy, heading = path.at(distance)
    again_xy, again_heading = path.at(distance + path.length_mm)
    np.testing.assert_allclose(again_xy, xy, atol=1e-6)
    np.testing.assert_allclose(np.exp(1j * again_heading), np.exp(1j * heading), atol=1e-9)


@pytest.mark.parametrize("path", ROUNDS.values(), ids=ROUNDS.keys())
def test_a_round_is_walked_in_the_direction_it_faces(path: WalkingPath):
    distance = np.linspace(-0.5, 2.5, 4000) * path.length_mm
    xy, heading = path.at(distance)
    step = np.diff(xy, axis=0)
    length = np.linalg.norm(step, axis=1)
    np.testing.assert_allclose(length, np.diff(distance), rtol=2e-3)
    facing = np.stack([np.sin(heading), -np.cos(heading)], axis=1)[:-1]
    assert np.min(np.sum(step * facing, axis=1) / length) > 0.999
    assert np.abs(np.diff(heading)).max() < 0.05, "headings jump"


@pytest.mark.parametrize(("name", "turns"), [("ellipse", 1), ("clockwise", -1), ("eight", 0)])
def test_a_round_turns_as_often_as_its_shape_says(name: str, turns: int):
    path = ROUNDS[name]
    heading = path.at(np.array([0.0, 3 * path.length_mm]))[1]
    assert heading[1] - heading[0] == pytest.approx(3 * turns * 2 * np.pi, abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_random_rounds_stay_in_the_room_and_bend_gently(seed: int):
    path = sample_path(*HALF_SIZE_MM, np.random.default_rng(seed))
    assert np.all(np.abs(path.points_mm) <= np.array(HALF_SIZE_MM) + 1e-6)
    assert path.least_radius_mm() > 0.85 * LEAST_RADIUS_MM


def test_the_ellipse_bends_as_the_formula_says():
    """The sharpest bend of an ellipse has the radius b^2 / a."""
    assert ellipse_path(2000.0, 1500.0).least_radius_mm() == pytest.approx(1500**2 / 2000, rel=0.01)


def test_a_straight_path_goes_on_beyond_its_ends():
    xy, heading = straight_path(1000.0, heading_rad=np.pi / 2).at(
        np.array([-500.0, 0.0, 250.0, 3000.0])
    )
    np.testing.assert_allclose(xy, [[-500, 0], [0, 0], [250, 0], [3000, 0]], atol=1e-9)
    np.testing.assert_allclose(heading, np.pi / 2)


def test_a_shifted_motion_differs_in_its_place_only():
    motion = Motion(
        np.tile(np.eye(3), (4, 2, 1, 1)), np.zeros((4, 3)), np.ones((4, 2), dtype=bool), 50.0
    )
    raised = motion.shifted(np.array([0.0, 0.0, 25.0]))
    np.testing.assert_array_equal(
        raised.root_mm - motion.root_mm, np.tile([0.0, 0.0, 25.0], (4, 1))
    )
    assert raised.rotations is motion.rotations
    assert raised.num_frames == 4
