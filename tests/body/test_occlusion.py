"""What a body hides of itself: by hand, and as laws."""

import numpy as np
import pytest

from posegrid.body.occlusion import LIMB_SHARE, TRUNK_SHARE, hidden_by_body
from posegrid.body.skeleton import BONES, JOINT_NAMES, body_size_mm, mirror_order, mirrored

AWAY = np.array([0.0, 0.0, 4000.0])
PLACES = {
    "spine": (0, -250),
    "thorax": (0, -500),
    "nose": (0, -600),
    "head_top": (0, -720),
    "left_hip": (130, 0),
    "left_knee": (130, 430),
    "left_ankle": (130, 850),
    "left_shoulder": (180, -480),
    "left_elbow": (240, -200),
    "left_wrist": (280, 40),
}


def standing(**moved: tuple[float, float, float]) -> np.ndarray:
    """Somebody upright who faces a camera 4 m away, in its frame; joints moved to (x, y, z) from
    the pelvis.
    """
    pose = np.zeros((17, 3))
    for name, (x, y) in PLACES.items():
        pose[JOINT_NAMES.index(name), :2] = x, y
        if name.startswith("left_"):
            pose[JOINT_NAMES.index(name.replace("left", "right")), :2] = -x, y
    for name, place in moved.items():
        pose[JOINT_NAMES.index(name)] = place
    return pose + AWAY


def hidden(pose_cam_mm: np.ndarray) -> set[str]:
    return {JOINT_NAMES[joint] for joint in np.flatnonzero(hidden_by_body(pose_cam_mm[None])[0])}


def many(count: int = 300) -> np.ndarray:
    """Poses of any kind, of people's size, 2 to 6 m away in all parts of a wide picture."""
    rng = np.random.default_rng(4)
    steps = rng.normal(0, 170, (count, 17, 3))
    depth = rng.uniform(2500, 6000, (count, 1, 1))
    slope = np.concatenate([rng.uniform(-0.5, 0.5, (count, 1, 2)), np.ones((count, 1, 1))], axis=-1)
    return standing() - AWAY + steps + depth * slope


def test_who_stands_upright_before_the_camera_hides_nothing() -> None:
    assert hidden(standing()) == set()


@pytest.mark.parametrize(("z", "expected"), [(300, {"left_wrist"}), (-300, set())])
def test_a_wrist_is_hidden_behind_the_chest_and_not_before_it(z: float, expected: set) -> None:
    pose = standing(left_elbow=(260, -250, 0.5 * z), left_wrist=(30, -300, z))
    assert hidden(pose) & {"left_wrist"} == expected
    assert "left_elbow" not in hidden(pose)


def test_a_limb_hides_within_its_radius() -> None:
    """60 mm for bones of 4.1 m together, of which the line of sight 300 mm behind takes off 7 %."""
    for off_mm, expected in ((45, True), (90, False)):
        pose = standing(left_ankle=(-130 + off_mm, 250, 300))
        assert ("left_ankle" in hidden(pose)) == expected


def test_seen_from_the_side_the_far_half_is_hidden() -> None:
    turn = np.array([[0, 0, -1], [0, 1, 0], [1.0, 0, 0]])
    pose = (standing() - AWAY) @ turn.T + AWAY
    assert {"left_hip", "left_knee", "left_ankle", "left_shoulder"} <= hidden(pose)
    near = {name for name in hidden(pose) if name.startswith("right")}
    assert near == {"right_hip"}, "only the arm hangs before it"


def test_the_camera_counts_and_not_only_the_axis() -> None:
    """A wrist beside the trunk's axis is hidden from a camera on the other side."""
    pose = standing(left_wrist=(180, -250, 250))
    assert "left_wrist" not in hidden(pose)
    assert "left_wrist" in hidden(pose + [3000, 0, 0])


def test_nothing_hides_itself() -> None:
    """Bodies of no size, and an arm that points at the camera: the elbow has only its own bones."""
    for pose in (standing() * 0, np.tile(AWAY, (17, 1))):
        assert hidden(pose) == set()
    shoulder = np.array([180.0, -480, 0])
    to_camera = -(shoulder + AWAY) / np.linalg.norm(shoulder + AWAY)
    arm = {"left_elbow": shoulder + 280 * to_camera, "left_wrist": shoulder + 520 * to_camera}
    assert hidden(standing(**arm)) == {"left_shoulder"}, "by the forearm"
    assert not hidden_by_body(np.full((1, 17, 3), np.nan)).any()


def test_mirrored_and_scaled_scenes_agree() -> None:
    poses = many()
    found = hidden_by_body(poses)
    assert 0.02 < found.mean() < 0.5
    np.testing.assert_array_equal(hidden_by_body(mirrored(poses)), found[:, mirror_order()])
    np.testing.assert_array_equal(hidden_by_body(0.5 * poses), found)


def test_it_is_what_points_along_the_sight_say() -> None:
    """The law in plain words: some point before the joint is nearer to another bone than its
    radius, and the joint itself is not.
    """
    wrong = []
    for pose in many(12):
        found = hidden_by_body(pose[None])[0]
        for joint in range(17):
            sight = np.linspace(0.3, 1, 4001)[:, None] * pose[joint]
            margins = []
            for bone in BONES:
                if joint in bone:
                    continue
                start, end = pose[list(bone)]
                at = np.clip((sight - start) @ (end - start) / ((end - start) ** 2).sum(), 0, 1)
                gap = np.linalg.norm(sight - start - at[:, None] * (end - start), axis=-1)
                share = TRUNK_SHARE if bone in ((0, 7), (7, 8)) else LIMB_SHARE
                radius = share * body_size_mm(pose[None])[0]
                margins.append((gap.min() < radius) & (gap[-1] >= radius))
            wrong += [(joint, found[joint])] if found[joint] != any(margins) else []
    assert wrong == []
