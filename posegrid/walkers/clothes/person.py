"""A dressed adult: everyday clothes cut and sewn on a body.

People of all kinds: adults of all shapes and children, in all kinds of clothes.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float

from posegrid.walkers.body.mesh import (
    CHILD_STATURE_RANGE_MM,
    Body,
    BodyModel,
    load_body_model,
    load_child_model,
)
from posegrid.walkers.clothes.accessories import bags, shoes
from posegrid.walkers.clothes.form import Form
from posegrid.walkers.clothes.garments import skirts, tops, trousers
from posegrid.walkers.clothes.headwear import Head, hair, hats
from posegrid.walkers.clothes.sewing import Person, Piece, Tailor, find_landmarks, sewn
from posegrid.walkers.clothes.wardrobe import (
    Attire,
    Outfit,
    random_attire,
    random_dyes,
    random_materials,
    random_outfit,
)


def random_person(rng: np.random.Generator, body: Body | None = None) -> Person:
    """A random adult in random clothes; or the given body in random clothes."""
    model = load_body_model()
    body = model.sample(rng) if body is None else body
    outfit = random_outfit(rng, female=body.phenotype["gender"] > 0.5)
    return dressed(model, body, outfit, random_materials(rng), rng)


def dressed(
    model: BodyModel,
    body: Body,
    outfit: Outfit,
    materials: dict[str, Float[np.ndarray, "12"]],
    rng: np.random.Generator,
) -> Person:
    """The body in the outfit; `rng` ruffles the hair."""
    tailor = Tailor(model, body, find_landmarks(model, body))
    parts = (_shoes, _below, _top, _bare_skin, eyes)
    pieces = [piece for part in parts for piece in part(tailor, outfit)]
    return sewn(tailor, [*pieces, *_hair(tailor, outfit, rng)], outfit, materials)


def _bump(position: np.ndarray, centre: float, width: float) -> np.ndarray:
    """1 at the centre, falling off with the distance."""
    return np.exp(-(((position - centre) / width) ** 2))


def _shoes(tailor: Tailor, outfit: Outfit) -> list[Piece]:
    """Socks, shoes and their soles."""
    body, marks = tailor.body, tailor.marks
    height = body.vertices_mm[:, 2]
    ankle = body.head_of("foot.L")[2]
    low = np.clip((35 - height) / 30, 0, 1)
    offset = marks.normals * outfit.shoe_ease
    offset[:, 2] -= low * outfit.sole
    field = np.where(marks.is_leg, ankle + outfit.shoe_height - height, -1.0)
    sole_top = 14.0
    shoe = tailor.piece(
        "shoe", "helper_tights", np.minimum(field, height - sole_top), offset, wrinkle=0.2
    )
    sole = tailor.piece("sole", "helper_tights", np.minimum(field, sole_top - height), offset)
    sock_field = np.where(
        marks.is_leg,
        np.minimum(height - ankle + 40, 430 * (marks.along_leg - outfit.sock_start)),
        -1,
    )
    return [shoe, sole, tailor.piece("sock", "helper_tights", sock_field, 1.5, wrinkle=0.2)]


def _below(tailor: Tailor, outfit: Outfit) -> list[Piece]:
    """Trousers, shorts, a skirt, or a coat's skirt over trousers."""
    body, marks = tailor.body, tailor.marks
    height, hips = body.vertices_mm[:, 2], body.hip_centre_mm[2]
    pieces = []
    if outfit.below != "skirt":
        trunk = np.where(marks.is_arm, -1.0, hips + outfit.waist - height)
        field = np.where(marks.is_leg, 430 * (outfit.leg_end - marks.along_leg), trunk)
        folds = sum(strength * _bump(marks.along_leg, *place) for strength, *place in
                    ((0.5, 1.02, 0.18), (0.6, 1.85, 0.25), (0.4, 0.05, 0.25)))  # fmt: skip
        wrinkle = 0.35 + folds * marks.is_leg
        offset = _trousers_offset(tailor, outfit)
        pieces.append(
            tailor.piece(
                "bottom",
                "helper_tights",
                field,
                offset,
                wrinkle,
                smoothing=3,
                clearance_mm=0.8 * offset,
            )
        )
    if outfit.below in ("skirt", "coat"):
        material, under = (
            ("bottom", 0.0) if outfit.below == "skirt" else ("coat", 0.5 * outfit.leg_ease)
        )
        field = height - hips * (1 - outfit.skirt_end)
        pieces.append(
            tailor.piece(material, "helper_skirt", field, 9 + 0.4 * outfit.top_ease + under, 0.45)
        )
    return pieces


