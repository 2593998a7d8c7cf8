"""Strides of a made-up walk by its true events: lengths, phases, angles and laws of them."""

import numpy as np
import pytest
from motion.walks import (
    CAMERA_HEIGHT_MM,
    SHANK_MM,
    STANCE,
    STEP_HALF_WIDTH_MM,
    STRIDE_MM,
    STRIDE_S,
    THIGH_MM,
    circle_track,
    walk_track,
    with_feet,
)

from posegrid.body.skeleton import JOINT_NAMES
from posegrid.motion.gait_events import FootEvents
from posegrid.motion.strides import CYCLE_PERCENT, Stride, along_bend, sight_deg, strides_of

TIME_S = np.arange(241) / 60
NO_FEET = np.full((len(TIME_S), 4, 3), np.nan)


def in_world(points_cam_mm: np.ndarray) -> np.ndarray:
    """Of a level camera: x right, y away, z up."""
    x, y, z = np.moveaxis(np.asarray(points_cam_mm, float), -1, 0)
    return np.stack([x, z, CAMERA_HEIGHT_MM - y], axis=-1)


def joints_of(track) -> np.ndarray:
    return in_world(track.joints_mm + track.root_mm[:, None])


def true_events() -> dict:
    def times(shift: float) -> np.ndarray:
        every = (np.arange(8) + shift) * STRIDE_S
        return every[(every >= 0) & (every <= TIME_S[-1])]

    return {
        "right": FootEvents(times(0.0), times(STANCE)),
        "left": FootEvents(times(0.5), times(STANCE - 0.5)),
    }


WALK, EVENTS = joints_of(walk_track(TIME_S)), true_events()


def strides(joints: np.ndarray = WALK, events: dict = EVENTS) -> list[Stride]:
    return strides_of(joints, TIME_S, events, NO_FEET)


def numbers(found: list[Stride]) -> np.ndarray:
    names = ("length_mm", "turn_rad", "step_length_mm", "other_step_length_mm", "width_mm")
    return np.array([[getattr(stride, name) for name in names] for stride in found])


def test_strides_are_those_of_the_walk():
    found = strides()
    assert [stride.side for stride in found] == ["right"] * 3 + ["left"] * 3
    true = [STRIDE_MM, 0, STRIDE_MM / 2, STRIDE_MM / 2, 2 * STEP_HALF_WIDTH_MM]
    np.testing.assert_allclose(numbers(found), np.tile(true, (6, 1)), atol=0.01)
    for stride in found:
        assert stride.time_s == pytest.approx(STRIDE_S)
        assert stride.stance == pytest.approx(STANCE)
        assert stride.double_support == pytest.approx(2 * STANCE - 1)


def test_a_foot_that_is_always_set_down_farther_ahead_has_the_longer_step():
    joints = WALK.copy()
    joints[:, JOINT_NAMES.index("left_ankle"), 0] += 40  # the walk's way is along x
    for stride in strides(joints):
        both = (STRIDE_MM / 2 - 40, STRIDE_MM / 2 + 40)
        expected = both if stride.side == "right" else both[::-1]
        said = (stride.step_length_mm, stride.other_step_length_mm)
        assert said == pytest.approx(expected, abs=0.01)


def test_neither_the_place_nor_the_direction_of_the_walk_counts():
    turn = np.radians(70)
    rotation = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    moved = strides(WALK @ rotation.T + [3000.0, -500.0, 40.0])
    np.testing.assert_allclose(numbers(moved), numbers(strides()), atol=1e-6)
    for one, other in zip(moved, strides(), strict=True):
        np.testing.assert_allclose(one.flexion_deg["hip"], other.flexion_deg["hip"], atol=1e-6)


def test_whoever_walks_backwards_has_strides_of_negative_length():
    end = TIME_S[-1]
    back = {
        side: FootEvents(end - seen.off_s[::-1], end - seen.strike_s[::-1])
        for side, seen in EVENTS.items()
    }
    found = strides(WALK[::-1].copy(), back)
    assert len(found) >= 4
    np.testing.assert_allclose([stride.length_mm for stride in found], -STRIDE_MM, atol=0.01)


