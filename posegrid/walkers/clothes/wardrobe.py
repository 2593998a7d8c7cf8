"""What people wear: which garments, how long and wide, in which colours; drawn at random from a
wardrobe of everyday clothes or from one of clothes of all kinds.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float

from posegrid.walkers.body.mesh import STATURE_RANGE_MM
from posegrid.walkers.render.surface_kernels import (
    CAMOUFLAGE,
    CHECKS,
    HOOPS,
    PATTERN,
    PLAIN,
    PRINT,
    STRIPES,
)

PeopleKind = Literal["plain", "varied", "sporty", "laboratory", "everybody"]
Below = Literal["trousers", "shorts", "skirt", "dress"]
Over = Literal["none", "jacket", "coat"]
Hat = Literal["none", "beanie", "cap", "brim", "hood", "scarf"]
Hair = Literal["bald", "cropped", "short", "bob", "long", "ponytail", "bun", "afro"]
Bag = Literal["none", "backpack", "shoulder bag", "handbag"]
Shoe = Literal["trainer", "leather", "boot", "pump", "barefoot"]
Strap = Literal["chest", "waist", "upper arm", "forearm", "thigh", "shank"]
STRAPS: tuple[Strap, ...] = get_args(Strap)
Shares = dict[str, float]
"""How often each of some things is drawn, of all; the shares add up to about 1."""


@dataclass(frozen=True)
class Attire:
    """What one person wears and carries. Lengths in mm, for a stature of 1.70 m; places on limbs as
    in `Landmarks`."""

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
    """How much trousers draw in as they fall, mm per mm: 0 wide, 0.3 close to the leg."""
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
    """How far below the hips the top reaches; negative: tucked in, as with every skirt."""
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
    straps: tuple[Strap, ...] = ()
    """Bands of sensors or of reflectors, those on limbs on both."""
    markers: bool = False
    """Whether balls of motion capture stick where joints are."""


@dataclass(frozen=True)
class Wardrobe:
    """What people of one kind look like: shares of what is drawn, of women and men."""

    children: float
    """Share of children."""
    below: tuple[Shares, Shares]
    over: Shares
    open_front: float
    """Of jackets and coats, but for coats over skirts."""
    hat: Shares
    hair: tuple[Shares, Shares]
    bag: Shares
    shoe: tuple[Shares, Shares]
    """Of women; of men and children."""
    statures_mm: tuple[float, float] = STATURE_RANGE_MM
    """Of adults."""
    body_variety: float = 1.0
    """How far bodies differ from the mean one, 0..1."""
    heavier: tuple[float, float, float] | None = None
    """See `BodyModel.sample`."""
    sporty: bool = False
    """Whether half of all wear a dark suit or one colour, or have a bare trunk."""
    instruments: float = 0.0
    """Share of those who wear straps, and of those who wear markers."""
    straight_knees: bool = False
    """Whether they walk with knees that are straighter in stance, each by a share of his own."""
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Numbers of `Attire` that are drawn from ranges narrower than usual."""


