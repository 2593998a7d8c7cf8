"""Compiled loops of `mask_faults.py`."""

import math

import numpy as np
from numba import njit

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
    """Fill `means` (S, S) with the averages of `values` over squares of 2 reach + 1 pixels, cut off
    at the edge.
    """
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
                found = (
                    found
                    and box[0] - reach <= x < box[2] + reach
                    and box[1] - reach <= y < box[3] + reach
                )
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
