"""Reads the files of MPI-INF-3DHP: poses (MATLAB, train and test), and camera.calibration.

All come to the 17 joints of the skeleton. Whatever the bytes are: they are read, or refused with a
SourceError that names the file. Mehta et al., 3DV 2017; the fields are described in the README of
the data set and of its test set.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Bool, Float

from posegrid.datasets.matlab import opened_matlab, refuse_missing_or_web_page
from posegrid.errors import SourceError
from posegrid.untrusted import DAMAGED, text_of

TRAIN_TO_17 = (4, 23, 24, 25, 18, 19, 20, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16)
"""Of the 28 joints of the training annotation."""
TEST_TO_17 = (14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4)
"""Of the 17 joints of the test annotation, which stand in another order."""
NUM_CAMERAS, NUM_TRAIN_JOINTS, NUM_TEST_JOINTS = 14, 28, 17
MOST_FRAMES = 10**6
MOST_CALIBRATION_BYTES = 10**6
CALIBRATION_HEAD = "Skeletool Camera Calibration File V1.0"
ACTIVITIES = (
    "Standing/Walking",
    "Exercising",
    "Sitting",
    "Reaching/Crouching",
    "On The Floor",
    "Sports",
    "Miscellaneous",
)
"""Numbers 1 to 7 of the test set's `activity_annotation`."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """The poses of one sequence and camera; that the lengths agree is checked when it is read."""

    keypoints_px: Float[np.ndarray, "_ 17 2"]
    pose_cam_mm: Float[np.ndarray, "_ 17 3"]
    """`annot3`: the person's own size; it projects to the pixels."""
    universal_mm: Float[np.ndarray, "_ 17 3"] | None
    """`univ_annot3`: scaled to the height of Human3.6M's universal skeleton; None where the file
    has none."""
    valid: Bool[np.ndarray, "_"]
    """Frames that count; numbers of the others may be anything."""
    activities: tuple[str, ...] = ()
    """What the person does in each frame; empty where the file does not say it."""


def read_train_annotation(path: Path, camera: int) -> Annotation:
    """The poses that one of the 14 cameras sees (`annot.mat`).

    Raises SourceError if the file says anything else.
    """

    def read(file: h5py.File) -> Annotation:
        numbers = range(NUM_CAMERAS)
        if "cameras" in file:
            numbers = np.asarray(_dataset(file, "cameras")[()]).ravel().tolist()
        cell = list(numbers).index(camera)
        pixels = _train_cell(file, "annot2", cell, 2)
        poses = _train_cell(file, "annot3", cell, 3)
        universal = _train_cell(file, "univ_annot3", cell, 3) if "univ_annot3" in file else None
        return Annotation(pixels, poses, universal, np.ones(len(poses), dtype=bool))

    what = "the annotation of training sequences"
    return _checked(path, _read_or_refused(path, what, lambda: _read_matlab(path, read)))


def _read_matlab(path: Path, read: Callable[[h5py.File], Annotation]) -> Annotation:
    names = ("annot2", "annot3", "univ_annot3", "cameras", "valid_frame", "activity_annotation")
    with opened_matlab(path, names) as file:
        return read(file)


def read_test_annotation(path: Path) -> Annotation:
    """The poses of a test sequence (`annot_data.mat`).

    Raises SourceError if the file says anything else.
    """

    def read(file: h5py.File) -> Annotation:
        pixels, poses = _test_array(file, "annot2", 2), _test_array(file, "annot3", 3)
        universal = _test_array(file, "univ_annot3", 3) if "univ_annot3" in file else None
        valid, marks = _test_marks(file, "valid_frame", (0, 1)) == 1, None
        if "activity_annotation" in file:
            marks = _test_marks(file, "activity_annotation", range(8))
        if marks is not None and (len(marks) != len(valid) or (marks[valid] == 0).any()):
            raise ValueError(
                f"{len(marks)} activities for {len(valid)} marks of validity, or none in a valid "
                "frame"
            )
        names = [] if marks is None else ["none" if m == 0 else ACTIVITIES[m - 1] for m in marks]
        return Annotation(pixels, poses, universal, valid, tuple(names))

    what = "the annotation of a test sequence"
    return _checked(path, _read_or_refused(path, what, lambda: _read_matlab(path, read)))