def _trousers_offset(tailor: Tailor, outfit: Outfit) -> np.ndarray:
    """How far trousers stand off the body, mm; over the shoes at the ankles."""
    along = tailor.marks.along_leg
    ease = outfit.leg_ease * (0.35 + 0.65 * np.clip(along, 0, 1))
    flare = outfit.leg_flare * np.clip(along - 1, 0, 1) ** 1.5
    return np.maximum(3 + ease + flare, np.where(along > 1.5, outfit.shoe_ease + 3, 0))


def _top(tailor: Tailor, outfit: Outfit) -> list[Piece]:
    """A shirt, jumper or the coat's upper part."""
    body, marks = tailor.body, tailor.marks
    x, y, height = body.vertices_mm.T
    hips, neck = body.hip_centre_mm[2], body.head_of("neck01")
    hem = hips + max(outfit.hem, 20) if outfit.below == "skirt" else hips + outfit.hem
    neckline = (
        neck[2] + 20 - outfit.neckline * np.clip(1 - np.abs(x) / 90, 0, 1) * (y < neck[1] + 20)
    )
    sleeves = np.where(marks.is_arm, 260 * (outfit.sleeve_end - marks.along_arm), height - hem)
    lower = np.clip((body.head_of("spine02")[2] - height) / 250, 0, 1) * ~marks.is_arm
    trunk_ease = outfit.top_ease * (0.4 + 0.6 * lower)
    over_trousers = ~marks.is_arm & (height < hips + outfit.waist + 30)
    clearance = np.full(len(height), 4.0)
    if outfit.below == "skirt":
        trunk_ease *= 0.3  # the top is tucked in
    else:
        clearance[over_trousers] = _trousers_offset(tailor, outfit)[over_trousers] + 4
    arm_ease = outfit.top_ease * (0.4 + 0.5 * np.clip(marks.along_arm, 0, 1))
    offset = 5 + np.where(marks.is_arm, arm_ease, np.maximum(trunk_ease, clearance - 4))
    folds = 0.55 * _bump(marks.along_arm, 1.0, 0.25) + 0.35 * _bump(marks.along_arm, 0.15, 0.25)
    wrinkle = 0.35 + folds * marks.is_arm + 0.4 * lower
    material = "coat" if outfit.below == "coat" else "top"
    field = np.minimum(sleeves, neckline - height)
    return [
        tailor.piece(
            material, "helper_tights", field, offset, wrinkle, smoothing=5, clearance_mm=clearance
        )
    ]


def _bare_skin(tailor: Tailor, outfit: Outfit) -> list[Piece]:
    """Head, neck, hands, and what the clothes leave bare, some of it under their edges."""
    body, marks = tailor.body, tailor.marks
    height = body.vertices_mm[:, 2]
    trunk = ~marks.is_arm & ~marks.is_leg
    bare = (marks.head > 0.5) | (trunk & (height > body.head_of("neck01")[2] - 90))
    bare |= (marks.hand > 0.3) | (marks.is_arm & (marks.along_arm > outfit.sleeve_end - 0.25))
    leg_start = 0.0 if outfit.below == "skirt" else outfit.leg_end - 0.2
    bare |= marks.is_leg & (marks.along_leg > leg_start) & (height > body.head_of("foot.L")[2] - 50)
    return [
        tailor.piece(
            "skin", "body", np.where(bare, 1.0, -1.0), 0.0, tint=face_paint(tailor, outfit.beard)
        )
    ]


def face_paint(tailor: Tailor, beard: float) -> np.ndarray:
    """Brows, eye sockets, mouth and beard, as factors on the skin's colour."""
    body = tailor.body
    points = body.vertices_mm
    paint = np.ones(len(points))
    for eye in body.eyes_mm:
        x, y, z = (points - eye).T
        front = y < 20
        paint *= 1 - 0.45 * _bump(x, 0, 17) * _bump(z, 22, 6) * front
        paint *= 1 - 0.35 * _bump(x, 0, 14) * _bump(z, 0, 7) * front
    x, y, z = (points - body.eyes_mm.mean(axis=0)).T
    paint *= 1 - 0.25 * _bump(x, 0, 22) * _bump(z, -68, 8) * (y < 30)
    return paint * (1 - beard * _bump(z, -95, 35) * (y < 60) * (np.abs(x) < 80))


