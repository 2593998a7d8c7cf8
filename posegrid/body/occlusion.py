"""Which joints a body hides from the camera with its own limbs and trunk, from the pose alone."""

import numpy as np
from jaxtyping import Bool, Float

from posegrid.body.skeleton import BONES, JOINT_NAMES, NUM_JOINTS, body_size_mm

LIMB_SHARE, TRUNK_SHARE = 0.0145, 0.031
"""Radius over the length of all bones together: 60 and 130 mm of a person of 1.7 m. 60 lies between
a forearm and a thigh; a chest is some 300 mm wide and 220 mm deep, half the mean is 130."""
_TRUNK = {JOINT_NAMES.index(name) for name in ("pelvis", "spine", "thorax")}


def hidden_by_body(joints_cam_mm: Float[np.ndarray, "N 17 3"]) -> Bool[np.ndarray, "N 17"]:
    """Which joints the body hides: True where the line of sight passes another limb or the trunk.

    joints_cam_mm: in the camera's frame, with the camera at the origin: not relative to the pelvis.
    A limb is a capsule about its bone. It hides no joint that is one of its two ends, and none
    that lies inside it. Clothes, things and other people hide more. In a pose with a NaN
    nothing is hidden.
    """
    joints = joints_cam_mm.astype(np.float64)
    size_mm = body_size_mm(joints)[:, None]
    hidden = np.zeros(joints.shape[:2], dtype=bool)
    for bone in BONES:
        share = TRUNK_SHARE if _TRUNK.issuperset(bone) else LIMB_SHARE
        start, end = joints[:, bone[:1]], joints[:, bone[1:]]
        passed = _sight_to_bone_mm(joints, start, end) < share * size_mm
        outside = _point_to_bone_mm(joints, start, end) >= share * size_mm
        others = ~np.isin(np.arange(NUM_JOINTS), bone)
        hidden |= passed & outside & others
    return hidden


Points = Float[np.ndarray, "N joints 3"]
Ends = Float[np.ndarray, "N 1 3"]


def _point_to_bone_mm(joints: Points, start: Ends, end: Ends) -> Float[np.ndarray, "N joints"]:
    """Distance of each joint from the segment between two ends."""
    along = end - start
    at = _share(((joints - start) * along).sum(axis=-1), (along**2).sum(axis=-1))
    return np.linalg.norm(joints - start - at[..., None] * along, axis=-1)


def _sight_to_bone_mm(joints: Points, start: Ends, end: Ends) -> Float[np.ndarray, "N joints"]:
    """Distance of each segment from the camera to a joint from the segment between two ends.

    Ericson, "Real-Time Collision Detection", 2005, section 5.1.9.
    """
    along = end - start
    sight_sq, bone_sq = (joints**2).sum(axis=-1), (along**2).sum(axis=-1)
    both, from_start = (joints * along).sum(axis=-1), (joints * start).sum(axis=-1)
    bone_start = (along * start).sum(axis=-1)
    # nearest points of the two lines, then of the bone, then of the sight, each within its ends
    on_sight = _share(bone_sq * from_start - both * bone_start, sight_sq * bone_sq - both**2)
    on_bone = _share(both * on_sight - bone_start, bone_sq)
    on_sight = _share(both * on_bone + from_start, sight_sq)
    apart = on_sight[..., None] * joints - start - on_bone[..., None] * along
    return np.linalg.norm(apart, axis=-1)


def _share(
    part: Float[np.ndarray, "*shape"], whole: Float[np.ndarray, "*#shape"]
) -> Float[np.ndarray, "*shape"]:
    """How far along a segment, 0..1; 0 where it has no length."""
    whole = np.broadcast_to(whole, part.shape)
    return np.clip(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0), 0, 1)
