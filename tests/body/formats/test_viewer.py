"""The page that shows a motion in 3D: what is in it, and that it asks for nothing."""

import base64
import hashlib
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
from body.formats.walks import make_walk

from posegrid.body.formats.viewer import (
    ViewerFigure,
    ViewerScene,
    colour_of,
    levelling_rotation,
    scene_page,
    viewer_page,
)
from posegrid.body.rotations import rot_x, rot_z
from posegrid.body.skeleton import BONES, JOINT_NAMES
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
    figures = tuple(ViewerFigure(track.joints_mm, track.root_mm) for track in (WALK, other))
    page = scene_page(ViewerScene(figures, WALK.frame, WALK.time_s, "two.mp4"))
    first, second = (unpacked(p["places"], len(WALK)) for p in data_of(page)["people"])
    apart = (second - first)[5].reshape(17, 3)
    assert np.linalg.norm(apart, axis=1) == pytest.approx(700, abs=2)


def test_programs_can_lie_beside_the_page():
    figure = ViewerFigure(WALK.joints_mm, WALK.root_mm)
    page = scene_page(ViewerScene((figure,), WALK.frame, WALK.time_s, "a.mp4"), programs="/viewer")
    assert 'src="/viewer/viewer.js"' in page and "<style" not in page and "function" not in page


def test_ten_thousand_frames_are_under_three_megabytes():
    frame = np.arange(10_000)
    rows = frame % 37 + 2
    joints, roots = WALK.joints_mm[rows], WALK.root_mm[rows]
    angles = {f"left_{i}_deg": joints[:, i % 17, 0] / 5 for i in range(18)}
    figure = ViewerFigure(joints, roots, WALK.keypoints_px[rows], WALK.sigma_mm[rows], angles)
    noisy = replace(figure, joints_mm=joints + np.random.default_rng(0).normal(0, 5, joints.shape))
    page = scene_page(ViewerScene((noisy,), frame, frame / 50.0, "long.mp4"))
    assert len(page) < 3_000_000


def test_a_track_saves_itself_as_the_page(tmp_path):
    WALK.save(tmp_path / "walk.html")
    assert (tmp_path / "walk.html").read_text(encoding="utf-8") == page_of(WALK)


def test_sides_have_the_colours_of_okabe_and_ito():
    """Blue and vermillion of their table; grey for the trunk."""
    for joint, name in enumerate(JOINT_NAMES):
        side, _, _ = name.partition("_")
        expected = {"left": (0, 114, 178), "right": (213, 94, 0)}
        assert colour_of(joint) == expected.get(side, (95, 95, 105))


def test_bones_are_told_with_their_sides():
    said = data_of(page_of(WALK))
    assert said["joints"] == list(JOINT_NAMES) and len(said["bones"]) == 16
    for (begin, end, side), bone in zip(said["bones"], BONES, strict=True):
        told, _, _ = JOINT_NAMES[end].partition("_")
        assert (begin, end) == bone and side == (told if told in ("left", "right") else "middle")


@pytest.mark.parametrize("tilt", [rot_x(0.3), rot_z(-0.2), rot_x(-0.25) @ rot_z(0.4), np.eye(3)])
def test_levelling_puts_the_mean_trunk_upright(tilt):
    turned = WALK.joints_mm[WALK.found].astype(np.float64) @ tilt.T
    level = levelling_rotation(turned)
    assert level @ level.T == pytest.approx(np.eye(3)) and np.linalg.det(level) == pytest.approx(1)
    joints = turned @ level.T
    index = JOINT_NAMES.index
    feet = (joints[:, index("left_ankle")] + joints[:, index("right_ankle")]) / 2
    trunk = (joints[:, index("thorax")] - feet).mean(axis=0)
    assert trunk / np.linalg.norm(trunk) == pytest.approx([0, -1, 0], abs=1e-9)


def test_who_stands_on_the_head_or_is_not_seen_is_not_levelled():
    pose = np.zeros((2, 17, 3))
    pose[:, JOINT_NAMES.index("thorax")] = [100.0, 300.0, 0.0]  # y down: below the feet
    assert np.array_equal(levelling_rotation(pose), np.eye(3))
    assert np.array_equal(levelling_rotation(np.full((2, 17, 3), np.nan)), np.eye(3))
    pose[:, JOINT_NAMES.index("thorax"), 1] = 0.0
    assert np.array_equal(levelling_rotation(pose), np.eye(3))
    half = np.full((2, 17, 3), np.nan)
    half[0] = 0.0
    half[0, JOINT_NAMES.index("thorax")] = [0.0, -300.0, 300.0]
    assert levelling_rotation(half) @ [0, -1, 1] == pytest.approx([0, -np.sqrt(2), 0])


