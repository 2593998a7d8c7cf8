"""Compiled loops of `light.py`: how much light reaches points of a person and of the floor.

Numba's cache files name the class below: a stale cache fails to load when it is renamed or moved.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from posegrid.walkers.render.camera_kernels import Triple, floor_point

ONE = np.float32(1)
HALF = np.float32(0.5)
NOTHING_MM = np.float32(-1e9)
"""Value of a shadow map where nothing is."""
SHADOW_OFFSET_MM = np.float32(15.0)
"""Points are lifted off their surface before the shadow map is asked: it hides the map's steps."""
SHADOW_BIAS_MM = np.float32(10.0)
MAX_SLOPE = np.float32(3)
SKY_MM = np.float32(4000.0)
"""The height of what throws no shadow."""
NUM_SOFT_LIGHTS = 3
"""Beside the key light."""

SoftLamp = tuple[np.float32, np.float32, np.float32, np.float32, np.float32]
"""Unit vector to the light (3), its share, its softness."""


class Lamp(NamedTuple):
    """A distant key light with a shadow map, softer lights, a fill light, ambient light. Of tuples,
    as arrays in it would be slow."""

    towards: Triple
    """Unit vector to the key light, world."""
    fill: Triple
    """Unit vector to the fill light, world."""
    key_share: np.float32
    fill_share: np.float32
    ambient_share: np.float32
    rotation: tuple[Triple, ...]
    """World to the light's frame, z along its rays."""
    centre: Triple
    """World point in the middle of the shadow map, mm."""
    texels_per_mm: np.float32
    floor_box: tuple[np.float32, np.float32, np.float32, np.float32]
    """x low, x high, y low, y high of the shadow on the floor z = 0, mm."""
    floor_darkening: np.float32
    """Share of the floor's light that is missing in the hard shadow of the key light."""
    softness: np.float32
    """Of the key light; 0: a point."""
    spread_mm: np.float32
    """Half the width of the soft edge of the key light's shadows on the person."""
    others: tuple[SoftLamp, SoftLamp, SoftLamp]
    """Soft lights; those with share 0 are none."""


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True, inline="always")
def lit_share(lamp, depths, x, y, z):
    """How much of the key light (0..1) reaches a world point: four texels, interpolated."""
    R, size = lamp.rotation, depths.shape[0]
    dx, dy, dz = x - lamp.centre[0], y - lamp.centre[1], z - lamp.centre[2]
    middle = HALF * np.float32(size) - HALF
    column = (R[0][0] * dx + R[0][1] * dy + R[0][2] * dz) * lamp.texels_per_mm + middle
    row = (R[1][0] * dx + R[1][1] * dy + R[1][2] * dz) * lamp.texels_per_mm + middle
    limit = SHADOW_BIAS_MM - (R[2][0] * dx + R[2][1] * dy + R[2][2] * dz)
    i, j = math.floor(column), math.floor(row)
    if i < 0 or j < 0 or i >= size - 1 or j >= size - 1:
        return ONE
    u, v = column - np.float32(i), row - np.float32(j)
    share = np.float32(0)
    if depths[j, i] < limit:
        share += (ONE - u) * (ONE - v)
    if depths[j, i + 1] < limit:
        share += u * (ONE - v)
    if depths[j + 1, i] < limit:
        share += (ONE - u) * v
    if depths[j + 1, i + 1] < limit:
        share += u * v
    return share


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True, inline="always")
def wrapped(facing, softness):
    """Light (0..1) on a surface that faces a round light by cosine `facing`; its mean over all
    directions is 1/4.

    `softness`: sine of half the angle that the light takes up. Exact for a point (0) and half of
    the sky (1).
    """
    return max(facing + softness, np.float32(0)) / ((ONE + softness) * (ONE + softness))


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def other_lights(lamp, nx, ny, nz):
    """The soft lights' light on a surface with that normal."""
    light = np.float32(0)
    for i in range(NUM_SOFT_LIGHTS):
        x, y, z, share, softness = lamp.others[i]
        if share > 0:
            light += share * wrapped(nx * x + ny * y + nz * z, softness)
    return light


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def key_light(lamp, depths, facing, x, y, z, openness):
    """The key light at a lifted world point: one look into the shadow map, or four about the soft
    edge of a light with some width.

    Points are lifted towards the light by as much as a slope rises over the edge's width, lest it
    shadows itself. A surface that turns away still sees a part of the light past itself, which the
    map cannot know: there openness says.
    """
    if lamp.softness == 0:
        return facing * lit_share(lamp, depths, x, y, z) if facing > 0 else np.float32(0)
    light = wrapped(facing, lamp.softness)
    if light <= 0:
        return light
    sine = math.sqrt(max(ONE - facing * facing, np.float32(0)))
    slope = min(sine / max(facing, np.float32(0.1)), MAX_SLOPE)
    lift, spread, R = lamp.spread_mm * slope, lamp.spread_mm * HALF, lamp.rotation
    x, y, z = x + lift * lamp.towards[0], y + lift * lamp.towards[1], z + lift * lamp.towards[2]
    share = np.float32(0)
    for corner in range(4):
        a = spread if corner & 1 else -spread
        b = spread if corner & 2 else -spread
        ax, ay, az = a * R[0][0] + b * R[1][0], a * R[0][1] + b * R[1][1], a * R[0][2] + b * R[1][2]
        share += np.float32(0.25) * lit_share(lamp, depths, x + ax, y + ay, z + az)
    past = min(max((lamp.softness - facing) / (2 * lamp.softness), np.float32(0)), ONE)
    return light * (share + (ONE - share) * past * openness)


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True, inline="always")
def hard_shadow(lamp, depths, x, y):
    """How much of the key light (0..1) is missing at a place of the floor: nine looks."""
    S, size = lamp.rotation, depths.shape[0]
    dx, dy, dz = x - lamp.centre[0], y - lamp.centre[1], -lamp.centre[2]
    u = int((S[0][0] * dx + S[0][1] * dy + S[0][2] * dz) * lamp.texels_per_mm + HALF * size)
    v = int((S[1][0] * dx + S[1][1] * dy + S[1][2] * dz) * lamp.texels_per_mm + HALF * size)
    blocked = 0
    for j in range(v - 2, v + 3, 2):
        for i in range(u - 2, u + 3, 2):
            if i >= 0 and j >= 0 and i < size and j < size and depths[j, i] > NOTHING_MM:
                blocked += 1
    return np.float32(blocked) / np.float32(9)


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def floor_light(column, row, view, lamp, depths, floor_map):
    """Share of its light (0..1) that the background keeps at a pixel position: less where the floor
    is in shadow. `floor_map` (N, N): what is missing in soft shadows over the lamp's floor box."""
    seen, x, y = floor_point(column, row, view)
    box = lamp.floor_box
    if not seen or x < box[0] or x > box[1] or y < box[2] or y > box[3]:
        return ONE
    across, along = (x - box[0]) / (box[1] - box[0]), (y - box[2]) / (box[3] - box[2])
    kept = ONE - soft_shadow(floor_map, across, along)
    if lamp.floor_darkening > 0:
        kept -= lamp.floor_darkening * hard_shadow(lamp, depths, x, y)
    return kept


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True, inline="always")
def soft_shadow(floor_map, across, along):
    """The map at a place given in shares (0..1) of its box, interpolated."""
    last = floor_map.shape[0] - 1
    u = min(max(across * np.float32(last + 1) - HALF, np.float32(0)), np.float32(last))
    v = min(max(along * np.float32(last + 1) - HALF, np.float32(0)), np.float32(last))
    i, j = min(int(u), last - 1), min(int(v), last - 1)
    a, b = u - np.float32(i), v - np.float32(j)
    upper = floor_map[j, i] + a * (floor_map[j, i + 1] - floor_map[j, i])
    lower = floor_map[j + 1, i] + a * (floor_map[j + 1, i + 1] - floor_map[j + 1, i])
    return upper + b * (lower - upper)


