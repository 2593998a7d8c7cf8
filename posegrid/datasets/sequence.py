"""A sequence: one person, one camera, frame by frame, with the pose in each. What every source of
data yields.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from posegrid.body.camera import Camera
from posegrid.video.picture import Picture


@dataclass(frozen=True, eq=False)
class MaskPart:
    """A person's mask, of which only a part is held: all else is empty."""

    pixels: Bool[np.ndarray, "h w"]
    corner: tuple[int, int]
    """Column and row of the part's first pixel."""
    size_wh: tuple[int, int]
    """Size of the whole mask, pixels."""

    @classmethod
    def of(cls, mask: Bool[np.ndarray, "H W"]) -> "MaskPart":
        """All of a mask."""
        return cls(mask, (0, 0), (mask.shape[1], mask.shape[0]))

    def whole(self) -> Bool[np.ndarray, "H W"]:
        """The mask of the whole picture, made at each call."""
        (x, y), (rows, columns) = self.corner, self.pixels.shape
        if self.pixels.shape == self.size_wh[::-1]:
            return self.pixels
        mask = np.zeros(self.size_wh[::-1], dtype=bool)
        mask[y : y + rows, x : x + columns] = self.pixels
        return mask


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a sequence."""

    index: int
    """Frame in the source, from 0; the row of the sequence's poses that belongs to it."""
    time_s: float
    """Time of the frame as the source states it."""
    picture: Picture
    """As decoded: what is wanted of it is made when asked for."""
    mask_part: MaskPart | None = None
    """Where the person is; None where the source has no masks."""

    @property
    def mask(self) -> Bool[np.ndarray, "H W"] | None:
        """True where the person is, for the whole picture; None where the source has no masks."""
        return None if self.mask_part is None else self.mask_part.whole()

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
    """Frames per second that the source declares; the time of each frame is in `Frame.time_s`."""
    pose_cam_mm: Float[np.ndarray, "T 17 3"]
    """Joints in the camera frame, mm, absolute (the camera's centre is the origin); NaN for frames
    never yielded.
    """
    keypoints_px: Float[np.ndarray, "T 17 2"]
    """Joints in the picture, pixels."""
    open_frames: Callable[..., Iterator[Frame]]
    notes: tuple[str, ...] = ()
    """What a reader should know about this sequence: files of different lengths, what was left out
    and why.
    """
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
