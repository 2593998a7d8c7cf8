"""Pictures of crops and what is made of them: samples of an evaluation, the grid task's answers, and
clips of walking people, played at the speed of life.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from posegrid.body.formats.viewer import MIDDLE, colour_of, levelling_rotation
from posegrid.body.grid import positive_cells
from posegrid.body.skeleton import JOINT_NAMES
from posegrid.datasets.dataset_facts import load_dataset_facts
from posegrid.datasets.stored_crops import Crops, read_crops
from posegrid.errors import SourceError
from posegrid.results.draw import (
    FRONT,
    SIDE,
    Picture,
    below,
    beside,
    draw_dot,
    draw_pose_3d,
    enlarged,
    labelled,
)
from posegrid.results.models import grid_chances
from posegrid.results.predictions import Predictions, sequence_names
from posegrid.video.writer import VideoWriter

GRID_LINE = (120, 126, 136)
MIDDLE_TINT = (0, 158, 115)
"""Grey, the middle's colour elsewhere, would drown in a grey crop."""


def sample_row(
    image: UInt8[np.ndarray, "S S"],
    estimate_mm: Float[np.ndarray, "17 3"],
    truth_mm: Float[np.ndarray, "17 3"],
    *,
    ground_mm: float | None = None,
    size_px: int = 200,
) -> Picture:
    """A crop, its true pose, the estimate, and both from the side, in a row; poses root-relative,
    levelled, in mm.
    """
    if ground_mm is None:
        ground_mm = float(truth_mm[:, 1].max())
    return beside(
        enlarged(image, size_px),
        draw_pose_3d(truth_mm, size_px, view=FRONT, ground_mm=ground_mm),
        draw_pose_3d(estimate_mm, size_px, view=FRONT, ground_mm=ground_mm),
        draw_pose_3d(estimate_mm, size_px, view=SIDE, true_pose_mm=truth_mm, ground_mm=ground_mm),
    )


COLUMN_NAMES = ("crop", "true pose", "estimate", "both, from the side (true: black)")


def column_titles(size_px: int = 200, gap_px: int = 8) -> Picture:
    """The line above rows of `sample_row`."""
    empty = np.full((1, size_px, 3), 255, np.uint8)
    return beside(
        *(labelled(empty, name, text_px=size_px / 16) for name in COLUMN_NAMES), gap_px=gap_px
    )


def sample_sheet(rows: list[tuple[str, Picture]], size_px: int = 200) -> Picture:
    """Rows of `sample_row` with their captions, below the columns' names."""
    return below(
        column_titles(size_px),
        *(labelled(picture, text, text_px=size_px / 15) for text, picture in rows),
    )


def rows_by_rank(
    error_mm: Float[np.ndarray, "N"], sequence: np.ndarray, count: int
) -> dict[str, list[int]]:
    """Rows of the best, the median and the worst poses, `count` of each, no two of one kind from
    the same sequence.

    Where there are fewer sequences than that, the rows are fewer, too. The median rows are those
    nearest the median.
    """
    order = np.argsort(error_mm, kind="stable")
    middle = np.argsort(np.abs(error_mm - np.median(error_mm)), kind="stable")
    kinds = {"best": order, "median": middle, "worst": order[::-1]}
    return {kind: _of_different_sequences(rows, sequence, count) for kind, rows in kinds.items()}


def _of_different_sequences(rows: np.ndarray, sequence: np.ndarray, count: int) -> list[int]:
    chosen: list[int] = []
    for row in rows.tolist():
        if len(chosen) == count:
            break
        if sequence[row] not in sequence[chosen]:
            chosen.append(row)
    return chosen


GRID_SAMPLES = 3
SHOWN_JOINTS = ("head_top", "right_wrist", "left_elbow", "right_knee", "left_ankle")


def grid_samples(data: Path, weights: Path, own: tuple[str, ...] = ()) -> Picture | None:
    """`grid_answers` of weights of the grid task on a few crops of validation people; None where
    there are none.
    """
    subjects = load_dataset_facts(data).splits.get("validation", [])
    crops = read_crops(data, subjects) if subjects else None
    if not crops:
        return None
    rows = np.linspace(0, len(crops) - 1, min(GRID_SAMPLES, len(crops))).astype(int)
    crops = crops.subset(rows)
    chances, border_px = grid_chances(weights, crops.inputs, own)
    pictures = crops.images if crops.images.ndim == 3 else np.moveaxis(crops.images, 1, -1)
    return grid_answers(pictures, crops.keypoints_crop_px, chances, border_px)


