"""Rendered crops as they come, without a disk between: worker processes render ahead, the reader
takes them in order.

A stream is a `synth` data set whose training people never end. Person k of the stream is person k
of the data set of the same settings (W0001, W0002, ...), and its crops are what `read_crops` gives
of that person's shard: the stream follows from settings and number, not from how many processes
render or how fast they are.
"""

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import fields
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from posegrid.datasets.dataset_facts import DatasetFacts
from posegrid.datasets.shards import CropRow
from posegrid.datasets.stored_crops import Crops
from posegrid.datasets.synth_crops import crop_rows
from posegrid.datasets.synth_plan import CropJob, captures_of, jobs_of_subject
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.errors import PosegridError, SettingsError
from posegrid.people.crop import decode_image, decode_mask

AHEAD_PER_WORKER = 3
"""People that are rendered or wait to be read, for each process: the queue is bounded."""
MOST_LOSSES = 5
"""How often renderers may be killed in a row before a stream gives up."""

DTYPES = {
    **dict.fromkeys(("pose_cam_mm", "root_cam_mm", "keypoints_crop_px", "window"), np.float32),
    **dict.fromkeys(("crop_camera", "time_s"), np.float64),
    **dict.fromkeys(("subject", "action", "camera_id"), np.str_),
    **dict.fromkeys(("subaction", "frame_index"), np.int32),
}
"""Of the columns of `Crops`, images aside."""

_Queue = deque[tuple[list[CropJob], Future[Crops]]]


def streamed_people(settings: SynthSettings, *, first: int = 1) -> Iterator[Crops]:
    """All crops of one training person after another, without end, from number `first` on.

    `settings.workers` processes render. Closing the iterator ends them. Raises what fails in a
    renderer; one that was killed is replaced and its people are rendered again, which raises
    PosegridError where it does not end.
    """
    captures = captures_of(settings)
    people = (
        list(jobs_of_subject(settings, captures, f"W{number:04d}")) for number in count(first)
    )
    pool, waiting, losses = _pool(settings), _Queue(), 0
    try:
        while True:
            while len(waiting) < AHEAD_PER_WORKER * settings.workers:
                jobs = next(people)
                waiting.append((jobs, pool.submit(rendered, settings, jobs)))
            try:
                crops = waiting[0][1].result()
            except BrokenProcessPool as error:
                losses += 1
                if losses > MOST_LOSSES:
                    raise PosegridError(
                        f"Renderers were killed {losses} times in a row; try fewer workers."
                    ) from error
                pool.shutdown(wait=False, cancel_futures=True)
                pool = _pool(settings)
                waiting = _Queue(
                    (jobs, pool.submit(rendered, settings, jobs)) for jobs, _ in waiting
                )
                continue
            losses = 0
            waiting.popleft()
            yield crops
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def settings_of_dataset(facts: DatasetFacts, folder: Path, workers: int) -> SynthSettings:
    """The settings that a rendered data set was made with, for a stream of more of the same.

    Raises SettingsError for crops of real people and of the release's subjects, of whom there are
    no more.
    """
    known = {field.name for field in fields(SynthSettings)}
    if (
        not facts.synthetic
        or facts.settings.get("subjects")
        or not {"cameras", "activities"} <= set(facts.settings)
    ):
        raise SettingsError(
            f"{folder} was not made by synth with people of its own; --stream renders more of "
            "those."
        )
    values = {
        name: value
        for name, value in facts.settings.items()
        if name in known and name != "subjects"
    }
    folders: dict[str, Any] = {
        name: Path(values[name]) if values.get(name) else None
        for name in ("motion", "poses", "backgrounds")
    }
    given: dict[str, Any] = {**values, **folders, "workers": workers}
    return SynthSettings(folder, **given)


def _pool(settings: SynthSettings) -> ProcessPoolExecutor:
    # not forked: the process that reads the stream has threads of its own
    return ProcessPoolExecutor(settings.workers, multiprocessing.get_context("spawn"))


def rendered(settings: SynthSettings, jobs: Sequence[CropJob]) -> Crops:
    """The crops of these jobs, as `read_crops` would give them of the jobs' shards."""
    return crops_of([row for job in jobs for row in crop_rows(job, settings)])


def crops_of(rows: Sequence[CropRow]) -> Crops:
    """The rows as arrays, images decoded."""
    masks = [decode_mask(row.mask) for row in rows if row.mask is not None]
    columns = {
        name: np.array([getattr(row, name) for row in rows], dtype)
        for name, dtype in DTYPES.items()
    }
    images = np.stack([decode_image(row.image) for row in rows])
    return Crops(images=images, **columns, masks=np.stack(masks) if masks else None)


def shuffled_batches(
    people: Iterator[Crops], batch_size: int, buffer_size: int, seed: int
) -> Iterator[Crops]:
    """Batches drawn at random from a buffer of at least `buffer_size` crops, which the people fill
    as it empties.

    The crops of a person thus go to many batches. The same people and seed give the same batches.
    """
    rng = np.random.default_rng([seed, *b"shuffled batches"])
    waiting: list[tuple[Crops, int]] = []
    for crops in people:
        waiting += [(crops, row) for row in range(len(crops))]
        while len(waiting) >= buffer_size + batch_size:
            drawn = []
            for _ in range(batch_size):
                index = int(rng.integers(len(waiting)))
                waiting[index], waiting[-1] = waiting[-1], waiting[index]
                drawn.append(waiting.pop())
            yield _gathered(drawn)


def _gathered(drawn: list[tuple[Crops, int]]) -> Crops:
    """The drawn rows of many people as one."""
    names = [field.name for field in fields(Crops) if getattr(drawn[0][0], field.name) is not None]
    return Crops(
        **{name: np.stack([getattr(crops, name)[row] for crops, row in drawn]) for name in names}
    )
