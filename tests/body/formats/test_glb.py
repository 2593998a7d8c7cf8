"""GLB files as pygltflib reads them: the nodes, moved by the animation, lie where the Track has its
joints.
"""

import struct

import numpy as np
import pytest
from body.formats.walks import LENGTHS_MM, make_walk, places_mm
from pygltflib import GLTF2
from scipy.spatial.transform import Rotation

from posegrid.body.formats.animation import BONE_NAMES, END_NAMES
from posegrid.body.skeleton import BONES, JOINT_NAMES

WALK = make_walk()
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
