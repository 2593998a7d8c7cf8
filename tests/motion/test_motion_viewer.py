"""The viewer's page of whole Tracks."""

from dataclasses import replace

import numpy as np
import pytest
from body.formats.test_viewer import data_of, unpacked
from body.formats.walks import make_walk

from posegrid.errors import SettingsError
from posegrid.motion.angles import joint_angles_deg
from posegrid.motion.motion_viewer import motion_page

WALK = make_walk()
WALK = replace(WALK, keypoints_px=WALK.joints_mm[..., :2] / np.float32(10) + np.float32(300))


def test_curves_and_keypoints_are_those_of_the_track():
    content = data_of(motion_page([WALK], video="walk%20a.mp4"))
    angles = joint_angles_deg(WALK.joints_mm)
    person = content["people"][0]
    assert content["angles"] == list(angles) and content["video"] == "walk%20a.mp4"
    shown = unpacked(person["angles"], len(WALK))[:, list(angles).index("left_knee_flexion_deg")]
    assert shown == pytest.approx(angles["left_knee_flexion_deg"], abs=0.01, nan_ok=True)
    keypoints = unpacked(person["keypoints"], len(WALK)).reshape(-1, 17, 2)
    assert keypoints == pytest.approx(WALK.keypoints_px, abs=1, nan_ok=True)


def test_the_true_pose_is_drawn_beside_the_estimate():
    people = data_of(motion_page([WALK], true=[WALK]))["people"]
    assert [person["is_true"] for person in people] == [False, True]
    assert people[0]["places"] == people[1]["places"]


def test_tracks_of_other_frames_are_refused():
    with pytest.raises(SettingsError, match="same frames"):
        motion_page([WALK, replace(WALK)[:10]])
