"""Live poses: whose they are, and that they look at the past only."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from results.onnx_files import STANDING_MM, facts

from posegrid.body.camera import Camera
from posegrid.body.estimate import Estimate
from posegrid.motion.plausible import bones_to_height_mm
from posegrid.people.crop import Silhouette
from posegrid.people.finder import Finder, Sighting
from posegrid.results.live import LivePose, live_poses
from posegrid.results.network import SHIPPED, OnnxModel
from posegrid.results.predict_settings import PoseSettings
from posegrid.video.picture import Picture
from posegrid.video.video import VideoFrame

SIZE_WH = (160, 120)
CAMERA = Camera((140.0, 140.0), (80.0, 60.0), SIZE_WH)
PICTURE = Picture.from_rgb(np.zeros((120, 160, 3), np.uint8))


def scripted(script: list[dict[int, float]]) -> Finder:
    """A finder that sees who is said to be in each frame, by number and height of the box."""

    def follow(frames: Iterable[VideoFrame]) -> Iterator[tuple[VideoFrame, list[Sighting]]]:
        for frame, seen in zip(frames, script, strict=True):
            yield frame, [Sighting(number, box_of_height(h), 0.9) for number, h in seen.items()]

    finder = Mock(spec=Finder)
    finder.follow = follow
    return finder


def box_of_height(height: float) -> Silhouette:
    box = np.array([60.0, 10.0, 60.0 + height / 2, 10.0 + height])
    return Silhouette(None, (0.0, 0.0), 1.0, SIZE_WH, box)


def network(*poses_mm: np.ndarray) -> OnnxModel:
    """Weights that say these poses, one after the other and then the last one again."""
    coming = list(poses_mm or [STANDING_MM])

    def estimate(crops: np.ndarray) -> Estimate:
        pose_mm = coming.pop(0) if len(coming) > 1 else coming[0]
        return Estimate.of_poses(np.tile(pose_mm, (len(crops), 1, 1)).astype(np.float32))

    model = Mock(spec=OnnxModel)
    model.facts, model.estimate = facts(pose_frame="camera", background="kept"), estimate
    model.name = "mine.onnx"
    return model


def poses(
    script: list[dict[int, float]],
    model: OnnxModel | None = None,
    times: Iterable[float] | None = None,
    **settings: Any,
) -> list[LivePose]:
    """Of frames that are a tenth of a second apart."""
    times = times or [number / 10 for number in range(len(script))]
    frames = (VideoFrame(number, time_s, PICTURE) for number, time_s in enumerate(times))
    options = PoseSettings(**{"filter": "none", **settings})
    return list(live_poses(frames, scripted(script), model or network(), CAMERA, options))


def whose(found: list[LivePose]) -> list[tuple[float, int]]:
    return [(pose.time_s, pose.person) for pose in found]


def test_the_largest_at_first_stays_whoever_comes_later():
    script = [{}, {1: 50.0, 2: 80.0}, {1: 90.0, 2: 60.0}, {1: 90.0}, {1: 90.0, 2: 60.0}]
    assert whose(poses(script)) == [(0.1, 2), (0.2, 2), (0.4, 2)]


def test_who_is_gone_for_more_than_a_second_is_waited_for_no_longer():
    script = [{2: 80.0}, {1: 50.0}, {1: 50.0}, {1: 50.0, 2: 90.0}]
    assert whose(poses(script, times=[0.0, 0.5, 1.0, 1.1])) == [(0.0, 2), (1.1, 2)]
    assert whose(poses(script, times=[0.0, 0.5, 1.05, 1.1])) == [(0.0, 2), (1.05, 1), (1.1, 1)]


def test_everybody_or_a_number_can_be_asked_for():
    script = [{1: 50.0, 2: 80.0}, {1: 50.0}]
    assert whose(poses(script, person="all")) == [(0.0, 1), (0.0, 2), (0.1, 1)]
    assert whose(poses(script, person=1)) == [(0.0, 1), (0.1, 1)]


def test_a_pose_is_where_its_box_is_and_what_the_network_said():
    (pose,) = poses([{1: 80.0}])
    np.testing.assert_allclose(pose.joints_mm, STANDING_MM, atol=1e-3)
    projected = CAMERA.project(pose.joints_mm + pose.root_mm)
    np.testing.assert_allclose(pose.keypoints_px, projected, atol=1e-3)
    x0, y0, x1, y1 = pose.box_xyxy
    assert (projected[:, 1] > y0).all() and (projected[:, 1] < y1).all()
    assert (pose.confidence, pose.num_dropped) == (0.9, 0) and x0 < x1
    assert repr(pose) == "LivePose(person 1 at 0.00 s)"


def test_with_a_height_the_body_is_that_high_and_as_much_farther_away():
    (plain,), (tall,) = poses([{1: 80.0}]), poses([{1: 80.0}], height_m=2.0)
    assert bones_to_height_mm(tall.joints_mm[None]) == pytest.approx(2000)
    scale = 2000 / bones_to_height_mm(plain.joints_mm[None])
    np.testing.assert_allclose(tall.root_mm, scale * plain.root_mm)
    np.testing.assert_allclose(tall.keypoints_px, plain.keypoints_px)


def test_pictures_that_were_not_looked_at_are_counted():
    frames = [VideoFrame(index, index / 10, PICTURE) for index in (0, 3, 4)]
    found = live_poses(
        iter(frames), scripted([{1: 80.0}] * 3), network(), CAMERA, PoseSettings(filter="none")
    )
    assert [pose.num_dropped for pose in found] == [0, 2, 2]


def test_the_filter_steadies_by_the_past_only():
    moved = STANDING_MM + np.float32(20) * (np.arange(17)[:, None] > 0)
    script = [{1: 80.0}] * 3
    still = poses(script, filter="one-euro")
    np.testing.assert_allclose(still[-1].joints_mm, STANDING_MM, atol=1e-3)
    after = poses(script, network(STANDING_MM, STANDING_MM, moved), filter="one-euro")
    for one, other in zip(still[:2], after[:2], strict=True):
        np.testing.assert_array_equal(one.joints_mm, other.joints_mm)
    step = (after[2].joints_mm - STANDING_MM)[1:]
    assert (step > 1).all() and (step < 19).all()


def walking(model_name: str) -> OnnxModel:
    """Weights that say places and radii, too, and whose poses change."""
    rng = np.random.default_rng(0)

    def estimate(crops: np.ndarray) -> Estimate:
        said = Estimate.of_poses((STANDING_MM + rng.normal(0, 20, (1, 17, 3))).astype(np.float32))
        places = (64 + STANDING_MM[None, :, :2] / 20).astype(np.float32)
        return replace(said, keypoints_px=places, sigma_mm=np.full((1, 17), 30, np.float32))

    model = Mock(spec=OnnxModel)
    model.facts, model.estimate = facts(pose_frame="camera", background="kept"), estimate
    model.name = model_name
    return model


def test_poses_of_the_shipped_weights_are_corrected_by_those_before():
    script = [{1: 80.0}] * 12
    plain = poses(script, walking(SHIPPED), over_time=False)
    better = poses(script, walking(SHIPPED))
    others = poses(script, walking("mine.onnx"))
    for before, after, other in zip(plain, better, others, strict=True):
        np.testing.assert_array_equal(other.joints_mm, before.joints_mm)
        assert np.abs(after.joints_mm - before.joints_mm).max() > 0.1
        assert np.abs(after.joints_mm[0]).max() < 1e-3
    first = poses(script[:5], walking(SHIPPED))
    for one, same in zip(first, better, strict=False):
        np.testing.assert_array_equal(one.joints_mm, same.joints_mm)


def test_after_a_gap_the_poses_before_it_are_forgotten():
    script = [{1: 80.0}] * 4
    times = [0.0, 0.1, 0.6, 0.7]
    whole = poses(script, walking(SHIPPED), times)
    model = walking(SHIPPED)
    model.estimate(np.zeros(1)), model.estimate(np.zeros(1))
    later = poses(script[2:], model, times[2:])
    for one, same in zip(whole[2:], later, strict=True):
        np.testing.assert_array_equal(one.joints_mm, same.joints_mm)
