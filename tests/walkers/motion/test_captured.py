"""Captured walks: angles come back from poses, and bodies walk as the clips do. Real clips are used
where they are.
"""

import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from walkers.motion.walking import foot_sink_mm, foot_slip_mm, straight_path

from posegrid.body.rotations import rot_z, turned
from posegrid.errors import SourceError
from posegrid.walkers.body.mesh import BONE_INDEX, Body, load_body_model
from posegrid.walkers.motion.capture_files import load_walks
from posegrid.walkers.motion.captured import mirrored_walk, posed_as, recorded_walk, retarget
from posegrid.walkers.motion.foot_contact import leg_lengths_mm
from posegrid.walkers.motion.gait_style import GaitStyle, gait_angles
from posegrid.walkers.motion.motion_capture import MotionCapture
from posegrid.walkers.motion.paths import ellipse_path
from posegrid.walkers.motion.posture import Angles, limb_frames, limited

CYCLE_FRAMES = 130
SPEED_MM_S = 1200.0
CMU = Path(
    os.environ.get(
        "POSEGRID_CMU_DIR", Path(__file__).parents[3].parent / "shared" / "data" / "cmu_walk"
    )
)
DOWN, HIP_MM = np.array([0.0, 0.0, -1.0]), 90.0


def made_up_capture(
    heading_rad: float = 0.0, num_frames: int = 420
) -> tuple[MotionCapture, dict[str, np.ndarray]]:
    """A stick figure with CMU's bone names that walks with known angles, and the angles."""
    frame = np.arange(num_frames)
    angles = gait_angles(GaitStyle(), 0.42, 0.3 + frame / CYCLE_FRAMES)
    facing = rot_z(np.full(num_frames, heading_rad))
    frames = {bone: facing @ rotation for bone, rotation in limb_frames(angles).items()}
    hips = np.stack(
        [np.zeros(num_frames), -SPEED_MM_S * frame / 120, np.full(num_frames, 900.0)], axis=1
    )
    hips = turned(facing, hips)
    rotations, starts, ends, rest = {"root": frames["root"]}, {"root": hips}, {"root": hips}, {}

    def add(name: str, bone: str, start: np.ndarray, direction: np.ndarray, length: float) -> None:
        rotations[name], starts[name], rest[name] = frames[bone], start, direction
        ends[name] = start + length * turned(frames[bone], direction)

    for side, prefix, sign in (("L", "l", 1.0), ("R", "r", -1.0)):
        hip = hips + turned(frames["root"], np.array([sign * HIP_MM, 0, 0]))
        add(f"{prefix}femur", f"upperleg01.{side}", hip, DOWN, 430.0)
        add(f"{prefix}tibia", f"lowerleg01.{side}", ends[f"{prefix}femur"], DOWN, 420.0)
        add(
            f"{prefix}foot",
            f"foot.{side}",
            ends[f"{prefix}tibia"],
            np.array([0, -0.8, -0.6]),
            150.0,
        )
        shoulder = hips + turned(frames["spine01"], np.array([sign * 180.0, 0, 480.0]))
        add(f"{prefix}humerus", f"upperarm01.{side}", shoulder, DOWN, 280.0)
        add(f"{prefix}radius", f"lowerarm01.{side}", ends[f"{prefix}humerus"], DOWN, 160.0)
        add(f"{prefix}wrist", f"lowerarm01.{side}", ends[f"{prefix}radius"], DOWN, 90.0)
    add("thorax", "spine01", hips, -DOWN, 480.0)
    add("head", "head", ends["thorax"], -DOWN, 200.0)
    return MotionCapture("made_up", 120.0, rotations, starts, ends, rest), angles


@pytest.mark.parametrize("heading_rad", [0.0, 2.1])
def test_the_angles_of_a_pose_come_back_from_its_capture(heading_rad: float):
    capture, angles = made_up_capture(heading_rad)
    walk = recorded_walk(capture)
    assert set(walk.angles) == set(angles)
    for name, angle in angles.items():
        away = np.degrees(walk.angles[name] - angle)[10:-10]
        if name in ("pelvis_tilt", "head_tilt") or name.startswith(
            ("foot_pitch", "knee", "hip_flexion")
        ):
            away -= away.mean()  # these zeros are set anew
        tolerance = 6.0 if name.startswith(("foot", "hip_flexion")) else 3.0
        assert np.abs(away).max() < tolerance, name
    assert walk.speed_mm_s == pytest.approx(SPEED_MM_S, rel=1e-6)
    assert walk.leg_mm == pytest.approx(850.0)


def test_steps_are_found_once_a_cycle_and_half_a_cycle_apart():
    walk = recorded_walk(made_up_capture()[0])
    for side in "LR":
        np.testing.assert_allclose(np.diff(walk.strikes[side]), CYCLE_FRAMES, atol=1)
    apart = (walk.strikes["R"][0] - walk.strikes["L"][0]) / CYCLE_FRAMES % 1
    assert apart == pytest.approx(0.5, abs=0.02)
    strike_phase = (0.3 + walk.strikes["L"] / CYCLE_FRAMES) % 1
    np.testing.assert_allclose((strike_phase + 0.5) % 1, 0.5, atol=0.04)


