"""Places for whole frames: views of panoramas, of made-up rooms hung with real textures, and of a
user's pictures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32, UInt8
from PIL import Image

from posegrid.errors import SourceError
from posegrid.untrusted import DAMAGED, arrays_of_npz
from posegrid.walkers.scenes import kernels

Split = Literal["train", "validation", "test"]
VALIDATION_PLACES = (
    "humus_Yokohama3", "ph_autoshop_01", "ph_vestibule", "ph_garden_nook", "ph_st_fagans_interior",
    "ph_spree_bank",
)  # fmt: skip
TEST_PLACES = (
    "humus_Park2", "ph_vintage_measuring_lab", "ph_lythwood_room", "ph_dancing_hall",
    "ph_dresden_square", "ph_noon_grass", "ph_future_parking", "ph_blocky_photo_studio",
    "ph_small_cathedral", "ph_moonless_golf",
)  # fmt: skip
"""Panoramas that no training sees: those places are nowhere among the others."""
PANORAMAS = "panoramas"
FINE_WIDTH, COARSE_WIDTH = 2048, 1024
"""Width of panoramas that come from cube maps, and of those from small HDR files, that hold no
more.
"""


@dataclass(frozen=True, eq=False)
class Panorama:
    """All that is seen from one point."""

    name: str
    image: UInt8[np.ndarray, "h w 3"]
    """Equirectangular RGB: the middle is the world's +x, the left of it +y."""
    towards_light: Float[np.ndarray, "3"] | None
    """World vector to where the radiance is strongest; None if it is not known."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The places of one split."""

    panoramas: tuple[Panorama, ...]
    pictures: tuple[UInt8[np.ndarray, "h w 3"], ...]
    """Photographs without a known camera."""
    pyramids: Float32[np.ndarray, "n texels"]
    """Textures as `kernels` takes them: levels of 128, 64 ... 4 texels one after the other,
    mean level 128.
    """


@dataclass(frozen=True, eq=False)
class SceneView:
    """A camera above the floor of a place."""

    shape: tuple[int, int]
    """Height and width of the picture, pixels."""
    focal_px: float
    rot_world_to_cam: Float[np.ndarray, "3 3"]
    height_mm: float

    @property
    def centre_px(self) -> tuple[float, float]:
        """x and y of the optical axis."""
        return 0.5 * self.shape[1], 0.5 * self.shape[0]

    def project(self, points_mm: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """x, y in pixels and depth in mm of points of the world whose origin lies on the floor
        below the camera.
        """
        cam = (points_mm - [0.0, 0.0, self.height_mm]) @ self.rot_world_to_cam.T
        depth = np.maximum(cam[:, 2:], 1e-3)
        return np.concatenate(
            [cam[:, :2] / depth * self.focal_px + self.centre_px, cam[:, 2:]], axis=-1
        )


def random_view(
    rng: np.random.Generator,
    shape: tuple[int, int],
    pitch_of_height: Callable[[float], float],
    focal_px: float,
) -> SceneView:
    """A camera that looks anywhere round, turned a little about its axis; how far down follows from
    its height (mm).
    """
    height = rng.uniform(250.0, 3300.0) if rng.random() < 0.5 else rng.uniform(800.0, 2000.0)
    pitch_rad = float(np.clip(pitch_of_height(height), -0.6, 1.2))
    yaw, roll = rng.uniform(0, 2 * np.pi), np.radians(rng.normal(0.0, 2.0))
    ahead = np.array(
        [np.cos(yaw) * np.cos(pitch_rad), np.sin(yaw) * np.cos(pitch_rad), -np.sin(pitch_rad)]
    )
    right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
    upright = np.stack([right, np.cross(ahead, right), ahead])
    cos, sin = np.cos(roll), np.sin(roll)
    rot = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) @ upright
    return SceneView(shape, focal_px, rot, height)


