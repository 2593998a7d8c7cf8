import numpy as np
import pytest
from people.plain_crops import cleaned_mask, crop_grey, crop_mask
from PIL import Image
from scipy import ndimage

from posegrid.body.camera import Camera
from posegrid.errors import ShardError, SourceError
from posegrid.people.crop import (
    Silhouette,
    box_of,
    decode_image,
    decode_mask,
    encode_image,
    encode_mask,
    grey,
    hardened,
    person_crop,
    window_of_box,
)
from posegrid.video.picture import Picture


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def disc(height: int, width: int, centre_xy: np.ndarray, radius: float) -> np.ndarray:
    """White disc on black, drawn by exact distance from the pixel centres (at integer + 0.5)."""
    y, x = np.mgrid[:height, :width] + 0.5
    return np.hypot(x - centre_xy[0], y - centre_xy[1]) <= radius


def centre_of_light(crop: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]] + 0.5
    weight = crop.astype(float) / crop.sum()
    return np.array([(x * weight).sum(), (y * weight).sum()])


def test_the_box_of_one_pixel_is_half_open():
    mask = np.zeros((5, 6), dtype=bool)
    mask[2, 3] = True
    assert box_of(mask).tolist() == [3, 2, 4, 3]


def test_an_empty_mask_has_no_box():
    assert box_of(np.zeros((5, 6), dtype=bool)) is None


def test_the_largest_component_stays_and_specks_go():
    mask = np.zeros((20, 20), dtype=bool)
    mask[2:8, 2:8] = True
    mask[8, 8] = True  # touches by a corner
    mask[15:17, 15:18] = True
    kept = cleaned_mask(mask)
    assert kept[:9, :9].sum() == 37
    assert not kept[10:].any()


def test_holes_are_filled_and_bays_are_not():
    mask = np.zeros((12, 12), dtype=bool)
    mask[1:10, 1:10] = True
    hole, bay = (slice(3, 6), slice(3, 6)), (slice(7, 10), slice(4, 6))
    mask[hole] = False
    mask[bay] = False
    filled = cleaned_mask(mask)
    assert filled[hole].all()
    assert not filled[bay].any()


def test_a_hole_in_a_person_cut_by_the_edge_is_filled_but_a_gap_at_the_edge_is_not():
    mask = np.ones((10, 10), dtype=bool)
    mask[4:6, 4:6] = False
    mask[8:, 4:6] = False
    cleaned = cleaned_mask(mask)
    assert cleaned[4:6, 4:6].all()
    assert not cleaned[8:, 4:6].any()


def test_cleaning_twice_is_cleaning_once():
    mask = np.random.default_rng(3).random((60, 50)) < 0.55
    once = cleaned_mask(mask)
    assert np.array_equal(cleaned_mask(once), once)
    assert not cleaned_mask(np.zeros((4, 4), dtype=bool)).any()


def test_the_window_is_square_round_the_centre():
    window = window_of_box(np.array([10.0, 20.0, 30.0, 100.0]), margin=0.25)
    assert window.tolist() == [20 - 50, 60 - 50, 100]


def test_a_box_without_area_is_refused():
    with pytest.raises(SourceError, match="no area"):
        window_of_box(np.array([3.0, 3.0, 3.0, 3.0]), margin=0.1)


def test_grey_is_itu_601():
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], dtype=np.uint8)
    assert grey(colours).tolist() == [[76, 150, 29, 255]]


def test_a_whole_pixel_window_at_its_own_size_is_copied_exactly():
    image = noise(60, 80)
    crop = crop_grey(image, None, np.array([7.0, 11.0, 32.0]), 32)
    assert np.array_equal(crop, grey(image)[11:43, 7:39])


def test_what_lies_outside_the_picture_is_black():
    image = np.full((40, 40, 3), 200, dtype=np.uint8)
    crop = crop_grey(image, None, np.array([-16.0, 24.0, 32.0]), 32)
    assert (crop[:16, 16:] == 200).all()
    assert (crop[:, :16] == 0).all()
    assert (crop[16:] == 0).all()
    assert not crop_grey(image, None, np.array([500.0, -900.0, 32.0]), 16).any()


def test_masked_pixels_are_black_and_do_not_leak():
    image = np.full((60, 60, 3), 255, dtype=np.uint8)
    image[20:40, 20:40] = 40
    mask = np.zeros((60, 60), dtype=bool)
    mask[20:40, 20:40] = True
    for window, size in ((np.array([10.3, 9.7, 41.0]), 16), (np.array([10.3, 9.7, 41.0]), 128)):
        assert crop_grey(image, mask, window, size).max() == 40


WINDOWS = [(35.0, 22.0, 300.0), (-60.5, -40.25, 420.7), (150.2, 120.8, 97.3), (120.0, 90.0, 60.0)]


@pytest.mark.parametrize("window", WINDOWS)
def test_a_crop_is_a_camera(window):
    """A disc drawn where a 3D point projects is found, in the crop, where the crop's camera
    projects the point.
    """
    camera = Camera(
        (1145.0, 1143.0), (170.0, 160.0), (360, 340), distortion=(-0.2, 0.24, -0.002, -0.001, 0.002)
    )
    crop_camera = camera.windowed(np.array(window), 128)
    point = crop_camera.rays(np.array([[75.0, 61.0]])) * 4000.0
    image = np.repeat(
        disc(340, 360, camera.project(point)[0], 9.0)[..., None] * np.uint8(255), 3, axis=2
    )
    found = centre_of_light(crop_grey(image, None, np.array(window), 128))
    assert np.abs(found - crop_camera.project(point)[0]).max() < 0.25


