"""Reads people's own recordings: a folder of videos, cameras and poses (docs/own-data.md).

ROOT/split.json                         who trains, validates and tests
ROOT/<subject>/<action>/front.mp4       the video
                        front.json      its camera
                        front.poses.csv a pose for every frame, camera frame, mm (or .npz)
                        poses.csv       or: world frame, for all cameras of the folder
                        front.masks/000000.png
                                        where the person is, if known: white, by frame
"""

import csv
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast
from unicodedata import normalize

import numpy as np
from jaxtyping import Bool, Float32

from posegrid.body.camera import Camera
from posegrid.body.skeleton import JOINT_NAMES
from posegrid.datasets.sequence import MaskOf, Sequence, frames_of_video
from posegrid.datasets.source import Source, View, refuse_unknown
from posegrid.errors import SourceError
from posegrid.untrusted import (
    DAMAGED,
    arrays_of_npz,
    numbers,
    object_of_json,
    opened_picture,
    text_of,
    texts,
    whole_number,
)
from posegrid.video.video import probe

SPLIT_FILE = "split.json"
PARTS = ("train", "validation", "test")
VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm")
AXES = ("x", "y", "z")
CAMERA_KEYS = {"focal_px": 2, "principal_px": 2, "size_wh": 2}
"""What a camera file must hold, and how many numbers each."""
ROTATION_TOLERANCE = 1e-3
MOST_SIDE = 10**6
"""Pixels of a picture."""


@dataclass(frozen=True)
class FolderView(View):
    """One video of a recording, unopened: ROOT/subject/action/camera.mp4; its subaction is 1.

    Names are those of the files, accents composed: some disks and archives take them apart.
    """

    video: Path

    @classmethod
    def of(cls, video: Path) -> "FolderView":
        """The view whose video lies there."""
        names = (video.parent.parent.name, video.parent.name, video.stem)
        subject, action, camera_id = map(composed, names)
        return cls(subject, action, 1, camera_id, video)


def composed(name: str) -> str:
    """The name with its accents composed (NFC), so that names can be compared."""
    return normalize("NFC", name)


def is_folder_tree(root: Path) -> bool:
    """Whether a folder holds recordings in this format: a video with its camera beside it."""
    return any(path.with_suffix(".json").is_file() for path in _videos(root))


@dataclass(frozen=True)
class OwnRecordings(Source):
    """People's own recordings in one folder."""

    kind = "own recordings"
    pose_kinds = ("mono",)
    comes_in_parts = False

    def find(
        self,
        subjects: Collection[str] | None = None,
        actions: Collection[str] | None = None,
        cameras: Collection[str] | None = None,
    ) -> list[View]:
        """As `Source.find`."""
        views = [FolderView.of(path) for path in _videos(self.root)]
        for what, asked in (("subject", subjects), ("action", actions), ("camera_id", cameras)):
            if asked is None:
                continue
            known, wanted = {getattr(view, what) for view in views}, set(map(composed, asked))
            refuse_unknown(self.root, what.removesuffix("_id"), wanted, sorted(known))
            views = [view for view in views if getattr(view, what) in wanted]
        if not views:
            raise SourceError(
                f"{self.root}: no videos were found. Expected "
                f"{self.root}/SUBJECT/ACTION/CAMERA.mp4."
            )
        return [*views]

    def splits(self) -> dict[str, list[str]]:
        """As `Source.splits`: what split.json says."""
        return load_split(self.root / SPLIT_FILE)

    def open(self, view: View) -> Sequence:
        """As `Source.open`; raises SourceError also where a pose or mask is missing."""
        view = cast(FolderView, view)
        facts, camera = probe(view.video), load_own_camera(view.video.with_suffix(".json"))
        if camera.size_wh != facts.size_wh:
            raise SourceError(
                f"{view.video}: has {facts.size_wh[0]} x {facts.size_wh[1]} pixels, but its camera "
                f"file says {camera.size_wh[0]} x {camera.size_wh[1]}. "
                "Calibrate the camera for the pictures as they are."
            )
        path, pose_cam_mm = _poses_in_camera(view, camera)
        keypoints_px = camera.project(pose_cam_mm.astype(np.float64))
        if np.isnan(keypoints_px).any():
            frame = int(np.argmax(np.isnan(keypoints_px).any(axis=(1, 2))))
            raise SourceError(
                f"{path}: in frame {frame} joints lie behind the camera of {view.video}. Expected "
                "mm, camera frame: x right, y down, z forward; or world frame, z up, and the "
                "camera's place in its file."
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
            open_frames=frames_of_video(view.video, len(pose_cam_mm), lambda: _masks_of(view)),
            notes=tuple(_notes(view, path, len(pose_cam_mm), facts.num_frames)),
        )


