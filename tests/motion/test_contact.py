"""Which feet touch and stand: laws of what the network sees, and a made-up walk that it never saw."""

import numpy as np
import pytest
from motion.walks import STANCE, STRIDE_S, walking_mm
from scipy.spatial.transform import Rotation

from posegrid.body.skeleton import JOINT_NAMES, mirrored
from posegrid.motion import contact
from posegrid.motion.contact import NUM_INPUTS, seen_by_feet, standing, touch_chance

TIME_S = np.arange(120) / 50
WALK = walking_mm(TIME_S)
TOUCHES = (TIME_S[:, None] / STRIDE_S + [0.0, 0.5]) % 1 < STANCE


def test_where_who_looks_stands_and_how_tall_the_person_is_make_no_difference():
    turn = Rotation.from_rotvec([0.3, -1.2, 2.0])
    other = 1.3 * turn.apply(WALK.reshape(-1, 3)).reshape(WALK.shape) + [500.0, -200.0, 9000.0]
    np.testing.assert_allclose(touch_chance(other, TIME_S), touch_chance(WALK, TIME_S), atol=1e-9)


def test_a_mirror_exchanges_the_feet():
    np.testing.assert_allclose(
        touch_chance(mirrored(WALK), TIME_S), touch_chance(WALK, TIME_S)[:, ::-1], atol=1e-9
    )


def test_one_sees_legs_in_leg_lengths_from_the_pelvis_and_how_much_is_known():
    seen = seen_by_feet(WALK, TIME_S)
    assert seen.shape == (120, 2, NUM_INPUTS)
    now = seen[60, :, :-2].reshape(2, 25, 7, 3)[:, 12]
    upper, lower = (np.linalg.norm(now[:, b] - now[:, a], axis=1) for a, b in ((1, 2), (2, 3)))
    np.testing.assert_allclose(upper + lower, 1, atol=0.01)
    np.testing.assert_allclose(now[0, 1:4], now[1, 4:7] * [-1, 1, 1], atol=1e-9)
    assert (now[:, 0, 2] > 0.5).all(), "the thorax is above"
    np.testing.assert_allclose(seen[0, :, -2:], [[0, 1], [0, 1]])
    np.testing.assert_allclose(seen[12, :, -2:], [[0.5, 1], [0.5, 1]])


def test_a_made_up_walk_has_its_contacts():
    right = (touch_chance(WALK, TIME_S) > 0.5) == TOUCHES
    inner = slice(12, -12)
    assert right[inner].mean() > 0.93 and right.mean() > 0.9
    assert ((touch_chance(WALK[::2], TIME_S[::2]) > 0.5) == right[::2]).mean() > 0.5


def test_frames_need_not_come_evenly_or_often():
    every = touch_chance(WALK, TIME_S)
    kept = np.sort(np.random.default_rng(0).choice(120, 70, replace=False))
    some = touch_chance(WALK[kept], TIME_S[kept])
    assert ((some > 0.5) == (every[kept] > 0.5)).mean() > 0.95


def test_what_is_not_known_is_nan_and_not_looked_across():
    walk = WALK.copy()
    walk[50:70] = np.nan
    chances = touch_chance(walk, TIME_S)
    assert np.isnan(chances[50:70]).all() and np.isfinite(chances[:50]).all()
    np.testing.assert_allclose(chances[:50], touch_chance(WALK[:50], TIME_S[:50]))
    assert not standing(walk, TIME_S)[50:70].any()
    assert np.isnan(touch_chance(walk[50:70], TIME_S[50:70])).all()
    assert np.isfinite(touch_chance(WALK[:1], TIME_S[:1])).all()


def test_feet_on_a_treadmill_touch_and_do_not_stand():
    drift = np.array([-1100.0, 0, 0]) * TIME_S[:, None, None]
    np.testing.assert_allclose(
        touch_chance(WALK + drift, TIME_S), touch_chance(WALK, TIME_S), atol=1e-9
    )
    assert standing(WALK, TIME_S).mean() > 0.5 and not standing(WALK + drift, TIME_S).any()


def test_who_stays_on_the_spot_stands_on_both_feet_and_a_statue_that_slides_does_not():
    pose = WALK[:1].copy()
    for side in ("right", "left"):
        hip, knee, ankle = (
            JOINT_NAMES.index(f"{side}_{part}") for part in ("hip", "knee", "ankle")
        )
        pose[:, [knee, ankle]] = pose[:, [hip, hip]] + np.array([[20.0, 428, 0], [0, 846, 0]])
    still = np.repeat(pose, 120, axis=0)
    assert standing(still, TIME_S).all()
    sliding = still + np.array([900.0, 0, 0]) * TIME_S[:, None, None]
    assert not standing(sliding, TIME_S).any()


def test_a_stance_of_less_than_a_tenth_of_a_second_is_none(monkeypatch):
    still, chance = np.repeat(WALK[:1], 20, axis=0), np.zeros((20, 2))
    chance[3:7, 0], chance[10:17, 0] = 1.0, 1.0
    monkeypatch.setattr(contact, "touch_chance", lambda *_: chance)
    assert np.flatnonzero(standing(still, TIME_S[:20])[:, 0]).tolist() == list(range(10, 17))


def test_pieces_of_a_long_motion_are_told_as_the_whole(monkeypatch):
    whole = touch_chance(WALK, TIME_S)
    monkeypatch.setattr(contact, "BLOCK", 7)
    np.testing.assert_allclose(touch_chance(WALK, TIME_S), whole, atol=1e-9)


@pytest.mark.parametrize("pace", [0.5, 2.0])
def test_a_pace_is_a_motion_at_other_times(pace):
    np.testing.assert_allclose(
        seen_by_feet(WALK, TIME_S, pace=pace), seen_by_feet(WALK, TIME_S / pace), atol=1e-9
    )
