"""Bags and how they hang: backpacks that jolt, shoulder bags and handbags that dangle."""

import numpy as np

from posegrid.walkers.accessories import ball
from posegrid.walkers.clothes import band
from posegrid.walkers.drape import tube_faces
from posegrid.walkers.form import Form
from posegrid.walkers.hanging import dangling, legs
from posegrid.walkers.loose import LooseBone
from posegrid.walkers.sewing import Piece


def bags(form: Form, worn: list[Piece]) -> list[Piece]:
    """A bag and its straps over the worn tops (the outermost)."""
    makers = {"backpack": _backpack, "shoulder bag": _shoulder_bag, "handbag": _handbag}
    return makers[form.attire.bag](form, worn) if form.attire.bag in makers else []


def _hung(
    form: Form, mesh: tuple[np.ndarray, np.ndarray], bone: LooseBone, tint: float = 1.0
) -> Piece:
    points, faces = mesh
    weights = dangling(form, points, bone.carrier, bone)
    return Piece(
        "bag",
        points,
        faces,
        weights,
        np.full(len(points), 0.3),
        np.full(len(points), tint),
        (bone,),
    )


def _backpack(form: Form, worn: list[Piece]) -> list[Piece]:
    scale, attire = form.scale, form.attire
    shoulder = float(form.tailor.body.head_of("upperarm01.L")[2])
    top, bottom = shoulder + 10 * scale, form.hips_mm + 110 * scale
    depth, half, middle = (
        (45 + 1.6 * attire.hair_volume) * scale,
        0.5 * (top - bottom),
        0.5 * (top + bottom),
    )
    backs = [
        piece.points_mm[np.abs(piece.points_mm[:, 2] - middle) < 150 * scale, 1] for piece in worn
    ]
    centre = np.array([0.0, np.concatenate(backs).max() + 0.8 * depth, middle])
    pack = ball(centre, np.array([135 * scale, depth, half]), 12, 20, 0.45)
    before = np.array([0, 0.75 * depth, -0.44 * half])
    pocket = ball(centre + before, np.array([100 * scale, 0.5 * depth, 0.4 * half]), 8, 16, 0.45)
    backwards = np.array([0.0, 1.0, 0.0])
    jolting = LooseBone("spine02", centre + [0, -depth, 0.9 * half], centre - [0, depth, half], backwards,
                        stiffness=1.0, frequency_hz=2.6, damping=0.25)  # fmt: skip
    straps = []
    for piece in worn:
        x, y, z = piece.points_mm.T
        drop = np.clip((shoulder - z) / (320 * scale), 0, 1)
        field = np.minimum(
            26 * scale - np.abs(np.abs(x) - (82 + 55 * drop**2) * scale), z - shoulder + 300 * scale
        )
        over_shoulder = (y < form.axis_y_mm + 60 * scale) & (z < shoulder + 110 * scale)
        straps.append(band(piece, np.where(over_shoulder, field, -1.0), "bag", 5 * scale, 0.9))
    return [_hung(form, pack, jolting), _hung(form, pocket, jolting, 0.85), *straps]


def _shoulder_bag(form: Form, worn: list[Piece]) -> list[Piece]:
    """At the left hip, its strap over the right shoulder."""
    scale, left = form.scale, np.array([1.0, 0.0, 0.0])
    shoulder, hip = (
        form.tailor.body.head_of("clavicle.R")[2] + 60 * scale,
        form.hips_mm + 30 * scale,
    )
    cloth = form.hung(0.0, (4 + form.attire.top_ease + 12 * (form.attire.over != "none")) * scale)
    side = float(cloth.at(np.array([np.pi / 2]), np.array([hip]))[0])
    slope = (shoulder - hip) / (side + 85 * scale)
    straps = []
    for piece in worn:
        x, _, z = piece.points_mm.T
        distance = (z - hip - (side - x) * slope) / np.hypot(1, slope)
        on = (z > hip - 40 * scale) & (x > -150 * scale)
        straps.append(
            band(piece, np.where(on, 17 * scale - np.abs(distance), -1.0), "bag", 4 * scale, 0.9)
        )
    place = np.array([side + 30 * scale, form.axis_y_mm - 20, hip])
    bone = LooseBone("root", place + [0, 0, 60 * scale], place - [0, 0, 155 * scale], left, stiffness=0.2,
                     frequency_hz=1.3, damping=0.3, colliders=legs(form, 45.0))  # fmt: skip
    bag = ball(place - [0, 0, 60 * scale], np.array([42, 125, 95]) * scale, 10, 18, 0.4)
    flap = ball(place + np.array([4, 0, -25]) * scale, np.array([42, 122, 62]) * scale, 8, 16, 0.4)
    return [_hung(form, bag, bone), _hung(form, flap, bone, 0.8), *straps]


def _handbag(form: Form, worn: list[Piece]) -> list[Piece]:
    """In the left hand; at rest it hangs below the open palm."""
    del worn
    scale, body = form.scale, form.tailor.body
    hold = 0.5 * (body.head_of("finger3-1.L") + body.head_of("finger3-2.L"))
    size = np.array([45, 130, 95]) * scale
    drop = 130 * scale
    bone = LooseBone("wrist.L", hold, hold - [0, 0, drop + 2 * size[2]], np.array([1.0, 0.0, 0.0]), stiffness=0.0,
                     frequency_hz=1.1, damping=0.3, colliders=legs(form, 60.0))  # fmt: skip
    bag = ball(hold - [0, 0, drop + size[2]], size, 10, 18, 0.4)
    turn = np.linspace(0, np.pi, 9)
    arch = np.stack(
        [0 * turn, 80 * scale * np.cos(turn), -drop + (drop - 5) * np.sin(turn)], axis=-1
    )
    handles = []
    for x in (-16, 16):
        ribbon = hold + arch + np.array([x * scale, 0, 0])
        points = np.stack([ribbon - [7 * scale, 0, 0], ribbon + [7 * scale, 0, 0]]).reshape(-1, 3)
        handles.append(_hung(form, (points, tube_faces(2, 9, closed=False)), bone, 0.8))
    return [_hung(form, bag, bone), *handles]
