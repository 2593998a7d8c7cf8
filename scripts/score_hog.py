"""Scores the ways of before 2015 on a data set: nearest neighbours and kernel ridge on HOG
features.

    python scripts/score_hog.py data/claim --out runs/baselines

Writes OUT/knn_hog/ and OUT/kernel_ridge_hog/, each with evaluation.json (as `posegrid evaluate`
does, on the split test) and cost.json. How many neighbours, how wide a kernel and how much ridge is
chosen on the split validation. Crops with masks are seen with their background removed.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from hog import KernelRidge, NearestNeighbours, hog, usual_gamma
from tyro.conf import Positional

from posegrid.body.estimate import Estimate
from posegrid.body.skeleton import body_size_mm
from posegrid.datasets.dataset_facts import load_dataset_facts
from posegrid.datasets.stored_crops import Crops, read_crops
from posegrid.files import write_text
from posegrid.learning.model_facts import ModelFacts
from posegrid.results.evaluate import EvaluateSettings, evaluate

NEIGHBOURS = (1, 3, 5, 10, 20, 40)
GAMMAS, RIDGES = (0.5, 1.0, 2.0), (1e-6, 1e-5, 1e-4)
TIMED_CROPS = 50


@dataclass(frozen=True)
class Settings:
    """What to score."""

    data: Positional[Path]
    """Folder of prepared crops, background removed."""
    out: Path
    """Folder for the results."""
    landmarks: int = 3000
    """Training crops that the kernel is spanned by."""


@dataclass(frozen=True, eq=False)
class HogModel:
    """Features and a regressor as weights that `posegrid evaluate` can score."""

    facts: ModelFacts
    regressor: NearestNeighbours | KernelRidge

    def estimate(self, images: np.ndarray) -> Estimate:
        """Root-relative poses in the view frame, mm."""
        return Estimate.of_poses(
            self.regressor.predict(hog(images)).reshape(-1, 17, 3).astype(np.float32)
        )


def main(settings: Settings) -> None:
    """Fit, choose on validation, score on test."""
    facts = load_dataset_facts(settings.data)
    if facts.background != "removed":
        raise SystemExit(
            f"{settings.data} has the background {facts.background}; expected crops with it removed."
        )
    start = time.process_time()
    training, validation = (
        read_crops(settings.data, facts.subjects_of(split)) for split in ("train", "validation")
    )
    features, answers = hog(training.images), training.pose_view_mm.reshape(len(training), -1)
    held_out, truth_mm = hog(validation.images), validation.pose_view_mm
    both_s = time.process_time() - start
    for name, choose in (("knn_hog", nearest_neighbours), ("kernel_ridge_hog", kernel_ridge)):
        start = time.process_time()
        regressor = best(choose(features, answers, settings), held_out, truth_mm)
        seconds = both_s + time.process_time() - start
        model = HogModel(
            model_facts(name, training, facts.subjects_of("train"), facts.synthetic, seconds),
            regressor,
        )
        evaluate(EvaluateSettings(Path(name), settings.data, settings.out / name), model)
        cost = {
            "network": name,
            "parameters": regressor.parameters,
            "multiply_adds": regressor.multiply_adds,
            "cpu_ms_per_crop": cpu_ms_per_crop(model, validation),
        }
        write_text(settings.out / name / "cost.json", json.dumps(cost, indent=2) + "\n")


def nearest_neighbours(
    features: np.ndarray, answers: np.ndarray, _: Settings
) -> list[NearestNeighbours]:
    """One for each number of neighbours."""
    return [
        NearestNeighbours(features, answers, count)
        for count in NEIGHBOURS
        if count <= len(features)
    ]


def kernel_ridge(
    features: np.ndarray, answers: np.ndarray, settings: Settings
) -> list[KernelRidge]:
    """One for each width and ridge."""
    rows = np.random.default_rng(0).permutation(len(features))[: settings.landmarks]
    gamma = usual_gamma(features)
    fitted = (
        KernelRidge.fitted(features, answers, features[rows], gamma * times, RIDGES)
        for times in GAMMAS
    )
    return [regressor for several in fitted for regressor in several]


def best(
    regressors: list, features: np.ndarray, truth_mm: np.ndarray
) -> NearestNeighbours | KernelRidge:
    """The one with the lowest MPJPE on these crops."""
    errors_mm = []
    for regressor in regressors:
        poses_mm = regressor.predict(features).reshape(truth_mm.shape)
        errors_mm.append(float(np.linalg.norm(poses_mm - truth_mm, axis=-1).mean()))
        shown = {
            name: value for name, value in vars(regressor).items() if isinstance(value, int | float)
        }
        print(f"{type(regressor).__name__} {shown}: validation {errors_mm[-1]:.1f} mm", flush=True)
    return regressors[int(np.argmin(errors_mm))]


def model_facts(
    name: str, training: Crops, subjects: list[str], synthetic: bool, seconds: float
) -> ModelFacts:
    """What `posegrid evaluate` asks of weights."""
    poses_mm = training.pose_view_mm
    mean = tuple(tuple(float(value) for value in joint) for joint in poses_mm.mean(axis=0))
    return ModelFacts(
        name,
        "pose",
        training.images.shape[-1],
        "removed",
        "view",
        mean,  # pyright: ignore[reportArgumentType]
        training={
            "subjects": subjects,
            "synthetic": synthetic,
            "mean_size_mm": float(body_size_mm(poses_mm).mean()),
            "run_total_images": len(training),
            "run_total_cpu_seconds": seconds,
        },
    )


def cpu_ms_per_crop(model: HogModel, crops: Crops) -> float:
    """CPU time of one crop at a time, features included, ms."""
    start = time.process_time()
    for row in range(min(TIMED_CROPS, len(crops))):
        model.estimate(crops.images[row : row + 1])
    return 1000 * (time.process_time() - start) / min(TIMED_CROPS, len(crops))


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
