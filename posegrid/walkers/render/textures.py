"""Textures as linear RGB from random numbers: floors, walls and ceilings, and natural pictures.

Rows of a wall's texture run upwards from the floor. Sizes are given in mm and divided by the size
of an element. Natural pictures have the same contrast at every size: their amplitude falls as
1 / frequency. Noise of equal strength in every octave has that; so have shapes that cover each
other, with numbers that fall as the cube of their size, which have edges too (Lee, Mumford and
Huang, "Occlusion Models for Natural Images", 2001).
"""

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from posegrid.walkers.render.picture_kernels import colour_in


def enlarged(
    values: Float[np.ndarray, "r c"], shape: tuple[int, int]
) -> Float[np.ndarray, "rows columns"]:
    """The array stretched smoothly to another shape, float32."""
    picture = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def noise(
    rng: np.random.Generator, shape: tuple[int, int], grain: float
) -> Float[np.ndarray, "rows columns"]:
    """Smooth random numbers of mean 0 and deviation about 1, with bumps `grain` elements wide."""
    rows, columns = (max(2, int(np.ceil(n / grain)) + 1) for n in shape)
    return enlarged(rng.standard_normal((rows, columns), dtype=np.float32), shape)


def colour(
    rng: np.random.Generator, darkest: float, brightest: float, saturation: float
) -> Float[np.ndarray, "3"]:
    """A linear RGB colour of random brightness (geometric between the two) and hue."""
    brightness = np.exp(rng.uniform(np.log(darkest), np.log(brightest)))
    tint = rng.normal(0.0, 1.0, 3)
    tint -= tint.mean()
    tint /= np.abs(tint).max() + 1e-9
    tinted = brightness * (1 + saturation * rng.uniform(0, 1) * tint)
    return np.clip(tinted, 0.0, 1.0).astype(np.float32)


def coloured(
    tint: Float[np.ndarray, "3"], shade: Float[np.ndarray, "rows columns"]
) -> Float[np.ndarray, "rows columns 3"]:
    """The colour times the shade, float32."""
    painted = np.empty((*shade.shape, 3), np.float32)
    colour_in(shade, tint, painted)
    return painted


def floor(
    rng: np.random.Generator, shape: tuple[int, int], element_mm: float
) -> Float[np.ndarray, "rows columns 3"]:
    """A floor of carpet, planks or tiles, worn in places, perhaps with a rug in the middle."""
    base = colour(rng, 0.08, 0.45, 0.25)
    kind = rng.choice(["carpet", "planks", "tiles"])
    shade = 1 + 0.07 * noise(rng, shape, 1200 / element_mm)
    if kind == "carpet":
        shade = shade + rng.uniform(0.02, 0.10) * noise(rng, shape, 2) + 0.03 * noise(rng, shape, 8)
    elif kind == "planks":
        shade = shade * _planks(rng, shape, element_mm)
    else:
        shade = shade * _tiles(rng, shape, element_mm)
    painted = coloured(base, shade)
    if rng.random() < 0.5:
        _rug(rng, painted, element_mm)
    return painted


def ceiling(
    rng: np.random.Generator, shape: tuple[int, int], element_mm: float
) -> Float[np.ndarray, "rows columns 3"]:
    """A light ceiling, perhaps of panels."""
    shade = 1 + 0.03 * noise(rng, shape, 800 / element_mm)
    if rng.random() < 0.5:
        shade = shade * _tiles(rng, shape, element_mm)
    return coloured(colour(rng, 0.4, 0.8, 0.1), shade)


def wall(
    rng: np.random.Generator, shape: tuple[int, int], element_mm: float
) -> Float[np.ndarray, "rows columns 3"]:
    """A wall: paint, a skirting board, and pictures, doors, windows, curtains, cupboards."""
    shade = 1 + 0.05 * noise(rng, shape, 900 / element_mm)
    shade = shade + rng.uniform(0.0, 0.05) * noise(rng, shape, 3)
    painted = coloured(colour(rng, 0.12, 0.75, 0.3), shade)
    if rng.random() < 0.6:
        painted[: max(1, int(rng.uniform(60, 150) / element_mm))] = colour(rng, 0.03, 0.7, 0.2)
    if rng.random() < 0.3:
        _curtain(rng, painted, element_mm)
    for _ in range(int(rng.poisson(shape[1] * element_mm / 2200))):
        _object(rng, painted, element_mm)
    return painted


def _planks(rng: np.random.Generator, shape: tuple[int, int], element_mm: float) -> np.ndarray:
    width = rng.uniform(80, 220) / element_mm
    along_rows = rng.random() < 0.5
    across, along = shape if along_rows else shape[::-1]
    index = (np.arange(across) / width).astype(int)
    tone = 1 + rng.uniform(0.05, 0.2) * rng.standard_normal((index.max() + 1, 6))
    offset = rng.uniform(0, 1, index.max() + 1)[:, None]
    section = (np.arange(along)[None] / along * 5 + offset).astype(int)
    shade = np.take_along_axis(tone, np.minimum(section, 5), axis=1)[index]
    shade *= np.where((np.arange(across) / width) % 1 < 0.06, 0.6, 1.0)[:, None]
    return np.clip(shade if along_rows else shade.T, 0.2, 2.0)


