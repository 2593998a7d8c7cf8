"""Recordings of clips: whole pictures of the studio's cameras, and files in the layout of the Human3.6M release.

The room does not move, so a camera's picture of it is made once; of each frame only a square with the person and the
shadow on the floor is rendered, at the picture's own pixels, and put in its place.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from posegrid.body.camera import Camera
from posegrid.sources.human36m_layout import KEYPOINTS, view_path
from posegrid.sources.human36m_writer import ViewWriter, default_file_base, write_poses
from posegrid.sources.walkers.backdrop import Backdrop
from posegrid.sources.walkers.clips import Clip
from posegrid.sources.walkers.render import PosedPerson, expose, person_box_px, render
from posegrid.sources.walkers.rooms import Room
from posegrid.sources.walkers.stage import CAMERA_IDS, FRAME_RATE_HZ, STUDIO_REACH_MM

ACTION = "Walking"
_PAD_PX = 4
"""Pixels round the person and the shadow that are rendered anew: the box is that of a part of the surface's points."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One whole picture of one camera."""

    image: UInt8[np.ndarray, "H W 3"]
    """RGB."""
    mask: Bool[np.ndarray, "H W"]
    """True where the person covers at least half of the pixel."""


def pictures(clip: Clip, camera_id: str, camera: Camera | None = None) -> Iterator[Picture]:
    """What one of the studio's cameras, or another in its place, sees of a clip, frame by frame."""
    view = _View(clip, camera_id, clip.room(STUDIO_REACH_MM), camera)
    for frame in range(clip.motion.num_frames):
        yield view.picture(clip.posed(frame))


def record(clip: Clip, root: Path) -> None:
    """Write the clip as a sequence of the release: four videos with masks, boxes and poses.

    The poses come last: where `is_recorded`, all files of the sequence are complete.
    """
    subject = clip.plan.subject
    file_base = default_file_base(ACTION, clip.plan.subaction)
    room = clip.room(STUDIO_REACH_MM)
    views = [_View(clip, camera_id, room) for camera_id in CAMERA_IDS]
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                ViewWriter(root, subject, file_base, view.camera_id, FRAME_RATE_HZ, view.camera.size_wh)
            )
            for view in views
        ]
        for frame in range(clip.motion.num_frames):
            posed = clip.posed(frame)
            for view, writer in zip(views, writers, strict=True):
                picture = view.picture(posed)
                writer.write(picture.image, picture.mask)
    for view in views:
        write_poses(root, subject, file_base, view.camera_id, clip.joints_world_mm, view.camera)


def is_recorded(root: Path, subject: str, subaction: int) -> bool:
    """Whether `record` has finished the sequence."""
    file_base = default_file_base(ACTION, subaction)
    return view_path(root, subject, KEYPOINTS, file_base, CAMERA_IDS[-1]).exists()


class _View:
    """One camera of a clip and its picture of the empty room."""

    def __init__(self, clip: Clip, camera_id: str, room: Room | Backdrop, camera: Camera | None = None) -> None:
        self.camera_id = camera_id
        self.camera: Camera = clip.cameras[camera_id] if camera is None else camera
        self._sensor = clip.sensor
        self._noise = clip.plan.clip_rng(f"noise/{camera_id}")
        self._light = room.picture(self.camera)
        self._empty = expose(self._light, clip.sensor, self._noise)

    def picture(self, posed: PosedPerson) -> Picture:
        """The room with the person in it."""
        image, mask = self._empty.copy(), np.zeros(self._empty.shape[:2], bool)
        window = _square_round(person_box_px(posed, self.camera, with_shadow=True), self.camera.size_wh)
        x0, y0, side = (int(value) for value in window)
        there = (slice(y0, y0 + side), slice(x0, x0 + side))
        background = np.ascontiguousarray(self._light[there])
        rendered = render(posed, self.camera, window, side, background)
        image[there], mask[there] = expose(rendered.light, self._sensor, self._noise), rendered.mask
        return Picture(image, mask)


def _square_round(box_xyxy: Float[np.ndarray, "4"], size_wh: tuple[int, int]) -> Float[np.ndarray, "3"]:
    """A square (x0, y0, side) of whole pixels inside the picture round as much of the box as there can be."""
    low = np.floor(box_xyxy[:2]) - _PAD_PX
    high = np.ceil(box_xyxy[2:]) + _PAD_PX
    low, high = np.clip(low, 0, size_wh), np.clip(high, 0, size_wh)
    side = min(max(float((high - low).max()), 1.0), min(size_wh))
    return np.array([*np.clip(low, 0, np.array(size_wh) - side), side])
