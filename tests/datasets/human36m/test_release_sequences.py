"""Human3.6M is read as it lies on people's disks, and each damage is named with its file."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from cdflib import cdfwrite
from datasets.human36m_tree import (
    NUM_FRAMES,
    make_camera,
    make_joints,
    make_mask,
    write_tree,
    write_view,
)

from posegrid.body.skeleton import HUMAN36M_32_TO_17
from posegrid.datasets.human36m.layout import (
    CAMERA_IDS,
    KEYPOINTS,
    MASKS,
    POSES_CAMERA,
    POSES_UNIVERSAL,
    VIDEOS,
    find_archives,
    view_path,
)
from posegrid.datasets.human36m.metadata import load_metadata
from posegrid.datasets.human36m.release_files import (
    MaskReader,
    MaskWriter,
    opened_masks,
    read_pose_cdf,
    write_pose_cdf,
)
from posegrid.datasets.human36m.release_sequences import Human36m
from posegrid.datasets.human36m.release_writer import mark_synthetic, write_metadata
from posegrid.datasets.recordings import source_of
from posegrid.datasets.sequence import Sequence
from posegrid.errors import SourceError

CAMERA_ID = CAMERA_IDS[0]
VIEW = f"Walking 1.{CAMERA_ID}"
WEB_PAGE = "<!DOCTYPE html>\n<html><body>Please log in</body></html>"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("human36m"))


@pytest.fixture
def tree(pristine: Path, tmp_path: Path) -> Path:
    """A tree of one sequence that a test may damage."""
    return shutil.copytree(pristine, tmp_path / "human36m")


def load_sequences(root: Path, **question) -> list[Sequence]:
    """All sequences that fit the question, opened."""
    source = Human36m(root)
    return [source.open(view) for view in source.find(**question)]


def file(root: Path, kind: str) -> Path:
    return view_path(root, "S1", kind, "Walking 1", CAMERA_ID)


def only_sequence(root: Path) -> Sequence:
    (sequence,) = load_sequences(root)
    return sequence


def test_a_sequence_is_read_as_it_was_written(tree: Path) -> None:
    sequence = only_sequence(tree)
    assert sequence.name == "S1 Walking 1 54138969"
    assert (sequence.fps, sequence.num_frames, sequence.notes) == (50.0, NUM_FRAMES, ())
    camera = make_camera()
    joints_cam = camera.world_to_camera(make_joints().astype(np.float64))[:, HUMAN36M_32_TO_17]
    np.testing.assert_array_equal(sequence.pose_cam_mm, joints_cam.astype(np.float32))
    np.testing.assert_allclose(sequence.keypoints_px, camera.project(joints_cam), atol=1e-5)
    assert (sequence.camera.focal_px, sequence.camera.principal_px) == (
        camera.focal_px,
        camera.principal_px,
    )
    assert (sequence.camera.distortion, sequence.camera.size_wh) == (camera.distortion, (64, 48))
    np.testing.assert_allclose(
        sequence.camera.rot_world_to_cam, camera.rot_world_to_cam, atol=1e-14
    )
    np.testing.assert_array_equal(sequence.camera.centre_world_mm, camera.centre_world_mm)


def test_frames_come_with_their_masks_and_times_as_often_as_asked(tree: Path) -> None:
    sequence = only_sequence(tree)
    for _ in range(2):
        frames = list(sequence.open_frames())
        assert [frame.index for frame in frames] == list(range(NUM_FRAMES))
        assert [frame.time_s for frame in frames] == pytest.approx(
            [i / 50 for i in range(NUM_FRAMES)], abs=1e-12
        )
        for index, frame in enumerate(frames):
            assert np.abs(frame.image.astype(int) - 30 * index).max() <= 2
            np.testing.assert_array_equal(frame.mask, make_mask(index))


@pytest.mark.parametrize("every", [1, 2, NUM_FRAMES - 1, NUM_FRAMES, NUM_FRAMES + 1])
def test_every_nth_frame_is_as_among_all_and_no_other_mask_is_read(
    tree: Path, monkeypatch, every: int
) -> None:
    sequence = only_sequence(tree)
    all_frames = list(sequence.open_frames())
    read, mask = [], MaskReader.mask
    monkeypatch.setattr(
        MaskReader, "mask", lambda reader, index: read.append(index) or mask(reader, index)
    )
    frames = list(sequence.open_frames(every))
    assert [frame.index for frame in frames] == read == list(range(0, NUM_FRAMES, every))
    for frame in frames:
        np.testing.assert_array_equal(frame.image, all_frames[frame.index].image)
        np.testing.assert_array_equal(frame.mask, all_frames[frame.index].mask)
        assert frame.time_s == all_frames[frame.index].time_s


def test_the_cameras_project_the_poses_to_the_keypoints(tmp_path: Path) -> None:
    """A law over the whole tree: every subject and camera has its own numbers in metadata.xml."""
    root = write_tree(tmp_path, subjects=("S1", "S11"), camera_ids=CAMERA_IDS[1:3])
    sequences = load_sequences(root)
    assert len(sequences) == 4
    for sequence in sequences:
        pixels = sequence.camera.project(sequence.pose_cam_mm.astype(np.float64))
        np.testing.assert_allclose(pixels, sequence.keypoints_px, atol=1e-3)
        world = sequence.camera.camera_to_world(sequence.pose_cam_mm.astype(np.float64))
        np.testing.assert_allclose(world, make_joints()[:, HUMAN36M_32_TO_17], atol=2e-3)


def test_what_is_asked_for_is_found(tmp_path: Path) -> None:
    root = write_tree(tmp_path, subjects=("S1", "S5"), camera_ids=CAMERA_IDS[:2], subactions=(1, 2))
    write_view(root, "S5", "Eating 1")

    def names(**question) -> list[str]:
        return [files.name for files in Human36m(root).find(**question)]

    assert len(names(actions=("Walking",))) == 8
    assert len(names(actions=None)) == 9
    assert names(actions=("Eating",)) == ["S5 Eating 1 54138969"]
    assert names(subjects=("S5",), cameras=("55011271",)) == [
        "S5 Walking 1 55011271",
        "S5 Walking 2 55011271",
    ]


def test_the_file_of_a_subaction_is_looked_up_and_not_guessed(tmp_path: Path) -> None:
    """S7's second walk is "Walking 2", S1's is "Walking": only the table knows."""
    root = write_tree(tmp_path)
    write_view(root, "S7", "Walking 2")
    cameras = {(subject, CAMERA_ID): make_camera(CAMERA_ID, subject) for subject in ("S1", "S7")}
    write_metadata(root, cameras, {}, file_bases={("S7", "Walking", 2): "Walking 2"})
    (sequence,) = load_sequences(root, subjects=("S7",))
    assert sequence.name == "S7 Walking 2 54138969"


def test_underscores_and_other_folders_are_accepted(tree: Path) -> None:
    expected = only_sequence(tree)
    for kind, folder in (
        (POSES_CAMERA, "Poses_D3_Positions_mono"),
        (KEYPOINTS, "Poses_D2_Positions"),
        (VIDEOS, VIDEOS),
    ):
        path = file(tree, kind)
        path.rename(path.with_name(path.name.replace(" ", "_")))
        path.parent.rename(tree / "S1" / folder)
    (tree / "S1" / "MyPoseFeatures" / "D3_Positions" / "Walking 1.cdf").unlink()
    sequence = only_sequence(tree)
    np.testing.assert_array_equal(sequence.pose_cam_mm, expected.pose_cam_mm)
    assert len(list(sequence.open_frames())) == NUM_FRAMES


def test_metadata_may_lie_in_the_releases_code_folder(tree: Path) -> None:
    (tree / "Release-v1.2").mkdir()
    (tree / "metadata.xml").rename(tree / "Release-v1.2" / "metadata.xml")
    assert only_sequence(tree).num_frames == NUM_FRAMES


def test_without_keypoints_the_joints_are_projected(tree: Path) -> None:
    expected = only_sequence(tree).keypoints_px
    file(tree, KEYPOINTS).unlink()
    sequence = only_sequence(tree)
    np.testing.assert_allclose(sequence.keypoints_px, expected, atol=1e-3)
    assert "projected" in " ".join(sequence.notes)


def test_without_masks_frames_have_none(tree: Path) -> None:
    file(tree, MASKS).unlink()
    sequence = only_sequence(tree)
    assert all(frame.mask is None for frame in sequence.open_frames())
    assert "no masks" in " ".join(sequence.notes)


def test_the_synthetic_mark_is_seen(tree: Path) -> None:
    assert not Human36m(tree).synthetic
    mark_synthetic(tree, "Seed 7.")
    assert Human36m(tree).synthetic


@pytest.mark.parametrize(
    ("num_poses", "num_frames", "note"),
    [
        (6, 8, "the last 2 of 8 video frames have no pose"),
        (6, 6 + 12, "the last 12 of 18 video frames have no pose"),
        (3, 40, "poses end early, .*: 3 poses for 40 video frames"),
    ],
)
def test_a_video_longer_than_the_poses_is_cut_and_noted(
    tmp_path: Path, num_poses: int, num_frames: int, note: str
) -> None:
    root = write_tree(tmp_path)
    write_view(root, num_frames=num_frames, joints_world_mm=make_joints(num_frames=num_poses))
    sequence = only_sequence(root)
    assert [frame.index for frame in sequence.open_frames()] == list(range(num_poses))
    assert len(sequence.notes) == 1
    assert re.search(note, sequence.notes[0])


def test_poses_longer_than_the_video_are_refused(tmp_path: Path) -> None:
    root = write_tree(tmp_path)
    write_view(root, num_frames=6, joints_world_mm=make_joints(num_frames=7))
    with pytest.raises(
        SourceError, match=r"mono/Walking 1.*\.cdf: has 7 poses, but .*\.mp4 only 6 frames.*unpack"
    ):
        load_sequences(root)


def write_masks(path: Path, count: int) -> None:
    with MaskWriter(path) as masks:
        for index in range(count):
            masks.write(make_mask(index))


def test_fewer_masks_than_poses_are_refused_with_both_counts(tree: Path) -> None:
    write_masks(file(tree, MASKS), 4)
    with pytest.raises(
        SourceError,
        match=r"bs/Walking 1.*\.mat: has 4 masks, but S1 .* has 6 poses and 6 video frames",
    ):
        load_sequences(tree)


def test_more_masks_than_frames_are_noted(tree: Path) -> None:
    write_masks(file(tree, MASKS), 8)
    sequence = only_sequence(tree)
    assert sequence.notes == ("2 masks more than video frames are left out",)
    assert len(list(sequence.open_frames())) == NUM_FRAMES


def test_masks_of_another_size_are_refused(tree: Path) -> None:
    with MaskWriter(file(tree, MASKS)) as masks:
        for _ in range(NUM_FRAMES):
            masks.write(np.ones((64, 48), dtype=bool))
    with pytest.raises(
        SourceError, match=r"mask 0 has 64 rows and 48 columns, but the video's frames 48 and 64"
    ):
        load_sequences(tree)


def test_keypoints_of_another_length_are_refused(tree: Path) -> None:
    write_pose_cdf(file(tree, KEYPOINTS), np.zeros((5, 32, 2)))
    with pytest.raises(
        SourceError, match=r"D2_Positions.*: has 5 frames, but the poses of S1 .* have 6"
    ):
        load_sequences(tree)


def test_cameras_of_another_release_are_noted(tree: Path) -> None:
    write_metadata(tree, {("S1", CAMERA_ID): make_camera().resized(128, 96)}, {})
    assert "px apart" in only_sequence(tree).notes[0]


def test_poses_known_to_be_shifted_are_noted(tmp_path: Path) -> None:
    root = write_tree(tmp_path, subjects=("S9",))
    write_view(root, "S9", "Waiting 1")
    (sequence,) = load_sequences(root, actions=("Waiting",))
    assert "lie beside the person" in sequence.notes[0]


def cut_in_half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def with_nan(path: Path) -> None:
    """A pose file that our own writer would refuse to write."""
    joints = make_joints()
    joints[2, 5, 1] = np.nan
    variable = {
        "Variable": "Pose",
        "Data_Type": 44,
        "Num_Elements": 1,
        "Rec_Vary": True,
        "Var_Type": "zVariable",
    }
    cdf = cdfwrite.CDF(path, cdf_spec={"Majority": "row_major"}, delete=True)
    cdf.write_var(
        {**variable, "Dim_Sizes": [NUM_FRAMES, 96]}, var_data=joints.reshape(1, NUM_FRAMES, 96)
    )
    cdf.close()


DAMAGE: list[tuple[str, Callable[[Path], object], str]] = [
    (
        POSES_CAMERA,
        lambda path: path.unlink(),
        r"mono/Walking 1\.54138969\.cdf is missing\. Download and unpack",
    ),
    (
        VIDEOS,
        lambda path: path.unlink(),
        r"Videos/Walking 1\.54138969\.mp4 is missing\. Download and unpack",
    ),
    (
        POSES_CAMERA,
        lambda path: path.write_text(WEB_PAGE),
        r"\.cdf: is a web page, .*log-in had expired",
    ),
    (KEYPOINTS, lambda path: path.write_text(WEB_PAGE), r"D2_Positions.*log-in had expired"),
    (MASKS, lambda path: path.write_text(WEB_PAGE), r"\.mat: is a web page, .*log-in had expired"),
    (POSES_CAMERA, cut_in_half, r"\.cdf: cannot be read as a CDF file .*damaged or cut off"),
    (POSES_CAMERA, lambda path: path.write_bytes(b""), r"\.cdf: cannot be read as a CDF file"),
    (
        POSES_CAMERA,
        lambda path: write_pose_cdf(path, np.zeros((6, 32, 2))),
        r"64 numbers per frame, expected 96 \(32",
    ),
    (
        POSES_CAMERA,
        lambda path: write_pose_cdf(path, np.zeros((6, 32, 1))),
        r"32 numbers per frame, expected 96",
    ),
    (POSES_CAMERA, with_nan, r"1 of 6 frames hold values that are no numbers, first frame 2"),
    (MASKS, cut_in_half, r"\.mat: cannot be read as a MATLAB 7\.3 file .*damaged or cut off"),
    (MASKS, lambda path: path.write_bytes(bytes(1000)), r"\.mat: is no MATLAB file"),
    (
        VIDEOS,
        lambda path: path.write_text("no video" * 99),
        r"\.mp4: (cannot be opened|is a text file)",
    ),
    (VIDEOS, cut_in_half, r"\.mp4: "),
]


@pytest.mark.parametrize(("kind", "damage", "message"), DAMAGE)
def test_damage_is_named_with_its_file(
    tree: Path, kind: str, damage: Callable[[Path], object], message: str
) -> None:
    damage(file(tree, kind))
    (files,) = Human36m(tree).find()
    with pytest.raises(SourceError, match=message):
        list(Human36m(tree).open(files).open_frames())


def test_one_damaged_sequence_does_not_stop_the_others(tmp_path: Path) -> None:
    root = write_tree(tmp_path, camera_ids=CAMERA_IDS)
    view_path(root, "S1", POSES_CAMERA, "Walking 1", CAMERA_IDS[2]).write_text(WEB_PAGE)
    opened, refused = [], []
    for files in Human36m(root).find():
        try:
            opened.append(Human36m(root).open(files).camera_id)
        except SourceError:
            refused.append(files.camera_id)
    assert (opened, refused) == ([CAMERA_IDS[0], CAMERA_IDS[1], CAMERA_IDS[3]], [CAMERA_IDS[2]])


def test_archives_that_are_not_unpacked_are_named(tree: Path) -> None:
    for name in (
        "Poses_D3_Positions_mono_S1.tgz",
        "Videos_S11.tgz",
        "S1/Segments_mat_gt_bs_S1.tgz",
    ):
        (tree / name).write_bytes(b"")
    file(tree, MASKS).unlink()
    (sequence,) = load_sequences(tree, subjects=("S1",))
    assert "S1/Segments_mat_gt_bs_S1.tgz. Unpack it" in sequence.notes[0]
    file(tree, POSES_CAMERA).unlink()
    with pytest.raises(
        SourceError, match=r"is missing\. Not unpacked yet: \S+_mono_S1\.tgz\. Unpack"
    ):
        load_sequences(tree, subjects=("S1",))
    with pytest.raises(
        SourceError, match=r"S11 Walking 1 .* is missing\. Not unpacked yet: \S+Videos_S11\.tgz"
    ):
        load_sequences(tree, subjects=("S11",), actions=("Walking",))


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (VIDEOS, ["Videos_S1.tgz", "VideosSubjectSpecific_6.tgz"]),
        (POSES_CAMERA, ["S1.zip"]),
        (None, ["S1.zip", "Videos_S1.tgz"]),
    ],
)
def test_archives_are_told_apart_by_name(
    tmp_path: Path, kind: str | None, found: list[str]
) -> None:
    for name in (
        "Videos_S1.tgz",
        "Videos_S11.tgz",
        "VideosSubjectSpecific_6.tgz",
        "S1.zip",
        "S11.zip",
        "S1.txt",
    ):
        (tmp_path / name).write_bytes(b"")
    assert sorted(path.name for path in find_archives(tmp_path, "S1", kind)) == sorted(found)


def test_wrong_names_are_answered_with_the_right_ones(tree: Path) -> None:
    with pytest.raises(SourceError, match=r"has no subject S12; it has S1, S2"):
        Human36m(tree).find(subjects=("S1", "S12"))
    with pytest.raises(
        SourceError, match=r"has no action Running; it has Miscellaneous, Directions"
    ):
        Human36m(tree).find(actions=("Running",))
    with pytest.raises(SourceError, match=r"has no camera 1; it has 54138969"):
        Human36m(tree).find(cameras=("1",))
    with pytest.raises(
        SourceError, match=r"no sequence of S5 with these actions and cameras was found"
    ):
        Human36m(tree).find(subjects=("S1", "S5"))
    with pytest.raises(SourceError, match=r"no sequence of any subject"):
        Human36m(tree).find(actions=("Eating",))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (None, None, "metadata.xml: there is no such file. Copy"),
        ("</a>", "", "is not XML"),
        ("dbcameras", "cameras", "has no part 'dbcameras/index2id'"),
        ("<w0>[", "<w0>[1 ", "w0 holds 301 numbers, expected 300 for 4 cameras, 11 subjects"),
        ("<w0>[", "<w0>[x ", "could not convert string to float"),
        ("<td>14</td>", "<td>99</td>", "is not the release's metadata.xml"),
    ],
)
def test_metadata_that_cannot_be_used_is_refused(
    tree: Path, old: str | None, new: str | None, message: str
) -> None:
    path = tree / "metadata.xml"
    if old is None or new is None:
        path.unlink()
    else:
        path.write_text(path.read_text().replace(old, new))
    with pytest.raises(SourceError, match=message):
        Human36m(tree).find()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="none: there is no such folder"):
        source_of(tmp_path / "none")


def masks_of(path: Path) -> list[np.ndarray | None]:
    with opened_masks(path) as masks:
        return [masks.mask(index) for index in range(len(masks))]


def as_one_array(path: Path, masks: np.ndarray) -> None:
    with h5py.File(path, "w") as data:
        data["Masks"] = masks.transpose(0, 2, 1).astype(np.float64)


def as_colour_pictures(path: Path, masks: np.ndarray) -> None:
    with h5py.File(path, "w") as data:
        cells = data.create_dataset("Masks", (1, len(masks)), dtype=h5py.ref_dtype)
        for index, mask in enumerate(masks):
            cells[0, index] = data.create_dataset(
                f"#refs#/{index}", data=255 * np.stack([mask.T] * 3).astype(np.uint8)
            ).ref


def as_old_cells(path: Path, masks: np.ndarray) -> None:
    cells = np.empty((len(masks), 1), dtype=object)
    cells[:, 0] = list(masks)
    scipy.io.savemat(path, {"Masks": cells})


def as_old_array(path: Path, masks: np.ndarray) -> None:
    scipy.io.savemat(path, {"Masks": np.moveaxis(masks, 0, -1)})


@pytest.mark.parametrize("write", [as_one_array, as_colour_pictures, as_old_cells, as_old_array])
def test_masks_are_read_in_every_form_they_come_in(
    tmp_path: Path, write: Callable[[Path, np.ndarray], None]
) -> None:
    expected = np.stack([make_mask(index) for index in range(3)])
    write(tmp_path / "a.mat", expected)
    found = masks_of(tmp_path / "a.mat")
    assert len(found) == 3
    for mask, truth in zip(found, expected, strict=True):
        assert mask is not None
        np.testing.assert_array_equal(mask, truth)


def test_an_empty_cell_is_a_frame_without_a_person(tree: Path) -> None:
    with h5py.File(file(tree, MASKS), "r+") as data:
        empty = data.create_dataset("#refs#/empty", data=np.zeros(2, dtype=np.uint64))
        empty.attrs["MATLAB_empty"] = np.int32(1)
        data["Masks"][2, 0] = empty.ref
    masks = [frame.mask for frame in only_sequence(tree).open_frames()]
    assert [bool(mask.any()) for mask in masks if mask is not None] == [
        True,
        True,
        False,
        True,
        True,
        True,
    ]


def test_a_mask_file_without_masks_says_what_it_holds(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.mat", "w") as data:
        data["Boxes"] = np.zeros(3)
    with pytest.raises(SourceError, match="holds no variable 'Masks', only Boxes"):
        masks_of(tmp_path / "a.mat")
    scipy.io.savemat(tmp_path / "b.mat", {"Boxes": np.zeros(3)})
    with pytest.raises(SourceError, match="holds no variable 'Masks'"):
        masks_of(tmp_path / "b.mat")


# --- which poses, and S9's shifted ones


def write_universal(root: Path, subject: str = "S1", file_base: str = "Walking 1") -> None:
    """Poses of limbs 0.9 times as long."""
    cameras = view_path(root, subject, POSES_CAMERA, file_base, CAMERA_ID)
    write_pose_cdf(
        view_path(root, subject, POSES_UNIVERSAL, file_base, CAMERA_ID),
        read_pose_cdf(cameras, 3).astype(np.float64) * 0.9,
    )


def test_world_poses_come_to_the_camera_by_metadata(tree: Path) -> None:
    (files,) = Human36m(tree).find()
    mono, world = Human36m(tree).open(files), Human36m(tree, "world").open(files)
    np.testing.assert_allclose(world.pose_cam_mm, mono.pose_cam_mm, atol=2e-3)
    np.testing.assert_array_equal(world.keypoints_px, mono.keypoints_px)


def test_universal_poses_keep_the_true_keypoints(tree: Path) -> None:
    write_universal(tree)
    (files,) = Human36m(tree).find()
    mono, universal = Human36m(tree).open(files), Human36m(tree, "universal").open(files)
    np.testing.assert_allclose(universal.pose_cam_mm, 0.9 * mono.pose_cam_mm, rtol=1e-6)
    np.testing.assert_array_equal(universal.keypoints_px, mono.keypoints_px)
    assert universal.notes == ()
    file(tree, KEYPOINTS).unlink()
    with pytest.raises(
        SourceError, match=r"cannot be projected .*D2_Positions has no keypoints of S1 Walking 1"
    ):
        Human36m(tree, "universal").open(files)


def test_shifted_poses_can_be_corrected(tmp_path: Path) -> None:
    root = write_tree(tmp_path, subjects=("S9",))
    write_view(root, "S9", "Waiting 1")
    (files,) = Human36m(root).find(actions=("Waiting",))
    keeping, correcting = Human36m(root), Human36m(root, s9="correct")
    assert keeping.faults(files) and Human36m(root, s9="drop").faults(files)[0].left_out
    kept, corrected = keeping.open(files), correcting.open(files)
    moved = corrected.camera.camera_to_world(
        corrected.pose_cam_mm.astype(np.float64)
    ) - kept.camera.camera_to_world(kept.pose_cam_mm.astype(np.float64))
    np.testing.assert_allclose(moved, np.broadcast_to([-200.0, 0, 0], moved.shape), atol=2e-3)
    pixels = corrected.camera.project(corrected.pose_cam_mm.astype(np.float64))
    np.testing.assert_array_equal(corrected.keypoints_px, pixels)
    assert "poses moved by 200 mm" in corrected.notes[0]
    (walk,) = Human36m(root).find(actions=("Walking",))
    assert not keeping.faults(walk)
    np.testing.assert_array_equal(correcting.open(walk).pose_cam_mm, keeping.open(walk).pose_cam_mm)


def test_metadata_says_how_many_poses_there_are(tmp_path: Path) -> None:
    """min(min(v1..v4), floor(mocap / 4)); a file without the table, or with another one, is used
    all the same.
    """
    write_metadata(
        tmp_path, {("S1", CAMERA_ID): make_camera()}, {("S1", "Walking", 1): (50, 48, 60, 60, 250)}
    )
    metadata = load_metadata(tmp_path / "metadata.xml")
    assert metadata.num_poses(("S1", "Walking", 1)) == 48
    assert metadata.num_poses(("S1", "Walking", 2)) == 0
    path = tmp_path / "metadata.xml"
    path.write_text(path.read_text().replace("[50 48 60 60 250]", "many"))
    assert load_metadata(path).num_poses(("S1", "Walking", 1)) is None
    path.write_text(path.read_text().replace("frames>", "pictures>"))
    assert load_metadata(path).frame_counts == {}


def test_videos_of_test_subjects_are_no_sequences(tree: Path) -> None:
    target = tree / "S2" / "Videos" / file(tree, VIDEOS).name
    target.parent.mkdir(parents=True)
    shutil.copy(file(tree, VIDEOS), target)
    assert [files.subject for files in Human36m(tree).find()] == ["S1"]
