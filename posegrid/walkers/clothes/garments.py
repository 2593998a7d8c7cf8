"""Tops, trousers, skirts and coats of all kinds, draped over a body.

Down to the hips a garment is cut from the body's own close-fitting mesh and moved out to where
cloth would hang; what falls freely below them is a tube.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import KDTree

from posegrid.walkers.clothes.form import (
    NUM_ANGLES,
    SWINGING_MM,
    Form,
    Profile,
    Reach,
    chains,
    hung_weights,
    profile_of,
    tube_faces,
    turns,
)
from posegrid.walkers.clothes.sewing import Cloth, MeshPiece, cut_faces, even_piece, vertex_normals
from posegrid.walkers.motion.posture import smoothstep


def tube(
    form: Form, material: str, top_mm: float, end_mm: float, reach: Reach, opening_rad: float = 0.0,
    rows: int = 12, wrinkle: float = 0.4,
) -> MeshPiece:  # fmt: skip
    """A tube of cloth about the trunk's axis between two heights, open in front by half an angle.

    A long one swings; a short one moves with the nearest parts of the body.
    """
    closed = opening_rad == 0.0
    angles = turns(NUM_ANGLES, opening_rad)
    height, angle = np.meshgrid(np.linspace(top_mm, end_mm, rows), angles, indexing="ij")
    points = form.ring(reach, angle, height)
    weights, loose = _nearest_weights(form, points, closed=closed), ()
    if form.hips_mm - end_mm > SWINGING_MM * form.scale:
        loose = chains(form, reach, end_mm, opening_rad)
        weights = hung_weights(form, loose, weights, angle, height, closed=closed)
    faces = tube_faces(rows, len(angles), closed=closed)
    return even_piece(material, points, faces, weights, wrinkle, 1.0, loose)


def _nearest_weights(form: Form, points: np.ndarray, *, closed: bool) -> np.ndarray:
    """Skin weights of the nearest vertices of trunk and legs for a grid, evened along its rows."""
    tailor = form.tailor
    ids = np.unique(tailor.model.faces["helper_tights"])
    ids = ids[(form.arm[ids] < 0.1) & (tailor.marks.foot[ids] < 0.1)]
    nearest = KDTree(tailor.body.vertices_mm[ids]).query(points)[1]
    weights = tailor.weights[ids][nearest]
    for _ in range(6):
        if closed:
            beside = np.roll(weights, 1, axis=1) + np.roll(weights, -1, axis=1)
        else:
            padded = np.pad(weights, ((0, 0), (1, 1), (0, 0)), mode="edge")
            beside = padded[:, :-2] + padded[:, 2:]
        weights = 0.5 * weights + 0.25 * beside
    return weights.reshape(-1, weights.shape[-1])


def band(
    piece: MeshPiece, field: np.ndarray, material: str, lift_mm: float, tint: float = 1.0
) -> MeshPiece:
    """A strip that lies on a piece where the field of its vertices is positive."""
    cut = cut_faces(piece.faces, field)
    raised = piece.points_mm + lift_mm * vertex_normals(piece.points_mm, piece.faces)
    points, weights = cut.of(raised), cut.of(piece.weights)
    return even_piece(material, points, cut.faces, weights, 0.1, tint, piece.loose)


def trousers(form: Form) -> list[MeshPiece]:
    """Trousers or shorts, if any are worn."""
    attire, tailor, marks = form.attire, form.tailor, form.tailor.marks
    if attire.below not in ("trousers", "shorts"):
        return []
    points = tailor.body.vertices_mm
    trunk = np.where(form.arm > 0.3, -1.0, form.waist_mm - points[:, 2])
    field = np.where(marks.is_leg, 430 * form.scale * (attire.leg_end - marks.along_leg), trunk)
    if form.legs_hidden_to:
        field = np.minimum(field, marks.along_leg - form.legs_hidden_to)
    folds = sum(
        strength * np.exp(-(((marks.along_leg - place) / width) ** 2))
        for strength, place, width in ((0.5, 1.02, 0.18), (0.7, 1.85, 0.25), (0.5, 0.05, 0.25))
    )
    cloth = Cloth(_leg_shift(form), 0.35 + folds * marks.is_leg, 5, 4 * form.scale)
    return [tailor.piece("bottom", "helper_tights", field, cloth)]


def _leg_shift(form: Form) -> np.ndarray:
    """How far each vertex of the legs and the hips moves to lie on the trousers."""
    attire, body, marks, scale = form.attire, form.tailor.body, form.tailor.marks, form.scale
    shift = marks.normals * ((3 + 0.5 * attire.leg_ease) * scale)
    faces = form.tailor.model.faces["helper_tights"]
    for side, sign in (("L", 1), ("R", -1)):
        mine = marks.is_leg & (sign * body.vertices_mm[:, 0] > 0)
        heads = [body.head_of(f"{bone}.{side}") for bone in ("upperleg01", "lowerleg01", "foot")]
        along = np.clip(marks.along_leg, 0, 2.4)
        upper = heads[0] + along[:, None] * (heads[1] - heads[0])
        lower = heads[1] + (along[:, None] - 1) * (heads[2] - heads[1])
        radial = (body.vertices_mm - np.where(along[:, None] < 1, upper, lower)) * [1, 1, 0]
        radius = np.linalg.norm(radial, axis=1) + 1e-6
        angle, level = np.arctan2(radial[:, 0], -radial[:, 1]), 2.4 - along
        naked = profile_of(angle, level, radius, faces[mine[faces].all(axis=1)], (48, 24), 0.05)
        reach = naked.taut().radius_mm
        reach[int((2.4 - 0.22) / 0.05) :] = 0  # the buttocks hold no trouser leg
        reach[: int(0.45 / 0.05)] = 0  # nor do feet
        cloth = Profile(reach, 0.05).hanging(attire.leg_slope * 430 * scale)
        ease = (attire.leg_ease + attire.leg_flare * np.clip(along - 1, 0, 1) ** 1.5) * scale + 3
        outwards = (np.maximum(cloth.at(angle, level), radius) + ease - radius) / radius
        free = (smoothstep(marks.along_leg, 0.12, 0.4) * mine)[:, None]
        shift = (1 - free) * shift + free * outwards[:, None] * radial
    return shift


def skirts(form: Form) -> list[MeshPiece]:
    """A skirt, or a dress's below the waist, if one is worn."""
    attire, scale = form.attire, form.scale
    if attire.below not in ("skirt", "dress"):
        return []
    if attire.over == "coat" and not attire.open_front and attire.coat_end >= attire.skirt_end:
        return []
    cloth = form.hung(0.0, 8 * scale, form.waist_mm)
    end = form.hips_mm * (1 - attire.skirt_end)
    widest = form.hips_mm + 30 * scale

    def reach(angle: np.ndarray, height: np.ndarray) -> np.ndarray:
        below = np.maximum(widest - height, 0)
        fold = np.clip(below / (250 * scale), 0, 1.5) * np.cos(attire.pleats * angle)
        fold_mm = attire.pleat_mm * scale * fold
        return cloth.at(angle, height) + attire.skirt_flare * below + fold_mm

    return [tube(form, "bottom", form.waist_mm + 10 * scale, end, reach, rows=14)]


