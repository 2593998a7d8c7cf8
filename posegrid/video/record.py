"""What is noted of the frames of a video as they pass, to say afterwards what was unusual."""

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float

from posegrid.video.times import gap_note
from posegrid.video.video import VideoFrame

SAMPLES_ACROSS = 24
"""Pixels looked at along the picture's longer side."""
UNLIKE = 40
"""A pixel's brightness (of 255) has changed if it is so far from its median over the video."""


class FrameRecord:
    """Times and a few pixels of each frame of one pass."""

    def __init__(self) -> None:
        self._time_s: list[float] = []
        self._grey: list[np.ndarray] = []
        self._num_moved = 0

    def noting(self, frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
        """The same frames."""
        for frame in frames:
            self._time_s.append(frame.time_s)
            self._num_moved += frame.is_moved
            step = max(1, max(frame.picture.size_wh) // SAMPLES_ACROSS)
            grey = frame.picture.picked_rgb(step, step // 2).mean(axis=0)
            self._grey.append(grey.astype(np.uint8).ravel())
            yield frame

    @property
    def time_s(self) -> Float[np.ndarray, "T"]:
        """Seconds of the frames."""
        return np.array(self._time_s)

    def changed_share(self) -> Float[np.ndarray, "T"]:
        """Of each frame, how much of the picture is unlike the rest of the video; 0 where frames
        are of several sizes.
        """
        if len({grey.size for grey in self._grey}) != 1:
            return np.zeros(len(self._grey))
        grey = np.stack(self._grey).astype(np.int16)
        return np.asarray((np.abs(grey - np.median(grey, axis=0)) > UNLIKE).mean(axis=1))

    def notes(self) -> list[str]:
        """Sentences on times that were moved, and on gaps."""
        notes = []
        if self._num_moved:
            notes.append(
                f"{self._num_moved} frames had no later time than the frame before and were moved "
                "by less than a frame"
            )
        gaps = gap_note(self.time_s)
        return [*notes, gaps] if gaps else notes
