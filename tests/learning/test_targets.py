"""The targets: the grid's rule is that of body/grid.py, decoding undoes encoding, losses have their
hand values.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posegrid.body.grid import positive_cells
from posegrid.body.skeleton import NUM_JOINTS
from posegrid.errors import CheckpointError, SettingsError
from posegrid.learning.batch import Batch
from posegrid.learning.historical_targets import ParentsTarget, PlainTarget
from posegrid.learning.likelihood import LikelihoodTarget
from posegrid.learning.model_facts import ModelFacts
from posegrid.learning.pose_targets import BinsTarget, IntegralTarget, PersonTarget, PoseTarget
from posegrid.learning.targets import (
    GridTarget,
    JointTarget,
    learnt_beside,
    own_target,
    pose_part,
    target_of,
    target_of_names,
)

MEAN_POSE = tuple((10.0 * joint, -5.0 * joint, 2.0 * joint) for joint in range(NUM_JOINTS))
TARGETS = [
    GridTarget(64),
    PoseTarget(MEAN_POSE),
    BinsTarget(),
    JointTarget(PoseTarget(MEAN_POSE), GridTarget(64, 7)),
    JointTarget(BinsTarget(), GridTarget(64, bone_rule=False)),
    PersonTarget(64),
    JointTarget(PersonTarget(64), GridTarget(64)),
    IntegralTarget(),
    LikelihoodTarget(MEAN_POSE),
    JointTarget(LikelihoodTarget(MEAN_POSE), GridTarget(64)),
    PlainTarget(),
    ParentsTarget(150.0),
    JointTarget(ParentsTarget(150.0), GridTarget(64), 8.5),
]


def batch_of(count: int, seed: int = 0) -> Batch:
    random = torch.Generator().manual_seed(seed)
    pose_mm = torch.randn(count, NUM_JOINTS, 3, generator=random) * 250
    pose_mm = pose_mm - pose_mm[:, :1]
    keypoints_px = torch.rand(count, NUM_JOINTS, 2, generator=random) * 80 - 8
    return Batch(torch.rand(count, 1, 64, 64, generator=random), pose_mm, keypoints_px)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 14), st.booleans())
def test_grid_cells_are_those_of_the_rule(seed, cells, bone_rule):
    random = np.random.default_rng(seed)
    keypoints_px = random.uniform(-20, 148, (4, NUM_JOINTS, 2))
    keypoints_px[1] = np.round(keypoints_px[1] / 16) * 16  # on the cells' edges
    keypoints_px[2, 3] = np.nan
    keypoints_px[3, :, 0] = 64.0  # upright bones, and bones without length
    keypoints_px[3, 5] = keypoints_px[3, 4]
    batch = Batch(
        torch.zeros(4, 1, 128, 128), torch.zeros(4, 17, 3), torch.from_numpy(keypoints_px)
    )
    found = GridTarget(128, cells, bone_rule).encode(batch)
    assert np.array_equal(
        found.numpy(), positive_cells(keypoints_px, 128, cells, bone_rule=bone_rule)
    )


def test_grid_decodes_to_the_centre_of_the_best_cell():
    """Cells of 8 px: the best one in row 2 and column 5 has its centre at (44, 20)."""
    scores = torch.randn(3, 17, 8, 8).clamp(-4, 4)
    scores[1, 6, 2, 5] = 9.0
    decoded = GridTarget(64, 8).decode(scores.flatten(1))
    assert decoded[1, 6].tolist() == [44.0, 20.0]
    for crop, joint in ((0, 0), (2, 16)):
        row, column = np.unravel_index(int(scores[crop, joint].argmax()), (8, 8))
        assert decoded[crop, joint].tolist() == [8 * column + 4, 8 * row + 4]


def test_the_reports_outputs_are_millimetres_and_its_loss_their_mpjpe():
    batch = batch_of(3)
    off = batch.pose_mm + torch.tensor([3.0, 4.0, 0.0])
    assert PlainTarget().loss(off.flatten(1), batch).item() == pytest.approx(5.0, rel=1e-5)
    assert torch.equal(PlainTarget().decode(batch.pose_mm.flatten(1)), batch.pose_mm)


def test_parents_target_counts_each_joint_from_its_parent_in_depth_scales():
    batch, target = batch_of(3), ParentsTarget(50.0)
    exact = target.encode(batch)
    knee, hip = batch.pose_mm[:, 2], batch.pose_mm[:, 1]
    torch.testing.assert_close(exact[:, 6:9], (knee - hip) / 50)
    torch.testing.assert_close(target.decode(exact), batch.pose_mm, atol=1e-3, rtol=0)
    # one coordinate of two joints off by 2 and by 1: (4 + 1) / 2
    wrong = exact.clone()
    wrong[:, 7] += 2
    wrong[:, 50] -= 1
    assert target.loss(wrong, batch).item() == pytest.approx(2.5, rel=1e-5)
    # and an error of the hip moves the ankle as well
    moved = exact.clone()
    moved[:, 3] += 1
    torch.testing.assert_close(
        (target.decode(moved) - batch.pose_mm)[:, 3, 0], torch.full((3,), 50.0)
    )


def test_grid_loss_by_hand():
    """No joint is in the crop and every logit is 0: ln 2 for each of a joint's 100 cells."""
    batch = Batch(torch.zeros(2, 1, 64, 64), torch.zeros(2, 17, 3), torch.full((2, 17, 2), -1000.0))
    loss = GridTarget(64).loss(torch.zeros(2, 1700), batch)
    assert loss.item() == pytest.approx(100 * np.log(2), rel=1e-5)


