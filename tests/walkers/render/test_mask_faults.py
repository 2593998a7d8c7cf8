"""Faulty masks: where they are wrong, and how far."""

from dataclasses import replace

import numpy as np
import pytest

from posegrid.walkers.render.mask_faults import (
    CLEAN_SHARE,
    MaskFaults,
    faulty_mask,
    random_mask_faults,
)
from posegrid.walkers.render.picture_kernels import averaged
from posegrid.walkers.render.renderer import Rendered

SIZE = 64
MILD = MaskFaults(
    edges=(0.0, 0.0, 0.0, 0.0),
    limit_levels=20.0,
    shadow_levels=60.0,
    level=0.5,
    wave_share=0.0,
    lump_share=0.0,
    joining=1.0,
    takes_in_others=False,
    flicker_px=(0, 0),
)
WHOLE = np.array([0.0, 0.0, SIZE, SIZE])


def scene(person: float = 0.6, wall: float = 0.1) -> tuple[Rendered, np.ndarray]:
    """A block of a person before a wall; its lower half is as bright as the wall."""
    coverage = np.zeros((SIZE, SIZE), np.float32)
    coverage[10:54, 24:40] = 1
    behind = np.full((SIZE, SIZE, 3), wall, np.float32)
    light = behind.copy()
    light[10:32, 24:40] = person
    return Rendered(light, coverage), behind


def mask_of(faults: MaskFaults, box: np.ndarray = WHOLE, seed: int = 0) -> np.ndarray:
    return faulty_mask(*scene(), faults, box, 1.0, np.random.default_rng(seed))


def test_holes_come_where_the_person_looks_like_the_scene() -> None:
    mask = mask_of(MILD)
    assert mask[12:30, 26:38].all()
    assert not mask[35:54].any()
    assert not mask[:, :20].any()


def test_nothing_is_found_outside_the_faulty_box() -> None:
    mask = mask_of(MILD, np.array([0.0, 20.0, SIZE, SIZE]))
    assert not mask[:19].any()
    assert mask[21:30, 26:38].all()


def test_something_is_added_where_the_box_reaches_too_far() -> None:
    ghost = mask_of(replace(MILD, edges=(0.2, 0.0, 0.0, 0.0)), np.array([14.0, 10.0, 40.0, 54.0]))
    assert ghost[:, 14:23].sum() > 5
    assert not ghost[:, :13].any()


def test_a_box_cut_from_both_sides_is_still_a_box() -> None:
    faults = replace(MILD, edges=(-0.2, 0.0, -0.2, 0.0))
    np.testing.assert_allclose(faults.box(np.array([10.0, 0.0, 40.0, 100.0])), [20, 0, 30, 100])
    np.testing.assert_allclose(faults.box(np.array([10.0, 0.0, 30.0, 100.0])), [10, 0, 30, 100])


def test_a_dark_shadow_is_taken_in_and_a_light_one_forgiven() -> None:
    rendered, behind = scene()
    rendered.light[50:54, 2:24] = 0.06  # of 0.1: 18 levels darker
    for forgiven, there in ((5.0, True), (60.0, False)):
        faults = replace(MILD, shadow_levels=forgiven)
        mask = faulty_mask(rendered, behind, faults, WHOLE, 1.0, np.random.default_rng(0))
        assert mask[51:53, 5:20].any() == there


def test_a_person_who_is_all_but_lost_keeps_the_exact_mask() -> None:
    rendered, behind = scene(person=0.1)
    mask = faulty_mask(rendered, behind, MILD, WHOLE, 1.0, np.random.default_rng(0))
    np.testing.assert_array_equal(mask, rendered.mask)


def test_the_same_random_numbers_give_the_same_mask() -> None:
    wavy = replace(MILD, wave_share=0.5, lump_share=0.05)
    np.testing.assert_array_equal(mask_of(wavy, seed=3), mask_of(wavy, seed=3))
    assert (mask_of(wavy, seed=3) != mask_of(wavy, seed=4)).any()


def test_lumps_have_about_the_share_asked_for() -> None:
    lost = []
    for seed in range(200):
        mask = mask_of(replace(MILD, lump_share=0.05), seed=seed)
        lost.append(1 - mask[12:30, 26:38].mean())
    assert 0.02 < np.mean(lost) < 0.09


def test_so_many_crops_keep_their_exact_mask() -> None:
    rng = np.random.default_rng(0)
    drawn = [random_mask_faults(rng) for _ in range(2000)]
    assert np.mean([faults is None for faults in drawn]) == pytest.approx(CLEAN_SHARE, abs=0.03)
    edges = np.array([faults.edges for faults in drawn if faults])
    assert np.abs(np.median(edges, axis=0)).max() < 0.01
    assert edges.min() >= -0.2 and edges.max() <= 0.3


def test_averages_equal_the_slow_ones() -> None:
    values = np.random.default_rng(0).random((20, 20)).astype(np.float32)
    means = np.empty_like(values)
    averaged(values, 3, means)
    slow = [
        [values[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4].mean() for x in range(20)]
        for y in range(20)
    ]
    np.testing.assert_allclose(means, slow, atol=1e-5)
