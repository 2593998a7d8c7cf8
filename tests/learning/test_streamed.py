"""Training on a stream: people rendered as they are needed, in batches that follow from the
seed.
"""

import csv
import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from learning.made_up import write_dataset

from posegrid.datasets.dataset_facts import load_dataset_facts
from posegrid.datasets.stored_crops import read_crops
from posegrid.datasets.synth import write_dataset as render
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.datasets.synth_stream import settings_of_dataset
from posegrid.errors import SettingsError
from posegrid.learning.data import CropSet, TrainingBatches
from posegrid.learning.streamed import StreamedBatches
from posegrid.learning.train import TrainSettings, train


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered")
    few = {
        "people": 1,
        "validation_people": 1,
        "test_people": 0,
        "crops_per_person": 12,
        "image_size": 96,
    }
    render(SynthSettings(folder, **few, workers=1, activities="varied"))  # type: ignore[arg-type]
    return folder


def settings_for(data: Path, run: Path, **changes: object) -> TrainSettings:
    short = TrainSettings(
        data, run, network="report2015_small", batch_size=4, max_images=40, threads=1, stream=1
    )
    return replace(short, **changes)  # type: ignore[arg-type]


def test_a_stream_shows_the_people_of_the_same_settings_in_an_order_of_the_seed(data: Path) -> None:
    facts = load_dataset_facts(data)
    crops = CropSet.of(read_crops(data, ["W0001"]), "view", facts.background)
    like = TrainingBatches(crops, 4, 0, "none", 96)
    people = settings_of_dataset(facts, data, 1)
    with StreamedBatches(like, people, 8) as streamed, StreamedBatches(like, people, 8) as again:
        first = [streamed.at(step) for step in range(4)]
        second = [again.at(step) for step in range(4)]
        skipped = again.at(5)
    assert not [p for p in multiprocessing.active_children() if "Loky" not in p.name]
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one.images, other.images)
        torch.testing.assert_close(one.pose_mm, other.pose_mm)
    known = {pose.numpy().tobytes() for pose in crops.pose_mm}
    seen = [pose.numpy().tobytes() for batch in first for pose in batch.pose_mm]
    assert len(set(seen)) == 16 and len(known & set(seen)) >= 4
    assert not {pose.numpy().tobytes() for pose in skipped.pose_mm} & set(seen)


def test_training_on_a_stream_writes_a_run_like_any_other(data: Path, tmp_path: Path) -> None:
    best = train(settings_for(data, tmp_path / "run"))
    assert best.is_file()
    with (best.parent / "metrics.csv").open() as file:
        losses = [float(row["train_loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 10 and np.isfinite(losses).all()
    assert not [p for p in multiprocessing.active_children() if "Loky" not in p.name]
    assert not list(data.glob("W0002*"))


def test_a_stream_needs_an_end_and_rendered_people(data: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--max-images"):
        train(settings_for(data, tmp_path / "endless", max_images=None))
    write_dataset(tmp_path / "real", 8)
    with pytest.raises(SettingsError, match="not made by synth"):
        train(settings_for(tmp_path / "real", tmp_path / "run"))