def test_right_answers_to_the_grid_are_all_right():
    batch = batch_of(5)._replace(keypoints_px=torch.rand(5, 17, 2) * 64)
    target = GridTarget(64)
    outputs = target.encode(batch).float().flatten(1)
    assert torch.equal(target.measure(outputs, batch), torch.ones(5))
    assert torch.equal(target.measure(-outputs, batch), torch.zeros(5))


def test_heads_start_without_a_bias():
    for target in (PoseTarget(MEAN_POSE), PlainTarget(), PersonTarget(64)):
        head = torch.nn.Linear(8, target.num_outputs)
        torch.nn.init.ones_(head.bias)
        target.start_head(head)
        assert not head.bias.any() and head.weight.any()


def test_the_grids_head_starts_with_about_one_cell_in_twenty():
    head = torch.nn.Linear(8, GridTarget(64).num_outputs)
    GridTarget(64).start_head(head)
    assert torch.equal(head.bias, torch.full_like(head.bias, -3.0))
    assert head.weight.std().item() == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize(
    "target", [IntegralTarget(), LikelihoodTarget(MEAN_POSE)], ids=lambda target: target.name
)
def test_every_output_has_a_gradient_and_64_poses_are_learnt(target):
    """A linear map from what there is to know: the loss falls, and the error with it."""
    batch = batch_of(64)
    inputs = torch.cat([batch.pose_mm.flatten(1) / 250, torch.ones(64, 1)], dim=1)
    head = torch.nn.Linear(52, target.num_outputs)
    target.start_head(head)
    beside = [] if learnt_beside(target) is None else list(learnt_beside(target).parameters())
    optimiser = torch.optim.Adam([*head.parameters(), *beside], 0.02)
    before = target.loss(head(inputs), batch)
    before.backward()
    assert (
        head.weight.grad is not None
        and (head.weight.grad.abs().sum(dim=1) > 0).float().mean() > 0.9
    )
    assert all(parameter.grad is not None for parameter in beside)
    error_before = target.measure(head(inputs), batch).mean()
    for _ in range(60):
        optimiser.zero_grad()
        target.loss(head(inputs), batch).backward()
        optimiser.step()
    assert target.loss(head(inputs), batch) < before - 0.5
    assert target.measure(head(inputs), batch).mean() < 0.7 * error_before


