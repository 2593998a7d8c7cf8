"""Video files: what they hold, and their frames with exact times. PyAV (FFmpeg) does the work.

- The time of a frame is the container's own time stamp; in AVI its place on the grid of the rate,
  dropped frames counted.
- Pictures are returned as they are to be shown (`posegrid.video.display`).
- A damaged file is an error, after every frame before the damage was yielded.
"""

import math
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream
from jaxtyping import UInt8

from posegrid.errors import SourceError
from posegrid.video.container import Decoder, frame_rate, is_film, opened, reason
from posegrid.video.display import Display, Shower, container_crop
from posegrid.video.picture import Picture
from posegrid.video.times import Clock

ENOUGH_KEY_FRAMES = 12
"""A telephone's video has one or two per second."""
CAPTURE_RATE_KEYS = ("com.android.capture.fps",)
"""Where telephones write the rate at which a slow-motion video was recorded."""
FOCAL_KEYS = ("com.apple.quicktime.camera.focal_length.35mm_equivalent",)
"""Where they write the focal length in mm of a camera whose pictures are 36 mm long."""


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
    stream: int | None = None
    """Number among the file's video streams, from 0; None where there is one at most."""
    capture_fps: float | None = None
    """Frames per second at which it was recorded, if the file says so."""
    focal_35mm: float | None = None
    """Focal length in mm for pictures 36 mm long, if the file says so."""
    notes: tuple[str, ...] = ()
    """Lines that say what is done to the pictures, and what in the file is unlikely."""

    @property
    def fov_deg(self) -> float | None:
        """Angle of view over the longer side by that focal length, if it is a likely one."""
        if self.focal_35mm is None:
            return None
        angle = 2 * math.degrees(math.atan(18 / self.focal_35mm))
        return angle if 5 <= angle <= 150 else None


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """One picture of a video."""

    index: int
    """Number of the frame in the video, from 0."""
    time_s: float
    """The container's time stamp of the frame, seconds."""
    picture: Picture
    is_moved: bool = False
    """It had no later time than the frame before, and was moved by less than a frame."""

    @property
    def image(self) -> UInt8[np.ndarray, "H W 3"]:
        """RGB, made of the picture at each call."""
        return self.picture.rgb()


def probe(path: Path, *, stream: int | None = None, fps: Fraction | None = None) -> VideoFacts:
    """Facts about a video file, or one of its streams: size as shown, rate, number of frames.
    Decodes the first frame only.

    stream: its number among the video streams; None: the largest. fps: the rate, if not what the
    file says. Raises SourceError if there is no such file, it is no video, or nothing in it can be
    decoded; SettingsError for a wrong number.
    """
    with opened(path, False, stream) as (container, chosen):
        crop = container_crop(container, chosen)
        frame = _first_frame(path, container, chosen)
        display = Display.of_stream(path, chosen, frame, crop)
        videos = container.streams.video
        number, films = videos.index(chosen), sum(is_film(video) for video in videos)
        said = {**container.metadata, **chosen.metadata}
        notes = display.notes()
        if films > 1:
            notes.insert(
                0, f"video {number} of the {films} in the file is used (`stream` takes another)"
            )
        if frame.format.name.startswith("gray"):
            notes.append("the video is grey")
        return VideoFacts(
            size_wh=display.size_wh,
            fps=fps or frame_rate(path, chosen),
            num_frames=chosen.frames or None,
            codec=chosen.codec_context.name,
            stream=number if len(videos) > 1 else None,
            capture_fps=_positive(said, CAPTURE_RATE_KEYS),
            focal_35mm=_positive(said, FOCAL_KEYS),
            notes=tuple(notes),
        )


