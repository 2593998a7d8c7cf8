"""ONNX files answer what the checkpoint answers, for any number of crops, and carry its facts."""

import numpy as np
import onnxruntime
import pytest
import torch
from learning.made_up import write_dataset
from torch import nn

from posegrid.datasets.stored_crops import read_crops
from posegrid.errors import CheckpointError, OutputError, SettingsError
from posegrid.learning import export as quantise
from posegrid.learning.checkpoint import load_checkpoint, save_checkpoint
from posegrid.learning.export import ExportSettings, export
from posegrid.learning.model_facts import METADATA_KEY, ModelFacts
from posegrid.learning.networks import build_network
from posegrid.learning.pose_targets import BinsTarget, PersonTarget, PoseTarget
from posegrid.learning.targets import GridTarget, JointTarget
from posegrid.people.crop import hardened
from posegrid.results.network import load_onnx

MEAN_POSE = ((1.0, 2.0, 3.0),) * 17


def saved(path, name, target):
    torch.manual_seed(0)
    network = build_network(name, target, 64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    save_checkpoint(
        path,
        network,
        ModelFacts(name, target.name, 64, "removed", "view", MEAN_POSE, target.settings()),
    )
    return path


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("posegrid_s", BinsTarget()),
        ("posegrid_s", JointTarget(BinsTarget(), GridTarget(64))),
        ("posegrid_s", PersonTarget(64)),
        ("posegrid_s", JointTarget(PersonTarget(64), GridTarget(64))),
        ("lichan2014", PoseTarget(MEAN_POSE)),
        ("report2015_small", PoseTarget(MEAN_POSE)),
    ],
)
def test_onnx_answers_as_the_checkpoint_does(tmp_path, capsys, name, target):
    path = saved(tmp_path / "w.safetensors", name, target)
    out = export(ExportSettings(path))
    assert out == tmp_path / "w.onnx" and "mm from the checkpoint" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(1).integers(0, 256, (3, 64, 64), dtype=np.uint8)
    grey = images[:, None].astype(np.float32) / 255
    checkpoint = load_checkpoint(path)
    for count in (1, 3):
        (pose_mm,) = session.run(["pose_mm"], {"image": grey[:count]})
        assert np.abs(pose_mm - checkpoint.predict_mm(images[:count])).max() < 0.1
    metadata = session.get_modelmeta().custom_metadata_map
    assert ModelFacts.from_json(metadata[METADATA_KEY], "onnx") == checkpoint.facts


def test_a_persons_places_and_uncertainty_are_exported(tmp_path):
    target = PersonTarget(64)
    path = export(ExportSettings(saved(tmp_path / "w.safetensors", "posegrid_s", target)))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    grey = np.random.default_rng(1).random((2, 1, 64, 64)).astype(np.float32)
    keypoints_px, sigma_mm = session.run(["keypoints_px", "sigma_mm"], {"image": grey})
    with torch.inference_mode():
        outputs = load_checkpoint(tmp_path / "w.safetensors").network(torch.from_numpy(grey))
    assert keypoints_px == pytest.approx(target.decode_keypoints_px(outputs).numpy(), abs=0.05)
    assert sigma_mm == pytest.approx(target.decode_sigma_mm(outputs).numpy(), abs=0.1)


def test_half_of_the_numbers_take_half_of_the_space(tmp_path, capsys):
    path = saved(tmp_path / "w.safetensors", "posegrid_m", PersonTarget(64))
    whole = export(ExportSettings(path))
    half = export(ExportSettings(path, tmp_path / "h.onnx", half=True))
    assert "mm from those in 32 bits" in capsys.readouterr().out
    linear = sum(
        layer.weight.numel()
        for layer in load_checkpoint(path).network.modules()
        if isinstance(layer, nn.Linear)
    )
    for before, after in ((whole, half), (path, half.with_suffix(".safetensors"))):
        assert before.stat().st_size - after.stat().st_size == pytest.approx(2 * linear, rel=0.01)
    images = np.random.default_rng(1).integers(0, 256, (20, 64, 64), dtype=np.uint8)
    rounded_mm, whole_mm = (
        load_checkpoint(file).predict_mm(images)
        for file in (half.with_suffix(".safetensors"), path)
    )
    assert 0 < np.abs(rounded_mm - whole_mm).max() < 1.0
    assert np.abs(load_onnx(half).predict_mm(images) - rounded_mm).max() < 0.1
    again = load_checkpoint(half.with_suffix(".safetensors"))
    assert {parameter.dtype for parameter in again.network.parameters()} == {torch.float32}


