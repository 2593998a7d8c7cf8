"""Textures with the statistics of natural pictures: fractal noise, and leaves that lie on each
other.

Natural pictures have the same contrast at every size: their amplitude falls as 1 / frequency. Noise
of equal strength in every octave has that; so have shapes that cover each other, with numbers that
fall as the cube of their size, which have edges too (Lee, Mumford and Huang, "Occlusion Models for
Natural Images", 2001).
"""

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from posegrid.walkers.paint import noise

SMALLEST_LEAF = 2.0


def fractal(
    rng: np.random.Generator, shape: tuple[int, int], coarsest: float
) -> Float[np.ndarray, "rows columns"]:
    """1 / f noise of mean 0 and standard deviation about 1, from bumps of `coarsest` elements down
    to single ones.
    """
    octaves = max(1, int(np.log2(max(coarsest, 2.0))))
    total = sum(noise(rng, shape, coarsest / 2**octave) for octave in range(octaves))
    return np.asarray(total, np.float32) / np.float32(octaves**0.5)


def leaves(
    rng: np.random.Generator,
    shape: tuple[int, int],
    palette: Float[np.ndarray, "n 3"],
    largest: float,
    *,
    boxes: float,
) -> Float[np.ndarray, "rows columns 3"]:
    """Shapes of the palette's colours (linear RGB), from 2 to `largest` elements wide, the larger
    lower down.

    `boxes`: share of them that are boxes, as things that people make; the others are ovals.
    """
    rows, columns = shape
    picture = Image.new("RGB", (columns, rows), _bytes(palette[:1])[0])
    draw = ImageDraw.Draw(picture)
    count = int(min(2500, 6 * rows * columns / largest**1.3))
    low, high = SMALLEST_LEAF**-2, largest**-2
    sizes = (high + (low - high) * rng.random(count)) ** -0.5
    drawn = [
        (
            *rng.random(2),
            *rng.normal(0, 0.4, 2),
            rng.integers(len(palette)),
            rng.normal(0, 0.2),
            rng.random(),
        )
        for _ in range(count)
    ]
    x, y, wider, higher, which, brighter, kind = np.array(drawn).T.reshape(7, -1)
    x, y, sizes = x * columns, y * rows, -np.sort(-sizes)
    half_x, half_y = sizes * np.exp(wider) / 2, sizes * np.exp(higher) / 2
    colours = _bytes(palette[which.astype(int)] * np.exp(brighter)[:, None])
    corners = np.stack([x - half_x, y - half_y, x + half_x, y + half_y], axis=1).tolist()
    for box, colour, is_box in zip(corners, colours, kind < boxes, strict=True):
        (draw.rectangle if is_box else draw.ellipse)(box, fill=colour)
    return (np.asarray(picture, np.float32) / 255) ** 2


def _bytes(colours: Float[np.ndarray, "n 3"]) -> list[tuple[int, ...]]:
    """Red, green, blue for a picture whose square is light."""
    return [
        tuple(colour) for colour in (255 * np.sqrt(np.clip(colours, 0, 1))).astype(int).tolist()
    ]
