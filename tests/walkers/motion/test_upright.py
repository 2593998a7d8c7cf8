"""Other motions than walking: feet stay where they stand, joints inside their limits, every kind
turns up.
"""

import numpy as np
import pytest
from walkers.motion.walking import foot_sink_mm, foot_slip_mm

from posegrid.walkers.body.mesh import load_body_model
from posegrid.walkers.clip import ClipPlan, film
from posegrid.walkers.motion.activities import ACTIVITIES
from posegrid.walkers.motion.arms import POSTURES, hanging_arm, sample_arms
from posegrid.walkers.motion.gait_cycle import walk
from posegrid.walkers.motion.gait_style import GaitStyle, gait_angles, sample_unusual_style
from posegrid.walkers.motion.paths import ellipse_path
from posegrid.walkers.motion.posture import LEAST_DEG, MOST_DEG
from posegrid.walkers.motion.upright import ANGLES, KINDS, move_upright, sample_posture


@pytest.fixture(scope="module")
def body():
    return load_body_model().sample(np.random.default_rng(3))


@pytest.mark.parametrize(
    "table", [KINDS, ACTIVITIES, {name: p.share for name, p in POSTURES.items()}]
)
def test_shares_add_up_to_one(table):
    assert sum(table.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(6))
def test_standing_feet_neither_slide_nor_sink(body, seed):
    motion = move_upright(body, 300, 50.0, np.random.default_rng(seed))
    assert foot_slip_mm(body, motion) < 0.5
    assert foot_sink_mm(body, motion) < 0.5
    assert motion.contacts.any(axis=1).all()


def test_a_motion_follows_from_its_random_numbers_alone(body):
    first, again = (move_upright(body, 100, 50.0, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.rotations, again.rotations) and np.array_equal(
        first.root_mm, again.root_mm
    )


def test_motions_have_no_jumps(body):
    """Nobody's hips or hands go faster than a sprinter's (10 m/s is 200 mm per frame)."""
    motion = move_upright(body, 400, 50.0, np.random.default_rng(1))
    way = np.linalg.norm(np.diff(motion.bone_positions(body), axis=0), axis=-1)
    assert way.max() < 200


def test_postures_name_every_angle_and_stand_on_something():
    rng = np.random.default_rng(0)
    for _ in range(50):
        posture = sample_posture(rng)
        assert set(posture.angles) == set(ANGLES) and any(posture.stands)


def test_arms_keep_inside_their_limits():
    rng = np.random.default_rng(0)
    arms = [
        arm for _ in range(100) for arm in (*sample_arms(rng), hanging_arm(rng)) if arm is not None
    ]
    degrees = np.degrees([arm.angles_rad for arm in arms])
    assert (degrees >= np.array(LEAST_DEG) - 1e-9).all() and (
        degrees <= np.array(MOST_DEG) + 1e-9
    ).all()


@pytest.mark.parametrize("seed", range(6))
def test_unusual_walkers_feet_keep_to_the_floor(body, seed):
    rng = np.random.default_rng(seed)
    motion = walk(body, sample_unusual_style(rng), ellipse_path(1300.0, 1400.0), 200, 50.0, rng)
    assert foot_slip_mm(body, motion) < 1.0
    assert foot_sink_mm(body, motion) < 1.0


def test_raised_knees_raise_the_swinging_leg_only():
    phase = np.linspace(0, 1, 100, endpoint=False)
    usual, raised = (gait_angles(GaitStyle(knee_raise_rad=rise), 0.4, phase) for rise in (0.0, 0.8))
    more = raised["hip_flexion.L"] - usual["hip_flexion.L"]
    assert more[:50].max() == pytest.approx(0.0, abs=1e-9) and more.max() == pytest.approx(
        0.8, abs=0.02
    )


def test_a_walk_in_reverse_goes_backwards(body):
    rng = np.random.default_rng(0)
    motion = walk(body, GaitStyle(), ellipse_path(1300.0, 1400.0), 50, 50.0, rng)
    back = motion.backwards()
    assert np.array_equal(back.root_mm[0], motion.root_mm[-1]) and np.array_equal(
        back.contacts[-1], motion.contacts[0]
    )
    assert foot_slip_mm(body, back) == pytest.approx(foot_slip_mm(body, motion))


def test_nobodys_knee_bends_beyond_its_joint():
    style = GaitStyle(knee_raise_rad=1.1, knee_lift=1.35, asymmetry=0.35)
    angles = gait_angles(style, 0.45, np.linspace(0, 1, 200))
    assert (
        np.degrees(max(angles["knee_flexion.L"].max(), angles["knee_flexion.R"].max()))
        <= 140 + 1e-9
    )


def test_varied_clips_differ():
    plans = [
        ClipPlan(0, f"W{number:04d}", num_frames=2, activities="varied") for number in range(8)
    ]
    assert len({film(plan).motion.root_mm[0].tobytes() for plan in plans}) == 8
