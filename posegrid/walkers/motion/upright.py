"""Upright motions other than walking: people stand, lean, squat, balance, lunge, sit down and rise.

A motion goes from key posture to key posture, each held for a moment. The feet stay where they
stand; between postures a foot may be lifted and set down elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import correlate1d

from posegrid.body.rotations import rot_z, turned
from posegrid.walkers.body.mesh import BONE_INDEX, Body, forward_kinematics
from posegrid.walkers.motion.arms import hanging_arm, sample_arms, spread_arm
from posegrid.walkers.motion.foot_contact import posed_on_floor, sole_of
from posegrid.walkers.motion.posture import (
    ARM_ANGLES,
    CENTRAL_ANGLES,
    SIDE_ANGLES,
    SIDES,
    Angles,
    Edit,
    Motion,
    limb_frames,
    random_waves,
    skin_rotations,
    unedited,
)

KINDS = {
    "standing": 0.24,
    "leaning": 0.2,
    "balancing": 0.14,
    "tipping": 0.14,
    "squatting": 0.11,
    "lunging": 0.1,
    "sitting": 0.07,
}
"""Kinds of key postures and their shares."""
ANGLES = (*CENTRAL_ANGLES, *(f"{name}.{side}" for name in SIDE_ANGLES for side, _ in SIDES))
HOLD_S, MOVE_S = (0.1, 1.0), (0.35, 1.2)
"""How long postures are held, and how long it takes from one to the next."""
STEP_CHANCE = 0.6
"""How often the feet are set anew between two postures."""
QUICKEST_RAD_S = np.radians(280.0)
"""Of the joint that has the longest way from one posture to the next, on average over the way."""
TREMOR_DEG = 1.5


@dataclass(frozen=True)
class KeyPosture:
    """One posture: angles in radians by name (see `posture.py`), standing feet, shift of the hips."""

    angles: Mapping[str, float]
    stands: tuple[bool, bool]
    """The left and the right foot."""
    shift_mm: tuple[float, float]
    """Of the hips from between the feet: to the left, forwards."""


def move_upright(
    body: Body, num_frames: int, fps: float, rng: np.random.Generator, edited: Edit = unedited
) -> Motion:
    """A person who does this and that on the spot, facing anywhere, hips about the origin."""
    keys, times_s = _key_postures(num_frames / fps, rng)
    time_s = np.arange(num_frames) / fps
    angles = _between(keys, times_s, time_s, rng)
    contacts = _contacts(keys, times_s, time_s, angles, rng)
    angles = edited(angles)
    left, ahead = (_eased(way, times_s, time_s) for way in np.array([k.shift_mm for k in keys]).T)
    heading = np.full(num_frames, rng.uniform(0, 2 * np.pi))
    facing = rot_z(heading)
    root = np.stack([left, -ahead, _hip_height_mm(body, angles, contacts)], axis=1)
    return posed_on_floor(body, angles, turned(facing, root), facing, contacts, fps)


def _key_postures(
    length_s: float, rng: np.random.Generator
) -> tuple[list[KeyPosture], Float[np.ndarray, "K 2"]]:
    """Postures, and from when to when each is held; the last one outlasts the motion."""
    keys, times, now = [sample_posture(rng)], [], -rng.uniform(0, 1)
    while now < length_s:
        hold = rng.uniform(*HOLD_S)
        times.append((now, now + hold))
        keys.append(_following(keys[-1], rng))
        longest_way = max(abs(keys[-1].angles[name] - keys[-2].angles[name]) for name in ANGLES)
        now += hold + max(rng.uniform(*MOVE_S), longest_way / QUICKEST_RAD_S)
    times.append((now, now + 1.0))
    return keys, np.array(times)


def _following(key: KeyPosture, rng: np.random.Generator) -> KeyPosture:
    """A random posture that one can go on to: nobody leaps from one foot to the other."""
    while True:
        following = sample_posture(rng)
        if np.logical_and(key.stands, following.stands).any():
            return following


def sample_posture(rng: np.random.Generator) -> KeyPosture:
    """A random key posture of a random kind, mirrored half of the time by its own draws."""
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    degrees = dict.fromkeys(ANGLES, 0.0) | _trunk(kind, rng)
    stands, lateral_mm = (True, True), float(rng.normal(0, 20))
    for side, sign in SIDES:
        degrees |= _standing_leg(side, sign, kind, degrees, rng)
    if kind == "balancing":
        lifted = int(rng.integers(2))
        degrees |= _lifted_leg("LR"[lifted], rng)
        stands = (lifted != 0, lifted != 1)
        lateral_mm = 70.0 if stands[0] else -70.0
    if kind == "tipping":
        carrying = "L" if degrees["trunk_list"] > 0 else "R"
        degrees |= _counterweight("R" if carrying == "L" else "L", degrees, rng)
        stands = (carrying == "L", carrying == "R")
        lateral_mm = 70.0 if stands[0] else -70.0
    if kind == "lunging":
        degrees |= _lunge(rng)
    angles = {name: float(np.radians(value)) for name, value in degrees.items()} | _arms(kind, rng)
    ahead_mm = float(-2.2 * degrees["trunk_tilt"] + rng.normal(0, 15))
    return KeyPosture(angles, stands, (lateral_mm, ahead_mm))


def _trunk(kind: str, rng: np.random.Generator) -> dict[str, float]:
    """Pelvis, trunk and head, degrees."""
    tilt, listing = _lean(kind, rng)
    rotation = float(np.clip(rng.normal(0, 14), -40, 40))
    share = rng.uniform(0.6, 1.0) if kind == "tipping" else rng.uniform(0.35, 0.8)
    trunk = {"trunk_tilt": tilt, "trunk_list": listing, "trunk_rotation": rotation}
    pelvis = {
        "pelvis_tilt": share * tilt,
        "pelvis_list": (share if kind == "tipping" else 0.4) * listing,
        "pelvis_rotation": float(np.clip(0.3 * rotation, -12, 12)),
    }
    head = {
        "head_tilt": rng.uniform(0.2, 0.9) * tilt + rng.normal(4, 12),
        "head_list": rng.uniform(0.1, 1.0) * listing + rng.normal(0, 6),
        "head_rotation": rotation + float(np.clip(rng.normal(0, 22), -60, 60)),
    }
    return {name: float(value) for name, value in (trunk | pelvis | head).items()}


def _lean(kind: str, rng: np.random.Generator) -> tuple[float, float]:
    """How far the trunk leans forwards and to the left, degrees; leaning and tipping anywhere."""
    if kind in ("leaning", "tipping"):
        size, direction = rng.uniform(8, 50), rng.uniform(0, 2 * np.pi)
        tilt, listing = size * np.cos(direction), size * np.sin(direction)
        if kind == "leaning" and rng.random() < 0.35:
            tilt, listing = rng.uniform(10, 75), 0.5 * listing
        return float(np.clip(tilt, -25, 75)), float(listing)
    if kind in ("squatting", "sitting"):
        return float(rng.uniform(0, 45)), float(rng.normal(0, 4))
    tilt, listing = rng.normal(3, 7), rng.normal(0, 8 if kind == "balancing" else 3)
    return float(tilt), float(np.clip(listing, -38, 38))


def _counterweight(
    side: str, degrees: Mapping[str, float], rng: np.random.Generator
) -> dict[str, float]:
    """The lifted leg of who tips over the other one, degrees: about in line with the trunk."""
    tilt = degrees["trunk_tilt"]
    leg = {
        "hip_flexion": rng.uniform(-28, 15) if tilt > 0 else rng.uniform(0, 45),
        "hip_adduction": -rng.uniform(0, 32),
        "hip_rotation": rng.normal(5, 10),
        "knee_flexion": rng.uniform(3, 60) if rng.random() < 0.5 else rng.uniform(3, 15),
        "foot_pitch": rng.normal(-20 - 0.6 * max(0.0, tilt), 12),
    }
    return _of_side(leg, side)


def _of_side(angles: Mapping[str, float], side: str) -> dict[str, float]:
    return {f"{name}.{side}": float(value) for name, value in angles.items()}


def _standing_leg(
    side: str, sign: float, kind: str, degrees: Mapping[str, float], rng: np.random.Generator
) -> dict[str, float]:
    """A leg that stands, degrees: bent as the posture is low; of who tips over, upright as before."""
    low = {"squatting": rng.uniform(35, 105), "sitting": rng.uniform(80, 98)}
    bend = low.get(kind, abs(rng.normal(4, 6)))
    forward = rng.uniform(0.45, 0.6) * bend if kind != "sitting" else bend - rng.uniform(0, 8)
    upright = 0.85 if kind == "tipping" else 0.0
    apart = -9 if kind == "squatting" else -3
    leg = {
        "hip_flexion": forward + rng.normal(0, 2) + upright * degrees["pelvis_tilt"],
        "hip_adduction": rng.normal(apart, 4) - upright * sign * degrees["pelvis_list"],
        "hip_rotation": rng.normal(4, 5),
        "knee_flexion": max(2.0, bend),
        "foot_progression": rng.normal(9, 7),
    }
    return _of_side(leg, side)


def _lifted_leg(side: str, rng: np.random.Generator) -> dict[str, float]:
    """A leg in the air, degrees: before, behind or beside the body."""
    flexion = rng.uniform(-35, 100)
    knee = rng.uniform(5, 120) if flexion > -5 else rng.uniform(5, 90)
    leg = {
        "hip_flexion": flexion,
        "hip_adduction": -abs(rng.normal(4, 14)) if rng.random() < 0.8 else rng.uniform(0, 15),
        "hip_rotation": rng.normal(8, 14),
        "knee_flexion": knee,
        "foot_pitch": rng.normal(-25 + 0.5 * flexion - 0.6 * knee, 12),
    }
    return _of_side(leg, side)


def _lunge(rng: np.random.Generator) -> dict[str, float]:
    """Legs apart, forwards and backwards or sideways, degrees."""
    if rng.random() < 0.4:
        apart = rng.uniform(10, 28)
        return {f"hip_adduction.{side}": float(-apart + rng.normal(0, 2)) for side, _ in SIDES}
    front, back = ("L", "R") if rng.random() < 0.5 else ("R", "L")
    step = rng.uniform(15, 45)
    ahead = {"hip_flexion": step + 10, "knee_flexion": rng.uniform(5, 1.3 * step)}
    behind = {
        "hip_flexion": -0.6 * step,
        "knee_flexion": rng.uniform(5, 30),
        "foot_pitch": -rng.uniform(0, 0.8 * step),
    }
    return _of_side(ahead, front) | _of_side(behind, back)


def _arms(kind: str, rng: np.random.Generator) -> dict[str, float]:
    """Both arms' angles, radians: hanging or held somehow; spread out by most who balance."""
    if kind in ("balancing", "tipping") and rng.random() < 0.6:
        chosen = [spread_arm(rng), spread_arm(rng)]
    else:
        arms = sample_arms(rng) if rng.random() < 0.75 else (None, None)
        chosen = [arm or hanging_arm(rng) for arm in arms]
    return {
        f"{name}.{side}": value
        for (side, _), arm in zip(SIDES, chosen, strict=True)
        for name, value in zip(ARM_ANGLES, arm.angles_rad, strict=True)
    }


