"""The light that falls on a rendered person: lamps, windows, sun and sky with shadows, fill and
ambient light; as numbers, and as the renderer's kernels take it.

Directions are world vectors, z up. Shares are of the light on a surface that faces everything.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from posegrid.walkers.render import light_kernels
from posegrid.walkers.render import surface_kernels as kernels

SHADOW_MAP_SIZE = 256
SHADOW_MAP_SPAN_MM = 2600.0
FLOOR_MAP_SIZE = 96
SPREAD_MM = 120.0
"""Half the width of a shadow's soft edge on the person in the light of half of the sky."""
LAYERS_MM = (-1000.0, 250.0, 600.0, 1100.0, 2600.0)
LAYER_HEIGHTS_MM = (100.0, 420.0, 850.0, 1450.0)
"""What throws a shadow on the floor is taken in layers, each blurred as suits its height."""
MAX_SPREAD_MM = 1200.0
LEAST_DARKENING = 0.01
LightKind = Literal["lamp", "indoors", "outdoors"]
"""One bare lamp; one to four lamps and windows; sun and sky."""


@dataclass(frozen=True)
class SoftLight:
    """A distant round light with some width: a lamp with its shade, a window, the sky."""

    towards: tuple[float, float, float]
    """World vector to its middle, of any length, z up and above the floor."""
    share: float
    """Of the light of all lights, were they points."""
    softness: float
    """Sine of half the angle that it takes up: 0 a point, 1 half of the sky."""

    @property
    def unit(self) -> Float[np.ndarray, "3"]:
        """World vector to its middle at length 1."""
        return np.array(self.towards) / np.linalg.norm(self.towards)


@dataclass(frozen=True)
class Light:
    """One lighting of a scene."""

    towards_key: tuple[float, float, float] = (0.5, -0.6, 0.9)
    towards_fill: tuple[float, float, float] = (-0.6, 0.5, 0.4)
    key_share: float = 0.5
    """The shares of all lights usually add up to about 1."""
    fill_share: float = 0.15
    ambient_share: float = 0.35
    floor_darkening: float = 0.4
    """Share of the floor's light that is missing in the key light's full shadow, 0..1."""
    key_softness: float = 0.0
    """See `SoftLight`; 0: shadows have hard edges."""
    others: tuple[SoftLight, ...] = ()
    """Up to three more. Their shadows fall on the floor; on people, openness stands for them."""

    @property
    def key(self) -> SoftLight:
        """The key light as one of several."""
        return SoftLight(self.towards_key, self.key_share, self.key_softness)


def random_light(rng: np.random.Generator, kind: LightKind | None = None) -> Light:
    """Any lighting of a kind, or of any but "lamp", which is the narrowest of "indoors".

    Outdoors: hard sun from low or high under a sky, an overcast sky, twilight. Cameras stand all
    round, so a low sun is backlight for some.
    """
    if kind is None:
        kind = "outdoors" if rng.random() < 0.5 else "indoors"
    if kind == "lamp":
        share, strength = rng.uniform(0.15, 0.65), rng.uniform(0.8, 1.15)
        lamp = replace(_lamp(rng, share), softness=0.0)
        return lit_by(rng, [lamp], strength, fill_part=rng.uniform(0.0, 0.3))
    if kind == "indoors":
        return _lamps_and_windows(rng)
    return _sun(rng) if rng.random() < 0.6 else _overcast(rng)


def _lamps_and_windows(rng: np.random.Generator) -> Light:
    """One to four lights of any width; the strongest is the key light."""
    count = int(rng.integers(1, 5))
    parts = rng.uniform(0.3, 0.85) * rng.dirichlet(np.full(count, 2.0))
    sources = [
        _window(rng, share) if rng.random() < 0.35 else _lamp(rng, share)
        for share in -np.sort(-parts)
    ]
    return lit_by(rng, sources, strength=rng.uniform(0.7, 1.4), fill_part=rng.uniform(0.0, 0.3))


def _lamp(rng: np.random.Generator, share: float) -> SoftLight:
    return SoftLight(_way(rng, rng.uniform(0.7, 2.5)), float(share), float(rng.uniform(0.03, 0.3)))


