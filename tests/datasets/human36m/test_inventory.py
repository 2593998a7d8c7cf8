"""What is there of a small tree and what is wrong with it, each by itself."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from datasets.human36m_tree import NUM_FRAMES, make_camera, write_tree

from posegrid.datasets.human36m.inventory import check_files, taken_stock
from posegrid.datasets.human36m.layout import (
    BOXES,
    CAMERA_IDS,
    KEYPOINTS,
    KIND_NAMES,
    MASKS,
    POSES_CAMERA,
    POSES_UNIVERSAL,
    POSES_WORLD,
    VIDEOS,
    Human36mView,
    view_path,
)
from posegrid.datasets.human36m.metadata import load_metadata
from posegrid.datasets.human36m.release_files import read_pose_cdf, write_pose_cdf
from posegrid.datasets.human36m.release_sequences import views_of
from posegrid.datasets.human36m.release_writer import write_metadata
from posegrid.datasets.source import Finding, Inventory

CAMERA = CAMERA_IDS[0]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_tree(tmp_path_factory.mktemp("human36m"))
    universal = path_of(root, POSES_UNIVERSAL)
    universal.parent.mkdir()
    shutil.copy(path_of(root, POSES_CAMERA), universal)
    return root


@pytest.fixture
def tree(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "human36m")


def stock(root: Path, *asked: str) -> Inventory:
    """What there is of S1 and of those named."""
    metadata, asked = load_metadata(root / "metadata.xml"), ("S1", *asked)
    return taken_stock(root, metadata, asked, [*views_of(root, metadata, asked, None)])


def view_in(root: Path) -> Human36mView:
    metadata = load_metadata(root / "metadata.xml")
    return Human36mView("S1", "Walking", 1, CAMERA, root, metadata)


def path_of(root: Path, kind: str) -> Path:
    return view_path(root, "S1", kind, "Walking 1", CAMERA)


def whats(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.level, finding.what) for finding in findings]


def test_of_a_view_every_file_is_counted_once(tree: Path) -> None:
    found = stock(tree)
    assert [view.name for view in found.views] == [f"S1 Walking 1 {CAMERA}"]
    (row,) = found.rows
    assert (row.subject, row.action, row.found) == ("S1", "Walking", dict.fromkeys(KIND_NAMES, 1))
    assert row.expected == {kind: 2 if kind == POSES_WORLD else 8 for kind in KIND_NAMES}
    assert all(
        row.expected[kind] - row.found[kind] == len(row.missing[kind]) for kind in KIND_NAMES
    )
    assert found.findings == () == found.archives


def test_only_what_prepare_needs_is_missed(tree: Path) -> None:
    for kind in (BOXES, KEYPOINTS, POSES_UNIVERSAL):
        path_of(tree, kind).unlink()
    assert stock(tree).findings == ()
    for kind in (VIDEOS, MASKS):
        path_of(tree, kind).unlink()
    findings = stock(tree).findings
    assert whats(findings) == [("fault", "no videos"), ("fault", "no masks")]
    assert findings[0].text.startswith(f"S1/Videos/Walking 1.{CAMERA}.mp4 is missing. Download and")


def test_subjects_are_absent_unless_something_of_theirs_lies_about(tree: Path) -> None:
    assert stock(tree).absent_subjects == ()
    assert stock(tree, "S7", "S6", "S5").absent_subjects == ("S5", "S6", "S7")
    (tree / "s5").mkdir()
    (tree / "Poses_D3_Positions_S6.tgz").write_bytes(b"\x1f\x8b\0\0")
    found = stock(tree, "S5", "S6", "S7")
    assert found.absent_subjects == ("S7",)
    assert [path.name for path in found.archives] == ["Poses_D3_Positions_S6.tgz"]
    assert whats(found.findings) == [
        ("fault", "misplaced folder"),
        ("notice", "archive not unpacked"),
    ]


@pytest.mark.parametrize(
    ("name", "start", "level", "what"),
    [
        ("Videos_S5.tgz", b"<html>log in", "fault", "log-in page saved as an archive"),
        ("Videos_S5.tgz", b"PK\3\4", "fault", "damaged archive"),
        ("Videos_S5.zip", b"PK\3\4", "notice", "archive not unpacked"),
        ("Videos_S5.zip", b"\x1f\x8b", "fault", "damaged archive"),
        ("Videos_S5.tar", b"anything", "notice", "archive not unpacked"),
    ],
)
def test_archives_are_known_by_their_first_bytes(tree, name, start, level, what) -> None:
    (tree / name).write_bytes(start)
    assert whats(stock(tree).findings) == [(level, what)]


def test_files_of_unknown_names_are_noticed_and_other_spellings_are_not(tree: Path) -> None:
    videos = path_of(tree, VIDEOS).parent
    path_of(tree, VIDEOS).rename(videos / f"Walking_1.{CAMERA}.mp4")
    (videos / f"Wlaking 1.{CAMERA}.mp4").touch()
    (videos / f".Walking 3.{CAMERA}.mp4").touch()
    (videos / "Walking 1.12345678.mp4").touch()
    found = stock(tree)
    assert whats(found.findings) == [("notice", "file of an unknown name")] * 2
    assert "Walking 1.12345678.mp4" in found.findings[0].text
    assert "Wlaking" in found.findings[1].text and found.rows[0].found[VIDEOS] == 1


def test_an_archive_unpacked_too_deep_is_a_fault(tree: Path) -> None:
    (tree / "S1" / "S1").mkdir()
    assert whats(stock(tree).findings) == [("fault", "unpacked too deep")]


def test_sound_files_have_no_findings_and_no_offset(tree: Path) -> None:
    checked = check_files(view_in(tree))
    assert checked.findings == ()
    np.testing.assert_allclose(checked.offset_px, [0, 0], atol=1e-3)  # type: ignore[arg-type]


def test_one_damaged_file_does_not_hide_the_next(tree: Path) -> None:
    for kind in (VIDEOS, POSES_CAMERA, MASKS):
        path_of(tree, kind).write_bytes(b"nonsense" * 9)
    checked = check_files(view_in(tree))
    names = ("damaged video", "damaged pose file", "damaged mask file")
    assert whats(checked.findings) == [("fault", name) for name in names]
    assert checked.offset_px is None, "there is nothing to compare"


@pytest.mark.parametrize(("shift", "is_fault"), [(0.2, False), (0.3, True)])
def test_keypoints_may_lie_a_quarter_of_a_pixel_off(tree, shift: float, is_fault: bool) -> None:
    path = path_of(tree, KEYPOINTS)
    write_pose_cdf(path, read_pose_cdf(path, 2) + np.float32([0, shift]))
    checked = check_files(view_in(tree))
    np.testing.assert_allclose(checked.offset_px, [0, shift], atol=1e-3)  # type: ignore[arg-type]
    what = [("fault", "keypoints and projected joints differ")]
    assert whats(checked.findings) == (what if is_fault else [])
    if is_fault:
        assert "0.30 px from the projected joints (median; +0.00" in checked.findings[0].text


@pytest.mark.parametrize(("shift_mm", "is_fault"), [(0.9, False), (30.0, True)])
def test_world_poses_may_lie_a_millimetre_off(tree, shift_mm: float, is_fault: bool) -> None:
    path = view_path(tree, "S1", POSES_WORLD, "Walking 1", None)
    write_pose_cdf(path, read_pose_cdf(path, 3) + np.float32([0, shift_mm, 0]))
    findings = check_files(view_in(tree)).findings
    what = [("fault", "poses and cameras do not fit")]
    assert whats(findings) == (what if is_fault else [])
    if is_fault:
        assert "lie 30 mm from the camera's own" in findings[0].text


def test_numbers_of_frames_are_held_against_metadata_and_each_other(tree: Path) -> None:
    write_metadata(tree, {("S1", CAMERA): make_camera()}, {("S1", "Walking", 1): NUM_FRAMES + 2})
    universal = path_of(tree, POSES_UNIVERSAL)
    write_pose_cdf(universal, read_pose_cdf(universal, 3)[:4])
    findings = check_files(view_in(tree)).findings
    assert whats(findings) == [
        ("notice", "number of poses is not that of metadata.xml"),
        ("notice", "number of video frames is not that of metadata.xml"),
        ("fault", "pose files of different lengths"),
    ]
    assert "has 6 poses, but metadata.xml says 8" in findings[0].text
    assert "has 6 frames, but metadata.xml says 8" in findings[1].text
    assert "has 4 poses, but the camera's file 6" in findings[2].text
