"""Poses corrected over time: laws of what the network sees and of how its answer is used."""

from dataclasses import replace

import numpy as np
import pytest
from motion.walks import walk_track, with_feet, without_frames

from posegrid.body.skeleton import FEET_PARENTS
from posegrid.motion import over_time
from posegrid.motion.over_time import (
    AHEAD,
    DILATIONS,
    MOST_SURER,
    NUM_ANSWERS,
    NUM_INPUTS,
    REACH,
    OverTimeNetwork,
    RawPoses,
    corrected,
    correction,
    correction_of_last,
    moments_in,
    seen_from_person,
    shipped,
    size_of,
)

TIME_S = np.arange(100) / 50
TRACK = replace(walk_track(TIME_S, noise_mm=15), weights="posegrid-m.onnx")
ROWS = np.arange(100)
RAW = RawPoses.of(TRACK, ROWS)


def network_of(seed: int, width: int = 12) -> OverTimeNetwork:
    """Random numbers."""
    rng = np.random.default_rng(seed)
    taps = [3] + [3, 1] * (len(DILATIONS) - 1) + [1]
    inputs = [NUM_INPUTS] + [width] * (len(taps) - 1)
    answers = [width] * (len(taps) - 1) + [NUM_ANSWERS]
    layers = tuple(
        rng.normal(scale=(tap * count) ** -0.5, size=(tap, count, answer))
        for tap, count, answer in zip(taps, inputs, answers, strict=True)
    )
    biases = tuple(rng.normal(scale=0.1, size=answer) for answer in answers)
    return OverTimeNetwork(
        (TRACK.weights,), np.zeros(NUM_INPUTS), np.ones(NUM_INPUTS), layers, biases
    )


def test_how_tall_and_how_far_away_somebody_is_makes_no_difference() -> None:
    twice = replace(
        TRACK, joints_mm=2 * TRACK.joints_mm, root_mm=2 * TRACK.root_mm, sigma_mm=2 * TRACK.sigma_mm
    )
    double = RawPoses.of(twice, ROWS)
    assert size_of(double) == pytest.approx(2 * size_of(RAW))
    one, other = (correction(raw, network_of(0)) for raw in (RAW, double))
    far_mm = np.abs(one.missing_mm).max()
    np.testing.assert_allclose(other.missing_mm, 2 * one.missing_mm, atol=1e-3 * far_mm)
    np.testing.assert_allclose(other.sigma_times, one.sigma_times, rtol=1e-4)


def test_a_true_pose_lies_in_the_picture_where_it_is_in_space() -> None:
    shown, _ = seen_from_person(RawPoses.of(walk_track(TIME_S), ROWS), 500.0)
    pose, places = shown[:, :51].reshape(-1, 17, 3), shown[:, 51:85].reshape(-1, 17, 2)
    np.testing.assert_allclose(pose[:, 0], 0, atol=1e-6)
    np.testing.assert_allclose(places[:, 0], 0, atol=1e-3)
    # seen from 4 m, half a metre nearer is an eighth larger
    assert np.abs(places - pose[..., :2]).max() < 0.2 * np.abs(pose).max()


def test_moments_are_even_whatever_the_frames_are() -> None:
    np.testing.assert_array_equal(moments_in(TIME_S), np.arange(0, 100, 2))
    kept = np.sort(np.random.default_rng(0).choice(np.arange(1, 99), 60, replace=False))
    some_s = TIME_S[np.concatenate([[0], kept, [99]])]
    at_s = some_s[0] + 0.04 * np.arange(50)
    nearest_s = np.abs(some_s[moments_in(some_s)] - at_s)
    np.testing.assert_allclose(nearest_s, np.abs(some_s[:, None] - at_s).min(axis=0), atol=1e-9)
    assert moments_in(TIME_S[:1]).tolist() == [0]
    alone = correction(RAW[ROWS[:1]], network_of(1))
    assert alone.missing_mm.shape == (1, 17, 3) and alone.sigma_times.shape == (1, 17)


def test_a_long_stretch_is_the_same_in_blocks_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(3)
    at_once = correction(RAW, network)
    monkeypatch.setattr(over_time, "BLOCK", 7)
    blocks = correction(RAW, network)
    np.testing.assert_allclose(blocks.missing_mm, at_once.missing_mm, atol=1e-4)
    np.testing.assert_allclose(blocks.sigma_times, at_once.sigma_times, atol=1e-6)


def test_a_moment_is_seen_by_those_within_reach_alone() -> None:
    shown = np.random.default_rng(4).normal(size=(60, NUM_INPUTS))
    other = shown.copy()
    other[30] += 1
    changed = np.abs(network_of(5).said(shown) - network_of(5).said(other)).max(axis=1) > 1e-12
    assert len(changed) == 60 - 2 * REACH and changed.sum() == 2 * REACH + 1
    assert changed[30 - 2 * REACH : 31].all()


def test_the_causal_network_sees_nothing_that_comes_after() -> None:
    causal = replace(network_of(6), ahead=0)
    later = replace(TRACK, joints_mm=TRACK.joints_mm.copy())
    later.joints_mm[61:, 1:] = later.joints_mm[61:, :0:-1]  # as large as before
    one, other = (correction(RawPoses.of(track, ROWS), causal) for track in (TRACK, later))
    np.testing.assert_array_equal(one.missing_mm[:60], other.missing_mm[:60])
    np.testing.assert_array_equal(one.sigma_times[:60], other.sigma_times[:60])
    assert np.abs(one.missing_mm[62:] - other.missing_mm[62:]).max() > 1


