"""The skeleton `human36m_17`, what its bones and mirror image are, its four points of the feet, and
the skeletons of others.

This is the only file that knows joint indices. Everything else uses names or the constants below.
Order and parents: Ionescu et al., "Human3.6M", TPAMI 2014, and the release's own `metadata.xml`.

Other skeletons are data: their joints in order, and where each comes from in `human36m_21`, the 17
and the feet's points. A joint is taken over if it is there, under the same name or as listed in
`made_of`. All others are NaN: eyes, ears and fingers are not estimated and not made up. Points of one name still
differ a little between data sets: Human3.6M's hips lie higher and wider apart than COCO's, and its
`nose` lies inside the head, behind the nose.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from posegrid.errors import SettingsError

SKELETON = "human36m_17"


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


JOINT_NAMES = _names(
    """
    pelvis right_hip right_knee right_ankle left_hip left_knee left_ankle spine thorax nose head_top
    left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist
    """
)
NUM_JOINTS = len(JOINT_NAMES)
ROOT = 0
PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
BONES = tuple((parent, joint) for joint, parent in enumerate(PARENTS) if parent >= 0)
"""(parent, child) of the 16 bones."""

MIRROR_PAIRS = ((1, 4), (2, 5), (3, 6), (11, 14), (12, 15), (13, 16))
RIGHT_JOINTS = tuple(i for i, name in enumerate(JOINT_NAMES) if name.startswith("right_"))
LEFT_JOINTS = tuple(i for i, name in enumerate(JOINT_NAMES) if name.startswith("left_"))

FEET_NAMES = ("right_heel", "right_toe", "left_heel", "left_toe")
"""The sole's rearmost point, and the tip of the toes on the sole: not all weights say them."""
FEET_PARENTS = tuple(
    JOINT_NAMES.index(f"{side}_ankle") for side in ("right", "right", "left", "left")
)
"""The ankle of each, among the 17 joints."""
PARENTS_21 = (*PARENTS, *FEET_PARENTS)
"""Of the 17 joints and the feet's points; the first 17 are `PARENTS`."""
BONES_21 = tuple((parent, joint) for joint, parent in enumerate(PARENTS_21) if parent >= 0)
"""(parent, child); the first 16 are `BONES`, so `BONES_21[: J - 1]` are those of J joints."""
FEET_MIRROR_ORDER = (2, 3, 0, 1)
"""Indices that exchange left and right of the feet's points."""

