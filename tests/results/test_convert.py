"""`posegrid convert`: every format from every Track file; what is refused."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from body.formats.walks import make_walk
from motion.walks import walk_track, with_feet

from posegrid import cli
from posegrid.body.skeleton import FEET_PARENTS
from posegrid.body.track import Track
from posegrid.motion.angles import joint_angles
from posegrid.motion.edits import Edits, Split, Swap, Wrong, edited, fingerprint
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.refine import refined
from posegrid.results.convert import write_track_file

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


FOOTED = with_feet(walk_track(np.arange(75) / 25, noise_mm=5))
POINT, ROW = np.arange(4)[:, None], np.arange(len(FOOTED))[:, None, None]


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    "feet_mm",
    [
        np.zeros((len(FOOTED), 4, 3)),
        1e5 * FOOTED.feet_mm,
        FOOTED.joints_mm[:, FEET_PARENTS],
        np.where(POINT < 2, FOOTED.feet_mm, np.nan),
        np.where(POINT % 2 == 1, FOOTED.feet_mm, np.nan),
        np.where(ROW == 7, FOOTED.feet_mm, np.nan),
        np.where((ROW + POINT) % 3 == 0, FOOTED.feet_mm, np.nan),
    ],
    ids=["0", "far", "ankles", "right", "toes", "one frame", "mixed"],
)
def test_whatever_is_known_of_feet_all_files_can_be_written(feet_mm, tmp_path):
    fields = {name: getattr(FOOTED, name) for name in FOOTED.__dataclass_fields__}
    walk = MotionTrack(**{**fields, "feet_mm": feet_mm.astype(np.float32)})
    for track in (walk, walk.refined()):
        np.testing.assert_array_equal(
            track.joints_mm, FOOTED.joints_mm if track is walk else refined(FOOTED).joints_mm
        )
        for ending in ("npz", *FORMATS):
            path = write_track_file(track, tmp_path, "walk", ending)
            if ending in ("csv", "json", "trc", "bvh", "usd", "angles", "mot"):
                assert "nan" not in path.read_text().lower()
        for ending in ("npz", "csv", "json"):
            back = Track.load(tmp_path / f"walk.{ending}")
            np.testing.assert_array_equal(back.feet_mm, track.feet_mm)
        assert len(track.gait().strides) > 2


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


# --- corrections by hand


def edits_file(folder, marks, *edits):
    path = folder / "edits.json"
    path.write_text(Edits(marks, edits).text())
    return str(path)


def test_edits_are_applied_into_another_folder(track_file, tmp_path, capsys):
    before = Path(track_file).read_bytes()
    edits = edits_file(tmp_path, {1: fingerprint(WALK)}, Swap(1, 5, 9), Split(1, 20, 2))
    call = ["convert", track_file, "--edits", edits]
    assert cli.run(call) == 1
    assert "--edits: the Tracks of before stay as they are: give another" in capsys.readouterr().err
    for source in (track_file, str(tmp_path)):
        out = tmp_path / "new"
        assert cli.run([*call[:1], source, *call[2:], "--out", str(out)]) == 0
        assert sorted(path.name for path in out.iterdir()) == ["walk.npz", "walk_person2.npz"]
        expected = edited({1: WALK}, Edits.load(Path(edits)))
        for name, number in (("walk", 1), ("walk_person2", 2)):
            found = Track.load(out / f"{name}.npz")
            np.testing.assert_array_equal(found.joints_mm, expected[number].joints_mm)
            assert found.warnings == ("corrected by hand: 2 edits",)
        for path in out.iterdir():
            path.unlink()
    assert Path(track_file).read_bytes() == before


def test_people_are_found_beside_the_track_by_their_fingerprints(tmp_path):
    other = replace(WALK, root_mm=WALK.root_mm + np.float32(800))
    for number, track in ((4, WALK), (7, other)):
        track.save(tmp_path / f"walk_person{number}.npz")
        replace(track, raw=True, sigma_mm=track.sigma_mm + 1).save(
            tmp_path / f"walk_person{number}_raw.npz"
        )
    (tmp_path / "a.npz").write_bytes(b"no track")
    marks = {1: fingerprint(WALK), 2: fingerprint(other)}
    edits = edits_file(tmp_path, marks, Wrong(2, 0, 5), Split(1, 20, 3))
    call = ["convert", str(tmp_path / "walk_person7.npz"), "--edits", edits, "--out"]
    assert cli.run([*call, str(tmp_path / "new"), "--formats", "npz", "csv"]) == 0
    names = {path.stem for path in (tmp_path / "new").iterdir()}
    assert names == {"walk_person4", "walk_person7", "walk_person8"}
    assert not Track.load(tmp_path / "new" / "walk_person7.csv").found[:6].any()
    assert Track.load(tmp_path / "new" / "walk_person8.npz").found[20:].any()


def test_edits_of_another_track_are_refused(track_file, tmp_path, capsys):
    edits = edits_file(tmp_path, {1: "0" * 64}, Wrong(1, 0, 5))
    new = ["--out", str(tmp_path / "new")]
    assert cli.run(["convert", track_file, "--edits", edits, *new]) == 1
    assert "walk.npz: these edits are of another Track" in capsys.readouterr().err
    assert cli.run(["convert", str(tmp_path), "--edits", edits, *new]) == 1
    assert "holds no Track (.npz) that the edits of person 1 are of" in capsys.readouterr().err
    beyond = edits_file(tmp_path, {1: fingerprint(WALK)}, Wrong(1, 0, 500))
    assert cli.run(["convert", track_file, "--edits", beyond, *new]) == 1
    assert "edit 1 (wrong): last_frame is 500" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
