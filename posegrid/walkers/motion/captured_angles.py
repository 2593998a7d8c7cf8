"""Joint angles of captured bones: of a walk, and of anything else that people do."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from posegrid.body.rotations import (
    angles_xyz,
    angles_zxy,
    rot_x,
    rot_y,
    rot_z,
    smallest_rotations,
    turned,
)
from posegrid.errors import SourceError
from posegrid.walkers.body.mesh import Body, forward_kinematics
from posegrid.walkers.motion.motion_capture import MotionCapture
from posegrid.walkers.motion.posture import DOWN, Angles, limb_frames, skin_rotations


def captured_angles(capture: MotionCapture) -> dict[str, Float[np.ndarray, "T"]]:
    """The joint angles of any captured motion, of a person who faces -y whichever way they turned.

    Raises SourceError where the bones have other names than CMU's.
    """
    try:
        heading, _, _ = angles_zxy(capture.rotations["root"])
        facing = rot_z(-heading)
        rotations = {name: facing @ rotation for name, rotation in capture.rotations.items()}
        angles = central_angles(rotations)
        for side, prefix in {"L": "l", "R": "r"}.items():
            angles |= leg_angles(capture, rotations, side, prefix)
            angles |= arm_angles(capture, side, prefix)
    except KeyError as error:
        raise SourceError(
            f"{capture.name}: no bone {error}; expected the names of the CMU skeleton."
        ) from error
    return angles


def posed_on_the_spot(
    body: Body, angles: Angles
) -> tuple[Float[np.ndarray, "n B 3 3"], Float[np.ndarray, "n 3"]]:
    """Skin rotations and hip centres (mm) of a body with these angles: the lowest bone end is on
    the floor, and the hips stay above the origin.
    """
    skin = skin_rotations(body, limb_frames(angles))
    hips = np.zeros((len(skin), 3))
    hips[:, 2] = -forward_kinematics(body, skin, hips)[..., 2].min(axis=1)
    return skin, hips


def central_angles(rotations: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Angles of pelvis, trunk and head against the way they go; the mean tilt of pelvis and head
    counts as none.
    """
    angles = {}
    for segment, bone in (("pelvis", "root"), ("trunk", "thorax"), ("head", "head")):
        rotation, tilt, listing = angles_zxy(rotations[bone])
        if segment != "trunk":
            tilt = tilt - tilt.mean()
        named = {"tilt": tilt, "list": listing, "rotation": rotation}
        angles |= {f"{segment}_{kind}": angle for kind, angle in named.items()}
    return angles


def leg_angles(
    capture: MotionCapture, rotations: dict[str, np.ndarray], side: str, prefix: str
) -> dict[str, np.ndarray]:
    """Angles of a leg: of the thigh against the pelvis, of the knee, of the foot against the floor."""
    sign = 1.0 if side == "L" else -1.0
    pelvis = rotations["root"] @ rot_x(-angles_zxy(rotations["root"])[1].mean())
    thigh = rotations[f"{prefix}femur"] @ _from_down(capture, f"{prefix}femur")
    shank = rotations[f"{prefix}tibia"] @ _from_down(capture, f"{prefix}tibia")
    flexion, adduction, rotation = angles_xyz(np.swapaxes(pelvis, -1, -2) @ thigh)
    knee, _, _ = angles_xyz(np.swapaxes(thigh, -1, -2) @ shank)
    toes = capture.rest_directions[f"{prefix}foot"]
    foot = rotations[f"{prefix}foot"] @ rot_z(np.arctan2(toes[0], -toes[1]))
    progression, pitch, _ = angles_zxy(foot)
    # a foot on tiptoe has no clear direction: its horizontal share is the weight of smoothing
    level, sigma = np.cos(pitch) ** 2, 0.08 * capture.fps
    progression = smoothed(progression * level, sigma) / smoothed(level, sigma)
    return {
        f"hip_flexion.{side}": -flexion,
        f"hip_adduction.{side}": sign * adduction,
        f"hip_rotation.{side}": sign * rotation,
        f"knee_flexion.{side}": knee,
        f"foot_pitch.{side}": -pitch,
        f"foot_progression.{side}": sign * progression,
    }


def _from_down(capture: MotionCapture, bone: str) -> np.ndarray:
    """The rotation from a limb that hangs straight down to the limb in the skeleton's rest pose."""
    return smallest_rotations(DOWN, capture.rest_directions[bone])


def arm_angles(capture: MotionCapture, side: str, prefix: str) -> dict[str, np.ndarray]:
    """Angles of an arm from the directions of upper arm and forearm: the elbow is a hinge."""
    sign = 1.0 if side == "L" else -1.0
    to_trunk = np.swapaxes(capture.rotations["thorax"], -1, -2)

    def direction(first: str, last: str) -> np.ndarray:
        ends, starts = capture.ends_mm[f"{prefix}{last}"], capture.starts_mm[f"{prefix}{first}"]
        bone = turned(to_trunk, ends - starts)
        return bone / np.linalg.norm(bone, axis=-1, keepdims=True)

    upper, forearm = direction("humerus", "humerus"), direction("radius", "wrist")
    flexion = np.arctan2(-upper[:, 1], -upper[:, 2])
    abduction = np.arcsin(np.clip(sign * upper[:, 0], -1, 1))
    hanging = np.swapaxes(rot_x(-flexion) @ rot_y(-sign * abduction), -1, -2)
    fore = turned(hanging, forearm)
    return {
        f"shoulder_flexion.{side}": flexion,
        f"shoulder_abduction.{side}": abduction,
        f"shoulder_rotation.{side}": np.arctan2(-sign * fore[:, 0], -fore[:, 1]),
        f"elbow_flexion.{side}": np.arccos(np.clip(-fore[:, 2], -1, 1)),
    }


def smoothed(
    signal: Float[np.ndarray, "T"], sigma_frames: float, mode: str = "nearest"
) -> np.ndarray:
    """Running mean with a Gaussian window of 3 sigma to both sides."""
    return gaussian_filter1d(signal, sigma_frames, radius=int(3 * sigma_frames), mode=mode)
