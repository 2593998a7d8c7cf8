"""Reads the Human3.6M release as its archives unpack, and data sets that `posegrid synth` wrote in
the same layout.

`find_sequences` lists what is there without opening it; `open_sequence` opens one of them and says
what is wrong with it, if anything, so that one damaged file does not stop the others. Ionescu et
al., "Human3.6M", TPAMI 2014.

Video, masks and poses are aligned at frame 0. The poses decide how many frames a sequence has: the
videos run on a little longer (by up to 2 frames, in two of the cameras by up to 12), and in one
sequence the poses stop half way.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32

from posegrid.body.camera import Camera
from posegrid.body.skeleton import HUMAN36M_32_TO_17
from posegrid.datasets.human36m.files import MaskReader, opened_masks, read_pose_cdf
from posegrid.datasets.human36m.layout import (
    FOLDERS,
    KEYPOINTS,
    MASKS,
    METADATA,
    POSED_SUBJECTS,
    POSES_CAMERA,
    POSES_UNIVERSAL,
    POSES_WORLD,
    SYNTHETIC_MARK,
    VIDEOS,
    find_archives,
    find_file,
    view_path,
)
from posegrid.datasets.human36m.metadata import Metadata, load_metadata
from posegrid.datasets.sequence import Frame, MaskPart, Sequence
from posegrid.errors import SourceError
from posegrid.video.video import VideoFacts, probe, read_frames

USUAL_SURPLUS = 12
"""So many frames a video may be longer than its poses before a note is made of it that sounds like
a warning.
"""

SUSPECT_DISTANCE_PX = 5.0
"""If keypoints and projected joints differ by more than this (median), camera and poses do not
belong together.
"""

SHIFTED_POSES = {("S9", "Greeting"), ("S9", "SittingDown 1"), ("S9", "Waiting 1")}
"""(subject, file base) of sequences whose poses are known to lie beside the person."""
SHIFT_WORLD_X_MM = 200.0
"""How far along the world's x axis, as the literature takes it out again."""

BROKEN_VIDEOS = {("S11", "Directions", "54138969")}
"""(subject, file base, camera) of videos that are damaged in many copies of the release."""

PoseKind = Literal["mono", "world", "universal"]
"""Which of the release's 3D poses: D3_Positions_mono (camera frame), D3_Positions (world frame,
taken into the camera by metadata.xml), D3_Positions_mono_universal (camera frame, limbs of one
length for all subjects)."""
ShiftedPoses = Literal["keep", "drop", "correct"]
"""What to do with the sequences of `SHIFTED_POSES`: keep them as they are, leave them out, or move
their poses back.
"""

POSE_FILES: dict[PoseKind, str] = {
    "mono": POSES_CAMERA,
    "world": POSES_WORLD,
    "universal": POSES_UNIVERSAL,
}


@dataclass(frozen=True, eq=False)
class SequenceFiles:
    """Where the files of one sequence and camera are, before any of them is opened."""

    root: Path
    subject: str
    action: str
    subaction: int
    camera_id: str
    metadata: Metadata

    @property
    def name(self) -> str:
        """As `Sequence.name`, e.g. "S1 Walking 1 54138969"."""
        return f"{self.subject} {self.action} {self.subaction} {self.camera_id}"

    @property
    def file_base(self) -> str:
        """File name without camera and suffix, as the release's table has it."""
        return self.metadata.file_bases[self.subject, self.action, self.subaction]

    @property
    def shifted(self) -> bool:
        """Whether the release's poses of this sequence are known to lie beside the person."""
        return (self.subject, self.file_base) in SHIFTED_POSES

    @property
    def broken(self) -> bool:
        """Whether the video is known to be damaged in many copies of the release."""
        return (self.subject, self.file_base, self.camera_id) in BROKEN_VIDEOS

    def find(self, kind: str) -> Path | None:
        """The file of this kind, or None."""
        return find_file(self.root, self.subject, kind, self.file_base, self.camera_id)

    def required(self, kind: str) -> Path:
        """The file of this kind. If there is none, SourceError says where it was looked for."""
        path = self.find(kind)
        if path is None:
            expected = view_path(self.root, self.subject, kind, self.file_base, self.camera_id)
            archives = find_archives(self.root, self.subject, kind)
            raise SourceError(f"{self.name}: {expected} is missing. {_advice(archives)}")
        return path