def _between(
    keys: list[KeyPosture],
    times_s: Float[np.ndarray, "K 2"],
    time_s: Float[np.ndarray, "T"],
    rng: np.random.Generator,
) -> dict[str, Float[np.ndarray, "T"]]:
    """All angles over time: eased from posture to posture, with a little tremor."""
    angles = {}
    for name in ANGLES:
        values = np.array([key.angles[name] for key in keys])
        angles[name] = _eased(values, times_s, time_s)
        waves = random_waves(time_s, (0.5, 3), 3, rng)
        if not name.startswith("foot"):
            angles[name] += np.radians(TREMOR_DEG) * rng.uniform(0, 0.6) * waves
    for side, _ in SIDES:
        angles[f"knee_flexion.{side}"] = np.maximum(angles[f"knee_flexion.{side}"], np.radians(2))
    return angles


def _eased(
    values: Float[np.ndarray, "K"],
    times_s: Float[np.ndarray, "K 2"],
    time_s: Float[np.ndarray, "T"],
) -> Float[np.ndarray, "T"]:
    """Held values with least-jerk moves between them (Flash & Hogan, 1985)."""
    index = np.clip(np.searchsorted(times_s[:, 0], time_s, side="right") - 1, 0, len(values) - 2)
    start, end = times_s[index, 1], times_s[index + 1, 0]
    share = np.clip((time_s - start) / (end - start), 0, 1)
    share = share**3 * (10 - 15 * share + 6 * share**2)
    return values[index] + share * (values[index + 1] - values[index])


