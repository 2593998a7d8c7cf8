"""Joint angles of a walker: their limits, the skin rotations of a body that has them, its motion.

The angles are the common language of made-up gaits and motion capture: a mapping from name to
radians, one value per frame. They describe a person who walks along -y (x to the left, z up); a
heading is put in front of them afterwards.

Central angles, against the direction of walking (R = rot_z(rotation) rot_x(tilt) rot_y(list)):
    pelvis_tilt, trunk_tilt, head_tilt               forwards positive
    pelvis_list, trunk_list, head_list               towards the left side positive
    pelvis_rotation, trunk_rotation, head_rotation   to the left positive
Side angles, names end in `.L` or `.R`, mirror images of each other:
    hip_flexion, hip_adduction, hip_rotation (outwards positive)    thigh against pelvis
    knee_flexion                                                    shank against thigh
    foot_pitch (toes up positive), foot_progression (toes out)      sole against floor and direction
                                                                    of walking
    shoulder_flexion, shoulder_abduction, shoulder_rotation (inwards positive)
                                                                    upper arm against trunk
    elbow_flexion                                                   forearm against upper arm

Limits of joints are a little inside the ranges of healthy adults (American Academy of Orthopaedic
Surgeons, Joint Motion, 1965).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import correlate1d, maximum_filter1d

from posegrid.body.rotations import rot_x, rot_y, rot_z, rotation_about, smallest_rotations
from posegrid.walkers.body.mesh import BONE_NAMES, BONE_PARENTS, Body, forward_kinematics

Angles = Mapping[str, Float[np.ndarray, "T"]]

SEGMENTS = ("pelvis", "trunk", "head")
CENTRAL_ANGLES = tuple(
    f"{segment}_{kind}" for segment in SEGMENTS for kind in ("tilt", "list", "rotation")
)
LEG_ANGLES = (
    *("hip_flexion", "hip_adduction", "hip_rotation"),
    *("knee_flexion", "foot_pitch", "foot_progression"),
)
ARM_ANGLES = ("shoulder_flexion", "shoulder_abduction", "shoulder_rotation", "elbow_flexion")
SIDE_ANGLES = (*LEG_ANGLES, *ARM_ANGLES)
SIDES = (("L", 1.0), ("R", -1.0))
"""(ending of the names, sign of x) of the two sides."""

CLAVICLE_DROP_RAD = np.radians(9.0)
"""How far the shoulder sinks from the rest pose, arms held out, to arms hanging."""
WRIST_TURN_RAD = np.radians(10.0)
"""How far a hanging hand is turned inwards from the forearm."""
FINGER_CURL_RAD = np.radians(18.0)
THUMB_CURL_RAD = np.radians(6.0)
DOWN = np.array([0.0, 0.0, -1.0])

Frames = dict[str, Float[np.ndarray, "T 3 3"]]


def limb_frames(angles: Angles) -> Frames:
    """Rotation of each part from the neutral pose (upright, limbs straight down), by bone name."""
    pelvis, trunk, head = (_upright(angles, segment, 0.0, segment) for segment in SEGMENTS)
    frames: Frames = {"root": pelvis, "spine01": trunk, "head": head}
    for bone, share in (("spine04", 0.25), ("spine03", 0.5), ("spine02", 0.75)):
        frames[bone] = _upright(angles, "pelvis", share, "trunk")
    for bone, share in (("neck01", 0.35), ("neck02", 0.7)):
        frames[bone] = _upright(angles, "trunk", share, "head")
    for side, sign in SIDES:
        frames |= _leg_frames(angles, pelvis, side, sign) | _arm_frames(angles, trunk, side, sign)
    return frames


def _upright(angles: Angles, first: str, share: float, second: str) -> np.ndarray:
    """Frame between two upright parts, mixed angle by angle: they are small."""
    rotation, tilt, listing = (
        angles[f"{first}_{kind}"] * (1 - share) + angles[f"{second}_{kind}"] * share
        for kind in ("rotation", "tilt", "list")
    )
    return rot_z(rotation) @ rot_x(tilt) @ rot_y(listing)


def _leg_frames(angles: Angles, pelvis: np.ndarray, side: str, sign: float) -> Frames:
    flexion, adduction, rotation, knee, pitch, progression = (
        angles[f"{name}.{side}"] for name in LEG_ANGLES
    )
    thigh = pelvis @ rot_x(-flexion) @ rot_y(sign * adduction) @ rot_z(sign * rotation)
    return {
        f"upperleg01.{side}": thigh,
        f"lowerleg01.{side}": thigh @ rot_x(knee),
        f"foot.{side}": rot_z(sign * progression) @ rot_x(-pitch),
    }


def _arm_frames(angles: Angles, trunk: np.ndarray, side: str, sign: float) -> Frames:
    flexion = angles[f"shoulder_flexion.{side}"]
    upper, forearm = arm_frames(angles, side, sign)
    upper, forearm = trunk @ upper, trunk @ forearm
    # the shoulder girdle follows the arm a little: 0.12 of the swing
    drop = np.full_like(flexion, sign * CLAVICLE_DROP_RAD)
    return {
        f"clavicle.{side}": trunk @ rot_y(drop) @ rot_z(-0.12 * sign * flexion),
        f"upperarm01.{side}": upper,
        f"lowerarm01.{side}": forearm,
        f"wrist.{side}": forearm @ rot_z(np.full_like(flexion, -sign * WRIST_TURN_RAD)),
    }


def arm_frames(
    angles: Angles, side: str, sign: float
) -> tuple[Float[np.ndarray, "T 3 3"], Float[np.ndarray, "T 3 3"]]:
    """Rotations of upper arm and forearm against the trunk."""
    flexion, abduction, rotation, elbow = (angles[f"{name}.{side}"] for name in ARM_ANGLES)
    upper = rot_x(-flexion) @ rot_y(-sign * abduction) @ rot_z(-sign * rotation)
    return upper, upper @ rot_x(-elbow)


def mirrored_angles(angles: Angles) -> dict[str, Float[np.ndarray, "T"]]:
    """Those of the mirror image: left and right exchanged, lists and rotations to the other side."""
    mirrored = {
        name: angles[name] * (1.0 if name.endswith("_tilt") else -1.0) for name in CENTRAL_ANGLES
    }
    for name in SIDE_ANGLES:
        mirrored |= {f"{name}.L": angles[f"{name}.R"], f"{name}.R": angles[f"{name}.L"]}
    return mirrored


def skin_rotations(body: Body, frames: Frames) -> Float[np.ndarray, "T B 3 3"]:
    """World rotation of the skin of each bone; bones without a frame follow their parent."""
    neutral = neutral_rotations(body)
    rotations = np.empty((len(frames["root"]), len(BONE_NAMES), 3, 3))
    for index, name in enumerate(BONE_NAMES):
        frame = frames[name] if name in frames else rotations[:, BONE_PARENTS[index]]
        rotations[:, index] = frame @ neutral.get(name, np.eye(3))
    return rotations


def neutral_rotations(body: Body) -> dict[str, np.ndarray]:
    """Rotation of each bone from rest pose to anatomical neutral (fingers: against their parent)."""
    neutral = {}
    for side, sign in SIDES:
        for bone, child in (
            ("upperleg01", "lowerleg01"),
            ("lowerleg01", "foot"),
            ("upperarm01", "lowerarm01"),
            ("lowerarm01", "wrist"),
        ):
            rest = body.head_of(f"{child}.{side}") - body.head_of(f"{bone}.{side}")
            neutral[f"{bone}.{side}"] = smallest_rotations(rest, DOWN)
        neutral[f"wrist.{side}"] = neutral[f"lowerarm01.{side}"]
        foot = body.head_of(f"toes.{side}") - body.head_of(f"foot.{side}")
        neutral[f"foot.{side}"] = rot_z(-np.arctan2(foot[0], -foot[1]))
        across_palm = sign * (body.head_of(f"finger5-1.{side}") - body.head_of(f"finger2-1.{side}"))
        for finger in range(1, 6):
            curl = rotation_about(across_palm, THUMB_CURL_RAD if finger == 1 else FINGER_CURL_RAD)
            neutral |= {f"finger{finger}-{phalanx}.{side}": curl for phalanx in (1, 2, 3)}
    return neutral


@dataclass(frozen=True, eq=False)
class Motion:
    """How a body moves: what kinematics and skinning need for each frame. World frame, z up, mm."""

    rotations: Float[np.ndarray, "T B 3 3"]
    """World rotation of the skin of each bone of `BONE_NAMES`, from the rest pose."""
    root_mm: Float[np.ndarray, "T 3"]
    """The hip centre: midpoint of the two upper legs' heads."""
    contacts: Bool[np.ndarray, "T 2"]
    """Whether the left and the right foot stand on the floor, wholly or by heel or ball."""
    fps: float

    @property
    def num_frames(self) -> int:
        return len(self.root_mm)

    def bone_positions(self, body: Body) -> Float[np.ndarray, "T B 3"]:
        """Where each bone starts, world frame, mm."""
        return forward_kinematics(body, self.rotations, self.root_mm)

    def backwards(self) -> "Motion":
        """The same in reverse: a walk becomes a walk backwards."""
        rotations, root_mm = self.rotations[::-1].copy(), self.root_mm[::-1].copy()
        return Motion(rotations, root_mm, self.contacts[::-1].copy(), self.fps)

    def shifted(self, offset_mm: Float[np.ndarray, "3"]) -> "Motion":
        """The same motion elsewhere (for example raised by the thickness of a shoe's sole)."""
        return Motion(self.rotations, self.root_mm + offset_mm, self.contacts, self.fps)


