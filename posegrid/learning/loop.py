"""One training stage: rounds of steps, each round followed by a look at the validation batches.

What is learnt is the `Stage`'s matter: poses, the grid and the finder train alike. The same on one
device and on several: a batch is divided into pieces, one or more for each device, and the
gradients add up to those of the whole batch (batch normalisation alone looks at its own piece).
Every draw is a function of seed and step, so that a stage goes on exactly where it stopped.
"""

import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel

from posegrid.errors import SettingsError
from posegrid.learning.batch import Batch
from posegrid.learning.data import WHOLE, Batches, Piece, batches_ahead
from posegrid.learning.devices import Devices
from posegrid.learning.networks import Network
from posegrid.learning.targets import Target, learnt_beside
from posegrid.learning.training_settings import OptimiserSettings

WARM_UP_SHARE = 0.03


@dataclass(frozen=True)
class Plan:
    """How long a stage is: rounds of equal length, each followed by a look at the validation
    batches.
    """

    rounds: int
    steps_per_round: int
    batch_size: float
    """Crops in one step, on all devices together; in the mean, where batches differ."""

    @property
    def num_steps(self) -> int:
        """Optimiser steps in all."""
        return self.rounds * self.steps_per_round

    @classmethod
    def of(cls, num_images: int, batch_size: float, rounds: int, shares: int = 1) -> "Plan":
        """The longest plan that sees at most num_images, in at most so many rounds.

        shares: in how many a batch is divided, by data sets, devices and pieces. SettingsError if
        there is not one batch, or not a crop for each share.
        """
        steps = int(num_images // batch_size)
        if steps < 1 or rounds < 1:
            raise SettingsError(
                f"{num_images} images in batches of {batch_size} and {rounds} rounds: expected one "
                "batch at least."
            )
        if not 1 <= shares <= batch_size:
            raise SettingsError(
                f"--batch-size {batch_size} in {shares} shares (data sets x devices x pieces): "
                "expected a crop for each at least."
            )
        rounds = min(rounds, steps)
        longer = math.ceil(steps / rounds)
        choices = ((rounds, steps // rounds), (steps // longer, longer))
        return cls(*max(choices, key=lambda choice: choice[0] * choice[1]), batch_size)

    def images(self, steps: int) -> int:
        """How many so many steps see."""
        return round(steps * self.batch_size)


@dataclass(frozen=True)
class Round:
    """What one round came to, over all devices."""

    train_loss: float
    """Mean over its steps."""
    validation_loss: float
    validation_figure: float
    """Mean over the validation crops of what the stage measures."""
    seconds: float
    """By the clock, of the steps alone."""
    cpu_seconds: float
    """Of all processes."""


class Stage(nn.Module):
    """A network and what is learnt beside it, as one function from a batch to its mean loss.

    A batch is a tuple of tensors, each with an entry a crop, and has `to(device)`.
    """

    figure: str
    """Name of what `measured` gives."""
    higher_is_better: bool

    def __init__(self, network: nn.Module, devices: Devices) -> None:
        super().__init__()
        self.network = network.to(devices.device).to(
            memory_format=torch.channels_last  # pyright: ignore[reportCallIssue]
        )
        self.devices = devices

    def forward(self, batch: Any) -> Tensor:
        """The batch's mean loss."""
        raise NotImplementedError

    def measured(self, batch: Any) -> tuple[Tensor, Tensor]:
        """The mean loss of a validation batch, and the figure of each crop that has one."""
        raise NotImplementedError

    def in_words(self, figure: float) -> str:
        """A mean figure as people read it."""
        raise NotImplementedError


class CropStage(Stage):
    """A network that answers a target about crops."""

    def __init__(self, network: Network, target: Target, devices: Devices) -> None:
        super().__init__(network, devices)
        self.target = target
        self.figure, self.higher_is_better = target.figure, target.higher_is_better
        beside = learnt_beside(target)
        self.beside = None if beside is None else beside.to(devices.device)

    def forward(self, batch: Batch) -> Tensor:
        """The batch's mean loss."""
        return self.target.loss(self.outputs(batch.images), batch)

    def outputs(self, images: Tensor) -> Tensor:
        """The network's outputs in float32."""
        with self.devices.autocast():
            return self.network(images.contiguous(memory_format=torch.channels_last)).float()

    def measured(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The mean loss, and each crop's figure."""
        outputs = self.outputs(batch.images)
        return self.target.loss(outputs, batch), self.target.measure(outputs, batch)

    def in_words(self, figure: float) -> str:
        """Millimetres, or the share of the grid's cells."""
        is_share = self.figure == "cell_accuracy"
        return f"{figure:.1%} of cells right" if is_share else f"{figure:.1f} mm"


class Training:
    """A stage under way. `rounds` goes on from where it is; `state` is all that it needs for
    that.
    """

    def __init__(
        self,
        stage: Stage,
        batches: Batches,
        validation: Callable[[], Iterable[Any]],
        plan: Plan,
        optimiser: OptimiserSettings,
        accumulate: int = 1,
    ) -> None:
        """validation: this device's share of the batches to measure on, each time the same."""
        self.stage, self.batches, self.validation = stage, batches, validation
        self.plan, self.settings, self.devices = plan, optimiser, stage.devices
        self.optimiser = _optimiser(stage, optimiser)
        self.average = averaged(stage, optimiser.average) if optimiser.average else None
        self.kept = stage if self.average is None else cast(Stage, self.average.module)
        """With the weights to measure and to keep."""
        mine, pieces = self.devices.rank * accumulate, self.devices.count * accumulate
        self.pieces = [Piece(mine + index, pieces) for index in range(accumulate)]
        self.step_loss: Callable[[Any], Tensor] = stage
        if self.devices.count > 1:
            with warnings.catch_warnings():
                # torch 2.13 gives the argument another name, which older ones do not know
                warnings.simplefilter("ignore", FutureWarning)
                # what batch normalisation remembers is averaged at the end of each round instead
                self.step_loss = DistributedDataParallel(stage, broadcast_buffers=False)

    def rounds(self, done: int, after_step: Callable[[Tensor], None]) -> Iterator[Round]:
        """The rounds after those that are done; after_step gets the loss of each step on this
        device.
        """
        for number in range(done, self.plan.rounds):
            start, start_cpu = time.perf_counter(), time.process_time()
            losses = self._steps(number, after_step)
            seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
            own = torch.tensor([losses, cpu_seconds], dtype=torch.float64)
            loss_sum, cpu_seconds = self.devices.summed(own).tolist()
            self._average_buffers()
            validation_loss, figure = self._validated()
            train_loss = loss_sum / self.plan.steps_per_round
            yield Round(train_loss, validation_loss, figure, seconds, cpu_seconds)

    def state(self) -> dict[str, Any]:
        """Weights, their average if there is one, and optimiser, where they are."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` gave, perhaps on another device."""
        for name, part in self._parts.items():
            part.load_state_dict(state[name])

    @property
    def _parts(self) -> dict[str, Any]:
        average = {} if self.average is None else {"average": self.average}
        return {"stage": self.stage, "optimiser": self.optimiser, **average}

    def _steps(self, number: int, after_step: Callable[[Tensor], None]) -> float:
        """All steps of a round; the sum of this device's part of their losses."""
        # Dropout draws from the global generator: set anew each round, it is the same after a
        # resume.
        seed = self.batches.seed * 1_000_003 + number
        torch.manual_seed(seed + self.devices.rank * 1_000_000_007)
        self.stage.train()
        first, losses = number * self.plan.steps_per_round, []
        coming = batches_ahead(
            self.batches, range(first, first + self.plan.steps_per_round), self.pieces
        )
        for step in range(first, first + self.plan.steps_per_round):
            losses.append(self._step(step, coming))
            after_step(losses[-1])
        return float(torch.stack(losses).double().sum())

    def _step(self, step: int, coming: Iterator[Any]) -> Tensor:
        """One step of the optimiser; this device's part of the whole batch's mean loss."""
        if self.settings.kind == "adamw":
            for group in self.optimiser.param_groups:
                group["lr"] = self.settings.learning_rate * rate_share(step, self.plan.num_steps)
        self.optimiser.zero_grad()
        total = torch.zeros((), device=self.devices.device)
        for piece in self.pieces:
            batch = next(coming)
            share = 1.0 if piece == WHOLE else len(batch[0]) / self.batches.size
            with self._gradients_kept(piece):
                loss = self.step_loss(batch)
                # several processes' gradients are averaged: of the parts of one sum, too little
                (loss * (share * self.devices.count)).backward()
            total += loss.detach() * share
        if self.settings.clip_norm:
            clip_grad_norm_(self.stage.parameters(), self.settings.clip_norm)
        self.optimiser.step()
        if self.average:
            self.average.update_parameters(self.stage)
        return total

    def _gradients_kept(self, piece: Piece) -> Any:
        """Within it no gradients are sent to the other devices: only the last piece's are, and with
        them all that were kept.
        """
        if isinstance(self.step_loss, DistributedDataParallel) and piece != self.pieces[-1]:
            return self.step_loss.no_sync()
        return nullcontext()

    @torch.inference_mode()
    def _validated(self) -> tuple[float, float]:
        """Mean loss and mean figure over the validation crops, of which each device takes its
        share: exact, however they divide.
        """
        self.kept.eval()
        sums = torch.zeros(2, 2, dtype=torch.float64)
        for batch in self.validation():
            loss, figures = self.kept.measured(batch.to(self.devices.device))
            size, total = len(batch[0]), float(figures.double().sum())
            sums += torch.tensor(
                [[float(loss) * size, total], [size, len(figures)]], dtype=torch.float64
            )
        sums = self.devices.summed(sums)
        loss, figure = (sums[0] / sums[1]).tolist()
        return loss, figure

    @torch.no_grad()
    def _average_buffers(self) -> None:
        """Give all devices the mean of what batch normalisation has seen on each."""
        if self.devices.count > 1:
            for stage in dict.fromkeys((self.stage, self.kept)):
                for name, buffer in stage.named_buffers():
                    if "running_" in name:
                        buffer.copy_(self.devices.summed(buffer) / self.devices.count)


def rate_share(step: int, num_steps: int) -> float:
    """Learning rate of a step as a share of the highest: a short warm-up, then half a cosine down
    to zero.
    """
    warm_up = max(1.0, WARM_UP_SHARE * num_steps)
    rising = min(1.0, (step + 1) / warm_up)
    return rising * 0.5 * (1 + math.cos(math.pi * min(1.0, step / num_steps)))


def averaged(stage: nn.Module, keep: float) -> AveragedModel:
    """A moving average of the stage's weights and statistics, of which `keep` stays at each step
    (Polyak & Juditsky, 1992); less of it at the beginning, which is soon forgotten.
    """

    def moved(average: Tensor, now: Tensor, steps: Tensor | int) -> Tensor:
        if not now.is_floating_point():
            return now  # a count
        return average.lerp(now, 1 - min(keep, (int(steps) + 1) / (int(steps) + 10)))

    return AveragedModel(stage, avg_fn=moved, use_buffers=True).requires_grad_(False)


def _optimiser(stage: Stage, settings: OptimiserSettings) -> torch.optim.Optimizer:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.kind == "sgd":
        return torch.optim.SGD(stage.parameters(), rate, momentum=0.9, weight_decay=decay)
    groups: list[dict[str, Any]] = [{"params": list(stage.parameters())}]
    if settings.decays == "matrices":
        flat = [p for p in stage.parameters() if p.ndim <= 1]
        groups = [
            {"params": [p for p in stage.parameters() if p.ndim > 1]},
            {"params": flat, "weight_decay": 0.0},
        ]
    return torch.optim.AdamW(groups, rate, weight_decay=decay, fused=True)
