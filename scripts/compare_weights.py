"""How far off several weights are on the validation people of several data sets.

    python scripts/compare_weights.py DATA [DATA ...] --weights theirs.onnx mine.safetensors

Each crop is looked at as it is, and without background where weights know masks; the table has the
mean of both, MPJPE / N-MPJPE, mm. Weights are shown masks as they say of themselves: weights of
two kinds of masks can be compared on one data set.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from tyro.conf import Positional

from posegrid.body.metrics import mpjpe_mm, n_mpjpe_mm
from posegrid.datasets.dataset_facts import load_dataset_facts
from posegrid.datasets.stored_crops import Crops, read_crops
from posegrid.errors import PosegridError
from posegrid.learning.model_facts import shown_crops
from posegrid.results.models import Model, load_model
from posegrid.results.network import without_background


@dataclass(frozen=True)
class Settings:
    """What to compare on what."""

    data: Positional[tuple[Path, ...]]
    """Folders of prepared crops."""
    weights: tuple[Path, ...]
    """Checkpoints (.safetensors) or exported weights (.onnx)."""
    crops: int = 480
    """At most so many of each data set, evenly spread."""


def main(settings: Settings) -> None:
    """Print a row for each data set, a column for each weights, and their means."""
    models = [load_model(path) for path in settings.weights]
    print(f"| | {' | '.join(map(str, settings.weights))} |")
    print(f"|---|{'---|' * len(models)}")
    rows = []
    for folder in settings.data:
        crops = judges_in(folder, settings.crops)
        rows.append([off_mm(model, crops) for model in models])
        _print(f"{folder.name}, {len(crops)} crops", rows[-1])
    _print("mean", np.mean(rows, axis=0))


def judges_in(folder: Path, most: int) -> Crops:
    """Crops of the validation people."""
    crops = read_crops(folder, load_dataset_facts(folder).subjects_of("validation"))
    return crops.subset(np.linspace(0, len(crops) - 1, min(most, len(crops))).astype(int))


def off_mm(model: Model, crops: Crops) -> tuple[float, float]:
    """MPJPE and N-MPJPE, the mean over the looks, mm."""
    looks = [shown_crops(crops.inputs, model.facts)]
    if model.facts.has_masks:
        looks.append(without_background(looks[0]))
    true_mm = np.concatenate([crops.pose_view_mm] * len(looks))
    found_mm = np.concatenate([model.estimate(look).pose_mm for look in looks])
    return mpjpe_mm(found_mm, true_mm), n_mpjpe_mm(found_mm, true_mm)


def _print(name: str, figures: "list[tuple[float, float]] | np.ndarray") -> None:
    print(f"| {name} | {' | '.join(f'{one:.1f} / {n:.1f}' for one, n in figures)} |", flush=True)


if __name__ == "__main__":
    try:
        main(tyro.cli(Settings))
    except PosegridError as error:
        raise SystemExit(str(error)) from None
