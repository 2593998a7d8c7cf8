"""Poses of crops become a Track: turned to the camera, put in their places, and scaled to a
height.
"""

from dataclasses import replace

import numpy as np
import pytest
from results.onnx_files import STANDING_MM, facts, write_onnx

from posegrid.body.camera import Camera
from posegrid.body.estimate import Estimate
from posegrid.motion.placing import assumed_camera
from posegrid.motion.plausible import HEIGHT_PER_BONES, scaled_to_height
from posegrid.people.crop import window_of_box
from posegrid.results.estimator import Origin, PersonEstimate, person_track
from posegrid.results.network import OnnxModel, load_onnx

CAMERA = assumed_camera((1280, 720))
POSE = STANDING_MM.astype(np.float64)
ROOTS = np.array([[-900.0, 100, 4000], [-300, 100, 4100], [900, 50, 5000]])


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, OnnxModel]:
    folder = tmp_path_factory.mktemp("weights")
    made = {
        f: write_onnx(folder / f"{f}.onnx", metadata=facts(pose_frame=f).to_json())
        for f in ("view", "camera")
    }
    return {frame: load_onnx(path) for frame, path in made.items()}


def ideal(
    camera: Camera, frame: str, *, keypoints: bool, rows: tuple[int, ...] = (1, 2, 4)
) -> PersonEstimate:
    """What a perfect network says of the pose at ROOTS, in crops of 32 pixels."""
    boxes, windows, poses, places = [], [], [], []
    for root in ROOTS:
        pixels = camera.project(POSE + root)
        boxes.append(np.concatenate([pixels.min(0) - 5, pixels.max(0) + 5]))
        windows.append(window_of_box(boxes[-1], 0.1))
        view = camera.windowed(windows[-1], 32).rotation_to_view() if frame == "view" else np.eye(3)
        poses.append(POSE @ view.T)
        places.append((pixels - windows[-1][:2]) * 32 / windows[-1][2])
    said = np.array(places) if keypoints else np.full((3, 17, 2), np.nan)
    sigma = np.full((3, 17), 40.0 if keypoints else np.nan)
    estimate = Estimate(*(np.asarray(values, np.float32) for values in (poses, said, sigma)))
    return PersonEstimate(
        1, np.array(rows), np.array(boxes), np.array(windows), estimate, np.ones(3)
    )


def tracked(models, camera: Camera, frame: str, *, keypoints: bool = True):
    time_s = np.array([0.0, 0.04, 0.08, 0.14, 0.2, 0.24])
    person = ideal(camera, frame, keypoints=keypoints)
    return person_track(person, time_s, models[frame], Origin("a.mp4", camera, 25.0))


@pytest.mark.parametrize("frame", ["view", "camera"])
@pytest.mark.parametrize("distortion", [(0.0,) * 5, (-0.2, 0.05, 0.0, 1e-3, -1e-3)])
def test_a_perfect_network_gives_the_pose_and_its_place(models, frame, distortion):
    camera = replace(CAMERA, distortion=distortion)
    track = tracked(models, camera, frame)
    assert track.joints_mm[[1, 2, 4]] == pytest.approx(np.tile(POSE, (3, 1, 1)), abs=0.5)
    assert track.root_mm[[1, 2, 4]] == pytest.approx(ROOTS, abs=2)
    assert track.keypoints_px[4] == pytest.approx(camera.project(POSE + ROOTS[2]), abs=0.02)


def test_frames_without_the_person_are_missing(models):
    track = tracked(models, CAMERA, "view")
    assert len(track) == 6 and track.found.tolist() == [False, True, True, False, True, False]
    for values in (
        track.joints_mm,
        track.root_mm,
        track.keypoints_px,
        track.sigma_mm,
        track.box_xyxy,
    ):
        assert np.isnan(values[[0, 3, 5]]).all() and np.isfinite(values[[1, 2, 4]]).all()
    assert track.fps == 25, "the rate of the usual interval"


def test_without_keypoints_the_pelvis_is_where_the_pose_fills_the_box(models):
    track = tracked(models, CAMERA, "view", keypoints=False)
    depth = track.root_mm[[1, 2, 4], 2] / ROOTS[:, 2]
    assert depth == pytest.approx(np.full(3, depth[0]), rel=0.03), (
        "no farther for one place than for another"
    )
    projected = CAMERA.project((track.joints_mm[4] + track.root_mm[4]).astype(np.float64))
    assert (
        track.keypoints_px[4] == pytest.approx(projected, abs=0.01)
        and np.isnan(track.sigma_mm).all()
    )


def test_one_frame_has_the_declared_rate(models):
    person = ideal(CAMERA, "view", keypoints=True)
    one = replace(
        person,
        row=np.array([0]),
        box_xyxy=person.box_xyxy[:1],
        window=person.window[:1],
        estimate=person.estimate.rows(np.array([0])),
        confidence=np.ones(1),
    )
    origin = Origin("a.png", CAMERA, 1.0, camera_assumed=False)
    track = person_track(one, np.zeros(1), models["view"], origin)
    assert track.fps == 1.0 and not track.camera_assumed and track.found.all()


def test_a_height_scales_all_lengths_and_no_pixel(models):
    """STANDING_MM by hand: head 152.32, neck 100, trunk 480, legs 440 and 441.02."""
    bones = np.hypot(140, 60) + np.hypot(80, 60) + 250 + 230 + 440 + np.hypot(440, 30)
    height = HEIGHT_PER_BONES * bones
    track = tracked(models, CAMERA, "view")
    taller = scaled_to_height(track, 1.1 * height)
    for name in ("joints_mm", "root_mm", "sigma_mm"):
        assert getattr(taller, name)[1] == pytest.approx(1.1 * getattr(track, name)[1], rel=1e-4)
    for name in ("keypoints_px", "box_xyxy", "time_s"):
        assert np.array_equal(getattr(taller, name), getattr(track, name), equal_nan=True)
    once = scaled_to_height(taller, 1700.0)
    assert scaled_to_height(once, 1700.0).joints_mm[1] == pytest.approx(once.joints_mm[1], rel=1e-5)
