"""The targets: the grid's rule is that of body/grid.py, decoding undoes encoding, losses have their
hand values.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posegrid.body.grid import positive_cells
from posegrid.body.skeleton import NUM_JOINTS
from posegrid.errors import CheckpointError
from posegrid.learning.batch import Batch
from posegrid.learning.historical_targets import ParentsTarget, PlainTarget
from posegrid.learning.likelihood import Flow, LikelihoodTarget
from posegrid.learning.model_facts import ModelFacts
from posegrid.learning.pose_targets import BinsTarget, IntegralTarget, PersonTarget, PoseTarget
from posegrid.learning.targets import GridTarget, JointTarget, learnt_beside, target_of

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


def test_an_error_of_3_4_0_is_5_mm():
    batch = batch_of(4)
    target = PoseTarget(MEAN_POSE)
    outputs = target.encode(batch._replace(pose_mm=batch.pose_mm + torch.tensor([3.0, 4.0, 0.0])))
    assert target.loss(outputs, batch).item() == pytest.approx(5.0 / 100, rel=1e-4)
    # The root is at zero by definition, so only 16 of the 17 joints are off in the decoded pose.
    assert target.measure(outputs, batch).numpy() == pytest.approx([5.0 * 16 / 17] * 4, rel=1e-4)


def test_no_output_is_the_mean_pose():
    decoded = PoseTarget(MEAN_POSE).decode(torch.zeros(1, 51))
    assert torch.allclose(decoded[0], torch.tensor(MEAN_POSE))


def test_pose_decoding_undoes_encoding():
    batch, target = batch_of(6), PoseTarget(MEAN_POSE)
    assert torch.allclose(target.decode(target.encode(batch)), batch.pose_mm, atol=1e-3)


def test_bins_of_the_true_distribution_decode_to_the_truth():
    batch, target = batch_of(6), BinsTarget()
    batch = batch._replace(pose_mm=batch.pose_mm.clamp(-900, 900))
    outputs = torch.log(target.encode(batch) + 1e-30).flatten(1)
    assert torch.allclose(target.decode(outputs), batch.pose_mm, atol=0.5)
    assert target.measure(outputs, batch).max() < 0.5


def test_bins_loss_is_least_for_the_true_distribution():
    batch, target = batch_of(6), BinsTarget()
    truth = torch.log(target.encode(batch) + 1e-30).flatten(1)
    assert target.loss(truth, batch) < target.loss(torch.zeros_like(truth), batch)


def person_outputs(target, batch, scales):
    pose, places = target.encode(batch)
    return torch.cat(
        [torch.log(pose + 1e-30).flatten(1), torch.log(places + 1e-30).flatten(1), scales], dim=1
    )


def test_a_persons_places_decode_to_the_truth():
    batch, target = batch_of(6), PersonTarget(64)
    outputs = person_outputs(target, batch, torch.zeros(6, 17))
    assert torch.allclose(target.decode_keypoints_px(outputs), batch.keypoints_px, atol=0.05)
    assert torch.allclose(
        target.decode(outputs), target.pose.decode(outputs[:, : target.pose.num_outputs])
    )


def test_sigma_by_hand():
    """e^0 = 1 in units of 100 mm, times the bound of 3.5; the root is at zero by definition."""
    target, outputs = PersonTarget(64), torch.zeros(2, PersonTarget(64).num_outputs)
    sigma_mm = target.decode_sigma_mm(outputs)
    assert torch.equal(sigma_mm[:, 0], torch.zeros(2)) and torch.allclose(
        sigma_mm[:, 1:], torch.tensor(350.0)
    )


def test_bounds_hold_their_share_of_the_errors():
    batch, target = batch_of(300), PersonTarget(64)
    batch = batch._replace(pose_mm=batch.pose_mm.clamp(-900, 900))
    random = torch.Generator().manual_seed(1)
    scales = torch.randn(300, 17, generator=random).clamp(-2, 2)
    outputs = person_outputs(target, batch, scales)
    shaken = (
        batch.pose_mm
        + torch.randn(300, 17, 3, generator=torch.Generator().manual_seed(2))
        * (40 * scales.exp())[..., None]
    )
    bound_68, bound_95 = target.bounds(outputs, shaken)
    error = (target.decode(outputs) - shaken).norm(dim=-1)[:, 1:]
    for bound, share in ((bound_68, 0.68), (bound_95, 0.95)):
        sigma_mm = replace(target, bound_68=bound).decode_sigma_mm(outputs)[:, 1:]
        assert (error <= sigma_mm * 1.0001).float().mean().item() == pytest.approx(share, abs=0.005)


def test_a_persons_loss_term_by_term():
    """Counted with loops, in float64: expectations, cross-entropies and the likelihood of errors."""
    target, batch = PersonTarget(64), batch_of(3)
    outputs = torch.randn(3, target.num_outputs, generator=torch.Generator().manual_seed(5))
    said = outputs.numpy().astype(np.float64)
    total = 0.0
    pose_bins, place_bins = np.linspace(-1100, 1100, 48), 32 + np.linspace(-48, 48, 32)

    def chances(logits):
        return np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()

    def bell(value, bins, spread):
        return chances(-0.5 * ((bins - value) / spread) ** 2)

    for crop in range(3):
        pose, places, scales = np.split(said[crop], [17 * 3 * 48, 17 * 3 * 48 + 17 * 2 * 32])
        pose, places = pose.reshape(17, 3, 48), places.reshape(17, 2, 32)
        for joint in range(17):
            true_mm = batch.pose_mm[crop, joint].numpy().astype(np.float64)
            true_px = batch.keypoints_px[crop, joint].numpy().astype(np.float64)
            chance = [chances(one) for one in pose[joint]]
            off_mm = np.linalg.norm([c @ pose_bins for c in chance] - true_mm)
            for axis in range(3):
                surprise = -bell(true_mm[axis], pose_bins, 40) @ np.log(chance[axis])
                total += 0.3 * surprise / (3 * 17 * 3)
            total += off_mm / 100 / (17 * 3)
            chance = [chances(one) for one in places[joint]]
            off_px = np.linalg.norm([c @ place_bins for c in chance] - true_px)
            surprise = -sum(
                bell(true_px[a], place_bins, 96 / 31) @ np.log(chance[a]) for a in range(2)
            )
            if (abs(true_px - 32) <= 48).all():
                total += 0.5 * (off_px / (64 * 100 / 1750) + 0.3 * surprise / 2) / (17 * 3)
            if joint:
                scale = np.clip(scales[joint], -4, 3)
                total += 0.05 * (off_mm / 100 * np.exp(-scale) + 3 * scale) / (16 * 3)
    assert target.loss(outputs, batch).item() == pytest.approx(total, rel=1e-4)


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


def test_the_integrals_loss_by_hand():
    """All cells are equally likely: the mean is the root's place, and the error is the pose."""
    target, batch = IntegralTarget(), batch_of(4)
    expected = batch.pose_mm.norm(dim=-1).mean().item() / 100
    assert target.loss(torch.zeros(4, target.num_outputs), batch).item() == pytest.approx(expected)


