"""C3D files as ezc3d reads them; the even times that their markers are brought to."""

import struct
from dataclasses import replace

import ezc3d
import numpy as np
import pytest
from body.formats.walks import make_walk, make_walk_with_feet, places_mm

from posegrid import __version__
from posegrid.body.formats.c3d import Markers, c3d_bytes, turned_upright
from posegrid.body.skeleton import HUMAN36M_21, JOINT_NAMES

WALK = make_walk()


def test_points_come_back_exactly(tmp_path):
    WALK.save(tmp_path / "walk.c3d")
    c3d = ezc3d.c3d(str(tmp_path / "walk.c3d"))
    points = c3d["data"]["points"][:3].transpose(2, 1, 0)
    np.testing.assert_array_equal(points, places_mm(WALK).astype(np.float32))
    assert np.isnan(points[[0, 1, 10, 20]]).all()
    residuals = c3d["data"]["meta_points"]["residuals"][0]
    assert (residuals[:, [0, 1, 10, 20]] == -1).all() and (residuals[:, 2:10] == 0).all()


def test_feet_are_points_of_their_own_names(tmp_path):
    walk = make_walk_with_feet()
    walk.feet_mm[5, 1] = np.nan
    walk.save(tmp_path / "walk.c3d")
    c3d = ezc3d.c3d(str(tmp_path / "walk.c3d"))
    assert c3d["parameters"]["POINT"]["LABELS"]["value"] == list(HUMAN36M_21.joint_names)
    points = c3d["data"]["points"][:3].transpose(2, 1, 0)
    np.testing.assert_array_equal(points, places_mm(walk).astype(np.float32))
    assert np.isnan(points[5]).any(axis=1).tolist() == [j == 18 for j in range(21)]


def test_the_file_says_units_axes_rate_and_names(tmp_path):
    WALK.save(tmp_path / "walk.c3d", pinned=True)
    c3d = ezc3d.c3d(str(tmp_path / "walk.c3d"))
    said = {
        name: entry["value"]
        for name, entry in c3d["parameters"]["POINT"].items()
        if name != "__METADATA__"
    }
    assert said["LABELS"] == list(JOINT_NAMES) and said["UNITS"] == ["mm"]
    assert (said["X_SCREEN"], said["Y_SCREEN"], said["RATE"][0]) == (["+X"], ["+Y"], 25.0)
    assert said["DESCRIPTIONS"][0] == "joint of human36m_17, relative to the pelvis"
    assert not np.nan_to_num(c3d["data"]["points"][:3, 0]).any()


def test_more_frames_than_the_header_can_count(tmp_path):
    rows = np.arange(70_000) % len(WALK)
    arrays = {name: values[rows] for name, values in WALK.arrays().items()}
    arrays |= {"frame": np.arange(70_000), "time_s": np.arange(70_000) / WALK.fps}
    replace(WALK, **arrays).save(tmp_path / "long.c3d")
    points = ezc3d.c3d(str(tmp_path / "long.c3d"))["data"]["points"]
    assert points.shape == (4, 17, 70_000)
    assert points[:3, 5, -1] == pytest.approx(places_mm(WALK)[rows[-1], 5], abs=1e-3)


# --- the bytes, by the format's description


def parameters_in(section: bytes) -> tuple[dict[str, tuple[int, list[int], bytes]], int]:
    """Each parameter as GROUP:NAME with its type, dimensions and content; where the section ends."""
    at, groups, found = 4, {}, {}
    while section[at]:
        length, group = struct.unpack_from("<bb", section, at)
        name = section[at + 2 : at + 2 + length].decode()
        at += 2 + length
        (offset,) = struct.unpack_from("<H", section, at)
        content = section[at + 2 : at + offset]
        if group < 0:
            groups[-group] = name
            assert content == b"\0"
        else:
            kind, num_dimensions = struct.unpack_from("<bB", content)
            dimensions = list(content[2 : 2 + num_dimensions])
            values = content[2 + num_dimensions : -1]
            size = abs(kind) * int(np.prod(dimensions, dtype=int))
            assert len(values) == size and content[-1] == 0, "no description"
            found[f"{groups[group]}:{name}"] = (kind, dimensions, values)
        at += offset
    return found, at


