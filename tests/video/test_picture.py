"""A picture as it was decoded gives the same reduced, picked and turned pixels as its RGB does."""

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange
from hypothesis import given
from hypothesis import strategies as st

from posegrid.video.picture import Picture, Turn

TURNS = [Turn(s, x, y) for s in (False, True) for x in (False, True) for y in (False, True)]


def colours(width: int = 24, height: int = 16) -> np.ndarray:
    """Smooth colours, so that the coarse planes of 4:2:0 lose little."""
    y, x = np.mgrid[:height, :width]
    return np.stack([40 + 7 * x, 60 + 9 * y, 220 - 4 * x - 3 * y], axis=-1).astype(np.uint8)


def as_stored(image: np.ndarray, pixel_format: str, full: bool = False) -> av.VideoFrame:
    """The picture with the planes of a format, as a decoder leaves it."""
    colour_range = ColorRange.JPEG if full else ColorRange.MPEG
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
        format=pixel_format,
        dst_color_range=colour_range,
        dst_colorspace=av.video.reformatter.Colorspace.ITU601,
    )
    frame.color_range = colour_range
    return frame


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
    frame = as_stored(colours(), pixel_format, full=pixel_format in ("yuvj420p", "rgb24"))
    picture = Picture(frame, turn)
    width, height = picture.size_wh
    image = turn.shown(colours()).astype(float)
    assert picture.rgb().shape == (height, width, 3) == image.shape
    expected = image.reshape(height // 4, 4, width // 4, 4, 3).mean(axis=(1, 3))
    assert picture.reduced_rgb((0, 0, width, height), 4) == pytest.approx(
        np.moveaxis(expected, -1, 0), abs=8
    )
    luma = expected @ (0.299, 0.587, 0.114)
    assert picture.reduced_grey((0, 0, width, height), 4) == pytest.approx(luma, abs=4)


@given(st.integers(0, 20), st.integers(0, 12), st.integers(1, 4), st.sampled_from(TURNS))
def test_a_part_is_reduced_as_the_whole_is(x, y, factor, turn):
    picture = Picture(as_stored(colours(), "yuv444p"), turn)
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
    picture = Picture(as_stored(colours(), "yuv444p"))
    picked = picture.picked_rgb(5, 2)
    assert picked == pytest.approx(np.moveaxis(colours()[2::5, 2::5], -1, 0).astype(float), abs=4)


@pytest.mark.parametrize("full", [False, True])
def test_black_and_white_are_0_and_255_in_either_range(full):
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, 4:] = 255
    picture = Picture(as_stored(image, "yuv420p", full))
    assert picture.reduced_grey((0, 0, 8, 4), 4).tolist() == [[0, 255]]
    assert picture.reduced_rgb((0, 0, 8, 4), 4) == pytest.approx(np.array([[[0, 255]]] * 3), abs=1)