def test_joint_loss_is_the_sum_of_both():
    batch, target = batch_of(3), TARGETS[3]
    outputs = torch.randn(3, target.num_outputs)
    pose, grid = outputs[:, :51], outputs[:, 51:]
    expected = target.pose.loss(pose, batch) + 0.1 * target.grid.loss(grid, batch)
    assert torch.allclose(target.loss(outputs, batch), expected)
    assert torch.equal(target.decode(outputs), target.pose.decode(pose))
    right = (target.pose.encode(batch), target.grid.encode(batch))
    for found, wanted in zip(target.encode(batch), right, strict=True):
        assert torch.equal(found, wanted)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_root_is_at_zero_and_outputs_fit(target):
    outputs = torch.randn(3, target.num_outputs)
    assert torch.isfinite(target.loss(outputs, batch_of(3)))
    assert target.measure(outputs, batch_of(3)).shape == (3,)
    if not isinstance(target, GridTarget):
        assert torch.equal(target.decode(outputs)[:, 0], torch.zeros(3, 3))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_facts_rebuild_the_target(target):
    facts = ModelFacts(
        "posegrid_s", target.name, 64, "removed", "view", MEAN_POSE, target.settings()
    )
    assert target_of(facts, "here") == target


def test_facts_of_an_unknown_or_incomplete_target_are_refused():
    facts = ModelFacts("posegrid_s", "heatmap", 64, "removed", "view", MEAN_POSE)
    with pytest.raises(CheckpointError, match="unknown target 'heatmap'"):
        target_of(facts, "here")
    facts = ModelFacts("posegrid_s", "bins", 64, "removed", "view", MEAN_POSE)
    with pytest.raises(CheckpointError, match="lack 'bins'"):
        target_of(facts, "here")


def test_each_target_asks_for_so_many_numbers():
    asked = {
        "grid": 17 * 100,
        "pose": 51,
        "bins": 51 * 64,
        "pose+grid": 51 + 17 * 49,
        "bins+grid": 51 * 64 + 17 * 100,
        "person": 51 * 48 + 17 * 2 * 32 + 17,
        "person+grid": 51 * 48 + 17 * 2 * 32 + 17 + 17 * 100,
        "integral": 17 * 512,
        "rle": 102,
        "rle+grid": 102 + 17 * 100,
        "plain": 51,
        "parents": 51,
        "parents+grid": 51 + 17 * 100,
    }
    assert {target.name: target.num_outputs for target in TARGETS} == asked
    for target in TARGETS:
        is_grid = isinstance(target, GridTarget)
        assert (target.figure, target.higher_is_better) == (
            ("cell_accuracy", True) if is_grid else ("mpjpe_mm", False)
        )


@pytest.mark.parametrize(
    "target", [t for t in TARGETS if t.name != "plain"], ids=lambda target: target.name
)
def test_heads_start_small(target):
    """Weights of 0.01; no biases, but for the grid's -3: one cell in twenty."""
    head = torch.nn.Linear(16, target.num_outputs)
    torch.manual_seed(0)
    target.start_head(head)
    assert head.weight.std().item() == pytest.approx(0.01, rel=0.1)
    num_pose = 0 if isinstance(target, GridTarget) else pose_part(target).num_outputs
    assert not head.bias[:num_pose].any() and (head.bias[num_pose:] == -3.0).all()


def test_the_reports_head_starts_as_wide_as_glorots():
    head = torch.nn.Linear(400, 51)
    torch.manual_seed(0)
    PlainTarget().start_head(head)
    assert head.weight.std().item() == pytest.approx(np.sqrt(2 / 451), rel=0.05)


def test_joints_outside_the_crop_do_not_count_as_right_or_wrong():
    target, places = GridTarget(64, bone_rule=False), torch.full((3, 17, 2), -100.0)
    places[0, 4] = places[1, 4] = places[1, 9] = torch.tensor([3.0, 3.0])  # in cell 0
    batch = batch_of(3)._replace(keypoints_px=places)
    outputs = torch.zeros(3, 17, 100)
    outputs[:, :, 50] = 1.0
    outputs[:, 4, 0] = 2.0  # the likeliest of joint 4 alone
    assert target.measure(outputs.flatten(1), batch).tolist() == [1.0, 0.5, 0.0]


