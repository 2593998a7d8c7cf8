"""Fixed sets of walkers: no set shares a seed with another, and hashes tell every change."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from learning.made_up import made_up_crops

from posegrid.datasets.fixed_sets import SETS, changes_of, images_sha256, truths_sha256
from posegrid.datasets.synth_plan import subjects_by_split
from posegrid.datasets.synth_settings import SynthSettings


def test_sets_have_seeds_and_hashes_of_their_own():
    assert len({entry.seed for entry in SETS.values()}) == len(SETS)
    assert len({entry.truths_sha256 for entry in SETS.values()}) == len(SETS)
    assert len({entry.images_sha256 for entry in SETS.values()}) == len(SETS)
    for entry in SETS.values():
        assert len(entry.truths_sha256) == len(entry.images_sha256) == 64


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_subjects_of_one_split_only(name):
    splits = subjects_by_split(SynthSettings(Path("never"), **changes_of(name)))
    assert [split for split, subjects in splits.items() if subjects] == [SETS[name].split]


def test_a_twin_differs_from_its_set_by_seed_and_split_only():
    for name in ("walkers-test", "walkers-hard", "walkers-everybody"):
        assert SETS[f"{name}-validation"].changes == SETS[name].changes
        assert SETS[f"{name}-validation"].split != SETS[name].split


def test_hashes_tell_a_pose_a_name_and_a_pixel():
    crops = made_up_crops(4)
    moved = replace(
        crops,
        pose_cam_mm=crops.pose_cam_mm + np.float32(0.001) * (np.arange(4) == 2)[:, None, None],
    )
    renamed = replace(crops, camera_id=np.array(["other", *crops.camera_id[1:]]))
    images = crops.images.copy()
    images[3, 5, 5] ^= 1
    truths = [truths_sha256(each) for each in (crops, moved, renamed)]
    assert len(set(truths)) == 3
    assert truths_sha256(replace(crops, images=images)) == truths[0]
    assert images_sha256(replace(crops, images=images)) != images_sha256(crops)
