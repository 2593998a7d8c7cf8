"""Shoes and bags. Lengths are mm, points lie in the body's rest frame.

Soles with a ledge and a heel, uppers with a tongue, boots, pumps, and the socks in them; backpacks
that jolt, shoulder bags and handbags that dangle.
"""

from dataclasses import replace

import numpy as np

from posegrid.walkers.clothes.form import Form, dangling, legs, tube_faces
from posegrid.walkers.clothes.garments import band
from posegrid.walkers.clothes.headwear import ball
from posegrid.walkers.clothes.loose import LooseBone
from posegrid.walkers.clothes.sewing import Cloth, MeshPiece, even_piece
from posegrid.walkers.motion.posture import smoothstep

_SOLE_TOP_MM = 12.0
_NUM_POINTS = 28


def shoes(form: Form) -> list[MeshPiece]:
    """Socks or stockings, uppers and soles; none of people with bare feet."""
    if form.attire.shoe == "barefoot":
        return []
    return [_sock(form), _upper(form), *(_sole(form, side) for side in "LR")]


def _sock(form: Form) -> MeshPiece:
    attire, tailor, marks = form.attire, form.tailor, form.tailor.marks
    stockings = attire.below in ("skirt", "dress") and attire.sock_start < 1.65
    start = max(0.1, form.legs_hidden_to) if stockings else attire.sock_start
    field = np.where(marks.is_leg, 430 * (marks.along_leg - start), -1)
    if attire.shoe == "pump" and not stockings:
        field = np.full(len(field), -1.0)
    return tailor.piece("sock", "helper_tights", field, Cloth(1.5, 0.2))


def _upper(form: Form) -> MeshPiece:
    """The leather: up to the ankle, above it (boots), or open on the instep (pumps)."""
    attire, tailor, marks, scale = form.attire, form.tailor, form.tailor.marks, form.scale
    points = tailor.body.vertices_mm
    y, z = points[:, 1], points[:, 2]
    ankle, toes = tailor.body.head_of("foot.L"), tailor.body.head_of("toes.L")
    forward = (ankle[1] - y) / max(ankle[1] - toes[1], 1.0)  # 0 at the ankle, 1 where toes begin
    if attire.shoe == "boot":
        height = attire.shoe_height if attire.below in ("skirt", "dress", "shorts") else 40
        edge = np.full(len(z), ankle[2] + height * scale)
    else:
        edge = ankle[2] + (8 + 22 * smoothstep(-forward, 0.05, 0.3)) * scale
        if attire.shoe == "pump":
            instep = smoothstep(forward, -0.25, 0.1) * smoothstep(forward, 1.35, 1.0)
            edge = edge - 60 * scale * instep
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
    return tailor.piece("shoe", "helper_tights", field, Cloth(offset, 0.25), tint)


def _sole(form: Form, side: str) -> MeshPiece:
    """A slab under one foot, wider than the upper, its tip raised, with a heel but for trainers."""
    attire, tailor, scale = form.attire, form.tailor, form.scale
    ids = np.unique(tailor.model.faces["helper_tights"])
    sign = 1 if side == "L" else -1
    points = tailor.body.vertices_mm
    below = (tailor.marks.foot[ids] > 0.5) & (points[ids, 2] < 45 * scale)
    foot = ids[below & (sign * points[ids, 0] > 0)]
    flat = points[foot, :2]
    centre = 0.5 * (flat.min(axis=0) + flat.max(axis=0))
    turn = np.linspace(-np.pi, np.pi, _NUM_POINTS + 1)[:-1]
    outline = _outline(flat - centre, turn, ledge_mm=(8 if attire.shoe == "trainer" else 6) * scale)
    squares = ((flat[None] - (outline + centre)[:, None]) ** 2).sum(axis=2)
    nearest = tailor.weights[foot[squares.argmin(axis=1)]]
    front = -outline[:, 1] / np.abs(outline[:, 1]).max()  # 1 at the toes, -1 at the heel
    thick, spring = attire.sole * scale, 6 * scale * smoothstep(front, 0.55, 1.0)
    lift = 0.6 * thick * smoothstep(front, -0.35, -0.2) * (attire.shoe != "trainer")
    tip = np.array([0, -6 * scale]) * smoothstep(front, 0.6, 1.0)[:, None]
    edge = outline + centre + tip
    top = np.column_stack([edge, np.full(_NUM_POINTS, _SOLE_TOP_MM * scale)])
    waist = np.column_stack([edge, np.full(_NUM_POINTS, -0.4 * thick) + 0.7 * spring])
    bottom = np.column_stack([edge + (centre - edge) * 0.03, -thick + lift + spring])
    heart = np.column_stack([centre + (edge - centre) * 0.25, -thick + lift])
    inside = np.column_stack([centre + (edge - centre) * 0.6, top[:, 2]])
    rings = np.concatenate([inside, top, waist, bottom, heart])
    weights, shade = np.tile(nearest, (5, 1)), np.repeat([1.0, 1.0, 1.0, 0.7, 0.7], _NUM_POINTS)
    slab = even_piece("sole", rings, tube_faces(5, _NUM_POINTS), weights, 0.0)
    return replace(slab, tint=shade)


def _outline(flat: np.ndarray, turn: np.ndarray, ledge_mm: float) -> np.ndarray:
    """The convex hull of points on the floor, widened; a point per angle, 0 in front."""
    ways = np.stack([np.sin(turn), -np.cos(turn)], axis=1)
    reach = (ways @ flat.T).max(axis=1) + ledge_mm
    cosine = ways @ ways.T
    spans = np.where(cosine > 0.2, reach[:, None] / np.maximum(cosine, 0.2), np.inf)
    return ways * spans.min(axis=0)[:, None]


