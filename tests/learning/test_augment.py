"""Augmentation: picture, keypoints and pose change together; what is black by the mask stays
black.
"""

import pytest
import torch
from learning.made_up import DISTANCE_MM, FOCAL_PX, SIZE, made_up_crops

from posegrid.datasets.stored_crops import LUMA
from posegrid.learning.augment import (
    BALANCE_SPREAD,
    HARD_CHANCE,
    LEFT_CHANCE,
    Draws,
    MaskFacts,
    _elsewhere,
    _faulty,
    _recoloured,
    augmented,
)
from posegrid.learning.batch import Batch
from posegrid.learning.data import CropSet, generator_of


@pytest.fixture(scope="module")
def batch() -> Batch:
    crops = CropSet.of(made_up_crops(40), "view", "removed")
    return crops.batch(torch.arange(40), SIZE)


def changed(
    batch: Batch, seed: int = 0, *, view: bool = True, background: str = "removed"
) -> Batch:
    focal_px = torch.full((len(batch.images),), FOCAL_PX) if view else None
    return augmented(batch, focal_px, generator_of(seed), background)


def test_the_picture_moves_with_the_keypoints(batch):
    """One blob in the picture: its centre of mass stays at the keypoint that marks it."""
    keypoints_px = batch.keypoints_px.clamp(20, 44)
    pixels = torch.arange(SIZE) + 0.5
    across = torch.exp(-0.5 * ((pixels - keypoints_px[:, 0, 0, None]) / 1.5) ** 2)
    down = torch.exp(-0.5 * ((pixels - keypoints_px[:, 0, 1, None]) / 1.5) ** 2)
    images = (down[:, :, None] * across[:, None, :])[:, None]
    images = torch.where(images > 0.01, images, 0.0)
    moved = changed(Batch(images, batch.pose_mm, keypoints_px), background="kept")
    seen = moved.images[:, 0] * (moved.images[:, 0] > 0.2)
    mass = seen.sum(dim=(1, 2))
    centre = torch.stack(
        [(seen.sum(dim=1) * pixels).sum(dim=1), (seen.sum(dim=2) * pixels).sum(dim=1)], dim=1
    )
    uncovered = mass > 5
    assert uncovered.sum() > 20
    error_px = (centre / mass[:, None] - moved.keypoints_px[:, 0])[uncovered].norm(dim=1)
    assert error_px.median() < 0.2


def test_poses_project_onto_the_moved_keypoints(batch):
    """A pinhole camera that looks at the moved crop's centre sees the changed pose at the changed
    keypoints.
    """
    moved = changed(batch)
    depth_mm = DISTANCE_MM + moved.pose_mm[..., 2]
    relative_px = moved.keypoints_px - moved.keypoints_px[:, :1]
    expected_px = FOCAL_PX * moved.pose_mm[..., :2] / depth_mm[..., None]
    scale = (relative_px * expected_px).sum(dim=(1, 2)) / (expected_px**2).sum(dim=(1, 2))
    assert (relative_px - scale[:, None, None] * expected_px).abs().max() < 0.8
    assert scale.min() > 0.7 and scale.max() < 1.4


def test_a_shift_turns_poses_in_the_view_only(batch):
    turned, straight = changed(batch), changed(batch, view=False)
    assert torch.equal(turned.keypoints_px, straight.keypoints_px)
    assert not torch.allclose(turned.pose_mm, straight.pose_mm, atol=1.0)
    assert torch.allclose(turned.pose_mm.norm(dim=-1), straight.pose_mm.norm(dim=-1), atol=0.1)


def test_bone_lengths_survive(batch):
    moved = changed(batch)
    lengths = lambda pose: (pose[:, 9] - pose[:, 10]).norm(dim=1)  # noqa: E731  neck and head are on no side
    assert torch.allclose(lengths(moved.pose_mm), lengths(batch.pose_mm), atol=0.1)


def test_half_of_the_crops_are_mirrored(batch):
    many = Batch(*(torch.cat([part] * 20) for part in batch))
    moved = changed(many)
    nose = 9
    depth_kept = (moved.pose_mm[:, nose, 0] - many.pose_mm[:, nose, 0]).abs() < 60
    assert 0.3 < depth_kept.float().mean() < 0.7


