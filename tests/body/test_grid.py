"""The grid task: hand values and a slow, obvious second implementation."""

import numpy as np
import pytest

from posegrid.body.grid import bone_share_in_cells, positive_cells
from posegrid.body.skeleton import BONES, NUM_JOINTS

FAR_AWAY = -1000.0


def keypoints_from_scores(scores: np.ndarray, size_px: int) -> np.ndarray:
    """The centre (n, 17, 2) of each joint's best cell, crop pixels; scores [n, joint, row, column]."""
    cells = scores.shape[-1]
    row, column = np.divmod(scores.reshape(-1, NUM_JOINTS, cells * cells).argmax(axis=-1), cells)
    return (np.stack([column, row], axis=-1) + 0.5) * (size_px / cells)


def only(**joints: tuple[float, float]) -> np.ndarray:
    """One set of keypoints, all far outside the crop but the ones given as j<index>=(x, y)."""
    points = np.full((1, NUM_JOINTS, 2), FAR_AWAY)
    for name, point in joints.items():
        points[0, int(name[1:])] = point
    return points


def cells_of(positive: np.ndarray, joint: int) -> set[tuple[int, int]]:
    return {(int(row), int(column)) for row, column in np.argwhere(positive[0, joint])}


def test_a_joint_lies_in_the_cell_of_its_row_and_column() -> None:
    positive = positive_cells(only(j3=(25.0, 71.0)), 100, 10, bone_rule=False)
    assert cells_of(positive, 3) == {(7, 2)}


def test_cells_are_half_open() -> None:
    positive = positive_cells(only(j3=(20.0, 30.0), j6=(100.0, 50.0)), 100, 10, bone_rule=False)
    assert cells_of(positive, 3) == {(3, 2)}
    assert cells_of(positive, 6) == set()


def test_a_cell_with_more_than_30_percent_of_a_bone_belongs_to_both_ends() -> None:
    # Shank from (5, 5) to (25, 5): 5 px in cell 0, 10 px in cell 1 and 5 px in cell 2; only cell 1
    # has over 30 %.
    positive = positive_cells(only(j2=(5.0, 5.0), j3=(25.0, 5.0)), 100, 10)
    assert cells_of(positive, 2) == {(0, 0), (0, 1)}
    assert cells_of(positive, 3) == {(0, 2), (0, 1)}


def test_exactly_30_percent_is_not_more_than_30_percent() -> None:
    # From 7 to 17: 3 px of 10 in cell 0, 7 px in cell 1.
    positive = positive_cells(only(j2=(7.0, 5.0), j3=(17.0, 5.0)), 100, 10)
    assert cells_of(positive, 3) == {(0, 1)}


def test_the_rule_reaches_immediate_neighbours_only() -> None:
    positive = positive_cells(only(j1=(5.0, 95.0), j2=(5.0, 5.0), j3=(25.0, 5.0)), 100, 10)
    assert (0, 1) not in cells_of(positive, 1)


def test_a_bone_along_a_cells_edge_counts_once() -> None:
    points = only(j2=(10.0, 2.0), j3=(10.0, 8.0)) / 10
    share = bone_share_in_cells(points, 10)[0, BONES.index((2, 3))]
    assert share[0, 1] == pytest.approx(1) and share.sum() == pytest.approx(1)


def test_a_bone_of_no_length_lies_in_no_cell() -> None:
    points = only(j2=(10.0, 2.0), j3=(10.0, 2.0)) / 10
    assert bone_share_in_cells(points, 10)[0, BONES.index((2, 3))].sum() == 0


def test_shares_of_a_bone_inside_the_crop_add_up_to_one() -> None:
    points = np.random.default_rng(1).uniform(0, 10, (20, NUM_JOINTS, 2))
    np.testing.assert_allclose(bone_share_in_cells(points, 10).sum(axis=(2, 3)), 1)


@pytest.mark.parametrize("cells", [5, 10, 20])
def test_shares_equal_those_of_points_sampled_along_the_bone(cells: int) -> None:
    points = np.random.default_rng(2).uniform(-1, cells + 1, (3, NUM_JOINTS, 2))
    share = bone_share_in_cells(points, cells)
    t = (np.arange(20000) + 0.5) / 20000
    for bone, (parent, child) in enumerate(BONES):
        line = points[:, parent, None] * (1 - t)[:, None] + points[:, child, None] * t[:, None]
        for n in range(3):
            column, row = np.floor(line[n]).astype(int).T
            inside = (column >= 0) & (column < cells) & (row >= 0) & (row < cells)
            counted = np.zeros((cells, cells))
            np.add.at(counted, (row[inside], column[inside]), 1 / len(t))
            np.testing.assert_allclose(share[n, bone], counted, atol=2e-4)


def test_the_best_cell_decodes_to_within_half_a_cell() -> None:
    points = np.random.default_rng(3).uniform(0, 128, (30, NUM_JOINTS, 2))
    scores = positive_cells(points, 128, 10, bone_rule=False).astype(float)
    assert np.abs(keypoints_from_scores(scores, 128) - points).max() <= 6.4 + 1e-9
