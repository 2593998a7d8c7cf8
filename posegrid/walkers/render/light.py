"""The light that falls on a rendered person: lamps, windows, sun and sky with shadows, a fill
light, ambient light.

The light that falls on a posed person as kernels take it: lamp, shadow map, and the soft shadows
on the floor.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from posegrid.walkers.render import kernels, light_kernels


@dataclass(frozen=True)
class SoftLight:
    """A distant round light with some width: a lamp with its shade, a window, the sky."""

    towards: tuple[float, float, float]
    """World vector to its middle, of any length, z up and above the floor."""
    share: float
    """Of the light of all lights, were they points."""
    softness: float
    """Sine of half the angle that it takes up: 0 a point, 1 half of the sky."""


@dataclass(frozen=True)
class Light:
    """One lighting of a scene. Directions are world vectors towards the lights, of any length, z
    up.
    """

    towards_key: tuple[float, float, float] = (0.5, -0.6, 0.9)
    towards_fill: tuple[float, float, float] = (-0.6, 0.5, 0.4)
    key_share: float = 0.5
    """Of the light on a surface that faces everything; the three shares usually add up to 1."""
    fill_share: float = 0.15
    ambient_share: float = 0.35
    floor_darkening: float = 0.4
    """Share of the floor's light that is missing in the key light's full shadow, 0..1."""
    key_softness: float = 0.0
    """See `SoftLight`; 0: shadows have hard edges."""
    others: tuple[SoftLight, ...] = ()
    """Up to three more lights. Their shadows fall on the floor; on the person, openness stands for
    them.
    """

    @property
    def is_soft(self) -> bool:
        """Whether any light has a width, or there is more than the key light."""
        return self.key_softness > 0 or bool(self.others)


def random_light(rng: np.random.Generator) -> Light:
    """A plausible lighting of a room: the key light anywhere above, harsh or soft."""
    key_turn, fill_turn = rng.uniform(0, 2 * np.pi, 2)
    key_share, fill_share = rng.uniform(0.15, 0.65), rng.uniform(0.0, 0.25)
    strength = rng.uniform(0.8, 1.15)
    return Light(
        towards_key=(
            float(np.cos(key_turn)),
            float(np.sin(key_turn)),
            float(rng.uniform(0.7, 2.5)),
        ),
        towards_fill=(
            float(np.cos(fill_turn)),
            float(np.sin(fill_turn)),
            float(rng.uniform(-0.1, 0.8)),
        ),
        key_share=strength * key_share,
        fill_share=strength * fill_share,
        ambient_share=strength * (1 - key_share - fill_share),
        floor_darkening=float(rng.uniform(0.6, 1.0) * key_share),
    )


def varied_light(rng: np.random.Generator, *, outdoors: bool | None = None) -> Light:
    """Any lighting: one to four lamps and windows, hard sun from low or high under a sky, an
    overcast sky, twilight.

    `outdoors`: under the sky, or in a room; None: either. Cameras stand all round, so a low sun is
    backlight for some.
    """
    outdoors = bool(rng.random() < 0.5) if outdoors is None else outdoors
    if not outdoors:
        return _lamps_and_windows(rng)
    return _sun(rng) if rng.random() < 0.6 else _overcast(rng)


def _lamps_and_windows(rng: np.random.Generator) -> Light:
    """One to four lights of any width; the strongest is the key light."""
    count = int(rng.integers(1, 5))
    shares = rng.uniform(0.3, 0.85) * rng.dirichlet(np.full(count, 2.0))
    sources = [
        _window(rng, share) if rng.random() < 0.35 else _lamp(rng, share)
        for share in -np.sort(-shares)
    ]
    return _lit_by(rng, sources, strength=rng.uniform(0.7, 1.4), fill_part=rng.uniform(0.0, 0.3))


def _lamp(rng: np.random.Generator, share: float) -> SoftLight:
    return SoftLight(_way(rng, rng.uniform(0.7, 2.5)), float(share), float(rng.uniform(0.03, 0.3)))


def _window(rng: np.random.Generator, share: float) -> SoftLight:
    return SoftLight(_way(rng, rng.uniform(0.45, 0.8)), float(share), float(rng.uniform(0.3, 0.6)))


def _sun(rng: np.random.Generator) -> Light:
    key_share, height = rng.uniform(0.6, 0.88), np.exp(rng.uniform(np.log(0.25), np.log(3.0)))
    sun = SoftLight(_way(rng, height), float(key_share), 0.0)
    sky = SoftLight((0.0, 0.0, 1.0), float(rng.uniform(0.4, 0.8) * (1 - key_share)), 0.9)
    return _lit_by(
        rng, [sun, sky], strength=rng.uniform(0.35, 1.4), fill_part=rng.uniform(0.0, 0.5)
    )


def _overcast(rng: np.random.Generator) -> Light:
    """The sky above, and a part of it that is brighter."""
    share, bright = rng.uniform(0.5, 0.85), rng.uniform(0.0, 0.6)
    brighter = SoftLight(
        _way(rng, rng.uniform(0.5, 1.5)), float(share * bright), float(rng.uniform(0.5, 0.8))
    )
    sky = SoftLight((0.0, 0.0, 1.0), float(share * (1 - bright)), 0.9)
    sources = sorted((brighter, sky), key=lambda source: -source.share)
    return _lit_by(rng, sources, strength=rng.uniform(0.5, 1.8), fill_part=rng.uniform(0.0, 0.4))


def _way(rng: np.random.Generator, height: float) -> tuple[float, float, float]:
    """Any direction that rises by `height` for each 1 across."""
    turn = rng.uniform(0, 2 * np.pi)
    return float(np.cos(turn)), float(np.sin(turn)), float(height)


def _lit_by(
    rng: np.random.Generator, sources: list[SoftLight], strength: float, fill_part: float
) -> Light:
    """The lights, the first as key; of what their shares leave of 1, a part fills and the rest is
    ambient.
    """
    key, *others = (replace(source, share=float(strength * source.share)) for source in sources)
    rest = strength * (1 - sum(source.share for source in sources))
    light = Light(
        towards_key=key.towards,
        towards_fill=_way(rng, rng.uniform(0.0, 2.0)),
        key_share=key.share,
        fill_share=float(rest * fill_part),
        ambient_share=float(rest * (1 - fill_part)),
        key_softness=key.softness,
        others=tuple(others),
    )
    return replace(light, floor_darkening=floor_darkenings(light)[0])


def floor_darkenings(light: Light) -> list[float]:
    """The share of the floor's light that comes from the key light, and from each of the others."""
    key = SoftLight(light.towards_key, light.key_share, light.key_softness)
    parts = []
    for source in (key, *light.others):
        facing, softness = source.towards[2] / np.linalg.norm(source.towards), source.softness
        parts.append(float(source.share * max(facing + softness, 0.0) / (1 + softness) ** 2))
    fill = light.fill_share * (
        0.5 + 0.5 * light.towards_fill[2] / np.linalg.norm(light.towards_fill)
    )
    total = sum(parts) + fill + light.ambient_share
    return [part / max(total, 1e-9) for part in parts]


def light_frame(towards: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """Rotation from the world to the frame of a distant light: its z axis runs along the rays, away
    from the light.
    """
    along = -np.asarray(towards, np.float64) / np.linalg.norm(towards)
    aside = np.cross(along, [0.0, 0.0, 1.0] if abs(along[2]) < 0.99 else [1.0, 0.0, 0.0])
    aside /= np.linalg.norm(aside)
    return np.stack([aside, np.cross(along, aside), along])


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


def lit(
    vertices: Float32[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    two_sided: Bool[np.ndarray, "F"],
    light: Light,
) -> Lit:
    """The light as it falls on a surface: world frame, mm."""
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
        kernels.rasterise(screen, faces, two_sided, depths, front)
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
    return np.asarray(np.minimum(height_mm * tangent / upright**1.5, MAX_SPREAD_MM))


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
