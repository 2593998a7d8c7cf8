"""How far knees that `predict` sees are from the true ones, by rendered walkers whose truth is known.

python scripts/measure_knees.py            # prints the table of docs/gait.md; 5 minutes of CPU
python scripts/measure_knees.py --write    # and writes it there, and where `gait` reads it

Each of `PEOPLE` people walks before two cameras of the studio, 4 s at 25 frames per second.
`model(...)` finds them by itself; the intrinsics are given. Strides and stance are those of the
true joints. Nobody here was in any training: the seed is another one.
"""

import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

import posegrid
from posegrid.motion.angles import KNEE_ERRORS
from posegrid.motion.gait import gait_of
from posegrid.motion.strides import CYCLE_PERCENT
from posegrid.motion.world import WorldMotion
from posegrid.walkers.clip import Clip, ClipPlan, film
from posegrid.walkers.pictures import pictures

PAGE = Path(__file__).parents[1] / "docs" / "gait.md"
SEED, PEOPLE, FRAMES, EVERY, PICTURE_PX = 1717, 8, 200, 2, 480
BENDS_DEG = (0, 10, 20, 30, 45, 60, 180)
"""Bounds of the true flexions that the table has a row for."""


def main() -> None:
    """Print the table, and write it if asked to."""
    model = posegrid.load()
    clips = []
    for number in range(PEOPLE):
        clip = film(ClipPlan(SEED, f"K{number}", num_frames=FRAMES, picture_size=PICTURE_PX))
        names = sorted(clip.cameras)
        for camera in (names[number % 4], names[(number + 1) % 4]):
            curves = strides_deg(model, clip, camera)
            print(f"person {number}, camera {camera}: {len(curves)} strides", flush=True)
            clips += [errors_deg(curves)] if len(curves) else []
    publish(table_of(clips), model.network.name, write="--write" in sys.argv[1:])


def strides_deg(model: posegrid.PoseModel, clip: Clip, name: str) -> np.ndarray:
    """(S, 3, 101) of every stride that was seen: the true flexion of its knee, the estimated one,
    and 1 in stance.
    """
    seen = [picture.image for picture in pictures(clip, name)][::EVERY]
    camera, rows = clip.cameras[name], np.arange(0, FRAMES, EVERY)
    track = model(np.stack(seen), fps=clip.motion.fps / EVERY, camera=camera)
    world = np.stack([clip.pose_world_mm(int(row)) for row in rows])
    motion = WorldMotion(
        track.time_s,
        world - camera.centre_world_mm * [1, 1, 0],
        np.full(world.shape[:2], np.nan),
        camera.rot_world_to_cam.T,
        float(camera.centre_world_mm[2]),
        track.frame,
        track.fps,
        track.source,
    )
    curves = []
    for stride in gait_of(motion, scale_known=True, source=name).strides:
        at_s = stride.begin_s + stride.time_s * CYCLE_PERCENT / 100
        inside = (track.time_s >= stride.begin_s) & (track.time_s <= stride.end_s)
        if track.found[inside].all() and np.isfinite(stride.off_s):
            said = track.angles()[f"{stride.side}_knee_flexion_deg"]
            said = np.interp(at_s, track.time_s[track.found], said[track.found])
            curves.append([stride.flexion_deg["knee"], said, at_s <= stride.off_s])
    return np.array(curves, float).reshape(-1, 3, len(CYCLE_PERCENT))


def errors_deg(curves: np.ndarray) -> dict[str, float]:
    """By how much knees read too bent in a clip's strides, by the true flexion and as a whole; NaN
    where there is none.
    """
    true, said, stance = np.moveaxis(curves, 1, 0)
    parts = {}
    for low, high in pairwise(BENDS_DEG):
        part = f"bent by {low} to {high}" if high < 180 else f"bent by over {low}"
        parts[part] = (true >= low) & (true < high)
    parts["in stance, on average"] = stance > 0
    means = {part: float((said - true)[at].mean()) for part, at in parts.items() if at.sum() > 5}
    whole = {
        "at their most bent": said.max(axis=1) - true.max(axis=1),
        "range": np.ptp(said, axis=1) - np.ptp(true, axis=1),
    }
    every = means | {part: float(values.mean()) for part, values in whole.items()}
    return {part: every.get(part, float("nan")) for part in (*parts, *whole)}


def table_of(clips: Sequence[dict[str, float]]) -> list[tuple[str, float, float, int]]:
    """(part, mean over the clips, their standard deviation, how many had it)."""
    rows = []
    for part in clips[0]:
        values = np.array([clip[part] for clip in clips])
        values = values[np.isfinite(values)]
        if len(values) > 1:
            spread = float(values.std(ddof=1))
            # in tenths, as the file has them: the page is then rounded from the same numbers
            rows.append((part, round(float(values.mean()), 1), round(spread, 1), len(values)))
    return rows


def publish(rows: list[tuple[str, float, float, int]], weights: str, *, write: bool) -> None:
    """Print the rows; write them into the page and the file that `gait` reads."""
    lines = [f"| knees ({weights}) | too bent by, degrees | clips |", "|---|---:|---:|"]
    lines += [f"| {part} | {mean:+.0f} ± {spread:.0f} | {n} |" for part, mean, spread, n in rows]
    print(*lines, sep="\n")
    if write:
        text = PAGE.read_text(encoding="utf-8")
        marks = r"(<!-- table: knees -->\n).*?(<!-- end: knees -->)"
        table = "\n".join(lines)
        text = re.sub(marks, lambda m: f"{m[1]}{table}\n{m[2]}", text, flags=re.DOTALL)
        PAGE.write_text(text, encoding="utf-8")
        head = "weights,part,too_bent_deg,spread_deg,clips\n"
        body = [f'{weights},"{part}",{mean:.1f},{sd:.1f},{n}\n' for part, mean, sd, n in rows]
        KNEE_ERRORS.write_text(head + "".join(body), encoding="utf-8")


if __name__ == "__main__":
    main()