def test_weights_of_soft_masks_can_be_shown_hard_ones(tmp_path):
    torch.manual_seed(0)
    target = BinsTarget()
    network = build_network("posegrid_s", target, 64, 2)
    facts = ModelFacts(
        "posegrid_s",
        target.name,
        64,
        "masked",
        "view",
        MEAN_POSE,
        target.settings(),
        soft_masks=True,
    )
    save_checkpoint(path := tmp_path / "w.safetensors", network, facts)
    images = np.random.default_rng(1).integers(0, 256, (5, 2, 64, 64), dtype=np.uint8)
    hard = images.copy()
    hard[:, 1] = hardened(images[:, 1])
    soft = load_onnx(export(ExportSettings(path)))
    assert np.abs(soft.predict_mm(images) - soft.predict_mm(hard)).max() > 1
    out = export(ExportSettings(path, tmp_path / "h.onnx", half=True, hard_masks=True))
    for weights in (load_onnx(out), load_checkpoint(out.with_suffix(".safetensors"))):
        assert not weights.facts.soft_masks
        assert np.array_equal(weights.predict_mm(images), weights.predict_mm(hard))


def test_weights_without_masks_are_shown_none_that_are_hard(tmp_path):
    path = saved(tmp_path / "w.safetensors", "posegrid_s", BinsTarget())
    with pytest.raises(SettingsError, match="is shown no masks, but crops with the background rem"):
        export(ExportSettings(path, hard_masks=True))
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.safetensors"]


def test_half_replaces_no_checkpoint(tmp_path):
    path = saved(tmp_path / "w.safetensors", "posegrid_s", BinsTarget())
    with pytest.raises(SettingsError, match="say with --out where"):
        export(ExportSettings(path, half=True))
    with pytest.raises(SettingsError, match="say with --out where"):
        export(ExportSettings(path, tmp_path / "w.onnx", half=True))
    (tmp_path / "other.safetensors").write_bytes(b"somebody's")
    with pytest.raises(SettingsError, match=r"other\.safetensors is there already"):
        export(ExportSettings(path, tmp_path / "other.onnx", half=True))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "other.safetensors",
        "w.safetensors",
    ]


def test_a_difference_of_nan_is_none_below_the_bound(tmp_path, monkeypatch):
    path = saved(tmp_path / "w.safetensors", "posegrid_s", BinsTarget())
    monkeypatch.setattr(quantise, "largest_difference_mm", lambda *_: float("nan"))
    with pytest.raises(CheckpointError, match="differs from the checkpoint by nan mm"):
        export(ExportSettings(path))
    assert not (tmp_path / "w.onnx").exists()


@pytest.mark.parametrize("name", ["head.weight", "backbone.convolutions.1.weight"])
def test_weights_of_nan_are_not_exported(tmp_path, name):
    path = saved(tmp_path / "w.safetensors", "posegrid_s", BinsTarget())
    whole = load_checkpoint(path)
    whole.network.state_dict()[name][0] = torch.nan
    save_checkpoint(path, whole.network, whole.facts)
    with pytest.raises(CheckpointError, match=f"{name} holds NaN"):
        export(ExportSettings(path))
    assert not (tmp_path / "w.onnx").exists()


def test_weights_of_the_grid_task_are_refused(tmp_path):
    path = saved(tmp_path / "w.safetensors", "posegrid_s", GridTarget(64))
    with pytest.raises(CheckpointError, match="grid task"):
        export(ExportSettings(path, tmp_path / "w.onnx"))
    assert not (tmp_path / "w.onnx").exists()