@pytest.mark.parametrize(("width", "height"), [(40, 120), (120, 40), (61, 99)])
def test_the_person_is_centred_and_keeps_its_aspect(width, height):
    mask = np.zeros((200, 200), dtype=bool)
    mask[30 : 30 + height, 45 : 45 + width] = True
    image = np.full((200, 200, 3), 255, dtype=np.uint8)
    crop = crop_grey(image, mask, window_of_box(box_of(mask), margin=0.2), 96)
    assert np.abs(centre_of_light(crop) - 48).max() < 0.05
    wide, high = (crop > 127).any(axis=0).sum(), (crop > 127).any(axis=1).sum()
    assert wide == pytest.approx(80 * width / max(width, height), abs=1.01)
    assert high == pytest.approx(80 * height / max(width, height), abs=1.01)


def test_reducing_averages_instead_of_picking_pixels():
    stripes = np.zeros((256, 256, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    crop = crop_grey(stripes, None, np.array([64.0, 64.0, 128.0]), 32)
    assert np.abs(crop.astype(int) - 127).max() <= 6


def test_png_is_exact_and_jpeg_is_near():
    y, x = np.mgrid[:64, :64]
    image = (127 + 60 * np.sin(x / 9) + 60 * np.cos(y / 7)).astype(np.uint8)
    assert np.array_equal(decode_image(encode_image(image, "png")), image)
    lossy = encode_image(image, "jpeg", quality=90)
    assert np.abs(decode_image(lossy).astype(int) - image).max() < 12
    assert len(lossy) < len(encode_image(image, "png"))


def test_pictures_in_colour_come_back_with_their_colours_first():
    image = noise(32, 32)
    back = decode_image(encode_image(np.moveaxis(image, -1, 0), "png"))
    assert np.array_equal(back, np.moveaxis(image, -1, 0))


def test_a_crop_in_colour_has_the_pictures_colours():
    image = np.zeros((40, 50, 3), np.uint8)
    image[:, :25], image[:, 25:] = [200, 40, 10], [20, 90, 220]
    everybody = Silhouette(None, (0, 0), 1, (50, 40))
    window = np.array([9.0, -8.0, 32.0])
    crop = person_crop(Picture.from_rgb(image), everybody, window, 32, "colour")
    assert crop.shape == (3, 32, 32) and not crop[:, :8].any()
    assert np.abs(crop[:, 8:, :16] - np.array([200, 40, 10])[:, None, None]).max() <= 2
    assert np.abs(crop[:, 8:, 16:] - np.array([20, 90, 220])[:, None, None]).max() <= 2
    beside = person_crop(Picture.from_rgb(image), everybody, window + [500, 0, 0], 32, "colour")
    assert beside.shape == (3, 32, 32) and not beside.any()


def test_bytes_that_are_no_crop_are_refused(tmp_path):
    image = noise(32, 32)
    Image.fromarray(image).convert("CMYK").save(tmp_path / "printed.jpeg")
    with pytest.raises(ShardError, match="mode CMYK"):
        decode_image((tmp_path / "printed.jpeg").read_bytes())
    png, jpeg = encode_image(image[..., 0], "png"), encode_image(image[..., 0], "jpeg")
    for data in (b"", b"no picture", png[:200], jpeg[:200]):
        with pytest.raises(ShardError, match="cannot be decoded"):
            decode_image(data)


def test_cleaning_is_what_scipy_makes_of_the_whole_picture():
    """A law over random masks, from sparse to dense, in both memory orders; ties go to either
    part.
    """
    rng = np.random.default_rng(3)
    num_holed = 0
    for _ in range(400):
        mask = rng.random(rng.integers(1, 24, 2)) < rng.choice([0.02, 0.3, 0.5, 0.7, 0.95])
        mask = np.asfortranarray(mask) if rng.random() < 0.5 else mask
        cleaned, (labels, count) = cleaned_mask(mask), ndimage.label(mask, np.ones((3, 3)))
        filled = [ndimage.binary_fill_holes(labels == n) for n in range(1, count + 1)]
        sizes = [np.count_nonzero(labels == n) for n in range(1, count + 1)]
        largest = [part for part, size in zip(filled, sizes, strict=True) if size == max(sizes)]
        assert (
            any(np.array_equal(cleaned, part) for part in largest) if count else not cleaned.any()
        )
        num_holed += any(
            np.count_nonzero(part) > size for part, size in zip(filled, sizes, strict=True)
        )
    assert num_holed > 50


def test_masks_come_back_from_their_bytes_bit_for_bit():
    level = noise(33, 21)[..., 0]
    assert np.array_equal(decode_mask(encode_mask(level)), level)
    assert np.array_equal(decode_mask(encode_mask(hardened(level))), hardened(level))
    assert len(encode_mask(hardened(level))) < 0.3 * len(encode_mask(level)), "a bit a pixel"
    with pytest.raises(ShardError, match="one bit per pixel"):
        decode_mask(encode_image(np.moveaxis(noise(8, 8), -1, 0), "png"))


def test_the_masks_crop_is_where_half_of_a_pixel_is_covered():
    mask = np.zeros((40, 40), dtype=bool)
    mask[10:30, 10:24] = True
    window = np.array([0.0, 0.0, 40.0])
    assert np.array_equal(crop_mask(mask, window, 40), mask)
    assert np.array_equal(crop_mask(mask, window, 20), mask[::2, ::2])
