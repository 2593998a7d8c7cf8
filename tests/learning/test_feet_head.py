"""A head of feet adds to poses and changes none of them; it fits the backbone that it was learnt on."""

import numpy as np
import pytest
import torch
from learning.test_export import saved

from posegrid.body.skeleton import FEET_PARENTS
from posegrid.errors import CheckpointError
from posegrid.learning.checkpoint import load_checkpoint
from posegrid.learning.export import ExportSettings, export
from posegrid.learning.feet_head import FeetHead, load_feet_head, save_feet_head
from posegrid.learning.pose_targets import PersonTarget
from posegrid.results.network import load_onnx


@pytest.fixture
def files(tmp_path):
    """Weights, and a head of feet on them."""
    weights = saved(tmp_path / "w.safetensors", "posegrid_s", PersonTarget(64))
    backbone = load_checkpoint(weights).network.backbone
    torch.manual_seed(1)
    feet = tmp_path / "feet.safetensors"
    save_feet_head(feet, FeetHead(backbone.num_features), backbone)
    return weights, feet


def test_an_export_with_feet_tells_the_same_poses_and_where_the_head_says_feet_are(files):
    weights, feet = files
    images = np.random.default_rng(2).integers(0, 256, (5, 64, 64), dtype=np.uint8)
    without = load_onnx(export(ExportSettings(weights))).estimate(images)
    said = load_onnx(export(ExportSettings(weights, feet=feet))).estimate(images)
    assert np.isnan(without.feet_mm).all()
    np.testing.assert_allclose(said.pose_mm, without.pose_mm, atol=1e-3)
    backbone = load_checkpoint(weights).network.backbone
    with torch.inference_mode():
        grey = torch.from_numpy(images[:, None].astype(np.float32) / 255)
        off_mm = load_feet_head(feet, backbone).from_ankles_mm(backbone.forward_features(grey))
    ankles_mm = without.pose_mm[:, list(FEET_PARENTS)]
    np.testing.assert_allclose(said.feet_mm, ankles_mm + off_mm.numpy(), atol=0.05)


def test_a_head_of_other_weights_is_refused(files, tmp_path):
    weights, feet = files
    backbone = load_checkpoint(weights).network.backbone
    with torch.no_grad():
        next(backbone.parameters()).mul_(1.001)
    with pytest.raises(CheckpointError, match="was learnt on other weights"):
        load_feet_head(feet, backbone)


def test_a_head_of_nan_is_refused(files, tmp_path):
    weights, feet = files
    backbone = load_checkpoint(weights).network.backbone
    head = load_feet_head(feet, backbone)
    with torch.no_grad():
        head.last.bias[3] = torch.nan
    save_feet_head(feet, head, backbone)
    with pytest.raises(CheckpointError, match=r"feet\.safetensors: last\.bias holds NaN"):
        load_feet_head(feet, backbone)


def test_what_is_no_head_of_feet_is_refused(files, tmp_path):
    weights, _ = files
    backbone = load_checkpoint(weights).network.backbone
    (tmp_path / "text.safetensors").write_text("no weights")
    for name, said in (
        ("none.safetensors", "is no file"),
        ("text.safetensors", "cannot be read"),
        ("w.safetensors", "no head of feet"),
    ):
        with pytest.raises(CheckpointError, match=said):
            load_feet_head(tmp_path / name, backbone)
