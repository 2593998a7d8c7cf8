"""Text files: read back by readers written from the formats' descriptions, and by the Track;
nothing is lost.
"""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from body.test_track import make_track

from posegrid.body.skeleton import JOINT_NAMES
from posegrid.body.track import Track
from posegrid.errors import OutputError, SourceError

TRACK = make_track()


def test_json_holds_every_number_exactly(tmp_path):
    TRACK.save(tmp_path / "walk.json")
    content = json.loads((tmp_path / "walk.json").read_text())
    for name, array in TRACK.arrays().items():
        read = np.array(content[name], dtype=float).astype(array.dtype)
        np.testing.assert_array_equal(read, array)
    assert content["unit"] == "mm" and content["skeleton"] == "human36m_17"
    assert content["joint_names"] == list(JOINT_NAMES) and content["joints_mm"][1][0] == [None] * 3


def test_csv_holds_every_number_exactly(tmp_path):
    TRACK.save(tmp_path / "walk.csv")
    with (tmp_path / "walk.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(TRACK) and rows[1]["left_knee_x_mm"] == ""

    def column(name: str) -> np.ndarray:
        return np.array([float(row[name] or "nan") for row in rows])

    np.testing.assert_array_equal(column("time_s"), TRACK.time_s)
    np.testing.assert_array_equal(
        column("left_knee_y_mm").astype(np.float32), TRACK.joints_mm[:, 5, 1]
    )
    np.testing.assert_array_equal(column("root_z_mm").astype(np.float32), TRACK.root_mm[:, 2])
    np.testing.assert_array_equal(
        column("right_wrist_x_px").astype(np.float32), TRACK.keypoints_px[:, 16, 0]
    )
    np.testing.assert_array_equal(column("nose_sigma_mm").astype(np.float32), TRACK.sigma_mm[:, 9])
    np.testing.assert_array_equal(column("box_y1_px").astype(np.float32), TRACK.box_xyxy[:, 3])


def read_trc(path: Path) -> tuple[dict[str, str], list[str], np.ndarray, np.ndarray]:
    """Header, marker names, times and positions (T, markers, 3) by the format's description."""
    lines = path.read_text().split("\n")
    assert lines[0].split("\t")[:3] == ["PathFileType", "4", "(X/Y/Z)"]
    header = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    names = lines[3].split("\t")[2::3]
    assert lines[4].split("\t")[2:5] == ["X1", "Y1", "Z1"] and lines[5] == ""
    rows = [[float(cell or "nan") for cell in line.split("\t")] for line in lines[6:] if line]
    values = np.array(rows)
    return header, names, values[:, 1], values[:, 2:].reshape(len(rows), len(names), 3)


def test_trc_holds_the_joints_in_metres_with_y_up(tmp_path):
    TRACK.save(tmp_path / "walk.trc")
    header, names, time_s, places_m = read_trc(tmp_path / "walk.trc")
    assert names == list(JOINT_NAMES) and header["Units"] == "m"
    assert (
        header["NumFrames"] == "4"
        and header["NumMarkers"] == "17"
        and float(header["DataRate"]) > 29.9
    )
    assert time_s == pytest.approx(TRACK.time_s, abs=1e-6)
    absolute_mm = TRACK.joints_mm + TRACK.root_mm[:, None]
    assert places_m[0, 3, 0] == pytest.approx(absolute_mm[0, 3, 0] / 1000, abs=1e-6)
    assert places_m[0, 3, 1] == pytest.approx(-absolute_mm[0, 3, 1] / 1000, abs=1e-6)
    assert places_m[0, 3, 2] == pytest.approx(-absolute_mm[0, 3, 2] / 1000, abs=1e-6)
    assert np.isnan(places_m[1]).all()


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"walk\.xyz: expected a name that ends in \.npz, \.json"):
        TRACK.save(tmp_path / "walk.xyz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["walk.npz", "walk.json", "walk.csv", "walk.CSV"])
def test_a_track_comes_back_exactly(name, tmp_path):
    TRACK.save(tmp_path / name)
    back = Track.load(tmp_path / name)
    for array, values in TRACK.arrays().items():
        np.testing.assert_array_equal(back.arrays()[array], values)
        assert back.arrays()[array].dtype == values.dtype
    assert back.facts() == TRACK.facts()


def test_a_name_with_commas_and_quotes_comes_back(tmp_path):
    odd = replace(TRACK, source='a "walk", or so\n.mp4')
    for name in ("walk.csv", "walk.json"):
        odd.save(tmp_path / name)
        assert Track.load(tmp_path / name).source == odd.source


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("walk.json", "[1, 2]", "not a track file of posegrid .it is .1, 2., expected an object"),
        (
            "walk.json",
            '{"format": 1, "skeleton": "human36m_17"}',
            "the arrays frame, time_s, .* are missing",
        ),
        ("walk.csv", "frame,time_s\n0,0.0\n", "no column 'facts'"),
        ("walk.csv", "facts\n{}\n", "no column 'frame'"),
        ("walk.csv", "", "there is no row"),
        ("walk.trc", "", r"ends in \.npz, \.json or \.csv"),
    ],
)
def test_what_is_no_track_is_refused(name, content, message, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(SourceError, match=message):
        Track.load(tmp_path / name)


def test_a_number_that_is_none_is_named(tmp_path):
    TRACK.save(tmp_path / "walk.csv")
    text = (tmp_path / "walk.csv").read_text()
    (tmp_path / "walk.csv").write_text(text.replace(text.split("\n")[1].split(",")[5], "far", 1))
    with pytest.raises(SourceError, match="column pelvis_x_mm: could not convert"):
        Track.load(tmp_path / "walk.csv")


@pytest.mark.parametrize("ending", ["trc", "c3d", "bvh", "glb"])
def test_without_any_place_of_the_pelvis_only_pinned_joints_are_written(ending, tmp_path):
    lost = replace(TRACK, root_mm=np.full_like(TRACK.root_mm, np.nan))
    with pytest.raises(OutputError, match=r"no frame has the pelvis' place; save it `pinned`"):
        lost.save(tmp_path / f"walk.{ending}")
    lost.save(tmp_path / f"walk.{ending}", pinned=True)
    nobody = replace(TRACK, joints_mm=np.full_like(TRACK.joints_mm, np.nan))
    with pytest.raises(OutputError, match="no person was found in any frame"):
        nobody.save(tmp_path / f"walk.{ending}", pinned=True)