def grid_answers(
    crops: UInt8[np.ndarray, "N S S *rgb"],
    keypoints_px: Float[np.ndarray, "N 17 2"],
    chances: Float[np.ndarray, "N 17 cells cells"],
    border_px: int = 0,
    panel_px: int = 150,
) -> Picture:
    """For each crop and a few joints the true cells, and below them as many as are likeliest.

    border_px: what the network does not see at each side of a crop.
    """
    size, cells = crops.shape[-1] - 2 * border_px, chances.shape[-1]
    inside = slice(border_px, border_px + size)
    rows = []
    for crop, points_px, chance in zip(crops, keypoints_px - border_px, chances, strict=True):
        large, points = enlarged(crop[inside, inside], panel_px), points_px * (panel_px / size)
        positive = positive_cells(points_px[None], size, cells)[0]
        for words in ("true", "likeliest"):
            panels = []
            for name in SHOWN_JOINTS:
                joint = JOINT_NAMES.index(name)
                marked = positive[joint]
                if words == "likeliest":
                    order = chance[joint].argsort(axis=None)[::-1][: int(marked.sum())]
                    marked = np.isin(np.arange(cells**2), order).reshape(cells, cells)
                picture = draw_dot(_with_cells(large, marked, joint), points[joint])
                panels.append(labelled(picture, f"{name.replace('_', ' ')}: {words}", text_px=13))
            rows.append(beside(*panels))
    return below(*rows)


def _with_cells(picture: Picture, positive: Bool[np.ndarray, "cells cells"], joint: int) -> Picture:
    """The picture with a grid over it and the positive cells tinted in the joint's colour."""
    size, cells = picture.shape[0], len(positive)
    edges = np.round(np.arange(cells + 1) * size / cells).astype(int)
    tinted = picture.astype(np.float32)
    colour = MIDDLE_TINT if colour_of(joint) == MIDDLE else colour_of(joint)
    for row, column in np.argwhere(positive):
        area = (slice(edges[row], edges[row + 1]), slice(edges[column], edges[column + 1]))
        tinted[area] = 0.3 * tinted[area] + 0.7 * np.array(colour)
    lines = np.minimum(edges, size - 1)
    tinted[lines] = 0.65 * tinted[lines] + 0.35 * np.array(GRID_LINE)
    tinted[:, lines] = 0.65 * tinted[:, lines] + 0.35 * np.array(GRID_LINE)
    return tinted.round().astype(np.uint8)


def ranked_sheet(
    predictions: Predictions, images: UInt8[np.ndarray, "N *channels S S"], count: int
) -> Picture:
    """The best, the median and the worst poses, `count` of each, with their ranks; the images are
    those of the predictions.
    """
    p = predictions
    errors = p.error_mm
    order = np.argsort(np.argsort(errors, kind="stable"), kind="stable")
    rows = []
    for kind, chosen in rows_by_rank(errors, p.sequence, count).items():
        for row in chosen:
            level = levelling_rotation(p.pose_true_cam_mm[p.sequence == p.sequence[row]])
            poses = (p.pose_pred_cam_mm[row] @ level.T, p.pose_true_cam_mm[row] @ level.T)
            text = (
                f"{kind}: {errors[row]:.1f} mm, rank {order[row] + 1:,} of {len(errors):,}   "
                f"{p.sequence[row]}, frame {p.frame_index[row]}"
            )
            rows.append((text, sample_row(images[row], *poses)))
    return sample_sheet(rows)


LONGEST_GAP_S = 0.25
"""Frames further apart than this are no motion any more."""
FEWEST_FRAMES = 10


@dataclass(frozen=True, eq=False)
class SampleClip:
    """Following frames of one person before one camera."""

    name: str
    """Sequence and camera."""
    images: UInt8[np.ndarray, "T S S"]
    pose_pred_mm: Float[np.ndarray, "T 17 3"]
    """Root-relative, camera frame, as is the truth."""
    pose_true_mm: Float[np.ndarray, "T 17 3"]
    time_s: Float[np.ndarray, "T"]

    @property
    def error_mm(self) -> Float[np.ndarray, "T"]:
        """MPJPE of each frame over 17 joints."""
        return np.linalg.norm(self.pose_pred_mm - self.pose_true_mm, axis=-1).mean(axis=-1)


def following_runs(
    sequence: np.ndarray, time_s: Float[np.ndarray, "N"]
) -> list[Int[np.ndarray, "_"]]:
    """Rows of each unbroken run of frames, for rows sorted by sequence and time; short runs are
    left out.
    """
    gap = np.diff(time_s)
    breaks = (
        np.flatnonzero((sequence[1:] != sequence[:-1]) | (gap <= 0) | (gap > LONGEST_GAP_S)) + 1
    )
    return [run for run in np.split(np.arange(len(time_s)), breaks) if len(run) >= FEWEST_FRAMES]


