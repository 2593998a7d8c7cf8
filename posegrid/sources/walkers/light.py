"""The light that falls on a rendered person: a distant key light that casts shadows, a fill light, ambient light."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Light:
    """One lighting of a scene. Directions are world vectors towards the lights, of any length, z up."""

    towards_key: tuple[float, float, float] = (0.5, -0.6, 0.9)
    towards_fill: tuple[float, float, float] = (-0.6, 0.5, 0.4)
    key_share: float = 0.5
    """Of the light on a surface that faces everything; the three shares usually add up to 1."""
    fill_share: float = 0.15
    ambient_share: float = 0.35
    floor_darkening: float = 0.4
    """Share of the floor's light that is missing in full shadow, 0..1."""


def random_light(rng: np.random.Generator) -> Light:
    """A plausible lighting of a room: the key light anywhere above, harsh or soft."""
    key_turn, fill_turn = rng.uniform(0, 2 * np.pi, 2)
    key_share, fill_share = rng.uniform(0.15, 0.65), rng.uniform(0.0, 0.25)
    strength = rng.uniform(0.8, 1.15)
    return Light(
        towards_key=(float(np.cos(key_turn)), float(np.sin(key_turn)), float(rng.uniform(0.7, 2.5))),
        towards_fill=(float(np.cos(fill_turn)), float(np.sin(fill_turn)), float(rng.uniform(-0.1, 0.8))),
        key_share=strength * key_share,
        fill_share=strength * fill_share,
        ambient_share=strength * (1 - key_share - fill_share),
        floor_darkening=float(rng.uniform(0.6, 1.0) * key_share),
    )


def varied_light(rng: np.random.Generator) -> Light:
    """Any lighting: rooms as above, hard sun from low or high, an overcast sky, twilight.

    Cameras stand all round, so a low sun is backlight for some of them.
    """
    kind = rng.random()
    if kind < 0.5:
        return random_light(rng)
    turn, fill_turn = rng.uniform(0, 2 * np.pi, 2)
    key_share = rng.uniform(0.6, 0.88) if kind < 0.8 else rng.uniform(0.0, 0.15)
    strength = rng.uniform(0.35, 1.4)
    fill_share = rng.uniform(0.0, 0.5) * (1 - key_share)
    return Light(
        towards_key=(float(np.cos(turn)), float(np.sin(turn)), float(np.exp(rng.uniform(np.log(0.25), np.log(3.0))))),
        towards_fill=(float(np.cos(fill_turn)), float(np.sin(fill_turn)), float(rng.uniform(0.0, 2.0))),
        key_share=float(strength * key_share),
        fill_share=float(strength * fill_share),
        ambient_share=float(strength * (1 - key_share - fill_share)),
        floor_darkening=float(rng.uniform(0.75, 1.0) * key_share),
    )


def light_frame(towards: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """Rotation from the world to the frame of a distant light: its z axis runs along the rays, away from the light."""
    along = -np.asarray(towards, np.float64) / np.linalg.norm(towards)
    aside = np.cross(along, [0.0, 0.0, 1.0] if abs(along[2]) < 0.99 else [1.0, 0.0, 0.0])
    aside /= np.linalg.norm(aside)
    return np.stack([aside, np.cross(along, aside), along])
