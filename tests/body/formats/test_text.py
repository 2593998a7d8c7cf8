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

from posegrid.body.formats.text import (
    csv_text,
    from_csv,
    from_json,
    json_text,
    nested,
    tidy_columns,
)
from posegrid.body.skeleton import FEET_NAMES, JOINT_NAMES
from posegrid.body.track import Track
from posegrid.errors import OutputError, SourceError

TRACK = make_track()
BARE = replace(TRACK, feet_mm=np.full_like(TRACK.feet_mm, np.nan))
"""Nothing is known of the feet."""


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


@pytest.mark.parametrize("feet", [True, False])
def test_trc_holds_the_joints_in_metres_with_y_up(feet, tmp_path):
    track = TRACK if feet else BARE
    track.save(tmp_path / "walk.trc")
    header, names, time_s, places_m = read_trc(tmp_path / "walk.trc")
    assert names == [*JOINT_NAMES, *(FEET_NAMES if feet else ())] and header["Units"] == "m"
    assert header["NumFrames"] == "4" and header["NumMarkers"] == str(len(names))
    assert float(header["DataRate"]) > 29.9
    if feet:
        toe_mm = TRACK["left_toe"][0] + TRACK.root_mm[0]
        assert places_m[0, 20] == pytest.approx(toe_mm * [1, -1, -1] / 1000, abs=1e-6)
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


def test_a_tidy_table_has_a_row_for_each_frame_and_joint():
    table = tidy_columns(BARE.saved_arrays())
    assert list(table) == [
        *("frame", "time_s", "joint", "x_mm", "y_mm", "z_mm", "x_px", "y_px", "sigma_mm"),
        "confidence",
    ]
    assert {len(column) for column in table.values()} == {17 * len(TRACK)}
    for frame in range(len(TRACK)):
        for joint in (0, 5, 16):
            row = {name: column[17 * frame + joint] for name, column in table.items()}
            expected = [TRACK.frame[frame], TRACK.time_s[frame], JOINT_NAMES[joint]]
            expected += [*TRACK.joints_mm[frame, joint], *TRACK.keypoints_px[frame, joint]]
            expected += [TRACK.sigma_mm[frame, joint], TRACK.confidence[frame]]
            for found, wanted in zip(row.values(), expected, strict=True):
                assert found == wanted or (np.isnan(found) and np.isnan(wanted))
    footed = tidy_columns(TRACK.saved_arrays())
    assert footed["joint"][:21].tolist() == [*JOINT_NAMES, *FEET_NAMES]
    for name, column in footed.items():
        rows = column.reshape(len(TRACK), 21)
        assert rows.dtype == table[name].dtype
        np.testing.assert_array_equal(rows[:, :17].ravel(), table[name])
        if name in ("x_mm", "y_mm", "z_mm"):
            np.testing.assert_array_equal(rows[:, 17:], TRACK.feet_mm[..., "xyz".index(name[0])])
        elif name in ("x_px", "y_px", "sigma_mm"):
            assert np.isnan(rows[:, 17:]).all()


def test_columns_stand_in_the_order_of_the_description():
    (head, *_) = csv_text(BARE.saved_arrays(), {}).splitlines()
    names = head.split(",")
    assert names[:5] == ["frame", "time_s", "root_x_mm", "root_y_mm", "root_z_mm"]
    assert names[5:8] == ["pelvis_x_mm", "pelvis_y_mm", "pelvis_z_mm"]
    assert names[5 + 51 : 5 + 53] == ["pelvis_x_px", "pelvis_y_px"]
    assert names[5 + 51 + 34 : 5 + 51 + 36] == ["pelvis_sigma_mm", "right_hip_sigma_mm"]
    assert names[-6:] == ["box_x0_px", "box_y0_px", "box_x1_px", "box_y1_px", "confidence", "facts"]
    assert len(names) == len(set(names)) == 5 + 51 + 34 + 17 + 6
    (head, *_) = csv_text(TRACK.saved_arrays(), {}).splitlines()
    feet = [f"{name}_{axis}_mm" for name in FEET_NAMES for axis in "xyz"]
    assert head.split(",") == [*names[:-1], *feet, "facts"]


