"""Animation files, BVH and GLB: a motion as turning bones of constant length.

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

GLB (glTF 2.0, Khronos 2017) is a skeleton that any 3D viewer shows, with a small body of bones as
its skin: metres, y up, z towards the camera, which is glTF's own convention. One node per bone, one
at the end of each last bone. Key times are the Track's own; frames without a person have no keys:
players pass over them evenly. The person's left is blue, right orange, the middle grey.
"""

import json
import struct
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from posegrid import __version__
from posegrid.body.formats.c3d import Markers
from posegrid.body.rotations import angles_zxy, smallest_rotations, turned
from posegrid.body.skeleton import (
    BONES_21,
    HUMAN36M_21,
    JOINT_NAMES,
    PARENTS_21,
    ROOT,
    bone_lengths,
    side_of,
)

_NAMES = HUMAN36M_21.joint_names

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
    lengths = np.nanmedian(bone_lengths(places), axis=0)
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
    lines = _opened(start, BONE_NAMES[_NAMES[joint]], offset_mm, indent)
    lines.append(inner + channels)
    children = [child for parent, child in motion.bones if parent == joint]
    for child in children:
        lines += _joint(motion, child, order, inner)
    return [*lines, *([] if children else _end(motion, joint, order, inner)), f"{indent}}}"]


def _end(motion: BoneMotion, joint: int, order: list[int], indent: str) -> list[str]:
    """Lines of the joint at a last bone's end (a foot, a hand): many readers leave End Sites out."""
    order.append(END)
    inner = indent + "\t"
    lines = _opened("JOINT", END_NAMES[_NAMES[joint]], motion.rest_mm[joint], indent)
    site = _opened("End", "Site", np.zeros(3), inner)
    return [*lines, f"{inner}CHANNELS 3 {_TURN}", *site, f"{inner}}}", f"{indent}}}"]


def _opened(kind: str, name: str, offset_mm: np.ndarray, indent: str) -> list[str]:
    offset = " ".join(f"{value:.4f}" for value in offset_mm * CM_PER_MM)
    return [f"{indent}{kind} {name}", f"{indent}{{", f"{indent}\tOFFSET {offset}"]


def _angles_deg(turns: Float[np.ndarray, "T 3 3"]) -> Float[np.ndarray, "T 3"]:
    """Angles of the channels; they run on beyond 180 degrees rather than jump."""
    return np.degrees(np.unwrap(np.stack(angles_zxy(turns), axis=1), axis=0))


M_PER_MM = 0.001
THICKNESS = 0.09
"""Half the width of a bone, as a share of its length; its widest place is at WIDEST."""
WIDEST = 0.2
COLOURS = {
    "left": (0.0, 0.168, 0.445),
    "right": (0.665, 0.112, 0.0),
    "middle": (0.114, 0.114, 0.141),
}
"""Linear RGB of the colours that the pictures have, too (Okabe & Ito, 2008)."""
_FLOAT, _BYTE = 5126, 5121
_KINDS = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


def glb_bytes(motion: BoneMotion, source: str) -> bytes:
    """The whole file."""
    buffer = _Buffer()
    nodes, joints = _nodes(motion)
    animation = _animation(motion, buffer)
    content = {
        "asset": {
            "version": "2.0",
            "generator": f"posegrid {__version__}",
            "extras": {"source": source, "unit": "m"},
        },
        "scene": 0,
        "scenes": [{"name": source, "nodes": [0, len(nodes)]}],
        "nodes": [*nodes, {"name": "Body", "mesh": 0, "skin": 0}],
        "skins": [
            {
                "joints": joints,
                "skeleton": 0,
                "inverseBindMatrices": buffer.add(_unbinding(motion), 16),
            }
        ],
        "meshes": [{"name": "Bones", "primitives": _body(motion, buffer)}],
        "materials": [_material(name) for name in COLOURS],
        "animations": [animation],
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.content)}],
    }
    text = json.dumps(content, separators=(",", ":")).encode()
    chunks = _chunk(text, b"JSON", b" ") + _chunk(bytes(buffer.content), b"BIN\0", b"\0")
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


class _Buffer:
    """The file's numbers, and where each array of them lies."""

    def __init__(self) -> None:
        self.content, self.views, self.accessors = bytearray(), [], []

    def add(self, values: np.ndarray, width: int, *, bounds: bool = False) -> int:
        """Index of the accessor of floats, or of bytes if uint8; `bounds`: of times and places."""
        kind = _BYTE if values.dtype == np.uint8 else _FLOAT
        rows = values.reshape(-1, width).astype("u1" if kind == _BYTE else "<f4")
        self.views.append({"buffer": 0, "byteOffset": len(self.content), "byteLength": rows.nbytes})
        accessor = {
            "bufferView": len(self.views) - 1,
            "componentType": kind,
            "count": len(rows),
            "type": _KINDS[width],
        }
        if bounds:
            accessor |= {"min": rows.min(axis=0).tolist(), "max": rows.max(axis=0).tolist()}
        self.content += rows.tobytes() + bytes(-rows.nbytes % 4)
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def _nodes(motion: BoneMotion) -> tuple[list[dict], list[int]]:
    """The nodes, of bones by their joints' indices, then ends; and which move the skin (all)."""
    nodes = []
    for joint, local in enumerate(motion.local):
        offset = motion.rest_mm[PARENTS_21[joint]] if joint != ROOT else motion.root_mm[0]
        turn = quaternions(local[:1])[0].tolist()
        place_m, name = (offset * M_PER_MM).tolist(), BONE_NAMES[_NAMES[joint]]
        nodes.append({"name": name, "translation": place_m, "rotation": turn})
    for parent, joint in motion.bones:
        nodes[parent].setdefault("children", []).append(joint)
    for joint in motion.ends:
        nodes[joint]["children"] = [len(nodes)]
        place_m, name = (motion.rest_mm[joint] * M_PER_MM).tolist(), END_NAMES[_NAMES[joint]]
        nodes.append({"name": name, "translation": place_m})
    return nodes, list(range(len(nodes)))


