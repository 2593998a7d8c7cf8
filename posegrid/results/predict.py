"""The command `posegrid predict`: from a video of a fixed camera to the person's 3D motion, a video and a picture.

frames -> empty scene -> person's mask and box, frame by frame -> grey crop -> network -> camera frame -> Track
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, UInt8
from rich.console import Console
from rich.progress import track as with_progress
from tyro.conf import Positional

from posegrid.body.camera import Camera
from posegrid.body.skeleton import NUM_JOINTS
from posegrid.body.track import Track
from posegrid.errors import OutputError, SettingsError, SourceError
from posegrid.learning.facts import ModelFacts
from posegrid.prepare.background import BackgroundModel, learn_background, person_masks
from posegrid.prepare.crop import box_of_mask, crop_grey, crop_mask, window_of_box
from posegrid.results.lift import (
    ASSUMED_FOV_DEG,
    assumed_camera,
    in_picture,
    load_camera,
    root_from_box,
    root_from_keypoints,
    smoothed,
    steadied_boxes,
    turned_to_camera,
)
from posegrid.results.model import Estimate, OnnxModel, load_onnx
from posegrid.results.overlay import write_contact_picture, write_overlay_video
from posegrid.results.track_files import Format, write_track_file
from posegrid.sources.video import VideoFrame, probe, read_frames

BOX_REACH = 2
"""Frames before and after that steady a box."""
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
    """Write the motion for other programs, too: csv, json, trc (OpenSim), c3d, bvh and glb (animation), angles (of the
    joints, CSV), html (a page that shows it in 3D)."""
    overlay: bool = True
    """Write the video with the skeleton on it and the picture of 12 frames, too."""
    batch: int = 16
    """Crops per call of the network."""
    threads: int = 1
    """Cores that the network may use."""


@dataclass(frozen=True, eq=False)
class _Found:
    """What the frames gave: times of all T frames, boxes (NaN where nobody was found), crops of the N found frames."""

    time_s: Float[np.ndarray, "T"]
    box_xyxy: Float[np.ndarray, "T 4"]
    windows: Float[np.ndarray, "N 3"]
    estimate: Estimate

    @property
    def found(self) -> Bool[np.ndarray, "T"]:
        return np.isfinite(self.box_xyxy[:, 0])


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
    background = learn_background(frame.image for frame in _shown(settings.video, "Learning the background", console))
    found = _found_person(_shown(settings.video, "Finding the person", console), background, model, settings)
    if not found.found.any():
        raise SourceError(
            f"{settings.video}: no moving person was found in {len(found.time_s)} frames. The person must move "
            "before a still background, differ from it in colour, and be taller than a twelfth of the picture's width."
        )
    track = _track(found, camera, model, settings)
    track.save(out / f"{settings.video.stem}.npz")
    for ending in settings.formats:
        write_track_file(track, out, settings.video.stem, ending)
    if settings.overlay:
        frames = _shown(settings.video, "Drawing", console)
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


def _shown(video: Path, what: str, console: Console) -> Iterable[VideoFrame]:
    """The video's frames, with a progress bar."""
    if not console.is_terminal:
        console.print(what, markup=False)
    total = probe(video).num_frames
    return with_progress(read_frames(video), what, total=total, console=console, disable=not console.is_terminal)


def _found_person(
    frames: Iterable[VideoFrame], background: BackgroundModel, model: OnnxModel, settings: PredictSettings
) -> _Found:
    """One pass over the video: masks, boxes, crops, poses (in the model's pose frame)."""
    times: list[float] = []
    boxes: list[np.ndarray] = []
    windows: list[np.ndarray] = []
    estimates: list[Estimate] = []
    crops: list[np.ndarray] = []
    for frame, mask, box in _steadied(_masked(frames, background)):
        times.append(frame.time_s)
        boxes.append(box)
        if np.isfinite(box).all():
            windows.append(window_of_box(box, model.facts.margin))
            crops.append(crop_for(model.facts, frame.image, mask, windows[-1]))
        if len(crops) == settings.batch:
            estimates.append(model.estimate(np.stack(crops), flip_average=settings.flip_average))
            crops = []
    if crops:
        estimates.append(model.estimate(np.stack(crops), flip_average=settings.flip_average))
    return _Found(np.array(times), np.array(boxes), np.array(windows).reshape(-1, 3), Estimate.joined(estimates))


def crop_for(
    facts: ModelFacts, image: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"], window: Float[np.ndarray, "3"]
) -> UInt8[np.ndarray, "*channels S S"]:
    """The crop as the weights take it; the mask (0 or 255), where they take it, is a second channel."""
    if facts.background == "removed":
        return crop_grey(image, mask, window, facts.image_size)
    kept = crop_grey(image, None, window, facts.image_size)
    if facts.background == "kept":
        return kept
    return np.stack([kept, crop_mask(mask, window, facts.image_size) * np.uint8(255)])


