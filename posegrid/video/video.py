"""Video files: what they hold, their frames with exact times, and writing new ones. PyAV (FFmpeg)
does the work.

- The time of a frame is the container's own time stamp. AVI has none: there a frame's time is its
  number over the rate in the file's header, as that format defines it.
- Pictures are returned as they are to be shown: a telephone's quarter turns and mirrorings are
  applied.
- A damaged file is an error, after every frame before the damage was yielded.
"""

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from jaxtyping import UInt8

from posegrid.errors import OutputError, SourceError
from posegrid.files import completed
from posegrid.video.picture import Picture, Turn

ENOUGH_KEY_FRAMES = 12
"""A telephone's video has one or two per second."""
BT709 = 1
"""FFmpeg's number for the colours of high-definition video."""


@dataclass(frozen=True)
class VideoFacts:
    """What a video file says about itself."""

    size_wh: tuple[int, int]
    """Width and height of the picture as shown (after rotation), pixels."""
    fps: Fraction
    """Average number of frames per second, as the container declares it."""
    num_frames: int | None
    """Number of frames that the container declares; None where it declares none (Matroska,
    WebM).
    """
    codec: str
    """FFmpeg's name of the codec, e.g. "h264"."""


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """One picture of a video."""

    index: int
    """Number of the frame in the video, from 0."""
    time_s: float
    """The container's time stamp of the frame, seconds."""
    picture: Picture

    @property
    def image(self) -> UInt8[np.ndarray, "H W 3"]:
        """RGB, made of the picture at each call."""
        return self.picture.rgb()


def probe(path: Path) -> VideoFacts:
    """Facts about a video file: size as shown, rate, number of frames. Decodes the first frame
    only.

    Raises SourceError if there is no such file, it is no video, or nothing in it can be decoded.
    """
    with _opened(path) as (container, stream):
        frame = _first_frame(path, container, stream)
        return VideoFacts(
            size_wh=Picture(frame, Turn.of_matrix(_display_matrix(frame))).size_wh,
            fps=_frame_rate(path, stream),
            num_frames=stream.frames or None,
            codec=stream.codec_context.name,
        )


def read_frames(
    path: Path, every: int = 1, *, threads: bool = True
) -> Generator[VideoFrame, None, None]:
    """The frames of a video in the order shown: every n-th one, beginning with frame 0.

    Decoding in threads takes less time and more work: where every core has a video of its own, turn
    it off.

    Raises SourceError as `probe` does; and, after the last good frame, if the file is cut off or
    damaged.
    """
    if every < 1:
        raise SourceError(f"every = {every}: take every n-th frame with n = 1, 2, 3, ...")
    with _opened(path, threads) as (container, stream):
        clock = _Clock(path, container, stream)
        decoder = _Decoder(container, stream)
        turn = Turn()
        for index, frame in enumerate(decoder):
            if index == 0:
                # Of the first frame only: a frame asked for its side data refers to itself from
                # then on, so that its picture would stay in memory until Python's garbage collector
                # comes by.
                turn = Turn.of_matrix(_display_matrix(frame))
            time_s = clock.time_s(index, frame)
            if index % every == 0:
                yield VideoFrame(index, time_s, Picture(frame, turn))
        damage = decoder.damage()
        if damage:
            raise SourceError(
                f"{path}: {damage}; {decoder.num_frames} frames could be read{_of(stream.frames)}. "
                "Copy or download the file again."
            )


