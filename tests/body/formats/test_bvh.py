"""BVH files as bvhio reads them: its own kinematics puts the joints where the Track has them."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from body.formats.walks import make_walk, places_mm

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
