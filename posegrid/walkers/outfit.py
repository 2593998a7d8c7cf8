"""What a person wears and looks like: garments, lengths, widths, colours, drawn at random."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from posegrid.walkers.kernels import CAMOUFLAGE, CHECKS, HOOPS, PLAIN, PRINT, STRIPES

_SKIN_TONES = np.array([(0.80, 0.58, 0.46), (0.62, 0.42, 0.31), (0.25, 0.15, 0.10)])
"""Light, medium and dark skin, linear RGB."""
_HAIR_GREYS = (0.015, 0.03, 0.06, 0.13, 0.35, 0.6)
_SHOE_GREYS = (0.03, 0.08, 0.15, 0.35, 0.75)


@dataclass(frozen=True)
class Outfit:
    """Clothes, shoes and hair of one person. Lengths in mm; places along a limb as in
    `Landmarks`.
    """

    below: str
    """"trousers", "shorts", "skirt" or "coat" (over trousers)."""
    leg_end: float
    """Where trousers or shorts end along the leg."""
    leg_ease: float
    """How far trousers stand off the thigh."""
    leg_flare: float
    """How much farther they do at the ankle."""
    skirt_end: float
    """Where a skirt or coat ends: 0 at the hip, 1 at the floor."""
    waist: float
    """How far above the hips trousers reach."""
    hem: float
    """How far above (or, negative, below) the hips the top reaches down."""
    sleeve_end: float
    """Where sleeves end along the arm."""
    top_ease: float
    """How far the top stands off the body at the hem."""
    neckline: float
    """How deep the top is cut in front."""
    shoe_height: float
    """How far shoes reach above the ankle."""
    shoe_ease: float
    sole: float
    """How thick soles are."""
    sock_start: float
    """Where socks begin along the leg."""
    hair: str
    """"bald", "short" or "long"."""
    hair_length: float
    """How far long hair reaches below the eyes."""
    hair_volume: float
    beard: float
    """How much a beard darkens the chin, 0..1."""


def random_outfit(rng: np.random.Generator, *, female: bool) -> Outfit:
    """An outfit such as people wear in mild weather."""
    likely = [0.64, 0.12, 0.12, 0.12] if female else [0.78, 0.12, 0.0, 0.10]
    haircut = [0.02, 0.33, 0.65] if female else [0.08, 0.82, 0.10]
    draw = rng.uniform
    below = str(rng.choice(["trousers", "shorts", "skirt", "coat"], p=likely))
    return Outfit(
        below=below,
        leg_end=draw(0.6, 1.0) if below == "shorts" else draw(1.8, 1.97),
        leg_ease=draw(3, 20),
        leg_flare=draw(0, 22),
        skirt_end=draw(0.3, 0.85),
        waist=draw(70, 140),
        hem=draw(-120, 60),
        sleeve_end=float(
            rng.choice([0.45, 0.75, 1.0, 1.75, 1.95], p=[0.15, 0.22, 0.05, 0.2, 0.38])
        ),
        top_ease=draw(6, 26),
        neckline=draw(0, 70) * (rng.random() < 0.5),
        shoe_height=draw(90, 160) if rng.random() < 0.15 else draw(2, 20),
        shoe_ease=draw(4, 8),
        sole=draw(8, 30),
        sock_start=draw(1.55, 1.85),
        hair=str(rng.choice(["bald", "short", "long"], p=haircut)),
        hair_length=draw(40, 330),
        hair_volume=draw(6, 26),
        beard=0.0 if female or rng.random() < 0.6 else draw(0.15, 0.6),
    )


def material(
    colour: Float[np.ndarray, "3"],
    second: Float[np.ndarray, "3"] | None = None,
    *,
    pattern: int = PLAIN,
    pattern_per_mm: float = 0.01,
    wrinkle: float = 0.0,
    gloss: float = 0.0,
    mottle: float = 0.05,
    mottle_per_mm: float = 0.06,
) -> Float[np.ndarray, "12"]:
    """One row of the renderer's materials; colours are linear RGB, the order is that of
    `kernels.RED` and on.
    """
    second = colour if second is None else second
    return np.array(
        [*colour, *second, pattern, pattern_per_mm, wrinkle, gloss, mottle, mottle_per_mm]
    )


def random_materials(rng: np.random.Generator) -> dict[str, Float[np.ndarray, "12"]]:
    """Materials of one person: "skin", "eye", "hair", "shoe", "sole", "sock", "bottom", "coat",
    "top".
    """
    draw = rng.uniform
    tone = rng.uniform(0, 2)
    skin = [np.interp(tone, [0, 1, 2], _SKIN_TONES[:, channel]) for channel in range(3)]
    hair = (
        rng.choice(_HAIR_GREYS, p=[0.25, 0.25, 0.2, 0.12, 0.1, 0.08])
        * np.array([1, 0.8, 0.6])
        * draw(0.8, 1.2)
    )
    shoe = rng.choice(_SHOE_GREYS) * np.array([1, 0.85, 0.7]) * draw(0.8, 1.2, 3)
    sole = draw(0.5, 0.8) if rng.random() < 0.35 else 0.5 * shoe.mean()
    top_pattern = int(
        rng.choice(
            [PLAIN, HOOPS, STRIPES, CHECKS, CAMOUFLAGE, PRINT], p=[0.4, 0.17, 0.1, 0.1, 0.1, 0.13]
        )
    )
    top_frequency = draw(0.06, 0.1) if top_pattern == PRINT else draw(0.006, 0.028)
    bottom_pattern = int(rng.choice([PLAIN, CHECKS, CAMOUFLAGE], p=[0.88, 0.06, 0.06]))
    return {
        "skin": material(np.array(skin) * draw(0.85, 1.1), gloss=0.08, mottle_per_mm=0.08),
        "eye": material(np.full(3, 0.5), mottle=0.0),
        "hair": material(
            hair.clip(0.008, 0.8), wrinkle=2.2, gloss=0.05, mottle=0.18, mottle_per_mm=0.24
        ),
        "shoe": material(shoe.clip(0.01, 0.9), gloss=draw(0, 0.2), mottle=0.03),
        "sole": material(np.full(3, sole).clip(0.01, 0.9), mottle=0.03),
        "sock": material(np.full(3, rng.choice([0.02, 0.1, 0.7]))),
        "bottom": random_cloth(rng, bottom_pattern, draw(0.008, 0.03)),
        "coat": random_cloth(rng, PLAIN, 0.01),
        "top": random_cloth(rng, top_pattern, top_frequency),
    }


def random_cloth(rng: np.random.Generator, pattern: int, pattern_per_mm: float) -> np.ndarray:
    """A random cloth with the pattern."""
    draw = rng.uniform
    return material(
        _cloth_colour(rng), _cloth_colour(rng), pattern=pattern, pattern_per_mm=pattern_per_mm,
        wrinkle=draw(0.2, 0.6), mottle=draw(0.02, 0.08), mottle_per_mm=draw(0.05, 0.13),
    )  # fmt: skip


def _cloth_colour(rng: np.random.Generator) -> np.ndarray:
    """Mostly any brightness, often dark; seldom strong colours."""
    brightness = rng.uniform(0.04, 0.85) ** 1.3 if rng.random() < 0.8 else rng.uniform(0.02, 0.08)
    return (brightness * (1 + rng.normal(0, 0.22, 3))).clip(0.015, 0.95)