def test_the_lowest_joint_mostly_stands_on_the_ground_and_the_way_is_centred():
    places = places_of(page_of(WALK))
    seen = places[np.isfinite(places).all(axis=(1, 2))]
    assert np.median(seen[:, :, 1].min(axis=1)) == pytest.approx(0, abs=1)
    assert np.nanmedian(places[:, 0, (0, 2)], axis=0) == pytest.approx([0, 0], abs=1)


def test_numbers_are_told_in_fine_steps_and_gaps_as_gaps():
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0, 2000, (len(WALK), 17, 2)).astype(np.float32)
    keypoints[3, 4] = np.nan
    angles = {
        "left_knee_flexion_deg": np.linspace(-90, 90, len(WALK)),
        "b_deg": np.zeros(len(WALK)),
    }
    figure = ViewerFigure(
        WALK.joints_mm, WALK.root_mm, keypoints, WALK.sigma_mm, angles, True, 3, "print"
    )
    scene = ViewerScene(
        (figure,), WALK.frame, WALK.time_s, "a.mp4", size_wh=(640, 480), video="a.webm"
    )
    said = data_of(scene_page(scene))
    (person,) = said["people"]
    assert (said["video"], said["size_wh"], said["edits"]) == ("a.webm", [640, 480], [])
    assert not said["pinned"] and said["save"] is None
    assert said["angles"] == list(angles) and said["frame"] == WALK.frame.tolist()
    assert (person["is_true"], person["number"], person["fingerprint"]) == (True, 3, "print")
    for name, given, step in (
        ("places", None, 1),
        ("keypoints", keypoints.reshape(len(WALK), -1), 1 / 8),
        ("sigma", WALK.sigma_mm, 1 / 8),
        ("angles", np.stack(list(angles.values()), axis=1), 1 / 64),
    ):
        assert person[name]["scale"] == 1 / step
        if given is not None:
            told = unpacked(person[name], len(WALK))
            np.testing.assert_allclose(told, given, atol=step / 2 + 1e-9)
    plain = data_of(page_of(WALK))["people"][0]
    assert [plain[name] for name in ("keypoints", "sigma", "angles")] == [None] * 3
    assert (plain["is_true"], plain["number"], plain["fingerprint"]) == (False, 1, "")


@pytest.mark.parametrize(("largest", "scale"), [(3999, 8), (4001, 4), (32000, 1), (32001, 0.5)])
def test_sixteen_bits_are_used_as_far_as_they_go(largest, scale):
    """Steps are powers of two, and whole numbers stay within 32000."""
    keypoints = np.zeros((len(WALK), 17, 2), np.float32)
    keypoints[5, 6, 1], keypoints[6, 6, 1] = largest, -largest
    figure = ViewerFigure(WALK.joints_mm, WALK.root_mm, keypoints)
    page = scene_page(ViewerScene((figure,), WALK.frame, WALK.time_s, "a.mp4"))
    packed = data_of(page)["people"][0]["keypoints"]
    assert packed["scale"] == scale
    told = unpacked(packed, len(WALK)).reshape(-1, 17, 2)
    assert told[5:7, 6, 1] == pytest.approx([largest, -largest], abs=0.5 / scale)


def test_the_pages_policy_names_its_programs_and_its_style():
    page = page_of(WALK)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    programs = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert (len(programs), len(styles)) == (2, 1)

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["script-src"] == " ".join(map(hashed, programs))
    assert parts["style-src"] == hashed(styles[0])
    assert parts["default-src"] == "'none'" and "<!--" not in page and "/*SCENE*/" not in page


def test_times_are_told_from_the_first_frame_to_a_tenth_of_a_millisecond():
    odd = replace(WALK, time_s=WALK.time_s[0] + np.arange(len(WALK)) / 29.97)
    told = data_of(page_of(odd))["time_s"]
    assert told == [round(row / 29.97, 4) for row in range(len(WALK))]
