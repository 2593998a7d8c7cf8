"""A motion from single poses: no worse, less jitter, bones of one length, still feet; what is
missing stays missing.
"""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from motion.walks import (
    ANKLE_MM,
    STANCE,
    STRIDE_S,
    bone_spread,
    walk_track,
    walking_mm,
    with_feet,
    without_frames,
)

from posegrid.body.skeleton import (
    FEET_MIRROR_ORDER,
    FEET_PARENTS,
    JOINT_NAMES,
    fitted_bones_mm,
    mirror_order,
    with_bones,
)
from posegrid.motion.contact import standing
from posegrid.motion.feet import ANKLES, rigid_feet, slip_mm, with_still_feet
from posegrid.motion.placing import with_even_distance
from posegrid.motion.plausible import doubts
from posegrid.motion.refine import RefineSettings, refined
from posegrid.motion.sides import consistent_sides
from posegrid.motion.smoothing import gaps_to_fill, interpolated

TIME_S = np.arange(150) / 50
TRUE = walking_mm(TIME_S)
TRUE_RELATIVE = TRUE - TRUE[:, :1]
LEGS = [i for i, name in enumerate(JOINT_NAMES) if name.endswith(("hip", "knee", "ankle"))]


@pytest.fixture(scope="module")
def noisy():
    return walk_track(TIME_S, noise_mm=12)


def errors(track) -> tuple[float, float]:
    """MPJPE and MPJVE, mm."""
    difference = track.joints_mm - TRUE_RELATIVE
    return np.linalg.norm(difference, axis=-1).mean(), np.linalg.norm(
        np.diff(difference, axis=0), axis=-1
    ).mean()


def test_a_noisy_walk_comes_nearer_to_the_truth_and_jitters_less_than_half(noisy):
    before, after = errors(noisy), errors(refined(noisy))
    assert after[0] < 0.6 * before[0] and after[1] < 0.5 * before[1]


def test_a_true_walk_stays_as_it_is():
    track = walk_track(TIME_S)
    after = refined(track)
    assert errors(after)[0] < 6
    assert np.linalg.norm(after.root_mm - TRUE[:, 0], axis=1).mean() < 15


def test_bones_have_one_length(noisy):
    after = refined(noisy)
    assert bone_spread(after.joints_mm).max() < 1e-4
    lengths = fitted_bones_mm(after.joints_mm)
    joint = {name: i for i, name in enumerate(JOINT_NAMES)}
    for part in ("hip", "knee", "ankle", "elbow", "wrist"):
        assert lengths[joint[f"left_{part}"] - 1] == pytest.approx(
            lengths[joint[f"right_{part}"] - 1]
        )


def test_feet_stand_still(noisy):
    after = refined(noisy)
    joints = (after.joints_mm + after.root_mm[:, None]).astype(np.float64)
    stands = standing(joints, TIME_S)
    assert 0.4 < stands.mean() < 0.75
    without = refined(noisy, RefineSettings(feet=False))
    assert slip_mm(joints, stands) < 0.5 * slip_mm(
        (without.joints_mm + without.root_mm[:, None]).astype(np.float64), stands
    )
    assert np.abs(after.joints_mm - without.joints_mm)[:, [0, 8, 10, 13]].max() == 0, (
        "only legs are moved"
    )


def triangles(track) -> np.ndarray:
    """(T, 2, 3): from ankle to heel, to the toe, and from heel to toe, mm."""
    heel, toe = (track.feet_mm[:, [point, point + 2]] for point in (0, 1))
    ankle = track.joints_mm[:, ANKLES]
    sides = [heel - ankle, toe - ankle, toe - heel]
    return np.stack([np.linalg.norm(side, axis=-1) for side in sides], axis=-1)


