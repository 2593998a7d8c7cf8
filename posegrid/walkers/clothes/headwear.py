"""Hair and hats."""

from dataclasses import replace

import numpy as np

from posegrid.walkers.clothes.form import (
    Form,
    Profile,
    dangling,
    fitting_rod,
    profile_of,
    tube_faces,
)
from posegrid.walkers.clothes.loose import LooseBone
from posegrid.walkers.clothes.sewing import Cloth, MeshPiece, Tailor, cut_faces, even_piece
from posegrid.walkers.motion.posture import smoothstep

HEAD_STEP_RAD = np.pi / 36


class Head:
    """The head as a profile about a point between the ears: azimuth 0 in front, level 0 down."""

    def __init__(self, tailor: Tailor) -> None:
        eyes = tailor.body.eyes_mm.mean(axis=0)
        self.tailor = tailor
        self.scale = tailor.body.stature_mm / 1700.0 * 0.5 + 0.5  # heads differ less than bodies
        crown = tailor.body.stature_mm
        height = 0.55 * eyes[2] + 0.45 * crown - 20 * self.scale
        self.centre = np.array([0.0, eyes[1] + 95 * self.scale, height])
        offset = tailor.body.vertices_mm - self.centre
        radius = np.linalg.norm(offset, axis=1)
        elevation = np.arcsin(np.clip(offset[:, 2] / np.maximum(radius, 1e-6), -1, 1))
        faces = tailor.model.faces["body"]
        faces = faces[(tailor.marks.head[faces] > 0.6).all(axis=1)]
        azimuth = np.arctan2(offset[:, 0], -offset[:, 1])
        level, step = elevation + np.pi / 2, HEAD_STEP_RAD
        naked = profile_of(azimuth, level, radius, faces, (36, 36), step).radius_mm
        for row in range(len(naked) - 2, -1, -1):
            naked[row] = np.where(naked[row] > 0, naked[row], 0.97 * naked[row + 1])
        naked[-4:] = naked[-5].mean()  # faces at the pole have no azimuth of their own
        self.profile = Profile(naked, HEAD_STEP_RAD)

    def point(
        self, azimuth: np.ndarray, elevation: np.ndarray, offset_mm: np.ndarray | float
    ) -> np.ndarray:
        """Points that far outside of the head."""
        wrapped = (azimuth + np.pi) % (2 * np.pi) - np.pi
        radius = self.profile.at(wrapped, elevation + np.pi / 2) + offset_mm
        flat = np.cos(elevation)
        x, y = flat * np.sin(azimuth), -flat * np.cos(azimuth)
        way = np.stack([x, y, np.sin(elevation)], axis=-1)
        return self.centre + radius[..., None] * way

    def dome(
        self, material: str, end_rad: np.ndarray, offset_mm: np.ndarray | float, rows: int = 9,
        columns: int = 28, start_rad: float = np.pi / 2, tint: float = 1.0, wrinkle: float = 0.3,
    ) -> MeshPiece:  # fmt: skip
        """A shell over the head from one elevation down to another for each column's azimuth."""
        azimuth = azimuths(columns)
        share = np.linspace(0, 1, rows)[:, None]
        elevation = start_rad + share * (np.broadcast_to(end_rad, columns) - start_rad)
        points = self.point(np.broadcast_to(azimuth, elevation.shape), elevation, offset_mm)
        return self.made(material, points, tube_faces(rows, columns), wrinkle, tint)

    def made(
        self,
        material: str,
        points: np.ndarray,
        faces: np.ndarray,
        wrinkle: float = 0.2,
        tint: float = 1.0,
    ) -> MeshPiece:
        """A piece that is fixed to the head."""
        weights = self.tailor.hung_on("head", points.size // 3)
        return even_piece(material, points, faces, weights, wrinkle, tint)


def azimuths(columns: int = 28) -> np.ndarray:
    """Of a dome's columns, radians."""
    return np.linspace(-np.pi, np.pi, columns + 1)[:-1]


def hats(form: Form, head: Head) -> list[MeshPiece]:
    """What is worn on the head, if anything."""
    makers = {"beanie": _beanie, "cap": _cap, "brim": _brim, "hood": _hood, "scarf": _hood}
    return makers[form.attire.hat](form, head) if form.attire.hat in makers else []


def _rim(front: float, side: float, back: float) -> np.ndarray:
    """Elevations (rad) of a rim from three in degrees."""
    cosine = np.cos(azimuths())
    towards = np.where(cosine > 0, front - side, back - side)
    return np.radians(side + towards * cosine**2)


def _beanie(form: Form, head: Head) -> list[MeshPiece]:
    slack = 4 + form.attire.hair_volume
    rim = _rim(14, -2, -22)
    height = np.linspace(1, 0, 9)[:, None]
    crown = head.dome("hat", rim, 10 + slack * height**2, wrinkle=0.5)
    middle = 0.5 * (rim + np.radians(26))
    share = np.linspace(0, 1, 3)[:, None]
    cuff = middle + share * (rim - 0.02 - middle)
    points = head.point(np.broadcast_to(azimuths(), (3, 28)), cuff, 14.0)
    return [crown, head.made("hat", points, tube_faces(3, 28), 0.5, 0.85)]


def _cap(form: Form, head: Head) -> list[MeshPiece]:
    crown = head.dome("hat", _rim(22, 6, -8), 11.0)
    turn = np.radians(np.linspace(-62, 62, 13))
    inner = head.point(turn, np.radians(22 - 16 * (1 - np.cos(turn)) / 0.53), 10.0)
    reach = 72 * head.scale * np.cos(turn * 1.35).clip(0) ** 0.7
    outer = inner + np.stack([0.25 * reach * np.sin(turn), -reach, -0.28 * reach], axis=-1)
    visor = head.made("hat", np.stack([outer, inner]), tube_faces(2, 13, closed=False), tint=0.8)
    return [crown, visor]


def _brim(form: Form, head: Head) -> list[MeshPiece]:
    rim = _rim(20, 8, 0)
    height = np.linspace(1, 0, 9)[:, None]
    crown = head.dome("hat", rim, 11 + 22 * np.sin(np.pi * height) * height)
    edge = head.point(azimuths(), rim, 11.0)
    width = (45 + 1.5 * form.attire.hair_volume) * head.scale
    outward = np.stack([np.sin(azimuths()), -np.cos(azimuths()), np.full(28, -0.15)], axis=-1)
    brim = head.made("hat", np.stack([edge, edge + width * outward]), tube_faces(2, 28), tint=0.95)
    return [crown, brim]


def _hood(form: Form, head: Head) -> list[MeshPiece]:
    """A hood or a headscarf: a shell round head and neck with an opening for the face."""
    scarf = form.attire.hat == "scarf"
    spread = 45 * smoothstep(np.linspace(90, -68, 17), -15, -60)[:, None]
    behind = 14 * np.clip(-np.cos(azimuths(36)), 0, 1)
    offset_mm = (10.0 if scarf else 20.0) + spread + behind
    end = np.radians(np.full(36, -68.0))
    shell = head.dome("hat", end, offset_mm, rows=17, columns=36, wrinkle=0.6)
    offset = shell.points_mm - head.centre
    azimuth = np.degrees(np.arctan2(offset[:, 0], -offset[:, 1]))
    elevation = np.degrees(np.arcsin(offset[:, 2] / np.linalg.norm(offset, axis=1)))
    wide, low, tall = (44, -20, 44) if scarf else (58, -22, 56)
    cut = cut_faces(shell.faces, np.hypot(azimuth / wide, (elevation - low) / tall) - 1)
    return [head.made("hat", cut.of(shell.points_mm), cut.faces, 0.6)]


def hair(form: Form, head: Head, rng: np.random.Generator) -> list[MeshPiece]:
    """The hair that a hat leaves to be seen."""
    attire = form.attire
    if attire.hair == "bald" or attire.hat in ("hood", "scarf"):
        return []
    pieces = [_scalp(form, head, rng)]
    if attire.hair in ("bob", "long"):
        pieces.append(_curtain(form, head, 130.0 if attire.hair == "bob" else attire.hair_length))
    if attire.hair == "ponytail":
        pieces.append(_tail(form, head))
    if attire.hair == "bun" and attire.hat == "none":
        centre = head.point(np.array([np.pi]), np.radians([38.0]), 18.0)[0]
        bun = ball(centre, np.array([38.0, 34.0, 34.0]) * head.scale)
        pieces.append(head.made("hair", *bun, wrinkle=1.0))
    return pieces


_HAIR_MM = {"cropped": 4.0, "ponytail": 7.0, "bun": 7.0, "afro": 55.0}
"""Thickness of a cap of hair; of the others the attire says it."""


def _scalp(form: Form, head: Head, rng: np.random.Generator) -> MeshPiece:
    """A cap of hair."""
    attire, tailor = form.attire, form.tailor
    x, y, z = ((tailor.body.vertices_mm - tailor.body.eyes_mm.mean(axis=0)) / head.scale).T
    hairline = 62 - attire.fringe - 115 * np.clip((y + 10) / 120, 0, 1)
    not_ears = np.max([68 - np.abs(x), z - 15, y - 115, 30 - y], axis=0)
    face = np.maximum(y + 2, z - 58 + attire.fringe)
    scalp = np.min([z - hairline, face, not_ears, 100 * (tailor.marks.head - 0.6)], axis=0)
    thickness = _HAIR_MM.get(attire.hair, attire.hair_volume)
    if attire.hat != "none":
        thickness = min(thickness, 6.0)
    swelling = 0.25 + 0.75 * smoothstep(z - hairline, 0, 45)
    ruffle = 1 + rng.normal(0, 0.08, len(x))
    offset_mm = thickness * swelling * ruffle * head.scale
    return tailor.piece("hair", "body", scalp, Cloth(offset_mm, 1.0))


def _curtain(form: Form, head: Head, length_mm: float) -> MeshPiece:
    """Long hair that falls behind the ears and down the back."""
    attire = form.attire
    columns, rows = 22, 14
    edge = np.radians(62.0)
    azimuth = np.linspace(edge, 2 * np.pi - edge, columns)
    volume = (6 + 0.7 * attire.hair_volume) * head.scale * (0.55 if attire.hat != "none" else 1.0)
    top = np.radians(np.linspace(75 if attire.hat == "none" else 20, 0, 6))
    crown = [head.point(azimuth, np.full(columns, level), volume) for level in top]
    end = head.tailor.body.eyes_mm[:, 2].mean() - length_mm * head.scale
    fall = np.linspace(crown[-1][:, 2], np.full(columns, end), rows - 5)[1:]
    lower = [np.stack([*crown[-1][:, :2].T, height], axis=-1) for height in fall]
    points = np.array([*crown, *lower])
    points[6:, :, 1] -= 0.25 * (points[5, :, 2] - points[6:, :, 2]).clip(0, 90)  # towards the neck
    flat = points.reshape(-1, 3)
    over_clothes = form.hung(1.0, 20 + attire.top_ease + 14 * (attire.over != "none"))
    armpit, scale = form.armpit_mm, form.scale
    low = smoothstep(flat[:, 2], armpit + 150 * scale, armpit + 60 * scale)
    for _ in range(2):  # pushed forwards or backwards: the way depends on the angle
        reach = over_clothes.at(form.around(flat)[0], flat[:, 2])
        depth = np.sqrt(np.maximum(reach**2 - flat[:, 0] ** 2, 0))
        off = flat[:, 1] - form.axis_y_mm
        flat[:, 1] += low * np.sign(off) * np.maximum(depth - np.abs(off), 0)
    piece = head.made("hair", flat, tube_faces(len(points), columns, closed=False), 1.2)
    return _strands(form, piece, columns, len(points)) if length_mm > 150 else piece


def _strands(form: Form, piece: MeshPiece, columns: int, rows: int) -> MeshPiece:
    """Long hair that swings: bones on the left, in the back, on the right, from the neck down."""
    grid = piece.points_mm.reshape(rows, columns, 3)
    places = (0, columns // 2, columns - 1)
    bones = []
    for k in places:
        start, tip = grid[6, k], grid[-1, k]
        outward = tip - [0, form.axis_y_mm, tip[2]]
        trunk = fitting_rod(form, "neck01", "spine03", tip)
        shoulders = fitting_rod(form, "upperarm01.L", "upperarm01.R", tip)
        way = outward / np.linalg.norm(outward)
        rods = (trunk, shoulders)
        bones.append(
            LooseBone("head", start, tip, way, frequency_hz=1.5, damping=0.3, colliders=rods)
        )
    share = np.tile(np.linspace(0, 2, columns), rows)
    free = np.repeat(smoothstep(np.arange(float(rows)), 6.0, 9.0), columns)
    mixed = np.stack([np.maximum(0, 1 - np.abs(share - k)) for k in range(3)], axis=1)
    weights = np.concatenate([piece.weights * (1 - free)[:, None], mixed * free[:, None]], axis=1)
    return replace(piece, weights=weights, loose=tuple(bones))


def _tail(form: Form, head: Head) -> MeshPiece:
    """A ponytail from the back of the head."""
    start = head.point(np.array([np.pi]), np.radians([25.0]), 4.0)[0]
    length = 0.8 * form.attire.hair_length * head.scale
    share = np.linspace(0, 1, 9)[:, None]
    back, up = 40.0 * np.sin(share * np.pi / 2), 12.0 * np.sin(share * np.pi) - length * share**1.5
    centres = start + np.concatenate([0 * share, back, up], axis=1)
    width = head.scale * np.array([10, 20, 25, 26, 25, 22, 19, 14, 3.0])
    turn = np.linspace(0, 2 * np.pi, 9)[:-1]
    ring = np.stack([np.sin(turn), -0.7 * np.cos(turn), np.zeros(8)], axis=-1)
    points = centres[:, None] + width[:, None, None] * ring
    piece = head.made("hair", points, tube_faces(9, 8), 1.0)
    rods = (fitting_rod(form, "neck01", "spine03", centres[-1], 15.0),)
    head_mm, tip_mm, back = centres[2], centres[-1], np.eye(3)[1]
    bone = LooseBone("head", head_mm, tip_mm, back, frequency_hz=1.4, damping=0.2, colliders=rods)
    weights = dangling(form, piece.points_mm, "head", bone, 40.0)
    return replace(piece, weights=weights, loose=(bone,))


def ball(
    centre: np.ndarray, radii: np.ndarray, rows: int = 8, columns: int = 12, squareness: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Points and faces of an ellipsoid; a squareness below 1 makes it a box with round edges."""

    def power(values: np.ndarray) -> np.ndarray:
        return np.sign(values) * np.abs(values) ** squareness

    elevation = np.linspace(np.pi / 2, -np.pi / 2, rows)[:, None]
    flat, turn = power(np.cos(elevation)), azimuths(columns)
    x, y = flat * power(np.sin(turn)), -flat * power(np.cos(turn))
    way = np.stack([x, y, np.broadcast_to(power(np.sin(elevation)), x.shape)], axis=-1)
    return (centre + radii * way).reshape(-1, 3), tube_faces(rows, columns)
