"""Simple poses for tests: arms hanging, limbs swung forward and back."""

import numpy as np

from posegrid.body.rotations import rot_x, rot_z, smallest_rotations
from posegrid.walkers.body.mesh import (
    ARM_BONES,
    BONE_INDEX,
    LEG_BONES,
    NUM_BONES,
    Body,
    forward_kinematics,
)

DOWN = np.array([0.0, 0.0, -1.0])


def swung(body: Body, swing: float = 0.0, heading: float = 0.0) -> np.ndarray:
    """Bone rotations (1, B, 3, 3): straight hanging limbs, the left leg swung forward by the angle
    (rad).
    """
    rotations = np.tile(np.eye(3), (1, NUM_BONES, 1, 1))
    for side, sign in (("L", 1.0), ("R", -1.0)):
        arm_turn, leg_turn = rot_x(np.array(0.8 * sign * swing)), rot_x(np.array(-sign * swing))
        upper_arm, forearm = _hanging(body, side, "upperarm01", "lowerarm01", "wrist")
        thigh, shank = _hanging(body, side, "upperleg01", "lowerleg01", "foot")
        own = {bone: arm_turn @ forearm for bone in ARM_BONES[2:]} | {
            bone: leg_turn for bone in LEG_BONES
        }
        own |= {
            "upperarm01": arm_turn @ upper_arm,
            "upperleg01": leg_turn @ thigh,
            "lowerleg01": leg_turn @ shank,
        }
        for bone, rotation in own.items():
            rotations[0, BONE_INDEX[f"{bone}.{side}"]] = rotation
    return rot_z(np.array(heading)) @ rotations


def _hanging(body: Body, side: str, *chain: str) -> tuple[np.ndarray, np.ndarray]:
    """The rotations that make both parts of a limb at rest hang straight down."""
    top, middle, end = (body.head_of(f"{bone}.{side}") for bone in chain)
    return smallest_rotations(middle - top, DOWN), smallest_rotations(end - middle, DOWN)


def standing(body: Body, rotations: np.ndarray, lift_mm: float = 0.0) -> np.ndarray:
    """Where the bones start (1, B, 3) when the hip centre is as high as at rest, plus the lift."""
    return forward_kinematics(
        body, rotations, np.array([[0.0, 0.0, body.hip_centre_mm[2] + lift_mm]])
    )
