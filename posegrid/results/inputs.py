"""What a motion is made from, opened: the video, its camera, and who finds the people in it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from posegrid.body.camera import Camera
from posegrid.datasets.camera_files import load_camera
from posegrid.errors import SettingsError
from posegrid.motion.placing import ASSUMED_FOV_DEG, assumed_camera
from posegrid.people.finder import Finder, find_people, given_people
from posegrid.progress import Report, reported
from posegrid.results.estimator import Origin
from posegrid.results.predict_settings import PoseSettings
from posegrid.video.boxes import Boxes, load_boxes
from posegrid.video.footage import (
    ArrayFrame,
    Footage,
    VideoFrame,
    footage_of_arrays,
    is_webcam,
    live_frames,
    open_footage,
)

Video = Path | str | int | Iterable[ArrayFrame]
"""A file, folder or pattern of pictures; a webcam's number; or RGB pictures, uint8 (H, W, 3), alone
or as (seconds, picture)."""
GivenCamera = Path | str | Camera
GivenBoxes = Path | str | Boxes | Float[np.ndarray, "T 4"]
"""A file, boxes by frame and person, or one person's box in each frame (NaN: none)."""
GivenMasks = Path | str | Bool[np.ndarray, "T H W"] | UInt8[np.ndarray, "T H W"]
"""A video or pictures, or arrays: True, or bright, where the person is."""


@dataclass(frozen=True, eq=False)
class Given:
    """What is known of a video besides its pictures."""

    camera: GivenCamera | None = None
    boxes: GivenBoxes | None = None
    masks: GivenMasks | None = None


@dataclass(frozen=True, eq=False)
class Inputs:
    """One pass over a video, ready to begin."""

    origin: Origin
    frames: Iterator[VideoFrame]
    num_frames: int | None
    """As the container declares it."""
    finder: Finder
    notes: tuple[str, ...] = ()
    """What the video's file says that is worth knowing."""
    footage: Footage | None = None
    """Of a video that can be read again."""


def opened(
    video: Video, given: Given, settings: PoseSettings, report: Report | None = None
) -> Inputs:
    """A whole video; the finder has had a glance at it.

    Raises SourceError and SettingsError for what cannot be read, does not fit, or is live.
    """
    footage, source = _footage(video, settings)
    facts = footage.facts
    camera = _camera(given, settings, source, facts.size_wh, facts.fov_deg)
    finder = _finder(footage, source, given, settings, report)
    origin = Origin(
        source.name, camera, float(facts.fps), given.camera is None, finder.camera_fixed
    )
    return Inputs(origin, footage.frames(), facts.num_frames, finder, facts.notes, footage)


def opened_live(video: Video, given: Given, settings: PoseSettings) -> Inputs | None:
    """Pictures as they come, of a webcam or anybody; None where there is none. A video's file is
    opened as by `opened`.
    """
    if isinstance(video, Path | str) and not is_webcam(Path(video)):
        return opened(video, given, settings)
    name, frames = live_frames(video, settings.fps)
    source = Path(name)
    first = next(frames, None)
    if first is None:
        return None
    camera = _camera(given, settings, source, first.picture.size_wh)
    finder = _finder(None, source, given, settings, None)
    origin = Origin(source.name, camera, settings.fps or 0.0, given.camera is None)
    return Inputs(origin, chain([first], frames), None, finder)


def _footage(video: Video, settings: PoseSettings) -> tuple[Footage, Path]:
    """The pictures, and what they are called."""
    if isinstance(video, int) or (isinstance(video, Path | str) and is_webcam(Path(video))):
        raise SettingsError(f"webcam {video}: its pictures never end; take `stream` for it.")
    if isinstance(video, Path | str):
        footage = open_footage(
            Path(video), settings.fps, capture_fps=settings.capture_fps, stream=settings.stream
        )
        return footage, Path(video)
    return footage_of_arrays(video, settings.fps), Path("pictures")


def _camera(
    given: Given,
    settings: PoseSettings,
    source: Path,
    size_wh: tuple[int, int],
    stated_fov_deg: float | None = None,
) -> Camera:
    """The camera that is given, or one of the angle of view that is given, that the file states, or
    that is assumed.
    """
    if given.camera is not None and settings.fov_deg is not None:
        raise SettingsError(
            "`camera` and `fov_deg` both say what the camera is like: give one of them."
        )
    if isinstance(given.camera, Path | str):
        return load_camera(Path(given.camera), source, size_wh)
    if given.camera is None:
        return assumed_camera(size_wh, settings.fov_deg or stated_fov_deg or ASSUMED_FOV_DEG)
    if given.camera.size_wh != size_wh:
        (w, h), (width, height) = given.camera.size_wh, size_wh
        raise SettingsError(
            f"`camera` is of pictures of {w} x {h}, those of {source} are {width} x {height}."
        )
    return given.camera


def _finder(
    footage: Footage | None,
    source: Path,
    given: Given,
    settings: PoseSettings,
    report: Report | None,
) -> Finder:
    """Who finds the people: the finder's network, or the user. footage: None for a live one."""
    if given.boxes is not None or given.masks is not None:
        return _users_people(footage, source, given, settings)
    if footage is None:
        return find_people(None)
    return find_people(
        lambda count: reported(footage.spread(count), "Learning the background", None, report)
    )


def _users_people(
    footage: Footage | None, source: Path, given: Given, settings: PoseSettings
) -> Finder:
    """Boxes and masks, which must fit the video."""
    ours = None if footage is None else footage.facts.num_frames
    boxes = None if given.boxes is None else _boxes(given.boxes, footage)
    if boxes and ours and max(boxes) >= ours:
        raise SettingsError(
            f"`boxes` {_name(given.boxes, 'as given')} has a box for frame {max(boxes)}, but {source} "
            f"has {ours} frames, 0 to {ours - 1}."
        )
    masks = None if given.masks is None else _masks(given.masks, settings)
    theirs = None if masks is None else masks.facts.num_frames
    if ours and theirs and ours != theirs:
        raise SettingsError(
            f"`masks` {_name(given.masks, 'as given')} has {theirs} frames, {source} {ours}: expected "
            "as many."
        )
    name = _name(given.boxes, "the boxes") if boxes else _name(given.masks, "the masks")
    return given_people(boxes, None if masks is None else masks.frames(), name)


def _name(given: object, otherwise: str) -> str:
    return str(given) if isinstance(given, Path | str) else otherwise


def _boxes(given: GivenBoxes, footage: Footage | None) -> Boxes:
    if isinstance(given, Path | str):
        return load_boxes(Path(given), () if footage is None else footage.file_names)
    if isinstance(given, Mapping):
        return given
    seen = np.flatnonzero(np.isfinite(given).all(axis=1))
    return {int(frame): {1: given[frame].astype(np.float64)} for frame in seen}


def _masks(given: GivenMasks, settings: PoseSettings) -> Footage:
    if isinstance(given, Path | str):
        where = Path(given)
        return open_footage(where, None if where.is_file() else settings.fps)
    grey = given.astype(np.uint8) * np.uint8(255) if given.dtype == bool else given
    return footage_of_arrays((np.repeat(mask[..., None], 3, axis=2) for mask in grey), 1.0)
