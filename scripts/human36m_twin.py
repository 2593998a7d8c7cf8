"""A twin of Human3.6M's Walking: all subjects with poses, the real numbers of frames, and every
fault of the release.

What is written is drawn figures of made-up walks, in the release's own layout and with its odd
names. Each fault that `FAULTS` lists is in it on purpose, so that a reader can be asked whether it
found it. `prove_human36m.py` does ask.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import scipy.io
from cdflib import cdfwrite
from PIL import Image, ImageDraw

from posegrid.body.camera import Camera
from posegrid.body.skeleton import HUMAN36M_32_PARENTS
from posegrid.datasets.human36m.files import MaskWriter, opened_masks, read_pose_cdf, write_pose_cdf
from posegrid.datasets.human36m.layout import (
    CAMERA_IDS,
    KEYPOINTS,
    MASKS,
    POSES_CAMERA,
    POSES_UNIVERSAL,
    VIDEOS,
    view_path,
)
from posegrid.datasets.human36m.writer import (
    ViewWriter,
    mark_synthetic,
    write_metadata,
    write_poses,
)
from posegrid.video.video import read_frames
from posegrid.video.writer import VideoWriter
from posegrid.walkers.clip import ClipPlan, film

POSES_OF = {
    "S1": (3305, 3305),
    "S5": (2761, 2760),
    "S6": (3182, 3182),
    "S7": (3630, 3629),
    "S8": (3716, 3716),
    "S9": (2446, 1612),
    "S11": (1629, 1629),
}
"""Poses of both sequences of Walking; the sums are the release's, where they are cut in two is not
known but for S9.
"""
FRAMES_OF_S9_WALKING = 3115
SHORT = 40
"""Poses of the sequences that are not Walking: they are here for their faults."""
SHIFTED = (
    ("Greeting", 2, "Greeting"),
    ("SittingDown", 1, "SittingDown 1"),
    ("Waiting", 1, "Waiting 1"),
)
SHIFT_MM = np.array([200.0, 0.0, 0.0])
MISCOUNTED = ("S11", "Walking", 1)
"""Of this sequence metadata.xml says that it has three poses, and twelve frames of every video,
more.
"""
WEB_PAGE = "<!DOCTYPE html>\n<html><body>Please log in</body></html>"


@dataclass(frozen=True)
class Recording:
    """One sequence to write."""

    subject: str
    action: str
    subaction: int
    file_base: str
    num_poses: int
    surplus: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Frames that each camera's video runs on after the poses."""


def recordings(share: float) -> list[Recording]:
    """What the twin holds; of Walking this share of the real frames."""
    found = []
    for subject, counts in POSES_OF.items():
        bases = ("Walking 1", "Walking 2") if subject == "S7" else ("Walking 1", "Walking")
        for subaction, (base, count) in enumerate(zip(bases, counts, strict=True), start=1):
            surplus = (0, 10, 7, 2) if subject in ("S1", "S8") else (1, 0, 0, 2)
            if (subject, base) == ("S9", "Walking"):
                surplus = (max(int(share * (FRAMES_OF_S9_WALKING - count)), 13),) * 4
            found.append(
                Recording(subject, "Walking", subaction, base, max(int(share * count), 12), surplus)
            )
    found += [
        Recording("S9", action, subaction, base, SHORT) for action, subaction, base in SHIFTED
    ]
    found += [
        Recording("S11", "Directions", 2, "Directions", SHORT),
        Recording("S1", "Eating", 1, "Eating 2", SHORT),
    ]
    return found


def write_twin(root: Path, share: float, picture_size: int, seed: int) -> Iterator[Recording]:
    """Writes the twin, yielding each recording when it is written; the faults come last."""
    todo = recordings(share)
    cameras: dict[tuple[str, str], Camera] = {}
    for recording in todo:
        plan = ClipPlan(
            seed=seed,
            subject=recording.subject,
            subaction=recording.subaction,
            num_frames=recording.num_poses + max(recording.surplus),
            picture_size=picture_size,
        )
        clip = film(plan)
        cameras |= {(recording.subject, id_): camera for id_, camera in clip.cameras.items()}
        write_recording(root, recording, clip.joints_world_mm, clip.cameras)
        yield recording
    keys = {(r.subject, r.action, r.subaction): r for r in todo}
    counts = {
        key: tuple(r.num_poses + n for n in (*r.surplus, 3 * r.num_poses))
        for key, r in keys.items()
    }
    counts[MISCOUNTED] = tuple(count + 12 for count in counts[MISCOUNTED])
    write_metadata(
        root,
        cameras,
        counts,
        file_bases={key: recording.file_base for key, recording in keys.items()},
        splits={"train": ("S1", "S5", "S6", "S7", "S8"), "val": ("S9", "S11")},
    )
    mark_synthetic(
        root, "Drawn figures of made-up walks, with the faults of the release on purpose."
    )
    for fault in FAULTS:
        fault.inject(root)


