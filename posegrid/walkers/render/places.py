"""Places for walkers to walk in: boxes with painted sides, what any camera inside sees of them, and
a user's pictures in their stead.

A place is painted once per person from random numbers. Rooms have a floor (carpet, planks or tiles,
perhaps a rug), walls with pictures, doors, curtains and cupboards, a ceiling, and the lamps' pools
of light; some are full of things. Outdoors is a large box whose walls show what stands far away and
the sky above it. Colours are linear RGB in 0..1, light included; nothing moves. World frame, mm:
the floor is z = 0, the box stands about the origin.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from posegrid.body.camera import Camera, turning_radius
from posegrid.errors import SourceError
from posegrid.walkers.render.camera_kernels import undistort
from posegrid.walkers.render.picture_kernels import halve, light_up, look_round
from posegrid.walkers.render.textures import (
    ceiling,
    colour,
    enlarged,
    floor,
    fractal,
    leaves,
    noise,
    wall,
)
from posegrid.walkers.scenes.surroundings import training_panoramas

TEXELS_PER_REACH = 460
"""Fineness of the textures: elements of 12 mm in a room for cameras 5.5 m from its middle, where a
pixel of a 1000 px picture shows 5 to 7 mm of a wall and one of a crop 15 mm. Larger rooms have
coarser ones."""
COARSER = 2.0
"""Other places have coarser elements, so many times: what is far away is out of focus."""
DARKEST = 0.004
PLACES = {"room": 0.4, "cluttered": 0.2, "garden": 0.25, "street": 0.15}
"""Kinds of places, and how often each is drawn."""
OUTDOORS = ("garden", "street")
SIDES = ((0, -1), (0, 1), (1, -1), (1, 1), (2, -1), (2, 1))
"""(axis, low or high) of the box's sides, in the order of `Place.table`."""
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
PICTURE_HEIGHT_RAD = 1.2
"""The angle that a user's picture's height takes up."""
_NUM_LEVELS = 4
_RAY_STEP_PX = 8
"""Rays are computed at every eighth pixel and interpolated: no lens bends them visibly between."""


@dataclass(frozen=True, eq=False)
class Place:
    """A box of `half_size_mm` (x, y) about the world's origin and `height_mm` above the floor."""

    half_size_mm: tuple[float, float]
    height_mm: float
    texel_mm: float
    """Size of the finest textures' elements."""
    texels: Float[np.ndarray, "texels 3"]
    """The textures of all sides, each row by row, from fine to coarse."""
    table: Int[np.ndarray, "6 levels 3"]
    """First texel, rows, columns of the textures: x low, x high, y low, y high, floor, ceiling."""

    def picture(self, camera: Camera) -> Float[np.ndarray, "height width 3"]:
        """What the camera sees, linear RGB float32; from outside, through the wall before it."""
        width, height = camera.size_wh
        half_x, half_y = self.half_size_mm
        seen = np.empty((height, width, 3), np.float32)
        look_round(
            _node_directions(camera),
            np.float32(_RAY_STEP_PX),
            camera.centre_world_mm.astype(np.float32),
            np.array([-half_x, -half_y, 0.0], np.float32),
            np.array([half_x, half_y, self.height_mm], np.float32),
            self.texels,
            self.table,
            np.float32(self.texel_mm),
            np.float32(camera.focal_px[0]),
            seen,
        )
        return seen


