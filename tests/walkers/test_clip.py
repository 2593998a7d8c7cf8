import numpy as np
import pytest

from posegrid.walkers.clip import Clip, ClipPlan, choose_walk, film
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
