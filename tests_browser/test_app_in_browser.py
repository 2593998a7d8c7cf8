"""`posegrid app` as people use it, in a browser; `make test-ui` runs this."""

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Frame, Page, expect
from running import PICTURES, RunningApp, Watch
from test_edits_in_browser import corrected, places_in

from posegrid.app.server import HERE
from posegrid.body.formats.viewer import levelling_rotation
from posegrid.body.track import Track

SAMPLE = Path(str(HERE)) / "sample.mp4"
WORK_S = 300_000
"""Milliseconds that the sample may take on a machine with much else to do."""


def uploaded(page: Page, app: RunningApp, path: Path) -> None:
    page.goto(app.url)
    page.get_by_label("Drop a video here, or choose one.").set_input_files(path)
    page.get_by_role("button", name="Start").click()


def finished(page: Page) -> Frame:
    """The viewer, once the job is done."""
    page.locator("iframe.viewer").wait_for(timeout=WORK_S)
    frame = page.locator("iframe.viewer").element_handle().content_frame()
    assert frame is not None
    frame.wait_for_function(
        "() => window.viewer && document.getElementById('video').readyState > 1"
    )
    return frame


@pytest.fixture(scope="module")
def job_url(browser: Browser, app: RunningApp) -> str:
    """A job that is done."""
    page = browser.new_page()
    page.goto(app.url)
    page.get_by_role("button", name="Try the sample").click()
    page.locator("iframe.viewer").wait_for(timeout=WORK_S)
    url = page.url
    page.close()
    return url


def test_upload_progress_and_delete(page: Page, app: RunningApp) -> None:
    uploaded(page, app, SAMPLE)
    words = page.locator("#words")
    expect(words).to_contain_text(re.compile(r"\d+ of 160, about \d+ s left"), timeout=WORK_S)
    page.reload()
    expect(words).to_contain_text("of 160", timeout=WORK_S)
    finished(page)
    folder = app.jobs.folder(app.newest().id)
    assert folder.is_dir()
    page.get_by_role("button", name="Delete this video and its results").click()
    expect(page).to_have_url(app.url)
    assert not folder.exists()


def test_playing_scrubbing_and_turning(page: Page, app: RunningApp, job_url: str) -> None:
    page.goto(job_url)
    viewer = finished(page)
    viewer.locator("#play").click()
    viewer.wait_for_function("() => viewer.row > 20")
    viewer.locator("#play").click()
    row = viewer.evaluate("viewer.row")
    page.wait_for_timeout(300)
    assert viewer.evaluate("viewer.row") == row
    viewer.locator("#on").click()
    assert viewer.evaluate("viewer.row") == row + 1
    viewer.locator("#scrub").fill("100")
    assert viewer.evaluate("viewer.row") == 100
    viewer.locator("#space").press("ArrowLeft")
    assert viewer.evaluate("viewer.row") == 99
    viewer.locator("#strips").click(position={"x": 1, "y": 20})
    assert viewer.evaluate("viewer.row") == 0
    before = viewer.evaluate("({ ...viewer.view })")
    box = viewer.locator("#space").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 4
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 30, steps=4)
    page.mouse.up()
    page.mouse.wheel(0, 300)
    viewer.wait_for_function(f"() => viewer.view.distance > {before['distance']}")
    after = viewer.evaluate("({ ...viewer.view })")
    assert after["azimuth"] == pytest.approx(before["azimuth"] - 0.64, abs=0.01)
    assert after["elevation"] > before["elevation"]
    viewer.get_by_role("button", name="Top").click()
    assert viewer.evaluate("viewer.view.elevation") == pytest.approx(np.pi / 2)


