"""What a network can be asked, and the target that the facts of some weights name.

A target has `num_outputs`, `encode`, `loss` and `decode`, all on the numbers of one linear head;
`figure` names what is measured on the validation crops.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posegrid.errors import CheckpointError
from posegrid.learning.batch import Batch
from posegrid.learning.grid_target import GRID_START_BIAS, GridTarget
from posegrid.learning.model_facts import ModelFacts
from posegrid.learning.pose_targets import BinsTarget, MeanPose, PersonTarget, PoseTarget
from posegrid.learning.regression_targets import IntegralTarget, LikelihoodTarget

GRID_WEIGHT = 0.1
"""Weight of the grid's loss beside the pose's when both are learnt at once."""


AnyPoseTarget = PoseTarget | BinsTarget | PersonTarget | IntegralTarget | LikelihoodTarget


@dataclass(frozen=True)
class JointTarget:
    """Pose and grid at once on one head, after Li & Chan (ACCV 2014): the pose's outputs first,
    then the grid's.
    """

    pose: AnyPoseTarget
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

    def encode(self, batch: Batch) -> tuple[Tensor | tuple[Tensor, Tensor], Tensor]:
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


Target = GridTarget | AnyPoseTarget | JointTarget


def learnt_beside(target: Target) -> nn.Module | None:
    """What learns with the network and is not part of it, if anything: the flow of a likelihood."""
    pose = target.pose if isinstance(target, JointTarget) else target
    return pose.flow if isinstance(pose, LikelihoodTarget) else None


def target_of(facts: ModelFacts, where: str) -> Target:
    """The target that the weights' facts describe; `where` names the file in the CheckpointError
    for unknown ones.
    """
    settings = facts.target_settings
    pose_name, _, grid_name = (
        facts.target.rpartition("+") if "+" in facts.target else (facts.target, "", "")
    )
    try:
        if facts.target == GridTarget.name:
            return _grid_of(settings)
        pose = _pose_target_of(pose_name, settings, facts.mean_pose_mm)
        if pose is None:
            raise CheckpointError(
                f"{where}: unknown target {facts.target!r}; expected grid, pose, bins, person, integral, rle, or one "
                "of the last five with +grid."
            )
        return JointTarget(pose, _grid_of(settings), settings["grid_weight"]) if grid_name else pose
    except KeyError as error:
        raise CheckpointError(
            f"{where}: the target's settings lack {error}; the file is damaged."
        ) from None


def _pose_target_of(
    name: str, settings: dict[str, Any], mean_pose_mm: MeanPose
) -> AnyPoseTarget | None:
    if name == PoseTarget.name:
        return PoseTarget(mean_pose_mm)
    if name == LikelihoodTarget.name:
        return LikelihoodTarget(mean_pose_mm)
    if name == IntegralTarget.name:
        return IntegralTarget(settings["cube_cells"], settings["cube_reach_mm"])
    if name == BinsTarget.name:
        return _bins_of(settings)
    return _person_of(settings) if name == PersonTarget.name else None


def _grid_of(settings: dict[str, Any]) -> GridTarget:
    return GridTarget(settings["grid_image_size"], settings["cells"], settings["bone_rule"])


def _bins_of(settings: dict[str, Any]) -> BinsTarget:
    return BinsTarget(
        **{
            name: settings[name]
            for name in ("bins", "reach_mm", "spread_mm", "cross_entropy_weight")
        }
    )


def _person_of(settings: dict[str, Any]) -> PersonTarget:
    own = ("pixel_bins", "pixel_reach", "keypoint_weight", "spread_weight", "bound_68", "bound_95")
    return PersonTarget(
        settings["person_image_size"], _bins_of(settings), **{name: settings[name] for name in own}
    )
