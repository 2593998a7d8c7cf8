"""The viewer's page of whole Tracks."""

from dataclasses import replace

import numpy as np
import pytest
from body.formats.test_viewer import data_of, unpacked
from body.formats.walks import make_walk, make_walk_with_feet

from posegrid.body.skeleton import FEET_PARENTS, HUMAN36M_21
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


def test_feet_are_joints_of_the_scene_with_bones_curves_and_keypoints_by_their_ankles():
    walk = replace(make_walk_with_feet(), keypoints_px=WALK.keypoints_px)
    walk.feet_mm[5] = np.nan
    content = data_of(motion_page([walk, WALK], video="walk.mp4"))
    assert content["joints"] == list(HUMAN36M_21.joint_names)
    assert content["bones"][-4:] == [
        [*(3, 17), "right"],
        [*(3, 18), "right"],
        [*(6, 19), "left"],
        [*(6, 20), "left"],
    ]
    footed, bare = content["people"]
    places = unpacked(footed["places"], len(walk)).reshape(-1, 21, 3)
    for point, ankle in zip((17, 18, 19, 20), FEET_PARENTS, strict=True):
        found, true = (
            np.linalg.norm(joints[:, point] - joints[:, ankle], axis=1)
            for joints in (places, walk.joints_and_feet_mm)
        )
        rows = np.setdiff1d(np.flatnonzero(walk.found), [5, 20])
        assert found[rows] == pytest.approx(true[rows], abs=2)
    assert np.isfinite(places[5, :17]).all() and np.isnan(places[5, 17:]).all()
    assert np.isnan(unpacked(bare["places"], len(walk)).reshape(-1, 21, 3)[:, 17:]).all()
    at_px = unpacked(footed["keypoints"], len(walk)).reshape(-1, 21, 2)
    assert at_px == pytest.approx(walk.keypoints_and_feet_px, abs=1, nan_ok=True)
    apart_px = at_px[30, 18] - at_px[30, 3]
    absolute_mm = (walk.joints_and_feet_mm[30] + walk.root_mm[30]).astype(np.float64)
    toe_px, ankle_px = walk.camera.project(absolute_mm[[18, 3]])
    assert apart_px == pytest.approx(toe_px - ankle_px, abs=2)
    dorsiflexion = unpacked(footed["angles"], len(walk))[
        :, content["angles"].index("left_ankle_dorsiflexion_deg")
    ]
    expected = joint_angles_deg(walk.joints_and_feet_mm)["left_ankle_dorsiflexion_deg"]
    assert dorsiflexion == pytest.approx(expected, abs=0.02, nan_ok=True)


def test_the_true_pose_is_drawn_beside_the_estimate():
    people = data_of(motion_page([WALK], true=[WALK]))["people"]
    assert [person["is_true"] for person in people] == [False, True]
    assert people[0]["places"] == people[1]["places"]


def test_tracks_of_other_frames_are_refused():
    with pytest.raises(SettingsError, match="same frames"):
        motion_page([WALK, replace(WALK)[:10]])
