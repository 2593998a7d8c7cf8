"""Own recordings are read as docs/own-data.md describes them, and whatever is wrong is named with
its file.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posegrid.body.skeleton import JOINT_NAMES
from posegrid.datasets.folder import (
    FolderView,
    OwnRecordings,
    is_folder_tree,
    load_own_camera,
    load_poses,
)
from posegrid.datasets.sequence import Sequence
from posegrid.errors import SourceError

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_data"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return shutil.copytree(EXAMPLE, tmp_path / "own")


def front(root: Path) -> FolderView:
    return FolderView.of(root / "anna" / "walk" / "front.mp4")


def open_view(view: FolderView) -> Sequence:
    return OwnRecordings(view.video.parents[2]).open(view)


def test_the_example_is_read() -> None:
    assert is_folder_tree(EXAMPLE)
    assert [view.name for view in OwnRecordings(EXAMPLE).find()] == [
        "anna walk 1 front",
        "anna walk 1 side",
    ]
    sequence = open_view(front(EXAMPLE))
    assert (sequence.num_frames, sequence.fps, sequence.notes) == (20, 50.0, ())
    frames = list(sequence.open_frames(5))
    assert [frame.index for frame in frames] == [0, 5, 10, 15]
    for frame in frames:
        x, y = np.floor(sequence.keypoints_px[frame.index]).astype(int).T
        assert frame.mask is not None and frame.mask[y, x].mean() > 0.9


def test_the_two_cameras_see_one_world() -> None:
    worlds = []
    for view in OwnRecordings(EXAMPLE).find():
        sequence = open_view(view)
        worlds.append(sequence.camera.camera_to_world(sequence.pose_cam_mm.astype(np.float64)))
    np.testing.assert_allclose(worlds[0], worlds[1], atol=0.01)


def test_poses_in_the_camera_frame_and_as_npz_say_the_same(tree: Path) -> None:
    expected = open_view(front(tree)).pose_cam_mm
    (tree / "anna" / "walk" / "poses.csv").unlink()
    np.savez(tree / "anna" / "walk" / "front.poses.npz", pose_mm=expected)
    np.testing.assert_array_equal(open_view(front(tree)).pose_cam_mm, expected)


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    names = [f"{joint}_{axis}" for joint in JOINT_NAMES for axis in "xyz"]
    numbers = {name: float(index) for index, name in enumerate(names)}
    path = tmp_path / "poses.csv"
    path.write_text(
        f"{','.join(['time', *reversed(names)])}\n{','.join(['0', *(str(numbers[n]) for n in reversed(names))])}\n"
    )
    np.testing.assert_array_equal(load_poses(path).reshape(-1), np.arange(51))


def edit_camera(**changes: object):
    def edit(root: Path) -> None:
        path = root / "anna" / "walk" / "front.json"
        content = json.loads(path.read_text()) | changes
        path.write_text(
            json.dumps({key: value for key, value in content.items() if value is not None})
        )

    return edit


def beyond(root: Path) -> None:
    """The camera stands behind the person and looks away."""
    camera = load_own_camera(root / "anna" / "walk" / "front.json")
    edit_camera(
        centre_world_mm=(camera.centre_world_mm + 20_000 * camera.rot_world_to_cam[2]).tolist()
    )(root)


def edit_poses(old: str, new: str):
    def edit(root: Path) -> None:
        path = root / "anna" / "walk" / "poses.csv"
        path.write_text(path.read_text().replace(old, new, 1))

    return edit


def extra_pose(root: Path) -> None:
    path = root / "anna" / "walk" / "poses.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (edit_camera(focal_px=None), r"front\.json: is not a camera file: it has no 'focal_px'"),
        (edit_camera(focal_px=[1]), r"front\.json: .*focal_px is .*, expected 2 finite numbers"),
        (edit_camera(focal_px="wide"), r"front\.json: .*focal_px is .*, expected 2 finite numbers"),
        (
            edit_camera(size_wh=[64, 48]),
            r"front\.mp4: has 240 x 240 pixels, but its camera file says 64 x 48",
        ),
        (edit_camera(rot_world_to_cam=(2 * np.eye(3)).tolist()), r"front\.json: .*is no rotation"),
        (edit_camera(rot_world_to_cam=None), r"front\.json: .*no 'rot_world_to_cam'"),
        (beyond, r"poses\.csv: in frame 0 joints lie behind the camera of \S+front\.mp4"),
        (edit_poses("pelvis_x", "hip_x"), r"poses\.csv: .*its header lacks pelvis_x"),
        (edit_poses(",", ",x"), r"poses\.csv"),
        (extra_pose, r"poses\.csv: has 21 poses, but \S+front\.mp4 only 20 frames"),
        (
            lambda root: (root / "anna/walk/front.json").unlink(),
            r"front\.json: there is no such file",
        ),
        (
            lambda root: (root / "anna/walk/poses.csv").unlink(),
            r"front\.mp4: needs one file of poses.*there is none",
        ),
        (
            lambda root: (root / "anna/walk/front.masks/000007.png").unlink(),
            r"000007\.png: cannot be read as a mask",
        ),
        (
            lambda root: (root / "anna/walk/front.masks/000007.png").write_bytes(b"x"),
            r"000007\.png: cannot be read",
        ),
    ],
)
def test_what_is_wrong_is_named(tree: Path, damage, message: str) -> None:
    damage(tree)
    with pytest.raises(SourceError, match=message):
        list(open_view(front(tree)).open_frames())


def test_a_missing_number_is_named_with_its_frame(tree: Path) -> None:
    path = tree / "anna" / "walk" / "poses.csv"
    lines = path.read_text().splitlines()
    lines[4] = "," + lines[4].partition(",")[2]
    path.write_text("\n".join(lines))
    with pytest.raises(SourceError, match=r"poses\.csv: .*1 frames lack some \(first in frame 3\)"):
        load_poses(path)


def test_unknown_names_are_answered_with_the_known_ones(tree: Path) -> None:
    with pytest.raises(SourceError, match=r"has no camera top; it has front, side"):
        OwnRecordings(tree).find(cameras=("top",))
    with pytest.raises(SourceError, match=r"has no subject ben; it has anna"):
        OwnRecordings(tree).find(subjects=("ben",))


@pytest.mark.parametrize("kind", ["csv", "npz", "json", "png"])
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    share=st.floats(0.05, 1),
    flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 7)), max_size=6),
    rubbish=st.binary(max_size=16),
)
def test_damaged_bytes_are_read_or_refused_by_name(
    tmp_path_factory, kind, share, flips, rubbish
) -> None:
    root = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("own") / "own")
    folder = root / "anna" / "walk"
    names = {
        "csv": "poses.csv",
        "npz": "front.poses.npz",
        "json": "front.json",
        "png": "front.masks/000000.png",
    }
    path = folder / names[kind]
    if kind == "npz":
        np.savez(path, pose_mm=load_poses(folder / "poses.csv"))
        (folder / "poses.csv").unlink()
    content = bytearray(path.read_bytes())
    for at, bit in flips:
        content[int(at * len(content))] ^= 1 << bit
    path.write_bytes(bytes(content[: int(share * len(content))]) + rubbish)
    try:
        if kind == "json":
            load_own_camera(path)
        elif kind == "png":
            next(iter(open_view(front(root)).open_frames()))
        else:
            assert np.isfinite(load_poses(path)).all()
    except SourceError as error:
        assert path.name in str(error)
    shutil.rmtree(root)
