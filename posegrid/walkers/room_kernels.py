"""Compiled loops of `rooms.py`: what a camera sees of a box with textures."""

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy", nogil=True)
def undistort(points, distortion, tangential, widest):
    """Undo a lens's distortion of points (N, 2 or more), in place: `Camera.rays`, to the bit."""
    k1, k2, k3, p1, p2 = distortion
    for i in range(points.shape[0]):
        target_x, target_y = points[i, 0], points[i, 1]
        x, y = target_x, target_y
        for _ in range(20):
            r2 = x * x + y * y
            factor = 1 + r2 * (k1 + r2 * (k2 + r2 * k3)) + tangential * (p1 * y + p2 * x)
            x, y = x + (target_x - (x * factor + p2 * r2)), y + (target_y - (y * factor + p1 * r2))
            share = min(1.0, widest / max(np.sqrt(x * x + y * y), 1e-9))
            x, y = x * share, y * share
        points[i, 0], points[i, 1] = x, y


@njit(cache=True, fastmath=True, nogil=True)
def look_round(nodes, step, centre, low, high, texels, table, texel_mm, focal_px, picture):
    """Fill `picture` (height, width, 3) with the colours of the box's inside.

    nodes (rows, columns, 3): directions in the world at every `step`-th pixel corner; centre (3):
    the camera; low, high (3): the box; texels (N, 3): all textures, row by row; table (6, levels,
    3): first texel, rows, columns of each side's texture (side 2 * axis + (1 if it is the high
    one)) from fine to coarse.
    """
    height, width = picture.shape[:2]
    num_levels = table.shape[1]
    direction = np.empty(3, np.float32)
    point = np.empty(3, np.float32)
    for y in range(height):
        node_row = (y + np.float32(0.5)) / step
        row0 = min(int(node_row), nodes.shape[0] - 2)
        down = node_row - row0
        for x in range(width):
            node_column = (x + np.float32(0.5)) / step
            column0 = min(int(node_column), nodes.shape[1] - 2)
            right = node_column - column0
            distance = np.float32(np.inf)
            axis = 0
            for a in range(3):
                upper = nodes[row0, column0, a] * (1 - right) + nodes[row0, column0 + 1, a] * right
                lower = (
                    nodes[row0 + 1, column0, a] * (1 - right)
                    + nodes[row0 + 1, column0 + 1, a] * right
                )
                direction[a] = upper * (1 - down) + lower * down
                wall = high[a] if direction[a] > 0 else low[a]
                gap = wall - centre[a]
                if gap * direction[a] > 0 and gap / direction[a] < distance:
                    distance = gap / direction[a]
                    axis = a
            for a in range(3):
                point[a] = centre[a] + distance * direction[a] - low[a]
            side = 2 * axis + (1 if direction[axis] > 0 else 0)
            level = int(
                np.log2(max(distance / focal_px / texel_mm, np.float32(1e-3))) + np.float32(0.5)
            )
            level = min(max(level, 0), num_levels - 1)
            first, rows, columns = (
                table[side, level, 0],
                table[side, level, 1],
                table[side, level, 2],
            )
            size = texel_mm * (1 << level)
            u = point[1 if axis == 0 else 0] / size - np.float32(0.5)
            v = point[1 if axis == 2 else 2] / size - np.float32(0.5)
            u = min(max(u, np.float32(0)), np.float32(columns - 1.001))
            v = min(max(v, np.float32(0)), np.float32(rows - 1.001))
            i, j = int(u), int(v)
            u -= i
            v -= j
            corner = first + j * columns + i
            for c in range(3):
                upper = texels[corner, c] * (1 - u) + texels[corner + 1, c] * u
                lower = texels[corner + columns, c] * (1 - u) + texels[corner + columns + 1, c] * u
                picture[y, x, c] = upper * (1 - v) + lower * v
