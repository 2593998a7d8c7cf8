"""Faults of the Human3.6M release and of downloads: how each gets in, what must come out."""

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import scipy.io
from cdflib import cdfwrite

from posegrid.datasets.human36m.layout import (
    CAMERA_IDS,
    KEYPOINTS,
    MASKS,
    POSES_CAMERA,
    VIDEOS,
    view_path,
)
from posegrid.datasets.human36m.release_files import (
    MaskWriter,
    opened_masks,
    read_pose_cdf,
    write_pose_cdf,
)
from posegrid.video.video import read_frames
from posegrid.video.writer import VideoWriter

WEB_PAGE = "<!DOCTYPE html>\n<html><body>Please log in</body></html>"


@dataclass(frozen=True)
class Fault:
    """A fault of the release, or of a download of it: how it gets in, and what must come out."""

    name: str
    where: str
    """Sequence or file that it must be found in."""
    inject: Callable[[Path], object]
    doctor: str | None
    """What `doctor` calls it; None where there is nothing to say."""
    prepare: str | None = None
    """Words of the reason why `prepare` left the sequence out, or of the note it made; None: it is
    as any other.
    """
    skipped: bool = False
    """Whether `prepare` leaves the whole sequence out."""


def file_of(root: Path, subject: str, kind: str, file_base: str, camera: int) -> Path:
    return view_path(root, subject, kind, file_base, CAMERA_IDS[camera])


def cut(path: Path, share: float = 0.5) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


def with_nan(path: Path) -> None:
    """Rewritten with one number missing; our own writer would refuse."""
    values = read_pose_cdf(path, 3)
    values[5, 3, 1] = np.nan
    path.unlink()
    cdf = cdfwrite.CDF(path, cdf_spec={"Majority": "row_major"}, delete=True)
    about = {
        "Variable": "Pose",
        "Data_Type": 44,
        "Num_Elements": 1,
        "Rec_Vary": True,
        "Var_Type": "zVariable",
    }
    cdf.write_var(
        {**about, "Dim_Sizes": [len(values), 96]}, var_data=values.reshape(1, len(values), 96)
    )
    cdf.close()


def rewrite_masks(
    path: Path, change: Callable[[int, np.ndarray], np.ndarray], keep: float = 1.0
) -> None:
    """The file with every mask changed, and only the first of them kept."""
    with opened_masks(path) as masks:
        changed = [
            change(index, np.asarray(masks.mask(index))) for index in range(int(keep * len(masks)))
        ]
    with MaskWriter(path) as writer:
        for mask in changed:
            writer.write(mask)


def speck(index: int, mask: np.ndarray) -> np.ndarray:
    """Six masks of ten show a speck instead of the person."""
    if index % 10 >= 6:
        return mask
    missed = np.zeros_like(mask)
    missed[:3, :3] = True
    return missed