def _contacts(
    keys: list[KeyPosture],
    times_s: Float[np.ndarray, "K 2"],
    time_s: Float[np.ndarray, "T"],
    angles: dict[str, Float[np.ndarray, "T"]],
    rng: np.random.Generator,
) -> Bool[np.ndarray, "T 2"]:
    """When each foot stands. One that is set anew is lifted in between (in place, in `angles`)."""
    contacts = np.ones((len(time_s), 2), bool)
    for index, (key, following) in enumerate(pairwise(keys)):
        start, end = times_s[index, 1], times_s[index + 1, 0]
        order = rng.permutation(2)
        for foot, (side, _) in enumerate(SIDES):
            both_stand = key.stands[foot] and following.stands[foot]
            if not both_stand:
                lift = times_s[index, 0] if not key.stands[foot] else start
                land = times_s[index + 1, 1] if not following.stands[foot] else end
                contacts[(time_s >= lift) & (time_s < land), foot] = False
            elif key.stands == following.stands == (True, True) and rng.random() < STEP_CHANCE:
                half = 0.5 * (end - start)
                share = np.clip((time_s - start - order[foot] * half) / half, 0, 1)
                contacts[(share > 0) & (share < 1), foot] = False
                rise = np.radians(rng.uniform(10, 30)) * np.sin(np.pi * share) ** 2
                angles[f"hip_flexion.{side}"] += rise
                angles[f"knee_flexion.{side}"] += 1.8 * rise
    return contacts


def _hip_height_mm(
    body: Body, angles: Angles, contacts: Bool[np.ndarray, "T 2"]
) -> Float[np.ndarray, "T"]:
    """How high the hips are for the standing legs to have their angles; smooth over steps."""
    frames = limb_frames(angles)
    positions = forward_kinematics(body, skin_rotations(body, frames), np.zeros((len(contacts), 3)))
    heights = []
    for foot, (side, _) in enumerate(SIDES):
        _, up = sole_of(body, side).standing_ankle_mm(angles[f"foot_pitch.{side}"])
        height = up - positions[:, BONE_INDEX[f"foot.{side}"], 2]
        heights.append(np.where(contacts[:, foot], height, np.nan))
    window = np.hanning(15) / np.hanning(15).sum()
    return correlate1d(np.nanmin(np.stack(heights), axis=0), window, mode="nearest")
