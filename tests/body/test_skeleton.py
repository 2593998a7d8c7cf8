"""Laws of the skeleton.

Other skeletons: joints that Human3.6M has are taken over, all others are NaN; nothing is made
up.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from body.test_track import make_track

from posegrid.body import skeleton
from posegrid.body.skeleton import (
    COCO17,
    HUMAN36M_32_COINCIDING,
    HUMAN36M_32_TO_17,
    JOINT_NAMES,
    MEDIAPIPE33,
    MPII16,
    OPENPOSE25,
    SKELETONS,
)
from posegrid.errors import SettingsError

POSES = np.random.default_rng(0).normal(0, 300, (5, 17, 3))


def test_parents_come_before_their_children() -> None:
    assert all(parent < joint for joint, parent in enumerate(skeleton.PARENTS))


def test_the_17_are_the_joints_of_the_release_that_their_names_say() -> None:
    names = [skeleton.HUMAN36M_32_NAMES[i] for i in skeleton.HUMAN36M_32_TO_17]
    expected = [
        "Hips",
        "RightUpLeg",
        "RightLeg",
        "RightFoot",
        "LeftUpLeg",
        "LeftLeg",
        "LeftFoot",
        "Spine1",
        "Neck",
    ]
    expected += [
        "Head",
        "HeadSite",
        "LeftArm",
        "LeftForeArm",
        "LeftHand",
        "RightArm",
        "RightForeArm",
        "RightHand",
    ]
    assert names == expected


def test_mirroring_twice_changes_nothing() -> None:
    np.testing.assert_array_equal(skeleton.mirrored(skeleton.mirrored(POSES)), POSES)


def test_mirroring_exchanges_the_knees_and_negates_x() -> None:
    left_knee, right_knee = (
        skeleton.JOINT_NAMES.index(name) for name in ("left_knee", "right_knee")
    )
    np.testing.assert_array_equal(
        skeleton.mirrored(POSES)[:, left_knee], POSES[:, right_knee] * [-1, 1, 1]
    )


def test_the_feet_are_mirrored_as_the_joints_are() -> None:
    feet = POSES[:, :4]
    once = skeleton.mirrored_feet(feet)
    np.testing.assert_array_equal(once[:, 0], feet[:, 2] * [-1, 1, 1])
    np.testing.assert_array_equal(skeleton.mirrored_feet(once), feet)
    for one, other in enumerate(skeleton.FEET_MIRROR_ORDER):
        sides, parts = zip(
            *(skeleton.FEET_NAMES[point].split("_") for point in (one, other)), strict=True
        )
        assert set(sides) == {"left", "right"} and parts[0] == parts[1]


def test_mirror_pairs_are_the_two_sides_of_the_same_joint() -> None:
    for pair in skeleton.MIRROR_PAIRS:
        one, other = (skeleton.JOINT_NAMES[joint].split("_") for joint in pair)
        assert {one[0], other[0]} == {"left", "right"} and one[1] == other[1]


def test_the_root_is_the_origin_and_bones_keep_their_length() -> None:
    relative = skeleton.relative_to_root(POSES)
    np.testing.assert_array_equal(relative[:, skeleton.ROOT], 0)
    np.testing.assert_allclose(skeleton.bone_lengths(relative), skeleton.bone_lengths(POSES))


def test_a_bone_of_3_4_0_is_5_long() -> None:
    pose = np.zeros((17, 3))
    pose[1] = [3, 4, 0]
    assert skeleton.bone_lengths(pose)[skeleton.BONES.index((0, 1))] == pytest.approx(5)


def test_sizes_of_many_poses_are_sums_of_their_16_bones() -> None:
    sizes = skeleton.body_size_mm(POSES.reshape(5, 1, 17, 3))
    assert sizes.shape == (5, 1)
    assert sizes[2, 0] == pytest.approx(sum(skeleton.bone_lengths(POSES[2])))


def test_the_releases_bones_are_these_chains() -> None:
    chains = """
    Hips RightUpLeg RightLeg RightFoot RightToeBase RightToeSite
    Hips LeftUpLeg LeftLeg LeftFoot LeftToeBase LeftToeSite
    Hips Spine Spine1 Neck Head HeadSite
    Spine1 LeftShoulder LeftArm LeftForeArm LeftHand LeftHandThumb LeftThumbSite
    Spine1 RightShoulder RightArm RightForeArm RightHand RightHandThumb RightThumbSite
    LeftHand L_Wrist_End LeftWristSite
    RightHand R_Wrist_End RightWristSite
    """
    rows = [line.split() for line in chains.split("\n") if line.strip()]
    expected = {child: parent for row in rows for parent, child in pairwise(row)}
    names = skeleton.HUMAN36M_32_NAMES
    parents = [names[i] if i >= 0 else None for i in skeleton.HUMAN36M_32_PARENTS]
    assert dict(zip(names, parents, strict=True)) == {"Hips": None, **expected}


def test_fitted_bones_are_equal_on_both_sides_and_nan_without_anybody() -> None:
    assert np.isnan(skeleton.fitted_bones_mm(np.full((3, 17, 3), np.nan))).all()
    lengths = dict(zip(skeleton.BONES, skeleton.fitted_bones_mm(POSES), strict=True))
    order = skeleton.mirror_order()
    for parent, child in skeleton.BONES:
        assert lengths[parent, child] == lengths[int(order[parent]), int(order[child])]
    both = np.concatenate([skeleton.bone_lengths(POSES)[:, i] for i in (0, 3)])
    assert lengths[0, 1] == pytest.approx(np.quantile(both, 0.6))


def test_with_other_bones_the_directions_stay() -> None:
    wanted = np.arange(16) * 10.0 + 100
    changed = skeleton.with_bones(POSES, wanted)
    np.testing.assert_allclose(skeleton.bone_lengths(changed), np.tile(wanted, (5, 1)))
    np.testing.assert_array_equal(changed[:, 0], POSES[:, 0])
    for parent, child in skeleton.BONES:
        before, after = (pose[:, child] - pose[:, parent] for pose in (POSES, changed))
        np.testing.assert_allclose(np.cross(before, after), 0, atol=1e-6)
        assert (np.einsum("ni,ni->n", before, after) > 0).all()


TRACK = make_track()


def test_every_skeleton_has_as_many_joints_as_its_name_says():
    assert [len(s.joint_names) for s in SKELETONS] == [
        int("".join(c for c in s.name if c.isdigit())[-2:]) for s in SKELETONS
    ]
    assert all(len(set(s.joint_names)) == len(s.joint_names) for s in SKELETONS)


@pytest.mark.parametrize(
    ("skeleton", "indices"),
    [
        (
            COCO17,
            {"nose": 0, "left_shoulder": 5, "right_wrist": 10, "left_hip": 11, "right_ankle": 16},
        ),
        (
            MEDIAPIPE33,
            {"nose": 0, "left_shoulder": 11, "right_wrist": 16, "left_hip": 23, "right_ankle": 28},
        ),
        (
            OPENPOSE25,
            {"nose": 0, "right_shoulder": 2, "left_wrist": 7, "right_hip": 9, "left_ankle": 14},
        ),
        (MPII16, {"right_ankle": 0, "left_hip": 3, "thorax": 7, "head_top": 9, "left_wrist": 15}),
    ],
)
def test_joints_stand_at_the_places_that_their_data_sets_document(skeleton, indices):
    track = TRACK.to(skeleton.name)
    for name, index in indices.items():
        joint = JOINT_NAMES.index(name)
        np.testing.assert_array_equal(track.joints_mm[:, index], TRACK.joints_mm[:, joint])
        np.testing.assert_array_equal(track.keypoints_px[:, index], TRACK.keypoints_px[:, joint])
        np.testing.assert_array_equal(track.sigma_mm[:, index], TRACK.sigma_mm[:, joint])


def test_joints_that_are_not_estimated_are_nan():
    coco = TRACK.to("coco17")
    known = np.isfinite(coco.joints_mm[0]).all(axis=1)
    assert known.tolist() == [True, False, False, False, False] + [True] * 12
    assert np.isfinite(TRACK.to("mediapipe33").joints_mm[0]).all(axis=1).sum() == 13 + 4
    assert coco.joints_mm.dtype == np.float32 and coco.joints_mm.shape == (4, 17, 3)


@pytest.mark.parametrize(
    ("name", "heel", "toe"),
    [
        ("human36m_21", 19, 20),
        ("mediapipe33", 29, 31),
        ("openpose25", 21, 19),
        ("human36m_32", None, 10),
    ],
)
def test_heels_and_toes_stand_where_the_data_sets_document_them(name, heel, toe):
    track = TRACK.to(name)
    np.testing.assert_array_equal(track.joints_mm[:, toe], TRACK["left_toe"])
    if heel is not None:
        np.testing.assert_array_equal(track.joints_mm[:, heel], TRACK.feet_mm[:, 2])
    assert np.isnan(track.keypoints_px[:, toe]).all() and np.isnan(track.sigma_mm[:, toe]).all()
    unknown = replace(TRACK, feet_mm=np.full_like(TRACK.feet_mm, np.nan)).to(name)
    assert np.isnan(unknown.joints_mm[:, toe]).all()


def test_openpose_necks_are_midway_between_the_shoulders():
    neck = TRACK.to("openpose25").joints_mm[0, 1]
    assert neck == pytest.approx((TRACK.joints_mm[0, 11] + TRACK.joints_mm[0, 14]) / 2)


def test_the_releases_32_joints_coincide_as_they_do_there():
    joints = TRACK.to("human36m_32").joints_mm
    np.testing.assert_array_equal(joints[:, list(HUMAN36M_32_TO_17)], TRACK.joints_mm)
    twins = {"Spine": "Hips", "LeftShoulder": "Neck", "RightShoulder": "Neck"}
    twins |= {"LeftHandThumb": "LeftHand", "LeftWristSite": "L_Wrist_End"}
    twins |= {"RightHandThumb": "RightHand", "RightWristSite": "R_Wrist_End"}
    names = skeleton.HUMAN36M_32_NAMES
    assert {names[joint]: names[twin] for joint, twin in HUMAN36M_32_COINCIDING} == twins
    for joint, twin in HUMAN36M_32_COINCIDING:
        np.testing.assert_array_equal(joints[:, joint], joints[:, twin])


def test_an_unknown_skeleton_is_refused_and_the_known_ones_listed():
    with pytest.raises(
        SettingsError, match=r"no skeleton 'coco18'; there are human36m_17, .*coco17"
    ):
        TRACK.to("coco18")