def _node_directions(camera: Camera) -> np.ndarray:
    """World directions at every `_RAY_STEP_PX`-th pixel corner, float32 (rows, columns, 3)."""
    columns, rows = (
        np.arange(-(-size // _RAY_STEP_PX) + 1) * float(_RAY_STEP_PX) for size in camera.size_wh
    )
    nodes = np.stack(np.meshgrid(columns, rows), axis=-1)
    rays = np.ones((*nodes.shape[:2], 3))
    rays[..., :2] = (nodes - np.asarray(camera.principal_px)) / camera.focal_px
    if any(camera.distortion):
        widest = turning_radius(camera.distortion)
        undistort(rays.reshape(-1, 3), camera.distortion, camera.tangential, widest)
    return (rays @ camera.rot_world_to_cam).astype(np.float32)


def random_kind(rng: np.random.Generator) -> str:
    """One of the kinds of `PLACES`."""
    return str(rng.choice(list(PLACES), p=list(PLACES.values())))


def random_place(rng: np.random.Generator, reach_mm: float, kind: str | None = None) -> Place:
    """A place like no other, of one of the kinds of `PLACES`, or any.

    `reach_mm`: how far from its middle cameras may stand along y (in a room two thirds along x).
    """
    kind = random_kind(rng) if kind is None else kind
    is_room, outdoors = kind == "room", kind in OUTDOORS
    (low_x, high_x), (low_y, high_y) = (
        ((0.67, 1.0), (1.0, 1.3)) if is_room else ((0.8, 1.5), (1.05, 1.6))
    )
    half_size = (
        reach_mm * rng.uniform(low_x, high_x) + 150.0,
        reach_mm * rng.uniform(low_y, high_y) + 150.0,
    )
    height = rng.uniform(5000.0, 9000.0) if outdoors else rng.uniform(2600.0, 3800.0)
    if is_room:
        return _room(rng, half_size, height, reach_mm / TEXELS_PER_REACH)
    texel, sky = reach_mm / TEXELS_PER_REACH * COARSER, _sky_colour(rng)
    textures = []
    for axis, side in SIDES:
        shape = _texture_shape(axis, half_size, height, texel)
        if axis == 2 and side > 0:
            painted = sky * (1 + 0.12 * fractal(rng, shape, 60))[..., None]
        elif axis == 2:
            painted = _ground(rng, shape, kind) if outdoors else floor(rng, shape, texel)
        elif outdoors:
            painted = _distance(rng, shape, texel, kind, sky)
        else:
            painted = _cluttered_wall(rng, shape, texel)
        textures.append(painted)
    return Place(half_size, height, texel, *_packed(textures))


def _room(
    rng: np.random.Generator, half_size: tuple[float, float], height: float, texel: float
) -> Place:
    """A room with lamps at its ceiling that light its sides."""
    across = rng.uniform(-0.8, 0.8, (int(rng.integers(2, 6)), 2)) * half_size
    lamps = np.column_stack([across, np.full(len(across), height - 100.0)])
    ambient = rng.uniform(0.35, 0.6)
    textures = []
    for axis, side in SIDES:
        shape = _texture_shape(axis, half_size, height, texel)
        paint = wall if axis < 2 else floor if side < 0 else ceiling
        painted = paint(rng, shape, texel)
        lit = enlarged(_irradiance(axis, side, half_size, height, lamps), shape)
        light_up(painted, ambient + (1 - ambient) * lit)
        textures.append(painted)
    return Place(half_size, height, texel, *_packed(textures))


def _texture_shape(
    axis: int, half_size: tuple[float, float], height: float, texel: float
) -> tuple[int, int]:
    """Rows and columns of a side's texture: the later of its two world axes runs along the rows."""
    columns, rows = np.delete([2 * half_size[0], 2 * half_size[1], height], axis)
    return int(np.ceil(rows / texel)) + 1, int(np.ceil(columns / texel)) + 1


def _irradiance(
    axis: int, side: int, half_size: tuple[float, float], height: float, lamps: np.ndarray
) -> np.ndarray:
    """Light of the lamps that falls on a side, 1 where it is brightest: 24 x 24 float32."""
    low = np.array([-half_size[0], -half_size[1], 0.0])
    extent = np.array([2 * half_size[0], 2 * half_size[1], height])
    columns_axis, rows_axis = np.delete(np.arange(3), axis)
    points = np.zeros((24, 24, 3))
    points[..., columns_axis] = low[columns_axis] + np.linspace(0, 1, 24) * extent[columns_axis]
    points[..., rows_axis] = low[rows_axis] + np.linspace(0, 1, 24)[:, None] * extent[rows_axis]
    points[..., axis] = low[axis] + (extent[axis] if side > 0 else 0.0)
    to_lamp = lamps - points[..., None, :]
    square = (to_lamp**2).sum(-1)
    facing = np.abs(to_lamp[..., axis]) + 200.0
    light = (facing * (np.abs(to_lamp[..., 2]) + 300.0) / (square + 500.0**2) ** 1.5).sum(-1)
    return (light / light.max()).astype(np.float32)


def _packed(textures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All textures in visible colours and their halvings in one array; where in it each is."""
    shapes = [
        [(rows >> level, columns >> level) for level in range(_NUM_LEVELS)]
        for rows, columns, _ in (texture.shape for texture in textures)
    ]
    table = np.array([[(0, *shape) for shape in levels] for levels in shapes], np.int64)
    sizes = (table[..., 1] * table[..., 2]).ravel()
    table[..., 0] = (np.cumsum(sizes) - sizes).reshape(table.shape[:2])
    texels = np.empty((int(sizes.sum()), 3), np.float32)
    for texture, places in zip(textures, table, strict=True):
        levels = [
            texels[first : first + rows * columns].reshape(rows, columns, 3)
            for first, rows, columns in places
        ]
        np.clip(texture, DARKEST, 1.0, out=levels[0])
        for fine, coarse in pairwise(levels):
            halve(fine, coarse)
    return texels, table


def _sky_colour(rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    hue = np.array([0.55, 0.7, 1.0], np.float32) ** rng.uniform(0, 1)
    return hue * np.float32(rng.uniform(0.5, 1.0))


def _greens(rng: np.random.Generator) -> Float[np.ndarray, "6 3"]:
    """The colours of one kind of plants in light and shade, and of the earth between them."""
    hue = np.array([rng.uniform(0.35, 0.9), 1.0, rng.uniform(0.2, 0.45)])
    shades = np.exp(np.log(rng.uniform(0.04, 0.2)) + rng.normal(0, 0.5, 6))
    return (hue * shades[:, None] * np.exp(rng.normal(0, 0.1, (6, 3)))).astype(np.float32)


def _ground(rng: np.random.Generator, shape: tuple[int, int], kind: str) -> np.ndarray:
    """Grass, earth, gravel or asphalt."""
    grass = kind == "garden" and rng.random() < 0.7
    base = _greens(rng)[0] + 0.05 if grass else colour(rng, 0.06, 0.45, 0.12)
    contrast = rng.uniform(0.08, 0.35)
    fine = rng.uniform(0.0, 0.3 if kind == "garden" else 0.1)
    shade = contrast * fractal(rng, shape, rng.uniform(8, 60)) + fine * noise(rng, shape, 1.0)
    return base * np.exp(shade)[..., None]


def _distance(
    rng: np.random.Generator, shape: tuple[int, int], texel: float, kind: str, sky: np.ndarray
) -> np.ndarray:
    """Houses or trees far away, and the sky above them; rows run upwards."""
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
        largest, boxes = rng.uniform(300, 1200) / texel, rng.uniform(0.6, 1.0)
        part[:] = leaves(rng, part.shape[:2], palette, largest, boxes=boxes)
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


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A user's picture that hangs all round: the camera's turn says which part is seen."""

    image: UInt8[np.ndarray, "H W 3"]
    """RGB."""

    def picture(self, camera: Camera) -> Float[np.ndarray, "height width 3"]:
        """A part of the picture as the camera's linear RGB float32, without the camera's roll."""
        height, width = self.image.shape[:2]
        ahead = camera.rays(np.array(camera.size_wh) / 2.0) @ camera.rot_world_to_cam
        angle = 2 * np.arctan(camera.size_wh[1] / (2 * camera.focal_px[1]))
        side = min(max(angle / PICTURE_HEIGHT_RAD, 0.15) * height, height, width)
        across = (np.arctan2(ahead[1], ahead[0]) / np.pi + 1) / 2
        upright = 0.5 - np.arctan2(ahead[2], np.hypot(ahead[0], ahead[1])) / PICTURE_HEIGHT_RAD
        left, top = across * (width - side), min(max(upright, 0.0), 1.0) * (height - side)
        box = (left, top, left + side, top + side)
        whole = Image.fromarray(self.image)
        part = whole.resize(camera.size_wh, Image.Resampling.BILINEAR, box=box)
        return (np.asarray(part, np.float32) / 255) ** np.float32(2.2)


def picture_files(folder: Path | None) -> tuple[Path, ...]:
    """The folder's pictures by name; without a folder none. Raises SourceError if it holds none."""
    if folder is None:
        return ()
    if all_round := training_panoramas(folder):
        return all_round
    paths = sorted(folder.rglob("*"))
    found = tuple(path for path in paths if path.suffix.lower() in PICTURE_SUFFIXES)
    if not found:
        raise SourceError(
            f"{folder} holds no pictures: expected files that end in {', '.join(PICTURE_SUFFIXES)}."
        )
    return found


def load_backdrop(path: Path) -> Backdrop:
    """The picture as a backdrop. Raises SourceError if it cannot be read."""
    try:
        with Image.open(path) as picture:
            picture.draft("RGB", (1600, 1600))
            picture.thumbnail((1600, 1600))
            return Backdrop(np.array(picture.convert("RGB")))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise SourceError(
            f"{path} cannot be read as a picture: {error}. Take it out of the folder."
        ) from error