def write_recording(
    root: Path, recording: Recording, joints_world_mm: np.ndarray, cameras: dict[str, Camera]
) -> None:
    """One sequence's files: poses of all kinds, and the videos and masks of four cameras."""
    poses = joints_world_mm[: recording.num_poses]
    released = (
        poses + SHIFT_MM
        if (recording.action, recording.subaction, recording.file_base) in SHIFTED
        else poses
    )
    subject, base = recording.subject, recording.file_base
    for camera_id, surplus in zip(CAMERA_IDS, recording.surplus, strict=True):
        camera = cameras[camera_id]
        write_poses(root, subject, base, camera_id, released, camera)
        universal = 0.97 * camera.world_to_camera(released)
        write_pose_cdf(view_path(root, subject, POSES_UNIVERSAL, base, camera_id), universal)
        keypoints_px = camera.project(
            camera.world_to_camera(joints_world_mm[: recording.num_poses + surplus])
        )
        with ViewWriter(root, subject, base, camera_id, 50, camera.size_wh) as view:
            for points in keypoints_px:
                view.write(*drawn(points, camera.size_wh))


def drawn(keypoints_px: np.ndarray, size_wh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A figure of thick lines between the joints before a wall, and its mask."""
    image, mask = Image.new("RGB", size_wh, (150, 140, 120)), Image.new("1", size_wh)
    width = max(int(np.ptp(keypoints_px[:, 1]) / 9), 2)
    for joint, parent in enumerate(HUMAN36M_32_PARENTS):
        if parent >= 0:
            line = [tuple(keypoints_px[parent]), tuple(keypoints_px[joint])]
            shade = 40 + 5 * joint
            ImageDraw.Draw(image).line(line, fill=(shade, shade // 2, 90), width=width)
            ImageDraw.Draw(mask).line(line, fill=1, width=width)
    return np.asarray(image), np.asarray(mask)


# --- faults
# ---------------------------------------------------------------------------------------------------------


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
        for index in (1, 4):
            file["Masks"][index, 0] = empty.ref


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
        "poses end before the video",
        "poses end early",
    ),
    Fault("videos some frames longer", "S1 Walking 1 55011271", left_alone, None, "the last 10 of"),
    Fault(
        "S9's shifted poses",
        "S9 Greeting 2",
        left_alone,
        "shifted poses",
        "lie beside",
        skipped=True,
    ),
    Fault(
        "S9's shifted poses",
        "S9 SittingDown 1",
        left_alone,
        "shifted poses",
        "lie beside",
        skipped=True,
    ),
    Fault(
        "S9's shifted poses",
        "S9 Waiting 1",
        left_alone,
        "shifted poses",
        "lie beside",
        skipped=True,
    ),
    Fault(
        "S11's broken view",
        "S11 Directions 2 54138969",
        lambda root: cut(file_of(root, "S11", VIDEOS, "Directions", 0)),
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
        "masks",
        "cannot be read as a MATLAB 7.3 file",
        skipped=True,
    ),
    Fault(
        "masks of a shorter video",
        "S7 Walking 1 54138969",
        lambda root: rewrite_masks(
            file_of(root, "S7", MASKS, "Walking 1", 0), lambda _, mask: mask, keep=0.9
        ),
        "files that do not fit together",
        "masks, but",
        skipped=True,
    ),
    Fault(
        "keypoints of another length",
        "S7 Walking 2 55011271",
        lambda root: shortened(file_of(root, "S7", KEYPOINTS, "Walking 2", 1), 2, 9),
        "files that do not fit together",
        "has 9 frames, but the poses",
        skipped=True,
    ),
    Fault(
        "video shorter than the poses",
        "S11 Walking 2 60457274",
        lambda root: first_frames(file_of(root, "S11", VIDEOS, "Walking", 3), 9),
        "files that do not fit together",
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
