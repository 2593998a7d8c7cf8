"""What is wrong with the files of one Human3.6M sequence and camera, each fault with its file.

`check_view` opens every file that is there, one after the other, so that one damaged file does not
hide the next; what `prepare` would refuse is found by the code that `prepare` itself reads with.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from jaxtyping import Float, Float32

from posegrid.body.skeleton import HUMAN36M_32_TO_17
from posegrid.datasets.human36m.files import opened_masks, read_pose_cdf
from posegrid.datasets.human36m.layout import (
    BOXES,
    KEYPOINTS,
    MASKS,
    POSES_CAMERA,
    POSES_UNIVERSAL,
    POSES_WORLD,
    VIDEOS,
)
from posegrid.datasets.human36m.sequences import USUAL_SURPLUS, SequenceFiles, open_sequence
from posegrid.errors import SourceError
from posegrid.video.video import VideoFacts, probe, read_frames

Level = Literal["fault", "notice"]
"""fault: `prepare` leaves the sequence out, or its result would be wrong. notice: known, and dealt
with.
"""

REQUIRED = (VIDEOS, POSES_CAMERA, MASKS)
"""Kinds of files without which `prepare` cannot use a sequence."""

SAME_PLACE_MM = 1.0
"""World and camera poses of one sequence may differ by so much (median): rounding, and the
calibration's digits.
"""
SAME_PLACE_PX = 0.25
"""Keypoints may lie so far from the projected joints (median); half a pixel more would be another
way of counting.
"""
WELL_HELD = 0.8
"""Share of the joints that a mask of average quality holds."""
NUM_SAMPLES = 5
"""Masks that are looked at, spread over the sequence, unless all of them are asked for."""

KNOWN_BROKEN = "Many copies of the release have it so; only this view is left out."

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or odd."""

    level: Level
    what: str
    """The kind of thing, the same words for each of its kind."""
    where: str
    """Sequence, or subject, or file that it was found in."""
    text: str
    """All about this one."""


@dataclass(frozen=True, eq=False)
class ViewCheck:
    """What was found in the files of one sequence and camera."""

    findings: tuple[Finding, ...]
    num_poses: int
    """Frames that `prepare` will find here; 0 if it cannot use the sequence."""
    offset_px: Float[np.ndarray, "2"] | None = None
    """Median of keypoints minus projected joints, pixels; None without keypoints or poses."""
    share_held: float | None = None
    """Share of the joints that lie in the masks looked at."""


@dataclass(frozen=True, eq=False)
class _Opened:
    """What could be read of a view; None where a file is missing or damaged."""

    files: SequenceFiles
    deep: bool
    video: VideoFacts | None = None
    poses: dict[str, Float32[np.ndarray, "T 32 d"]] = field(default_factory=dict)


