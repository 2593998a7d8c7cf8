"""Videos are read as they are shown, with the container's times, and a damaged one says so."""

import gc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from video.films import BLUE, GREEN, GREY, RED, corners, quarters

from posegrid.errors import OutputError, SourceError
from posegrid.video.video import probe, read_frames
from posegrid.video.writer import VideoWriter


def write_video(
    path: Path, num_frames: int = 6, size_wh: tuple[int, int] = (64, 48), fps: float = 50
) -> Path:
    """Noise over grey that gets brighter: every frame differs, and the file has some bytes to
    cut.
    """
    rng = np.random.default_rng(0)
    with VideoWriter(path, fps, size_wh) as video:
        for index in range(num_frames):
            noise = rng.integers(0, 60, (size_wh[1], size_wh[0], 3))
            video.write((noise + 20 * (index % 8)).astype(np.uint8))
    return path


def write_with_av(
    path: Path, rotation: int | None = None, codec: str = "libx264", num_frames: int = 6
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=50)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for _ in range(num_frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(quarters(), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    shorter = path.with_name("cut.mp4")
    shorter.write_bytes(data[: int(len(data) * share)])
    return shorter


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "new" / "a.mp4", fps=50, size_wh=(64, 48)) as video:
        for _ in range(6):
            video.write(quarters())
    facts = probe(tmp_path / "new" / "a.mp4")
    assert (facts.size_wh, facts.fps, facts.num_frames, facts.codec) == ((64, 48), 50, 6, "h264")
    frames = list(read_frames(tmp_path / "new" / "a.mp4"))
    assert [frame.index for frame in frames] == list(range(6))
    assert [frame.time_s for frame in frames] == [0.0, 0.02, 0.04, 0.06, 0.08, 0.1]
    for frame in frames:
        centres = frame.image[[12, 12, 36, 36], [16, 48, 16, 48]].astype(int)
        assert np.abs(centres - (RED, GREEN, BLUE, GREY)).max() <= 4


def test_every_third_frame_keeps_its_number_and_time(tmp_path: Path) -> None:
    frames = list(read_frames(write_video(tmp_path / "a.mp4", num_frames=8), every=3))
    assert [(frame.index, frame.time_s) for frame in frames] == [(0, 0.0), (3, 0.06), (6, 0.12)]


def test_a_rate_of_29_97_is_kept_exactly(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", fps=30000 / 1001)
    assert probe(path).fps == Fraction(30000, 1001)
    times = [frame.time_s for frame in read_frames(path)]
    assert times == [float(Fraction(1001 * i, 30000)) for i in range(6)]


def test_given_times_are_kept(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", fps=30, size_wh=(64, 48)) as video:
        for time_s in (0.0, 0.05, 0.06, 0.2):
            video.write(quarters(), time_s)
    assert [frame.time_s for frame in read_frames(tmp_path / "a.mp4")] == pytest.approx(
        [0.0, 0.05, 0.06, 0.2], abs=1e-4
    )


def test_odd_sizes_are_made_even(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", fps=50, size_wh=(63, 47)) as video:
        video.write(quarters(63, 47))
    assert probe(tmp_path / "a.mp4").size_wh == (64, 48)


@pytest.mark.parametrize(
    ("rotation", "size_wh", "expected"),
    [
        (0, (64, 48), [RED, GREEN, BLUE, GREY]),
        (-90, (48, 64), [BLUE, RED, GREY, GREEN]),
        (90, (48, 64), [GREEN, GREY, RED, BLUE]),
        (180, (64, 48), [GREY, BLUE, GREEN, RED]),
    ],
)
def test_pictures_are_turned_as_they_are_to_be_shown(
    tmp_path: Path, rotation: int, size_wh: tuple[int, int], expected: list[tuple[int, int, int]]
) -> None:
    """FFmpeg counts turns against the clock: a telephone held upright writes -90, a quarter turn
    clockwise.
    """
    path = write_with_av(tmp_path / "a.mp4", rotation)
    frame = next(read_frames(path))
    assert probe(path).size_wh == size_wh == frame.image.shape[1::-1]
    assert corners(frame.image) == expected


def test_a_mirrored_video_is_mirrored_back(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=50)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_matrix([-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30])
        container.mux(stream.encode(av.VideoFrame.from_ndarray(quarters(), format="rgb24")))
        container.mux(stream.encode(None))
    assert corners(next(read_frames(tmp_path / "a.mp4")).image) == [GREEN, RED, GREY, BLUE]


def test_an_avi_has_the_times_of_its_rate(tmp_path: Path) -> None:
    times = [frame.time_s for frame in read_frames(write_with_av(tmp_path / "a.avi"))]
    assert times == [0.0, 0.02, 0.04, 0.06, 0.08, 0.1]


def test_matroska_declares_no_number_of_frames(tmp_path: Path) -> None:
    path = write_with_av(tmp_path / "a.mkv")
    assert probe(path).num_frames is None
    assert len(list(read_frames(path))) == 6


def make_text(path: Path) -> None:
    path.write_text("This is no video.\n" * 100)


def make_audio(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def make_without_index(path: Path) -> None:
    """An mp4 whose index stands at the end, cut in the middle."""
    write_with_av(path, num_frames=30)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("none.mp4", lambda path: None, "there is no such video file"),
        (".", lambda path: None, "there is no such video file"),
        ("text.mp4", make_text, "it is no video"),
        ("text.txt", make_text, "is a text file, not a video"),
        ("empty.mp4", lambda path: path.write_bytes(b""), "it is no video"),
        ("audio.mp4", make_audio, "holds no video, only audio"),
        ("index.mp4", make_without_index, "cut off before its index"),
    ],
)
def test_what_is_no_video_is_refused_by_name(
    tmp_path: Path, name: str, make: Callable[[Path], None], message: str
) -> None:
    make(tmp_path / name)
    with pytest.raises(SourceError, match=message) as caught:
        probe(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    with pytest.raises(SourceError, match=message):
        list(read_frames(tmp_path / name))


def test_a_video_cut_in_the_middle_yields_what_came_and_then_says_how_much(tmp_path: Path) -> None:
    path = cut(write_video(tmp_path / "a.mp4", num_frames=60), 0.7)
    frames = []
    with pytest.raises(
        SourceError, match=r"cut off; \d+ frames could be read of 60 declared"
    ) as caught:
        frames.extend(read_frames(path))
    assert 20 < len(frames) < 60
    assert f" {len(frames)} frames" in str(caught.value)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert [frame.time_s for frame in frames] == pytest.approx(np.arange(len(frames)) / 50)


def test_damaged_bytes_in_the_middle_are_noticed(tmp_path: Path) -> None:
    data = bytearray(write_video(tmp_path / "a.mp4", num_frames=60).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    (tmp_path / "a.mp4").write_bytes(bytes(data))
    frames: list = []
    with pytest.raises(SourceError, match=r"(damaged|decod).*frames could be read of 60 declared"):
        frames.extend(read_frames(tmp_path / "a.mp4"))
    assert 0 < len(frames) < 60


def test_an_unfinished_video_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("before")
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "a.mp4", 50, (64, 48)) as video:
        video.write(quarters())
        raise RuntimeError
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.mp4", "before")]


def test_a_writer_says_what_it_cannot_do(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    wrong_shape = r"frame 0 has the shape \(48, 64, 3\), expected \(64, 48, 3\)"
    with pytest.raises(OutputError, match=wrong_shape), VideoWriter(path, 50, (48, 64)) as video:
        video.write(quarters())
    with pytest.raises(OutputError, match="no frame was written"), VideoWriter(path, 50, (64, 48)):
        pass
    with pytest.raises(OutputError, match="must be positive"):
        VideoWriter(path, 0, (64, 48))
    with (
        pytest.raises(OutputError, match="does not come after"),
        VideoWriter(path, 50, (64, 48)) as video,
    ):
        video.write(quarters(), 1.0)
        video.write(quarters(), 1.0)
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match="cannot be written"),
        VideoWriter(tmp_path / "file" / "a.mp4", 50, (64, 48)),
    ):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_every_zeroth_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="every = 0"):
        list(read_frames(tmp_path / "a.mp4", every=0))


def test_frames_that_were_read_are_freed_without_the_garbage_collector(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", num_frames=30)
    gc.collect()
    gc.disable()
    try:
        others = sum(type(thing) is av.VideoFrame for thing in gc.get_objects())
        for _ in read_frames(path):
            pass
        held = sum(type(thing) is av.VideoFrame for thing in gc.get_objects()) - others
    finally:
        gc.enable()
    assert held <= 2


def test_a_video_to_jump_about_in_is_stored_in_the_order_it_is_shown(tmp_path: Path) -> None:
    """Browsers seek by the order of storage: of two orders they show a later key frame."""
    rng = np.random.default_rng(0)
    with VideoWriter(tmp_path / "a.mp4", fps=50, size_wh=(64, 48), key_every=12) as video:
        for frame in range(40):
            moved = np.roll(rng.integers(0, 255, (48, 64, 3), np.uint8), frame, axis=1)
            video.write(moved, frame / 50)
    with av.open(str(tmp_path / "a.mp4")) as file:
        packets = [packet for packet in file.demux(video=0) if packet.pts is not None]
    assert [packet.pts for packet in packets] == [packet.dts for packet in packets]
    keys = [number for number, packet in enumerate(packets) if packet.is_keyframe]
    assert len(packets) == 40 and max(np.diff([*keys, 40])) <= 12