def _tiles(rng: np.random.Generator, shape: tuple[int, int], element_mm: float) -> np.ndarray:
    side = rng.uniform(250, 900) / element_mm
    rows, columns = (np.arange(n) / side for n in shape)
    row, column = rows.astype(int), columns.astype(int)
    tone = 1 + rng.uniform(0.0, 0.08) * rng.standard_normal((row.max() + 1, column.max() + 1))
    if rng.random() < 0.3:
        odd = (np.arange(row.max() + 1)[:, None] + np.arange(column.max() + 1)) % 2
        tone *= 1 - rng.uniform(0.1, 0.5) * odd
    joint = 1.3 / side
    grout = (rows % 1 < joint)[:, None] | (columns % 1 < joint)
    return np.where(grout, rng.uniform(0.5, 1.2), tone[row][:, column])


def _rug(rng: np.random.Generator, painted: np.ndarray, element_mm: float) -> None:
    y, x = painted.shape[0] // 2, painted.shape[1] // 2
    half_rows = min(int(rng.uniform(1000, 3000) / element_mm), y)
    half_columns = min(int(rng.uniform(1000, 2500) / element_mm), x)
    there = painted[y - half_rows : y + half_rows, x - half_columns : x + half_columns]
    shade = 1 + 0.06 * noise(rng, there.shape[:2], 2) + 0.05 * noise(rng, there.shape[:2], 40)
    there[:] = colour(rng, 0.05, 0.5, 0.45) * shade[..., None]


def _curtain(rng: np.random.Generator, painted: np.ndarray, element_mm: float) -> None:
    columns = painted.shape[1]
    start, width = rng.integers(0, columns), int(rng.uniform(1000, 5000) / element_mm)
    there = painted[int(30 / element_mm) :, start : start + width]
    x = np.arange(there.shape[1]) * element_mm
    fold = rng.uniform(90, 260)
    wobble = np.sin(2 * np.pi * x / fold + 1.5 * np.sin(x / rng.uniform(300, 900)))
    shade = 1 + rng.uniform(0.1, 0.35) * wobble + 0.03 * noise(rng, there.shape[:2], 4)
    there[:] = colour(rng, 0.03, 0.7, 0.5) * shade[..., None]


def _object(rng: np.random.Generator, painted: np.ndarray, element_mm: float) -> None:
    """A picture, a cupboard with doors, or shelves with things."""
    columns = painted.shape[1]
    standing = rng.random() < 0.5
    width = rng.uniform(400, 2400) / element_mm
    height = rng.uniform(500, 2300 if standing else 1400) / element_mm
    left = int(rng.uniform(-0.1, 1) * columns)
    bottom = 0 if standing else int(rng.uniform(700, 1700) / element_mm)
    there = painted[bottom : bottom + int(height), max(0, left) : max(0, left + int(width))]
    if there.size == 0:
        return
    shape = there.shape[:2]
    there[:] = colour(rng, 0.02, 0.7, 0.5) * (1 + 0.05 * noise(rng, shape, 30))[..., None]
    across, upright = int(rng.integers(1, 4)), int(rng.integers(1, 6))
    border = max(1, int(25 / element_mm))
    one_colour = colour(rng, 0.03, 0.8, 0.35) if rng.random() < 0.5 else None
    for i in range(upright):
        for j in range(across):
            part = there[
                i * shape[0] // upright + border : (i + 1) * shape[0] // upright - border,
                j * shape[1] // across + border : (j + 1) * shape[1] // across - border,
            ]
            if part.size:
                tone = one_colour if one_colour is not None else colour(rng, 0.02, 0.8, 0.45)
                shade = rng.uniform(0, 0.3) * noise(rng, part.shape[:2], rng.uniform(3, 30))
                part[:] = tone * (1 + shade)[..., None]


SMALLEST_LEAF = 2.0


def fractal(
    rng: np.random.Generator, shape: tuple[int, int], coarsest: float
) -> Float[np.ndarray, "rows columns"]:
    """1 / f noise of mean 0, deviation about 1: bumps from `coarsest` elements to single ones."""
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
    drawn = []
    for _ in range(count):
        corner, stretch = rng.random(2), rng.normal(0, 0.4, 2)
        which, brighter = rng.integers(len(palette)), rng.normal(0, 0.2)
        drawn.append((*corner, *stretch, which, brighter, rng.random()))
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
    levels = (255 * np.sqrt(np.clip(colours, 0, 1))).astype(int)
    return [tuple(colour) for colour in levels.tolist()]
