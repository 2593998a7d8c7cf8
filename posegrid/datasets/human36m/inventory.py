"""Which files of a Human3.6M tree are there, and what is wrong with each of them.

`taken_stock` looks at names alone. `check_files` opens every file of a view for itself, so that one
damaged file does not hide the next, and by the code that `prepare` reads with.
"""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Float32

from posegrid.body.skeleton import HUMAN36M_32_TO_17
from posegrid.datasets.human36m.layout import (
    BOXES,
    FOLDERS,
    KEYPOINTS,
    KIND_NAMES,
    MASKS,
    POSED_SUBJECTS,
    POSES_CAMERA,
    POSES_UNIVERSAL,
    POSES_WORLD,
    SUFFIXES,
    VIDEOS,
    Human36mView,
    archives_in,
    find_archives,
    misplaced_folder,
    nested_folder,
    unpacking,
)
from posegrid.datasets.human36m.metadata import PIXEL_OFFSET, Metadata
from posegrid.datasets.human36m.release_files import opened_masks, read_pose_cdf
from posegrid.datasets.matlab import is_web_page
from posegrid.datasets.source import FileCheck, Finding, Inventory, InventoryRow
from posegrid.errors import SourceError
from posegrid.video.video import VideoFacts, probe

REQUIRED = (VIDEOS, POSES_CAMERA, MASKS)
"""Kinds of files without which `prepare` cannot use a sequence."""
SAME_PLACE_MM = 1.0
"""World and camera poses of one sequence may differ by so much (median): rounding, and the
calibration's digits."""
SAME_PLACE_PX = 0.25
"""Keypoints may lie so far from the projected joints (median); half a pixel more would be another
way of counting."""
NUM_SAMPLES = 5
"""Masks or boxes that are read of each file, spread over the sequence."""
ARCHIVE_STARTS = {".tgz": (b"\x1f\x8b",), ".gz": (b"\x1f\x8b",), ".zip": (b"PK",)}
"""First bytes of archives, by the last part of their name."""

T = TypeVar("T")


# --- which files there are


def taken_stock(
    root: Path, metadata: Metadata, subjects: Collection[str] | None, views: list[Human36mView]
) -> Inventory:
    """What there is of the views that metadata.xml knows of; subjects are all if None."""
    asked = [name for name in metadata.subjects if subjects is None or name in subjects]
    of_a_view = [kind for kind in KIND_NAMES if kind != POSES_WORLD]
    present = [view for view in views if any(map(view.find, of_a_view))]
    there = {view.subject for view in present}
    archives = [*archives_in(root), *(a for name in asked for a in archives_in(root / name))]
    wanted = subjects or POSED_SUBJECTS
    absent = [
        name
        for name in asked
        if name in wanted
        and name not in there
        and not (find_archives(root, name) or misplaced_folder(root, name))
    ]
    return Inventory(
        views=tuple(view for view in present if view.subject in POSED_SUBJECTS or _posed(view)),
        findings=(
            *(finding for name in asked for finding in _folder_findings(root, name)),
            *_missing_findings(present),
            *(_archive_finding(root, path) for path in archives),
            *(finding for name in asked for finding in _stray_findings(root, name, metadata)),
        ),
        rows=tuple(_rows(present, views)),
        kind_names=KIND_NAMES,
        absent_subjects=tuple(absent),
        archives=tuple(archives),
    )


def _posed(view: Human36mView) -> bool:
    return view.find(POSES_CAMERA) is not None


def _rows(present: list[Human36mView], views: list[Human36mView]) -> Iterator[InventoryRow]:
    for subject, action in dict.fromkeys((view.subject, view.action) for view in present):
        own = [view for view in views if (view.subject, view.action) == (subject, action)]
        paths = {kind: {v.file_name(kind): v.find(kind) for v in own} for kind in KIND_NAMES}
        missing = {
            kind: [name for name, path in named.items() if path is None]
            for kind, named in paths.items()
        }
        expected = {kind: len(named) for kind, named in paths.items()}
        found = {kind: count - len(missing[kind]) for kind, count in expected.items()}
        yield InventoryRow(subject, action, found, expected, missing)


