"""What is read of a Track's file: all that can be, and clear words about anything else."""

import csv
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from body.test_track import make_track

from posegrid.body.camera import Camera
from posegrid.body.contacts import Contact
from posegrid.body.formats.text import json_text, npz_bytes
from posegrid.body.track import Track
from posegrid.body.track_file import load_values
from posegrid.errors import OutputError, SourceError


def test_a_file_gives_every_field_of_a_track_as_it_was(tmp_path: Path) -> None:
    track = replace(make_track(), warnings=("far",), filled_frames=(2,), camera_assumed=False)
    for ending in (".npz", ".json", ".csv"):
        track.save(tmp_path / f"walk{ending}")
        values = load_values(tmp_path / f"walk{ending}")
        assert values.keys() == {field.name for field in fields(Track)}
        for name in values.keys() - {"camera"}:
            np.testing.assert_array_equal(values[name], getattr(track, name))
        for field in fields(Camera):
            said = getattr(values["camera"], field.name)
            np.testing.assert_array_equal(said, getattr(track.camera, field.name))


def test_other_endings_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    for ending in (".trc", ".NPY", ""):
        with pytest.raises(SourceError, match=r"ends in \.npz, \.json or \.csv"):
            load_values(tmp_path / f"walk{ending}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such track file"):
        Track.load(tmp_path / "nothing.npz")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "walk.npz").write_text("hello")
    with pytest.raises(SourceError, match="not a track file"):
        Track.load(tmp_path / "walk.npz")


def write_unchecked(track: Track, path: Path) -> None:
    """An .npz file of what `save` would refuse."""
    path.write_bytes(npz_bytes(track.saved_arrays(), track.facts()))


def refuse_to_save(track: Track, folder: Path, said: str) -> None:
    """Every format is refused with these words, and nothing is left."""
    before = sorted(folder.iterdir())
    for ending in Track.ENDINGS:
        with pytest.raises(OutputError, match=rf"walk\{ending}: no track file can hold.*{said}"):
            track.save(folder / f"walk{ending}", pinned=True)
    assert sorted(folder.iterdir()) == before


def test_arrays_of_different_lengths_are_refused(tmp_path: Path) -> None:
    track = make_track()
    object.__setattr__(track, "frame", np.arange(3))
    refuse_to_save(track, tmp_path, "expected")
    write_unchecked(track, tmp_path / "walk.npz")
    with pytest.raises(SourceError, match="expected"):
        Track.load(tmp_path / "walk.npz")


def changed(name: str, row: int, value: float) -> Track:
    """A Track with another value in a row: in all of the row's numbers."""
    track = make_track()
    values = getattr(track, name).copy()
    values[row] = value
    return replace(track, **{name: values})


@pytest.mark.parametrize(
    ("name", "row", "value"),
    [
        *(("frame", 0, -1), ("frame", 3, 2**53 + 2), ("frame", 2, 1)),
        *(("time_s", 0, np.nan), ("time_s", 3, 1.1e9), ("time_s", 0, -1.1e9)),
        *(("time_s", 3, 2 * 1001 / 30000), ("time_s", 3, -1)),
        *(("joints_mm", 2, 1.1e8), ("root_mm", 2, -1.1e8), ("keypoints_px", 0, -np.inf)),
        *(("sigma_mm", 2, -0.1), ("confidence", 2, 1.1), ("confidence", 2, -0.1)),
    ],
)
def test_a_row_that_cannot_be_is_named(name: str, row: int, value: float, tmp_path: Path) -> None:
    track = changed(name, row, value)
    refuse_to_save(track, tmp_path, f"row {row}: {name} cannot be")
    write_unchecked(track, tmp_path / "walk.npz")
    with pytest.raises(SourceError, match=f"row {row}: {name} cannot be"):
        Track.load(tmp_path / "walk.npz")


@pytest.mark.parametrize(
    ("name", "row", "value"),
    [
        *(("frame", 3, 2**53), ("frame", 0, 0), ("time_s", 3, 1e9), ("time_s", 0, -1e9)),
        *(("joints_mm", 2, 1e8), ("root_mm", 2, -1e8), ("box_xyxy", 2, np.nan)),
        *(("sigma_mm", 2, 0.0), ("confidence", 2, 1.0), ("confidence", 2, 0.0)),
    ],
)
def test_the_outermost_values_are_read(name: str, row: int, value: float, tmp_path: Path) -> None:
    track = changed(name, row, value)
    track.save(tmp_path / "walk.npz")
    back = Track.load(tmp_path / "walk.npz")
    np.testing.assert_array_equal(getattr(back, name), getattr(track, name))


