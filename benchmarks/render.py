"""What a crop of a walker costs: crops per second and core, where the time goes, how it scales, and
memory.

    python benchmarks/render.py [--people 6] [--crops 40]            some minutes, after Numba has
    compiled

All times are CPU times (user and system), so that they hold on a busy machine. "Everything on" is
what `posegrid synth` does with the settings that show most (`EVERYTHING`): dress a person, make a
motion, furnish a room, render, spoil, compress. The reference is the same renderer drawing the bare
body of the same people before black.
"""

import multiprocessing
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from posegrid.datasets import synth_crops
from posegrid.datasets.synth_plan import CropJob, jobs_of_subject
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.people.crop import window_of_box
from posegrid.walkers import clip
from posegrid.walkers.clip import film
from posegrid.walkers.clothes import sewing
from posegrid.walkers.motion.captured import Captures
from posegrid.walkers.render import crops, location, renderer
from posegrid.walkers.render import surface_kernels as kernels
from posegrid.walkers.render.crops import render_crops

EVERYTHING: dict[str, Any] = {
    "activities": "varied",
    "people_kind": "varied",
    "cameras": "varied",
    "scenes": "varied",
    "masks": "faulty",
    "background": "masked",
}
STAGES: tuple[tuple[str, Any, str], ...] = (
    ("person dressed", clip, "random_person"),
    ("motion made", clip, "_motion"),
    ("clothes swung", sewing, "with_loose"),
    ("place made", location, "random_place"),
    ("pose, skin, shadow map", crops, "render"),
    ("mask spoilt", crops, "faulty_mask"),
    ("things in the way", crops, "draw"),
    ("footage", crops, "degraded"),
    ("visibility", kernels, "rasterise"),
    ("shading", kernels, "shade"),
    ("sensor", crops, "expose"),
    ("compression", synth, "encode_image"),
)
"""(name, module that looks the function up, function); what is nested counts for the inner one, the
rest is other.
"""


@dataclass(frozen=True)
class Settings:
    """How much to measure."""

    people: int = 6
    crops: int = 40
    """Of each person."""
    rounds: int = 2
    """The best of so many is told."""


def main(settings: Settings) -> None:
    """Print the table."""
    for size in (128, 256):
        jobs, of = work(settings, size)
        render_all(jobs[:1], of)
        count = settings.people * settings.crops
        seconds = min(cpu_seconds(partial(render_all, jobs, of)) for _ in range(settings.rounds))
        drawn = min(cpu_seconds(partial(render_only, jobs)) for _ in range(settings.rounds))
        films = min(
            cpu_seconds(lambda jobs=jobs: [film(job.clip) for job in jobs])
            for _ in range(settings.rounds)
        )
        bare = min(draw_bare(jobs) for _ in range(settings.rounds))
        print(
            f"\n{size} px: {count / seconds:.0f} crops/s and core, everything on, people and motions included"
        )
        print(
            f"{'':8}{count / (drawn - films):.0f} crops/s and core of a person who is dressed already"
        )
        print(
            f"{'':8}{bare / (drawn - films):.2f} of the speed of the same renderer with the bare body before black"
        )
        with stopwatch() as spent:
            total = cpu_seconds(partial(render_all, jobs, of))
        spent["other"] = total - sum(spent.values())
        for stage, part in sorted(spent.items(), key=lambda item: -item[1]):
            print(f"{'':8}{100 * part / total:5.1f} %  {1000 * part / count:6.2f} ms  {stage}")
    print(
        f"\n2 processes: {scaling(settings):.2f} x the crops of one, in the CPU time that each takes"
    )
    print(
        f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most in one process"
    )


def work(settings: Settings, size: int) -> tuple[list[CropJob], SynthSettings]:
    """The shards of some people, and the settings they are made with."""
    of = SynthSettings(
        Path("never"), crops_per_person=settings.crops, image_size=size, workers=1, **EVERYTHING
    )
    return [
        job
        for number in range(settings.people)
        for job in jobs_of_subject(of, Captures(), f"B{number:04d}")
    ], of


