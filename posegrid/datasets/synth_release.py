"""Recordings of clips: whole pictures of the studio's cameras, and files in the layout of the
Human3.6M release.

The room does not move, so a camera's picture of it is made once; of each frame only a square with
the person and the shadow on the floor is rendered, at the picture's own pixels, and put in its
place.

Rendered walkers as a tree in Human3.6M's own layout: videos, poses, masks, boxes, metadata.xml.
"""

import json
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8
from rich.console import Console

from posegrid import __version__
from posegrid.body.camera import Camera
from posegrid.datasets.human36m.layout import KEYPOINTS, view_path
from posegrid.datasets.human36m.writer import (
    ViewWriter,
    default_file_base,
    mark_synthetic,
    write_metadata,
    write_poses,
)
from posegrid.datasets.parallel import Finished, done, follow, named, report_done_before
from posegrid.datasets.synth_settings import (
    SynthSettings,
    captured_walks,
    recorded,
    subjects_by_split,
)
from posegrid.errors import SettingsError
from posegrid.files import write_text
from posegrid.walkers.clip import Clip, ClipPlan, choose_walk, film
from posegrid.walkers.render.cameras import CAMERA_IDS, FRAME_RATE_HZ, STUDIO_REACH_MM
from posegrid.walkers.render.places import Backdrop, Place, picture_files
from posegrid.walkers.render.renderer import PosedPerson, render, surface_box_px
from posegrid.walkers.render.sensor import expose

ACTION = "Walking"
_PAD_PX = 4
"""Pixels round the person and the shadow that are rendered anew: the box is that of a part of the
surface's points."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One whole picture of one camera."""

    image: UInt8[np.ndarray, "H W 3"]
    """RGB."""
    mask: Bool[np.ndarray, "H W"]
    """True where the person covers at least half of the pixel."""


def pictures(clip: Clip, camera_id: str, camera: Camera | None = None) -> Iterator[Picture]:
    """What one of the studio's cameras, or another in its place, sees of a clip, frame by frame."""
    view = _View(clip, camera_id, clip.location.place(STUDIO_REACH_MM), camera)
    for frame in range(clip.motion.num_frames):
        yield view.picture(clip.posed(frame))


def record(clip: Clip, root: Path) -> None:
    """Write the clip as a sequence of the release: four videos with masks, boxes and poses.

    The poses come last: where `is_recorded`, all files of the sequence are complete.
    """
    subject = clip.plan.subject
    file_base = default_file_base(ACTION, clip.plan.subaction, subject)
    room = clip.location.place(STUDIO_REACH_MM)
    views = [_View(clip, camera_id, room) for camera_id in CAMERA_IDS]
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                ViewWriter(
                    root, subject, file_base, view.camera_id, FRAME_RATE_HZ, view.camera.size_wh
                )
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
    file_base = default_file_base(ACTION, subaction, subject)
    return view_path(root, subject, KEYPOINTS, file_base, CAMERA_IDS[-1]).exists()


class _View:
    """One camera of a clip and its picture of the empty room."""

    def __init__(
        self, clip: Clip, camera_id: str, room: Place | Backdrop, camera: Camera | None = None
    ) -> None:
        self.camera_id = camera_id
        self.camera: Camera = clip.cameras[camera_id] if camera is None else camera
        self._sensor = clip.location.sensor
        self._noise = clip.plan.clip_rng(f"noise/{camera_id}")
        self._light = room.picture(self.camera)
        self._empty = expose(self._light, self._sensor, self._noise)

    def picture(self, posed: PosedPerson) -> Picture:
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
        return Picture(image, mask)


def _square_round(
    box_xyxy: Float[np.ndarray, "4"], size_wh: tuple[int, int]
) -> Float[np.ndarray, "3"]:
    """A square (x0, y0, side) of whole pixels inside the picture round as much of the box as there
    can be."""
    low = np.floor(box_xyxy[:2]) - _PAD_PX
    high = np.ceil(box_xyxy[2:]) + _PAD_PX
    low, high = np.clip(low, 0, size_wh), np.clip(high, 0, size_wh)
    side = min(max(float((high - low).max()), 1.0), min(size_wh))
    return np.array([*np.clip(low, 0, np.array(size_wh) - side), side])


RECORD_FILE = "synth.json"
"""Where a tree in the release's layout keeps the settings it was made with."""


def write_release(settings: SynthSettings) -> None:
    """Writes the tree: two sequences of each subject, four views each, metadata.xml, the mark that
    it is synthetic."""
    console, root = Console(), settings.out
    check_recorded_alike(settings)
    mark_synthetic(root, f"Rendered by posegrid {__version__}; the settings are in {RECORD_FILE}.")
    plans = release_plans(settings)
    to_do = [plan for plan in plans if not is_recorded(root, plan.subject, plan.subaction)]
    report_done_before(len(plans) - len(to_do), len(plans), "sequences", console)
    pieces = [partial(record_plan, plan, root) for plan in to_do]
    total = len(to_do) * settings.frames * len(CAMERA_IDS)
    rendered = done(pieces, settings.workers, settings.cluster, console)
    deque(follow(rendered, total, "pictures", console), maxlen=0)
    cameras = {
        (plan.subject, id_): camera for plan in plans for id_, camera in plan.cameras().items()
    }
    num_frames = {(plan.subject, ACTION, plan.subaction): settings.frames for plan in plans}
    write_metadata(root, cameras, num_frames)
    console.print(
        f"{root}: {len(plans)} sequences x {len(CAMERA_IDS)} views x {settings.frames} frames",
        markup=False,
        soft_wrap=True,
    )


def release_plans(settings: SynthSettings) -> list[ClipPlan]:
    """The sequences to write, two of each subject."""
    walks = captured_walks(settings)
    plans = [
        ClipPlan(
            seed=settings.seed,
            subject=subject,
            subaction=subaction,
            num_frames=settings.frames,
            activities=settings.activities,
            people=settings.people_kind,
            scenes=settings.scenes,
            backgrounds=picture_files(settings.backgrounds),
            picture_size=settings.picture_size,
        )
        for subjects in subjects_by_split(settings).values()
        for subject in subjects
        for subaction in (1, 2)
    ]
    return [choose_walk(plan, walks, settings.motion_share) for plan in plans]


def check_recorded_alike(settings: SynthSettings) -> None:
    """Writes the settings into the folder; raises SettingsError if it was begun with others."""
    path = settings.out / RECORD_FILE
    text = json.dumps(recorded(settings), indent=2) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise SettingsError(
            f"{settings.out} was begun with other settings (see {path}). "
            "Call with those settings to go on, or choose another folder."
        )
    write_text(path, text, "make room and try again")


def record_plan(plan: ClipPlan, root: Path) -> Finished:
    """Films one sequence and writes its files, unless they are there."""
    if is_recorded(root, plan.subject, plan.subaction):
        return Finished(plan.name, plan.num_frames * len(CAMERA_IDS))
    with named(plan.name):
        record(film(plan), root)
    return Finished(plan.name, plan.num_frames * len(CAMERA_IDS))
