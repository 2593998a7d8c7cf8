"""How people walk: random styles, and the joint angles over the gait cycle that a style makes.

The curves (`gait_curves.json`, fitted by `scripts/fit_gait_curves.py` to 53 walks of 10 people)
give the angles as functions of speed and personal style.

The data used in this project was obtained from mocap.cs.cmu.edu. The database was created with
funding from NSF EIA-0196217.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np
from jaxtyping import Float

from posegrid.walkers.motion.arms import HeldArm, hold_arm, sample_arms
from posegrid.walkers.motion.posture import CENTRAL_ANGLES, SIDE_ANGLES, SIDES

NUM_MODES = 8
"""Personal deviations of the gait curves."""


@dataclass(frozen=True)
class GaitStyle:
    """How a person walks. The defaults are the mean walker."""

    speed_mm_s: float = 1250.0
    """Walking speed along the path."""
    character: tuple[float, ...] = (0.0,) * NUM_MODES
    """Personal deviations of the joint angles, in standard deviations between real walkers."""
    stride_factor: float = 1.0
    """Factor on the swing of the hips: longer strides, fewer of them."""
    knee_lift: float = 1.0
    """Factor on the bending of the knees."""
    arm_swing: float = 1.0
    """Factor on the swing of the arms."""
    elbow_rad: float = 0.0
    """Extra bend of the elbows."""
    arm_abduction_rad: float = 0.03
    """How far the arms are held off the body, beyond the curves."""
    trunk_lean_rad: float = 0.0
    """Extra forward lean of the trunk."""
    stoop_rad: float = 0.0
    """Rounding of the back: leans the trunk, and the head half as much again."""
    head_pitch_rad: float = 0.06
    """Where the head looks: forwards and down."""
    toe_out_rad: float = 0.0
    """Extra turning out of the feet."""
    step_width_mm: float = 100.0
    """Sideways distance of the two lines of footprints."""
    asymmetry: float = 0.0
    """Left limbs swing (1 + a), right ones (1 - a) times as far."""
    unsteadiness: float = 0.5
    """Slow wandering of rhythm, head and arms; 0: every stride is alike."""
    knee_raise_rad: float = 0.0
    """Extra lift of the thigh in the middle of the swing, as in marching; the knee bends with it."""
    trunk_list_rad: float = 0.0
    """Extra lean of the trunk to the left."""
    trunk_turn_rad: float = 0.0
    """Extra turn of the trunk to the left."""
    sway_rad: float = 0.0
    """Lean of the trunk over whichever leg carries, as in waddling."""
    limp: float = 0.0
    """0 to 1: the left leg is spared, -1 to 0: the right one; a stiff knee, short quick steps."""
    arms: tuple[HeldArm | None, HeldArm | None] = (None, None)
    """The left and the right arm where they are held instead of swung."""
    straightness: float = 0.0
    """0: knees as captured, to 1: see `straightened`."""


def sample_style(rng: np.random.Generator) -> GaitStyle:
    """A random plausible style: 0.8 to 1.7 m/s, deviations within two standard deviations."""
    character = np.clip(rng.normal(0, 0.9, NUM_MODES), -2, 2)
    return GaitStyle(
        speed_mm_s=float(np.clip(rng.normal(1230, 180), 800, 1700)),
        character=tuple(float(score) for score in character),
        stride_factor=float(rng.uniform(0.92, 1.06)),
        knee_lift=float(rng.uniform(0.92, 1.08)),
        arm_swing=float(rng.uniform(0.3, 1.5)),
        elbow_rad=float(np.radians(rng.uniform(-5, 20))),
        arm_abduction_rad=float(np.radians(rng.uniform(0, 8))),
        trunk_lean_rad=float(np.radians(rng.normal(1, 2))),
        stoop_rad=float(np.radians(max(0.0, rng.normal(2, 4)))),
        head_pitch_rad=float(np.radians(rng.normal(4, 6))),
        toe_out_rad=float(np.radians(rng.normal(0, 4))),
        step_width_mm=float(np.clip(rng.normal(105, 30), 40, 190)),
        asymmetry=float(np.clip(rng.normal(0, 0.04), -0.1, 0.1)),
        unsteadiness=float(rng.uniform(0.2, 1.0)),
    )


def sample_unusual_style(rng: np.random.Generator) -> GaitStyle:
    """A style off the usual: arms held or swung far, high or stiff knees, limps, wide tracks, leans."""
    usual = sample_style(rng)
    arms = sample_arms(rng) if rng.random() < 0.45 else (None, None)
    legs = str(rng.choice(["usual", "marching", "stiff", "limping"], p=[0.4, 0.27, 0.15, 0.18]))
    leaning = rng.random() < 0.3
    marched = np.radians(rng.uniform(10, 75)) if legs == "marching" else 0.0
    return replace(
        usual,
        speed_mm_s=float(np.clip(usual.speed_mm_s * rng.uniform(0.45, 1.3), 450, 2000)),
        stride_factor=float(rng.uniform(0.75, 1.3)),
        knee_lift=float(rng.uniform(0.4, 0.8) if legs == "stiff" else rng.uniform(0.9, 1.35)),
        arm_swing=float(rng.uniform(0.0, 3.4)),
        elbow_rad=float(np.radians(rng.uniform(-5, 85) * (rng.random() < 0.5))),
        arm_abduction_rad=float(
            np.radians(rng.uniform(0, 10) if rng.random() < 0.7 else rng.uniform(0, 45))
        ),
        trunk_lean_rad=float(np.radians(rng.uniform(-18, 45) if leaning else rng.normal(3, 6))),
        trunk_list_rad=float(np.radians(np.clip(rng.normal(0, 14 if leaning else 3), -35, 35))),
        trunk_turn_rad=float(np.radians(np.clip(rng.normal(0, 12 if leaning else 4), -35, 35))),
        stoop_rad=float(np.radians(max(0.0, rng.normal(4, 10)))),
        head_pitch_rad=float(np.radians(rng.normal(6, 14))),
        toe_out_rad=float(np.radians(rng.normal(0, 9))),
        step_width_mm=float(rng.uniform(10, 320)),
        asymmetry=float(np.clip(rng.normal(0, 0.13), -0.35, 0.35)),
        knee_raise_rad=float(marched),
        sway_rad=float(np.radians(rng.uniform(0, 9)) * (rng.random() < 0.3)),
        limp=float(rng.uniform(0.3, 1.0) * rng.choice([-1, 1])) if legs == "limping" else 0.0,
        arms=arms,
    )


NUM_HARMONICS = 6


MOST_KNEE_RAD = np.radians(140.0)
"""Healthy knees bend by 135 to 140 degrees."""


MOST_STRAIGHTENED_RAD, STRAIGHTENED_BY_RAD = np.radians(25.0), np.radians(12.0)


LIMPING_LEAN_RAD = np.radians(12.0)
"""How far the trunk leans over a leg that is spared altogether."""


@dataclass(frozen=True, eq=False)
class GaitCurves:
    """The fitted curves: of each angle the constant, cosine and sine of each harmonic (radians)."""

    at_reference: Mapping[str, Float[np.ndarray, "C"]]
    per_relative_speed: Mapping[str, Float[np.ndarray, "C"]]
    modes: Mapping[str, Float[np.ndarray, "M C"]]
    reference: float
    """The relative speed v / sqrt(g leg) that the curves are given at."""
    speed_range: tuple[float, float]
    """Relative speeds of the fitted walks; beyond them the angles are those of the nearest."""
    stance_share: tuple[float, float]
    """Share of the cycle that a foot stands, at the reference speed and its slope."""

    def coefficients(
        self, name: str, relative_speed: float, character: np.ndarray
    ) -> Float[np.ndarray, "C"]:
        """Coefficients of one angle for a speed and a character."""
        faster = float(np.clip(relative_speed, *self.speed_range)) - self.reference
        usual = self.at_reference[name] + faster * self.per_relative_speed[name]
        return usual + character @ self.modes[name]


@cache
def load_gait_curves() -> GaitCurves:
    """The curves of the package, read once."""
    document = json.loads((files("posegrid.walkers") / "gait_curves.json").read_text())
    angles = document["angles"]
    at_reference, per_speed, modes = (
        {name: np.radians(entry[key]) for name, entry in angles.items()}
        for key in ("at_reference", "per_relative_speed", "modes")
    )
    low, high = document["relative_speed_range"]
    share, slope = document["stance_share"]
    reference = document["reference_relative_speed"]
    return GaitCurves(at_reference, per_speed, modes, reference, (low, high), (share, slope))


def fourier_basis(phase: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch C"]:
    """1, cos and sin of each harmonic of a phase in cycles."""
    turns = 2 * np.pi * np.multiply.outer(phase, np.arange(1, NUM_HARMONICS + 1))
    waves = np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    waves = waves.reshape(*np.shape(phase), 2 * NUM_HARMONICS)
    return np.concatenate([np.ones((*np.shape(phase), 1)), waves], axis=-1)


def gait_angles(
    style: GaitStyle,
    relative_speed: float,
    phase: Float[np.ndarray, "T"],
    adduction_rad: float = 0.0,
) -> dict[str, Float[np.ndarray, "T"]]:
    """Joint angles (see `posture.py`) of a style at phases in cycles since a left heel strike.

    `adduction_rad` is added to both hips: it sets the step width.
    """
    curves, character = load_gait_curves(), np.asarray(style.character)
    basis = {"L": fourier_basis(phase), "R": fourier_basis(phase + 0.5)}
    angles = {
        name: basis["L"] @ curves.coefficients(name, relative_speed, character)
        for name in CENTRAL_ANGLES
    }
    for side, sign in SIDES:
        swing, spared = 1 + sign * style.asymmetry, max(0.0, sign * style.limp)
        factors = {
            "hip_flexion": style.stride_factor * swing * (1 - 0.3 * spared),
            "knee_flexion": style.knee_lift * swing * (1 - 0.6 * spared),
            "shoulder_flexion": style.arm_swing * swing,
            "elbow_flexion": 0.5 + 0.5 * style.arm_swing * swing,
        }
        for name in SIDE_ANGLES:
            coefficients = curves.coefficients(name, relative_speed, character)
            coefficients[1:] *= factors.get(name, 1.0)
            angles[f"{name}.{side}"] = basis[side] @ coefficients
        angles[f"hip_adduction.{side}"] += adduction_rad
        angles[f"foot_progression.{side}"] += style.toe_out_rad
        angles[f"shoulder_abduction.{side}"] += style.arm_abduction_rad
        elbow, knee = angles[f"elbow_flexion.{side}"], angles[f"knee_flexion.{side}"]
        angles[f"elbow_flexion.{side}"] = _not_below(elbow + style.elbow_rad, np.radians(5))
        bump = _swing_bump(phase + (0.0 if side == "L" else 0.5), relative_speed)
        raised = style.knee_raise_rad * swing * bump
        angles[f"hip_flexion.{side}"] += raised
        knee = _not_below(knee, np.radians(2)) + 1.2 * raised
        angles[f"knee_flexion.{side}"] = np.minimum(knee, MOST_KNEE_RAD)
        hold_arm(angles, side, style.arms[0 if side == "L" else 1])
    angles = straightened(angles, style.straightness)
    over_left = np.sin(2 * np.pi * (phase - 0.05))
    spared = style.limp * np.maximum(0, np.sign(style.limp) * over_left)
    angles["trunk_list"] += style.trunk_list_rad + style.sway_rad * over_left
    angles["trunk_list"] += LIMPING_LEAN_RAD * spared
    angles["trunk_rotation"] += style.trunk_turn_rad
    angles["trunk_tilt"] += style.trunk_lean_rad + style.stoop_rad
    angles["head_tilt"] += style.head_pitch_rad + 0.5 * style.stoop_rad
    return angles


def straightened(
    angles: Mapping[str, Float[np.ndarray, "T"]], straightness: float
) -> dict[str, Float[np.ndarray, "T"]]:
    """The angles with knees that are less bent, half from the thigh and half from the shank; most
    so those that are bent by 25 degrees: by 12 at a straightness of 1.

    CMU's skeletons, and the curves that were fitted to them, bend the carrying knee by 19 degrees
    on average and hardly ever have it straight; gait analysis finds about 13 and 3 (Perry, 1992:
    Gait Analysis).
    """
    if not straightness:
        return dict(angles)
    straight = dict(angles)
    for side, _ in SIDES:
        knee = angles[f"knee_flexion.{side}"]
        bend = np.maximum(knee, 0) / MOST_STRAIGHTENED_RAD
        taken_off = straightness * STRAIGHTENED_BY_RAD * bend**2 * np.exp(2 - 2 * bend)
        straight[f"knee_flexion.{side}"] = knee - taken_off
        straight[f"hip_flexion.{side}"] = angles[f"hip_flexion.{side}"] - 0.5 * taken_off
    return straight


def _swing_bump(phase: np.ndarray, relative_speed: float) -> np.ndarray:
    """1 in the middle of a foot's swing, 0 while it stands."""
    stance = stance_share(relative_speed)
    return np.sin(np.pi * np.clip((phase % 1 - stance) / (1 - stance), 0, 1)) ** 2


def _not_below(angle: np.ndarray, least: float) -> np.ndarray:
    """The angle where it is well above the least one, bending smoothly to it below."""
    softness = np.radians(2)
    return least + softness * np.logaddexp(0, (angle - least) / softness)


def stance_share(relative_speed: float) -> float:
    """Share of the cycle that a foot stands on the floor."""
    curves = load_gait_curves()
    share, slope = curves.stance_share
    return share + slope * (float(np.clip(relative_speed, *curves.speed_range)) - curves.reference)
