"""The inner loops of scenes: views of panoramas and rooms, furniture of boxes, people pasted with
their coverage.

Pictures are float32 levels 0..255, RGB. Cameras stand at (0, 0, height) above the floor z = 0 of a
world in mm, z up; `rot` takes world to camera (x right, y down, z forward); pixels have unit aspect
and no distortion.
"""

import math

import numba
import numpy as np

_jit = numba.njit(cache=True, fastmath=True, nogil=True)

LEVELS = 6
"""Of a texture's pyramid: 128, 64, ... 4 texels."""
TEXTURE_SIDE = 128
RAY_STEP = 8
TONE_STEPS = 4096
"""Of a tone curve's table, over levels 0..256."""


@_jit
def _place_in_panorama(x, y, rot, high, wide):  # type: ignore[no-untyped-def]
    """Column and row of an equirectangular picture for a ray of the camera (x, y, 1)."""
    wx = rot[0, 0] * x + rot[1, 0] * y + rot[2, 0]
    wy = rot[0, 1] * x + rot[1, 1] * y + rot[2, 1]
    wz = rot[0, 2] * x + rot[1, 2] * y + rot[2, 2]
    column = (0.5 - math.atan2(wy, wx) / (2 * math.pi)) * wide - 0.5
    row = (0.5 - math.atan2(wz, math.sqrt(wx * wx + wy * wy)) / math.pi) * high - 0.5
    return column, row


@_jit
def view_panorama(panorama, rot, focal, centre_x, centre_y, out):  # type: ignore[no-untyped-def]
    """What a camera sees of an equirectangular picture (h, w, 3).

    Rays are computed at every eighth pixel of a row and interpolated in between.
    """
    high, wide = panorama.shape[0], panorama.shape[1]
    for y in range(out.shape[0]):
        cy = (y + 0.5 - centre_y) / focal
        u1, v1 = _place_in_panorama((0.5 - centre_x) / focal, cy, rot, high, wide)
        for start in range(0, out.shape[1], RAY_STEP):
            u0, v0 = u1, v1
            u1, v1 = _place_in_panorama(
                (start + RAY_STEP + 0.5 - centre_x) / focal, cy, rot, high, wide
            )
            turn = u1 - u0
            turn -= wide * math.floor(turn / wide + 0.5)
            for x in range(start, min(start + RAY_STEP, out.shape[1])):
                share = (x - start) / RAY_STEP
                u, v = u0 + share * turn, v0 + share * (v1 - v0)
                column, row = math.floor(u), math.floor(v)
                fu, fv = np.float32(u - column), np.float32(v - row)
                left, right = column % wide, (column + 1) % wide
                top, bottom = min(max(row, 0), high - 1), min(max(row + 1, 0), high - 1)
                for c in range(3):
                    upper = panorama[top, left, c] * (1 - fu) + panorama[top, right, c] * fu
                    lower = panorama[bottom, left, c] * (1 - fu) + panorama[bottom, right, c] * fu
                    out[y, x, c] = upper * (1 - fv) + lower * fv


@_jit
def _texel(pyramids, which, a, b, tile_mm, footprint_mm, out3):  # type: ignore[no-untyped-def]
    """A repeating texture at a place (mm), of the level whose texels are about as large as a
    pixel's footprint.
    """
    side, start, level = TEXTURE_SIDE, 0, 0
    while level < LEVELS - 1 and tile_mm / side < footprint_mm:
        start += side * side * 3
        side //= 2
        level += 1
    column, row = (math.floor(a / tile_mm * side) % side, math.floor(b / tile_mm * side) % side)
    at = start + (row * side + column) * 3
    out3[0], out3[1], out3[2] = (
        pyramids[which, at],
        pyramids[which, at + 1],
        pyramids[which, at + 2],
    )


