"""Checkpoints: what is saved comes back, and damaged or foreign files are refused by name."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from posegrid import files
from posegrid.errors import CheckpointError, OutputError
from posegrid.learning import checkpoint
from posegrid.learning.checkpoint import load_checkpoint, load_facts, save_checkpoint
from posegrid.learning.model_facts import ModelFacts
from posegrid.learning.networks import build_network
from posegrid.learning.pose_targets import BinsTarget, PoseTarget
from posegrid.learning.targets import GridTarget

MEAN_POSE = ((1.0, 2.0, 3.0),) * 17
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 64, 64), dtype=np.uint8)


def facts_of(target, name="posegrid_s", size=64) -> ModelFacts:
    return ModelFacts(
        name,
        target.name,
        size,
        "removed",
        "view",
        MEAN_POSE,
        target.settings(),
        training={"images": 7},
    )


@pytest.mark.parametrize(
    "target", [PoseTarget(MEAN_POSE), BinsTarget()], ids=lambda target: target.name
)
@pytest.mark.parametrize("name", ["posegrid_s", "lichan2014"])
def test_round_trip_keeps_facts_and_answers(tmp_path, name, target):
    network = build_network(name, target, 64).eval()
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, network, facts_of(target, name))
    loaded = load_checkpoint(path)
    assert loaded.facts == load_facts(path) == facts_of(target, name)
    assert loaded.target == target
    expected = (
        target.decode(network(torch.from_numpy(IMAGES)[:, None].float() / 255)).detach().numpy()
    )
    assert np.allclose(loaded.predict_mm(IMAGES, batch_size=2), expected, atol=1e-2)
    assert loaded.predict_mm(IMAGES[:0]).shape == (0, 17, 3)


def test_grid_weights_answer_keypoints_in_the_whole_crop(tmp_path):
    target = GridTarget(56)
    save_checkpoint(
        tmp_path / "g.safetensors",
        build_network("lichan2014", target, 64),
        facts_of(target, "lichan2014"),
    )
    loaded = load_checkpoint(tmp_path / "g.safetensors")
    keypoints_px = loaded.predict_keypoints_px(IMAGES)
    assert keypoints_px.shape == (5, 17, 2)
    assert keypoints_px.min() >= 4 and keypoints_px.max() <= 60
    with pytest.raises(CheckpointError, match="grid task, not poses"):
        loaded.predict_mm(IMAGES)


def test_crops_of_another_size_are_refused(tmp_path):
    save_checkpoint(
        tmp_path / "a.safetensors",
        build_network("posegrid_s", BinsTarget(), 64),
        facts_of(BinsTarget()),
    )
    with pytest.raises(CheckpointError, match="64 x 64"):
        load_checkpoint(tmp_path / "a.safetensors").predict_mm(np.zeros((1, 128, 128), np.uint8))


def saved(tmp_path, **changes):
    """A file whose facts were tampered with."""
    target = PoseTarget(MEAN_POSE)
    values = {**json.loads(facts_of(target, "report2015_small").to_json()), **changes}
    path = tmp_path / "weights.safetensors"
    weights = build_network("report2015_small", target, 64).state_dict()
    save_file(weights, path, metadata={"posegrid": json.dumps(values)})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2, "posegrid_version": "9.0.0"}, "format 2, by posegrid '9.0.0'"),
        ({"skeleton": "coco_17"}, "skeleton is 'coco_17'"),
        ({"network": "report2015_large"}, "do not fit the network report2015_large"),
        ({"network": "resnet50"}, "Unknown network 'resnet50'"),
        ({"target": "grid"}, "lack 'grid_image_size'"),
        ({"image_size": 100}, "multiple of 16"),
    ],
)
def test_other_versions_skeletons_and_networks_are_refused(tmp_path, changes, message):
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved(tmp_path, **changes))


def test_damaged_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="is no file"):
        load_checkpoint(tmp_path / "none.safetensors")
    path = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(path)
    path.write_text("<html>not found</html>")
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(path)
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="not of posegrid"):
        load_checkpoint(path)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", ["head.bias", "backbone.convolutions.2.running_var"])
def test_weights_that_are_no_numbers_are_refused_by_name(tmp_path, name, value):
    network, path = build_network("posegrid_s", BinsTarget(), 64), tmp_path / "a.safetensors"
    assert name in network.state_dict()
    network.state_dict()[name][-1] = value
    save_checkpoint(path, network, facts_of(BinsTarget()))
    with pytest.raises(CheckpointError, match=rf"a\.safetensors: {name} holds NaN or infinity"):
        load_checkpoint(path)


@pytest.mark.parametrize("target", [BinsTarget(), GridTarget(64)], ids=lambda target: target.name)
def test_answers_that_are_no_numbers_are_refused(tmp_path, target):
    network, path = build_network("posegrid_s", target, 64), tmp_path / "a.safetensors"
    with torch.no_grad():
        network.head.weight.fill_(3e38)
        network.head.bias.fill_(3e38)
    save_checkpoint(path, network, facts_of(target))
    loaded = load_checkpoint(path)
    answer = loaded.predict_keypoints_px if target.name == "grid" else loaded.predict_mm
    with pytest.raises(CheckpointError, match="answer NaN or infinity"):
        answer(IMAGES)


def test_nothing_half_written_is_left(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        save_checkpoint(
            tmp_path / "file" / "w.safetensors",
            build_network("posegrid_s", BinsTarget(), 64),
            facts_of(BinsTarget()),
        )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_no_library_writes_files_of_its_own_beside(tmp_path, monkeypatch):
    """Of a killed process such would stay for ever: nobody knows whose they are."""
    begun, made = files._begun, []

    def watched(path: Path, beginning: str) -> tuple[Path, int]:
        temporary, descriptor = begun(path, beginning)
        made.append(os.fstat(descriptor).st_ino)
        return temporary, descriptor

    monkeypatch.setattr(files, "_begun", watched)
    network = build_network("posegrid_s", BinsTarget(), 64)
    save_checkpoint(tmp_path / "a.safetensors", network, facts_of(BinsTarget()))
    assert [path.stat().st_ino for path in tmp_path.iterdir()] == made


def test_facts_can_be_replaced(tmp_path):
    path = saved(tmp_path)
    loaded = load_checkpoint(path)
    save_checkpoint(path, loaded.network, replace(loaded.facts, training={"images": 8}))
    assert load_facts(path).training == {"images": 8}


def test_the_shipped_weights_have_a_name(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHIPPED_WEIGHTS", tmp_path)
    with pytest.raises(CheckpointError, match=r"posegrid-m\.safetensors is no file"):
        load_checkpoint(Path("posegrid-m"))
    target = PoseTarget(MEAN_POSE)
    save_checkpoint(
        tmp_path / "posegrid-m.safetensors",
        build_network("posegrid_s", target, 64),
        facts_of(target),
    )
    assert load_checkpoint(Path("posegrid-m")).facts == facts_of(target)
