"""`posegrid synth`: rendered walkers with exact truth, as shards of crops or as a tree in
Human3.6M's own layout.

The work is cut into clips, each drawn from random numbers of its own: what a clip shows depends on
the seed, its subject and its number, not on who renders it, in which order, or what else there is
(`walkers/clip.py`).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from posegrid.body.skeleton import ROOT, relative_to_root
from posegrid.datasets.dataset_facts import DatasetFacts, write_dataset_facts
from posegrid.datasets.fixed_sets import SetName, changes_of, checked
from posegrid.datasets.parallel import Finished, done, follow, named, report_done_before
from posegrid.datasets.prepare import check_begun_alike, remove_leftovers
from posegrid.datasets.shards import CropRow, ShardWriter, load_shard_facts, shard_name, shards_of
from posegrid.datasets.synth_release import ACTION, write_release
from posegrid.datasets.synth_settings import (
    SynthSettings,
    captured_walks,
    recorded,
    subjects_by_split,
)
from posegrid.errors import SettingsError
from posegrid.people.crop import encode_image, encode_mask, grey, window_of_box
from posegrid.walkers.clip import ClipPlan, choose_walk, film
from posegrid.walkers.motion.captured import RecordedWalk
from posegrid.walkers.render.cameras import FRAME_RATE_HZ
from posegrid.walkers.render.crops import CropPlan, WalkerCrop, render_crops
from posegrid.walkers.render.places import picture_files

CROPS_PER_SHARD = 2000
GAP_FRAMES = 50
"""Frames left out between two clips of a subaction, so that nobody takes the jump between them for
a motion."""


@dataclass(frozen=True)
class CropJob:
    """One shard to render: a clip, which moments of it, and who is in which split."""

    clip: ClipPlan
    crops: CropPlan
    path: Path
    first_frame_index: int


def synth(settings: SynthSettings) -> None:
    """Renders what is not there yet of what the settings ask for.

    Raises SettingsError if the folder was begun with other settings, OutputError if the disk
    refuses.
    """
    if settings.set is not None:
        write_set(settings, settings.set)
    elif settings.layout == "human36m":
        write_release(settings)
    else:
        write_dataset(settings)


# --- crops
# ----------------------------------------------------------------------------------------------------------


def write_dataset(settings: SynthSettings) -> DatasetFacts:
    """What the finished data set says about itself."""
    console = Console()
    facts = DatasetFacts(
        image_size=settings.image_size,
        image_format=settings.image_format,
        background=settings.background,
        settings=recorded(settings),
        synthetic=True,
    )
    check_begun_alike(settings.out, facts)
    remove_leftovers(settings.out)
    jobs = crop_jobs(settings, captured_walks(settings))
    to_do = [job for job in jobs if not job.path.exists()]
    report_done_before(len(jobs) - len(to_do), len(jobs), "shards", console)
    total = sum(job.crops.num_crops for job in to_do)
    pieces = [partial(write_crops, job, settings, facts) for job in to_do]
    rendered = done(pieces, settings.workers, settings.cluster, console)
    deque(follow(rendered, total, "crops", console), maxlen=0)
    remove_leftovers(settings.out)
    num_crops = sum(load_shard_facts(path).num_crops for path in shards_of(settings.out))
    facts = replace(facts, splits=subjects_by_split(settings), num_crops=num_crops)
    write_dataset_facts(settings.out, facts)
    console.print(
        f"{settings.out}: {num_crops} crops of {sum(map(len, facts.splits.values()))} people",
        markup=False,
        soft_wrap=True,
    )
    return facts


def write_set(settings: SynthSettings, name: SetName) -> None:
    """Writes one of the fixed sets and says whether it came out as recorded. SettingsError if other
    flags are given."""
    plain = SynthSettings(
        settings.out, set=name, workers=settings.workers, cluster=settings.cluster
    )
    if settings != plain:
        raise SettingsError(
            f"--set {name} fixes all settings; give no other flags than --workers and --cluster."
        )
    write_dataset(replace(plain, set=None, **changes_of(name)))
    Console().print(checked(name, settings.out), markup=False, soft_wrap=True)


def crop_jobs(settings: SynthSettings, walks: list[RecordedWalk]) -> list[CropJob]:
    """The shards of the data set: each at most `CROPS_PER_SHARD` crops of one subaction of one
    subject."""
    return [
        job
        for split, subjects in subjects_by_split(settings).items()
        for subject in subjects
        for job in jobs_of_subject(settings, walks, subject, training=split == "train")
    ]


def jobs_of_subject(
    settings: SynthSettings, walks: list[RecordedWalk], subject: str, *, training: bool = True
) -> Iterator[CropJob]:
    """The shards of one subject."""
    wanted = settings.crops_per_person
    if not training and settings.held_out_crops_per_person is not None:
        wanted = settings.held_out_crops_per_person
    num_subactions = 2 if settings.subjects else 1
    for subaction in range(1, num_subactions + 1):
        share = wanted // num_subactions + (subaction <= wanted % num_subactions)
        yield from _jobs_of_subaction(settings, walks, subject, subaction, share)


def _jobs_of_subaction(
    settings: SynthSettings, walks: list[RecordedWalk], subject: str, subaction: int, num_crops: int
) -> Iterator[CropJob]:
    first_frame_index = 0
    num_parts = -(-num_crops // CROPS_PER_SHARD)
    for part in range(1, num_parts + 1):
        crops = num_crops // num_parts + (part <= num_crops % num_parts)
        moments = -(-crops // settings.views)
        clip = ClipPlan(
            seed=settings.seed,
            subject=subject,
            subaction=subaction,
            part=part,
            num_frames=(moments - 1) * settings.every_nth_frame + 1,
            activities=settings.activities,
            people=settings.people_kind,
            scenes=settings.scenes,
            backgrounds=picture_files(settings.backgrounds),
        )
        plan = CropPlan(
            num_crops=crops,
            views=settings.views,
            every_nth_frame=settings.every_nth_frame,
            image_size=settings.image_size,
            margin=settings.margin,
            background=settings.background,
            cameras=settings.cameras,
            masks=settings.masks,
        )
        path = settings.out / shard_name(subject, ACTION, subaction, f"part{part:02d}")
        yield CropJob(
            choose_walk(clip, walks, settings.motion_share), plan, path, first_frame_index
        )
        first_frame_index += moments * settings.every_nth_frame + GAP_FRAMES


def write_crops(job: CropJob, settings: SynthSettings, facts: DatasetFacts) -> Finished:
    """Renders one shard, unless it is there, and writes it."""
    if job.path.exists():
        return Finished(job.path.stem, load_shard_facts(job.path).num_crops)
    rows = crop_rows(job, settings)
    with named(job.clip.name), ShardWriter(job.path, facts) as shard:
        for row in rows:
            shard.write(row)
    return Finished(job.path.stem, len(rows))


def crop_rows(job: CropJob, settings: SynthSettings) -> list[CropRow]:
    """The rows of one shard, sorted by camera and frame."""
    with named(job.clip.name):
        rows = [
            crop_row(crop, job, settings)
            for crop in render_crops(film(job.clip), job.crops, window_of_box)
        ]
    return sorted(rows, key=lambda row: (row.camera_id, row.frame_index))


def crop_row(crop: WalkerCrop, job: CropJob, settings: SynthSettings) -> CropRow:
    """The crop as `prepare` would have made it from a picture of the same camera."""
    camera = crop.camera.windowed(crop.window, settings.image_size)
    frame_index = job.first_frame_index + crop.frame_index
    return CropRow(
        image=encode_image(grey(crop.image), settings.image_format, settings.quality),
        mask=encode_mask(crop.mask) if settings.background == "masked" else None,
        pose_cam_mm=relative_to_root(crop.pose_cam_mm),
        root_cam_mm=crop.pose_cam_mm[ROOT],
        keypoints_crop_px=camera.project(crop.pose_cam_mm),
        crop_camera=np.array([*camera.focal_px, *camera.principal_px]),
        window=crop.window,
        subject=job.clip.subject,
        action=ACTION,
        subaction=job.clip.subaction,
        camera_id=crop.camera_id,
        frame_index=frame_index,
        time_s=frame_index / FRAME_RATE_HZ,
    )
