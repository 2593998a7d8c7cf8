import numpy as np
import pytest
from walkers.motion.test_captured import made_up_capture

from posegrid.walkers.body.joints import SKELETON_JOINTS
from posegrid.walkers.clip import Clip, ClipPlan, choose_motion, choose_walk, film
from posegrid.walkers.motion.captured import Captures
from posegrid.walkers.render.cameras import WALKING_CENTRE_MM, WALKING_HALF_SIZE_MM


@pytest.fixture(scope="module")
def clip() -> Clip:
    return film(ClipPlan(seed=3, subject="S1", num_frames=60))


def test_the_same_plan_gives_the_same_clip(clip: Clip) -> None:
    again = film(ClipPlan(seed=3, subject="S1", num_frames=60))
    np.testing.assert_array_equal(again.joints_world_mm, clip.joints_world_mm)
    np.testing.assert_array_equal(again.person.vertices_mm, clip.person.vertices_mm)
    assert again.location.light == clip.location.light


def test_a_subject_keeps_body_clothes_and_cameras_but_walks_another_way(clip: Clip) -> None:
    other = film(ClipPlan(seed=3, subject="S1", subaction=2, num_frames=60))
    np.testing.assert_array_equal(other.person.vertices_mm, clip.person.vertices_mm)
    np.testing.assert_array_equal(other.person.materials, clip.person.materials)
    for camera_id, camera in clip.cameras.items():
        np.testing.assert_array_equal(
            other.cameras[camera_id].centre_world_mm, camera.centre_world_mm
        )
    assert np.abs(other.joints_world_mm - clip.joints_world_mm).max() > 100


def test_subjects_seeds_and_purposes_have_random_numbers_of_their_own() -> None:
    plans = [ClipPlan(seed, subject) for seed in (0, 1) for subject in ("W0001", "V0001", "W0011")]
    first_numbers = {
        plan.subject_rng(purpose).random() for plan in plans for purpose in ("person", "room")
    }
    assert len(first_numbers) == 12


def test_walkers_keep_to_the_walking_space_and_to_the_floor(clip: Clip) -> None:
    away = (clip.motion.root_mm[:, :2] - WALKING_CENTRE_MM) / WALKING_HALF_SIZE_MM
    assert np.hypot(*away.T).max() < 1.15
    lowest = [clip.posed(frame).vertices_mm[:, 2].min() for frame in range(0, 60, 10)]
    assert np.abs(lowest).max() < 25


def test_without_captured_walks_a_plan_stays_as_it_is() -> None:
    plan = ClipPlan(0, "W0001")
    assert choose_walk(plan, [], share=1.0) is plan


def test_who_moves_as_captured_stands_on_the_floor_and_turns_no_joint_too_far() -> None:
    capture, _ = made_up_capture()
    plan = choose_motion(ClipPlan(3, "W0001", num_frames=40), Captures((), (capture,)), 0.0, 1.0)
    clip = film(plan)
    assert plan.recorded is capture
    heights_mm = clip.joints_world_mm[..., 2]
    assert np.abs(heights_mm.min(axis=1)).max() < 120 and heights_mm.max() > 1000
    ankle, knee, hip = (clip.joints_world_mm[:, SKELETON_JOINTS][:, joint] for joint in (3, 2, 1))
    thigh, shank = hip - knee, knee - ankle
    bend = np.arccos(
        (thigh * shank).sum(axis=1) / np.linalg.norm(thigh, axis=1) / np.linalg.norm(shank, axis=1)
    )
    assert np.ptp(np.degrees(bend)) > 30, "it walks on the spot"
