"""A network, a target and a loss of the user's own: trained, scored, exported; never run unasked."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from learning.made_up import made_up_crops, write_dataset

from posegrid import cli
from posegrid.errors import CheckpointError, SettingsError
from posegrid.learning.checkpoint import load_checkpoint
from posegrid.learning.own_code import own_code, own_features
from posegrid.learning.targets import own_target
from posegrid.results.network import load_onnx

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_method.py"
OWN = ("my_method:network", "my_method:Careful")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    write_dataset(folder / "data", 96)
    shutil.copy(EXAMPLE, folder)
    return folder


def test_the_example_trains_scores_and_exports(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    named = ["--network", OWN[0], "--target", OWN[1]]
    short = ["--batch-size", "16", "--max-images", "640", "--threads", "1"]
    assert cli.run(["train", "data", "--run", "run", *named, *short]) == 0
    with pytest.raises(CheckpointError, match="needs code outside posegrid, my_method:network"):
        load_checkpoint(Path("run/best.safetensors"))
    checkpoint = load_checkpoint(Path("run/best.safetensors"), OWN)
    assert checkpoint.target.settings() == {"far_mm": 150.0}
    truth = made_up_crops(20, seed=5)
    error_mm = np.linalg.norm(checkpoint.predict_mm(truth.images) - truth.pose_view_mm, axis=-1)
    mean_mm = np.linalg.norm(checkpoint.facts.mean_pose() - truth.pose_view_mm, axis=-1)
    assert error_mm.mean() < 0.8 * mean_mm.mean()
    scored = ["evaluate", "run/best.safetensors", "data", "--out", "scores", "--split"]
    assert cli.run([*scored, "validation"]) == 1
    assert "--own my_method:network" in capsys.readouterr().err
    assert cli.run([*scored, "validation", "--own", *OWN]) == 0
    assert cli.run(["export", "run/best.safetensors", "--out", "own.onnx", "--own", *OWN]) == 0
    told = load_onnx(Path("own.onnx")).predict_mm(truth.images)
    assert np.abs(told - checkpoint.predict_mm(truth.images)).max() < 0.1


def test_what_is_no_network_or_target_is_refused(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(SettingsError, match="nowhere:network: no such code"):
        own_code("nowhere:network")
    with pytest.raises(SettingsError, match="my_method:nothing: no such code"):
        own_code("my_method:nothing")
    with pytest.raises(SettingsError, match=r"expected a torch\.nn\.Module"):
        own_features("builtins:max", 64, 1)
    with pytest.raises(SettingsError, match="expected a PoseDecoder with num_outputs"):
        own_target("builtins:list", ())
