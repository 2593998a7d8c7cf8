"""A webcam: recorded to a video file, with the times at which the system took the pictures.

Whatever holds pictures in the order of time: a video file, a picture, a folder or a pattern of
pictures.
"""

import glob
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from jaxtyping import UInt8
from PIL import Image, ImageOps

from posegrid.errors import SettingsError, SourceError
from posegrid.video.picture import Picture
from posegrid.video.video import (
    VideoFacts,
    VideoFrame,
    VideoWriter,
    probe,
    read_frames,
    read_spread,
)

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


PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class VideoFile:
    """A video; its times are the container's."""

    path: Path
    facts: VideoFacts

    @property
    def file_names(self) -> tuple[str, ...]:
        """Names of the pictures, if they have any."""
        return ()

    def frames(self) -> Iterator[VideoFrame]:
        """All frames; see `read_frames`."""
        return read_frames(self.path)

    def spread(self, count: int) -> Iterator[Picture]:
        """About `count` pictures or up to twice as many, evenly over it."""
        return read_spread(self.path, count)


@dataclass(frozen=True)
class PictureFiles:
    """Pictures of one size, so many per second, in the order of their names, where 2 comes before
    10.
    """

    paths: tuple[Path, ...]
    facts: VideoFacts

    @property
    def file_names(self) -> tuple[str, ...]:
        """Names of the pictures."""
        return tuple(path.name for path in self.paths)

    def frames(self) -> Iterator[VideoFrame]:
        """All pictures, upright. Raises SourceError at one that cannot be read or is of another
        size than the first.
        """
        for index, path in enumerate(self.paths):
            picture = read_picture(path)
            if picture.size_wh != self.facts.size_wh:
                raise SourceError(
                    f"{path}: is {picture.size_wh[0]} x {picture.size_wh[1]}, the first picture "
                    f"{self.facts.size_wh[0]} x {self.facts.size_wh[1]}; expected pictures of one size."
                )
            yield VideoFrame(index, float(index / self.facts.fps), picture)

    def spread(self, count: int) -> Iterator[Picture]:
        """About `count` pictures or up to twice as many, evenly over all."""
        for path in self.paths[:: max(1, len(self.paths) // count)]:
            yield read_picture(path)


Footage = VideoFile | PictureFiles


def open_footage(where: Path, fps: float | None = None) -> Footage:
    """What is at a path: a video, one picture, a folder of pictures, or those whose names fit a
    pattern (walk/*.png).

    fps: how many per second several pictures are, which they do not say themselves; a video says
    it, one picture has no need of it. Raises SourceError where there is nothing of the kind,
    SettingsError for a missing or needless fps.
    """
    paths = _pictures_at(where)
    if not paths:
        if fps is not None:
            raise SettingsError(
                f"--fps {fps:g}: {where} is a video and has its own times; leave --fps away."
            )
        return VideoFile(where, probe(where))
    if len(paths) > 1 and fps is None:
        raise SettingsError(
            f"{where} holds {len(paths)} pictures, which do not say when they were taken: give --fps."
        )
    if fps is not None and not 0 < fps < 10_000:
        raise SettingsError(f"--fps {fps:g}: expected a number of pictures per second above 0.")
    rate = Fraction(fps or 1).limit_denominator(1001)
    size_wh = read_picture(paths[0]).size_wh
    facts = VideoFacts(size_wh, rate, len(paths), paths[0].suffix.lower().lstrip("."))
    return PictureFiles(tuple(paths), facts)


def read_picture(path: Path) -> Picture:
    """The picture in a file, turned upright as the camera noted it (EXIF). Raises SourceError."""
    try:
        with Image.open(path) as stored:
            upright = ImageOps.exif_transpose(stored)
            if upright.mode.startswith(("I", "F")):
                raise SourceError(
                    f"{path}: has more than 8 bits per colour ({upright.mode}); save it with 8 bits."
                )
            return Picture.from_rgb(np.asarray(upright.convert("RGB")))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SourceError(f"{path}: cannot be read as a picture ({error}).") from error


def _pictures_at(where: Path) -> list[Path] | None:
    """The pictures there, in order; None for what is to be a video."""
    if where.is_dir():
        found = [path for path in where.iterdir() if _is_picture(path)]
    elif where.suffix.lower() in PICTURE_ENDINGS and where.is_file():
        found = [where]
    elif glob.has_magic(str(where)) and not where.exists():
        found = [Path(name) for name in glob.glob(str(where)) if _is_picture(Path(name))]
    else:
        return None
    if not found:
        raise SourceError(
            f"{where}: holds no pictures; expected files that end in {', '.join(PICTURE_ENDINGS)}."
        )
    return sorted(found, key=_in_order)


def _is_picture(path: Path) -> bool:
    return (
        path.suffix.lower() in PICTURE_ENDINGS and not path.name.startswith(".") and path.is_file()
    )


def _in_order(path: Path) -> list[tuple[int, str]]:
    """Numbers in a name count as numbers."""
    return [
        (int(part), "") if part.isdecimal() else (0, part)
        for part in re.split(r"(\d+)", str(path))
        if part
    ]


def name_of(where: Path) -> str:
    """What results are called: a file or folder by its own name, a pattern by that of its folder,
    webcam 0 webcam0."""
    if is_webcam(where):
        return f"webcam{where}"
    if glob.has_magic(where.name):
        return where.parent.resolve().name
    return where.stem if where.is_file() else where.resolve().name
