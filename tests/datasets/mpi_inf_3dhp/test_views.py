"""MPI-INF-3DHP is read in its documented form: joints by hand values, cameras by law, damage by
name.
"""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from PIL import Image

from posegrid.body.camera import Camera
from posegrid.body.skeleton import JOINT_NAMES, MIRROR_PAIRS
from posegrid.datasets.doctor import check_view
from posegrid.datasets.mpi_inf_3dhp.annotations import (
    ACTIVITIES,
    CALIBRATION_HEAD,
    TEST_TO_17,
    TRAIN_TO_17,
    read_calibration,
)
from posegrid.datasets.mpi_inf_3dhp.views import (
    Mpi3dhp,
    Mpi3dhpView,
    fitted_camera,
    is_mpi_inf_3dhp,
)
from posegrid.datasets.prepare import PrepareSettings, prepare
from posegrid.datasets.sequence import Sequence
from posegrid.errors import SettingsError, SourceError
from posegrid.video.writer import VideoWriter

NUM_FRAMES = 5
SIZE_WH = (64, 48)
CAMERA = Camera((70.0, 71.0), (31.0, 25.0), SIZE_WH)


def first(root: Path) -> Sequence:
    """The first sequence there, opened."""
    source = Mpi3dhp(root)
    return source.open(source.find()[0])


def poses(num_joints: int, seed: int = 0) -> np.ndarray:
    """Joints in the camera frame, mm, all before the camera."""
    rng = np.random.default_rng(seed)
    return rng.uniform((-800, -900, 3000), (800, 900, 4500), (NUM_FRAMES, num_joints, 3))


UNIVERSAL = 0.9
"""The made-up people are so much smaller in `univ_annot3`."""


def write_train(root: Path, annotated: int = 0) -> Path:
    """S1/Seq1 with one video: the annotation has a cell for each camera, and `annotated` frames
    more than the video.
    """
    folder = root / "S1" / "Seq1"
    cells = {key: np.empty((14, 1), dtype=object) for key in ("annot2", "annot3", "univ_annot3")}
    for camera in range(14):
        joints = poses(28, camera)
        joints = np.concatenate([joints, joints[np.arange(annotated) % NUM_FRAMES]])
        cells["annot3"][camera, 0] = joints.reshape(-1, 84)
        cells["univ_annot3"][camera, 0] = UNIVERSAL * joints.reshape(-1, 84)
        cells["annot2"][camera, 0] = CAMERA.project(joints).reshape(-1, 56)
    with VideoWriter(folder / "imageSequence" / "video_4.avi.mp4", 25, SIZE_WH) as video:
        for index in range(NUM_FRAMES):
            video.write(np.full((SIZE_WH[1], SIZE_WH[0], 3), 40 * index, dtype=np.uint8))
    (folder / "imageSequence" / "video_4.avi.mp4").rename(folder / "imageSequence" / "video_4.avi")
    scipy.io.savemat(folder / "annot.mat", cells | {"cameras": np.arange(14)[None]})
    return folder


def calibration(
    focal: tuple[float, float] = CAMERA.focal_px, size: str = "64 48", radial: str = "0"
) -> str:
    """A camera.calibration with the cameras 3 and 4, of which 4 is `CAMERA`."""
    lines = [CALIBRATION_HEAD]
    for name, (fx, fy) in (("3", (500.0, 500.0)), ("4", focal)):
        intrinsic = (
            f"{fx} 0 {CAMERA.principal_px[0]} 0 0 {fy} {CAMERA.principal_px[1]} 0 0 0 1 0 0 0 0 1"
        )
        extrinsic = "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"
        lines += [
            f"name          {name}",
            "  sensor      10 10",
            f"  size        {size}",
            "  animated    0",
        ]
        lines += [
            f"  intrinsic   {intrinsic} ",
            f"  extrinsic   {extrinsic} ",
            f"  radial      {radial}",
        ]
    return "\n".join(lines) + "\n"


def write_test(root: Path) -> Path:
    folder = root / "TS1"
    (folder / "imageSequence").mkdir(parents=True)
    joints = poses(17)[:, None]
    with h5py.File(folder / "annot_data.mat", "w") as file:
        file["annot3"], file["annot2"], file["univ_annot3"] = (
            joints,
            CAMERA.project(joints),
            UNIVERSAL * joints,
        )
        file["annot3"][2], file["annot2"][2] = 0, np.nan  # of an invalid frame nothing is believed
        file["valid_frame"] = np.array([[1], [1], [0], [1], [1]], dtype=np.float64)
        file["activity_annotation"] = np.array([[1, 1, 0, 5, 7]], dtype=np.float64)
    for index in range(NUM_FRAMES):
        Image.new("RGB", SIZE_WH, (40 * index,) * 3).save(
            folder / "imageSequence" / f"img_{index + 1:06d}.jpg"
        )
    return folder


