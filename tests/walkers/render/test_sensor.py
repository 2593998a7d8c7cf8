"""From light to a stored picture: the sensor, faults of video, and H.264: the same bits always."""

import numpy as np
import pytest

from posegrid.walkers.render.sensor import (
    Degradation,
    Sensor,
    a_moment_before,
    coded,
    degraded,
    expose,
    random_degradation,
)
from posegrid.walkers.render.textures import fractal

SIZE = 64
PERSON = np.pad(np.ones((40, 20), np.float32), ((12, 12), (22, 22)))


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
        degraded(image, Degradation(quantiser=34, shift_px=shift), person)
        for shift in ((0.0, 0.0), (5.3, 1.7))
    )
    changed = np.abs(still.astype(int) - moved)[..., 0]
    assert changed[person > 0].mean() > 2 * changed[:, 56:].mean()


def test_three_crops_of_ten_are_video_and_two_are_jpeg() -> None:
    rng = np.random.default_rng(0)
    drawn = [random_degradation(rng) for _ in range(2000)]
    assert 0.27 < np.mean([each.quantiser is not None for each in drawn]) < 0.33
    assert 0.18 < np.mean([each.quality is not None for each in drawn]) < 0.24
    assert not any(each.quality is not None and each.quantiser is not None for each in drawn)


def test_no_degradation_changes_nothing_and_poor_video_little_on_average() -> None:
    rng = np.random.default_rng(0)
    image = (
        (fractal(rng, (SIZE, SIZE), 32)[..., None] * [30, 30, 30] + 128)
        .clip(0, 255)
        .astype(np.uint8)
    )
    np.testing.assert_array_equal(degraded(image, Degradation(), PERSON), image)
    poor = degraded(image, Degradation(scale=0.5, quality=30, smear=0.05), PERSON)
    assert poor.shape == image.shape
    assert 1 < np.abs(poor.astype(int) - image).mean() < 25
    for _ in range(20):
        assert degraded(image, random_degradation(rng), PERSON).dtype == np.uint8


def test_smear_is_the_mean_along_its_direction() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    image[10, 10] = 200
    across = degraded(image, Degradation(smear=0.2), PERSON[:20, :20])
    assert (across[10, 8:12] == 50).all() and across.sum() == 600


def test_the_sensor_follows_the_srgb_curve() -> None:
    grey = np.full((4, 4, 3), 0.2140, np.float32)
    assert np.unique(expose(grey)).tolist() == [127]
    assert np.unique(expose(grey, Sensor(exposure=2.0))).tolist() == [175]


def test_noise_has_the_strength_asked_for_and_the_same_seed_repeats_it() -> None:
    grey = np.full((100, 100, 3), 0.2, np.float32)
    first, second = (
        expose(grey, Sensor(noise_levels=4.0), np.random.default_rng(1)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    assert first.astype(float).std() == pytest.approx(4, rel=0.05)
    assert len(np.unique(expose(grey, Sensor(noise_levels=4.0)))) == 1


def test_blur_keeps_the_light_and_spreads_it() -> None:
    dot = np.zeros((5, 5, 3), np.float32)
    dot[2, 2] = 1
    exposed = expose(dot, Sensor(blur=0.25))
    assert exposed[2, 2, 0] < 255 and exposed[2, 1, 0] == exposed[1, 2, 0] > exposed[1, 1, 0] > 0
