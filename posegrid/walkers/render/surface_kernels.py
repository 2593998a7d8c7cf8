"""Compiled loops of the renderer: skinning, rasteriser, shading, sensor. Nothing here knows people.

A picture is drawn in two steps. `rasterise` finds, for each of 2 x 2 samples per pixel, the
triangle in front (its index, -1 where there is none). `shade` then computes one colour per material
and pixel, adds the floor's shadow to the background and blends the two by coverage. Arrays are
float32 and C-ordered unless said otherwise; lengths are mm.
"""

import math

import numpy as np
from numba import njit

from posegrid.walkers.render.light_kernels import (
    HALF,
    ONE,
    SHADOW_OFFSET_MM,
    floor_light,
    key_light,
    other_lights,
)

NOISE_SIZE = 32
"""The noise volume repeats after so many steps in each direction; a power of two."""
LUMA_STEPS = 4096
WRINKLES_PER_MM = (np.float32(0.048), np.float32(0.048), np.float32(0.075))
"""Steps of the noise volume per mm: folds are longer across than along the body."""

NUM_MATERIAL_NUMBERS = 12
(RED, GREEN, BLUE, RED_2, GREEN_2, BLUE_2) = range(6)
(PATTERN, PATTERN_PER_MM, WRINKLE, GLOSS, MOTTLE, MOTTLE_PER_MM) = range(6, NUM_MATERIAL_NUMBERS)
"""Columns of a row of materials: colour, the pattern's colour, the pattern and its frequency,
strength of wrinkles and of gloss, strength and frequency of mottling."""
PLAIN, HOOPS, STRIPES, CHECKS, CAMOUFLAGE, PRINT = range(6)

NUM_ATTRIBUTES = 12
(NORMAL, POSITION, REST, TINT, WRINKLES, OPENNESS) = (0, 3, 6, 9, 10, 11)
"""Columns of a posed person's attributes, one row per vertex: normal in the world (3, of any
length), position in the world (3), position at rest (3: where patterns and wrinkles are fixed),
factors on the colour and on the material's wrinkles, share of the ambient light that arrives."""


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def skin(rest, rest_normals, weights, bones, rotations, shifts, attributes):
    """Fill positions and normals by linear blend skinning: the bones' mean x -> R x + t."""
    blend = np.empty((3, 4), np.float32)
    for i in range(rest.shape[0]):
        blend[:] = 0
        for k in range(weights.shape[1]):
            w = weights[i, k]
            if w > 0:
                b = bones[i, k]
                for r in range(3):
                    for c in range(3):
                        blend[r, c] += w * rotations[b, r, c]
                    blend[r, 3] += w * shifts[b, r]
        x, y, z = rest[i, 0], rest[i, 1], rest[i, 2]
        nx, ny, nz = rest_normals[i, 0], rest_normals[i, 1], rest_normals[i, 2]
        for r in range(3):
            attributes[i, POSITION + r] = (
                blend[r, 0] * x + blend[r, 1] * y + blend[r, 2] * z + blend[r, 3]
            )
            attributes[i, NORMAL + r] = blend[r, 0] * nx + blend[r, 1] * ny + blend[r, 2] * nz


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def project_along_light(points, rotation, centre, texels_per_mm, size, screen):
    """Columns and rows (texels of a map) and negative distance along the rays, of world points."""
    for i in range(points.shape[0]):
        dx, dy, dz = points[i, 0] - centre[0], points[i, 1] - centre[1], points[i, 2] - centre[2]
        for r in range(3):
            screen[i, r] = rotation[r][0] * dx + rotation[r][1] * dy + rotation[r][2] * dz
        screen[i, 0] = screen[i, 0] * texels_per_mm + HALF * size
        screen[i, 1] = screen[i, 1] * texels_per_mm + HALF * size
        screen[i, 2] = -screen[i, 2]


