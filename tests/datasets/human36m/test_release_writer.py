"""What is written in Human3.6M's layout is read back by the libraries and the parsing that others
use for it.
"""

import resource
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cdflib
import h5py
import mat73
import numpy as np
import pytest
from datasets.human36m_tree import (
    NUM_FRAMES,
    SIZE_WH,
    make_camera,
    make_joints,
    make_mask,
    write_tree,
    write_view,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from posegrid.datasets.human36m.layout import CAMERA_IDS
from posegrid.datasets.human36m.metadata import (
    angles_of_rotation,
    load_metadata,
    rotation_of_angles,
)
from posegrid.datasets.human36m.release_files import MaskWriter, filled_box, write_pose_cdf
from posegrid.datasets.human36m.release_writer import (
    ACTIONS,
    SUBJECTS,
    ViewWriter,
    mark_synthetic,
    write_metadata,
    write_poses,
)
from posegrid.errors import OutputError
from posegrid.video.writer import VideoWriter

VIEW = f"Walking 1.{CAMERA_IDS[0]}"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(
        tmp_path_factory.mktemp("human36m"), subjects=("S1", "S9"), camera_ids=CAMERA_IDS
    )


def pose_variable(path: Path) -> np.ndarray:
    return cdflib.CDF(path).varget("Pose")


def test_the_files_have_the_releases_names(tree: Path) -> None:
    names = {
        str(path.relative_to(tree))
        for path in tree.rglob("*")
        if path.is_file() and "S9" not in path.parts
    }
    views = [f"Walking 1.{camera_id}" for camera_id in CAMERA_IDS]
    assert names == {
        "metadata.xml",
        "S1/MyPoseFeatures/D3_Positions/Walking 1.cdf",
        *(f"S1/Videos/{view}.mp4" for view in views),
        *(f"S1/MyPoseFeatures/D3_Positions_mono/{view}.cdf" for view in views),
        *(f"S1/MyPoseFeatures/D2_Positions/{view}.cdf" for view in views),
        *(f"S1/MySegmentsMat/ground_truth_bs/{view}.mat" for view in views),
        *(f"S1/MySegmentsMat/ground_truth_bb/{view}.mat" for view in views),
    }


def test_poses_are_what_cdflib_reads(tree: Path) -> None:
    features = tree / "S1" / "MyPoseFeatures"
    world = pose_variable(features / "D3_Positions" / "Walking 1.cdf")
    assert (world.shape, world.dtype) == ((1, NUM_FRAMES, 96), np.float32)
    np.testing.assert_array_equal(world.reshape(-1, 32, 3), make_joints())

    camera = make_camera()
    in_camera = camera.world_to_camera(make_joints().astype(np.float64))
    mono = pose_variable(features / "D3_Positions_mono" / f"{VIEW}.cdf")
    np.testing.assert_array_equal(mono.reshape(-1, 32, 3), in_camera.astype(np.float32))
    pixels = pose_variable(features / "D2_Positions" / f"{VIEW}.cdf")
    assert pixels.shape == (1, NUM_FRAMES, 64)
    np.testing.assert_array_equal(
        pixels.reshape(-1, 32, 2), (camera.project(in_camera) + 0.5).astype(np.float32)
    )


def test_the_time_of_day_is_not_in_the_poses(tmp_path: Path, monkeypatch) -> None:
    contents = set()
    for now in (1e9, 1.7e9):
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda now=now: now)
            write_pose_cdf(tmp_path / "a.cdf", np.zeros((100, 32, 3)))
        contents.add((tmp_path / "a.cdf").read_bytes())
    assert len(contents) == 1


def test_pixels_have_lens_distortion(tree: Path) -> None:
    pixels = pose_variable(tree / "S1" / "MyPoseFeatures" / "D2_Positions" / f"{VIEW}.cdf").reshape(
        -1, 32, 2
    )
    camera = replace(make_camera(), distortion=(0.0, 0.0, 0.0, 0.0, 0.0))
    straight = camera.project(camera.world_to_camera(make_joints().astype(np.float64)))
    assert np.abs(pixels - straight).max() > 0.01


