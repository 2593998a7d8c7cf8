"""GLB files (glTF 2.0, Khronos 2017): a skeleton that any 3D viewer shows, with a small body of
bones as its skin: metres, y up, z towards the camera, which is glTF's own convention. One node per
bone, one at the end of each last bone. Key times are the Track's own; frames without a person have
no keys: players pass over them evenly. The person's left is blue, right orange, the middle grey.
"""

import json
import struct

import numpy as np
from jaxtyping import Float

from posegrid import __version__
from posegrid.body.formats.animation import BoneMotion, bone_name, end_name
from posegrid.body.skeleton import PARENTS_21, ROOT, side_of

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
        place_m, name = (offset * M_PER_MM).tolist(), bone_name(joint)
        nodes.append({"name": name, "translation": place_m, "rotation": turn})
    for parent, joint in motion.bones:
        nodes[parent].setdefault("children", []).append(joint)
    for joint in motion.ends:
        nodes[joint]["children"] = [len(nodes)]
        place_m, name = (motion.rest_mm[joint] * M_PER_MM).tolist(), end_name(joint)
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
