"""What `doctor` says of small trees: the whole list of faults goes through
scripts/prove_human36m.py.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from datasets.human36m_tree import make_camera, write_tree, write_view

from posegrid.datasets.doctor import DoctorSettings, doctor
from posegrid.datasets.human36m.layout import (
    CAMERA_IDS,
    KEYPOINTS,
    MASKS,
    POSES_CAMERA,
    POSES_UNIVERSAL,
    POSES_WORLD,
    VIDEOS,
    view_path,
)
from posegrid.datasets.human36m.release_files import read_pose_cdf, write_pose_cdf
from posegrid.datasets.human36m.release_writer import write_metadata
from posegrid.errors import SourceError

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_data"
CAMERA = CAMERA_IDS[0]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("human36m"))


@pytest.fixture
def tree(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "human36m")


def examined(root: Path, **more) -> dict:
    """The JSON of a visit, whether or not it ends with an error."""
    path = root.parent / "doctor.json"
    try:
        doctor(DoctorSettings(root, json=path, **more))
    except SourceError:
        assert json.loads(path.read_text())["num_faults"] > 0
    return json.loads(path.read_text())


def whats(report: dict, level: str) -> set[str]:
    """Kinds of findings; the tree's masks are boxes that hold no random joint, which is no fault of
    the reader.
    """
    return {f["what"] for f in report["findings"] if f["level"] == level} - {"poor masks"}


def path_of(root: Path, kind: str) -> Path:
    return view_path(root, "S1", kind, "Walking 1", CAMERA)


def test_a_sound_tree_has_no_faults_and_is_told_to_prepare(tree: Path, capsys) -> None:
    report = examined(tree, subjects=("S1",))
    assert whats(report, "fault") == set() and report["usable_views"] == 1
    assert report["frames"] == {"Walking": 6} and report["bytes_needed"] > 0
    assert report["offset_px"] == pytest.approx([0, 0], abs=1e-3)
    assert report["next"] == [f"posegrid prepare {tree} data/mine"]
    printed = capsys.readouterr().out
    assert "keypoints and principal points count pixels alike" in printed and "1/8" in printed


def test_what_is_there_and_missing_is_counted_by_kind(tree: Path) -> None:
    write_view(tree, "S1", "Eating")
    path_of(tree, MASKS).unlink()
    rows = {row["action"]: row for row in examined(tree)["files"]}
    assert set(rows) == {"Walking", "Eating"}
    assert rows["Walking"]["found"][MASKS] == 0 and rows["Eating"]["found"][MASKS] == 1
    assert rows["Eating"]["expected"][VIDEOS] == 8 and rows["Eating"]["expected"][POSES_WORLD] == 2
    assert f"Walking 1.{CAMERA}.mat" in rows["Walking"]["missing"][MASKS]


def test_subjects_of_whom_there_is_nothing_are_named(tree: Path) -> None:
    assert examined(tree)["absent_subjects"] == ["S5", "S6", "S7", "S8", "S9", "S11"]


def moved_keypoints(root: Path) -> None:
    values = read_pose_cdf(path_of(root, KEYPOINTS), 2)
    write_pose_cdf(path_of(root, KEYPOINTS), values + np.array([0.5, 0.5]))


def moved_world(root: Path) -> None:
    path = view_path(root, "S1", POSES_WORLD, "Walking 1", None)
    write_pose_cdf(path, read_pose_cdf(path, 3) + 100)


def short_universal(root: Path) -> None:
    write_pose_cdf(
        path_of(root, POSES_UNIVERSAL), read_pose_cdf(path_of(root, POSES_CAMERA), 3)[:4]
    )


def other_metadata(root: Path) -> None:
    write_metadata(root, {("S1", CAMERA): make_camera()}, {("S1", "Walking", 1): 9})


@pytest.mark.parametrize(
    ("damage", "level", "what"),
    [
        (moved_keypoints, "fault", "keypoints and projected joints differ"),
        (moved_world, "fault", "poses and cameras do not fit"),
        (short_universal, "fault", "pose files of different lengths"),
        (other_metadata, "notice", "number of poses is not that of metadata.xml"),
        (lambda root: path_of(root, VIDEOS).write_text("no video" * 99), "fault", "damaged video"),
        (lambda root: path_of(root, POSES_CAMERA).write_bytes(b""), "fault", "damaged pose file"),
        (lambda root: path_of(root, VIDEOS).unlink(), "fault", "no videos"),
        (
            lambda root: (root / "Videos_S5.tgz").write_text("<html>log in"),
            "fault",
            "log-in page saved as an archive",
        ),
        (lambda root: (root / "Videos_S5.tgz").write_text("nonsense"), "fault", "damaged archive"),
        (
            lambda root: (root / "Videos_S5.tgz").write_bytes(b"\x1f\x8b\0\0"),
            "notice",
            "archive not unpacked",
        ),
    ],
)
def test_each_fault_has_its_name(tree: Path, damage, level: str, what: str) -> None:
    damage(tree)
    assert what in whats(examined(tree), level)


def test_a_shift_of_half_a_pixel_is_measured_and_said(tree: Path, capsys) -> None:
    moved_keypoints(tree)
    report = examined(tree)
    assert report["offset_px"] == pytest.approx([0.5, 0.5], abs=1e-3)
    assert "DO NOT count pixels alike" in capsys.readouterr().out


def test_damage_in_the_middle_is_found_by_looking_deep(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree")
    path = path_of(root, VIDEOS)
    content = path.read_bytes()
    path.write_bytes(content[: -len(content) // 4])
    assert whats(examined(root, deep=True), "fault")


def test_test_subjects_without_poses_are_no_fault(tree: Path) -> None:
    source = path_of(tree, VIDEOS)
    target = tree / "S2" / "Videos" / source.name
    target.parent.mkdir(parents=True)
    shutil.copy(source, target)
    report = examined(tree)
    assert not [f for f in report["findings"] if f["level"] == "fault"]
    assert {row["subject"] for row in report["files"]} == {"S1", "S2"}


def test_a_folder_without_metadata_is_refused(tmp_path: Path) -> None:
    (tmp_path / "S1").mkdir()
    with pytest.raises(SourceError, match=r"metadata\.xml: there is no such file"):
        doctor(DoctorSettings(tmp_path))


def test_own_recordings_are_validated(tmp_path: Path, capsys) -> None:
    root = shutil.copytree(EXAMPLE, tmp_path / "own")
    report = examined(root)
    assert (report["num_faults"], report["usable_views"], report["frames"]) == (0, 2, {"walk": 40})
    assert report["share_held"] > 0.9 and report["next"] == [f"posegrid prepare {root} data/mine"]
    (root / "split.json").write_text('{"train": ["anna"], "validation": ["ben"], "test": []}')
    (fault,) = (f for f in examined(root)["findings"] if f["level"] == "fault")
    assert "names ben, of whom there are no recordings" in fault["text"]
    assert examined(root, subjects=("anna",))["num_faults"] == 0
    (root / "split.json").unlink()
    (root / "anna" / "walk" / "front.json").write_text("{}")
    report = examined(root)
    assert whats(report, "fault") == {"no split", "cannot be used"} and report["usable_views"] == 1
    assert "docs/own-data.md" in capsys.readouterr().out