def test_the_tables_of_joints_are_mirrored_like_the_skeleton() -> None:
    """Left and right of each table are pairs of the data set's own: 28 joints have their sides 5
    apart.
    """
    for right, left in MIRROR_PAIRS:
        assert abs(TRAIN_TO_17[right] - TRAIN_TO_17[left]) == 5
        assert abs(TEST_TO_17[right] - TEST_TO_17[left]) == 3
    assert len(set(TRAIN_TO_17)) == len(set(TEST_TO_17)) == 17
    assert (TRAIN_TO_17[JOINT_NAMES.index("pelvis")], TEST_TO_17[JOINT_NAMES.index("pelvis")]) == (
        4,
        14,
    )


def test_a_training_sequence_is_read(tmp_path: Path) -> None:
    write_train(tmp_path)
    assert is_mpi_inf_3dhp(tmp_path)
    (view,) = Mpi3dhp(tmp_path).find()
    assert view == Mpi3dhpView("S1", "all", 1, "4", tmp_path / "S1" / "Seq1")
    sequence = Mpi3dhp(tmp_path).open(view)
    np.testing.assert_allclose(sequence.pose_cam_mm, poses(28, 4)[:, list(TRAIN_TO_17)], atol=1e-3)
    np.testing.assert_allclose(sequence.camera.focal_px, CAMERA.focal_px, rtol=1e-6)
    np.testing.assert_allclose(sequence.camera.principal_px, CAMERA.principal_px, rtol=1e-6)
    assert [frame.index for frame in sequence.open_frames(2)] == [0, 2, 4]


def test_a_test_sequence_is_read_without_its_invalid_frames(tmp_path: Path) -> None:
    write_test(tmp_path)
    sequence = first(tmp_path)
    assert (sequence.subject, sequence.num_frames) == ("TS1", NUM_FRAMES)
    frames = list(sequence.open_frames())
    assert [frame.index for frame in frames] == [0, 1, 3, 4]
    assert [round(float(frame.image.mean()) / 40) for frame in frames] == [0, 1, 3, 4]
    valid = [0, 1, 3, 4]
    np.testing.assert_allclose(
        sequence.pose_cam_mm[valid], poses(17)[valid][:, list(TEST_TO_17)], atol=1e-3
    )
    assert np.isnan(sequence.pose_cam_mm[2]).all() and np.isnan(sequence.keypoints_px[2]).all()
    assert sequence.notes == ("1 frames are not valid and left out",)
    np.testing.assert_allclose(sequence.camera.focal_px, CAMERA.focal_px, rtol=1e-6)


def test_the_activity_of_each_test_frame_is_named(tmp_path: Path) -> None:
    write_test(tmp_path)
    sequence = first(tmp_path)
    assert [sequence.action_of(index) for index in (0, 3, 4)] == [
        ACTIVITIES[0],
        ACTIVITIES[4],
        ACTIVITIES[6],
    ]
    assert ACTIVITIES[4] == "On The Floor"


def test_universal_poses_are_those_of_the_file_in_the_same_pixels(tmp_path: Path) -> None:
    write_train(tmp_path), write_test(tmp_path)
    for view in Mpi3dhp(tmp_path).find():
        own, universal = (Mpi3dhp(tmp_path, kind).open(view) for kind in ("mono", "universal"))
        np.testing.assert_allclose(universal.pose_cam_mm, UNIVERSAL * own.pose_cam_mm, rtol=1e-6)
        np.testing.assert_array_equal(universal.keypoints_px, own.keypoints_px)
    with pytest.raises(SettingsError, match="--poses mono or universal"):
        Mpi3dhp(tmp_path, "world")


def test_a_file_without_universal_poses_says_so(tmp_path: Path) -> None:
    with h5py.File(write_test(tmp_path) / "annot_data.mat", "a") as file:
        del file["univ_annot3"]
    (view,) = Mpi3dhp(tmp_path).find()
    assert Mpi3dhp(tmp_path).open(view).num_frames == NUM_FRAMES
    with pytest.raises(SourceError, match=r"annot_data\.mat: holds no univ_annot3"):
        Mpi3dhp(tmp_path, "universal").open(view)


def test_annotations_a_little_longer_than_the_video_lose_their_end(tmp_path: Path) -> None:
    write_train(tmp_path, annotated=3)
    sequence = first(tmp_path)
    assert sequence.num_frames == NUM_FRAMES == len(list(sequence.open_frames()))
    assert sequence.notes == ("the video lacks the last 3 frames of the annotation",)


def test_a_video_much_too_short_is_refused(tmp_path: Path) -> None:
    write_train(tmp_path, annotated=26)
    with pytest.raises(
        SourceError, match=r"video_4\.avi: has 5 frames for 31 poses: it is cut off"
    ):
        first(tmp_path)


def test_the_cell_of_a_camera_is_where_the_file_says(tmp_path: Path) -> None:
    path = write_train(tmp_path) / "annot.mat"
    content = scipy.io.loadmat(path, variable_names=["annot2", "annot3", "univ_annot3"])
    backwards = {key: content[key][::-1] for key in ("annot2", "annot3", "univ_annot3")}
    scipy.io.savemat(path, backwards | {"cameras": np.arange(14)[None, ::-1]})
    sequence = first(tmp_path)
    np.testing.assert_allclose(sequence.pose_cam_mm, poses(28, 4)[:, list(TRAIN_TO_17)], atol=1e-3)


