"""Compiled loops on pictures.

Textures of places (each as the same line of NumPy, to the bit), what a camera sees of a place,
video's colour planes (whole numbers: the same bits everywhere), masks.
"""

import math

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
                lower = nodes[row0 + 1, column0, a] * (1 - right)
                lower += nodes[row0 + 1, column0 + 1, a] * right
                direction[a] = upper * (1 - down) + lower * down
                wall = high[a] if direction[a] > 0 else low[a]
                gap = wall - centre[a]
                if gap * direction[a] > 0 and gap / direction[a] < distance:
                    distance = gap / direction[a]
                    axis = a
            for a in range(3):
                point[a] = centre[a] + distance * direction[a] - low[a]
            side = 2 * axis + (1 if direction[axis] > 0 else 0)
            per_texel = max(distance / focal_px / texel_mm, np.float32(1e-3))
            level = min(max(int(np.log2(per_texel) + np.float32(0.5)), 0), num_levels - 1)
            first, rows, columns = table[side, level]
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
                r, g = np.int64(image[i, j, 0]), np.int64(image[i, j, 1])
                b = np.int64(image[i, j, 2])
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


ONE = np.float32(1)


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def unlikeness_to_scene(light, behind, coverage, limit, shadow_limit, score):
    """Fill `score` (S, S): how unlike the empty scene each pixel is; 1 = as unlike as a person's,
    most 1.6.

    light, behind: linear RGB (S, S, 3) with and without the person. Tone is taken as the square
    root of light. Off the person only the shadow on the floor differs, of which a difference below
    `shadow_limit` (of 255) is forgiven.
    """
    size = score.shape[0]
    for y in range(size):
        for x in range(size):
            unlike = np.float32(0)
            for c in range(3):
                seen = math.sqrt(min(max(light[y, x, c], np.float32(0)), ONE))
                scene = math.sqrt(min(max(behind[y, x, c], np.float32(0)), ONE))
                unlike = max(unlike, abs(seen - scene))
            unlike *= np.float32(255)
            if coverage[y, x] == 0:
                unlike = max(unlike - shadow_limit, np.float32(0))
            score[y, x] = min(unlike / limit, np.float32(1.6))


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def averaged(values, reach, means):
    """Fill `means` (S, S) with averages over squares of 2 reach + 1 pixels, cut off at the edge."""
    size = values.shape[0]
    sums = np.zeros((size + 1, size + 1), np.float32)
    for y in range(size):
        row = np.float32(0)
        for x in range(size):
            row += values[y, x]
            sums[y + 1, x + 1] = sums[y, x + 1] + row
    for y in range(size):
        top, bottom = max(y - reach, 0), min(y + reach + 1, size)
        for x in range(size):
            left, right = max(x - reach, 0), min(x + reach + 1, size)
            total = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
            means[y, x] = total / np.float32((bottom - top) * (right - left))


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True, inline="always")
def smooth_at(nodes, x, y):
    """A field of nodes at x, y in 0..1, bilinear."""
    last = nodes.shape[0] - 1
    u, v = x * np.float32(last), y * np.float32(last)
    i, j = min(int(u), last - 1), min(int(v), last - 1)
    a, b = u - np.float32(i), v - np.float32(j)
    upper = nodes[j, i] + a * (nodes[j, i + 1] - nodes[j, i])
    lower = nodes[j + 1, i] + a * (nodes[j + 1, i + 1] - nodes[j + 1, i])
    return upper + b * (lower - upper)


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def outlined(score, level, waves, wave_share, patches, lump_from, hole_to, near, box, mask):
    """Fill `mask` (S, S) float32 with 1 where the score reaches the level, wavy, with lumps near
    the person and holes.

    waves, patches: nodes of smooth fields of standard deviation about 1; box: nothing is found
    outside x0, y0, x1, y1 (pixels), whose edge is as wavy as the outline.
    """
    size = mask.shape[0]
    step = ONE / np.float32(size)
    for y in range(size):
        for x in range(size):
            wave = smooth_at(waves, np.float32(x) * step, np.float32(y) * step)
            found = score[y, x] > level * max(ONE + wave_share * wave, np.float32(0.1))
            if found or near[y, x] > np.float32(0.02):
                patch = smooth_at(patches, np.float32(x) * step, np.float32(y) * step)
                found = (found or patch > lump_from) and patch > hole_to
                reach = np.float32(0.8) * wave
                inside = box[0] - reach <= x < box[2] + reach
                found = found and inside and box[1] - reach <= y < box[3] + reach
            mask[y, x] = ONE if found else np.float32(0)


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def closed_and_sampled(found, means, most, first_x, first_y, block, mask):
    """Fill `mask` (S, S) bool: what was found or lies mostly among it, in square blocks.

    The blocks start at first_x, first_y. means: averages of `found`; a pixel whose average exceeds
    `most` is taken in.
    """
    size = mask.shape[0]
    for y in range(size):
        v = y
        if block > 1:
            v = int(first_y + (math.floor((y + 0.5 - first_y) / block) + 0.5) * block)
            v = min(max(v, 0), size - 1)
        for x in range(size):
            u = x
            if block > 1:
                u = int(first_x + (math.floor((x + 0.5 - first_x) / block) + 0.5) * block)
                u = min(max(u, 0), size - 1)
            mask[y, x] = found[v, u] > 0 or means[v, u] > most


@njit(cache=True, fastmath=True, nogil=True)
def divide_by_coverage(light, coverage):
    """Turn light mixed with black (H, W, 3) into that of what covers each pixel (0..1), in place."""
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
                    mixed = image[row, column, channel] * share + np.float32(0.5)
                    image[row, column, channel] = np.uint8(mixed)
