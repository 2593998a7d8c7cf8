"""Pictures of a dressed person in any window of any camera, with mask, shadow on the floor, and a
sensor's faults.

    posed = pose_person(person, rotations[t], bone_positions_mm[t], light)     once per frame, for
    all cameras
    rendered = render(posed, camera, window, 128, background)                  once per camera
    image = expose(rendered.light, sensor, rng)

The world's floor is z = 0; everything is exact to a fraction of a pixel, lens distortion included.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from posegrid.body.camera import Camera
from posegrid.walkers.clothes.sewing import Person
from posegrid.walkers.render import kernels
from posegrid.walkers.render.light import Light, Lit, lit, singles, triples


@dataclass(frozen=True)
class Sensor:
    """What a camera does to the light it catches. The default is a perfect camera with the sRGB
    tone curve.
    """

    blur: float = 0.0
    """Light that spills into each of the four neighbouring pixels, relative to what stays,
    0..0.25.
    """
    noise_levels: float = 0.0
    """Standard deviation of the noise, grey levels of 255."""
    exposure: float = 1.0
    """Factor on the light."""


PERFECT = Sensor()


def random_sensor(rng: np.random.Generator) -> Sensor:
    """Faults such as ordinary video has."""
    return Sensor(
        float(rng.uniform(0, 0.25)), float(rng.uniform(0.5, 5)), float(rng.uniform(0.75, 1.3))
    )


def varied_sensor(rng: np.random.Generator) -> Sensor:
    """Faults from none to those of a dim room filmed by an old telephone."""
    noise_levels, exposure = (
        np.exp(rng.uniform(np.log(0.5), np.log(16))),
        np.exp(rng.normal(0.0, 0.35)),
    )
    return Sensor(
        float(rng.uniform(0, 0.25)), float(noise_levels), float(np.clip(exposure, 0.4, 2.2))
    )


@dataclass(frozen=True, eq=False)
class PosedPerson:
    """A person in one pose under one light: what all cameras of a frame share."""

    person: Person
    attributes: Float32[np.ndarray, "V 12"]
    """What shading interpolates between vertices; columns as in `kernels.NORMAL` and on."""
    lit: Lit

    @property
    def vertices_mm(self) -> Float32[np.ndarray, "V 3"]:
        """The surface in the world frame."""
        return self.attributes[:, kernels.POSITION : kernels.POSITION + 3]


@dataclass(frozen=True, eq=False)
class Rendered:
    """One picture of a person, size x size pixels."""

    light: Float32[np.ndarray, "size size 3"]
    """Linear RGB, background and shadow included; `expose` makes a picture of it."""
    coverage: Float32[np.ndarray, "size size"]
    """Share of each pixel that the person covers, 0..1."""

    @property
    def mask(self) -> Bool[np.ndarray, "size size"]:
        """True where the person covers at least half of the pixel."""
        return self.coverage >= 0.5


def pose_person(
    person: Person,
    rotations: Float[np.ndarray, "B 3 3"],
    bone_positions_mm: Float[np.ndarray, "B 3"],
    light: Light,
) -> PosedPerson:
    """The person's surface in one pose, and its shadow map.

    `rotations` and `bone_positions_mm` are one frame of `forward_kinematics`, the root raised by
    `person.sole_mm`; for a person with loose parts, of `loose.with_loose`.
    """
    shifts = bone_positions_mm - np.einsum("bij,bj->bi", rotations, person.bone_heads_mm)
    attributes = np.empty((len(person.vertices_mm), kernels.NUM_ATTRIBUTES), np.float32)
    attributes[:, kernels.REST : kernels.REST + 3] = person.vertices_mm
    attributes[:, kernels.TINT] = person.tint
    attributes[:, kernels.WRINKLES] = person.wrinkle
    attributes[:, kernels.OPENNESS] = person.openness
    kernels.skin(
        person.vertices_mm, person.normals, person.skin_weights, person.skin_bones,
        rotations.astype(np.float32), shifts.astype(np.float32), attributes,
    )  # fmt: skip
    vertices = np.ascontiguousarray(attributes[:, kernels.POSITION : kernels.POSITION + 3])
    return PosedPerson(person, attributes, lit(vertices, person.faces, person.two_sided, light))


def render(
    posed: PosedPerson,
    camera: Camera,
    window: Float[np.ndarray, "3"],
    size: int,
    background: Float32[np.ndarray, "{size} {size} 3"] | None = None,
) -> Rendered:
    """The picture of a square window (x0, y0, side; pixels of the camera), size x size pixels, 2 x
    2 samples each.

    `background` is the linear light of the same window without the person (None: black); the
    person's shadow on the floor darkens it.
    """
    view = camera.windowed(window, size)
    person, screen = posed.person, np.empty((len(posed.attributes), 3), np.float32)
    kernels.project(posed.vertices_mm, _lens(view.resized(2 * size, 2 * size)), screen)
    nearness, front = (
        np.zeros((2 * size, 2 * size), np.float32),
        np.full((2 * size, 2 * size), -1, np.int32),
    )
    kernels.rasterise(screen, person.faces, person.two_sided, nearness, front)
    picture, coverage = np.empty((size, size, 3), np.float32), np.empty((size, size), np.float32)
    shadow_box = np.zeros(4, np.int64) if background is None else _shadow_box(posed, view)
    behind = np.zeros_like(picture) if background is None else np.ascontiguousarray(background)
    light = posed.lit
    kernels.shade(
        front, screen, person.faces, posed.attributes, person.material, person.materials, _lens(view), light.lamp,
        light.soft, light.shadow_map, light.floor_map, _noise_volume(), behind, shadow_box, picture, coverage,
    )  # fmt: skip
    return Rendered(picture, coverage)


def expose(
    light: Float32[np.ndarray, "H W 3"],
    sensor: Sensor = PERFECT,
    rng: np.random.Generator | None = None,
) -> UInt8[np.ndarray, "H W 3"]:
    """The RGB picture that a sensor makes of linear light; `rng` draws the noise, without it there
    is none.
    """
    image = np.empty(light.shape, np.uint8)
    noise = _noise_bank()
    noise_levels, start = (
        (0.0, 0) if rng is None else (sensor.noise_levels, int(rng.integers(len(noise))))
    )
    kernels.expose(
        light,
        np.float32(sensor.blur),
        _tone_table(sensor.exposure),
        noise,
        np.float32(noise_levels),
        start,
        image,
    )
    return image


def person_box_px(
    posed: PosedPerson, camera: Camera, *, with_shadow: bool
) -> Float[np.ndarray, "4"]:
    """The box (x0, y0, x1, y1) of the camera's picture that holds the person, and its shadow on the
    floor if wanted.

    It may reach over the picture's edge. A shadow that reaches behind the camera is left out of the
    box.
    """
    points = posed.vertices_mm[::4].astype(np.float64)
    pixels = camera.project(camera.world_to_camera(points))
    low, high = np.nanmin(pixels, axis=0), np.nanmax(pixels, axis=0)
    if with_shadow:
        corners = camera.project(camera.world_to_camera(_floor_corners(posed)))
        if np.isfinite(corners).all():
            low, high = np.minimum(low, corners.min(axis=0)), np.maximum(high, corners.max(axis=0))
    return np.concatenate([low, high])


def _floor_corners(posed: PosedPerson) -> np.ndarray:
    """The corners of the box on the floor that holds the shadow (4, 3), and midpoints of its
    sides.
    """
    low_x, high_x, low_y, high_y = (float(edge) for edge in posed.lit.lamp.floor_box)
    x, y = np.linspace(low_x, high_x, 3), np.linspace(low_y, high_y, 3)
    return np.stack([*(grid.ravel() for grid in np.meshgrid(x, y)), np.zeros(9)], axis=-1)


def _shadow_box(posed: PosedPerson, view: Camera) -> np.ndarray:
    """The pixels (left, top, right, bottom) of a window where the floor's shadow can be."""
    width, height = view.size_wh
    pixels = view.project(view.world_to_camera(_floor_corners(posed)))
    if not np.isfinite(pixels).all():
        return np.array([0, 0, width, height])
    low, high = np.floor(pixels.min(axis=0)) - 2, np.ceil(pixels.max(axis=0)) + 2
    return np.clip([*low, *high], 0, [width, height, width, height]).astype(np.int64)


