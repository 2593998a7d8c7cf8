"""Whatever holds pictures in the order of time: a video file, a picture, a folder or a pattern of
pictures.
"""

import glob
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, ImageOps

from posegrid.errors import SettingsError, SourceError
from posegrid.untrusted import DAMAGED, opened_picture
from posegrid.video.picture import Picture
from posegrid.video.times import number_note, numbers_in, usual_rate
from posegrid.video.video import (
    VideoFacts,
    VideoFrame,
    packet_times,
    probe,
    read_frames,
    read_spread,
)
from posegrid.video.webcam import is_webcam, webcam_pictures

SAME_RATE = 0.02
"""A rate of recording this near to that of playing is no slow motion."""
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class VideoFile:
    """A video; its times are the container's, unless it was said otherwise."""

    path: Path
    facts: VideoFacts
    fps: Fraction | None = None
    """Frame n is of the time n / fps, whatever the file says."""
    slowness: Fraction = Fraction(1)
    """The file's times are so many times the true ones: 8 for 240 frames/s played at 30."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Its file."""
        return (self.path,)

    @property
    def file_names(self) -> tuple[str, ...]:
        """Names of the pictures, if they have any."""
        return ()

    def frames(self) -> Iterator[VideoFrame]:
        """All frames; see `read_frames`."""
        for frame in read_frames(self.path, stream=self.facts.stream, fps=self.fps):
            yield (
                frame
                if self.slowness == 1
                else replace(frame, time_s=frame.time_s / float(self.slowness))
            )

    def spread(self, count: int) -> Iterator[Picture]:
        """About `count` pictures or up to twice as many, evenly over it."""
        return read_spread(self.path, count, stream=self.facts.stream)


