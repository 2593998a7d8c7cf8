"""Several processes train as one does, on one CPU too; what they run on is said or refused."""

import os
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from learning.made_up import write_dataset
from learning.test_train import rows_of, short

import posegrid
from posegrid.errors import SettingsError
from posegrid.learning.checkpoint import load_checkpoint
from posegrid.learning.devices import Devices, bf16_pays, device_of
from posegrid.learning.train import train

PATHS = f"{Path(__file__).parents[1]}{os.pathsep}{Path(posegrid.__file__).parents[1]}"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Two people of 33 crops to learn from, one of 33 to validate on: batches of 250 leave one
    process nothing, and pieces of a batch are uneven.
    """
    return write_dataset(tmp_path_factory.mktemp("walkers"), 33)


@pytest.fixture(autouse=True)
def found_by_new_processes(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PATHS)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def difference(first: Path, second: Path) -> float:
    """The largest difference of two checkpoints' weights."""
    ours, theirs = (load_checkpoint(path).network.state_dict() for path in (first, second))
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours)


def same_curves(first: Path, second: Path) -> bool:
    """Whether two runs' losses and figures agree to a thousandth."""
    return all(
        ours[name] == pytest.approx(theirs[name], rel=1e-3)
        for ours, theirs in zip(rows_of(first), rows_of(second), strict=True)
        for name in ours
        if "seconds" not in name
    )


STEADY = {"optimiser": "sgd", "learning_rate": 0.003, "validation_images": 33}
"""Adam divides by the size of gradients, and so makes the last bit of small ones count."""


UNEVEN = {"target": "rle", "batch_size": 15, "max_images": 90, **STEADY}
"""Shares of 8 and 7 crops; what is learnt beside the network is shared, too."""


def test_a_batch_in_two_pieces_teaches_what_it_does_whole(data, tmp_path):
    whole = train(short(data, tmp_path / "whole", **UNEVEN))
    pieces = train(short(data, tmp_path / "pieces", accumulate=2, **UNEVEN))
    assert (
        difference(whole.with_name("last.safetensors"), pieces.with_name("last.safetensors")) < 1e-4
    )
    assert same_curves(whole.parent, pieces.parent)


def test_two_processes_learn_what_one_does_in_two_pieces(data, tmp_path):
    """The same global batch, augmented by the same draws, piece by piece; and so what one does with
    whole batches.
    """
    changes = {**UNEVEN, "augment": "standard", "average": 0.8}
    one = train(short(data, tmp_path / "one", accumulate=2, **changes))
    two = train(short(data, tmp_path / "two", devices=2, **changes))
    assert difference(one.with_name("last.safetensors"), two.with_name("last.safetensors")) < 1e-4
    assert same_curves(one.parent, two.parent)
    assert load_checkpoint(two).facts.training["device"] == "2 x cpu"


def test_a_run_goes_on_with_another_number_of_devices(data, tmp_path):
    """Begun by two processes that torchrun started, resumed by one."""
    whole = train(short(data, tmp_path / "whole", max_images=64, **STEADY))
    settings = short(data, tmp_path / "run", max_images=64, **STEADY)
    (tmp_path / "begin.py").write_text(STOPPED_AFTER_TWO_ROUNDS)
    (tmp_path / "settings").write_bytes(pickle.dumps(settings))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(tmp_path / "begin.py"), str(tmp_path / "settings")]
    subprocess.run(command, capture_output=True, check=False)
    assert len(rows_of(settings.run)) == 2
    resumed = train(replace(settings, resume=True))
    last = (best.with_name("last.safetensors") for best in (whole, resumed))
    assert difference(*last) < 1e-4
    assert same_curves(whole.parent, resumed.parent)


STOPPED_AFTER_TWO_ROUNDS = """
import os, pickle, sys
from pathlib import Path
from posegrid.learning.run import Record
from posegrid.learning.train import train

def stop(record, *_):
    if len(record.rows) == 2:
        os._exit(1)

Record._tell = stop
train(pickle.loads(Path(sys.argv[1]).read_bytes()))
"""
"""A run whose power goes, as a program of its own."""


def test_what_one_of_many_refuses_is_said_once(data, tmp_path):
    with pytest.raises(SettingsError, match="expected a crop for each at least"):
        train(short(data, tmp_path / "run", batch_size=3, devices=2, accumulate=2))
    assert not (tmp_path / "run").exists()


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert device_of("auto").type == device_of("cpu").type == "cpu"
    with pytest.raises(SettingsError, match=re.escape("finds 0 GPUs")):
        device_of("gpu")


def test_each_process_takes_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert str(device_of("auto", 1)) == "cuda:1" and device_of("cpu", 1).type == "cpu"
    with pytest.raises(SettingsError, match="process 3 of this machine finds 2 GPUs"):
        device_of("gpu", 2)


def test_networks_compute_in_16_bits_where_the_cpu_can(monkeypatch):
    product = torch.ones(4, 4)
    for able in (True, False):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: {"amx_bf16": able})
        assert bf16_pays(torch.device("cpu")) is able
        with Devices(torch.device("cpu")).autocast():
            assert (product @ product).dtype is (torch.bfloat16 if able else torch.float32)