@pytest.mark.parametrize(
    ("folder", "expected"), [("bs", make_mask), ("bb", lambda i: filled_box(make_mask(i)))]
)
def test_masks_are_what_mat73_and_h5py_read(tree: Path, folder: str, expected) -> None:
    path = tree / "S1" / "MySegmentsMat" / f"ground_truth_{folder}" / f"{VIEW}.mat"
    cells = mat73.loadmat(str(path))["Masks"]
    assert len(cells) == NUM_FRAMES
    with h5py.File(path) as file:
        assert file["Masks"].shape == (NUM_FRAMES, 1)
        for index in range(NUM_FRAMES):
            mask = file[file["Masks"][index, 0]][()].T
            assert (mask.shape, mask.dtype) == ((48, 64), np.uint8)
            np.testing.assert_array_equal(mask, expected(index))
            assert cells[index].dtype == bool
            np.testing.assert_array_equal(cells[index], expected(index))


def test_mask_files_begin_as_matlabs_do(tree: Path) -> None:
    header = (tree / "S1" / "MySegmentsMat" / "ground_truth_bs" / f"{VIEW}.mat").read_bytes()[:128]
    assert header.startswith(b"MATLAB 7.3 MAT-file")
    assert header[116:] == bytes(8) + b"\x00\x02IM"


def test_a_box_is_the_extent_of_its_mask() -> None:
    mask = np.zeros((6, 8), dtype=bool)
    mask[2, 3] = mask[4, 6] = True
    box = filled_box(mask)
    assert box.sum() == 12
    assert box[2:5, 3:7].all()
    assert not filled_box(np.zeros((6, 8), dtype=bool)).any()


def test_public_parsers_find_the_cameras(tree: Path) -> None:
    """Split at each single space, count from the places that every public reader counts from."""
    root = ElementTree.parse(tree / "metadata.xml").getroot()
    text = root.findall("w0")[0].text or ""
    numbers = np.array([float(number) for number in text[1:-1].split(" ")])
    assert numbers.shape == (300,)
    extrinsics, intrinsics = numbers[:264].reshape(4, 11, 6), numbers[264:].reshape(4, 9)
    for index, camera_id in enumerate(CAMERA_IDS):
        for subject in ("S1", "S9"):
            camera = make_camera(camera_id, subject)
            a, b, g, *centre = extrinsics[index, int(subject[1:]) - 1]
            about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
            about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
            about_z = np.array([[np.cos(g), -np.sin(g), 0], [np.sin(g), np.cos(g), 0], [0, 0, 1]])
            np.testing.assert_allclose(
                about_x @ about_y @ about_z, camera.rot_world_to_cam, atol=1e-14
            )
            np.testing.assert_array_equal(centre, camera.centre_world_mm)
            # MATLAB counts pixels from 1, posegrid from 0.5
            principal = np.array(camera.principal_px) + 0.5
            np.testing.assert_array_equal(
                intrinsics[index], [*camera.focal_px, *principal, *camera.distortion]
            )


def test_public_parsers_find_the_mapping(tree: Path) -> None:
    root = ElementTree.parse(tree / "metadata.xml").getroot()
    rows = [[cell.text for cell in row] for row in root.find("mapping") or ()]
    assert len(rows) == 35
    assert rows[0][2:] == list(SUBJECTS)
    by_number = {(row[0], row[1]): row[2:] for row in rows[1:33]}
    assert len(by_number) == 32
    assert by_number["14", "1"][0] == "Walking 1"
    assert by_number["14", "2"][0] == "Walking"
    actions = [item.text for item in root.find("actionnames") or ()]
    assert actions == list(ACTIONS)
    assert (actions[0], actions[13], actions[15]) == ("Miscellaneous", "Walking", "WalkingTogether")
    assert by_number["1", "1"][0] == "_ALL 1" and by_number["16", "2"][0] == "WalkTogether"
    assert by_number["14", "2"][6] == "Walking 2" and by_number["12", "1"][4] == "Photo"
    assert [item.text for item in root.find("dbcameras/index2id") or ()] == list(CAMERA_IDS)
    assert rows[34][:3] == [None, None, "[48 64;48 64;48 64;48 64]"]


