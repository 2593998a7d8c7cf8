"""The command `posegrid predict`: from a video of a fixed camera to the person's 3D motion, a video and a picture.

a few frames -> empty scene; then in one pass: frame -> people's masks -> crops -> network -> camera frame -> Track
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.progress import track as with_progress
from tyro.conf import Positional

from posegrid.body.camera import Camera
from posegrid.body.track import Track
from posegrid.errors import OutputError, SettingsError, SourceError
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.refine import RefineSettings, refined
from posegrid.motion.smoothing import Filter
from posegrid.prepare.background import NUM_SAMPLES, learn_background
from posegrid.prepare.people import People
from posegrid.results.estimating import Estimator, PersonEstimate
from posegrid.results.lift import ASSUMED_FOV_DEG, assumed_camera, load_camera
from posegrid.results.model import OnnxModel, load_onnx
from posegrid.results.overlay import write_contact_picture, write_overlay_video
from posegrid.results.person_track import person_track, scaled_to_height
from posegrid.results.track_files import Format, write_track_file
from posegrid.sources.video import VideoFacts, probe, read_frames, read_spread


@dataclass(frozen=True)
class PredictSettings:
    """Settings of `posegrid predict`."""

    video: Positional[Path]
    """Video of one walking person, whole in the picture, taken with a camera that does not move."""
    out: Path | None = None
    """Folder for the results. Default: runs/<name of the video>."""
    weights: Path | None = None
    """Weights of `posegrid export` (.onnx). Default: those that come with posegrid."""
    camera: Path | None = None
    """The camera's intrinsics (.json): K (3 x 3, pixels) and dist (k1 k2 p1 p2 k3). Default: assumed, see --fov-deg."""
    fov_deg: float | None = None
    """Angle of view over the picture's longer side, degrees, if there is no camera file. Default: 60 is assumed."""
    height_m: float | None = None
    """The person's height without shoes, metres: sets the scale of the motion, which a picture does not show."""
    person: str = "largest"
    """Whose motion: largest (in the picture, over all the time), all (files NAME_person1 ...), or a person's number."""
    filter: Filter = "savitzky-golay"
    """Filter over time: savitzky-golay (looks ahead), one-euro (looks at the past only), light (20 ms), none. The
    motion also gets bones of one length and feet that stand still; NAME_raw.npz holds it as the network said it."""
    fill: bool = False
    """Interpolate the pose where the person was not found for at most half a second; such frames are marked."""
    flip_average: bool = False
    """Average the answers for the crop and for its mirror image without background: a little more exact, twice the
    network's time."""
    formats: tuple[Format, ...] = ()
    """Write the motion for other programs, too: csv, json, trc (OpenSim), c3d, bvh and glb (animation), angles (of the
    joints, CSV), html (a page that shows it in 3D)."""
    overlay: bool = True
    """Write the video with the skeleton on it and the picture of 12 frames, too."""
    batch: int = 16
    """Crops per call of the network."""
    threads: int = 1
    """Cores that the network may use."""


def predict(settings: PredictSettings) -> MotionTrack:
    """The person's 3D motion; also written to `--out`: NAME.npz (a Track), NAME_overlay.mp4, NAME_contact.png.

    It is refined (docs/motion.md); NAME_raw.npz is the Track before.
    Joints are relative to the pelvis, in mm, in the camera's frame (x right, y down, z forward). Where the weights know
    the joints' places in the picture, `keypoints_px` are those, and the pelvis is where the pose projects onto them.
    Else it follows from how large the person appears, and `keypoints_px` are the joints as they project from there.
    Raises SourceError for what is no such video, a camera that moves, or a video without a moving person;
    CheckpointError, SettingsError, OutputError. Damage in the video and Ctrl-C leave what was done until then in files
    that end in _partial. Of several people it returns the largest that were asked for.
    """
    _check(settings)
    out = settings.out or Path("runs") / settings.video.stem
    console = Console(stderr=True)
    model = load_onnx(settings.weights, threads=settings.threads)
    _writable(out)
    seen = watch(settings, model, console)
    chosen = chosen_people(seen.people, settings)
    raw = [seen.track(person, model, settings) for person in chosen]
    tracks = [refined(track, RefineSettings(fill=settings.fill, filter=settings.filter)) for track in raw]
    for person, before, track in zip(chosen, raw, tracks, strict=True):
        name = settings.video.stem + (f"_person{person.number}" if settings.person == "all" else "")
        name += "_partial" if seen.stopped else ""
        before.save(out / f"{name}_raw.npz")
        _write(track, out, name, settings, console)
        for line in [*summary(track, settings, model), *_who(person, seen, settings)]:
            print(line)
    print(f"written to {out}")
    if seen.stopped:
        print(f"only part of the video was used: {len(seen.time_s)} frames, in files that end in _partial")
        raise seen.stopped
    return tracks[0]


@dataclass(frozen=True, eq=False)
class Seen:
    """What one pass over a video gave."""

    time_s: Float[np.ndarray, "T"]
    people: list[PersonEstimate]
    facts: VideoFacts
    camera: Camera
    stopped: KeyboardInterrupt | SourceError | None
    """Why the pass ended before the video's end."""

    def track(self, person: PersonEstimate, model: OnnxModel, settings: PredictSettings) -> MotionTrack:
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
        return track if settings.height_m is None else scaled_to_height(track, 1000 * settings.height_m)