LEAST_DEG = (-50.0, -15.0, -75.0, 4.0)
MOST_DEG = (170.0, 150.0, 85.0, 145.0)
"""Limits of the arm's joints, in the order of `ARM_ANGLES`."""
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
JITTER_DEG = dict(pelvis=1.5, trunk=2.5, head=4.0, shoulder=5.0, elbow=5.0, hip=1.5, knee=1.5)
"""Standard deviation of the deviations by the part of the body that an angle's name begins with."""


def unedited(angles: Angles) -> Angles:
    """The angles themselves."""
    return angles


def limited(angles: Angles) -> dict[str, Float[np.ndarray, "T"]]:
    """The angles inside their limits; the trunk keeps to the pelvis, the head to the trunk."""
    kept = dict(angles)
    for joint, limits_deg in SIDE_LIMITS_DEG.items():
        for name in (f"{joint}.L", f"{joint}.R"):
            kept[name] = np.clip(angles[name], *np.radians(limits_deg))
    pairs = (("trunk", "pelvis", BEND_LIMITS_DEG), ("head", "trunk", NECK_LIMITS_DEG))
    for upper, lower, limits in pairs:
        for kind, limits_deg in limits.items():
            below = kept[f"{lower}_{kind}"]
            bend = np.clip(angles[f"{upper}_{kind}"] - below, *np.radians(limits_deg))
            kept[f"{upper}_{kind}"] = below + bend
    return kept