def test_frame_after_frame_the_causal_network_says_what_it_says_of_the_whole() -> None:
    causal = replace(network_of(7), ahead=0)
    some = RAW[ROWS[:51]]
    whole = correction(some, causal)
    # every second frame is a moment; the unit of lengths is the same from here on
    last = correction_of_last(some, causal)
    far_mm = np.abs(whole.missing_mm).max()
    np.testing.assert_allclose(last.missing_mm[0], whole.missing_mm[50], atol=0.02 * far_mm)
    np.testing.assert_allclose(last.sigma_times[0], whole.sigma_times[50], rtol=0.02)
    with pytest.raises(ValueError, match="causal"):
        correction_of_last(some, network_of(7))


def test_what_is_far_from_all_that_was_learnt_does_not_count_for_more() -> None:
    shown = np.random.default_rng(8).normal(size=(30, NUM_INPUTS))
    far, farther = shown.copy(), shown.copy()
    far[:, 85], farther[:, 85] = 5, 5000
    np.testing.assert_array_equal(network_of(9).said(far), network_of(9).said(farther))
    assert np.abs(network_of(9).said(far) - network_of(9).said(shown)).max() > 1e-3


def test_a_network_by_hand() -> None:
    """One that says the mean of the x of joint 1 at three neighbouring moments, if positive."""
    zeros = [np.zeros(w.shape) for w in network_of(0).layers]
    zeros[0][:, 3, 0] = 1 / 3
    zeros[-1][0, 0, 3] = 1.0
    biases = tuple(np.zeros(w.shape[2]) for w in zeros)
    network = replace(network_of(0), layers=tuple(zeros), biases=biases)
    shown = np.zeros((2 * REACH + 3, NUM_INPUTS))
    shown[REACH - 1 : REACH + 4, 3] = [1.0, 2.0, 0.0, -4.0, 1.0]
    np.testing.assert_allclose(network.said(shown)[:, 3], [1.0, 0.0, 0.0], atol=1e-12)


def test_radii_follow_what_is_said_of_them_and_the_pelvis_keeps_its_own() -> None:
    """By hand: whatever is shown, the logarithm is 0.5 for joint 3, and past the bound for joint 4."""
    zeros = [np.zeros(w.shape) for w in network_of(0).layers]
    biases = [np.zeros(w.shape[2]) for w in zeros]
    biases[-1][51 + np.array([0, 3, 4])] = [1.0, 0.5, 9.0]
    network = replace(network_of(0), layers=tuple(zeros), biases=tuple(biases))
    change = correction(RAW, network)
    assert not change.missing_mm.any()
    expected = np.ones((100, 17))
    expected[:, 3], expected[:, 4] = np.exp(0.5), np.exp(MOST_SURER)
    np.testing.assert_allclose(change.sigma_times, expected, rtol=1e-6)


def test_a_track_is_as_sure_as_the_network_says() -> None:
    after, change = corrected(TRACK), correction(RAW, shipped("centred"))
    np.testing.assert_allclose(after.sigma_mm, TRACK.sigma_mm * change.sigma_times, rtol=1e-6)
    assert np.abs(change.sigma_times[:, 1:] - 1).max() > 0.05


def test_what_is_not_known_stays_so_and_is_not_looked_across() -> None:
    gappy = without_frames(TRACK, list(range(40, 60)))
    after = corrected(gappy)
    assert np.isnan(after.joints_mm[40:60]).all() and np.isfinite(after.joints_mm[:40]).all()
    np.testing.assert_allclose(after.joints_mm[:40], corrected(TRACK[:40]).joints_mm, atol=1e-3)


def test_other_weights_and_those_that_say_no_places_are_left_alone() -> None:
    stranger = replace(TRACK, weights="mine.onnx")
    assert corrected(stranger) is stranger
    unsure = replace(TRACK, sigma_mm=np.full_like(TRACK.sigma_mm, np.nan))
    np.testing.assert_array_equal(corrected(unsure).joints_mm, unsure.joints_mm)
    assert not np.array_equal(corrected(TRACK).joints_mm, TRACK.joints_mm)


def test_the_pelvis_stays_the_root_and_a_true_walk_nearly_as_it_is() -> None:
    true = replace(walk_track(TIME_S), weights=TRACK.weights)
    moved_mm = np.linalg.norm(corrected(true).joints_mm - true.joints_mm, axis=-1)
    assert moved_mm[:, 0].max() == 0
    assert moved_mm.mean() < 40


def test_feet_go_with_their_ankles() -> None:
    before = with_feet(TRACK)
    after = corrected(before)
    for track in (before, after):
        from_ankle_mm = track.feet_mm - track.joints_mm[:, FEET_PARENTS]
        np.testing.assert_allclose(
            from_ankle_mm, before.feet_mm - before.joints_mm[:, FEET_PARENTS], atol=1e-3
        )
    assert np.abs(after.feet_mm - before.feet_mm).max() > 1


def test_the_shipped_network_knows_the_shipped_weights() -> None:
    for kind, ahead in AHEAD.items():
        assert {"posegrid-m.onnx", "posegrid-m-int8.onnx"} <= set(shipped(kind).weights_of)
        assert shipped(kind).ahead == ahead