def _animation(motion: BoneMotion, buffer: _Buffer) -> dict:
    """A key per frame with a person, for the root's place and every bone's turn; from time 0."""
    found = motion.found
    times = buffer.add((motion.time_s - motion.time_s[0])[found], 1, bounds=True)
    turns = [buffer.add(quaternions(turns[found]), 4) for turns in motion.local]
    outputs = [buffer.add(motion.root_mm[found] * M_PER_MM, 3), *turns]
    targets = [(ROOT, "translation"), *((joint, "rotation") for joint in range(len(turns)))]
    return {
        "name": "Motion",
        "samplers": [
            {"input": times, "output": output, "interpolation": "LINEAR"} for output in outputs
        ],
        "channels": [
            {"sampler": number, "target": {"node": node, "path": path}}
            for number, (node, path) in enumerate(targets)
        ],
    }


def quaternions(turns: Float[np.ndarray, "T 3 3"]) -> Float[np.ndarray, "T 4"]:
    """Unit quaternions (x, y, z, w) of rotations, each of the sign that is nearer to the one before."""
    from scipy.spatial.transform import Rotation  # half a second that only --formats glb pays for

    quaternions = Rotation.from_matrix(turns).as_quat()
    same = np.sum(quaternions[1:] * quaternions[:-1], axis=1) >= 0
    return quaternions * np.cumprod(np.r_[1.0, np.where(same, 1.0, -1.0)])[:, None]


def starts_mm(motion: BoneMotion) -> Float[np.ndarray, "J 3"]:
    """Where each bone starts in the rest pose, the root at the origin."""
    starts = np.zeros_like(motion.rest_mm)
    for parent, joint in motion.bones:
        starts[joint] = starts[parent] + motion.rest_mm[parent]
    return starts


def _unbinding(motion: BoneMotion) -> Float[np.ndarray, "M 16"]:
    """The inverse of each node's place in the rest pose, column by column as glTF has matrices."""
    starts = starts_mm(motion)
    places = np.concatenate([starts, (starts + motion.rest_mm)[motion.ends]]) * M_PER_MM
    matrices = np.tile(np.eye(4), (len(places), 1, 1))
    matrices[:, 3, :3] = -places
    return matrices.reshape(-1, 16)


def _body(motion: BoneMotion, buffer: _Buffer) -> list[dict]:
    """Flat octahedra from joint to joint, each moved by its bone alone; a primitive per colour."""
    starts = starts_mm(motion)
    primitives = []
    for material, side in enumerate(COLOURS):
        bones = [joint for _, joint in motion.bones if side_of(joint) == side]
        bodies = [octahedron(starts[joint], motion.rest_mm[joint]) for joint in bones]
        corners = M_PER_MM * np.concatenate(bodies)
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        movers = np.zeros((len(corners) * 3, 4), np.uint8)
        movers[:, 0] = np.repeat(bones, 24)
        attributes = {
            "POSITION": buffer.add(corners, 3, bounds=True),
            "NORMAL": buffer.add(np.repeat(normals, 3, axis=0), 3),
            "JOINTS_0": buffer.add(movers, 4),
            "WEIGHTS_0": buffer.add(np.tile([1.0, 0, 0, 0], (len(movers), 1)), 4),
        }
        primitives.append({"attributes": attributes, "material": material})
    return primitives


def octahedron(start_mm: np.ndarray, bone_mm: np.ndarray) -> Float[np.ndarray, "8 3 3"]:
    """Eight triangles, counter-clockwise from outside; too small to see for no length."""
    length = max(float(np.linalg.norm(bone_mm)), 1.0)
    along = bone_mm / length if np.any(bone_mm) else np.array([0.0, 1, 0])
    side = np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
    side /= np.linalg.norm(side)
    across = np.cross(along, side)
    ring = [
        start_mm + length * (WIDEST * along + THICKNESS * way)
        for way in (side, across, -side, -across)
    ]
    tail, head = start_mm, start_mm + length * along
    sides = [(ring[i], ring[(i + 1) % 4]) for i in range(4)]
    return np.array(
        [(two, one, tail) for one, two in sides] + [(one, two, head) for one, two in sides]
    )


def _material(side: str) -> dict:
    surface = {
        "baseColorFactor": [*COLOURS[side], 1.0],
        "metallicFactor": 0.0,
        "roughnessFactor": 0.8,
    }
    return {"name": side, "pbrMetallicRoughness": surface}


def _chunk(content: bytes, kind: bytes, filling: bytes) -> bytes:
    """A length, a kind and the content, filled up to four bytes."""
    content += filling * (-len(content) % 4)
    return struct.pack("<I4s", len(content), kind) + content
