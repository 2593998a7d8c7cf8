"""A webcam: recorded to a video file, or its pictures as they come, with the system's times."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from jaxtyping import UInt8

from posegrid.errors import SourceError
from posegrid.video.writer import VideoWriter

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


def webcam_pictures(number: int) -> Iterator[tuple[float, UInt8[np.ndarray, "H W 3"]]]:
    """Seconds since the first picture, and RGB pictures, of the system's camera (0: the first), as
    they come.

    Raises SourceError where there is no such camera or it gives no more pictures.
    """
    with _opened(number) as container:
        first_s = None
        try:
            for frame in container.decode(video=0):
                time_s = frame.time or 0.0
                first_s = time_s if first_s is None else first_s
                yield time_s - first_s, frame.to_ndarray(format="rgb24")
        except FFmpegError as error:
            raise SourceError(
                f"webcam {number}: gives no more pictures ({error.strerror})."
            ) from error


def _opened(number: int) -> InputContainer:
    """The camera's stream."""
    kind, pattern = _DEVICES.get(sys.platform, _DEVICES["linux"])
    try:
        return av.open(pattern.format(number), format=kind)
    except (FFmpegError, OSError, ValueError) as error:
        raise SourceError(
            f"webcam {number}: there is no such camera, or another program uses it ({pattern.format(number)}: {error})."
        ) from error
