"""What a network can be asked, and the target that the facts of some weights name.

A target has `num_outputs`, `encode`, `loss`, `decode` and `measure`, all on the numbers of one
linear head, on whatever device these are; `figure` names what `measure` gives.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from posegrid.body.grid import BONE_SHARE
from posegrid.body.skeleton import BONES, NUM_JOINTS
from posegrid.errors import CheckpointError, SettingsError
from posegrid.learning.batch import Batch
from posegrid.learning.historical_targets import ParentsTarget, PlainTarget
from posegrid.learning.likelihood import LikelihoodTarget
from posegrid.learning.model_facts import ModelFacts
from posegrid.learning.own_code import is_own, own_code
from posegrid.learning.pose_targets import (
    PERSON_SETTINGS,
    POSE_UNIT_MM,
    BinsTarget,
    IntegralTarget,
    MeanPose,
    PersonTarget,
    PoseDecoder,
    PoseTarget,
)

GRID_START_BIAS = -3.0
"""A cell is positive about once in 60: starting from a low answer saves the first hundreds of
steps.
"""
GRID_WEIGHT = 0.1
"""Weight of the grid's loss beside the pose's when both are learnt at once."""


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
        own = {"cells": self.cells, "bone_rule": self.bone_rule}
        return {**own, "grid_image_size": self.image_size}

    def start_head(self, head: nn.Linear) -> None:
        """Set the head's first weights: small, and the answer "no" everywhere."""
        nn.init.normal_(head.weight, std=0.01)
        nn.init.constant_(head.bias, GRID_START_BIAS)

    def encode(self, batch: Batch) -> Bool[Tensor, "n 17 cells cells"]:
        """The positive cells [joint, row, column]; the same rule as `body.grid.positive_cells`."""
        points = batch.keypoints_px.double() * (self.cells / self.image_size)
        steps = torch.arange(self.cells, device=points.device)
        in_cell = torch.floor(points)[..., None] == steps
        positive = in_cell[:, :, 1, :, None] & in_cell[:, :, 0, None, :]
        if self.bone_rule:
            start, end = (points[:, list(joints)] for joints in zip(*BONES, strict=True))
            crossed = _bone_share_in_cells(start, end, steps) > BONE_SHARE
            for bone, ends in enumerate(BONES):
                for joint in ends:
                    positive[:, joint] |= crossed[:, bone]
        return positive

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """Sigmoid cross-entropy, summed over a joint's cells, mean over joints and crops."""
        truth = self.encode(batch).flatten(1).to(outputs.dtype)
        summed = functional.binary_cross_entropy_with_logits(outputs, truth, reduction="sum")
        return summed / (len(outputs) * NUM_JOINTS)

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 2"]:
        """The centre of each joint's likeliest cell, in pixels of the crop that the network
        sees.
        """
        best = self._cells(outputs).argmax(dim=2)
        cell = torch.stack([best % self.cells, best // self.cells], dim=-1)
        return (cell + 0.5) * (self.image_size / self.cells)

    def measure(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, "n"]:
        """Share of the joints (0..1) whose likeliest cell is a positive one; joints without any are
        left out.
        """
        truth = self.encode(batch).flatten(2)
        best = self._cells(outputs).argmax(dim=2, keepdim=True)
        right = truth.gather(2, best)[..., 0]
        return right.sum(dim=1) / truth.any(dim=2).sum(dim=1).clamp(min=1)

    def _cells(self, outputs: Tensor) -> Tensor:
        return outputs.view(-1, NUM_JOINTS, self.cells**2)


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


AnyPoseTarget = (
    PoseTarget
    | BinsTarget
    | PersonTarget
    | IntegralTarget
    | LikelihoodTarget
    | PlainTarget
    | ParentsTarget
)


@dataclass(frozen=True)
class JointTarget(PoseDecoder):
    """Pose and grid at once on one head, after Li & Chan (ACCV 2014): the pose's outputs first,
    then the grid's.
    """

    pose: AnyPoseTarget
    grid: GridTarget
    grid_weight: float = GRID_WEIGHT

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

    def encode(self, batch: Batch) -> tuple[Tensor | tuple[Tensor, Tensor], Tensor]:
        """Both targets' answers."""
        return self.pose.encode(batch), self.grid.encode(batch)

    def loss(self, outputs: Float[Tensor, "n outputs"], batch: Batch) -> Float[Tensor, ""]:
        """The pose's loss plus the weighed grid's."""
        pose, grid = self._split(outputs)
        return self.pose.loss(pose, batch) + self.grid_weight * self.grid.loss(grid, batch)

    def decode(self, outputs: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 17 3"]:
        """The pose, mm, the root at exactly zero."""
        return self.pose.decode(self._split(outputs)[0])

    def _split(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        return outputs[:, : self.pose.num_outputs], outputs[:, self.pose.num_outputs :]


Target = GridTarget | AnyPoseTarget | JointTarget | PoseDecoder


def pose_part(target: Target) -> GridTarget | PoseDecoder:
    """What of the target answers poses, where it does: a joint target's first part."""
    return target.pose if isinstance(target, JointTarget) else target


def learnt_beside(target: Target) -> nn.Module | None:
    """What learns with the network and is not part of it, if anything: the flow of a likelihood."""
    pose = pose_part(target)
    return pose.flow if isinstance(pose, LikelihoodTarget) else None


def target_of_names(
    name: str,
    image_size: int,
    mean_pose_mm: MeanPose,
    depth_scale_mm: float = POSE_UNIT_MM,
    *,
    grid: tuple[int, bool] = (10, True),
    joint: bool = False,
) -> Target:
    """A new target as `posegrid train` names it, for a network that sees image_size pixels; grid:
    cells along a side and whether the bone rule holds; joint: with the grid task beside it.
    """
    cells = GridTarget(image_size, *grid)
    if name == GridTarget.name:
        return cells
    if is_own(name):
        if joint:
            raise SettingsError(f"`target` {name}: a target of your own is learnt by itself.")
        return own_target(name, mean_pose_mm)
    pose: AnyPoseTarget = {
        PoseTarget.name: lambda: PoseTarget(mean_pose_mm),
        BinsTarget.name: BinsTarget,
        PersonTarget.name: lambda: PersonTarget(image_size),
        IntegralTarget.name: IntegralTarget,
        LikelihoodTarget.name: lambda: LikelihoodTarget(mean_pose_mm),
        PlainTarget.name: PlainTarget,
        ParentsTarget.name: lambda: ParentsTarget(depth_scale_mm),
    }[name]()
    # both of Li & Chan's losses are halves of sums; the grid's here is a mean over joints
    weight = NUM_JOINTS / 2 if isinstance(pose, ParentsTarget) else GRID_WEIGHT
    return JointTarget(pose, cells, weight) if joint else pose


def own_target(
    name: str, mean_pose_mm: MeanPose, settings: Mapping[str, Any] | None = None
) -> PoseDecoder:
    """The user's target: name(mean_pose_mm, **settings). Raises SettingsError for what is none."""
    target = own_code(name)(mean_pose_mm, **(settings or {}))
    lacks = [part for part in ("num_outputs", "settings", "loss") if not hasattr(target, part)]
    if lacks or not isinstance(target, PoseDecoder):
        raise SettingsError(
            f"{name}: expected a PoseDecoder with num_outputs, settings, loss and decode"
            + (f"; it lacks {', '.join(lacks)}." if lacks else ".")
        )
    return target


def target_of(facts: ModelFacts, where: str) -> Target:
    """The target that the weights' facts describe; `where` names the file in the CheckpointError
    for unknown ones.
    """
    settings = facts.target_settings
    if is_own(facts.target):
        return own_target(facts.target, facts.mean_pose_mm, settings)
    pose_name, plus, _ = facts.target.partition("+grid")
    try:
        if facts.target == GridTarget.name:
            return _grid_of(settings)
        pose = _pose_target_of(pose_name, settings, facts.mean_pose_mm)
        if pose is None or facts.target != pose_name + plus:
            raise CheckpointError(
                f"{where}: unknown target {facts.target!r}; expected grid, pose, bins, person, "
                "integral, rle, plain, parents, or one of all but the first with +grid."
            )
        return JointTarget(pose, _grid_of(settings), settings["grid_weight"]) if plus else pose
    except KeyError as error:
        raise CheckpointError(
            f"{where}: the target's settings lack {error}; the file is damaged."
        ) from None


def _pose_target_of(
    name: str, settings: dict[str, Any], mean_pose_mm: MeanPose
) -> AnyPoseTarget | None:
    match name:
        case PoseTarget.name:
            return PoseTarget(mean_pose_mm)
        case LikelihoodTarget.name:
            return LikelihoodTarget(mean_pose_mm)
        case IntegralTarget.name:
            return IntegralTarget(settings["cube_cells"], settings["cube_reach_mm"])
        case BinsTarget.name:
            return _bins_of(settings)
        case PlainTarget.name:
            return PlainTarget()
        case ParentsTarget.name:
            return ParentsTarget(settings["depth_scale_mm"])
        case PersonTarget.name:
            own = {name: settings[name] for name in PERSON_SETTINGS}
            return PersonTarget(settings["person_image_size"], _bins_of(settings), **own)
        case _:
            return None


def _grid_of(settings: dict[str, Any]) -> GridTarget:
    return GridTarget(settings["grid_image_size"], settings["cells"], settings["bone_rule"])


def _bins_of(settings: dict[str, Any]) -> BinsTarget:
    names = ("bins", "reach_mm", "spread_mm", "cross_entropy_weight")
    return BinsTarget(**{name: settings[name] for name in names})
