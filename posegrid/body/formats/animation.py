"""A motion as turning bones of constant length, for animation (BVH, GLB, USD), and BVH files.

Each bone of the skeleton (parent, child) becomes a joint of the animation that sits at the bone's
parent and turns the bone to its child; bones that start at one joint are siblings. Names are those
of the CMU motion-capture files.

- Rest pose: arms stretched out sideways (T), facing +z, y up; bones as long as they are in the
  median of all frames.
- Turns: each bone points exactly as in the Track. Positions cannot show a turn about the bone's own
  length, so there is none: a bone's local rotation is the smallest that aims it from where its
  parent's rotation carries it.
- The root turns with the hips: its x axis runs from the right to the left hip, its y axis to the
  thorax, or nearly so.
- Animation knows no missing frames: they hold the last pose before them (the first frames: the
  first pose after).

BVH, for Blender, Unity and the like, is text: centimetres, y up, z towards the camera, degrees.
Each joint's rotation is Rz Rx Ry, as its channels are listed. The joints at the ends (feet, or heels
and toes where they are known, hands, crown) do not turn and have no length. The rate is constant:
see `Markers.evenly_timed`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from posegrid.body.formats.c3d import Markers
from posegrid.body.rotations import angles_zxy, smallest_rotations, turned
from posegrid.body.skeleton import (
    BONES_21,
    HUMAN36M_21,
    JOINT_NAMES,
    PARENTS_21,
    ROOT,
    bone_lengths,
)

BONE_NAMES = {
    "pelvis": "Hips",
    "right_hip": "RHipJoint",
    "right_knee": "RightUpLeg",
    "right_ankle": "RightLeg",
    "left_hip": "LHipJoint",
    "left_knee": "LeftUpLeg",
    "left_ankle": "LeftLeg",
    "spine": "LowerBack",
    "thorax": "Spine",
    "nose": "Neck",
    "head_top": "Head",
    "left_shoulder": "LeftShoulder",
    "left_elbow": "LeftArm",
    "left_wrist": "LeftForeArm",
    "right_shoulder": "RightShoulder",
    "right_elbow": "RightArm",
    "right_wrist": "RightForeArm",
    "right_heel": "RightHindfoot",
    "right_toe": "RightFoot",
    "left_heel": "LeftHindfoot",
    "left_toe": "LeftFoot",
}
"""Name of the bone that ends at each joint; the pelvis stands for the root."""
END_NAMES = {"right_ankle": "RightFoot", "left_ankle": "LeftFoot", "head_top": "HeadEnd"}
END_NAMES |= {"left_wrist": "LeftHand", "right_wrist": "RightHand"}
END_NAMES |= {"right_heel": "RightHeel", "right_toe": "RightToe"}
END_NAMES |= {"left_heel": "LeftHeel", "left_toe": "LeftToe"}
"""Names of the places where the last bones end."""


def bone_name(joint: int) -> str:
    """Of the bone that ends at a joint of `human36m_21`."""
    return BONE_NAMES[HUMAN36M_21.joint_names[joint]]


def end_name(joint: int) -> str:
    """Of the place where a last bone ends."""
    return END_NAMES[HUMAN36M_21.joint_names[joint]]


_RIGHT, _LEFT, _UP, _DOWN = (-1.0, 0, 0), (1.0, 0, 0), (0, 1.0, 0), (0, -1.0, 0)
_REST_DIRECTIONS = {
    **dict.fromkeys(("right_hip", "right_shoulder", "right_elbow", "right_wrist"), _RIGHT),
    **dict.fromkeys(("left_hip", "left_shoulder", "left_elbow", "left_wrist"), _LEFT),
    **dict.fromkeys(("spine", "thorax", "nose", "head_top"), _UP),
    **dict.fromkeys(("right_knee", "right_ankle", "left_knee", "left_ankle"), _DOWN),
    **dict.fromkeys(("right_heel", "left_heel"), (0, -0.8, -0.6)),
    **dict.fromkeys(("right_toe", "left_toe"), (0, -0.6, 0.8)),
}


@dataclass(frozen=True, eq=False, repr=False)
class BoneMotion:
    """Bones by the index of the joint they end at, of 17 or 21; index 0 is the root. T frames."""

    rest_mm: Float[np.ndarray, "J 3"]
    """The bone in the rest pose, from the parent's joint to its own; zero for the root."""
    root_mm: Float[np.ndarray, "T 3"]
    local: Float[np.ndarray, "J T 3 3"]
    """Each bone's T rotations against its parent bone; the root's in space."""
    found: Bool[np.ndarray, "T"]
    """False where a pose is only held."""
    time_s: Float[np.ndarray, "T"]
    rate_hz: float

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child), the joints' indices."""
        return BONES_21[: len(self.rest_mm) - 1]

    @property
    def ends(self) -> list[int]:
        """The joints where the last bones end."""
        parents = PARENTS_21[: len(self.rest_mm)]
        return [joint for joint in range(len(parents)) if joint not in parents]

    def joints_mm(self) -> Float[np.ndarray, "T J 3"]:
        """Where the joints come to lie."""
        places = np.repeat(self.root_mm[:, None], len(self.rest_mm), axis=1)
        in_space = self.local.copy()
        for parent, joint in self.bones:
            in_space[joint] = in_space[parent] @ self.local[joint]
            places[:, joint] = places[:, parent] + turned(in_space[joint], self.rest_mm[joint])
        return places


