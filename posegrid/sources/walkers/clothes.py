"""Tops, trousers, skirts and coats of all kinds, draped over a body.

Down to the hips a garment is cut from the body's own close-fitting mesh and moved out to where cloth would hang; what
falls freely below them is a tube.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from posegrid.sources.walkers.drape import Profile, profile_of, smoothstep, tube_faces
from posegrid.sources.walkers.garments import cut_faces, vertex_normals
from posegrid.sources.walkers.sewing import Piece, Tailor
from posegrid.sources.walkers.wardrobe import Attire

LEVEL_MM = 10.0
NUM_ANGLES = 48
USUAL_STATURE_MM = 1700.0


@dataclass(frozen=True, eq=False)
class Form:
    """A body as a dressmaker's dummy: the trunk and the legs as profiles, and what is worn on them."""

    tailor: Tailor
    attire: Attire

    @property
    def scale(self) -> float:
        """Size of the person relative to the one that lengths in an attire are given for."""
        return self.tailor.body.stature_mm / USUAL_STATURE_MM

    @property
    def hips_mm(self) -> float:
        return float(self.tailor.body.hip_centre_mm[2])

    @property
    def armpit_mm(self) -> float:
        """Height below which arms and trunk are apart."""
        return float(self.tailor.body.head_of("upperarm01.L")[2] - 65 * self.scale)

    @property
    def waist_mm(self) -> float:
        return self.hips_mm + self.attire.waist * self.scale

    @cached_property
    def axis_y_mm(self) -> float:
        """The trunk's axis is vertical, at x = 0 and this y."""
        body = self.tailor.body
        return float(0.5 * (body.hip_centre_mm[1] + body.head_of("spine02")[1]))

    @cached_property
    def arm(self) -> np.ndarray:
        """Share (0..1) of each vertex that moves with an arm."""
        return self.tailor.model.skin_share("upperarm01", "lowerarm01", "lowerarm02", "wrist")

    def around(self, points_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Angles about the trunk's axis, and distances from it."""
        x, y = points_mm[:, 0], points_mm[:, 1] - self.axis_y_mm
        return np.arctan2(x, -y), np.hypot(x, y)

    @cached_property
    def trunk(self) -> Profile:
        """The naked trunk, stretched over; below the buttocks it goes on straight down."""
        points = self.tailor.body.vertices_mm
        faces = self.tailor.model.faces["helper_tights"]
        faces = faces[(self.arm[faces] < 0.4).all(axis=1)]
        angle, radius = self.around(points)
        shape = (int(self.tailor.body.stature_mm / LEVEL_MM), NUM_ANGLES)
        naked = profile_of(angle, points[:, 2], radius, faces, shape, LEVEL_MM)
        taut = naked.taut().radius_mm
        lowest, highest = (int(level / LEVEL_MM) for level in (self.hips_mm - 70 * self.scale, self.armpit_mm))
        taut[:lowest] = taut[lowest]
        taut[highest:] = taut[highest]
        return Profile(taut, LEVEL_MM)

    def hung(self, slope: float, ease_mm: float) -> Profile:
        """Where cloth over the trunk hangs that draws in by `slope` below what it hangs from."""
        hanging = self.trunk.hanging(slope)
        return Profile(hanging.radius_mm + ease_mm, LEVEL_MM)

    def tucked_in(self, cloth: Profile) -> Profile:
        """The cloth, drawn to the body at the waist."""
        levels = (np.arange(len(cloth.radius_mm)) + 0.5) * LEVEL_MM
        free = smoothstep(levels, self.waist_mm, self.waist_mm + 90 * self.scale)[:, None]
        return Profile(free * cloth.radius_mm + (1 - free) * self.trunk.radius_mm, LEVEL_MM)

    def on_trunk(self, cloth: Profile, shoulder_ease_mm: float, arm_ease_mm: np.ndarray | float) -> np.ndarray:
        """How far each vertex moves so that it lies on the cloth: along normals on arms and shoulders."""
        points, normals = self.tailor.body.vertices_mm, self.tailor.marks.normals
        angle, radius = self.around(points)
        outward = np.stack([np.sin(angle), -np.cos(angle), np.zeros(len(angle))], axis=1)
        free = (1 - smoothstep(self.arm, 0.05, 0.4)) * smoothstep(
            points[:, 2], self.armpit_mm + 70 * self.scale, self.armpit_mm - 60 * self.scale
        )
        along_normal = normals * np.where(self.arm > 0.3, arm_ease_mm, shoulder_ease_mm)[:, None]
        outwards = outward * np.maximum(cloth.at(angle, points[:, 2]) - radius, 0)[:, None]
        return free[:, None] * outwards + (1 - free[:, None]) * along_normal


def tube(
    form: Form, material: str, top_mm: float, end_mm: float, reach: Callable, opening_rad: float = 0.0,
    rows: int = 12, wrinkle: float = 0.4,
) -> Piece:  # fmt: skip
    """A tube of cloth about the trunk's axis between two heights, perhaps open in front by half the angle.

    `reach(angle, height)`: distance from the axis. It moves with the nearest parts of the body.
    """
    closed = opening_rad == 0.0
    angles = np.linspace(-np.pi, np.pi, NUM_ANGLES + 1)[:-1] if closed else np.linspace(
        opening_rad, 2 * np.pi - opening_rad, NUM_ANGLES)  # fmt: skip
    heights = np.linspace(top_mm, end_mm, rows)
    height, angle = np.meshgrid(heights, angles, indexing="ij")
    radius = reach((angle.ravel() + np.pi) % (2 * np.pi) - np.pi, height.ravel()).reshape(height.shape)
    points = np.stack([radius * np.sin(angle), form.axis_y_mm - radius * np.cos(angle), height], axis=-1)
    count = height.size
    weights = _nearest_weights(form, points, closed=closed)
    faces = tube_faces(rows, len(angles), closed=closed)
    return Piece(material, points.reshape(-1, 3), faces, weights, np.full(count, wrinkle), np.ones(count))


def _nearest_weights(form: Form, points: np.ndarray, *, closed: bool) -> np.ndarray:
    """Skin weights of the nearest vertices of trunk and legs for a grid of points, evened out along its rows."""
    tailor = form.tailor
    ids = np.unique(tailor.model.faces["helper_tights"])
    ids = ids[(form.arm[ids] < 0.1) & (tailor.marks.foot[ids] < 0.1)]
    nearest = cKDTree(tailor.body.vertices_mm[ids]).query(points)[1]
    weights = tailor.weights[ids][nearest]
    for _ in range(6):
        if closed:
            beside = np.roll(weights, 1, axis=1) + np.roll(weights, -1, axis=1)
        else:
            padded = np.pad(weights, ((0, 0), (1, 1), (0, 0)), mode="edge")
            beside = padded[:, :-2] + padded[:, 2:]
        weights = 0.5 * weights + 0.25 * beside
    return weights.reshape(-1, weights.shape[-1])


def band(piece: Piece, field: np.ndarray, material: str, lift_mm: float, tint: float = 1.0) -> Piece:
    """A strip that lies on a piece where the field of its vertices is positive."""
    cut = cut_faces(piece.faces, field)
    raised = piece.points_mm + lift_mm * vertex_normals(piece.points_mm, piece.faces)
    count = len(cut.first)
    return Piece(
        material,
        cut.of(raised),
        cut.faces,
        cut.of(piece.weights),
        np.full(count, 0.1),
        np.full(count, tint),
        piece.loose,
    )


def trousers(form: Form) -> list[Piece]:
    """Trousers or shorts, if any are worn."""
    attire, tailor, marks = form.attire, form.tailor, form.tailor.marks
    if attire.below not in ("trousers", "shorts"):
        return []
    points = tailor.body.vertices_mm
    trunk = np.where(form.arm > 0.3, -1.0, form.waist_mm - points[:, 2])
    field = np.where(marks.is_leg, 430 * form.scale * (attire.leg_end - marks.along_leg), trunk)
    folds = sum(
        strength * np.exp(-(((marks.along_leg - place) / width) ** 2))
        for strength, place, width in ((0.5, 1.02, 0.18), (0.7, 1.85, 0.25), (0.5, 0.05, 0.25))
    )
    shift = _leg_shift(form)
    return [tailor.piece("bottom", "helper_tights", field, shift, 0.35 + folds * marks.is_leg, smoothing=5,
                         clearance_mm=4 * form.scale)]  # fmt: skip


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


def skirts(form: Form) -> list[Piece]:
    """A skirt, or a dress's below the waist, if one is worn."""
    attire, scale = form.attire, form.scale
    if attire.below not in ("skirt", "dress"):
        return []
    cloth = form.hung(0.0, (7 if attire.hem < 0 or attire.below == "dress" else 4) * scale)
    end = form.hips_mm * (1 - attire.skirt_end)
    widest = form.hips_mm + 30 * scale

    def reach(angle: np.ndarray, height: np.ndarray) -> np.ndarray:
        below = np.maximum(widest - height, 0)
        fold = attire.pleat_mm * np.clip(below / (250 * scale), 0, 1.5) * np.cos(attire.pleats * angle)
        return cloth.at(angle, height) + attire.skirt_flare * below + fold * scale

    return [tube(form, "bottom", form.waist_mm + 10 * scale, end, reach, rows=14)]


def tops(form: Form) -> list[Piece]:
    """A shirt, jumper or the upper part of a dress, and a jacket or coat over it."""
    attire = form.attire
    under = _top(form, "top", attire, ease=attire.top_ease, opening=0.0)
    if attire.over == "none":
        return under
    tail = attire.coat_end * form.hips_mm / form.scale if attire.over == "coat" else np.clip(attire.hem, 0, 140)
    outer = replace(attire, hem=float(tail), sleeve_end=max(attire.sleeve_end, 1.85), neckline=-15.0, below="trousers",
                    top_slope=min(attire.top_slope, 0.3))  # fmt: skip
    opening = 35.0 if attire.open_front else 0.0
    over = _top(form, "coat", outer, ease=attire.top_ease + 12, opening=opening)
    seam = [band(piece, _front(form, piece.points_mm, 5 * form.scale), "coat", 1.5, tint=0.5) for piece in over]
    return [*(under if attire.open_front else []), *over, *([] if attire.open_front else seam)]


def _front(form: Form, points_mm: np.ndarray, half_width_mm: float) -> np.ndarray:
    """Positive on a strip down the middle of the front."""
    return np.where(points_mm[:, 1] < form.axis_y_mm, half_width_mm - np.abs(points_mm[:, 0]), -1.0)


def _top(form: Form, material: str, attire: Attire, ease: float, opening: float) -> list[Piece]:
    """A top down to the hips and its tail below, ease and opening (half its width at the neck) in mm."""
    tailor, marks, scale = form.tailor, form.tailor.marks, form.scale
    points, neck = tailor.body.vertices_mm, tailor.body.head_of("neck01")
    tucked = attire.hem < 0 or attire.below == "dress"
    cloth = form.hung(0.8 if tucked else attire.top_slope, (4 + (0.4 if tucked else 1.0) * ease) * scale)
    if tucked:
        cloth = form.tucked_in(cloth)
    hem = form.waist_mm - 30 * scale if tucked else form.hips_mm + 60 * scale
    cuff = 1 - 0.6 * smoothstep(marks.along_arm, 1.5, 1.95)
    arm_ease = (5 + ease * (0.35 + 0.5 * np.clip(marks.along_arm, 0, 1)) * cuff) * scale
    shift = form.on_trunk(cloth, (4 + 0.2 * ease) * scale, arm_ease)
    x, y, height = points.T
    deep = np.clip(1 - np.abs(x) / (90 * scale), 0, 1) * (y < neck[1] + 20) if attire.neckline > 0 else np.ones(len(x))
    edge = neck[2] + (15 - attire.neckline * deep) * scale
    sleeve = 260 * scale * (attire.sleeve_end - marks.along_arm)
    field = np.minimum(np.where(form.arm > 0.5, sleeve, height - hem), edge - height)
    gap = (opening + 0.1 * (neck[2] - height)) * scale if opening else np.full(len(x), -1.0)
    if opening:
        field = np.minimum(field, np.where(y < form.axis_y_mm, np.abs(x) - gap, 1.0))
    elbow, shoulder = (np.exp(-(((marks.along_arm - place) / 0.25) ** 2)) for place in (1.0, 0.15))
    wrinkle = 0.4 + (0.6 * elbow + 0.4 * shoulder) * (form.arm > 0.5)
    upper = tailor.piece(material, "helper_tights", field, shift, wrinkle, smoothing=6,
                         clearance_mm=(1.5 if tucked else 3) * scale)  # fmt: skip
    if tucked:
        return [upper]
    front = 0.0
    if opening:
        front = float((opening + 0.1 * (neck[2] - hem)) * scale / cloth.at(np.zeros(1), np.array([hem]))[0])
    end = form.hips_mm - attire.hem * scale
    widening = 0.08 if attire.hem > 200 else 0.0

    def reach(angle: np.ndarray, level: np.ndarray) -> np.ndarray:
        return cloth.at(angle, level) + 2 * scale + widening * np.maximum(form.hips_mm - level, 0)

    rows = int(np.clip((hem - end) / (40 * scale), 4, 14))
    return [upper, tube(form, material, hem + 40 * scale, end, reach, front, rows)]
