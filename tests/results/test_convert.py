"""`posegrid convert`: every format from every Track file; what is refused."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from body.formats.walks import make_walk

from posegrid import cli
from posegrid.body.track import Track
from posegrid.errors import OutputError
from posegrid.motion.angles import joint_angles
from posegrid.results.convert import viewer_page

WALK = make_walk()
FORMATS = ("csv", "json", "trc", "c3d", "bvh", "glb", "angles", "html")


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
        [*(f"walk.{ending}" for ending in FORMATS[:6]), "walk_angles.csv", "walk_viewer.html"]
    )
    said = capsys.readouterr().out
    assert "walk.bvh: cm, y up; 4 frames without a person or place: the pose before, held" in said


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


def data_of(page: str) -> dict:
    found = re.search(r"const track = (\{.*\});\n", page)
    assert found is not None
    return json.loads(found[1])


def test_the_viewer_holds_the_motion_and_asks_for_nothing(tmp_path):
    page = viewer_page(WALK)
    assert (
        not re.search(r"https?://|src=|href=|@import|fetch\(", page)
        and "default-src 'none'" in page
    )
    content = data_of(page)
    assert [row is None for row in content["places_mm"]] == [
        row in (0, 1, 10, 20) for row in range(len(WALK))
    ]
    # Levelled and moved as a whole, to a millimetre: distances between joints of two frames stay
    # what they are.
    places = np.array([content["places_mm"][row] for row in (5, 30)]).reshape(2, 17, 3)
    true = (WALK.joints_mm + WALK.root_mm[:, None])[[5, 30]]
    assert np.linalg.norm(places[0, 3] - places[1, 16]) == pytest.approx(
        np.linalg.norm(true[0, 3] - true[1, 16]), abs=2
    )
    assert content["time_s"][5] == 0.2 and not content["pinned"]


def test_the_viewer_of_a_walk_without_places_says_so():
    content = data_of(viewer_page(WALK, pinned=True))
    assert content["pinned"] and content["places_mm"][5][0] == content["places_mm"][30][0]
    assert content["places_mm"][20] is not None


def test_a_source_cannot_end_the_script():
    page = viewer_page(replace(WALK, source="</script><b>.mp4"))
    assert data_of(page)["source"] == "</script><b>.mp4" and page.count("</script>") == 1


def test_nobody_in_any_frame_has_nothing_to_show():
    with pytest.raises(OutputError, match="nothing to show"):
        viewer_page(replace(WALK, joints_mm=np.full_like(WALK.joints_mm, np.nan)))
