"""The command gait: its JSON, its page, and what it refuses."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from motion.walks import STRIDE_S, walk_track, with_feet

from posegrid.errors import SettingsError, SourceError
from posegrid.motion.angles import KNEE_ERRORS
from posegrid.motion.motion_track import MotionTrack
from posegrid.results.gait_page import GaitSettings, gait, normal_band


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gait")
    walk_track(np.arange(300) / 60).save(folder / "walk.npz")
    gait(GaitSettings(folder / "walk.npz"))
    return folder


def test_the_json_holds_the_figures(folder):
    content = json.loads((folder / "walk_gait.json").read_text())
    assert content["quantities"]["cadence"]["value"] == pytest.approx(120 / STRIDE_S, abs=0.5)
    assert set(content["quantities"]["cadence"]) == {
        "value",
        "unit",
        "uncertainty",
        "spread",
        "count",
    }
    assert len(content["strides"][0]["flexion_deg"]["knee"]) == 101
    assert len(content["events_s"]["left"]["strike"]) >= 3


def test_the_page_shows_them_and_needs_nothing_else(folder):
    text = (folder / "walk_gait.html").read_text(encoding="utf-8")
    assert "109.1 ±" in text and "average adult" in text
    assert "<script" not in text and "http" not in text and "src=" not in text
    pictures = text.split("<svg")[1:]
    assert len(pictures) == 3
    for picture in pictures:
        root = ElementTree.fromstring("<svg" + picture.split("</svg>")[0] + "</svg>")
        assert "nan" not in ElementTree.tostring(root).decode()


def test_figures_of_feet_stand_on_the_page_where_feet_are_known_and_nowhere_else(tmp_path, folder):
    with_feet(walk_track(np.arange(300) / 60), out_rad=0.1).save(tmp_path / "walk.npz")
    gait(GaitSettings(tmp_path / "walk.npz"))
    text = (tmp_path / "walk_gait.html").read_text(encoding="utf-8")
    assert "ankle range" in text and "foot progression (depth)" in text
    content = json.loads((tmp_path / "walk_gait.json").read_text())
    assert content["quantities"]["foot_progression_left"]["value"] == pytest.approx(5.7, abs=1.5)
    assert len(content["strides"][0]["flexion_deg"]["ankle"]) == 101
    without = (folder / "walk_gait.html").read_text() + (folder / "walk_gait.json").read_text()
    assert "ankle" not in without and "progression" not in without


def test_a_raw_track_is_refined_first_and_the_page_says_so(tmp_path):
    raw = replace(walk_track(np.arange(300) / 60, noise_mm=45.0), raw=True)
    raw.save(tmp_path / "walk_raw.npz")
    found = gait(GaitSettings(tmp_path / "walk_raw.npz"))
    assert found.quantities["cadence"].value == pytest.approx(120 / STRIDE_S, rel=0.02)
    assert any("raw" in note for note in found.notes)
    assert "he track was raw" in (tmp_path / "walk_raw_gait.html").read_text(encoding="utf-8")
    refined = MotionTrack.load(tmp_path / "walk_raw.npz").refined()
    assert not refined.raw and not any("raw" in note for note in refined.gait().notes)


def test_the_normal_band_has_the_published_turning_points():
    knee, hip = normal_band("knee"), normal_band("hip")
    at = {int(percent): row for row, percent in enumerate(knee.percent)}
    assert list(at) == list(range(0, 101, 2))
    # At the strike nearly straight, bent by 15 in loading, by 62 in swing; SD there 5.2 and 3.7.
    assert (knee.mean_deg[at[0]], knee.mean_deg[at[12]], knee.mean_deg[at[74]]) == (0.1, 14.7, 62.2)
    assert knee.percent[knee.mean_deg.argmax()] == 74 and (
        knee.spread_deg[at[12]],
        knee.spread_deg[at[72]],
    ) == (5.2, 3.7)
    assert (hip.mean_deg[at[0]], hip.mean_deg[at[54]], hip.mean_deg[at[88]]) == (30.5, -7.7, 31.9)
    assert hip.percent[hip.mean_deg.argmin()] == 54 and (
        hip.spread_deg[at[60]],
        hip.spread_deg[at[94]],
    ) == (7.3, 5.6)
    for band in (knee, hip):
        assert (
            np.abs(np.diff(band.mean_deg)).max() < 8.2
            and np.abs(np.diff(band.spread_deg)).max() < 1.3
        )


def test_the_page_shows_the_band_with_its_source(folder):
    text = (folder / "walk_gait.html").read_text(encoding="utf-8")
    assert (
        text.count("<polygon") == 2
        and "Fukuchi et al., PeerJ 2018" in text
        and "no diagnosis" in text
    )
    assert (
        json.loads((folder / "walk_gait.json").read_text())["quantities"]
        .keys()
        .isdisjoint({"normal"})
    )


def test_a_single_stride_per_side_still_makes_a_page(tmp_path):
    walk_track(np.arange(150) / 60).save(tmp_path / "short.npz")
    found = gait(GaitSettings(tmp_path / "short.npz", out=tmp_path / "out"))
    assert len(found.strides) <= 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "short_gait.html",
        "short_gait.json",
    ]
    quantities = json.loads((tmp_path / "out" / "short_gait.json").read_text())["quantities"]
    assert any(figure["count"] == 1 for figure in quantities.values())
    assert all(
        figure["uncertainty"] > 0 for figure in quantities.values() if figure["value"] is not None
    )


def test_the_cameras_pitch_can_be_given(folder, tmp_path):
    level = gait(GaitSettings(folder / "walk.npz", out=tmp_path, camera_pitch_deg=0))
    assert level.quantities["cadence"].value == pytest.approx(120 / STRIDE_S, abs=0.5)


def test_what_is_no_walk_is_refused(tmp_path):
    walk_track(np.arange(20) / 60).save(tmp_path / "short.npz")
    with pytest.raises(SourceError, match="no walking was found"):
        gait(GaitSettings(tmp_path / "short.npz"))
    assert [path.name for path in tmp_path.iterdir()] == ["short.npz"]
    with pytest.raises(SourceError, match="no such track file"):
        gait(GaitSettings(Path("none.npz")))
    with pytest.raises(SettingsError, match="`camera_pitch_deg` 95: expected between -90 and 90"):
        gait(GaitSettings(tmp_path / "short.npz", camera_pitch_deg=95))


def test_seen_from_the_side_step_width_is_marked_as_depth(folder):
    content = json.loads((folder / "walk_gait.json").read_text())
    assert content["of_depth"] == ["step_width"] and content["sight_deg"] > 60
    text = (folder / "walk_gait.html").read_text(encoding="utf-8")
    assert "Seen from the side" in text and "step width is depth" in text
    assert "<td>step width (depth)</td>" in text and "<td>step length</td>" in text


def test_seen_from_the_front_lengths_and_flexions_are_marked_as_depth(tmp_path):
    track = walk_track(np.arange(300) / 60)
    turn = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]], np.float32)
    places = track.root_mm - [0.0, 0.0, 4000.0]
    towards = replace(
        track,
        joints_mm=track.joints_mm @ turn.T,
        root_mm=(places @ turn.T + [0.0, 0.0, 9000.0]).astype(np.float32),
    )
    towards.save(tmp_path / "walk.npz")
    found = gait(GaitSettings(tmp_path / "walk.npz"))
    assert found.sight_deg < 10 and "step_width" not in found.of_depth
    assert {"speed", "step_length_left", "knee_range_right"} <= set(found.of_depth)
    text = (tmp_path / "walk_gait.html").read_text(encoding="utf-8")
    assert "Seen from the front" in text and "<td>stride length (depth)</td>" in text


def test_page_and_json_say_how_far_off_knees_are(folder):
    with KNEE_ERRORS.open(newline="") as file:
        off_deg = {row["part"]: float(row["too_bent_deg"]) for row in csv.DictReader(file)}
    straight, bent = off_deg["bent by 0 to 10"], off_deg["at their most bent"]
    assert 0 < straight < 20 and -30 < bent < 0
    said = f"in stance, {straight:.0f} degrees too bent, and the most bent ones {-bent:.0f} degrees"
    assert said in (folder / "walk_gait.html").read_text(encoding="utf-8")
    notes = json.loads((folder / "walk_gait.json").read_text())["notes"]
    assert sum(said in note for note in notes) == 1


def test_the_page_says_what_it_rests_on(folder, tmp_path):
    text = (folder / "walk_gait.html").read_text(encoding="utf-8")
    rest = text.split("What the figures rest on")[1]
    assert "not measured (--height-m)" in rest and "60 degrees over the longer side" in rest
    assert "1.0 m over the floor, looks down by 0 degrees, by the trunk and the feet" in rest
    assert "the camera stands</td><td>still" in rest
    given = replace(walk_track(np.arange(300) / 60), scale_known=True, camera_assumed=False)
    given.save(tmp_path / "walk.npz")
    gait(GaitSettings(tmp_path / "walk.npz", camera_pitch_deg=0))
    rest = (tmp_path / "walk_gait.html").read_text().split("What the figures rest on")[1]
    assert "the height was given" in rest and "calibrated" in rest and "0 degrees, as given" in rest