def places_and_textures(folder: Path, split: Split) -> tuple[list[str], list[Path]]:
    """Names of a split's panoramas, and all textures, of a folder with `panoramas/` and
    `textures/`. SourceError if it lacks them.
    """
    held_out = {"validation": VALIDATION_PLACES, "test": TEST_PLACES}
    names = [path.stem for path in sorted((folder / PANORAMAS).glob("*.jpg"))]
    if split in held_out:
        names = [name for name in names if name in held_out[split]]
    else:
        names = [name for name in names if name not in VALIDATION_PLACES + TEST_PLACES]
    textures = sorted(
        path
        for path in (folder / "textures").rglob("*")
        if path.suffix in (".jpg", ".png", ".webp")
    )
    if not names or not textures:
        raise SourceError(
            f"{folder} holds no panoramas/*.jpg or no textures/*; give a folder that holds both."
        )
    return names, textures


def training_panoramas(folder: Path) -> tuple[Path, ...]:
    """The panoramas of a folder, but those that finders are chosen and tested by."""
    kept_apart = VALIDATION_PLACES + TEST_PLACES
    paths = sorted((folder / PANORAMAS).glob("*.jpg"))
    return tuple(path for path in paths if path.stem not in kept_apart)


def load_surroundings(folder: Path, split: Split) -> Surroundings:
    """What a split may see of a folder with `panoramas/`, `textures/` and `photos/`. SourceError if
    it lacks them.
    """
    names, textures = places_and_textures(folder, split)
    turn = {"test": (0,), "validation": (1,), "train": tuple(range(2, 10))}[split]
    chosen = [path for number, path in enumerate(textures) if number % 10 in turn]
    photos = sorted((folder / "photos").glob("*.jpg")) if split == "train" else []
    return Surroundings(
        tuple(_panorama(folder / PANORAMAS / name) for name in names),
        tuple(_picture(path) for path in photos),
        np.stack([_pyramid(path) for path in chosen]),
    )


def _panorama(stem: Path) -> Panorama:
    light = stem.with_suffix(".npz")
    return Panorama(stem.name, panorama_image(stem), _strongest(light) if light.exists() else None)


def panorama_image(stem: Path) -> UInt8[np.ndarray, "h w 3"]:
    """The panorama `stem`.jpg, no larger than what it holds. Raises SourceError if it is damaged."""
    width = COARSE_WIDTH if stem.name.startswith("ph_") else FINE_WIDTH
    path = stem.with_name(f"{stem.name}.jpg")
    try:
        with Image.open(path) as picture:
            size = (width, width // 2)
            return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BOX))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise SourceError(
            f"{path} cannot be read as a picture: {error}. Take it out of the folder."
        ) from error


def radiance_of(path: Path) -> Float[np.ndarray, "rows columns 3"]:
    """The light from all directions (`directions`), linear RGB. Raises SourceError for a file
    without it.
    """
    try:
        radiance = arrays_of_npz(path, ["radiance"])["radiance"].astype(np.float64)
    except DAMAGED as error:
        raise SourceError(f"{path} cannot be read as radiance: {error}. Take it out.") from error
    if radiance.ndim != 3 or radiance.shape[-1] != 3 or not radiance.sum() > 0:
        raise SourceError(
            f"{path}: `radiance` is {radiance.shape}; expected rows x columns x 3, some of it above 0. "
            "Take it out."
        )
    return radiance


def directions(
    rows: int, columns: int
) -> tuple[Float[np.ndarray, "rows columns 3"], Float[np.ndarray, "rows columns"]]:
    """World vectors of an equirectangular picture's pixels, and the solid angle of each."""
    latitude = (0.5 - (np.arange(rows) + 0.5) / rows)[:, None] * np.pi
    longitude = (0.5 - (np.arange(columns) + 0.5) / columns) * 2 * np.pi
    flat = np.cos(latitude)
    up = np.sin(latitude) + np.zeros(columns)
    area = flat * (np.pi / rows) * (2 * np.pi / columns) + np.zeros(columns)
    return np.stack([flat * np.cos(longitude), flat * np.sin(longitude), up], axis=-1), area


