"""BVH files as bvhio reads them, GLB files as pygltflib does: their joints lie where the Track has
them.
"""

import json
import struct
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from body.formats.walks import (
    FOOT_MM,
    LENGTHS_MM,
    make_walk,
    make_walk_with_feet,
    node_names,
    places_mm,
)
from pygltflib import GLTF2
from scipy.spatial.transform import Rotation

from posegrid import __version__
from posegrid.body.formats.animation import BONE_NAMES, END_NAMES, bone_motion, bone_name, bvh_text
from posegrid.body.formats.c3d import Markers
from posegrid.body.formats.glb import octahedron, quaternions, starts_mm
from posegrid.body.rotations import rot_y, rotation_about
from posegrid.body.skeleton import BONES_21, HUMAN36M_21, JOINT_NAMES, mirrored
from posegrid.body.track import Track

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # bvhio imports PyGLM by a name that will go
    import bvhio

WALK, FOOTED = make_walk(), make_walk_with_feet()
both_walks = pytest.mark.parametrize("walk", [WALK, FOOTED], ids=["17", "21"])


def read_joints_cm(path: Path, num_joints: int = 17) -> np.ndarray:
    """Places of the joints in every frame by bvhio."""
    root = bvhio.readAsHierarchy(str(path))
    places = []
    for frame in range(bvhio.readAsBvh(str(path)).FrameCount):
        root.loadPose(frame)
        places.append([_place(root, name) for name in node_names(num_joints)])
    return np.array(places)


def _place(root: bvhio.Joint, name: str) -> list[float]:
    (bone,) = root.filter(name, isEqual=True)
    return list(bone.PositionWorld)


@both_walks
def test_joints_lie_where_the_track_has_them(walk, tmp_path):
    walk.save(tmp_path / "walk.bvh")
    true_mm = places_mm(walk)
    read_mm = read_joints_cm(tmp_path / "walk.bvh", true_mm.shape[1]) * 10
    held = [0, 1, 10, 20]
    found = np.setdiff1d(np.arange(len(walk)), held)
    assert np.abs(read_mm[found] - true_mm[found]).max() < 0.05
    # Frames without a person or place hold the pose before them, the first ones the pose after.
    assert read_mm[held] == pytest.approx(read_mm[[2, 2, 9, 19]], abs=1e-6)


MARKERS = Markers(WALK.frame, WALK.time_s, places_mm(WALK), 25.0, "walk.mp4")


def test_the_rest_pose_stretches_its_arms_and_faces_the_viewer():
    motion = bone_motion(MARKERS)
    starts = starts_mm(motion) + motion.rest_mm
    assert not motion.rest_mm[0].any()
    np.testing.assert_allclose(starts, mirrored(starts), atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(motion.rest_mm[1:], axis=1), LENGTHS_MM, rtol=1e-5)
    joint = JOINT_NAMES.index
    for name, direction in (
        ("left_hip", (1, 0, 0)),
        ("left_knee", (0, -1, 0)),
        ("left_ankle", (0, -1, 0)),
        ("left_shoulder", (1, 0, 0)),
        ("left_elbow", (1, 0, 0)),
        ("left_wrist", (1, 0, 0)),
        *((name, (0, 1, 0)) for name in ("spine", "thorax", "nose", "head_top")),
    ):
        rest = motion.rest_mm[joint(name)]
        assert rest / np.linalg.norm(rest) == pytest.approx(direction, abs=1e-9), name


def test_feet_rest_on_the_floor_with_toes_ahead():
    feet = Markers(FOOTED.frame, FOOTED.time_s, places_mm(FOOTED), 25.0, "walk.mp4")
    rest_mm = bone_motion(feet).rest_mm
    for side in ("right", "left"):
        for name, direction in (("heel", (0, -0.8, -0.6)), ("toe", (0, -0.6, 0.8))):
            rest = rest_mm[HUMAN36M_21.joint_names.index(f"{side}_{name}")]
            assert rest / np.linalg.norm(rest) == pytest.approx(direction, abs=1e-9), (side, name)


def test_bones_turn_to_where_the_joints_are_and_about_themselves_no_more():
    motion = bone_motion(MARKERS)
    held = np.maximum.accumulate(np.where(MARKERS.found, np.arange(len(WALK)), 2))
    np.testing.assert_allclose(motion.joints_mm(), places_mm(WALK)[held], atol=0.02)
    np.testing.assert_array_equal(motion.found, MARKERS.found)
    turns = motion.local
    np.testing.assert_allclose(
        turns @ np.swapaxes(turns, -1, -2), np.broadcast_to(np.eye(3), turns.shape), atol=1e-9
    )
    assert np.linalg.det(turns) == pytest.approx(1.0)
    for joint in range(1, 17):
        about = np.stack(
            [turns[joint][:, i - 1, i - 2] - turns[joint][:, i - 2, i - 1] for i in range(3)], -1
        )
        assert np.abs(about @ motion.rest_mm[joint]).max() < 1e-6, "the smallest turn"


