"""Pictures of a dressed person in any window of any camera, with mask and shadow on the floor.

    posed = pose_person(person, rotations[t], bone_positions_mm[t], light)     for all cameras
    rendered = render(posed, camera, window, 128, background)                  once per camera

The world's floor is z = 0; everything is exact to a fraction of a pixel, lens distortion included.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Float32

from posegrid.body.camera import Camera
from posegrid.walkers.clothes.sewing import Person
from posegrid.walkers.render import surface_kernels as kernels
from posegrid.walkers.render.camera_kernels import kernel_camera, project, projected_bounds
from posegrid.walkers.render.light import CastLight, Light, cast_light

NO_FLOOR_MAP = np.zeros((2, 2), np.float32)


@dataclass(frozen=True, eq=False)
class PosedPerson:
    """A person in one pose under one light: what all cameras of a frame share."""

    person: Person
    attributes: Float32[np.ndarray, "V 12"]
    """What shading interpolates between vertices; columns as in `surface_kernels.NORMAL` and on."""
    light: CastLight

    @property
    def vertices_mm(self) -> Float32[np.ndarray, "V 3"]:
        """The surface in the world frame."""
        return self.light.vertices_mm


@dataclass(frozen=True, eq=False)
class Rendered:
    """One picture of a person, size x size pixels."""

    light: Float32[np.ndarray, "size size 3"]
    """Linear RGB, background and shadow included; `sensor.expose` makes a picture of it."""
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
    cast = cast_light(light, vertices, person.faces, person.two_sided)
    return PosedPerson(person, attributes, cast)


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
    person, light, screen = posed.person, posed.light, np.empty_like(posed.vertices_mm)
    project(posed.vertices_mm, kernel_camera(view.resized(2 * size, 2 * size)), screen)
    nearness = np.zeros((2 * size, 2 * size), np.float32)
    front = np.full((2 * size, 2 * size), -1, np.int32)
    kernels.rasterise(screen, person.faces, person.two_sided, nearness, front)
    picture, coverage = np.empty((size, size, 3), np.float32), np.empty((size, size), np.float32)
    behind, floor_map, shadow_box = np.zeros_like(picture), NO_FLOOR_MAP, np.zeros(4, np.int64)
    if background is not None:
        behind, floor_map = np.ascontiguousarray(background), light.floor_map
        shadow_box = _shadow_box(posed, view)
    kernels.shade(
        front, screen, person.faces, posed.attributes, person.material, person.materials,
        kernel_camera(view), light.lamp, light.shadow_map, floor_map, _noise_volume(), behind,
        shadow_box, picture, coverage,
    )  # fmt: skip
    return Rendered(picture, coverage)


def surface_box_px(
    posed: PosedPerson, camera: Camera, *, with_shadow: bool = False
) -> Float[np.ndarray, "4"]:
    """The box (x0, y0, x1, y1; pixels of the camera's picture) of the person's surface, and of the
    shadow on the floor if wanted.

    It may reach over the picture's edge. NaN where the person is not wholly in front of the camera;
    a shadow that is not is left out.
    """
    box = projected_bounds(posed.vertices_mm, kernel_camera(camera, np.float64))
    if not with_shadow:
        return box
    corners = camera.project(camera.world_to_camera(_floor_corners(posed)))
    if not np.isfinite(corners).all():
        return box
    low, high = np.minimum(box[:2], corners.min(axis=0)), np.maximum(box[2:], corners.max(axis=0))
    return np.concatenate([low, high])


def _floor_corners(posed: PosedPerson) -> np.ndarray:
    """Corners and midpoints of the floor's box that holds the shadow, world, mm: (9, 3)."""
    low_x, high_x, low_y, high_y = (float(edge) for edge in posed.light.lamp.floor_box)
    x, y = np.meshgrid(np.linspace(low_x, high_x, 3), np.linspace(low_y, high_y, 3))
    return np.stack([x.ravel(), y.ravel(), np.zeros(9)], axis=-1)


def _shadow_box(posed: PosedPerson, view: Camera) -> np.ndarray:
    """The pixels (left, top, right, bottom) of a window where the floor's shadow can be."""
    width, height = view.size_wh
    pixels = view.project(view.world_to_camera(_floor_corners(posed)))
    if not np.isfinite(pixels).all():
        return np.array([0, 0, width, height])
    low, high = np.floor(pixels.min(axis=0)) - 2, np.ceil(pixels.max(axis=0)) + 2
    return np.clip([*low, *high], 0, [width, height, width, height]).astype(np.int64)


@cache
def _noise_volume() -> Float32[np.ndarray, "32 32 32 4"]:
    """A repeating volume of smooth noise: gradient (3) and value, features about 5 steps wide."""
    size = kernels.NOISE_SIZE
    k = np.fft.fftfreq(size) * size
    radius = np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + k[None, None, :] ** 2)
    white = np.random.default_rng(0).standard_normal((size, size, size))
    value = np.fft.ifftn(np.fft.fftn(white) * np.exp(-(((radius - 6.5) / 3.2) ** 2))).real
    value /= 2 * value.std()
    slopes = [(np.roll(value, -1, axis) - np.roll(value, 1, axis)) / 2 for axis in range(3)]
    return np.ascontiguousarray(np.stack([*slopes, value], axis=-1), np.float32)