@_jit
def view_room(  # type: ignore[no-untyped-def]  # noqa: C901
    rot, focal, centre_x, centre_y, height, half, surfaces, patches, lamp, pyramids, out
):
    """What a camera sees of a box of a room about it.

    half: x0 x1 y0 y1 of the walls, ceiling's height. surfaces (6, 5): RGB, texture or -1, tile mm,
    in the order floor, ceiling, x0, x1, y0, y1. patches (P, 9): surface, a0, a1, b0, b1, RGB,
    texture. lamp: x y z, reach mm, ambient share.
    """
    texel = np.empty(3, np.float32)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            cx, cy = (x + 0.5 - centre_x) / focal, (y + 0.5 - centre_y) / focal
            wx = rot[0, 0] * cx + rot[1, 0] * cy + rot[2, 0]
            wy = rot[0, 1] * cx + rot[1, 1] * cy + rot[2, 1]
            wz = rot[0, 2] * cx + rot[1, 2] * cy + rot[2, 2]
            near, side = 1e12, 0
            if wz < -1e-6 and -height / wz < near:
                near, side = -height / wz, 0
            if wz > 1e-6 and (half[4] - height) / wz < near:
                near, side = (half[4] - height) / wz, 1
            if wx < -1e-6 and half[0] / wx < near:
                near, side = half[0] / wx, 2
            if wx > 1e-6 and half[1] / wx < near:
                near, side = half[1] / wx, 3
            if wy < -1e-6 and half[2] / wy < near:
                near, side = half[2] / wy, 4
            if wy > 1e-6 and half[3] / wy < near:
                near, side = half[3] / wy, 5
            px, py, pz = wx * near, wy * near, height + wz * near
            a = px if side < 2 or side >= 4 else py
            b = py if side < 2 else pz
            red, green, blue = surfaces[side, 0], surfaces[side, 1], surfaces[side, 2]
            which, tile = int(surfaces[side, 3]), surfaces[side, 4]
            for p in range(patches.shape[0]):
                if (
                    int(patches[p, 0]) == side
                    and patches[p, 1] <= a < patches[p, 2]
                    and patches[p, 3] <= b < patches[p, 4]
                ):
                    red, green, blue = patches[p, 5], patches[p, 6], patches[p, 7]
                    which, tile = int(patches[p, 8]), 1200.0
            if which >= 0:
                _texel(pyramids, which, a, b, tile, near / focal * 1.5, texel)
                red, green, blue = (
                    red * texel[0] / 128,
                    green * texel[1] / 128,
                    blue * texel[2] / 128,
                )
            dx, dy, dz = px - lamp[0], py - lamp[1], pz - lamp[2]
            bright = lamp[4] + (1 - lamp[4]) / (
                1 + (dx * dx + dy * dy + dz * dz) / (lamp[3] * lamp[3])
            )
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = red * bright, green * bright, blue * bright


@_jit
def paste_boxes(
    image, cover, boxes, rot, focal, centre_x, centre_y, height, bounds, light, pyramids
):  # type: ignore[no-untyped-def]
    """Draws a thing of upright boxes; what it hides of people is taken from their coverage.

    boxes (B, 12): middle x y z, half sizes along its own axes, cos and sin of its turn, RGB,
    texture or -1. bounds: x0 y0 x1 y1, pixels. light: brightness of faces towards +x, +y, +z and of
    those turned away.
    """
    texel = np.empty(3, np.float32)
    for y in range(bounds[1], bounds[3]):
        for x in range(bounds[0], bounds[2]):
            cx, cy = (x + 0.5 - centre_x) / focal, (y + 0.5 - centre_y) / focal
            wx = rot[0, 0] * cx + rot[1, 0] * cy + rot[2, 0]
            wy = rot[0, 1] * cx + rot[1, 1] * cy + rot[2, 1]
            wz = rot[0, 2] * cx + rot[1, 2] * cy + rot[2, 2]
            nearest, hit, face, side = 1e12, -1, 0, 1.0
            for k in range(boxes.shape[0]):
                cos, sin = boxes[k, 6], boxes[k, 7]
                ox, oy, oz = -boxes[k, 0], -boxes[k, 1], height - boxes[k, 2]
                start = (cos * ox + sin * oy, cos * oy - sin * ox, oz)
                way = (cos * wx + sin * wy, cos * wy - sin * wx, wz)
                enter, leave, through = -1e12, 1e12, 0
                for axis in range(3):
                    step = way[axis] if abs(way[axis]) > 1e-9 else 1e-9
                    one, two = (
                        (-boxes[k, 3 + axis] - start[axis]) / step,
                        (boxes[k, 3 + axis] - start[axis]) / step,
                    )
                    if min(one, two) > enter:
                        enter, through = min(one, two), axis
                    leave = min(leave, max(one, two))
                if enter < leave and 50.0 < enter < nearest:
                    nearest, hit, face = enter, k, through
                    side = 1.0 if way[through] < 0 else -1.0
            if hit < 0:
                continue
            red, green, blue = boxes[hit, 8], boxes[hit, 9], boxes[hit, 10]
            which = int(boxes[hit, 11])
            if which >= 0:
                px, py, pz = wx * nearest, wy * nearest, height + wz * nearest
                a = px + py if face < 2 else px
                b = pz if face < 2 else py
                _texel(pyramids, which, a, b, 900.0, nearest / focal * 1.5, texel)
                red, green, blue = (
                    red * texel[0] / 128,
                    green * texel[1] / 128,
                    blue * texel[2] / 128,
                )
            bright = light[face] if side > 0 else light[3 + face]
            image[y, x, 0], image[y, x, 1], image[y, x, 2] = (
                red * bright,
                green * bright,
                blue * bright,
            )
            for j in range(cover.shape[0]):
                cover[j, y, x] = 0


