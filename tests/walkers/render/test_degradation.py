"""Crops through H.264: nothing at its best, blocks at its worst, the same bits always."""

import numpy as np
import pytest

from posegrid.walkers.render.degradation import (
    Footage,
    a_moment_before,
    coded,
    degraded,
    random_footage,
)
from posegrid.walkers.render.textures import fractal

SIZE = 64


def picture(*, grey: bool, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    bands = [fractal(rng, (SIZE, SIZE), 24) for _ in range(3)]
    field = np.stack([bands[0]] * 3 if grey else bands, axis=-1)
    return (128 + 35 * field).clip(0, 255).astype(np.uint8)


def disc() -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE]
    return (np.hypot(x - 30, y - 32) < 12).astype(np.float32)


def test_grey_pictures_pass_the_best_quality_unchanged() -> None:
    image = picture(grey=True)
    np.testing.assert_array_equal(coded(image, image, 0, (5, 11)), image)
    assert np.abs(coded(image, image, 8, (5, 11)).astype(int) - image).max() <= 2


def test_colours_lose_only_what_halving_them_loses() -> None:
    image = picture(grey=False)
    luma, seen = (values @ [0.299, 0.587, 0.114] for values in (image, coded(image, image, 0)))
    assert np.abs(luma - seen).mean() < 1.5
    flat = np.broadcast_to(np.uint8([200, 60, 30]), (SIZE, SIZE, 3)).copy()
    assert np.abs(coded(flat, flat, 4).astype(int) - flat).max() <= 3


def test_a_coarser_quantiser_costs_more_and_the_same_one_is_the_same() -> None:
    image = picture(grey=True)
    before = a_moment_before(image, disc(), (2.3, -0.6))
    seen = [coded(image, before, quantiser, (3, 9)) for quantiser in (10, 22, 31, 40)]
    errors = [np.abs(other.astype(int) - image).mean() for other in seen]
    assert errors == sorted(errors) and errors[0] < 2 and errors[-1] > 2 * errors[1]
    np.testing.assert_array_equal(coded(image, before, 31, (3, 9)), seen[2])


@pytest.mark.parametrize(
    ("height", "width", "corner"), [(64, 64, (0, 0)), (57, 57, (15, 1)), (7, 20, (3, 3))]
)
def test_any_size_and_place_of_the_blocks_will_do(
    height: int, width: int, corner: tuple[int, int]
) -> None:
    image = np.ascontiguousarray(picture(grey=True)[:height, :width])
    np.testing.assert_array_equal(coded(image, image, 0, corner), image)


def test_a_moment_before_the_person_was_elsewhere_and_the_rest_was_the_same() -> None:
    image, person = np.full((SIZE, SIZE, 3), 40, np.uint8), disc()
    image[person > 0] = 200
    before = a_moment_before(image, person, (6.0, 0.0))
    there = before[..., 0] > 120
    assert there[person > 0].all()
    assert np.nonzero(there)[1].max() == pytest.approx(np.nonzero(person)[1].max() + 6, abs=1)
    np.testing.assert_array_equal(a_moment_before(image, np.zeros_like(person), (6.0, 0.0)), image)


def test_a_still_background_keeps_more_than_a_moving_person() -> None:
    image, person = picture(grey=True), disc()
    still, moved = (
        degraded(image, Footage(quantiser=34, shift_px=shift), person)
        for shift in ((0.0, 0.0), (5.3, 1.7))
    )
    changed = np.abs(still.astype(int) - moved)[..., 0]
    assert changed[person > 0].mean() > 2 * changed[:, 56:].mean()


def test_three_crops_of_ten_are_video_and_two_are_jpeg() -> None:
    rng = np.random.default_rng(0)
    footage = [random_footage(rng) for _ in range(2000)]
    assert 0.27 < np.mean([each.quantiser is not None for each in footage]) < 0.33
    assert 0.18 < np.mean([each.quality is not None for each in footage]) < 0.24
    assert not any(each.quality is not None and each.quantiser is not None for each in footage)
