"""A motion as turning bones of constant length, which is what animation files hold: rest pose, turns, way of the root.

Each bone of the skeleton (parent, child) becomes a joint of the animation that sits at the bone's parent and turns the
bone to its child; bones that start at one joint are siblings. Names are those of the CMU motion-capture files.

- Rest pose: arms stretched out sideways (T), facing +z, y up; bones as long as they are in the median of all frames.
- Turns: each bone points exactly as in the Track. Positions cannot show a turn about the bone's own length, so there is
  none: a bone's local rotation is the smallest that aims it from where its parent's rotation carries it.
- The root turns with the hips: its x axis runs from the right to the left hip, its y axis to the thorax, or nearly so.
- Animation knows no missing frames: they hold the last pose before them (the first frames: the first pose after).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from posegrid.body.formats.markers import Markers
from posegrid.body.rotations import smallest_rotations, turned
from posegrid.body.skeleton import BONES, JOINT_NAMES, ROOT, bone_lengths

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
}
"""Name of the bone that ends at each joint; the pelvis stands for the root."""
END_NAMES = {"right_ankle": "RightFoot", "left_ankle": "LeftFoot", "head_top": "HeadEnd"}
END_NAMES |= {"left_wrist": "LeftHand", "right_wrist": "RightHand"}
"""Names of the places where the last bones end."""

_RIGHT, _LEFT, _UP, _DOWN = (-1.0, 0, 0), (1.0, 0, 0), (0, 1.0, 0), (0, -1.0, 0)
_REST_DIRECTIONS = {
    **dict.fromkeys(("right_hip", "right_shoulder", "right_elbow", "right_wrist"), _RIGHT),
    **dict.fromkeys(("left_hip", "left_shoulder", "left_elbow", "left_wrist"), _LEFT),
    **dict.fromkeys(("spine", "thorax", "nose", "head_top"), _UP),
    **dict.fromkeys(("right_knee", "right_ankle", "left_knee", "left_ankle"), _DOWN),
}


@dataclass(frozen=True, eq=False)
class BoneMotion:
    """Bones by the index of the joint they end at; index 0 is the root. T frames."""

    rest_mm: Float[np.ndarray, "17 3"]
    """The bone in the rest pose, from the parent's joint to its own; zero for the root. So a bone starts at
    `rest_mm[PARENTS[joint]]` from the start of its parent bone."""
    root_mm: Float[np.ndarray, "T 3"]
    local: Float[np.ndarray, "17 T 3 3"]
    """Each bone's T rotations against its parent bone; the root's in space."""
    found: Bool[np.ndarray, "T"]
    """False where a pose is only held."""
    time_s: Float[np.ndarray, "T"]
    rate_hz: float

    def joints_mm(self) -> Float[np.ndarray, "T 17 3"]:
        """Where the joints come to lie."""
        places = np.repeat(self.root_mm[:, None], len(JOINT_NAMES), axis=1)
        in_space = self.local.copy()
        for parent, joint in BONES:
            in_space[joint] = in_space[parent] @ self.local[joint]
            places[:, joint] = places[:, parent] + turned(in_space[joint], self.rest_mm[joint])
        return places


def bone_motion(markers: Markers) -> BoneMotion:
    """The motion of the bones through all frames, even those without a person; see above how. At least one is found."""
    found = np.flatnonzero(markers.found)
    last = np.searchsorted(found, np.arange(len(markers.frame)), side="right") - 1
    places = markers.places_mm[found].astype(np.float64)
    lengths = np.median(bone_lengths(places), axis=0)
    rest_mm = np.zeros((len(JOINT_NAMES), 3))
    local = np.zeros((len(JOINT_NAMES), len(found), 3, 3))
    local[ROOT] = _hips(places)
    in_space = local.copy()
    for (parent, joint), length in zip(BONES, lengths, strict=True):
        direction = np.array(_REST_DIRECTIONS[JOINT_NAMES[joint]])
        rest_mm[joint] = length * direction
        bone = turned(np.swapaxes(in_space[parent], -1, -2), places[:, joint] - places[:, parent])
        local[joint] = smallest_rotations(np.broadcast_to(direction, bone.shape), _unit(bone, direction))
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


def _hips(places: Float[np.ndarray, "N 17 3"]) -> Float[np.ndarray, "N 3 3"]:
    """The root's rotation: x from the right to the left hip, y to the thorax as near as may be."""
    index = JOINT_NAMES.index
    x = _unit(places[:, index("left_hip")] - places[:, index("right_hip")], np.array(_LEFT))
    up = _unit(places[:, index("thorax")] - places[:, ROOT], np.array(_UP))
    z = _unit(np.cross(x, up), np.array([0.0, 0, 1]))
    return np.stack([x, np.cross(z, x), z], axis=2)


def _unit(vectors: Float[np.ndarray, "N 3"], otherwise: Float[np.ndarray, "3"]) -> Float[np.ndarray, "N 3"]:
    """The vectors at length 1; those without a direction are replaced."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(lengths > 1e-9, vectors / np.maximum(lengths, 1e-9), otherwise)
