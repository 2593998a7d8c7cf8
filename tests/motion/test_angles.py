"""Joint angles: poses known by hand; what no angle may depend on; a made-up walk against the angles
that made it.
"""

import numpy as np
import pytest

from posegrid.body.skeleton import (
    FEET_PARENTS,
    HUMAN36M_32_TO_17,
    JOINT_NAMES,
    mirrored,
    mirrored_feet,
)
from posegrid.motion.angles import (
    ANGLE_NAMES,
    ANKLE_NAMES,
    angles_figure,
    joint_angles,
    joint_angles_deg,
)
from posegrid.walkers.body.joints import joints_world_mm
from posegrid.walkers.body.mesh import forward_kinematics, load_body_model
from posegrid.walkers.motion.gait_style import gait_angles, sample_style
from posegrid.walkers.motion.posture import limb_frames, skin_rotations

STANDING = {
    "pelvis": (0, 0, 0),
    "right_hip": (-130, 0, 0),
    "right_knee": (-130, 450, 0),
    "right_ankle": (-130, 880, 0),
    "left_hip": (130, 0, 0),
    "left_knee": (130, 450, 0),
    "left_ankle": (130, 880, 0),
    "spine": (0, -230, 0),
    "thorax": (0, -480, 0),
    "nose": (0, -590, -40),
    "head_top": (0, -700, 0),
    "left_shoulder": (150, -460, 0),
    "left_elbow": (150, -180, 0),
    "left_wrist": (150, 70, 0),
    "right_shoulder": (-150, -460, 0),
    "right_elbow": (-150, -180, 0),
    "right_wrist": (-150, 70, 0),
}
"""A person who faces a level camera (x right, y down, z forward): the person's left is the camera's
right.
"""


def pose(**moved: tuple[float, float, float]) -> np.ndarray:
    return np.array([[{**STANDING, **moved}[name] for name in JOINT_NAMES]], dtype=np.float64)


def degrees(joints: np.ndarray, **options) -> dict[str, float]:
    return {
        name: float(np.degrees(angle[0])) for name, angle in joint_angles(joints, **options).items()
    }


def changed(joints: np.ndarray) -> dict[str, float]:
    """The angles that are not zero, rounded."""
    return {name: round(angle, 1) for name, angle in degrees(joints).items() if abs(angle) > 0.05}


def test_standing_is_zero():
    assert tuple(degrees(pose())) == ANGLE_NAMES and changed(pose()) == {}


@pytest.mark.parametrize(
    ("moved", "expected"),
    [
        # towards the camera (-z) is forward for who faces it
        (
            {"left_knee": (130, 0, -450), "left_ankle": (130, 430, -450)},
            {"left_hip_flexion": 90, "left_knee_flexion": 90},
        ),
        ({"right_ankle": (-130, 450, 430)}, {"right_knee_flexion": 90}),
        (
            {"right_knee": (-130, 450, 260), "right_ankle": (-130, 900, 520)},
            {"right_hip_flexion": -30.0},
        ),
        ({"left_knee": (390, 450, 0), "left_ankle": (650, 900, 0)}, {"left_hip_abduction": 30.0}),
        (
            {"right_knee": (-390, 450, 0), "right_ankle": (-650, 900, 0)},
            {"right_hip_abduction": 30.0},
        ),
        ({"left_wrist": (150, -180, -250)}, {"left_elbow_flexion": 90}),
        (
            {"right_elbow": (-150, -460, -280), "right_wrist": (-150, -460, -530)},
            {"right_shoulder_flexion": 90},
        ),
        (
            {"right_elbow": (-150, -740, 0), "right_wrist": (-150, -990, 0)},
            {"right_shoulder_flexion": 180},
        ),
        ({"head_top": (0, -480 - 190, -110)}, {"neck_flexion": 30.1}),
        ({"head_top": (-110, -480 - 190, 0)}, {"neck_lateral_flexion": 30.1}),
    ],
)
def test_poses_known_by_hand(moved, expected):
    assert changed(pose(**moved)) == pytest.approx(expected, abs=0.06)


