"""BVH files as bvhio reads them, GLB files as pygltflib does: their joints lie where the Track has
them.
"""

import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from body.formats.walks import LENGTHS_MM, make_walk, places_mm
from pygltflib import GLTF2
from scipy.spatial.transform import Rotation

from posegrid.body.formats.animation import BONE_NAMES, END_NAMES
from posegrid.body.skeleton import BONES, JOINT_NAMES

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # bvhio imports PyGLM by a name that will go
    import bvhio

WALK = make_walk()


def read_joints_cm(path: Path) -> np.ndarray:
    """Places of the 17 joints in every frame by bvhio."""
    root = bvhio.readAsHierarchy(str(path))
    places = []
    for frame in range(bvhio.readAsBvh(str(path)).FrameCount):
        root.loadPose(frame)
        places.append([_place(root, joint) for joint in range(len(JOINT_NAMES))])
    return np.array(places)


def _place(root: bvhio.Joint, joint: int) -> list[float]:
    child = next((child for parent, child in BONES if parent == joint), None)
    name = END_NAMES[JOINT_NAMES[joint]] if child is None else BONE_NAMES[JOINT_NAMES[child]]
    (bone,) = root.filter(name, isEqual=True)
    return list(bone.PositionWorld)


def test_joints_lie_where_the_track_has_them(tmp_path):
    WALK.save(tmp_path / "walk.bvh")
    read_mm = read_joints_cm(tmp_path / "walk.bvh") * 10
    true_mm = places_mm(WALK)
    held = [0, 1, 10, 20]
    found = np.setdiff1d(np.arange(len(WALK)), held)
    assert np.abs(read_mm[found] - true_mm[found]).max() < 0.05
    # Frames without a person or place hold the pose before them, the first ones the pose after.
    assert read_mm[held] == pytest.approx(read_mm[[2, 2, 9, 19]], abs=1e-6)


def joints_by_offsets_mm(text: str) -> dict[str, np.ndarray]:
    """Places (T, 3) of every joint, by name, as readers have them that add each OFFSET, the root's
    too, to the channels' positions (three.js does).
    """
    hierarchy, motion = text.split("MOTION")
    values = np.array([line.split() for line in motion.splitlines()[3:]], dtype=float)
    places, turns, open_joints, column = {}, {}, [], 0
    for words in map(str.split, hierarchy.splitlines()):
        if words[:1] in (["ROOT"], ["JOINT"], ["End"]):
            open_joints.append(words[1])
        elif words[:1] == ["}"]:
            open_joints.pop()
        elif words[:1] == ["OFFSET"]:
            offset = np.tile(np.array(words[1:], dtype=float), (len(values), 1))
        elif words[:1] == ["CHANNELS"]:
            (name, *_), above = reversed(open_joints), open_joints[:-1]
            own = values[:, column : column + int(words[1])]
            column += int(words[1])
            local = Rotation.from_euler("ZXY", own[:, -3:], degrees=True)
            if above:
                places[name] = places[above[-1]] + turns[above[-1]].apply(offset)
                turns[name] = turns[above[-1]] * local
            else:
                places[name], turns[name] = offset + own[:, :3], local
    return {name: 10 * place for name, place in places.items()}


def test_readers_that_add_the_roots_offset_find_the_joints_in_the_same_place(tmp_path):
    WALK.save(tmp_path / "walk.bvh")
    read_mm = joints_by_offsets_mm((tmp_path / "walk.bvh").read_text())
    found = np.setdiff1d(np.arange(len(WALK)), [0, 1, 10, 20])
    true_mm = places_mm(WALK)
    for parent, child in BONES:
        starts = read_mm[BONE_NAMES[JOINT_NAMES[child]]]
        assert np.abs(starts - true_mm[:, parent])[found].max() < 0.05
    for name, end in END_NAMES.items():
        assert np.abs(read_mm[end] - true_mm[:, JOINT_NAMES.index(name)])[found].max() < 0.05


