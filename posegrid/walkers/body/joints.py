"""Where the joints of Human3.6M sit in a rendered body.

Human3.6M's joints come from a marker system's own skeleton, not from anatomy: its hips lie higher
and wider apart than the centres that thighs turn about, its shoulders nearer to the neck. Each
joint is a point fixed to one bone; the constants below were fitted so that adult bodies have, on
average, the proportions of the release's subject S1.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from posegrid.body.skeleton import HUMAN36M_32_COINCIDING, HUMAN36M_32_NAMES, HUMAN36M_32_TO_17
from posegrid.walkers.body.mesh import BONE_INDEX, Body

SKELETON_JOINTS = list(HUMAN36M_32_TO_17)
"""Which of the release's 32 joints are the skeleton's 17."""
HIP_RISE = 0.017
"""Hips and pelvis above the thighs' centres, as a share of the stature; so are the next four."""
KNEE_DROP = 0.003
ANKLE_DROP = 0.006
SHOULDER_RISE = 0.012
CROWN_DEPTH = 0.031
"""The crown joint lies under the top of the head."""
HIP_WIDENING = 1.18
"""Hip to hip, as a multiple of the distance between the thighs' centres."""
SHOULDER_NARROWING = 0.80
"""Shoulder to shoulder, as a multiple of the distance between the upper arms' centres."""
FOREARM_STRETCH = 1.06
"""Elbow to wrist, as a multiple of the distance between the mesh's own centres."""

_CENTRE_BONES = {
    "Hips": "root",
    "Spine1": "spine03",
    "Neck": "spine01",
    "Head": "head",
    "HeadSite": "head",
}
_SIDE_BONES = {
    "UpLeg": "root",
    "Leg": "lowerleg01",
    "Foot": "foot",
    "ToeBase": "toes",
    "ToeSite": "toes",
    "Arm": "clavicle",
    "ForeArm": "lowerarm01",
    "Hand": "wrist",
    "ThumbSite": "finger1-3",
    "WristEnd": "wrist",
}


def _release_name(joint: str, side: str) -> str:
    """The release's name of a joint of one side ("L" or "R")."""
    if joint == "WristEnd":
        return f"{side}_Wrist_End"
    return {"L": "Left", "R": "Right"}[side] + joint


JOINT_BONES: dict[str, str] = {
    **_CENTRE_BONES,
    **{
        _release_name(joint, side): bone if bone == "root" else f"{bone}.{side}"
        for side in "LR"
        for joint, bone in _SIDE_BONES.items()
    },
}
"""The bone that each joint of the release is fixed to, but for seven that coincide with others."""


def rest_joints_mm(body: Body) -> dict[str, Float[np.ndarray, "3"]]:
    """Where each joint of `JOINT_BONES` lies in the body at rest, mm."""
    head = body.head_of
    up = np.array([0.0, 0.0, body.stature_mm])
    eye = body.eyes_mm.mean(axis=0)
    neck, collar = head("neck01"), (head("clavicle.L") + head("clavicle.R")) / 2
    thorax = (neck + collar) / 2 + 0.003 * up
    axis_y = head("head")[1]
    points = {
        "Hips": body.hip_centre_mm + HIP_RISE * up,
        "Spine1": head("spine02") + 0.010 * up,
        "Neck": thorax,
        "Head": np.array([0.0, 0.8 * axis_y + 0.2 * eye[1], eye[2]]) - 0.0345 * up,
        "HeadSite": np.array([0.0, axis_y, body.stature_mm]) - CROWN_DEPTH * up,
    }
    for side in "LR":
        hip, knee = head(f"upperleg01.{side}"), head(f"lowerleg01.{side}")
        shoulder, elbow = head(f"upperarm01.{side}"), head(f"lowerarm01.{side}")
        wrist, toes = head(f"wrist.{side}"), head(f"toes.{side}")
        ankle = head(f"foot.{side}")
        limbs = {
            "UpLeg": hip * [HIP_WIDENING, 1, 1] + HIP_RISE * up,
            "Leg": knee - KNEE_DROP * up,
            "Foot": ankle - ANKLE_DROP * up,
            "ToeBase": toes,
            "ToeSite": toes + 0.45 * (toes - ankle) * [1, 1, 0],
            "Arm": shoulder * [SHOULDER_NARROWING, 1, 1] + SHOULDER_RISE * up,
            "ForeArm": elbow,
            "Hand": elbow + FOREARM_STRETCH * (wrist - elbow),
            "ThumbSite": 1.8 * head(f"finger1-3.{side}") - 0.8 * head(f"finger1-2.{side}"),
            "WristEnd": head(f"finger3-1.{side}"),
        }
        points |= {_release_name(joint, side): point for joint, point in limbs.items()}
    return points


@lru_cache(maxsize=8)
def _attachments(body: Body) -> tuple[np.ndarray, np.ndarray]:
    """Of each of the 32 joints: the index of its bone, its offset from the bone's rest head, mm."""
    points, twins = rest_joints_mm(body), dict(HUMAN36M_32_COINCIDING)
    names = [HUMAN36M_32_NAMES[twins.get(joint, joint)] for joint in range(32)]
    bones = np.array([BONE_INDEX[JOINT_BONES[name]] for name in names])
    offsets = np.array([points[name] for name in names]) - body.bone_heads_mm[bones]
    return bones, offsets


def joints_world_mm(
    body: Body,
    rotations: Float[np.ndarray, "T B 3 3"],
    bone_positions_mm: Float[np.ndarray, "T B 3"],
) -> Float[np.ndarray, "T 32 3"]:
    """The release's 32 joints in the world, mm; `[:, SKELETON_JOINTS]` are the skeleton's 17.

    `rotations` and `bone_positions_mm` are those of `forward_kinematics`.
    """
    bones, offsets = _attachments(body)
    return bone_positions_mm[:, bones] + (rotations[:, bones] @ offsets[:, :, None])[..., 0]