def test_feet_become_one_triangle_that_keeps_the_direction_of_its_sole(noisy):
    rng = np.random.default_rng(5)
    shaken = with_feet(noisy, pitch_rad=0.2)
    shaken.feet_mm[:] += rng.normal(0, 12, shaken.feet_mm.shape)
    after = refined(shaken)
    assert np.ptp(triangles(shaken), axis=(0, 1)).min() > 30
    assert np.ptp(triangles(after), axis=(0, 1)).max() < 0.01
    assert triangles(after)[0, 0] == pytest.approx(triangles(with_feet(noisy))[0, 0], abs=6)
    sole = after.feet_mm[:, [1, 3]] - after.feet_mm[:, [0, 2]]
    tilt = np.degrees(np.arcsin(-sole[..., 1] / np.linalg.norm(sole, axis=-1)))
    assert np.abs(tilt - np.degrees(0.2)).mean() < 2
    np.testing.assert_array_equal(after.joints_mm, refined(noisy).joints_mm)


def test_true_feet_stay_on_their_ankles_wherever_those_are_moved():
    from_ankle = (
        with_feet(walk_track(TIME_S)).feet_mm - walk_track(TIME_S).joints_mm[:, FEET_PARENTS]
    )
    after = refined(with_feet(walk_track(TIME_S)))
    found = after.feet_mm - after.joints_mm[:, FEET_PARENTS]
    np.testing.assert_allclose(found, from_ankle, atol=0.01)
    same = rigid_feet(from_ankle.astype(np.float64))
    np.testing.assert_allclose(rigid_feet(same), same, atol=1e-6)


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_feet_without_a_sole_are_no_triangle(bad):
    feet = with_feet(walk_track(TIME_S)).feet_mm - walk_track(TIME_S).joints_mm[:, FEET_PARENTS]
    feet[:5, :2] = bad
    after = rigid_feet(feet)
    assert np.isnan(after[:5, :2]).all() and np.isfinite(after[5:]).all()
    assert np.isfinite(after[:5, 2:]).all()
    np.testing.assert_array_equal(rigid_feet(feet[:5, [0, 1, 0, 1]]), feet[:5, [0, 1, 0, 1]])


def test_standing_is_where_the_walk_has_it():
    stands = standing(TRUE, TIME_S)
    part = (TIME_S[:, None] / STRIDE_S + [0.0, 0.5]) % 1
    assert stands[(part > 0.08) & (part < STANCE - 0.08)].all()
    assert not stands[(part > STANCE + 0.12) & (part < 0.95)].any()


def test_feet_on_a_treadmill_or_before_a_panning_camera_are_left_alone(noisy):
    # The whole world moves at 1.2 m/s: no foot stands.
    drift = np.array([-1200.0, 0, 0]) * TIME_S[:, None, None]
    assert not standing(TRUE + drift, TIME_S).any()


def test_exchanged_legs_are_exchanged_back_with_their_keypoints(noisy):
    wrong = slice(60, 64)
    order = np.arange(17)
    order[LEGS] = mirror_order()[LEGS]
    joints, keypoints = noisy.joints_mm.copy(), noisy.keypoints_px.copy()
    joints[wrong], keypoints[wrong] = joints[wrong][:, order], keypoints[wrong][:, order]
    sound = with_feet(noisy, out_rad=0.2)
    feet = sound.feet_mm.copy()
    feet[wrong] = feet[wrong][:, FEET_MIRROR_ORDER]
    mended, exchanged = consistent_sides(joints, TIME_S)
    np.testing.assert_array_equal(mended, noisy.joints_mm)
    assert np.flatnonzero(exchanged.any(axis=1)).tolist() == [60, 61, 62, 63]
    assert set(np.flatnonzero(exchanged.any(axis=0))) == set(LEGS)
    after = refined(replace(noisy, joints_mm=joints, keypoints_px=keypoints, feet_mm=feet))
    np.testing.assert_allclose(after.keypoints_px, refined(noisy).keypoints_px)
    np.testing.assert_allclose(after.feet_mm, refined(sound).feet_mm)


