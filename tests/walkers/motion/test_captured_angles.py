"""Poses out of captured bones."""

import numpy as np
from walkers.motion.test_captured import made_up_capture

from posegrid.walkers.body.mesh import BONE_INDEX, forward_kinematics, load_body_model
from posegrid.walkers.motion.captured_angles import captured_angles, posed_on_the_spot


def test_a_captured_pose_keeps_its_limbs_directions_and_stands_on_the_floor():
    body = load_body_model().sample(np.random.default_rng(3))
    frames = np.array([12, 77, 140, 203])
    straight, turned_round = (
        posed_on_the_spot(
            body, {n: a[frames] for n, a in captured_angles(made_up_capture(heading)[0]).items()}
        )
        for heading in (0.0, 2.1)
    )
    np.testing.assert_allclose(straight[0], turned_round[0], atol=1e-6)  # all face one way
    capture, _ = made_up_capture()
    bones = forward_kinematics(body, *straight)
    np.testing.assert_allclose(bones[..., 2].min(axis=1), 0, atol=1e-6)
    for prefix, side in (("l", "L"), ("r", "R")):
        for bone, first, last in (
            ("tibia", f"lowerleg01.{side}", f"foot.{side}"),
            ("humerus", f"upperarm01.{side}", f"lowerarm01.{side}"),
        ):
            ours = bones[:, BONE_INDEX[last]] - bones[:, BONE_INDEX[first]]
            theirs = (capture.ends_mm[prefix + bone] - capture.starts_mm[prefix + bone])[frames]
            cosine = (ours * theirs).sum(axis=1) / (
                np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
            )
            assert np.degrees(np.arccos(cosine.clip(-1, 1))).max() < 12  # the pelvis faces ahead
