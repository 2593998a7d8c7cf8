"""Reads MPI-INF-3DHP, train and test, as it is unpacked. Mehta et al., 3DV 2017.

    ROOT/S1/Seq1/annot.mat, imageSequence/video_0.avi ...    training: eight subjects, two sequences, 14 cameras
    ROOT/TS1/annot_data.mat, imageSequence/img_000001.jpg    test: six sequences of one camera each

Joints come to the 17 of the skeleton by the tables below. Neither half needs its calibration file: every annotation has
both pixels and camera coordinates, and from these the camera follows by least squares. Training files of MATLAB 5 and
test files of MATLAB 7.3 have been written by the tests in the documented form; nobody has run this on the real ones.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import scipy.io
from jaxtyping import Bool, Float
from PIL import Image
from scipy.io.matlab import MatReadError

from posegrid.body.camera import Camera
from posegrid.errors import SourceError
from posegrid.sources.human36m_files import DAMAGED, refuse_missing_or_web_page
from posegrid.sources.picture import Picture
from posegrid.sources.sequence import Frame, Sequence
from posegrid.sources.video import probe, read_frames

TRAIN_TO_17 = (4, 23, 24, 25, 18, 19, 20, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16)
"""Of the 28 joints of the training annotation."""
TEST_TO_17 = (14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4)
"""Of the 17 joints of the test annotation, which stand in another order."""
TRAIN_SUBJECTS = tuple(f"S{number}" for number in range(1, 9))
TEST_SUBJECTS = tuple(f"TS{number}" for number in range(1, 7))
SPLIT = {"train": list(TRAIN_SUBJECTS[:-1]), "validation": [TRAIN_SUBJECTS[-1]], "test": list(TEST_SUBJECTS)}
NUM_CAMERAS, NUM_TRAIN_JOINTS = 14, 28
TEST_FPS = 25.0
MOST_FRAMES = 10**6
WELL_FITTED_PX = 3.0
"""So far may pixels lie from the projected joints (median) under the camera fitted to them."""


@dataclass(frozen=True)
class Mpi3dhpView:
    """One sequence and camera, unopened."""

    root: Path
    subject: str
    """"S1" or "TS1"."""
    subaction: int
    """1 or 2: the sequence; of a test subject always 1."""
    camera_id: str
    """"0" to "13"; of a test subject always "0"."""

    action = "all"
    """The data set does not say what is done when, but for its test half."""

    @property
    def name(self) -> str:
        """As `Sequence.name`."""
        return f"{self.subject} {self.action} {self.subaction} {self.camera_id}"

    @property
    def is_test(self) -> bool:
        """Whether this is a sequence of the test half."""
        return self.subject in TEST_SUBJECTS

    @property
    def folder(self) -> Path:
        """Where the sequence lies."""
        return self.root / self.subject / ("" if self.is_test else f"Seq{self.subaction}")

    @property
    def annotation(self) -> Path:
        """The file of its poses."""
        return self.folder / ("annot_data.mat" if self.is_test else "annot.mat")


def is_mpi_inf_3dhp(root: Path) -> bool:
    """Whether a folder looks like the unpacked data set."""
    return any((root / subject / "Seq1").is_dir() for subject in TRAIN_SUBJECTS) or any(
        (root / subject / "annot_data.mat").is_file() for subject in TEST_SUBJECTS
    )


def find_views(
    root: Path, subjects: Collection[str] | None = None, cameras: Collection[str] | None = None
) -> list[Mpi3dhpView]:
    """The sequences and cameras that are there and fit the question. Raises SourceError if there are none."""
    train = [
        Mpi3dhpView(root, subject, sequence, path.stem.removeprefix("video_"))
        for subject in TRAIN_SUBJECTS
        for sequence in (1, 2)
        for path in sorted((root / subject / f"Seq{sequence}" / "imageSequence").glob("video_*.avi"))
    ]
    test = [Mpi3dhpView(root, subject, 1, "0") for subject in TEST_SUBJECTS if (root / subject).is_dir()]
    views = [
        view
        for view in (*train, *test)
        if (subjects is None or view.subject in subjects) and (cameras is None or view.camera_id in cameras)
    ]
    if not views:
        raise SourceError(
            f"{root}: no sequence of MPI-INF-3DHP with these subjects and cameras was found. Expected "
            f"{root}/S1/Seq1/imageSequence/video_0.avi and {root}/TS1/annot_data.mat."
        )
    return views


def open_view(view: Mpi3dhpView) -> Sequence:
    """One sequence and camera, its poses read, its frames to be read when asked for; there are no masks.

    Raises SourceError if a file is missing or damaged, or pixels and poses belong to no one camera.
    """
    if view.is_test:
        keypoints_px, pose_cam_mm, valid = _test_annotation(view.annotation)
        size_wh, fps, opener = _picture_size(view, 0), TEST_FPS, _picture_opener(view, valid)
    else:
        keypoints_px, pose_cam_mm = _train_annotation(view)
        video = view.folder / "imageSequence" / f"video_{view.camera_id}.avi"
        facts = probe(video)
        valid = np.ones(len(pose_cam_mm), dtype=bool)
        size_wh, fps, opener = facts.size_wh, float(facts.fps), _video_opener(video, len(pose_cam_mm))
    for what, values in (("pixels", keypoints_px), ("poses", pose_cam_mm)):
        if len(values) == 0 or not np.isfinite(values).all():
            raise SourceError(f"{view.annotation}: {what} are missing or no numbers in some of {len(values)} frames.")
    return Sequence(
        subject=view.subject,
        action=view.action,
        subaction=view.subaction,
        camera_id=view.camera_id,
        camera=fitted_camera(view.annotation, pose_cam_mm[valid], keypoints_px[valid], size_wh),
        fps=fps,
        pose_cam_mm=pose_cam_mm.astype(np.float32),
        keypoints_px=keypoints_px,
        open_frames=opener,
        notes=(f"{np.sum(~valid)} frames are not valid and left out",) if not valid.all() else (),
    )


def fitted_camera(
    path: Path,
    pose_cam_mm: Float[np.ndarray, "T 17 3"],
    keypoints_px: Float[np.ndarray, "T 17 2"],
    size_wh: tuple[int, int],
) -> Camera:
    """The pinhole camera that takes the poses to the pixels best, by least squares in each axis.

    Raises SourceError, naming the annotation's `path`, if that leaves more than 3 px (median).
    """
    if len(pose_cam_mm) == 0 or not (pose_cam_mm[..., 2] > 0).all():
        raise SourceError(f"{path}: joints lie behind the camera, or no frame is valid; expected mm, camera frame.")
    focal, principal = [], []
    for axis in (0, 1):
        slope = (pose_cam_mm[..., axis] / pose_cam_mm[..., 2]).ravel()
        system = np.stack([slope, np.ones_like(slope)], axis=1)
        (f, c), *_ = np.linalg.lstsq(system, keypoints_px[..., axis].ravel(), rcond=None)
        focal.append(float(f))
        principal.append(float(c))
    camera = Camera((focal[0], focal[1]), (principal[0], principal[1]), size_wh)
    apart_px = np.median(np.linalg.norm(camera.project(pose_cam_mm) - keypoints_px, axis=-1))
    if min(focal) <= 0 or not apart_px <= WELL_FITTED_PX:
        raise SourceError(f"{path}: no camera takes its poses to its pixels: {apart_px:.1f} px remain (median).")
    return camera


def _train_annotation(view: Mpi3dhpView) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (T, 17, 2) and poses (T, 17, 3) of one of the cameras."""
    path, camera = view.annotation, int(view.camera_id)
    refuse_missing_or_web_page(path)
    try:
        content = scipy.io.loadmat(path, variable_names=["annot2", "annot3"])
        pixels, poses = (np.asarray(content[key].ravel()[camera], dtype=np.float64) for key in ("annot2", "annot3"))
        pixels, poses = pixels.reshape(-1, NUM_TRAIN_JOINTS, 2), poses.reshape(-1, NUM_TRAIN_JOINTS, 3)
        if len(pixels) != len(poses):
            raise ValueError(f"{len(pixels)} frames of pixels, {len(poses)} of poses")
    except (*DAMAGED, MatReadError) as error:
        raise SourceError(f"{path}: cannot be read as the annotation of training sequences ({error}).") from error
    return pixels[:, TRAIN_TO_17], poses[:, TRAIN_TO_17]


