"""Compiled loops of the renderer: skinning, projection, rasteriser, shading. Nothing here knows about people.

A picture is drawn in two steps. `rasterise` finds, for each of 2 x 2 samples per pixel, the triangle in front (its
index, -1 where there is none). `shade` then computes one colour per triangle and pixel, adds the floor's shadow to the
background and blends the two by coverage. Arrays are float32 and C-ordered unless said otherwise; lengths are mm.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

ONE = np.float32(1)
HALF = np.float32(0.5)
NOISE_SIZE = 32
"""The noise volume repeats after so many steps in each direction; a power of two."""
LUMA_STEPS = 4096
SHADOW_OFFSET_MM = np.float32(15.0)
"""Points are lifted off their own surface by this much before the shadow map is asked: it hides the map's steps."""
SHADOW_BIAS_MM = np.float32(10.0)
WRINKLES_PER_MM = (np.float32(0.048), np.float32(0.048), np.float32(0.075))
"""Steps of the noise volume per mm: folds are longer across than along the body."""

(RED, GREEN, BLUE, RED_2, GREEN_2, BLUE_2, PATTERN, PATTERN_PER_MM, WRINKLE, GLOSS, MOTTLE, MOTTLE_PER_MM) = range(12)
"""Columns of a row of materials: colour, the pattern's colour, the pattern and its frequency, strength of wrinkles and
of gloss, strength and frequency of mottling."""
PLAIN, HOOPS, STRIPES, CHECKS, CAMOUFLAGE, PRINT = range(6)


class Mesh(NamedTuple):
    """A posed person, as `shade` needs it. V vertices, F faces."""

    screen: np.ndarray  # (V, 3) sample column, sample row, 1 / depth
    faces: np.ndarray  # (F, 3) int32
    positions: np.ndarray  # (V, 3) world
    normals: np.ndarray  # (V, 3) world, not normalised
    rest: np.ndarray  # (V, 3) at rest: where patterns and wrinkles are fixed
    material: np.ndarray  # (V,) uint8, row of `materials`
    materials: np.ndarray  # (M, 12)
    tint: np.ndarray  # (V,) factor on the colour
    wrinkle: np.ndarray  # (V,) factor on the material's wrinkles
    openness: np.ndarray  # (V,) share of the ambient light that arrives, at rest


class Lamp(NamedTuple):
    """A distant key light with its shadow map, a fill light, ambient light."""

    towards: np.ndarray  # (3,) unit vector to the key light
    fill: np.ndarray  # (3,) unit vector to the fill light
    key_share: np.float32
    fill_share: np.float32
    ambient_share: np.float32
    rotation: np.ndarray  # (3, 3) world to the light's frame, z along its rays
    centre: np.ndarray  # (3,) world point in the middle of the map
    texels_per_mm: np.float32
    depths: np.ndarray  # (S, S) negative distance along the rays of what is nearest; -inf: nothing
    floor_box: np.ndarray  # (4,) x low, x high, y low, y high of the shadow on the floor z = 0
    floor_darkening: np.float32  # share of the floor's light taken in full shadow


class Lens(NamedTuple):
    """A camera with the formula of `body/camera.py`."""

    rotation: np.ndarray  # (3, 3) world to camera
    centre: np.ndarray  # (3,) world
    focal: np.ndarray  # (2,) pixels
    principal: np.ndarray  # (2,) pixels
    distortion: np.ndarray  # (5,) k1 k2 k3 p1 p2


@njit(cache=True, fastmath=True, nogil=True)
def skin(rest, rest_normals, weights, bones, rotations, shifts, positions, normals):
    """Linear blend skinning: each vertex by the weighted mean of its bones' motions x -> R x + t."""
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
            positions[i, r] = blend[r, 0] * x + blend[r, 1] * y + blend[r, 2] * z + blend[r, 3]
            normals[i, r] = blend[r, 0] * nx + blend[r, 1] * ny + blend[r, 2] * nz