def read_frames(
    path: Path,
    every: int = 1,
    *,
    threads: bool = True,
    stream: int | None = None,
    fps: Fraction | None = None,
) -> Generator[VideoFrame, None, None]:
    """The frames of a video in the order shown: every n-th one, beginning with frame 0.

    stream: as in `probe`. fps: frame n is of the time n / fps, whatever the file says.

    Decoding in threads takes less time and more work: where every core has a video of its own, turn
    it off.

    Raises SourceError as `probe` does; and, after the last good frame, if the file is cut off or
    damaged.
    """
    if every < 1:
        raise SourceError(f"every = {every}: take every n-th frame with n = 1, 2, 3, ...")
    with opened(path, threads, stream) as (container, chosen):
        crop = container_crop(container, chosen)
        clock = None if fps else Clock(path, frame_rate(path, chosen))
        decoder = Decoder(path, container, chosen)
        waiting: deque[tuple[int, float, bool]] = deque()
        shower: Shower | None = None
        for index, frame in enumerate(decoder):
            time_s, is_moved = (
                clock.time_s(index, frame.time) if clock else (float(index / (fps or 1)), False)
            )
            waiting.append((index, time_s, is_moved))
            if shower is None:
                shower = Shower(path, Display.of_stream(path, chosen, frame, crop))
            yield from _timed(waiting, shower.shown(frame), every)
        if shower is not None:
            yield from _timed(waiting, shower.shown(None), every)
        damage = decoder.damage()
        if damage:
            raise SourceError(
                f"{path}: {damage}; {decoder.num_frames} frames could be read{_of(chosen.frames)}. "
                "Copy or download the file again."
            )


def _timed(
    waiting: deque[tuple[int, float, bool]], pictures: list[Picture], every: int
) -> Generator[VideoFrame, None, None]:
    """Pictures with the numbers and times that wait for them."""
    for picture in pictures:
        index, time_s, is_moved = waiting.popleft()
        if index % every == 0:
            yield VideoFrame(index, time_s, picture, is_moved)


def read_spread(
    path: Path, count: int, *, stream: int | None = None
) -> Generator[Picture, None, None]:
    """About `count` to 2 x `count` pictures, if there are so many, evenly over a video, for as
    little decoding as possible; damage ends them early.

    In all but short videos they are key frames, where there are enough of them, or else frames that
    others follow from.
    """
    num_keys, num_packets = _num_packets(path, stream)
    with opened(path, number=stream) as (container, chosen):
        crop = container_crop(container, chosen)
        skipped = (
            "DEFAULT"
            if num_packets < 4 * count
            else "NONKEY"
            if num_keys >= ENOUGH_KEY_FRAMES
            else "NONREF"
        )
        chosen.codec_context.skip_frame = skipped
        decoded = {"DEFAULT": num_packets, "NONKEY": num_keys, "NONREF": num_packets // 2}[skipped]
        every = max(1, decoded // count)
        shower: Shower | None = None
        with suppress(FFmpegError):
            for number, frame in enumerate(container.decode(chosen)):
                if shower is None:
                    shower = Shower(path, Display.of_stream(path, chosen, frame, crop))
                if number % every == 0:
                    yield shower.alone(frame)


def packet_times(path: Path, stream: int | None = None) -> np.ndarray:
    """Seconds of all frames in order, from the container alone, undecoded."""
    with opened(path, number=stream) as (container, chosen), suppress(FFmpegError):
        stamps = [
            packet.pts if packet.dts is None else packet.dts
            for packet in container.demux(chosen)
            if packet.size
        ]
        return np.sort([stamp for stamp in stamps if stamp is not None]) * float(
            chosen.time_base or 1
        )
    return np.zeros(0)


def _num_packets(path: Path, number: int | None) -> tuple[int, int]:
    """How many key frames there are, and how many frames, counted without decoding."""
    with opened(path, number=number) as (container, chosen):
        keys: list[bool] = []
        with suppress(FFmpegError):
            keys += (packet.is_keyframe for packet in container.demux(chosen) if packet.size)
        return sum(keys), len(keys)


def _first_frame(path: Path, container: InputContainer, stream: VideoStream) -> av.VideoFrame:
    try:
        frame = next(container.decode(stream), None)
    except FFmpegError as error:
        raise SourceError(
            f"{path}: no frame could be decoded: it is damaged or cut off ({reason(error)})."
        ) from error
    if frame is None:
        raise SourceError(f"{path}: no frame could be decoded: it is empty, damaged or cut off.")
    return frame


def _positive(said: dict[str, str], keys: tuple[str, ...]) -> float | None:
    """The number under the first of the keys that holds one above 0."""
    for key in keys:
        with suppress(KeyError, ValueError):
            if 0 < (number := float(said[key])) < 100_000:
                return number
    return None


def _of(declared: int) -> str:
    return f" of {declared} declared" if declared else ""