DTYPES = {name: values.dtype.type for name, values in TRACK.arrays().items()}


def test_the_facts_stand_in_the_first_row_alone():
    text = csv_text(TRACK.arrays(), {"a": [1, "x"]})
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["facts"] for row in rows] == ['{"a": [1, "x"]}', *[""] * (len(TRACK) - 1)]
    arrays, facts = from_csv(text, DTYPES)
    assert facts == {"a": [1, "x"]}
    for name, values in TRACK.arrays().items():
        np.testing.assert_array_equal(arrays[name], values)


def test_a_column_may_lack_only_where_it_was_added_later():
    text = csv_text(BARE.saved_arrays(), {})
    rows = [line.rsplit(",", 2) for line in text.splitlines()]
    without = "\n".join([f"{rest},{facts}" for rest, _, facts in rows])
    with pytest.raises(ValueError, match="no column 'confidence'"):
        from_csv(without, DTYPES)
    arrays, _ = from_csv(without, DTYPES, ("confidence", "feet_mm"))
    assert np.isnan(arrays["confidence"]).all() and arrays["confidence"].shape == (len(TRACK),)


@pytest.mark.parametrize("cell", ["", "1.5", "x", "9" * 30])
def test_a_frame_is_a_whole_number(cell):
    first, second, *rest = csv_text(TRACK.arrays(), {}).splitlines()
    broken = "\n".join([first, cell + second[second.index(",") :], *rest])
    with pytest.raises(ValueError, match="column frame: "):
        from_csv(broken, DTYPES)


def test_numbers_are_told_as_short_as_they_read_back():
    values = np.array([0.1, 1 / 3, np.nan, -2e20], np.float32)
    told = nested(values)
    assert told[0] == 0.1 and told[2] is None
    np.testing.assert_array_equal(np.array(told, dtype=np.float32), values)
    assert nested(np.array([3, 4])) == [3, 4]
    assert all(type(value) is int for value in nested(np.array([3, 4])))


def test_json_takes_numbers_of_the_right_kind_only():
    text = json_text(TRACK.arrays(), {"format": 1, "more": "x"})
    arrays, facts = from_json(text, DTYPES)
    assert facts == {"format": 1, "more": "x"} and set(arrays) == set(DTYPES)
    assert text.endswith("}\n")
    for name, values in TRACK.arrays().items():
        np.testing.assert_array_equal(arrays[name], values)
    content = json.loads(text)
    for name, value, said in (
        ("frame", [0.5, 1, 2, 3], "frame holds no numbers of the right kind"),
        ("frame", [None, 1, 2, 3], "frame holds no numbers of the right kind"),
        ("frame", ["a"], "frame holds no numbers of the right kind"),
        ("time_s", [True, False], "time_s holds no numbers of the right kind"),
        ("time_s", ["a"], "time_s holds no numbers of the right kind"),
        ("time_s", [[1], [1, 2]], "time_s: "),
        ("time_s", [{}], "time_s: "),
    ):
        with pytest.raises(ValueError, match=said):
            from_json(json.dumps({**content, name: value}), DTYPES)
    some, _ = from_json(json.dumps({"frame": [], "time_s": [None, 2]}), DTYPES)
    assert some["frame"].dtype == np.int64 and not len(some["frame"])
    np.testing.assert_array_equal(some["time_s"], [np.nan, 2.0])


def test_trc_counts_frames_from_one(tmp_path):
    TRACK.save(tmp_path / "walk.trc")
    lines = (tmp_path / "walk.trc").read_text().split("\n")
    assert lines[0].split("\t")[3] == "walk.trc"
    header = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    assert header["DataRate"] == header["CameraRate"] == header["OrigDataRate"]
    assert (header["OrigDataStartFrame"], header["OrigNumFrames"]) == ("1", "4")
    assert [line.split("\t")[0] for line in lines[6:10]] == [str(f + 1) for f in TRACK.frame]
    assert lines[4].split("\t")[-3:] == ["X21", "Y21", "Z21"] and lines[-1] == ""
    assert lines[3].split("\t")[:2] == ["Frame#", "Time"] and lines[4].split("\t")[:2] == ["", ""]