def test_an_arm_straight_sideways_has_no_flexion():
    angles = degrees(pose(left_elbow=(430, -460, 0), left_wrist=(680, -460, 0)))
    assert angles["left_shoulder_abduction"] == pytest.approx(90) and np.isnan(
        angles["left_shoulder_flexion"]
    )


def test_the_trunk_leans_and_turns():
    upper = [name for name in JOINT_NAMES if STANDING[name][1] < 0 or "wrist" in name]

    def bent(rotation: np.ndarray) -> np.ndarray:
        return pose(**{name: tuple(rotation @ STANDING[name]) for name in upper})

    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    forwards = changed(bent(np.array([[1, 0, 0], [0, c, -s], [0, s, c]])))
    assert forwards["trunk_flexion"] == pytest.approx(20, abs=0.1)
    # Against the trunk, legs that still stand upright are flexed, too.
    assert (
        forwards["left_hip_flexion"] == forwards["right_hip_flexion"] == pytest.approx(20, abs=0.1)
    )
    assert set(forwards) == {"trunk_flexion", "left_hip_flexion", "right_hip_flexion"}
    sideways = changed(
        bent(np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]))
    )  # to the camera's left: the person's right
    assert sideways == pytest.approx({"trunk_lateral_flexion": 20}, abs=0.1)
    turned = changed(
        bent(np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]))
    )  # the left shoulder comes forward
    assert turned == pytest.approx({"trunk_rotation": -20}, abs=0.1)


def test_a_lifted_hip_is_oblique():
    angles = degrees(pose(left_hip=(130, -20, 0), right_hip=(-130, 20, 0)))
    assert angles["pelvis_obliquity"] == pytest.approx(np.degrees(np.arctan2(20, 130)))


FEET = ((-130, 960, 60), (-130, 960, -190), (130, 960, 60), (130, 960, -190))


def with_feet(joints: np.ndarray, turn: np.ndarray | None = None) -> np.ndarray:
    """The pose with heels and toes (they face the camera: -z), turned by `turn` about the ankles."""
    ankles = joints[:, list(FEET_PARENTS)]
    feet = (np.array(FEET) - pose()[0, list(FEET_PARENTS)]) @ (
        np.eye(3) if turn is None else turn.T
    )
    return np.concatenate([joints, ankles + feet], axis=1)