def test_the_scene_holds_the_tracks_joints(page: Page, app: RunningApp, job_url: str) -> None:
    page.goto(job_url)
    viewer = finished(page)
    job_id = job_url.rpartition("/")[2]
    track = Track.load(app.jobs.folder(job_id) / "results" / "person1.npz")
    read = "Array.from({ length: 160 }, (_, t) => Array.from({ length: 17 }, (_, j) => viewer.place(0, j, t)))"
    places = np.array(viewer.evaluate(read))
    level = levelling_rotation(track.joints_mm[track.found].astype(np.float64))
    true = (track.joints_mm + track.root_mm[:, None]) @ level.T * [1, -1, -1]
    shift = places - true
    assert np.abs(shift - (shift.max(axis=(0, 1)) + shift.min(axis=(0, 1))) / 2).max() <= 0.51
    # A click on two joints measures between them.
    viewer.evaluate("viewer.go(40)")
    for joint in ("left_ankle", "right_ankle"):
        spot = viewer.evaluate(f"viewer.spot(0, {track.joint_names.index(joint)})")
        viewer.locator("#space").click(position={"x": spot[0], "y": spot[1]})
    apart = np.linalg.norm(track["left_ankle"][40] - track["right_ankle"][40])
    said = viewer.locator("#measure").inner_text()
    found = re.fullmatch(r"left ankle to right ankle: (\d+) mm", said)
    assert found and int(found[1]) == pytest.approx(apart, abs=2)


def test_every_download_is_the_file(page: Page, app: RunningApp, job_url: str) -> None:
    page.goto(job_url)
    finished(page)
    folder = app.jobs.folder(job_url.rpartition("/")[2]) / "results"
    links = page.locator(".downloads a")
    endings = set()
    for number in range(links.count()):
        if number % 8 == 7:  # of more than ten from one page Chromium asks the user first
            page.goto(job_url)
        with page.expect_download() as caught:
            links.nth(number).click()
        name = (links.nth(number).get_attribute("href") or "").rpartition("/")[2]
        assert caught.value.path().read_bytes() == (folder / name).read_bytes()
        assert caught.value.suggested_filename.startswith("sample walk_")
        endings.add(name.partition("person1")[2])
    assert {".npz", ".bvh", ".c3d", ".trc", ".glb", ".csv", ".json", "_viewer.html"} <= endings


def test_corrections_are_saved_beside_the_track(page: Page, app: RunningApp, job_url: str) -> None:
    page.goto(job_url)
    viewer = finished(page)
    corrected(viewer)
    shown = places_in(viewer, 160)
    viewer.get_by_role("button", name="Save").click()
    expect(viewer.locator("#edit-says")).to_contain_text("Saved.", timeout=WORK_S)
    folder = app.jobs.folder(job_url.rpartition("/")[2]) / "results"
    for number in (1, 2):
        track = Track.load(folder / f"person{number}_corrected.npz")
        np.testing.assert_array_equal(np.isfinite(shown[number][:, 0, 0]), track.found)
    page.reload()
    viewer = finished(page)
    np.testing.assert_array_equal(places_in(viewer, 160)[2], shown[2])
    with page.expect_download() as caught:
        page.get_by_role("link", name="person1_corrected.npz").click()
    assert caught.value.path().read_bytes() == (folder / "person1_corrected.npz").read_bytes()
    viewer.get_by_role("button", name="Correct").click()
    for _ in range(5):
        viewer.get_by_role("button", name="Undo").click()
    viewer.get_by_role("button", name="Save").click()
    expect(viewer.locator("#edit-says")).to_contain_text("Saved.")
    assert not [*folder.glob("*corrected*"), *folder.glob("edits.json")]


def test_the_downloaded_viewer_plays_the_video_beside_it(
    page: Page, app: RunningApp, job_url: str, tmp_path: Path
) -> None:
    folder = app.jobs.folder(job_url.rpartition("/")[2]) / "results"
    (tmp_path / "a.html").write_bytes((folder / "person1_viewer.html").read_bytes())
    (tmp_path / "sample walk_clip.mp4").write_bytes((folder / "video.mp4").read_bytes())
    page.goto((tmp_path / "a.html").as_uri())
    page.wait_for_function("() => window.viewer && document.getElementById('video').readyState > 1")
    page.locator("#play").click()
    page.wait_for_function("() => viewer.row > 10")


