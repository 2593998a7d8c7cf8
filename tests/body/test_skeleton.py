"""Laws of the skeleton."""

import numpy as np
import pytest

from posegrid.body import skeleton

RNG = np.random.default_rng(0)
POSES = RNG.normal(0, 300, (5, 17, 3))


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
