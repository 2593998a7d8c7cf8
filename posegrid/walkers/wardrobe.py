"""Clothes of all kinds, for adults and children: which garments a person wears, how long and wide,
in which colours.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from posegrid.walkers.kernels import PLAIN, PRINT
from posegrid.walkers.outfit import material, random_cloth, random_materials

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
