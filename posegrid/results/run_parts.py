"""What a run has left on the disk, gathered for its report."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posegrid.datasets.dataset_facts import DATASET_FILE
from posegrid.errors import SourceError
from posegrid.results.curves import Curve, load_curve
from posegrid.results.predictions import NAME, Predictions
from posegrid.results.tables import score_rows

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
    missing: list[str] = field(default_factory=list)
    """What was not found, in words."""


def gather(
    run: Path, folders: dict[str, Path | None], data: Path | None, out: Path | None
) -> Parts:
    """The run's parts, read from the disk. Raises SourceError if there are none, or one is damaged.

    folders: where "pretrain", "train", "scratch" and "evaluation" lie, if not in the run's folder
    under these names.
    """
    missing: list[str] = []
    places = {name: folder or run / name for name, folder in folders.items()}
    curves: dict[str, Curve | None] = {}
    for name, words in CURVE_NAMES.items():
        path = places[name] / "metrics.csv"
        curves[name] = load_curve(path, words) if path.is_file() else None
        if curves[name] is None:
            missing.append(f"the curve of {name} (no {path})")
    evaluation = places["evaluation"]
    figures = load_json(evaluation / "evaluation.json", missing)
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
    return Parts(
        out or run,
        **curves,
        figures=figures,
        predictions=predictions,
        data=data,
        weights=weights,
        missing=missing,
    )


def load_json(path: Path, missing: list[str]) -> dict[str, Any] | None:
    """The figures in evaluation.json, or None and a word among the missing."""
    if not path.is_file():
        missing.append(f"scores (no {path}; `posegrid evaluate` writes it)")
        return None
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
        score_rows(figures)
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise SourceError(
            f"{path}: does not hold an evaluation ({error!r}); evaluate again."
        ) from error
    return figures
