"""Walks with starts, stops and turns: whoever stands stands still, feet keep to the floor, all ways
turn up.
"""

import numpy as np
import pytest
from walkers.motion.walking import foot_sink_mm, foot_slip_mm

from posegrid.walkers.body.mesh import load_body_model
from posegrid.walkers.motion.gait_cycle import made_up_loop
from posegrid.walkers.motion.gait_style import GaitStyle, sample_unusual_style
from posegrid.walkers.motion.strolls import WAYS, stroll

ROOM_MM = (1300.0, 1400.0)


@pytest.fixture(scope="module")
def body():
    return load_body_model().sample(np.random.default_rng(3))


@pytest.fixture(scope="module")
def gait(body):
    return made_up_loop(body, GaitStyle())


def headings(motion) -> np.ndarray:
    """Of the pelvis over time, without the sway of the gait that comes on top."""
    front = -motion.rotations[:, 0, :2, 1]
    return np.unwrap(np.arctan2(front[:, 0], -front[:, 1]))


def test_ways_add_up_to_one():
    assert sum(WAYS.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(5))
def test_feet_neither_slide_nor_sink_whatever_the_way(body, seed):
    rng = np.random.default_rng(seed)
    motion = stroll(body, made_up_loop(body, sample_unusual_style(rng)), ROOM_MM, 400, 50.0, rng)
    assert foot_slip_mm(body, motion) < 0.5
    assert foot_sink_mm(body, motion) < 0.5
    assert motion.contacts.any(axis=1).all()


def test_people_stop_and_turn_on_the_spot_and_stay_in_the_room(body, gait):
    still, turned_on_the_spot = 0, 0
    for seed in range(6):
        motion = stroll(body, gait, ROOM_MM, 500, 50.0, np.random.default_rng(seed))
        assert np.hypot(*(motion.root_mm[:, :2] / ROOM_MM).T).max() < 1.25
        speed = np.linalg.norm(np.diff(motion.root_mm[:, :2], axis=0), axis=1) * 50
        turning = np.abs(np.diff(headings(motion))) * 50
        still += int(((speed < 5) & (turning < 0.02)).sum())
        turned_on_the_spot += int(((speed < 150) & (turning > 1.0)).sum())
        assert speed.max() > 800
    assert still > 100 and turned_on_the_spot > 100


def test_nobody_jumps(body, gait):
    for seed in range(4):
        motion = stroll(body, gait, ROOM_MM, 400, 50.0, np.random.default_rng(seed))
        assert np.linalg.norm(np.diff(motion.bone_positions(body), axis=0), axis=-1).max() < 150


def test_a_stroll_follows_from_its_random_numbers_alone(body, gait):
    first, again = (
        stroll(body, gait, ROOM_MM, 60, 50.0, np.random.default_rng(5)) for _ in range(2)
    )
    np.testing.assert_array_equal(first.rotations, again.rotations)
    np.testing.assert_array_equal(first.root_mm, again.root_mm)


def test_a_gait_stops_only_where_both_feet_stand(gait):
    stops = np.array([gait.rest(number) for number in range(6)])
    assert gait.standing(stops).all()
    np.testing.assert_allclose(np.diff(stops), 0.5, atol=0.01)
    np.testing.assert_array_equal(gait.lift[gait.contacts], 0.0)
    assert (gait.lift.max(axis=0) > 0.99).all()


def test_a_gait_goes_round(gait):
    knee = gait.angles["knee_flexion.L"]
    np.testing.assert_allclose(gait.at(knee, np.arange(len(knee)) / len(knee) + 3), knee, atol=1e-9)
