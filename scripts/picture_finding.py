"""Draws scenes in which the finder is wrong: docs/images/finding_failures.jpg.

    python scripts/picture_finding.py WEIGHTS PEOPLE PLACES

The first scenes of some kinds (validation people and places) in which somebody is missed or nobody
is reported. Of each: the frame with boxes (red: reported, yellow: nearly), the reference, the truth
and the answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import tyro
from jaxtyping import UInt8
from PIL import Image, ImageDraw
from tyro.conf import Positional

from posegrid.learning.finder_data import SceneFolders
from posegrid.learning.finder_evaluation import (
    LEAST_PIXELS,
    Answer,
    HeldOut,
    answered,
    detected,
    matched,
    onnx_answer,
)
from posegrid.learning.finder_target import wanted_box
from posegrid.walkers.scenes.compose import Scene

KINDS = {"one, fixed camera": 2, "one, never moves": 4, "one, no reference": 4, "nobody, ghosts": 2}
"""And how many of each."""
NEARLY = 0.2
RED, YELLOW = (255, 0, 0), (255, 200, 0)


@dataclass(frozen=True)
class Settings:
    """What to draw from."""

    weights: Positional[Path]
    """posegrid-find.onnx."""
    people: Positional[Path]
    """Folder of people made by `posegrid scenes`."""
    backgrounds: Positional[Path]
    """Folder with panoramas/*.jpg and textures/*."""
    out: Path = Path("docs/images/finding_failures.jpg")


def main(settings: Settings) -> None:
    """Write the picture."""
    answer, least = onnx_answer(settings.weights)
    held_out = HeldOut.load(SceneFolders(settings.backgrounds, settings.people), "validation")
    rows = [
        row
        for kind, count in KINDS.items()
        for row in islice(failures(answer, least, held_out.scenes(kind, 200)), count)
    ]
    half = len(rows) // 2
    sheet = np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[half:])], axis=1)
    Image.fromarray(sheet).save(settings.out, quality=85)


def failures(
    answer: Answer, least: float, scenes: Iterator[Scene]
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The frame, the reference, the truth and the answer of each scene in which it is wrong."""
    for scene in scenes:
        out = answered(answer, scene)
        seen = detected(out, NEARLY)
        wanted = [
            wanted_box(layer) for layer in scene.cover if (layer >= 0.5).sum() >= LEAST_PIXELS
        ]
        sure = seen.score >= least
        met = matched(seen.box[sure], wanted)
        if len(met) == len(wanted) and None not in met:
            continue
        truth = scene.cover.sum(axis=0) if len(scene.cover) else np.zeros(scene.known.shape)
        boxed = Image.fromarray(scene.frame)
        brush = ImageDraw.Draw(boxed)
        for box, score in zip(seen.box.tolist(), seen.score.tolist(), strict=True):
            brush.rectangle(box, outline=RED if score >= least else YELLOW)
            brush.text(box[:2], f"{score:.2f}", fill=YELLOW)
        masks = [
            np.repeat(255 * m.clip(0, 1)[..., None], 3, 2) for m in (truth, out["person"][0, 0])
        ]
        parts = [np.asarray(boxed), scene.reference, *masks]
        yield np.concatenate(parts, axis=1).astype(np.uint8)


if __name__ == "__main__":
    main(tyro.cli(Settings))
