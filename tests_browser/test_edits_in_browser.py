"""Corrections by hand: made in the page, downloaded, applied; the page and the files say the same."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Frame, Page, expect
from test_viewer_in_browser import walk

from posegrid import cli
from posegrid.body.formats.viewer import levelling_rotation
from posegrid.body.track import Track
from posegrid.motion.edits import Edits, Join, SetContact, Split, Swap, Wrong, fingerprint
from posegrid.motion.motion_viewer import motion_page

T = 120
FIRST = walk(T)
SECOND = replace(FIRST, root_mm=FIRST.root_mm + np.float32([900, 0, 300]), source="walk.mp4")
PLACES = (
    "viewer.people.map((_, p) => Array.from({ length: %d }, (_, t) => viewer.isThere(p, t)"
    " ? Array.from({ length: 17 }, (_, j) => viewer.place(p, j, t)) : null))"
)


def places_in(page: Page | Frame, num_frames: int) -> dict[int, np.ndarray]:
    """Where the page draws everybody's joints, mm; NaN where it draws nobody."""
    numbers, nobody = page.evaluate("viewer.people"), np.full((17, 3), np.nan)
    people = page.evaluate(PLACES % num_frames)
    return {
        number: np.array([nobody if place is None else place for place in places])
        for number, places in zip(numbers, people, strict=True)
    }


def upright(track: Track, level: np.ndarray) -> np.ndarray:
    return (track.joints_mm + track.root_mm[:, None]) @ level.T * [1, -1, -1]


def stretch(page: Page | Frame, first: int, last: int) -> None:
    page.locator("#first").fill(str(first))
    page.evaluate(f"viewer.go({last})")
    page.get_by_role("button", name="to here").click()


def corrected(page: Page | Frame) -> None:
    """One edit of each kind, by the page's own controls."""
    page.get_by_role("button", name="Correct").click()
    stretch(page, 10, 19)
    page.get_by_role("button", name="Wrong").click()
    stretch(page, 30, 49)
    page.get_by_label("of which limbs").select_option("legs")
    page.get_by_role("button", name="Swap left and right").click()
    page.get_by_label("of which limbs").select_option("both")
    stretch(page, 40, 59)
    page.get_by_role("button", name="Swap left and right").click()
    page.locator("#foot").select_option("right")
    page.get_by_role("button", name="Set contact").click()
    page.evaluate("viewer.go(80)")
    page.get_by_role("button", name="Somebody else from here on").click()


def test_each_edit_in_the_page_is_the_same_in_the_files(page: Page, tmp_path: Path) -> None:
    for number, track in ((1, FIRST), (2, SECOND)):
        track.save(tmp_path / f"walk_person{number}.npz")
    (tmp_path / "walk.html").write_text(motion_page([FIRST, SECOND]), encoding="utf-8")
    page.set_default_timeout(20_000)
    page.goto((tmp_path / "walk.html").as_uri())
    page.wait_for_function("() => window.viewer")
    before = places_in(page, T)
    corrected(page)
    assert page.evaluate("viewer.people") == [1, 2, 3]
    # Person 2 was there first: only where one of the two is nobody can they be one.
    page.get_by_label("who is the same").select_option("3")
    page.locator("#person").select_option("2")
    page.get_by_role("button", name="Is the same as").click()
    expect(page.locator("#edit-says")).to_contain_text("both are seen in frame 80")
    stretch(page, 80, T - 1)
    page.get_by_role("button", name="Wrong").click()
    page.get_by_role("button", name="Is the same as").click()
    assert page.evaluate("viewer.people") == [1, 2]
    page.get_by_role("button", name="Wrong").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#edits li")).to_have_count(7)
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download the edits").click()
    assert caught.value.suggested_filename == "made-up walk_edits.json"
    caught.value.save_as(tmp_path / "edits.json")
    edits = Edits.load(tmp_path / "edits.json").edits
    assert edits == (
        Wrong(1, 10, 19),
        Swap(1, 30, 49, "legs"),
        Swap(1, 40, 59, "both"),
        SetContact(1, 40, 59, "right", True),
        Split(1, 80, 3),
        Wrong(2, 80, T - 1),
        Join(2, 3),
    )
    call = ["convert", str(tmp_path), "--edits", str(tmp_path / "edits.json"), "--out"]
    assert cli.run([*call, str(tmp_path / "new"), "--formats", "npz", "html"]) == 0
    shown = places_in(page, T)
    both = np.concatenate([FIRST.joints_mm, SECOND.joints_mm])
    level = levelling_rotation(both.astype(np.float64))
    shift = before[1][0, 0] - upright(FIRST, level)[0, 0]
    for number in (1, 2):
        track = Track.load(tmp_path / "new" / f"walk_person{number}.npz")
        there = np.isfinite(shown[number]).all(axis=(1, 2))
        np.testing.assert_array_equal(there, track.found)
        off = shown[number] - upright(track, level) - shift
        assert np.nanmax(np.abs(off)) < 1.1  # whole mm in the page
    assert there.all()
    page.goto((tmp_path / "new" / "walk_person1_viewer.html").as_uri())
    page.wait_for_function("() => window.viewer")
    assert np.isnan(places_in(page, T)[1][10:20]).all()


def test_a_frame_that_is_not_there_is_refused_in_the_page(page: Page, tmp_path: Path) -> None:
    (tmp_path / "walk.html").write_text(motion_page([FIRST]), encoding="utf-8")
    page.set_default_timeout(20_000)
    page.goto((tmp_path / "walk.html").as_uri())
    page.wait_for_function("() => window.viewer")
    expect(page.get_by_role("button", name="Is the same as")).to_be_hidden()
    corrected(page)
    page.locator("#first").fill("500")
    page.get_by_role("button", name="Wrong").click()
    expect(page.locator("#edit-says")).to_contain_text("expected frames of 0 to 119")
    expect(page.locator("#edits li")).to_have_count(5)
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download the edits").click()
    kept, shown = caught.value.path().read_text(), places_in(page, T)
    for _ in range(5):
        page.get_by_role("button", name="Undo").click()
    assert json.loads(page.evaluate("viewer.editsText()"))["edits"] == []
    assert np.isfinite(places_in(page, T)[1]).all()
    (tmp_path / "mine.json").write_text(kept)
    for content, said in (
        ("no edits", "Not opened"),
        (kept.replace(fingerprint(FIRST), "0" * 64), "Not opened: this is no file of edits of"),
        (kept.replace('"wrong"', '"constructor"'), "no such edit"),
        (kept.replace('"first_frame": 10', '"first_frame": 900'), "expected frames of 0 to 119"),
    ):
        (tmp_path / "other.json").write_text(content)
        page.locator("#open").set_input_files(tmp_path / "other.json")
        expect(page.locator("#edit-says")).to_contain_text(said)
        expect(page.locator("#edits li")).to_have_count(0)
    page.locator("#open").set_input_files(tmp_path / "mine.json")
    expect(page.locator("#edits li")).to_have_count(5)
    for number, places in places_in(page, T).items():
        np.testing.assert_array_equal(places, shown[number])