WARDROBES: dict[PeopleKind, Wardrobe] = {
    "varied": Wardrobe(
        children=0.2,
        below=({"trousers": 0.5, "shorts": 0.16, "skirt": 0.17, "dress": 0.17},
               {"trousers": 0.74, "shorts": 0.26}),
        over={"none": 0.6, "jacket": 0.2, "coat": 0.2},
        open_front=0.35,
        hat={"none": 0.6, "beanie": 0.1, "cap": 0.12, "brim": 0.05, "hood": 0.08, "scarf": 0.05},
        hair=({"cropped": 0.05, "short": 0.15, "bob": 0.2, "long": 0.28, "ponytail": 0.17,
               "bun": 0.09, "afro": 0.06},
              {"bald": 0.1, "cropped": 0.25, "short": 0.45, "bob": 0.08, "long": 0.03,
               "ponytail": 0.03, "afro": 0.06}),
        bag={"none": 0.55, "backpack": 0.22, "shoulder bag": 0.13, "handbag": 0.1},
        shoe=({"trainer": 0.5, "leather": 0.2, "boot": 0.15, "pump": 0.15},
              {"trainer": 0.65, "leather": 0.18, "boot": 0.17}),
    ),
    "plain": Wardrobe(
        children=0.0,
        below=({"trousers": 0.74, "shorts": 0.13, "skirt": 0.13},
               {"trousers": 0.87, "shorts": 0.13}),
        over={"none": 0.89, "coat": 0.11},
        open_front=0.0,
        hat={"none": 1.0},
        hair=({"cropped": 0.05, "short": 0.3, "bob": 0.2, "long": 0.45},
              {"bald": 0.1, "cropped": 0.25, "short": 0.65}),
        bag={"none": 1.0},
        shoe=({"trainer": 0.6, "leather": 0.25, "boot": 0.15},
              {"trainer": 0.6, "leather": 0.25, "boot": 0.15}),
        statures_mm=(1540.0, 1870.0),
        body_variety=0.7,
        ranges={
            "leg_slope": (0.15, 0.4), "leg_flare": (0, 10), "skirt_end": (0.3, 0.75),
            "skirt_flare": (0.02, 0.2), "pleat_mm": (0, 5), "coat_end": (0.25, 0.6),
            "hem": (-60, 120), "top_ease": (5, 16), "top_slope": (0.3, 0.8), "hair_length": (40, 330),
        },
    ),
}  # fmt: skip
WARDROBES["sporty"] = replace(WARDROBES["varied"], children=0.08, sporty=True)
WARDROBES["laboratory"] = replace(
    WARDROBES["sporty"],
    below=({"trousers": 0.55, "shorts": 0.45}, {"trousers": 0.45, "shorts": 0.55}),
    over={"none": 0.94, "jacket": 0.06},
    hat={"none": 0.92, "cap": 0.05, "scarf": 0.03},
    bag={"none": 0.97, "backpack": 0.03},
    shoe=({"trainer": 0.68, "barefoot": 0.32}, {"trainer": 0.68, "barefoot": 0.32}),
    statures_mm=(1400.0, 2050.0),
    body_variety=1.15,
    instruments=0.25,
    straight_knees=True,
    ranges={
        "leg_ease": (0, 8), "leg_slope": (0.1, 0.5), "leg_flare": (0, 6), "top_ease": (1, 14),
        "hem": (-60, 120),
    },
)  # fmt: skip
WARDROBES["everybody"] = replace(
    WARDROBES["laboratory"],
    children=0.1,
    below=({"trousers": 0.52, "shorts": 0.28, "skirt": 0.1, "dress": 0.1},
           {"trousers": 0.6, "shorts": 0.4}),
    over={"none": 0.78, "jacket": 0.14, "coat": 0.08},
    hat={"none": 0.8, "beanie": 0.04, "cap": 0.08, "hood": 0.04, "scarf": 0.04},
    bag={"none": 0.84, "backpack": 0.08, "shoulder bag": 0.04, "handbag": 0.04},
    shoe=({"trainer": 0.6, "leather": 0.1, "boot": 0.06, "pump": 0.06, "barefoot": 0.18},
          {"trainer": 0.66, "leather": 0.1, "boot": 0.06, "barefoot": 0.18}),
    heavier=(-0.5, 0.1, 1.3),
    instruments=0.15,
    ranges={},
)  # fmt: skip
"""varied: clothes for any weather; plain: everyday clothes that lie close, and bodies nearer to the
mean one, a part of those; sporty: the same clothes as varied, half of them in fewer colours;
laboratory: what people wear to be measured or to train: shorts, tights, bare legs, trunks and feet,
straps and markers, and they walk with straighter knees; everybody: these and all other clothes, and
bodies of a body mass index of about 17 to 45 (docs/walkers.md)."""