def load_sequences(
    root: Path,
    subjects: Collection[str] | None = None,
    actions: Collection[str] | None = ("Walking",),
    cameras: Collection[str] | None = None,
) -> list[Sequence]:
    """All sequences of a Human3.6M folder that fit the question, opened; None asks for all.

    Raises SourceError at the first sequence that is damaged: use `find_sequences` and
    `open_sequence` to go on instead.
    """
    return [open_sequence(files) for files in find_sequences(root, subjects, actions, cameras)]


def find_sequences(
    root: Path,
    subjects: Collection[str] | None = None,
    actions: Collection[str] | None = ("Walking",),
    cameras: Collection[str] | None = None,
) -> list[SequenceFiles]:
    """Sequences of which at least the video or the poses are there (or an archive that may hold
    them), unopened.

    `subjects` as "S1", `actions` as "Walking", `cameras` as "54138969"; None asks for all (of
    actions, all but "_ALL"). Raises SourceError if the folder or its metadata.xml is missing, a
    name is unknown, or nothing is found.
    """
    if not root.is_dir():
        raise SourceError(f"{root}: there is no such folder.")
    metadata = load_metadata(metadata_path(root))
    _refuse_unknown("subject", subjects, metadata.subjects, metadata.path)
    _refuse_unknown("action", actions, metadata.actions, metadata.path)
    _refuse_unknown("camera", cameras, metadata.camera_ids, metadata.path)
    found = [
        files
        for subject in metadata.subjects
        if subjects is None or subject in subjects
        for files in _of_subject(root, metadata, subject, actions, cameras)
    ]
    missing = [name for name in subjects or () if name not in {files.subject for files in found}]
    if missing or not found:
        wanted = ", ".join(missing) or "any subject"
        videos, poses = FOLDERS[VIDEOS][0], FOLDERS[POSES_CAMERA][0]
        archives = [
            archive
            for subject in missing or metadata.subjects
            for archive in find_archives(root, subject)
        ]
        raise SourceError(
            f"{root}: no sequence of {wanted} with these actions and cameras was found. Expected folders such as "
            f"{root}/S1/{videos} and {root}/S1/{poses}. {_advice(archives)}"
        )
    return found


def open_sequence(
    files: SequenceFiles, poses: PoseKind = "mono", s9: ShiftedPoses = "keep"
) -> Sequence:
    """One sequence, its poses and keypoints read, its frames and masks to be read when asked for.

    Joints are the 17 of the 32, camera frame, mm. Where files have different lengths, `notes` says
    so. With `s9` = "correct", the poses that are known to be shifted are moved by 200 mm along the
    world's x axis; leaving them out ("drop") is up to the caller. Raises SourceError if a file is
    missing or damaged, or the lengths cannot be reconciled.
    """
    video, pose_path = files.required(VIDEOS), files.required(POSE_FILES[poses])
    facts = probe(video)
    camera = files.metadata.camera(files.subject, files.camera_id, facts.size_wh)
    pose_cam_mm = read_pose_cdf(pose_path, 3)[:, HUMAN36M_32_TO_17]
    if poses == "world":
        pose_cam_mm = camera.world_to_camera(pose_cam_mm.astype(np.float64)).astype(np.float32)
    keypoints_px, notes = _keypoints(files, camera, pose_cam_mm, poses)
    if files.shifted and s9 == "correct":
        pose_cam_mm = (pose_cam_mm - SHIFT_WORLD_X_MM * camera.rot_world_to_cam[:, 0]).astype(
            np.float32
        )
        keypoints_px = camera.project(pose_cam_mm.astype(np.float64))
        notes += (
            f"poses moved by {SHIFT_WORLD_X_MM:g} mm against the world's x axis, keypoints projected anew",
        )
    elif files.shifted:
        notes += ("the release's poses of this sequence are known to lie beside the person",)
    return Sequence(
        subject=files.subject,
        action=files.action,
        subaction=files.subaction,
        camera_id=files.camera_id,
        camera=camera,
        fps=float(facts.fps),
        pose_cam_mm=pose_cam_mm,
        keypoints_px=keypoints_px,
        open_frames=_frame_opener(files.name, video, files.find(MASKS), len(pose_cam_mm)),
        notes=(
            *_length_notes(pose_path, len(pose_cam_mm), video, facts),
            *notes,
            *_mask_notes(files, len(pose_cam_mm), facts),
        ),
    )