def watch(settings: PredictSettings, model: OnnxModel, console: Console) -> Seen:
    """Look through the video once, after a glance at some of its frames for the empty scene.

    Raises SourceError if nobody is found. Damage in the video and Ctrl-C end it early: `Seen.stopped`.
    """
    facts = probe(settings.video)
    camera = _camera(settings, facts.size_wh)
    scene = learn_background(_shown(read_spread(settings.video, NUM_SAMPLES), None, "Learning the background", console))
    frames = _shown(read_frames(settings.video), facts.num_frames, "Finding and estimating", console)
    people, times, stopped = People(scene), [], None
    with Estimator(model, batch=settings.batch, flip_average=settings.flip_average) as estimator:
        try:
            for frame in frames:
                estimator.add(frame.picture, people.seen(frame.picture))
                times.append(frame.time_s)
        except (KeyboardInterrupt, SourceError) as error:
            stopped = error
        found = [person for person in estimator.finished() if person.size > 0]
    if not found:
        if stopped:
            raise stopped
        raise SourceError(
            f"{settings.video}: no moving person was found in {len(times)} frames. The person must move "
            "before a still background, differ from it in colour, and be taller than a twelfth of the picture's width."
        )
    return Seen(np.array(times), found, facts, camera, stopped)


def chosen_people(people: list[PersonEstimate], settings: PredictSettings) -> list[PersonEstimate]:
    """Those whom --person asks for, the largest first. Raises SettingsError where there is no such person."""
    largest_first = sorted(people, key=lambda person: person.size, reverse=True)
    if settings.person in ("largest", "all"):
        return largest_first[: None if settings.person == "all" else 1]
    chosen = [person for person in people if str(person.number) == settings.person]
    if not chosen:
        numbers = ", ".join(str(person.number) for person in people)
        raise SettingsError(f"--person {settings.person}: expected largest, all, or one of the numbers {numbers}.")
    return chosen


def _who(person: PersonEstimate, seen: Seen, settings: PredictSettings) -> list[str]:
    """A line that says who else there is."""
    if len(seen.people) == 1:
        return []
    spans = [
        f"person {p.number} in {len(p.row)} frames ({seen.time_s[p.row[0]]:.1f} to {seen.time_s[p.row[-1]]:.1f} s)"
        for p in seen.people
    ]
    return [
        f"this is person {person.number} (--person {settings.person}) of {len(spans)} that move: {'; '.join(spans)}"
    ]


def _write(track: Track, out: Path, name: str, settings: PredictSettings, console: Console) -> None:
    track.save(out / f"{name}.npz")
    for ending in settings.formats:
        write_track_file(track, out, name, ending)
    if settings.overlay and not name.endswith("_partial"):
        frames = _shown(read_frames(settings.video), len(track), "Drawing", console)
        contact = write_overlay_video(out / f"{name}_overlay.mp4", frames, track)
        write_contact_picture(out / f"{name}_contact.png", contact)


def summary(track: Track, settings: PredictSettings, model: OnnxModel) -> list[str]:
    """Lines that say what was found and what was assumed."""
    found = track.found
    lines = [f"{settings.video.name}: person found in {found.sum()} of {len(track)} frames ({found.mean():.0%})"]
    cut = _cut_off(track.box_xyxy[found], track.camera.size_wh)
    if cut.any():
        lines.append(f"in {cut.sum()} of them the person touches the picture's edge: poses there are unsure")
    depth_m = track.root_mm[found, 2] / 1000
    if np.isfinite(depth_m).any():
        lines.append(f"distance from the camera {np.nanmin(depth_m):.1f} to {np.nanmax(depth_m):.1f} m")
    if track.camera_assumed:
        fov = settings.fov_deg or ASSUMED_FOV_DEG
        how = "as given" if settings.fov_deg else "assumed"
        lines.append(
            f"camera: {fov:g} degrees over the longer side, {how}; directions and distances depend on it "
            "(--camera or --fov-deg)"
        )
    if track.filled_frames:
        lines.append(f"in {len(track.filled_frames)} of them nobody was found: the pose is interpolated (--fill)")
    lines.append(f"weights {model.name}; filter {settings.filter}")
    if settings.height_m is None:
        lines.append("scale: that of an average adult, unsure by 5 to 8 % (--height-m)")
    return lines


def _check(settings: PredictSettings) -> None:
    if settings.camera is not None and settings.fov_deg is not None:
        raise SettingsError("--camera and --fov-deg both say what the camera is like: give one of them.")
    if settings.height_m is not None and not 0.5 <= settings.height_m <= 2.5:
        raise SettingsError(f"--height-m {settings.height_m:g}: expected a height of 0.5 to 2.5 metres.")
    for name in ("batch", "threads"):
        if getattr(settings, name) < 1:
            raise SettingsError(f"--{name} {getattr(settings, name)}: expected at least 1.")


def _camera(settings: PredictSettings, size_wh: tuple[int, int]) -> Camera:
    if settings.camera is not None:
        return load_camera(settings.camera, settings.video, size_wh)
    return assumed_camera(size_wh, ASSUMED_FOV_DEG if settings.fov_deg is None else settings.fov_deg)


def _writable(folder: Path) -> Path:
    """The folder, made if missing; OutputError now, not after minutes of work, if nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"{folder}: nothing can be written there ({error.strerror}); choose another --out."
        ) from error
    return folder


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
