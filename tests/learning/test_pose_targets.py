"""Poses as 51 numbers, as bins, as a cube, and as a person: decoding undoes encoding, losses have their
hand values.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from learning.test_targets import MEAN_POSE, batch_of

from posegrid.learning.pose_targets import (
    BinsTarget,
    IntegralTarget,
    PersonTarget,
    PoseTarget,
    as_mean_pose,
    joint_distances,
)


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


def test_bins_and_cells_reach_1100_mm():
    """Sure of the first and of the last of 64 bins, and of the cube's corners."""
    bins = torch.full((1, 17, 3, 64), -1000.0)
    bins[..., 0, 0] = bins[..., 1, 63] = bins[..., 2, 0] = 1000.0
    corner = torch.tensor([-1100.0, 1100.0, -1100.0])
    assert torch.equal(BinsTarget().decode(bins.flatten(1))[0, 1:], corner.expand(16, 3))
    cube = torch.full((1, 17, 8, 8, 8), -1000.0)
    cube[:, :, 0, 7, 0] = 1000.0
    assert torch.equal(IntegralTarget().decode(cube.flatten(1))[0, 1:], corner.expand(16, 3))


def test_a_bins_loss_by_hand():
    """Every bin alike, the truth at the root: a distance of nothing, and 0.3 ln 64."""
    batch = batch_of(2)._replace(pose_mm=torch.zeros(2, 17, 3))
    target = BinsTarget()
    loss = target.loss(torch.zeros(2, target.num_outputs), batch).item()
    assert loss == pytest.approx(0.3 * np.log(64) + 1e-5, abs=1e-4)
    chance = target.encode(batch)[0, 5, 1]
    centres = np.linspace(-1100, 1100, 64)
    bell = np.exp(-0.5 * (centres / 40) ** 2)
    assert chance.numpy() == pytest.approx(bell / bell.sum(), abs=1e-6)


def test_no_distance_has_a_gradient_all_the_same():
    same = torch.zeros(2, 17, 3, requires_grad=True)
    distance = joint_distances(same, torch.zeros(2, 17, 3))
    assert torch.allclose(distance, torch.tensor(0.001))
    distance.sum().backward()
    assert same.grad is not None and torch.isfinite(same.grad).all()
    target, batch = PersonTarget(64), batch_of(1)
    batch = batch._replace(keypoints_px=torch.full((1, 17, 2), 32.0))
    outputs = torch.zeros(1, target.num_outputs, requires_grad=True)
    target.loss(outputs, batch).backward()
    assert outputs.grad is not None and torch.isfinite(outputs.grad).all()


def test_uncertainty_ends_at_its_limits():
    target = PersonTarget(64)
    outputs = torch.zeros(2, target.num_outputs)
    outputs[0, -17:], outputs[1, -17:] = 100.0, -100.0
    sigma_mm = target.decode_sigma_mm(outputs)[:, 1:].numpy()
    assert sigma_mm[0] == pytest.approx(350 * np.exp(3), rel=1e-5)
    assert sigma_mm[1] == pytest.approx(350 * np.exp(-4), rel=1e-5)
    assert replace(target, bound_68=7.0).decode_sigma_mm(outputs)[0, 5] == 2 * sigma_mm[0, 4]
    assert target.bound_95 == 6.3


def test_the_root_of_a_person_is_never_unsure():
    """What is said of its scale changes neither the loss nor the bounds."""
    target, batch = PersonTarget(64), batch_of(30)
    outputs = torch.randn(30, target.num_outputs, generator=torch.Generator().manual_seed(6))
    other = outputs.clone()
    other[:, -17] += 2.0
    assert target.loss(outputs, batch) == target.loss(other, batch)
    assert target.bounds(outputs, batch.pose_mm) == target.bounds(other, batch.pose_mm)


def test_places_count_up_to_the_last_bin():
    """64 pixels and bins 48 to both sides of 32: -16 and 80 are the last that can be said."""
    target = PersonTarget(64, spread_weight=0.0)
    outputs = torch.randn(1, target.num_outputs, generator=torch.Generator().manual_seed(7))

    def taught(x: float, y: float) -> bool:
        batch = batch_of(1)._replace(keypoints_px=torch.tensor([x, y]).expand(1, 17, 2))
        pose_alone = target.pose.loss(outputs[:, : target.pose.num_outputs], batch)
        return not torch.allclose(target.loss(outputs, batch), pose_alone)

    assert taught(80.0, 32.0) and taught(-16.0, 32.0) and taught(32.0, 80.0)
    assert not taught(80.5, 32.0) and not taught(-16.5, 32.0) and not taught(32.0, 80.5)


def test_a_mean_pose_is_numbers_in_a_tuple():
    rows = np.arange(51, dtype=np.float32).reshape(17, 3)
    assert as_mean_pose(rows.tolist())[16] == (48.0, 49.0, 50.0)
    assert as_mean_pose([[1, 2, 3]]) == ((1.0, 2.0, 3.0),)


def test_a_place_is_a_bell_as_wide_as_its_bins_are_apart():
    """Bins from -16 to 80: 96 / 31 pixels from one to the next."""
    batch = batch_of(1)._replace(keypoints_px=torch.full((1, 17, 2), 20.0))
    pose, places = PersonTarget(64).encode(batch)
    bins, step = np.linspace(-16, 80, 32), 96 / 31
    bell = np.exp(-0.5 * ((bins - 20) / step) ** 2)
    assert places[0, 3, 1].numpy() == pytest.approx(bell / bell.sum(), rel=1e-4, abs=1e-6)
    assert torch.equal(pose, BinsTarget(bins=48).encode(batch))