def render_all(jobs: list[CropJob], of: SynthSettings) -> None:
    """All rows of the shards, compressed."""
    for job in jobs:
        synth_crops.crop_rows(job, of)


def render_only(jobs: list[CropJob]) -> None:
    """All pictures of the shards, not compressed."""
    for job in jobs:
        list(render_crops(film(job.clip), job.crops, window_of_box))


def draw_bare(jobs: list[CropJob]) -> float:
    """CPU seconds to draw the bare bodies of the same people, as often, in the same windows."""
    seconds = 0.0
    for job in jobs:
        clip = film(job.clip)
        views = list(render_crops(clip, job.crops, window_of_box))
        clip = replace(clip, person=bare(clip.person))
        start, frame = time.process_time(), -1
        for view in views:
            if view.frame_index != frame:
                frame, posed = view.frame_index, clip.posed(view.frame_index)
            renderer.render(posed, view.camera, view.window, job.crops.image_size)
        seconds += time.process_time() - start
    return seconds


def bare(person: Any) -> Any:
    """The person's body alone, in one colour: the mesh's skin, and the tights where there is no
    skin under clothes.
    """
    from posegrid.walkers.body.mesh import load_body_model
    from posegrid.walkers.clothes.sewing import vertex_normals

    model = load_body_model()
    faces = np.concatenate([model.faces["body"], model.faces["helper_tights"]])
    used, faces = np.unique(faces, return_inverse=True)
    vertices, faces = person.body.vertices_mm[used], faces.reshape(-1, 3)
    count = len(vertices)
    return replace(
        person,
        vertices_mm=vertices.astype(np.float32),
        normals=vertex_normals(vertices, faces).astype(np.float32),
        faces=faces.astype(np.int32),
        two_sided=np.zeros(len(faces), bool),
        skin_bones=model.skin_bones[used].astype(np.int32),
        skin_weights=model.skin_weights[used].astype(np.float32),
        material=np.zeros(count, np.uint8),
        tint=np.ones(count, np.float32),
        wrinkle=np.zeros(count, np.float32),
        openness=np.ones(count, np.float32),
    )


@contextmanager
def stopwatch() -> Iterator[dict[str, float]]:
    """CPU seconds by stage of what runs in the block; a stage inside another counts for itself
    alone.
    """
    spent: dict[str, float] = defaultdict(float)
    open_since: list[float] = []
    before = [(module, name, getattr(module, name)) for _, module, name in STAGES]

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            open_since.append(0.0)
            start = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                whole = time.process_time() - start
                spent[stage] += whole - open_since.pop()
                if open_since:
                    open_since[-1] += whole

        return call

    for stage, module, name in STAGES:
        setattr(module, name, timed(stage, getattr(module, name)))
    try:
        yield spent
    finally:
        for module, name, function in before:
            setattr(module, name, function)


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of a piece of work in this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def scaling(settings: Settings) -> float:
    """How many times the crops two processes at once render, by the CPU time of each against one
    alone.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        pool.map(_warmed, range(2), chunksize=1)
        alone = min(
            pool.map(partial(_timed_alone, settings), [0], chunksize=1)[0]
            for _ in range(settings.rounds)
        )
        both = min(
            sum(pool.map(partial(_timed_alone, settings), [0, 0], chunksize=1)) / 2
            for _ in range(2)
        )
    return 2 * alone / both


def _warmed(_number: int) -> None:
    jobs, of = work(Settings(1, 4), 128)
    render_all(jobs, of)
    time.sleep(0.5)


def _timed_alone(settings: Settings, _number: int) -> float:
    jobs, of = work(settings, 128)
    return cpu_seconds(partial(render_all, jobs, of))


if __name__ == "__main__":
    main(tyro.cli(Settings))