def empty_cells(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        empty = file.create_dataset("#refs#/empty", data=np.zeros(2, dtype=np.uint64))
        empty.attrs["MATLAB_empty"] = np.int32(1)
        masks = file["Masks"]
        for index in (0, 64 if len(masks) > 64 else 4):
            masks[index, 0] = empty.ref


def as_old_matlab(path: Path) -> None:
    with opened_masks(path) as masks:
        cells = np.empty((len(masks), 1), dtype=object)
        cells[:, 0] = [masks.mask(index) for index in range(len(masks))]
    scipy.io.savemat(path, {"Masks": cells}, do_compression=True)


def first_frames(path: Path, count: int) -> None:
    """The video with its first frames only."""
    with closing(read_frames(path)) as frames:
        images = [frame.image for frame in islice(frames, count)]
    with VideoWriter(path, 50, (images[0].shape[1], images[0].shape[0])) as video:
        for image in images:
            video.write(image)


def underscored(folder: Path) -> None:
    for path in list(folder.iterdir()):
        path.rename(path.with_name(path.name.replace(" ", "_")))


def other_folder(root: Path) -> None:
    (root / "S6" / POSES_CAMERA).rename(root / "S6" / "Poses_D3_Positions_mono")


def to_archive(root: Path) -> None:
    file_of(root, "S5", MASKS, "Walking 1", 3).unlink()
    (root / "Segments_mat_gt_bs_S5.tgz").write_bytes(b"\x1f\x8b" + bytes(100))


def shortened(path: Path, dimensions: int, num_frames: int) -> None:
    values = read_pose_cdf(path, dimensions)[:num_frames]
    path.unlink()
    write_pose_cdf(path, values)


def left_alone(root: Path) -> None:
    """What was written with the fault in it from the beginning."""


FAULTS = (
    Fault(
        "video ends long after the poses",
        "S9 Walking 2",
        left_alone,
        "poses end early, as the release has it: N poses for N video frames; the rest is left out",
        "poses end early",
    ),
    Fault(
        "videos some frames longer",
        "S1 Walking 1 55011271",
        left_alone,
        "the last N of N video frames have no pose and are left out",
        "the last 12 of",
    ),
    Fault(
        "S9's shifted poses",
        "S9 Greeting 2",
        left_alone,
        "the release's poses of this sequence are known to lie beside the person",
        "lie beside",
        skipped=True,
    ),
    Fault(
        "S9's shifted poses",
        "S9 SittingDown 2",
        left_alone,
        "the release's poses of this sequence are known to lie beside the person",
        "lie beside",
        skipped=True,
    ),
    Fault(
        "S9's shifted poses",
        "S9 Waiting 1",
        left_alone,
        "the release's poses of this sequence are known to lie beside the person",
        "lie beside",
        skipped=True,
    ),
    Fault(
        "S11's broken view",
        "S11 Directions 2 54138969",
        lambda root: cut(file_of(root, "S11", VIDEOS, "Directions", 0), 0.02),
        "damaged video",
        "known to be damaged in many copies",
        skipped=True,
    ),
    Fault(
        "log-in page saved as poses",
        "S5 Walking 1 55011271",
        lambda root: file_of(root, "S5", POSES_CAMERA, "Walking 1", 1).write_text(WEB_PAGE),
        "damaged pose file",
        "web page",
        skipped=True,
    ),
    Fault(
        "log-in page saved as an archive",
        "Videos_S2.tgz",
        lambda root: (root / "Videos_S2.tgz").write_text(WEB_PAGE),
        "log-in page saved as an archive",
    ),
    Fault("archive not unpacked", "Segments_mat_gt_bs_S5.tgz", to_archive, "archive not unpacked"),
    Fault(
        "masks missing", "S5 Walking 1 60457274", left_alone, "no masks", "no masks", skipped=True
    ),
    Fault(
        "masks cut off",
        "S6 Walking 1 58860488",
        lambda root: cut(file_of(root, "S6", MASKS, "Walking 1", 2)),
        "damaged mask file",
        "cannot be read as a MATLAB 7.3 file",
        skipped=True,
    ),
    Fault(
        "masks of a shorter video",
        "S7 Walking 1 54138969",
        lambda root: rewrite_masks(
            file_of(root, "S7", MASKS, "Walking 1", 0), lambda _, mask: mask, keep=0.9
        ),
        "cannot be used",
        "masks, but",
        skipped=True,
    ),
    Fault(
        "keypoints of another length",
        "S7 Walking 2 55011271",
        lambda root: shortened(file_of(root, "S7", KEYPOINTS, "Walking 2", 1), 2, 9),
        "cannot be used",
        "has 9 frames, but the poses",
        skipped=True,
    ),
    Fault(
        "video shorter than the poses",
        "S11 Walking 2 60457274",
        lambda root: first_frames(file_of(root, "S11", VIDEOS, "Walking", 3), 9),
        "cannot be used",
        "only 9 frames",
        skipped=True,
    ),
    Fault(
        "poses that are no numbers",
        "S8 Walking 2 58860488",
        lambda root: with_nan(file_of(root, "S8", POSES_CAMERA, "Walking", 2)),
        "damaged pose file",
        "values that are no numbers, first frame 5",
        skipped=True,
    ),
    Fault(
        "masks of poor quality",
        "S8 Walking 1 60457274",
        lambda root: rewrite_masks(file_of(root, "S8", MASKS, "Walking 1", 3), speck),
        "poor masks",
        "holds less than 80% of the joints",
    ),
    Fault(
        "empty masks",
        "S1 Walking 2 54138969",
        lambda root: empty_cells(file_of(root, "S1", MASKS, "Walking", 0)),
        None,
        "2 frames left out: the mask is empty",
    ),
    Fault(
        "masks in MATLAB's older format",
        "S1 Eating 1 54138969",
        lambda root: as_old_matlab(file_of(root, "S1", MASKS, "Eating 2", 0)),
        None,
    ),
    Fault(
        "number of poses not metadata.xml's",
        "S11 Walking 1",
        left_alone,
        "number of poses is not that of metadata.xml",
    ),
    Fault("sequence named by the table only", "S1 Eating 1", left_alone, None),
    Fault("second walk called Walking 2", "S7 Walking 2 54138969", left_alone, None),
    Fault(
        "underscores for spaces",
        "S8 Walking 2 54138969",
        lambda root: underscored(root / "S8" / KEYPOINTS),
        None,
    ),
    Fault("poses in a folder of the archive's name", "S6 Walking 1 54138969", other_folder, None),
    Fault(
        "file of an unknown name",
        "Walking 3.54138969.mp4",
        lambda root: shutil.copy(
            file_of(root, "S11", VIDEOS, "Directions", 1),
            file_of(root, "S11", VIDEOS, "Walking 3", 0),
        ),
        "file of an unknown name",
    ),
)
"""In the order in which they get in."""
