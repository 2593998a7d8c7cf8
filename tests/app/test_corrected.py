"""Corrections by hand: kept beside the Tracks, taken away by none, all or nothing."""

from pathlib import Path

import numpy as np
import pytest
from motion.walks import walk_track

from posegrid.app.corrected import save_corrected, viewer_of
from posegrid.body.track import Track
from posegrid.errors import OutputError, SourceError
from posegrid.motion.edits import Edits, Split, Wrong, edited, fingerprint

WALK = walk_track(np.arange(25) / 25)
OTHER = walk_track(np.arange(25) / 25, noise_mm=20.0)
MARKS = {1: fingerprint(WALK), 2: fingerprint(OTHER)}


def saved_alone(track: Track, number: int, out: Path, lines: tuple[str, ...], stem: str) -> None:
    """One format of all, for speed."""
    track.save(out / f"{stem}.npz")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("posegrid.app.corrected.write_person", saved_alone)
    folder = tmp_path / "job" / "results"
    folder.mkdir(parents=True)
    for number, track in ((1, WALK), (2, OTHER)):
        track.save(folder / f"person{number}.npz")
    return folder


def names_in(folder: Path) -> set[str]:
    assert [path.name for path in folder.parent.iterdir()] == ["results"], "nothing else is left"
    return {path.name for path in folder.iterdir()} - {"person1.npz", "person2.npz"}


def text_of(*made: Wrong | Split, of: tuple[int, ...] = (1, 2)) -> bytes:
    return Edits({number: MARKS[number] for number in of}, made).text().encode()


def test_everybody_whom_edits_are_of_has_a_corrected_file_beside_the_one_of_before(folder) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    made = (Wrong(2, 3, 9), Split(1, 15, 3))
    save_corrected(folder, (1, 2), text_of(*made))
    files = {f"person{number}_corrected.npz" for number in (1, 2, 3)}
    assert names_in(folder) == {*files, "edits.json"}
    for number, track in edited({1: WALK, 2: OTHER}, Edits(MARKS, made)).items():
        found = Track.load(folder / f"person{number}_corrected.npz")
        assert fingerprint(found) == fingerprint(track)
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert Edits.load(folder / "edits.json") == Edits(MARKS, made)


def test_new_edits_take_the_place_of_those_of_before_and_none_take_all_away(folder) -> None:
    save_corrected(folder, (1, 2), text_of(Split(1, 15, 3)))
    save_corrected(folder, (1, 2), text_of(Wrong(2, 3, 9), of=(2,)))
    assert names_in(folder) == {"person2_corrected.npz", "edits.json"}
    save_corrected(folder, (1, 2), text_of())
    assert names_in(folder) == set()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{}", "These edits cannot be applied: format is missing"),
        (b"\xff", "These edits cannot be applied: .*utf-8"),
        (text_of(Wrong(1, 3, 99)), r"edit 1 \(wrong\): last_frame is 99"),
        (Edits({1: "0" * 64}, ()).text().encode().replace(b"[]", b""), "cannot be applied"),
        (Edits({1: "0" * 64}, (Wrong(1, 3, 9),)).text().encode(), "edits of another Track"),
    ],
)
def test_what_cannot_be_applied_leaves_all_as_it_was(folder, text: bytes, said: str) -> None:
    save_corrected(folder, (1, 2), text_of(Wrong(1, 0, 5), of=(1,)))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(SourceError, match=said):
        save_corrected(folder, (1, 2), text)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert names_in(folder) == {"person1_corrected.npz", "edits.json"}


def test_a_full_disk_is_told_and_leaves_all_as_it_was(folder, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("posegrid.app.corrected.write_person", full)
    with pytest.raises(OutputError, match=r"cannot be kept \(No space left on device\)"):
        save_corrected(folder, (1, 2), text_of(Wrong(1, 0, 5)))
    assert names_in(folder) == set()


def test_the_viewer_has_the_people_and_the_edits_that_were_saved(folder) -> None:
    page = viewer_of(folder, (2, 1), "/jobs/7/video.mp4", {"address": "/jobs/7/edits"})
    assert page.index(MARKS[2]) < page.index(MARKS[1]) and "/jobs/7/video.mp4" in page
    assert "/jobs/7/edits" in page and '"kind":"wrong"' not in page
    save_corrected(folder, (1, 2), text_of(Wrong(1, 0, 5)))
    assert '"kind":"wrong"' in viewer_of(folder, (1,), "", {})


def test_a_disk_that_refuses_the_last_file_leaves_all_as_it_was(folder, monkeypatch) -> None:
    save_corrected(folder, (1, 2), text_of(Wrong(1, 0, 5), of=(1,)))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    replace = Path.replace

    def refused(path: Path, target: Path) -> Path:
        if path.name == "edits.json" and path.parent.name == "new":
            raise OSError(5, "Input/output error")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(OutputError, match=r"cannot be kept \(Input/output error\)"):
        save_corrected(folder, (1, 2), text_of(Wrong(2, 3, 9), of=(2,)))
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert names_in(folder) == {"person1_corrected.npz", "edits.json"}