def test_the_calibration_is_the_camera_where_it_is_there(tmp_path: Path) -> None:
    path = write_train(tmp_path) / "camera.calibration"
    path.write_text(calibration())
    assert first(tmp_path).camera.focal_px == CAMERA.focal_px
    assert read_calibration(path, "3") == ((500.0, 500.0), CAMERA.principal_px, SIZE_WH)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            calibration(focal=(140.0, 142.0)),
            r"calibration: no camera takes its poses to its pixels: \d",
        ),
        (calibration(size="2048 2048"), r"calibration: is of pictures of \(2048, 2048\) px"),
        (calibration(radial="3 0.1 0 0"), "lens distortion"),
        (
            calibration().replace("name          4", "name          5"),
            "a calibration with the camera 4",
        ),
        (calibration().replace("70.0 0 31", "70.0 1 31"), "none of a pinhole camera"),
        (calibration().replace("70.0 0 31", "nan 0 31"), "none of a pinhole camera"),
        ("name 4\n", "its first line is not"),
    ],
)
def test_a_calibration_that_says_something_else_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    (write_train(tmp_path) / "camera.calibration").write_text(text)
    with pytest.raises(SourceError, match=message) as caught:
        first(tmp_path)
    assert "camera.calibration" in str(caught.value)


def test_pixels_of_another_camera_are_refused() -> None:
    joints = poses(17)
    with pytest.raises(SourceError, match=r"annot\.mat: no camera takes its poses to its pixels"):
        fitted_camera(Path("annot.mat"), joints, CAMERA.project(joints[::-1].copy()), SIZE_WH)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.95])
def test_files_cut_off_are_refused_by_name(tmp_path: Path, share: float) -> None:
    for path in (write_train(tmp_path) / "annot.mat", write_test(tmp_path) / "annot_data.mat"):
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
    for view in Mpi3dhp(tmp_path).find():
        with pytest.raises(SourceError, match=view.annotation.name.replace(".", r"\.")):
            Mpi3dhp(tmp_path).open(view)


def test_a_lost_picture_is_named(tmp_path: Path) -> None:
    (write_test(tmp_path) / "imageSequence" / "img_000004.jpg").unlink()
    with pytest.raises(SourceError, match=r"img_000004\.jpg: cannot be read as a picture"):
        list(first(tmp_path).open_frames())


def test_a_picture_of_another_size_is_named(tmp_path: Path) -> None:
    path = write_test(tmp_path) / "imageSequence" / "img_000004.jpg"
    Image.new("RGB", (48, 64)).save(path)
    with pytest.raises(SourceError, match=r"img_000004\.jpg: is \(48, 64\) px large"):
        list(first(tmp_path).open_frames())


def test_names_that_the_data_set_does_not_have_are_refused(tmp_path: Path) -> None:
    write_train(tmp_path)
    with pytest.raises(SourceError, match=r"has no subject S9; it has S1, .*TS6"):
        Mpi3dhp(tmp_path).find(subjects=("S1", "S9"))
    with pytest.raises(SourceError, match="has no camera 14"):
        Mpi3dhp(tmp_path).find(cameras=("14",))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no sequence of MPI-INF-3DHP"):
        Mpi3dhp(tmp_path).find()


@pytest.mark.parametrize("parents", ["mpi_inf_3dhp_test_set", "mpi_inf_3dhp_test_set/" * 2])
def test_the_test_half_is_found_where_its_archive_unpacks_it(tmp_path: Path, parents: str) -> None:
    folder = tmp_path / parents
    folder.mkdir(parents=True)
    write_test(folder)
    assert is_mpi_inf_3dhp(tmp_path)
    assert first(tmp_path).subject == "TS1"


def test_a_video_that_is_too_short_in_every_copy_is_known(tmp_path: Path) -> None:
    write_train(tmp_path, annotated=26)
    (tmp_path / "S1").rename(tmp_path / "S6")
    (tmp_path / "S6" / "Seq1").rename(tmp_path / "S6" / "Seq2")
    pictures = tmp_path / "S6" / "Seq2" / "imageSequence"
    (pictures / "video_4.avi").rename(pictures / "video_2.avi")
    (tmp_path / "S1" / "Seq1").mkdir(parents=True)
    view = Mpi3dhp(tmp_path).find()[0]
    (fault,) = Mpi3dhp(tmp_path).faults(view)
    assert fault.unreadable
    check = check_view(Mpi3dhp(tmp_path), view)
    assert [finding.level for finding in check.findings] == ["notice"] and check.num_poses == 0
    settings = PrepareSettings(tmp_path, tmp_path / "out", background="kept", workers=1)
    with pytest.raises(SourceError, match="1 of 1 sequences were skipped"):
        prepare(settings)  # nothing is left
    write_test(tmp_path)
    ((name, reason),) = prepare(settings).skipped
    assert name == "S6 all 2 2" and "in every copy" in reason