JUDGED = ((390, "dark"), (1280, "light"))
"""Where axe looks: each layout and each set of colours once."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 820, 1280])
def test_all_can_use_it_at_every_width(
    browser: Browser, app: RunningApp, job_url: str, watch: Watch, scheme: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    watch.over(page)
    PICTURES.mkdir(parents=True, exist_ok=True)
    gait = page.url
    for name, url in (("home", app.url), ("job", job_url), ("viewer", f"{job_url}/viewer/1")):
        page.goto(url)
        if name == "job":
            viewer = finished(page)
            viewer.evaluate("viewer.go(60)")
            page.wait_for_timeout(500)
            gait = page.get_by_role("link", name="Steps, lengths").get_attribute("href")
        if (width, scheme) in JUDGED:
            found = Axe().run(page).response["violations"]
            bad = [v for v in found if v["impact"] in ("serious", "critical")]
            assert [(v["id"], v["nodes"][0]["html"]) for v in bad] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=PICTURES / f"{name}_{width}_{scheme}.png", full_page=True)
    page.goto(app.url.rstrip("/") + str(gait))
    assert page.locator("h1").inner_text().startswith("Gait")
    context.close()


def test_a_killed_server_goes_on_and_a_killed_worker_is_told(
    browser: Browser, app: RunningApp
) -> None:
    page = browser.new_page()
    uploaded(page, app, SAMPLE)
    words = page.locator("#words")
    expect(words).to_contain_text("of 160", timeout=WORK_S)
    app.kill()
    expect(words).to_contain_text("does not answer", timeout=WORK_S)
    app.start_again()
    expect(words).to_contain_text("of 160", timeout=WORK_S)
    assert app.newest().starts == 2
    os.kill(app.workers()[0], signal.SIGKILL)
    expect(page.get_by_role("alert")).to_contain_text(
        "ended from outside (SIGKILL)", timeout=WORK_S
    )
    page.close()


def test_what_is_no_video_is_told_at_once(
    page: Page, app: RunningApp, watch: Watch, tmp_path: Path
) -> None:
    text = tmp_path / "walk.mp4"
    text.write_text("this is a letter\n" * 1000)
    page.goto(app.url)
    page.get_by_label("Drop a video here, or choose one.").set_input_files(text)
    with page.expect_response("**/upload*") as answer:
        page.get_by_role("button", name="Start").click()
    assert answer.value.status == 415
    expect(page.locator("#sent")).to_contain_text("This is no video")
    assert all("415" in line for line in watch.wrong)
    watch.wrong.clear()


def test_a_video_of_three_gigabytes_is_not_sent(
    page: Page, app: RunningApp, tmp_path: Path
) -> None:
    with (tmp_path / "walk.mp4").open("wb") as file:
        file.truncate(3_000_000_000)
    uploaded(page, app, tmp_path / "walk.mp4")
    expect(page.locator("#sent")).to_contain_text("larger than 2000 MB")


def test_the_webcam_is_recorded_and_sent(browser: Browser, app: RunningApp, watch: Watch) -> None:
    context = browser.new_context(permissions=["camera"])
    page = context.new_page()
    watch.over(page)
    page.goto(app.url)
    page.get_by_role("button", name="Record the webcam").click()
    page.wait_for_function("() => document.getElementById('seen').currentTime > 1")
    page.get_by_role("button", name="Stop and use it").click()
    page.wait_for_url("**/jobs/*")
    # Chromium's made-up camera shows a disk that spins: whether somebody is seen there or not.
    ended = page.locator("iframe.viewer").or_(page.get_by_role("alert"))
    expect(ended.first).to_be_visible(timeout=WORK_S)
    expect(page.get_by_role("heading", name="webcam.webm")).to_be_visible()
    assert app.newest().video == "upload.mkv"
    context.close()
