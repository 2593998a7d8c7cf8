"""One pass over a video's frames: until its end, its damage or a stop; and what was unusual in it."""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from posegrid.errors import SourceError
from posegrid.motion.plausible import on_changed_pictures
from posegrid.progress import Report, reported
from posegrid.results.answers import Answers
from posegrid.results.estimator import Origin
from posegrid.results.inputs import Inputs
from posegrid.video.record import FrameRecord
from posegrid.video.times import usual_rate
from posegrid.video.video import VideoFrame

Stop = Callable[[], bool]
"""Whether to end now with what is there."""


@dataclass(eq=False)
class Reading:
    """A video that is read."""

    inputs: Inputs
    answers: Answers
    progress: Report | None
    stop: Stop | None
    time_s: "array[float]" = field(default_factory=lambda: array("d"))
    """Of the frames that were looked at."""
    damage: SourceError | None = None
    stopped: bool = False
    ended: bool = False
    """Whether there are no more frames."""
    _record: FrameRecord = field(default_factory=FrameRecord)

    def frames(self) -> Iterator[VideoFrame]:
        """The frames; damage and a stop end them and are noted."""
        what = f"{self.inputs.origin.source}: finding and estimating"
        if self.answers.num_frames:
            what += f" ({self.answers.num_frames} frames were watched before)"
        try:
            frames = self._record.noting(self.inputs.frames)
            for frame in reported(frames, what, self.inputs.num_frames, self.progress):
                if self.stop is not None and self.stop():
                    self.stopped = True
                    return
                yield frame
        except SourceError as error:
            self.damage = error
        finally:
            self.ended = True

    def close(self) -> None:
        """Let go of what lies on disk."""
        self._record.close()

    def origin(self) -> Origin:
        """Where the Tracks come from, as the whole pass shows it."""
        origin = self.inputs.origin
        rate = usual_rate(np.array(self.time_s))
        return replace(
            origin, fps=float(rate or origin.fps), camera_fixed=self.inputs.finder.camera_fixed
        )

    def notes(self) -> tuple[str, ...]:
        """What the file says that is worth knowing, and what of its times was unusual."""
        anew = (self.answers.note,) if self.answers.note else ()
        return (*self.inputs.notes, *anew, *self._record.notes())

    def warnings(self) -> tuple[str, ...]:
        """What in the pictures makes the motion unlikely."""
        changed = on_changed_pictures(
            self._record.changed_share(),
            self._record.time_s,
            is_camera_fixed=self.inputs.finder.camera_fixed,
        )
        return (changed,) if changed else ()
