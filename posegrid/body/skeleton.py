"""The skeleton `human36m_17`, and the 32 joints of the Human3.6M release that it is taken from.

This is the only file that knows joint indices. Everything else uses names or the constants below.
Order and parents: Ionescu et al., "Human3.6M", TPAMI 2014, and the release's own `metadata.xml`.
"""

import numpy as np
from jaxtyping import Float, Int

SKELETON = "human36m_17"

JOINT_NAMES = (
    "pelvis",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "spine",
    "thorax",
    "nose",
    "head_top",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
)
NUM_JOINTS = len(JOINT_NAMES)
ROOT = 0
PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
BONES = tuple((parent, joint) for joint, parent in enumerate(PARENTS) if parent >= 0)
"""(parent, child) of the 16 bones."""

MIRROR_PAIRS = ((1, 4), (2, 5), (3, 6), (11, 14), (12, 15), (13, 16))
RIGHT_JOINTS = tuple(i for i, name in enumerate(JOINT_NAMES) if name.startswith("right_"))
LEFT_JOINTS = tuple(i for i, name in enumerate(JOINT_NAMES) if name.startswith("left_"))

HUMAN36M_32_NAMES = (
    "Hips",
    "RightUpLeg",
    "RightLeg",
    "RightFoot",
    "RightToeBase",
    "RightToeSite",
    "LeftUpLeg",
    "LeftLeg",
    "LeftFoot",
    "LeftToeBase",
    "LeftToeSite",
    "Spine",
    "Spine1",
    "Neck",
    "Head",
    "HeadSite",
    "LeftShoulder",
    "LeftArm",
    "LeftForeArm",
    "LeftHand",
    "LeftHandThumb",
    "LeftThumbSite",
    "L_Wrist_End",
    "LeftWristSite",
    "RightShoulder",
    "RightArm",
    "RightForeArm",
    "RightHand",
    "RightHandThumb",
    "RightThumbSite",
    "R_Wrist_End",
    "RightWristSite",
)
HUMAN36M_32_PARENTS = (
    *(-1, 0, 1, 2, 3, 4, 0, 6, 7, 8, 9, 0, 11, 12, 13, 14),
    *(12, 16, 17, 18, 19, 20, 19, 22, 12, 24, 25, 26, 27, 28, 27, 30),
)
HUMAN36M_32_TO_17 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""Which of the 32 joints are the 17, in order."""

HUMAN36M_32_COINCIDING = ((11, 0), (16, 13), (24, 13), (20, 19), (23, 22), (28, 27), (31, 30))
"""(joint, the joint it always coincides with) among the 32."""


def mirror_order() -> Int[np.ndarray, "17"]:
    """Indices that exchange left and right: `pose[..., mirror_order(), :]`."""
    order = np.arange(NUM_JOINTS)
    for one, other in MIRROR_PAIRS:
        order[one], order[other] = other, one
    return order


def mirrored(pose_mm: Float[np.ndarray, "*batch 17 3"]) -> Float[np.ndarray, "*batch 17 3"]:
    """The pose seen in a mirror: x negated, left and right exchanged. Camera frame, root-relative."""
    flipped = pose_mm[..., mirror_order(), :].copy()
    flipped[..., 0] *= -1
    return flipped


def relative_to_root(pose_mm: Float[np.ndarray, "*batch 17 3"]) -> Float[np.ndarray, "*batch 17 3"]:
    """The pose with the pelvis at the origin, in the same axes."""
    return pose_mm - pose_mm[..., ROOT : ROOT + 1, :]


def body_size_mm(pose_mm: Float[np.ndarray, "*batch 17 3"]) -> Float[np.ndarray, "*batch"]:
    """The length of all 16 bones together: how large a person is, whatever the pose."""
    return bone_lengths(pose_mm).sum(axis=-1)


def bone_lengths(pose: Float[np.ndarray, "*batch 17 d"]) -> Float[np.ndarray, "*batch 16"]:
    """Length of each bone of `BONES`, in the unit of the pose."""
    parents, children = np.array(BONES).T
    return np.linalg.norm(pose[..., children, :] - pose[..., parents, :], axis=-1)
