"""A pose's likelihood, and the flow that bends it: laws, and hand values."""

import numpy as np
import pytest
import torch
from learning.test_targets import MEAN_POSE, batch_of

from posegrid.learning.likelihood import FLOW_WIDTH, NUM_COUPLINGS, Flow, LikelihoodTarget


def bent_flow() -> Flow:
    """A flow far from doing nothing."""
    flow = Flow()
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.15 * torch.randn(parameter.shape, generator=random)
    return flow


def test_the_flow_is_undone_by_its_inverse():
    flow, errors = bent_flow(), torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * 2
    with torch.no_grad():
        points, _ = flow.to_gaussian(errors)
        assert (points - errors).abs().max() > 0.3
        assert torch.allclose(flow.from_gaussian(points), errors, atol=1e-4)


def test_the_flow_says_how_much_it_shrinks_space():
    flow, error = bent_flow().double(), torch.tensor([0.7, -1.1, 0.4], dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda e: flow.to_gaussian(e[None])[0][0], error)
    assert flow.to_gaussian(error[None])[1].item() == pytest.approx(
        torch.linalg.det(jacobian).abs().log().item()
    )


def test_the_flows_density_sums_to_one():
    flow, line = bent_flow(), torch.linspace(-10, 10, 81)
    with torch.no_grad():
        density = flow.log_density(torch.cartesian_prod(line, line, line)).exp()
    assert density.sum().item() * 0.25**3 == pytest.approx(1.0, abs=0.01)


def test_likelihood_by_hand():
    """Means right, scales of 100 mm, a flow that does nothing: the peaks of a Laplace and of a
    Gaussian.
    """
    target, batch = LikelihoodTarget(MEAN_POSE), batch_of(3)
    for parameter in target.flow.parameters():
        torch.nn.init.zeros_(parameter)
    outputs = torch.cat([target.encode(batch).flatten(1), torch.zeros(3, 51)], dim=1)
    expected = 1.5 * np.log(2) + 1.5 * np.log(2 * np.pi)
    assert target.loss(outputs, batch).item() == pytest.approx(expected, rel=1e-5)
    assert torch.allclose(target.decode(outputs), batch.pose_mm, atol=1e-3)


def test_a_wrong_scale_is_unlikelier_than_the_right_one():
    target, batch = LikelihoodTarget(MEAN_POSE), batch_of(200)
    shift = torch.randn(200, 17, 3, generator=torch.Generator().manual_seed(4)) * 0.5

    def loss_at(log_scale: float) -> float:
        means = (target.encode(batch) + shift).flatten(1)
        return target.loss(
            torch.cat([means, torch.full((200, 51), log_scale)], dim=1), batch
        ).item()

    assert loss_at(np.log(0.5)) < min(loss_at(np.log(0.1)), loss_at(np.log(2.0)))


def test_a_new_flow_changes_almost_nothing_and_is_always_the_same():
    errors = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * 2
    torch.manual_seed(1)
    before, flow, after = torch.get_rng_state(), Flow(), torch.get_rng_state()
    assert torch.equal(before, after), "nobody else's random numbers change by it"
    with torch.no_grad():
        points, log_shrinking = flow.to_gaussian(errors)
    assert 0 < (points - errors).abs().max() < 1.0 and log_shrinking.abs().max() < 0.5
    torch.manual_seed(2)
    for one, other in zip(flow.parameters(), Flow().parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_flows_parts_are_those_of_its_description():
    """Six steps, networks of three layers, 64 wide; each axis is moved three times and kept as
    often, alone and beside another one in turn."""
    flow = Flow()
    assert (NUM_COUPLINGS, FLOW_WIDTH) == (6, 64)
    kept = [[1, 0, 0], [1, 0, 1], [0, 0, 1], [0, 1, 1], [0, 1, 0], [1, 1, 0]]
    assert flow.kept.tolist() == kept
    for network in (*flow.scales, *flow.shifts):
        shapes = [tuple(p.shape) for p in network.parameters() if p.ndim == 2]
        assert shapes == [(64, 3), (64, 64), (3, 64)]
        *_, end = (part for part in network if isinstance(part, torch.nn.Linear))
        assert not end.bias.any() and end.weight.std().item() == pytest.approx(0.01, rel=0.3)
        assert sum(isinstance(part, torch.nn.LeakyReLU) for part in network) == 2


def test_a_flows_step_stretches_by_no_more_than_e():
    flow = Flow()
    with torch.no_grad():
        for network in (*flow.scales, *flow.shifts):
            network[-2].bias.fill_(1000.0)
        _, log_shrinking = flow.to_gaussian(torch.zeros(1, 3))
    assert log_shrinking.item() == pytest.approx(-9.0), "tanh is 1 for each of 9 moved axes"


def test_scales_end_at_their_limits_and_the_root_counts_nothing():
    target, batch = LikelihoodTarget(MEAN_POSE), batch_of(3)

    def loss_at(log_scale: float, root: float = 0.0) -> float:
        means = target.encode(batch) + 0.3
        scales = torch.full((3, 17, 3), log_scale)
        means[:, 0], scales[:, 0] = means[:, 0] + root, scales[:, 0] + root
        return target.loss(torch.cat([means.flatten(1), scales.flatten(1)], 1), batch).item()

    assert loss_at(100.0) == loss_at(2.0) != loss_at(1.9)
    assert loss_at(-100.0) == loss_at(-4.0) != loss_at(-3.9)
    assert loss_at(0.0, root=1.0) == loss_at(0.0)


def test_likelihood_of_an_error_by_hand():
    """The flow does nothing. Each coordinate is 30 mm off, by a scale of 100 mm times e^0.5."""
    target, batch = LikelihoodTarget(MEAN_POSE), batch_of(3)
    for parameter in target.flow.parameters():
        torch.nn.init.zeros_(parameter)
    outputs = torch.cat([(target.encode(batch) + 0.3).flatten(1), torch.full((3, 51), 0.5)], dim=1)
    off = 0.3 * np.exp(-0.5)
    laplace = 3 * (np.sqrt(2) * off + 0.5 * np.log(2) + 0.5)
    gaussian = 3 * (off**2 / 2 + 0.5 * np.log(2 * np.pi) + 0.5)
    assert target.loss(outputs, batch).item() == pytest.approx(laplace + gaussian, rel=1e-5)
