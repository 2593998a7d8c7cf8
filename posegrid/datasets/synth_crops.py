"""Shards of rendered crops: how each is rendered (which there are: `synth_plan.py`).

Each clip is drawn from random numbers of its own: what it shows depends on the seed, its subject
and its number, not on who renders it, in which order, or what else there is (`walkers/clip.py`).
"""

from functools import partial

import numpy as np

from posegrid.body.skeleton import ROOT, relative_to_root
from posegrid.datasets.dataset_facts import DatasetFacts
from posegrid.datasets.found_masks import crop_found_in
from posegrid.datasets.parallel import Finished, named
from posegrid.datasets.shards import CropRow, ShardWriter, load_shard_facts
from posegrid.datasets.synth_plan import ACTION, CropJob
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.people.crop import (
    IN_COLOUR,
    WITH_MASK,
    encode_image,
    encode_mask,
    grey,
    window_of_box,
)
from posegrid.walkers.clip import film
from posegrid.walkers.render.crops import WalkerCrop, render_crops


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
    in_colour = settings.background in IN_COLOUR
    image = np.moveaxis(crop.image, -1, 0) if in_colour else grey(crop.image)
    return CropRow(
        image=encode_image(image, settings.image_format, settings.quality),
        mask=encode_mask(crop.mask) if settings.background in WITH_MASK else None,
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
        time_s=job.time_s(frame_index),
    )