@pytest.mark.parametrize("wrong", [slice(0, 15), slice(-15, None)])
def test_legs_exchanged_at_an_end_of_the_clip_are_exchanged_back(noisy, wrong):
    order = np.arange(17)
    order[LEGS] = mirror_order()[LEGS]
    joints = noisy.joints_mm.copy()
    joints[wrong] = joints[wrong][:, order]
    np.testing.assert_array_equal(consistent_sides(joints, TIME_S)[0], noisy.joints_mm)


def test_a_person_who_turns_round_is_not_exchanged():
    angle = np.pi * np.clip(TIME_S - 1, 0, 1)
    turn = np.stack([np.cos(angle), 0 * angle, np.sin(angle)], axis=1)
    across = np.stack([-np.sin(angle), 0 * angle, np.cos(angle)], axis=1)
    turned = TRUE_RELATIVE[..., :1] * turn[:, None] + TRUE_RELATIVE[..., 2:] * across[:, None]
    turned[..., 1] = TRUE_RELATIVE[..., 1]
    assert not consistent_sides(turned, TIME_S)[1].any()


def test_missing_frames_stay_missing_unless_filled_and_then_are_marked(noisy, tmp_path):
    gone = [40, 41, 42, 43, *range(90, 130)]
    track = without_frames(noisy, gone)
    after = refined(track)
    assert np.flatnonzero(~after.found).tolist() == gone and after.filled_frames == ()
    filled = refined(with_feet(track), RefineSettings(fill=True))
    np.testing.assert_array_equal(np.isfinite(filled.feet_mm).all(axis=(1, 2)), filled.found)
    assert filled.filled_frames == (40, 41, 42, 43)
    assert np.flatnonzero(~filled.found).tolist() == gone[4:], "a gap of 0.8 s hides a step"
    assert np.isnan(filled.sigma_mm[41]).all() and np.isfinite(filled.root_mm[41]).all()
    assert np.linalg.norm(filled.joints_mm[41] - TRUE_RELATIVE[41], axis=1).mean() < 30
    filled.save(tmp_path / "x.npz")
    assert type(filled).load(tmp_path / "x.npz").filled_frames == (40, 41, 42, 43)


def test_gaps_at_the_ends_are_not_filled():
    found = np.array([False, True, False, True, False])
    assert gaps_to_fill(found, np.arange(5) / 25).tolist() == [False, False, True, False, False]
    line = np.array([[np.nan], [1.0], [np.nan], [3.0], [np.nan]])
    filled = interpolated(line, gaps_to_fill(found, np.arange(5) / 25), np.arange(5) / 25)
    np.testing.assert_allclose(filled, [[np.nan], [1.0], [2.0], [3.0], [np.nan]])


def test_nothing_is_refined_where_nobody_is(noisy):
    nobody = without_frames(noisy, list(range(150)))
    assert not refined(nobody, RefineSettings(fill=True)).found.any()


def test_every_part_can_be_left_out(noisy):
    nothing = RefineSettings(sides=False, over_time=False, filter="none", bones=False, feet=False)
    for settings in (
        nothing,
        replace(nothing, over_time=True),
    ):  # which does not know these weights
        same = refined(noisy, settings)
        for name, values in noisy.arrays().items():
            np.testing.assert_array_equal(same.arrays()[name], values)
    assert refined(replace(noisy, raw=True), nothing).raw


def test_poses_are_corrected_over_time_once(noisy):
    alone = RefineSettings(sides=False, filter="none", bones=False, feet=False)
    raw = replace(noisy, raw=True, weights="posegrid-m.onnx")
    once = refined(raw, alone)
    assert np.abs(once.joints_mm - raw.joints_mm).max() > 1 and not once.raw
    np.testing.assert_array_equal(refined(once, alone).joints_mm, once.joints_mm)


@pytest.mark.parametrize("kind", ["none", "light", "one-euro"])
def test_other_filters_keep_the_walk_too(noisy, kind):
    assert errors(refined(noisy, RefineSettings(filter=kind)))[0] < 1.1 * errors(noisy)[0]