def _strongest(path: Path) -> np.ndarray:
    """The direction of the strongest light above the horizon."""
    radiance = radiance_of(path).mean(axis=-1)
    towards, area = directions(*radiance.shape)
    power = radiance * area * (towards[..., 2] > -0.05)
    return towards[np.unravel_index(power.argmax(), power.shape)]


def _picture(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        picture.thumbnail((1000, 1000))
        return np.array(picture.convert("RGB"))


def _pyramid(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        fine = picture.convert("RGB").resize(
            (kernels.TEXTURE_SIDE, kernels.TEXTURE_SIDE), Image.Resampling.BILINEAR
        )
    image = np.asarray(fine, np.float32)
    image = image * np.float32(128 / max(float(image.mean()), 1.0))
    levels = [image]
    for _ in range(kernels.LEVELS - 1):
        finer = levels[-1]
        levels.append(
            0.25 * (finer[::2, ::2] + finer[1::2, ::2] + finer[::2, 1::2] + finer[1::2, 1::2])
        )
    return np.concatenate([level.ravel() for level in levels]).astype(np.float32)


# --- pictures of places ---------------------------------------------------------------------------


def place_picture(
    rng: np.random.Generator, places: Surroundings, view: SceneView, reach_mm: float
) -> tuple[Float32[np.ndarray, "h w 3"], Panorama | None]:
    """The empty place before the camera, levels 0..255, and the panorama that it is if it is one.

    `reach_mm`: how far away people stand; walls are farther.
    """
    kind = rng.random()
    if kind < 0.56:
        panorama = places.panoramas[int(rng.integers(len(places.panoramas)))]
        return _levels(rng, _seen(panorama, view)), panorama
    if kind < 0.94 or not places.pictures:
        room = room_picture(rng, places.pyramids, view, reach_mm)
        for _ in range(int(rng.integers(0, 6)) if rng.random() < 0.5 else 0):
            _hang_view(rng, room, places)
        return room, None
    return _levels(rng, _part(rng, places.pictures, view.shape)), None


def _hang_view(rng: np.random.Generator, room: np.ndarray, places: Surroundings) -> None:
    """A part of a real place in a rectangle of the room's picture: clutter, a window, a board."""
    high, wide = (
        int(np.exp(rng.uniform(np.log(12), np.log(0.6 * side)))) for side in room.shape[:2]
    )
    top, left = (
        int(rng.integers(0, room.shape[0] - high)),
        int(rng.integers(0, room.shape[1] - wide)),
    )
    focal = max(high, wide) / (2 * np.tan(np.radians(rng.uniform(10.0, 30.0))))
    window = random_view(rng, (high, wide), lambda _: rng.uniform(-0.2, 0.7), focal)
    panorama = places.panoramas[int(rng.integers(len(places.panoramas)))]
    part = room[top : top + high, left : left + wide]
    part[:] = _seen(panorama, window) * np.float32(np.exp(rng.normal(0, 0.3)))


def _seen(panorama: Panorama, view: SceneView) -> np.ndarray:
    out = np.empty((*view.shape, 3), np.float32)
    kernels.view_panorama(
        panorama.image, view.rot_world_to_cam, view.focal_px, *view.centre_px, out
    )
    return out


def _part(
    rng: np.random.Generator, pictures: Sequence[np.ndarray], shape: tuple[int, int]
) -> np.ndarray:
    """A part of a photograph at the picture's shape."""
    picture = pictures[int(rng.integers(len(pictures)))]
    scale = rng.uniform(0.4, 1.0) * min(picture.shape[0] / shape[0], picture.shape[1] / shape[1])
    high, wide = scale * shape[0], scale * shape[1]
    left, top = rng.uniform(0, picture.shape[1] - wide), rng.uniform(0, picture.shape[0] - high)
    box = (left, top, left + wide, top + high)
    part = Image.fromarray(picture).resize((shape[1], shape[0]), Image.Resampling.BILINEAR, box=box)
    return np.asarray(part, np.float32)


def _levels(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The picture a little brighter or darker, with the fine grain that an enlarged panorama has
    lost.
    """
    grain = rng.standard_normal(image.shape[:2], np.float32) * np.float32(
        np.exp(rng.uniform(-3.9, -2.3))
    )
    return image * (np.float32(np.exp(rng.normal(0.0, 0.25))) * (1 + grain[..., None]))


def room_picture(
    rng: np.random.Generator, pyramids: np.ndarray, view: SceneView, reach_mm: float
) -> Float32[np.ndarray, "h w 3"]:
    """A made-up room: floor, walls and ceiling, plain or textured, with windows, doors, boards and
    stripes on them.
    """
    walls = np.exp(rng.uniform(np.log(1500.0), np.log(9000.0), 4)) + 0.8 * reach_mm * rng.random(4)
    ceiling = max(rng.uniform(2300.0, 4500.0), view.height_mm + 200.0) + 0.12 * reach_mm
    half = np.array([-walls[0], walls[1], -walls[2], walls[3], ceiling], np.float64)
    paint, trim = _paint(rng), _paint(rng)
    surfaces = np.empty((6, 5), np.float64)
    for side in range(6):
        base = (_paint(rng), np.minimum(_paint(rng) * 1.4, 250.0), paint, paint, paint, trim)[side]
        textured = rng.random() < (0.75, 0.3, 0.35, 0.35, 0.35, 0.35)[side]
        which = int(rng.integers(len(pyramids))) if textured else -1
        surfaces[side] = [*base, which, np.exp(rng.uniform(np.log(400.0), np.log(3000.0)))]
    if rng.random() < 0.7:
        surfaces[3:, 3:] = surfaces[2, 3:]
    patches = [_patch(rng, half, len(pyramids)) for _ in range(int(rng.integers(0, 12)))]
    place = [
        rng.uniform(half[0], half[1]) * 0.7,
        rng.uniform(half[2], half[3]) * 0.7,
        ceiling * rng.uniform(0.6, 1),
    ]
    lamp = np.array(
        [*place, np.exp(rng.uniform(np.log(1500.0), np.log(12000.0))), rng.uniform(0.3, 1.0)]
    )
    out = np.empty((*view.shape, 3), np.float32)
    kernels.view_room(
        view.rot_world_to_cam, view.focal_px, *view.centre_px, view.height_mm, half, surfaces,
        np.array(patches, np.float64).reshape(-1, 9), lamp, pyramids, out,
    )  # fmt: skip
    grain = rng.standard_normal(out.shape[:2], np.float32) * np.float32(
        np.exp(rng.uniform(-4.5, -3.0))
    )
    return out * (1 + grain[..., None])


def _paint(rng: np.random.Generator) -> np.ndarray:
    """A colour as walls and floors have: mostly pale, of any brightness."""
    level = rng.uniform(25.0, 245.0)
    return np.clip(level * np.exp(rng.normal(0.0, rng.choice([0.03, 0.12, 0.4]), 3)), 4.0, 250.0)


def _patch(rng: np.random.Generator, half: np.ndarray, num_textures: int) -> list[float]:
    """Something flat on a wall or on the floor: a door, a window, a board, a rug, a stripe of
    paint.
    """
    side = int(rng.choice([0, 2, 3, 4, 5], p=[0.2, 0.2, 0.2, 0.2, 0.2]))
    low, high = (half[0], half[1]) if side in (0, 4, 5) else (half[2], half[3])
    wide = np.exp(rng.uniform(np.log(150.0), np.log(3000.0)))
    a = rng.uniform(low, high)
    if side == 0:
        b, tall = rng.uniform(half[2], half[3]), np.exp(rng.uniform(np.log(150.0), np.log(3000.0)))
    elif rng.random() < 0.4:
        b, tall, wide = 0.0, rng.uniform(1800.0, 2300.0), rng.uniform(600.0, 1600.0)
    else:
        b, tall = rng.uniform(0.0, half[4]), np.exp(rng.uniform(np.log(60.0), np.log(2000.0)))
    if rng.random() < 0.1:
        low, wide = low * 2, (high - low) * 4
        a = low
    which = float(rng.integers(num_textures)) if rng.random() < 0.4 else -1.0
    return [side, a, a + wide, b, b + tall, *_paint(rng), which]
