"""C3D files as ezc3d reads them."""

from dataclasses import replace

import ezc3d
import numpy as np
import pytest
from body.formats.walks import make_walk, places_mm

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