def test_the_header_is_that_of_the_description():
    markers = moving(np.arange(30) / 25)
    content = c3d_bytes(markers)
    parameters_at, key, *said = struct.unpack_from("<BBHHHHHfHHf", content)
    assert (parameters_at, key) == (2, 0x50), "block 2; the mark of the format"
    num_parameter_blocks = content[514]
    # points, analog, first, last, gap interpolated, scale of floats, data block, analog, rate
    assert said == [17, 0, 1, 30, 0, -1.0, 2 + num_parameter_blocks, 0, 25.0]
    assert not any(content[24:512])
    assert content[512:514] == b"\x01\x50" and content[515] == 84, "little-endian"
    data = np.frombuffer(content[512 * (1 + num_parameter_blocks) :][: 30 * 17 * 16], "<f4")
    np.testing.assert_array_equal(
        data.reshape(30, 17, 4)[..., :3], markers.places_mm.astype(np.float32)
    )
    assert len(content) % 512 == 0


def test_the_parameters_are_those_of_the_description():
    markers = replace(moving(np.arange(70_000) / 25), up="Z", origin="the floor")
    section = c3d_bytes(markers)[512:]
    found, _ = parameters_in(section)
    words = {name: np.frombuffer(v, "<u2").tolist() for name, (k, _, v) in found.items() if k == 2}
    assert words == {
        "POINT:USED": [17],
        "POINT:FRAMES": [65535],
        "POINT:DATA_START": [2 + section[2]],
        "ANALOG:USED": [0],
        "TRIAL:ACTUAL_START_FIELD": [1, 0],
        "TRIAL:ACTUAL_END_FIELD": [70_000 - 65536, 1],
    }
    reals = {name: np.frombuffer(v, "<f4").tolist() for name, (k, _, v) in found.items() if k == 4}
    assert reals == {"POINT:SCALE": [-1.0], "POINT:RATE": [25.0]}
    texts = {name: (d, v.decode()) for name, (k, d, v) in found.items() if k == -1}
    about = "joint of human36m_17, relative to the floor"
    made_by = "posegrid, estimated from walk.mp4"
    assert texts == {
        "POINT:UNITS": ([2], "mm"),
        "POINT:X_SCREEN": ([2], "+X"),
        "POINT:Y_SCREEN": ([2], "+Z"),
        "POINT:LABELS": ([14, 17], "".join(name.ljust(14) for name in JOINT_NAMES)),
        "POINT:DESCRIPTIONS": ([len(about), 17], about * 17),
        "MANUFACTURER:COMPANY": ([8], "posegrid"),
        "MANUFACTURER:SOFTWARE": ([len(made_by)], made_by),
        "MANUFACTURER:VERSION_LABEL": ([len(__version__)], __version__),
    }
    assert [dimensions for k, dimensions, _ in found.values() if k == 4] == [[], []]


