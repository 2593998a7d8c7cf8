"""Figures that must not move: a tiny network's answers, losses and errors, written down once; and
how far bfloat16 may be from 32 bits.
"""

import numpy as np
import pytest
import torch
from learning.made_up import SIZE, made_up_crops
from torch import nn

from posegrid.body import metrics
from posegrid.learning.batch import Batch
from posegrid.learning.networks import build_network
from posegrid.learning.pose_targets import PersonTarget, PoseTarget
from posegrid.learning.targets import GridTarget, JointTarget, Target

MEAN_POSE = tuple((10.0 * joint, -5.0 * joint, 2.0 * joint) for joint in range(17))


def filled(network: nn.Module) -> nn.Module:
    """Every number drawn by numpy, whose streams do not change with torch's version."""
    rng = np.random.default_rng(2015)
    with torch.no_grad():
        for parameter in network.parameters():
            spread = 1.4 / np.sqrt(max(1, parameter[0].numel())) if parameter.ndim > 1 else 0.1
            drawn = torch.from_numpy(rng.normal(0, spread, tuple(parameter.shape)))
            parameter.copy_(drawn + (parameter.ndim == 1))
    return network.eval()


def answers(name: str, target: Target, count: int = 24) -> tuple[torch.Tensor, Batch]:
    crops = made_up_crops(count, seed=7)
    images = torch.from_numpy(crops.images[:, None].astype(np.float32) / 255)
    batch = Batch(
        images, torch.from_numpy(crops.pose_cam_mm), torch.from_numpy(crops.keypoints_crop_px)
    )
    with torch.inference_mode():
        return filled(build_network(name, target, SIZE))(images), batch


def test_a_tiny_networks_figures_are_those_written_down() -> None:
    target = JointTarget(PoseTarget(MEAN_POSE), GridTarget(SIZE, 5))
    outputs, batch = answers("report2015_small", target)
    estimate, truth = target.decode(outputs).double().numpy(), batch.pose_mm.double().numpy()
    figures = {
        "loss": float(target.loss(outputs, batch)),
        "cell_accuracy": float(
            target.grid.measure(outputs[:, target.pose.num_outputs :], batch).mean()
        ),
        "mpjpe_mm": metrics.mpjpe_mm(estimate, truth),
        "n_mpjpe_mm": metrics.n_mpjpe_mm(estimate, truth),
        "pa_mpjpe_mm": metrics.pa_mpjpe_mm(estimate, truth),
        "auc": metrics.auc(metrics.joint_errors_mm(estimate, truth)),
    }
    assert figures == pytest.approx(
        {
            "loss": 8.403192,
            "cell_accuracy": 0.0637255,
            "mpjpe_mm": 497.21587,
            "n_mpjpe_mm": 451.03822,
            "pa_mpjpe_mm": 397.49372,
            "auc": 0.0598514,
        },
        rel=1e-4,
    )


@pytest.mark.parametrize(
    ("name", "target"),
    [("posegrid_s", PersonTarget(SIZE)), ("report2015_small", PoseTarget(MEAN_POSE))],
)
def test_bfloat16_answers_nearly_as_32_bits(name: str, target: Target) -> None:
    exact, _ = answers(name, target)
    with torch.autocast("cpu", torch.bfloat16):
        rounded, _ = answers(name, target)
    poses = [target.decode(outputs.float()).numpy() for outputs in (exact, rounded)]
    spread = np.linalg.norm(poses[0] - poses[0].mean(axis=0), axis=-1).mean()
    off = np.linalg.norm(poses[1] - poses[0], axis=-1).mean()
    assert 0 < off < 0.15 * spread
