"""A picture as it was decoded gives the same reduced, picked and turned pixels as its RGB does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from video.films import smooth_colours, stored_frame, yuv_planes

from posegrid.video.picture import Picture, Turn

TURNS = [Turn(s, x, y) for s in (False, True) for x in (False, True) for y in (False, True)]


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_pixel_is_found_where_it_is_stored(turn):
    stored = np.arange(6 * 4).reshape(4, 6)
    shown = turn.shown(stored)
    height, width = shown.shape
    for y, x in np.ndindex(height, width):
        x0, y0, x1, y1 = turn.stored_box((x, y, x + 1, y + 1), (width, height))
        assert (x1 - x0, y1 - y0) == (1, 1) and stored[y0, x0] == shown[y, x]


@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        (None, Turn()),
        ([[1, 0], [0, 1]], Turn()),
        ([[0, 1], [-1, 0]], Turn(True, True, False)),
        ([[0, -1], [1, 0]], Turn(True, False, True)),
        ([[-1, 0], [0, -1]], Turn(False, True, True)),
        ([[-1, 0], [0, 1]], Turn(False, True, False)),
    ],
)
def test_a_display_matrix_is_a_turn(matrix, turn):
    assert Turn.of_matrix(None if matrix is None else np.array(matrix)) == turn


def test_a_quarter_turn_shows_the_stored_left_edge_on_top():
    """A telephone held upright: the stored point (x, y) is shown at (x, y) @ matrix = (-y, x),
    moved into view.
    """
    stored = np.array([[1, 2, 3], [4, 5, 6]])
    assert Turn.of_matrix(np.array([[0, 1], [-1, 0]])).shown(stored).tolist() == [
        [4, 1],
        [5, 2],
        [6, 3],
    ]


@pytest.mark.parametrize(
    "pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuvj420p", "rgb24", "nv12", "yuv420p10le"]
)
@pytest.mark.parametrize("turn", TURNS[::3])
def test_reduced_pixels_are_the_means_of_the_rgb(pixel_format, turn):
    frame = stored_frame(smooth_colours(), pixel_format, full=pixel_format in ("yuvj420p", "rgb24"))
    picture = Picture(frame, turn)
    width, height = picture.size_wh
    image = turn.shown(smooth_colours()).astype(float)
    assert picture.rgb().shape == (height, width, 3) == image.shape
    expected = image.reshape(height // 4, 4, width // 4, 4, 3).mean(axis=(1, 3))
    assert picture.reduced_rgb((0, 0, width, height), 4) == pytest.approx(
        np.moveaxis(expected, -1, 0), abs=8
    )
    luma = expected @ (0.299, 0.587, 0.114)
    assert picture.reduced_grey((0, 0, width, height), 4) == pytest.approx(luma, abs=4)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["601", "709", "2020", "240M"])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv422p10le"])
def test_colours_are_those_of_the_matrix_and_range_that_the_picture_states(
    matrix, full, pixel_format
):
    """Without heeding it, red of BT.709 is off by 20 of 255 when taken for BT.601's."""
    image = np.zeros((8, 48, 3), np.uint8)
    for place, colour in enumerate(
        [(200, 30, 40), (20, 200, 60), (30, 60, 220), (128, 128, 128), (250, 240, 20), (5, 5, 5)]
    ):
        image[:, 8 * place : 8 * place + 8] = colour
    picture = Picture(stored_frame(image, pixel_format, full=full, matrix=matrix))
    middles = image[4, 4::8].T
    assert picture.reduced_rgb((0, 0, 48, 8), 8)[:, 0] == pytest.approx(middles, abs=3)
    assert picture.picked_rgb(8, 4)[:, 0] == pytest.approx(middles, abs=3)
    luma = (0.299, 0.587, 0.114) @ middles.astype(float)
    assert picture.reduced_grey((0, 0, 48, 8), 8)[0] == pytest.approx(luma, abs=3)
    if matrix != "240M":  # FFmpeg itself takes it for BT.709
        assert np.abs(picture.rgb()[4, 4::8].T - middles.astype(int)).max() <= 4


@pytest.mark.parametrize("pixel_format", ["gray", "gray10le"])
@pytest.mark.parametrize("turn", TURNS[::3])
def test_a_grey_picture_is_grey_in_full_range(pixel_format, turn):
    image = np.repeat(smooth_colours()[..., :1], 3, axis=-1)
    frame = stored_frame(image, pixel_format, full=True)
    picture = Picture(frame, turn)
    shown = turn.shown(image)
    height, width = shown.shape[:2]
    assert picture.rgb() == pytest.approx(shown, abs=1)
    assert picture.reduced_grey((0, 0, width, height), 1) == pytest.approx(shown[..., 0], abs=1)
    rgb = picture.reduced_rgb((0, 0, width, height), 1)
    assert rgb == pytest.approx(np.moveaxis(shown, -1, 0), abs=1) and (rgb[0] == rgb[2]).all()
    assert (picture.picked_rgb(3, 1)[1] == picture.picked_rgb(3, 1)[0]).all()


