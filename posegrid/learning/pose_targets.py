"""What a network is asked about poses: 51 numbers, the same as bins, a cube of cells, or pose,
keypoints and uncertainty at once.

Poses are root-relative, in mm, in the pose frame of the run. Losses are in units of 100 mm, so that
one learning rate serves all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from posegrid.body.skeleton import NUM_JOINTS, ROOT
from posegrid.learning.batch import Batch

POSE_UNIT_MM = 100.0
"""Outputs and losses of poses are counted in this."""
MeanPose = tuple[tuple[float, float, float], ...]


class PoseDecoder:
    """What all targets share whose outputs are decoded to poses."""

    figure: ClassVar[str] = "mpjpe_mm"
    """Name of what `measure` gives."""
    higher_is_better: ClassVar[bool] = False

    @property
    def num_outputs(self) -> int:
        """How many numbers the head answers."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target, but for the mean pose."""
        return {}

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """What training makes smaller."""
        raise NotImplementedError

    def start_head(self, head: nn.Linear) -> None:
        """Set the head's first weights: answers near zero, every bin or cell about equally
        likely.
        """
        nn.init.normal_(head.weight, std=0.01)
        nn.init.zeros_(head.bias)

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The poses, mm, their root at exactly zero."""
        raise NotImplementedError

    def measure(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, "n"]:
        """MPJPE of each crop, over all 17 joints, mm."""
        return (self.decode(outputs) - batch.pose_mm).norm(dim=-1).mean(dim=1)


@dataclass(frozen=True)
class PoseTarget(PoseDecoder):
    """Regression: 51 numbers, the mean pose plus 100 mm times the linear outputs; loss = MPJPE."""

    mean_pose_mm: MeanPose
    name: ClassVar[str] = "pose"
    num_outputs: ClassVar[int] = NUM_JOINTS * 3

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target, but for the mean pose."""
        return {}

    def encode(self, batch: Batch) -> Float[Tensor, "n 51"]:
        """The outputs that would be exactly right."""
        mean_mm = batch.pose_mm.new_tensor(self.mean_pose_mm)
        return ((batch.pose_mm - mean_mm) / POSE_UNIT_MM).flatten(1)

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """MPJPE over all 17 joints, in units of 100 mm."""
        return joint_distances(self._raw_pose_mm(outputs), batch.pose_mm).mean() / POSE_UNIT_MM

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The pose, mm, its root at exactly zero."""
        return rooted(self._raw_pose_mm(outputs))

    def _raw_pose_mm(self, outputs: Tensor) -> Tensor:
        mean_mm = outputs.new_tensor(self.mean_pose_mm)
        return outputs.view(-1, NUM_JOINTS, 3) * POSE_UNIT_MM + mean_mm


@dataclass(frozen=True)
class BinsTarget(PoseDecoder):
    """Each of the 51 coordinates as a distribution over bins, after SimCC (Li et al., ECCV 2022),
    in 3D.

    Loss = MPJPE of the expectation in units of 100 mm + 0.3 x cross-entropy to a Gaussian round the
    truth.
    """

    bins: int = 64
    reach_mm: float = 1100.0
    """The bins' centres run from -reach to +reach."""
    spread_mm: float = 40.0
    """Standard deviation of the Gaussian."""
    cross_entropy_weight: float = 0.3
    name: ClassVar[str] = "bins"

    @property
    def num_outputs(self) -> int:
        """One logit per coordinate and bin."""
        return NUM_JOINTS * 3 * self.bins

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target."""
        names = ("bins", "reach_mm", "spread_mm", "cross_entropy_weight")
        return {name: getattr(self, name) for name in names}

    def encode(self, batch: Batch) -> Float[Tensor, "n 17 3 bins"]:
        """The Gaussian round each true coordinate, sums of one over the bins."""
        return _bell(batch.pose_mm, self._centres_mm(batch.pose_mm), self.spread_mm)

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """MPJPE of the expectation (100 mm) plus the weighed cross-entropy."""
        log_chance = self._logits(outputs).log_softmax(dim=-1)
        pose_mm = log_chance.exp() @ self._centres_mm(outputs)
        cross_entropy = -(self.encode(batch) * log_chance).sum(dim=-1).mean()
        distance = joint_distances(pose_mm, batch.pose_mm).mean() / POSE_UNIT_MM
        return distance + self.cross_entropy_weight * cross_entropy

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The expectation of each coordinate, mm, the root at exactly zero."""
        return rooted(self._logits(outputs).softmax(dim=-1) @ self._centres_mm(outputs))

    def _logits(self, outputs: Tensor) -> Tensor:
        return outputs.view(-1, NUM_JOINTS, 3, self.bins)

    def _centres_mm(self, like: Tensor) -> Tensor:
        return torch.linspace(-self.reach_mm, self.reach_mm, self.bins, device=like.device)