def eyes(tailor: Tailor, _outfit: Outfit | None = None) -> list[Piece]:
    """Both eyeballs with dark irises."""
    pieces = []
    for side, eye in zip("lr", tailor.body.eyes_mm, strict=True):
        x, _, z = (tailor.body.vertices_mm - eye).T
        iris = np.where(np.hypot(x, z) < 6, 0.12, 1.0)
        pieces.append(tailor.piece("eye", f"helper_{side}_eye", np.ones(len(x)), 0.0, tint=iris))
    return pieces


def _hair(tailor: Tailor, outfit: Outfit, rng: np.random.Generator) -> list[Piece]:
    """A cap of hair over the scalp, and strands down the back if it is long."""
    if outfit.hair == "bald":
        return []
    x, y, z = (tailor.body.vertices_mm - tailor.body.eyes_mm.mean(axis=0)).T
    hairline = 62 - 115 * np.clip((y + 10) / 120, 0, 1)
    not_ears = np.max([68 - np.abs(x), z - 15, y - 115, 30 - y], axis=0)
    scalp = np.min(
        [z - hairline, np.maximum(y + 2, z - 58), not_ears, 100 * (tailor.marks.head - 0.6)], axis=0
    )
    ruffle = 1 + rng.normal(0, 0.15, len(x))
    volume = outfit.hair_volume * (0.25 + 0.75 * np.clip((z - hairline) / 30, 0, 1)) * ruffle
    pieces = [tailor.piece("hair", "body", scalp, volume, 1.0)]
    if outfit.hair == "long":
        strands = np.minimum(z + outfit.hair_length, np.maximum(y - 15, z - 50))
        pieces.append(tailor.piece("hair", "helper_hair", strands, 6.0, 1.0))
    return pieces


PeopleKind = Literal["plain", "varied"]
CHILDREN_SHARE = 0.2


def person_of_kind(kind: PeopleKind, rng: np.random.Generator) -> Person:
    """A random person: plain - an adult in everyday clothes; varied - see `varied_person`."""
    return random_person(rng) if kind == "plain" else varied_person(rng)


def varied_person(
    rng: np.random.Generator, attire: Attire | None = None, *, child: bool | None = None
) -> Person:
    """A random adult or child in random clothes, or in those given."""
    child = rng.random() < CHILDREN_SHARE if child is None else child
    model = load_child_model() if child else load_body_model()
    body = model.sample_widely(rng, CHILD_STATURE_RANGE_MM) if child else model.sample_widely(rng)
    drawn = random_attire(rng, female=body.phenotype["gender"] > 0.5, child=child)
    attire = drawn if attire is None else attire
    return dressed_in(attire, model, body, random_dyes(rng, attire, child=child), rng)


def dressed_in(
    attire: Attire,
    model: BodyModel,
    body: Body,
    dyes: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> Person:
    """The body in the attire; `rng` ruffles the hair."""
    tailor = Tailor(model, body, find_landmarks(model, body))
    form, head = Form(tailor, attire), Head(tailor)
    above = tops(form)
    outer = [piece for piece in above if piece.material == "coat"] or above
    pieces = [
        *shoes(form),
        *trousers(form),
        *skirts(form),
        *above,
        *bags(form, outer),
        _bare_skin_varied(form),
        *eyes(tailor),
    ]
    return sewn(tailor, [*pieces, *hair(form, head, rng), *hats(form, head)], attire, dyes)


def _bare_skin_varied(form: Form) -> Piece:
    """Head, neck, hands, and what the clothes leave bare, some of it under their edges."""
    attire, tailor, marks, scale = form.attire, form.tailor, form.tailor.marks, form.scale
    height = tailor.body.vertices_mm[:, 2]
    trunk = ~marks.is_arm & ~marks.is_leg
    sleeve_end = max(attire.sleeve_end, 1.85) if attire.over != "none" else attire.sleeve_end
    bare = (marks.head > 0.5) | (trunk & (height > tailor.body.head_of("neck01")[2] - 110 * scale))
    bare |= (marks.hand > 0.3) | (marks.is_arm & (marks.along_arm > sleeve_end - 0.35))
    leg_start = 0.0 if attire.below in ("skirt", "dress") else attire.leg_end - 0.35
    bare |= marks.is_leg & (marks.along_leg > max(leg_start, form.legs_hidden_to))
    return tailor.piece(
        "skin", "body", np.where(bare, 1.0, -1.0), 0.0, tint=face_paint(tailor, attire.beard)
    )