def _missing_findings(present: list[Human36mView]) -> Iterator[Finding]:
    """Sequences of which some files are there, but not all that `prepare` needs."""
    for view in present:
        without_poses = view.subject not in POSED_SUBJECTS and not _posed(view)
        for kind in () if without_poses else REQUIRED:
            if view.find(kind) is None:
                text = f"{view.subject}/{kind}/{view.file_name(kind)} is missing. "
                text += view.advice(kind)
                yield Finding("fault", f"no {KIND_NAMES[kind]}", view.name, text)


def _folder_findings(root: Path, subject: str) -> Iterator[Finding]:
    """A subject's folder that is not where it is looked for."""
    misplaced = misplaced_folder(root, subject)
    if misplaced is not None:
        text = f"{misplaced}: is looked for at {root / subject}: move it there"
        yield Finding("fault", "misplaced folder", str(misplaced), text)
    nested = nested_folder(root, subject)
    if nested is not None:
        text = f"{nested}: an archive was unpacked one folder too deep: move what it holds one up"
        yield Finding("fault", "unpacked too deep", str(nested), text)


def _archive_finding(root: Path, path: Path) -> Finding:
    """An archive that is not unpacked, or is none at all."""
    if is_web_page(path):
        text = (
            f"{path}: is a web page, since the download's log-in had expired. "
            "Log in and download it again."
        )
        return Finding("fault", "log-in page saved as an archive", str(path), text)
    with path.open("rb") as file:
        start = file.read(2)
    if not start.startswith(ARCHIVE_STARTS.get(path.suffix.lower(), (b"",))):
        text = f"{path}: is no archive. Download it again."
        return Finding("fault", "damaged archive", str(path), text)
    return Finding("notice", "archive not unpacked", str(path), f"{path}: {unpacking(root, path)}")


def _stray_findings(root: Path, subject: str, metadata: Metadata) -> Iterator[Finding]:
    """Files that no sequence is called like: a misspelt name is never read."""
    bases = {base for (owner, _, _), base in metadata.file_bases.items() if owner == subject}
    known = bases | {base.replace(" ", "_") for base in bases}
    for kind in KIND_NAMES:
        for folder in FOLDERS[kind]:
            for path in sorted((root / subject / folder).glob(f"*{SUFFIXES[kind]}")):
                base, _, camera_id = path.stem.partition(".")
                if kind == POSES_WORLD:
                    base, camera_id = path.stem, metadata.camera_ids[0]
                named = base in known and camera_id in metadata.camera_ids
                if path.is_file() and not path.name.startswith(".") and not named:
                    text = f"{path}: metadata.xml names no sequence of {subject} so; it is not read"
                    yield Finding("notice", "file of an unknown name", subject, text)


# --- what is wrong with them