@njit(cache=True, fastmath=True, nogil=True)
def add_face_normals(vertices, faces, normals):
    """Add each face's normal, as long as twice its area, to its three vertices."""
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        x1, y1, z1 = (vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2])
        x2, y2, z2 = (vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2])
        nx, ny, nz = y1 * z2 - z1 * y2, z1 * x2 - x1 * z2, x1 * y2 - y1 * x2
        for v in (a, b, c):
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz


@njit(cache=True, fastmath=True, nogil=True)
def project(points, lens, screen):
    """Columns, rows (pixels) and 1 / depth of world points; 1 / depth is 0 for points not in front of the camera."""
    R = lens.rotation
    k1, k2, k3, p1, p2 = lens.distortion
    for i in range(points.shape[0]):
        dx, dy, dz = points[i, 0] - lens.centre[0], points[i, 1] - lens.centre[1], points[i, 2] - lens.centre[2]
        depth = R[2, 0] * dx + R[2, 1] * dy + R[2, 2] * dz
        if depth < 50:
            screen[i, 2] = 0
            continue
        inverse = ONE / depth
        x = (R[0, 0] * dx + R[0, 1] * dy + R[0, 2] * dz) * inverse
        y = (R[1, 0] * dx + R[1, 1] * dy + R[1, 2] * dz) * inverse
        r2 = x * x + y * y
        factor = ONE + r2 * (k1 + r2 * (k2 + r2 * k3)) + p1 * y + p2 * x
        screen[i, 0] = lens.focal[0] * (x * factor + p2 * r2) + lens.principal[0]
        screen[i, 1] = lens.focal[1] * (y * factor + p1 * r2) + lens.principal[1]
        screen[i, 2] = inverse


@njit(cache=True, fastmath=True, nogil=True)
def project_along_light(points, rotation, centre, texels_per_mm, size, screen):
    """Columns and rows (texels of a size x size map) and negative distance along the rays, of world points."""
    for i in range(points.shape[0]):
        dx, dy, dz = points[i, 0] - centre[0], points[i, 1] - centre[1], points[i, 2] - centre[2]
        for r in range(3):
            screen[i, r] = rotation[r, 0] * dx + rotation[r, 1] * dy + rotation[r, 2] * dz
        screen[i, 0] = screen[i, 0] * texels_per_mm + HALF * size
        screen[i, 1] = screen[i, 1] * texels_per_mm + HALF * size
        screen[i, 2] = -screen[i, 2]


