"""What there is of a run on the disk: its curves, its scores, its predictions and its data.

A run's folder looks like this; what is missing is left out of the page, and the page says so:

    RUN/pretrain/metrics.csv                         the grid task
    RUN/train/metrics.csv, best.safetensors          the regression that starts from it
    RUN/scratch/metrics.csv                          the regression that starts from nothing
    RUN/evaluation/evaluation.json, predictions.npz  what `posegrid evaluate` wrote
    RUN/evaluation-scratch/evaluation.json           the same of the weights from scratch
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posegrid.datasets.dataset_facts import DATASET_FILE
from posegrid.errors import SourceError
from posegrid.results.curves import Curve, load_curve, load_figures
from posegrid.results.predictions import NAME, Predictions

PARTS = ("pretrain", "train", "scratch", "evaluation", "evaluation-scratch")
CURVE_NAMES = {"pretrain": "grid task", "train": "pre-trained", "scratch": "from scratch"}


@dataclass(frozen=True, eq=False)
class Parts:
    """What was found of a run."""

    out: Path
    pretrain: Curve | None
    train: Curve | None
    scratch: Curve | None
    figures: dict[str, Any] | None
    predictions: Predictions | None
    data: Path | None
    """Folder of prepared crops."""
    weights: Path | None
    grid_weights: Path | None = None
    """Of the grid task."""
    scratch_figures: dict[str, Any] | None = None
    own: tuple[str, ...] = ()
    missing: list[str] = field(default_factory=list)
    """What was not found, in words."""


def gather(
    run: Path,
    folders: Mapping[str, Path | None],
    data: Path | None,
    out: Path | None,
    own: tuple[str, ...] = (),
) -> Parts:
    """The run's parts, read from the disk. Raises SourceError if there are none, or one is damaged.

    folders: where `PARTS` lie, if not in the run's folder under these names.
    """
    missing: list[str] = []
    places = {name: folders.get(name) or run / name for name in PARTS}
    curves: dict[str, Curve | None] = {}
    for name, words in CURVE_NAMES.items():
        path = places[name] / "metrics.csv"
        curves[name] = load_curve(path, words) if path.is_file() else None
        if curves[name] is None:
            missing.append(f"the curve of {name} (no {path})")
    evaluation = places["evaluation"]
    scores = evaluation / "evaluation.json"
    figures = load_figures(scores) if scores.is_file() else None
    if figures is None:
        missing.append(f"scores (no {scores}; `posegrid evaluate` writes it)")
    predictions = Predictions.load(evaluation / NAME) if (evaluation / NAME).is_file() else None
    if figures is None and not any(curves.values()):
        raise SourceError(
            f"{run}: there is nothing to report on; expected pretrain/metrics.csv, train/metrics.csv, "
            "scratch/metrics.csv or evaluation/evaluation.json in it."
        )
    data = data or (Path(figures["data"]) if figures else None)
    if data is None or not (data / DATASET_FILE).is_file():
        missing.append(f"pictures and videos (no crops in {data or 'the folder'}; give --data)")
        data = None
    candidates = [
        *([Path(figures["weights"])] if figures else []),
        places["train"] / "best.safetensors",
    ]
    weights = next((path for path in candidates if path.is_file()), None)
    of_grid = places["pretrain"] / "best.safetensors"
    of_scratch = places["evaluation-scratch"] / "evaluation.json"
    return Parts(
        out or run,
        **curves,
        figures=figures,
        predictions=predictions,
        data=data,
        weights=weights,
        grid_weights=of_grid if of_grid.is_file() else None,
        scratch_figures=load_figures(of_scratch) if of_scratch.is_file() else None,
        own=own,
        missing=missing,
    )