def bone_motion(markers: Markers) -> BoneMotion:
    """The motion of the bones through all frames, even those without a person; one has one."""
    found = np.flatnonzero(markers.found)
    last = np.searchsorted(found, np.arange(len(markers.frame)), side="right") - 1
    places = markers.places_mm[found].astype(np.float64)
    lengths = bone_lengths(places)
    seen = np.isfinite(lengths).any(axis=0)  # a foot may never be: no bone then
    lengths = np.nanmedian(np.where(seen, lengths, 0.0), axis=0)
    rest_mm = np.zeros((len(markers.names), 3))
    local = np.zeros((len(markers.names), len(found), 3, 3))
    local[ROOT] = _hips(places)
    in_space = local.copy()
    for (parent, joint), length in zip(BONES_21[: len(lengths)], lengths, strict=True):
        direction = np.array(_REST_DIRECTIONS[markers.names[joint]])
        rest_mm[joint] = length * direction
        bone = turned(np.swapaxes(in_space[parent], -1, -2), places[:, joint] - places[:, parent])
        local[joint] = smallest_rotations(direction, _unit(bone, direction))
        in_space[joint] = in_space[parent] @ local[joint]
    rows = np.maximum(last, 0)
    return BoneMotion(
        rest_mm=rest_mm,
        root_mm=places[rows, ROOT],
        local=local[:, rows],
        found=markers.found,
        time_s=markers.time_s,
        rate_hz=markers.rate_hz,
    )


def _hips(places: Float[np.ndarray, "N J 3"]) -> Float[np.ndarray, "N 3 3"]:
    """The root's rotation: x from the right to the left hip, y to the thorax as near as may be."""
    index = JOINT_NAMES.index
    x = _unit(places[:, index("left_hip")] - places[:, index("right_hip")], np.array(_LEFT))
    up = _unit(places[:, index("thorax")] - places[:, ROOT], np.array(_UP))
    z = _unit(np.cross(x, up), np.array([0.0, 0, 1]))
    return np.stack([x, np.cross(z, x), z], axis=2)


def _unit(
    vectors: Float[np.ndarray, "N 3"], otherwise: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "N 3"]:
    """The vectors at length 1; those without a direction are replaced."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(lengths > 1e-9, vectors / np.maximum(lengths, 1e-9), otherwise)


CM_PER_MM = 0.1
END = -1
"""Stands for the joints at the ends of the last bones, which never turn."""
_TURN = "Zrotation Xrotation Yrotation"


def bvh_text(motion: BoneMotion) -> str:
    """The whole file."""
    order: list[int] = []
    hierarchy = _joint(motion, ROOT, order, "")
    still = np.zeros((len(motion.time_s), 3))
    angles = [still if joint == END else _angles_deg(motion.local[joint]) for joint in order]
    rows = np.concatenate([motion.root_mm * CM_PER_MM, *angles], axis=1)
    head = [
        "HIERARCHY",
        *hierarchy,
        "MOTION",
        f"Frames: {len(rows)}",
        f"Frame Time: {1 / motion.rate_hz:.8f}",
    ]
    return "\n".join([*head, *(" ".join(f"{value:.4f}" for value in row) for row in rows)]) + "\n"


def _joint(motion: BoneMotion, joint: int, order: list[int], indent: str) -> list[str]:
    """Lines of a joint and all below it; `order` gets its index, in the order of the channels."""
    order.append(joint)
    inner = indent + "\t"
    if joint == ROOT:
        start, channels = "ROOT", f"CHANNELS 6 Xposition Yposition Zposition {_TURN}"
    else:
        start, channels = "JOINT", f"CHANNELS 3 {_TURN}"
    # the root's place is in its channels; many readers add its OFFSET to them
    offset_mm = np.zeros(3) if joint == ROOT else motion.rest_mm[PARENTS_21[joint]]
    lines = _opened(start, bone_name(joint), offset_mm, indent)
    lines.append(inner + channels)
    children = [child for parent, child in motion.bones if parent == joint]
    for child in children:
        lines += _joint(motion, child, order, inner)
    return [*lines, *([] if children else _end(motion, joint, order, inner)), f"{indent}}}"]


def _end(motion: BoneMotion, joint: int, order: list[int], indent: str) -> list[str]:
    """Lines of the joint at a last bone's end (a foot, a hand): many readers leave End Sites out."""
    order.append(END)
    inner = indent + "\t"
    lines = _opened("JOINT", end_name(joint), motion.rest_mm[joint], indent)
    site = _opened("End", "Site", np.zeros(3), inner)
    return [*lines, f"{inner}CHANNELS 3 {_TURN}", *site, f"{inner}}}", f"{indent}}}"]


def _opened(kind: str, name: str, offset_mm: np.ndarray, indent: str) -> list[str]:
    offset = " ".join(f"{value:.4f}" for value in offset_mm * CM_PER_MM)
    return [f"{indent}{kind} {name}", f"{indent}{{", f"{indent}\tOFFSET {offset}"]


def _angles_deg(turns: Float[np.ndarray, "T 3 3"]) -> Float[np.ndarray, "T 3"]:
    """Angles of the channels; they run on beyond 180 degrees rather than jump."""
    return np.degrees(np.unwrap(np.stack(angles_zxy(turns), axis=1), axis=0))