def random_attire(
    rng: np.random.Generator, wardrobe: Wardrobe, *, female: bool, child: bool
) -> Attire:
    """Clothes out of a wardrobe."""
    draw, sex = rng.uniform, 0 if female else 1
    below, over = _choice(rng, wardrobe.below[sex]), _choice(rng, wardrobe.over)
    skirted = below in ("skirt", "dress")
    skirt_end, coat_end = draw(0.28, 0.95), draw(0.25, 0.8)
    if over == "coat" and skirted:  # a coat of its length or longer hides the skirt
        coat_end = max(coat_end, skirt_end)
    bare_arms = [0.3, 0.5, 0.75, 1.0] if over == "none" else [1.93]
    attire = Attire(
        below=below,
        over=over,
        open_front=bool(rng.random() < wardrobe.open_front) and not (over == "coat" and skirted),
        hat=_choice(rng, wardrobe.hat),
        hair=_choice(rng, wardrobe.hair[sex]),
        bag=_choice(rng, wardrobe.bag),
        shoe=_choice(rng, wardrobe.shoe[1 if child else sex]),
        leg_end=draw(0.35, 1.05) if below == "shorts" else
        draw(1.55, 1.8) if rng.random() < 0.12 else draw(1.9, 2.02),
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
    narrowed = {name: draw(low, high) for name, (low, high) in wardrobe.ranges.items()}
    attire = replace(attire, **narrowed)
    if not wardrobe.instruments:
        return attire
    strapped, marked = rng.random(2) < wardrobe.instruments
    worn = tuple(strap for strap in STRAPS if strapped and rng.random() < 0.5)
    return replace(attire, straps=worn, markers=bool(marked))


def _choice(rng: np.random.Generator, shares: Shares) -> Any:
    """One of the keys, as likely as its share of all."""
    values = np.array(list(shares.values()))
    return str(rng.choice(list(shares), p=values / values.sum()))


# --- colours

_SKIN_TONES = np.array([(0.80, 0.58, 0.46), (0.62, 0.42, 0.31), (0.25, 0.15, 0.10)])
"""Light, medium and dark skin, linear RGB."""
_SHOE_GREYS = (0.03, 0.08, 0.15, 0.35, 0.75)
_HAIR_COLOURS = np.array([
    (0.012, 0.01, 0.009), (0.035, 0.022, 0.014), (0.09, 0.05, 0.025), (0.32, 0.21, 0.1),
    (0.16, 0.05, 0.02), (0.28, 0.27, 0.26), (0.65, 0.63, 0.6),
])  # fmt: skip
"""Black, browns, blond, red, grey, white."""
_HAIR_SHARES = np.array([0.27, 0.25, 0.17, 0.11, 0.05, 0.09, 0.06])
_TOP_PATTERNS = {PLAIN: 0.4, HOOPS: 0.17, STRIPES: 0.1, CHECKS: 0.1, CAMOUFLAGE: 0.1, PRINT: 0.13}
_BOTTOM_PATTERNS = {PLAIN: 0.88, CHECKS: 0.06, CAMOUFLAGE: 0.06}


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
    """One row of the renderer's materials, ordered as `surface_kernels.RED` and on; linear RGB."""
    colours = [*colour, *(colour if second is None else second)]
    return np.array([*colours, pattern, pattern_per_mm, wrinkle, gloss, mottle, mottle_per_mm])


def random_materials(
    rng: np.random.Generator, attire: Attire, *, child: bool
) -> dict[str, Float[np.ndarray, "12"]]:
    """A material for each of `sewing.MATERIALS`."""
    draw, choice = rng.uniform, rng.choice
    tone = draw(0, 2)
    skin = np.array([np.interp(tone, [0, 1, 2], channel) for channel in _SKIN_TONES.T])
    shoe = choice(_SHOE_GREYS) * np.array([1, 0.85, 0.7]) * draw(0.8, 1.2, 3)
    sole = draw(0.5, 0.8) if rng.random() < 0.35 else 0.5 * shoe.mean()
    pattern = int(choice(list(_TOP_PATTERNS), p=list(_TOP_PATTERNS.values())))
    pattern_per_mm = draw(0.06, 0.1) if pattern == PRINT else draw(0.006, 0.028)
    below = int(choice(list(_BOTTOM_PATTERNS), p=list(_BOTTOM_PATTERNS.values())))
    materials = {
        "skin": material(skin * draw(0.85, 1.1), gloss=0.08, mottle_per_mm=0.08),
        "eye": material(np.full(3, 0.5), mottle=0.0),
        "shoe": material(shoe.clip(0.01, 0.9), gloss=draw(0, 0.2), mottle=0.03),
        "sole": material(np.full(3, sole).clip(0.01, 0.9), mottle=0.03),
        "sock": material(np.full(3, choice([0.02, 0.1, 0.7]))),
        "strap": material(np.full(3, 0.02)),
        "marker": material(np.full(3, 0.85), mottle=0.0),
        "bottom": _cloth(rng, below, draw(0.008, 0.03)),
        "coat": _cloth(rng),
        "top": _cloth(rng, pattern, pattern_per_mm),
    }
    if child and pattern == PRINT:  # its place is that on an adult's chest
        materials["top"][PATTERN] = PLAIN
    if attire.below == "dress":
        materials["bottom"] = materials["top"]
    hat = _cloth(rng)
    leather = draw(0.015, 0.35) * np.array([1, draw(0.6, 1.0), draw(0.35, 1.0)])
    hood_of = materials["coat" if attire.over != "none" else "top"]
    materials["hat"] = hood_of if attire.hat == "hood" else hat
    materials["bag"] = material(leather, gloss=draw(0, 0.15), wrinkle=draw(0, 0.3), mottle=0.04)
    materials["hair"] = _hair(rng, child=child)
    return materials


def sporty(
    rng: np.random.Generator, materials: dict[str, Float[np.ndarray, "12"]]
) -> dict[str, Float[np.ndarray, "12"]]:
    """The materials, half of the time those of somebody in one colour, in a dark suit as
    laboratories use, or with a bare trunk.
    """
    kind = rng.random()
    if kind < 0.1:
        return materials | {"bottom": materials["top"]}
    if kind < 0.3:
        dark = material(np.full(3, rng.uniform(0.008, 0.05)), wrinkle=rng.uniform(0.2, 0.6))
        worn = ("top", "bottom", *(("coat",) if rng.random() < 0.5 else ()))
        return materials | dict.fromkeys(worn, dark)
    return materials | {"top": materials["skin"]} if kind < 0.5 else materials


def _cloth(
    rng: np.random.Generator, pattern: int = PLAIN, pattern_per_mm: float = 0.01
) -> np.ndarray:
    draw, colours = rng.uniform, (_cloth_colour(rng), _cloth_colour(rng))
    wrinkle, mottle, mottle_per_mm = draw(0.2, 0.6), draw(0.02, 0.08), draw(0.05, 0.13)
    return material(
        *colours, pattern=pattern, pattern_per_mm=pattern_per_mm, wrinkle=wrinkle, mottle=mottle,
        mottle_per_mm=mottle_per_mm,
    )  # fmt: skip


def _cloth_colour(rng: np.random.Generator) -> np.ndarray:
    """Mostly any brightness, often dark; seldom strong colours."""
    brightness = rng.uniform(0.04, 0.85) ** 1.3 if rng.random() < 0.8 else rng.uniform(0.02, 0.08)
    return (brightness * (1 + rng.normal(0, 0.22, 3))).clip(0.015, 0.95)


def _hair(rng: np.random.Generator, *, child: bool) -> np.ndarray:
    """Light hair is even, dark hair has strands; children have none that is grey or white."""
    shares = _HAIR_SHARES * ([1, 1, 1, 1, 1, 0, 0] if child else 1)
    row = rng.choice(len(_HAIR_COLOURS), p=shares / shares.sum())
    colour = (_HAIR_COLOURS[row] * rng.uniform(0.8, 1.25)).clip(0.008, 0.8)
    wrinkle = rng.uniform(0.5, 1.4)
    return material(colour, wrinkle=wrinkle, gloss=0.06, mottle=0.1, mottle_per_mm=0.2)
