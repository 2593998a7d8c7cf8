"""C3D files as ezc3d reads them; the even times that their markers are brought to."""

from dataclasses import replace

import ezc3d
import numpy as np
import pytest
from body.formats.walks import make_walk, places_mm

from posegrid.body.formats.c3d import Markers, turned_upright
from posegrid.body.skeleton import JOINT_NAMES

WALK = make_walk()


def test_points_come_back_exactly(tmp_path):
    WALK.save(tmp_path / "walk.c3d")
    c3d = ezc3d.c3d(str(tmp_path / "walk.c3d"))
    points = c3d["data"]["points"][:3].transpose(2, 1, 0)
    np.testing.assert_array_equal(points, places_mm(WALK).astype(np.float32))
    assert np.isnan(points[[0, 1, 10, 20]]).all()
    residuals = c3d["data"]["meta_points"]["residuals"][0]
    assert (residuals[:, [0, 1, 10, 20]] == -1).all() and (residuals[:, 2:10] == 0).all()


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


# --- even times


def moving(time_s: np.ndarray, rate_hz: float = 25.0) -> Markers:
    """Joints that move evenly: place = time times a velocity of their own."""
    velocity = np.random.default_rng(1).normal(0, 500, (17, 3))
    return Markers(
        np.arange(len(time_s)), time_s, time_s[:, None, None] * velocity, rate_hz, "walk.mp4"
    )


def test_even_times_stay_as_they_are():
    late = np.random.default_rng(2).uniform(-0.005, 0.005, 20)
    markers = moving(np.arange(20) / 25 + late)
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


def test_turning_upright_is_a_rotation():
    assert np.linalg.det(turned_upright(np.eye(3))) == pytest.approx(1.0)
