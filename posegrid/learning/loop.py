"""One training stage as Lightning sees it: steps, optimiser, where batches come from."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import lightning.pytorch as pl
import torch
from torch import Tensor

from posegrid.errors import SettingsError
from posegrid.learning.batch import Batch
from posegrid.learning.data import Batches, CropSet, batches_ahead, whole_batches
from posegrid.learning.networks import Network
from posegrid.learning.targets import Target, learnt_beside

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
"""Of glibc's malloc.h."""


Optimiser = Literal["adamw", "sgd"]
WARM_UP_SHARE = 0.03
VALIDATION_BATCH = 250


@dataclass(frozen=True)
class Plan:
    """How long a stage is: rounds of equal length, each followed by a look at the validation
    crops.
    """

    rounds: int
    steps_per_round: int
    batch_size: int

    @property
    def num_steps(self) -> int:
        """Optimiser steps in all."""
        return self.rounds * self.steps_per_round

    @classmethod
    def of(cls, num_images: int, batch_size: int, rounds: int) -> "Plan":
        """The longest plan that sees at most num_images, in at most so many rounds. SettingsError
        if not one batch.
        """
        steps = num_images // batch_size
        if steps < 1 or rounds < 1:
            raise SettingsError(
                f"{num_images} images in batches of {batch_size} and {rounds} rounds: expected one batch at least."
            )
        rounds = min(rounds, steps)
        longer = math.ceil(steps / rounds)
        choices = ((rounds, steps // rounds), (steps // longer, longer))
        return cls(*max(choices, key=lambda choice: choice[0] * choice[1]), batch_size)


@dataclass(frozen=True)
class OptimiserSettings:
    """AdamW with warm-up and cosine, or the historical SGD (momentum 0.9) at a constant rate."""

    kind: Optimiser
    learning_rate: float
    weight_decay: float


class StageModule(pl.LightningModule):
    """A network on its way to a target. Every draw is a function of seed and step: a stage can be
    resumed exactly.
    """

    def __init__(
        self,
        network: Network,
        target: Target,
        batches: Batches,
        validation: CropSet,
        plan: Plan,
        optimiser: OptimiserSettings,
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.target = target
        self.beside = learnt_beside(target)
        self.batches = batches
        self.validation = validation
        self.plan = plan
        self.optimiser = optimiser
        self.validation_loss = math.nan
        self.validation_figure = math.nan
        self._sums = torch.zeros(3, dtype=torch.float64)

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        return self.target.loss(self._outputs(batch), batch)

    def on_train_epoch_start(self) -> None:
        # Dropout draws from the global generator: set anew each round, it is the same after a
        # resume.
        torch.manual_seed(self.batches.seed * 1_000_003 + self.current_epoch)

    def on_validation_epoch_start(self) -> None:
        self._sums.zero_()

    def validation_step(self, batch: Batch, _index: int) -> None:
        outputs = self._outputs(batch)
        loss, figures = self.target.loss(outputs, batch), self.target.measure(outputs, batch)
        self._sums += torch.stack(
            [loss.double() * len(figures), figures.double().sum(), torch.tensor(len(figures))]
        )

    def on_validation_epoch_end(self) -> None:
        loss, figure, count = self._sums.tolist()
        self.validation_loss, self.validation_figure = loss / count, figure / count

    def configure_optimizers(self) -> Any:
        settings, parameters = self.optimiser, self.parameters()
        if settings.kind == "sgd":
            return torch.optim.SGD(
                parameters, settings.learning_rate, momentum=0.9, weight_decay=settings.weight_decay
            )
        adamw = torch.optim.AdamW(
            parameters, settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            adamw, lambda step: rate_share(step, self.plan.num_steps)
        )
        return {"optimizer": adamw, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def train_dataloader(self) -> "RoundOfBatches":
        return RoundOfBatches(self)

    def val_dataloader(self) -> "ValidationBatches":
        return ValidationBatches(self.validation, self.batches.cut_px)

    def _outputs(self, batch: Batch) -> Tensor:
        return self.network(batch.images.contiguous(memory_format=torch.channels_last)).float()


class RoundOfBatches:
    """The training batches of the round that the trainer is in; a Lightning epoch is a round."""

    def __init__(self, module: StageModule) -> None:
        self._module = module

    def __len__(self) -> int:
        return self._module.plan.steps_per_round

    def __iter__(self) -> Iterator[Batch]:
        # only when the first batch is asked for, the trainer of a resumed run knows which round it
        # is in
        start = self._module.current_epoch * len(self)
        yield from batches_ahead(self._module.batches, range(start, start + len(self)))


class ValidationBatches:
    """The validation crops, in order and unchanged."""

    def __init__(self, crops: CropSet, cut_px: int) -> None:
        self._crops, self._cut_px = crops, cut_px

    def __len__(self) -> int:
        return math.ceil(len(self._crops) / VALIDATION_BATCH)

    def __iter__(self) -> Iterator[Batch]:
        return whole_batches(self._crops, self._cut_px, VALIDATION_BATCH)


def rate_share(step: int, num_steps: int) -> float:
    """Learning rate of a step as a share of the highest: a short warm-up, then half a cosine down
    to zero.
    """
    warm_up = max(1.0, WARM_UP_SHARE * num_steps)
    return (
        min(1.0, (step + 1) / warm_up) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / num_steps)))
    )


def bf16_pays() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware (AMX or AVX512-BF16); elsewhere it is slower
    than float32.
    """
    able = torch.cpu.get_capabilities()
    return bool(able.get("amx_bf16") or able.get("avx512_bf16"))
