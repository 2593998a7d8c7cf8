"""What a network is asked: cells of a grid, a pose, a pose as bins, or a pose and the grid at once.

A target has `num_outputs`, `encode`, `loss` and `decode`, all on the numbers of one linear head; `figure` names what
is measured on the validation crops. Losses of poses are in units of 100 mm, so that one learning rate serves all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from posegrid.body.grid import BONE_SHARE
from posegrid.body.skeleton import BONES, NUM_JOINTS, ROOT
from posegrid.errors import CheckpointError
from posegrid.learning.facts import ModelFacts

POSE_UNIT_MM = 100.0
"""Outputs and losses of poses are counted in this."""
GRID_START_BIAS = -3.0
"""A cell is positive about once in 60: starting from a low answer saves the first hundreds of steps."""
GRID_WEIGHT = 0.1
"""Weight of the grid's loss beside the pose's when both are learnt at once."""
MeanPose = tuple[tuple[float, float, float], ...]


class Batch(NamedTuple):
    """Crops and their true answers."""

    images: Float[Tensor, "n 1 size size"]
    """Grey, 0..1."""
    pose_mm: Float[Tensor, "n 17 3"]
    """Root-relative, in the pose frame of the run."""
    keypoints_px: Float[Tensor, "n 17 2"]
    """In the pixels of `images`."""


@dataclass(frozen=True)
class GridTarget:
    """The pre-training task: which cells of a grid over the crop each joint overlaps (`posegrid/body/grid.py`)."""

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
        return {"cells": self.cells, "bone_rule": self.bone_rule, "grid_image_size": self.image_size}

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
            crossed = _bone_share_in_cells(points[:, parents], points[:, children], steps) > BONE_SHARE
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
        """The centre of each joint's likeliest cell, in pixels of the crop that the network sees."""
        best = self._cells(outputs).flatten(2).argmax(dim=2)
        cell = torch.stack([best % self.cells, best // self.cells], dim=-1)
        return (cell + 0.5) * (self.image_size / self.cells)

    def decode_centroid(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 2"]:
        """The mean of the cells' centres, weighed by how likely each is, in pixels of what the network sees."""
        chance = torch.sigmoid(self._cells(outputs))
        chance = chance / chance.sum(dim=(2, 3), keepdim=True)
        centres = (torch.arange(self.cells) + 0.5) * (self.image_size / self.cells)
        return torch.stack(
            [(chance.sum(dim=2) * centres).sum(dim=-1), (chance.sum(dim=3) * centres).sum(dim=-1)], dim=-1
        )

    def measure(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, "n"]:
        """Share of the joints (0..1) whose likeliest cell is a positive one; joints without any are left out."""
        truth = self.encode(batch).flatten(2)
        best = self._cells(outputs).flatten(2).argmax(dim=2, keepdim=True)
        right = truth.gather(2, best)[..., 0]
        return right.sum(dim=1) / truth.any(dim=2).sum(dim=1).clamp(min=1)

    def _cells(self, outputs: Tensor) -> Tensor:
        return outputs.view(-1, NUM_JOINTS, self.cells, self.cells)


@dataclass(frozen=True)
class PoseTarget:
    """Regression: 51 numbers, the mean pose plus 100 mm times the linear outputs; loss = MPJPE."""

    mean_pose_mm: MeanPose
    figure: ClassVar[str] = "mpjpe_mm"
    higher_is_better: ClassVar[bool] = False
    name: ClassVar[str] = "pose"
    num_outputs: ClassVar[int] = NUM_JOINTS * 3

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target, but for the mean pose."""
        return {}

    def start_head(self, head: nn.Linear) -> None:
        """Set the head's first weights: close to the mean pose."""
        nn.init.normal_(head.weight, std=0.01)
        nn.init.zeros_(head.bias)

    def encode(self, batch: Batch) -> Float[Tensor, "n 51"]:
        """The outputs that would be exactly right."""
        return ((batch.pose_mm - torch.tensor(self.mean_pose_mm)) / POSE_UNIT_MM).flatten(1)

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """MPJPE over all 17 joints, in units of 100 mm."""
        return _joint_distances(self._raw_pose_mm(outputs), batch.pose_mm).mean() / POSE_UNIT_MM

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The pose, mm, its root at exactly zero."""
        return _rooted(self._raw_pose_mm(outputs))

    def measure(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, "n"]:
        """MPJPE of each crop, over all 17 joints, mm."""
        return (self.decode(outputs) - batch.pose_mm).norm(dim=-1).mean(dim=1)

    def _raw_pose_mm(self, outputs: Tensor) -> Tensor:
        return outputs.view(-1, NUM_JOINTS, 3) * POSE_UNIT_MM + torch.tensor(self.mean_pose_mm)


@dataclass(frozen=True)
class BinsTarget:
    """Each of the 51 coordinates as a distribution over bins, after SimCC (Li et al., ECCV 2022), in 3D.

    Loss = MPJPE of the expectation in units of 100 mm + 0.3 x cross-entropy to a Gaussian round the truth.
    """

    bins: int = 64
    reach_mm: float = 1100.0
    """The bins' centres run from -reach to +reach."""
    spread_mm: float = 40.0
    """Standard deviation of the Gaussian."""
    cross_entropy_weight: float = 0.3
    figure: ClassVar[str] = "mpjpe_mm"
    higher_is_better: ClassVar[bool] = False
    name: ClassVar[str] = "bins"

    @property
    def num_outputs(self) -> int:
        """One logit per coordinate and bin."""
        return NUM_JOINTS * 3 * self.bins

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target."""
        return {
            "bins": self.bins,
            "reach_mm": self.reach_mm,
            "spread_mm": self.spread_mm,
            "cross_entropy_weight": self.cross_entropy_weight,
        }

    def start_head(self, head: nn.Linear) -> None:
        """Set the head's first weights: every bin about equally likely."""
        nn.init.normal_(head.weight, std=0.01)
        nn.init.zeros_(head.bias)

    def encode(self, batch: Batch) -> Float[Tensor, "n 17 3 bins"]:
        """The Gaussian round each true coordinate, sums of one over the bins."""
        offset = (self._centres_mm() - batch.pose_mm[..., None]) / self.spread_mm
        return (-0.5 * offset**2).softmax(dim=-1)

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """MPJPE of the expectation (100 mm) plus the weighed cross-entropy."""
        log_chance = self._logits(outputs).log_softmax(dim=-1)
        pose_mm = log_chance.exp() @ self._centres_mm()
        cross_entropy = -(self.encode(batch) * log_chance).sum(dim=-1).mean()
        distance = _joint_distances(pose_mm, batch.pose_mm).mean() / POSE_UNIT_MM
        return distance + self.cross_entropy_weight * cross_entropy

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The expectation of each coordinate, mm, the root at exactly zero."""
        return _rooted(self._logits(outputs).softmax(dim=-1) @ self._centres_mm())

    def measure(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, "n"]:
        """MPJPE of each crop, over all 17 joints, mm."""
        return (self.decode(outputs) - batch.pose_mm).norm(dim=-1).mean(dim=1)

    def _logits(self, outputs: Tensor) -> Tensor:
        return outputs.view(-1, NUM_JOINTS, 3, self.bins)

    def _centres_mm(self) -> Tensor:
        return torch.linspace(-self.reach_mm, self.reach_mm, self.bins)


@dataclass(frozen=True)
class JointTarget:
    """Pose and grid at once on one head, after Li & Chan (ACCV 2014): the pose's outputs first, then the grid's."""

    pose: PoseTarget | BinsTarget
    grid: GridTarget
    grid_weight: float = GRID_WEIGHT
    figure: ClassVar[str] = "mpjpe_mm"
    higher_is_better: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The pose target's name with "+grid"."""
        return f"{self.pose.name}+grid"

    @property
    def num_outputs(self) -> int:
        """Outputs of both."""
        return self.pose.num_outputs + self.grid.num_outputs

    def settings(self) -> dict[str, Any]:
        """What rebuilds this target, but for the mean pose."""
        return {**self.pose.settings(), **self.grid.settings(), "grid_weight": self.grid_weight}

    def start_head(self, head: nn.Linear) -> None:
        """Set the head's first weights: each part's own."""
        nn.init.normal_(head.weight, std=0.01)
        with torch.no_grad():
            head.bias[: self.pose.num_outputs] = 0.0
            head.bias[self.pose.num_outputs :] = GRID_START_BIAS

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Both targets' answers."""
        return self.pose.encode(batch), self.grid.encode(batch)

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """The pose's loss plus the weighed grid's."""
        pose, grid = self._split(outputs)
        return self.pose.loss(pose, batch) + self.grid_weight * self.grid.loss(grid, batch)

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The pose, mm."""
        return self.pose.decode(self._split(outputs)[0])

    def measure(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, "n"]:
        """MPJPE of each crop, mm."""
        return self.pose.measure(self._split(outputs)[0], batch)

    def _split(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        return outputs[:, : self.pose.num_outputs], outputs[:, self.pose.num_outputs :]


Target = GridTarget | PoseTarget | BinsTarget | JointTarget


def target_of(facts: ModelFacts, where: str) -> Target:
    """The target that the weights' facts describe; `where` names the file in the CheckpointError for unknown ones."""
    settings = facts.target_settings
    pose_name, _, grid_name = facts.target.rpartition("+") if "+" in facts.target else (facts.target, "", "")
    try:
        if facts.target == GridTarget.name:
            return _grid_of(settings)
        if pose_name == PoseTarget.name:
            pose = PoseTarget(facts.mean_pose_mm)
        elif pose_name == BinsTarget.name:
            names = ("bins", "reach_mm", "spread_mm", "cross_entropy_weight")
            pose = BinsTarget(**{name: settings[name] for name in names})
        else:
            raise CheckpointError(
                f"{where}: unknown target {facts.target!r}; expected grid, pose, bins, or one with +grid."
            )
        return JointTarget(pose, _grid_of(settings), settings["grid_weight"]) if grid_name else pose
    except KeyError as error:
        raise CheckpointError(f"{where}: the target's settings lack {error}; the file is damaged.") from None


def _grid_of(settings: dict[str, Any]) -> GridTarget:
    return GridTarget(settings["grid_image_size"], settings["cells"], settings["bone_rule"])


def as_mean_pose(values: Sequence[Sequence[float]]) -> MeanPose:
    """A (17, 3) array or list as the tuple that targets and facts hold."""
    return tuple((float(x), float(y), float(z)) for x, y, z in values)


def _joint_distances(estimate_mm: Tensor, truth_mm: Tensor) -> Tensor:
    """Distances with a gradient everywhere: 0.001 mm in place of zero."""
    return ((estimate_mm - truth_mm).square().sum(dim=-1) + 1e-6).sqrt()


def _rooted(pose_mm: Tensor) -> Tensor:
    keep = torch.ones(NUM_JOINTS, 1)
    keep[ROOT] = 0.0
    return pose_mm * keep


def _bone_share_in_cells(start: Tensor, end: Tensor, low: Tensor) -> Bool[Tensor, "n 16 cells cells"] | Tensor:
    """Share of each bone inside each cell, as `body.grid.bone_share_in_cells` has it; points (N, 16, 2) in cells."""
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
