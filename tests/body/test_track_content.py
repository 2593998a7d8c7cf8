"""What a Track's file holds by its ending: pinned at the pelvis or where the person is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from body.test_track import make_track

from posegrid.body.skeleton import JOINT_NAMES
from posegrid.body.track_content import content_of
from posegrid.errors import OutputError

TRACK = make_track()
NOWHERE = replace(TRACK, root_mm=np.full_like(TRACK.root_mm, np.nan))


def pelvis_m(content: bytes) -> np.ndarray:
    """The first marker of a TRC file."""
    cells = [row.split("\t")[2:5] for row in content.decode().splitlines()[-len(TRACK) :]]
    return np.array([[float(cell or "nan") for cell in row] for row in cells])


def test_the_pelvis_is_where_it_is_turned_upright_or_at_the_origin():
    track = replace(TRACK, joints_mm=TRACK.joints_mm - TRACK.joints_mm[:, :1])
    where = np.where(track.found[:, None], track.root_mm * [1, -1, -1] / 1000, np.nan)
    free = content_of(track, Path("walk.trc"), pinned=False)
    np.testing.assert_allclose(pelvis_m(free), where, atol=1e-6)
    pinned = content_of(track, Path("walk.trc"), pinned=True)
    np.testing.assert_array_equal(
        pelvis_m(pinned), np.where(track.found[:, None], [0, 0, 0], np.nan)
    )


def test_json_has_the_names_of_the_joints_and_keeps_both_apart():
    free, pinned = (content_of(TRACK, Path("a.JSON"), pinned=pinned) for pinned in (False, True))
    said = json.loads(free)
    assert said["joint_names"] == list(JOINT_NAMES) and free == pinned
    np.testing.assert_array_equal(np.float32(said["root_mm"]), TRACK.root_mm)


@pytest.mark.parametrize(
    ("track", "pinned", "said"),
    [
        (NOWHERE, False, "nothing to write: no frame has the pelvis' place; save it `pinned`"),
        (
            replace(TRACK, joints_mm=np.full_like(TRACK.joints_mm, np.nan)),
            True,
            "nothing to write: no person was found in any frame.",
        ),
    ],
)
def test_joints_that_have_no_place_are_not_written(track, pinned, said):
    with pytest.raises(OutputError, match=f"walk.c3d: {said}"):
        content_of(track, Path("walk.c3d"), pinned=pinned)


def test_without_a_place_of_the_pelvis_poses_can_be_pinned():
    content = content_of(NOWHERE, Path("walk.trc"), pinned=True)
    assert np.isfinite(pelvis_m(content)).all(axis=1).tolist() == TRACK.found.tolist()


def test_another_ending_is_refused_with_those_there_are():
    with pytest.raises(OutputError, match=r"^walk: expected a name that ends in \.npz, \.json, "):
        content_of(TRACK, Path("walk"), pinned=False)
