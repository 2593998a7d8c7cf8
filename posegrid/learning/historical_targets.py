"""Poses as the sources of the method ask a network for them; docs/method.md has what they print."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posegrid.body.skeleton import NUM_JOINTS, PARENTS, ROOT
from posegrid.learning.batch import Batch
from posegrid.learning.pose_targets import PoseDecoder, joint_distances, rooted


@dataclass(frozen=True)
class PlainTarget(PoseDecoder):
    """The report of 2015: 51 outputs that are millimetres as they come; loss = MPJPE, in mm."""

    name: ClassVar[str] = "plain"
    num_outputs: ClassVar[int] = NUM_JOINTS * 3

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target."""
        return {}

    def start_head(self, head: nn.Linear) -> None:
        """Set the head's first weights as the report's other layers (Glorot & Bengio, 2010)."""
        nn.init.xavier_uniform_(head.weight)
        nn.init.zeros_(head.bias)

    def encode(self, batch: Batch) -> Float[Tensor, "n 51"]:
        """The outputs that would be exactly right."""
        return batch.pose_mm.flatten(1)

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """MPJPE over all 17 joints, mm."""
        return joint_distances(outputs.view(-1, NUM_JOINTS, 3), batch.pose_mm).mean()

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The pose, mm, its root at exactly zero."""
        return rooted(outputs.view(-1, NUM_JOINTS, 3))


@dataclass(frozen=True)
class ParentsTarget(PoseDecoder):
    """Li & Chan (ACCV 2014): each joint relative to its parent, over a depth scale; loss = half the
    squared error, summed over joints.
    """

    depth_scale_mm: float
    """How far joints are before or behind their parents; one length for all crops, since `predict`
    knows no person's own.
    """
    name: ClassVar[str] = "parents"
    num_outputs: ClassVar[int] = NUM_JOINTS * 3

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target."""
        return {"depth_scale_mm": self.depth_scale_mm}

    def encode(self, batch: Batch) -> Float[Tensor, "n 51"]:
        """The outputs that would be exactly right; the root's are zero."""
        parents = [max(parent, ROOT) for parent in PARENTS]
        steps_mm = batch.pose_mm - batch.pose_mm[:, parents]
        return (steps_mm / self.depth_scale_mm).flatten(1)

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """Half the sum of a crop's squared errors, in depth scales; mean over crops."""
        return (outputs - self.encode(batch)).square().sum(dim=1).mean() / 2

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The pose, mm: from the root along the limbs, so that errors add up."""
        steps_mm = outputs.view(-1, NUM_JOINTS, 3) * self.depth_scale_mm
        places = [torch.zeros_like(steps_mm[:, 0])]
        for joint in range(1, NUM_JOINTS):
            places.append(places[PARENTS[joint]] + steps_mm[:, joint])
        return torch.stack(places, dim=1)