@dataclass(frozen=True)
class PictureFiles:
    """Pictures of one size, in the order of their names, where 2 comes before 10."""

    paths: tuple[Path, ...]
    facts: VideoFacts
    places: tuple[int, ...]
    """Time of each picture, in units of 1 / fps."""

    @property
    def file_names(self) -> tuple[str, ...]:
        """Names of the pictures."""
        return tuple(path.name for path in self.paths)

    def frames(self) -> Iterator[VideoFrame]:
        """All pictures, upright. Raises SourceError at one that cannot be read."""
        for index, (path, place) in enumerate(zip(self.paths, self.places, strict=True)):
            yield VideoFrame(index, float(place / self.facts.fps), read_picture(path))

    def spread(self, count: int) -> Iterator[Picture]:
        """About `count` pictures or up to twice as many, evenly over all."""
        for path in self.paths[:: max(1, len(self.paths) // count)]:
            yield read_picture(path)


@dataclass(frozen=True, eq=False)
class PictureArrays:
    """Pictures in memory, with their times."""

    pictures: tuple[VideoFrame, ...]
    facts: VideoFacts
    paths: tuple[Path, ...] = ()

    @property
    def file_names(self) -> tuple[str, ...]:
        """None: they are no files."""
        return ()

    def frames(self) -> Iterator[VideoFrame]:
        """All pictures."""
        return iter(self.pictures)

    def spread(self, count: int) -> Iterator[Picture]:
        """About `count` pictures or up to twice as many, evenly over all."""
        return (frame.picture for frame in self.pictures[:: max(1, len(self.pictures) // count)])


Footage = VideoFile | PictureFiles | PictureArrays

ArrayFrame = tuple[float, UInt8[np.ndarray, "_ _ 3"]] | UInt8[np.ndarray, "_ _ 3"]
"""An RGB picture, alone or with its seconds: (seconds, picture)."""


def timed_frames(pictures: Iterable[ArrayFrame], fps: float | None) -> Iterator[VideoFrame]:
    """Frames of RGB pictures as they come; those without a time are 1 / fps apart.

    Raises SourceError for what is no RGB picture, and where there is neither a time nor a rate.
    """
    _check_rate("fps", fps)
    for number, picture in enumerate(pictures):
        if isinstance(picture, np.ndarray) and fps is None:
            raise SourceError(
                "pictures without times need the rate at which they come: `fps`, or (seconds, "
                "picture)."
            )
        time_s, image = (
            (number / (fps or 1.0), picture) if isinstance(picture, np.ndarray) else picture
        )
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise SourceError(
                f"at {time_s:g} s: {image.dtype} {image.shape} is no picture; expected uint8 "
                "(H, W, 3)."
            )
        yield VideoFrame(number, float(time_s), Picture.from_rgb(image))


def live_frames(
    source: Path | str | int | Iterable[ArrayFrame], fps: float | None
) -> tuple[str, Iterator[VideoFrame]]:
    """The name and the frames of a webcam, by its number, or of pictures as they come."""
    _check_rate("fps", fps)
    if isinstance(source, int | Path | str):
        number = int(str(source))
        pictures = webcam_pictures(number)
        frames = (VideoFrame(index, s, Picture.from_rgb(rgb)) for index, s, rgb in pictures)
        return f"webcam{number}", frames
    return "pictures", timed_frames(source, fps)


def footage_of_arrays(pictures: Iterable[ArrayFrame], fps: float | None) -> PictureArrays:
    """Pictures in memory as a video. Raises SourceError as `timed_frames`, where there is none, and
    where their sizes differ or their times do not grow.
    """
    frames = tuple(timed_frames(pictures, fps))
    if not frames:
        raise SourceError("there is no picture; expected RGB pictures, uint8 (H, W, 3).")
    sizes = {frame.picture.size_wh for frame in frames}
    if len(sizes) > 1:
        raise SourceError(f"pictures of the sizes {sorted(sizes)}; expected one size.")
    times = np.array([frame.time_s for frame in frames])
    if (np.diff(times) <= 0).any():
        raise SourceError("the pictures' times do not grow; expected each later than the last.")
    span_s = times[-1] - times[0]
    rate = Fraction((len(frames) - 1) / span_s if span_s > 0 else fps or 1).limit_denominator(1001)
    return PictureArrays(frames, VideoFacts(sizes.pop(), rate, len(frames), "arrays"))


def open_footage(
    where: Path,
    fps: float | None = None,
    *,
    capture_fps: float | None = None,
    stream: int | None = None,
) -> Footage:
    """What is at a path: a video, one picture, a folder of pictures, or those whose names fit a
    pattern (walk/*.png).

    fps: how many per second several pictures are, which they do not say themselves (where their
    names differ by a number, a picture's time is its number / fps); or the rate of a video that
    says a wrong one. capture_fps: frames per second at which a slow-motion video was recorded; by
    default what the file says. stream: which of a file's videos. Raises SourceError where there is
    nothing of the kind, SettingsError for settings that are missing or do not fit.
    """
    _check_rate("fps", fps)
    _check_rate("capture_fps", capture_fps)
    paths = _pictures_at(where)
    if paths is None:
        if fps is not None and capture_fps is not None:
            raise SettingsError(
                "`fps` and `capture_fps` both say the video's rate: give one of them."
            )
        return _video(where, fps, capture_fps, stream)
    if capture_fps is not None or stream is not None:
        raise SettingsError(
            f"`{'stream' if capture_fps is None else 'capture_fps'}`: is for a video; {where} holds "
            "pictures. How many there are per second is `fps`."
        )
    if len(paths) > 1 and fps is None:
        raise SettingsError(
            f"{where} holds {len(paths)} pictures, which do not say when they were taken: give `fps`."
        )
    rate = Fraction(fps or 1).limit_denominator(1001)
    facts = VideoFacts(_one_size(where, paths), rate, len(paths), _ending(paths[0]))
    if len(paths) == 1:
        return PictureFiles(tuple(paths), replace(facts, focal_35mm=_focal_35mm(paths[0])), (0,))
    numbers = numbers_in([path.name for path in paths])
    if numbers is None:
        return PictureFiles(tuple(paths), facts, tuple(range(len(paths))))
    note = number_note(numbers)
    return PictureFiles(
        tuple(paths),
        replace(facts, notes=(note,) if note else ()),
        tuple(number - numbers[0] for number in numbers),
    )


def _check_rate(name: str, rate: float | None) -> None:
    if rate is not None and not 0 < rate < 100_000:
        raise SettingsError(f"`{name}` {rate:g}: expected a number per second above 0.")


def _video(
    where: Path, fps: float | None, capture_fps: float | None, stream: int | None
) -> VideoFile:
    """The video with the times that were asked for, or that it says it was recorded at."""
    if fps is not None:
        rate = Fraction(fps).limit_denominator(1001)
        facts = probe(where, stream=stream, fps=rate)
        return VideoFile(where, facts, rate)
    facts = probe(where, stream=stream)
    recorded = capture_fps or facts.capture_fps
    played = usual_rate(packet_times(where, facts.stream)) if recorded else None
    if recorded is None or played is None or abs(recorded / float(played) - 1) < SAME_RATE:
        return VideoFile(where, facts)
    slowness = Fraction(recorded).limit_denominator(1001) / played
    who = "the file says" if capture_fps is None else "`capture_fps`"
    note = (
        f"recorded at {recorded:g} frames/s ({who}), played at {float(played):.4g}: "
        "times are those of the recording"
    )
    facts = replace(facts, fps=facts.fps * slowness, notes=(*facts.notes, note))
    return VideoFile(where, facts, slowness=slowness)


def _one_size(where: Path, paths: list[Path]) -> tuple[int, int]:
    """Width and height of all pictures, as shown. Raises SourceError with the names of those that
    are of another size than most. One that cannot be read stops the reading when its turn comes.
    """
    sizes = [_shown_wh(path) for path in paths]
    counted = Counter(size for size in sizes if size is not None).most_common()
    usual = counted[0][0] if counted else read_picture(paths[0]).size_wh
    if len(counted) > 1:
        strays = [
            f"{path.name} ({size[0]} x {size[1]})"
            for path, size in zip(paths, sizes, strict=True)
            if size is not None and size != usual
        ]
        more = f" and {len(strays) - 3} more" if len(strays) > 3 else ""
        raise SourceError(
            f"{where}: of its {len(paths)} pictures most are {usual[0]} x {usual[1]}, but not "
            f"{', '.join(strays[:3])}{more}; expected pictures of one size. Take the others away."
        )
    return usual


def _shown_wh(path: Path) -> tuple[int, int] | None:
    """Size of a picture when upright, from the head of its file; None where it cannot be read."""
    try:
        with _picture_errors(path), opened_picture(path, None) as stored:
            lies = stored.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
            width, height = stored.size
            return (height, width) if lies else (width, height)
    except SourceError:
        return None


def _focal_35mm(path: Path) -> float | None:
    """EXIF's focal length for pictures of 36 mm, if it is there."""
    with _picture_errors(path), opened_picture(path, None) as stored:
        said = stored.getexif().get_ifd(ExifTags.IFD.Exif)
        focal = said.get(ExifTags.Base.FocalLengthIn35mmFilm)
        return float(focal) if isinstance(focal, int | float) and focal > 0 else None


def _ending(path: Path) -> str:
    return path.suffix.lower().lstrip(".")


def read_picture(path: Path) -> Picture:
    """The picture in a file, turned upright as the camera noted it (EXIF). Raises SourceError."""
    with _picture_errors(path), opened_picture(path, None) as stored:
        upright = ImageOps.exif_transpose(stored)
        if upright.mode.startswith(("I", "F")):
            raise SourceError(
                f"{path}: has more than 8 bits per colour ({upright.mode}); save it with 8 bits."
            )
        return Picture.from_rgb(np.asarray(upright.convert("RGB")))


@contextmanager
def _picture_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise SourceError(f"{path}: cannot be read as a picture ({error}).") from error


def _pictures_at(where: Path) -> list[Path] | None:
    """The pictures there, in order; None for what is to be a video."""
    if where.is_dir():
        found = [path for path in where.iterdir() if _is_picture(path)]
    elif where.suffix.lower() in PICTURE_ENDINGS and where.is_file():
        found = [where]
    elif is_pattern(where):
        found = [Path(name) for name in glob.glob(str(where)) if _is_picture(Path(name))]
    else:
        return None
    if not found:
        raise SourceError(
            f"{where}: holds no pictures; expected files that end in {', '.join(PICTURE_ENDINGS)}."
        )
    return sorted(found, key=_in_order)


def is_pattern(where: Path) -> bool:
    """Whether a name stands for several: it has signs of a pattern (* ? [) and is no file or folder
    itself, as walk[1].mp4 is.
    """
    return glob.has_magic(str(where)) and not where.exists()


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
    if is_pattern(where):
        return where.parent.resolve().name
    return where.stem if where.is_file() else where.resolve().name
