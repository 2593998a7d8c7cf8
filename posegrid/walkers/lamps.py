"""The light that falls on a posed person as kernels take it: lamp, shadow map, and the soft shadows
on the floor.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from posegrid.walkers import kernels, light_kernels
from posegrid.walkers.light import Light, SoftLight, floor_darkenings, light_frame
from posegrid.walkers.sewing import Person

SHADOW_MAP_SIZE = 256
SHADOW_MAP_SPAN_MM = 2600.0
FLOOR_MAP_SIZE = 96
SPREAD_MM = 120.0
"""Half the width of a shadow's soft edge on the person in the light of half of the sky: what throws
it is near.
"""
LAYERS_MM = (-1000.0, 250.0, 600.0, 1100.0, 2600.0)
LAYER_HEIGHTS_MM = (100.0, 420.0, 850.0, 1450.0)
"""What throws a shadow on the floor is taken in layers, each blurred as suits its height."""
MAX_SPREAD_MM = 1200.0
LEAST_DARKENING = 0.01


@dataclass(frozen=True, eq=False)
class Lit:
    """What `kernels.shade` asks about the light."""

    lamp: light_kernels.Lamp
    shadow_map: Float32[np.ndarray, "M M"]
    """What is nearest to the key light: negative distance along its rays, or NOTHING_MM."""
    soft: light_kernels.SoftLamps | None = None
    floor_map: Float32[np.ndarray, "N N"] | None = None
    """What is missing of the floor's light in soft shadows over the lamp's floor box; None without
    soft lights.
    """


def lit(person: Person, vertices: Float32[np.ndarray, "V 3"], light: Light) -> Lit:
    """The light as it falls on the person's surface in one pose."""
    towards, fill = (
        np.array(way) / np.linalg.norm(way) for way in (light.towards_key, light.towards_fill)
    )
    rotation = triples(light_frame(towards))
    centre = singles((vertices.min(axis=0) + vertices.max(axis=0)) / 2)
    size, texels_per_mm = SHADOW_MAP_SIZE, np.float32(SHADOW_MAP_SIZE / SHADOW_MAP_SPAN_MM)
    depths = np.full((size, size), light_kernels.NOTHING_MM, np.float32)
    if light.key_share > 0:
        screen, front = np.empty_like(vertices), np.full((size, size), -1, np.int32)
        kernels.project_along_light(vertices, rotation, centre, texels_per_mm, size, screen)
        kernels.rasterise(screen, person.faces, person.two_sided, depths, front)
    soft = _soft_shadows(light)
    low, high = _floor_bounds(vertices, towards, 0.0)
    for source, _ in soft:
        other_low, other_high = _floor_bounds(
            vertices, np.array(source.towards), float(_spread_mm(source, 1600.0))
        )
        low, high = np.minimum(low, other_low), np.maximum(high, other_high)
    floor_box = singles((low[0], high[0], low[1], high[1]))
    lamp = light_kernels.Lamp(
        towards=singles(towards),
        fill=singles(fill),
        key_share=np.float32(light.key_share),
        fill_share=np.float32(light.fill_share),
        ambient_share=np.float32(light.ambient_share),
        rotation=rotation,
        centre=centre,
        texels_per_mm=texels_per_mm,
        floor_box=floor_box,
        floor_darkening=np.float32(0 if light.key_softness > 0 else light.floor_darkening),
    )
    if not light.is_soft:
        return Lit(lamp, depths)
    soft_lamps = light_kernels.SoftLamps(
        softness=np.float32(light.key_softness),
        spread_mm=np.float32(SPREAD_MM * light.key_softness),
        others=_others(light.others),
    )
    return Lit(lamp, depths, soft_lamps, _floor_map(vertices, soft, floor_box))


def singles(values: Iterable) -> tuple:
    """The numbers as a tuple of float32, as kernels take them."""
    return tuple(np.float32(value) for value in values)


def triples(matrix: np.ndarray) -> tuple:
    """The rows of a matrix as a tuple of tuples of float32."""
    return tuple(singles(row) for row in matrix)


def _others(sources: tuple[SoftLight, ...]) -> tuple:
    """The soft lights and as many of share 0 as make them `NUM_SOFT_LIGHTS`."""
    rows = [
        singles(
            (
                *(np.array(source.towards) / np.linalg.norm(source.towards)),
                source.share,
                source.softness,
            )
        )
        for source in sources
    ]
    return tuple(rows + [singles((0, 0, 1, 0, 1))] * (light_kernels.NUM_SOFT_LIGHTS - len(rows)))


def _soft_shadows(light: Light) -> list[tuple[SoftLight, float]]:
    """The lights whose shadows on the floor have soft edges, and the share of the floor's light in
    each of them.
    """
    key = (
        [SoftLight(light.towards_key, light.key_share, light.key_softness)]
        if light.key_softness > 0
        else []
    )
    darkenings = [light.floor_darkening] * len(key) + floor_darkenings(light)[1:]
    shadows = zip([*key, *light.others], darkenings, strict=True)
    return [
        (source, dark)
        for source, dark in shadows
        if dark > LEAST_DARKENING and source.towards[2] > 0
    ]


def _floor_bounds(
    vertices: np.ndarray, towards: np.ndarray, pad_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    bounds = light_kernels.thrown_bounds(vertices, *(towards[:2] / max(towards[2], 0.05)))
    return bounds[0] - 40 - pad_mm, bounds[1] + 40 + pad_mm


def _spread_mm(source: SoftLight, height_mm: Float[np.ndarray, "..."] | float) -> np.ndarray:
    """Half the width of the soft edge that a thing so high above the floor throws."""
    sine = source.softness
    upright = source.towards[2] / np.linalg.norm(source.towards)
    tangent = sine / max(1 - sine * sine, 0.05) ** 0.5
    return np.minimum(np.asarray(height_mm) * tangent / upright**1.5, MAX_SPREAD_MM)


def _floor_map(
    vertices: np.ndarray, soft: list[tuple[SoftLight, float]], floor_box: tuple
) -> np.ndarray:
    missing, heights = np.zeros((2, FLOOR_MAP_SIZE, FLOOR_MAP_SIZE), np.float32)
    sides_mm = np.array([floor_box[1] - floor_box[0], floor_box[3] - floor_box[2]], np.float64)
    for source, darkening in soft:
        light_kernels.drop_on_floor(vertices, singles(source.towards), floor_box, heights)
        spread_cells = (
            _spread_mm(source, np.array(LAYER_HEIGHTS_MM))[:, None] * FLOOR_MAP_SIZE / sides_mm
        )
        reaches = np.round(0.5 * spread_cells).astype(np.int64)
        light_kernels.add_soft_shadow(
            heights, np.array(LAYERS_MM, np.float32), reaches, np.float32(darkening), missing
        )
    return missing
