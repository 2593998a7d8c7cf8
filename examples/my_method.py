"""Your own network, your own target, your own loss, for `posegrid train`; from this folder:

posegrid train data --run run --network my_method:network --target my_method:Careful
posegrid evaluate run/best.safetensors data --out scores \
    --own my_method:network my_method:Careful
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from posegrid.learning.batch import Batch
from posegrid.learning.pose_targets import PoseTarget, joint_distances


def network(channels: int, image_size: int) -> nn.Module:
    """From grey crops in 0..1 (N, channels, image_size, image_size) to features (N, ...)."""
    layers: list[nn.Module] = []
    for before, width in ((channels, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, width, 5, stride=2, padding=2), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * (image_size // 8) ** 2, 256))


@dataclass(frozen=True)
class Careful(PoseTarget):
    """51 numbers as in `PoseTarget`; beyond `far_mm` an error counts by its square root only."""

    far_mm: float = 150.0

    def settings(self) -> dict[str, Any]:
        """What rebuilds it, but for the mean pose; it is stored with the weights."""
        return {"far_mm": self.far_mm}

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """In units of far_mm: the distance of each joint, or 2 sqrt(distance) - 1 beyond 1."""
        share = torch.div(joint_distances(self.decode(outputs), batch.pose_mm), self.far_mm)
        far = torch.sub(torch.sqrt(torch.clamp(share, min=1.0)), 0.5)
        return torch.where(torch.lt(share, 1.0), share, torch.mul(far, 2.0)).mean()