@njit(cache=True, fastmath=False, nogil=True)
def rasterise(screen, faces, two_sided, nearness, front):
    """Draw triangles: `front` gets the index of the nearest one at each sample, `nearness` its third coordinate.

    `nearness` starts below every value that counts, `front` at -1. Sample centres lie at integer + 0.5. A front face
    turns clockwise in the picture; back faces are drawn only where `two_sided` is true.
    """
    height, width = nearness.shape
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        z0, z1, z2 = screen[a, 2], screen[b, 2], screen[c, 2]
        if z0 == 0 or z1 == 0 or z2 == 0:
            continue
        x0, y0, x1, y1, x2, y2 = (screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1])
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


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def volume_noise(volume, x, y, z, channel):
    """The repeating volume (32, 32, 32, 4) at a point, interpolated between its steps."""
    floor_x, floor_y, floor_z = math.floor(x), math.floor(y), math.floor(z)
    last = NOISE_SIZE - 1
    i, j, k = int(floor_x) & last, int(floor_y) & last, int(floor_z) & last
    i1, j1, k1 = (i + 1) & last, (j + 1) & last, (k + 1) & last
    u, v, w = np.float32(x - floor_x), np.float32(y - floor_y), np.float32(z - floor_z)
    near_low = volume[i, j, k, channel] * (ONE - u) + volume[i1, j, k, channel] * u
    far_low = volume[i, j1, k, channel] * (ONE - u) + volume[i1, j1, k, channel] * u
    near_high = volume[i, j, k1, channel] * (ONE - u) + volume[i1, j, k1, channel] * u
    far_high = volume[i, j1, k1, channel] * (ONE - u) + volume[i1, j1, k1, channel] * u
    return (near_low * (ONE - v) + far_low * v) * (ONE - w) + (near_high * (ONE - v) + far_high * v) * w


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def lit_share(lamp, x, y, z):
    """How much of the key light (0..1) reaches a world point: four texels of the shadow map, interpolated."""
    R, size = lamp.rotation, lamp.depths.shape[0]
    dx, dy, dz = x - lamp.centre[0], y - lamp.centre[1], z - lamp.centre[2]
    column = (R[0, 0] * dx + R[0, 1] * dy + R[0, 2] * dz) * lamp.texels_per_mm + HALF * size - HALF
    row = (R[1, 0] * dx + R[1, 1] * dy + R[1, 2] * dz) * lamp.texels_per_mm + HALF * size - HALF
    limit = SHADOW_BIAS_MM - (R[2, 0] * dx + R[2, 1] * dy + R[2, 2] * dz)
    i, j = int(math.floor(column)), int(math.floor(row))
    if i < 0 or j < 0 or i >= size - 1 or j >= size - 1:
        return ONE
    u, v = np.float32(column - i), np.float32(row - j)
    share = np.float32(0)
    if lamp.depths[j, i] < limit:
        share += (ONE - u) * (ONE - v)
    if lamp.depths[j, i + 1] < limit:
        share += u * (ONE - v)
    if lamp.depths[j + 1, i] < limit:
        share += (ONE - u) * v
    if lamp.depths[j + 1, i + 1] < limit:
        share += u * v
    return share


