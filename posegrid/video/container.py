"""Opening a video file, the stream that is meant, and its frames up to the first damage."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from posegrid.errors import SettingsError, SourceError

MANY_PACKETS = 500
"""By then every video of a file has shown more than one frame."""
# Words in a file that are no UTF-8 must not end the reading; since 19 they never do in PyAV.
_WORDS: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)
NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
"""Streams of these are covers and previews."""


def file_url(path: Path | str) -> str:
    """The file's name for FFmpeg, which else takes what is before a colon for a protocol and a
    leading dash for an option.
    """
    return f"file:{path}"


def reason(error: Exception) -> str:
    """FFmpeg's or the system's own words, without number and file name."""
    return getattr(error, "strerror", None) or str(error)


@contextmanager
def opened(
    path: Path, threads: bool = True, number: int | None = None
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its video stream of a number, decoding in threads or in none; None: the
    largest stream.

    Raises SourceError for what is no video, SettingsError for a number that there is not.
    """
    if not Path(path).is_file():
        raise SourceError(f"{path}: there is no such video file.")
    try:
        container = av.open(file_url(path), **_WORDS)
    except (FFmpegError, OSError) as error:
        raise SourceError(
            f"{path}: cannot be opened: it is no video, or it was cut off before its index ({reason(error)})."
        ) from error
    with container:
        # FFmpeg draws text files as pictures of letters ("tty"), which nobody wants here.
        if container.format.name == "tty":
            raise SourceError(f"{path}: is a text file, not a video.")
        stream = _chosen(path, container, number)
        stream.thread_type = "AUTO" if threads else "NONE"
        stream.codec_context.thread_count = 0 if threads else 1
        yield container, stream


def _chosen(path: Path, container: InputContainer, number: int | None) -> VideoStream:
    """The stream of a number among the video streams, or the one with the largest pictures, of
    those the one with most of them: never a cover picture.
    """
    streams = container.streams.video
    if not streams:
        kinds = sorted({stream.type for stream in container.streams})
        raise SourceError(f"{path}: holds no video, only {', '.join(kinds) or 'nothing'}.")
    films = [stream for stream in streams if is_film(stream)]
    if number is not None:
        if not 0 <= number < len(streams) or streams[number] not in films:
            numbers = [str(n) for n, stream in enumerate(streams) if stream in films]
            raise SettingsError(
                f"`stream` {number}: expected the number of one of {path}'s videos: "
                f"{', '.join(numbers) or 'it has none'}."
            )
        return streams[number]
    if not films:
        if all(stream.codec_context is None for stream in streams):
            raise SourceError(
                f"{path}: does not say how its video is coded: it is damaged. Copy or download it again."
            )
        raise SourceError(f"{path}: holds no video, only a cover picture.")
    if len(films) > 1:
        moving = _moving(path)
        films = [film for film in films if film.index in moving] or films
    # The first of equals: max keeps it.
    return max(films, key=lambda stream: (stream.width * stream.height, _length(stream)))


def is_film(stream: VideoStream) -> bool:
    """Whether a stream is a video that can be decoded, and no cover picture or preview."""
    return stream.codec_context is not None and not stream.disposition & NO_FILM


def _moving(path: Path) -> set[int]:
    """The videos of which more than one frame comes among the first packets: Matroska does not mark
    cover pictures. Seeking back in it can lose the first frames of the others, so this is a look of
    its own.
    """
    counts = Counter[int]()
    with av.open(file_url(path), **_WORDS) as glance, suppress(FFmpegError):
        films = [stream for stream in glance.streams.video if is_film(stream)]
        for packet in islice(glance.demux(*films), MANY_PACKETS):
            counts[packet.stream.index] += packet.size > 0
            if all(counts[film.index] > 1 for film in films):
                break
    return {index for index, count in counts.items() if count > 1}


def _length(stream: VideoStream) -> float:
    """Frames, as declared or as rate and duration make them."""
    if stream.frames:
        return float(stream.frames)
    seconds = float((stream.duration or 0) * stream.time_base) if stream.time_base else 0.0
    return seconds * float(stream.average_rate or 0)


def frame_rate(path: Path, stream: VideoStream) -> Fraction:
    """Average frames per second, as declared."""
    rate = stream.average_rate or stream.guessed_rate
    if not rate:
        raise SourceError(
            f"{path}: declares no frame rate. Convert the video to mp4 with any video tool."
        )
    return rate


def is_avi(container: InputContainer) -> bool:
    """AVI stores no times of display, but the place of each frame on a grid of even times."""
    return "avi" in container.format.name.split(",")


class Decoder:
    """Yields the frames of a stream up to the first damage, and then tells what the damage was."""

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream) -> None:
        self._path, self._container, self._stream = path, container, stream
        self._num_packets = self._num_hidden = 0
        self._error = ""
        # In AVI frames are shown in the order of these: FFmpeg's own times run backwards where
        # frames were reordered. A dropped frame is an empty packet that takes up time.
        self._places: deque[int] | None = deque() if is_avi(container) else None
        self._end = 0
        self.num_frames = 0

    def __iter__(self) -> Iterator[av.VideoFrame]:
        for frame in self._frames():
            if frame.is_corrupt:
                self._error = f"frame {self.num_frames} is damaged"
                return
            self.num_frames += 1
            if self._places:
                frame.pts = self._places.popleft()
            yield frame

    def _frames(self) -> Iterator[av.VideoFrame]:
        try:
            for packet in self._container.demux(self._stream):
                if packet.is_corrupt:
                    self._error = "the file is cut off"
                    break
                self._note(packet)
                yield from packet.decode()
        except FFmpegError as error:
            self._error = f"decoding failed ({reason(error)})"
        if self._error:
            # What came before the damage may still wait in the decoder's threads.
            with suppress(FFmpegError):
                for frame in self._stream.decode(None):
                    frame.time_base = self._stream.time_base
                    yield frame

    def _note(self, packet: av.Packet) -> None:
        if packet.size == 0:
            return
        self._num_packets += 1
        self._num_hidden += packet.is_discard
        if self._places is not None and packet.dts is not None:
            self._places.append(packet.dts)
            self._end = packet.dts + 1

    def damage(self) -> str:
        """What was wrong, or nothing. To be asked after the last frame."""
        if self._error:
            return self._error
        if max(self._num_packets, self._end) < self._stream.frames and not self._is_whole_avi():
            return "the file is cut off"
        if self._num_packets == 0 or self.num_frames == 0:
            return "there is no frame in it"
        # A sample of an mp4 is one frame, and the decoder drops those that it cannot make sense of.
        shown = self._num_packets - self._num_hidden
        if "mp4" in self._container.format.name and self.num_frames < shown:
            return f"{shown - self.num_frames} frames could not be decoded, so that frame numbers cannot be trusted"
        return ""

    def _is_whole_avi(self) -> bool:
        """Whether an AVI is as long as it says; the last frames that it declares were dropped."""
        if self._places is None:
            return False
        with open(self._path, "rb") as file:
            said = int.from_bytes(file.read(8)[4:], "little") + 8
        return self._path.stat().st_size >= said
