"""The command `posegrid predict`: from a video to the person's 3D motion, a video and a picture.

a few frames -> empty scene; then in one pass: frame -> people's masks -> crops -> network -> camera
frame -> Track
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.progress import track as with_progress

from posegrid.body.camera import Camera
from posegrid.body.track import Track
from posegrid.datasets.camera_files import load_camera
from posegrid.errors import OutputError, SettingsError, SourceError
from posegrid.motion.placing import ASSUMED_FOV_DEG, assumed_camera
from posegrid.motion.refine import MotionTrack, RefineSettings
from posegrid.people.finder import Finder, find_people, given_people
from posegrid.progress import stop_noted
from posegrid.results.convert import write_track_file
from posegrid.results.estimator import (
    HEIGHT_SPREAD,
    Estimator,
    Looks,
    PersonEstimate,
    person_track,
    scaled_to_height,
)
from posegrid.results.network import OnnxModel, load_onnx
from posegrid.results.overlay import write_contact_picture, write_overlay
from posegrid.results.predict_settings import PredictSettings
from posegrid.video.boxes import load_boxes
from posegrid.video.footage import Footage, name_of, open_footage
from posegrid.video.video import VideoFacts
from posegrid.video.webcam import is_webcam, record_webcam


def predict(settings: PredictSettings) -> MotionTrack:
    """The person's 3D motion; also written to `--out`: NAME.npz (a Track), NAME_overlay.mp4,
    NAME_contact.png.

    It is refined (docs/motion.md); NAME_raw.npz is the Track before. Joints are relative to the
    pelvis, in mm, in the camera's frame (x right, y down, z forward). Where the weights know the
    joints' places in the picture, `keypoints_px` are those, and the pelvis is where the pose
    projects onto them. Else it follows from how large the person appears, and `keypoints_px` are
    the joints as they project from there. Raises SourceError for what is no such video, a camera
    that moves, or a video without a moving person; CheckpointError, SettingsError, OutputError.
    Damage in the video and Ctrl-C leave what was done until then in files that end in _partial. Of
    several people it returns the largest that were asked for.
    """
    _check(settings)
    console = Console(stderr=True)
    model = load_onnx(settings.weights, threads=settings.threads)
    if settings.boxes and not settings.masks and model.facts.background == "removed":
        # Ten times the error: 440 mm for 40 mm on rendered walks.
        raise SettingsError(
            f"--boxes alone leaves the background in the crops, and {model.name} knows only people cut out of it: give "
            '--masks, too, or --weights of the background "masked" or "kept".'
        )
    with _writable(settings.out or Path("runs") / name_of(settings.video)) as out:
        return _predicted(_recorded(settings, out, console), model, out, console)


def _predicted(
    settings: PredictSettings, model: OnnxModel, out: Path, console: Console
) -> MotionTrack:
    footage = open_footage(settings.video, settings.fps)
    seen = watch(footage, settings, model, console)
    chosen = chosen_people(seen.people, settings)
    raw = [seen.track(person, model, settings) for person in chosen]
    tracks = [track.refined(_refining(settings)) for track in raw]
    for person, before, track in zip(chosen, raw, tracks, strict=True):
        name = name_of(settings.video) + (
            f"_person{person.number}" if settings.person == "all" else ""
        )
        name += "_partial" if seen.stopped else ""
        before.save(out / f"{name}_raw.npz")
        _write(track, out, name, settings, footage, console)
        for line in [*summary(track, settings, model), *_who(person, seen, settings)]:
            print(line)
    print(f"written to {out}")
    if seen.stopped:
        print(
            f"only part of the video was used: {len(seen.time_s)} frames, in files that end in _partial"
        )
        raise seen.stopped
    return tracks[0]


def _refining(settings: PredictSettings) -> RefineSettings:
    """Feet cannot be told to stand where boxes or masks are given: the camera may move."""
    at_rest = settings.boxes is None and settings.masks is None
    return RefineSettings(fill=settings.fill, filter=settings.filter, feet=at_rest)


@dataclass(frozen=True, eq=False)
class Seen:
    """What one pass over a video gave."""

    time_s: Float[np.ndarray, "T"]
    people: list[PersonEstimate]
    facts: VideoFacts
    camera: Camera
    stopped: KeyboardInterrupt | SourceError | None
    """Why the pass ended before the video's end."""

    def track(
        self, person: PersonEstimate, model: OnnxModel, settings: PredictSettings
    ) -> MotionTrack:
        """One person's Track as the network said it, scaled as the settings say."""
        track = person_track(
            person,
            self.time_s,
            self.camera,
            model,
            source=settings.video.name,
            camera_assumed=settings.camera is None,
            fps=float(self.facts.fps),
        )
        return (
            track
            if settings.height_m is None
            else scaled_to_height(track, 1000 * settings.height_m)
        )


