"""What a picture of a pose must show, measured in its pixels."""

import numpy as np
import pytest

from posegrid.body.formats.viewer import LEFT, MIDDLE, RIGHT, colour_of, levelling_rotation
from posegrid.body.grid import positive_cells
from posegrid.body.rotations import smallest_rotations
from posegrid.body.skeleton import JOINT_NAMES
from posegrid.results.draw import (
    FRONT,
    SIDE,
    TRUTH,
    Viewpoint,
    below,
    beside,
    draw_dot,
    draw_keypoints,
    draw_pose_3d,
    enlarged,
    labelled,
)
from posegrid.results.samples import grid_answers, rows_by_rank, sample_row, sample_sheet


def standing() -> np.ndarray:
    """A person who faces the camera, feet 900 mm below the pelvis; the right side is at negative
    x.
    """
    heights = [0, 0, 450, 900, 0, 450, 900, -250, -500, -580, -700, -450, -200, 50, -450, -200, 50]
    sides = [0, -120, -120, -120, 120, 120, 120, 0, 0, 0, 0, 170, 200, 220, -170, -200, -220]
    return np.stack([sides, heights, np.zeros(17)], axis=1).astype(np.float64)


def pixels_of(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """(x, y) of the pixels that have the colour."""
    return np.argwhere((picture == colour).all(axis=-1))[:, ::-1]


def grey(size: int = 100) -> np.ndarray:
    return np.full((size, size, 3), 128, np.uint8)


def test_left_and_right_have_colours_of_their_own() -> None:
    assert colour_of(JOINT_NAMES.index("left_wrist")) == LEFT
    assert colour_of(JOINT_NAMES.index("right_hip")) == RIGHT
    assert colour_of(JOINT_NAMES.index("thorax")) == MIDDLE


def test_keypoints_lie_at_their_pixels() -> None:
    points = standing()[:, :2] * 0.05 + [50, 45]
    picture = draw_keypoints(grey(), points)
    for joint in (3, 6, 10, 13, 16):
        x, y = np.floor(points[joint]).astype(int)
        assert tuple(picture[y, x]) == colour_of(joint)


def test_heels_and_toes_are_drawn_in_the_colours_of_their_sides() -> None:
    pose = np.concatenate([standing(), np.zeros((4, 3))])
    pose[17:, 0] = [-140, -160, 140, 160]
    pose[17:, 1] = [970, 990, 970, 990]
    points = pose[:, :2] * 0.4 + [150, 300]
    picture = draw_keypoints(grey(800), points)
    for joint, colour in ((17, RIGHT), (18, RIGHT), (19, LEFT), (20, LEFT)):
        x, y = np.floor(points[joint]).astype(int)
        assert tuple(picture[y, x]) == colour == colour_of(joint)
        middle = (points[joint] + points[6 if joint > 18 else 3]) / 2
        assert tuple(picture[int(middle[1]), int(middle[0])]) == colour
    np.testing.assert_array_equal(
        draw_keypoints(grey(800), points[:17]),
        draw_keypoints(grey(800), np.where(np.arange(21)[:, None] < 17, points, np.nan)),
    )
    assert (draw_pose_3d(pose, 200) != draw_pose_3d(standing(), 200, ground_mm=990)).any()


def test_the_picture_given_is_left_alone_and_so_are_pixels_far_from_the_person() -> None:
    image = grey()
    picture = draw_keypoints(image, standing()[:, :2] * 0.02 + [20, 30])
    assert (image == 128).all()
    assert (picture[:, 60:] == 128).all()
    assert (picture != 128).any()


def test_unknown_joints_are_left_out() -> None:
    points = standing()[:, :2] * 0.05 + [50, 45]
    points[[1, 2, 3, 14, 15, 16]] = np.nan
    picture = draw_keypoints(grey(), points)
    assert len(pixels_of(picture, RIGHT)) == 0
    assert len(pixels_of(picture, LEFT)) > 0
    assert (draw_keypoints(grey(), np.full((17, 2), np.nan)) == 128).all()


@pytest.mark.parametrize("shift", [(-500, 0), (500, 0), (0, 500), (-20, -20)])
def test_keypoints_outside_the_picture_do_no_harm(shift: tuple[int, int]) -> None:
    assert draw_keypoints(grey(), standing()[:, :2] * 0.05 + [50, 45] + shift).shape == (
        100,
        100,
        3,
    )


def test_from_the_front_the_persons_left_is_on_the_right() -> None:
    picture = draw_pose_3d(standing(), 200, view=FRONT)
    assert pixels_of(picture, LEFT)[:, 0].min() > 100 > pixels_of(picture, RIGHT)[:, 0].max()


def test_the_scale_is_true() -> None:
    picture = draw_pose_3d(standing(), 400, view=Viewpoint(0.0, 0.0))
    left_leg = pixels_of(picture, LEFT)
    knee_to_ankle_px = np.ptp(left_leg[:, 1])
    both = np.concatenate([left_leg, pixels_of(picture, RIGHT)])
    wrists_px = np.ptp(both[:, 0])
    assert knee_to_ankle_px / wrists_px == pytest.approx(1350 / 440, rel=0.06)


def test_depth_shows_from_the_side() -> None:
    pose = standing()
    forward = pose.copy()
    forward[6, 2] = 500
    front = (
        draw_pose_3d(pose, 200, view=Viewpoint(0, 0)),
        draw_pose_3d(forward, 200, view=Viewpoint(0, 0)),
    )
    side = (draw_pose_3d(pose, 200, view=SIDE), draw_pose_3d(forward, 200, view=SIDE))
    assert pixels_of(side[1], LEFT)[:, 0].max() > pixels_of(side[0], LEFT)[:, 0].max() + 30
    assert pixels_of(front[1], LEFT)[:, 0].max() <= pixels_of(front[0], LEFT)[:, 0].max() + 1


def test_viewpoints_are_rotations_and_zero_is_the_camera() -> None:
    assert Viewpoint(0, 0).rotation() == pytest.approx(np.eye(3))
    rotation = Viewpoint(0.7, 0.3).rotation()
    assert rotation @ rotation.T == pytest.approx(np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert Viewpoint(np.pi / 2, 0).rotation() @ [1, 0, 0] == pytest.approx([0, 0, -1])


def test_the_true_pose_is_a_black_line_where_it_is() -> None:
    truth = standing()
    truth[:, 0] += 300
    picture = draw_pose_3d(standing(), 400, view=FRONT, true_pose_mm=truth)
    alone = draw_pose_3d(standing(), 400, view=FRONT)
    added = len(pixels_of(picture, TRUTH)) - len(pixels_of(alone, TRUTH))
    assert added > 50
    assert len(pixels_of(picture, LEFT)) > 50


def test_a_pose_of_unknown_joints_is_an_empty_stage() -> None:
    picture = draw_pose_3d(np.full((17, 3), np.nan), 120)
    assert len(pixels_of(picture, LEFT)) == len(pixels_of(picture, RIGHT)) == 0


def test_levelling_puts_people_upright() -> None:
    tilt = smallest_rotations(np.array([0.0, -1, 0]), np.array([0.1, -1, 0.4]))
    tilted = np.stack([standing(), standing()]) @ tilt.T
    assert tilted @ levelling_rotation(tilted).T == pytest.approx(
        np.stack([standing()] * 2), abs=1e-6
    )
    assert levelling_rotation(np.full((2, 17, 3), np.nan)) == pytest.approx(np.eye(3))


def test_pictures_stand_beside_and_below_each_other() -> None:
    assert beside(grey(20), grey(30), gap_px=5).shape == (30, 55, 3)
    assert below(grey(20), grey(30), gap_px=5).shape == (55, 30, 3)
    column = below(grey(20), grey(30), gap_px=5)
    assert (column[:20, :20] == 128).all()
    assert (column[:20, 20:] == 255).all()


def test_a_label_stands_above_and_leaves_the_picture_as_it_is() -> None:
    picture = labelled(grey(), "error 45 mm\nframe 3")
    assert (picture[-100:] == 128).all()
    assert (picture[:-100] < 100).any()


def test_grey_crops_are_enlarged_to_rgb() -> None:
    assert enlarged(np.zeros((16, 8), np.uint8), 64).shape == (64, 32, 3)


def test_a_dot_is_white_in_its_middle() -> None:
    assert tuple(draw_dot(grey(), np.array([50.5, 20.5]))[20, 50]) == (255, 255, 255)


def test_the_grid_picture_tints_the_cells_of_joints() -> None:
    crop = np.full((128, 128), 60, np.uint8)
    points_px = standing()[:, :2] * 0.06 + 64
    chances = positive_cells(points_px[None], 128, 10).astype(float)
    picture = grid_answers(crop[None], points_px[None], chances, panel_px=100)
    assert picture.shape[1] == 5 * 100 + 4 * 8
    blue, orange = (
        (np.abs(picture.astype(int) - (0.3 * 60 + 0.7 * np.array(c))).max(axis=-1) <= 1).sum()
        for c in (LEFT, RIGHT)
    )
    assert blue > 500
    assert orange > 500


def test_samples_are_the_best_median_and_worst_of_different_sequences() -> None:
    errors = np.array([5.0, 1, 2, 9, 8, 4])
    sequence = np.array(["a", "a", "b", "c", "c", "b"])
    assert rows_by_rank(errors, sequence, 2) == {"best": [1, 2], "median": [0, 5], "worst": [3, 0]}
    assert rows_by_rank(errors, np.full(6, "a"), 2)["worst"] == [3]


def test_a_sample_row_and_sheet_fit_together() -> None:
    row = sample_row(np.zeros((64, 64), np.uint8), standing(), standing(), size_px=80)
    assert row.shape == (80, 4 * 80 + 3 * 8, 3)
    assert (
        sample_sheet([("best: 0.0 mm", row), ("worst: 0.0 mm", row)], size_px=80).shape[1]
        == row.shape[1]
    )
