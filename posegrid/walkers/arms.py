"""What people do with their arms besides swinging them: postures of one arm or both, drawn at
random.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

ARM_ANGLES = ("shoulder_flexion", "shoulder_abduction", "shoulder_rotation", "elbow_flexion")
LEAST_DEG = (-50.0, -15.0, -75.0, 4.0)
MOST_DEG = (170.0, 150.0, 85.0, 145.0)
"""Joint limits in the order of `ARM_ANGLES`, a little inside those of healthy adults (AAOS,
1965).
"""


@dataclass(frozen=True)
class HeldArm:
    """One arm held in a posture, angles as in `posture.py`."""

    angles_rad: tuple[float, float, float, float]
    """In the order of `ARM_ANGLES`."""
    sway: float = 0.15
    """How much of a walker's arm swing is left."""


@dataclass(frozen=True)
class _Posture:
    """A posture's angles in degrees, how far they spread, and whether both arms take it."""

    share: float
    mean_deg: tuple[float, float, float, float]
    spread_deg: tuple[float, float, float, float]
    both: float
    """Chance that the other arm does the same; else it hangs."""


POSTURES = {
    "crossed": _Posture(0.10, (32, 4, 62, 102), (5, 4, 8, 8), 1.0),
    "in pockets": _Posture(0.12, (-12, 17, 18, 42), (6, 5, 8, 10), 0.7),
    "on the hips": _Posture(0.08, (-18, 42, 52, 95), (8, 8, 10, 12), 0.8),
    "behind the back": _Posture(0.06, (-30, 14, 75, 70), (6, 6, 8, 14), 0.9),
    "carrying": _Posture(0.10, (18, 6, 15, 88), (14, 6, 14, 14), 0.8),
    "at the ear": _Posture(0.08, (60, 44, 2, 138), (9, 9, 9, 5), 0.0),
    "waving": _Posture(0.05, (30, 78, -62, 88), (20, 18, 18, 22), 0.1),
    "spread": _Posture(0.13, (5, 78, 0, 12), (15, 22, 20, 12), 0.8),
    "forwards": _Posture(0.08, (78, 4, 10, 22), (18, 12, 20, 20), 0.6),
    "overhead": _Posture(0.06, (152, 16, 0, 22), (14, 12, 20, 22), 0.6),
    "any": _Posture(0.14, (45, 40, 5, 60), (45, 40, 45, 45), 0.5),
}
"""How arms are held, and how often."""


def sample_arms(rng: np.random.Generator) -> tuple[HeldArm | None, HeldArm | None]:
    """The left and the right arm held in a random posture; None for one that hangs or swings."""
    names = list(POSTURES)
    posture = POSTURES[str(rng.choice(names, p=[POSTURES[name].share for name in names]))]
    arms: list[HeldArm | None] = [_held(posture, rng), None]
    if rng.random() < posture.both:
        arms[1] = _held(posture, rng)
    return (arms[0], arms[1]) if rng.random() < 0.5 else (arms[1], arms[0])


def hanging_arm(rng: np.random.Generator) -> HeldArm:
    """An arm at the side of a person who stands."""
    return HeldArm(_within(rng.normal((2, 8, 5, 14), (9, 5, 10, 9))))


def spread_arm(rng: np.random.Generator) -> HeldArm:
    """An arm of a person who keeps the balance: out to the side, up or down, straight or bent over
    the head.
    """
    elbow = rng.uniform(4, 30) if rng.random() < 0.6 else rng.uniform(30, 125)
    return HeldArm(
        _within(np.array([rng.normal(10, 22), rng.uniform(25, 140), rng.normal(-5, 30), elbow]))
    )


def hold_arm(angles: dict[str, Float[np.ndarray, "T"]], side: str, arm: HeldArm | None) -> None:
    """Put a held arm's angles (in place) in those of the swinging one, of which a little sway is
    left.
    """
    if arm is None:
        return
    for name, held in zip(ARM_ANGLES, arm.angles_rad, strict=True):
        swung = angles[f"{name}.{side}"]
        angles[f"{name}.{side}"] = held + arm.sway * (swung - swung.mean())


def _held(posture: _Posture, rng: np.random.Generator) -> HeldArm:
    return HeldArm(
        _within(rng.normal(posture.mean_deg, posture.spread_deg)), float(rng.uniform(0.0, 0.3))
    )


def _within(angles_deg: np.ndarray) -> tuple[float, float, float, float]:
    """The angles inside the joints' limits, in radians."""
    flexion, abduction, rotation, elbow = np.radians(np.clip(angles_deg, LEAST_DEG, MOST_DEG))
    return float(flexion), float(abduction), float(rotation), float(elbow)
