"""Laws of the small rotation functions."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from posegrid.body.rotations import (
    angles_xyz,
    angles_zxy,
    rot_x,
    rot_y,
    rot_z,
    rotation_about,
    smallest_rotations,
    turned,
    unit,
)

X, Y, Z = np.eye(3)


@pytest.mark.parametrize(
    ("rotation", "start", "end"), [(rot_x, Y, Z), (rot_y, Z, X), (rot_z, X, Y)]
)
def test_a_quarter_turn_takes_one_axis_to_the_next(rotation, start, end):
    np.testing.assert_allclose(rotation(np.pi / 2) @ start, end, atol=1e-12)


def test_angles_come_back_from_their_rotations(rng):
    z, x, y = rng.uniform(-1.2, 1.2, (3, 50))
    np.testing.assert_allclose(angles_zxy(rot_z(z) @ rot_x(x) @ rot_y(y)), (z, x, y), atol=1e-9)
    np.testing.assert_allclose(angles_xyz(rot_x(x) @ rot_y(y) @ rot_z(z)), (x, y, z), atol=1e-9)


def test_the_smallest_rotation_gets_there_and_leaves_its_axis_alone(rng):
    start, end = rng.normal(size=(2, 30, 3))
    rotation = smallest_rotations(start, end)
    got = turned(rotation, start)
    np.testing.assert_allclose(np.cross(got, end), 0, atol=1e-9)
    axis = np.cross(start, end)
    np.testing.assert_allclose(turned(rotation, axis), axis, atol=1e-9)


def test_between_opposite_directions_it_is_half_a_turn():
    ends = np.array([-X, -Y, -Z, [0.6, -0.8, 0]])
    rotation = smallest_rotations(-ends, ends)
    np.testing.assert_allclose(turned(rotation, -ends), ends, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotation), 1)
    np.testing.assert_allclose(
        rotation @ rotation, np.broadcast_to(np.eye(3), (4, 3, 3)), atol=1e-12
    )


def test_angles_are_scipys(rng):
    turns = Rotation.random(500, rng=rng)
    found = np.stack(angles_zxy(turns.as_matrix()), axis=1)
    np.testing.assert_allclose(found, turns.as_euler("ZXY"), atol=1e-9)


def test_the_smallest_rotation_turns_about_the_common_normal() -> None:
    start, end = np.array([1.0, 0.2, 0.3]), np.array([0.0, 0.0, 1.0])
    rotation = smallest_rotations(start, end)
    np.testing.assert_allclose(rotation @ np.cross(start, end), np.cross(start, end), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_rotation_about_an_axis_agrees_with_rot_z():
    np.testing.assert_allclose(rotation_about(7.0 * Z, 0.3), rot_z(0.3), atol=1e-12)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_one_start_turns_to_each_of_several_ends_the_opposite_one_too():
    start, ends = np.array([0.0, 0.0, 2.0]), np.array([[0.0, 0.0, -3.0], [1.0, 0.0, 0.0]])
    turned_to = smallest_rotations(start, ends) @ start
    assert np.allclose(turned_to, [[0.0, 0.0, -2.0], [2.0, 0.0, 0.0]])
    back = smallest_rotations(ends, start)
    assert np.allclose(np.einsum("nij,nj->ni", back, ends), [[0.0, 0.0, 3.0], [0.0, 0.0, 1.0]])


def test_vectors_of_length_one_keep_their_direction_and_those_of_none_have_none(rng):
    vectors = rng.normal(size=(4, 2, 3)) * 100
    vectors[1, 0] = 0
    found = unit(vectors)
    assert np.isnan(found[1, 0]).all()
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    np.testing.assert_allclose(np.nan_to_num(found) * lengths, vectors, atol=1e-12)
