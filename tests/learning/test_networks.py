"""The networks: sizes as published, every parameter learns, heads are exchanged and weights
transferred.
"""

from typing import get_args

import pytest
import torch
from torch import nn

from posegrid.datasets.stored_crops import LUMA
from posegrid.errors import CheckpointError, SettingsError
from posegrid.learning.batch import Batch
from posegrid.learning.data import centre_cropped
from posegrid.learning.model_facts import NetworkName
from posegrid.learning.networks import (
    INPUT_GAIN,
    ResponseNorm,
    build_network,
    network_name,
    seeing_colours,
    transfer,
)
from posegrid.learning.pose_targets import BinsTarget, PoseTarget
from posegrid.learning.targets import GridTarget, JointTarget, Target

NAMES = get_args(NetworkName)
POSE = PoseTarget(((0.0, 0.0, 0.0),) * 17)
TARGETS: list[Target] = [GridTarget(64), POSE, BinsTarget(), JointTarget(POSE, GridTarget(64))]
COLOUR_WEIGHTS = 2 * 81 * 32
"""Li & Chan's first layer sees RGB, ours one grey channel."""


def num_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "pose_millions", "grid_millions", "more"),
    [
        ("report2015_small", 4.42, 7.80, 0),
        ("report2015_large", 11.84, 15.22, 0),
        ("lichan2014", 8.92, 12.30, COLOUR_WEIGHTS),
    ],
)
def test_networks_are_as_large_as_published(name, pose_millions, grid_millions, more):
    with torch.device("meta"):  # shapes without numbers
        assert round((num_parameters(build_network(name, POSE)) + more) / 1e6, 2) == pose_millions
        assert (
            round((num_parameters(build_network(name, GridTarget(128))) + more) / 1e6, 2)
            == grid_millions
        )


def test_the_default_network_fits_15_mb():
    assert num_parameters(build_network("posegrid_s", BinsTarget())) * 4 < 14.5e6


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_gets_a_gradient(name, target):
    torch.manual_seed(0)
    network = build_network(name, target, 64)
    with torch.no_grad():
        for (
            parameter
        ) in network.parameters():  # a block that starts as its shortcut would hide its inside
            parameter += 0.02 * torch.randn_like(parameter)
    batch = Batch(torch.rand(4, 1, 64, 64), 200 * torch.randn(4, 17, 3), 64 * torch.rand(4, 17, 2))
    target.loss(network(batch.images), batch).backward()
    for label, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, label


@pytest.mark.parametrize("name", NAMES)
def test_first_answers_of_the_grid_head_are_no(name):
    network = build_network(name, GridTarget(64), 64).eval()
    assert network.head.bias.detach().numpy() == pytest.approx(-3.0)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "lichan2014"])
def test_another_head_on_the_same_backbone(name):
    source, network = (build_network(name, target, 64).eval() for target in (GridTarget(64), POSE))
    images = torch.rand(2, 1, 64, 64)
    transfer(source, network, "all_but_head")
    assert network(images).shape == (2, 51) and source(images).shape == (2, 1700)
    features = [each.backbone.forward_features(images) for each in (source, network)]
    assert torch.equal(*features)


@pytest.mark.parametrize("name", NAMES)
def test_transfer_copies_the_layers_asked_for(name):
    torch.manual_seed(1)
    source = build_network(name, GridTarget(64), 64)
    for layers, copied in (
        ("convolutions", ["convolutions"]),
        ("all_but_head", ["convolutions", "hidden"]),
    ):
        network = build_network(name, POSE, 64)
        transfer(source, network, layers)
        for part in ("convolutions", "hidden"):
            pairs = zip(
                getattr(source.backbone, part).state_dict().values(),
                getattr(network.backbone, part).state_dict().values(),
                strict=True,
            )
            assert all(torch.equal(a, b) for a, b in pairs) == (part in copied)


def test_transfer_between_other_networks_is_refused():
    with pytest.raises(CheckpointError, match="convolutions of the weights"):
        transfer(
            build_network("report2015_large", POSE, 64), build_network("report2015_small", POSE, 64)
        )
    with pytest.raises(CheckpointError, match="convolutions of the weights"):
        transfer(build_network("report2015_small", POSE, 64), build_network("lichan2014", POSE, 64))