def watch(footage: Footage, settings: PredictSettings, model: OnnxModel, console: Console) -> Seen:
    """Look through the pictures once, after a glance at some of them for the empty scene.

    Raises SourceError if nobody is found. Damage in the video and Ctrl-C end it early:
    `Seen.stopped`.
    """
    camera = _camera(settings, footage.facts.size_wh)
    finder = _finder(footage, settings, console)
    frames = _shown(footage.frames(), footage.facts.num_frames, "Finding and estimating", console)
    times: list[float] = []
    stopped: KeyboardInterrupt | SourceError | None = None
    with Estimator(model, batch=settings.batch, looks=_looks(settings)) as estimator:
        with stop_noted() as is_stopped:
            try:
                for frame, sightings in finder.follow(frames):
                    if is_stopped():
                        stopped = KeyboardInterrupt()
                        break
                    estimator.add(frame.picture, {s.number: s.silhouette for s in sightings})
                    times.append(frame.time_s)
            except SourceError as error:
                stopped = error
        found = [p for p in estimator.finished(finder.persons()) if p.size > 0]
    if not found:
        if stopped:
            raise stopped
        raise SourceError(f"{settings.video}: {finder.nobody(len(times))}")
    return Seen(np.array(times), found, footage.facts, camera, stopped)


def _finder(footage: Footage, settings: PredictSettings, console: Console) -> Finder:
    """Who finds the people: what moves in the video, or the user."""
    if settings.boxes is None and settings.masks is None:
        try:
            return find_people(
                lambda count: _shown(
                    footage.spread(count), None, "Learning the background", console
                )
            )
        except SourceError as error:
            raise SourceError(f"{settings.video}: {error}") from error
    ours = footage.facts.num_frames
    boxes = None if settings.boxes is None else load_boxes(settings.boxes, footage.file_names)
    if boxes and ours and max(boxes) >= ours:
        raise SettingsError(
            f"--boxes {settings.boxes} has a box for frame {max(boxes)}, but {settings.video} has {ours} frames, "
            f"0 to {ours - 1}."
        )
    if settings.masks is None:
        return given_people(boxes, None, str(settings.boxes))
    masks = open_footage(settings.masks, None if settings.masks.is_file() else settings.fps)
    theirs = masks.facts.num_frames
    if ours and theirs and ours != theirs:
        raise SettingsError(
            f"--masks {settings.masks} has {theirs} frames, {settings.video} {ours}: expected as many."
        )
    return given_people(boxes, masks.frames(), str(settings.boxes or settings.masks))


def _looks(settings: PredictSettings) -> Looks:
    return (
        "one"
        if settings.looks == "in-turns" and settings.filter != "savitzky-golay"
        else settings.looks
    )


def chosen_people(people: list[PersonEstimate], settings: PredictSettings) -> list[PersonEstimate]:
    """Those whom --person asks for, the largest first. Raises SettingsError where there is no such
    person.
    """
    largest_first = sorted(people, key=lambda person: person.size, reverse=True)
    if settings.person in ("largest", "all"):
        return largest_first[: None if settings.person == "all" else 1]
    chosen = [person for person in people if str(person.number) == settings.person]
    if not chosen:
        numbers = ", ".join(str(person.number) for person in people)
        raise SettingsError(
            f"--person {settings.person}: expected largest, all, or one of the numbers {numbers}."
        )
    return chosen


def _who(person: PersonEstimate, seen: Seen, settings: PredictSettings) -> list[str]:
    """A line that says who else there is."""
    if len(seen.people) == 1:
        return []
    people = "people" if settings.boxes else "that move"
    spans = [
        f"person {p.number} in {len(p.row)} frames ({seen.time_s[p.row[0]]:.1f} to {seen.time_s[p.row[-1]]:.1f} s)"
        for p in seen.people
    ]
    return [
        f"this is person {person.number} (--person {settings.person}) of {len(spans)} {people}: {'; '.join(spans)}"
    ]


def _write(
    track: Track,
    out: Path,
    name: str,
    settings: PredictSettings,
    footage: Footage,
    console: Console,
) -> None:
    track.save(out / f"{name}.npz")
    for ending in settings.formats:
        write_track_file(track, out, name, ending)
    if settings.overlay and not name.endswith("_partial"):
        frames = _shown(footage.frames(), len(track), "Drawing", console)
        ending = "png" if len(track) == 1 else "mp4"
        contact = write_overlay(out / f"{name}_overlay.{ending}", frames, track)
        write_contact_picture(out / f"{name}_contact.png", contact)