@_jit
def _reached(inverse, high, wide, num_rows, num_columns):  # type: ignore[no-untyped-def]
    """Columns and rows (x0, x1, y0, y1) of a picture that a cut-out (high, wide) reaches."""
    det = inverse[0, 0] * inverse[1, 1] - inverse[0, 1] * inverse[1, 0]
    low_x, high_x, low_y, high_y = 1e9, -1e9, 1e9, -1e9
    for corner in range(4):
        u, v = (corner % 2) * wide - inverse[0, 2], (corner // 2) * high - inverse[1, 2]
        x = (inverse[1, 1] * u - inverse[0, 1] * v) / det
        y = (inverse[0, 0] * v - inverse[1, 0] * u) / det
        low_x, high_x, low_y, high_y = min(low_x, x), max(high_x, x), min(low_y, y), max(high_y, y)
    x0, x1 = max(math.floor(low_x), 0), min(math.ceil(high_x), num_columns)
    return x0, x1, max(math.floor(low_y), 0), min(math.ceil(high_y), num_rows)


@_jit
def paste_person(  # type: ignore[no-untyped-def]  # noqa: C901
    image, cover, number, rgba, inverse, gain, bend, opacity, fade
):
    """Lays a cut-out (h, w, 4) over the picture, and its coverage over that of all others.

    inverse (2, 3): picture pixels to the cut-out's. number: whose coverage it becomes; -1:
    nobody's, and it hides nobody; -2: nobody's, and it hides people. gain: of each channel, before
    levels are bent by the exponent `bend`. opacity 0..1; fade: what is left of it at the cut-out's
    top, 1 at its bottom (a reflection fades).
    """
    high, wide = rgba.shape[0], rgba.shape[1]
    det = inverse[0, 0] * inverse[1, 1] - inverse[0, 1] * inverse[1, 0]
    x0, x1, y0, y1 = _reached(inverse, high, wide, image.shape[0], image.shape[1])
    fine = min(max(math.ceil(math.sqrt(abs(det))), 1), 12)
    table = np.empty(256, np.float32)
    for level in range(256):
        table[level] = (level / 255.0) ** bend * 255.0
    for y in range(y0, y1):
        for x in range(x0, x1):
            total, red, green, blue = 0.0, 0.0, 0.0, 0.0
            for i in range(fine):
                for j in range(fine):
                    sx, sy = x + (j + 0.5) / fine, y + (i + 0.5) / fine
                    u = inverse[0, 0] * sx + inverse[0, 1] * sy + inverse[0, 2] - 0.5
                    v = inverse[1, 0] * sx + inverse[1, 1] * sy + inverse[1, 2] - 0.5
                    if u < -1 or v < -1 or u >= wide or v >= high:
                        continue
                    u0, v0 = math.floor(u), math.floor(v)
                    fu, fv = u - u0, v - v0
                    for dv in range(2):
                        for du in range(2):
                            column, row = u0 + du, v0 + dv
                            if column < 0 or row < 0 or column >= wide or row >= high:
                                continue
                            weight = (
                                (fu if du else 1 - fu)
                                * (fv if dv else 1 - fv)
                                * rgba[row, column, 3]
                                / 255.0
                            )
                            total += weight
                            red += weight * table[rgba[row, column, 0]]
                            green += weight * table[rgba[row, column, 1]]
                            blue += weight * table[rgba[row, column, 2]]
            if total <= 1e-4:
                continue
            alpha = total / (fine * fine)
            v = inverse[1, 0] * (x + 0.5) + inverse[1, 1] * (y + 0.5) + inverse[1, 2]
            seen = alpha * opacity * (fade + (1 - fade) * min(max(v / high, 0.0), 1.0))
            image[y, x, 0] = image[y, x, 0] * (1 - seen) + seen * min(gain[0] * red / total, 255.0)
            image[y, x, 1] = image[y, x, 1] * (1 - seen) + seen * min(
                gain[1] * green / total, 255.0
            )
            image[y, x, 2] = image[y, x, 2] * (1 - seen) + seen * min(gain[2] * blue / total, 255.0)
            if number != -1:
                for j in range(cover.shape[0]):
                    cover[j, y, x] *= 1 - alpha
            if number >= 0:
                cover[number, y, x] = alpha


@_jit
def cast_shade(image, shade, inverse, strength):  # type: ignore[no-untyped-def]
    """Darkens the picture by a shadow (h, w; 255 is none) that lies under it by an affine map;
    strength 0..1.
    """
    high, wide = shade.shape
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            u = inverse[0, 0] * (x + 0.5) + inverse[0, 1] * (y + 0.5) + inverse[0, 2] - 0.5
            v = inverse[1, 0] * (x + 0.5) + inverse[1, 1] * (y + 0.5) + inverse[1, 2] - 0.5
            if u < 0 or v < 0 or u >= wide - 1 or v >= high - 1:
                continue
            u0, v0 = int(u), int(v)
            fu, fv = u - u0, v - v0
            left = shade[v0, u0] * (1 - fu) + shade[v0, u0 + 1] * fu
            right = shade[v0 + 1, u0] * (1 - fu) + shade[v0 + 1, u0 + 1] * fu
            dark = 1 - strength * (1 - (left * (1 - fv) + right * fv) / 255.0)
            if dark < 0.995:
                dark = dark**0.5
                image[y, x, 0] *= dark
                image[y, x, 1] *= dark
                image[y, x, 2] *= dark


@_jit
def moved(image, inverse, out):  # type: ignore[no-untyped-def]
    """The picture resampled by an affine map (out pixels to its own); its edges are repeated."""
    high, wide = image.shape[0], image.shape[1]
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            u = inverse[0, 0] * (x + 0.5) + inverse[0, 1] * (y + 0.5) + inverse[0, 2] - 0.5
            v = inverse[1, 0] * (x + 0.5) + inverse[1, 1] * (y + 0.5) + inverse[1, 2] - 0.5
            u, v = min(max(u, 0.0), wide - 1.001), min(max(v, 0.0), high - 1.001)
            u0, v0 = int(u), int(v)
            fu, fv = np.float32(u - u0), np.float32(v - v0)
            for c in range(3):
                upper = image[v0, u0, c] * (1 - fu) + image[v0, u0 + 1, c] * fu
                lower = image[v0 + 1, u0, c] * (1 - fu) + image[v0 + 1, u0 + 1, c] * fu
                out[y, x, c] = upper * (1 - fv) + lower * fv


@_jit
def blurred(image, side, out):  # type: ignore[no-untyped-def]
    """Each pixel and its four neighbours: `side` is the share of each of these, at most 0.2."""
    high, wide = image.shape[0], image.shape[1]
    for y in range(high):
        up, down = max(y - 1, 0), min(y + 1, high - 1)
        for x in range(wide):
            left, right = max(x - 1, 0), min(x + 1, wide - 1)
            for c in range(3):
                beside = (
                    image[up, x, c] + image[down, x, c] + image[y, left, c] + image[y, right, c]
                )
                out[y, x, c] = (1 - 4 * side) * image[y, x, c] + side * beside


@_jit
def finished(image, noise, start, level, shot, out):  # type: ignore[no-untyped-def]
    """Levels with noise (`level` in the dark, more by `shot` in the light), cut off and rounded to
    8 bits.
    """
    at = start
    length = noise.shape[0]
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            for c in range(3):
                value = image[y, x, c]
                value += noise[at] * (level + shot * math.sqrt(max(value, 0.0)))
                out[y, x, c] = np.uint8(min(max(value + 0.5, 0.0), 255.0))
                at += 1
                if at >= length:
                    at = 0


@_jit
def toned(image, gain, table):  # type: ignore[no-untyped-def]
    """Levels times each channel's gain, by a tone curve (`TONE_STEPS` levels), in place."""
    fine = np.float32(TONE_STEPS / 256)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            for c in range(3):
                at = int(image[y, x, c] * gain[c] * fine)
                image[y, x, c] = table[min(max(at, 0), TONE_STEPS - 1)]