@njit(cache=True, fastmath=True, nogil=True, inline="always")
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


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def triangle_colour(t, column, row, mesh, lamp, volume, eye, colour):
    """Fill `colour` (3) with the light that triangle t sends to the camera at a sample position."""
    a, b, c = mesh.faces[t, 0], mesh.faces[t, 1], mesh.faces[t, 2]
    s = mesh.screen
    inverse = ONE / ((s[b, 0] - s[a, 0]) * (s[c, 1] - s[a, 1]) - (s[c, 0] - s[a, 0]) * (s[b, 1] - s[a, 1]))
    dx, dy = column - s[c, 0], row - s[c, 1]
    w0 = ((s[b, 1] - s[c, 1]) * dx + (s[c, 0] - s[b, 0]) * dy) * inverse
    w1 = ((s[c, 1] - s[a, 1]) * dx + (s[a, 0] - s[c, 0]) * dy) * inverse
    w0 = min(max(w0, np.float32(0)), ONE)  # the pixel's centre may lie outside the triangle
    w1 = min(max(w1, np.float32(0)), ONE - w0)
    w2 = ONE - w0 - w1
    n, p, r = mesh.normals, mesh.positions, mesh.rest
    nx, ny, nz = (w0 * n[a, 0] + w1 * n[b, 0] + w2 * n[c, 0], w0 * n[a, 1] + w1 * n[b, 1] + w2 * n[c, 1], w0 * n[a, 2] + w1 * n[b, 2] + w2 * n[c, 2])  # fmt: skip
    px, py, pz = (w0 * p[a, 0] + w1 * p[b, 0] + w2 * p[c, 0], w0 * p[a, 1] + w1 * p[b, 1] + w2 * p[c, 1], w0 * p[a, 2] + w1 * p[b, 2] + w2 * p[c, 2])  # fmt: skip
    rx, ry, rz = (w0 * r[a, 0] + w1 * r[b, 0] + w2 * r[c, 0], w0 * r[a, 1] + w1 * r[b, 1] + w2 * r[c, 1], w0 * r[a, 2] + w1 * r[b, 2] + w2 * r[c, 2])  # fmt: skip
    length = ONE / math.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
    nx, ny, nz = nx * length, ny * length, nz * length
    vx, vy, vz = eye[0] - px, eye[1] - py, eye[2] - pz
    if nx * vx + ny * vy + nz * vz < 0:
        nx, ny, nz = -nx, -ny, -nz

    m = mesh.materials[mesh.material[a]]
    wrinkle = m[WRINKLE] * (w0 * mesh.wrinkle[a] + w1 * mesh.wrinkle[b] + w2 * mesh.wrinkle[c])
    if wrinkle > 0:
        ux, uy, uz = rx * WRINKLES_PER_MM[0], ry * WRINKLES_PER_MM[1], rz * WRINKLES_PER_MM[2]
        nx -= wrinkle * volume_noise(volume, ux, uy, uz, 0)
        ny -= wrinkle * volume_noise(volume, ux, uy, uz, 1)
        nz -= wrinkle * np.float32(1.5) * volume_noise(volume, ux, uy, uz, 2)
        length = ONE / math.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
        nx, ny, nz = nx * length, ny * length, nz * length

    L = lamp.towards
    facing = nx * L[0] + ny * L[1] + nz * L[2]
    key = np.float32(0)
    if facing > 0:
        lift = SHADOW_OFFSET_MM
        key = lamp.key_share * facing * lit_share(lamp, px + nx * lift, py + ny * lift, pz + nz * lift)
    openness = w0 * mesh.openness[a] + w1 * mesh.openness[b] + w2 * mesh.openness[c]
    fill = max(np.float32(0), HALF + HALF * (nx * lamp.fill[0] + ny * lamp.fill[1] + nz * lamp.fill[2]))
    soft = lamp.ambient_share * (np.float32(0.65) + np.float32(0.35) * nz) + lamp.fill_share * fill
    light = key + soft * openness

    tint = w0 * mesh.tint[a] + w1 * mesh.tint[b] + w2 * mesh.tint[c]
    if m[MOTTLE] > 0:
        f = m[MOTTLE_PER_MM]
        tint *= ONE + m[MOTTLE] * volume_noise(volume, rx * f, ry * f, rz * f, 3)
    first = RED
    if m[PATTERN] > 0 and in_pattern(volume, int(m[PATTERN]), m[PATTERN_PER_MM], rx, ry, rz):
        first = RED_2
    gloss = np.float32(0)
    if m[GLOSS] > 0 and key > 0:
        length = ONE / math.sqrt(vx * vx + vy * vy + vz * vz)
        hx, hy, hz = vx * length + L[0], vy * length + L[1], vz * length + L[2]
        length = ONE / math.sqrt(hx * hx + hy * hy + hz * hz + np.float32(1e-9))
        gloss = m[GLOSS] * key * max(np.float32(0), (nx * hx + ny * hy + nz * hz) * length) ** 16
    for channel in range(3):
        colour[channel] = m[first + channel] * tint * light + gloss


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def floor_light(column, row, lens, lamp):
    """Share of its light (0..1) that the background keeps at a pixel position, darkened where shadow meets the floor."""
    R = lens.rotation
    k1, k2, k3, p1, p2 = lens.distortion
    to_x = (column - lens.principal[0]) / lens.focal[0]
    to_y = (row - lens.principal[1]) / lens.focal[1]
    x, y = to_x, to_y
    for _ in range(4):
        r2 = x * x + y * y
        factor = ONE + r2 * (k1 + r2 * (k2 + r2 * k3)) + p1 * y + p2 * x
        x, y = x + to_x - (x * factor + p2 * r2), y + to_y - (y * factor + p1 * r2)
    down = R[0, 2] * x + R[1, 2] * y + R[2, 2]
    if down > np.float32(-1e-3):
        return ONE
    distance = -lens.centre[2] / down
    floor_x = lens.centre[0] + distance * (R[0, 0] * x + R[1, 0] * y + R[2, 0])
    floor_y = lens.centre[1] + distance * (R[0, 1] * x + R[1, 1] * y + R[2, 1])
    box = lamp.floor_box
    if floor_x < box[0] or floor_x > box[1] or floor_y < box[2] or floor_y > box[3]:
        return ONE
    S, size = lamp.rotation, lamp.depths.shape[0]
    dx, dy, dz = floor_x - lamp.centre[0], floor_y - lamp.centre[1], -lamp.centre[2]
    u = int((S[0, 0] * dx + S[0, 1] * dy + S[0, 2] * dz) * lamp.texels_per_mm + HALF * size)
    v = int((S[1, 0] * dx + S[1, 1] * dy + S[1, 2] * dz) * lamp.texels_per_mm + HALF * size)
    blocked = 0
    for j in range(v - 2, v + 3, 2):
        for i in range(u - 2, u + 3, 2):
            if i >= 0 and j >= 0 and i < size and j < size and lamp.depths[j, i] > -np.inf:
                blocked += 1
    return ONE - lamp.floor_darkening * np.float32(blocked) / np.float32(9)


