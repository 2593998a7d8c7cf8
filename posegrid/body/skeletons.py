"""Skeletons that other programs use, as data: their joints in order, and where each comes from in `human36m_17`.

A joint is taken over if Human3.6M has it, under the same name or as listed in `made_of`; all others are NaN: eyes,
ears, fingers, heels and toes are not estimated and not made up. Points of one name still differ a little between data
sets: Human3.6M's hips lie higher and wider apart than COCO's, and its `nose` lies inside the head, behind the nose.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from posegrid.body.skeleton import (
    HUMAN36M_32_COINCIDING,
    HUMAN36M_32_NAMES,
    HUMAN36M_32_TO_17,
    JOINT_NAMES,
    SKELETON,
)
from posegrid.errors import SettingsError


@dataclass(frozen=True)
class Skeleton:
    """Names of a skeleton's joints, in its order, and the joints of `human36m_17` behind them."""

    name: str
    joint_names: tuple[str, ...]
    made_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For a joint that has another name in `human36m_17`: that name, or two whose midpoint it is by definition."""

    def sources(self) -> list[list[int]]:
        """Of each joint: the joints of `human36m_17` whose mean it is; none if it is not estimated."""
        own = {name: (name,) for name in JOINT_NAMES} | dict(self.made_of)
        return [[JOINT_NAMES.index(source) for source in own.get(name, ())] for name in self.joint_names]


def _sides(*names: str, first: str = "left") -> tuple[str, ...]:
    """Each name for both sides, one after the other."""
    second = "right" if first == "left" else "left"
    return tuple(f"{side}_{name}" for name in names for side in (first, second))


_LIMBS = ("shoulder", "elbow", "wrist")
_LEGS = ("hip", "knee", "ankle")

HUMAN36M_17 = Skeleton(SKELETON, JOINT_NAMES)
HUMAN36M_32 = Skeleton(
    "human36m_32",
    HUMAN36M_32_NAMES,
    {HUMAN36M_32_NAMES[joint]: (JOINT_NAMES[index],) for index, joint in enumerate(HUMAN36M_32_TO_17)}
    | {
        HUMAN36M_32_NAMES[joint]: (JOINT_NAMES[HUMAN36M_32_TO_17.index(twin)],)
        for joint, twin in HUMAN36M_32_COINCIDING
        if twin in HUMAN36M_32_TO_17
    },
)
COCO17 = Skeleton("coco17", ("nose", *_sides("eye", "ear", *_LIMBS, *_LEGS)))
MEDIAPIPE33 = Skeleton(
    "mediapipe33",
    (
        *("nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer"),
        *("left_ear", "right_ear", "mouth_left", "mouth_right"),
        *_sides(*_LIMBS, "pinky", "index", "thumb", *_LEGS, "heel", "foot_index"),
    ),
)
OPENPOSE25 = Skeleton(
    "openpose25",
    (
        *("nose", "neck", *(f"right_{joint}" for joint in _LIMBS), *(f"left_{joint}" for joint in _LIMBS)),
        *("mid_hip", *(f"right_{joint}" for joint in _LEGS), *(f"left_{joint}" for joint in _LEGS)),
        *_sides("eye", "ear", first="right"),
        *("left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel"),
    ),
    {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("pelvis",)},
)
MPII16 = Skeleton(
    "mpii16",
    (
        *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
        *("pelvis", "thorax", "upper_neck", "head_top"),
        *("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist"),
    ),
)
SKELETONS = (HUMAN36M_17, HUMAN36M_32, COCO17, MEDIAPIPE33, OPENPOSE25, MPII16)


def skeleton_named(name: str) -> Skeleton:
    """The skeleton of a name. Raises SettingsError that lists the names there are."""
    for skeleton in SKELETONS:
        if skeleton.name == name:
            return skeleton
    raise SettingsError(f"there is no skeleton {name!r}; there are {', '.join(s.name for s in SKELETONS)}.")
