"""A motion in the world as other programs read it: on the floor, from the origin, along an axis."""

from dataclasses import replace
from pathlib import Path

import ezc3d
import numpy as np
import pytest
from body.formats.test_animation import node_places_m, read_joints_cm
from body.formats.test_text import read_trc
from body.formats.test_usd import joint_places_m
from motion.walks import ANKLE_MM, walk_track, with_feet
from pygltflib import GLTF2

from posegrid.body.formats.animation import BONE_NAMES, END_NAMES
from posegrid.body.skeleton import BONES, JOINT_NAMES
from posegrid.errors import OutputError
from posegrid.motion.feet import ANKLES
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.world import AXES_OF, up_of_camera

TIME_S = np.arange(60) / 30
PITCH_RAD = 0.2


def as_motion(track) -> MotionTrack:
    return MotionTrack(**{name: getattr(track, name) for name in track.__dataclass_fields__})


@pytest.fixture(scope="module")
def walk() -> MotionTrack:
    """Seen by a camera that looks down, walking aslant across the picture."""
    track = walk_track(TIME_S)
    cosine, sine = np.cos(0.6), np.sin(0.6)
    aslant = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    cosine, sine = np.cos(PITCH_RAD), np.sin(PITCH_RAD)
    tilt = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    middle = np.array([0.0, 0.0, 4000.0])
    joints = track.joints_mm @ aslant.T @ tilt.T
    root = ((track.root_mm - middle) @ aslant.T + middle) @ tilt.T
    return as_motion(
        replace(track, joints_mm=joints.astype(np.float32), root_mm=root.astype(np.float32))
    )


def read_mm(path: Path) -> np.ndarray:
    """(T, 17, 3) in the file's own axes, by another program."""
    match path.suffix:
        case ".trc":
            return 1000 * read_trc(path)[3]
        case ".c3d":
            return ezc3d.c3d(str(path))["data"]["points"][:3].transpose(2, 1, 0)
        case ".bvh":
            return 10 * read_joints_cm(path)
        case ".usd":
            places = joint_places_m(path, np.arange(len(TIME_S)))
        case _:
            places = node_places_m(GLTF2().load(str(path)), len(TIME_S))
    names = [next((c for p, c in BONES if p == joint), None) for joint in range(17)]
    nodes = [
        END_NAMES[JOINT_NAMES[joint]] if child is None else BONE_NAMES[JOINT_NAMES[child]]
        for joint, child in enumerate(names)
    ]
    return 1000 * np.stack([places[node] for node in nodes], axis=1)


@pytest.mark.parametrize("ending", AXES_OF)
def test_other_programs_find_the_walker_on_the_floor_walking_along_an_axis(ending, walk, tmp_path):
    walk.to_world(np.array(up_of_camera(PITCH_RAD))).save(tmp_path / f"walk{ending}")
    axes = AXES_OF[ending].split()
    places = read_mm(tmp_path / f"walk{ending}")
    up, forwards = places[..., axes.index("U")], places[..., axes.index("F")]
    aside = places[..., 3 - axes.index("U") - axes.index("F")]
    assert np.median(up[:, ANKLES].min(axis=1)) == pytest.approx(ANKLE_MM, abs=1)
    assert up[:, JOINT_NAMES.index("head_top")].min() > 1400
    assert (forwards[0, 0], aside[0, 0]) == pytest.approx((0, 0), abs=0.1)
    assert np.abs(aside[:, 0]).max() < 1 and np.diff(forwards[:, 0]).min() > 0
    assert forwards[-1, 0] == pytest.approx(1100 / 1.1 * TIME_S[-1], abs=2)
    # The left hip lies to the left of a person who walks ahead, in a right-handed frame.
    side = 1 if "L" in axes else -1
    assert side * aside[0, JOINT_NAMES.index("left_hip")] > 50
    turn = np.stack(
        [{"F": [1, 0, 0], "L": [0, 1, 0], "R": [0, -1, 0], "U": [0, 0, 1]}[a] for a in axes]
    )
    assert np.linalg.det(turn) == pytest.approx(1)


