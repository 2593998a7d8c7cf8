"""Made-up walks: what every walk of every style and body must hold to."""

from dataclasses import replace

import numpy as np
import pytest
from walkers.motion.walking import foot_sink_mm, foot_slip_mm, straight_path

from posegrid.walkers.body.mesh import BONE_INDEX, BONE_PARENTS, Body, load_body_model
from posegrid.walkers.motion.foot_contact import leg_lengths_mm
from posegrid.walkers.motion.gait_cycle import GRAVITY_MM_S2, hip_cycle, walk
from posegrid.walkers.motion.gait_style import (
    GaitStyle,
    fourier_basis,
    gait_angles,
    load_gait_curves,
    sample_style,
    stance_share,
)
from posegrid.walkers.motion.paths import ellipse_path, sample_path
from posegrid.walkers.motion.posture import SIDE_ANGLES, Motion, mirrored_angles

FPS = 50.0
STEADY = GaitStyle(unsteadiness=0.0)


def bent_deg(body: Body, motion: Motion, upper: str, middle: str, lower: str) -> np.ndarray:
    """Angle between two bones of both sides, 0 where they are in line."""
    positions = motion.bone_positions(body)
    bends = []
    for side in "LR":
        a, b, c = (positions[:, BONE_INDEX[f"{bone}.{side}"]] for bone in (upper, middle, lower))
        first, second = b - a, c - b
        cosine = (
            np.sum(first * second, axis=1)
            / np.linalg.norm(first, axis=1)
            / np.linalg.norm(second, axis=1)
        )
        bends.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return np.concatenate(bends)


def stature_body(stature_mm: float) -> Body:
    """The first body of the model's own sample within 20 mm of a stature."""
    model = load_body_model()
    for coefficients, phenotype in zip(model.coefficients, model.phenotypes, strict=True):
        body = model.body(coefficients, phenotype)
        if abs(body.stature_mm - stature_mm) < 20:
            return body
    raise AssertionError(f"no body of {stature_mm} mm")


BODY = stature_body(1730.0)


@pytest.mark.parametrize("speed_mm_s", [800.0, 1200.0, 1700.0])
def test_footprints_go_on_at_the_asked_speed(speed_mm_s: float):
    motion = walk(
        BODY,
        replace(STEADY, speed_mm_s=speed_mm_s),
        straight_path(9e3),
        500,
        FPS,
        np.random.default_rng(0),
    )
    ankle = motion.bone_positions(BODY)[:, BONE_INDEX["foot.L"]]
    starts = np.flatnonzero(np.diff(motion.contacts[:, 0].astype(int)) == 1) + 8
    starts = starts[starts < motion.num_frames]
    way = -(ankle[starts[-1], 1] - ankle[starts[0], 1])
    assert way / ((starts[-1] - starts[0]) / FPS) == pytest.approx(speed_mm_s, rel=0.03)


def test_a_man_of_173_cm_at_1200_mm_s_takes_plausible_steps():
    """Stride about 1.39 m, cadence about 104 steps a minute (as measured on real walkers)."""
    relative_speed = 1200.0 / np.sqrt(GRAVITY_MM_S2 * sum(leg_lengths_mm(BODY, "L")))
    cycle = hip_cycle(BODY, STEADY, relative_speed, 0.0)
    assert cycle.stride_mm == pytest.approx(1390, rel=0.04)
    assert 120 * 1200 / cycle.stride_mm == pytest.approx(104, rel=0.04)
    assert 15 < np.ptp(cycle.height_mm) < 60
    assert 0.56 < stance_share(relative_speed) < 0.64


@pytest.mark.parametrize("seed", range(6))
def test_random_walks_keep_their_feet_on_the_floor(seed: int):
    rng = np.random.default_rng(seed)
    body = load_body_model().sample(rng)
    motion = walk(body, sample_style(rng), sample_path(2000, 1500, rng), 150, FPS, rng)
    assert foot_slip_mm(body, motion) < 0.5
    assert foot_sink_mm(body, motion) < 1.0
    ankles = motion.bone_positions(body)[:, [BONE_INDEX["foot.L"], BONE_INDEX["foot.R"]], 2]
    assert ankles.min() > 40 and ankles.max() < 420
    knee = bent_deg(body, motion, "upperleg01", "lowerleg01", "foot")
    assert knee.min() > 3 and 50 < knee.max() < 95
    assert bent_deg(body, motion, "upperarm01", "lowerarm01", "wrist").max() < 110


