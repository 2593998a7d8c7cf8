"""Compiled loops of textures: each does what the same line of NumPy does, to the bit, in one
pass.
"""

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy", nogil=True)
def colour_in(shade, colour, painted):
    """Fill `painted` (rows, columns, 3) with the colour (3) times the shade (rows, columns)."""
    for y in range(shade.shape[0]):
        for x in range(shade.shape[1]):
            for c in range(3):
                painted[y, x, c] = colour[c] * shade[y, x]


@njit(cache=True, error_model="numpy", nogil=True)
def light_up(painted, light):
    """Multiply `painted` (rows, columns, 3) by the light (rows, columns), in place."""
    for y in range(light.shape[0]):
        for x in range(light.shape[1]):
            for c in range(3):
                painted[y, x, c] *= light[y, x]


@njit(cache=True, error_model="numpy", nogil=True)
def halve(fine, coarse):
    """Fill `coarse` (rows, columns, 3) with the means of 2 x 2 elements of `fine`, float32."""
    for y in range(coarse.shape[0]):
        for x in range(coarse.shape[1]):
            for c in range(3):
                total = fine[2 * y, 2 * x, c] + fine[2 * y + 1, 2 * x, c]
                total = total + fine[2 * y, 2 * x + 1, c] + fine[2 * y + 1, 2 * x + 1, c]
                coarse[y, x, c] = total / np.float32(4)
