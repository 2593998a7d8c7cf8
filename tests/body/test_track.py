"""The Track: its files come back exactly, its parts by name and time, and other skeletons."""

import re
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from posegrid.body.camera import Camera
from posegrid.body.formats.text import json_text
from posegrid.body.track import Track
from posegrid.errors import OutputError, SettingsError


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
