"""The page that shows a motion in 3D: what is in it, and that it asks for nothing."""

import base64
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
from body.formats.walks import make_walk

from posegrid.body.formats.viewer import Figure, Scene, levelling_rotation, scene_page, viewer_page
from posegrid.body.track import Track
from posegrid.errors import OutputError

WALK = make_walk()


def page_of(track: Track, **options: bool) -> str:
    parts = (track.joints_mm, track.root_mm, track.frame, track.time_s, track.source)
    return viewer_page(*parts, **options)


def data_of(page: str) -> dict:
    found = re.search(r'id="scene">(\{.*?\})</script>', page)
    assert found is not None
    return json.loads(found[1])


def unpacked(packed: dict, num_frames: int) -> np.ndarray:
    """(T, columns) as the page's program reads them."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(packed["data"])), np.uint8)
    low, high = planes.reshape(2, -1, num_frames).astype(np.int64)
    values = np.cumsum(low + 256 * high, axis=1).astype(np.uint16).astype(np.int16)
    return np.where(values == -32768, np.nan, values / packed["scale"]).T


def places_of(page: str) -> np.ndarray:
    return unpacked(data_of(page)["people"][0]["places"], len(WALK)).reshape(-1, 17, 3)


def test_the_viewer_holds_the_motion_and_asks_for_nothing():
    page = page_of(WALK)
    assert not re.search(r"https?://|src=|href=|@import|unsafe", page)
    # Edits are sent to the app, where there is one; the policy of a page by itself forbids it.
    assert data_of(page)["save"] is None and "connect-src" not in page
    assert page.count("fetch(") == page.count("fetch(scene.save.address") == 1
    assert "default-src 'none'" in page
    places = places_of(page)
    assert [not np.isfinite(place).all() for place in places] == [
        row in (0, 1, 10, 20) for row in range(len(WALK))
    ]
    # Levelled, turned to y up and moved as a whole, in whole millimetres.
    level = levelling_rotation(WALK.joints_mm[WALK.found].astype(np.float64))
    true = (WALK.joints_mm + WALK.root_mm[:, None]) @ level.T * [1, -1, -1]
    shift = places - true
    assert np.nanmax(np.abs(shift - np.nanmedian(shift, axis=(0, 1)))) <= 1.001
    content = data_of(page)
    assert content["time_s"][5] == 0.2 and not content["pinned"]


def test_the_viewer_of_a_walk_without_places_says_so():
    page = page_of(WALK, pinned=True)
    places = places_of(page)
    assert data_of(page)["pinned"] and np.array_equal(places[5, 0], places[30, 0])
    assert np.isfinite(places[20]).all()


def test_what_is_far_or_large_is_coarser_but_never_cut_off():
    far = replace(WALK, root_mm=WALK.root_mm * np.float32(100))
    packed = data_of(page_of(far))["people"][0]["places"]
    places = unpacked(packed, len(WALK)).reshape(-1, 17, 3)
    between = places[30, 0] - places[5, 0]
    assert packed["scale"] < 1 and np.linalg.norm(between) == pytest.approx(
        np.linalg.norm(far.root_mm[30] - far.root_mm[5]), abs=4 / packed["scale"]
    )


def test_a_source_cannot_end_the_script():
    page = page_of(replace(WALK, source="</script><!--<script><b>.mp4"))
    assert data_of(page)["source"] == "</script><!--<script><b>.mp4"
    assert page.count("</script>") == 3 and "<b>" not in page


def test_nobody_in_any_frame_has_nothing_to_show():
    with pytest.raises(OutputError, match="nothing to show"):
        page_of(replace(WALK, joints_mm=np.full_like(WALK.joints_mm, np.nan)))


def test_two_people_stand_on_one_ground_where_they_were():
    other = replace(WALK, root_mm=WALK.root_mm + np.float32([700, 0, 0]))
    figures = tuple(Figure(track.joints_mm, track.root_mm) for track in (WALK, other))
    page = scene_page(Scene(figures, WALK.frame, WALK.time_s, "two.mp4"))
    first, second = (unpacked(p["places"], len(WALK)) for p in data_of(page)["people"])
    apart = (second - first)[5].reshape(17, 3)
    assert np.linalg.norm(apart, axis=1) == pytest.approx(700, abs=2)


def test_programs_can_lie_beside_the_page():
    figure = Figure(WALK.joints_mm, WALK.root_mm)
    page = scene_page(Scene((figure,), WALK.frame, WALK.time_s, "a.mp4"), programs="/viewer")
    assert 'src="/viewer/viewer.js"' in page and "<style" not in page and "function" not in page


def test_ten_thousand_frames_are_under_three_megabytes():
    frame = np.arange(10_000)
    rows = frame % 37 + 2
    joints, roots = WALK.joints_mm[rows], WALK.root_mm[rows]
    angles = {f"left_{i}_deg": joints[:, i % 17, 0] / 5 for i in range(18)}
    figure = Figure(joints, roots, WALK.keypoints_px[rows], WALK.sigma_mm[rows], angles)
    noisy = replace(figure, joints_mm=joints + np.random.default_rng(0).normal(0, 5, joints.shape))
    page = scene_page(Scene((noisy,), frame, frame / 50.0, "long.mp4"))
    assert len(page) < 3_000_000


def test_a_track_saves_itself_as_the_page(tmp_path):
    WALK.save(tmp_path / "walk.html")
    assert (tmp_path / "walk.html").read_text(encoding="utf-8") == page_of(WALK)