@dataclass(frozen=True)
class IntegralTarget(PoseDecoder):
    """Each joint as a distribution over cells of a cube round the root: integral regression, or
    soft-argmax, after Sun et al. (ECCV 2018).

    Loss = MPJPE of its mean. Nothing but the mean is taught: the distribution itself may take any
    shape.
    """

    cells: int = 8
    """Cells along each side of the cube."""
    reach_mm: float = 1100.0
    """The cells' centres run from -reach to +reach along each axis."""
    name: ClassVar[str] = "integral"

    @property
    def num_outputs(self) -> int:
        """One logit per joint and cell."""
        return NUM_JOINTS * self.cells**3

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target."""
        return {"cube_cells": self.cells, "cube_reach_mm": self.reach_mm}

    def encode(self, batch: Batch) -> Float[Tensor, "n 17 3"]:
        """The true poses: there is no true distribution."""
        return batch.pose_mm

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """MPJPE of the expectation, in units of 100 mm."""
        return joint_distances(self._mean_mm(outputs), batch.pose_mm).mean() / POSE_UNIT_MM

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The expectation of each joint, mm, the root at exactly zero."""
        return rooted(self._mean_mm(outputs))

    def _mean_mm(self, outputs: Tensor) -> Tensor:
        chance = outputs.view(-1, NUM_JOINTS, self.cells**3).softmax(dim=-1)
        reach = self.reach_mm
        line = torch.linspace(-reach, reach, self.cells, device=outputs.device)
        return chance @ torch.cartesian_prod(line, line, line)


PERSON_SETTINGS = (
    *("pixel_bins", "pixel_reach", "keypoint_weight", "spread_weight"),
    *("bound_68", "bound_95"),
)