def test_black_background_stays_black_but_for_ragged_outlines(batch):
    images = torch.zeros(40, 1, SIZE, SIZE)
    images[:, :, 20:44, 24:40] = 0.5
    moved = changed(Batch(images, batch.pose_mm, batch.keypoints_px))
    assert moved.images.min() == 0 and moved.images.max() <= 1
    assert torch.equal(moved.images[:, :, :8], torch.zeros(40, 1, 8, SIZE))
    assert not torch.equal(moved.images, images)


def test_masked_crops_are_met_removed_kept_and_without_a_mask(batch):
    images = torch.full((400, 2, SIZE, SIZE), 0.5)
    images[:, 1] = 0.0
    images[:, 1, 20:44, 24:40] = 1.0
    many = Batch(images, batch.pose_mm.repeat(10, 1, 1), batch.keypoints_px.repeat(10, 1, 1))
    grey, mask = changed(many, background="masked").images.unbind(dim=1)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    unknown = (mask == 1).flatten(1).all(dim=1)
    inner = (slice(None), slice(8, 56), slice(8, 56))  # the rest may lie outside of the moved crop
    removed = ~unknown & ((grey[inner] == 0) | (mask[inner] == 1)).flatten(1).all(dim=1)
    assert 0.05 < unknown.float().mean() < 0.16
    assert 0.38 < removed.float().mean() < 0.52
    assert grey[unknown][:, 30:34, 30:34].mean() > 0.1


def test_masks_get_the_faults_of_background_subtraction():
    masks = torch.zeros(600, 1, SIZE, SIZE)
    masks[:, :, 16:48, 24:40] = 1.0
    faulty = _faulty(masks, Draws(generator_of(1)))
    clean = (faulty == masks).flatten(1).all(dim=1)
    area = faulty.flatten(1).sum(dim=1) / masks[0].sum()
    assert 0.24 < clean.float().mean() < 0.36
    assert area.min() < 0.95 and area.quantile(0.9) > 1.4
    assert (faulty[:, :, :4] == 0).all()  # lumps stay near the person
    assert (faulty[~clean, :, 30:34, 30:34] == 0).any()  # and holes are in it