@njit(cache=True, fastmath=False, error_model="numpy", nogil=True)
def rasterise(screen, faces, two_sided, nearness, front):
    """Draw triangles: `front` gets the index of the nearest one at each sample, `nearness` its
    third coordinate.

    `nearness` starts below every value that counts, `front` at -1. Sample centres lie at integer +
    0.5. A front face turns clockwise in the picture; back faces are drawn only where `two_sided` is
    true.
    """
    height, width = nearness.shape
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        z0, z1, z2 = screen[a, 2], screen[b, 2], screen[c, 2]
        if z0 == 0 or z1 == 0 or z2 == 0:
            continue
        x0, y0, x1, y1 = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
        x2, y2 = screen[c, 0], screen[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0 or (area > 0 and not two_sided[t]):
            continue
        left = max(0, math.ceil(max(min(x0, x1, x2), np.float32(-1)) - HALF))
        right = min(width - 1, math.floor(min(max(x0, x1, x2), np.float32(width + 1)) - HALF))
        top = max(0, math.ceil(max(min(y0, y1, y2), np.float32(-1)) - HALF))
        bottom = min(height - 1, math.floor(min(max(y0, y1, y2), np.float32(height + 1)) - HALF))
        if right < left or bottom < top:
            continue
        inverse = ONE / area
        step0_x, step0_y = (y1 - y2) * inverse, (x2 - x1) * inverse
        step1_x, step1_y = (y2 - y0) * inverse, (x0 - x2) * inverse
        for row in range(top, bottom + 1):
            dx, dy = np.float32(left) + HALF - x2, np.float32(row) + HALF - y2
            w0 = step0_x * dx + step0_y * dy
            w1 = step1_x * dx + step1_y * dy
            for column in range(left, right + 1):
                w2 = ONE - w0 - w1
                if w0 >= 0 and w1 >= 0 and w2 >= 0:
                    z = w0 * z0 + w1 * z1 + w2 * z2
                    if z > nearness[row, column]:
                        nearness[row, column] = z
                        front[row, column] = t
                w0 += step0_x
                w1 += step1_x


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True, inline="always")
def volume_noise(volume, x, y, z, channel):
    """The repeating volume (32, 32, 32, 4) at a point, interpolated between its steps."""
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    u, v, w = x - np.float32(i), y - np.float32(j), z - np.float32(k)
    last = NOISE_SIZE - 1
    i, j, k = i & last, j & last, k & last
    i1, j1, k1 = (i + 1) & last, (j + 1) & last, (k + 1) & last
    near_low = volume[i, j, k, channel] * (ONE - u) + volume[i1, j, k, channel] * u
    far_low = volume[i, j1, k, channel] * (ONE - u) + volume[i1, j1, k, channel] * u
    near_high = volume[i, j, k1, channel] * (ONE - u) + volume[i1, j, k1, channel] * u
    far_high = volume[i, j1, k1, channel] * (ONE - u) + volume[i1, j1, k1, channel] * u
    low, high = near_low * (ONE - v) + far_low * v, near_high * (ONE - v) + far_high * v
    return low * (ONE - w) + high * w


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True, inline="always")
def in_pattern(volume, pattern, per_mm, x, y, z):
    """Whether a point of the rest pose has the pattern's colour instead of the cloth's."""
    across = (x * np.float32(0.8) + y * np.float32(0.6)) * per_mm
    along = z * per_mm
    if pattern == HOOPS:
        return along - math.floor(along) < HALF
    if pattern == STRIPES:
        return across - math.floor(across) < HALF
    if pattern == CHECKS:
        return (along - math.floor(along) < HALF) != (across - math.floor(across) < HALF)
    if pattern == CAMOUFLAGE:
        return volume_noise(volume, x * per_mm, y * per_mm, along, 3) > 0
    on_chest = abs(x) < 110 and y < 0 and z > 1050 and z < 1250
    return on_chest and volume_noise(volume, x * per_mm, y * per_mm, along, 3) > np.float32(-0.1)


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True, inline="always")
def unit(x, y, z):
    """The vector at length 1."""
    inverse = ONE / math.sqrt(x * x + y * y + z * z + np.float32(1e-12))
    return x * inverse, y * inverse, z * inverse


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True, inline="always")
def interpolate(a, b, c, column, row, screen, attributes, mean):
    """Fill `mean` with a triangle's attributes at a sample position; outside, of its border."""
    x0, y0, x1, y1 = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
    x2, y2 = screen[c, 0], screen[c, 1]
    inverse = ONE / ((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0))
    dx, dy = column - x2, row - y2
    w0 = ((y1 - y2) * dx + (x2 - x1) * dy) * inverse
    w1 = ((y2 - y0) * dx + (x0 - x2) * dy) * inverse
    w0 = min(max(w0, np.float32(0)), ONE)
    w1 = min(max(w1, np.float32(0)), ONE - w0)
    w2 = ONE - w0 - w1
    for k in range(NUM_ATTRIBUTES):
        mean[k] = w0 * attributes[a, k] + w1 * attributes[b, k] + w2 * attributes[c, k]


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def surface_colour(at, materials, m, lamp, depths, volume, eye, colour):
    """Fill `colour` (3) with the light that a point of material m with attributes `at` sends on."""
    nx, ny, nz = unit(at[NORMAL], at[NORMAL + 1], at[NORMAL + 2])
    px, py, pz = at[POSITION], at[POSITION + 1], at[POSITION + 2]
    rx, ry, rz = at[REST], at[REST + 1], at[REST + 2]
    vx, vy, vz = unit(eye[0] - px, eye[1] - py, eye[2] - pz)
    if nx * vx + ny * vy + nz * vz < 0:
        nx, ny, nz = -nx, -ny, -nz

    wrinkle = materials[m, WRINKLE] * at[WRINKLES]
    if wrinkle > 0:
        ux, uy, uz = rx * WRINKLES_PER_MM[0], ry * WRINKLES_PER_MM[1], rz * WRINKLES_PER_MM[2]
        nx -= wrinkle * volume_noise(volume, ux, uy, uz, 0)
        ny -= wrinkle * volume_noise(volume, ux, uy, uz, 1)
        nz -= wrinkle * np.float32(1.5) * volume_noise(volume, ux, uy, uz, 2)
        nx, ny, nz = unit(nx, ny, nz)

    facing = nx * lamp.towards[0] + ny * lamp.towards[1] + nz * lamp.towards[2]
    x, y, z = px + nx * SHADOW_OFFSET_MM, py + ny * SHADOW_OFFSET_MM, pz + nz * SHADOW_OFFSET_MM
    key = lamp.key_share * key_light(lamp, depths, facing, x, y, z, at[OPENNESS])
    fill = HALF + HALF * (nx * lamp.fill[0] + ny * lamp.fill[1] + nz * lamp.fill[2])
    ambient = lamp.ambient_share * (np.float32(0.65) + np.float32(0.35) * nz)
    around = ambient + lamp.fill_share * fill + other_lights(lamp, nx, ny, nz)
    light = key + around * at[OPENNESS]

    per_mm = materials[m, MOTTLE_PER_MM]
    mottle = materials[m, MOTTLE] * volume_noise(volume, rx * per_mm, ry * per_mm, rz * per_mm, 3)
    albedo = at[TINT] * (ONE + mottle)
    first = RED
    pattern = int(materials[m, PATTERN])
    if pattern > 0 and in_pattern(volume, pattern, materials[m, PATTERN_PER_MM], rx, ry, rz):
        first = RED_2
    gloss = np.float32(0)
    if key > 0 and materials[m, GLOSS] > 0:
        hx, hy, hz = unit(vx + lamp.towards[0], vy + lamp.towards[1], vz + lamp.towards[2])
        shine = max(np.float32(0), nx * hx + ny * hy + nz * hz)
        for _ in range(4):
            shine *= shine
        gloss = materials[m, GLOSS] * key * shine
    for channel in range(3):
        colour[channel] = materials[m, first + channel] * albedo * light + gloss


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def shade(
    front, screen, faces, attributes, material, materials, view, lamp, depths, floor_map, volume,
    background, shadow_box, picture, coverage,
):  # fmt: skip
    """Fill `picture` (S, S, 3), linear light, and `coverage` (S, S), 0..1, from the samples'
    triangles (2 S, 2 S).

    screen (V, 3): vertices in samples, as `project` gives them; faces (F, 3) int32; attributes
    (V, 12); material (V,) uint8: row of materials (M, 12); view: the camera at S x S pixels;
    depths: the lamp's shadow map, negative distance along the rays of what is nearest, or
    NOTHING_MM; floor_map: see `floor_light`; volume: see `volume_noise`; background (S, S, 3):
    linear light. The floor's shadow is looked for in the half-open shadow_box (4,) int: left, top,
    right, bottom.
    """
    size = picture.shape[0]
    at = np.empty(NUM_ATTRIBUTES, np.float32)
    colour = np.empty(3, np.float32)
    quarter = np.float32(0.25)
    for y in range(size):
        for x in range(size):
            r = g = b = np.float32(0)
            covered, last = 0, -1
            for sample in range(4):
                t = front[2 * y + (sample >> 1), 2 * x + (sample & 1)]
                if t < 0:
                    continue
                covered += 1
                i, j, k = faces[t, 0], faces[t, 1], faces[t, 2]
                if material[i] != last:  # faster than one colour per triangle, without visible loss
                    last = material[i]
                    middle_x, middle_y = np.float32(2 * x + 1), np.float32(2 * y + 1)
                    interpolate(i, j, k, middle_x, middle_y, screen, attributes, at)
                    surface_colour(at, materials, last, lamp, depths, volume, view.centre, colour)
                r += colour[0]
                g += colour[1]
                b += colour[2]
            behind = ONE - quarter * np.float32(covered)
            kept = behind
            in_box = shadow_box[0] <= x < shadow_box[2] and shadow_box[1] <= y < shadow_box[3]
            if behind > 0 and in_box:
                column, row = np.float32(x) + HALF, np.float32(y) + HALF
                kept *= floor_light(column, row, view, lamp, depths, floor_map)
            picture[y, x, 0] = r * quarter + kept * background[y, x, 0]
            picture[y, x, 1] = g * quarter + kept * background[y, x, 1]
            picture[y, x, 2] = b * quarter + kept * background[y, x, 2]
            coverage[y, x] = ONE - behind


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def expose(picture, blur, table, noise, noise_levels, first_noise, exposed):
    """Fill `exposed` (H, W, 3) uint8 from linear light: blur by a 3 x 3 kernel, tone by the table,
    add noise.

    `blur`: weight (0..0.25) of each of the four neighbours; the diagonal ones weigh its square.
    `table` (LUMA_STEPS + 1): 0..255 for linear light 0..1. `noise` (N,), times `noise_levels`, is
    taken in turn from `first_noise` on.
    """
    height, width = picture.shape[:2]
    corner = blur * blur
    centre = ONE / (ONE + 4 * blur + 4 * corner)
    i = first_noise
    for y in range(height):
        above, below = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            for c in range(3):
                value = picture[y, x, c]
                if blur > 0:
                    cross = picture[above, x, c] + picture[below, x, c]
                    cross += picture[y, left, c] + picture[y, right, c]
                    diagonal = picture[above, left, c] + picture[above, right, c]
                    diagonal += picture[below, left, c] + picture[below, right, c]
                    value = centre * (value + blur * cross + corner * diagonal)
                value = table[int(min(max(value, np.float32(0)), ONE) * LUMA_STEPS)]
                if noise_levels > 0:
                    value += noise_levels * noise[i]
                    i = i + 1 if i + 1 < noise.shape[0] else 0
                exposed[y, x, c] = np.uint8(min(max(value + HALF, np.float32(0)), np.float32(255)))
