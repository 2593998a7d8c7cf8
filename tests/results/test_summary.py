"""What is said of a motion, in numbers that can be counted in the Track."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from motion.walks import walk_track, without_frames

from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.placing import assumed_camera
from posegrid.results.pose_model import PoseModel
from posegrid.results.predict_settings import PredictSettings
from posegrid.results.summary import cautions, others, summary
from posegrid.results.watching import Watched

WALK = replace(without_frames(walk_track(np.arange(10) / 10), [0, 3, 4]), camera_assumed=False)
SETTINGS = PredictSettings(Path("videos/walk.mp4"))
MODEL = Mock(spec=PoseModel)
MODEL.network = SimpleNamespace(name="some.onnx")


def said(track=WALK, spread: float = 0.1, **changes: object) -> list[str]:
    return summary(track, spread, replace(SETTINGS, **changes), MODEL)


def test_frames_and_distances_are_counted_where_somebody_is():
    near = WALK.root_mm.copy()
    near[1, 2], near[0, 2] = 3250.0, 100.0
    assert said(replace(WALK, root_mm=near))[:2] == [
        "walk.mp4: person found in 7 of 10 frames (70%)",
        "distance from the camera 3.2 to 4.0 m",
    ]
    nowhere = replace(WALK, root_mm=np.full_like(near, np.nan))
    assert not any("distance from" in line for line in said(nowhere))


@pytest.mark.parametrize(
    ("fov_deg", "given", "words"),
    [
        (60.0, None, "camera: 60 degrees over the longer side, assumed;"),
        (75.3, None, "camera: 75.3 degrees over the longer side, by the file's focal length;"),
        (60.0, 60.0, "camera: 60 degrees over the longer side, as given;"),
    ],
)
def test_it_is_said_where_the_angle_of_view_is_from(fov_deg, given, words):
    track = replace(WALK, camera=assumed_camera((1280, 720), fov_deg), camera_assumed=True)
    assert any(line.startswith(words) for line in said(track, fov_deg=given))
    assert not any(line.startswith("camera:") for line in said(WALK))


def test_it_is_said_where_the_scale_is_from():
    assert said()[-2:] == [
        "weights some.onnx; filter savitzky-golay",
        "scale: as the weights see it; 6% off (1 sigma) for rendered adults, more for children "
        "(--height-m)",
    ]
    by_camera = said(spread=0.034, camera_height_m=1.5)
    assert by_camera[-1] == "scale: by the camera's height; 3% off (1 sigma)"
    assert said(height_m=1.8)[-1].startswith("weights ")


def test_what_is_unsure_is_counted_frame_by_frame():
    box, confidence = WALK.box_xyxy.copy(), WALK.confidence.copy()
    box[[1, 2, 5], [0, 1, 2]] = 1.0, 0.5, 1279.0
    box[6, 3] = 718.9
    confidence[[7, 8]], confidence[9] = 0.29, 0.31
    filled = replace(WALK, box_xyxy=box, confidence=confidence, filled_frames=(3, 4))
    track = replace(filled, camera_fixed=False, warnings=("far", "fast"))
    lines = cautions(track)
    assert lines[0].startswith("in 3 of them the person touches the picture's edge")
    assert lines[1].startswith("in 2 of them it is doubtful whether this is the person")
    assert lines[2].startswith("the camera moved, or is not known to be fixed")
    assert lines[3].startswith("in 2 of them nobody was found: the pose is interpolated")
    assert lines[4:] == ["unlikely: far", "unlikely: fast"] and cautions(WALK) == []


def test_of_several_people_each_is_named_with_the_time():
    motion = MotionTrack(**{name: getattr(WALK, name) for name in WALK.__dataclass_fields__})
    late = replace(motion, joints_mm=motion.joints_mm.copy())
    late.joints_mm[:8] = np.nan
    both = Watched({2: late, 1: motion}, {}, None, False)
    assert others(2, both, replace(SETTINGS, person=2)) == [
        "this is person 2 (--person 2) of 2 people: person 1 in 7 frames (0.1 to 0.9 s); "
        "person 2 in 2 frames (0.8 to 0.9 s)"
    ]
    assert others(1, Watched({1: motion}, {}, None, False), SETTINGS) == []