def _test_annotation(path: Path) -> tuple[np.ndarray, np.ndarray, Bool[np.ndarray, "T"]]:
    """Pixels (T, 17, 2), poses (T, 17, 3), and which frames are valid."""
    refuse_missing_or_web_page(path)
    try:
        with h5py.File(path, "r") as file:
            if any(file[key].size > 51 * MOST_FRAMES for key in ("annot2", "annot3", "valid_frame")):  # type: ignore[union-attr]
                raise ValueError("it declares more frames than there can be")
            pixels = np.asarray(file["annot2"], dtype=np.float64).reshape(-1, 17, 2)
            poses = np.asarray(file["annot3"], dtype=np.float64).reshape(-1, 17, 3)
            valid = np.asarray(file["valid_frame"]).ravel() != 0
        if not len(pixels) == len(poses) == len(valid):
            raise ValueError(f"{len(pixels)} frames of pixels, {len(poses)} of poses, {len(valid)} marks")
    except (*DAMAGED, AttributeError) as error:
        raise SourceError(f"{path}: cannot be read as the annotation of a test sequence ({error}).") from error
    return pixels[:, TEST_TO_17], poses[:, TEST_TO_17], valid


def _video_opener(video: Path, num_frames: int) -> Callable[..., Iterator[Frame]]:
    def open_frames(every: int = 1) -> Iterator[Frame]:
        with closing(read_frames(video, every, threads=False)) as frames:
            index = -every
            for index, frame in zip(range(0, num_frames, every), frames, strict=False):
                yield Frame(index, frame.time_s, frame.picture)
            if index + every < num_frames:
                raise SourceError(f"{video}: only {max(index + 1, 0)} frames could be read for {num_frames} poses.")

    return open_frames


def _picture_path(view: Mpi3dhpView, index: int) -> Path:
    return view.folder / "imageSequence" / f"img_{index + 1:06d}.jpg"


def _picture(view: Mpi3dhpView, index: int) -> np.ndarray:
    path = _picture_path(view, index)
    try:
        with Image.open(path, formats=("JPEG",)) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SourceError(f"{path}: cannot be read as a picture ({error}). Unpack the archive again.") from error


def _picture_size(view: Mpi3dhpView, index: int) -> tuple[int, int]:
    height, width = _picture(view, index).shape[:2]
    return width, height


def _picture_opener(view: Mpi3dhpView, valid: Bool[np.ndarray, "T"]) -> Callable[..., Iterator[Frame]]:
    def open_frames(every: int = 1) -> Iterator[Frame]:
        for index in range(0, len(valid), every):
            if valid[index]:
                yield Frame(index, index / TEST_FPS, Picture.from_rgb(_picture(view, index)))

    return open_frames
