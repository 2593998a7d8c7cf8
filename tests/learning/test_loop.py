"""The engine of all training: plans, rates, averages, and what it asks of a stage and its batches."""

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from posegrid.learning.data import WHOLE, Piece
from posegrid.learning.devices import Devices
from posegrid.learning.loop import Plan, Stage, Training, averaged, rate_share
from posegrid.learning.training_settings import OptimiserSettings


class Numbers(NamedTuple):
    values: Tensor

    def to(self, device: torch.device) -> "Numbers":
        return Numbers(self.values.to(device))


class Slope(Stage):
    """A straight line whose loss is its mean height; it measures numbers above 1 alone."""

    figure, higher_is_better = "height", True

    def __init__(self) -> None:
        super().__init__(nn.Linear(1, 1), Devices(torch.device("cpu")))
        for parameter in self.network.parameters():
            nn.init.ones_(parameter)

    def forward(self, batch: Numbers) -> Tensor:
        return self.network(batch.values).mean()

    def measured(self, batch: Numbers) -> tuple[Tensor, Tensor]:
        return self(batch), self.network(batch.values[batch.values > 1][:, None])


class Growing:
    """Batches of one number, of two, of three."""

    seed, size, loaders = 0, 2.0, 0

    def at(self, step: int, piece: Piece = WHOLE) -> Numbers:
        return Numbers(torch.full((step + 1, 1), 3.0))


def trained(settings: OptimiserSettings) -> tuple[Training, list[Any], list[float]]:
    """Three steps: the training, its round and its losses."""
    shown = [Numbers(torch.tensor([[0.0], [2.0]])), Numbers(torch.tensor([[3.0]]))]
    training = Training(Slope(), Growing(), lambda: shown, Plan(1, 3, 2.0), settings)
    losses: list[float] = []
    rounds = list(training.rounds(0, lambda loss: losses.append(float(loss))))
    return training, rounds, losses


def weights_of(stage: Any) -> list[float]:
    return [stage.network.weight.item(), stage.network.bias.item()]


def test_steps_rounds_and_measures_by_hand() -> None:
    """The gradient is (3, 1) at each step, however many numbers a batch has."""
    training, (found,), losses = trained(OptimiserSettings("sgd", 0.1, 0.0))
    weights, steps = [], [0.0, 0.0]
    values = [1.0, 1.0]
    for _ in range(3):
        weights.append(list(values))
        steps = [0.9 * step + slope for step, slope in zip(steps, (3.0, 1.0), strict=True)]
        values = [value - 0.1 * step for value, step in zip(values, steps, strict=True)]
    assert losses == pytest.approx([3 * w + b for w, b in weights])
    assert weights_of(training.kept) == pytest.approx(values)
    w, b = values
    assert found.train_loss == pytest.approx(sum(losses) / 3)
    assert found.validation_loss == pytest.approx(((b + 2 * w + b) + 3 * w + b) / 3)
    assert found.validation_figure == pytest.approx((2 * w + b + 3 * w + b) / 2)


def test_long_gradients_are_cut() -> None:
    training, _, _ = trained(OptimiserSettings("sgd", 0.1, 0.0, clip_norm=0.5))
    cut, momentum = 0.1 * 0.5 / 10**0.5, 1 + 1.9 + 2.71
    assert weights_of(training.kept) == pytest.approx(
        [1 - 3 * cut * momentum, 1 - cut * momentum], rel=1e-5
    )


def test_matrices_alone_may_decay() -> None:
    def after(**how: Any) -> list[float]:
        return weights_of(trained(OptimiserSettings("adamw", 0.01, **how))[0].kept)

    none, everything = after(weight_decay=0.0), after(weight_decay=5.0)
    matrices = after(weight_decay=5.0, decays="matrices")
    assert matrices == pytest.approx([everything[0], none[1]])
    assert everything[1] < none[1] and everything[0] < none[0]


def test_an_average_by_hand() -> None:
    network = nn.BatchNorm1d(1)
    average = averaged(network, 0.2)
    values = [5.0, 1.0, 2.0, 4.0]
    expected = values[0]
    for step, value in enumerate(values):
        with torch.no_grad():
            network.weight.fill_(value)
            network.running_mean.fill_(value)
            network.num_batches_tracked.fill_(step)
        average.update_parameters(network)
        if step:
            keep = (2 / 11, 0.2, 0.2)[step - 1]  # 3 / 12 would be more than 0.2
            expected = keep * expected + (1 - keep) * value
    assert float(average.module.weight) == pytest.approx(expected)
    assert float(average.module.running_mean) == pytest.approx(expected)
    assert int(average.module.num_batches_tracked) == 3
    assert not average.module.weight.requires_grad


def test_the_average_is_measured_and_kept_and_goes_on() -> None:
    settings = OptimiserSettings("sgd", 0.1, 0.0, average=0.5)
    training, (found,), losses = trained(settings)
    assert losses == trained(OptimiserSettings("sgd", 0.1, 0.0))[2]
    kept, last = weights_of(training.kept), weights_of(training.stage)
    assert kept[0] > last[0]
    assert found.validation_figure == pytest.approx(2.5 * kept[0] + kept[1])
    other, _, _ = trained(settings)
    other.average.update_parameters(other.stage)
    other.load_state(training.state())
    assert weights_of(other.kept) == kept and int(other.average.n_averaged) == 3


def test_a_plan_sees_at_most_what_was_asked_for():
    assert Plan.of(1000, 64, 10) == Plan(7, 2, 64)
    assert Plan.of(150_000, 64, 10).num_steps * 64 == 149_760
    assert Plan.of(130, 64, 10) == Plan(2, 1, 64)


def test_the_learning_rate_warms_up_and_falls_to_zero():
    shares = [rate_share(step, 1000) for step in range(1001)]
    assert shares[0] < 0.05 and max(shares) > 0.99 and shares.index(max(shares)) in range(25, 35)
    assert shares[-1] == pytest.approx(0.0) and shares[515] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("steps", [1, 7, 20, 187, 312, 2343])
def test_a_plan_wastes_little_of_what_it_may_see(steps: int) -> None:
    plan = Plan.of(steps * 64, 64, 14)
    assert plan.num_steps <= steps and plan.rounds <= 14
    assert plan.num_steps >= 0.85 * steps
