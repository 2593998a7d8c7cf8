"""A webcam: recorded to a video file, or its pictures as they come, with the system's times."""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Generic, TypeVar

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from jaxtyping import UInt8

from posegrid.errors import SourceError
from posegrid.video.writer import VideoWriter

Item = TypeVar("Item")

_DEVICES = {
    "linux": ("v4l2", "/dev/video{}"),
    "darwin": ("avfoundation", "{}"),
    "win32": ("dshow", "video={}"),
}
"""FFmpeg's name of the system's cameras, and how it calls one of them."""


def is_webcam(where: Path) -> bool:
    """Whether a source's name is a camera's number."""
    return str(where).isdecimal() and not where.exists()


def record_webcam(
    number: int, path: Path, seconds: float | None, is_stopped: Callable[[], bool]
) -> int:
    """Record the system's camera (0: the first) to an mp4 file; how many frames there are in it.

    It ends after so many seconds, or with None when `is_stopped`. Raises SourceError where there is
    no such camera or it gives no pictures, OutputError.
    """
    with _opened(number) as container:
        stream = container.streams.video[0]
        size_wh, rate = (
            (stream.codec_context.width, stream.codec_context.height),
            stream.average_rate or 30,
        )
        try:
            with VideoWriter(path, rate, size_wh) as video:
                first_s = None
                for frame in container.decode(stream):
                    time_s = frame.time or 0.0
                    first_s = time_s if first_s is None else first_s
                    if is_stopped() or (seconds is not None and time_s - first_s >= seconds):
                        break
                    video.write(frame.to_ndarray(format="rgb24"), time_s - first_s)
                return video.num_frames
        except FFmpegError as error:
            raise SourceError(
                f"webcam {number}: gives no more pictures ({error.strerror})."
            ) from error


def webcam_pictures(number: int) -> Iterator[tuple[int, float, UInt8[np.ndarray, "H W 3"]]]:
    """The newest picture of the system's camera (0: the first) whenever one is asked for: its number
    from 0, seconds since the first one, and RGB. Those that come meanwhile are dropped: they would
    wait longer and longer.

    Raises SourceError where there is no such camera or it gives no more pictures.
    """
    for index, time_s, frame in newest(_decoded(number)):
        yield index, time_s, frame.to_ndarray(format="rgb24")


def _decoded(number: int) -> Iterator[tuple[int, float, av.VideoFrame]]:
    with _opened(number) as container:
        first_s = None
        try:
            for index, frame in enumerate(container.decode(video=0)):
                time_s = frame.time or 0.0
                first_s = time_s if first_s is None else first_s
                yield index, time_s - first_s, frame
        except FFmpegError as error:
            raise SourceError(
                f"webcam {number}: gives no more pictures ({error.strerror})."
            ) from error


class Newest(Generic[Item]):
    """Holds the newest of what comes until somebody has time for it; threads may share it."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._items: deque[Item] = deque(maxlen=1)
        self._end: Exception | None = None
        self._is_ended = False

    def put(self, item: Item) -> None:
        """One more; the one before, if it is still there, is dropped."""
        with self._changed:
            self._items.append(item)
            self._changed.notify()

    def end(self, error: Exception | None = None) -> None:
        """No more will come, for this reason."""
        with self._changed:
            self._is_ended, self._end = True, error
            self._changed.notify()

    def take(self) -> Item | None:
        """The newest, once there is one; None at the end. Raises what ended it."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._is_ended)
            if self._items:
                return self._items.popleft()
        if self._end is not None:
            raise self._end
        return None


def newest(items: Iterator[Item]) -> Iterator[Item]:
    """Of items that come by themselves, read in a thread, the newest one at each step."""
    held, stopped = Newest[Item](), Event()

    def read() -> None:
        try:
            for item in items:
                if stopped.is_set():
                    break
                held.put(item)
            held.end()
        except Exception as error:  # whatever it is, it is raised where the items are taken
            held.end(error)

    Thread(target=read, daemon=True).start()
    try:
        while (item := held.take()) is not None:
            yield item
    finally:
        stopped.set()


def _opened(number: int) -> InputContainer:
    """The camera's stream."""
    kind, pattern = _DEVICES.get(sys.platform, _DEVICES["linux"])
    try:
        return av.open(pattern.format(number), format=kind)
    except (FFmpegError, OSError, ValueError) as error:
        raise SourceError(
            f"webcam {number}: there is no such camera, or another program uses it ({pattern.format(number)}: {error})."
        ) from error
