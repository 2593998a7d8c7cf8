"""What people wear to be measured: straps of sensors, and the balls of motion capture.

Lengths are mm, points lie in the body's rest frame.
"""

import numpy as np
from jaxtyping import Float

from posegrid.walkers.body.mesh import NUM_BONES
from posegrid.walkers.clothes.form import Form
from posegrid.walkers.clothes.garments import band
from posegrid.walkers.clothes.headwear import ball
from posegrid.walkers.clothes.sewing import MeshPiece, even_piece

STRAP_LIFT_MM, STRAP_HALF_MM = 4.0, 22.0
LIMB_STRAPS = {
    "upper arm": ("upperarm01", "lowerarm01", 0.55, 110.0),
    "forearm": ("lowerarm01", "wrist", 0.75, 90.0),
    "thigh": ("upperleg01", "lowerleg01", 0.6, 140.0),
    "shank": ("lowerleg01", "foot", 0.4, 100.0),
}
"""Bones between whose heads a strap lies, at which share of the way, and how far cloth may be from
that line.
"""
TRUNK_STRAPS = {"waist": ("spine04", 20.0), "chest": ("spine02", 60.0)}
"""Bones at whose heads a strap lies, so far above them."""
TRUNK_REACH_MM = 260.0
MARKER_MM = 9.0
NEAR_MM = 45.0
LEFT_MARKERS = (
    ("upperarm01.L", (0.2, 0.0, 1.0)),
    ("lowerarm01.L", (1.0, 0.4, 0.2)),
    ("wrist.L", (0.6, 0.8, 0.4)),
    ("upperleg01.L", (0.4, -1.0, 0.6)),
    ("upperleg01.L", (1.0, 0.0, 0.0)),
    ("lowerleg01.L", (1.0, 0.0, 0.0)),
    ("foot.L", (1.0, 0.0, 0.0)),
    ("toes.L", (0.1, -0.3, 1.0)),
    ("head", (0.7, -0.7, 0.6)),
    ("head", (0.7, 0.7, 0.6)),
)
"""Seen from the head of which bone, and in which direction, a ball lies; the right side's as in a
mirror.
"""
MIDDLE_MARKERS = (
    ("neck01", (0.0, 1.0, 0.0)),
    ("spine02", (0.0, -1.0, 0.0)),
    ("root", (0.0, 1.0, 0.2)),
)


def straps(form: Form, worn: list[MeshPiece]) -> list[MeshPiece]:
    """Bands round trunk and limbs, on whatever is worn there or bare."""
    lift_mm = STRAP_LIFT_MM * form.scale
    return [
        band(piece, _under_strap(form, piece.points_mm, strap), "strap", lift_mm)
        for strap in form.attire.straps
        for piece in worn
    ]


def _under_strap(
    form: Form, points_mm: Float[np.ndarray, "n 3"], strap: str
) -> Float[np.ndarray, "n"]:
    """Positive where the strap lies."""
    body, half_mm = form.tailor.body, STRAP_HALF_MM * form.scale
    if strap in TRUNK_STRAPS:
        bone, above_mm = TRUNK_STRAPS[strap]
        height_mm = body.head_of(bone)[2] + above_mm * form.scale
        away_mm = np.hypot(points_mm[:, 0], points_mm[:, 1] - form.axis_y_mm)
        across_mm = half_mm - np.abs(points_mm[:, 2] - height_mm)
        return np.minimum(across_mm, TRUNK_REACH_MM * form.scale - away_mm)
    upper, lower, share, reach_mm = LIMB_STRAPS[strap]
    fields = []
    for side in "LR":
        start, end = body.head_of(f"{upper}.{side}"), body.head_of(f"{lower}.{side}")
        at_mm, away_mm = _seen_along(points_mm, start, end - start)
        across_mm = half_mm - np.abs(at_mm - share * np.linalg.norm(end - start))
        fields.append(np.minimum(across_mm, reach_mm * form.scale - away_mm))
    return np.maximum(*fields)


def markers(form: Form, worn: list[MeshPiece]) -> list[MeshPiece]:
    """Balls where what is worn, or the skin, lies farthest out near joints."""
    if not form.attire.markers:
        return []
    right = [(bone.replace(".L", ".R"), (-x, y, z)) for bone, (x, y, z) in LEFT_MARKERS]
    points_mm = np.concatenate([piece.points_mm for piece in worn])
    weights = np.concatenate([piece.weights[:, :NUM_BONES] for piece in worn])
    balls = []
    for bone, way in (*LEFT_MARKERS, *right, *MIDDLE_MARKERS):
        at_mm, away_mm = _seen_along(points_mm, form.tailor.body.head_of(bone), np.array(way))
        # what hangs on loose bones (skirts, long hair) carries none
        near = (away_mm < NEAR_MM * form.scale) & (at_mm > 0) & (weights.sum(axis=1) > 0.5)
        if near.any():
            row = int(np.where(near, at_mm, 0.0).argmax())
            points, faces = ball(points_mm[row], np.full(3, MARKER_MM), 5, 8)
            hung = np.tile(weights[row], (len(points), 1))
            balls.append(even_piece("marker", points, faces, hung, 0.0))
    return balls


def _seen_along(
    points_mm: Float[np.ndarray, "n 3"], start_mm: Float[np.ndarray, "3"], way: np.ndarray
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """How far each point lies along a way from its start, and how far away from that line."""
    unit = way / np.linalg.norm(way)
    off_mm = points_mm - start_mm
    at_mm = off_mm @ unit
    return at_mm, np.linalg.norm(off_mm - at_mm[:, None] * unit, axis=1)