def is_synthetic(root: Path) -> bool:
    """Whether a folder in Human3.6M's layout says that it was made by a computer."""
    return (root / SYNTHETIC_MARK).is_file()


def _of_subject(
    root: Path,
    metadata: Metadata,
    subject: str,
    actions: Collection[str] | None,
    cameras: Collection[str] | None,
) -> Iterator[SequenceFiles]:
    """This subject's sequences that are there in part at least; all of them if only an archive is
    there.

    Of the release's test subjects, only what has poses: it gives away their pictures alone.
    """
    posed = subject in POSED_SUBJECTS
    only_archives = posed and not (root / subject).is_dir() and bool(find_archives(root, subject))
    for action in metadata.actions:
        wanted = action in actions if actions is not None else action != "_ALL"
        for subaction in (1, 2) if wanted else ():
            if (subject, action, subaction) not in metadata.file_bases:
                continue
            for camera_id in metadata.camera_ids:
                files = SequenceFiles(root, subject, action, subaction, camera_id, metadata)
                if (cameras is None or camera_id in cameras) and (
                    only_archives or (posed and files.find(VIDEOS)) or files.find(POSES_CAMERA)
                ):
                    yield files


def metadata_path(root: Path) -> Path:
    """In the root; or in the one folder there that has it, such as the release's code,
    "Release-v1.2".
    """
    elsewhere = [] if (root / METADATA).is_file() else sorted(root.glob(f"*/{METADATA}"))
    return elsewhere[0] if len(elsewhere) == 1 else root / METADATA


def _refuse_unknown(
    what: str, names: Collection[str] | None, known: tuple[str, ...], path: Path
) -> None:
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise SourceError(
            f"{path}: knows no {what} {', '.join(unknown)}; it knows {', '.join(known)}."
        )


def _advice(archives: list[Path]) -> str:
    """What to do about files that are not there."""
    if not archives:
        return "Download and unpack the release's archives into this folder."
    names = ", ".join(str(archive) for archive in archives[:4])
    return f"Not unpacked yet: {names}. Unpack it with `tar -xf` into the folder of its subject."


def _keypoints(
    files: SequenceFiles,
    camera: Camera,
    pose_cam_mm: Float32[np.ndarray, "T 17 3"],
    poses: PoseKind,
) -> tuple[Float[np.ndarray, "T 17 2"], tuple[str, ...]]:
    """Joints in the picture, as the release has them or else projected, and notes."""
    projected = camera.project(pose_cam_mm.astype(np.float64))
    path = files.find(KEYPOINTS)
    if path is None and poses == "universal":
        raise SourceError(
            f"{files.required(POSES_UNIVERSAL)}: poses of universal limbs cannot be projected into the picture, and "
            f"{files.subject}/{KEYPOINTS} has no keypoints of {files.name}. {_advice([])}"
        )
    if path is None:
        if np.isnan(projected).any():
            raise SourceError(
                f"{files.name}: joints lie behind the camera: metadata.xml and poses do not fit."
            )
        return projected, ("no keypoint file: the joints were projected instead",)
    keypoints_px = read_pose_cdf(path, 2)[:, HUMAN36M_32_TO_17]
    if len(keypoints_px) != len(pose_cam_mm):
        raise SourceError(
            f"{path}: has {len(keypoints_px)} frames, but the poses of {files.name} have {len(pose_cam_mm)}. "
            "Unpack both archives again."
        )
    distance_px = float(np.median(np.linalg.norm(projected - keypoints_px, axis=-1)))
    if distance_px < SUSPECT_DISTANCE_PX or poses == "universal":
        return keypoints_px, ()
    return keypoints_px, (
        f"keypoints and projected joints are {distance_px:.0f} px apart (median): is metadata.xml of this release?",
    )