def tops(form: Form) -> list[MeshPiece]:
    """A shirt, jumper or a dress's upper part, or a jacket or coat and what it shows of them."""
    attire, scale = form.attire, form.scale
    tucked = attire.hem < 0 or attire.below in ("skirt", "dress")
    slope, ease = (0.8, 0.4) if tucked else (attire.top_slope, 1.0)
    cloth = form.hung(slope, (4 + ease * attire.top_ease) * scale)
    if tucked:
        cloth = form.tucked_in(cloth)
    hem = form.waist_mm - 30 * scale if tucked else form.hips_mm + 60 * scale
    opened = attire.over != "none" and attire.open_front
    tail = None if tucked else attire.hem
    shirt = Top("top", cloth, hem, tail, attire.sleeve_end, attire.neckline, attire.top_ease)
    if attire.over == "none":
        return _top(form, shirt)
    tail = float(np.clip(attire.hem, 20, 140))
    if attire.over == "coat":
        tail = attire.coat_end * form.hips_mm / scale
    slope, ease, hem = min(attire.top_slope, 0.3), attire.top_ease + 14, form.hips_mm + 60 * scale
    cloth, sleeve_end = form.hung(slope, (4 + ease) * scale), max(attire.sleeve_end, 1.85)
    opening = 35.0 if opened else 0.0
    over = _top(form, Top("coat", cloth, hem, tail, sleeve_end, -15.0, ease, opening))
    if opened:
        return [*_top(form, replace(shirt, only_front=True)), *over]
    fronts = [_front(form, piece.points_mm, 5 * scale) for piece in over]
    buttons = [
        band(piece, front, "coat", 1.5, 0.5) for piece, front in zip(over, fronts, strict=True)
    ]
    return [*over, *buttons]