def _lens(camera: Camera) -> kernels.Lens:
    """The camera as kernels take it."""
    return kernels.Lens(
        triples(camera.rot_world_to_cam),
        *(
            singles(v)
            for v in (
                camera.centre_world_mm,
                camera.focal_px,
                camera.principal_px,
                camera.distortion,
            )
        ),
    )


@cache
def _noise_bank() -> np.ndarray:
    """A million standard normal numbers, taken in turn from a random place."""
    return np.random.default_rng(0).standard_normal(1 << 20, np.float32)


@cache
def _tone_table(exposure: float) -> np.ndarray:
    """Grey levels 0..255 of linear light 0..1 in equal steps, after the exposure, by the sRGB curve
    (IEC 61966-2-1).
    """
    light = np.clip(np.linspace(0, 1, kernels.LUMA_STEPS + 1) * exposure, 0, 1)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return (255 * curve).astype(np.float32)


@cache
def _noise_volume() -> np.ndarray:
    """A repeating volume of smooth noise (32, 32, 32, 4): its gradient and its value, features
    about 5 steps wide.
    """
    size = kernels.NOISE_SIZE
    k = np.fft.fftfreq(size) * size
    radius = np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + k[None, None, :] ** 2)
    white = np.random.default_rng(0).standard_normal((size, size, size))
    value = np.fft.ifftn(np.fft.fftn(white) * np.exp(-(((radius - 6.5) / 3.2) ** 2))).real
    value /= 2 * value.std()
    slopes = [(np.roll(value, -1, axis) - np.roll(value, 1, axis)) / 2 for axis in range(3)]
    return np.ascontiguousarray(np.stack([*slopes, value], axis=-1), np.float32)
