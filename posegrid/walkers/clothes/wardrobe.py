"""What a person wears and looks like: garments, lengths, widths, colours, drawn at random.

Clothes of all kinds, for adults and children: which garments a person wears, how long and wide,
in which colours.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from posegrid.walkers.render.kernels import CAMOUFLAGE, CHECKS, HOOPS, PLAIN, PRINT, STRIPES

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


Below = Literal["trousers", "shorts", "skirt", "dress"]
Over = Literal["none", "jacket", "coat"]
Hat = Literal["none", "beanie", "cap", "brim", "hood", "scarf"]
Hair = Literal["bald", "cropped", "short", "bob", "long", "ponytail", "bun", "afro"]
Bag = Literal["none", "backpack", "shoulder bag", "handbag"]
Shoe = Literal["trainer", "leather", "boot", "pump"]


@dataclass(frozen=True)
class Attire:
    """What one person wears and carries. Lengths in mm, for a stature of 1.70 m; places on limbs as
    in `Landmarks`.
    """

    below: Below
    over: Over
    """A jacket ends at the hips, a coat between there and the shanks; both over a top."""
    open_front: bool
    """Whether the jacket or coat is open."""
    hat: Hat
    hair: Hair
    bag: Bag
    shoe: Shoe
    leg_end: float
    """Where trousers or shorts end along the leg."""
    leg_ease: float
    leg_slope: float
    """How much trousers draw in below what they hang from: 0 wide, 0.3 close to the leg; mm per
    mm.
    """
    leg_flare: float
    skirt_end: float
    """Where a skirt or dress ends: 0 at the hip, 1 at the floor."""
    skirt_flare: float
    """How much a skirt widens: mm per mm."""
    pleats: int
    """Folds round a skirt."""
    pleat_mm: float
    coat_end: float
    hem: float
    """How far below the hips the top reaches; negative: tucked in at the waist, as with every
    skirt.
    """
    waist: float
    """How far above the hips trousers and skirts reach."""
    sleeve_end: float
    top_ease: float
    top_slope: float
    """How much a top draws in below what it hangs from."""
    neckline: float
    """How deep the top is cut in front; negative: a collar that stands up."""
    shoe_height: float
    sole: float
    sock_start: float
    hair_length: float
    """How far long hair reaches below the eyes."""
    hair_volume: float
    fringe: float
    """How far hair hangs into the forehead."""
    beard: float


def random_attire(rng: np.random.Generator, *, female: bool, child: bool) -> Attire:
    """Clothes for any weather."""
    draw = rng.uniform
    below = _choice(rng, {"trousers": 0.5, "shorts": 0.16, "skirt": 0.17, "dress": 0.17} if female
                    else {"trousers": 0.74, "shorts": 0.26})  # fmt: skip
    over = _choice(rng, {"none": 0.6, "jacket": 0.2, "coat": 0.2})
    skirted = below in ("skirt", "dress")
    skirt_end, coat_end = draw(0.28, 0.95), draw(0.25, 0.8)
    if over == "coat" and skirted:  # a coat of its length or longer hides the skirt
        coat_end = max(coat_end, skirt_end)
    bare_arms = [0.3, 0.5, 0.75, 1.0] if over == "none" else [1.93]
    return Attire(
        below=below,
        over=over,
        open_front=bool(rng.random() < 0.35) and not (over == "coat" and skirted),
        hat=_choice(rng, {"none": 0.6, "beanie": 0.1, "cap": 0.12, "brim": 0.05, "hood": 0.08, "scarf": 0.05}),
        hair=_choice(rng, _HAIR_FEMALE if female else _HAIR_MALE),
        bag=_choice(rng, {"none": 0.55, "backpack": 0.22, "shoulder bag": 0.13, "handbag": 0.1}),
        shoe=_choice(rng, {"trainer": 0.5, "leather": 0.2, "boot": 0.15, "pump": 0.15} if female and not child
                     else {"trainer": 0.65, "leather": 0.18, "boot": 0.17}),
        leg_end=draw(0.35, 1.05) if below == "shorts" else draw(1.55, 1.8) if rng.random() < 0.12 else draw(1.9, 2.02),
        leg_ease=draw(3, 14),
        leg_slope=float(rng.choice([0.0, draw(0.02, 0.1), draw(0.1, 0.4)])),
        leg_flare=draw(0, 25) if rng.random() < 0.25 else 0.0,
        skirt_end=skirt_end,
        skirt_flare=draw(0.02, 0.38),
        pleats=int(rng.integers(7, 17)),
        pleat_mm=draw(0, 14) if rng.random() < 0.6 else 0.0,
        coat_end=coat_end,
        hem=draw(0, 190) if rng.random() < 0.75 and below in ("trousers", "shorts") else -60.0,
        waist=draw(70, 130),
        sleeve_end=float(rng.choice(bare_arms)) if rng.random() < 0.5 else draw(1.75, 1.97),
        top_ease=draw(5, 24),
        top_slope=float(rng.choice([0.0, draw(0.05, 0.2), draw(0.2, 0.8)])),
        neckline=draw(0, 90) if rng.random() < 0.5 else -25.0 * (rng.random() < 0.3),
        shoe_height=draw(100, 260),
        sole=draw(10, 32),
        sock_start=draw(1.5, 1.95),
        hair_length=draw(110, 420),
        hair_volume=draw(8, 30),
        fringe=draw(0, 35) if rng.random() < 0.4 else 0.0,
        beard=0.0 if female or child or rng.random() < 0.6 else draw(0.15, 0.6),
    )  # fmt: skip


_HAIR_FEMALE = {
    "cropped": 0.05,
    "short": 0.15,
    "bob": 0.2,
    "long": 0.28,
    "ponytail": 0.17,
    "bun": 0.09,
    "afro": 0.06,
}
_HAIR_MALE = {
    "bald": 0.1,
    "cropped": 0.25,
    "short": 0.45,
    "bob": 0.08,
    "long": 0.03,
    "ponytail": 0.03,
    "afro": 0.06,
}


def random_dyes(
    rng: np.random.Generator, attire: Attire, *, child: bool
) -> dict[str, Float[np.ndarray, "12"]]:
    """Materials for everything in `sewing.MATERIALS`."""
    dyes = random_materials(rng)
    draw = rng.uniform
    if child:  # a print's place is that on an adult's chest
        dyes["top"][6] = PLAIN if dyes["top"][6] == PRINT else dyes["top"][6]
    if attire.below == "dress":
        dyes["bottom"] = dyes["top"]
    cloth = random_cloth(rng, PLAIN, 0.01)
    leather = draw(0.015, 0.35) * np.array([1, draw(0.6, 1.0), draw(0.35, 1.0)])
    dyes["hat"] = (
        dyes["coat" if attire.over != "none" else "top"] if attire.hat == "hood" else cloth
    )
    dyes["bag"] = material(leather, gloss=draw(0, 0.15), wrinkle=draw(0.0, 0.3), mottle=0.04)
    dyes["hair"] = _hair_dye(rng, child=child)
    return dyes


def _hair_dye(rng: np.random.Generator, *, child: bool) -> np.ndarray:
    """Black, browns, blond, red, grey, white; light hair is even, dark hair has strands."""
    colours = np.array([(0.012, 0.01, 0.009), (0.035, 0.022, 0.014), (0.09, 0.05, 0.025), (0.32, 0.21, 0.1),
                        (0.16, 0.05, 0.02), (0.28, 0.27, 0.26), (0.65, 0.63, 0.6)])  # fmt: skip
    shares = np.array([0.27, 0.25, 0.17, 0.11, 0.05, *([0.0, 0.0] if child else [0.09, 0.06])])
    colour = colours[rng.choice(len(colours), p=shares / shares.sum())] * rng.uniform(0.8, 1.25)
    return material(
        colour.clip(0.008, 0.8),
        wrinkle=rng.uniform(0.5, 1.4),
        gloss=0.06,
        mottle=0.1,
        mottle_per_mm=0.2,
    )


def _choice(rng: np.random.Generator, shares: dict[str, float]) -> Any:
    """One of the keys, as likely as its share of all."""
    values = np.array(list(shares.values()))
    return str(rng.choice(list(shares), p=values / values.sum()))
