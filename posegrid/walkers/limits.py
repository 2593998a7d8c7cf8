"""How far joints go, and small random deviations that stay inside: nobody repeats a motion exactly.

Limits are a little inside the ranges of healthy adults (American Academy of Orthopaedic Surgeons,
Joint Motion, 1965).
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from posegrid.walkers.arms import ARM_ANGLES, LEAST_DEG, MOST_DEG
from posegrid.walkers.posture import SIDES, Angles

Edit = Callable[[Angles], Angles]
"""What is done to a motion's angles before the body takes them."""

SIDE_LIMITS_DEG = {
    "hip_flexion": (-38.0, 122.0),
    "hip_adduction": (-48.0, 28.0),
    "hip_rotation": (-40.0, 45.0),
    "knee_flexion": (0.0, 140.0),
    **{name: (low, high) for name, low, high in zip(ARM_ANGLES, LEAST_DEG, MOST_DEG, strict=True)},
}
"""(least, most) of the side angles of `posture.py`; feet are left to the floor."""
BEND_LIMITS_DEG = {"tilt": (-35.0, 65.0), "list": (-38.0, 38.0), "rotation": (-45.0, 45.0)}
"""Of the trunk against the pelvis."""
NECK_LIMITS_DEG = {"tilt": (-55.0, 45.0), "list": (-38.0, 38.0), "rotation": (-72.0, 72.0)}
"""Of the head against the trunk."""
JITTER_DEG = {
    "pelvis": 1.5,
    "trunk": 2.5,
    "head": 4.0,
    "shoulder": 5.0,
    "elbow": 5.0,
    "hip": 1.5,
    "knee": 1.5,
}
"""Standard deviation of the deviations by the part of the body that an angle's name begins with."""


def unedited(angles: Angles) -> Angles:
    """The angles themselves."""
    return angles


def limited(angles: Angles) -> dict[str, Float[np.ndarray, "T"]]:
    """The angles inside the joints' limits; the trunk keeps to the pelvis, the head to the
    trunk.
    """
    kept = dict(angles)
    for joint, (low, high) in SIDE_LIMITS_DEG.items():
        for side, _ in SIDES:
            kept[f"{joint}.{side}"] = np.clip(
                angles[f"{joint}.{side}"], np.radians(low), np.radians(high)
            )
    for upper, lower, limits in (
        ("trunk", "pelvis", BEND_LIMITS_DEG),
        ("head", "trunk", NECK_LIMITS_DEG),
    ):
        for kind, (low, high) in limits.items():
            bend = angles[f"{upper}_{kind}"] - kept[f"{lower}_{kind}"]
            kept[f"{upper}_{kind}"] = kept[f"{lower}_{kind}"] + np.clip(
                bend, np.radians(low), np.radians(high)
            )
    return kept


def jittered(
    angles: Angles, fps: float, rng: np.random.Generator, size: float = 1.0
) -> dict[str, np.ndarray]:
    """The angles with slow random deviations, half of them lasting: `JITTER_DEG` times `size` on
    average.
    """
    time_s = np.arange(len(angles["trunk_tilt"])) / fps
    deviating = {}
    for name, angle in angles.items():
        spread = np.radians(JITTER_DEG.get(name.split("_")[0], 0.0)) * size
        waves = sum(
            np.sin(2 * np.pi * (time_s / rng.uniform(0.8, 6.0) + rng.uniform())) for _ in range(3)
        )
        deviating[name] = angle + spread * np.sqrt(0.5) * (rng.normal() + np.sqrt(2 / 3) * waves)
    return deviating