def test_the_root_turns_with_the_hips():
    motion, places = bone_motion(MARKERS), places_mm(WALK)
    for row in np.flatnonzero(MARKERS.found):
        x, y, z = motion.local[0, row].T
        across = places[row, 4] - places[row, 1]
        assert x == pytest.approx(across / np.linalg.norm(across), abs=1e-6)
        up = places[row, 8] - places[row, 0]
        assert up @ y > 0 and abs(up @ z) < 1e-6 * np.linalg.norm(up)


def test_bones_without_a_length_stay_as_they_rest():
    nowhere = Markers(np.arange(2), np.arange(2) / 25, np.zeros((2, 17, 3)), 25.0, "point.mp4")
    motion = bone_motion(nowhere)
    np.testing.assert_allclose(motion.local, np.broadcast_to(np.eye(3), (17, 2, 3, 3)), atol=1e-12)
    assert not motion.joints_mm().any()


def test_a_bvh_says_its_frames_and_turns_without_jumps():
    """Somebody who turns round twice: 720 degrees, not back to 0."""
    angle = np.linspace(0, 4 * np.pi, 101)
    pose = places_mm(WALK)[5] - places_mm(WALK)[5, 0]
    turning = (rot_y(angle)[:, None] @ pose[None, :, :, None])[..., 0]
    text = bvh_text(bone_motion(Markers(np.arange(101), np.arange(101) / 50, turning, 50.0, "")))
    head, motion = text.split("MOTION\n")
    lines = motion.splitlines()
    assert lines[:2] == ["Frames: 101", "Frame Time: 0.02000000"] and len(lines) == 103
    values = np.array([line.split() for line in lines[2:]], dtype=float)
    assert np.abs(np.diff(values[:, 3:6], axis=0)).max() < 30
    assert values[-1, 5] - values[0, 5] == pytest.approx(720, abs=0.1)
    assert head.count("CHANNELS 6") == 1 and head.count("CHANNELS 3") == 16 + 5
    assert head.count("End Site") == 5 and values.shape[1] == 6 + 3 * 21
    for name in (BONE_NAMES["right_knee"], END_NAMES["left_wrist"]):
        (line,) = (line for line in head.splitlines() if line.split()[-1:] == [name])
        depth = {"RightUpLeg": 2, "LeftHand": 6}[name]
        assert line == "\t" * depth + f"JOINT {name}"


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


@both_walks
def test_readers_that_add_the_roots_offset_find_the_joints_in_the_same_place(walk, tmp_path):
    walk.save(tmp_path / "walk.bvh")
    read_mm = joints_by_offsets_mm((tmp_path / "walk.bvh").read_text())
    found = np.setdiff1d(np.arange(len(walk)), [0, 1, 10, 20])
    true_mm = places_mm(walk)
    for parent, child in BONES_21[: true_mm.shape[1] - 1]:
        starts = read_mm[bone_name(child)]
        assert np.abs(starts - true_mm[:, parent])[found].max() < 0.05
    assert len(read_mm) == (17 + 5 if walk is WALK else 21 + 7)
    for joint, name in enumerate(node_names(true_mm.shape[1])):
        assert np.abs(read_mm[name] - true_mm[:, joint])[found].max() < 0.05


@pytest.mark.parametrize("ending", [".bvh", ".glb", ".usd"])
def test_a_foot_that_is_never_known_has_no_length(ending, tmp_path):
    walk = make_walk_with_feet()
    walk.feet_mm[:, :2] = np.nan
    walk.save(tmp_path / f"walk{ending}")
    content = (tmp_path / f"walk{ending}").read_bytes()
    text = content[: 20 + struct.unpack("<I", content[12:16])[0]] if ending == ".glb" else content
    assert b"nan" not in text.lower()
    if ending == ".bvh":
        read_mm = read_joints_cm(tmp_path / "walk.bvh", 21) * 10
        np.testing.assert_allclose(read_mm[:, 17:19], read_mm[:, [3, 3]], atol=1e-3)
        assert np.linalg.norm(read_mm[:, 20] - read_mm[:, 6], axis=1).min() > 100