@pytest.mark.parametrize(
    "pixel_format", ["yuv420p", "yuv420p10le", "yuv444p10le", "nv12", "gray10le"]
)
@pytest.mark.parametrize("size_wh", [(24, 16), (23, 15), (131, 77)])
def test_a_picture_gives_the_same_bits_each_time(pixel_format, size_wh):
    """Odd widths and 10 bits, too; memory in between is dirtied, so that none of it may count."""
    size_wh = (size_wh[0] & ~1, size_wh[1] & ~1) if pixel_format == "nv12" else size_wh
    rng, seen = np.random.default_rng(0), set()
    for _ in range(20):
        picture = Picture(stored_frame(smooth_colours(*size_wh), pixel_format))
        part = (1, 1, size_wh[0] - 2, size_wh[1] - 1)
        seen.add(
            picture.rgb().tobytes()
            + picture.reduced_rgb(part, 3).tobytes()
            + picture.reduced_grey(part, 2).tobytes()
            + picture.picked_rgb(5, 2).tobytes()
        )
        rng.bytes(int(rng.integers(10, 100_000)))
    assert len(seen) == 1


def test_the_planes_of_the_tests_are_those_of_the_standard():
    """ITU-R BT.601: white, black and pure red in video range."""
    rgb = np.array([[[1.0, 1, 1], [0, 0, 0], [1, 0, 0]]]).repeat(2, axis=0)
    y, cb, cr = yuv_planes(rgb, "yuv444p", full=False, matrix="601", bits=8)
    assert [y[0].tolist(), cb[0].tolist(), cr[0].tolist()] == [
        [235, 16, 81],
        [128, 128, 90],
        [128, 128, 240],
    ]


@given(st.integers(0, 20), st.integers(0, 12), st.integers(1, 4), st.sampled_from(TURNS))
def test_a_part_is_reduced_as_the_whole_is(x, y, factor, turn):
    picture = Picture(stored_frame(smooth_colours(), "yuv444p"), turn)
    width, height = picture.size_wh
    x0, y0 = (
        factor * (x // factor) % width // factor * factor,
        factor * (y // factor) % height // factor * factor,
    )
    whole = picture.reduced_grey((0, 0, width, height), factor)
    if (turn.flips_x and width % factor) or (turn.flips_y and height % factor):
        return  # what remains at the end then lies elsewhere
    part = picture.reduced_grey((x0, y0, width, height), factor)
    assert (part == whole[y0 // factor :, x0 // factor :]).all()


def test_what_remains_at_the_end_counts_too():
    image = np.zeros((5, 5, 3), np.uint8)
    image[4, 4] = 255
    reduced = Picture.from_rgb(image).reduced_grey((0, 0, 5, 5), 2)
    assert reduced.shape == (3, 3) and reduced[2, 2] == 255 and not reduced[:2, :2].any()


def test_picked_pixels_are_single_ones():
    picture = Picture(stored_frame(smooth_colours(), "yuv444p"))
    picked = picture.picked_rgb(5, 2)
    assert picked == pytest.approx(
        np.moveaxis(smooth_colours()[2::5, 2::5], -1, 0).astype(float), abs=4
    )


@pytest.mark.parametrize("full", [False, True])
def test_black_and_white_are_0_and_255_in_either_range(full):
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, 4:] = 255
    picture = Picture(stored_frame(image, "yuv420p", full=full))
    assert picture.reduced_grey((0, 0, 8, 4), 4).tolist() == [[0, 255]]
    assert picture.reduced_rgb((0, 0, 8, 4), 4) == pytest.approx(np.array([[[0, 255]]] * 3), abs=1)


@pytest.mark.parametrize(
    ("pixel_format", "full"),
    [
        ("yuv420p", False),
        ("yuv420p", True),
        ("yuvj420p", True),
        ("yuv444p", False),
        ("rgb24", True),
    ],
)
@pytest.mark.parametrize("turn", TURNS[::3])
def test_a_scaled_picture_and_its_windows_are_the_rgb_at_that_size(pixel_format, full, turn):
    frame = stored_frame(smooth_colours(96, 64), pixel_format, full=full)
    picture = Picture(frame, turn)
    width, height = picture.size_wh
    image = turn.shown(smooth_colours(96, 64)).astype(float)
    means = image.reshape(height // 4, 4, width // 4, 4, 3).mean(axis=(1, 3))
    scaled = picture.scaled_rgb((width // 4, height // 4))
    assert np.abs(scaled - means).max() < 6
    window = picture.window_rgb(np.array([0.0, 0.0, width, height]), (width // 4, height // 4))
    assert np.abs(window - means)[1:-1, 1:-1].max() < 6
    part = picture.window_rgb(np.array([8.0, 16.0, 40.0, 48.0]), (8, 8))
    assert np.abs(part - means[4:12, 2:10])[1:-1, 1:-1].max() < 6


def test_a_window_is_black_where_it_leaves_the_picture():
    white = Picture.from_rgb(np.full((20, 30, 3), 255, np.uint8))
    rgb = white.window_rgb(np.array([-10.0, 5.0, 20.0, 35.0]), (30, 30))
    assert (rgb[:15, 10:] > 250).all() and not rgb[:, :10].any() and not rgb[15:].any()
    assert not white.window_rgb(np.array([40.0, 0.0, 60.0, 10.0]), (8, 4)).any()
    assert not white.window_rgb(np.array([-20.0, 0.0, -1.0, 10.0]), (8, 4)).any()


def test_a_window_between_pixels_is_interpolated():
    ramp = np.repeat(np.arange(0, 160, 5, dtype=np.uint8)[None, :, None], 16, axis=0)
    picture = Picture.from_rgb(np.repeat(ramp, 3, axis=2))
    rgb = picture.window_rgb(np.array([8.5, 2.0, 16.5, 10.0]), (8, 8)).astype(float)
    assert np.abs(rgb[4, :, 0] - (5 * np.arange(8, 16) + 2.5)).max() < 2.1
