"""The release as it really is: the names, splits and oddities of its own metadata.xml.

metadata.xml beside this file is written by hand in the shape of the release's: all actions in its
words and order, the files called "_ALL" that have no poses, two subjects, its own split. It has two
cameras, of pictures of 64 x 48 px.
"""

import json
import os
import shlex
import shutil
import subprocess
import tarfile
from itertools import combinations
from pathlib import Path

import h5py
import numpy as np
import pytest

from posegrid.datasets.doctor import DoctorSettings, doctor
from posegrid.datasets.human36m.layout import (
    BOXES,
    KEYPOINTS,
    MASKS,
    POSES_CAMERA,
    POSES_UNIVERSAL,
    POSES_WORLD,
    SPLITS,
    SUFFIXES,
    VIDEOS,
    SplitName,
)
from posegrid.datasets.human36m.metadata import Metadata, load_metadata
from posegrid.datasets.human36m.release_files import MaskWriter, opened_masks, write_pose_cdf
from posegrid.datasets.human36m.release_sequences import EARLY_ENDS, Human36m
from posegrid.datasets.human36m.release_writer import ACTIONS, default_file_base
from posegrid.datasets.prepare import PrepareSettings, prepare
from posegrid.errors import SourceError
from posegrid.video.writer import VideoWriter

HERE = Path(__file__).parent
SIZE_WH = (64, 48)


def joints_world_mm(num_frames: int) -> np.ndarray:
    """A cloud of joints that fills the middle of the picture."""
    rng = np.random.default_rng(0)
    return rng.uniform((-250, -250, 200), (250, 250, 1800), (num_frames, 32, 3))


def write_parts(folder: Path, metadata: Metadata, subject: str, num_frames: int) -> None:
    """One file of each kind and camera, with two poses: "mono.54138969.cdf" and so on."""
    joints = joints_world_mm(2)
    folder.mkdir(parents=True)
    write_pose_cdf(folder / "world.cdf", joints)
    for camera_id in metadata.camera_ids:
        camera = metadata.camera(subject, camera_id, SIZE_WH)
        in_camera = camera.world_to_camera(joints)
        write_pose_cdf(folder / f"mono.{camera_id}.cdf", in_camera)
        write_pose_cdf(folder / f"universal.{camera_id}.cdf", 0.9 * in_camera)
        write_pose_cdf(folder / f"pixels.{camera_id}.cdf", camera.project(in_camera) + 0.5)
        with VideoWriter(folder / f"video.{camera_id}.mp4", 50, SIZE_WH) as video:
            for _ in range(num_frames):
                video.write(np.full((48, 64, 3), 90, dtype=np.uint8))
        with MaskWriter(folder / f"mask.{camera_id}.mat") as masks:
            for _ in range(num_frames):
                masks.write(np.ones((48, 64), dtype=bool))


