"""How a person's height follows from the bones that weights estimate, and how far off it is:
rendered people.

    python scripts/measure_heights.py --weights mine.onnx

First line: stature over the sum of bones that `posegrid.results.estimator` takes, from true poses.
The others: the height that follows from the estimated poses over the true one. Children are no part
of it: nobody can tell from a crop.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from posegrid.learning.model_facts import ModelFacts
from posegrid.motion.plausible import HEIGHT_PER_BONES, bones_to_height_mm
from posegrid.people.crop import IN_COLOUR, WITH_MASK, grey, window_of_box
from posegrid.results.network import load_onnx
from posegrid.walkers.body.mesh import STATURE_RANGE_MM
from posegrid.walkers.clip import ClipPlan, film
from posegrid.walkers.render.crops import CropPlan, WalkerCrop, render_crops


@dataclass(frozen=True)
class Settings:
    """What to measure."""

    weights: Path | None = None
    """ONNX weights; default: those that come with posegrid."""
    people: int = 60
    """Adults."""
    seed: int = 880_000
    """No training used this one."""


def main(settings: Settings) -> None:
    """Print both."""
    model = load_onnx(settings.weights)
    size, background = model.facts.image_size, model.facts.background
    plan = CropPlan(
        12,
        views=2,
        every_nth_frame=10,
        image_size=size,
        margin=model.facts.margin,
        background=background,
    )
    true_ratios, estimated = [], []
    for number in range(settings.people):
        clip = film(
            ClipPlan(
                settings.seed,
                f"S{number}",
                num_frames=60,
                people="varied" if number % 2 else "plain",
            )
        )
        stature_mm = clip.person.body.stature_mm
        if stature_mm < STATURE_RANGE_MM[0]:
            continue
        true = np.stack([clip.pose_world_mm(frame) for frame in range(0, 60, 10)])
        true_ratios.append(stature_mm / bones_to_height_mm(true) * HEIGHT_PER_BONES)
        crops = list(render_crops(clip, plan, window_of_box))
        if crops:
            poses = model.predict_mm(np.stack([shown(crop, model.facts) for crop in crops])).astype(
                np.float64
            )
            estimated.append(bones_to_height_mm(poses) / stature_mm)
    said = np.array(estimated)
    print(
        f"stature / bones: mean {np.mean(true_ratios):.4f}, std {np.std(true_ratios):.4f}, {len(true_ratios)} adults"
    )
    print(
        f"estimated / true height: mean {said.mean():.3f}, std {said.std():.3f}, {len(said)} adults, {model.name}"
    )
    print(
        f"off by (median, 68 %, 95 % of adults): {np.quantile(np.abs(said - 1), (0.5, 0.68, 0.95)).round(3).tolist()}"
    )


def shown(crop: WalkerCrop, facts: ModelFacts) -> np.ndarray:
    """The crop as the weights take it."""
    in_colour, with_mask = facts.background in IN_COLOUR, facts.background in WITH_MASK
    pixels = np.moveaxis(crop.image, -1, 0) if in_colour else grey(crop.image)[None]
    mask = [crop.mask[None]] if with_mask else []
    taken = np.concatenate([pixels, *mask])
    return taken if len(taken) > 1 else taken[0]


if __name__ == "__main__":
    main(tyro.cli(Settings))
