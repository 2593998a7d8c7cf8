"""MPI-INF-3DHP is read in its documented form: joints by hand values, cameras by law, damage by name."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from PIL import Image

from posegrid.body.camera import Camera
from posegrid.body.skeleton import JOINT_NAMES, MIRROR_PAIRS
from posegrid.errors import SourceError
from posegrid.sources.mpi_inf_3dhp import (
    TEST_TO_17,
    TRAIN_TO_17,
    Mpi3dhpView,
    find_views,
    fitted_camera,
    is_mpi_inf_3dhp,
    open_view,
)
from posegrid.sources.video import VideoWriter

NUM_FRAMES = 5
SIZE_WH = (64, 48)
CAMERA = Camera((70.0, 71.0), (31.0, 25.0), SIZE_WH)


def poses(num_joints: int, seed: int = 0) -> np.ndarray:
    """Joints in the camera frame, mm, all before the camera."""
    rng = np.random.default_rng(seed)
    return rng.uniform((-800, -900, 3000), (800, 900, 4500), (NUM_FRAMES, num_joints, 3))


def write_train(root: Path, cameras: int = 14) -> Path:
    """S1/Seq1 with one video: the annotation has a cell for each camera."""
    folder = root / "S1" / "Seq1"
    cells = {key: np.empty((14, 1), dtype=object) for key in ("annot2", "annot3")}
    for camera in range(cameras):
        joints = poses(28, camera)
        cells["annot3"][camera, 0] = joints.reshape(NUM_FRAMES, 84)
        cells["annot2"][camera, 0] = CAMERA.project(joints).reshape(NUM_FRAMES, 56)
    with VideoWriter(folder / "imageSequence" / "video_4.avi.mp4", 25, SIZE_WH) as video:
        for index in range(NUM_FRAMES):
            video.write(np.full((SIZE_WH[1], SIZE_WH[0], 3), 40 * index, dtype=np.uint8))
    (folder / "imageSequence" / "video_4.avi.mp4").rename(folder / "imageSequence" / "video_4.avi")
    scipy.io.savemat(folder / "annot.mat", cells)
    return folder


def write_test(root: Path) -> Path:
    folder = root / "TS1"
    (folder / "imageSequence").mkdir(parents=True)
    joints = poses(17)[:, None]
    with h5py.File(folder / "annot_data.mat", "w") as file:
        file["annot3"], file["annot2"] = joints, CAMERA.project(joints)
        file["valid_frame"] = np.array([[1], [1], [0], [1], [1]], dtype=np.float64)
    for index in range(NUM_FRAMES):
        Image.new("RGB", SIZE_WH, (40 * index,) * 3).save(folder / "imageSequence" / f"img_{index + 1:06d}.jpg")
    return folder


def test_the_tables_of_joints_are_mirrored_like_the_skeleton() -> None:
    """Left and right of each table are pairs of the data set's own: 28 joints have their sides 5 apart."""
    for right, left in MIRROR_PAIRS:
        assert abs(TRAIN_TO_17[right] - TRAIN_TO_17[left]) == 5
        assert abs(TEST_TO_17[right] - TEST_TO_17[left]) == 3
    assert len(set(TRAIN_TO_17)) == len(set(TEST_TO_17)) == 17
    assert (TRAIN_TO_17[JOINT_NAMES.index("pelvis")], TEST_TO_17[JOINT_NAMES.index("pelvis")]) == (4, 14)


def test_a_training_sequence_is_read(tmp_path: Path) -> None:
    write_train(tmp_path)
    assert is_mpi_inf_3dhp(tmp_path)
    (view,) = find_views(tmp_path)
    assert view == Mpi3dhpView(tmp_path, "S1", 1, "4")
    sequence = open_view(view)
    np.testing.assert_allclose(sequence.pose_cam_mm, poses(28, 4)[:, list(TRAIN_TO_17)], atol=1e-3)
    np.testing.assert_allclose(sequence.camera.focal_px, CAMERA.focal_px, rtol=1e-6)
    np.testing.assert_allclose(sequence.camera.principal_px, CAMERA.principal_px, rtol=1e-6)
    assert [frame.index for frame in sequence.open_frames(2)] == [0, 2, 4]


def test_a_test_sequence_is_read_without_its_invalid_frames(tmp_path: Path) -> None:
    write_test(tmp_path)
    sequence = open_view(find_views(tmp_path)[0])
    assert (sequence.subject, sequence.num_frames) == ("TS1", NUM_FRAMES)
    frames = list(sequence.open_frames())
    assert [frame.index for frame in frames] == [0, 1, 3, 4]
    assert [round(float(frame.image.mean()) / 40) for frame in frames] == [0, 1, 3, 4]
    np.testing.assert_allclose(sequence.pose_cam_mm, poses(17)[:, list(TEST_TO_17)], atol=1e-3)
    assert sequence.notes == ("1 frames are not valid and left out",)


def test_pixels_of_another_camera_are_refused() -> None:
    joints = poses(17)
    with pytest.raises(SourceError, match=r"annot\.mat: no camera takes its poses to its pixels"):
        fitted_camera(Path("annot.mat"), joints, CAMERA.project(joints[::-1].copy()), SIZE_WH)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.95])
def test_files_cut_off_are_refused_by_name(tmp_path: Path, share: float) -> None:
    for path in (write_train(tmp_path) / "annot.mat", write_test(tmp_path) / "annot_data.mat"):
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
    for view in find_views(tmp_path):
        with pytest.raises(SourceError, match=view.annotation.name.replace(".", r"\.")):
            open_view(view)


def test_a_lost_picture_is_named(tmp_path: Path) -> None:
    (write_test(tmp_path) / "imageSequence" / "img_000004.jpg").unlink()
    with pytest.raises(SourceError, match=r"img_000004\.jpg: cannot be read as a picture"):
        list(open_view(find_views(tmp_path)[0]).open_frames())


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no sequence of MPI-INF-3DHP"):
        find_views(tmp_path)
