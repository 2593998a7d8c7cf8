"""People whom the user has found: their boxes, their masks, or both, in the place of
`posegrid.people.following`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from posegrid.errors import SourceError
from posegrid.people.crop import WHITE, Silhouette
from posegrid.video.boxes import Boxes
from posegrid.video.picture import Box, Picture
from posegrid.video.video import VideoFrame


@dataclass(eq=False)
class GivenPeople:
    """The people of one video by the user's boxes or masks, or the masks inside the boxes, frame
    after frame.
    """

    boxes: Boxes | None
    masks: Iterator[VideoFrame] | None
    """Pictures as large as the video's and as many, white where the person is."""
    _num_frames: int = 0

    def seen(self, picture: Picture) -> dict[int, Silhouette]:
        """The people in the next picture by their numbers. With masks alone there is one person,
        number 1.

        Of a box without a mask the silhouette says that everything may be the person, as weights
        have learnt it. Raises SourceError for masks of another size, or too few of them.
        """
        frame = self._num_frames
        self._num_frames += 1
        mask = None if self.masks is None else self._next_mask(frame, picture.size_wh)
        if self.boxes is None:
            return (
                {}
                if mask is None
                else _inside(mask, {1: (0, 0, *picture.size_wh)}, picture.size_wh)
            )
        there = self.boxes.get(frame, {})
        if mask is None:
            return {
                n: Silhouette(None, (0, 0), 1, picture.size_wh, box) for n, box in there.items()
            }
        return _inside(
            mask,
            {n: _whole_pixels(box, picture.size_wh) for n, box in there.items()},
            picture.size_wh,
        )

    def _next_mask(self, frame: int, size_wh: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
        assert self.masks is not None
        found = next(self.masks, None)
        if found is None:
            raise SourceError(
                f"`masks` has only {frame} frames, fewer than the video; expected one for every frame."
            )
        if found.picture.size_wh != size_wh:
            (width, height), (w, h) = found.picture.size_wh, size_wh
            raise SourceError(
                f"`masks` has pictures of {width} x {height}, expected {w} x {h} as the video's."
            )
        return found.picture.reduced_grey((0, 0, *size_wh), 1) >= WHITE


def _inside(
    mask: Bool[np.ndarray, "H W"], boxes: dict[int, Box], size_wh: tuple[int, int]
) -> dict[int, Silhouette]:
    """The part of the mask in each box, where there is one."""
    found = {}
    for number, (x0, y0, x1, y1) in boxes.items():
        part = mask[y0:y1, x0:x1]
        if part.any():
            found[number] = Silhouette(part * np.uint8(255), (x0, y0), 1, size_wh)
    return found


def _whole_pixels(box: np.ndarray, size_wh: tuple[int, int]) -> Box:
    """The pixels that a box touches, inside the picture."""
    low = np.clip(np.floor(box[:2]), 0, size_wh)
    high = np.clip(np.ceil(box[2:]), 0, size_wh)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