def read_spread(path: Path, count: int) -> Generator[Picture, None, None]:
    """About `count` to 2 x `count` pictures, if there are so many, evenly over a video, for as
    little decoding as possible; damage ends them early.

    In all but short videos they are key frames, where there are enough of them, or else frames that
    others follow from.
    """
    with _opened(path) as (container, stream):
        turn = Turn()
        num_keys, num_packets = _num_packets(container, stream)
        skipped = (
            "DEFAULT"
            if num_packets < 4 * count
            else "NONKEY"
            if num_keys >= ENOUGH_KEY_FRAMES
            else "NONREF"
        )
        stream.codec_context.skip_frame = skipped
        every = max(
            1,
            {"DEFAULT": num_packets, "NONKEY": num_keys, "NONREF": num_packets // 2}[skipped]
            // count,
        )
        with suppress(FFmpegError):
            for number, frame in enumerate(container.decode(stream)):
                if number == 0:
                    turn = Turn.of_matrix(_display_matrix(frame))
                if number % every == 0:
                    yield Picture(frame, turn)


def _num_packets(container: InputContainer, stream: VideoStream) -> tuple[int, int]:
    """How many key frames there are, and how many frames, counted without decoding."""
    keys: list[bool] = []
    with suppress(FFmpegError):
        keys += (packet.is_keyframe for packet in container.demux(stream) if packet.size)
    container.seek(0)
    return sum(keys), len(keys)


class VideoWriter:
    """Writes an H.264 video (mp4, yuv420p), frame by frame; the file appears under its name when
    all is well.

        with VideoWriter(path, fps=50, size_wh=(1000, 1002)) as video:
            video.write(image)

    An odd width or height is made even by repeating the last column or row, since the format has no
    odd sizes. Leaving the block by an exception removes the unfinished file. Raises OutputError
    where it cannot be written.
    """

    def __init__(
        self, path: Path, fps: float | Fraction, size_wh: tuple[int, int], quality: int = 20
    ) -> None:
        """`fps` in frames per second; `quality` is x264's rate factor, 0 (best) to 51 (worst)."""
        self.path = Path(path)
        self.fps = Fraction(fps).limit_denominator(1001)
        self.size_wh = size_wh
        self.quality = quality
        self.num_frames = 0
        if self.fps <= 0 or min(size_wh) < 1 or not 0 <= quality <= 51:
            raise OutputError(
                f"{path}: cannot write a video of {size_wh[0]} x {size_wh[1]} px at {float(fps):g} frames/s, "
                f"quality {quality}; sizes and rate must be positive, quality 0 to 51."
            )
        self._last_tick = -1
        # Clock ticks per frame: the clock counts frames exactly, and other times to 0.1 ms.
        self._ticks = -(-10_000 // self.fps.numerator) * self.fps.denominator

    def __enter__(self) -> "VideoWriter":
        with self._output_errors(), ExitStack() as stack:
            part = stack.enter_context(completed(self.path))
            self._container = av.open(
                str(part), "w", format="mp4", options={"movflags": "+faststart"}
            )
            self._stream = self._added_stream()
            self._cleanup = stack.pop_all()
        return self

    def _added_stream(self) -> VideoStream:
        options = {"crf": str(self.quality), "preset": "veryfast"}
        stream = self._container.add_stream("libx264", rate=self.fps, options=options)
        stream.width, stream.height = (side + side % 2 for side in self.size_wh)
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / (self.fps * self._ticks)
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = ColorRange.MPEG
        return stream

    def write(self, image: UInt8[np.ndarray, "H W 3"], time_s: float | None = None) -> None:
        """Append a picture (RGB), shown at `time_s` seconds, or one frame after the last if no time
        is given.
        """
        width, height = self.size_wh
        if image.shape != (height, width, 3):
            raise OutputError(
                f"{self.path}: frame {self.num_frames} has the shape {image.shape}, expected {(height, width, 3)}."
            )
        tick = self._tick(time_s)
        if height % 2 or width % 2:
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = frame.reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        frame.pts, frame.time_base = tick, self._stream.codec_context.time_base
        with self._output_errors():
            self._container.mux(self._stream.encode(frame))
        self._last_tick = tick
        self.num_frames += 1

    def _tick(self, time_s: float | None) -> int:
        if time_s is None:
            return self._last_tick + self._ticks if self.num_frames else 0
        tick = round(time_s * float(self.fps) * self._ticks)
        if tick <= self._last_tick:
            raise OutputError(
                f"{self.path}: frame {self.num_frames} at {time_s} s does not come after the one before."
            )
        return tick

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if error is not None:
            with suppress(FFmpegError, OSError):
                self._container.close()
            self._cleanup.__exit__(kind, error, at)
            return
        with self._output_errors(), self._cleanup:
            if self.num_frames == 0:
                self._container.close()
                raise OutputError(f"{self.path}: no frame was written, so there is no video.")
            self._container.mux(self._stream.encode(None))
            self._container.close()

    @contextmanager
    def _output_errors(self) -> Iterator[None]:
        try:
            yield
        except (FFmpegError, OSError) as error:
            raise OutputError(
                f"{self.path}: the video cannot be written: {_reason(error)}."
            ) from error


class _Decoder:
    """Yields the frames of a stream up to the first damage, and then tells what the damage was."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container, self._stream = container, stream
        self._num_packets = self._num_hidden = 0
        self._error = ""
        self.num_frames = 0

    def __iter__(self) -> Iterator[av.VideoFrame]:
        for frame in self._frames():
            if frame.is_corrupt:
                self._error = f"frame {self.num_frames} is damaged"
                return
            self.num_frames += 1
            yield frame

    def _frames(self) -> Iterator[av.VideoFrame]:
        try:
            for packet in self._container.demux(self._stream):
                if packet.is_corrupt:
                    self._error = "the file is cut off"
                    break
                self._num_packets += packet.size > 0
                self._num_hidden += packet.size > 0 and packet.is_discard
                yield from packet.decode()
        except FFmpegError as error:
            self._error = f"decoding failed ({_reason(error)})"
        if self._error:
            # What came before the damage may still wait in the decoder's threads.
            with suppress(FFmpegError):
                yield from self._stream.decode(None)

    def damage(self) -> str:
        """What was wrong, or nothing. To be asked after the last frame."""
        if self._error:
            return self._error
        if self._num_packets < self._stream.frames:
            return "the file is cut off"
        if self._num_packets == 0 or self.num_frames == 0:
            return "there is no frame in it"
        # A sample of an mp4 is one frame, and the decoder drops those that it cannot make sense of.
        shown = self._num_packets - self._num_hidden
        if "mp4" in self._container.format.name and self.num_frames < shown:
            return f"{shown - self.num_frames} frames could not be decoded, so that frame numbers cannot be trusted"
        return ""


class _Clock:
    """Time of each frame as the container states it."""

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream) -> None:
        self._path = path
        self._last_s = -np.inf
        # AVI stores no times of display: what FFmpeg reports instead runs backwards where frames
        # were reordered.
        self._rate = (
            _frame_rate(path, stream) if "avi" in container.format.name.split(",") else None
        )

    def time_s(self, index: int, frame: av.VideoFrame) -> float:
        time_s = float(index / self._rate) if self._rate else frame.time
        if time_s is None or time_s <= self._last_s:
            raise SourceError(
                f"{self._path}: frame {index} has {'no time' if time_s is None else f'the time {time_s} s'}, "
                f"after {self._last_s} s; every frame needs a later time stamp than the one before. "
                "Convert the video to mp4 with any video tool."
            )
        self._last_s = time_s
        return time_s


@contextmanager
def _opened(path: Path, threads: bool = True) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its first video stream, decoding in threads or in none."""
    if not Path(path).is_file():
        raise SourceError(f"{path}: there is no such video file.")
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (FFmpegError, OSError) as error:
        raise SourceError(
            f"{path}: cannot be opened: it is no video, or it was cut off before its index ({_reason(error)})."
        ) from error
    with container:
        # FFmpeg draws text files as pictures of letters ("tty"), which nobody wants here.
        if container.format.name == "tty":
            raise SourceError(f"{path}: is a text file, not a video.")
        if not container.streams.video:
            kinds = sorted({stream.type for stream in container.streams})
            raise SourceError(f"{path}: holds no video, only {', '.join(kinds) or 'nothing'}.")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise SourceError(
                f"{path}: does not say how its video is coded: it is damaged. Copy or download it again."
            )
        stream.thread_type = "AUTO" if threads else "NONE"
        stream.codec_context.thread_count = 0 if threads else 1
        yield container, stream


def _first_frame(path: Path, container: InputContainer, stream: VideoStream) -> av.VideoFrame:
    try:
        frame = next(container.decode(stream), None)
    except FFmpegError as error:
        raise SourceError(
            f"{path}: no frame could be decoded: it is damaged or cut off ({_reason(error)})."
        ) from error
    if frame is None:
        raise SourceError(f"{path}: no frame could be decoded: it is empty, damaged or cut off.")
    return frame


def _frame_rate(path: Path, stream: VideoStream) -> Fraction:
    rate = stream.average_rate or stream.guessed_rate
    if not rate:
        raise SourceError(
            f"{path}: declares no frame rate. Convert the video to mp4 with any video tool."
        )
    return rate


def _display_matrix(frame: av.VideoFrame) -> np.ndarray | None:
    """The upper left 2 x 2 of the frame's display matrix, None where the picture is shown as
    stored.
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    return (
        None if data is None else np.frombuffer(bytes(data), dtype=np.int32).reshape(3, 3)[:2, :2]
    )


def _of(declared: int) -> str:
    return f" of {declared} declared" if declared else ""


def _reason(error: Exception) -> str:
    """FFmpeg's or the system's own words, without number and file name."""
    return getattr(error, "strerror", None) or str(error)
