"""Cutting and sewing: clean cuts, normals, smoothing."""

import numpy as np
import pytest

from posegrid.walkers.clothes.sewing import cut_faces, smoothed, vertex_normals

SQUARE = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
TWO_FACES = np.array([[0, 1, 2], [0, 2, 3]])


def area(points: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = points[faces].swapaxes(0, 1)
    return float(np.cross(b - a, c - a)[:, 2].sum() / 2)


@pytest.mark.parametrize("level", [0.25, 0.5, 0.9])
def test_a_cut_leaves_exactly_the_part_where_the_field_is_positive(level: float) -> None:
    cut = cut_faces(TWO_FACES, level - SQUARE[:, 0])
    points = cut.of(SQUARE)
    assert area(points, cut.faces) == pytest.approx(level)
    assert points[:, 0].max() == pytest.approx(level)


def test_a_cut_along_nothing_leaves_the_mesh_and_one_outside_nothing() -> None:
    np.testing.assert_array_equal(cut_faces(TWO_FACES, np.ones(4)).of(SQUARE), SQUARE)
    assert len(cut_faces(TWO_FACES, -np.ones(4)).faces) == 0


def test_normals_of_a_flat_square_point_up() -> None:
    np.testing.assert_allclose(vertex_normals(SQUARE, TWO_FACES), [[0, 0, 1]] * 4)


def test_smoothing_keeps_the_border_and_flattens_a_peak() -> None:
    points = np.vstack([SQUARE, [[0.5, 0.5, 1.0]]])
    fan = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]])
    smooth = smoothed(points, fan, 2)
    np.testing.assert_array_equal(smooth[:4], SQUARE)
    assert smooth[4, 2] == pytest.approx(0.25)
