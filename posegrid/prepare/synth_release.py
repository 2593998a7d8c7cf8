"""Rendered walkers as a tree in Human3.6M's own layout: videos, poses, masks, boxes, metadata.xml."""

import json
from functools import partial
from pathlib import Path

from rich.console import Console

from posegrid import __version__
from posegrid.errors import OutputError, SettingsError
from posegrid.files import completed
from posegrid.prepare.cluster import Finished, done, follow, named
from posegrid.prepare.synth_settings import SynthSettings, captured_walks, recorded, subjects_by_split
from posegrid.sources.human36m_writer import mark_synthetic, write_metadata
from posegrid.sources.walkers.backdrop import picture_files
from posegrid.sources.walkers.clips import ClipPlan, choose_walk, film
from posegrid.sources.walkers.recording import ACTION, is_recorded, record
from posegrid.sources.walkers.stage import CAMERA_IDS

RECORD_FILE = "synth.json"
"""Where a tree in the release's layout keeps the settings it was made with."""


def write_release(settings: SynthSettings) -> None:
    """Writes the tree: two sequences of each subject, four views each, metadata.xml, the mark that it is synthetic."""
    console, root = Console(), settings.out
    check_recorded_alike(settings)
    mark_synthetic(root, f"Rendered by posegrid {__version__}; the settings are in {RECORD_FILE}.")
    splits = subjects_by_split(settings)
    plans = release_plans(settings)
    to_do = [plan for plan in plans if not is_recorded(root, plan.subject, plan.subaction)]
    if len(to_do) < len(plans):
        console.print(f"{len(plans) - len(to_do)} of {len(plans)} sequences are done already")
    pieces = [partial(record_plan, plan, root) for plan in to_do]
    total = len(to_do) * settings.frames * len(CAMERA_IDS)
    follow(done(pieces, settings.workers, settings.cluster, console), total, "pictures", console)
    cameras = {(plan.subject, id_): camera for plan in plans for id_, camera in plan.cameras().items()}
    num_frames = {(plan.subject, ACTION, plan.subaction): settings.frames for plan in plans}
    write_metadata(
        root,
        cameras,
        num_frames,
        splits={"train": splits["train"], "val": splits["validation"], "test": splits["test"]},
    )
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
    try:
        with completed(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}. Make room and try again.") from error


def record_plan(plan: ClipPlan, root: Path) -> Finished:
    """Films one sequence and writes its files, unless they are there."""
    if is_recorded(root, plan.subject, plan.subaction):
        return Finished(plan.name, plan.num_frames * len(CAMERA_IDS))
    with named(plan.name):
        record(film(plan), root)
    return Finished(plan.name, plan.num_frames * len(CAMERA_IDS))
