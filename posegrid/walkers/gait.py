"""Made-up walks: joint angles over the gait cycle as functions of speed and personal style, along a
path.

The curves (`gait_curves.json`, fitted by `scripts/fit_gait_curves.py` to 53 walks of 10 people)
give the angles. The standing foot pushes the body forward, so that stride length and cadence follow
from the angles and the body.

The data used in this project was obtained from mocap.cs.cmu.edu. The database was created with
funding from NSF EIA-0196217.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from jaxtyping import Float

from posegrid.walkers.arms import hold_arm
from posegrid.walkers.body.mesh import BONE_INDEX, Body, forward_kinematics
from posegrid.walkers.footing import GRAVITY_MM_S2, HipWay, leg_lengths_mm, sole_of, walked_along
from posegrid.walkers.gait_loop import GaitLoop
from posegrid.walkers.limits import Edit, unedited
from posegrid.walkers.motion import Motion, WalkingPath
from posegrid.walkers.posture import CENTRAL_ANGLES, SIDE_ANGLES, SIDES, limb_frames, skin_rotations
from posegrid.walkers.styles import GaitStyle

NUM_HARMONICS = 6
MOST_KNEE_RAD = np.radians(140.0)
"""Healthy knees bend by 135 to 140 degrees."""
LIMPING_LEAN_RAD = np.radians(12.0)
"""How far the trunk leans over a leg that is spared altogether."""
LIMPING_HASTE = 0.25
"""How much quicker than on average the gait gets on while such a leg stands."""
CYCLE_STEPS = 200
"""Points of the gait cycle at which the push of the standing foot is integrated."""


@dataclass(frozen=True, eq=False)
class GaitCurves:
    """The fitted curves: per angle the constant, then cosine and sine of each harmonic
    (radians).
    """

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
        return (
            self.at_reference[name]
            + faster * self.per_relative_speed[name]
            + character @ self.modes[name]
        )


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
    return GaitCurves(
        at_reference,
        per_speed,
        modes,
        document["reference_relative_speed"],
        (low, high),
        (share, slope),
    )


def fourier_basis(phase: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch C"]:
    """1, cos and sin of each harmonic of a phase in cycles."""
    turns = 2 * np.pi * np.multiply.outer(phase, np.arange(1, NUM_HARMONICS + 1))
    waves = np.stack([np.cos(turns), np.sin(turns)], axis=-1).reshape(
        *np.shape(phase), 2 * NUM_HARMONICS
    )
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
    basis = {"": fourier_basis(phase), "L": fourier_basis(phase), "R": fourier_basis(phase + 0.5)}
    angles = {
        name: basis[""] @ curves.coefficients(name, relative_speed, character)
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
        angles[f"elbow_flexion.{side}"] = _not_below(
            angles[f"elbow_flexion.{side}"] + style.elbow_rad, np.radians(5)
        )
        angles[f"knee_flexion.{side}"] = _not_below(angles[f"knee_flexion.{side}"], np.radians(2))
        raised = (
            style.knee_raise_rad
            * swing
            * _swing_bump(phase + (0.0 if side == "L" else 0.5), relative_speed)
        )
        angles[f"hip_flexion.{side}"] += raised
        angles[f"knee_flexion.{side}"] = np.minimum(
            angles[f"knee_flexion.{side}"] + 1.2 * raised, MOST_KNEE_RAD
        )
        hold_arm(angles, side, style.arms[0 if side == "L" else 1])
    over_left = np.sin(2 * np.pi * (phase - 0.05))
    angles["trunk_list"] += style.trunk_list_rad + style.sway_rad * over_left
    angles["trunk_list"] += (
        LIMPING_LEAN_RAD * style.limp * np.maximum(0, np.sign(style.limp) * over_left)
    )
    angles["trunk_rotation"] += style.trunk_turn_rad
    angles["trunk_tilt"] += style.trunk_lean_rad + style.stoop_rad
    angles["head_tilt"] += style.head_pitch_rad + 0.5 * style.stoop_rad
    return angles


def _swing_bump(phase: np.ndarray, relative_speed: float) -> np.ndarray:
    """1 in the middle of a foot's swing, 0 while it stands."""
    stance = stance_share(relative_speed)
    return np.sin(np.pi * np.clip((phase % 1 - stance) / (1 - stance), 0, 1)) ** 2


