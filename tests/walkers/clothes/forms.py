"""A body as a dressmaker's dummy, in plain clothes but for what a test says."""

from dataclasses import replace
from functools import cache

import numpy as np

from posegrid.walkers.body.mesh import load_body_model
from posegrid.walkers.clothes.form import Form
from posegrid.walkers.clothes.sewing import MeshPiece, Tailor, find_landmarks
from posegrid.walkers.clothes.wardrobe import WARDROBES, Attire, random_attire


@cache
def tailor() -> Tailor:
    model = load_body_model()
    body = model.sample(np.random.default_rng(1))
    return Tailor(model, body, find_landmarks(model, body))


@cache
def plain_attire() -> Attire:
    rng = np.random.default_rng(0)
    attire = random_attire(rng, WARDROBES["varied"], female=True, child=False)
    return replace(
        attire, over="none", hat="none", bag="none", below="trousers", hair="bald", shoe="trainer"
    )


def form_in(**what: object) -> Form:
    """The dummy in an attire with these changes."""
    return Form(tailor(), replace(plain_attire(), **what))


def volume_mm3(points: np.ndarray, faces: np.ndarray) -> float:
    """Of a closed mesh; negative if its faces look inwards."""
    a, b, c = points[faces].swapaxes(0, 1)
    return float((np.cross(a, b) * c).sum() / 6)


def edges_seen(faces: np.ndarray) -> np.ndarray:
    """How often each edge is seen, from either side; 2 where the mesh is closed."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)[1]


def assert_whole(piece: MeshPiece) -> None:
    """Faces of points that there are, and weights that move each point as a whole."""
    assert piece.faces.min() >= 0 and piece.faces.max() < len(piece.points_mm)
    assert np.isfinite(piece.points_mm).all()
    np.testing.assert_allclose(piece.weights.sum(axis=1), 1, atol=1e-3)  # of few bits
