"""Shoes: soles with a ledge and a heel, uppers with a tongue, boots, pumps; and the socks in
them.
"""

import numpy as np

from posegrid.walkers.drape import smoothstep, tube_faces
from posegrid.walkers.form import Form
from posegrid.walkers.sewing import Piece

_SOLE_TOP_MM = 12.0
_NUM_POINTS = 28


def shoes(form: Form) -> list[Piece]:
    """Socks or stockings, uppers and soles."""
    return [_sock(form), _upper(form), *(_sole(form, side) for side in "LR")]


def _sock(form: Form) -> Piece:
    attire, tailor, marks = form.attire, form.tailor, form.tailor.marks
    stockings = attire.below in ("skirt", "dress") and attire.sock_start < 1.65
    start = max(0.1, form.legs_hidden_to) if stockings else attire.sock_start
    field = np.where(marks.is_leg, 430 * (marks.along_leg - start), -1)
    if attire.shoe == "pump" and not stockings:
        field = np.full(len(field), -1.0)
    return tailor.piece("sock", "helper_tights", field, 1.5, wrinkle=0.2)


def _upper(form: Form) -> Piece:
    """The leather: up to the ankle (trainers and leather shoes), above it (boots), or open on the
    instep (pumps).
    """
    attire, tailor, marks, scale = form.attire, form.tailor, form.tailor.marks, form.scale
    points = tailor.body.vertices_mm
    y, z = points[:, 1], points[:, 2]
    ankle, toes = tailor.body.head_of("foot.L"), tailor.body.head_of("toes.L")
    forward = (ankle[1] - y) / max(
        ankle[1] - toes[1], 1.0
    )  # 0 at the ankle, 1 where the toes begin
    if attire.shoe == "boot":
        height = attire.shoe_height if attire.below in ("skirt", "dress", "shorts") else 40
        edge = np.full(len(z), ankle[2] + height * scale)
    else:
        edge = ankle[2] + (8 + 22 * smoothstep(-forward, 0.05, 0.3)) * scale
        if attire.shoe == "pump":
            edge = edge - 60 * scale * smoothstep(forward, -0.25, 0.1) * smoothstep(
                forward, 1.35, 1.0
            )
    tip = smoothstep(forward, 1.0, 1.8)
    ease = (4.5 - 1.0 * (attire.shoe == "pump")) * scale
    offset = marks.normals * ease
    offset[:, 1] -= 9 * scale * tip
    offset[:, 2] -= 5 * scale * tip * (z > 20 * scale)
    low = np.clip((35 - z) / 30, 0, 1)
    offset[:, 2] -= low * 0.3 * attire.sole * scale
    field = np.where(marks.is_leg, np.minimum(edge - z, z - 8 * scale), -1.0)
    on_top = smoothstep(marks.normals[:, 2], 0.35, 0.7) * (forward > 0.15) * (forward < 1.0)
    tint = 1 + (0.5 if attire.shoe == "trainer" else -0.3) * on_top * (attire.shoe != "pump")
    tint = tint * (1 - 0.25 * (attire.shoe == "trainer") * (forward < -0.1) * (z < 60 * scale))
    return tailor.piece("shoe", "helper_tights", field, offset, 0.25, tint)


def _sole(form: Form, side: str) -> Piece:
    """A slab under one foot, wider than the upper, its tip raised; leather shoes, boots and pumps
    have a heel.
    """
    attire, tailor, scale = form.attire, form.tailor, form.scale
    ids = np.unique(tailor.model.faces["helper_tights"])
    sign = 1 if side == "L" else -1
    points = tailor.body.vertices_mm
    foot = ids[
        (tailor.marks.foot[ids] > 0.5) & (sign * points[ids, 0] > 0) & (points[ids, 2] < 45 * scale)
    ]
    flat = points[foot, :2]
    centre = 0.5 * (flat.min(axis=0) + flat.max(axis=0))
    turn = np.linspace(-np.pi, np.pi, _NUM_POINTS + 1)[:-1]
    outline = _outline(flat - centre, turn, ledge_mm=(8 if attire.shoe == "trainer" else 6) * scale)
    nearest = tailor.weights[
        foot[((flat[None] - (outline + centre)[:, None]) ** 2).sum(axis=2).argmin(axis=1)]
    ]
    front = -outline[:, 1] / np.abs(outline[:, 1]).max()  # 1 at the toes, -1 at the heel
    thick, spring = attire.sole * scale, 6 * scale * smoothstep(front, 0.55, 1.0)
    lift = 0.6 * thick * smoothstep(front, -0.35, -0.2) * (attire.shoe != "trainer")
    tip = np.array([0, -6 * scale]) * smoothstep(front, 0.6, 1.0)[:, None]
    edge = outline + centre + tip
    top = np.column_stack([edge, np.full(_NUM_POINTS, _SOLE_TOP_MM * scale)])
    waist = np.column_stack([edge, np.full(_NUM_POINTS, -0.4 * thick) + 0.7 * spring])
    bottom = np.column_stack([edge + (centre - edge) * 0.03, -thick + lift + spring])
    heart = np.column_stack([centre + (edge - centre) * 0.25, -thick + lift])
    inside = np.column_stack(
        [centre + (edge - centre) * 0.6, np.full(_NUM_POINTS, _SOLE_TOP_MM * scale)]
    )
    rings = np.concatenate([inside, top, waist, bottom, heart])
    count = len(rings)
    shade = np.repeat([1.0, 1.0, 1.0, 0.7, 0.7], _NUM_POINTS)
    return Piece(
        "sole", rings, tube_faces(5, _NUM_POINTS), np.tile(nearest, (5, 1)), np.zeros(count), shade
    )


def _outline(flat: np.ndarray, turn: np.ndarray, ledge_mm: float) -> np.ndarray:
    """The convex hull of points on the floor, widened; one point for each angle, 0 in front,
    growing to the left.
    """
    ways = np.stack([np.sin(turn), -np.cos(turn)], axis=1)
    reach = (ways @ flat.T).max(axis=1) + ledge_mm
    cosine = ways @ ways.T
    spans = np.where(cosine > 0.2, reach[:, None] / np.maximum(cosine, 0.2), np.inf)
    return ways * spans.min(axis=0)[:, None]
