"""BVH files as bvhio reads them: its own kinematics puts the joints where the Track has them."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from body.formats.walks import make_walk, places_mm
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
