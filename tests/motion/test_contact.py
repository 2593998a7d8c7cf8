"""Which feet touch and stand: laws of what the network sees, and a made-up walk that it never saw."""

import numpy as np
import pytest
from motion.walks import STANCE, STRIDE_S, walking_mm
from scipy.spatial.transform import Rotation

from posegrid.body.skeleton import JOINT_NAMES, mirrored
from posegrid.motion import contact
from posegrid.motion.contact import ANKLE, NUM_INPUTS, foot_chances, seen_by_feet, standing

TIME_S = np.arange(120) / 50
WALK = walking_mm(TIME_S)
TOUCHES = (TIME_S[:, None] / STRIDE_S + [0.0, 0.5]) % 1 < STANCE


def test_where_who_looks_stands_and_how_tall_the_person_is_make_no_difference():
    turn = Rotation.from_rotvec([0.3, -1.2, 2.0])
    other = 1.3 * turn.apply(WALK.reshape(-1, 3)).reshape(WALK.shape) + [500.0, -200.0, 9000.0]
    np.testing.assert_allclose(foot_chances(other, TIME_S), foot_chances(WALK, TIME_S), atol=1e-9)


def test_a_mirror_exchanges_the_feet():
    np.testing.assert_allclose(
        foot_chances(mirrored(WALK), TIME_S), foot_chances(WALK, TIME_S)[:, ::-1], atol=1e-9
    )


@pytest.mark.parametrize(("along", "origin"), [(True, 0), (False, ANKLE)])
def test_one_sees_joints_in_leg_lengths_and_how_much_is_known(along, origin):
    seen = seen_by_feet(WALK, TIME_S, along=along)
    assert seen.shape == (120, 2, NUM_INPUTS)
    now = seen[60, :, :-2].reshape(2, 25, 8, 3)[:, 12]
    np.testing.assert_allclose(now[:, origin], 0, atol=1e-9)
    upper, lower = (np.linalg.norm(now[:, b] - now[:, a], axis=1) for a, b in ((2, 3), (3, 4)))
    np.testing.assert_allclose(upper + lower, 1, atol=0.01)
    legs = now - now[:, :1]
    np.testing.assert_allclose(legs[0, 2:5], legs[1, 5:8] * [-1, 1, 1], atol=1e-9)
    np.testing.assert_allclose(seen[0, :, -2:], [[0, 1], [0, 1]])
    np.testing.assert_allclose(seen[12, :, -2:], [[0.5, 1], [0.5, 1]])


def test_a_foot_that_stands_is_seen_to_stay_where_it_is():
    seen = seen_by_feet(WALK, TIME_S, along=False)[..., :-2].reshape(120, 2, 25, 8, 3)
    ankles = seen[:, :, 8:17, :][:, :, :, ANKLE]  # from 0.16 s before to 0.16 s after
    rests = np.array([TOUCHES[max(row - 9, 0) : row + 10].all(axis=0) for row in range(120)])
    assert 0.2 < rests.mean() < 0.6
    np.testing.assert_allclose(ankles[rests], 0, atol=1e-9)
    assert np.abs(ankles[~TOUCHES]).max() > 0.1


def test_a_made_up_walk_has_its_contacts():
    right = (foot_chances(WALK, TIME_S) > 0.5) == TOUCHES[..., None]
    inner = slice(12, -12)
    assert right[inner].mean() > 0.93 and right.mean() > 0.9
    assert ((foot_chances(WALK[::2], TIME_S[::2]) > 0.5) == right[::2]).mean() > 0.5


def test_frames_need_not_come_evenly_or_often():
    every = foot_chances(WALK, TIME_S)
    kept = np.sort(np.random.default_rng(0).choice(120, 70, replace=False))
    some = foot_chances(WALK[kept], TIME_S[kept])
    assert ((some > 0.5) == (every[kept] > 0.5)).mean() > 0.95


def test_what_is_not_known_is_nan_and_not_looked_across():
    walk = WALK.copy()
    walk[50:70] = np.nan
    chances = foot_chances(walk, TIME_S)
    assert np.isnan(chances[50:70]).all() and np.isfinite(chances[:50]).all()
    np.testing.assert_allclose(chances[:50], foot_chances(WALK[:50], TIME_S[:50]))
    assert not standing(walk, TIME_S)[50:70].any()
    assert np.isnan(foot_chances(walk[50:70], TIME_S[50:70])).all()
    assert np.isfinite(foot_chances(WALK[:1], TIME_S[:1])).all()


def test_feet_on_a_treadmill_touch_and_do_not_stand():
    drift = np.array([-1100.0, 0, 0]) * TIME_S[:, None, None]
    chances, before = foot_chances(WALK + drift, TIME_S), foot_chances(WALK, TIME_S)
    np.testing.assert_allclose(chances[..., 0], before[..., 0], atol=1e-9)
    assert (chances[..., 1] > 0.5).mean() < 0.05


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
    assert standing(sliding, TIME_S).mean() < 0.1


def test_a_stance_of_less_than_a_tenth_of_a_second_is_none(monkeypatch):
    chances = np.zeros((20, 2, 2))
    chances[3:7, 0], chances[10:17, 0] = 1.0, 1.0
    monkeypatch.setattr(contact, "foot_chances", lambda *_: chances)
    assert np.flatnonzero(standing(WALK[:20], TIME_S[:20])[:, 0]).tolist() == list(range(10, 17))


def test_pieces_of_a_long_motion_are_told_as_the_whole(monkeypatch):
    whole = foot_chances(WALK, TIME_S)
    monkeypatch.setattr(contact, "BLOCK", 7)
    np.testing.assert_allclose(foot_chances(WALK, TIME_S), whole, atol=1e-9)


@pytest.mark.parametrize("pace", [0.5, 2.0])
def test_a_pace_is_a_motion_at_other_times(pace):
    np.testing.assert_allclose(
        seen_by_feet(WALK, TIME_S, along=False, pace=pace),
        seen_by_feet(WALK, TIME_S / pace, along=False),
        atol=1e-9,
    )
