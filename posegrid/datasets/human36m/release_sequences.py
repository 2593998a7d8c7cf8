"""Reads the Human3.6M release as its archives unpack, and trees of `posegrid synth` in its layout.

Ionescu et al., "Human3.6M", TPAMI 2014. Video, masks and poses are aligned at frame 0. The poses
decide how many frames a sequence has: the videos run on a little longer (by up to 2 frames, in two
of the cameras by up to 12), and in six sequences the poses stop early.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import Bool, Float, Float32

from posegrid.body.camera import Camera
from posegrid.body.skeleton import HUMAN36M_32_TO_17
from posegrid.datasets.human36m import inventory
from posegrid.datasets.human36m.layout import (
    FOLDERS,
    KEYPOINTS,
    MASKS,
    POSED_SUBJECTS,
    POSES_CAMERA,
    POSES_UNIVERSAL,
    POSES_WORLD,
    SPLITS,
    VIDEOS,
    Human36mView,
    ShiftedPoses,
    SplitName,
    advice_on,
    find_archives,
    metadata_path,
)
from posegrid.datasets.human36m.metadata import PIXEL_OFFSET, Metadata, load_metadata
from posegrid.datasets.human36m.release_files import MaskReader, opened_masks, read_pose_cdf
from posegrid.datasets.sequence import MaskOf, Sequence, frames_of_video
from posegrid.datasets.source import (
    FileCheck,
    Inventory,
    KnownFault,
    PoseKind,
    Source,
    View,
    refuse_unknown,
)
from posegrid.errors import SourceError
from posegrid.video.video import VideoFacts, probe

USUAL_SURPLUS = 12
"""So many frames most videos are longer than their poses at most."""
SUSPECT_DISTANCE_PX = 5.0
"""Where keypoints and projected joints differ by more (median), camera and poses do not fit."""

SHIFTED_POSES = {("S9", "Greeting"), ("S9", "SittingDown 1"), ("S9", "Waiting 1")}
"""(subject, file base) of sequences whose poses are known to lie beside the person."""
SHIFT_WORLD_X_MM = 200.0
"""How far along the world's x axis, as the literature takes it out again."""
EARLY_ENDS = {
    *(("S9", base) for base in ("Greeting", "Phoning", "SittingDown 1", "Waiting 1", "Walking")),
    ("S1", "SittingDown"),
}
"""(subject, file base) of sequences whose poses are known to end before the video."""
BROKEN_VIDEOS = {("S11", "Directions", "54138969")}
"""(subject, file base, camera) of videos that are damaged in many copies of the release."""

POSE_FILES: dict[PoseKind, str] = {
    "mono": POSES_CAMERA,
    "world": POSES_WORLD,
    "universal": POSES_UNIVERSAL,
}


