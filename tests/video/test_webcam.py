"""A webcam, played by FFmpeg's test pattern, is recorded with its times."""

import itertools
import random
from pathlib import Path
from threading import Event

import av
import pytest

from posegrid.errors import SourceError
from posegrid.video import webcam
from posegrid.video.footage import name_of
from posegrid.video.video import probe, read_frames
from posegrid.video.webcam import Newest, is_webcam, newest, record_webcam, webcam_pictures


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


@pytest.mark.parametrize("work_s", [0.01, 0.05, 0.4])
def test_a_camera_has_one_latency_for_good_and_drops_the_rest(work_s):
    """By a clock of its own: 30 pictures a second, each that is taken costs about so much work."""
    rng, held, now_s, came, end_s = random.Random(0), Newest[int](), 0.0, 0, 60
    taken, latency_s = [], []
    while now_s < end_s:
        while came / 30 <= now_s:
            held.put(came)
            came += 1
        taken.append(held.take())
        now_s += work_s * rng.uniform(0.5, 1.5)
        latency_s.append(now_s - taken[-1] / 30)
        now_s = max(now_s, came / 30)  # idle until the next picture
    assert taken == sorted(set(taken)) and max(latency_s) <= 1 / 30 + 1.5 * work_s
    assert taken[-1] > (end_s - 1) * 30
    dropped = taken[-1] + 1 - len(taken)
    assert dropped == pytest.approx(max(0, end_s * 30 - end_s / work_s), rel=0.1)


def test_the_newest_is_next_and_those_before_are_dropped():
    first_taken, all_there = Event(), Event()

    def camera():
        yield 0
        assert first_taken.wait(60)
        yield from range(1, 10)
        all_there.set()

    items = newest(camera())
    assert next(items) == 0
    first_taken.set()
    assert all_there.wait(60)
    assert list(items) == [9]


def test_what_ends_a_camera_is_raised_after_its_last_picture():
    def camera():
        yield 1
        raise SourceError("pulled out")

    items = newest(camera())
    found = []
    with pytest.raises(SourceError, match="pulled out"):
        found.extend(items)
    assert found == [] or found == [1]


def test_a_camera_is_let_go_when_nobody_wants_more():
    closed = Event()

    def camera():
        try:
            yield from itertools.count()
        finally:
            closed.set()

    items = newest(camera())
    next(items)
    items.close()
    assert closed.wait(60)


@pytest.mark.usefixtures("pattern")
def test_the_pictures_of_a_camera_carry_their_numbers_and_times():
    for number, time_s, picture in itertools.islice(webcam_pictures(0), 5):
        assert time_s == pytest.approx(number / 25) and picture.shape == (48, 64, 3)
