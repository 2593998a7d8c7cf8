"""Joints of Human3.6M in rendered bodies."""

import numpy as np
import pytest
from walkers.posing import standing, swung

from posegrid.body.skeleton import (
    HUMAN36M_32_COINCIDING,
    HUMAN36M_32_NAMES,
    HUMAN36M_32_TO_17,
    JOINT_NAMES,
)
from posegrid.walkers.body.joints import joints_world_mm
from posegrid.walkers.body.mesh import BONE_INDEX, Body, load_body_model

SUBJECT_1_MM = {
    ("left_hip", "left_knee"): 443,
    ("left_knee", "left_ankle"): 454,
    ("right_hip", "left_hip"): 266,
    ("pelvis", "spine"): 233,
    ("spine", "thorax"): 257,
    ("thorax", "nose"): 121,
    ("nose", "head_top"): 115,
    ("thorax", "left_shoulder"): 151,
    ("left_shoulder", "left_elbow"): 279,
    ("left_elbow", "left_wrist"): 252,
}
"""Lengths in the release's subject S1."""


@pytest.fixture(scope="module")
def bodies() -> list[Body]:
    rng = np.random.default_rng(0)
    return [load_body_model().sample(rng) for _ in range(40)]


def hanging_joints(body: Body, swing: float = 0.0) -> np.ndarray:
    rotations = swung(body, swing)
    return joints_world_mm(body, rotations, standing(body, rotations))[0]


def test_mean_proportions_are_those_of_subject_1_within_5_percent(bodies: list[Body]) -> None:
    rows = []
    for body in bodies:
        joints = dict(zip(JOINT_NAMES, hanging_joints(body)[list(HUMAN36M_32_TO_17)], strict=True))
        rows.append(
            [np.linalg.norm(joints[a] - joints[b]) / body.stature_mm for a, b in SUBJECT_1_MM]
        )
    measured, expected = np.mean(rows, axis=0), np.array(list(SUBJECT_1_MM.values()))
    np.testing.assert_allclose(measured / measured.sum(), expected / expected.sum(), rtol=0.05)


def test_joints_that_coincide_in_the_release_coincide_here(bodies: list[Body]) -> None:
    joints = hanging_joints(bodies[0])
    for joint, twin in HUMAN36M_32_COINCIDING:
        np.testing.assert_array_equal(joints[joint], joints[twin])


def test_left_joints_are_on_the_left_and_mirror_the_right_ones(bodies: list[Body]) -> None:
    names = list(HUMAN36M_32_NAMES)
    for body in bodies[:5]:
        joints = dict(zip(names, hanging_joints(body), strict=True))
        for joint in ("UpLeg", "Leg", "Foot", "ToeBase", "Arm", "ForeArm", "Hand"):
            left, right = joints["Left" + joint], joints["Right" + joint]
            assert left[0] > 0
            np.testing.assert_allclose(left * [-1, 1, 1], right, atol=8)


def test_joints_move_with_their_bones(bodies: list[Body]) -> None:
    body = bodies[0]
    rotations = swung(body)
    positions = standing(body, rotations)
    before = joints_world_mm(body, rotations, positions)[0]
    moved = positions.copy()
    moved[0, BONE_INDEX["head"]] += [10.0, 20.0, 30.0]
    change = joints_world_mm(body, rotations, moved)[0] - before
    head = [HUMAN36M_32_NAMES.index(name) for name in ("Head", "HeadSite")]
    np.testing.assert_allclose(change[head], [[10, 20, 30]] * 2)
    np.testing.assert_array_equal(np.delete(change, head, axis=0), 0)


def test_segments_keep_their_length_in_a_stride_within_3_percent(bodies: list[Body]) -> None:
    names = list(HUMAN36M_32_NAMES)
    pairs = [
        ("LeftUpLeg", "LeftLeg"),
        ("LeftLeg", "LeftFoot"),
        ("LeftArm", "LeftForeArm"),
        ("LeftForeArm", "LeftHand"),
    ]
    for pair in pairs:
        first, second = (names.index(name) for name in pair)
        lengths = [
            np.linalg.norm(joints[first] - joints[second])
            for joints in (hanging_joints(bodies[0], swing) for swing in (-0.5, 0.0, 0.5))
        ]
        assert max(lengths) / min(lengths) < 1.03
