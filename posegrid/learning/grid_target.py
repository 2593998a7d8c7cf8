"""The pre-training task: which cells of a grid over the crop does each joint overlap?"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from posegrid.body.grid import BONE_SHARE
from posegrid.body.skeleton import BONES, NUM_JOINTS
from posegrid.learning.batch import Batch

GRID_START_BIAS = -3.0
"""A cell is positive about once in 60: starting from a low answer saves the first hundreds of
steps.
"""


@dataclass(frozen=True)
class GridTarget:
    """The pre-training task: which cells of a grid over the crop each joint overlaps
    (`posegrid/body/grid.py`).
    """

    image_size: int
    """Side of the crop that the network sees, in pixels."""
    cells: int = 10
    bone_rule: bool = True
    figure: ClassVar[str] = "cell_accuracy"
    higher_is_better: ClassVar[bool] = True
    name: ClassVar[str] = "grid"

    @property
    def num_outputs(self) -> int:
        """One logit per joint and cell."""
        return NUM_JOINTS * self.cells**2

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target."""
        return {
            "cells": self.cells,
            "bone_rule": self.bone_rule,
            "grid_image_size": self.image_size,
        }

    def start_head(self, head: nn.Linear) -> None:
        """Set the head's first weights: small, and the answer "no" everywhere."""
        nn.init.normal_(head.weight, std=0.01)
        nn.init.constant_(head.bias, GRID_START_BIAS)

    def encode(self, batch: Batch) -> Bool[Tensor, "n 17 cells cells"]:
        """The positive cells [joint, row, column]; the same rule as `body.grid.positive_cells`."""
        points = batch.keypoints_px.double() * (self.cells / self.image_size)
        steps = torch.arange(self.cells)
        in_cell = torch.floor(points)[..., None] == steps
        positive = in_cell[:, :, 1, :, None] & in_cell[:, :, 0, None, :]
        if self.bone_rule:
            parents, children = torch.tensor(BONES).T
            crossed = (
                _bone_share_in_cells(points[:, parents], points[:, children], steps) > BONE_SHARE
            )
            for bone, ends in enumerate(BONES):
                for joint in ends:
                    positive[:, joint] |= crossed[:, bone]
        return positive

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """Sigmoid cross-entropy, summed over a joint's cells, mean over joints and crops."""
        truth = self.encode(batch).flatten(1).to(outputs.dtype)
        return functional.binary_cross_entropy_with_logits(outputs, truth, reduction="sum") / (
            len(outputs) * NUM_JOINTS
        )

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 2"]:
        """The centre of each joint's likeliest cell, in pixels of the crop that the network
        sees.
        """
        best = self._cells(outputs).flatten(2).argmax(dim=2)
        cell = torch.stack([best % self.cells, best // self.cells], dim=-1)
        return (cell + 0.5) * (self.image_size / self.cells)

    def decode_centroid(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 2"]:
        """The mean of the cells' centres, weighed by how likely each is, in pixels of what the
        network sees.
        """
        chance = torch.sigmoid(self._cells(outputs))
        chance = chance / chance.sum(dim=(2, 3), keepdim=True)
        centres = (torch.arange(self.cells) + 0.5) * (self.image_size / self.cells)
        return torch.stack(
            [(chance.sum(dim=2) * centres).sum(dim=-1), (chance.sum(dim=3) * centres).sum(dim=-1)],
            dim=-1,
        )

    def measure(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, "n"]:
        """Share of the joints (0..1) whose likeliest cell is a positive one; joints without any are
        left out.
        """
        truth = self.encode(batch).flatten(2)
        best = self._cells(outputs).flatten(2).argmax(dim=2, keepdim=True)
        right = truth.gather(2, best)[..., 0]
        return right.sum(dim=1) / truth.any(dim=2).sum(dim=1).clamp(min=1)

    def _cells(self, outputs: Tensor) -> Tensor:
        return outputs.view(-1, NUM_JOINTS, self.cells, self.cells)


def _bone_share_in_cells(
    start: Tensor, end: Tensor, low: Tensor
) -> Bool[Tensor, "n 16 cells cells"] | Tensor:
    """Share of each bone inside each cell, as `body.grid.bone_share_in_cells` has it; points (N,
    16, 2) in cells.
    """
    start, end = start[..., None], end[..., None]
    step = end - start
    first, second = (low - start) / step, (low + 1 - start) / step
    inside = (start >= low) & (start < low + 1)
    enter = torch.where(step == 0, (~inside).double(), torch.minimum(first, second).clamp(0.0, 1.0))
    leave = torch.where(step == 0, inside.double(), torch.maximum(first, second).clamp(0.0, 1.0))
    enter_both = torch.maximum(enter[:, :, 1, :, None], enter[:, :, 0, None, :])
    leave_both = torch.minimum(leave[:, :, 1, :, None], leave[:, :, 0, None, :])
    has_length = (start != end).any(dim=2)[..., None]
    return torch.where(has_length, torch.nan_to_num((leave_both - enter_both).clamp(min=0.0)), 0.0)
