"""A webcam, played by FFmpeg's test pattern, is recorded with its times."""

import itertools
from pathlib import Path

import av
import pytest

from posegrid.errors import SourceError
from posegrid.video import webcam
from posegrid.video.footage import name_of
from posegrid.video.video import probe, read_frames
from posegrid.video.webcam import is_webcam, record_webcam


@pytest.fixture
def pattern(monkeypatch):
    """A camera of 25 pictures per second that never ends."""
    monkeypatch.setattr(
        webcam, "_opened", lambda number: av.open("testsrc=size=64x48:rate=25", format="lavfi")
    )


@pytest.mark.usefixtures("pattern")
def test_it_records_so_many_seconds(tmp_path):
    assert record_webcam(0, tmp_path / "a.mp4", 0.4, lambda: False) == 10
    assert probe(tmp_path / "a.mp4").size_wh == (64, 48)
    times = [frame.time_s for frame in read_frames(tmp_path / "a.mp4")]
    assert times == pytest.approx([i / 25 for i in range(10)], abs=1e-4)


@pytest.mark.usefixtures("pattern")
def test_it_ends_when_it_is_stopped_and_keeps_what_there_is(tmp_path):
    asked = itertools.count()
    assert record_webcam(0, tmp_path / "a.mp4", None, lambda: next(asked) == 7) == 7
    assert len(list(read_frames(tmp_path / "a.mp4"))) == 7


def test_a_number_is_a_camera_unless_there_is_such_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_webcam(Path("0")) and not is_webcam(Path("0.mp4")) and name_of(Path("0")) == "webcam0"
    Path("0").mkdir()
    assert not is_webcam(Path("0"))


def test_a_camera_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError, match="webcam 99: there is no such camera"):
        record_webcam(99, tmp_path / "a.mp4", 1, lambda: False)
    assert not list(tmp_path.iterdir())