def _front(form: Form, points_mm: np.ndarray, half_width_mm: np.ndarray | float) -> np.ndarray:
    """Positive on a strip down the middle of the front."""
    return np.where(points_mm[:, 1] < form.axis_y_mm, half_width_mm - np.abs(points_mm[:, 0]), -1.0)


@dataclass(frozen=True, eq=False)
class Top:
    """Something with sleeves. Lengths in mm of the person's size, but for an attire's."""

    material: str
    cloth: Profile
    hem_mm: float
    """Height at which its upper part ends."""
    tail: float | None
    """How far below the hips the tail ends; None: tucked in."""
    sleeve_end: float
    neckline: float
    ease: float
    opening: float = 0.0
    """Half the gap in front, at the neck; it widens downwards. 0: closed."""
    only_front: bool = False
    """Whether an open coat hides the rest."""

    def gap_mm(self, form: Form, height: np.ndarray | float) -> np.ndarray:
        """Half the gap at a height."""
        below_neck = form.tailor.body.head_of("neck01")[2] - height
        return np.asarray((self.opening + 0.1 * below_neck) * form.scale)


def _top(form: Form, top: Top) -> list[MeshPiece]:
    """The upper part and the tail of a top."""
    tailor, marks, scale = form.tailor, form.tailor.marks, form.scale
    points, neck = tailor.body.vertices_mm, tailor.body.head_of("neck01")
    cuff = 1 - 0.6 * smoothstep(marks.along_arm, 1.5, 1.95)
    arm_ease = (5 + top.ease * (0.35 + 0.5 * np.clip(marks.along_arm, 0, 1)) * cuff) * scale
    over = 9.0 if top.material == "coat" else 0.0
    shift = form.on_trunk(top.cloth, (4 + over + 0.2 * min(top.ease, 24)) * scale, arm_ease)
    x, y, height = points.T
    in_front = np.clip(1 - np.abs(x) / (90 * scale), 0, 1) * (y < neck[1] + 20)
    edge = neck[2] + (15 - top.neckline * (in_front if top.neckline > 0 else 1.0)) * scale
    sleeve = 260 * scale * (top.sleeve_end - marks.along_arm)
    field = np.minimum(np.where(form.arm > 0.5, sleeve, height - top.hem_mm), edge - height)
    if top.opening:
        field = np.minimum(field, -_front(form, points, top.gap_mm(form, height)))
    if top.only_front:
        field = np.minimum(field, _front(form, points, 130 * scale))
    elbow, shoulder = (np.exp(-(((marks.along_arm - place) / 0.25) ** 2)) for place in (1.0, 0.15))
    wrinkle = 0.4 + (0.6 * elbow + 0.4 * shoulder) * (form.arm > 0.5)
    clearance_mm = (1.5 if top.tail is None else 3) * scale
    cloth = Cloth(shift, wrinkle, 6, clearance_mm, 1 - 0.9 * form.free)
    upper = tailor.piece(top.material, "helper_tights", field, cloth)
    return [upper] if top.tail is None else [upper, _tail(form, top, top.tail)]


def _tail(form: Form, top: Top, length: float) -> MeshPiece:
    """What of a top falls below the hips."""
    scale, end = form.scale, form.hips_mm - length * form.scale
    start = top.hem_mm + 40 * scale
    front, widening = 0.0, 0.08 if length > 200 else 0.0
    if top.opening:
        radius = top.cloth.at(np.zeros(1), np.array([top.hem_mm]))[0]
        front = float(top.gap_mm(form, top.hem_mm) / radius)

    def reach(angle: np.ndarray, level: np.ndarray) -> np.ndarray:
        tucked_under = 2 - 4 * smoothstep(level, top.hem_mm, start)
        wider = widening * np.maximum(form.hips_mm - level, 0)
        return top.cloth.at(angle, level) + tucked_under * scale + wider

    rows = int(np.clip((start - end) / (40 * scale), 4, 14))
    return tube(form, top.material, start, end, reach, front, rows)
