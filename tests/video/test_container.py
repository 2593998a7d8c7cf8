"""The video that is meant is found in the file, whatever else is in it and whatever it is called."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from video.films import add_film, quarters, write_film, write_frames

from posegrid.errors import SettingsError, SourceError
from posegrid.video.footage import name_of, open_footage
from posegrid.video.video import packet_times, probe, read_frames, read_spread
from posegrid.video.writer import VideoWriter


def write_streams(path: Path, streams: list[tuple[int, int, int]]) -> Path:
    """Videos of (width, height, frames) in one file."""
    with av.open(str(path), "w") as container:
        added = [add_film(container, (width, height)) for width, height, _ in streams]
        for stream, (width, height, count) in zip(added, streams, strict=True):
            write_frames(container, stream, [quarters(width, height)] * count)
    return path


def with_cover(path: Path, out: Path) -> Path:
    """The same video after an attached picture that is larger."""
    picture = io.BytesIO()
    Image.fromarray(quarters(320, 240)).save(picture, "JPEG")
    picture.seek(0)
    with (
        av.open(picture, format="mjpeg") as cover,
        av.open(str(path)) as film,
        av.open(str(out), "w") as target,
    ):
        attached = target.add_stream_from_template(cover.streams.video[0])
        attached.disposition = av.stream.Disposition.attached_pic
        stream = target.add_stream_from_template(film.streams.video[0])
        for source, into in ((cover, attached), (film, stream)):
            for packet in source.demux(source.streams.video[0]):
                if packet.dts is not None or (into is attached and packet.size):
                    packet.stream = into
                    if into is attached:
                        packet.pts = packet.dts = 0
                    target.mux(packet)
    return out


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
@pytest.mark.parametrize(
    ("streams", "best"),
    [
        ([(32, 16, 2), (64, 48, 6)], 1),
        ([(64, 48, 6), (32, 16, 9)], 0),
        ([(64, 48, 6), (64, 48, 6)], 0),
        ([(16, 16, 3), (64, 48, 6), (32, 32, 6)], 1),
    ],
)
def test_the_largest_video_of_several_is_read(tmp_path, ending, streams, best):
    path = write_streams(tmp_path / f"a.{ending}", streams)
    facts = probe(path)
    assert facts.size_wh == streams[best][:2] and facts.stream == best
    assert f"video {best} of the {len(streams)} in the file is used" in facts.notes[0]
    assert len(list(read_frames(path))) == streams[best][2]
    assert all(picture.size_wh == facts.size_wh for picture in read_spread(path, 4))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_another_video_can_be_asked_for(tmp_path, number):
    streams = [(16, 16, 3), (64, 48, 6), (32, 32, 5)]
    footage = open_footage(write_streams(tmp_path / "a.mkv", streams), stream=number)
    assert footage.facts.size_wh == streams[number][:2]
    assert len(list(footage.frames())) == streams[number][2]
    assert all(picture.size_wh == footage.facts.size_wh for picture in footage.spread(4))


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_a_cover_picture_is_no_video(tmp_path, ending):
    film = write_film(tmp_path / "a.mp4", [quarters()] * 5)
    path = with_cover(film, tmp_path / f"cover.{ending}")
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 2, "the test can fail"
    assert probe(path).size_wh == (64, 48)
    assert len(list(read_frames(path))) == 5


@pytest.mark.parametrize("between", ["0", "2"])
@pytest.mark.parametrize("size_wh", [(160, 120), (320, 240)])
def test_a_cover_that_the_file_does_not_mark_costs_no_frame(tmp_path, size_wh, between):
    """The film's first frames, one of them the only key frame, may lie in the file before the cover,
    where going back to the beginning ends: after a look at both, none may be missing.
    """
    path, rng = tmp_path / "a.mkv", np.random.default_rng(0)
    images = [rng.integers(0, 255, (120, 160, 3)).astype(np.uint8) for _ in range(12)]
    with av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as container:
        cover = add_film(container, size_wh, "mjpeg", "yuvj420p")
        film = add_film(container, (160, 120), bf=between)
        write_frames(container, cover, [quarters(*size_wh)])
        write_frames(container, film, images)
    facts = probe(path)
    assert facts.size_wh == (160, 120) and facts.stream == 1
    assert len(list(read_frames(path))) == len(list(read_spread(path, 12))) == 12
    assert len(packet_times(path, facts.stream)) == 12


@pytest.mark.parametrize("number", [1, -1, 7])
def test_a_video_that_there_is_not_is_refused(tmp_path, number):
    path = write_film(tmp_path / "a.mp4", [quarters()])
    with pytest.raises(
        SettingsError, match=f"`stream` {number}: expected the number of one of.*: 0"
    ):
        open_footage(path, stream=number)


def test_an_audio_file_with_a_cover_holds_no_video(tmp_path):
    path = tmp_path / "a.mp4"
    picture = io.BytesIO()
    Image.fromarray(quarters()).save(picture, "JPEG")
    picture.seek(0)
    with av.open(picture, format="mjpeg") as cover, av.open(str(path), "w") as target:
        attached = target.add_stream_from_template(cover.streams.video[0])
        attached.disposition = av.stream.Disposition.attached_pic
        sound = target.add_stream("aac", rate=16000, layout="mono")
        for packet in cover.demux(cover.streams.video[0]):
            if packet.size:
                packet.stream, packet.pts, packet.dts = attached, 0, 0
                target.mux(packet)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        target.mux(sound.encode(frame))
        target.mux(sound.encode(None))
    with pytest.raises(SourceError, match="holds no video, only a cover picture"):
        probe(path)


NAMES = [
    "walk[1].mp4",
    "16:20.mp4",
    "-walk.mp4",
    "http:a.mp4",
    "a%03d.mp4",
    "wa?k*.mp4",
    "día 1.mp4",
    "a'b#c.mp4",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_may_have_any_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for where in (Path(name), tmp_path / name):
        with VideoWriter(where, 25, (64, 48)) as video:
            for _ in range(3):
                video.write(quarters())
        footage = open_footage(where)
        assert footage.facts.size_wh == (64, 48) and len(list(footage.frames())) == 3
        assert name_of(where) == name.removesuffix(".mp4")


@pytest.mark.parametrize("name", ["walk[1].png", "16:20.png", "-a.png", "w*lk.png"])
def test_a_picture_and_a_folder_may_have_any_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(quarters()).save(tmp_path / name)
    assert open_footage(Path(name)).facts.num_frames == 1
    assert name_of(Path(name)) == name.removesuffix(".png")
    folder = Path(name.removesuffix(".png"))
    folder.mkdir()
    for number in range(2):
        Image.fromarray(quarters()).save(folder / f"{number}.png")
    assert open_footage(folder, 25).facts.num_frames == 2 and name_of(folder) == folder.name


def test_a_pattern_is_named_after_its_folder(tmp_path):
    (tmp_path / "rec").mkdir()
    for number in (1, 2):
        Image.fromarray(quarters()).save(tmp_path / "rec" / f"a{number}.png")
    assert open_footage(tmp_path / "rec" / "a[12].png", 25).facts.num_frames == 2
    assert name_of(tmp_path / "rec" / "a[12].png") == "rec"
