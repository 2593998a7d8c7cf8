"""The command `posegrid predict`: from a video of a fixed camera to the person's 3D motion, a video and a picture.

a few frames -> empty scene; then in one pass: frame -> people's masks -> crops -> network -> camera frame -> Track
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal, TypeVar

import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.progress import track as with_progress
from tyro.conf import Positional

from posegrid.body.camera import Camera
from posegrid.body.track import Track
from posegrid.errors import OutputError, SettingsError, SourceError
from posegrid.prepare.background import NUM_SAMPLES, Background, learn_background
from posegrid.prepare.people import People
from posegrid.results.estimating import Estimator, PersonEstimate
from posegrid.results.lift import ASSUMED_FOV_DEG, assumed_camera, load_camera, smoothed
from posegrid.results.model import OnnxModel, load_onnx
from posegrid.results.overlay import write_contact_picture, write_overlay_video
from posegrid.results.person_track import person_track
from posegrid.results.track_files import Format, track_file_name, write_track_file
from posegrid.sources.video import VideoFrame, probe, read_frames, read_spread

LIGHT_SIGMA_S = 0.02
"""Width of `--smooth light`: it takes off the frame-to-frame jitter and leaves a step's swing as it is."""


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
    smooth: Literal["none", "light"] = "none"
    """Smoothing over time: none, or light (20 ms)."""
    flip_average: bool = False
    """Average the answers for the crop and its mirror image: a little more exact, twice the network's time."""
    formats: tuple[Format, ...] = ()
    """Write the motion for other programs, too: csv, json, trc (OpenSim), c3d, bvh and glb (animation), html (a page
    that shows it in 3D)."""
    overlay: bool = True
    """Write the video with the skeleton on it and the picture of 12 frames, too."""
    batch: int = 16
    """Crops per call of the network."""
    threads: int = 1
    """Cores that the network may use."""


def predict(settings: PredictSettings) -> Track:
    """The person's 3D motion; also written to `--out` as NAME.npz (a Track), NAME_overlay.mp4 and NAME_contact.png.

    Joints are relative to the pelvis, in mm, in the camera's frame (x right, y down, z forward). Where the weights know
    the joints' places in the picture, `keypoints_px` are those, and the pelvis is where the pose projects onto them.
    Else it follows from how large the person appears, and `keypoints_px` are the joints as they project from there.
    Raises SourceError for what is no such video, a camera that moves, or a video without a moving person;
    CheckpointError, SettingsError, OutputError.
    """
    _check(settings)
    model = load_onnx(settings.weights, threads=settings.threads)
    video = probe(settings.video)
    camera = _camera(settings, video.size_wh)
    out = _writable(settings.out or Path("runs") / settings.video.stem)
    console = Console(stderr=True)
    background = learn_background(
        _shown(read_spread(settings.video, NUM_SAMPLES), None, "Learning the background", console)
    )
    frames = _shown(read_frames(settings.video), video.num_frames, "Finding and estimating", console)
    time_s, people = _estimated(frames, background, model, settings)
    if not people:
        raise SourceError(
            f"{settings.video}: no moving person was found in {len(time_s)} frames. The person must move "
            "before a still background, differ from it in colour, and be taller than a twelfth of the picture's width."
        )
    person = max(people, key=lambda person: person.size)
    track = person_track(
        person,
        time_s,
        camera,
        model,
        source=settings.video.name,
        camera_assumed=settings.camera is None,
        fps=float(video.fps),
    )
    if settings.smooth == "light":
        track = replace(track, joints_mm=smoothed(track.joints_mm, time_s, LIGHT_SIGMA_S))
    track.save(out / f"{settings.video.stem}.npz")
    for ending in settings.formats:
        write_track_file(track, out / track_file_name(settings.video.stem, ending))
    if settings.overlay:
        frames = _shown(read_frames(settings.video), video.num_frames, "Drawing", console)
        contact = write_overlay_video(out / f"{settings.video.stem}_overlay.mp4", frames, track)
        write_contact_picture(out / f"{settings.video.stem}_contact.png", contact)
    for line in summary(track, settings, model, out):
        print(line)
    return track


def summary(track: Track, settings: PredictSettings, model: OnnxModel, out: Path) -> list[str]:
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
    lines.append(f"weights {model.name}; smoothing {settings.smooth}")
    lines.append(f"written to {out}")
    return lines


def _check(settings: PredictSettings) -> None:
    if settings.camera is not None and settings.fov_deg is not None:
        raise SettingsError("--camera and --fov-deg both say what the camera is like: give one of them.")
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


def _estimated(
    frames: Iterable[VideoFrame], background: Background, model: OnnxModel, settings: PredictSettings
) -> tuple[Float[np.ndarray, "T"], list[PersonEstimate]]:
    """One pass over the video: the times of all frames, and the people in them."""
    people, times = People(background), []
    with Estimator(model, batch=settings.batch, flip_average=settings.flip_average) as estimator:
        for frame in frames:
            times.append(frame.time_s)
            estimator.add(frame.picture, people.seen(frame.picture))
        return np.array(times), estimator.finished()


def _cut_off(box_xyxy: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """True for boxes that reach the picture's edge."""
    width, height = size_wh
    x0, y0, x1, y1 = box_xyxy.T
    return (x0 <= 1) | (y0 <= 1) | (x1 >= width - 1) | (y1 >= height - 1)