def test_radii_are_measured_on_the_crops_that_are_named(tmp_path, capsys):
    torch.manual_seed(0)
    folders = tuple(write_dataset(tmp_path / name, 40) for name in ("first", "second"))
    path = saved(tmp_path / "w.safetensors", "posegrid_s", PersonTarget(64))
    out = export(ExportSettings(path, tmp_path / "r.onnx", half=True, radii=folders))
    assert "times what the weights state" in capsys.readouterr().out
    crops = read_crops(folders[0], ["S4"])
    for weights in (load_onnx(out), load_checkpoint(out.with_suffix(".safetensors"))):
        said = weights.estimate(crops.images)
        off_mm = np.linalg.norm(said.pose_mm - crops.pose_view_mm, axis=-1)
        for share, bound in ((0.68, "bound_68"), (0.95, "bound_95")):
            settings = weights.facts.target_settings
            radius_mm = said.sigma_mm * (settings[bound] / settings["bound_68"])
            held = (off_mm <= radius_mm)[:, 1:].mean()
            assert held == pytest.approx(share, abs=0.02)


def test_radii_are_not_measured_of_weights_that_state_none(tmp_path):
    data = write_dataset(tmp_path / "data", 4)
    path = saved(tmp_path / "w.safetensors", "posegrid_s", BinsTarget())
    with pytest.raises(SettingsError, match="target bins do not say how sure they are"):
        export(ExportSettings(path, radii=(data,)))
    assert not (tmp_path / "w.onnx").exists()


def test_8_bits_answer_nearly_the_same_from_a_quarter_of_the_file(tmp_path, capsys):
    data = write_dataset(tmp_path / "data", 40)
    path = saved(tmp_path / "w.safetensors", "posegrid_s", BinsTarget())
    whole = export(ExportSettings(path, int8=data))
    eighth = tmp_path / "w-int8.onnx"
    said = capsys.readouterr().out
    assert (
        "w-int8.onnx: " in said
        and "ms per crop on one thread" in said
        and "validation MPJPE" in said
    )
    assert eighth.stat().st_size < 0.35 * whole.stat().st_size
    images = read_crops(data, ["S4"]).images
    model, before = load_onnx(eighth), load_onnx(whole)
    assert model.facts == before.facts == load_checkpoint(path).facts
    difference_mm = np.abs(model.predict_mm(images) - before.predict_mm(images))
    assert 0 < difference_mm.mean() < 0.2 * np.abs(before.predict_mm(images)).mean()


def test_8_bits_that_cost_too_much_are_not_written(tmp_path, monkeypatch):
    data = write_dataset(tmp_path / "data", 20)
    path = saved(tmp_path / "w.safetensors", "report2015_small", PoseTarget(MEAN_POSE))
    monkeypatch.setattr(quantise, "WORST_RATIO", 0.5)
    with pytest.raises(CheckpointError, match=r"on the validation people of .*, more than 2 %"):
        export(ExportSettings(path, int8=data))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["data", "w.onnx", "w.safetensors"]


def test_8_bits_that_cannot_be_written_are_refused_in_a_sentence(tmp_path):
    data, taken = write_dataset(tmp_path / "data", 20), tmp_path / "w-int8.onnx"
    path = saved(tmp_path / "w.safetensors", "report2015_small", PoseTarget(MEAN_POSE))
    taken.mkdir()
    told = r"w-int8\.onnx: cannot be written \(.*\); choose another `out`"
    with pytest.raises(OutputError, match=told):
        export(ExportSettings(path, int8=data))
    assert {entry.name for entry in tmp_path.iterdir()} == {
        data.name,
        taken.name,
        path.name,
        "w.onnx",
    }
    assert not any(taken.iterdir())


def test_8_bits_are_calibrated_with_crops_that_fit(tmp_path):
    data = write_dataset(tmp_path / "data", 4, background="kept")
    path = saved(tmp_path / "w.safetensors", "report2015_small", PoseTarget(MEAN_POSE))
    with pytest.raises(
        CheckpointError, match="has crops with background kept, the weights take removed"
    ):
        export(ExportSettings(path, int8=data))