# --- GLB


FOUND = np.setdiff1d(np.arange(len(WALK)), [0, 1, 10, 20])


@pytest.fixture(scope="module")
def glb(tmp_path_factory: pytest.TempPathFactory) -> GLTF2:
    path = tmp_path_factory.mktemp("glb") / "walk.glb"
    WALK.save(path)
    return GLTF2().load(str(path))


def values(glb: GLTF2, accessor: int) -> np.ndarray:
    """The rows of an accessor."""
    entry = glb.accessors[accessor]
    view = glb.bufferViews[entry.bufferView]
    width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[entry.type]
    kind = {5126: "<f4", 5121: "u1"}[entry.componentType]
    content = glb.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    return np.frombuffer(content, kind).reshape(entry.count, width)


def node_places_m(glb: GLTF2, num_keys: int = len(FOUND)) -> dict[str, np.ndarray]:
    """Where each node of the skeleton lies in space at each key, by glTF's rules."""
    moved: dict[tuple[int, str], np.ndarray] = {}
    for channel in glb.animations[0].channels:
        sampler = glb.animations[0].samplers[channel.sampler]
        moved[channel.target.node, channel.target.path] = values(glb, sampler.output)
    places = {}

    def visit(index: int, turn: Rotation, place: np.ndarray) -> None:
        node = glb.nodes[index]
        place = place + turn.apply(moved.get((index, "translation"), node.translation))
        places[node.name] = place
        turn = turn * Rotation.from_quat(moved.get((index, "rotation"), [0, 0, 0, 1]))
        for child in node.children or []:
            visit(child, turn, place)

    visit(glb.scenes[0].nodes[0], Rotation.identity(num_keys), np.zeros((num_keys, 3)))
    return places


def test_nodes_lie_where_the_track_has_its_joints(glb):
    places = node_places_m(glb)
    for joint, name in enumerate(JOINT_NAMES):
        child = next((child for parent, child in BONES if parent == joint), None)
        node = END_NAMES[name] if child is None else BONE_NAMES[JOINT_NAMES[child]]
        assert places[node] * 1000 == pytest.approx(places_mm(WALK)[FOUND, joint], abs=0.05), name


def test_keys_stand_at_the_times_of_frames_with_a_person(glb):
    (times,) = {sampler.input for sampler in glb.animations[0].samplers}
    assert values(glb, times)[:, 0] == pytest.approx(FOUND / 25, abs=1e-5)


def test_every_corner_of_the_body_is_moved_by_its_bone_and_faces_outwards(glb):
    assert len(glb.skins[0].joints) == 17 + 5
    inverse = values(glb, glb.skins[0].inverseBindMatrices).reshape(-1, 4, 4)
    counted = 0
    for primitive in glb.meshes[0].primitives:
        corners, normals = (
            values(glb, a) for a in (primitive.attributes.POSITION, primitive.attributes.NORMAL)
        )
        movers = values(glb, primitive.attributes.JOINTS_0)
        assert (values(glb, primitive.attributes.WEIGHTS_0) == [1, 0, 0, 0]).all() and not movers[
            :, 1:
        ].any()
        for bone in np.unique(movers[:, 0]):
            mine = movers[:, 0] == bone
            length = LENGTHS_MM[bone - 1] / 1000
            local = corners[mine] + inverse[bone, 3, :3]
            assert np.linalg.norm(local, axis=1).max() == pytest.approx(length, rel=1e-4)
            outwards = corners[mine] - corners[mine].mean(axis=0)
            assert ((outwards * normals[mine]).sum(axis=1) > 0).all()
            counted += 1
    assert counted == 16


def test_the_file_says_its_length(tmp_path):
    WALK.save(tmp_path / "walk.glb")
    content = (tmp_path / "walk.glb").read_bytes()
    assert (
        struct.unpack("<4sII", content[:12]) == (b"glTF", 2, len(content)) and len(content) % 4 == 0
    )