@dataclass(frozen=True)
class Human36m(Source):
    """A tree of the release, or in its layout."""

    kind = "Human3.6M"
    pose_kinds = ("mono", "world", "universal")
    usual_actions = ("Walking",)

    s9: ShiftedPoses = "keep"
    split: SplitName = "subjects-5-2"

    @cached_property
    def metadata(self) -> Metadata:
        """What the tree's metadata.xml says. Raises SourceError if it is missing or damaged."""
        return load_metadata(metadata_path(self.root))

    def find(
        self,
        subjects: Collection[str] | None = None,
        actions: Collection[str] | None = None,
        cameras: Collection[str] | None = None,
    ) -> list[View]:
        """Sequences of which at least video or poses are there, or an archive that may hold them.

        As `Source.find`. Of the release's test subjects, only what has poses: it gives away their
        pictures alone.
        """
        metadata = self.metadata
        refuse_unknown(metadata.path, "subject", subjects, metadata.subjects)
        refuse_unknown(metadata.path, "action", actions, metadata.actions)
        refuse_unknown(metadata.path, "camera", cameras, metadata.camera_ids)
        refuse_unposed(metadata, actions)
        found = [
            view
            for view in views_of(self.root, metadata, subjects, actions)
            if (cameras is None or view.camera_id in cameras) and self._is_there(view)
        ]
        missing = [name for name in subjects or () if name not in {v.subject for v in found}]
        if missing or not found:
            lost = missing or metadata.subjects
            archives = [path for name in lost for path in find_archives(self.root, name)]
            raise SourceError(
                f"{self.root}: no sequence of {', '.join(missing) or 'any subject'} with these "
                f"actions and cameras was found. Expected folders such as {self.root}/S1/{VIDEOS} "
                f"and {self.root}/S1/{POSES_CAMERA}. {advice_on(self.root, archives)}"
            )
        return [*found]

    def _is_there(self, view: Human36mView) -> bool:
        posed = view.subject in POSED_SUBJECTS
        if view.find(POSES_CAMERA) or (posed and view.find(VIDEOS)):
            return True
        only_archives = posed and not (self.root / view.subject).is_dir()
        return only_archives and bool(find_archives(self.root, view.subject))

    def splits(self) -> dict[str, list[str]]:
        """As `Source.splits`; "official" is what metadata.xml says, where it says it."""
        if self.split == "official" and self.metadata.splits:
            return {part: [*subjects] for part, subjects in self.metadata.splits.items()}
        return SPLITS[self.split]

    def faults(self, view: View) -> tuple[KnownFault, ...]:
        """As `Source.faults`: shifted poses, and a video that is damaged in many copies."""
        view, faults = cast(Human36mView, view), []
        if (view.subject, view.file_base) in SHIFTED_POSES and self.s9 != "correct":
            text = "its poses lie beside the person in the release: choose --s9 drop or correct"
            if self.s9 == "drop":
                text = "its poses lie beside the person (--s9 drop)"
            faults.append(KnownFault(text, left_out=self.s9 == "drop"))
        if (view.subject, view.file_base, view.camera_id) in BROKEN_VIDEOS:
            text = "its video is known to be damaged in many copies of the release"
            faults.append(KnownFault(text, unreadable=True))
        return tuple(faults)

    def inventory(
        self, subjects: Collection[str] | None = None, actions: Collection[str] | None = None
    ) -> Inventory:
        """As `Source.inventory`; raises SourceError without metadata.xml."""
        refuse_unknown(self.metadata.path, "subject", subjects, self.metadata.subjects)
        refuse_unknown(self.metadata.path, "action", actions, self.metadata.actions)
        refuse_unposed(self.metadata, actions)
        views = [*views_of(self.root, self.metadata, subjects, actions)]
        return inventory.taken_stock(self.root, self.metadata, subjects, views)

    def check_files(self, view: View) -> FileCheck:
        """As `Source.check_files`."""
        return inventory.check_files(cast(Human36mView, view))

    def open(self, view: View) -> Sequence:
        """As `Source.open`: the 17 of the 32 joints; masks to be read with the frames.

        Where files have different lengths, `notes` says so. With `s9` = "correct", the poses that
        are known to be shifted are moved by 200 mm along the world's x axis.
        """
        view = cast(Human36mView, view)
        video, pose_path = view.required(VIDEOS), view.required(POSE_FILES[self.poses])
        facts = probe(video)
        camera = view.metadata.camera(view.subject, view.camera_id, facts.size_wh)
        pose_cam_mm = read_pose_cdf(pose_path, 3)[:, HUMAN36M_32_TO_17]
        if self.poses == "world":
            pose_cam_mm = camera.world_to_camera(pose_cam_mm.astype(np.float64)).astype(np.float32)
        keypoints_px, notes = _keypoints(view, camera, pose_cam_mm, self.poses)
        if (view.subject, view.file_base) in SHIFTED_POSES:
            pose_cam_mm, keypoints_px, note = self._shifted(camera, pose_cam_mm, keypoints_px)
            notes += (note,)
        num_poses = len(pose_cam_mm)
        lengths = _length_notes(view, pose_path, num_poses, video, facts)
        return Sequence(
            subject=view.subject,
            action=view.action,
            subaction=view.subaction,
            camera_id=view.camera_id,
            camera=camera,
            fps=float(facts.fps),
            pose_cam_mm=pose_cam_mm,
            keypoints_px=keypoints_px,
            open_frames=frames_of_video(video, num_poses, lambda: _mask_of(view.find(MASKS))),
            notes=(*lengths, *notes, *_mask_notes(view, num_poses, facts)),
        )

    def _shifted(
        self,
        camera: Camera,
        pose_cam_mm: Float32[np.ndarray, "T 17 3"],
        keypoints_px: Float[np.ndarray, "T 17 2"],
    ) -> tuple[Float32[np.ndarray, "T 17 3"], Float[np.ndarray, "T 17 2"], str]:
        """Poses known to lie beside the person, corrected if that is asked for, and a note."""
        if self.s9 != "correct":
            note = "the release's poses of this sequence are known to lie beside the person"
            return pose_cam_mm, keypoints_px, note
        moved = pose_cam_mm - SHIFT_WORLD_X_MM * camera.rot_world_to_cam[:, 0]
        pose_cam_mm = moved.astype(np.float32)
        note = (
            f"poses moved by {SHIFT_WORLD_X_MM:g} mm against the world's x axis, "
            "keypoints projected anew"
        )
        return pose_cam_mm, camera.project(pose_cam_mm.astype(np.float64)), note


def views_of(
    root: Path,
    metadata: Metadata,
    subjects: Collection[str] | None,
    actions: Collection[str] | None,
) -> Iterator[Human36mView]:
    """All that metadata.xml knows of with poses and that fits the question; None asks for all."""
    for subject in metadata.subjects:
        for action in metadata.posed_actions:
            wanted = (subjects is None or subject in subjects) and (
                actions is None or action in actions
            )
            for subaction in (1, 2) if wanted else ():
                if metadata.has_poses((subject, action, subaction)):
                    for camera_id in metadata.camera_ids:
                        yield Human36mView(subject, action, subaction, camera_id, root, metadata)