def read_calibration(
    path: Path, camera_id: str
) -> tuple[tuple[float, float], tuple[float, float], tuple[int, int]]:
    """Focal lengths, principal point and picture size of one camera in `camera.calibration`,
    pixels.

    A head line, then for each camera lines such as "name 0", "size 2048 2048", "intrinsic" with 16
    numbers (rows of a 4 x 4 matrix), "radial 0". Raises SourceError if it lacks the camera, or says
    anything else.
    """

    def read() -> tuple[tuple[float, float], tuple[float, float], tuple[int, int]]:
        lines = [
            line.split()
            for line in text_of(path, MOST_CALIBRATION_BYTES).splitlines()
            if line.strip()
        ]
        if not lines or " ".join(lines[0]) != CALIBRATION_HEAD:
            raise ValueError(f"its first line is not {CALIBRATION_HEAD!r}")
        blocks: list[dict[str, list[str]]] = []
        for name, *values in lines[1:]:
            if name == "name":
                blocks.append({})
            blocks[-1][name] = values
        (block,) = [block for block in blocks if block["name"] == [camera_id]]
        (width, height), radial = (
            map(int, block["size"]),
            [float(value) for value in block["radial"]],
        )
        matrix = np.array(block["intrinsic"], dtype=np.float64).reshape(4, 4)
        (fx, _, cx, _), (_, fy, cy, _) = matrix[:2].tolist()
        plain = np.array([[fx, 0, cx, 0], [0, fy, cy, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        if not (
            np.isfinite(matrix).all() and (matrix == plain).all() and min(fx, fy, width, height) > 0
        ):
            raise ValueError("the camera's intrinsic numbers are none of a pinhole camera")
        if any(radial):
            raise ValueError(
                "the camera has a lens distortion, which this data set is not known to have"
            )
        return (fx, fy), (cx, cy), (width, height)

    return _read_or_refused(path, f"a calibration with the camera {camera_id}", read)


def _read_or_refused(path: Path, what: str, read: Callable[[], Any]) -> Any:
    refuse_missing_or_web_page(path)
    try:
        return read()
    except DAMAGED as error:
        raise SourceError(
            f"{path}: cannot be read as {what} ({error}): it is damaged or something else. "
            "Download it again."
        ) from error


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    data = file[name]
    if not isinstance(data, h5py.Dataset):
        raise ValueError(f"{name} is no array")
    return data


def _train_cell(file: h5py.File, name: str, cell: int, dimensions: int) -> np.ndarray:
    """(T, 17, dimensions) of one camera, whose cell has a column a frame (axes reversed)."""
    data = file[_dataset(file, name)[()].ravel()[cell]]
    width = NUM_TRAIN_JOINTS * dimensions
    if not isinstance(data, h5py.Dataset) or data.dtype.kind not in "biuf":
        raise ValueError(f"cell {cell} of {name} holds no numbers")
    if data.ndim != 2 or data.shape[0] != width:
        shape = data.shape[::-1]
        raise ValueError(f"cell {cell} of {name} has the shape {shape}, expected frames x {width}")
    _refuse_too_many(name, data.shape[1])
    values = np.asarray(data[()], dtype=np.float64).T
    return values.reshape(-1, NUM_TRAIN_JOINTS, dimensions)[:, TRAIN_TO_17]


def _test_array(file: h5py.File, name: str, dimensions: int) -> np.ndarray:
    """(T, 17, dimensions): axes as HDF5 has them, frame first."""
    data, joints = _dataset(file, name), (NUM_TEST_JOINTS, dimensions)
    if data.dtype.kind not in "iuf":
        raise ValueError(f"{name} is no array of numbers")
    if data.ndim < 3 or data.shape[-2:] != joints or prod(data.shape[1:-2]) != 1:
        raise ValueError(
            f"{name} has the shape {data.shape}, expected (frames, 1, {joints[0]}, {joints[1]})"
        )
    _refuse_too_many(name, data.shape[0])
    values = np.asarray(data[()], dtype=np.float64)
    return values.reshape(-1, NUM_TEST_JOINTS, dimensions)[:, TEST_TO_17]


def _test_marks(file: h5py.File, name: str, allowed: tuple[int, ...] | range) -> np.ndarray:
    """(T,) whole numbers, one for each frame."""
    data = _dataset(file, name)
    if data.dtype.kind not in "biuf" or max(data.shape, default=0) != prod(data.shape):
        raise ValueError(f"{name} is no row of numbers")
    _refuse_too_many(name, prod(data.shape))
    values = np.asarray(data[()]).ravel()
    if not np.isin(values, allowed).all():
        raise ValueError(f"{name} holds numbers other than {allowed[0]} to {allowed[-1]}")
    return values.astype(int)


def _refuse_too_many(name: str, count: int) -> None:
    if not 0 < count <= MOST_FRAMES:
        raise ValueError(f"{name} declares {count} frames")


def _checked(path: Path, found: Annotation) -> Annotation:
    """The annotation, if all its parts have the same frames, and numbers in those that count."""
    parts = {
        "pixels": found.keypoints_px,
        "poses": found.pose_cam_mm,
        "universal poses": found.universal_mm,
    }
    parts = {what: values for what, values in parts.items() if values is not None}
    if len({len(found.valid), *map(len, parts.values())}) != 1 or len(found.valid) == 0:
        counts = ", ".join(f"{len(values)} of {what}" for what, values in parts.items())
        raise SourceError(
            f"{path}: its parts have different numbers of frames: {counts}, {len(found.valid)} "
            "marks."
        )
    for what, values in parts.items():
        good = np.isfinite(values).all(axis=(1, 2)) | ~found.valid
        if not good.all():
            raise SourceError(
                f"{path}: {what} are no numbers in {np.sum(~good)} of {len(good)} frames, first "
                "frame "
                f"{int(np.argmin(good))}. Download the file again."
            )
    if not found.valid.any():
        raise SourceError(
            f"{path}: says of none of its {len(found.valid)} frames that it is valid."
        )
    return found
