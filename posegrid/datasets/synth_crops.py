"""Shards of rendered crops: which clips they are cut into, and how each is rendered.

Each clip is drawn from random numbers of its own: what it shows depends on the seed, its subject
and its number, not on who renders it, in which order, or what else there is (`walkers/clip.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from posegrid.body.skeleton import ROOT, relative_to_root
from posegrid.datasets.dataset_facts import DatasetFacts
from posegrid.datasets.found_masks import crop_found_in
from posegrid.datasets.parallel import Finished, named
from posegrid.datasets.shards import CropRow, ShardWriter, load_shard_facts, shard_name
from posegrid.datasets.synth_plan import ACTION, clip_plan, subjects_by_split
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.people.crop import encode_image, encode_mask, grey, window_of_box
from posegrid.walkers.clip import ClipPlan, film
from posegrid.walkers.motion.captured import Captures
from posegrid.walkers.render.cameras import FRAME_RATE_HZ
from posegrid.walkers.render.crops import CropPlan, WalkerCrop, render_crops

CROPS_PER_SHARD = 2000
GAP_FRAMES = 50
"""Frames left out between two clips of a subaction: nobody takes the jump for a motion."""


@dataclass(frozen=True)
class CropJob:
    """One shard to render: a clip, which moments of it, and who is in which split."""

    clip: ClipPlan
    crops: CropPlan
    path: Path
    first_frame_index: int


def crop_jobs(settings: SynthSettings, captures: Captures) -> list[CropJob]:
    """The shards of the data set: each at most `CROPS_PER_SHARD` crops of one subaction of one
    subject."""
    return [
        job
        for split, subjects in subjects_by_split(settings).items()
        for subject in subjects
        for job in jobs_of_subject(settings, captures, subject, training=split == "train")
    ]


def jobs_of_subject(
    settings: SynthSettings, captures: Captures, subject: str, *, training: bool = True
) -> Iterator[CropJob]:
    """The shards of one subject."""
    wanted = settings.crops_per_person
    if not training and settings.held_out_crops_per_person is not None:
        wanted = settings.held_out_crops_per_person
    num_subactions = 2 if settings.subjects else 1
    for subaction in range(1, num_subactions + 1):
        share = wanted // num_subactions + (subaction <= wanted % num_subactions)
        yield from _jobs_of_subaction(settings, captures, subject, subaction, share)


def _jobs_of_subaction(
    settings: SynthSettings, captures: Captures, subject: str, subaction: int, num_crops: int
) -> Iterator[CropJob]:
    first_frame_index = 0
    num_parts = -(-num_crops // CROPS_PER_SHARD)
    for part in range(1, num_parts + 1):
        crops = num_crops // num_parts + (part <= num_crops % num_parts)
        moments = -(-crops // settings.views)
        num_frames = (moments - 1) * settings.every_nth_frame + 1
        clip = clip_plan(settings, captures, subject, subaction, num_frames, part)
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
        yield CropJob(clip, plan, path, first_frame_index)
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
    find = partial(crop_found_in, size=settings.image_size, margin=settings.margin)
    with named(job.clip.name):
        rows = [
            crop_row(crop, job, settings)
            for crop in render_crops(film(job.clip), job.crops, window_of_box, find)
        ]
    return sorted(rows, key=lambda row: (row.camera_id, row.frame_index))


def crop_row(crop: WalkerCrop, job: CropJob, settings: SynthSettings) -> CropRow:
    """The crop as `prepare` would have made it from a picture of the same camera."""
    camera = crop.camera.windowed(crop.window, settings.image_size)
    frame_index = job.first_frame_index + crop.frame_index
    in_colour = settings.background == "colour"
    image = np.moveaxis(crop.image, -1, 0) if in_colour else grey(crop.image)
    return CropRow(
        image=encode_image(image, settings.image_format, settings.quality),
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
