"""Cutting clothes out of the body's meshes: where a body's parts are, and cuts with clean edges.

A garment is cut from a mesh along a field: a number per vertex, positive inside. Faces that the
field's zero line crosses are cut there, so that hems and sleeves end in smooth lines however coarse
the mesh.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from posegrid.walkers.body import FINGER_BONES, Body, BodyModel


@dataclass(frozen=True, eq=False)
class Cut:
    """What a cut leaves of a mesh: n vertices, each on the line between two of the mesh's."""

    first: Int[np.ndarray, "n"]
    second: Int[np.ndarray, "n"]
    share: Float[np.ndarray, "n"]
    """0 at the first vertex, 1 at the second."""
    faces: Int[np.ndarray, "f 3"]

    def of(self, field: Float[np.ndarray, "V *channels"]) -> Float[np.ndarray, "n *channels"]:
        """A quantity known at the mesh's vertices, at the cut's."""
        share = self.share.reshape(-1, *[1] * (field.ndim - 1))
        return (1 - share) * field[self.first] + share * field[self.second]


def cut_faces(faces: Int[np.ndarray, "F 3"], field: Float[np.ndarray, "V"]) -> Cut:
    """The part of the faces where the field is positive, linear between vertices."""
    inside = field > 0
    num_inside = inside[faces].sum(axis=1)
    pieces = [np.stack([faces, faces], axis=-1)[num_inside == 3]]
    for count in (1, 2):
        crossed = faces[num_inside == count]
        lone = np.argmax(
            inside[crossed] == (count == 1), axis=1
        )  # the corner on its own side of the line
        a, b, c = (
            np.take_along_axis(crossed, (lone[:, None] + k) % 3, axis=1)[:, 0] for k in range(3)
        )
        at_a, ab, ac, at_b, at_c = (
            np.stack(pair, axis=-1) for pair in ((a, a), (a, b), (a, c), (b, b), (c, c))
        )
        if count == 1:
            pieces.append(np.stack([at_a, ab, ac], axis=1))
        else:
            pieces += [np.stack([ab, at_b, at_c], axis=1), np.stack([ab, at_c, ac], axis=1)]
    corners = np.sort(np.concatenate(pieces).reshape(-1, 2), axis=1)
    count = len(field)  # one number per pair: sorting those is far faster than sorting rows
    pairs, numbers = np.unique(
        corners[:, 0].astype(np.int64) * count + corners[:, 1], return_inverse=True
    )
    first, second = np.divmod(pairs, count)
    difference = field[first] - field[second]
    share = np.divide(field[first], difference, out=np.zeros(len(first)), where=first != second)
    return Cut(first, second, share, numbers.reshape(-1, 3))


def vertex_normals(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]
) -> Float[np.ndarray, "V 3"]:
    """Unit normals, the mean of the adjoining faces' by area; 0 for vertices without a face."""
    a, b, c = vertices[faces].swapaxes(0, 1)
    face_normals = np.cross(b - a, c - a)  # as long as twice the face's area
    normals = np.stack(
        [
            np.bincount(faces.ravel(), np.repeat(face_normals[:, k], 3), len(vertices))
            for k in range(3)
        ],
        axis=1,
    )
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)


def smoothed(
    values: Float[np.ndarray, "n d"], faces: Int[np.ndarray, "f 3"], rounds: int
) -> Float[np.ndarray, "n d"]:
    """Each vertex's value drawn half way towards its neighbours' mean, again and again; edges of
    the mesh stay.
    """
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    undirected, times = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    inner = np.ones(len(values), bool)
    inner[undirected[times == 1]] = False
    degree = np.bincount(undirected.ravel(), minlength=len(values))[:, None]
    for _ in range(rounds):
        total = np.zeros_like(values)
        np.add.at(total, undirected[:, 0], values[undirected[:, 1]])
        np.add.at(total, undirected[:, 1], values[undirected[:, 0]])
        mean = total / np.maximum(degree, 1)
        values = np.where(inner[:, None], 0.5 * values + 0.5 * mean, values)
    return values


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Where each vertex of a body lies, in the terms a tailor uses."""

    normals: Float[np.ndarray, "V 3"]
    """Of each face group for itself."""
    is_leg: Bool[np.ndarray, "V"]
    along_leg: Float[np.ndarray, "V"]
    """0 at the hip, 1 at the knee, 2 at the ankle (and on); 0 off the legs."""
    is_arm: Bool[np.ndarray, "V"]
    along_arm: Float[np.ndarray, "V"]
    """0 at the shoulder, 1 at the elbow, 2 at the wrist (and on); 0 off the arms."""
    foot: Float[np.ndarray, "V"]
    """Share (0..1) of the vertex that moves with a foot; the next two alike."""
    hand: Float[np.ndarray, "V"]
    head: Float[np.ndarray, "V"]


def find_landmarks(model: BodyModel, body: Body) -> Landmarks:
    """The landmarks of one body."""
    vertices = body.vertices_mm
    normals = np.zeros_like(vertices)
    for faces in model.faces.values():
        ids = np.unique(faces)
        normals[ids] = vertex_normals(vertices, faces)[ids]
    limbs = {}
    for limb, bones in {
        "leg": ("upperleg01", "lowerleg01", "foot"),
        "arm": ("upperarm01", "lowerarm01", "wrist"),
    }.items():
        tips = ("toes",) if limb == "leg" else ("lowerarm02", *FINGER_BONES)
        shares = {
            side: model.skin_share(*(f"{bone}.{side}" for bone in (*bones, *tips))) for side in "LR"
        }
        on_limb = np.maximum(shares["L"], shares["R"]) > 0.5
        along = {
            side: _along(vertices, *(body.head_of(f"{bone}.{side}") for bone in bones))
            for side in "LR"
        }
        left = shares["L"] > shares["R"]
        limbs[limb] = on_limb, np.where(on_limb, np.where(left, along["L"], along["R"]), 0.0)
    return Landmarks(
        normals, *limbs["leg"], *limbs["arm"],
        foot=model.skin_share("foot", "toes"),
        hand=model.skin_share("wrist", *FINGER_BONES),
        head=model.skin_share("head", "neck02"),
    )  # fmt: skip


def _along(points: np.ndarray, top: np.ndarray, middle: np.ndarray, end: np.ndarray) -> np.ndarray:
    """0 to 1 from the top to the middle joint, 1 to 2 from there to the end, for each point."""
    upper, lower = middle - top, end - middle
    first, second = (
        (points - top) @ upper / (upper @ upper),
        (points - middle) @ lower / (lower @ lower),
    )
    return np.where(second > 0, 1 + second, np.minimum(first, 1))
