"""A mask kept small says the same as the mask of the whole picture; and the crop cut with it."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from people.plain_crops import crop_grey, crop_mask

from posegrid.people.crop import Silhouette, box_of, hardened, person_crop
from posegrid.video.picture import Picture


def silhouette_of(
    mask: np.ndarray, corner: tuple[int, int], factor: int, size_wh: tuple[int, int]
) -> Silhouette:
    """Of a mask whose grid begins at a corner counted in its own cells."""
    corner_px = (float(corner[0] * factor), float(corner[1] * factor))
    return Silhouette(mask * np.uint8(255), corner_px, factor, size_wh)


def test_a_lone_pixel_has_the_box_of_its_square():
    mask = np.zeros((4, 5), bool)
    mask[1, 2] = True
    silhouette = silhouette_of(mask, (10, 20), 3, (100, 100))
    assert silhouette.box_xyxy.tolist() == [36, 63, 39, 66]


def test_a_box_ends_with_the_picture():
    silhouette = silhouette_of(np.ones((2, 2), bool), (2, 1), 3, (11, 8))
    assert silhouette.box_xyxy.tolist() == [6, 3, 11, 8]


def test_an_empty_mask_has_no_box():
    assert np.isnan(silhouette_of(np.zeros((2, 2), bool), (0, 0), 2, (8, 8)).box_xyxy).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_the_box_is_that_of_the_mask_of_the_whole_picture(seed, factor):
    rng = np.random.default_rng(seed)
    mask = rng.random((5, 6)) < 0.3
    mask[2, 3] = True
    size = (int(rng.integers(9 * factor - factor + 1, 9 * factor + 1)), 8 * factor)
    silhouette = silhouette_of(mask, (3, 2), factor, size)
    whole = silhouette.in_picture()
    assert whole.shape == size[::-1]
    assert silhouette.box_xyxy == pytest.approx(box_of(whole), abs=1), "corners are rounded off"


def test_a_square_of_the_masks_own_pixels_is_a_copy():
    mask = np.random.default_rng(0).random((6, 6)) < 0.5
    square = silhouette_of(mask, (2, 3), 4, (60, 60)).square(8, 12, 4, 6)
    assert (square == 255 * mask).all() and square.dtype == np.uint8


def test_what_lies_off_the_mask_is_nobodys():
    square = silhouette_of(np.ones((2, 2), bool), (2, 2), 2, (20, 20)).square(0, 0, 2, 8)
    assert square[2:4, 2:4].all() and square.sum() == 4 * 255


@pytest.mark.parametrize("window", [(4.0, 2.0, 32.0), (-6.5, 3.25, 40.0), (10.0, 8.0, 20.0)])
def test_the_crop_is_that_of_training_where_nothing_is_reduced(window):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (48, 64, 3), np.uint8)
    image[...] = image[..., :1]
    mask = np.zeros((48, 64), bool)
    mask[10:40, 20:44] = True
    silhouette = silhouette_of(mask[5:45, 15:50], (15, 5), 1, (64, 48))
    crop = person_crop(Picture.from_rgb(image), silhouette, np.array(window), 32, "removed")
    assert crop == pytest.approx(crop_grey(image, mask, np.array(window), 32).astype(float), abs=2)


def test_a_large_windows_crop_is_nearly_that_of_training():
    y, x = np.mgrid[:240, :320]
    image = np.repeat(
        (128 + 100 * np.sin(x / 17) * np.cos(y / 13)).astype(np.uint8)[..., None], 3, axis=-1
    )
    mask = (np.abs(x - 150) < 60) & (np.abs(y - 120) < 90)
    silhouette = silhouette_of(mask[::2, ::2], (0, 0), 2, (320, 240))
    window = np.array([40.0, 10.0, 220.0])
    crop = person_crop(Picture.from_rgb(image), silhouette, window, 32, "removed")
    truth = crop_grey(image, mask, window, 32)
    assert np.abs(crop.astype(float) - truth).mean() < 3


def test_kept_masked_and_removed_are_one_crop():
    image = np.full((40, 40, 3), 90, np.uint8)
    silhouette = silhouette_of(np.ones((10, 20), bool), (10, 15), 1, (40, 40))
    window = np.array([4.0, 4.0, 32.0])
    kept, removed, masked, in_colour, both = (
        person_crop(Picture.from_rgb(image), silhouette, window, 16, how)
        for how in ("kept", "removed", "masked", "colour", "masked_colour")
    )
    assert (kept == 90).all() and masked.shape == (2, 16, 16)
    assert (masked[0] == kept).all() and set(np.unique(masked[1]).tolist()) == {0, 255}
    assert (removed[masked[1] == 0] < 60).all() and (removed[8, 6:12] == 90).all()
    assert (both == [*in_colour, masked[1]]).all() and both.shape == (4, 16, 16)


def test_a_window_off_the_picture_is_black():
    silhouette = silhouette_of(np.ones((4, 4), bool), (0, 0), 1, (40, 40))
    crop = person_crop(
        Picture.from_rgb(np.full((40, 40, 3), 90, np.uint8)),
        silhouette,
        np.array([60.0, 0, 20]),
        8,
        "kept",
    )
    assert not crop.any()


def test_a_soft_mask_between_pixels_is_cut_where_it_is_half_sure():
    """A ramp from 0 to 255 over 8 cells of 2.5 pixels: 128 is reached at cell 3.52 (its middle)."""
    level = np.tile(np.linspace(0, 255, 8).round().astype(np.uint8), (8, 1))
    silhouette = Silhouette(level, (10.0, 20.0), 2.5, (40, 50))
    mask = silhouette.in_picture()
    edge = 10 + 2.5 * (3.52 + 0.5)
    assert box_of(mask)[0] == pytest.approx(edge, abs=0.6)
    assert silhouette.box_xyxy[0] == 10 + 2.5 * 4, "a cell is theirs or not"


@given(st.floats(0.3, 3.0), st.floats(-5, 5), st.floats(-5, 5))
def test_a_disc_has_its_area_and_place_in_cells_of_any_size(cell, x, y):
    count = int(40 / cell)
    rows, columns = (np.mgrid[:count, :count] + 0.5) * cell
    level = np.clip(128 + 60 * (14 - np.hypot(columns - 20, rows - 20)), 0, 255).astype(np.uint8)
    mask = Silhouette(level, (30 + x, 25 + y), cell, (90, 80)).in_picture()
    assert mask.sum() == pytest.approx(np.pi * 14**2, rel=0.08)
    assert np.argwhere(mask).mean(axis=0) + 0.5 == pytest.approx([45 + y, 50 + x], abs=0.4)


def test_the_masks_of_prediction_and_training_are_cut_alike():
    mask = np.zeros((60, 80), bool)
    mask[12:50, 20:44] = True
    silhouette = Silhouette(mask[10:55, 15:50] * np.uint8(255), (15.0, 10.0), 1, (80, 60))
    window = np.array([5.0, 3.0, 56.0])
    image = Picture.from_rgb(np.full((60, 80, 3), 90, np.uint8))
    crop = person_crop(image, silhouette, window, 28, "masked")
    assert (crop[1] > 0).tolist() == crop_mask(mask, window, 28).tolist()


def test_a_soft_crop_says_how_sure_the_mask_is():
    """A ramp of levels, 8 to a pixel, over a window that halves it: means of neighbours."""
    level = np.tile((8 * np.arange(32)).astype(np.uint8), (32, 1))
    silhouette = Silhouette(level, (0.0, 0.0), 1, (32, 32))
    image = Picture.from_rgb(np.full((32, 32, 3), 90, np.uint8))
    cut = partial(person_crop, image, silhouette, np.array([0.0, 0.0, 32.0]))
    soft, hard = cut(16, "masked", soft=True)[1], cut(16, "masked")[1]
    inner = np.tile(16 * np.arange(1, 15) + 4, (12, 1))
    assert soft[2:-2, 1:-1] == pytest.approx(inner, abs=1)
    assert (hardened(soft) == hard)[2:-2, 1:-1].all() and set(np.unique(hard).tolist()) == {0, 255}
    assert (cut(16, "removed", soft=True) == cut(16, "removed")).all()