def test_a_tracks_files_are_on_the_floor_unless_its_camera_moved(walk, tmp_path):
    walk.save(tmp_path / "floor.trc")
    walk.to_world().save(tmp_path / "world.trc")
    floor = read_mm(tmp_path / "floor.trc")
    np.testing.assert_array_equal(floor, read_mm(tmp_path / "world.trc"))
    assert np.median(floor[:, ANKLES, 1].min(axis=1)) == pytest.approx(ANKLE_MM, abs=5)
    moved = replace(walk, camera_fixed=False)
    moved.save(tmp_path / "moved.trc")
    walk.save(tmp_path / "camera.trc", camera_frame=True)
    camera = read_mm(tmp_path / "camera.trc")
    np.testing.assert_array_equal(read_mm(tmp_path / "moved.trc"), camera)
    in_camera = (walk.joints_mm + walk.root_mm[:, None]) * [1, -1, -1]
    np.testing.assert_allclose(camera, in_camera, atol=0.01)
    walk.save(tmp_path / "pinned.trc", pinned=True)
    assert np.abs(read_mm(tmp_path / "pinned.trc")[:, 0]).max() == 0


def test_somebody_on_the_spot_faces_along_the_axis(walk, tmp_path):
    still = replace(walk, root_mm=np.repeat(walk.root_mm[:1], len(walk), axis=0))
    still.save(tmp_path / "still.trc")
    places = read_mm(tmp_path / "still.trc")
    left = places[:, JOINT_NAMES.index("left_hip")] - places[:, JOINT_NAMES.index("right_hip")]
    direction = left.mean(axis=0) / np.linalg.norm(left.mean(axis=0))
    assert direction == pytest.approx([0, 0, -1], abs=0.05)


def test_other_endings_are_refused(walk, tmp_path):
    with pytest.raises(OutputError, match=r"expected a name that ends in \.trc, \.c3d, \.bvh"):
        walk.to_world().save(tmp_path / "walk.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", MotionTrack.ENDINGS)
def test_a_motion_whose_times_run_backwards_is_not_saved(tmp_path, ending):
    track = as_motion(walk_track(TIME_S.copy()))
    track.time_s[7] = 0.0
    with pytest.raises(OutputError, match="row 7: time_s cannot be, expected more than in the row"):
        track.save(tmp_path / f"walk{ending}")
    assert not list(tmp_path.iterdir())


def test_angles_for_opensim_have_its_names_signs_and_no_gaps(walk, tmp_path):
    gap = walk.joints_mm.copy()
    gap[5] = np.nan
    replace(walk, joints_mm=gap).save(tmp_path / "walk.mot")
    head, table = (tmp_path / "walk.mot").read_text().split("endheader\n")
    assert "inDegrees=yes" in head and f"nRows={len(walk) - 1}" in head
    names, *rows = (line.split("\t") for line in table.splitlines())
    values = dict(zip(names, np.array(rows, float).T, strict=True))
    assert len(rows) == len(walk) - 1 and f"nColumns={len(names)}" in head
    kept = np.delete(np.arange(len(walk)), 5)
    assert values["time"] == pytest.approx(walk.time_s[kept], abs=1e-6)
    angles = walk.angles()
    for name, angle, sign in (
        ("knee_angle_r", "right_knee_flexion_deg", 1),
        ("hip_adduction_l", "left_hip_abduction_deg", -1),
        ("pelvis_tilt", "trunk_flexion_deg", -1),
    ):
        assert values[name] == pytest.approx(sign * angles[angle][kept], abs=1e-4)
    assert not any(name.startswith("ankle") for name in names)
    footed = as_motion(with_feet(walk_track(walk.time_s), pitch_rad=0.2))
    footed.save(tmp_path / "feet.mot")
    names, *rows = (
        line.split("\t") for line in (tmp_path / "feet.mot").read_text().splitlines()[6:]
    )
    assert names[-2:] == ["ankle_angle_r", "ankle_angle_l"]
    expected = footed.angles()["left_ankle_dorsiflexion_deg"]
    assert np.array(rows, float)[:, -1] == pytest.approx(expected, abs=1e-4)