def summary(track: Track, settings: PredictSettings, model: OnnxModel) -> list[str]:
    """Lines that say what was found and what was assumed."""
    found = track.found
    lines = [
        f"{settings.video.name}: person found in {found.sum()} of {len(track)} frames ({found.mean():.0%})"
    ]
    cut = _cut_off(track.box_xyxy[found], track.camera.size_wh)
    if cut.any():
        lines.append(
            f"in {cut.sum()} of them the person touches the picture's edge: poses there are unsure"
        )
    depth_m = track.root_mm[found, 2] / 1000
    if np.isfinite(depth_m).any():
        lines.append(
            f"distance from the camera {np.nanmin(depth_m):.1f} to {np.nanmax(depth_m):.1f} m"
        )
    if track.camera_assumed:
        fov = settings.fov_deg or ASSUMED_FOV_DEG
        how = "as given" if settings.fov_deg else "assumed"
        lines.append(
            f"camera: {fov:g} degrees over the longer side, {how}; directions and distances depend on it "
            "(--camera or --fov-deg)"
        )
    if track.filled_frames:
        lines.append(
            f"in {len(track.filled_frames)} of them nobody was found: the pose is interpolated (--fill)"
        )
    lines.append(f"weights {model.name}; filter {settings.filter}")
    if settings.height_m is None:
        lines.append(
            f"scale: as the weights see it; {HEIGHT_SPREAD:.0%} off (1 sigma) for rendered adults, more for children "
            "(--height-m)"
        )
    return lines


def _check(settings: PredictSettings) -> None:
    if settings.camera is not None and settings.fov_deg is not None:
        raise SettingsError(
            "--camera and --fov-deg both say what the camera is like: give one of them."
        )
    if settings.height_m is not None and not 0.5 <= settings.height_m <= 2.5:
        raise SettingsError(
            f"--height-m {settings.height_m:g}: expected a height of 0.5 to 2.5 metres."
        )
    if settings.seconds is not None and not (is_webcam(settings.video) and settings.seconds > 0):
        raise SettingsError(
            f"--seconds {settings.seconds:g}: is for a webcam (posegrid predict 0), and above 0."
        )
    for name in ("batch", "threads"):
        if getattr(settings, name) < 1:
            raise SettingsError(f"--{name} {getattr(settings, name)}: expected at least 1.")


def _recorded(settings: PredictSettings, out: Path, console: Console) -> PredictSettings:
    """The settings with a webcam's recording in its place."""
    if not is_webcam(settings.video):
        return settings
    path = out / f"{name_of(settings.video)}.mp4"
    until = "Ctrl-C" if settings.seconds is None else f"{settings.seconds:g} seconds have passed"
    console.print(f"Recording to {path} until {until}", markup=False)
    with stop_noted() as is_stopped:
        record_webcam(int(str(settings.video)), path, settings.seconds, is_stopped)
    return replace(settings, video=path)


def _camera(settings: PredictSettings, size_wh: tuple[int, int]) -> Camera:
    if settings.camera is not None:
        return load_camera(settings.camera, settings.video, size_wh)
    return assumed_camera(
        size_wh, ASSUMED_FOV_DEG if settings.fov_deg is None else settings.fov_deg
    )


@contextmanager
def _writable(folder: Path) -> Iterator[Path]:
    """The folder, made if missing, and taken away again if nothing came of it.

    OutputError now, not after minutes of work, if nothing can be written there.
    """
    was_there = folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"{folder}: nothing can be written there ({error.strerror}); choose another --out."
        ) from error
    try:
        yield folder
    finally:
        if not was_there and not any(folder.iterdir()):
            folder.rmdir()


Item = TypeVar("Item")


def _shown(items: Iterable[Item], total: int | None, what: str, console: Console) -> Iterable[Item]:
    """The same items, with a progress bar."""
    if not console.is_terminal:
        console.print(what, markup=False)
    return with_progress(items, what, total=total, console=console, disable=not console.is_terminal)


def _cut_off(box_xyxy: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """True for boxes that reach the picture's edge."""
    width, height = size_wh
    x0, y0, x1, y1 = box_xyxy.T
    return (x0 <= 1) | (y0 <= 1) | (x1 >= width - 1) | (y1 >= height - 1)
