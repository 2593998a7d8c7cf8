"""Rendered walkers as a tree in Human3.6M's own layout."""

import json
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from posegrid.datasets.human36m.layout import KEYPOINTS, view_path
from posegrid.datasets.human36m.release_writer import (
    ViewWriter,
    default_file_base,
    mark_synthetic,
    write_metadata,
    write_poses,
)
from posegrid.datasets.parallel import Finished, done, follow, named, report_done_before
from posegrid.datasets.synth_plan import ACTION, captures_of, clip_plan, recorded, subjects_by_split
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.errors import SettingsError
from posegrid.files import alone_in, write_text
from posegrid.walkers.clip import Clip, ClipPlan, film
from posegrid.walkers.pictures import StudioView
from posegrid.walkers.render.cameras import CAMERA_IDS, FRAME_RATE_HZ, STUDIO_REACH_MM


def record(clip: Clip, root: Path) -> None:
    """Write the clip as a sequence of the release: four videos with masks, boxes and poses.

    The poses come last: where `is_recorded`, all files of the sequence are complete.
    """
    subject = clip.plan.subject
    file_base = default_file_base(ACTION, clip.plan.subaction, subject)
    room = clip.location.place(STUDIO_REACH_MM)
    views = [StudioView(clip, camera_id, room) for camera_id in CAMERA_IDS]
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


RECORD_FILE = "synth.json"
"""Where a tree in the release's layout keeps the settings it was made with."""


def write_release(settings: SynthSettings) -> None:
    """Writes the tree: two sequences of each subject, four views each, metadata.xml, the mark."""
    with alone_in(settings.out):
        _record_missing(settings)


def _record_missing(settings: SynthSettings) -> None:
    console, root = Console(markup=False), settings.out
    check_recorded_alike(settings)
    mark_synthetic(root, f"The settings are in {RECORD_FILE}.")
    plans = release_plans(settings)
    to_do = [plan for plan in plans if not is_recorded(root, plan.subject, plan.subaction)]
    report_done_before(len(plans) - len(to_do), len(plans), "sequences", console)
    pieces = [partial(record_plan, plan, root) for plan in to_do]
    total = len(to_do) * settings.frames * len(CAMERA_IDS)
    rendered = done(pieces, settings.workers, settings.cluster, console)
    follow(rendered, total, "pictures", console)
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
    captures = captures_of(settings)
    return [
        replace(
            clip_plan(settings, captures, subject, subaction, settings.frames),
            picture_size=settings.picture_size,
        )
        for subjects in subjects_by_split(settings).values()
        for subject in subjects
        for subaction in (1, 2)
    ]


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
