"""A dressed person: clothes cut and sewn on a body, as flat arrays that the renderer poses and draws."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8

from posegrid.sources.walkers.body import BONE_INDEX, Body, BodyModel, load_body_model
from posegrid.sources.walkers.garments import Cut, Landmarks, cut_faces, find_landmarks, smoothed, vertex_normals
from posegrid.sources.walkers.kernels import NOTHING_MM, project_along_light, rasterise
from posegrid.sources.walkers.light import light_frame
from posegrid.sources.walkers.outfit import Outfit, random_materials, random_outfit

MATERIALS = ("skin", "eye", "hair", "shoe", "sole", "sock", "bottom", "coat", "top")
CLOSED_MATERIALS = ("skin", "eye", "shoe", "sole")
"""Surfaces whose inside is never seen."""


@dataclass(frozen=True, eq=False)
class Person:
    """A dressed body at rest, V vertices and F faces, ready for skinning. Frame as `Body`."""

    body: Body
    outfit: Outfit
    sole_mm: float
    """How far shoes reach below the naked feet: raise a motion's root by it to stand on the floor."""
    vertices_mm: Float32[np.ndarray, "V 3"]
    normals: Float32[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    two_sided: Bool[np.ndarray, "F"]
    """Faces whose back may be seen: cloth."""
    skin_bones: Int[np.ndarray, "V 4"]
    skin_weights: Float32[np.ndarray, "V 4"]
    material: UInt8[np.ndarray, "V"]
    """Index into `MATERIALS`."""
    materials: Float32[np.ndarray, "M 12"]
    tint: Float32[np.ndarray, "V"]
    """Factor on the material's colour."""
    wrinkle: Float32[np.ndarray, "V"]
    """Factor on the material's wrinkles."""
    openness: Float32[np.ndarray, "V"]
    """Share of the surroundings' light that arrives (ambient occlusion), 0..1."""


@dataclass(frozen=True, eq=False)
class _Piece:
    """One garment or bare part: a cut, where its vertices lie, and how it looks."""

    material: str
    cut: Cut
    points_mm: np.ndarray
    wrinkle: np.ndarray
    tint: np.ndarray


@dataclass(frozen=True, eq=False)
class _Tailor:
    """What cutting a garment needs to know."""

    model: BodyModel
    body: Body
    marks: Landmarks
    outfit: Outfit

    def piece(
        self, material: str, mesh: str, field: np.ndarray, offset_mm: np.ndarray | float,
        wrinkle: np.ndarray | float = 0.0, tint: np.ndarray | float = 1.0,
        smoothing: int = 0, clearance_mm: np.ndarray | float = 0.0,
    ) -> _Piece:  # fmt: skip
        """The part of a mesh where the field is positive, moved out along its normals (or by vectors).

        Smoothing leaves each point at least the clearance away from the mesh.
        """
        count = self.model.num_vertices
        cut = cut_faces(self.model.faces[mesh], np.broadcast_to(field, count))
        offset = np.asarray(offset_mm, float)
        shift = offset if offset.ndim == 2 else self.marks.normals * np.broadcast_to(offset, count)[:, None]
        points = cut.of(self.body.vertices_mm + shift)
        if smoothing:
            points = smoothed(points, cut.faces, smoothing)
            normals = cut.of(self.marks.normals)
            gap = ((points - cut.of(self.body.vertices_mm)) * normals).sum(axis=1)
            points += normals * np.maximum(0, cut.of(np.broadcast_to(clearance_mm, count)) - gap)[:, None]
        wrinkles, tints = (cut.of(np.broadcast_to(value, count).astype(float)) for value in (wrinkle, tint))
        return _Piece(material, cut, points, wrinkles, tints)


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
    tailor = _Tailor(model, body, find_landmarks(model, body), outfit)
    pieces = [*_shoes(tailor), *_below(tailor), _top(tailor), _bare_skin(tailor), *_eyes(tailor), *_hair(tailor, rng)]
    return _sewn(tailor, [piece for piece in pieces if len(piece.cut.faces)], materials)


def _bump(position: np.ndarray, centre: float, width: float) -> np.ndarray:
    """1 at the centre, falling off with the distance."""
    return np.exp(-(((position - centre) / width) ** 2))


def _shoes(tailor: _Tailor) -> list[_Piece]:
    """Socks, shoes and their soles."""
    body, marks, outfit = tailor.body, tailor.marks, tailor.outfit
    height = body.vertices_mm[:, 2]
    ankle = body.head_of("foot.L")[2]
    low = np.clip((35 - height) / 30, 0, 1)
    offset = marks.normals * outfit.shoe_ease
    offset[:, 2] -= low * outfit.sole
    field = np.where(marks.is_leg, ankle + outfit.shoe_height - height, -1.0)
    sole_top = 14.0
    shoe = tailor.piece("shoe", "helper_tights", np.minimum(field, height - sole_top), offset, wrinkle=0.2)
    sole = tailor.piece("sole", "helper_tights", np.minimum(field, sole_top - height), offset)
    sock_field = np.where(
        marks.is_leg, np.minimum(height - ankle + 40, 430 * (marks.along_leg - outfit.sock_start)), -1
    )
    return [shoe, sole, tailor.piece("sock", "helper_tights", sock_field, 1.5, wrinkle=0.2)]


def _below(tailor: _Tailor) -> list[_Piece]:
    """Trousers, shorts, a skirt, or a coat's skirt over trousers."""
    body, marks, outfit = tailor.body, tailor.marks, tailor.outfit
    height, hips = body.vertices_mm[:, 2], body.hip_centre_mm[2]
    pieces = []
    if outfit.below != "skirt":
        trunk = np.where(marks.is_arm, -1.0, hips + outfit.waist - height)
        field = np.where(marks.is_leg, 430 * (outfit.leg_end - marks.along_leg), trunk)
        folds = sum(strength * _bump(marks.along_leg, *place) for strength, *place in
                    ((0.5, 1.02, 0.18), (0.6, 1.85, 0.25), (0.4, 0.05, 0.25)))  # fmt: skip
        wrinkle = 0.35 + folds * marks.is_leg
        offset = _trousers_offset(tailor)
        pieces.append(
            tailor.piece("bottom", "helper_tights", field, offset, wrinkle, smoothing=3, clearance_mm=0.8 * offset)
        )
    if outfit.below in ("skirt", "coat"):
        material, under = ("bottom", 0.0) if outfit.below == "skirt" else ("coat", 0.5 * outfit.leg_ease)
        field = height - hips * (1 - outfit.skirt_end)
        pieces.append(tailor.piece(material, "helper_skirt", field, 9 + 0.4 * outfit.top_ease + under, 0.45))
    return pieces


def _trousers_offset(tailor: _Tailor) -> np.ndarray:
    """How far trousers stand off the body, mm; over the shoes at the ankles."""
    outfit, along = tailor.outfit, tailor.marks.along_leg
    ease = outfit.leg_ease * (0.35 + 0.65 * np.clip(along, 0, 1))
    flare = outfit.leg_flare * np.clip(along - 1, 0, 1) ** 1.5
    return np.maximum(3 + ease + flare, np.where(along > 1.5, outfit.shoe_ease + 3, 0))


def _top(tailor: _Tailor) -> _Piece:
    """A shirt, jumper or the coat's upper part."""
    body, marks, outfit = tailor.body, tailor.marks, tailor.outfit
    x, y, height = body.vertices_mm.T
    hips, neck = body.hip_centre_mm[2], body.head_of("neck01")
    hem = hips + max(outfit.hem, 20) if outfit.below == "skirt" else hips + outfit.hem
    neckline = neck[2] + 20 - outfit.neckline * np.clip(1 - np.abs(x) / 90, 0, 1) * (y < neck[1] + 20)
    sleeves = np.where(marks.is_arm, 260 * (outfit.sleeve_end - marks.along_arm), height - hem)
    lower = np.clip((body.head_of("spine02")[2] - height) / 250, 0, 1) * ~marks.is_arm
    trunk_ease = outfit.top_ease * (0.4 + 0.6 * lower)
    over_trousers = ~marks.is_arm & (height < hips + outfit.waist + 30)
    clearance = np.full(len(height), 4.0)
    if outfit.below == "skirt":
        trunk_ease *= 0.3  # the top is tucked in
    else:
        clearance[over_trousers] = _trousers_offset(tailor)[over_trousers] + 4
    arm_ease = outfit.top_ease * (0.4 + 0.5 * np.clip(marks.along_arm, 0, 1))
    offset = 5 + np.where(marks.is_arm, arm_ease, np.maximum(trunk_ease, clearance - 4))
    folds = 0.55 * _bump(marks.along_arm, 1.0, 0.25) + 0.35 * _bump(marks.along_arm, 0.15, 0.25)
    wrinkle = 0.35 + folds * marks.is_arm + 0.4 * lower
    material = "coat" if outfit.below == "coat" else "top"
    field = np.minimum(sleeves, neckline - height)
    return tailor.piece(material, "helper_tights", field, offset, wrinkle, smoothing=5, clearance_mm=clearance)


def _bare_skin(tailor: _Tailor) -> _Piece:
    """Head, neck, hands, and what the clothes leave bare, some of it under their edges."""
    body, marks, outfit = tailor.body, tailor.marks, tailor.outfit
    height = body.vertices_mm[:, 2]
    trunk = ~marks.is_arm & ~marks.is_leg
    bare = (marks.head > 0.5) | (trunk & (height > body.head_of("neck01")[2] - 90))
    bare |= (marks.hand > 0.3) | (marks.is_arm & (marks.along_arm > outfit.sleeve_end - 0.25))
    leg_start = 0.0 if outfit.below == "skirt" else outfit.leg_end - 0.2
    bare |= marks.is_leg & (marks.along_leg > leg_start) & (height > body.head_of("foot.L")[2] - 50)
    return tailor.piece("skin", "body", np.where(bare, 1.0, -1.0), 0.0, tint=_face_paint(tailor))


def _face_paint(tailor: _Tailor) -> np.ndarray:
    """Brows, eye sockets, mouth and beard, as factors on the skin's colour."""
    body, outfit = tailor.body, tailor.outfit
    points = body.vertices_mm
    paint = np.ones(len(points))
    for eye in body.eyes_mm:
        x, y, z = (points - eye).T
        front = y < 20
        paint *= 1 - 0.45 * _bump(x, 0, 17) * _bump(z, 22, 6) * front
        paint *= 1 - 0.35 * _bump(x, 0, 14) * _bump(z, 0, 7) * front
    x, y, z = (points - body.eyes_mm.mean(axis=0)).T
    paint *= 1 - 0.25 * _bump(x, 0, 22) * _bump(z, -68, 8) * (y < 30)
    return paint * (1 - outfit.beard * _bump(z, -95, 35) * (y < 60) * (np.abs(x) < 80))


def _eyes(tailor: _Tailor) -> list[_Piece]:
    """Both eyeballs with dark irises."""
    pieces = []
    for side, eye in zip("lr", tailor.body.eyes_mm, strict=True):
        x, _, z = (tailor.body.vertices_mm - eye).T
        iris = np.where(np.hypot(x, z) < 6, 0.12, 1.0)
        pieces.append(tailor.piece("eye", f"helper_{side}_eye", np.ones(len(x)), 0.0, tint=iris))
    return pieces


def _hair(tailor: _Tailor, rng: np.random.Generator) -> list[_Piece]:
    """A cap of hair over the scalp, and strands down the back if it is long."""
    outfit = tailor.outfit
    if outfit.hair == "bald":
        return []
    x, y, z = (tailor.body.vertices_mm - tailor.body.eyes_mm.mean(axis=0)).T
    hairline = 62 - 115 * np.clip((y + 10) / 120, 0, 1)
    not_ears = np.max([68 - np.abs(x), z - 15, y - 115, 30 - y], axis=0)
    scalp = np.min([z - hairline, np.maximum(y + 2, z - 58), not_ears, 100 * (tailor.marks.head - 0.6)], axis=0)
    ruffle = 1 + rng.normal(0, 0.15, len(x))
    volume = outfit.hair_volume * (0.25 + 0.75 * np.clip((z - hairline) / 30, 0, 1)) * ruffle
    pieces = [tailor.piece("hair", "body", scalp, volume, 1.0)]
    if outfit.hair == "long":
        strands = np.minimum(z + outfit.hair_length, np.maximum(y - 15, z - 50))
        pieces.append(tailor.piece("hair", "helper_hair", strands, 6.0, 1.0))
    return pieces


def _sewn(tailor: _Tailor, pieces: list[_Piece], materials: dict[str, np.ndarray]) -> Person:
    """All pieces in one mesh."""
    sizes = [len(piece.points_mm) for piece in pieces]
    starts = np.cumsum([0, *sizes[:-1]])
    vertices = np.concatenate([piece.points_mm for piece in pieces])
    faces = np.concatenate([piece.cut.faces + start for piece, start in zip(pieces, starts, strict=True)])
    normals = vertex_normals(vertices, faces)
    material = np.repeat([MATERIALS.index(piece.material) for piece in pieces], sizes).astype(np.uint8)
    bones, weights = _skinning(tailor.model, pieces)
    closed = np.isin(material, [MATERIALS.index(name) for name in CLOSED_MATERIALS])
    return Person(
        body=tailor.body,
        outfit=tailor.outfit,
        sole_mm=float(-vertices[:, 2].min()),
        vertices_mm=vertices.astype(np.float32),
        normals=normals.astype(np.float32),
        faces=faces.astype(np.int32),
        two_sided=~closed[faces[:, 0]],
        skin_bones=bones.astype(np.int32),
        skin_weights=weights.astype(np.float32),
        material=material,
        materials=np.stack([materials[name] for name in MATERIALS]).astype(np.float32),
        tint=np.concatenate([piece.tint for piece in pieces]).astype(np.float32),
        wrinkle=np.concatenate([piece.wrinkle for piece in pieces]).astype(np.float32),
        openness=_openness(vertices, normals, faces).astype(np.float32),
    )


def _skinning(model: BodyModel, pieces: list[_Piece]) -> tuple[np.ndarray, np.ndarray]:
    """The four bones that move each sewn vertex most, and their weights, the largest first; hair hangs on the head."""
    count = model.num_vertices
    dense = np.zeros((count, len(BONE_INDEX)))
    np.put_along_axis(dense, model.skin_bones, model.skin_weights, axis=1)
    hanging = np.zeros_like(dense)
    hanging[:, BONE_INDEX["head"]] = 1
    mixed = np.concatenate([piece.cut.of(hanging if piece.material == "hair" else dense) for piece in pieces])
    bones = np.argsort(-mixed, axis=1)[:, :4]
    weights = np.take_along_axis(mixed, bones, axis=1)
    return bones, weights / weights.sum(axis=1, keepdims=True)


def _openness(vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray, num_directions: int = 32) -> np.ndarray:
    """How much of the light from all around (but not from below) reaches each vertex at rest, 0.25..1."""
    size, texels_per_mm = 192, np.float32(192 / 2300)
    centre = tuple(vertices.mean(axis=0).astype(np.float32))
    points, lifted = vertices.astype(np.float32), (vertices + 20 * normals).astype(np.float32)
    screen, both_sides = np.empty_like(points), np.ones(len(faces), bool)
    reached, possible = np.zeros(len(vertices)), np.full(len(vertices), 1e-6)
    steps = np.arange(num_directions) + 0.5
    z, turn = 1 - 1.6 * steps / num_directions, np.pi * (1 + 5**0.5) * steps  # a spiral of even density
    radius = np.sqrt(1 - z**2)
    for towards in np.stack([radius * np.cos(turn), radius * np.sin(turn), z], axis=1):
        rotation = tuple(tuple(row) for row in light_frame(towards).astype(np.float32))
        depths, front = np.full((size, size), NOTHING_MM, np.float32), np.full((size, size), -1, np.int32)
        project_along_light(points, rotation, centre, texels_per_mm, size, screen)
        rasterise(screen, faces, both_sides, depths, front)
        project_along_light(lifted, rotation, centre, texels_per_mm, size, screen)
        column, row = screen[:, :2].astype(int).clip(0, size - 1).T
        weight = np.maximum(0, normals @ towards)
        possible += weight
        reached += weight * (depths[row, column] < screen[:, 2] + 12)
    return 0.25 + 0.75 * reached / possible
