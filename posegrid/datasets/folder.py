"""Reads people's own recordings: a folder of videos, cameras and poses, as docs/own-data.md
describes it.

ROOT/<subject>/<action>/front.mp4           the video
                        front.json          its camera
                        front.poses.csv     a pose for every frame, camera frame, mm (or .npz)
                        poses.csv           or: poses in the world frame, for all cameras of the
                        folder front.masks/000000.png   where the person is, if that is known:
                        white, by number of frame
"""

import csv
import json
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32
from PIL import Image

from posegrid.body.camera import Camera
from posegrid.body.skeleton import JOINT_NAMES
from posegrid.datasets.sequence import Frame, MaskPart, Sequence
from posegrid.errors import SourceError
from posegrid.video.video import probe, read_frames

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm")
AXES = ("x", "y", "z")
CAMERA_KEYS = {"focal_px": 2, "principal_px": 2, "size_wh": 2}
"""What a camera file must hold, and how many numbers each."""
ROTATION_TOLERANCE = 1e-3


@dataclass(frozen=True)
class FolderView:
    """One video of a recording, unopened."""

    video: Path

    @property
    def subject(self) -> str:
        """Name of the folder above the recording's."""
        return self.video.parent.parent.name

    @property
    def action(self) -> str:
        """Name of the recording's folder."""
        return self.video.parent.name

    @property
    def subaction(self) -> int:
        """1: recordings are told apart by their folders' names."""
        return 1

    @property
    def camera_id(self) -> str:
        """Name of the video without its ending."""
        return self.video.stem

    @property
    def name(self) -> str:
        """As `Sequence.name`."""
        return f"{self.subject} {self.action} {self.subaction} {self.camera_id}"


def is_folder_tree(root: Path) -> bool:
    """Whether a folder holds recordings in this format: a video with its camera beside it."""
    return any(path.with_suffix(".json").is_file() for path in _videos(root))


def find_views(
    root: Path,
    subjects: Collection[str] | None = None,
    actions: Collection[str] | None = None,
    cameras: Collection[str] | None = None,
) -> list[FolderView]:
    """The videos that fit the question, None asking for all. Raises SourceError for a name that
    there is not.
    """
    views = [FolderView(path) for path in _videos(root)]
    for what, asked in (("subject", subjects), ("action", actions), ("camera_id", cameras)):
        known = sorted({str(getattr(view, what)) for view in views})
        strangers = sorted(set(asked or ()) - set(known))
        if strangers:
            word = what.removesuffix("_id")
            raise SourceError(
                f"{root}: has no {word} {', '.join(strangers)}; it has {', '.join(known) or 'none'}."
            )
        views = [view for view in views if asked is None or getattr(view, what) in asked]
    if not views:
        raise SourceError(
            f"{root}: no videos were found. Expected {root}/SUBJECT/ACTION/CAMERA.mp4."
        )
    return views


def open_view(view: FolderView) -> Sequence:
    """One video with its camera and poses; frames and masks are read when asked for.

    Raises SourceError if a file is missing or damaged, a pose is missing, or camera, poses and
    video do not fit.
    """
    facts = probe(view.video)
    camera = load_camera(view.video.with_suffix(".json"))
    if camera.size_wh != facts.size_wh:
        raise SourceError(
            f"{view.video}: has {facts.size_wh[0]} x {facts.size_wh[1]} pixels, but its camera file says "
            f"{camera.size_wh[0]} x {camera.size_wh[1]}. Calibrate the camera for the pictures as they are."
        )
    path, pose_cam_mm = _poses_in_camera(view, camera)
    keypoints_px = camera.project(pose_cam_mm.astype(np.float64))
    if np.isnan(keypoints_px).any():
        frame = int(np.argmax(np.isnan(keypoints_px).any(axis=(1, 2))))
        raise SourceError(
            f"{path}: in frame {frame} joints lie behind the camera of {view.video}. Expected mm, camera frame: x "
            "right, y down, z forward; or world frame, z up, and the camera's place in its file."
        )
    return Sequence(
        subject=view.subject,
        action=view.action,
        subaction=view.subaction,
        camera_id=view.camera_id,
        camera=camera,
        fps=float(facts.fps),
        pose_cam_mm=pose_cam_mm,
        keypoints_px=keypoints_px,
        open_frames=_frame_opener(view, len(pose_cam_mm)),
        notes=tuple(_notes(view, path, len(pose_cam_mm), facts.num_frames)),
    )