def _not_below(angle: np.ndarray, least: float) -> np.ndarray:
    """The angle where it is well above the least one, bending smoothly to it below."""
    softness = np.radians(2)
    return least + softness * np.logaddexp(0, (angle - least) / softness)


@dataclass(frozen=True, eq=False)
class HipCycle:
    """What the standing foot makes of one gait cycle: how the hips move over it (`CYCLE_STEPS`
    points, mm).
    """

    stride_mm: float
    ahead_mm: Float[np.ndarray, "N"]
    """Forwards of an even pace."""
    left_mm: Float[np.ndarray, "N"]
    height_mm: Float[np.ndarray, "N"]
    step_width_mm: float


def hip_cycle(
    body: Body, style: GaitStyle, relative_speed: float, adduction_rad: float
) -> HipCycle:
    """The path of the hips over one cycle: the footprint of the standing foot stays put, so the
    hips move against it.

    Which foot carries is decided by the phase, not by which is lower: a swinging foot clears the
    floor by little.
    """
    phase = np.arange(CYCLE_STEPS) / CYCLE_STEPS
    angles = gait_angles(style, relative_speed, phase, adduction_rad)
    rotations = skin_rotations(body, limb_frames(angles))
    positions = forward_kinematics(body, rotations, np.zeros((CYCLE_STEPS, 3)))
    handover = 2 * (stance_share(relative_speed) - 0.5)
    left_carries = _step(phase / handover) * (1 - _step((phase - 0.5) / handover))
    velocity, height, lines = np.zeros((CYCLE_STEPS, 2)), np.zeros(CYCLE_STEPS), []
    for (side, sign), carries in zip(SIDES, (left_carries, 1 - left_carries), strict=True):
        travel, up = sole_of(body, side).standing_ankle_mm(angles[f"foot_pitch.{side}"])
        turn = sign * angles[f"foot_progression.{side}"]
        ankle = positions[:, BONE_INDEX[f"foot.{side}"]]
        footprint = ankle[:, :2] - travel[:, None] * np.stack([np.sin(turn), -np.cos(turn)], axis=1)
        velocity -= carries[:, None] * _derivative(footprint)
        height += carries * (up - ankle[:, 2])
        lines.append((sign, carries, footprint[:, 0]))
    left = _integral(velocity[:, 0], harmonics=3)
    return HipCycle(
        stride_mm=-float(velocity[:, 1].mean()),
        ahead_mm=_integral(-velocity[:, 1], harmonics=4),
        left_mm=left,
        height_mm=_low_passed(height, harmonics=4),
        step_width_mm=float(
            sum(sign * np.average(left + x, weights=carries) for sign, carries, x in lines)
        ),
    )


def stance_share(relative_speed: float) -> float:
    """Share of the cycle that a foot stands on the floor."""
    curves = load_gait_curves()
    share, slope = curves.stance_share
    return share + slope * (float(np.clip(relative_speed, *curves.speed_range)) - curves.reference)


def _step(share: np.ndarray) -> np.ndarray:
    """Smooth step from 0 to 1 over shares 0 to 1."""
    clipped = np.clip(share, 0, 1)
    return clipped * clipped * (3 - 2 * clipped)


def _derivative(periodic: Float[np.ndarray, "N d"]) -> Float[np.ndarray, "N d"]:
    """Per cycle."""
    return (np.roll(periodic, -1, axis=0) - np.roll(periodic, 1, axis=0)) * (len(periodic) / 2)


def _integral(velocity_per_cycle: Float[np.ndarray, "N"], harmonics: int) -> Float[np.ndarray, "N"]:
    """The periodic part of the way, mean zero."""
    way = np.cumsum(velocity_per_cycle - velocity_per_cycle.mean()) / len(velocity_per_cycle)
    return _low_passed(way - way.mean(), harmonics)