def test_feet_that_are_not_known_in_a_frame_hang_as_in_the_rest_pose(tmp_path):
    walk = make_walk_with_feet()
    walk.feet_mm[5] = np.nan
    walk.save(tmp_path / "walk.bvh")
    read_mm = read_joints_cm(tmp_path / "walk.bvh", 21) * 10
    assert np.isfinite(read_mm).all()
    np.testing.assert_allclose(read_mm[5, :17], places_mm(walk)[5, :17], atol=0.05)
    sole = np.linalg.norm(read_mm[5, 18] - read_mm[5, 17])
    assert 100 < sole < 350


# --- GLB


FOUND = np.setdiff1d(np.arange(len(WALK)), [0, 1, 10, 20])


@pytest.fixture(scope="module", params=[WALK, FOOTED], ids=["17", "21"])
def walk(request: pytest.FixtureRequest) -> Track:
    return request.param


@pytest.fixture(scope="module")
def glb(walk: Track, tmp_path_factory: pytest.TempPathFactory) -> GLTF2:
    path = tmp_path_factory.mktemp("glb") / "walk.glb"
    walk.save(path)
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


def test_nodes_lie_where_the_track_has_its_joints(glb, walk):
    places, true_mm = node_places_m(glb), places_mm(walk)[FOUND]
    for joint, node in enumerate(node_names(true_mm.shape[1])):
        assert places[node] * 1000 == pytest.approx(true_mm[:, joint], abs=0.05), node


def test_keys_stand_at_the_times_of_frames_with_a_person(glb):
    (times,) = {sampler.input for sampler in glb.animations[0].samplers}
    assert values(glb, times)[:, 0] == pytest.approx(FOUND / 25, abs=1e-5)


def test_every_corner_of_the_body_is_moved_by_its_bone_and_faces_outwards(glb, walk):
    assert len(glb.skins[0].joints) == (17 + 5 if walk is WALK else 21 + 7)
    lengths_mm = [*LENGTHS_MM, *(float(np.linalg.norm(point)) for point in 2 * FOOT_MM)]
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
            length = lengths_mm[bone - 1] / 1000
            local = corners[mine] + inverse[bone, 3, :3]
            assert np.linalg.norm(local, axis=1).max() == pytest.approx(length, rel=1e-4)
            outwards = corners[mine] - corners[mine].mean(axis=0)
            assert ((outwards * normals[mine]).sum(axis=1) > 0).all()
            counted += 1
    assert counted == (16 if walk is WALK else 20)


def test_the_file_says_its_length(tmp_path):
    WALK.save(tmp_path / "walk.glb")
    content = (tmp_path / "walk.glb").read_bytes()
    assert (
        struct.unpack("<4sII", content[:12]) == (b"glTF", 2, len(content)) and len(content) % 4 == 0
    )


