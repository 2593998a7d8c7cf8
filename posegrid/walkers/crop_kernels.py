"""Compiled loops of `crops.py`."""

import numpy as np
from numba import njit


@njit(cache=True, fastmath=True, nogil=True)
def projected_bounds(points, rotation, centre, focal, principal, distortion):
    """Least and greatest column and row (x0, y0, x1, y1) of world points in a picture; NaN if one
    is not in front.

    The camera's numbers and formula are those of `body/camera.py`.
    """
    k1, k2, k3, p1, p2 = distortion
    x0, y0, x1, y1 = 1e9, 1e9, -1e9, -1e9
    for i in range(points.shape[0]):
        dx, dy, dz = points[i, 0] - centre[0], points[i, 1] - centre[1], points[i, 2] - centre[2]
        depth = rotation[2, 0] * dx + rotation[2, 1] * dy + rotation[2, 2] * dz
        if depth <= 0:
            return np.full(4, np.nan)
        x = (rotation[0, 0] * dx + rotation[0, 1] * dy + rotation[0, 2] * dz) / depth
        y = (rotation[1, 0] * dx + rotation[1, 1] * dy + rotation[1, 2] * dz) / depth
        r2 = x * x + y * y
        factor = 1 + r2 * (k1 + r2 * (k2 + r2 * k3)) + p1 * y + p2 * x
        column = focal[0] * (x * factor + p2 * r2) + principal[0]
        row = focal[1] * (y * factor + p1 * r2) + principal[1]
        x0, y0, x1, y1 = min(x0, column), min(y0, row), max(x1, column), max(y1, row)
    return np.array([x0, y0, x1, y1])


@njit(cache=True, fastmath=True, nogil=True)
def divide_by_coverage(light, coverage):
    """Turn light that is mixed with black (H, W, 3) into the light of what covers (0..1) each
    pixel, in place.
    """
    for row in range(light.shape[0]):
        for column in range(light.shape[1]):
            share = coverage[row, column]
            if 0 < share < 1:
                for channel in range(3):
                    light[row, column, channel] /= share


@njit(cache=True, fastmath=True, nogil=True)
def multiply_by_coverage(image, coverage):
    """Mix a picture (H, W, 3) uint8 with black where it is not covered (0..1), in place."""
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            share = coverage[row, column]
            if share < 1:
                for channel in range(3):
                    image[row, column, channel] = np.uint8(
                        image[row, column, channel] * share + np.float32(0.5)
                    )
