"""`posegrid convert`: every format from every Track file; what is refused."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from body.formats.walks import make_walk

from posegrid import cli
from posegrid.body.track import Track
from posegrid.motion.angles import joint_angles

WALK = make_walk()
FORMATS = ("csv", "json", "trc", "c3d", "bvh", "glb", "usd", "angles", "html", "mot")


@pytest.fixture
def track_file(tmp_path):
    WALK.save(tmp_path / "walk.npz")
    return str(tmp_path / "walk.npz")


def test_all_formats_at_once(track_file, tmp_path, capsys):
    assert (
        cli.run(["convert", track_file, "--formats", *FORMATS, "--out", str(tmp_path / "out")]) == 0
    )
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == sorted(
        [
            *(f"walk.{ending}" for ending in (*FORMATS[:7], "mot")),
            "walk_angles.csv",
            "walk_viewer.html",
        ]
    )
    said = capsys.readouterr().out
    assert "walk.bvh: cm, y up, floor at 0, z forwards; 4 frames without a person or place" in said
    assert "walk.c3d: mm, z up, floor at 0, x forwards; 4 frames" in said


def test_the_cameras_own_axes_on_request_and_where_it_moved(track_file, tmp_path, capsys):
    of_camera = ["convert", track_file, "--formats", "trc", "--camera-frame"]
    assert cli.run(of_camera) == 0
    assert "walk.trc: m, y up, the camera at the origin" in capsys.readouterr().out
    first = (tmp_path / "walk.trc").read_text()
    replace(WALK, camera_fixed=False).save(tmp_path / "walk.npz")
    assert cli.run(["convert", track_file, "--formats", "trc"]) == 0
    assert (tmp_path / "walk.trc").read_text() == first
    assert cli.run(["convert", track_file, "--formats", "trc", "--world"]) == 1
    assert "--world: the camera of" in capsys.readouterr().err
    assert cli.run([*of_camera, "--pinned"]) == 1
    assert "expected one of them at most" in capsys.readouterr().err


def test_angles_are_in_degrees_and_empty_where_nobody_is(track_file, tmp_path):
    assert cli.run(["convert", track_file, "--formats", "angles"]) == 0
    with (tmp_path / "walk_angles.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[10]["left_knee_flexion_deg"] == "" and rows[20]["left_knee_flexion_deg"] != ""
    expected = np.degrees(joint_angles(WALK.joints_mm)["left_knee_flexion"][5])
    assert float(rows[5]["left_knee_flexion_deg"]) == pytest.approx(expected, abs=1e-3)


def test_from_csv_and_json_back_to_the_track_file(track_file, tmp_path):
    assert cli.run(["convert", track_file, "--formats", "csv", "json"]) == 0
    for ending in ("csv", "json"):
        there = tmp_path / ending
        assert (
            cli.run(
                [
                    "convert",
                    str(tmp_path / f"walk.{ending}"),
                    "--formats",
                    "npz",
                    "--out",
                    str(there),
                ]
            )
            == 0
        )
        np.testing.assert_array_equal(Track.load(there / "walk.npz").joints_mm, WALK.joints_mm)


def test_a_track_is_never_written_over(track_file, capsys):
    assert cli.run(["convert", track_file, "--formats", "npz"]) == 1
    assert "would write over" in capsys.readouterr().err


def test_no_format_is_refused(track_file, capsys):
    assert cli.run(["convert", track_file, "--formats"]) == 1
    assert "at least one format" in capsys.readouterr().err
