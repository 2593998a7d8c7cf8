"""Poses as the expectation of a heat map over a volume of cells: integral regression, or soft-argmax."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posegrid.body.skeleton import NUM_JOINTS
from posegrid.learning.batch import Batch
from posegrid.learning.pose_targets import POSE_UNIT_MM, joint_distances, rooted


@dataclass(frozen=True)
class IntegralTarget:
    """Each joint as a distribution over cells of a cube round the root, after Sun et al. (ECCV 2018).

    Loss = MPJPE of its mean. Nothing but the mean is taught: the distribution itself may take any shape.
    """

    cells: int = 8
    """Cells along each side of the cube."""
    reach_mm: float = 1100.0
    """The cells' centres run from -reach to +reach along each axis."""
    figure: ClassVar[str] = "mpjpe_mm"
    higher_is_better: ClassVar[bool] = False
    name: ClassVar[str] = "integral"

    @property
    def num_outputs(self) -> int:
        """One logit per joint and cell."""
        return NUM_JOINTS * self.cells**3

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target."""
        return {"cube_cells": self.cells, "cube_reach_mm": self.reach_mm}

    def start_head(self, head: nn.Linear) -> None:
        """Set the head's first weights: every cell about equally likely."""
        nn.init.normal_(head.weight, std=0.01)
        nn.init.zeros_(head.bias)

    def encode(self, batch: Batch) -> Float[Tensor, "n 17 3"]:
        """The true poses: there is no true distribution."""
        return batch.pose_mm

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """MPJPE of the expectation, in units of 100 mm."""
        return joint_distances(self._mean_mm(outputs), batch.pose_mm).mean() / POSE_UNIT_MM

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The expectation of each joint, mm, the root at exactly zero."""
        return rooted(self._mean_mm(outputs))

    def measure(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, "n"]:
        """MPJPE of each crop, over all 17 joints, mm."""
        return (self.decode(outputs) - batch.pose_mm).norm(dim=-1).mean(dim=1)

    def _mean_mm(self, outputs: Tensor) -> Tensor:
        chance = outputs.view(-1, NUM_JOINTS, self.cells**3).softmax(dim=-1)
        line = torch.linspace(-self.reach_mm, self.reach_mm, self.cells)
        return chance @ torch.cartesian_prod(line, line, line)
