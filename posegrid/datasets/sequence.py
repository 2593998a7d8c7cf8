"""A sequence: one person, one camera, frame by frame, with the pose in each.

What every source of data yields.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from posegrid.body.camera import Camera
from posegrid.errors import SourceError
from posegrid.video.picture import Picture
from posegrid.video.video import read_frames


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a sequence."""

    index: int
    """Frame in the source, from 0; the row of the sequence's poses that belongs to it."""
    time_s: float
    """Time of the frame as the source states it."""
    picture: Picture
    """As decoded: what is wanted of it is made when asked for."""
    mask: Bool[np.ndarray, "H W"] | None = None
    """True where the person is; None where the source has no masks."""

    @property
    def image(self) -> UInt8[np.ndarray, "H W 3"]:
        """RGB, made of the picture at each call."""
        return self.picture.rgb()


@dataclass(frozen=True, eq=False)
class Sequence:
    """One person seen by one camera: T poses, and the frames on demand.

    `open_frames(every=1)` starts at frame 0 each time it is called, holds one frame in memory at a
    time, and yields frames 0, every, 2 every, ... below T in order, without reading the masks of
    the others; it raises SourceError where a picture or mask turns out to be damaged.
    """

    subject: str
    """As the release has it, e.g. "S9"."""
    action: str
    """As the release has it, e.g. "Walking"."""
    subaction: int
    """1 or 2."""
    camera_id: str
    """As the release has it, e.g. "54138969"."""
    camera: Camera
    fps: float
    """Frames per second that the source declares; each frame's time is in `Frame.time_s`."""
    pose_cam_mm: Float[np.ndarray, "T 17 3"]
    """Joints in the camera frame, mm, absolute (the camera's centre is the origin).

    NaN for frames never yielded.
    """
    keypoints_px: Float[np.ndarray, "T 17 2"]
    """Joints in the picture, pixels."""
    open_frames: Callable[..., Iterator[Frame]]
    notes: tuple[str, ...] = ()
    """What a reader should know: files of different lengths, what was left out and why."""
    actions: tuple[str, ...] = ()
    """The action of each frame, where the source says it frame by frame."""

    @property
    def name(self) -> str:
        """Subject, action, subaction and camera in words, e.g. "S1 Walking 1 54138969"."""
        return f"{self.subject} {self.action} {self.subaction} {self.camera_id}"

    def action_of(self, index: int) -> str:
        """What is done in a frame."""
        return self.actions[index] if self.actions else self.action

    @property
    def num_frames(self) -> int:
        """T, the number of poses."""
        return len(self.pose_cam_mm)


MaskOf = Callable[[int, tuple[int, int]], Bool[np.ndarray, "H W"]]
"""The mask of a frame, given its index and its picture's width and height."""


def frames_of_video(
    video: Path,
    num_frames: int,
    open_masks: Callable[[], AbstractContextManager[MaskOf | None]] = nullcontext,
) -> Callable[..., Iterator[Frame]]:
    """`Sequence.open_frames` of a video, aligned with masks and poses at frame 0."""

    def open_frames(every: int = 1) -> Iterator[Frame]:
        with open_masks() as mask_of, closing(read_frames(video, every, threads=False)) as frames:
            index = -every
            for index, frame in zip(range(0, num_frames, every), frames, strict=False):
                mask = None if mask_of is None else mask_of(index, frame.picture.size_wh)
                yield Frame(index, frame.time_s, frame.picture, mask)
            if index + every < num_frames:
                raise SourceError(
                    f"{video}: only {max(index + 1, 0)} frames could be read for {num_frames} "
                    "poses: it is damaged or cut off. Unpack or copy it again."
                )

    return open_frames
