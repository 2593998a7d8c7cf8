"""MPI-INF-3DHP, train and test, as it is unpacked. Mehta et al., 3DV 2017.

    ROOT/S1/Seq1/annot.mat, camera.calibration, imageSequence/video_0.avi
        train: 8 subjects, 2 sequences, 14 cameras
    ROOT/TS1/annot_data.mat, imageSequence/img_000001.jpg
        test: 6 sequences, 1 camera; also in ROOT/mpi_inf_3dhp_test_set/TS1

Every annotation has both pixels and camera coordinates. The camera is that of camera.calibration
where it is there, and follows from the annotation by least squares where it is not (the test half
comes without). Files have been written by the tests in the documented form; nobody has run this on
the real ones.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import Bool, Float

from posegrid.body.camera import Camera
from posegrid.datasets.mpi_inf_3dhp.annotations import (
    NUM_CAMERAS,
    Annotation,
    read_calibration,
    read_test_annotation,
    read_train_annotation,
)
from posegrid.datasets.sequence import Frame, Sequence, frames_of_video
from posegrid.datasets.source import KnownFault, PoseKind, Source, View, refuse_unknown
from posegrid.errors import SourceError
from posegrid.untrusted import DAMAGED, opened_picture
from posegrid.video.picture import Picture
from posegrid.video.video import VideoFacts, probe

TRAIN_SUBJECTS = tuple(f"S{number}" for number in range(1, 9))
TEST_SUBJECTS = tuple(f"TS{number}" for number in range(1, 7))
SPLIT = {
    "train": list(TRAIN_SUBJECTS[:-1]),
    "validation": [TRAIN_SUBJECTS[-1]],
    "test": list(TEST_SUBJECTS),
}
ACTION = "all"
TEST_FPS = 25.0
MOST_LACKING = 25
"""So many frames a video may be shorter than its annotation: the data set's README says that some
are by a few."""
WELL_FITTED_PX = 3.0
"""So far may pixels lie from the projected joints (median) under the camera."""


TEST_SET = "mpi_inf_3dhp_test_set"
"""Folder that the archive of the test half unpacks into."""
SHORT_VIDEOS = {("S6", 2, "2")}
"""(subject, sequence, camera) of videos that end long before their annotation in every copy."""


@dataclass(frozen=True)
class Mpi3dhpView(View):
    """One sequence and camera, unopened. Subjects are S1 to S8 and TS1 to TS6, cameras 0 to 13.

    Of a test subject subaction is always 1 and the camera "0"; the action is always "all": only the
    test half says what is done when (`Sequence.actions`).
    """

    folder: Path
    """Where the sequence lies."""

    @property
    def is_test(self) -> bool:
        """Whether this is a sequence of the test half."""
        return self.subject in TEST_SUBJECTS

    @property
    def annotation(self) -> Path:
        """The file of its poses."""
        return self.folder / ("annot_data.mat" if self.is_test else "annot.mat")


def is_mpi_inf_3dhp(root: Path) -> bool:
    """Whether a folder looks like the unpacked data set."""
    return any((root / subject / "Seq1").is_dir() for subject in TRAIN_SUBJECTS) or any(
        (folder / "annot_data.mat").is_file() for folder in _test_folders(root).values()
    )


def _test_folders(root: Path) -> dict[str, Path]:
    """The folders of the test subjects, which may lie in one of their own, or in that twice."""
    parents = (root, root / TEST_SET, root / TEST_SET / TEST_SET)
    found = {}
    for subject in TEST_SUBJECTS:
        there = [parent / subject for parent in parents if (parent / subject).is_dir()]
        found |= {subject: there[0]} if there else {}
    return found


@dataclass(frozen=True)
class Mpi3dhp(Source):
    """The data set as it is unpacked, or one of its halves."""

    kind = "MPI-INF-3DHP"
    pose_kinds = ("mono", "universal")
    has_masks = False

    def find(
        self,
        subjects: Collection[str] | None = None,
        actions: Collection[str] | None = None,
        cameras: Collection[str] | None = None,
    ) -> list[View]:
        """As `Source.find`; sequences hold all actions, and cannot be chosen by them."""
        root = self.root
        if actions is not None:
            raise SourceError(
                f"{root}: the sequences of MPI-INF-3DHP hold all actions, and cannot be chosen by "
                f"them ({', '.join(actions)}). Leave --actions out."
            )
        all_cameras = tuple(map(str, range(NUM_CAMERAS)))
        refuse_unknown(root, "subject", subjects, (*TRAIN_SUBJECTS, *TEST_SUBJECTS))
        refuse_unknown(root, "camera", cameras, all_cameras)
        train = [
            Mpi3dhpView(subject, ACTION, sequence, camera, folder)
            for subject in TRAIN_SUBJECTS
            for sequence in (1, 2)
            for folder in [root / subject / f"Seq{sequence}"]
            for path in sorted((folder / "imageSequence").glob("video_*.avi"))
            if (camera := path.stem.removeprefix("video_")) in all_cameras
        ]
        test = [Mpi3dhpView(name, ACTION, 1, "0", at) for name, at in _test_folders(root).items()]
        views: list[View] = [
            view
            for view in (*train, *test)
            if (subjects is None or view.subject in subjects)
            and (cameras is None or view.camera_id in cameras)
        ]
        if not views:
            raise SourceError(
                f"{root}: no sequence of MPI-INF-3DHP with these subjects and cameras was found. "
                f"Expected {root}/S1/Seq1/imageSequence/video_0.avi and {root}/TS1/annot_data.mat "
                f"(or {root}/{TEST_SET}/TS1)."
            )
        return views

    def splits(self) -> dict[str, list[str]]:
        """As `Source.splits`: the data set has one."""
        return SPLIT

    def faults(self, view: View) -> tuple[KnownFault, ...]:
        """As `Source.faults`: a video that is too short in every copy."""
        if (view.subject, view.subaction, view.camera_id) not in SHORT_VIDEOS:
            return ()
        text = "its video is known to end long before its annotation in every copy"
        return (KnownFault(text, unreadable=True),)

    def open(self, view: View) -> Sequence:
        """As `Source.open`; there are no masks.

        `poses`: "mono" are those of the person's own size (`annot3`), "universal" those scaled to
        one height for everybody (`univ_annot3`), which the papers' figures are measured on. Rows of
        frames that the test annotation calls invalid are NaN, and the frames are not yielded.
        Raises SourceError also if pixels and poses belong to no one camera.
        """
        view, notes = cast(Mpi3dhpView, view), ()
        if view.is_test:
            found = read_test_annotation(view.annotation)
            size_wh, fps = _picture_size(view, 0), TEST_FPS
            opener = _picture_opener(view, found.valid, size_wh)
        else:
            video = view.folder / "imageSequence" / f"video_{view.camera_id}.avi"
            facts, found = probe(video), read_train_annotation(view.annotation, int(view.camera_id))
            found, notes = _shortened(found, video, facts)
            size_wh, fps = facts.size_wh, float(facts.fps)
            opener = frames_of_video(video, len(found.valid))
        camera = _camera(view, found, size_wh)
        if not found.valid.all():
            notes = (*notes, f"{np.sum(~found.valid)} frames are not valid and left out")
        return Sequence(
            subject=view.subject,
            action=view.action,
            subaction=view.subaction,
            camera_id=view.camera_id,
            camera=camera,
            fps=fps,
            pose_cam_mm=_where(found.valid, _poses(view, found, self.poses)).astype(np.float32),
            keypoints_px=_where(found.valid, found.keypoints_px),
            open_frames=opener,
            notes=notes,
            actions=found.activities,
        )


def fitted_camera(
    path: Path,
    pose_cam_mm: Float[np.ndarray, "T 17 3"],
    keypoints_px: Float[np.ndarray, "T 17 2"],
    size_wh: tuple[int, int],
) -> Camera:
    """The pinhole camera that takes the poses to the pixels best, by least squares in each axis.

    Raises SourceError, naming the annotation's `path`, if joints lie behind it, or more than 3 px
    (median) are left.
    """
    _refuse_behind(path, pose_cam_mm)
    focal, principal = [], []
    for axis in (0, 1):
        slope = (pose_cam_mm[..., axis] / pose_cam_mm[..., 2]).ravel()
        system = np.stack([slope, np.ones_like(slope)], axis=1)
        (f, c), *_ = np.linalg.lstsq(system, keypoints_px[..., axis].ravel(), rcond=None)
        focal.append(float(f))
        principal.append(float(c))
    if not min(focal) > 0:
        raise SourceError(
            f"{path}: no camera takes its poses to its pixels; expected mm, x right, y down, z "
            "forward."
        )
    camera = Camera((focal[0], focal[1]), (principal[0], principal[1]), size_wh)
    _refuse_far_off(path, camera, pose_cam_mm, keypoints_px)
    return camera


def _camera(view: Mpi3dhpView, found: Annotation, size_wh: tuple[int, int]) -> Camera:
    """The camera of the calibration, if there is one, or else fitted; either fits the
    annotation."""
    pose_cam_mm, keypoints_px = found.pose_cam_mm[found.valid], found.keypoints_px[found.valid]
    path = view.folder / "camera.calibration"
    if view.is_test or not path.is_file():
        return fitted_camera(view.annotation, pose_cam_mm, keypoints_px, size_wh)
    focal_px, principal_px, stated_wh = read_calibration(path, view.camera_id)
    if stated_wh != size_wh:
        raise SourceError(
            f"{path}: is of pictures of {stated_wh} px (width, height); those of {view.name} are "
            f"{size_wh}."
        )
    camera = Camera(focal_px, principal_px, size_wh)
    _refuse_behind(view.annotation, pose_cam_mm)
    _refuse_far_off(path, camera, pose_cam_mm, keypoints_px)
    return camera


def _refuse_behind(path: Path, pose_cam_mm: np.ndarray) -> None:
    if not (pose_cam_mm[..., 2] > 0).all():
        raise SourceError(
            f"{path}: joints lie behind the camera; expected mm, x right, y down, z forward."
        )


def _refuse_far_off(
    path: Path, camera: Camera, pose_cam_mm: np.ndarray, keypoints_px: np.ndarray
) -> None:
    apart_px = np.median(np.linalg.norm(camera.project(pose_cam_mm) - keypoints_px, axis=-1))
    if not apart_px <= WELL_FITTED_PX:
        raise SourceError(
            f"{path}: no camera takes its poses to its pixels: {apart_px:.1f} px remain (median)."
        )


def _poses(view: Mpi3dhpView, found: Annotation, kind: PoseKind) -> np.ndarray:
    if kind == "mono":
        return found.pose_cam_mm
    if found.universal_mm is None:
        raise SourceError(
            f"{view.annotation}: holds no univ_annot3, which --poses universal takes."
        )
    return found.universal_mm


def _where(valid: Bool[np.ndarray, "T"], values: np.ndarray) -> np.ndarray:
    return np.where(valid[:, None, None], values, np.nan)


def _shortened(
    found: Annotation, video: Path, facts: VideoFacts
) -> tuple[Annotation, tuple[str, ...]]:
    """The annotation of the frames that the video has, and a note if those are fewer."""
    lacking = len(found.valid) - (facts.num_frames or len(found.valid))
    if lacking > MOST_LACKING:
        raise SourceError(
            f"{video}: has {facts.num_frames} frames for {len(found.valid)} poses: it is cut off. "
            "Download it again."
        )
    if lacking <= 0:
        return found, ()
    part, universal = slice(-lacking), found.universal_mm
    found = replace(
        found,
        keypoints_px=found.keypoints_px[part],
        pose_cam_mm=found.pose_cam_mm[part],
        universal_mm=None if universal is None else universal[part],
        valid=found.valid[part],
    )
    return found, (f"the video lacks the last {lacking} frames of the annotation",)


def _picture_path(view: Mpi3dhpView, index: int) -> Path:
    return view.folder / "imageSequence" / f"img_{index + 1:06d}.jpg"


def _picture(view: Mpi3dhpView, index: int) -> np.ndarray:
    path = _picture_path(view, index)
    try:
        with opened_picture(path, ("JPEG",)) as picture:
            return np.asarray(picture.convert("RGB"))
    except DAMAGED as error:
        raise SourceError(
            f"{path}: cannot be read as a picture ({error}). Unpack the archive again."
        ) from error


def _picture_size(view: Mpi3dhpView, index: int) -> tuple[int, int]:
    height, width = _picture(view, index).shape[:2]
    return width, height


def _picture_opener(
    view: Mpi3dhpView, valid: Bool[np.ndarray, "T"], size_wh: tuple[int, int]
) -> Callable[..., Iterator[Frame]]:
    def open_frames(every: int = 1) -> Iterator[Frame]:
        for index in range(0, len(valid), every):
            if not valid[index]:
                continue
            picture = Picture.from_rgb(_picture(view, index))
            if picture.size_wh != size_wh:
                raise SourceError(
                    f"{_picture_path(view, index)}: is {picture.size_wh} px large, the first "
                    f"{size_wh}."
                )
            yield Frame(index, index / TEST_FPS, picture)

    return open_frames