def jittered(
    angles: Angles, fps: float, rng: np.random.Generator, size: float = 1.0
) -> dict[str, np.ndarray]:
    """The angles with slow random deviations, half of them lasting: on average `size` JITTER_DEG."""
    time_s = np.arange(len(angles["trunk_tilt"])) / fps
    deviating = {}
    for name, angle in angles.items():
        spread = np.radians(JITTER_DEG.get(name.split("_")[0], 0.0)) * size
        waves = random_waves(time_s, (0.8, 6.0), 3, rng)
        deviating[name] = angle + spread * np.sqrt(0.5) * (rng.normal() + np.sqrt(2 / 3) * waves)
    return deviating


def random_waves(
    time_s: Float[np.ndarray, "T"],
    period_s: tuple[float, float],
    count: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, "T"]:
    """The sum of sine waves of size 1, periods and phases random."""
    turns = [time_s / rng.uniform(*period_s) + rng.uniform() for _ in range(count)]
    return np.sum(np.sin(2 * np.pi * np.array(turns)), axis=0)


def smoothstep(
    x: Float[np.ndarray, "*n"], low: float = 0.0, high: float = 1.0
) -> Float[np.ndarray, "*n"]:
    """0 below low, 1 above high, smooth between and level at both; high may be the smaller one."""
    share = np.clip((x - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def smooth_cover(values: Float[np.ndarray, "T"], reach: int) -> Float[np.ndarray, "T"]:
    """A smooth curve nowhere below the values: running maximum, then a bell-shaped mean as wide."""
    window = np.hanning(2 * reach + 3)[1:-1]
    highest = maximum_filter1d(values, 2 * reach + 1, mode="nearest")
    return correlate1d(highest, window / window.sum(), mode="nearest")