@dataclass(frozen=True)
class PersonTarget(PoseDecoder):
    """All that `predict` wants of a crop: the pose as bins, the joints' places in the crop as bins,
    how sure each is.

    The uncertainty of a joint is the scale b of the density exp(-e / b) / b^3 of its error vector,
    learnt by likelihood from errors that it cannot change itself, and counted in `bound_68` x b:
    the radius that holds 68 % of the errors.
    """

    image_size: int
    """Side of the crop that the network sees, in pixels."""
    pose: BinsTarget = BinsTarget(bins=48)
    pixel_bins: int = 32
    pixel_reach: float = 0.75
    """The bins of a joint's place run so far to both sides of the crop's centre, as a share of its
    side.
    """
    keypoint_weight: float = 0.5
    spread_weight: float = 0.05
    bound_68: float = 3.5
    """Radius that holds 68 % of the errors, in b: 3.5 for this density, measured on validation
    crops after training.
    """
    bound_95: float = 6.3
    """The same for 95 %."""
    name: ClassVar[str] = "person"

    @property
    def num_outputs(self) -> int:
        """The pose's, the places' and one for each joint's uncertainty."""
        return self.pose.num_outputs + NUM_JOINTS * 2 * self.pixel_bins + NUM_JOINTS

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target."""
        own = {name: getattr(self, name) for name in PERSON_SETTINGS}
        return {**self.pose.settings(), **own, "person_image_size": self.image_size}

    def encode(
        self, batch: Batch
    ) -> tuple[Float[Tensor, "n 17 3 bins"], Float[Tensor, "n 17 2 pixel_bins"]]:
        """The true distributions over the bins of pose and places."""
        return self.pose.encode(batch), self._place_bells(batch)

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """The pose's loss, plus the weighed loss of the places and of the uncertainty."""
        pose, places, scales = self._split(outputs)
        return (
            self.pose.loss(pose, batch)
            + self.keypoint_weight * self._place_loss(places, batch)
            + self.spread_weight * self._spread_loss(pose, scales, batch)
        )

    def _place_loss(self, places: Tensor, batch: Batch) -> Tensor:
        log_chance = places.log_softmax(dim=-1)
        places_px = log_chance.exp() @ self._centres_px(places)
        off_px = (places_px - batch.keypoints_px).square().sum(dim=-1).add(1e-6).sqrt()
        cross_entropy = -(self._place_bells(batch) * log_chance).sum(dim=(-1, -2)) / 2
        # A person's 1750 mm fill the crop: so many pixels are about 100 mm.
        unit_px = self.image_size * POSE_UNIT_MM / 1750
        seen = self._in_reach(batch.keypoints_px)
        return ((off_px / unit_px + self.pose.cross_entropy_weight * cross_entropy) * seen).mean()

    def _spread_loss(self, pose: Tensor, scales: Tensor, batch: Batch) -> Tensor:
        with torch.no_grad():
            error = joint_distances(self.pose.decode(pose), batch.pose_mm)[:, 1:] / POSE_UNIT_MM
        log_scale = scales[:, 1:]
        return (error * torch.exp(-log_scale) + 3 * log_scale).mean()

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The pose, mm, the root at exactly zero."""
        return self.pose.decode(self._split(outputs)[0])

    def decode_keypoints_px(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 2"]:
        """The joints' places, in pixels of the crop that the network sees, perhaps outside it."""
        return self._split(outputs)[1].softmax(dim=-1) @ self._centres_px(outputs)

    def decode_sigma_mm(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17"]:
        """Radius round each joint that holds the true one with a chance of 68 %, mm; zero for the
        root.
        """
        scale_mm = torch.exp(self._split(outputs)[2]) * (POSE_UNIT_MM * self.bound_68)
        return scale_mm * _all_but_root(outputs)

    def bounds(
        self, outputs: Float[Tensor, "n outputs"], pose_mm: Float[Tensor, "n 17 3"]
    ) -> tuple[float, float]:
        """Radii that hold 68 % and 95 % of these crops' errors, in the scales b that the outputs
        state.
        """
        pose, _, scales = self._split(outputs)
        error = joint_distances(self.pose.decode(pose), pose_mm)[:, 1:] / POSE_UNIT_MM
        ratio = (error * torch.exp(-scales[:, 1:])).flatten()
        return _quantile(ratio, 0.68), _quantile(ratio, 0.95)

    def _split(self, outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        sizes = (self.pose.num_outputs, NUM_JOINTS * 2 * self.pixel_bins, NUM_JOINTS)
        pose, places, scales = outputs.split(sizes, dim=1)
        return pose, places.view(-1, NUM_JOINTS, 2, self.pixel_bins), scales.clamp(-4.0, 3.0)

    def _place_bells(self, batch: Batch) -> Tensor:
        step_px = 2 * self.pixel_reach * self.image_size / (self.pixel_bins - 1)
        return _bell(batch.keypoints_px, self._centres_px(batch.keypoints_px), step_px)

    def _centres_px(self, like: Tensor) -> Tensor:
        reach = self.pixel_reach * self.image_size
        steps = torch.linspace(-reach, reach, self.pixel_bins, device=like.device)
        return self.image_size / 2 + steps

    def _in_reach(self, keypoints_px: Tensor) -> Tensor:
        """1 for joints whose place some bins can express, else 0."""
        near = (keypoints_px / self.image_size - 0.5).abs() <= self.pixel_reach
        return near.all(dim=-1).to(keypoints_px.dtype)


def as_mean_pose(values: Sequence[Sequence[float]]) -> MeanPose:
    """A (17, 3) array or list, mm, as the tuple that targets and facts hold."""
    return tuple((float(x), float(y), float(z)) for x, y, z in values)


def joint_distances(estimate_mm: Tensor, truth_mm: Tensor) -> Tensor:
    """Distances, mm, with a gradient everywhere: 0.001 mm in place of zero."""
    return ((estimate_mm - truth_mm).square().sum(dim=-1) + 1e-6).sqrt()


def rooted(pose_mm: Tensor) -> Tensor:
    """The poses with the root at exactly zero."""
    return pose_mm * _all_but_root(pose_mm)[:, None]


def _all_but_root(like: Tensor) -> Tensor:
    keep = torch.ones(NUM_JOINTS, device=like.device)
    keep[ROOT] = 0.0
    return keep


def _bell(values: Tensor, centres: Tensor, spread: float) -> Tensor:
    """A Gaussian round each value over the centres of bins; its sum is one."""
    return (-0.5 * ((centres - values[..., None]) / spread) ** 2).softmax(dim=-1)


def _quantile(values: Tensor, share: float) -> float:
    """As `Tensor.quantile`, which refuses more than 16 million numbers."""
    return float(np.quantile(values.cpu().numpy(), share))
