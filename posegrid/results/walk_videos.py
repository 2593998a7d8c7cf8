"""Clips of walking people: crop, true pose and estimate side by side, played at the speed of
life.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8

from posegrid.body.formats.viewer import levelling_rotation
from posegrid.results.draw import Picture, labelled
from posegrid.results.sample_pictures import column_titles, sample_row
from posegrid.video.writer import VideoWriter

LONGEST_GAP_S = 0.25
"""Frames further apart than this are no motion any more."""
FEWEST_FRAMES = 10


@dataclass(frozen=True, eq=False)
class Clip:
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


def write_clips(path: Path, clips: list[Clip], size_px: int = 200) -> Picture:
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


def _frames_size(title: Picture, clip: Clip, size_px: int) -> tuple[int, int]:
    """Width and height of the video's frames."""
    row = sample_row(clip.images[0], clip.pose_pred_mm[0], clip.pose_true_mm[0], size_px=size_px)
    height, width = labelled(np.concatenate([title, row]), "", text_px=size_px / 15).shape[:2]
    return width, height
