"""Batches: each crop once an epoch, the same for the same seed and step, windows that move
keypoints along. Put together ahead, they are the same.
"""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from learning.made_up import SIZE, made_up_crops

from posegrid.errors import SettingsError
from posegrid.learning import data
from posegrid.learning.batch import Batch
from posegrid.learning.data import (
    WHOLE,
    CropSet,
    MixedBatches,
    Piece,
    TrainingBatches,
    batches_ahead,
    in_unit_range,
    whole_batches,
)

CROPS = CropSet.of(made_up_crops(50), "view", "removed")


def batches(**changes) -> TrainingBatches:
    settings = {"crops": CROPS, "batch_size": 8, "seed": 0, "augment": "none", "cut_px": SIZE}
    return TrainingBatches(**{**settings, **changes})


def test_an_epoch_shows_each_crop_at_most_once_in_another_order():
    source = batches()
    assert source.steps_per_epoch == 6
    first = torch.cat([source.at(step).pose_mm[:, 1] for step in range(6)])
    second = torch.cat([source.at(step).pose_mm[:, 1] for step in range(6, 12)])
    assert len(first.unique(dim=0)) == len(second.unique(dim=0)) == 48
    assert not torch.equal(first, second)


@pytest.mark.parametrize("augment", ["none", "standard"])
def test_a_batch_depends_on_seed_and_step_only(augment):
    late = batches(augment=augment).at(17)
    for first, second in zip(late, batches(augment=augment).at(17), strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(late.images, batches(augment=augment, seed=1).at(17).images)


def test_without_augmentation_crops_are_as_they_were():
    batch = batches().at(0)
    row = int((CROPS.pose_mm[:, 1] == batch.pose_mm[0, 1]).all(dim=1).nonzero()[0, 0])
    assert torch.equal(batch.images[0, 0], CROPS.images[row].float() / 255)
    assert torch.equal(batch.keypoints_px[0], CROPS.keypoints_px[row])


def test_every_data_set_gives_an_equal_share_of_a_batch():
    others = CropSet.of(made_up_crops(9, seed=5), "view", "removed")
    mixed = MixedBatches.of((CROPS, others), 9, 0, "none", SIZE)
    for step in (0, 7):
        batch = mixed.at(step)
        for crops, rows in ((CROPS, slice(5)), (others, slice(5, 9))):
            known = crops.pose_mm[:, 1].tolist()
            assert all(pose in known for pose in batch.pose_mm[rows, 1].tolist())
            assert len({*map(tuple, batch.pose_mm[rows, 1].tolist())}) == len(batch.pose_mm[rows])


def test_the_shares_of_a_batch_are_not_augmented_alike():
    first, second = MixedBatches.of((CROPS, CROPS), 50, 0, "standard", SIZE).at(0).images.split(25)
    assert not any(torch.equal(image, other) for image in first for other in second)


def test_one_data_set_gives_its_own_batches_and_too_many_none():
    alone = MixedBatches.of((CROPS,), 8, 3, "standard", SIZE)
    assert torch.equal(alone.at(2).images, batches(seed=3, augment="standard").at(2).images)
    with pytest.raises(SettingsError, match="cannot hold crops of 3 data sets"):
        MixedBatches.of((CROPS,) * 3, 2, 0, "none", SIZE)


def test_all_sets_are_gone_through_and_devices_share_them_without_overlap():
    sets = [CropSet.of(made_up_crops(count, seed=count), "view", "removed") for count in (4, 7)]
    parts = list(whole_batches(sets, SIZE, 3))
    assert [len(part.images) for part in parts] == [3, 1, 3, 3, 1]
    poses = torch.cat([part.pose_mm for part in parts])
    assert torch.equal(poses, torch.cat([crops.pose_mm for crops in sets]))
    shared = [list(whole_batches(sets, SIZE, 3, first=rank, every=2)) for rank in (0, 1)]
    assert [len(part.images) for part in shared[0] + shared[1]] == [3, 3, 1, 1, 3]
    taken = torch.cat([part.pose_mm for part in shared[0] + shared[1]])
    assert sorted(taken[:, 1, 0].tolist()) == sorted(poses[:, 1, 0].tolist())


@pytest.mark.parametrize("count", [2, 3])
def test_the_pieces_of_a_batch_are_the_batch(count):
    whole = batches(cut_px=SIZE).at(4)
    pieces = [batches().at(4, Piece(index, count)) for index in range(count)]
    assert {len(piece.images) for piece in pieces} <= {8 // count, 8 // count + 1}
    for part, parts in zip(whole, zip(*pieces, strict=True), strict=True):
        assert torch.equal(part, torch.cat(parts))


def test_pieces_are_augmented_by_draws_of_their_own():
    twice = replace(CROPS, pose_mm=CROPS.pose_mm)
    alike = batches(crops=twice, augment="standard", batch_size=16)
    first, second = (alike.at(0, Piece(index, 2)) for index in (0, 1))
    assert torch.equal(first.images, alike.at(0, Piece(0, 2)).images)
    generators = [alike.assembled(CROPS, torch.arange(8), 0, Piece(i, 2)) for i in (0, 1)]
    assert not torch.equal(generators[0].images, generators[1].images)
    assert len(first.images) == len(second.images) == 8 and Piece(0, 1) == WHOLE


def test_a_random_window_moves_the_keypoints_along():
    cut = batches(cut_px=56).at(3)
    whole = batches().at(3)
    assert cut.images.shape == (8, 1, 56, 56)
    shift = (whole.keypoints_px - cut.keypoints_px)[:, 0]
    assert shift.min() >= 0 and shift.max() <= 8 and len(shift.unique(dim=0)) > 1
    for image, full, (x, y) in zip(cut.images, whole.images, shift.int().tolist(), strict=True):
        assert torch.equal(image, full[:, y : y + 56, x : x + 56])


def test_validation_batches_hold_every_crop_once_cut_to_the_middle():
    parts = list(whole_batches([CROPS], 56, 20))
    assert [len(part.images) for part in parts] == [20, 20, 10]
    assert torch.equal(
        torch.cat([part.images for part in parts]), in_unit_range(CROPS.images)[..., 4:60, 4:60]
    )
    assert torch.equal(parts[0].keypoints_px, CROPS.keypoints_px[:20] - 4)


def test_a_small_set_still_makes_a_batch():
    few = batches(crops=CROPS.thinned(5))
    assert few.steps_per_epoch == 1 and len(few.at(2).images) == 5


def test_thinning_spreads_over_the_set():
    assert len(CROPS.thinned(100)) == 50
    thin = CROPS.thinned(2)
    assert torch.equal(thin.pose_mm, CROPS.pose_mm[[0, 49]])


def test_pose_frames():
    crops = made_up_crops(4)
    camera = np.array(crops.crop_camera)
    camera[:, 2] += 30.0  # the crop lies beside the optical axis
    crops = type(crops)(**{**vars(crops), "crop_camera": camera})
    view, plain = CropSet.of(crops, "view", "removed"), CropSet.of(crops, "camera", "removed")
    assert np.array_equal(plain.pose_mm.numpy(), crops.pose_cam_mm)
    assert np.allclose(view.pose_mm.numpy(), crops.pose_view_mm)
    assert not torch.allclose(view.pose_mm, plain.pose_mm, atol=1.0)


def test_no_crops_are_refused():
    with pytest.raises(SettingsError, match="no training crops"):
        batches(crops=CropSet.of(made_up_crops(0), "view", "removed"))


def test_masks_are_the_second_channel():
    crops = made_up_crops(6)
    masks = 255 - crops.images
    masked = replace(crops, masks=masks)
    batch = CropSet.of(masked, "view", "masked").thinned(3).batch(torch.arange(3), SIZE)
    assert batch.images.shape == (3, 2, SIZE, SIZE)
    assert torch.equal(batch.images[:, 1], torch.from_numpy(masks[[0, 2, 5]]) / 255)
    assert np.array_equal(masked.subset(slice(1, 2)).inputs[0, 1], masks[1])


# --- batches put together ahead


class Numbered:
    seed, cut_px, size, loaders = 0, 64, 1, 8

    def __init__(self):
        self.asked = []

    def at(self, step, piece=WHOLE):
        if step == 7:
            raise RuntimeError("the eighth batch is broken")
        self.asked.append((step, threading.current_thread(), torch.get_num_threads()))
        return Batch(
            torch.full((1, 1, 2, 2), float(step)), torch.zeros(1, 17, 3), torch.zeros(1, 17, 2)
        )


@pytest.fixture(params=[0, 1], ids=["no core is free", "a core is free"])
def free(request, monkeypatch):
    monkeypatch.setattr(data, "free_cores", lambda: request.param)
    return request.param


def test_all_steps_in_order_by_another_thread_where_a_core_is_free(free):
    batches, before = Numbered(), torch.get_num_threads()
    given = [batch.images[0, 0, 0, 0].item() for batch in batches_ahead(batches, range(2, 7))]
    assert given == [2, 3, 4, 5, 6] == [step for step, _, _ in batches.asked]
    elsewhere = {thread is not threading.current_thread() for _, thread, _ in batches.asked}
    assert elsewhere == {bool(free)} and {count for _, _, count in batches.asked} == {
        1 if free else before
    }
    assert torch.get_num_threads() == before


def test_one_batch_is_ahead_and_no_more(free):
    batches = Numbered()
    coming = batches_ahead(batches, range(6))
    next(coming)
    coming.close()
    assert len(batches.asked) <= 1 + free


def test_errors_reach_the_one_who_asks(free):
    coming = batches_ahead(Numbered(), range(6, 9))
    assert next(coming).images.max() == 6
    with pytest.raises(RuntimeError, match="eighth"):
        next(coming)


def test_pieces_come_step_by_step(free):
    asked = []

    class Noted(Numbered):
        def at(self, step, piece=WHOLE):
            asked.append((step, piece.index))
            return super().at(step, piece)

    given = list(batches_ahead(Noted(), range(2), [Piece(2, 4), Piece(3, 4)]))
    assert [int(batch.images.max()) for batch in given] == [0, 0, 1, 1]
    assert sorted(asked) == [(0, 2), (0, 3), (1, 2), (1, 3)]


def test_what_torch_leaves_alone_is_free(monkeypatch):
    monkeypatch.setattr(data, "usable_cores", lambda: 3)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert data.free_cores() == 1