def varied_runs(
    runs: list[Int[np.ndarray, "_"]],
    subject: np.ndarray,
    camera_id: np.ndarray,
    time_s: Float[np.ndarray, "N"],
    *,
    seconds: float,
) -> list[Int[np.ndarray, "_"]]:
    """Runs that fill about the seconds: different people first, then cameras, then the longest.

    None is longer than a third of the seconds, so that there are three people where the data have
    them.
    """
    left, chosen, filled_s = list(runs), [], 0.0
    people: Counter[str] = Counter()
    cameras: Counter[str] = Counter()
    while left and filled_s < 0.95 * seconds:
        left.sort(
            key=lambda run: (
                people[str(subject[run[0]])],
                cameras[str(camera_id[run[0]])],
                -len(run),
            )
        )
        run = left.pop(0)
        people[str(subject[run[0]])] += 1
        cameras[str(camera_id[run[0]])] += 1
        run = run[time_s[run] - time_s[run[0]] <= seconds / 3]
        filled_s += float(time_s[run[-1]] - time_s[run[0]]) + float(np.diff(time_s[run]).mean())
        chosen.append(run)
    return chosen


def write_clips(path: Path, clips: list[SampleClip], size_px: int = 200) -> Picture:
    """Write the clips one after the other into one video; a picture from the middle of the first
    comes back.

    Every frame is shown as long as it lasted. Raises OutputError if the video cannot be written.
    """
    title = column_titles(size_px)
    steps = np.concatenate([np.diff(clip.time_s) for clip in clips])
    step_s = float(np.median(steps))
    first = _frames_size(title, clips[0], size_px)
    start_s, poster = 0.0, np.full((first[1], first[0], 3), 255, np.uint8)
    with VideoWriter(path, fps=round(1 / step_s, 3), size_wh=first) as video:
        for number, clip in enumerate(clips):
            level = levelling_rotation(clip.pose_true_mm)
            estimate, truth = clip.pose_pred_mm @ level.T, clip.pose_true_mm @ level.T
            ground_mm = float(np.median(truth[..., 1].max(axis=1)))
            for frame, time_s in enumerate(clip.time_s - clip.time_s[0]):
                row = sample_row(
                    clip.images[frame],
                    estimate[frame],
                    truth[frame],
                    ground_mm=ground_mm,
                    size_px=size_px,
                )
                text = f"{clip.name}   {time_s:.2f} s   error {clip.error_mm[frame]:.0f} mm"
                picture = labelled(np.concatenate([title, row]), text, text_px=size_px / 15)
                video.write(picture, start_s + float(time_s))
                if number == 0 and frame == len(clip.time_s) // 2:
                    poster = picture
            start_s += float(clip.time_s[-1] - clip.time_s[0]) + step_s
    return poster


def _frames_size(title: Picture, clip: SampleClip, size_px: int) -> tuple[int, int]:
    """Width and height of the video's frames."""
    row = sample_row(clip.images[0], clip.pose_pred_mm[0], clip.pose_true_mm[0], size_px=size_px)
    height, width = labelled(np.concatenate([title, row]), "", text_px=size_px / 15).shape[:2]
    return width, height


def chosen_runs(of: Predictions | Crops, video_s: float) -> list[np.ndarray]:
    """Rows of the runs to show, of poses or crops sorted by sequence and frame."""
    sequence = sequence_names(of.subject, of.action, of.subaction, of.camera_id)
    runs = following_runs(sequence, of.time_s)
    return varied_runs(runs, of.subject, of.camera_id, of.time_s, seconds=video_s)


def rows_in(crops: Crops, predictions: Predictions) -> np.ndarray:
    """For each prediction the row of its crop. Raises SourceError if a crop is not there."""
    keys = zip(
        crops.subject,
        crops.action,
        crops.subaction,
        crops.camera_id,
        crops.frame_index,
        strict=True,
    )
    row_of = {key: row for row, key in enumerate(keys)}
    p = predictions
    wanted = zip(p.subject, p.action, p.subaction, p.camera_id, p.frame_index, strict=True)
    try:
        return np.array([row_of[key] for key in wanted])
    except KeyError as error:
        raise SourceError(
            f"The data lack the crop {error.args[0]} that was evaluated; give the same --data."
        ) from None


def clip_of(predictions: Predictions, run: np.ndarray, images: np.ndarray) -> SampleClip:
    """Following rows of the predictions as a clip."""
    p = predictions
    return SampleClip(
        str(p.sequence[run[0]]),
        images,
        p.pose_pred_cam_mm[run],
        p.pose_true_cam_mm[run],
        p.time_s[run],
    )
