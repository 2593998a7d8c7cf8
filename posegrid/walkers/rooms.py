"""Rooms for walkers to walk in: six painted surfaces of a box, and what any camera inside sees of
them.

A room is drawn once per person from random numbers: a floor (carpet, planks or tiles, perhaps a
rug), walls with pictures, doors, curtains and cupboards, a ceiling with lamps. Colours are linear
RGB in 0..1, light included: the lamps' pools of light are painted into the surfaces. Nothing in a
room moves, so its picture is a camera's background.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from posegrid.body.camera import Camera, turning_radius
from posegrid.walkers import paint
from posegrid.walkers.paint_kernels import halve, light_up
from posegrid.walkers.room_kernels import look_round, undistort

TEXELS_PER_REACH = 460
"""Fineness of the textures: elements of 12 mm in a room for cameras 5.5 m from its middle, where a
pixel of a 1000 px picture shows 5 to 7 mm of a wall and one of a crop 15 mm. Larger rooms have
coarser ones."""
_NUM_LEVELS = 4
DARKEST = 0.004
SIDES = ((0, -1), (0, 1), (1, -1), (1, 1), (2, -1), (2, 1))
"""(axis, low or high) of the box's sides, in the order of `Room.table`."""
_RAY_STEP_PX = 8
"""Rays are computed at every eighth pixel and interpolated: a lens bends them too little in between
to be seen.
"""


@dataclass(frozen=True, eq=False)
class Room:
    """A box of `half_size_mm` (x, y) about the world's origin and `height_mm` above the floor at z
    = 0.
    """

    half_size_mm: tuple[float, float]
    height_mm: float
    texel_mm: float
    """Size of the finest textures' elements."""
    texels: Float[np.ndarray, "texels 3"]
    """The textures of all sides, each row by row, from fine to coarse."""
    table: Int[np.ndarray, "6 levels 3"]
    """First texel, rows, columns of each texture of the sides: x low, x high, y low, y high, floor,
    ceiling.
    """

    def picture(self, camera: Camera) -> Float[np.ndarray, "height width 3"]:
        """What the camera sees, linear RGB float32. A camera outside looks through the wall before
        which it stands.
        """
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


def random_room(rng: np.random.Generator, reach_mm: float = 5500.0) -> Room:
    """A room like no other. `reach_mm`: how far from the middle cameras may stand, mm, along y (two
    thirds along x).
    """
    half_size = (
        reach_mm * rng.uniform(0.67, 1.0) + 150.0,
        reach_mm * rng.uniform(1.0, 1.3) + 150.0,
    )
    height = rng.uniform(2600.0, 3800.0)
    texel = reach_mm / TEXELS_PER_REACH
    lamps = _random_lamps(rng, half_size, height)
    ambient = rng.uniform(0.35, 0.6)
    textures = []
    for axis, side in SIDES:
        shape = texture_shape(axis, half_size, height, texel)
        if axis == 2:
            albedo = (
                paint.floor(rng, shape, texel) if side < 0 else paint.ceiling(rng, shape, texel)
            )
        else:
            albedo = paint.wall(rng, shape, texel)
        lit = _irradiance(axis, side, shape, half_size, height, lamps)
        light_up(albedo, ambient + (1 - ambient) * lit)
        textures.append(albedo)
    return box_of_textures(half_size, height, texel, textures)


def box_of_textures(
    half_size_mm: tuple[float, float],
    height_mm: float,
    texel_mm: float,
    textures: list[Float[np.ndarray, "_ _ 3"]],
) -> Room:
    """The room whose sides, in the order of `SIDES`, are painted so: each of its
    `texture_shape`.
    """
    texels, table = _packed(textures)
    return Room(half_size_mm, height_mm, texel_mm, texels, table)


def texture_shape(
    axis: int, half_size: tuple[float, float], height: float, texel: float
) -> tuple[int, int]:
    """Rows and columns of a surface's texture: the later of its two world axes runs along the
    rows.
    """
    extent = np.array([2 * half_size[0], 2 * half_size[1], height])
    columns, rows = np.delete(extent, axis)
    return int(np.ceil(rows / texel)) + 1, int(np.ceil(columns / texel)) + 1


def _random_lamps(
    rng: np.random.Generator, half_size: tuple[float, float], height: float
) -> np.ndarray:
    count = int(rng.integers(2, 6))
    across = rng.uniform(-0.8, 0.8, (count, 2)) * half_size
    return np.column_stack([across, np.full(count, height - 100.0)])


def _irradiance(
    axis: int,
    side: int,
    shape: tuple[int, int],
    half_size: tuple[float, float],
    height: float,
    lamps: np.ndarray,
) -> np.ndarray:
    """Light of the lamps that falls on a surface, with 1 where it is brightest; computed coarsely,
    then enlarged.
    """
    extent = np.array([2 * half_size[0], 2 * half_size[1], height])
    low = np.array([-half_size[0], -half_size[1], 0.0])
    columns_axis, rows_axis = np.delete(np.arange(3), axis)
    columns, rows = np.meshgrid(np.linspace(0, 1, 24), np.linspace(0, 1, 24))
    points = np.zeros((24, 24, 3))
    points[..., columns_axis] = low[columns_axis] + columns * extent[columns_axis]
    points[..., rows_axis] = low[rows_axis] + rows * extent[rows_axis]
    points[..., axis] = low[axis] + (extent[axis] if side > 0 else 0.0)
    to_lamp = lamps - points[..., None, :]
    square = (to_lamp**2).sum(-1)
    facing = np.abs(to_lamp[..., axis]) + 200.0
    light = (facing * (np.abs(to_lamp[..., 2]) + 300.0) / (square + 500.0**2) ** 1.5).sum(-1)
    light = light / light.max()
    return paint.enlarged(light.astype(np.float32), shape)


def _packed(textures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All textures, in visible colours, and their halvings in one array, and where in it each one
    is.
    """
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


def _node_directions(camera: Camera) -> np.ndarray:
    """Directions in the world at every `_RAY_STEP_PX`-th pixel corner, float32 (rows, columns, 3),
    not normalised.
    """
    columns, rows = (
        np.arange(-(-size // _RAY_STEP_PX) + 1) * float(_RAY_STEP_PX) for size in camera.size_wh
    )
    nodes = np.stack(np.meshgrid(columns, rows), axis=-1)
    rays = np.ones((*nodes.shape[:2], 3))
    rays[..., :2] = (nodes - np.asarray(camera.principal_px)) / camera.focal_px
    if any(camera.distortion):
        undistort(
            rays.reshape(-1, 3),
            camera.distortion,
            camera.tangential,
            turning_radius(camera.distortion),
        )
    return (rays @ camera.rot_world_to_cam).astype(np.float32)
