"""Crops by the plain definition, of whole RGB pictures and whole masks: what the package's are
compared with.
"""

import numpy as np
from PIL import Image

from posegrid.people.crop import cleaned_part, grey


def cleaned_mask(mask: np.ndarray) -> np.ndarray:
    """What `cleaned_part` keeps, as a mask of the whole picture."""
    cleaned = np.zeros(mask.shape, dtype=bool)
    pixels, (x, y) = cleaned_part(mask)
    cleaned[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    return cleaned


def crop_grey(
    image_rgb: np.ndarray, mask: np.ndarray | None, window: np.ndarray, size: int
) -> np.ndarray:
    """The window (x0, y0, side) of the picture, grey, at size x size; black outside the mask and the
    picture.

    The mask is applied before the resizing, so that no background leaks in over the person's edge.
    The resizing averages over all source pixels; a window of side = size at whole pixels is copied
    exactly.
    """
    x0, y0, side = (float(v) for v in window)
    # One filter radius more than the window, so that its border is filtered as its inside is.
    reach = int(np.ceil(max(side / size, 1.0)))
    left, top = int(np.floor(x0)) - reach, int(np.floor(y0)) - reach
    canvas = _square(image_rgb, mask, left, top, int(np.ceil(side)) + 2 * reach + 1)
    box = (x0 - left, y0 - top, x0 - left + side, y0 - top + side)
    how = Image.Resampling.HAMMING if side > size else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(canvas).resize((size, size), how, box=box))


def crop_mask(mask: np.ndarray, window: np.ndarray, size: int) -> np.ndarray:
    """The window of a person's mask at size x size: True where it covers half of a pixel or more."""
    white = np.full((*mask.shape, 3), 255, np.uint8)
    return crop_grey(white, mask, window, size) >= 128


def _square(
    image_rgb: np.ndarray, mask: np.ndarray | None, left: int, top: int, side: int
) -> np.ndarray:
    """The picture's grey pixels from (left, top) on, side x side; black outside the picture and the
    mask.
    """
    height, width = image_rgb.shape[:2]
    rows = slice(min(max(top, 0), height), max(min(top + side, height), 0))
    columns = slice(min(max(left, 0), width), max(min(left + side, width), 0))
    square = np.zeros((side, side), dtype=np.uint8)
    part = image_rgb[rows, columns]
    if part.size:
        pixels = grey(part)
        if mask is not None:
            pixels = np.where(mask[rows, columns], pixels, np.uint8(0))
        y, x = rows.start - top, columns.start - left
        square[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    return square