HUMAN36M_32_NAMES = _names(
    """
    Hips RightUpLeg RightLeg RightFoot RightToeBase RightToeSite LeftUpLeg LeftLeg LeftFoot
    LeftToeBase LeftToeSite Spine Spine1 Neck Head HeadSite LeftShoulder LeftArm LeftForeArm
    LeftHand LeftHandThumb LeftThumbSite L_Wrist_End LeftWristSite RightShoulder RightArm
    RightForeArm RightHand RightHandThumb RightThumbSite R_Wrist_End RightWristSite
    """
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
    """The pose seen in a mirror: x negated, left and right exchanged. Camera frame,
    root-relative.
    """
    return pose_mm[..., mirror_order(), :] * np.array([-1, 1, 1], pose_mm.dtype)


def mirrored_feet(feet_mm: Float[np.ndarray, "*batch 4 3"]) -> Float[np.ndarray, "*batch 4 3"]:
    """The feet's points seen in a mirror, as `mirrored`."""
    return feet_mm[..., FEET_MIRROR_ORDER, :] * np.array([-1, 1, 1], feet_mm.dtype)


def relative_to_root(pose_mm: Float[np.ndarray, "*batch 17 3"]) -> Float[np.ndarray, "*batch 17 3"]:
    """The pose with the pelvis at the origin, in the same axes."""
    return pose_mm - pose_mm[..., ROOT : ROOT + 1, :]


def body_size_mm(pose_mm: Float[np.ndarray, "*batch 17 3"]) -> Float[np.ndarray, "*batch"]:
    """The length of all 16 bones together: how large a person is, whatever the pose."""
    return bone_lengths(pose_mm).sum(axis=-1)


def bone_lengths(pose: Float[np.ndarray, "*batch J d"]) -> Float[np.ndarray, "*batch B"]:
    """Length of each bone of `BONES`, or of those of `BONES_21`, in the unit of the pose."""
    lengths = [
        np.linalg.norm(pose[..., end, :] - pose[..., begin, :], axis=-1)
        for begin, end in BONES_21[: pose.shape[-2] - 1]
    ]
    return np.stack(lengths, axis=-1)


@dataclass(frozen=True)
class Skeleton:
    """Names of a skeleton's joints, in its order, and the joints of `human36m_21` behind them."""

    name: str
    joint_names: tuple[str, ...]
    made_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For a joint that has another name in `human36m_21`: that name, or two whose midpoint it is by
    definition.
    """

    def sources(self) -> list[list[int]]:
        """Of each joint: the joints of `human36m_21` whose mean it is; none if it is not
        estimated.
        """
        names = HUMAN36M_21.joint_names
        own = {name: (name,) for name in names} | dict(self.made_of)
        return [[names.index(source) for source in own.get(name, ())] for name in self.joint_names]


def _sides(names: str, sides: tuple[str, str] = ("left", "right")) -> tuple[str, ...]:
    """Each of the names for both sides, one after the other."""
    return tuple(f"{side}_{name}" for name in _names(names) for side in sides)


def _limb(side: str, names: str) -> tuple[str, ...]:
    """The names, all of one side."""
    return tuple(f"{side}_{name}" for name in _names(names))


_ARM, _LEG, _LEG_UP = "shoulder elbow wrist", "hip knee ankle", "ankle knee hip"

HUMAN36M_17 = Skeleton(SKELETON, JOINT_NAMES)
HUMAN36M_21 = Skeleton("human36m_21", (*JOINT_NAMES, *FEET_NAMES))
HUMAN36M_32 = Skeleton(
    "human36m_32",
    HUMAN36M_32_NAMES,
    {
        HUMAN36M_32_NAMES[joint]: (JOINT_NAMES[HUMAN36M_32_TO_17.index(twin)],)
        for joint, twin in (*zip(range(32), range(32), strict=True), *HUMAN36M_32_COINCIDING)
        if twin in HUMAN36M_32_TO_17
    }
    | {"RightToeSite": ("right_toe",), "LeftToeSite": ("left_toe",)},
)
COCO17 = Skeleton("coco17", ("nose", *_sides(f"eye ear {_ARM} {_LEG}")))
MEDIAPIPE33 = Skeleton(
    "mediapipe33",
    (
        *("nose", "left_eye_inner", "left_eye", "left_eye_outer"),
        *("right_eye_inner", "right_eye", "right_eye_outer"),
        *("left_ear", "right_ear", "mouth_left", "mouth_right"),
        *_sides(f"{_ARM} pinky index thumb {_LEG} heel foot_index"),
    ),
    {f"{side}_foot_index": (f"{side}_toe",) for side in ("left", "right")},
)
OPENPOSE25 = Skeleton(
    "openpose25",
    (
        *("nose", "neck", *_limb("right", _ARM), *_limb("left", _ARM)),
        *("mid_hip", *_limb("right", _LEG), *_limb("left", _LEG)),
        *_sides("eye ear", ("right", "left")),
        *_limb("left", "big_toe small_toe heel"),
        *_limb("right", "big_toe small_toe heel"),
    ),
    {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("pelvis",)}
    | {f"{side}_big_toe": (f"{side}_toe",) for side in ("left", "right")},
)
MPII16 = Skeleton(
    "mpii16",
    (
        *(*_limb("right", _LEG_UP), *_limb("left", _LEG)),
        *("pelvis", "thorax", "upper_neck", "head_top"),
        *(*_limb("right", "wrist elbow shoulder"), *_limb("left", _ARM)),
    ),
)
SKELETONS = (HUMAN36M_17, HUMAN36M_21, HUMAN36M_32, COCO17, MEDIAPIPE33, OPENPOSE25, MPII16)


def side_of(joint: int) -> Literal["left", "right", "middle"]:
    """Of the body: where a joint of `human36m_21` is, and the bone that ends there."""
    side = HUMAN36M_21.joint_names[joint].split("_")[0]
    return "left" if side == "left" else "right" if side == "right" else "middle"


def skeleton_named(name: str) -> Skeleton:
    """The skeleton of a name. Raises SettingsError that lists the names there are."""
    for skeleton in SKELETONS:
        if skeleton.name == name:
            return skeleton
    raise SettingsError(
        f"there is no skeleton {name!r}; there are {', '.join(s.name for s in SKELETONS)}."
    )


TYPICAL_SHARE = 0.6
"""A network that is unsure of a direction answers with a mean, which is too short: of the lengths
in all frames, this quantile (0..1) is nearest to the true one on rendered walks."""


def fitted_bones_mm(joints_mm: Float[np.ndarray, "T 17 3"]) -> Float[np.ndarray, "16"]:
    """The lengths that fit the found frames best, in the order of `BONES`, left and right equal.

    NaN if nobody was found in any frame.
    """
    found = np.isfinite(joints_mm).all(axis=(1, 2))
    if not found.any():
        return np.full(len(BONES), np.nan)
    lengths = bone_lengths(joints_mm[found].astype(np.float64))
    both = [(lengths[:, bone], lengths[:, twin]) for bone, twin in enumerate(_MIRROR_BONES)]
    return np.array([np.quantile(np.concatenate(pair), TYPICAL_SHARE) for pair in both])


def with_bones(
    joints_mm: Float[np.ndarray, "T 17 3"], length_mm: Float[np.ndarray, "16"]
) -> Float[np.ndarray, "T 17 3"]:
    """The poses with bones of these lengths: every bone keeps its direction, the root its place."""
    result = joints_mm.astype(np.float64)
    for (parent, child), wanted in zip(BONES, length_mm, strict=True):
        bone = joints_mm[:, child].astype(np.float64) - joints_mm[:, parent]
        size = np.linalg.norm(bone, axis=-1, keepdims=True)
        result[:, child] = result[:, parent] + bone * (wanted / np.where(size > 0, size, np.nan))
    return result


_MIRROR_BONES = [int(mirror_order()[child]) - 1 for _, child in BONES]
"""The bone on the other side of the body; those of the trunk are their own. Bone i ends at joint
i + 1.
"""
