"""How people walk: what makes one gait differ from another, and random styles, usual and unusual
ones.
"""

from dataclasses import dataclass, replace

import numpy as np

from posegrid.walkers.arms import HeldArm, sample_arms

NUM_MODES = 8
"""Personal deviations of the gait curves (`gait.py`)."""


@dataclass(frozen=True)
class GaitStyle:
    """How a person walks. The defaults are the mean walker."""

    speed_mm_s: float = 1250.0
    """Walking speed along the path."""
    character: tuple[float, ...] = (0.0,) * NUM_MODES
    """Personal deviations of the joint angles as seen between real walkers, in standard
    deviations.
    """
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
    """Extra lift of the thigh in the middle of the swing, as in marching; the knee bends as much
    more.
    """
    trunk_list_rad: float = 0.0
    """Extra lean of the trunk to the left."""
    trunk_turn_rad: float = 0.0
    """Extra turn of the trunk to the left."""
    sway_rad: float = 0.0
    """Lean of the trunk over whichever leg carries, as in waddling."""
    limp: float = 0.0
    """0 to 1: the left leg is spared, -1 to 0: the right one; its knee stays stiff, its steps short
    and quick.
    """
    arms: tuple[HeldArm | None, HeldArm | None] = (None, None)
    """The left and the right arm where they are held instead of swung."""


def sample_style(rng: np.random.Generator) -> GaitStyle:
    """A random plausible style: speeds 0.8 to 1.7 m/s, personal deviations within two standard
    deviations.
    """
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
    """A style off the usual: arms held somehow or swung far, high or stiff knees, limps, tracks of
    any width, leans.
    """
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
