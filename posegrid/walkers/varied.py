"""People of all kinds: adults of all shapes and children, in all kinds of clothes."""

from typing import Literal

import numpy as np

from posegrid.walkers.accessories import Head, hair, hats
from posegrid.walkers.bags import bags
from posegrid.walkers.body import (
    CHILD_STATURE_RANGE_MM,
    Body,
    BodyModel,
    load_body_model,
    load_child_model,
)
from posegrid.walkers.clothes import skirts, tops, trousers
from posegrid.walkers.form import Form
from posegrid.walkers.garments import find_landmarks
from posegrid.walkers.person import eyes, face_paint, random_person
from posegrid.walkers.sewing import Person, Piece, Tailor, sewn
from posegrid.walkers.shoes import shoes
from posegrid.walkers.wardrobe import Attire, random_attire, random_dyes

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
        _bare_skin(form),
        *eyes(tailor),
    ]
    return sewn(tailor, [*pieces, *hair(form, head, rng), *hats(form, head)], attire, dyes)


def _bare_skin(form: Form) -> Piece:
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