def test_the_parameters_take_as_few_blocks_as_hold_them():
    one, ends = moving(np.zeros(1)), set()
    for num_letters in range(31):
        for more in range(17):
            names = {"origin": "x" * num_letters, "source": "y" * more}
            section = c3d_bytes(replace(one, **names))[512:]
            _, end = parameters_in(section)
            ends.add((end + 2) % 512)
            assert section[2] == -(-(end + 2) // 512)
    assert {0, 1} <= ends, "the edges of a block, too"


def test_long_names_and_foreign_letters_are_cut_and_marked():
    section = c3d_bytes(replace(moving(np.zeros(1)), source="Jörg" * 60))[512:]
    kind, dimensions, text = parameters_in(section)[0]["MANUFACTURER:SOFTWARE"]
    assert (kind, dimensions) == (-1, [127]) and text.startswith(b"posegrid, estimated from J?rgJ?")


# --- even times


def moving(time_s: np.ndarray, rate_hz: float = 25.0) -> Markers:
    """Joints that move evenly: place = time times a velocity of their own."""
    velocity = np.random.default_rng(1).normal(0, 500, (17, 3))
    return Markers(
        np.arange(len(time_s)), time_s, time_s[:, None, None] * velocity, rate_hz, "walk.mp4"
    )


def test_even_times_stay_as_they_are():
    late = np.random.default_rng(2).uniform(-0.005, 0.005, 20)
    for start_s in (0.0, 7.3):
        markers = moving(start_s + np.arange(20) / 25 + late)
        assert markers.evenly_timed() is markers


def test_uneven_times_are_interpolated():
    time_s = np.cumsum(np.random.default_rng(3).uniform(0.02, 0.06, 50))
    markers = moving(time_s)
    even = markers.evenly_timed()
    assert np.diff(even.time_s) == pytest.approx(np.full(len(even.time_s) - 1, 0.04))
    assert abs(even.time_s[-1] - time_s[-1]) <= 0.021 and even.time_s[0] == time_s[0]
    inside = even.time_s <= time_s[-1]
    velocity = markers.places_mm[10] / time_s[10]
    assert even.places_mm[inside] == pytest.approx(even.time_s[inside, None, None] * velocity)


def test_missing_frames_and_long_gaps_stay_missing():
    time_s = np.array([0.0, 0.04, 0.08, 0.13, 0.16, 0.56, 0.6])
    markers = moving(time_s)
    places = markers.places_mm.copy()
    places[3] = np.nan
    even = replace(markers, places_mm=places).evenly_timed()
    assert even.time_s == pytest.approx(np.arange(16) / 25)
    assert even.found.tolist() == [True] * 3 + [False] + [True] + [False] * 9 + [True] * 2


def test_a_quarter_of_a_frame_is_even_and_a_fifth_of_a_second_no_gap():
    time_s = np.arange(20) / 25
    at_most = time_s + np.where(np.arange(20) % 5 == 3, 0.0099, 0)
    assert (even := moving(at_most)).evenly_timed() is even
    more = time_s + np.where(np.arange(20) % 5 == 3, 0.0101, 0)
    assert (uneven := moving(more)).evenly_timed() is not uneven
    for gap_s, found in ((0.195, True), (0.205, False)):
        apart = moving(np.array([0.0, 0.04, 0.04 + gap_s, 0.08 + gap_s]))
        inner = apart.evenly_timed().found[2:5]
        assert inner.all() == inner.any() == found
    even = moving(more).evenly_timed()
    assert even.frame.tolist() == list(range(20))


def test_what_lies_at_an_even_time_is_taken_over_beside_a_gap():
    time_s = np.array([0.0, 0.04, 0.28, 0.32, 0.375])
    even = moving(time_s).evenly_timed()
    assert even.found.tolist() == [True, True, *[False] * 5, True, True, True]
    assert even.places_mm[7] == pytest.approx(moving(time_s).places_mm[2], abs=1e-9)


def test_a_point_without_a_place_is_nowhere_and_the_others_stay():
    markers = moving(np.arange(5) / 25)
    markers.places_mm[2, 7, 1] = np.nan
    content = c3d_bytes(markers)
    points = np.frombuffer(content[512 * (1 + content[514]) :][: 5 * 17 * 16], "<f4")
    points = points.reshape(5, 17, 4)
    assert points[2, 7].tolist() == [0, 0, 0, -1]
    assert np.count_nonzero(points[..., 3]) == 1 and points[2, 6, 0] == np.float32(
        markers.places_mm[2, 6, 0]
    )


def test_turning_upright_is_a_rotation():
    assert turned_upright(np.array([1.0, 2.0, 3.0])).tolist() == [1.0, -2.0, -3.0]
    assert np.linalg.det(turned_upright(np.eye(3))) == pytest.approx(1.0)
