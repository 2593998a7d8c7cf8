"""Poses as the expectation of a heat map over a volume of cells: integral regression, or
soft-argmax.

Poses by their likelihood: the shape of the errors is learnt beside them, by a flow that only
training needs.

Residual log-likelihood estimation (RLE; Li et al., ICCV 2021): an error counted in the scale that
the network states has the density Q x G, Q a Laplace distribution and G whatever a normalising flow
(RealNVP; Dinh et al., ICLR 2017) makes of a Gaussian. Both factors are densities of the error in
space, so each is divided by the scale.
"""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posegrid.body.skeleton import NUM_JOINTS
from posegrid.learning.batch import Batch
from posegrid.learning.pose_targets import POSE_UNIT_MM, MeanPose, joint_distances, rooted


@dataclass(frozen=True)
class IntegralTarget:
    """Each joint as a distribution over cells of a cube round the root, after Sun et al. (ECCV
    2018).

    Loss = MPJPE of its mean. Nothing but the mean is taught: the distribution itself may take any
    shape.
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


NUM_COUPLINGS, FLOW_WIDTH = 6, 64


class Flow(nn.Module):
    """A density of 3D errors: a Gaussian, bent by invertible steps that each move some axes by what
    the others say.
    """

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.scales = nn.ModuleList(_small_network(nn.Tanh()) for _ in range(NUM_COUPLINGS))
            self.shifts = nn.ModuleList(_small_network(nn.Identity()) for _ in range(NUM_COUPLINGS))
        kept = torch.eye(3)[torch.arange(NUM_COUPLINGS) % 3]
        self.kept: Tensor
        self.register_buffer(
            "kept", torch.where(torch.arange(NUM_COUPLINGS)[:, None] % 2 == 0, kept, 1 - kept)
        )

    def to_gaussian(
        self, errors: Float[Tensor, "n 3"]
    ) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n"]]:
        """The points of the Gaussian that become these errors, and the log of how much space
        shrinks on the way.
        """
        log_shrinking = torch.zeros(len(errors))
        for kept, scale, shift in zip(self.kept, self.scales, self.shifts, strict=True):
            log_scale = scale(errors * kept) * (1 - kept)
            errors = errors * torch.exp(-log_scale) - shift(errors * kept) * torch.exp(
                -log_scale
            ) * (1 - kept)
            log_shrinking = log_shrinking - log_scale.sum(dim=1)
        return errors, log_shrinking

    def from_gaussian(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """What the Gaussian's points become: undoes `to_gaussian`."""
        for kept, scale, shift in zip(
            self.kept.flip(0), reversed(self.scales), reversed(self.shifts), strict=True
        ):
            log_scale = scale(points * kept) * (1 - kept)
            points = points * torch.exp(log_scale) + shift(points * kept) * (1 - kept)
        return points

    def log_density(self, errors: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """Natural logarithm of the density at these errors."""
        points, log_shrinking = self.to_gaussian(errors)
        return log_shrinking - points.square().sum(dim=1) / 2 - 1.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class LikelihoodTarget:
    """Mean and scale of each of the 51 coordinates; loss = negative log-likelihood of the truth,
    after RLE.

    The mean is the estimate: the mean pose plus 100 mm times the outputs, as in `PoseTarget`.
    """

    mean_pose_mm: MeanPose
    flow: Flow = field(default_factory=Flow, compare=False, repr=False)
    """Learns with the network; is no part of the weights."""
    figure: ClassVar[str] = "mpjpe_mm"
    higher_is_better: ClassVar[bool] = False
    name: ClassVar[str] = "rle"
    num_outputs: ClassVar[int] = 2 * NUM_JOINTS * 3

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target, but for the mean pose; the flow is gone once training ends."""
        return {}

    def start_head(self, head: nn.Linear) -> None:
        """Set the head's first weights: close to the mean pose, scales of 100 mm."""
        nn.init.normal_(head.weight, std=0.01)
        nn.init.zeros_(head.bias)

    def encode(self, batch: Batch) -> Float[Tensor, "n 17 3"]:
        """The means that would be exactly right."""
        return (batch.pose_mm - torch.tensor(self.mean_pose_mm)) / POSE_UNIT_MM

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """-log Q - log G of the true poses, mean over crops and the 16 joints that are not the
        root.
        """
        mean, log_scale = self._split(outputs)
        error = ((self.encode(batch) - mean) * torch.exp(-log_scale))[:, 1:]
        log_scale = log_scale[:, 1:].sum(dim=-1)
        with torch.autocast("cpu", enabled=False):
            bent = -self.flow.log_density(error.reshape(-1, 3)).view_as(log_scale) + log_scale
        laplace = math.sqrt(2) * error.abs().sum(dim=-1) + 1.5 * math.log(2) + log_scale
        return (laplace + bent).mean()

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The mean of each joint, mm, the root at exactly zero."""
        return rooted(self._split(outputs)[0] * POSE_UNIT_MM + torch.tensor(self.mean_pose_mm))

    def measure(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, "n"]:
        """MPJPE of each crop, over all 17 joints, mm."""
        return (self.decode(outputs) - batch.pose_mm).norm(dim=-1).mean(dim=1)

    def _split(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_scale = outputs.view(-1, 2, NUM_JOINTS, 3).unbind(dim=1)
        return mean, log_scale.clamp(-4.0, 2.0)


def _small_network(last: nn.Module) -> nn.Sequential:
    """Three layers that begin by answering almost nothing."""
    layers = (
        nn.Linear(3, FLOW_WIDTH),
        nn.LeakyReLU(),
        nn.Linear(FLOW_WIDTH, FLOW_WIDTH),
        nn.LeakyReLU(),
    )
    end = nn.Linear(FLOW_WIDTH, 3)
    nn.init.normal_(end.weight, std=0.01)
    nn.init.zeros_(end.bias)
    return nn.Sequential(*layers, end, last)