@njit(cache=True, error_model="numpy", nogil=True)
def thrown_bounds(points, aside, ahead):
    """Least and greatest x and y (2, 2) of points' shadows on the floor, so far off per height."""
    low_x, low_y, high_x, high_y = np.inf, np.inf, -np.inf, -np.inf
    for i in range(points.shape[0]):
        x, y = points[i, 0] - points[i, 2] * aside, points[i, 1] - points[i, 2] * ahead
        low_x, low_y, high_x, high_y = min(low_x, x), min(low_y, y), max(high_x, x), max(high_y, y)
    return np.array([[low_x, low_y], [high_x, high_y]])


@njit(cache=True, fastmath=False, error_model="numpy", nogil=True)
def drop_on_floor(points, towards, box, heights):
    """Fill `heights` (N, N), a map of the floor's box: the least height of a point in the way of a
    light, or SKY_MM.

    Each point is as large as 2 x 2 cells: a person's vertices lie close enough for shadows without
    holes.
    """
    size = heights.shape[0]
    heights[:] = SKY_MM
    aside, ahead = towards[0] / towards[2], towards[1] / towards[2]
    per_x, per_y = np.float32(size) / (box[1] - box[0]), np.float32(size) / (box[3] - box[2])
    for n in range(points.shape[0]):
        height = points[n, 2]
        i = int((points[n, 0] - height * aside - box[0]) * per_x - HALF)
        j = int((points[n, 1] - height * ahead - box[2]) * per_y - HALF)
        if 0 <= i < size - 1 and 0 <= j < size - 1:
            for y in range(j, j + 2):
                for x in range(i, i + 2):
                    heights[y, x] = min(heights[y, x], height)


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def add_soft_shadow(heights, bounds, reaches, darkening, missing):
    """Add a light's soft shadow to the map of missing light.

    heights (N, N): see `drop_on_floor`; bounds (L + 1): of layers of heights; reaches (L, 2): cells
    by which each layer's shadow is blurred twice (x, y).
    """
    size = heights.shape[0]
    layer, turned, total = np.empty_like(missing), np.empty_like(missing), np.zeros_like(missing)
    for k in range(len(reaches)):
        any_here = False
        for y in range(size):
            for x in range(size):
                inside = bounds[k] <= heights[y, x] < bounds[k + 1]
                layer[y, x] = ONE if inside else np.float32(0)
                any_here |= inside
        if not any_here:
            continue
        for _ in range(2):
            _blurred_and_turned(layer, reaches[k, 0], turned)
            _blurred_and_turned(turned, reaches[k, 1], layer)
        total += layer
    for y in range(size):
        for x in range(size):
            missing[y, x] += darkening * min(total[y, x], ONE)


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def _blurred_and_turned(values, reach, turned):
    """Fill `turned` with the transposed mean over 2 reach + 1 columns; nothing lies outside."""
    size = values.shape[0]
    share = ONE / np.float32(2 * reach + 1)
    for y in range(size):
        total = np.float32(0)
        for x in range(min(reach, size)):
            total += values[y, x]
        for x in range(size):
            if x + reach < size:
                total += values[y, x + reach]
            if x - reach > 0:
                total -= values[y, x - reach - 1]
            turned[x, y] = total * share
