"""GLB (glTF 2.0, Khronos 2017): an animated skeleton that any 3D viewer shows, with a small body of bones as its skin.

Metres, y up, z towards the camera, which is glTF's own convention. One node per bone (`bones.py`), one at the end of
each last bone. Key times are the Track's own; frames without a person have no keys: players pass over them evenly. The
person's left is blue, right orange, the middle grey.
"""

import json
import struct

import numpy as np
from jaxtyping import Float

from posegrid import __version__
from posegrid.body.formats.bones import BONE_NAMES, END_NAMES, BoneMotion
from posegrid.body.rotations import quaternions
from posegrid.body.skeleton import BONES, JOINT_NAMES, LEFT_JOINTS, PARENTS, RIGHT_JOINTS, ROOT

M_PER_MM = 0.001
THICKNESS = 0.09
"""Half the width of a bone, as a share of its length; its widest place is at WIDEST."""
WIDEST = 0.2
COLOURS = {"left": (0.0, 0.168, 0.445), "right": (0.665, 0.112, 0.0), "middle": (0.114, 0.114, 0.141)}
"""Linear RGB of the colours that the pictures have, too (Okabe & Ito, 2008)."""
_FLOAT, _BYTE = 5126, 5121
_KINDS = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


def glb_bytes(motion: BoneMotion, source: str) -> bytes:
    """The whole file."""
    buffer = _Buffer()
    nodes, joints = _nodes(motion)
    animation = _animation(motion, buffer)
    content = {
        "asset": {"version": "2.0", "generator": f"posegrid {__version__}", "extras": {"source": source, "unit": "m"}},
        "scene": 0,
        "scenes": [{"name": source, "nodes": [0, len(nodes)]}],
        "nodes": [*nodes, {"name": "Body", "mesh": 0, "skin": 0}],
        "skins": [{"joints": joints, "skeleton": 0, "inverseBindMatrices": buffer.add(_unbinding(motion), 16)}],
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
        """Index of the accessor of an array of floats, or of bytes if it is uint8; `bounds` for times and positions."""
        kind = _BYTE if values.dtype == np.uint8 else _FLOAT
        rows = values.reshape(-1, width).astype("u1" if kind == _BYTE else "<f4")
        self.views.append({"buffer": 0, "byteOffset": len(self.content), "byteLength": rows.nbytes})
        accessor = {"bufferView": len(self.views) - 1, "componentType": kind, "count": len(rows), "type": _KINDS[width]}
        if bounds:
            accessor |= {"min": rows.min(axis=0).tolist(), "max": rows.max(axis=0).tolist()}
        self.content += rows.tobytes() + bytes(-rows.nbytes % 4)
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def _nodes(motion: BoneMotion) -> tuple[list[dict], list[int]]:
    """The nodes, those of the bones by their joints' indices, then the ends; and which of them move the skin (all)."""
    nodes = []
    for joint, name in enumerate(JOINT_NAMES):
        offset = motion.rest_mm[PARENTS[joint]] if joint != ROOT else motion.root_mm[0]
        turn = quaternions(motion.local[joint, 0]).tolist()
        nodes.append({"name": BONE_NAMES[name], "translation": (offset * M_PER_MM).tolist(), "rotation": turn})
    for parent, joint in BONES:
        nodes[parent].setdefault("children", []).append(joint)
    for name, end in END_NAMES.items():
        joint = JOINT_NAMES.index(name)
        nodes[joint]["children"] = [len(nodes)]
        nodes.append({"name": end, "translation": (motion.rest_mm[joint] * M_PER_MM).tolist()})
    return nodes, list(range(len(nodes)))


def _animation(motion: BoneMotion, buffer: _Buffer) -> dict:
    """A key per frame with a person, for the root's place and every bone's rotation; time 0 is the first frame's."""
    found = motion.found
    times = buffer.add((motion.time_s - motion.time_s[0])[found], 1, bounds=True)
    turns = [buffer.add(_continuous(quaternions(turns[found])), 4) for turns in motion.local]
    outputs = [buffer.add(motion.root_mm[found] * M_PER_MM, 3), *turns]
    targets = [(ROOT, "translation"), *((joint, "rotation") for joint in range(len(JOINT_NAMES)))]
    return {
        "name": "Motion",
        "samplers": [{"input": times, "output": output, "interpolation": "LINEAR"} for output in outputs],
        "channels": [
            {"sampler": number, "target": {"node": node, "path": path}} for number, (node, path) in enumerate(targets)
        ],
    }


def _continuous(quaternions: Float[np.ndarray, "T 4"]) -> Float[np.ndarray, "T 4"]:
    """The same rotations, each quaternion of the sign that is nearer to the one before."""
    same = np.sum(quaternions[1:] * quaternions[:-1], axis=1) >= 0
    return quaternions * np.cumprod(np.r_[1.0, np.where(same, 1.0, -1.0)])[:, None]


def _starts_mm(motion: BoneMotion) -> Float[np.ndarray, "17 3"]:
    """Where each bone starts in the rest pose, the root at the origin."""
    starts = np.zeros((len(JOINT_NAMES), 3))
    for parent, joint in BONES:
        starts[joint] = starts[parent] + motion.rest_mm[parent]
    return starts


def _unbinding(motion: BoneMotion) -> Float[np.ndarray, "M 16"]:
    """The inverse of each node's place in the rest pose, column by column as glTF has matrices."""
    starts = _starts_mm(motion)
    leaves = [JOINT_NAMES.index(name) for name in END_NAMES]
    places = np.concatenate([starts, starts[leaves] + motion.rest_mm[leaves]]) * M_PER_MM
    matrices = np.tile(np.eye(4), (len(places), 1, 1))
    matrices[:, 3, :3] = -places
    return matrices.reshape(-1, 16)


def _body(motion: BoneMotion, buffer: _Buffer) -> list[dict]:
    """Octahedra from joint to joint, flat, each moved by its bone alone; one primitive per colour."""
    starts = _starts_mm(motion)
    primitives = []
    for material, side in enumerate(COLOURS):
        bones = [joint for joint in range(len(JOINT_NAMES)) if joint != ROOT and _side(joint) == side]
        corners = np.concatenate([_octahedron(starts[joint], motion.rest_mm[joint]) for joint in bones]) * M_PER_MM
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


def _octahedron(start_mm: np.ndarray, bone_mm: np.ndarray) -> Float[np.ndarray, "8 3 3"]:
    """Eight triangles, seen from outside counter-clockwise. A bone without length gets a body too small to be seen."""
    length = max(float(np.linalg.norm(bone_mm)), 1.0)
    along = bone_mm / length if np.any(bone_mm) else np.array([0.0, 1, 0])
    side = np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
    side /= np.linalg.norm(side)
    across = np.cross(along, side)
    ring = [start_mm + length * (WIDEST * along + THICKNESS * way) for way in (side, across, -side, -across)]
    tail, head = start_mm, start_mm + length * along
    sides = [(ring[i], ring[(i + 1) % 4]) for i in range(4)]
    return np.array([(two, one, tail) for one, two in sides] + [(one, two, head) for one, two in sides])


def _side(joint: int) -> str:
    return "left" if joint in LEFT_JOINTS else "right" if joint in RIGHT_JOINTS else "middle"


def _material(side: str) -> dict:
    surface = {"baseColorFactor": [*COLOURS[side], 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.8}
    return {"name": side, "pbrMetallicRoughness": surface}


def _chunk(content: bytes, kind: bytes, filling: bytes) -> bytes:
    """A length, a kind and the content, filled up to four bytes."""
    content += filling * (-len(content) % 4)
    return struct.pack("<I4s", len(content), kind) + content
