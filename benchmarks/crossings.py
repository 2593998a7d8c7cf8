"""Whether people who cross in the picture keep their numbers.

    python benchmarks/crossings.py --pairs 40            40 pairs of rendered walkers: some minutes

Two people of all kinds walk in one room before the studio's cameras. A crossing is where their
places across the picture change order while their boxes touch; 41 pictures about it (25 a second)
go through the finder. It is kept if each has one number before it and the same after it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from jaxtyping import Bool, Float, UInt8

from posegrid.people.crop import box_of
from posegrid.people.finder import find_people
from posegrid.people.looks import iou, load_finder
from posegrid.video.picture import Picture
from posegrid.video.video import VideoFrame
from posegrid.walkers.clip import Clip, ClipPlan, film
from posegrid.walkers.pictures import StudioView
from posegrid.walkers.render.cameras import CAMERA_IDS, STUDIO_REACH_MM

NUM_FRAMES, STEP, AROUND, ENDS = 500, 2, 20, 8
"""Of each walk, 50 a second; every second is shown; so many of those before and after a crossing,
of which the first and the last ones count."""
SAME = 0.4
"""A sighting is somebody's whose box it overlaps so much (IoU)."""


@dataclass(frozen=True)
class Settings:
    """What to measure."""

    pairs: int = 40
    finder: Path | None = None
    """ONNX weights of the finder; default: those that come with posegrid."""
    size: int = 640
    """Width and height of the pictures, pixels."""
    seed: int = 880_000
    """No training used this one."""


@dataclass(frozen=True, eq=False)
class Crossing:
    """Two people before one camera."""

    clips: tuple[Clip, Clip]
    camera_id: str
    frame: int
    """At which they change order."""


def crossings(settings: Settings) -> Iterator[Crossing]:
    """One crossing of each pair that has any."""
    for number in range(settings.pairs):
        plans = [
            ClipPlan(
                seed=settings.seed + number,
                subject=name,
                num_frames=NUM_FRAMES,
                people="varied",
                picture_size=settings.size,
            )
            for name in ("X0001", "X0002")
        ]
        one, other = (film(plan) for plan in plans)
        other = replace(other, location=one.location, cameras=one.cameras)
        found = first_crossing((one, other), number)
        if found is not None:
            yield found


def first_crossing(clips: tuple[Clip, Clip], number: int) -> Crossing | None:
    """The first one, with time before and after it, before one of the cameras, taken in turn."""
    for turn in range(len(CAMERA_IDS)):
        camera_id = CAMERA_IDS[(number + turn) % len(CAMERA_IDS)]
        camera = clips[0].cameras[camera_id]
        x = [camera.project(camera.world_to_camera(clip.motion.root_mm))[:, 0] for clip in clips]
        ahead = x[0] < x[1]
        reach = AROUND * STEP
        for frame in reach + np.flatnonzero(ahead[reach : -reach - 1] != ahead[reach + 1 : -reach]):
            apart = [abs(x[0][f] - x[1][f]) for f in (frame - reach, frame + reach)]
            if min(apart) > 0.1 * camera.size_wh[0]:
                return Crossing(clips, camera_id, int(frame))
    return None


def filmed(crossing: Crossing) -> Iterator[tuple[UInt8[np.ndarray, "H W 3"], list[np.ndarray]]]:
    """Each picture, and the boxes of what is seen of both."""
    room = crossing.clips[0].location.place(STUDIO_REACH_MM)
    views = [StudioView(clip, crossing.camera_id, room) for clip in crossing.clips]
    start = crossing.frame - AROUND * STEP
    for frame in range(start, start + 2 * AROUND * STEP + 1, STEP):
        seen = [v.picture(c.posed(frame)) for v, c in zip(views, crossing.clips, strict=True)]
        far, near = np.argsort(
            [-_depth(view, c, frame) for view, c in zip(views, crossing.clips, strict=True)]
        )
        image = seen[far].image.copy()
        image[seen[near].mask] = seen[near].image[seen[near].mask]
        masks = [picture.mask for picture in seen]
        masks[far] = masks[far] & ~masks[near]
        yield image, [_box(mask) for mask in masks]


def _depth(view: StudioView, clip: Clip, frame: int) -> float:
    return float(view.camera.world_to_camera(clip.motion.root_mm[frame])[2])


def _box(mask: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "4"]:
    box = box_of(mask)
    return np.zeros(4) if box is None else box


def kept(crossing: Crossing, finder_file: Path | None) -> tuple[bool, str]:
    """Whether both keep their numbers, and what happened."""
    made = list(filmed(crossing))
    frames = [
        VideoFrame(n, n * STEP / 50, Picture.from_rgb(image)) for n, (image, _) in enumerate(made)
    ]
    finder = find_people(lambda count: (f.picture for f in frames[::2]), load_finder(finder_file))
    numbers: list[list[int | None]] = []
    for (_, sightings), (_, boxes) in zip(finder.follow(frames), made, strict=True):
        numbers.append([_number(sightings, box) for box in boxes])
    persons = finder.persons()
    before, after = (
        [_usual([persons.get(n[who]) for n in part if n[who] is not None]) for who in (0, 1)]
        for part in (numbers[:ENDS], numbers[-ENDS:])
    )
    whole = before == after and None not in before and before[0] != before[1]
    return whole, f"before {before}, after {after}"


def _number(sightings: list, box: np.ndarray) -> int | None:  # type: ignore[type-arg]
    overlap = [iou(s.silhouette.box_xyxy, box) for s in sightings]
    return sightings[int(np.argmax(overlap))].number if max(overlap, default=0) > SAME else None


def _usual(numbers: list[int | None]) -> int | None:
    """The one that comes most often."""
    return Counter(numbers).most_common(1)[0][0] if numbers else None


def main(settings: Settings) -> None:
    """Prints each crossing that is not kept, and the share that is."""
    outcomes = []
    for number, crossing in enumerate(crossings(settings)):
        outcome, words = kept(crossing, settings.finder)
        outcomes.append(outcome)
        if not outcome:
            print(f"crossing {number}, camera {crossing.camera_id}: {words}", flush=True)
    if not outcomes:
        raise SystemExit(f"None of {settings.pairs} pairs cross: ask for more (--pairs).")
    print(f"{sum(outcomes)} of {len(outcomes)} crossings kept ({np.mean(outcomes):.2f})")


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