def _window(rng: np.random.Generator, share: float) -> SoftLight:
    return SoftLight(_way(rng, rng.uniform(0.45, 0.8)), float(share), float(rng.uniform(0.3, 0.6)))


def _sun(rng: np.random.Generator) -> Light:
    key_share, height = rng.uniform(0.6, 0.88), np.exp(rng.uniform(np.log(0.25), np.log(3.0)))
    sun = SoftLight(_way(rng, height), float(key_share), 0.0)
    sky = SoftLight((0.0, 0.0, 1.0), float(rng.uniform(0.4, 0.8) * (1 - key_share)), 0.9)
    strength = rng.uniform(0.35, 1.4)
    return lit_by(rng, [sun, sky], strength=strength, fill_part=rng.uniform(0.0, 0.5))


def _overcast(rng: np.random.Generator) -> Light:
    """The sky above, and a part of it that is brighter."""
    share, bright = rng.uniform(0.5, 0.85), rng.uniform(0.0, 0.6)
    way, softness = _way(rng, rng.uniform(0.5, 1.5)), float(rng.uniform(0.5, 0.8))
    brighter = SoftLight(way, float(share * bright), softness)
    sky = SoftLight((0.0, 0.0, 1.0), float(share * (1 - bright)), 0.9)
    sources = sorted((brighter, sky), key=lambda source: -source.share)
    return lit_by(rng, sources, strength=rng.uniform(0.5, 1.8), fill_part=rng.uniform(0.0, 0.4))


def _way(rng: np.random.Generator, height: float) -> tuple[float, float, float]:
    """Any direction that rises by `height` for each 1 across."""
    turn = rng.uniform(0, 2 * np.pi)
    return float(np.cos(turn)), float(np.sin(turn)), float(height)


def lit_by(
    rng: np.random.Generator, sources: list[SoftLight], strength: float, fill_part: float
) -> Light:
    """The lights, the first as key; what their shares leave of 1 fills in part, else is ambient."""
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
    parts = [
        float(
            source.share * max(source.unit[2] + source.softness, 0.0) / (1 + source.softness) ** 2
        )
        for source in (light.key, *light.others)
    ]
    upwards = float(light.towards_fill[2] / np.linalg.norm(light.towards_fill))
    total = sum(parts) + light.fill_share * (0.5 + 0.5 * upwards) + light.ambient_share
    return [part / max(total, 1e-9) for part in parts]


