"""Makes the pictures and figures of docs/walkers.md: a contact sheet, and how people and cameras
are distributed.

    python scripts/walkers_card.py [--set walkers-hard-validation] [--people 100]

Writes docs/images/walkers_SET_sheet.jpg and walkers_SET_spread.png and prints the table. Looks at a
validation twin: the test sets are for figures only.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np
import tyro
from PIL import Image

from posegrid.body.skeleton import JOINT_NAMES
from posegrid.datasets.fixed_sets import changes_of
from posegrid.datasets.synth_plan import crop_jobs
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.people.crop import window_of_box
from posegrid.walkers.clip import Clip, activity_of, film
from posegrid.walkers.motion.captured import Captures
from posegrid.walkers.render.cameras import FRAME_RATE_HZ
from posegrid.walkers.render.crops import WalkerCrop, render_crops

IMAGES = Path(__file__).parents[1] / "docs" / "images"
ROWS, COLUMNS = 8, 12
HIDDEN = "joints hidden or cut off, %"
"""Of a quarter of the people, rendered again with exact masks."""


@dataclass(frozen=True)
class Settings:
    """What to look at."""

    set: Literal["walkers-test-validation", "walkers-hard-validation"] = "walkers-hard-validation"
    people: int = 100
    """Of the set's first people."""


def main(settings: Settings) -> None:
    """Write the pictures, print the table."""
    synth = SynthSettings(Path("never"), **changes_of(settings.set))
    figures: dict[str, list[float]] = {}
    pictures, doing = [], Counter()
    for job in crop_jobs(synth, Captures())[: settings.people]:
        clip = film(job.clip)
        crops = list(render_crops(clip, job.crops, window_of_box))
        doing[activity_of(job.clip)] += 1
        pictures += [crop.image for crop in crops[:: max(1, len(crops) // 3)]]
        for crop in crops:
            for name, value in figures_of(clip, crop):
                figures.setdefault(name, []).append(value)
        if len(hidden := figures.setdefault(HIDDEN, [])) < settings.people * len(crops) / 4:
            exact = replace(job.crops, masks="clean")
            hidden += [hidden_share(crop) for crop in render_crops(clip, exact, window_of_box)]
    name = settings.set.replace("-", "_")
    IMAGES.mkdir(exist_ok=True)
    draw_sheet(pictures, IMAGES / f"{name}_sheet.jpg")
    draw_spread(figures, IMAGES / f"{name}_spread.png")
    print(f"{settings.set}: {len(figures['stature, m'])} crops of {settings.people} people")
    print("\n| | 5 % | median | 95 % |\n|---|---|---|---|")
    for what, values in figures.items():
        low, middle, high = np.nanpercentile(values, [5, 50, 95])
        print(f"| {what} | {low:.2f} | {middle:.2f} | {high:.2f} |")
    print(
        "\n"
        + ", ".join(f"{what} {100 * n / settings.people:.0f} %" for what, n in doing.most_common())
    )


def figures_of(clip: Clip, crop: WalkerCrop) -> Iterator[tuple[str, float]]:
    """(what, value) of one crop."""
    frame, camera = crop.frame_index, crop.camera
    root, joints = (
        clip.motion.root_mm[frame],
        dict(zip(JOINT_NAMES, clip.pose_world_mm(frame), strict=True)),
    )
    towards = camera.centre_world_mm - root
    front = -clip.motion.rotations[frame, 0, :2, 1]
    right, _, ahead = camera.rot_world_to_cam
    yield "stature, m", clip.person.body.stature_mm / 1000
    yield "turned from the camera, degrees", degrees_between(front, towards[:2])
    way = (
        np.linalg.norm(np.gradient(clip.motion.root_mm[:, :2], axis=0)[frame])
        if len(clip.motion.root_mm) > 1
        else 0
    )
    yield "speed, m/s", way * FRAME_RATE_HZ / 1000
    yield (
        "trunk from upright, degrees",
        bent_by(joints["thorax"] - joints["pelvis"], np.array([0.0, 0.0, 1.0])),
    )
    for side in ("left", "right"):
        hip, knee, ankle, shoulder, wrist = (
            joints[f"{side}_{part}"] for part in ("hip", "knee", "ankle", "shoulder", "wrist")
        )
        yield "knee bent, degrees", bent_by(knee - hip, ankle - knee)
        yield "wrist above shoulder, m", (wrist - shoulder)[2] / 1000
    yield "camera's distance, m", np.linalg.norm(towards) / 1000
    yield "camera's height, m", camera.centre_world_mm[2] / 1000
    yield "camera looks down by, degrees", np.degrees(np.arcsin(-ahead[2]))
    yield "camera's roll, degrees", np.degrees(np.arcsin(np.clip(right[2], -1, 1)))
    yield (
        "field of view, degrees",
        np.degrees(2 * np.arctan(0.5 * camera.size_wh[0] / camera.focal_px[0])),
    )


def hidden_share(crop: WalkerCrop) -> float:
    """Percent of the joints that an exact mask does not show: behind something, or outside the
    picture.
    """
    size = len(crop.mask)
    keypoints = crop.camera.windowed(crop.window, size).project(crop.pose_cam_mm)
    seen = [
        crop.mask[
            max(int(y) - 2, 0) : max(int(y) + 3, 0), max(int(x) - 2, 0) : max(int(x) + 3, 0)
        ].any()
        for x, y in keypoints
    ]
    return 100 * (1 - float(np.mean(seen)))


def bent_by(a: np.ndarray, b: np.ndarray) -> float:
    """Angle between two directions in space, degrees."""
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))


def degrees_between(a: np.ndarray, b: np.ndarray) -> float:
    """Signed angle between two directions on the floor, -180 to 180."""
    return float(np.degrees(np.arctan2(a[0] * b[1] - a[1] * b[0], a @ b)))


def draw_sheet(pictures: list[np.ndarray], path: Path) -> None:
    """A sheet of pictures drawn evenly from all."""
    chosen = [pictures[int(i)] for i in np.linspace(0, len(pictures) - 1, ROWS * COLUMNS)]
    rows = [
        np.concatenate(chosen[row * COLUMNS : (row + 1) * COLUMNS], axis=1) for row in range(ROWS)
    ]
    Image.fromarray(np.concatenate(rows)).save(path, quality=85)


def draw_spread(figures: dict[str, list[float]], path: Path) -> None:
    """One histogram for each figure."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    columns = 4
    fig, axes = plt.subplots(
        -(-len(figures) // columns), columns, figsize=(11, 6), layout="constrained"
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, (what, values) in zip(axes.flat, figures.items(), strict=False):
        axis.axis("on")
        axis.hist(values, bins=30, color="#4477aa")
        axis.set_title(what, fontsize=9)
        axis.set_yticks([])
        axis.tick_params(labelsize=8)
    fig.savefig(path, dpi=110)


if __name__ == "__main__":
    main(tyro.cli(Settings))