def bags(form: Form, worn: list[MeshPiece]) -> list[MeshPiece]:
    """A bag and its straps over the worn tops (the outermost)."""
    makers = {"backpack": _backpack, "shoulder bag": _shoulder_bag, "handbag": _handbag}
    return makers[form.attire.bag](form, worn) if form.attire.bag in makers else []


def _hung(
    form: Form, mesh: tuple[np.ndarray, np.ndarray], bone: LooseBone, tint: float = 1.0
) -> MeshPiece:
    points, faces = mesh
    weights = dangling(form, points, bone.carrier, bone)
    return even_piece("bag", points, faces, weights, 0.3, tint, (bone,))


def _backpack(form: Form, worn: list[MeshPiece]) -> list[MeshPiece]:
    scale, attire = form.scale, form.attire
    shoulder = float(form.tailor.body.head_of("upperarm01.L")[2])
    top, bottom = shoulder + 10 * scale, form.hips_mm + 110 * scale
    depth = (45 + 1.6 * attire.hair_volume) * scale
    half, middle = 0.5 * (top - bottom), 0.5 * (top + bottom)
    surfaces = [piece.points_mm for piece in worn]
    backs = [points[np.abs(points[:, 2] - middle) < 150 * scale, 1] for points in surfaces]
    centre = np.array([0.0, np.concatenate(backs).max() + 0.8 * depth, middle])
    pack = ball(centre, np.array([135 * scale, depth, half]), 12, 20, 0.45)
    before = np.array([0, 0.75 * depth, -0.44 * half])
    pocket = ball(centre + before, np.array([100 * scale, 0.5 * depth, 0.4 * half]), 8, 16, 0.45)
    head, tip, back = centre + [0, -depth, 0.9 * half], centre - [0, depth, half], np.eye(3)[1]
    jolting = LooseBone("spine02", head, tip, back, stiffness=1.0, frequency_hz=2.6, damping=0.25)
    straps = []
    for piece in worn:
        x, y, z = piece.points_mm.T
        drop = np.clip((shoulder - z) / (320 * scale), 0, 1)
        across = 26 * scale - np.abs(np.abs(x) - (82 + 55 * drop**2) * scale)
        field = np.minimum(across, z - shoulder + 300 * scale)
        over_shoulder = (y < form.axis_y_mm + 60 * scale) & (z < shoulder + 110 * scale)
        straps.append(band(piece, np.where(over_shoulder, field, -1.0), "bag", 5 * scale, 0.9))
    return [_hung(form, pack, jolting), _hung(form, pocket, jolting, 0.85), *straps]


def _shoulder_bag(form: Form, worn: list[MeshPiece]) -> list[MeshPiece]:
    """At the left hip, its strap over the right shoulder."""
    scale, hip = form.scale, form.hips_mm + 30 * form.scale
    shoulder = form.tailor.body.head_of("clavicle.R")[2] + 60 * scale
    cloth = form.hung(0.0, (4 + form.attire.top_ease + 12 * (form.attire.over != "none")) * scale)
    side = float(cloth.at(np.array([np.pi / 2]), np.array([hip]))[0])
    slope = (shoulder - hip) / (side + 85 * scale)
    straps = []
    for piece in worn:
        x, _, z = piece.points_mm.T
        distance = (z - hip - (side - x) * slope) / np.hypot(1, slope)
        on = (z > hip - 40 * scale) & (x > -150 * scale)
        strap = np.where(on, 17 * scale - np.abs(distance), -1.0)
        straps.append(band(piece, strap, "bag", 4 * scale, 0.9))
    place = np.array([side + 30 * scale, form.axis_y_mm - 20, hip])
    head, tip, left = place + [0, 0, 60 * scale], place - [0, 0, 155 * scale], np.eye(3)[0]
    rods = legs(form, 45.0)
    bone = LooseBone(
        "root", head, tip, left, stiffness=0.2, frequency_hz=1.3, damping=0.3, colliders=rods
    )
    bag = ball(place - [0, 0, 60 * scale], np.array([42, 125, 95]) * scale, 10, 18, 0.4)
    flap = ball(place + np.array([4, 0, -25]) * scale, np.array([42, 122, 62]) * scale, 8, 16, 0.4)
    return [_hung(form, bag, bone), _hung(form, flap, bone, 0.8), *straps]


def _handbag(form: Form, worn: list[MeshPiece]) -> list[MeshPiece]:
    """In the left hand; at rest it hangs below the open palm."""
    del worn
    scale, body = form.scale, form.tailor.body
    hold = 0.5 * (body.head_of("finger3-1.L") + body.head_of("finger3-2.L"))
    size = np.array([45, 130, 95]) * scale
    drop = 130 * scale
    tip, left = hold - [0, 0, drop + 2 * size[2]], np.eye(3)[0]
    rods = legs(form, 60.0)
    bone = LooseBone(
        "wrist.L", hold, tip, left, stiffness=0.0, frequency_hz=1.1, damping=0.3, colliders=rods
    )
    bag = ball(hold - [0, 0, drop + size[2]], size, 10, 18, 0.4)
    turn = np.linspace(0, np.pi, 9)
    wide, high = 80 * scale * np.cos(turn), -drop + (drop - 5) * np.sin(turn)
    arch = np.stack([0 * turn, wide, high], axis=-1)
    handles = []
    for x in (-16, 16):
        ribbon = hold + arch + np.array([x * scale, 0, 0])
        points = np.stack([ribbon - [7 * scale, 0, 0], ribbon + [7 * scale, 0, 0]]).reshape(-1, 3)
        handles.append(_hung(form, (points, tube_faces(2, 9, closed=False)), bone, 0.8))
    return [_hung(form, bag, bone), *handles]