def light_frame(towards: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """Rotation from the world to the frame of a distant light: z along its rays, away from it."""
    along = -np.asarray(towards, np.float64) / np.linalg.norm(towards)
    aside = np.cross(along, [0.0, 0.0, 1.0] if abs(along[2]) < 0.99 else [1.0, 0.0, 0.0])
    aside /= np.linalg.norm(aside)
    return np.stack([aside, np.cross(along, aside), along])


# --- as kernels take it


@dataclass(frozen=True, eq=False)
class CastLight:
    """A light as it falls on a surface in one pose, world frame, mm."""

    light: Light
    lamp: light_kernels.Lamp
    shadow_map: Float32[np.ndarray, "M M"]
    """What is nearest to the key light: negative distance along its rays, or NOTHING_MM."""
    vertices_mm: Float32[np.ndarray, "V 3"]

    @cached_property
    def floor_map(self) -> Float32[np.ndarray, "N N"]:
        """What is missing of the floor's light in soft shadows over the lamp's floor box."""
        box = self.lamp.floor_box
        sides_mm = np.array([box[1] - box[0], box[3] - box[2]], np.float64)
        missing, heights = np.zeros((2, FLOOR_MAP_SIZE, FLOOR_MAP_SIZE), np.float32)
        layers = np.array(LAYERS_MM, np.float32)
        for source, darkening in _soft_shadows(self.light):
            light_kernels.drop_on_floor(self.vertices_mm, _singles(source.towards), box, heights)
            spread_mm = _spread_mm(source, np.array(LAYER_HEIGHTS_MM))[:, None]
            reaches = np.round(0.5 * (spread_mm * FLOOR_MAP_SIZE / sides_mm)).astype(np.int64)
            light_kernels.add_soft_shadow(heights, layers, reaches, np.float32(darkening), missing)
        return missing


def cast_light(
    light: Light,
    vertices_mm: Float32[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    two_sided: Bool[np.ndarray, "F"],
) -> CastLight:
    """The light as it falls on a surface (world frame)."""
    towards, fill = light.key.unit, SoftLight(light.towards_fill, 0.0, 0.0).unit
    rotation = tuple(_singles(row) for row in light_frame(towards))
    centre = _singles((vertices_mm.min(axis=0) + vertices_mm.max(axis=0)) / 2)
    size, texels_per_mm = SHADOW_MAP_SIZE, np.float32(SHADOW_MAP_SIZE / SHADOW_MAP_SPAN_MM)
    depths = np.full((size, size), light_kernels.NOTHING_MM, np.float32)
    if light.key_share > 0:
        screen, front = np.empty_like(vertices_mm), np.full((size, size), -1, np.int32)
        kernels.project_along_light(vertices_mm, rotation, centre, texels_per_mm, size, screen)
        kernels.rasterise(screen, faces, two_sided, depths, front)
    lamp = light_kernels.Lamp(
        towards=_singles(towards),
        fill=_singles(fill),
        key_share=np.float32(light.key_share),
        fill_share=np.float32(light.fill_share),
        ambient_share=np.float32(light.ambient_share),
        rotation=rotation,
        centre=centre,
        texels_per_mm=texels_per_mm,
        floor_box=_floor_box(light, vertices_mm),
        floor_darkening=np.float32(0 if light.key_softness > 0 else light.floor_darkening),
        softness=np.float32(light.key_softness),
        spread_mm=np.float32(SPREAD_MM * light.key_softness),
        others=_others(light.others),
    )
    return CastLight(light, lamp, depths, vertices_mm)


def _singles(values: Iterable) -> tuple:
    """The numbers as a tuple of float32, as kernels take them."""
    return tuple(np.float32(value) for value in values)


def _others(sources: tuple[SoftLight, ...]) -> tuple:
    """The soft lights and as many of share 0 as make them `NUM_SOFT_LIGHTS`."""
    rows = [_singles((*source.unit, source.share, source.softness)) for source in sources]
    return tuple(rows + [_singles((0, 0, 1, 0, 1))] * (light_kernels.NUM_SOFT_LIGHTS - len(rows)))


def _soft_shadows(light: Light) -> list[tuple[SoftLight, float]]:
    """The lights whose floor shadows have soft edges, and their shares of the floor's light."""
    shadows = list(zip(light.others, floor_darkenings(light)[1:], strict=True))
    if light.key_softness > 0:
        shadows.insert(0, (light.key, light.floor_darkening))
    return [
        (source, dark)
        for source, dark in shadows
        if dark > LEAST_DARKENING and source.towards[2] > 0
    ]


def _floor_box(light: Light, vertices_mm: np.ndarray) -> tuple:
    """x low, x high, y low, y high of all shadows on the floor, mm."""
    soft = [(source, float(_spread_mm(source, 1600.0))) for source, _ in _soft_shadows(light)]
    lows, highs = [], []
    for source, pad_mm in [(light.key, 0.0), *soft]:
        x, y, z = source.unit
        low, high = light_kernels.thrown_bounds(vertices_mm, x / max(z, 0.05), y / max(z, 0.05))
        lows.append(low - 40 - pad_mm)
        highs.append(high + 40 + pad_mm)
    low, high = np.min(lows, axis=0), np.max(highs, axis=0)
    return _singles((low[0], high[0], low[1], high[1]))


def _spread_mm(source: SoftLight, height_mm: Float[np.ndarray, "..."] | float) -> np.ndarray:
    """Half the width of the soft edge that a thing so high above the floor throws."""
    sine = source.softness
    tangent = sine / max(1 - sine * sine, 0.05) ** 0.5
    return np.asarray(np.minimum(height_mm * tangent / source.unit[2] ** 1.5, MAX_SPREAD_MM))