PARTS = {
    VIDEOS: "video",
    POSES_CAMERA: "mono",
    POSES_UNIVERSAL: "universal",
    KEYPOINTS: "pixels",
    MASKS: "mask",
    BOXES: "mask",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete tree of two subjects and two cameras: 120 views with poses, 8 without."""
    root, parts = tmp_path_factory.mktemp("release") / "h36m", tmp_path_factory.mktemp("parts")
    root.mkdir()
    shutil.copy(HERE / "metadata.xml", root)
    metadata = load_metadata(root / "metadata.xml")
    for (subject, action, subaction), base in metadata.file_bases.items():
        num_frames = metadata.frame_counts[subject, action, subaction][0]
        folder = parts / f"{subject} {num_frames}"
        if not folder.exists():
            write_parts(folder, metadata, subject, num_frames)
        kinds = [VIDEOS] if base.startswith("_ALL") else [*PARTS]
        for kind in kinds:
            (root / subject / kind).mkdir(parents=True, exist_ok=True)
            for camera_id in metadata.camera_ids:
                name = f"{PARTS[kind]}.{camera_id}{SUFFIXES[kind]}"
                target = root / subject / kind / f"{base}.{camera_id}{SUFFIXES[kind]}"
                os.link(folder / name, target)
        if POSES_CAMERA in kinds:
            world = root / subject / POSES_WORLD / f"{base}.cdf"
            world.parent.mkdir(parents=True, exist_ok=True)
            os.link(folder / "world.cdf", world)
    return root


def test_a_perfect_release_is_reported_perfect(tree: Path, tmp_path: Path) -> None:
    doctor(DoctorSettings(tree, json=tmp_path / "doctor.json"))
    report = json.loads((tmp_path / "doctor.json").read_text())
    assert (report["num_faults"], report["usable_views"]) == (0, 120)
    assert sum(report["frames"].values()) == 240 and len(report["frames"]) == 15
    assert report["absent_subjects"] == []  # of those that metadata.xml names
    texts = [finding["text"] for finding in report["findings"]]
    early = "poses end early, as the release has it: 2 poses for 16 video frames"
    assert sum(text.startswith(early) for text in texts) == 2


def test_all_actions_of_a_perfect_release_are_prepared(tree: Path, tmp_path: Path) -> None:
    out, one = tmp_path / "out", ("54138969",)
    facts = prepare(PrepareSettings(tree, out, actions=(), cameras=one, image_size=32, workers=1))
    assert (facts.num_crops, facts.skipped) == (120, [])
    assert facts.splits == {"train": ["S1"], "validation": [], "test": ["S9"]}


def test_the_recording_without_poses_is_refused_in_a_sentence(tree: Path) -> None:
    source = Human36m(tree)
    assert source.metadata.actions == ACTIONS
    assert source.metadata.posed_actions == ACTIONS[1:]
    assert len(source.find()) == 120
    with pytest.raises(SourceError, match="no poses of Miscellaneous, only videos; choose among"):
        source.find(actions=("Miscellaneous",))


def test_the_writers_names_are_the_releases() -> None:
    metadata = load_metadata(HERE / "metadata.xml")
    for (subject, action, subaction), base in metadata.file_bases.items():
        assert default_file_base(action, subaction, subject) == base
    assert default_file_base("Walking", 2, "S7") == "Walking 2"
    assert default_file_base("TakingPhoto", 2, "S6") == "Photo 1"


def test_the_official_split_is_the_releases_own(tree: Path, tmp_path: Path) -> None:
    own = {
        "train": ["S1", "S7", "S8", "S9", "S11"],
        "validation": ["S5", "S6"],
        "test": ["S2", "S3", "S4", "S10"],
    }
    assert Human36m(tree, split="official").splits() == own
    text = (tree / "metadata.xml").read_text()
    (tmp_path / "metadata.xml").write_text(text.replace("[5 6]", "[6]"))
    assert Human36m(tmp_path, split="official").splits()["validation"] == ["S6"]
    (tmp_path / "metadata.xml").write_text(text.replace("val_subjects", "other"))
    assert Human36m(tmp_path, split="official").splits() == own
    all_five = Human36m(tree, split="subjects-5-2-all-five").splits()
    assert all_five["train"] == ["S1", "S5", "S6", "S7", "S8"]


def test_the_first_pixel_is_one_in_the_release(tree: Path) -> None:
    """MATLAB counts pixels from 1, posegrid has the first one's centre at 0.5."""
    camera = load_metadata(tree / "metadata.xml").camera("S1", "54138969", SIZE_WH)
    assert camera.principal_px == (32.1, 23.9)
    view = Human36m(tree).find(subjects=("S1",), actions=("Walking",))[0]
    sequence = Human36m(tree).open(view)
    projected = sequence.camera.project(sequence.pose_cam_mm.astype(np.float64))
    np.testing.assert_allclose(sequence.keypoints_px, projected, atol=1e-4)


def test_six_sequences_are_known_to_end_early(tree: Path) -> None:
    assert len(EARLY_ENDS) == 6
    source = Human36m(tree)
    views = [view for view in source.find(subjects=("S9",)) if view.action == "Walking"]
    notes = {view.subaction: source.open(view).notes for view in views}
    assert notes[1] == ()
    assert notes[2][0].startswith("poses end early, as the release has it: 2 poses for 16")


@pytest.fixture
def small(tree: Path, tmp_path: Path) -> Path:
    """Walking of S1."""
    root = tmp_path / "small tree"
    for path in tree.rglob("*"):
        walk = "S1" in path.parts and path.name.startswith("Walking ")
        if path.is_file() and (walk or path.name == "metadata.xml"):
            (root / path.relative_to(tree)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, root / path.relative_to(tree))
    return root


def test_unpacking_an_archive_as_advised_gives_what_is_read(small: Path) -> None:
    with tarfile.open(small / "Videos_S1.tgz", "w:gz") as archive:
        archive.add(small / "S1" / "Videos", "S1/Videos")
    shutil.rmtree(small / "S1" / "Videos")
    view = Human36m(small).find()[0]
    with pytest.raises(SourceError, match=r"Not unpacked yet: .*Videos_S1\.tgz") as refused:
        Human36m(small).open(view)
    command = str(refused.value).partition("Unpack it into the root: ")[2]
    assert shlex.split(command)[-2:] == ["-C", str(small)]
    subprocess.run(shlex.split(command), check=True)
    assert Human36m(small).open(view).num_frames == 2


def test_an_archive_unpacked_too_deep_is_named(small: Path, capsys) -> None:
    (small / "S1" / "S1").mkdir()
    (small / "S1" / "Videos").rename(small / "S1" / "S1" / "Videos")
    with pytest.raises(SourceError, match="S1/S1 was unpacked one folder too deep"):
        Human36m(small).open(Human36m(small).find()[0])
    with pytest.raises(SourceError, match="faults"):
        doctor(DoctorSettings(small, subjects=("S1",), actions=("Walking",)))
    printed = capsys.readouterr().out
    assert "unpacked too deep" in printed and f"mv {small}/S1/S1/* {small}/S1/" in printed


@pytest.mark.parametrize("away", ["extracted/S1", "s1", "Human3.6M/s1"])
def test_a_folder_elsewhere_or_in_other_letters_is_named(small: Path, capsys, away: str) -> None:
    (small / away).parent.mkdir(exist_ok=True)
    (small / "S1").rename(small / away)
    with pytest.raises(SourceError, match="1 faults"):
        doctor(DoctorSettings(small))
    printed = " ".join(capsys.readouterr().out.split())
    assert "misplaced folder" in printed and "Move each subject's folder into the root" in printed
    assert "nothing here of S9" in printed and "Download the release's archives" not in printed


def test_a_tree_without_anybody_is_refused(small: Path, capsys) -> None:
    shutil.rmtree(small / "S1")
    with pytest.raises(SourceError, match="nothing that `posegrid prepare` could use"):
        doctor(DoctorSettings(small))
    assert "Download the release's archives" in capsys.readouterr().out


def test_masks_as_a_video_are_answered_with_the_right_archive(small: Path) -> None:
    shutil.rmtree(small / "S1" / MASKS)
    folder = small / "S1" / "MySegments" / "ground_truth_bs"
    folder.mkdir(parents=True)
    (folder / "Walking 1.54138969.mp4").write_bytes(b"")
    sequence = Human36m(small).open(Human36m(small).find()[0])
    assert "masks as a video, which is not read" in sequence.notes[0]
    assert "in .mat files" in sequence.notes[0]


def test_masks_in_several_chunks_are_read(tmp_path: Path) -> None:
    """As MATLAB writes them."""
    masks = np.random.default_rng(0).random((2, 48, 64)) < 0.5
    with h5py.File(tmp_path / "a.mat", "w") as file:
        cells = file.create_dataset("Masks", (1, 2), dtype=h5py.ref_dtype)
        for index, mask in enumerate(masks):
            data = mask.T.astype(np.uint8)
            name = f"#refs#/{index}"
            cells[0, index] = file.create_dataset(
                name, data=data, chunks=(10, 7), compression="gzip"
            ).ref
    with opened_masks(tmp_path / "a.mat") as found:
        for index, mask in enumerate(masks):
            np.testing.assert_array_equal(found.mask(index), mask)


POSED = {"S1", "S5", "S6", "S7", "S8", "S9", "S11"}


@pytest.mark.parametrize("name", SPLITS)
def test_nobody_is_in_two_parts_of_a_split(name: SplitName) -> None:
    parts = SPLITS[name]
    assert list(parts) == ["train", "validation", "test"]
    for one, other in combinations(parts.values(), 2):
        assert not set(one) & set(other)
    everybody = {subject for part in parts.values() for subject in part}
    assert everybody == POSED | ({"S2", "S3", "S4", "S10"} if name == "official" else set())


def test_the_literatures_test_subjects_are_those_of_its_figures() -> None:
    assert SPLITS["subjects-5-2"]["test"] == ["S9", "S11"]
    assert SPLITS["subjects-6-1"]["test"] == SPLITS["walking2015"]["test"] == ["S11"]
