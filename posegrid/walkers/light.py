"""The light that falls on a rendered person: lamps, windows, sun and sky with shadows, a fill
light, ambient light.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float


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