def test_a_place_unknown_in_some_frames_stays_unknown_there(noisy):
    root, keypoints = noisy.root_mm.copy(), noisy.keypoints_px.copy()
    root[20:25] = keypoints[20:25] = np.nan
    after = refined(replace(noisy, root_mm=root, keypoints_px=keypoints))
    assert (
        after.found.all()
        and np.isnan(after.root_mm[20:25]).all()
        and np.isfinite(after.root_mm[25:]).all()
    )


def test_bones_keep_their_direction():
    lengths = np.linspace(50, 400, 16)
    result = with_bones(TRUE_RELATIVE[:1], lengths)[0]
    for index, (parent, child) in enumerate(zip((0, 1, 2), (1, 2, 3), strict=True)):
        bone, before = (
            result[child] - result[parent],
            TRUE_RELATIVE[0, child] - TRUE_RELATIVE[0, parent],
        )
        assert np.linalg.norm(bone) == pytest.approx(lengths[index])
        assert bone @ before == pytest.approx(np.linalg.norm(bone) * np.linalg.norm(before))


def test_distance_is_evened_and_direction_kept():
    root = TRUE[:, 0]
    shaken = root * (1 + 0.03 * np.random.default_rng(1).normal(size=(150, 1)))
    even = with_even_distance(shaken, TIME_S)
    np.testing.assert_allclose(np.cross(even, root), 0, atol=1e-6 * np.abs(root).max() ** 2)
    assert np.abs(np.linalg.norm(even, axis=1) - np.linalg.norm(root, axis=1)).mean() < 30


def test_the_walk_of_these_tests_walks():
    ankles = TRUE[:, ANKLES]
    assert ankles[..., 1].max() == pytest.approx(1000 - ANKLE_MM, abs=1e-6)
    assert bone_spread(TRUE).max() < 1e-3


def test_a_long_motion_takes_little_more_memory_than_its_arrays():
    def peak_bytes(count: int) -> int:
        track = walk_track(np.arange(count) / 25, noise_mm=12)
        tracemalloc.start()
        doubts(track, refined(track))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    a_frame = (peak_bytes(900) - peak_bytes(300)) / 600
    assert a_frame < 2300  # the joints of a frame alone are 204; it was 2,930 once


def test_feet_are_held_by_the_steps_near_them_alone():
    time_s = np.arange(300) / 50
    walk = walking_mm(time_s) + np.random.default_rng(0).normal(0, 5, (300, 17, 3))
    length_mm, stands = fitted_bones_mm(walk), standing(walk, time_s)
    whole = with_still_feet(walk, length_mm, stands, time_s)
    parts = [
        with_still_feet(walk[part], length_mm, stands[part], time_s[part])
        for part in (slice(0, 150), slice(150, None))
    ]
    apart = np.abs(time_s - time_s[150]) > STRIDE_S
    np.testing.assert_allclose(whole[apart], np.concatenate(parts)[apart], atol=1e-9)
    assert np.abs(whole - walk)[apart].max() > 5


def test_only_knees_and_ankles_follow_the_feet_and_a_leg_without_a_direction_is_not_known():
    walk = walking_mm(TIME_S) + np.random.default_rng(0).normal(0, 5, (150, 17, 3))
    walk[70, ANKLES[0]] = walk[70, ANKLES[0] - 1] = walk[70, ANKLES[0] - 2]
    length_mm, stands = fitted_bones_mm(walk), standing(walk, TIME_S)
    stands[55:85] = False  # farther than a foot is led
    still = with_still_feet(walk, length_mm, stands, TIME_S)
    legs = [ankle - back for ankle in ANKLES for back in (0, 1)]
    np.testing.assert_array_equal(np.delete(still, legs, axis=1), np.delete(walk, legs, axis=1))
    assert np.isnan(still[70, ANKLES[0]]).all() and np.isfinite(still[70, ANKLES[1]]).all()
    for ankle in ANKLES:
        for joint in (ankle - 1, ankle):
            bone = np.linalg.norm(still[:, joint] - still[:, joint - 1], axis=1)
            np.testing.assert_allclose(bone[np.isfinite(bone)], length_mm[joint - 1], rtol=1e-9)