def test_the_file_is_what_the_standard_asks_for(tmp_path):
    """glTF 2.0: chunks of whole fours, JSON first; views one after another in the binary chunk."""
    WALK.save(tmp_path / "walk.glb", pinned=True)
    content = (tmp_path / "walk.glb").read_bytes()
    length, kind = struct.unpack_from("<I4s", content, 12)
    text, rest = content[20 : 20 + length], content[20 + length :]
    binary_length, binary_kind = struct.unpack_from("<I4s", rest)
    assert (kind, binary_kind, length % 4, binary_length % 4) == (b"JSON", b"BIN\0", 0, 0)
    assert len(rest) == 8 + binary_length
    said = json.loads(text)
    assert said["asset"]["version"] == "2.0" and said["asset"]["generator"].endswith(__version__)
    assert said["asset"]["extras"] == {"source": "walk.mp4", "unit": "m"}
    assert said["buffers"] == [{"byteLength": binary_length}]
    end = 0
    for view in said["bufferViews"]:
        assert view["buffer"] == 0 and view["byteOffset"] == -(-end // 4) * 4
        end = view["byteOffset"] + view["byteLength"]
    assert -(-end // 4) * 4 == binary_length
    assert [entry["bufferView"] for entry in said["accessors"]] == list(
        range(len(said["accessors"]))
    )
    (scene,) = said["scenes"]
    assert said["scene"] == 0 and scene == {"name": "walk.mp4", "nodes": [0, 22]}
    assert said["nodes"][22] == {"name": "Body", "mesh": 0, "skin": 0} and len(said["nodes"]) == 23
    (skin,), (mesh,), (animation,) = said["skins"], said["meshes"], said["animations"]
    assert (skin["joints"], skin["skeleton"]) == (list(range(22)), 0)
    assert (mesh["name"], animation["name"]) == ("Bones", "Motion")
    assert {sampler["interpolation"] for sampler in animation["samplers"]} == {"LINEAR"}
    targets = [(c["target"]["node"], c["target"]["path"]) for c in animation["channels"]]
    assert targets == [(0, "translation"), *((joint, "rotation") for joint in range(17))]
    assert [channel["sampler"] for channel in animation["channels"]] == list(range(18))


def test_bounds_colours_and_surfaces_are_told(glb):
    for accessor, entry in enumerate(glb.accessors):
        if entry.min:
            found = values(glb, accessor)
            assert (entry.min, entry.max) == (
                found.min(axis=0).tolist(),
                found.max(axis=0).tolist(),
            )
    (times,) = {sampler.input for sampler in glb.animations[0].samplers}
    bounded = [times, *(part.attributes.POSITION for part in glb.meshes[0].primitives)]
    assert [a for a, entry in enumerate(glb.accessors) if entry.min] == sorted(bounded)
    names = [material.name for material in glb.materials]
    assert names == ["left", "right", "middle"]
    for material in glb.materials:
        surface = material.pbrMetallicRoughness
        red, green, blue, alpha = surface.baseColorFactor
        assert (alpha, surface.metallicFactor, surface.roughnessFactor) == (1.0, 0.0, 0.8)
        expected = {"left": blue > green > red, "right": red > green > blue, "middle": blue < 0.2}
        assert expected[material.name]
    for part in glb.meshes[0].primitives:
        movers = np.unique(values(glb, part.attributes.JOINTS_0)[:, 0])
        sides = {HUMAN36M_21.joint_names[mover].split("_")[0] for mover in movers}
        side = names[part.material]
        assert sides == {side} if side != "middle" else not sides & {"left", "right"}


def test_nodes_rest_as_in_the_first_frame_with_a_person(glb):
    motion = bone_motion(MARKERS)
    assert glb.nodes[0].translation == pytest.approx(places_mm(WALK)[2, 0] / 1000, abs=1e-9)
    for joint in range(17):
        turn = Rotation.from_quat(glb.nodes[joint].rotation).as_matrix()
        assert turn == pytest.approx(motion.local[joint, 0], abs=1e-4)


def test_quaternions_are_units_that_never_jump_to_the_other_sign():
    angle = np.linspace(0, 8 * np.pi, 200)
    turns = np.stack([rotation_about(np.array([1.0, 2.0, -1.0]), a) for a in angle])
    found = quaternions(turns)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0)
    assert (np.sum(found[1:] * found[:-1], axis=1) > 0.9).all()
    assert Rotation.from_quat(found).as_matrix() == pytest.approx(turns, abs=1e-12)
    assert quaternions(turns[:1])[0] == pytest.approx([0, 0, 0, 1])
    halves = quaternions(np.stack([np.eye(3), rot_y(np.pi), np.eye(3)]))
    assert halves[0] == pytest.approx(halves[2]), "a right angle between them is no jump"


def test_a_bones_body_by_hand():
    """100 mm up: 9 mm to each side at 20 mm, points at 0 and 100; closed, and seen from outside."""
    faces = octahedron(np.zeros(3), np.array([0.0, 100.0, 0.0]))
    corners = np.unique(faces.reshape(-1, 3).round(9) + 0.0, axis=0).tolist()
    ring = [[-9, 20, 0], [0, 20, -9], [0, 20, 9], [9, 20, 0]]
    assert sorted(corners) == sorted([[0, 0, 0], [0, 100, 0], *ring])
    edges = Counter(
        (tuple(face[i].round(6)), tuple(face[(i + 1) % 3].round(6)))
        for face in faces
        for i in range(3)
    )
    assert set(edges.values()) == {1} and all((end, start) in edges for start, end in edges)
    outwards = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
    assert ((faces.mean(axis=1) - [0, 30, 0]) * outwards).sum(axis=1).min() > 0
    shifted = octahedron(np.array([5.0, 6.0, 7.0]), np.array([0.0, 100.0, 0.0]))
    np.testing.assert_allclose(shifted, faces + [5, 6, 7])


def test_a_bone_without_a_length_has_a_body_too_small_to_see():
    faces = octahedron(np.full(3, 50.0), np.zeros(3))
    assert np.isfinite(faces).all() and 0 < np.abs(faces - 50).max() <= 1.0
    assert faces.reshape(-1, 3).max(axis=0) == pytest.approx([50.09, 51.0, 50.09])
