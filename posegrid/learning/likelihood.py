"""Poses by their likelihood: the shape of the errors is learnt beside them, by a flow that only
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
from posegrid.learning.pose_targets import POSE_UNIT_MM, MeanPose, PoseDecoder, rooted

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
        log_shrinking = errors.new_zeros(len(errors))
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
class LikelihoodTarget(PoseDecoder):
    """Mean and scale of each of the 51 coordinates; loss = negative log-likelihood of the truth,
    after RLE.

    The mean is the estimate: the mean pose plus 100 mm times the outputs, as in `PoseTarget`.
    """

    mean_pose_mm: MeanPose
    flow: Flow = field(default_factory=Flow, compare=False, repr=False)
    """Learns with the network; is no part of the weights."""
    name: ClassVar[str] = "rle"
    num_outputs: ClassVar[int] = 2 * NUM_JOINTS * 3

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target, but for the mean pose; the flow is gone once training ends."""
        return {}

    def encode(self, batch: Batch) -> Float[Tensor, "n 17 3"]:
        """The means that would be exactly right."""
        return (batch.pose_mm - batch.pose_mm.new_tensor(self.mean_pose_mm)) / POSE_UNIT_MM

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """-log Q - log G of the true poses, mean over crops and the 16 joints that are not the
        root.
        """
        mean, log_scale = self._split(outputs)
        error = ((self.encode(batch) - mean) * torch.exp(-log_scale))[:, 1:]
        log_scale = log_scale[:, 1:].sum(dim=-1)
        bent = -self.flow.log_density(error.reshape(-1, 3)).view_as(log_scale) + log_scale
        laplace = math.sqrt(2) * error.abs().sum(dim=-1) + 1.5 * math.log(2) + log_scale
        return (laplace + bent).mean()

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The mean of each joint, mm, the root at exactly zero."""
        mean_mm = outputs.new_tensor(self.mean_pose_mm)
        return rooted(self._split(outputs)[0] * POSE_UNIT_MM + mean_mm)

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