def test_a_head_of_fewer_answers_is_not_widened():
    with pytest.raises(CheckpointError, match="head of the weights"):
        transfer(
            build_network("posegrid_s", POSE, 64),
            build_network("posegrid_m", BinsTarget(), 64),
            "all",
        )


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [("posegrid_s", "posegrid_m"), ("report2015_small", "report2015_large")],
    ids=["posegrid", "2015"],
)
def test_a_network_that_grew_answers_as_before_and_learns_with_all_it_has(narrow, wide):
    torch.manual_seed(0)
    source, network = build_network(narrow, POSE, 64), build_network(wide, POSE, 64)
    images = torch.rand(8, 1, 64, 64)
    for _ in range(3):
        source.train()(images)  # normalisation learns its means
    transfer(source, network, "all")
    assert torch.allclose(network.eval()(images), source.eval()(images), atol=1e-5)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    network.train()
    for _ in range(3):
        optimiser.zero_grad()
        network(images).square().sum().backward()
        optimiser.step()
    first, old = (
        next(layer for layer in its.modules() if isinstance(layer, nn.Conv2d))
        for its in (network, source)
    )
    new = first.weight.grad[len(old.weight) :]
    assert len(new) and (new.flatten(1).abs().sum(dim=1) > 0).float().mean() > 0.8


@pytest.mark.parametrize("name", ["posegrid_s", "posegrid_m", "report2015_small", "lichan2014"])
def test_a_network_that_came_to_see_colours_answers_as_it_did_to_their_brightness(name):
    torch.manual_seed(2)
    before = build_network(name, POSE, 64, 2).train()
    images = torch.rand(8, 4, 64, 64)
    luma = torch.from_numpy(LUMA).float()[:, None, None]
    grey = torch.cat([(images[:, :3] * luma).sum(dim=1, keepdim=True), images[:, 3:]], dim=1)
    before(grey)  # its normalisation has seen something
    after = build_network(name, POSE, 64, 4)
    transfer(seeing_colours(before), after, "all")
    before.eval(), after.eval()
    assert torch.allclose(after(images), before(grey), atol=1e-4, rtol=1e-4)
    assert (after(images) - after(images.flip(1))).abs().max() > 1e-2


def test_transferred_weights_are_copies():
    source, network = (
        build_network("report2015_small", POSE, 64),
        build_network("report2015_small", POSE, 64),
    )
    transfer(source, network)
    before = source.backbone.convolutions[0].weight.detach().clone()
    with torch.no_grad():
        network.backbone.convolutions[0].weight += 1
    assert torch.equal(source.backbone.convolutions[0].weight, before)


def test_lichan_sees_the_middle_of_larger_crops():
    network = build_network("lichan2014", POSE, 128).eval()
    images = torch.rand(2, 1, 128, 128)
    assert torch.equal(network(images), network(images[..., 8:120, 8:120]))
    assert centre_cropped(images, 112).shape == (2, 1, 112, 112)


def test_pooling_before_the_activation_is_the_same():
    convolution, *_ = build_network("report2015_small", POSE, 64).backbone.convolutions
    images = INPUT_GAIN * torch.rand(2, 1, 64, 64)
    usual = nn.functional.max_pool2d(torch.tanh(convolution(images)), 2)
    assert torch.allclose(torch.tanh(nn.functional.max_pool2d(convolution(images), 2)), usual)


def test_response_norm_is_torchs():
    maps = 20 * torch.randn(2, 64, 5, 6)
    assert torch.allclose(
        ResponseNorm(64)(maps), nn.LocalResponseNorm(5)(maps), rtol=1e-4, atol=1e-5
    )


def test_unknown_networks_and_odd_sizes_are_refused():
    with pytest.raises(SettingsError, match="posegrid_s, posegrid_m, report2015_small"):
        network_name("resnet50")
    with pytest.raises(SettingsError, match="multiple of 16"):
        build_network("posegrid_s", POSE, 100)


@pytest.mark.parametrize("name", ["posegrid_s", "report2015_small", "lichan2014"])
def test_one_batch_can_be_learnt_by_heart(name):
    torch.manual_seed(0)
    network = build_network(name, POSE, 64)
    images = nn.functional.interpolate(torch.rand(4, 1, 8, 8).square(), scale_factor=8.0)
    batch = Batch(images, 200 * torch.randn(4, 17, 3), torch.zeros(4, 17, 2))
    optimiser = torch.optim.AdamW(network.parameters(), 5e-4)
    for _ in range(25):
        optimiser.zero_grad()
        loss = POSE.loss(network(batch.images), batch)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.5 * POSE.loss(torch.zeros(4, 51), batch).item()
