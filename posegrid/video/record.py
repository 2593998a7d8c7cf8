"""What is noted of the frames of a video as they pass, to say afterwards what was unusual."""

from array import array
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile, gettempdir

import numpy as np
from jaxtyping import Float

from posegrid.errors import OutputError
from posegrid.video.times import gap_note
from posegrid.video.video import VideoFrame

SAMPLES_ACROSS = 24
"""Pixels looked at along the picture's longer side."""
UNLIKE = 40
"""A pixel's brightness (of 255) has changed if it is so far from its median over the video."""
AT_ONCE = 2**20
"""Pixels that are compared at a time."""


class FrameRecord:
    """Times and a few pixels of each frame of one pass; the pixels lie on disk."""

    def __init__(self) -> None:
        self._time_s = array("d")
        self._grey = TemporaryFile(buffering=0)  # noqa: SIM115  (lives as long as this)
        self._sizes: set[int] = set()
        self._num_moved = 0

    def noting(self, frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
        """The same frames. Raises OutputError where the system's temporary folder is full."""
        for frame in frames:
            self._time_s.append(frame.time_s)
            self._num_moved += frame.is_moved
            step = max(1, max(frame.picture.size_wh) // SAMPLES_ACROSS)
            grey = frame.picture.picked_rgb(step, step // 2).mean(axis=0).astype(np.uint8)
            self._sizes.add(grey.size)
            try:
                self._grey.write(grey.tobytes())
            except OSError as error:
                raise OutputError(
                    f"{gettempdir()}: cannot be written ({error.strerror}); set TMPDIR to another "
                    "folder."
                ) from error
            yield frame

    def close(self) -> None:
        """Let go of the pixels."""
        self._grey.close()

    @property
    def time_s(self) -> Float[np.ndarray, "T"]:
        """Seconds of the frames."""
        return np.array(self._time_s)

    def changed_share(self) -> Float[np.ndarray, "T"]:
        """Of each frame, how much of the picture is unlike the rest of the video; 0 where frames
        are of several sizes.
        """
        if len(self._sizes) != 1:
            return np.zeros(len(self._time_s))
        size = next(iter(self._sizes))
        grey = np.memmap(self._grey, np.uint8, "r").reshape(-1, size)
        changed, columns = np.zeros(len(grey)), max(1, AT_ONCE // len(grey))
        for first in range(0, size, columns):
            part = grey[:, first : first + columns].astype(np.int16)
            changed += (np.abs(part - np.median(part, axis=0)) > UNLIKE).sum(axis=1)
        return changed / size

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
