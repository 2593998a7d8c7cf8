"""Places beyond plain rooms, built like them of six painted surfaces: gardens, streets, rooms full
of things.

Outdoors is a large box whose walls show what stands far away and the sky above it, and whose
ceiling is the sky.
"""

import numpy as np
from jaxtyping import Float

from posegrid.walkers.natural import fractal, leaves
from posegrid.walkers.paint import colour, floor, noise, wall
from posegrid.walkers.rooms import SIDES, Room, box_of_textures, random_room, texture_shape

KINDS = {"room": 0.4, "cluttered": 0.2, "garden": 0.25, "street": 0.15}
COARSER = 2.0
"""Outdoors has texture elements so many times those of a room: what is far away is out of focus."""


OUTDOORS = ("garden", "street")


def random_kind(rng: np.random.Generator) -> str:
    """One of the kinds of places."""
    return str(rng.choice(list(KINDS), p=list(KINDS.values())))


def random_place(rng: np.random.Generator, reach_mm: float, kind: str | None = None) -> Room:
    """A place for cameras that stand so far from its middle (mm): of one of the `KINDS`, or any."""
    kind = random_kind(rng) if kind is None else kind
    if kind == "room":
        return random_room(rng, reach_mm)
    outdoors = kind in OUTDOORS
    half_size = (
        reach_mm * rng.uniform(0.8, 1.5) + 150.0,
        reach_mm * rng.uniform(1.05, 1.6) + 150.0,
    )
    height = rng.uniform(5000.0, 9000.0) if outdoors else rng.uniform(2600.0, 3800.0)
    texel = reach_mm / 460 * COARSER
    sky = _sky_colour(rng)
    textures = []
    for axis, side in SIDES:
        shape = texture_shape(axis, half_size, height, texel)
        if axis == 2 and side > 0:
            painted = sky * (1 + 0.12 * fractal(rng, shape, 60))[..., None]
        elif axis == 2:
            painted = _ground(rng, shape, kind) if outdoors else floor(rng, shape, texel)
        else:
            painted = _backdrop(rng, shape, texel, kind, sky)
        textures.append(painted)
    return box_of_textures(half_size, height, texel, textures)


def _sky_colour(rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    return np.array([0.55, 0.7, 1.0], np.float32) ** rng.uniform(0, 1) * np.float32(
        rng.uniform(0.5, 1.0)
    )


def _greens(rng: np.random.Generator) -> Float[np.ndarray, "6 3"]:
    """The colours of one kind of plants in light and shade, and of the earth between them."""
    hue = np.array([rng.uniform(0.35, 0.9), 1.0, rng.uniform(0.2, 0.45)])
    shades = np.exp(np.log(rng.uniform(0.04, 0.2)) + rng.normal(0, 0.5, 6))
    return (hue * shades[:, None] * np.exp(rng.normal(0, 0.1, (6, 3)))).astype(np.float32)


def _ground(rng: np.random.Generator, shape: tuple[int, int], kind: str) -> np.ndarray:
    """Grass, earth, gravel or asphalt."""
    base = (
        _greens(rng)[0] + 0.05
        if kind == "garden" and rng.random() < 0.7
        else colour(rng, 0.06, 0.45, 0.12)
    )
    contrast, fine = (
        rng.uniform(0.08, 0.35),
        rng.uniform(0.0, 0.3) if kind == "garden" else rng.uniform(0.0, 0.1),
    )
    shade = contrast * fractal(rng, shape, rng.uniform(8, 60)) + fine * noise(rng, shape, 1.0)
    return base * np.exp(shade)[..., None]


def _backdrop(
    rng: np.random.Generator, shape: tuple[int, int], texel: float, kind: str, sky: np.ndarray
) -> np.ndarray:
    """One side of the place; rows run upwards."""
    if kind == "cluttered":
        return _cluttered_wall(rng, shape, texel)
    painted = sky * (1 + 0.1 * fractal(rng, shape, 80))[..., None]
    if kind == "street" and rng.random() < 0.7:
        front = _house_front(rng, shape, texel)
    else:
        front = leaves(rng, shape, _greens(rng), rng.uniform(150, 500) / texel, boxes=0.0)
        front = front * np.exp(0.5 * fractal(rng, shape, 1500 / texel))[..., None]
    tall = rng.uniform(0.25, 1.1) * shape[0]
    ragged = 0.0 if kind == "street" else 0.2 * tall
    top = tall + ragged * fractal(rng, (2, shape[1]), 100)[0]
    return np.where((np.arange(shape[0])[:, None] < top)[..., None], front, painted)


def _cluttered_wall(rng: np.random.Generator, shape: tuple[int, int], texel: float) -> np.ndarray:
    """A wall with heaps and shelves of things before it."""
    painted = wall(rng, shape, texel)
    for _ in range(int(rng.integers(1, 5))):
        high, wide = int(rng.uniform(500, 2600) / texel), int(rng.uniform(1000, 6000) / texel)
        left = int(rng.integers(0, shape[1]))
        part = painted[:high, left : left + wide]
        palette = np.stack([colour(rng, 0.02, 0.8, 0.4) for _ in range(6)])
        part[:] = leaves(
            rng,
            part.shape[:2],
            palette,
            rng.uniform(300, 1200) / texel,
            boxes=rng.uniform(0.6, 1.0),
        )
    return painted


def _house_front(rng: np.random.Generator, shape: tuple[int, int], texel: float) -> np.ndarray:
    """Plaster or bricks with rows of windows and doors."""
    front = colour(rng, 0.1, 0.7, 0.25) * (1 + 0.08 * fractal(rng, shape, 50))[..., None]
    apart, storey = rng.uniform(1300, 3000) / texel, rng.uniform(2600, 3600) / texel
    wide, high = rng.uniform(0.3, 0.75) * apart, rng.uniform(0.4, 0.65) * storey
    glass, frame = colour(rng, 0.01, 0.25, 0.3), colour(rng, 0.2, 0.8, 0.1)
    for bottom in np.arange(rng.uniform(0, 0.3) * storey, shape[0], storey):
        for left in np.arange(rng.uniform(0, 1) * apart, shape[1], apart):
            part = front[int(bottom) : int(bottom + high), int(left) : int(left + wide)]
            part[:] = frame
            inner = part[1:-1, 1:-1]
            if inner.size:
                inner[:] = glass * (1 + 0.4 * noise(rng, inner.shape[:2], 6))[..., None]
    return front
