"""Whole pictures of a clip, as one of the studio's cameras sees it.

The room does not move, so a camera's picture of it is made once; of each frame only a square with
the person and the shadow on the floor is rendered, at the picture's own pixels, and put in its
place.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from posegrid.body.camera import Camera
from posegrid.walkers.clip import Clip
from posegrid.walkers.render.cameras import STUDIO_REACH_MM
from posegrid.walkers.render.location import AnyPlace
from posegrid.walkers.render.renderer import PosedPerson, render, surface_box_px
from posegrid.walkers.render.sensor import expose

_PAD_PX = 4
"""Pixels round person and shadow that are rendered anew: the box is of some surface points."""


@dataclass(frozen=True, eq=False)
class WalkerPicture:
    """One whole picture of one camera."""

    image: UInt8[np.ndarray, "H W 3"]
    """RGB."""
    mask: Bool[np.ndarray, "H W"]
    """True where the person covers at least half of the pixel."""


def pictures(clip: Clip, camera_id: str, camera: Camera | None = None) -> Iterator[WalkerPicture]:
    """What one of the studio's cameras, or another in its place, sees of a clip, frame by frame."""
    view = StudioView(clip, camera_id, clip.location.place(STUDIO_REACH_MM), camera)
    for frame in range(clip.motion.num_frames):
        yield view.picture(clip.posed(frame))


class StudioView:
    """One camera of a clip and its picture of the empty room."""

    def __init__(
        self, clip: Clip, camera_id: str, room: AnyPlace, camera: Camera | None = None
    ) -> None:
        self.camera_id = camera_id
        self.camera: Camera = clip.cameras[camera_id] if camera is None else camera
        self._sensor = clip.location.sensor
        self._noise = clip.plan.clip_rng(f"noise/{camera_id}")
        self._light = room.picture(self.camera)
        self._empty = expose(self._light, self._sensor, self._noise)

    def picture(self, posed: PosedPerson) -> WalkerPicture:
        """The room with the person in it."""
        image, mask = self._empty.copy(), np.zeros(self._empty.shape[:2], bool)
        window = _square_round(
            surface_box_px(posed, self.camera, with_shadow=True), self.camera.size_wh
        )
        x0, y0, side = (int(value) for value in window)
        there = (slice(y0, y0 + side), slice(x0, x0 + side))
        background = np.ascontiguousarray(self._light[there])
        rendered = render(posed, self.camera, window, side, background)
        image[there], mask[there] = expose(rendered.light, self._sensor, self._noise), rendered.mask
        return WalkerPicture(image, mask)


def _square_round(
    box_xyxy: Float[np.ndarray, "4"], size_wh: tuple[int, int]
) -> Float[np.ndarray, "3"]:
    """A square (x0, y0, side) of whole pixels in the picture round as much of the box as can be."""
    low = np.floor(box_xyxy[:2]) - _PAD_PX
    high = np.ceil(box_xyxy[2:]) + _PAD_PX
    low, high = np.clip(low, 0, size_wh), np.clip(high, 0, size_wh)
    side = min(max(float((high - low).max()), 1.0), min(size_wh))
    return np.array([*np.clip(low, 0, np.array(size_wh) - side), side])
