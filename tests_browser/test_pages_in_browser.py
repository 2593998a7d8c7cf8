"""The pages of results by themselves: the report of two runs, and gait."""

from pathlib import Path

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from motion.walks import walk_track
from playwright.sync_api import Page

from posegrid.motion.motion_track import MotionTrack
from posegrid.results.gait_page import GaitSettings, gait
from posegrid.results.page import Sample, sortable_table, warning
from posegrid.results.page import page as page_of


def assert_usable(shown: Page) -> None:
    """Axe finds nothing serious, at desk and phone width, light and dark."""
    for width, scheme in ((1280, "light"), (390, "dark")):
        shown.set_viewport_size({"width": width, "height": 900})
        shown.emulate_media(color_scheme=scheme)
        found = Axe().run(shown).response["violations"]
        bad = [v for v in found if v["impact"] in ("serious", "critical")]
        assert [(v["id"], v["nodes"][0]["html"]) for v in bad] == []


def test_samples_are_sorted_by_a_click(page: Page, tmp_path: Path) -> None:
    picture = np.full((40, 120, 3), 200, np.uint8)
    cells = [("S11", 3.25, -1.0), ("S9", 20.0, 2.5), ("S1", 100.0, 0.0), ("S9", 3.0, -30.0)]
    rows = [Sample(row, picture) for row in cells]
    parts = [warning("made up"), sortable_table(("subject", "error, mm", "difference"), rows)]
    path = tmp_path / "report.html"
    path.write_text(page_text(parts), encoding="utf-8")
    page.goto(path.as_uri())
    by = "[...document.querySelectorAll('tbody tr')].map((row) => row.cells[%d].dataset.value)"
    for name, column in (("error, mm", 1), ("difference", 2), ("subject", 0)):
        button = page.get_by_role("button", name=name)
        button.click()
        values = page.evaluate(by % column)
        assert values == sorted(values, key=lambda v: float(v.removeprefix("S")))
        button.press("Enter")
        assert page.evaluate(by % column) == values[::-1]
        assert button.locator("..").get_attribute("aria-sort") == "descending"
    assert_usable(page)


def page_text(parts: list[str]) -> str:
    return page_of("two runs", "made up", [], parts)


def test_the_gait_page_can_be_used_by_all(page: Page, tmp_path: Path) -> None:
    walk = walk_track(np.arange(0, 5, 0.04), noise_mm=2.0)
    walk = MotionTrack(**{name: getattr(walk, name) for name in walk.__dataclass_fields__})
    walk.save(tmp_path / "walk.npz")
    gait(GaitSettings(tmp_path / "walk.npz"))
    page.goto((tmp_path / "walk_gait.html").as_uri())
    assert page.locator("h1").inner_text() == "Gait: walk.mp4"
    assert_usable(page)
