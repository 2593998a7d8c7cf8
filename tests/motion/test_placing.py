"""Turning poses back, finding the pelvis' place, steadying boxes, and smoothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from results.onnx_files import STANDING_MM

from posegrid.body.camera import Camera
from posegrid.errors import SettingsError
from posegrid.motion.placing import (
    FLESH_MM,
    assumed_camera,
    in_picture,
    root_from_box,
    root_from_keypoints,
    steadied_boxes,
    turned_to_camera,
)

POSE = STANDING_MM.astype(np.float64)


def box_of_pose(pose_mm: np.ndarray, root_mm: np.ndarray, camera: Camera) -> np.ndarray:
    """The box round the pose with its flesh, as an ideal mask would have it."""
    points = pose_mm + root_mm
    sides = []
    for axis, sign, flesh in (
        (0, -1, FLESH_MM[0]),
        (1, -1, FLESH_MM[1]),
        (0, 1, FLESH_MM[2]),
        (1, 1, FLESH_MM[3]),
    ):
        outermost = (sign * camera.project(points)[:, axis]).argmax()
        moved = points[outermost].copy()
        moved[axis] += sign * flesh
        sides.append(camera.project(moved)[axis])
    return np.array(sides)


def test_an_assumed_camera_spans_the_angle():
    camera = assumed_camera((1920, 1080), 60)
    left, right = camera.rays(np.array([[0.0, 540], [1920, 540]]))
    angle = np.arccos(left @ right / np.linalg.norm(left) / np.linalg.norm(right))
    assert np.degrees(angle) == pytest.approx(60) and camera.size_wh == (1920, 1080)
    assert assumed_camera((1080, 1920), 60).focal_px == camera.focal_px


@given(st.floats(-1500, 1500), st.floats(-300, 300), st.floats(2500, 12000))
def test_the_root_is_where_the_box_puts_it(x, y, z):
    camera, root = assumed_camera((1280, 720)), np.array([x, y, z])
    found = root_from_box(POSE, box_of_pose(POSE, root, camera), camera)
    assert found == pytest.approx(root, abs=5)


@pytest.mark.parametrize("root", [(0.0, 0.0, 4000.0), (900.0, -300.0, 2500.0)])
def test_the_root_is_where_the_pose_projects_onto_the_keypoints(root):
    camera = assumed_camera((1000, 800))
    keypoints_px = camera.project(POSE + np.array(root))
    sigma_mm = np.array([0.0, *np.full(16, 50.0)])
    assert root_from_keypoints(POSE, keypoints_px, camera, sigma_mm) == pytest.approx(
        np.array(root), abs=1e-3
    )
    wrong = keypoints_px.copy()
    wrong[16] += 80  # one hand is misplaced, and known to be unsure
    sigma_mm[16] = 1e4
    assert root_from_keypoints(POSE, wrong, camera, sigma_mm) == pytest.approx(
        np.array(root), abs=5
    )


def test_a_root_behind_the_camera_is_none():
    camera = assumed_camera((1000, 800))
    upside_down = 1000 - camera.project(POSE + np.array([0.0, 0.0, 4000.0]))
    assert np.isnan(root_from_keypoints(POSE, upside_down, camera, np.full(17, 50.0))).all()


def test_places_in_a_crop_are_places_in_the_picture():
    keypoints_px = np.tile([[32.0, 64.0]], (1, 17, 1))
    assert in_picture(keypoints_px, np.array([[100.0, 200.0, 256.0]]), 128)[0, 0] == pytest.approx(
        [164.0, 328.0]
    )


def test_a_box_without_an_answer_gives_nan():
    camera = assumed_camera((1280, 720))
    assert np.isnan(root_from_box(POSE, np.array([500.0, 300, 100, 100]), camera)).all()


def test_poses_are_turned_back_by_the_crops_own_camera():
    camera = assumed_camera((1280, 720))
    windows = np.array([[0.0, 100, 300], [490, 210, 300]])
    views = [camera.windowed(window, 64).rotation_to_view() for window in windows]
    seen = np.stack([POSE @ view.T for view in views])
    assert turned_to_camera(seen, windows, camera, 64) == pytest.approx(np.stack([POSE, POSE]))


def test_steadied_boxes_lose_a_flicker_and_keep_a_steady_walk():
    walk = np.arange(12)[:, None] * 5.0 + np.array([10.0, 20, 40, 90])
    assert steadied_boxes(walk) == pytest.approx(walk)
    flicker = walk.copy()
    flicker[5, 3] -= 40
    assert steadied_boxes(flicker)[5, 3] == pytest.approx(walk[5, 3], abs=5)


def test_steadied_boxes_keep_frames_without_a_box_empty():
    boxes = np.tile(np.array([1.0, 2, 3, 4]), (6, 1))
    boxes[2] = np.nan
    steadied = steadied_boxes(boxes)
    assert np.isnan(steadied[2]).all() and (steadied[[0, 1, 3, 4, 5]] == boxes[0]).all()


def test_an_angle_of_view_beyond_reason_is_refused():
    with pytest.raises(SettingsError, match="5 to 170 degrees"):
        assumed_camera((640, 480), 180)