@pytest.mark.parametrize("radius_mm", [3000.0, -3000.0])
def test_on_a_circle_the_length_is_that_along_the_bend(radius_mm):
    found = strides(joints_of(circle_track(TIME_S, radius_mm)))
    turns = [stride.turn_rad for stride in found]
    np.testing.assert_allclose(turns, STRIDE_MM / radius_mm, atol=0.02)
    lengths = {stride.side: stride.length_mm for stride in found}
    inner, outer = ("left", "right") if radius_mm > 0 else ("right", "left")
    share = STEP_HALF_WIDTH_MM / abs(radius_mm)
    assert lengths[inner] == pytest.approx(STRIDE_MM * (1 - share), abs=5)
    assert lengths[outer] == pytest.approx(STRIDE_MM * (1 + share), abs=5)


def test_an_arc_is_as_much_longer_than_its_chord_as_geometry_says():
    assert along_bend(0.0) == 1.0
    assert along_bend(np.pi / 2) == pytest.approx(np.pi / 4 * np.sqrt(2))
    assert along_bend(np.pi) == pytest.approx(np.pi / 2) == along_bend(-7.0)


def test_knees_bend_by_the_law_of_cosines():
    hip, ankle = (WALK[:, JOINT_NAMES.index(f"left_{joint}")] for joint in ("hip", "ankle"))
    apart = np.linalg.norm(hip - ankle, axis=1)
    inner = (THIGH_MM**2 + SHANK_MM**2 - apart**2) / (2 * THIGH_MM * SHANK_MM)
    flexion = 180 - np.degrees(np.arccos(np.clip(inner, -1, 1)))
    for stride in (stride for stride in strides() if stride.side == "left"):
        at_s = stride.begin_s + STRIDE_S * CYCLE_PERCENT / 100
        expected = np.interp(at_s, TIME_S, flexion)
        np.testing.assert_allclose(stride.flexion_deg["knee"], expected, atol=0.1)
        assert set(stride.flexion_deg) == {"knee", "hip"}, "nothing is known of the feet"


def test_a_foot_points_outwards_by_what_it_is_turned():
    track = with_feet(walk_track(TIME_S), out_rad=np.radians(12))
    feet = in_world(track.feet_mm + track.root_mm[:, None])
    found = strides_of(WALK, TIME_S, EVENTS, feet)
    for stride in found:
        np.testing.assert_allclose(stride.flexion_deg["foot_progression"], 12, atol=0.1)
        assert stride.flexion_deg["ankle"].shape == (101,)


def test_strides_with_a_long_gap_are_none():
    joints = WALK.copy()
    joints[(TIME_S > 2.3) & (TIME_S < 2.65)] = np.nan
    kept = [(stride.side, round(stride.begin_s, 2)) for stride in strides(joints)]
    assert kept == [("right", 0.0), ("right", 1.1), ("left", 0.55), ("left", 2.75)]


def test_across_the_picture_is_ninety_degrees_and_towards_the_camera_none():
    x, y, z = np.moveaxis(WALK, -1, 0)
    on_the_spot = np.stack([x - x[:, :1], y, z], axis=-1)
    assert sight_deg(on_the_spot, TIME_S, strides()) == pytest.approx(90, abs=0.5)
    diagonal = np.stack([x - x[:, :1] + 4000, y, z], axis=-1)
    assert sight_deg(diagonal, TIME_S, strides()) == pytest.approx(45, abs=0.5)
    towards = np.stack([4000 - y, x - 9000, z], axis=-1)
    assert sight_deg(towards, TIME_S, strides()) == pytest.approx(0, abs=0.5)


def test_only_what_is_within_the_strides_is_looked_at():
    x, y, z = np.moveaxis(WALK, -1, 0)
    side = np.where(TIME_S[:, None] < 1.15, 4000, 0)
    joints, (first, _, third) = np.stack([x - x[:, :1] + side, y, z], axis=-1), strides()[:3]
    assert sight_deg(joints, TIME_S, [first]) == pytest.approx(45, abs=0.5)
    assert sight_deg(joints, TIME_S, [third]) == pytest.approx(90, abs=0.5)
