"""BVH, for Blender, Unity and the like: the skeleton and its turns as text.

Centimetres, y up, z towards the camera, degrees; each joint's rotation is Rz Rx Ry, as its channels are listed.
The joints at the ends (feet, hands, crown) do not turn and have no length. What the bones are and how they turn:
`bones.py`. The rate is constant: see `Markers.evenly_timed`.
"""

import numpy as np
from jaxtyping import Float

from posegrid.body.formats.bones import BONE_NAMES, END_NAMES, BoneMotion
from posegrid.body.rotations import angles_zxy
from posegrid.body.skeleton import JOINT_NAMES, PARENTS, ROOT

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
    head = ["HIERARCHY", *hierarchy, "MOTION", f"Frames: {len(rows)}", f"Frame Time: {1 / motion.rate_hz:.8f}"]
    return "\n".join([*head, *(" ".join(f"{value:.4f}" for value in row) for row in rows)]) + "\n"


def _joint(motion: BoneMotion, joint: int, order: list[int], indent: str) -> list[str]:
    """Lines of a joint of the hierarchy and all below it; `order` gets its index, in the order of the channels."""
    order.append(joint)
    inner = indent + "\t"
    if joint == ROOT:
        start, channels = "ROOT", f"CHANNELS 6 Xposition Yposition Zposition {_TURN}"
    else:
        start, channels = "JOINT", f"CHANNELS 3 {_TURN}"
    lines = _opened(start, BONE_NAMES[JOINT_NAMES[joint]], motion.rest_mm[PARENTS[joint]], indent)
    lines.append(inner + channels)
    children = [child for child, parent in enumerate(PARENTS) if parent == joint]
    for child in children:
        lines += _joint(motion, child, order, inner)
    return [*lines, *([] if children else _end(motion, joint, order, inner)), f"{indent}}}"]


def _end(motion: BoneMotion, joint: int, order: list[int], indent: str) -> list[str]:
    """Lines of the joint at the end of a last bone (a foot, a hand): many readers leave out an End Site."""
    order.append(END)
    inner = indent + "\t"
    lines = _opened("JOINT", END_NAMES[JOINT_NAMES[joint]], motion.rest_mm[joint], indent)
    site = _opened("End", "Site", np.zeros(3), inner)
    return [*lines, f"{inner}CHANNELS 3 {_TURN}", *site, f"{inner}}}", f"{indent}}}"]


def _opened(kind: str, name: str, offset_mm: np.ndarray, indent: str) -> list[str]:
    offset = " ".join(f"{value:.4f}" for value in offset_mm * CM_PER_MM)
    return [f"{indent}{kind} {name}", f"{indent}{{", f"{indent}\tOFFSET {offset}"]


def _angles_deg(turns: Float[np.ndarray, "T 3 3"]) -> Float[np.ndarray, "T 3"]:
    """Angles of the channels; they run on beyond 180 degrees rather than jump."""
    return np.degrees(np.unwrap(np.stack(angles_zxy(turns), axis=1), axis=0))
