"""People: a random body, dressed in random clothes out of a wardrobe."""

import numpy as np

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
from posegrid.walkers.clothes.instruments import markers, straps
from posegrid.walkers.clothes.sewing import Cloth, MeshPiece, Person, Tailor, find_landmarks, sewn
from posegrid.walkers.clothes.wardrobe import (
    WARDROBES,
    Attire,
    PeopleKind,
    random_attire,
    random_materials,
    sporty,
)


def random_person(
    rng: np.random.Generator,
    kind: PeopleKind = "varied",
    attire: Attire | None = None,
    *,
    child: bool | None = None,
) -> Person:
    """A random person in random clothes, or in those given. plain: an adult in everyday clothes."""
    wardrobe = WARDROBES[kind]
    child = bool(rng.random() < wardrobe.children) if child is None else child
    model = load_child_model() if child else load_body_model()
    statures_mm = CHILD_STATURE_RANGE_MM if child else wardrobe.statures_mm
    body = model.sample(rng, statures_mm, wardrobe.body_variety, wardrobe.heavier)
    drawn = random_attire(rng, wardrobe, female=body.phenotype["gender"] > 0.5, child=child)
    attire = drawn if attire is None else attire
    materials = random_materials(rng, attire, child=child)
    if wardrobe.sporty:
        materials = sporty(rng, materials)
    return dressed(model, body, attire, materials, rng)


def dressed(
    model: BodyModel,
    body: Body,
    attire: Attire,
    materials: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> Person:
    """The body in the attire; `rng` ruffles the hair."""
    tailor = Tailor(model, body, find_landmarks(model, body))
    form, head = Form(tailor, attire), Head(tailor)
    above = tops(form)
    outer = [piece for piece in above if piece.material == "coat"] or above
    below = [*shoes(form), *trousers(form), *skirts(form)]
    face = [_bare_skin(form), *_eyes(tailor), *hair(form, head, rng), *hats(form, head)]
    clothes = [*below, *above, *bags(form, outer), *face]
    return sewn(
        tailor, [*clothes, *straps(form, clothes), *markers(form, clothes)], attire, materials
    )


def _bare_skin(form: Form) -> MeshPiece:
    """Head, neck, hands, and what the clothes leave bare, some of it under their edges."""
    attire, tailor, marks, scale = form.attire, form.tailor, form.tailor.marks, form.scale
    height = tailor.body.vertices_mm[:, 2]
    trunk = ~marks.is_arm & ~marks.is_leg
    sleeve_end = max(attire.sleeve_end, 1.85) if attire.over != "none" else attire.sleeve_end
    bare = (marks.head > 0.5) | (trunk & (height > tailor.body.head_of("neck01")[2] - 110 * scale))
    bare |= (marks.hand > 0.3) | (marks.is_arm & (marks.along_arm > sleeve_end - 0.35))
    leg_start = 0.0 if attire.below in ("skirt", "dress") else attire.leg_end - 0.35
    bare |= marks.is_leg & (marks.along_leg > max(leg_start, form.legs_hidden_to))
    paint = _face_paint(tailor, attire.beard)
    return tailor.piece("skin", "body", np.where(bare, 1.0, -1.0), Cloth(0.0), paint)


def _face_paint(tailor: Tailor, beard: float) -> np.ndarray:
    """Brows, eye sockets, mouth and beard, as factors on the skin's colour."""

    def bump(position: np.ndarray, centre: float, width: float) -> np.ndarray:
        return np.exp(-(((position - centre) / width) ** 2))

    points, eyes = tailor.body.vertices_mm, tailor.body.eyes_mm
    paint = np.ones(len(points))
    for eye in eyes:
        x, y, z = (points - eye).T
        paint *= 1 - 0.45 * bump(x, 0, 17) * bump(z, 22, 6) * (y < 20)
        paint *= 1 - 0.35 * bump(x, 0, 14) * bump(z, 0, 7) * (y < 20)
    x, y, z = (points - eyes.mean(axis=0)).T
    paint *= 1 - 0.25 * bump(x, 0, 22) * bump(z, -68, 8) * (y < 30)
    return paint * (1 - beard * bump(z, -95, 35) * (y < 60) * (np.abs(x) < 80))


def _eyes(tailor: Tailor) -> list[MeshPiece]:
    """Both eyeballs with dark irises."""
    pieces = []
    for side, eye in zip("lr", tailor.body.eyes_mm, strict=True):
        x, _, z = (tailor.body.vertices_mm - eye).T
        iris = np.where(np.hypot(x, z) < 6, 0.12, 1.0)
        pieces.append(tailor.piece("eye", f"helper_{side}_eye", np.ones(len(x)), Cloth(0.0), iris))
    return pieces
