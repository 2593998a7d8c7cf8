"""A twin of Human3.6M: all subjects with poses, the real names and numbers of frames, every fault.

What is written is drawn figures of made-up walks, in the release's own layout and with its odd
names. Each fault that `FAULTS` lists is in it on purpose, so that a reader can be asked whether it
found it. `prove_human36m.py` does ask.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
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
from posegrid.datasets.human36m.metadata import SequenceKey
from posegrid.datasets.human36m.writer import (
    ACTIONS,
    ViewWriter,
    default_file_base,
    mark_synthetic,
    write_metadata,
    write_poses,
)
from posegrid.video.video import read_frames
from posegrid.video.writer import VideoWriter
from posegrid.walkers.clip import ClipPlan, film

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
COUNTS = """
2 1 1384 4974 2844 2549 2012 2357 1553
2 2 1613 2069 2820 2950 2029 2701 1826
3 1 3806 6091 2721 5417 1932 5875 2685
3 2 3853 5936 2417 5472 2065 5307 2199
4 1 2359 3277 2011 3765 2808 2664 2276
4 2 2722 2332 2227 3173 2695 2687 2205
5 1 1266 1475 1981 2216 1599 2712 1696
5 2 1150 3201 1622 2163 1448 2899 1809
6 1 2637 3278 2379 4355 2972 3822 3391
6 2 2267 2085 2087 3587 3320 3465 3493
7 1 1168 2246 1160 2342 1813 1969 1482
7 2 994 1885 1162 2921 1686 1965 1407
8 1 1066 2479 1333 1238 1276 1227 1027
8 2 1160 3125 1383 1528 1193 1530 1042
9 1 3305 3938 1818 4535 2074 3073 1859
9 2 2613 3880 1999 2827 2141 2963 2180
10 1 3032 5204 1874 4550 1502 2933 1842
10 2 2756 3927 1595 6344 1555 2788 2005
11 1 2612 3202 2900 4396 2933 4378 2768
11 2 2479 3422 3174 4872 3334 4336 2410
12 1 1075 3326 1673 2156 1617 1450 1546
12 2 1038 2783 1776 1878 1701 2347 1992
13 1 1441 4519 2306 4202 1613 3390 2281
13 2 1793 4857 2055 4333 1716 3313 2263
14 1 3477 3002 2751 3637 3738 2447 1638
14 2 3136 2523 3615 3624 3696 3115 1622
15 1 1663 1938 1997 2642 1736 2218 1188
15 2 1779 2136 1595 2733 1645 2239 1436
16 1 1276 3017 1630 2381 2361 1686 1794
16 2 1232 2986 1591 2872 2500 1704 1361
"""
"""Frames of the release's videos: number of action, subaction, and of each subject's first camera."""
EARLY = {
    ("S1", "SittingDown", 2): 2742,
    ("S9", "Greeting", 2): 1447,
    ("S9", "Phoning", 2): 3319,
    ("S9", "SittingDown", 2): 1554,
    ("S9", "Waiting", 1): 1612,
    ("S9", "Walking", 2): 1612,
}
"""Poses of the sequences of which the release has fewer than frames."""
TWO_FEWER = {("S1", "Walking", 1), ("S5", "Walking", 1), ("S5", "Walking", 2)}
"""Sequences of Walking with two poses fewer than frames; the others have one fewer. Sums by subject
are the release's; which of two sequences it is, is not known."""
NUM_TWO_FEWER = {"training": 25, "test": 7}
"""The same of the other actions: the sums are the release's, which sequences it is is not known."""
TEST_SUBJECTS = ("S9", "S11")
FEWEST = 12
"""Poses of a sequence at least, whatever the share."""
SHORT = 40
"""Poses of the sequences that are not Walking, where they are here for their faults alone."""
FOR_THEIR_FAULTS = (
    ("S9", "Greeting", 2),
    ("S9", "SittingDown", 2),
    ("S9", "Waiting", 1),
    ("S11", "Directions", 2),
    ("S1", "Eating", 1),
)
SHIFTED = FOR_THEIR_FAULTS[:3]
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
    num_poses: int
    surplus: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Frames that each camera's video runs on after the poses."""

    @property
    def key(self) -> SequenceKey:
        return self.subject, self.action, self.subaction

    @property
    def file_base(self) -> str:
        return default_file_base(self.action, self.subaction, self.subject)


def released() -> list[Recording]:
    """What the release holds with poses; how much longer the other cameras' videos are is made up."""
    found, left = [], dict(NUM_TWO_FEWER)
    for row in COUNTS.split("\n")[1:-1]:
        action, subaction, *frames = map(int, row.split())
        for subject, count in zip(SUBJECTS, frames, strict=True):
            key = (subject, ACTIONS[action - 1], subaction)
            half = "test" if subject in TEST_SUBJECTS else "training"
            other = key[1] not in ("Walking", "Directions") and key not in EARLY and left[half] > 0
            left[half] -= other
            poses = EARLY.get(key, count - (2 if other or key in TWO_FEWER else 1))
            longer = (0, 10, 7, 0) if subject in ("S1", "S8") else (0, 0, 2, 0)
            surplus = tuple(count - poses + more for more in longer)
            found.append(Recording(*key, poses, surplus))  # type: ignore[arg-type]
    return found


def recordings(share: float, all_actions: bool = False) -> list[Recording]:
    """What the twin holds: this share of the real frames of Walking, or of all actions."""
    found = []
    for whole in released():
        if not all_actions and whole.action != "Walking":
            if whole.key in FOR_THEIR_FAULTS:
                found.append(replace(whole, num_poses=SHORT, surplus=(0, 0, 0, 0)))
            continue
        num_poses, surplus = max(int(share * whole.num_poses), FEWEST), whole.surplus
        if whole.key in EARLY:
            surplus = (max(int(share * surplus[0]), 13),) * 4
        found.append(replace(whole, num_poses=num_poses, surplus=surplus))
    return found


def write_twin(
    root: Path, todo: list[Recording], picture_size: int, seed: int
) -> Iterator[Recording]:
    """Writes the twin, yielding each recording when it is written; the faults come last."""
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
    counts = frame_counts(todo)
    counts[MISCOUNTED] = tuple(count + 12 for count in counts[MISCOUNTED])
    write_metadata(root, cameras, counts)
    mark_synthetic(
        root, "Drawn figures of made-up walks, with the faults of the release on purpose."
    )
    for fault in FAULTS:
        fault.inject(root)


def frame_counts(todo: list[Recording]) -> dict[SequenceKey, tuple[int, ...]]:
    """What metadata.xml says of the recordings: frames of four videos, and of the motion capture."""
    return {r.key: tuple(r.num_poses + n for n in (*r.surplus, 3 * r.num_poses)) for r in todo}


def write_recording(
    root: Path, recording: Recording, joints_world_mm: np.ndarray, cameras: dict[str, Camera]
) -> None:
    """One sequence's files: poses of all kinds, and the videos and masks of four cameras."""
    poses = joints_world_mm[: recording.num_poses]
    released = poses + SHIFT_MM if recording.key in SHIFTED else poses
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
