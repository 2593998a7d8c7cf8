"""What a user of the library is shown: names, arguments, and short texts of every object."""

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from motion.walks import walk_track

import posegrid
from posegrid.motion import motion_track
from posegrid.motion.motion_track import MotionTrack
from posegrid.results.predict_settings import PoseSettings


@pytest.fixture(scope="module")
def track() -> MotionTrack:
    walk = walk_track(np.arange(1500) / 60)
    return MotionTrack(**{name: getattr(walk, name) for name in walk.__dataclass_fields__})


@pytest.fixture(scope="module")
def model() -> posegrid.PoseModel:
    return posegrid.load()


def objects_in(value: object) -> Iterator[object]:
    """The objects of posegrid that one holds, and itself."""
    if type(value).__module__.startswith("posegrid"):
        yield value
    if is_dataclass(value):
        for field in fields(value):
            yield from objects_in(getattr(value, field.name))
    elif isinstance(value, Mapping | tuple | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from objects_in(part)


def test_every_object_is_shown_in_less_than_a_thousand_characters(track, model):
    roots = [model, track, track[:5], track.to_world(), track.gait(), track.to("coco17")]
    roots += [posegrid.RefineSettings(), PoseSettings()]
    seen = {type(thing).__name__: thing for root in roots for thing in objects_in(root)}
    assert {"OnnxModel", "ModelFacts", "FootEvents", "Stride", "Quantity", "Camera"} <= set(seen)
    long = {
        type(thing).__name__
        for root in roots
        for thing in objects_in(root)
        if len(repr(thing)) >= 1000
    }
    assert long == set()


def test_every_public_name_is_seen_by_tab_and_help():
    assert {name for name in dir(posegrid) if name[0] != "_"} == set(posegrid.__all__)
    call = [sys.executable, "-c", "import posegrid; help(posegrid)"]
    shown = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    assert "class MotionTrack" in shown and re.search(r"load\(weights", shown)


@pytest.mark.parametrize("name", ["__call__", "people", "stream"])
def test_help_shows_the_arguments_by_their_names(model, name):
    shown = inspect.signature(getattr(model, name)).parameters
    assert {field.name for field in fields(PoseSettings)} <= set(shown) and "options" not in shown
    assert shown["looks"].default == "in-turns" and shown["camera"].default is None


def test_types_are_told_to_checkers():
    assert (Path(posegrid.__file__).parent / "py.typed").is_file()


def test_a_track_shows_itself_in_a_notebook_and_in_the_browser(track, monkeypatch, tmp_path):
    frame = track[:30]._repr_html_()
    assert frame.startswith("<iframe srcdoc=") and "walk.mp4" in frame
    page = unescape(frame.split('srcdoc="')[1].split('" style=')[0])
    opened: list[str] = []
    monkeypatch.setattr(motion_track.webbrowser, "open", opened.append)
    monkeypatch.setattr(motion_track, "mkdtemp", lambda prefix: str(tmp_path))
    path = track[:30].show()
    assert opened == [path.as_uri()] and path.read_text(encoding="utf-8") == page
    assert frame.count('"') == 4


def test_who_is_in_no_frame_has_nothing_but_words_to_show(track):
    gone = track[:0]
    assert gone._repr_html_() == f"<pre>{gone!r}</pre>" and np.isnan(gone.height_m)


def test_messages_of_the_library_name_arguments_not_flags(track):
    said = [*track.gait().notes, *track[:20].refined().warnings]
    assert any("`height_m`" in line for line in said) and len(said) > 2
    assert not [line for line in said if "--" in line]