def test_uncertainty_is_learnt_without_moving_the_pose():
    target, batch = PersonTarget(64, keypoint_weight=0.0, spread_weight=1e6), batch_of(3)
    outputs = torch.zeros(3, target.num_outputs, requires_grad=True)
    target.loss(outputs, batch).backward()
    assert outputs.grad is not None
    assert outputs.grad[:, :-17].abs().max() < 1e-3 * outputs.grad[:, -16:].abs().max()


def test_a_joint_far_outside_the_crop_teaches_nothing_about_places():
    target, batch = PersonTarget(64, spread_weight=0.0), batch_of(2)
    batch = batch._replace(keypoints_px=torch.full((2, 17, 2), 1000.0))
    outputs = torch.randn(2, target.num_outputs)
    assert torch.allclose(
        target.loss(outputs, batch), target.pose.loss(outputs[:, : target.pose.num_outputs], batch)
    )


def test_a_peak_in_the_cube_is_where_the_joint_is():
    """Cells of 300 mm: the peak in cell (1, 2, 3) lies at (-600, -300, 0); two equal ones give the
    middle.
    """
    target = IntegralTarget(cells=7, reach_mm=900.0)
    logits = torch.full((1, 17, 7, 7, 7), -50.0)
    logits[:, :, 1, 2, 3] = 50.0
    assert torch.allclose(
        target.decode(logits.flatten(1))[0, 1:], torch.tensor([-600.0, -300.0, 0.0]), atol=1e-3
    )
    logits[:, :, 1, 2, 5] = 50.0
    assert torch.allclose(
        target.decode(logits.flatten(1))[0, 1:], torch.tensor([-600.0, -300.0, 300.0]), atol=1e-3
    )


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