@njit(cache=True, fastmath=False, nogil=True)
def shade(front, mesh, lens, lamp, volume, background, shadow_rows, picture, coverage):
    """Fill `picture` (S, S, 3), linear light, and `coverage` (S, S), 0..1, from the samples' triangles (2 S, 2 S).

    `lens` is the picture's camera at S x S pixels, `background` (S, S, 3) linear light. The floor's shadow is looked
    for in the half-open box `shadow_rows` (4,) int: left, top, right, bottom.
    """
    size = picture.shape[0]
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
                if t != last:
                    triangle_colour(
                        t, np.float32(2 * x + 1), np.float32(2 * y + 1), mesh, lamp, volume, lens.centre, colour
                    )
                    last = t
                r += colour[0]
                g += colour[1]
                b += colour[2]
            behind = ONE - quarter * covered
            if behind > 0:
                kept = behind
                if shadow_rows[0] <= x < shadow_rows[2] and shadow_rows[1] <= y < shadow_rows[3]:
                    kept *= floor_light(x + HALF, y + HALF, lens, lamp)
                picture[y, x, 0] = r * quarter + kept * background[y, x, 0]
                picture[y, x, 1] = g * quarter + kept * background[y, x, 1]
                picture[y, x, 2] = b * quarter + kept * background[y, x, 2]
            else:
                picture[y, x, 0], picture[y, x, 1], picture[y, x, 2] = r * quarter, g * quarter, b * quarter
            coverage[y, x] = ONE - behind


@njit(cache=True, fastmath=True, nogil=True)
def expose(picture, blur, table, noise, first_noise, exposed):
    """Fill `exposed` (H, W, 3) uint8 from linear light: blur by a 3 x 3 kernel, tone by the table, add noise.

    `blur`: weight (0..0.25) of each of the four neighbours; the diagonal ones weigh its square. `table`
    (LUMA_STEPS + 1): 0..255 for linear light 0..1. `noise` (N,): grey levels, taken in turn from `first_noise` on.
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
                    cross = picture[above, x, c] + picture[below, x, c] + picture[y, left, c] + picture[y, right, c]
                    diagonal = (
                        picture[above, left, c]
                        + picture[above, right, c]
                        + picture[below, left, c]
                        + picture[below, right, c]
                    )
                    value = centre * (value + blur * cross + corner * diagonal)
                value = table[int(min(max(value, np.float32(0)), ONE) * LUMA_STEPS)]
                if noise.shape[0] > 0:
                    value += noise[i]
                    i = i + 1 if i + 1 < noise.shape[0] else 0
                exposed[y, x, c] = np.uint8(min(max(value + HALF, np.float32(0)), np.float32(255)))
