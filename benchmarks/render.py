"""Crops per second and core of the walkers' renderer, and where the time goes.

    python benchmarks/render.py            about a minute, after Numba has compiled

The reference of the ratio is the same rasteriser alone (projection and visibility, no shading), in the same run.
"""

import time
from dataclasses import replace

import numpy as np

from posegrid.prepare.crop import window_of_box
from posegrid.sources.walkers import kernels
from posegrid.sources.walkers.clips import ClipPlan, Scenes, film
from posegrid.sources.walkers.crops import CropPlan, MaskKind, render_crops

NUM_CROPS = 160
ROUNDS = 3


def main() -> None:
    """Print one line per size of crop."""
    start = time.process_time()
    clip = film(ClipPlan(seed=0, subject="B0001", subaction=1, part=1, num_frames=NUM_CROPS * 5))
    print(f"a person dressed, a walk made (with compiling): {time.process_time() - start:.2f} CPU s")
    for size in (128, 256):
        plan = CropPlan(num_crops=NUM_CROPS, every_nth_frame=5, image_size=size)
        list(render_crops(clip, CropPlan(num_crops=4, image_size=size), window_of_box))
        seconds = min(
            seconds_of(lambda plan=plan: list(render_crops(clip, plan, window_of_box))) for _ in range(ROUNDS)
        )
        bare = min(seconds_of(lambda size=size: visibility(clip, size)) for _ in range(ROUNDS))
        print(
            f"{size} px: {NUM_CROPS / seconds:.0f} crops/s per core, everything on; "
            f"{bare / seconds:.2f} of the speed of the rasteriser alone"
        )
        for scenes, masks in (("plain", "faulty"), ("varied", "faulty")):
            masked(size, scenes, masks)


def masked(size: int, scenes: Scenes, masks: MaskKind) -> None:
    """Print the speed of crops with masks beside them, and how much of that clean masks in plain rooms have."""
    seconds = []
    for scene, mask in (("plain", "clean"), (scenes, masks)):
        clip = film(ClipPlan(seed=0, subject="B0001", num_frames=NUM_CROPS * 5, scenes=scene))
        plan = CropPlan(NUM_CROPS, 4, 5, size, background="masked", cameras="varied", masks=mask)
        list(render_crops(clip, replace(plan, num_crops=4), window_of_box))
        count = len(list(render_crops(clip, plan, window_of_box)))
        runs = [seconds_of(lambda c=clip, p=plan: list(render_crops(c, p, window_of_box))) for _ in range(ROUNDS)]
        seconds.append(min(runs) / count)
    print(
        f"{size} px, background kept, {scenes} scenes, {masks} masks: {1 / seconds[1]:.0f} crops/s per core; "
        f"{seconds[0] / seconds[1]:.2f} of the speed of clean masks in plain rooms"
    )


def visibility(clip, size: int) -> None:
    """Rasterise the person NUM_CROPS times, no light, no shadow."""
    person, screen = clip.person, np.empty((len(clip.person.vertices_mm), 3), np.float32)
    low, high = person.vertices_mm.min(axis=0), person.vertices_mm.max(axis=0)
    scale = 2 * size / (1.1 * (high - low).max())
    screen[:, 0] = (person.vertices_mm[:, 0] - low[0]) * scale
    screen[:, 1] = (high[2] - person.vertices_mm[:, 2]) * scale
    screen[:, 2] = 1 / (4000 + person.vertices_mm[:, 1])
    for _ in range(NUM_CROPS):
        near, front = np.zeros((2 * size, 2 * size), np.float32), np.full((2 * size, 2 * size), -1, np.int32)
        kernels.rasterise(screen, person.faces, person.two_sided, near, front)


def seconds_of(work) -> float:
    """CPU seconds of a piece of work."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