# --- by name


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_names_make_the_target(target):
    name = target.name.removesuffix("+grid")
    cells = getattr(target, "grid", GridTarget(64))
    made = target_of_names(
        name,
        64,
        MEAN_POSE,
        150.0,
        grid=(cells.cells, cells.bone_rule),
        joint=isinstance(target, JointTarget),
    )
    assert made == target
    assert learnt_beside(made) is (pose_part(made).flow if name == "rle" else None)


def test_grids_weight_and_size_unless_said():
    grid = target_of_names("grid", 96, MEAN_POSE, joint=True)
    assert grid == GridTarget(96, 10, True), "the grid beside itself is the grid"
    assert target_of_names("parents", 64, MEAN_POSE) == ParentsTarget(100.0)
    assert target_of_names("pose", 64, MEAN_POSE, joint=True).grid_weight == 0.1


class Own(PlainTarget):
    """A target of the user's own, all of it there."""

    def __init__(self, mean_pose_mm: tuple, far_mm: float = 1.0) -> None:
        object.__setattr__(self, "said", (mean_pose_mm, far_mm))


class Unfinished(Own):
    """Another, that has no loss."""

    @property
    def loss(self):
        raise AttributeError("loss")


@pytest.fixture
def own(monkeypatch):
    """Code of the user's own, by names without a module."""
    code = {"Own": Own, "Unfinished": Unfinished, "Grid": lambda mean: GridTarget(64)}
    code["Nothing"] = lambda mean: None
    monkeypatch.setattr("posegrid.learning.targets.own_code", code.__getitem__)
    monkeypatch.setattr("posegrid.learning.targets.is_own", code.__contains__)


def test_a_target_of_ones_own_is_made_with_its_settings(own):
    assert own_target("Own", MEAN_POSE).said == (MEAN_POSE, 1.0)
    assert target_of_names("Own", 64, MEAN_POSE).said == (MEAN_POSE, 1.0)
    facts = ModelFacts("posegrid_s", "Own", 64, "removed", "view", MEAN_POSE, {"far_mm": 5.0})
    assert target_of(facts, "here").said == (MEAN_POSE, 5.0)
    with pytest.raises(SettingsError, match="Own: a target of your own is learnt by itself"):
        target_of_names("Own", 64, MEAN_POSE, joint=True)


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("Unfinished", "; it lacks loss."),
        ("Nothing", "; it lacks num_outputs, settings, loss."),
        ("Grid", "."),
    ],
)
def test_what_is_no_target_of_poses_is_refused_with_what_it_lacks(own, name, lacks):
    expected = f"{name}: expected a PoseDecoder with num_outputs, settings, loss and decode{lacks}"
    with pytest.raises(SettingsError) as error:
        own_target(name, MEAN_POSE)
    assert str(error.value) == expected


@pytest.mark.parametrize("name", ["grid+grid", "pose+grid+grid", "pose+gridx", "+grid", "pose+"])
def test_names_that_are_nearly_right_are_unknown(name):
    settings = {**TARGETS[3].settings(), "depth_scale_mm": 1.0}
    facts = ModelFacts("posegrid_s", name, 64, "removed", "view", MEAN_POSE, settings)
    with pytest.raises(CheckpointError, match=r"here: unknown target .* with \+grid"):
        target_of(facts, "here")


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_each_setting_is_needed(target):
    for lost in target.settings():
        rest = {name: value for name, value in target.settings().items() if name != lost}
        facts = ModelFacts("posegrid_s", target.name, 64, "removed", "view", MEAN_POSE, rest)
        with pytest.raises(CheckpointError, match=f"here: the target's settings lack '{lost}'"):
            target_of(facts, "here")