def turn_about(axis: int, degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    one, other = (axis + 1) % 3, (axis + 2) % 3
    turn = np.eye(3)
    turn[[one, one, other, other], [one, other, one, other]] = (c, -s, s, c)
    return turn


def test_a_foot_square_to_its_shank_is_at_zero_and_only_the_21_joints_have_one():
    angles = degrees(with_feet(pose()))
    assert tuple(angles) == (*ANGLE_NAMES, *ANKLE_NAMES)
    assert max(map(abs, angles.values())) < 1e-9
    assert {name: angles[name] for name in ANGLE_NAMES} == degrees(pose())


@pytest.mark.parametrize("lifted_deg", [-40.0, -5.0, 20.0, 85.0])
@pytest.mark.parametrize("out_deg", [0.0, 30.0])
def test_a_foot_of_a_known_angle_has_it_whichever_way_it_points_and_rolls(lifted_deg, out_deg):
    turn = turn_about(1, out_deg) @ turn_about(0, -lifted_deg) @ turn_about(2, 15)
    angles = degrees(with_feet(pose(), turn))
    sole = (turn @ [0, 0, -1])[1]  # down: the toes hang
    assert np.degrees(np.arcsin(-sole)) == pytest.approx(lifted_deg, abs=1e-6)
    for name in ANKLE_NAMES:
        assert angles[name] == pytest.approx(lifted_deg, abs=1e-6)


def test_a_shank_that_leans_forwards_over_a_flat_foot_is_dorsiflexed():
    c, s = np.cos(np.radians(12)), np.sin(np.radians(12))
    knee = {"right_knee": (-130, 880 - 430 * c, -430 * s)}
    angles = degrees(with_feet(pose(**knee)))
    assert angles["right_ankle_dorsiflexion"] == pytest.approx(12)
    assert angles["left_ankle_dorsiflexion"] == pytest.approx(0, abs=1e-9)


def random_poses(count: int = 50) -> np.ndarray:
    return pose() + np.random.default_rng(2).normal(0, 60, (count, 17, 3))


def test_turning_the_world_with_its_vertical_changes_nothing():
    poses = with_feet(random_poses())
    turn, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    before, after = (
        joint_angles(poses),
        joint_angles(poses @ turn.T + 400.0, up=turn @ [0.0, -1.0, 0.0]),
    )
    for name in (*ANGLE_NAMES, *ANKLE_NAMES):
        np.testing.assert_allclose(after[name], before[name], atol=1e-9)


def test_a_mirror_exchanges_the_sides():
    poses = with_feet(random_poses()) + np.random.default_rng(3).normal(0, 20, (50, 21, 3))
    mirror = np.concatenate([mirrored(poses[:, :17]), mirrored_feet(poses[:, 17:])], axis=1)
    before, after = joint_angles(poses), joint_angles(mirror)
    for name in (*ANGLE_NAMES, *ANKLE_NAMES):
        twin = name.replace("left_", "~").replace("right_", "left_").replace("~", "right_")
        sign = (
            -1
            if name
            in (
                "pelvis_obliquity",
                "trunk_lateral_flexion",
                "trunk_rotation",
                "neck_lateral_flexion",
            )
            else 1
        )
        np.testing.assert_allclose(after[twin], sign * before[name], atol=1e-9)


def test_a_missing_joint_takes_only_its_own_angles_away():
    poses = random_poses(3)
    poses[1, JOINT_NAMES.index("left_ankle")] = np.nan
    angles = joint_angles(poses)
    assert {name for name in ANGLE_NAMES if np.isnan(angles[name][1])} == {"left_knee_flexion"}
    assert all(np.isfinite(angles[name][[0, 2]]).all() for name in ANGLE_NAMES)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_made_up_walk_has_the_angles_it_was_made_with(seed):
    rng = np.random.default_rng(seed)
    body, style, phase = load_body_model().sample(rng), sample_style(rng), np.linspace(0, 2, 120)
    made = gait_angles(style, 0.4, phase)
    rotations = skin_rotations(body, limb_frames(made))
    joints = joints_world_mm(
        body, rotations, forward_kinematics(body, rotations, np.zeros((120, 3)))
    )
    seen = joint_angles(joints[:, list(HUMAN36M_32_TO_17)], up=(0.0, 0.0, 1.0))
    for side, letter in (("left", "L"), ("right", "R")):
        for name, offset_deg in (
            ("hip_flexion", 9),
            ("knee_flexion", 2),
            ("shoulder_flexion", 5),
            ("elbow_flexion", 3),
        ):
            difference = np.degrees(seen[f"{side}_{name}"] - made[f"{name}.{letter}"])
            # Joints lie a little off the axes that the limbs turn about: an offset per body, hardly
            # any change in time.
            assert abs(difference.mean()) < offset_deg and difference.std() < 3, name


def test_degrees_by_name_and_a_figure_of_them():
    joints_mm = np.concatenate([pose()] * 3).astype(np.float32)
    in_degrees, radians = joint_angles_deg(joints_mm), joint_angles(joints_mm)
    assert list(in_degrees) == [f"{name}_deg" for name in ANGLE_NAMES]
    for name in ANGLE_NAMES:
        assert in_degrees[f"{name}_deg"] == pytest.approx(np.degrees(radians[name]))
    pytest.importorskip("matplotlib")
    figure = angles_figure(joints_mm, np.arange(3) / 25, "walk.mp4")
    assert [axes.get_ylabel() for axes in figure.axes] == [
        f"{joint} flexion, degrees" for joint in ("hip", "knee", "elbow")
    ]
    line = figure.axes[1].lines[0]
    assert line.get_label() == "left" and line.get_ydata() == pytest.approx(
        in_degrees["left_knee_flexion_deg"]
    )