def _low_passed(periodic: Float[np.ndarray, "N"], harmonics: int) -> Float[np.ndarray, "N"]:
    spectrum = np.fft.rfft(periodic)
    spectrum[harmonics + 1 :] = 0
    return np.fft.irfft(spectrum, len(periodic))


def walk(
    body: Body,
    style: GaitStyle,
    path: WalkingPath,
    num_frames: int,
    fps: float,
    rng: np.random.Generator,
    edited: Edit = unedited,
) -> Motion:
    """A walk along a path for a number of frames, starting somewhere on the path and in the cycle.

    Speed along the path is the style's; stride and cadence follow from the angles and the body's
    legs.
    """
    relative_speed, adduction, cycle = _stepped(body, style)
    time_s = np.arange(num_frames) / fps
    rate_hz = style.speed_mm_s / cycle.stride_mm
    phase = rng.uniform() + rate_hz * time_s + 0.01 * style.unsteadiness * _wandering(time_s, rng)
    phase = phase + LIMPING_HASTE * style.limp / (2 * np.pi) * np.sin(2 * np.pi * (phase - 0.3))
    distance = rng.uniform(0, path.length_mm if path.closed else 1e-9) + cycle.stride_mm * (
        phase - phase[0]
    )
    angles = gait_angles(style, relative_speed, phase, adduction)
    for name, size_deg in (("head_rotation", 4.0), ("head_tilt", 2.0), ("trunk_rotation", 1.0)):
        angles[name] = angles[name] + np.radians(size_deg) * style.unsteadiness * _wandering(
            time_s, rng
        )
    ahead, left, height = (
        _over_cycle(values, phase) for values in (cycle.ahead_mm, cycle.left_mm, cycle.height_mm)
    )
    contacts = np.stack([phase % 1, (phase + 0.5) % 1], axis=1) < stance_share(relative_speed)
    return walked_along(
        body, edited(angles), HipWay(distance, ahead, left, height), path, contacts, fps
    )


def _stepped(body: Body, style: GaitStyle) -> tuple[float, float, HipCycle]:
    """The style's relative speed, and the adduction of the hips that makes its step width, with the
    cycle they give.
    """
    relative_speed = style.speed_mm_s / np.sqrt(GRAVITY_MM_S2 * sum(leg_lengths_mm(body, "L")))
    adduction = 0.0
    for _ in range(3):
        cycle = hip_cycle(body, style, relative_speed, adduction)
        adduction += (cycle.step_width_mm - style.step_width_mm) / (
            2 * sum(leg_lengths_mm(body, "L"))
        )
    return relative_speed, adduction, hip_cycle(body, style, relative_speed, adduction)


def made_up_loop(body: Body, style: GaitStyle) -> GaitLoop:
    """One cycle of a style, every stride alike."""
    relative_speed, adduction, cycle = _stepped(body, style)
    phase = np.arange(CYCLE_STEPS) / CYCLE_STEPS
    return GaitLoop(
        cycles=1,
        cycle_s=cycle.stride_mm / style.speed_mm_s,
        stride_mm=cycle.stride_mm,
        angles=gait_angles(style, relative_speed, phase, adduction),
        hips=HipWay(np.zeros(CYCLE_STEPS), cycle.ahead_mm, cycle.left_mm, cycle.height_mm),
        contacts=np.stack([phase, (phase + 0.5) % 1], axis=1) < stance_share(relative_speed),
    )


def _over_cycle(
    values: Float[np.ndarray, "N"], phase: Float[np.ndarray, "T"]
) -> Float[np.ndarray, "T"]:
    """A periodic curve at phases in cycles."""
    return np.interp(
        phase % 1, np.arange(len(values) + 1) / len(values), np.append(values, values[0])
    )


def _wandering(time_s: Float[np.ndarray, "T"], rng: np.random.Generator) -> Float[np.ndarray, "T"]:
    """A slow random curve of about unit size: five waves of 3 to 20 seconds."""
    waves = [
        np.sin(2 * np.pi * time_s / rng.uniform(3, 20) + rng.uniform(0, 2 * np.pi))
        for _ in range(5)
    ]
    return np.sum(waves, axis=0) * np.sqrt(2 / 5)
