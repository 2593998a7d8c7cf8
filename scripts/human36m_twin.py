"""A twin of Human3.6M: all subjects with poses, the real names and numbers of frames, every fault.

What is written is drawn figures of made-up walks, in the release's own layout and with its odd
names. Whoever walks for longer than `ROUND` frames goes the same round again, so that a whole
release can be written: its videos repeat coded pictures, its masks refer to those of the first
round. Each fault that `FAULTS` lists is in it on purpose, so that a reader can be asked whether it
found it. `prove_human36m.py` does ask.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import av
import h5py
import numpy as np
from human36m_faults import FAULTS
from PIL import Image, ImageDraw

from posegrid.body.camera import Camera
from posegrid.body.skeleton import HUMAN36M_32_PARENTS
from posegrid.datasets.human36m.layout import (
    BOXES,
    CAMERA_IDS,
    MASKS,
    POSES_UNIVERSAL,
    VIDEOS,
    view_path,
)
from posegrid.datasets.human36m.metadata import SequenceKey
from posegrid.datasets.human36m.release_files import MaskWriter, filled_box, write_pose_cdf
from posegrid.datasets.human36m.release_writer import (
    ACTIONS,
    default_file_base,
    mark_synthetic,
    write_metadata,
    write_poses,
)
from posegrid.video.writer import VideoWriter
from posegrid.walkers.clip import ClipPlan, film

Picture = tuple[np.ndarray, np.ndarray]
"""Image (H, W, 3) and mask (H, W)."""
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
ROUND = 23
"""Frames of a round: a prime, so that what slips by some seconds of video is seen to slip."""
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
            num_frames=min(recording.num_poses + max(recording.surplus), ROUND),
            picture_size=picture_size,
        )
        walked = filmed(plan)
        cameras |= {(recording.subject, id_): camera for id_, camera in walked.cameras.items()}
        write_recording(root, recording, walked)
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


@dataclass(frozen=True, eq=False)
class Round:
    """What is walked again and again."""

    joints_world_mm: np.ndarray
    """(T, 32, 3)."""
    cameras: dict[str, Camera]
    pictures: dict[str, list[Picture]]
    """Of each camera, by id."""


@cache
def filmed(plan: ClipPlan) -> Round:
    """The plan's walk, drawn; a subject walks alike in all actions."""
    clip = film(plan)
    pictures = {
        id_: [
            drawn(points, camera.size_wh)
            for points in camera.project(camera.world_to_camera(clip.joints_world_mm))
        ]
        for id_, camera in clip.cameras.items()
    }
    return Round(clip.joints_world_mm, clip.cameras, pictures)


def write_recording(root: Path, recording: Recording, walked: Round) -> None:
    """One sequence's files: poses of all kinds, and the videos and masks of four cameras."""
    poses = walked.joints_world_mm[np.arange(recording.num_poses) % len(walked.joints_world_mm)]
    released = poses + SHIFT_MM if recording.key in SHIFTED else poses
    subject, base = recording.subject, recording.file_base
    for camera_id, surplus in zip(CAMERA_IDS, recording.surplus, strict=True):
        camera = walked.cameras[camera_id]
        write_poses(root, subject, base, camera_id, released, camera)
        universal = 0.97 * camera.world_to_camera(released)
        write_pose_cdf(view_path(root, subject, POSES_UNIVERSAL, base, camera_id), universal)
        pictures = walked.pictures[camera_id]
        write_view(root, recording, camera_id, pictures, recording.num_poses + surplus)


def write_view(
    root: Path, recording: Recording, camera_id: str, pictures: list[Picture], num_frames: int
) -> None:
    """Video, masks and boxes of one camera: whole rounds of these pictures, then the last one's
    beginning."""
    rounds, rest = divmod(num_frames, len(pictures))
    paths = {
        kind: view_path(root, recording.subject, kind, recording.file_base, camera_id)
        for kind in (VIDEOS, MASKS, BOXES)
    }
    size_wh = pictures[0][1].shape[::-1]
    videos = []
    for number, some in enumerate((pictures, pictures[:rest])):
        if some and (number or rounds):
            videos.append(paths[VIDEOS].with_suffix(f".part{number}.mp4"))
            with VideoWriter(videos[-1], 50, size_wh) as video:
                for image, _ in some:
                    video.write(image)
    join_videos(paths[VIDEOS], [*videos[:1] * rounds, *videos[len(videos) - bool(rest) :]])
    for path in videos:
        path.unlink()
    for kind, shape in ((MASKS, np.asarray), (BOXES, filled_box)):
        with MaskWriter(paths[kind]) as writer:
            for _, mask in pictures:
                writer.write(shape(mask))
        repeat_masks(paths[kind], num_frames)


def join_videos(path: Path, parts: list[Path]) -> None:
    """One video after the other, coded pictures copied as they are; all begin with a key frame."""
    opened = {part: av.open(str(part)) for part in dict.fromkeys(parts)}
    streams = {part: container.streams.video[0] for part, container in opened.items()}
    coded = {
        part: [packet for packet in container.demux(streams[part]) if packet.dts is not None]
        for part, container in opened.items()
    }
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as whole:
        stream, shift = whole.add_stream_from_template(streams[parts[0]]), 0
        for part in parts:
            for one in coded[part]:
                packet = av.Packet(bytes(one))
                packet.pts, packet.dts = one.pts + shift, one.dts + shift
                packet.duration, packet.time_base = one.duration, one.time_base
                packet.is_keyframe, packet.stream = one.is_keyframe, stream
                whole.mux(packet)
            shift += streams[part].duration
    for container in opened.values():
        container.close()


def repeat_masks(path: Path, num_frames: int) -> None:
    """The mask file with so many cells, which refer to its masks round by round."""
    with h5py.File(path, "r+") as file:
        cells = file["Masks"][:, 0]
        about = dict(file["Masks"].attrs)
        del file["Masks"]
        again = file.create_dataset("Masks", (num_frames, 1), dtype=h5py.ref_dtype)
        again[:, 0] = cells[np.arange(num_frames) % len(cells)]
        again.attrs.update(about)


def drawn(keypoints_px: np.ndarray, size_wh: tuple[int, int]) -> Picture:
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
