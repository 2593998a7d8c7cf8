"""The Track file: exact round trips, and clear words about anything else."""

import csv
import re
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from posegrid.body.camera import Camera
from posegrid.body.contacts import Contact
from posegrid.body.formats.text import json_text, npz_bytes
from posegrid.body.track import Track
from posegrid.errors import OutputError, SettingsError, SourceError


def make_track(num_frames: int = 4) -> Track:
    rng = np.random.default_rng(num_frames)

    def values(*shape: int) -> np.ndarray:
        return rng.normal(0, 300, (num_frames, *shape)).astype(np.float32)

    joints = values(17, 3)
    joints[1], feet = np.nan, values(4, 3)
    feet[1] = np.nan
    return Track(
        frame=np.arange(num_frames),
        time_s=np.arange(num_frames) * 1001 / 30000,
        joints_mm=joints,
        root_mm=values(3),
        keypoints_px=values(17, 2),
        sigma_mm=np.abs(values(17)),
        box_xyxy=values(4),
        confidence=rng.uniform(0, 1, num_frames).astype(np.float32),
        feet_mm=feet,
        camera=Camera(
            (1145.0, 1143.0), (512.0, 515.0), (1000, 1002), (-0.2, 0.2, 0.0, 0.001, 0.002)
        ),
        fps=30000 / 1001,
        weights="none",
        source="walk.mp4",
    )


def test_a_track_comes_back_exactly(tmp_path: Path) -> None:
    track = make_track()
    track.save(tmp_path / "walk.npz")
    back = Track.load(tmp_path / "walk.npz")
    for field in fields(Track):
        if field.name != "camera":
            np.testing.assert_array_equal(getattr(back, field.name), getattr(track, field.name))
    for field in fields(Camera):
        np.testing.assert_array_equal(
            getattr(back.camera, field.name), getattr(track.camera, field.name)
        )
    assert [file.name for file in tmp_path.iterdir()] == ["walk.npz"]


def test_found_says_where_a_person_is() -> None:
    assert make_track().found.tolist() == [True, False, True, True]


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        make_track().save(tmp_path / "file" / "walk.npz")


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


def test_a_camera_that_moved_is_remembered(tmp_path: Path) -> None:
    for ending in (".npz", ".json", ".csv"):
        replace(make_track(), camera_fixed=False).save(tmp_path / f"walk{ending}")
        assert not Track.load(tmp_path / f"walk{ending}").camera_fixed


def test_a_raw_track_is_remembered_as_one(tmp_path: Path) -> None:
    for ending in (".npz", ".json", ".csv"):
        replace(make_track(), raw=True).save(tmp_path / f"walk{ending}")
        assert Track.load(tmp_path / f"walk{ending}").raw
        make_track().save(tmp_path / f"walk{ending}")
        assert not Track.load(tmp_path / f"walk{ending}").raw


def test_files_hold_the_feet_only_where_something_is_known_of_them(tmp_path: Path) -> None:
    partly = make_track()
    partly.feet_mm[0] = np.nan
    partly.feet_mm[2, 1] = np.nan
    never = replace(partly, feet_mm=np.full_like(partly.feet_mm, np.nan))
    for ending in (".npz", ".json", ".csv"):
        path = tmp_path / f"walk{ending}"
        partly.save(path)
        np.testing.assert_array_equal(Track.load(path).feet_mm, partly.feet_mm)
        never.save(path)
        np.testing.assert_array_equal(Track.load(path).feet_mm, never.feet_mm)
    assert "feet_mm" not in np.load(tmp_path / "walk.npz").files
    assert "heel" not in (tmp_path / "walk.csv").read_text()
    assert "feet" not in (tmp_path / "walk.json").read_text()


def test_joints_have_names_and_frames_and_seconds_can_be_taken() -> None:
    track = replace(make_track(6), time_s=np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5]), fps=10.0)
    assert track.joint_names[track.joint_names.index("left_knee")] == "left_knee"
    assert np.array_equal(track["left_knee"], track.joints_mm[:, 5], equal_nan=True)
    assert np.array_equal(track["left_heel"], track.feet_mm[:, 2], equal_nan=True)
    with pytest.raises(SettingsError, match="no joint 'left_ear'; there are pelvis"):
        track["left_ear"]
    part = track[2:5]
    assert part.frame.tolist() == [2, 3, 4] and part.fps == pytest.approx(10)
    assert np.array_equal(part.joints_mm, track.joints_mm[2:5], equal_nan=True)
    assert track[::2].fps == pytest.approx(5) and len(track[:0]) == 0
    assert track.between(0.1, 0.3).frame.tolist() == [1, 2]
    filled = replace(track, filled_frames=(1, 4))
    assert filled[:3].filled_frames == (1,) and type(filled[:3]) is Track


def test_a_track_is_shown_in_one_line() -> None:
    assert re.fullmatch(r"Track\(.*: 4 frames, .* s, at .* per second; .*\)", repr(make_track()))
    assert len(repr(make_track(5000))) < 200 and len(repr(make_track()[:0])) < 200
    assert repr(make_track().to("coco17")) == "SkeletonTrack(coco17: 4 frames)"


def test_pandas_gets_a_row_for_each_joint_or_each_frame(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    track = make_track()
    tidy = track.to_dataframe()
    assert len(tidy) == 4 * 21 and list(tidy.columns[:4]) == ["frame", "time_s", "joint", "x_mm"]
    knee = tidy[tidy.joint == "left_knee"]
    np.testing.assert_array_equal(knee[["x_mm", "y_mm", "z_mm"]], track["left_knee"])
    np.testing.assert_array_equal(knee.sigma_mm, track.sigma_mm[:, 5])
    wide = track.to_dataframe(wide=True)
    track.save(tmp_path / "walk.csv")
    stored = pandas.read_csv(tmp_path / "walk.csv").drop(columns="facts")
    assert list(wide.columns) == list(stored.columns)
    np.testing.assert_allclose(wide, stored, rtol=1e-6)


def test_what_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SettingsError, match=r'needs pandas: pip install "posegrid\[notebook\]"'):
        make_track().to_dataframe()


def test_frames_are_asked_for_as_a_slice(tmp_path: Path) -> None:
    track = make_track()
    with pytest.raises(
        SettingsError, match=r"track\[1\]: expected a joint's name or frames as a s"
    ):
        _ = track[1]  # type: ignore[call-overload]
    with pytest.raises(OutputError, match=r"walk\.fbx: expected a name that ends in .*\.usd"):
        track.save(tmp_path / "walk.fbx")


def test_json_has_the_shortest_text_of_each_number() -> None:
    arrays = {
        "single": np.array([[0.1, np.nan], [1e-7, 3.0]], np.float32),
        "double": np.array([0.1 + 0.2, -0.0]),
        "whole": np.array([7]),
    }
    expected = '{"single": [[0.1, null], [1e-07, 3.0]], "double": [0.30000000000000004, -0.0], "whole": [7]}\n'
    assert json_text(arrays, {}) == expected
    with pytest.raises(ValueError, match="JSON"):
        json_text({"endless": np.array([np.inf])}, {})