def test_a_body_repeats_a_short_clip_for_as_long_as_asked_without_a_jump():
    body = load_body_model().sample(np.random.default_rng(1))
    walk = recorded_walk(made_up_capture()[0])
    motion = retarget(
        walk, body, ellipse_path(2000, 1500), 600, 50.0, start_frame=20.0, start_mm=500.0
    )
    assert motion.num_frames == 600
    assert foot_slip_mm(body, motion) < 0.5
    assert foot_sink_mm(body, motion) < 1.0
    change = np.linalg.norm(np.diff(motion.bone_positions(body), n=2, axis=0), axis=-1)
    assert change.max() < 50
    assert change[:, BONE_INDEX["head"]].max() < 15


def test_speed_scales_with_the_leg():
    body = load_body_model().sample(np.random.default_rng(2))
    motion = retarget(recorded_walk(made_up_capture()[0]), body, straight_path(5e3), 520, 50.0)
    speed = np.linalg.norm(motion.root_mm[-1] - motion.root_mm[0]) / (519 / 50)
    assert speed == pytest.approx(SPEED_MM_S * sum(leg_lengths_mm(body, "L")) / 850.0, rel=0.03)


def test_a_walk_mirrored_twice_is_itself():
    walk = recorded_walk(made_up_capture()[0])
    once, twice = mirrored_walk(walk), mirrored_walk(mirrored_walk(walk))
    for name, angle in walk.angles.items():
        np.testing.assert_array_equal(twice.angles[name], angle)
    np.testing.assert_array_equal(once.angles["knee_flexion.L"], walk.angles["knee_flexion.R"])
    np.testing.assert_array_equal(once.strikes["L"], walk.strikes["R"])


def test_a_clip_without_a_whole_stride_is_refused():
    with pytest.raises(SourceError, match="no whole stride"):
        recorded_walk(made_up_capture(num_frames=90)[0])


def test_a_skeleton_with_other_names_is_refused():
    capture, _ = made_up_capture()
    del capture.rotations["ltibia"]
    with pytest.raises(SourceError, match="ltibia"):
        recorded_walk(capture)


def test_a_folder_without_clips_is_refused(tmp_path: Path):
    with pytest.raises(SourceError, match="no AMC or BVH file"):
        load_walks(tmp_path)
    (tmp_path / "1_01.amc").write_text("")
    with pytest.raises(SourceError, match="0 ASF files"):
        load_walks(tmp_path)


@pytest.mark.skipif(
    not CMU.is_dir(), reason="no CMU walks: set POSEGRID_CMU_DIR to the folder with clips.csv"
)
@pytest.mark.parametrize("subject", ["02", "32", "49"])
def test_real_walks_are_read_at_their_speed_and_walked_by_a_body(subject: str):
    with (CMU / "clips.csv").open() as file:
        speeds = {row["clip"]: 1000 * float(row["speed_mps"]) for row in csv.DictReader(file)}
    body = load_body_model().sample(np.random.default_rng(0))
    for walk in load_walks(CMU / subject):
        assert walk.speed_mm_s == pytest.approx(speeds[walk.name], rel=0.05)
        knee = np.degrees(np.concatenate([walk.angles[f"knee_flexion.{side}"] for side in "LR"]))
        assert -3 < knee.min() < 25 and 55 < knee.max() < 85
        motion = retarget(walk, body, ellipse_path(2000, 1500), 200, 50.0)
        assert foot_slip_mm(body, motion) < 0.5
        assert foot_sink_mm(body, motion) < 1.0
        assert 0.5 < motion.contacts.mean() < 0.7


def test_a_captured_motion_comes_a_fifth_slower_to_quicker_and_half_of_the_time_mirrored():
    """The trunk turns to the left by 0.001 a frame at 120 Hz: by 0.0024 a frame of 50 Hz."""
    capture, _ = made_up_capture(num_frames=4000)
    turns = rot_z(np.zeros(4000)), rot_z(0.001 * np.arange(4000) - 2.0)
    turning = dict(zip(("root", "thorax"), turns, strict=True))
    capture = replace(capture, rotations=capture.rotations | turning)
    body = load_body_model().sample(np.random.default_rng(0))
    steps = np.array([trunk_turn(capture, body, seed) for seed in range(40)]) / 0.0024
    assert 10 < (steps > 0).sum() < 30
    assert 0.79 < np.abs(steps).min() < 0.88 and 1.12 < np.abs(steps).max() < 1.21


def trunk_turn(capture: MotionCapture, body: Body, seed: int) -> float:
    """How far the trunk turns from frame to frame, rad."""
    seen: list[Angles] = []

    def edited(angles: Angles) -> Angles:
        seen.append(angles)
        return limited(angles)

    motion = posed_as(capture, body, 20, 50.0, np.random.default_rng(seed), edited)
    assert motion.num_frames == 20 and not motion.contacts.any()
    turned_rad = seen[0]["trunk_rotation"]
    return float(turned_rad[-1] - turned_rad[0]) / 19
