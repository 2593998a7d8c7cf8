"""Joint angles of a walker, and the skin rotations of a body that has them.

The angles are the common language of made-up gaits and motion capture: a mapping from name to
radians, one value per frame. They describe a person who walks along -y (x to the left, z up); a
heading is put in front of them afterwards.

Central angles, against the direction of walking (R = rot_z(rotation) rot_x(tilt) rot_y(list)):
    pelvis_tilt, trunk_tilt, head_tilt            forwards positive
    pelvis_list, trunk_list, head_list            towards the left side positive
    pelvis_rotation, trunk_rotation, head_rotation   to the left positive
Side angles, names end in `.L` or `.R`, mirror images of each other:
    hip_flexion, hip_adduction, hip_rotation (outwards positive)    thigh against pelvis
    knee_flexion                                                    shank against thigh
    foot_pitch (toes up positive), foot_progression (toes out)      sole against floor and direction
    of walking shoulder_flexion, shoulder_abduction, shoulder_rotation (inwards positive)   upper
    arm against trunk
    elbow_flexion                                                   forearm against upper arm
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from posegrid.body.rotations import rot_x, rot_y, rot_z, rotation_about, smallest_rotations
from posegrid.walkers.body.mesh import BONE_NAMES, BONE_PARENTS, Body

Angles = Mapping[str, Float[np.ndarray, "T"]]

SEGMENTS = ("pelvis", "trunk", "head")
CENTRAL_ANGLES = tuple(
    f"{segment}_{kind}" for segment in SEGMENTS for kind in ("tilt", "list", "rotation")
)
SIDE_ANGLES = (
    *(
        "hip_flexion",
        "hip_adduction",
        "hip_rotation",
        "knee_flexion",
        "foot_pitch",
        "foot_progression",
    ),
    *("shoulder_flexion", "shoulder_abduction", "shoulder_rotation", "elbow_flexion"),
)
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
    """Rotation of each part of the body from the neutral pose (upright, limbs straight down), by
    bone name.
    """
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
    """Frame between two upright parts: their angles are small, so mixing them angle by angle is as
    good as any.
    """
    rotation, tilt, listing = (
        angles[f"{first}_{kind}"] * (1 - share) + angles[f"{second}_{kind}"] * share
        for kind in ("rotation", "tilt", "list")
    )
    return rot_z(rotation) @ rot_x(tilt) @ rot_y(listing)


def _leg_frames(angles: Angles, pelvis: np.ndarray, side: str, sign: float) -> Frames:
    flexion, adduction, rotation, knee, pitch, progression = (
        angles[f"{name}.{side}"]
        for name in (
            "hip_flexion",
            "hip_adduction",
            "hip_rotation",
            "knee_flexion",
            "foot_pitch",
            "foot_progression",
        )
    )
    thigh = pelvis @ rot_x(-flexion) @ rot_y(sign * adduction) @ rot_z(sign * rotation)
    return {
        f"upperleg01.{side}": thigh,
        f"lowerleg01.{side}": thigh @ rot_x(knee),
        f"foot.{side}": rot_z(sign * progression) @ rot_x(-pitch),
    }


def _arm_frames(angles: Angles, trunk: np.ndarray, side: str, sign: float) -> Frames:
    flexion, abduction, rotation, elbow = (
        angles[f"{name}.{side}"]
        for name in ("shoulder_flexion", "shoulder_abduction", "shoulder_rotation", "elbow_flexion")
    )
    upper = trunk @ rot_x(-flexion) @ rot_y(-sign * abduction) @ rot_z(-sign * rotation)
    forearm = upper @ rot_x(-elbow)
    # the shoulder girdle follows the arm a little: 0.12 of the swing
    drop = np.full_like(flexion, sign * CLAVICLE_DROP_RAD)
    return {
        f"clavicle.{side}": trunk @ rot_y(drop) @ rot_z(-0.12 * sign * flexion),
        f"upperarm01.{side}": upper,
        f"lowerarm01.{side}": forearm,
        f"wrist.{side}": forearm @ rot_z(np.full_like(flexion, -sign * WRIST_TURN_RAD)),
    }


def mirrored_angles(angles: Angles) -> dict[str, Float[np.ndarray, "T"]]:
    """The angles of the mirror image: left and right exchanged, lists and rotations to the other
    side.
    """
    mirrored = {
        name: angles[name] * (1.0 if name.endswith("_tilt") else -1.0) for name in CENTRAL_ANGLES
    }
    for name in SIDE_ANGLES:
        mirrored |= {f"{name}.L": angles[f"{name}.R"], f"{name}.R": angles[f"{name}.L"]}
    return mirrored


def skin_rotations(body: Body, frames: Frames) -> Float[np.ndarray, "T B 3 3"]:
    """World rotation of the skin of each controlled bone for limb frames; bones without a frame
    follow their parent.
    """
    neutral = neutral_rotations(body)
    rotations = np.empty((len(frames["root"]), len(BONE_NAMES), 3, 3))
    for index, name in enumerate(BONE_NAMES):
        if name in frames:
            rotations[:, index] = frames[name] @ neutral.get(name, np.eye(3))
        else:
            rotations[:, index] = rotations[:, BONE_PARENTS[index]] @ neutral.get(name, np.eye(3))
    return rotations


def neutral_rotations(body: Body) -> dict[str, np.ndarray]:
    """Rotation of each bone from the body's rest pose to anatomical neutral (fingers: against their
    parent).
    """
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