def test_the_table_of_frames_gives_the_number_of_poses(tree: Path) -> None:
    """The release's own code, counting from 1: frames{subject, 2 action + subaction - 1}."""
    root = ElementTree.parse(tree / "metadata.xml").getroot()
    rows = [[cell.text or "" for cell in row] for row in root.find("frames") or ()]
    assert (len(rows), len(rows[0])) == (11, 33)
    *videos, mocap = (int(number) for number in rows[9 - 1][2 * 14 + 1 - 1 - 1][1:-1].split(" "))
    assert (videos, min(min(videos), mocap // 4)) == ([NUM_FRAMES] * 4, NUM_FRAMES)


def test_the_root_has_the_releases_children_in_order(tree: Path) -> None:
    root = ElementTree.parse(tree / "metadata.xml").getroot()
    tags = (
        "mapping toffiles frames skel_angles skel_pos train_subjects val_subjects test_subjects "
        "w0 dbcameras actionnames subject_measurements"
    )
    assert (root.tag, [child.tag for child in root]) == ("a", tags.split())
    assert [root.findtext(f"{name}_subjects") for name in ("train", "val", "test")] == [
        "[1 7 8 9 11]",
        "[5 6]",
        "[2 3 4 10]",
    ]
    knee = (root.find("skel_pos/tree") or [])[2]
    assert [child.text for child in knee] == ["2", "RightLeg", "2", "[4]", "[7 8 9]"]


@settings(max_examples=50, deadline=None)
@given(a=st.floats(-3.1, 3.1), b=st.floats(-1.57, 1.57), g=st.floats(-3.1, 3.1))
def test_angles_survive_the_rotation(a: float, b: float, g: float) -> None:
    rotation = rotation_of_angles(np.array([a, b, g]))
    np.testing.assert_allclose(
        rotation_of_angles(angles_of_rotation(rotation)), rotation, atol=1e-12
    )
    if abs(b) < 1.5:
        np.testing.assert_allclose(angles_of_rotation(rotation), [a, b, g], atol=1e-9)


def test_angles_of_a_rotation_at_the_pole_still_give_it() -> None:
    for b in (np.pi / 2, -np.pi / 2):
        rotation = rotation_of_angles(np.array([0.4, b, -0.9]))
        np.testing.assert_allclose(
            rotation_of_angles(angles_of_rotation(rotation)), rotation, atol=1e-9
        )


def test_other_file_names_go_into_the_mapping(tmp_path: Path) -> None:
    bases = {("S7", "Walking", 2): "Walking 2", ("S1", "TakingPhoto", 1): "Photo 1"}
    write_metadata(tmp_path, {("S1", CAMERA_IDS[0]): make_camera()}, {}, file_bases=bases)
    metadata = load_metadata(tmp_path / "metadata.xml")
    assert metadata.file_bases["S7", "Walking", 2] == "Walking 2"
    assert metadata.file_bases["S1", "TakingPhoto", 1] == "Photo 1"
    assert metadata.file_bases["S1", "Walking", 2] == "Walking"


def test_the_mark_says_what_it_is(tmp_path: Path) -> None:
    mark_synthetic(tmp_path, "Seed 7.")
    assert "Not the Human3.6M data set" in (tmp_path / "SYNTHETIC.txt").read_text()
    assert "Seed 7." in (tmp_path / "SYNTHETIC.txt").read_text()


@pytest.mark.parametrize(
    ("cameras", "counts", "message"),
    [
        ({}, {}, "at least one camera"),
        (
            {("S12", CAMERA_IDS[0]): make_camera()},
            {},
            "S12, camera 54138969: the layout has subjects S1 to S11",
        ),
        ({("S1", "1"): make_camera()}, {}, "S1, camera 1: .* cameras 54138969, 55011271"),
        (
            {("S1", CAMERA_IDS[0]): make_camera()},
            {("S1", "Running", 1): 6},
            "S1 Running 1: .* actions Miscellaneous",
        ),
        (
            {
                ("S1", CAMERA_IDS[0]): make_camera(),
                ("S5", CAMERA_IDS[0]): replace(make_camera(), focal_px=(9.0, 9.0)),
            },
            {},
            "camera 54138969 has 2 different intrinsics",
        ),
    ],
)
def test_metadata_that_the_layout_has_no_room_for_is_refused(
    tmp_path: Path, cameras, counts, message: str
) -> None:
    with pytest.raises(OutputError, match=message):
        write_metadata(tmp_path, cameras, counts)
    assert list(tmp_path.iterdir()) == []


def test_poses_that_cannot_be_are_refused(tmp_path: Path) -> None:
    joints = make_joints()
    joints[3, 7] = np.nan
    with pytest.raises(
        OutputError, match=r"D3_Positions/Walking 1\.cdf: 6 frames of joints, some .* no numbers"
    ):
        write_poses(tmp_path, "S1", "Walking 1", CAMERA_IDS[0], joints, make_camera())
    behind = make_joints() + (2 * make_camera().centre_world_mm).astype(np.float32)
    with pytest.raises(OutputError, match=r"D2_Positions"):
        write_poses(tmp_path, "S1", "Walking 1", CAMERA_IDS[0], behind, make_camera())
    with pytest.raises(OutputError, match=r"must end in \.cdf"):
        write_pose_cdf(tmp_path / f"Walking 1.{CAMERA_IDS[0]}", make_joints())


def test_an_unfinished_view_leaves_no_file(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError),
        ViewWriter(tmp_path, "S1", "Walking 1", CAMERA_IDS[0], 50, SIZE_WH) as view,
    ):
        view.write(np.zeros((48, 64, 3), dtype=np.uint8), make_mask(0))
        raise RuntimeError
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_masks_of_changing_size_and_no_masks_are_refused(tmp_path: Path) -> None:
    changed = r"mask 1 has the shape \(4, 4\), those before \(48, 64\)"
    with pytest.raises(OutputError, match=changed), MaskWriter(tmp_path / "a.mat") as masks:
        masks.write(make_mask(0))
        masks.write(np.zeros((4, 4), dtype=bool))
    with pytest.raises(OutputError, match="no mask was written"), MaskWriter(tmp_path / "a.mat"):
        pass
    assert list(tmp_path.iterdir()) == []


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow over 20 kB, as if the disk had no more room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_noisy_video(path: Path) -> None:
    rng = np.random.default_rng(0)
    with VideoWriter(path, 50, SIZE_WH, quality=5) as video:
        for _ in range(40):
            video.write(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))


def write_noisy_masks(path: Path) -> None:
    rng = np.random.default_rng(0)
    with MaskWriter(path) as masks:
        for _ in range(40):
            masks.write(rng.random((48, 64)) > 0.5)


def write_long_poses(path: Path) -> None:
    write_pose_cdf(path, np.random.default_rng(0).normal(size=(300, 32, 3)))


@pytest.mark.parametrize(
    ("name", "write"),
    [("a.mp4", write_noisy_video), ("a.mat", write_noisy_masks), ("a.cdf", write_long_poses)],
)
def test_a_full_disk_is_reported_and_leaves_no_half_file(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    with (
        pytest.raises(OutputError, match=rf"{name}: .*cannot be written.*File too large"),
        full_disk(),
    ):
        write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / name)
    assert (tmp_path / name).stat().st_size > 20_000


def test_the_same_masks_give_the_same_bytes(tmp_path: Path) -> None:
    write_view(tmp_path / "one")
    write_view(tmp_path / "two")
    for folder in ("ground_truth_bs", "ground_truth_bb"):
        path = Path("S1", "MySegmentsMat", folder, f"{VIEW}.mat")
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