def refuse_unposed(metadata: Metadata, actions: Collection[str] | None) -> None:
    """Raise SourceError if an action is asked for of which the release has videos only."""
    unposed = sorted(set(actions or ()) - set(metadata.posed_actions))
    if unposed:
        raise SourceError(
            f"{metadata.path}: the release has no poses of {', '.join(unposed)}, only videos; "
            f"choose among {', '.join(metadata.posed_actions)}."
        )


def _keypoints(
    view: Human36mView, camera: Camera, pose_cam_mm: Float32[np.ndarray, "T 17 3"], poses: PoseKind
) -> tuple[Float[np.ndarray, "T 17 2"], tuple[str, ...]]:
    """Joints in the picture, as the release has them or else projected, and notes."""
    projected = camera.project(pose_cam_mm.astype(np.float64))
    path = view.find(KEYPOINTS)
    if path is None and poses == "universal":
        raise SourceError(
            f"{view.required(POSES_UNIVERSAL)}: poses of universal limbs cannot be projected into "
            f"the picture, and {view.subject}/{KEYPOINTS} has no keypoints of {view.name}. "
            f"{advice_on(view.root, [])}"
        )
    if path is None:
        if np.isnan(projected).any():
            raise SourceError(
                f"{view.name}: joints lie behind the camera: metadata.xml and poses do not fit."
            )
        return projected, ("no keypoint file: the joints were projected instead",)
    keypoints_px = read_pose_cdf(path, 2)[:, HUMAN36M_32_TO_17] - np.float32(PIXEL_OFFSET)
    if len(keypoints_px) != len(pose_cam_mm):
        raise SourceError(
            f"{path}: has {len(keypoints_px)} frames, but the poses of {view.name} have "
            f"{len(pose_cam_mm)}. Unpack both archives again."
        )
    distance_px = float(np.median(np.linalg.norm(projected - keypoints_px, axis=-1)))
    if distance_px < SUSPECT_DISTANCE_PX or poses == "universal":
        return keypoints_px, ()
    return keypoints_px, (
        f"keypoints and projected joints are {distance_px:.0f} px apart (median): "
        "is metadata.xml of this release?",
    )


def _length_notes(
    view: Human36mView, poses: Path, num_poses: int, video: Path, facts: VideoFacts
) -> tuple[str, ...]:
    """A note if the video runs on after the poses. More poses than frames are an error."""
    if facts.num_frames is None:
        raise SourceError(
            f"{video}: does not declare its number of frames, as the release's mp4 files do."
        )
    surplus = facts.num_frames - num_poses
    if surplus < 0:
        raise SourceError(
            f"{poses}: has {num_poses} poses, but {video} only {facts.num_frames} frames. The "
            "video is cut off, or they do not belong together: unpack both archives again."
        )
    if surplus == 0:
        return ()
    if surplus <= USUAL_SURPLUS:
        return (
            f"the last {surplus} of {facts.num_frames} video frames have no pose and are left out",
        )
    known = (view.subject, view.file_base) in EARLY_ENDS
    whose = "as the release has it" if known else "as the release is not known to have it"
    return (
        f"poses end early, {whose}: {num_poses} poses for {facts.num_frames} video frames; "
        "the rest is left out",
    )


def _mask_notes(view: Human36mView, num_poses: int, facts: VideoFacts) -> tuple[str, ...]:
    """A note if there are no masks, or more than frames. Raises SourceError if they do not fit."""
    path = view.find(MASKS)
    if path is None:
        return (f"no masks: {FOLDERS[MASKS][0]} has none. {view.advice(MASKS)}",)
    with opened_masks(path) as masks:
        if len(masks) < num_poses:
            raise SourceError(
                f"{path}: has {len(masks)} masks, but {view.name} has {num_poses} poses and "
                f"{facts.num_frames} video frames. The file is cut off or belongs to another "
                "sequence: unpack its archive again."
            )
        _fitting_mask(masks, 0, facts.size_wh)
        surplus = len(masks) - (facts.num_frames or 0)
    return (f"{surplus} masks more than video frames are left out",) if surplus > 0 else ()


@contextmanager
def _mask_of(path: Path | None) -> Iterator[MaskOf | None]:
    """The masks of an opened file by frame; None where there is no file."""
    if path is None:
        yield None
        return
    with opened_masks(path) as masks:
        yield lambda index, size_wh: _fitting_mask(masks, index, size_wh)


def _fitting_mask(
    masks: MaskReader, index: int, size_wh: tuple[int, int]
) -> Bool[np.ndarray, "H W"]:
    """The mask of a frame; an empty cell is a frame without a person."""
    mask = masks.mask(index)
    if mask is None:
        return np.zeros(size_wh[::-1], dtype=bool)
    if mask.shape != size_wh[::-1]:
        raise SourceError(
            f"{masks.path}: mask {index} has {mask.shape[0]} rows and {mask.shape[1]} columns, but "
            f"the video's frames {size_wh[1]} and {size_wh[0]}. The files do not belong together."
        )
    return mask