def load_own_camera(path: Path) -> Camera:
    """The camera of a JSON file. Raises SourceError if it is missing, no JSON, or not a camera."""
    if not path.is_file():
        raise SourceError(
            f"{path}: there is no such file. Every video needs its camera: see docs/own-data.md."
        )
    try:
        content = object_of_json(text_of(path))
        values = {key: _numbers(content, key, (count,)) for key, count in CAMERA_KEYS.items()}
        for side in values["size_wh"].tolist():
            whole_number(side, "size_wh", 1, MOST_SIDE)
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
        if min(values["focal_px"]) <= 0:
            raise ValueError("focal_px must be positive")
    except DAMAGED as error:
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


def load_split(path: Path) -> dict[str, list[str]]:
    """Subjects of "train", "validation" and "test" in a split.json.

    Raises SourceError if it is missing, says something else, or names somebody twice.
    """
    expected = '{"train": ["anna"], "validation": ["ben"], "test": ["cleo"]}'
    if not path.is_file():
        raise SourceError(
            f"{path}: there is no such file. Say there who trains and who tests: {expected}."
        )
    try:
        content = object_of_json(text_of(path))
        splits = {part: [*map(composed, texts(content[part], part))] for part in PARTS}
    except DAMAGED as error:
        raise SourceError(f"{path}: is not a split ({error}); expected {expected}.") from error
    names = [name for part in PARTS for name in splits[part]]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(
            f"{path}: {', '.join(twice)} stands in two parts: "
            "figures on people seen in training lie."
        )
    return splits


def _videos(root: Path) -> list[Path]:
    """ROOT/subject/action/camera.mp4 and the like."""
    return sorted(path for path in root.glob("*/*/*") if path.suffix.lower() in VIDEO_SUFFIXES)


def _numbers(content: dict[str, Any], key: str, shape: tuple[int, ...]) -> np.ndarray:
    if key not in content:
        raise ValueError(f"it has no {key!r}")
    return numbers(content[key], key, shape)


def _poses_in_camera(
    view: FolderView, camera: Camera
) -> tuple[Path, Float32[np.ndarray, "T 17 3"]]:
    """The file of poses that there is, and they in the camera frame."""
    folder = view.video.parent
    own = [folder / f"{view.video.stem}.poses{ending}" for ending in (".csv", ".npz")]
    shared = [folder / f"poses{ending}" for ending in (".csv", ".npz")]
    there = [path for path in (*own, *shared) if path.is_file()]
    if len(there) != 1:
        names = ", ".join(path.name for path in there) or "none"
        raise SourceError(
            f"{view.video}: needs one file of poses, {own[0].name} (camera frame) or poses.csv "
            "(world frame), or .npz; "
            f"there is {names}."
        )
    pose_mm = load_poses(there[0])
    if there[0] in own:
        return there[0], pose_mm
    return there[0], camera.world_to_camera(pose_mm.astype(np.float64)).astype(np.float32)


def _poses_of_npz(path: Path) -> Float32[np.ndarray, "T 17 3"]:
    try:
        pose_mm = arrays_of_npz(path, ["pose_mm"])["pose_mm"]
    except DAMAGED as error:
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
                    "its header lacks "
                    f"{', '.join(missing[:4])}{', ...' if len(missing) > 4 else ''}"
                )
            rows = [[float(row[name] or "nan") for name in names] for row in reader]
    except DAMAGED as error:
        raise SourceError(
            f"{path}: is not a table of poses ({error}). See docs/own-data.md."
        ) from error
    with np.errstate(over="ignore"):
        return np.array(rows, dtype=np.float64).astype(np.float32).reshape(-1, len(JOINT_NAMES), 3)


def _notes(view: FolderView, path: Path, num_poses: int, num_frames: int | None) -> Iterator[str]:
    if num_frames is not None and num_frames < num_poses:
        raise SourceError(
            f"{path}: has {num_poses} poses, but {view.video} only {num_frames} frames. A pose "
            "belongs to every frame, "
            "from the first on."
        )
    if num_frames is not None and num_frames > num_poses:
        yield f"the last {num_frames - num_poses} of {num_frames} video frames have no pose and are left out"
    if not _mask_folder(view).is_dir():
        yield "no masks: prepare with --background kept; boxes are taken from the joints"


def _mask_folder(view: FolderView) -> Path:
    return view.video.parent / f"{view.video.stem}.masks"


def _masks_of(view: FolderView) -> AbstractContextManager[MaskOf | None]:
    """The masks by frame; None where the view has none."""
    return nullcontext(partial(_mask, view) if _mask_folder(view).is_dir() else None)


def _mask(view: FolderView, index: int, size_wh: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    path = _mask_folder(view) / f"{index:06d}.png"
    try:
        with opened_picture(path, ("PNG",)) as picture:
            size, mask = picture.size, np.asarray(picture.convert("L")) > 127
    except DAMAGED as error:
        raise SourceError(
            f"{path}: cannot be read as a mask ({error}): every frame with a pose needs one."
        ) from error
    if size != size_wh:
        raise SourceError(
            f"{path}: has {size[0]} x {size[1]} pixels, its video {size_wh[0]} x {size_wh[1]}."
        )
    return mask