def _masked(
    frames: Iterable[VideoFrame], background: BackgroundModel
) -> Iterator[tuple[VideoFrame, Bool[np.ndarray, "H W"], Float[np.ndarray, "4"]]]:
    """Each frame with the person's mask and box."""
    current: deque[VideoFrame] = deque()

    def images() -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        for frame in frames:
            current.append(frame)
            yield frame.image

    for mask in person_masks(background, images()):
        yield current.popleft(), mask, box_of_mask(mask) if mask.any() else np.full(4, np.nan)


def _steadied(
    masked: Iterable[tuple[VideoFrame, np.ndarray, np.ndarray]],
) -> Iterator[tuple[VideoFrame, Bool[np.ndarray, "H W"], Float[np.ndarray, "4"]]]:
    """The same, with boxes that are medians over the frames nearby: holds 2 BOX_REACH + 1 frames in memory."""
    near: deque[tuple[VideoFrame, np.ndarray, np.ndarray]] = deque(maxlen=2 * BOX_REACH + 1)
    behind = 0
    for item in masked:
        near.append(item)
        behind += 1
        if behind > BOX_REACH:
            yield _middle(near, len(near) - 1 - BOX_REACH)
            behind -= 1
    for row in range(len(near) - behind, len(near)):
        yield _middle(near, row)


def _middle(
    near: deque[tuple[VideoFrame, np.ndarray, np.ndarray]], row: int
) -> tuple[VideoFrame, np.ndarray, np.ndarray]:
    frame, mask, _ = near[row]
    return frame, mask, steadied_boxes(np.stack([box for _, _, box in near]), BOX_REACH)[row]


def _track(found: _Found, camera: Camera, model: OnnxModel, settings: PredictSettings) -> Track:
    """The Track of all frames; NaN where nobody was found."""
    count, rows = len(found.time_s), np.flatnonzero(found.found)
    size = model.facts.image_size
    joints_mm, keypoints_px = np.full((count, NUM_JOINTS, 3), np.nan), np.full((count, NUM_JOINTS, 2), np.nan)
    sigma_mm = np.full((count, NUM_JOINTS), np.nan)
    poses = found.estimate.pose_mm.astype(np.float64)
    if model.facts.pose_frame == "view":
        poses = turned_to_camera(poses, found.windows, camera, size)
    joints_mm[rows] = poses - poses[:, :1]
    keypoints_px[rows] = in_picture(found.estimate.keypoints_px.astype(np.float64), found.windows, size)
    sigma_mm[rows] = found.estimate.sigma_mm
    if settings.smooth == "light":
        joints_mm = smoothed(joints_mm, found.time_s, LIGHT_SIGMA_S)
    root_mm = _roots(joints_mm, keypoints_px, sigma_mm, found, camera)
    if not np.isfinite(keypoints_px).any():
        keypoints_px = camera.project(joints_mm + root_mm[:, None])
    span_s = found.time_s[-1] - found.time_s[0]
    return Track(
        frame=np.arange(count, dtype=np.int64),
        time_s=found.time_s,
        joints_mm=joints_mm.astype(np.float32),
        root_mm=root_mm.astype(np.float32),
        keypoints_px=keypoints_px.astype(np.float32),
        sigma_mm=sigma_mm.astype(np.float32),
        box_xyxy=found.box_xyxy.astype(np.float32),
        camera=camera,
        fps=float((count - 1) / span_s) if span_s > 0 else float(probe(settings.video).fps),
        weights=model.name,
        source=settings.video.name,
        camera_assumed=settings.camera is None,
    )


def _roots(
    joints_mm: np.ndarray, keypoints_px: np.ndarray, sigma_mm: np.ndarray, found: _Found, camera: Camera
) -> Float[np.ndarray, "T 3"]:
    """The pelvis' place in each frame: from the joints' places where the weights know them, else from the box."""
    root_mm = np.full((len(joints_mm), 3), np.nan)
    for row in np.flatnonzero(found.found):
        if np.isfinite(keypoints_px[row]).all():
            root_mm[row] = root_from_keypoints(joints_mm[row], keypoints_px[row], camera, sigma_mm[row])
        else:
            root_mm[row] = root_from_box(joints_mm[row], found.box_xyxy[row], camera)
    return root_mm


def _cut_off(box_xyxy: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """True for boxes that reach the picture's edge."""
    width, height = size_wh
    x0, y0, x1, y1 = box_xyxy.T
    return (x0 <= 1) | (y0 <= 1) | (x1 >= width - 1) | (y1 >= height - 1)
