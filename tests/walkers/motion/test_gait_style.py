"""Knees that are straightened: by how much, what moves with them, and walks with such knees."""

import numpy as np
import pytest
from walkers.motion.walking import foot_sink_mm, foot_slip_mm

from posegrid.walkers.body.mesh import BONE_INDEX, Body, load_body_model
from posegrid.walkers.clip import ClipPlan, film
from posegrid.walkers.motion.activities import plain_walk, varied_motion
from posegrid.walkers.motion.gait_style import GaitStyle, gait_angles, straightened
from posegrid.walkers.motion.paths import ellipse_path
from posegrid.walkers.motion.posture import Motion

PATH = ellipse_path(1300.0, 1400.0)


@pytest.fixture(scope="module")
def body() -> Body:
    return load_body_model().sample(np.random.default_rng(3))


def legs(knee_deg: np.ndarray) -> dict[str, np.ndarray]:
    both = {f"knee_flexion.{side}": np.radians(knee_deg) for side in "LR"}
    return both | {f"hip_flexion.{side}": np.full(len(knee_deg), 0.3) for side in "LR"}


def knees_deg(body: Body, motion: Motion) -> np.ndarray:
    """(T, 2): by the bones."""
    places = motion.bone_positions(body)
    found = []
    for side in "LR":
        hip, knee, ankle = (
            places[:, BONE_INDEX[f"{bone}.{side}"]] for bone in ("upperleg01", "lowerleg01", "foot")
        )
        thigh, shank = knee - hip, ankle - knee
        cosine = (thigh * shank).sum(axis=1) / np.linalg.norm(thigh, axis=1)
        found.append(np.degrees(np.arccos(cosine / np.linalg.norm(shank, axis=1))))
    return np.stack(found, axis=1)


def test_a_knee_bent_by_25_degrees_is_straightened_by_12_others_by_less() -> None:
    bent_deg = np.arange(0.0, 121.0)
    straight_deg = np.degrees(straightened(legs(bent_deg), 1.0)["knee_flexion.L"])
    taken_off_deg = bent_deg - straight_deg
    assert taken_off_deg[25] == pytest.approx(12.0) and taken_off_deg.argmax() == 25
    assert taken_off_deg[0] == 0 and taken_off_deg[90] < 1
    assert (np.diff(straight_deg) > 0).all(), "of two knees the more bent one stays so"


def test_the_ankle_stays_in_the_same_direction_from_the_hip() -> None:
    before = legs(np.linspace(0, 70, 15))
    after = straightened(before, 0.7)
    for side in "LR":
        # thigh and shank of one length: their line points half the knee's bend behind the thigh
        was, now = (
            a[f"hip_flexion.{side}"] - a[f"knee_flexion.{side}"] / 2 for a in (before, after)
        )
        np.testing.assert_allclose(now, was)


def test_a_straightness_of_0_changes_nothing() -> None:
    angles = gait_angles(GaitStyle(), 0.42, np.linspace(0, 2, 100))
    for name, angle in straightened(angles, 0.0).items():
        np.testing.assert_array_equal(angle, angles[name])


def test_who_walks_with_straight_knees_has_them_where_the_foot_stands(body: Body) -> None:
    carrying_deg = {}
    for straightness in (0.0, 1.0):
        found = []
        for seed in range(4):
            rng = np.random.default_rng(seed)
            motion = plain_walk(body, None, PATH, 150, rng, straightness=straightness)
            assert foot_slip_mm(body, motion) < 0.5
            assert foot_sink_mm(body, motion) < 0.5
            found.append(knees_deg(body, motion)[motion.contacts])
        carrying_deg[straightness] = np.concatenate(found)
    as_captured, straight = carrying_deg[0.0], carrying_deg[1.0]
    assert straight.mean() < as_captured.mean() - 4
    assert np.quantile(straight, 0.05) < np.quantile(as_captured, 0.05) - 2
    assert straight.min() > 2.5, "no knee is locked"


@pytest.mark.parametrize("activity", ["walking unusually", "strolling", "walking backwards"])
def test_all_gaits_have_straight_knees_and_keep_their_feet_still(body: Body, activity: str) -> None:
    rng = np.random.default_rng(1)
    motion = varied_motion(activity, body, None, PATH, 150, rng, 1.0)
    assert foot_slip_mm(body, motion) < 0.5
    assert foot_sink_mm(body, motion) < 0.5


def test_only_people_in_a_laboratory_walk_so() -> None:
    def stands_deg(people: str) -> float:
        clips = [
            film(ClipPlan(4, f"W{n:04d}", num_frames=60, people=people))  # type: ignore[arg-type]
            for n in range(6)
        ]
        return float(
            np.mean([knees_deg(c.person.body, c.motion)[c.motion.contacts].mean() for c in clips])
        )

    assert stands_deg("laboratory") < stands_deg("plain") - 1