def load_camera(path: Path) -> Camera:
    """The camera of a JSON file. Raises SourceError if it is missing, no JSON, or not a camera."""
    if not path.is_file():
        raise SourceError(
            f"{path}: there is no such file. Every video needs its camera: see docs/own-data.md."
        )
    try:
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise ValueError("it holds no object")
        values = {key: _numbers(content, key, (count,)) for key, count in CAMERA_KEYS.items()}
        distortion = (
            _numbers(content, "distortion", (5,)) if "distortion" in content else np.zeros(5)
        )
        placed = "rot_world_to_cam" in content or "centre_world_mm" in content
        rotation = _numbers(content, "rot_world_to_cam", (3, 3)) if placed else np.eye(3)
        centre = _numbers(content, "centre_world_mm", (3,)) if placed else np.zeros(3)
        if (
            np.abs(rotation @ rotation.T - np.eye(3)).max() > ROTATION_TOLERANCE
            or np.linalg.det(rotation) < 0
        ):
            raise ValueError("rot_world_to_cam is no rotation")
        if min(*values["focal_px"], *values["size_wh"]) <= 0:
            raise ValueError("focal_px and size_wh must be positive")
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{path}: is not a camera file: {error}. See docs/own-data.md."
        ) from error
    return Camera(
        focal_px=(float(values["focal_px"][0]), float(values["focal_px"][1])),
        principal_px=(float(values["principal_px"][0]), float(values["principal_px"][1])),
        size_wh=(int(values["size_wh"][0]), int(values["size_wh"][1])),
        distortion=tuple(float(v) for v in distortion),  # type: ignore[arg-type]
        rot_world_to_cam=rotation,
        centre_world_mm=centre,
    )


def load_poses(path: Path) -> Float32[np.ndarray, "T 17 3"]:
    """The poses of a CSV or npz file, frame by frame from frame 0, mm.

    CSV: a header with `pelvis_x`, `pelvis_y`, ... for the 17 joints in any order, then a line per
    frame. npz: `pose_mm` (T, 17, 3). Raises SourceError if it is something else, or a number is
    missing.
    """
    pose_mm = _poses_of_npz(path) if path.suffix == ".npz" else _poses_of_csv(path)
    good = np.array([np.isfinite(pose).all() for pose in pose_mm], dtype=bool)
    if len(good) == 0 or not good.all():
        where = f"first in frame {int(np.argmin(good))}" if len(good) else "there are none"
        raise SourceError(
            f"{path}: every frame needs all 17 joints; {np.sum(~good)} frames lack some ({where})."
        )
    return pose_mm


def _videos(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("*/*/*") if path.suffix.lower() in VIDEO_SUFFIXES)