@pytest.mark.parametrize("seed", range(3))
def test_bones_keep_their_lengths_and_rotations_are_rotations(seed: int):
    rng = np.random.default_rng(seed)
    body = load_body_model().sample(rng)
    motion = walk(body, sample_style(rng), ellipse_path(2000, 1500), 100, FPS, rng)
    positions = motion.bone_positions(body)
    for bone, parent in enumerate(BONE_PARENTS):
        if parent >= 0:
            length = np.linalg.norm(positions[:, bone] - positions[:, parent], axis=1)
            rest = np.linalg.norm(body.bone_heads_mm[bone] - body.bone_heads_mm[parent])
            np.testing.assert_allclose(length, rest, atol=1e-6)
    unit = motion.rotations @ np.swapaxes(motion.rotations, -1, -2)
    np.testing.assert_allclose(unit, np.broadcast_to(np.eye(3), unit.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(motion.rotations), 1, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_motions_are_smooth(seed: int):
    """No joint is accelerated more than a fast swinging leg: 40 mm per frame and frame, 10 g."""
    rng = np.random.default_rng(seed)
    body = load_body_model().sample(rng)
    motion = walk(body, sample_style(rng), sample_path(2000, 1500, rng), 200, FPS, rng)
    change = np.linalg.norm(np.diff(motion.bone_positions(body), n=2, axis=0), axis=-1)
    assert change[:, BONE_INDEX["head"]].max() < 10
    assert change.max() < 45


def test_half_a_cycle_later_a_symmetric_walker_is_his_own_mirror_image():
    phase = np.linspace(0, 1, 40)
    now, later = (gait_angles(STEADY, 0.43, shifted) for shifted in (phase, phase + 0.5))
    for name, angle in mirrored_angles(now).items():
        np.testing.assert_allclose(later[name], angle, atol=1e-9, err_msg=name)


def test_asymmetry_makes_one_side_swing_further():
    angles = gait_angles(replace(STEADY, asymmetry=0.1), 0.43, np.linspace(0, 1, 100))
    assert np.ptp(angles["hip_flexion.L"]) / np.ptp(angles["hip_flexion.R"]) == pytest.approx(
        1.1 / 0.9, rel=0.01
    )


@pytest.mark.parametrize("width_mm", [60.0, 140.0])
def test_feet_are_set_down_as_wide_apart_as_asked(width_mm: float):
    style = replace(STEADY, step_width_mm=width_mm)
    motion = walk(BODY, style, straight_path(9e3), 300, FPS, np.random.default_rng(0))
    x = motion.bone_positions(BODY)[:, [BONE_INDEX["foot.L"], BONE_INDEX["foot.R"]], 0]
    left, right = (x[motion.contacts[:, side], side].mean() for side in (0, 1))
    assert left - right == pytest.approx(width_mm, abs=12)


def test_walkers_follow_their_path():
    path = ellipse_path(2000, 1500)
    motion = walk(BODY, STEADY, path, 400, FPS, np.random.default_rng(0))
    near = np.linalg.norm(motion.root_mm[:, None, :2] - path.points_mm, axis=-1).min(axis=1)
    assert near.max() < 200
    assert np.all(np.abs(motion.root_mm[:, :2]) < [2200, 1700])


def test_the_same_random_numbers_give_the_same_walk():
    first, second = (
        walk(
            BODY,
            sample_style(np.random.default_rng(5)),
            ellipse_path(2e3, 1.5e3),
            30,
            FPS,
            np.random.default_rng(5),
        )
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.rotations, second.rotations)
    np.testing.assert_array_equal(first.root_mm, second.root_mm)


def test_sampled_styles_differ_and_keep_to_human_speeds():
    styles = [sample_style(np.random.default_rng(seed)) for seed in range(50)]
    speeds = [style.speed_mm_s for style in styles]
    assert 800 <= min(speeds) < 1100 < 1400 < max(speeds) <= 1700
    assert len({style.character for style in styles}) == 50


def test_the_knee_bends_between_standing_and_swing_as_in_textbooks():
    """Knee flexion at 1.2 m/s: a small wave while standing, 55 to 70 degrees in early swing (Perry,
    Gait Analysis).
    """
    phase = np.linspace(0, 1, 200)
    knee = np.degrees(gait_angles(STEADY, 0.42, phase)["knee_flexion.L"])
    assert 0.68 < phase[knee.argmax()] < 0.78
    assert 55 < knee.max() < 75
    assert knee[phase < 0.4].max() < 30


def test_the_basis_of_the_curves_holds_by_hand():
    basis = fourier_basis(np.array([0.25]))[0]
    np.testing.assert_allclose(basis[:5], [1, 0, 1, -1, 0], atol=1e-12)


def test_the_curves_say_where_they_come_from():
    curves = load_gait_curves()
    assert set(SIDE_ANGLES) < set(curves.at_reference)
    low, high = curves.speed_range
    assert low < curves.reference < high
