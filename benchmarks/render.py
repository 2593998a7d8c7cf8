"""Crops per second and core of the walkers' renderer, and where the time goes.

    python benchmarks/render.py            about a minute, after Numba has compiled

The reference of the ratio is the same rasteriser alone (projection and visibility, no shading), in the same run.
"""

import time
from typing import get_args

import numpy as np

from posegrid.prepare.crop import window_of_box
from posegrid.sources.walkers import kernels
from posegrid.sources.walkers.clips import Clip, ClipPlan, film
from posegrid.sources.walkers.crops import CropPlan, render_crops
from posegrid.sources.walkers.varied import PeopleKind

NUM_FRAMES = 146
ROUNDS = 3


def main() -> None:
    """Print one line per kind of people and size of crop."""
    for people in get_args(PeopleKind):
        film(ClipPlan(seed=0, subject="B0000", num_frames=2, people=people))  # compiles
        start = time.process_time()
        clips = [film(ClipPlan(seed=0, subject=f"B{k:04d}", num_frames=NUM_FRAMES, people=people)) for k in range(6)]
        print(f"{people} people: dressed, made to walk: {(time.process_time() - start) / len(clips):.3f} CPU s each")
        for size in (128, 256):
            measure(clips, size)


def measure(clips: list[Clip], size: int) -> None:
    """Print crops per second and the ratio to the rasteriser alone."""
    plan = CropPlan(num_crops=4 * (NUM_FRAMES // 5), every_nth_frame=5, image_size=size)
    list(render_crops(clips[0], CropPlan(num_crops=4, image_size=size), window_of_box))
    seconds = min(
        seconds_of(lambda: [crop for clip in clips for crop in render_crops(clip, plan, window_of_box)])
        for _ in range(ROUNDS)
    )
    bare = min(seconds_of(lambda: [visibility(clip, size, plan.num_crops) for clip in clips]) for _ in range(ROUNDS))
    print(
        f"    {size} px: {len(clips) * plan.num_crops / seconds:.0f} crops/s per core, everything on; "
        f"{bare / seconds:.2f} of the speed of the rasteriser alone"
    )


def visibility(clip: Clip, size: int, num_crops: int) -> None:
    """Rasterise the person so many times, no light, no shadow."""
    person, screen = clip.person, np.empty((len(clip.person.vertices_mm), 3), np.float32)
    low, high = person.vertices_mm.min(axis=0), person.vertices_mm.max(axis=0)
    scale = 2 * size / (1.1 * (high - low).max())
    screen[:, 0] = (person.vertices_mm[:, 0] - low[0]) * scale
    screen[:, 1] = (high[2] - person.vertices_mm[:, 2]) * scale
    screen[:, 2] = 1 / (4000 + person.vertices_mm[:, 1])
    for _ in range(num_crops):
        near, front = np.zeros((2 * size, 2 * size), np.float32), np.full((2 * size, 2 * size), -1, np.int32)
        kernels.rasterise(screen, person.faces, person.two_sided, near, front)


def seconds_of(work) -> float:
    """CPU seconds of a piece of work."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
