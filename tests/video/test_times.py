"""Frames keep the times at which they were taken: AVI with dropped frames, two frames of one time,
gaps, slow motion, wrong rates, numbered pictures.
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from video.films import add_film, write_film, write_frames

from posegrid.errors import SettingsError, SourceError
from posegrid.video.footage import open_footage
from posegrid.video.times import Clock, gap_note, numbers_in, usual_rate
from posegrid.video.video import read_frames

SIZE = (32, 16)


def shade(number: int) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), 20 + 4 * number, np.uint8)


def shades(count: int) -> list[np.ndarray]:
    return [shade(number) for number in range(count)]


def times(path: Path) -> list[float]:
    return [frame.time_s for frame in open_footage(path).frames()]


def with_stamps(path: Path, out: Path, stamps: list[int], rate: int = 1000) -> Path:
    """The same frames in another container, each packet with a time of its own."""
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.time_base = Fraction(1, rate)
        packets = [p for p in source.demux(source.streams.video[0]) if p.dts is not None]
        for packet, stamp in zip(packets, stamps, strict=True):
            packet.stream, packet.time_base = stream, Fraction(1, rate)
            packet.pts = packet.dts = stamp
            target.mux(packet)
    return out


DROPPED = [n for n in range(30) if not (n % 7 == 3 or 20 <= n <= 26)]


@pytest.mark.parametrize(
    ("codec", "frames_between"),
    [("mjpeg", 0), ("mpeg4", 0), ("mpeg4", 2), ("libx264", 0), ("ffv1", 0), ("rawvideo", 0)],
)
def test_dropped_frames_of_an_avi_take_up_time(tmp_path, codec, frames_between):
    path, pixels = tmp_path / "a.avi", "yuvj420p" if codec == "mjpeg" else "yuv420p"
    with av.open(str(path), "w") as container:
        stream = add_film(container, SIZE, codec, pixels, rate=30)
        stream.codec_context.max_b_frames = frames_between
        write_frames(container, stream, [shade(n) for n in DROPPED], DROPPED)
    read = list(read_frames(path))
    seen = [(float(frame.image.mean()) - 20) / 4 for frame in read]
    assert seen == pytest.approx(DROPPED, abs=1.5), "all frames, in order"
    got = np.array([frame.time_s for frame in read]) * 30
    if frames_between:  # a frame that others follow from is stored before them: so is a gap
        assert np.sort(np.abs(got - DROPPED))[-2] <= frames_between and (np.diff(got) > 0).all()
    else:
        assert got == pytest.approx(DROPPED)


def test_an_avi_whose_last_frames_were_dropped_is_whole(tmp_path):
    path = write_film(tmp_path / "a.avi", shades(6), codec="mjpeg", pixel_format="yuvj420p")
    data = bytearray(path.read_bytes())
    for header, offset in ((b"avih", 24), (b"strh", 40)):
        place = data.index(header) + offset
        assert int.from_bytes(data[place : place + 4], "little") == 6
        data[place : place + 4] = (9).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    assert len(list(read_frames(path))) == 6
    path.write_bytes(bytes(data[: len(data) * 2 // 3]))
    with pytest.raises(SourceError, match=r"cut off|damaged|decod"):
        list(read_frames(path))


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([0, 33, 67, 67, 133, 167], [0, 33, 67, 83.75, 133, 167]),
        ([0, 33, 67, 67, 100, 133], [0, 33, 67, 83.75, 100, 133]),
        ([0, 33, 67, 67, 67, 133], [0, 33, 67, 83.75, 92.1, 133]),
        ([0, 0, 33, 67, 100, 133], [0, 16.7, 33, 67, 100, 133]),
        ([0, 33, 67, 100, 100, 101], [0, 33, 67, 100, 116.75, 125.6]),
    ],
)
def test_two_frames_of_one_time_are_told_apart_by_less_than_a_frame(tmp_path, stamps, expected):
    plain = write_film(tmp_path / "a.mp4", shades(6), rate=30, codec="mpeg4")
    path = with_stamps(plain, tmp_path / "b.mkv", stamps)
    read = list(read_frames(path))
    got = [1000 * frame.time_s for frame in read]
    assert got == pytest.approx(expected, abs=0.8)
    assert (np.diff(got) > 0).all() and np.abs(np.array(got) - stamps).max() < 1000 / 30
    moved = [frame.is_moved for frame in read]
    assert moved == [abs(a - b) > 0.01 for a, b in zip(got, stamps, strict=True)]


@pytest.mark.parametrize("after", [[0.0, 0.04, 0.08, 0.03], [0.0, 0.04, None], [None], [1.0, 0.5]])
def test_times_that_run_backwards_or_are_missing_are_refused(after):
    clock = Clock(Path("a.mp4"), Fraction(25))
    with pytest.raises(SourceError, match=rf"frame {len(after) - 1} has .*time.*`fps`"):
        for index, time in enumerate(after):
            clock.time_s(index, time)


@pytest.mark.parametrize(
    ("intervals", "rate"),
    [
        ([1 / 30] * 20, Fraction(30)),
        ([1 / 30] * 50 + [5.0] + [1 / 30] * 50, Fraction(30)),
        ([1001 / 30000] * 20, Fraction(30000, 1001)),
        ([0.033, 0.033, 0.034] * 10, Fraction(30)),
        ([0.017, 0.016, 0.017] * 20, Fraction(60)),
        ([1 / 25] * 3 + [2 / 25] + [1 / 25] * 3, Fraction(25)),
        ([1 / 240] * 30, Fraction(240)),
        ([1 / 12.5] * 9, Fraction(25, 2)),
    ],
)
def test_the_usual_rate_is_that_of_the_median_interval(intervals, rate):
    time_s = np.concatenate([[3.0], 3.0 + np.cumsum(intervals)])
    assert usual_rate(time_s) == pytest.approx(rate, rel=1e-3)
    assert usual_rate(time_s[:1]) is None


def test_gaps_are_said_and_even_times_are_not():
    time_s = np.arange(20) / 25
    assert gap_note(time_s) == "" and gap_note(time_s[:1]) == ""
    time_s[10:] += 5
    assert "gaps between frames: 1, the longest of 5.04 s after 0.36 s" in gap_note(time_s)


@pytest.mark.parametrize(
    ("capture_fps", "metadata", "scale"),
    [
        (100.0, {}, 4),
        (None, {"com.android.capture.fps": "200.000000"}, 8),
        (100.0, {"com.android.capture.fps": "200.000000"}, 4),
        (None, {"com.android.capture.fps": "25.000000"}, 1),
        (None, {"com.android.capture.fps": "24.97"}, 1),
        (None, {"com.android.capture.fps": "none"}, 1),
        (None, {"com.android.capture.fps": "5"}, 0.2),
        (None, {}, 1),
    ],
)
def test_slow_motion_has_the_times_of_the_recording(tmp_path, capture_fps, metadata, scale):
    path = write_film(tmp_path / "a.mp4", shades(9), metadata=metadata)
    footage = open_footage(path, capture_fps=capture_fps)
    got = [frame.time_s for frame in footage.frames()]
    assert got == pytest.approx(np.arange(9) / 25 / scale)
    assert footage.facts.fps == pytest.approx(25 * scale)
    notes = [note for note in footage.facts.notes if note.startswith("recorded at")]
    assert len(notes) == (scale != 1)
    if notes:
        assert ("the file says" in notes[0]) == (capture_fps is None)


def test_slow_motion_of_uneven_times_is_scaled_evenly(tmp_path):
    path = write_film(tmp_path / "a.mp4", shades(9), places=[0, 1, 2, 3, 8, 9, 10, 11, 12])
    footage = open_footage(path, capture_fps=100)
    got = [frame.time_s for frame in footage.frames()]
    assert got == pytest.approx(np.array([0, 1, 2, 3, 8, 9, 10, 11, 12]) / 100)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi"])
def test_a_wrong_rate_is_put_right(tmp_path, ending):
    path = write_film(tmp_path / f"a.{ending}", shades(6), places=[0, 1, 2, 4, 5, 9], codec="mpeg4")
    footage = open_footage(path, fps=50)
    assert [frame.time_s for frame in footage.frames()] == pytest.approx(np.arange(6) / 50)
    assert footage.facts.fps == 50


def test_a_video_without_usable_times_is_read_at_a_given_rate(tmp_path):
    plain = write_film(tmp_path / "a.mp4", shades(6), codec="mpeg4")
    path = with_stamps(plain, tmp_path / "b.mkv", [0, 40, 80, 80, 80, 80])
    got = [frame.time_s for frame in open_footage(path, fps=25).frames()]
    assert got == pytest.approx(np.arange(6) / 25)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fps": 25, "capture_fps": 100}, "both say the video's rate"),
        ({"capture_fps": 0}, "above 0"),
        ({"fps": -3}, "above 0"),
        ({"fps": float("nan")}, "above 0"),
    ],
)
def test_rates_that_make_no_sense_are_refused(tmp_path, settings, message):
    path = write_film(tmp_path / "a.mp4", shades(2))
    with pytest.raises(SettingsError, match=message):
        open_footage(path, **settings)


def write_numbered(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    for name in names:
        Image.fromarray(shade(0)).save(folder / name)
    return folder


@pytest.mark.parametrize(
    ("names", "places", "note"),
    [
        (["f_000.png", "f_001.png", "f_002.png"], [0, 1, 2], ""),
        (["f_41.png", "f_42.png", "f_62.png"], [0, 1, 21], "41 to 62 19 are missing"),
        (["f_000.png", "f_005.png", "f_010.png"], [0, 5, 10], "in steps of 5"),
        (["f_9.png", "f_10.png", "f_11.png"], [0, 1, 2], ""),
        (["20260102_101500.png", "20260103_090000.png"], [0, 1], ""),
        (["a.png", "b.png", "c.png"], [0, 1, 2], ""),
        (["cam1_f3.png", "cam1_f4.png", "cam1_f7.png"], [0, 1, 4], "2 are missing"),
        (["f_1.png", "g_2.png", "g_9.png"], [0, 1, 2], ""),
    ],
)
def test_pictures_have_the_times_of_their_numbers(tmp_path, names, places, note):
    footage = open_footage(write_numbered(tmp_path / "walk", names), fps=25)
    assert [25 * frame.time_s for frame in footage.frames()] == pytest.approx(places)
    assert [frame.index for frame in footage.frames()] == list(range(len(names)))
    assert note in " ".join(footage.facts.notes) and bool(footage.facts.notes) == bool(note)


@pytest.mark.parametrize("setting", [{"capture_fps": 240.0}, {"stream": 0}])
def test_settings_of_videos_are_refused_for_pictures(tmp_path, setting):
    folder = write_numbered(tmp_path / "walk", ["a1.png", "a2.png"])
    with pytest.raises(SettingsError, match="is for a video"):
        open_footage(folder, fps=25, **setting)


def test_numbers_that_stand_still_or_twice_are_none():
    assert numbers_in(["a1", "b1"]) is None and numbers_in(["a1"]) is None
    assert numbers_in(["1a", "01a"]) is None and numbers_in(["a1", "a2b"]) is None
