"""Each ending has the bytes of its own format, at even times where the format has only a rate."""

import numpy as np
import pytest

from posegrid.body.formats.c3d import Markers
from posegrid.body.formats.in_space import IN_SPACE, motion_bytes


def markers(*time_s: float) -> Markers:
    """Somebody who moves by 100 mm a second along x."""
    times = np.array(time_s)
    place = np.random.default_rng(0).normal(0, 300, (17, 3))
    places = place + times[:, None, None] * [100.0, 0.0, 0.0]
    return Markers(np.arange(len(times)), times, places, 10.0, "walk.mp4")


STARTS = {
    ".trc": b"PathFileType\t4\t(X/Y/Z)\tarm.trc\n",
    ".c3d": bytes([2, 0x50, 17, 0]),
    ".bvh": b"HIERARCHY\n",
    ".glb": b"glTF",
    ".usd": b"#usda 1.0\n",
}


def test_every_ending_has_a_start_of_its_own():
    assert set(STARTS) == set(IN_SPACE)


@pytest.mark.parametrize("ending", IN_SPACE)
def test_a_file_starts_as_its_format_does(ending):
    content = motion_bytes(ending, markers(0.0, 0.1, 0.2), f"arm{ending}")
    assert content.startswith(STARTS[ending])


def test_a_missing_frame_is_made_up_for_a_rate_and_left_out_where_times_are_kept():
    some = markers(0.0, 0.1, 0.3)
    hierarchy = motion_bytes(".bvh", some, "a.bvh").decode().splitlines()
    motion = hierarchy[hierarchy.index("MOTION") :]
    assert motion[1:3] == ["Frames: 4", "Frame Time: 0.10000000"] and len(motion) == 3 + 4
    rows = motion_bytes(".trc", some, "a.trc").decode().splitlines()[-3:]
    assert [row.split("\t")[1] for row in rows] == ["0.000000", "0.100000", "0.300000"]
    x_m = np.array([float(row.split("\t")[2]) for row in rows])
    np.testing.assert_allclose(np.diff(x_m), [0.01, 0.02], atol=2e-6)
