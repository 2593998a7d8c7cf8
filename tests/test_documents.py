"""The pages that people read: their shape, and that the commands of the tutorials run as written."""

import importlib.util
import os
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import posegrid
from posegrid import cli
from posegrid.video.writer import VideoWriter
from posegrid.walkers.clip import ClipPlan, film
from posegrid.walkers.pictures import STUDIO_REACH_MM, StudioView
from posegrid.walkers.render.cameras import CAMERA_IDS, FRAME_RATE_HZ

ROOT = Path(__file__).parents[1]
TUTORIALS = ROOT / "docs" / "tutorials"


@pytest.fixture(scope="module")
def house() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house", ROOT / "scripts" / "house.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["house"] = module
    spec.loader.exec_module(module)
    return module


def test_no_line_is_longer_than_a_hundred_columns(house: ModuleType) -> None:
    assert {p.name: house.long_lines(p) for p in house.documents() if house.long_lines(p)} == {}


def test_sentences_are_short(house: ModuleType) -> None:
    means = {page.name: round(house.mean_sentence_words(page), 1) for page in house.documents()}
    assert {name: words for name, words in means.items() if words >= 18} == {}


def test_the_measures_measure(house: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Head\n\nOne two three. Four five six seven?\n\n" + "x" * 101 + "\n| " + "y" * 120
    )
    assert house.long_lines(page) == [5]
    assert house.mean_sentence_words(page) == 3.5


def test_every_page_is_in_the_sites_list_and_every_listed_page_is_there() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    listed = {page for section in site["nav"] for page in _pages(next(iter(section.values())))}
    pages = {str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md")}
    assert listed == pages - set(site["exclude_docs"].split())


def test_the_changelog_has_a_line_for_a_change() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("- ") for line in lines) > 100
    assert [line for line in lines if line.startswith(" ") or len(line) > 100] == []


def test_all_that_the_package_offers_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^::: ([\w.]+)", page, re.MULTILINE))
    members = re.findall(r"members: \[(.*)\]", page)[0].split(", ")
    for name in set(posegrid.__all__) - set(members):
        thing = getattr(posegrid, name)
        assert {thing.__module__, f"{thing.__module__}.{thing.__name__}"} & shown, name


def test_links_lead_somewhere() -> None:
    dead = [
        f"{page.name}: {link}"
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for link in re.findall(r"\]\(([^)#: ]+)[^):]*\)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert dead == []


@pytest.fixture
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rendering and preparing stay in this process, and start none that import all anew."""
    monkeypatch.setattr(os, "cpu_count", lambda: 1)


@pytest.mark.usefixtures("one_core")
def test_the_students_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_commands(TUTORIALS / "student.md")
    assert (tmp_path / "runs" / "mini" / "report.html").is_file()


@pytest.mark.usefixtures("one_core")
def test_the_researchers_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_commands(TUTORIALS / "researcher.md")
    assert (tmp_path / "runs" / "mine" / "report.html").is_file()
    assert (tmp_path / "mine.onnx").is_file()


@pytest.mark.usefixtures("one_core")
def test_the_practitioners_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    write_walk(tmp_path / "walk.mp4", 4.0)
    write_walk(tmp_path / "videos" / "a.mp4", 0.6)
    run_commands(TUTORIALS / "practitioner.md")
    assert (tmp_path / "study.csv").exists()
    better = tmp_path / "runs" / "better"
    assert {"walk_gait.html", "walk.bvh", "walk_viewer.html"} <= {p.name for p in better.iterdir()}


def write_walk(path: Path, seconds: float) -> None:
    """A rendered walk at 25 pictures a second: every other one that the clip has."""
    frames = round(seconds * FRAME_RATE_HZ)
    clip = film(ClipPlan(seed=0, subject="S11", num_frames=frames, picture_size=240))
    view = StudioView(clip, CAMERA_IDS[1], clip.location.place(STUDIO_REACH_MM))
    with VideoWriter(path, FRAME_RATE_HZ / 2, (240, 240)) as video:
        for frame in range(0, frames, 2):
            video.write(view.picture(clip.posed(frame)).image)


def run_commands(page: Path) -> None:
    """Every `posegrid ...` line of the page's code blocks, in order."""
    blocks = re.findall(r"```\n(.*?)```", page.read_text(), flags=re.DOTALL)
    commands = [c for block in blocks for c in block.replace("\\\n", " ").splitlines()]
    assert commands and all(line.startswith("posegrid ") for line in commands)
    for line in commands:
        call(shlex.split(line)[1:])


def call(arguments: list[str]) -> None:
    assert cli.run(arguments) == 0, arguments


def _pages(entry: str | list[dict[str, str]]) -> list[str]:
    return [entry] if isinstance(entry, str) else [next(iter(part.values())) for part in entry]