def check_view(files: SequenceFiles, *, deep: bool = False) -> ViewCheck:
    """What is wrong with the files of one sequence and camera; `deep` decodes every frame and reads
    every mask.
    """
    findings: list[Finding] = []

    def tried(what: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except SourceError as error:
            known = files.broken and what == "damaged video"
            level, text = ("notice", f"{error} {KNOWN_BROKEN}") if known else ("fault", str(error))
            findings.append(Finding(level, what, files.name, text))
            return None

    video = files.find(VIDEOS)
    facts = tried("damaged video", lambda: _video_facts(video, deep)) if video else None
    poses = {}
    for kind in (POSES_CAMERA, POSES_WORLD, POSES_UNIVERSAL, KEYPOINTS):
        path = files.find(kind)
        if path is not None:
            values = tried(
                "damaged pose file",
                lambda path=path, kind=kind: read_pose_cdf(path, _dimensions(kind)),
            )
            poses |= {} if values is None else {kind: values}
    view = _Opened(files, deep, facts, poses)
    share_held = None
    if files.find(MASKS) is not None and facts is not None:
        share_held = tried("masks", lambda: _share_held(view))
    boxes = files.find(BOXES)
    if boxes is not None:
        tried("damaged box file", lambda: _readable_masks(boxes, deep))
    usable = not findings and all(map(files.find, REQUIRED))
    num_poses = 0
    if usable:
        sequence = tried("files that do not fit together", lambda: open_sequence(files))
        num_poses = sequence.num_frames if sequence else 0
    findings += [*_count_findings(view), *_place_findings(view), *_mask_findings(files, share_held)]
    if files.shifted:
        text = (
            "poses are known to lie beside the person: choose with `prepare --s9 keep|drop|correct`"
        )
        findings.append(Finding("notice", "shifted poses", files.name, text))
    return ViewCheck(tuple(findings), num_poses, _offset_px(view), share_held)


def _dimensions(kind: str) -> int:
    return 2 if kind == KEYPOINTS else 3


def _video_facts(path: Path, deep: bool) -> VideoFacts:
    """Facts of a video; with `deep`, after decoding all of it."""
    facts = probe(path)
    if deep:
        with closing(read_frames(path, threads=False)) as frames:
            for _ in frames:
                pass
    return facts


def _readable_masks(path: Path, deep: bool) -> int:
    """Number of masks in a file, after reading some or all of them."""
    with opened_masks(path) as masks:
        for index in _sampled(len(masks), deep):
            masks.mask(index)
        return len(masks)


def _sampled(count: int, deep: bool) -> list[int]:
    return sorted(
        set(
            np.linspace(0, count - 1, count if deep else min(count, NUM_SAMPLES))
            .astype(int)
            .tolist()
        )
    )


def _share_held(view: _Opened) -> float | None:
    """Share of the keypoints that lie in the masks looked at; None without keypoints. Reads the
    masks' sizes too.
    """
    path, keypoints = view.files.required(MASKS), view.poses.get(KEYPOINTS)
    num_frames = len(keypoints) if keypoints is not None else None
    held = []
    with opened_masks(path) as masks:
        for index in _sampled(min(len(masks), num_frames or len(masks)), view.deep):
            mask = masks.mask(index)
            if mask is not None and keypoints is not None:
                x, y = np.floor(keypoints[index, HUMAN36M_32_TO_17].T).astype(int)
                inside = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
                held.append(mask[np.where(inside, y, 0), np.where(inside, x, 0)] & inside)
    return float(np.mean(held)) if held else None


def _mask_findings(files: SequenceFiles, share_held: float | None) -> Iterator[Finding]:
    if share_held is not None and share_held < WELL_HELD:
        text = f"masks hold {share_held:.0%} of the joints: frames whose mask misses the person will be left out"
        yield Finding("notice", "poor masks", files.name, text)


def _count_findings(view: _Opened) -> Iterator[Finding]:
    """Numbers of frames against metadata.xml, and videos much longer than their poses."""
    files, poses = view.files, view.poses.get(POSES_CAMERA)
    key = (files.subject, files.action, files.subaction)
    expected = files.metadata.num_poses(key)
    num_frames = None if view.video is None else view.video.num_frames
    if poses is not None and expected and len(poses) != expected:
        text = f"{files.required(POSES_CAMERA)}: has {len(poses)} poses, but metadata.xml says {expected}"
        yield Finding("notice", "number of poses is not that of metadata.xml", files.name, text)
    if num_frames is not None and expected:
        declared = files.metadata.frame_counts[key][
            files.metadata.camera_ids.index(files.camera_id)
        ]
        if num_frames != declared:
            text = f"{files.required(VIDEOS)}: has {num_frames} frames, but metadata.xml says {declared}"
            yield Finding(
                "notice", "number of video frames is not that of metadata.xml", files.name, text
            )
    if poses is not None and num_frames is not None and num_frames - len(poses) > USUAL_SURPLUS:
        text = f"poses end early: {len(poses)} poses for {num_frames} video frames; the rest is left out"
        yield Finding("notice", "poses end before the video", files.name, text)
    for kind in (POSES_WORLD, POSES_UNIVERSAL):
        if poses is not None and kind in view.poses and len(view.poses[kind]) != len(poses):
            text = f"{files.required(kind)}: has {len(view.poses[kind])} poses, but the camera's file {len(poses)}"
            yield Finding("fault", "pose files of different lengths", files.name, text)


def _place_findings(view: _Opened) -> Iterator[Finding]:
    """Whether world poses, camera poses, keypoints and metadata.xml tell of the same places."""
    files, poses, world = view.files, view.poses.get(POSES_CAMERA), view.poses.get(POSES_WORLD)
    if poses is None or view.video is None:
        return
    camera = files.metadata.camera(files.subject, files.camera_id, view.video.size_wh)
    if world is not None and len(world) == len(poses):
        apart_mm = np.median(
            np.linalg.norm(camera.world_to_camera(world.astype(np.float64)) - poses, axis=-1)
        )
        if apart_mm > SAME_PLACE_MM:
            text = (
                f"world poses, taken into the camera by metadata.xml, lie {apart_mm:.0f} mm from the camera's own "
                "(median): is metadata.xml of this release?"
            )
            yield Finding("fault", "poses and cameras do not fit", files.name, text)
    apart_px = _apart_px(view)
    if apart_px is not None and not np.median(np.linalg.norm(apart_px, axis=-1)) < SAME_PLACE_PX:
        x, y = np.median(apart_px, axis=(0, 1))
        text = (
            f"keypoints lie {np.median(np.linalg.norm(apart_px, axis=-1)):.2f} px from the projected joints (median; "
            f"{x:+.2f} to the right, {y:+.2f} down)"
        )
        yield Finding("fault", "keypoints and projected joints differ", files.name, text)


def _apart_px(view: _Opened) -> Float[np.ndarray, "T 17 2"] | None:
    """Keypoints minus projected joints; None where either is missing or they are of different
    lengths.
    """
    poses, keypoints = view.poses.get(POSES_CAMERA), view.poses.get(KEYPOINTS)
    if poses is None or keypoints is None or view.video is None or len(poses) != len(keypoints):
        return None
    camera = view.files.metadata.camera(
        view.files.subject, view.files.camera_id, view.video.size_wh
    )
    return (keypoints - camera.project(poses.astype(np.float64)))[:, HUMAN36M_32_TO_17]


def _offset_px(view: _Opened) -> Float[np.ndarray, "2"] | None:
    apart_px = _apart_px(view)
    return None if apart_px is None else np.median(apart_px, axis=(0, 1))