def left_masks(*, soft: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Masks of random levels, and what is shown of them."""
    masks = torch.rand(400, 1, SIZE, SIZE, generator=generator_of(3))
    masks[:, :, :4], masks[:, :, -4:] = 0.0, 1.0
    return masks, _faulty(masks, Draws(generator_of(1)), MaskFacts(exact=False, soft=soft))


def test_hard_masks_that_have_faults_stay_as_they_are_more_often():
    masks, shown = left_masks(soft=False)
    left = (shown == (masks >= 0.5).float()).all(dim=(1, 2, 3))
    assert left.float().mean() == pytest.approx(LEFT_CHANCE, abs=0.08)
    assert set(shown[~left].unique().tolist()) <= {0.0, 1.0}


def test_soft_masks_are_shown_hard_half_of_the_time_else_surer_or_less_sure():
    masks, shown = left_masks(soft=True)
    hard = ((shown == 0) | (shown == 1)).all(dim=(1, 2, 3))
    assert (~hard).float().mean() == pytest.approx(LEFT_CHANCE * (1 - HARD_CHANCE), abs=0.06)
    soft, before = shown[~hard], masks[~hard]
    assert (soft[:, :, :4] == 0).all() and (soft[:, :, -4:] == 1).all()
    power = (soft.log() / before.log())[:, 0, 8:56]
    of_crops = power.log().mean(dim=(1, 2))
    assert abs(of_crops.mean()) < 0.1 and 0.3 < of_crops.std() < 0.5, "some surer, some less"
    assert power.log().std(dim=(1, 2)).mean() > 0.15, "and here other than there"


def test_the_same_generator_gives_the_same_batch(batch):
    for first, second in zip(changed(batch, 3), changed(batch, 3), strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(changed(batch, 3).images, changed(batch, 4).images)


def test_rolled_turns_further_and_stays_true(batch):
    focal_px = torch.full((len(batch.images),), FOCAL_PX)
    parts = [
        augmented(batch, focal_px, generator_of(0), "kept", strength)
        for strength in ("standard", "rolled")
    ]
    down = [(part.pose_mm[:, 10] - part.pose_mm[:, 3]) for part in parts]
    slant = [torch.atan2(part[:, 0], part[:, 1]) for part in down]
    assert (slant[1] - slant[0]).abs().std() > 0.1
    assert torch.allclose(parts[1].pose_mm.norm(dim=-1), parts[0].pose_mm.norm(dim=-1), atol=0.5)


@pytest.mark.parametrize("colours", [1, 3])
def test_other_backgrounds_leave_the_person_alone(colours):
    images = torch.rand(200, colours + 1, SIZE, SIZE, generator=generator_of(5))
    images[:, -1] = 0.0
    images[:, -1, 16:48, 24:40] = 1.0
    shown = _elsewhere(images, Draws(generator_of(2)))
    person = images[:, -1:] == 1
    assert torch.equal(shown * person, images[:, :-1] * person)
    changed_rows = (shown != images[:, :-1]).flatten(1).any(dim=1)
    assert 0.3 < changed_rows.float().mean() < 0.5
    assert shown.min() >= 0 and shown.max() <= 1


def test_spoilt_masks_are_spoilt_less_and_nobody_is_cut_out_by_them(batch):
    masks = torch.zeros(len(batch.images), 1, SIZE, SIZE)
    masks[:, :, 16:48, 24:40] = 1.0
    masked = batch._replace(images=torch.cat([batch.images, masks], dim=1))

    def share(*, exact: bool) -> float:
        focal_px = torch.full((len(masks),), FOCAL_PX)
        many = [
            augmented(masked, focal_px, generator_of(seed), "masked", of_masks=MaskFacts(exact))
            for seed in range(8)
        ]
        # the outline of a mask that was only moved holds hardly any corners; a spoilt one is wavy
        rough = [
            (part.images[:, 1].diff(dim=-1).abs().sum(dim=(1, 2)) > 1.3 * 2 * 32).float().mean()
            for part in many
        ]
        return float(torch.stack(rough).mean())

    assert share(exact=False) < share(exact=True)


def test_other_colours_keep_the_brightness_and_leave_grey_grey():
    """White balance aside, which moves the brightness of single colours by a few percent."""
    images = torch.rand(600, 3, 8, 8, generator=generator_of(6))
    coloured = _recoloured(images, Draws(generator_of(7)))
    luma = torch.from_numpy(LUMA).float()[:, None, None]
    before, after = ((many * luma).sum(dim=1).mean(dim=(1, 2)) for many in (images, coloured))
    is_grey = ((coloured - coloured[:, :1]).abs() < 1e-5).flatten(1).all(dim=1)
    assert 0.1 < is_grey.float().mean() < 0.2
    assert (after / before)[~is_grey].log().std() < BALANCE_SPREAD
    assert (after / before)[~is_grey].log().mean().abs() < 0.01
    grey = images[:, :1].expand(-1, 3, -1, -1)
    seen = _recoloured(grey, Draws(generator_of(7)))
    assert torch.allclose(seen[is_grey], grey[is_grey], atol=1e-5)  # also of another mixture
    tint = seen[~is_grey] / grey[~is_grey]
    assert torch.allclose(tint, tint[..., :1, :1].expand_as(tint), rtol=1e-3)  # balance alone


def test_crops_in_colour_and_grey_ones_are_changed_alike(batch):
    """But for colour: what is moved, covered, cut out and without a mask is drawn for both."""
    images = torch.full((400, 4, SIZE, SIZE), 0.5)
    images[:, 3] = 0.0
    images[:, 3, 20:44, 24:40] = 1.0
    many = Batch(images, batch.pose_mm.repeat(10, 1, 1), batch.keypoints_px.repeat(10, 1, 1))
    seen = changed(many, background="masked_colour").images
    colours, mask = seen[:, :3], seen[:, 3]
    assert seen.min() >= 0 and seen.max() <= 1 and set(mask.unique().tolist()) == {0.0, 1.0}
    unknown = (mask == 1).flatten(1).all(dim=1)
    inner = (slice(None), slice(8, 56), slice(8, 56))
    off = (colours == 0).all(dim=1)
    removed = ~unknown & (off[inner] | (mask[inner] == 1)).flatten(1).all(dim=1)
    assert 0.05 < unknown.float().mean() < 0.16
    assert 0.38 < removed.float().mean() < 0.52
    assert (colours.std(dim=1) > 0.005).flatten(1).any(dim=1).float().mean() > 0.7