def _length_notes(poses: Path, num_poses: int, video: Path, facts: VideoFacts) -> tuple[str, ...]:
    """A note if the video runs on after the poses. More poses than frames are an error."""
    if facts.num_frames is None:
        raise SourceError(
            f"{video}: does not declare its number of frames, as the release's mp4 files do."
        )
    surplus = facts.num_frames - num_poses
    if surplus < 0:
        raise SourceError(
            f"{poses}: has {num_poses} poses, but {video} only {facts.num_frames} frames. The video is cut off, or "
            "they do not belong together: unpack both archives again."
        )
    if surplus == 0:
        return ()
    if surplus <= USUAL_SURPLUS:
        return (
            f"the last {surplus} of {facts.num_frames} video frames have no pose and are left out",
        )
    return (
        f"poses end early: {num_poses} poses for {facts.num_frames} video frames; the rest is left out",
    )


def _mask_notes(files: SequenceFiles, num_poses: int, facts: VideoFacts) -> tuple[str, ...]:
    """A note if there are no masks or more than frames. Fewer masks than poses are an error, and so
    is another size.
    """
    path = files.find(MASKS)
    if path is None:
        archives = find_archives(files.root, files.subject, MASKS)
        return (f"no masks: {FOLDERS[MASKS][0]} has none. {_advice(archives)}",)
    with opened_masks(path) as masks:
        if len(masks) < num_poses:
            raise SourceError(
                f"{path}: has {len(masks)} masks, but {files.name} has {num_poses} poses and {facts.num_frames} video "
                "frames. The file is cut off or belongs to another sequence: unpack its archive again."
            )
        _mask(masks, 0, facts.size_wh)
        surplus = len(masks) - (facts.num_frames or 0)
    return (f"{surplus} masks more than video frames are left out",) if surplus > 0 else ()


def _frame_opener(
    name: str, video: Path, mask_path: Path | None, num_frames: int
) -> Callable[..., Iterator[Frame]]:
    """A function that opens video and masks at frame 0 and yields every n-th frame that has a
    pose.
    """

    def open_frames(every: int = 1) -> Iterator[Frame]:
        with ExitStack() as stack:
            masks = stack.enter_context(opened_masks(mask_path)) if mask_path else None
            pictures = stack.enter_context(closing(read_frames(video, every, threads=False)))
            index = -every
            for index, frame in zip(range(0, num_frames, every), pictures, strict=False):
                mask = _mask(masks, index, frame.picture.size_wh) if masks else None
                yield Frame(index, frame.time_s, frame.picture, mask)
            if index + every < num_frames:
                raise SourceError(
                    f"{video}: only {max(index + 1, 0)} frames could be read, but {name} has {num_frames} poses. "
                    "Unpack its archive again."
                )

    return open_frames


def _mask(masks: MaskReader, index: int, size_wh: tuple[int, int]) -> MaskPart:
    """The mask of a frame; an empty cell is a frame without a person."""
    part = masks.part(index)
    if part is None:
        return MaskPart(np.zeros((0, 0), dtype=bool), (0, 0), size_wh)
    if part.size_wh != size_wh:
        raise SourceError(
            f"{masks.path}: mask {index} has {part.size_wh[1]} rows and {part.size_wh[0]} columns, but the video's "
            f"frames {size_wh[1]} and {size_wh[0]}. The files do not belong together."
        )
    return part