def check_files(view: Human36mView) -> FileCheck:
    """What is wrong with the files of one sequence and camera, each opened for itself."""
    findings: list[Finding] = []

    def tried(what: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except SourceError as error:
            findings.append(Finding("fault", what, view.name, str(error)))
            return None

    video = view.find(VIDEOS)
    facts = tried("damaged video", lambda: probe(video)) if video else None
    poses = {}
    for kind in (POSES_CAMERA, POSES_WORLD, POSES_UNIVERSAL, KEYPOINTS):
        path, dimensions = view.find(kind), 2 if kind == KEYPOINTS else 3
        if path is not None:
            read = tried("damaged pose file", lambda p=path, d=dimensions: read_pose_cdf(p, d))
            poses |= {} if read is None else {kind: read}
    for kind, what in ((MASKS, "damaged mask file"), (BOXES, "damaged box file")):
        path = view.find(kind)
        if path is not None:
            tried(what, lambda path=path: _read_some_masks(path))
    apart_px = _apart_px(view, poses, facts)
    findings += _count_findings(view, poses, facts)
    findings += _place_findings(view, poses, facts)
    findings += _pixel_findings(view, apart_px)
    offset_px = None if apart_px is None else np.median(apart_px, axis=(0, 1))
    return FileCheck(tuple(findings), offset_px)


Poses = dict[str, Float32[np.ndarray, "T 32 d"]]
"""What could be read of a view's pose files, by kind."""


def _read_some_masks(path: Path) -> None:
    with opened_masks(path) as masks:
        for index in np.linspace(0, len(masks) - 1, min(len(masks), NUM_SAMPLES)).astype(int):
            masks.mask(int(index))


def _count_findings(view: Human36mView, poses: Poses, video: VideoFacts | None) -> list[Finding]:
    """Numbers of frames against metadata.xml and each other."""
    found, of_camera = [], poses.get(POSES_CAMERA)
    key, metadata = (view.subject, view.action, view.subaction), view.metadata
    expected = metadata.num_poses(key)
    if of_camera is not None and expected and len(of_camera) != expected:
        text = (
            f"{view.required(POSES_CAMERA)}: has {len(of_camera)} poses, "
            f"but metadata.xml says {expected}"
        )
        what = "number of poses is not that of metadata.xml"
        found.append(Finding("notice", what, view.name, text))
    num_frames = None if video is None else video.num_frames
    if num_frames is not None and expected:
        declared = metadata.frame_counts[key][metadata.camera_ids.index(view.camera_id)]
        if num_frames != declared:
            text = f"{view.required(VIDEOS)}: has {num_frames} frames, but metadata.xml says "
            what = "number of video frames is not that of metadata.xml"
            found.append(Finding("notice", what, view.name, f"{text}{declared}"))
    for kind in (POSES_WORLD, POSES_UNIVERSAL):
        if of_camera is not None and kind in poses and len(poses[kind]) != len(of_camera):
            text = (
                f"{view.required(kind)}: has {len(poses[kind])} poses, "
                f"but the camera's file {len(of_camera)}"
            )
            found.append(Finding("fault", "pose files of different lengths", view.name, text))
    return found


def _place_findings(view: Human36mView, poses: Poses, video: VideoFacts | None) -> list[Finding]:
    """Whether world poses, camera poses and metadata.xml tell of the same places."""
    of_camera, world = poses.get(POSES_CAMERA), poses.get(POSES_WORLD)
    if of_camera is None or world is None or video is None or len(world) != len(of_camera):
        return []
    camera = view.metadata.camera(view.subject, view.camera_id, video.size_wh)
    apart = camera.world_to_camera(world.astype(np.float64)) - of_camera
    apart_mm = np.median(np.linalg.norm(apart, axis=-1))
    if apart_mm <= SAME_PLACE_MM:
        return []
    text = (
        f"world poses, taken into the camera by metadata.xml, lie {apart_mm:.0f} mm from the "
        "camera's own (median): is metadata.xml of this release?"
    )
    return [Finding("fault", "poses and cameras do not fit", view.name, text)]


def _apart_px(
    view: Human36mView, poses: Poses, video: VideoFacts | None
) -> Float[np.ndarray, "T 17 2"] | None:
    """Keypoints minus projected joints; None where there are none to compare."""
    of_camera, keypoints = poses.get(POSES_CAMERA), poses.get(KEYPOINTS)
    if of_camera is None or keypoints is None or video is None or len(of_camera) != len(keypoints):
        return None
    camera = view.metadata.camera(view.subject, view.camera_id, video.size_wh)
    apart_px = keypoints - PIXEL_OFFSET - camera.project(of_camera.astype(np.float64))
    return apart_px[:, HUMAN36M_32_TO_17]


def _pixel_findings(
    view: Human36mView, apart_px: Float[np.ndarray, "T 17 2"] | None
) -> list[Finding]:
    """Whether keypoints lie where the joints are projected to."""
    if apart_px is None:
        return []
    distance_px = np.median(np.linalg.norm(apart_px, axis=-1))
    if distance_px < SAME_PLACE_PX:
        return []
    x, y = np.median(apart_px, axis=(0, 1))
    text = (
        f"keypoints lie {distance_px:.2f} px from the projected joints (median; "
        f"{x:+.2f} to the right, {y:+.2f} down)"
    )
    return [Finding("fault", "keypoints and projected joints differ", view.name, text)]
