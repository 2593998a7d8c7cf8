"""Compiled loops of `codec.py`, in whole numbers: the same bits everywhere."""

import numpy as np
from numba import njit

SHARES = 1 << 16
LUMA = (19595, 38470, 7471)
"""ITU-R BT.601, full range, as JPEG has it, in parts of SHARES."""
BLUE, RED = (-11059, -21709, 32768), (32768, -27439, -5329)


@njit(cache=True, nogil=True)
def to_planes(image, left, top, planes):
    """Fill `planes` (3 / 2 H, W) uint8 with luma and below it the two halved colours of an RGB
    image (h, w, 3) in it.

    The image starts at column left and row top; its borders are repeated outwards.
    """
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    colours = planes[height:].reshape(2, height // 2, width // 2)
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            blue = red = 2 * SHARES  # rounds the mean of four
            for corner in range(4):
                row, column = y + (corner >> 1), x + (corner & 1)
                i = min(max(row - top, 0), image.shape[0] - 1)
                j = min(max(column - left, 0), image.shape[1] - 1)
                r, g, b = (
                    np.int64(image[i, j, 0]),
                    np.int64(image[i, j, 1]),
                    np.int64(image[i, j, 2]),
                )
                planes[row, column] = (LUMA[0] * r + LUMA[1] * g + LUMA[2] * b + SHARES // 2) >> 16
                blue += BLUE[0] * r + BLUE[1] * g + BLUE[2] * b
                red += RED[0] * r + RED[1] * g + RED[2] * b
            colours[0, y // 2, x // 2] = min(max((blue >> 18) + 128, 0), 255)
            colours[1, y // 2, x // 2] = min(max((red >> 18) + 128, 0), 255)


@njit(cache=True, nogil=True)
def from_planes(planes, left, top, image):
    """Fill an RGB image (h, w, 3) from the planes of `to_planes`."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    colours = planes[height:].reshape(2, height // 2, width // 2)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            row, column = y + top, x + left
            luma = SHARES * np.int64(planes[row, column]) + SHARES // 2
            blue = np.int64(colours[0, row // 2, column // 2]) - 128
            red = np.int64(colours[1, row // 2, column // 2]) - 128
            image[y, x, 0] = min(max((luma + 91881 * red) >> 16, 0), 255)
            image[y, x, 1] = min(max((luma - 22554 * blue - 46802 * red) >> 16, 0), 255)
            image[y, x, 2] = min(max((luma + 116130 * blue) >> 16, 0), 255)


@njit(cache=True, nogil=True)
def move_person(image, coverage, shift_x, shift_y, grown, moved):
    """Fill `moved` (S, S, 3) with the image and, over it, the person a little elsewhere and larger.

    The person is where coverage (S, S) is at least a half. Shifts are in 256ths of a pixel;
    `grown`: 256ths by which a pixel is smaller in what is copied, about the middle.
    """
    size = image.shape[0]
    middle = size * 128
    for y in range(size):
        from_y = middle + (y * 256 - middle) * (256 - grown) // 256 - shift_y
        i, v = from_y >> 8, from_y & 255
        for x in range(size):
            from_x = middle + (x * 256 - middle) * (256 - grown) // 256 - shift_x
            j, u = from_x >> 8, from_x & 255
            inside = 0 <= i < size - 1 and 0 <= j < size - 1
            if inside and coverage[i + (v >> 7), j + (u >> 7)] >= 0.5:
                for c in range(3):
                    upper = (256 - u) * image[i, j, c] + u * image[i, j + 1, c]
                    lower = (256 - u) * image[i + 1, j, c] + u * image[i + 1, j + 1, c]
                    moved[y, x, c] = ((256 - v) * upper + v * lower + 32768) >> 16
            else:
                for c in range(3):
                    moved[y, x, c] = image[y, x, c]
