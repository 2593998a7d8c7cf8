"""Training that goes astray, a disk that is full and a damaged run each end in a sentence."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from learning.test_train import data, rows_of, short  # noqa: F401 (data is a fixture)

from posegrid.errors import CheckpointError, OutputError, SettingsError
from posegrid.learning import run
from posegrid.learning.checkpoint import load_checkpoint, save_checkpoint
from posegrid.learning.loop import Training
from posegrid.learning.train import train


@pytest.mark.parametrize("network", ["report2015_small", "posegrid_s"])
@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_training_that_diverges_ends_in_a_sentence(data, tmp_path, network, optimiser):  # noqa: F811
    settings = short(data, tmp_path, network=network, optimiser=optimiser, learning_rate=1e30)
    with pytest.raises(SettingsError, match=r"no number any more after \d+ images; lower --learn"):
        train(replace(settings, max_images=64))
    assert not (tmp_path / "best.safetensors").exists()


@pytest.mark.parametrize("what", ["loss", "weight"])
def test_what_was_saved_before_training_diverged_stays(data, tmp_path, monkeypatch, what):  # noqa: F811
    rounds = Training.rounds

    def astray(training, *given):
        for number, found in enumerate(rounds(training, *given)):
            if number == 2 and what == "weight":
                next(training.kept.network.parameters()).data.flatten()[0] = torch.inf
            loss = float("nan") if number == 2 and what == "loss" else found.train_loss
            yield replace(found, train_loss=loss)

    monkeypatch.setattr(Training, "rounds", astray)
    with pytest.raises(SettingsError, match=f"{what} is no number any more after 48 images"):
        train(short(data, tmp_path, max_images=64))
    assert len(rows_of(tmp_path)) == 2
    for name in ("best", "last"):
        assert load_checkpoint(tmp_path / f"{name}.safetensors").facts.training["images"] <= 32


def test_weights_of_nan_are_no_beginning(data, tmp_path):  # noqa: F811
    best = train(short(data, tmp_path / "first", max_images=32))
    weights = load_checkpoint(best)
    with torch.no_grad():
        weights.network.head.bias[0] = torch.nan
    save_checkpoint(best, weights.network, weights.facts)
    with pytest.raises(CheckpointError, match=r"best\.safetensors: head\.bias holds NaN"):
        train(short(data, tmp_path / "second", init=best, transfer="all"))
    assert not (tmp_path / "second").exists()


def test_a_disk_that_is_full_for_the_curve_ends_training_in_a_sentence(
    data,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    opened = Path.open

    def full(path: Path, mode: str = "r", *given, **more):
        if mode == "a":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(path, mode, *given, **more)

    monkeypatch.setattr(Path, "open", full)
    monkeypatch.setattr(run, "STEP_EVERY", 1)
    with pytest.raises(OutputError, match=r"steps\.csv: cannot be written \(No space.*--resume"):
        train(short(data, tmp_path, max_images=32))


@pytest.mark.parametrize(
    ("damage", "count"),
    [(b"\xff\xfe\x00\n", 1), (b"one,two\n3\n", 2), (b"9" * 5000 + b",1.000000\n", 1), (b"1", 1)],
)
def test_a_damaged_curve_does_not_hinder_a_resume(
    data,  # noqa: F811
    tmp_path,
    monkeypatch,
    capsys,
    damage,
    count,
):
    monkeypatch.setattr(run, "STEP_EVERY", 1)
    settings = short(data, tmp_path, max_images=48)
    train(settings)
    whole = (tmp_path / "steps.csv").read_bytes()
    assert whole.count(b"\n") == 4
    (tmp_path / "steps.csv").write_bytes(whole + damage)
    train(replace(settings, resume=True))
    assert (tmp_path / "steps.csv").read_bytes() == whole
    assert f"steps.csv: {count} damaged lines are left out" in capsys.readouterr().out


def test_a_curve_that_cannot_be_read_is_named(data, tmp_path, monkeypatch):  # noqa: F811
    settings = short(data, tmp_path, max_images=48)
    train(settings)
    read = Path.read_text

    def broken(path: Path, *given, **more) -> str:
        if path.name == "steps.csv":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(path, *given, **more)

    monkeypatch.setattr(Path, "read_text", broken)
    with pytest.raises(CheckpointError, match=r"steps\.csv cannot be read \(.*remove it"):
        train(replace(settings, resume=True))