CAMERA = make_track().camera


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"fps": np.nan},
            {"fps": np.inf},
            {"fps": 0.0},
            {"fps": -1.0},
            {"fps": 1e6 + 0.5},
            {"filled_frames": (7,)},
        ),
        {"camera": replace(CAMERA, focal_px=(0.0, 1000.0))},
        {"camera": replace(CAMERA, focal_px=(1000.0, -1.0))},
        {"camera": replace(CAMERA, size_wh=(0, 1000))},
        {"camera": replace(CAMERA, size_wh=(1000, 100_001))},
        {"camera": replace(CAMERA, rot_world_to_cam=2 * np.eye(3))},
        {"camera": replace(CAMERA, rot_world_to_cam=1.01 * np.eye(3))},
        {"camera": replace(CAMERA, tangential=11.0)},
        {"camera": replace(CAMERA, centre_world_mm=np.array([0, np.nan, 0]))},
        {"contacts": (Contact("left", 0, 9, stands=True),)},
    ],
)
def test_facts_that_cannot_be_are_refused(change: dict, tmp_path: Path) -> None:
    track = replace(make_track(), **change)
    refuse_to_save(track, tmp_path, "mend the track")
    write_unchecked(track, tmp_path / "walk.npz")
    with pytest.raises(SourceError, match=r"walk\.npz"):
        Track.load(tmp_path / "walk.npz")


def test_the_outermost_facts_are_read(tmp_path: Path) -> None:
    camera = replace(CAMERA, focal_px=(0.5, 0.5), size_wh=(1, 100_000), tangential=10.0)
    track = replace(make_track(), camera=camera, fps=1e6, filled_frames=(0, 3))
    track.save(tmp_path / "walk.npz")
    back = Track.load(tmp_path / "walk.npz")
    assert (back.fps, back.filled_frames) == (1e6, (0, 3))
    assert (back.camera.focal_px, back.camera.size_wh) == ((0.5, 0.5), (1, 100_000))
    assert back.camera.tangential == 10.0
    replace(track, camera=replace(camera, tangential=0.0), fps=0.5).save(tmp_path / "slow.npz")
    slow = Track.load(tmp_path / "slow.npz")
    assert (slow.fps, slow.camera.tangential) == (0.5, 0.0)


OPTIONAL = {
    "filled_frames": (),
    "scale_known": False,
    "camera_fixed": True,
    "raw": False,
    "warnings": (),
    "contacts": (),
}
"""Facts that came later, and what a file without them means."""


@pytest.mark.parametrize("lost", make_track().facts())
def test_a_fact_that_is_missing_has_its_default_or_is_named(lost: str, tmp_path: Path) -> None:
    made = {"scale_known": True, "raw": True, "warnings": ("far",), "camera_fixed": False}
    track = replace(make_track(), filled_frames=(2,), **made)
    facts = track.facts()
    del facts[lost]
    (tmp_path / "walk.npz").write_bytes(npz_bytes(track.arrays(), facts))
    if lost in ("unit", "axes", "joint_names", "posegrid_version"):  # for readers of the file alone
        assert Track.load(tmp_path / "walk.npz").facts() == track.facts()
    elif lost in OPTIONAL:
        assert getattr(Track.load(tmp_path / "walk.npz"), lost) == OPTIONAL[lost]
    else:
        kind = lost in ("format", "skeleton")
        said = "not a track file" if kind else rf"is damaged \({lost} is missing\)"
        with pytest.raises(SourceError, match=said):
            Track.load(tmp_path / "walk.npz")


def test_json_that_is_no_track_is_refused(tmp_path: Path) -> None:
    (tmp_path / "camera.json").write_text('{"focal_px": [1000, 1000]}')
    with pytest.raises(
        SourceError,
        match=r"camera\.json: not a track file of posegrid; `posegrid predict` makes them",
    ):
        Track.load(tmp_path / "camera.json")


def test_another_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posegrid.body.track.TRACK_FORMAT", 99)
    replace(make_track()).save(tmp_path / "walk.npz")
    monkeypatch.undo()
    with pytest.raises(SourceError, match="format 99"):
        Track.load(tmp_path / "walk.npz")


def test_files_of_before_the_confidence_have_none(tmp_path: Path) -> None:
    track = make_track()
    for ending in (".npz", ".json", ".csv"):
        track.save(tmp_path / f"new{ending}")
    arrays, facts = track.arrays(), track.facts()
    del arrays["confidence"]
    (tmp_path / "old.npz").write_bytes(npz_bytes(arrays, facts))
    (tmp_path / "old.json").write_text(json_text(arrays, facts))
    rows = list(csv.reader((tmp_path / "new.csv").read_text().splitlines()))
    column = rows[0].index("confidence")
    with (tmp_path / "old.csv").open("w", newline="") as file:
        csv.writer(file).writerows([*row[:column], *row[column + 1 :]] for row in rows)
    for ending in (".npz", ".json", ".csv"):
        old = Track.load(tmp_path / f"old{ending}")
        assert np.isnan(old.confidence).all() and old.confidence.shape == (len(track),)
        new = Track.load(tmp_path / f"new{ending}")
        np.testing.assert_array_equal(new.confidence, track.confidence)
        assert old.camera_fixed and np.array_equal(old.root_mm, track.root_mm)