def _numbers(content: dict[str, Any], key: str, shape: tuple[int, ...]) -> np.ndarray:
    if key not in content:
        raise ValueError(f"it has no {key!r}")
    try:
        values = np.array(content[key], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{key!r} is no list of numbers") from error
    if values.shape != shape or not np.isfinite(values).all():
        raise ValueError(f"{key!r} must be {' x '.join(map(str, shape))} finite numbers")
    return values


def _poses_in_camera(
    view: FolderView, camera: Camera
) -> tuple[Path, Float32[np.ndarray, "T 17 3"]]:
    """The file of poses that there is, and they in the camera frame."""
    folder = view.video.parent
    own = [folder / f"{view.camera_id}.poses{ending}" for ending in (".csv", ".npz")]
    shared = [folder / f"poses{ending}" for ending in (".csv", ".npz")]
    there = [path for path in (*own, *shared) if path.is_file()]
    if len(there) != 1:
        names = ", ".join(path.name for path in there) or "none"
        raise SourceError(
            f"{view.video}: needs one file of poses, {own[0].name} (camera frame) or poses.csv (world frame), or .npz; "
            f"there is {names}."
        )
    pose_mm = load_poses(there[0])
    if there[0] in own:
        return there[0], pose_mm
    return there[0], camera.world_to_camera(pose_mm.astype(np.float64)).astype(np.float32)


def _poses_of_npz(path: Path) -> Float32[np.ndarray, "T 17 3"]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            pose_mm = content["pose_mm"]
    except Exception as error:  # numpy and zipfile raise whatever the bytes lead to
        raise SourceError(f"{path}: cannot be read as npz with `pose_mm` ({error}).") from error
    if (
        pose_mm.ndim != 3
        or pose_mm.shape[1:] != (len(JOINT_NAMES), 3)
        or pose_mm.dtype.kind not in "fiu"
    ):
        raise SourceError(
            f"{path}: `pose_mm` is {pose_mm.dtype} {pose_mm.shape}, expected numbers (T, 17, 3)."
        )
    return pose_mm.astype(np.float32)


def _poses_of_csv(path: Path) -> Float32[np.ndarray, "T 17 3"]:
    names = [f"{joint}_{axis}" for joint in JOINT_NAMES for axis in AXES]
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in names if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(
                    f"its header lacks {', '.join(missing[:4])}{', ...' if len(missing) > 4 else ''}"
                )
            rows = [[float(row[name] or "nan") for name in names] for row in reader]
    except (ValueError, UnicodeDecodeError, csv.Error, TypeError) as error:
        raise SourceError(
            f"{path}: is not a table of poses ({error}). See docs/own-data.md."
        ) from error
    with np.errstate(over="ignore"):
        return np.array(rows, dtype=np.float64).astype(np.float32).reshape(-1, len(JOINT_NAMES), 3)


def _notes(view: FolderView, path: Path, num_poses: int, num_frames: int | None) -> Iterator[str]:
    if num_frames is not None and num_frames < num_poses:
        raise SourceError(
            f"{path}: has {num_poses} poses, but {view.video} only {num_frames} frames. A pose belongs to every frame, "
            "from the first on."
        )
    if num_frames is not None and num_frames > num_poses:
        yield f"the last {num_frames - num_poses} of {num_frames} video frames have no pose and are left out"
    if not _mask_folder(view).is_dir():
        yield "no masks: prepare with --background kept; boxes are taken from the joints"


def _mask_folder(view: FolderView) -> Path:
    return view.video.parent / f"{view.camera_id}.masks"


def _frame_opener(view: FolderView, num_frames: int) -> Callable[..., Iterator[Frame]]:
    has_masks = _mask_folder(view).is_dir()

    def open_frames(every: int = 1) -> Iterator[Frame]:
        with closing(read_frames(view.video, every, threads=False)) as frames:
            index = -every
            for index, frame in zip(range(0, num_frames, every), frames, strict=False):
                mask = _mask(view, index, frame.picture.size_wh) if has_masks else None
                yield Frame(
                    index, frame.time_s, frame.picture, None if mask is None else MaskPart.of(mask)
                )
            if index + every < num_frames:
                raise SourceError(
                    f"{view.video}: only {max(index + 1, 0)} frames could be read for {num_frames} poses."
                )

    return open_frames


def _mask(view: FolderView, index: int, size_wh: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    path = _mask_folder(view) / f"{index:06d}.png"
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            size, mask = picture.size, np.asarray(picture.convert("L")) > 127
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SourceError(
            f"{path}: cannot be read as a mask ({error}): every frame with a pose needs one."
        ) from error
    if size != size_wh:
        raise SourceError(
            f"{path}: has {size[0]} x {size[1]} pixels, its video {size_wh[0]} x {size_wh[1]}."
        )
    return mask
