"""Files for other programs: read back by readers written from the formats' descriptions, nothing is lost."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from body.test_track import make_track

from posegrid.body.skeleton import JOINT_NAMES
from posegrid.errors import OutputError
from posegrid.results.track_files import turned_upright, write_track_file

TRACK = make_track()


def test_json_holds_every_number_exactly(tmp_path):
    write_track_file(TRACK, tmp_path / "walk.json")
    content = json.loads((tmp_path / "walk.json").read_text())
    for name, array in TRACK.arrays().items():
        read = np.array(content[name], dtype=float).astype(array.dtype)
        np.testing.assert_array_equal(read, array)
    assert content["unit"] == "mm" and content["skeleton"] == "human36m_17"
    assert content["joint_names"] == list(JOINT_NAMES) and content["joints_mm"][1][0] == [None] * 3


def test_csv_holds_every_number_exactly(tmp_path):
    write_track_file(TRACK, tmp_path / "walk.csv")
    with (tmp_path / "walk.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(TRACK) and rows[1]["left_knee_x_mm"] == ""

    def column(name: str) -> np.ndarray:
        return np.array([float(row[name] or "nan") for row in rows])

    np.testing.assert_array_equal(column("time_s"), TRACK.time_s)
    np.testing.assert_array_equal(column("left_knee_y_mm").astype(np.float32), TRACK.joints_mm[:, 5, 1])
    np.testing.assert_array_equal(column("root_z_mm").astype(np.float32), TRACK.root_mm[:, 2])
    np.testing.assert_array_equal(column("right_wrist_x_px").astype(np.float32), TRACK.keypoints_px[:, 16, 0])
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
    write_track_file(TRACK, tmp_path / "walk.trc")
    header, names, time_s, places_m = read_trc(tmp_path / "walk.trc")
    assert names == list(JOINT_NAMES) and header["Units"] == "m"
    assert header["NumFrames"] == "4" and header["NumMarkers"] == "17" and float(header["DataRate"]) > 29.9
    assert time_s == pytest.approx(TRACK.time_s, abs=1e-6)
    absolute_mm = TRACK.joints_mm + TRACK.root_mm[:, None]
    assert places_m[0, 3, 0] == pytest.approx(absolute_mm[0, 3, 0] / 1000, abs=1e-6)
    assert places_m[0, 3, 1] == pytest.approx(-absolute_mm[0, 3, 1] / 1000, abs=1e-6)
    assert places_m[0, 3, 2] == pytest.approx(-absolute_mm[0, 3, 2] / 1000, abs=1e-6)
    assert np.isnan(places_m[1]).all()


def test_turning_upright_is_a_rotation():
    assert np.linalg.det(turned_upright(np.eye(3))) == pytest.approx(1.0)


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"walk\.xyz: expected a name that ends in"):
        write_track_file(TRACK, tmp_path / "walk.xyz")
    assert not list(tmp_path.iterdir())
