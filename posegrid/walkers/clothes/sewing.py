"""Cutting clothes out of a body's meshes and sewing them: pieces with clean edges, put together as
flat arrays that the renderer poses and draws.

A garment is cut from a mesh along a field: a number per vertex, positive inside. Faces that the
field's zero line crosses are cut there, so that hems and sleeves end in smooth lines however coarse
the mesh. Lengths are mm; points lie in the body's rest frame.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8

from posegrid.walkers.body.mesh import BONE_INDEX, FINGER_BONES, NUM_BONES, Body, BodyModel
from posegrid.walkers.clothes.loose import Frames, LooseBone, with_loose
from posegrid.walkers.clothes.wardrobe import Attire
from posegrid.walkers.render.light import light_frame
from posegrid.walkers.render.light_kernels import NOTHING_MM
from posegrid.walkers.render.surface_kernels import project_along_light, rasterise


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
        lone = np.argmax(inside[crossed] == (count == 1), axis=1)  # the corner on its own side
        turned = np.take_along_axis(crossed, (lone[:, None] + np.arange(3)) % 3, axis=1)
        a, b, c = turned.T
        pairs = ((a, a), (a, b), (a, c), (b, b), (c, c))
        at_a, ab, ac, at_b, at_c = (np.stack(pair, axis=-1) for pair in pairs)
        if count == 1:
            pieces.append(np.stack([at_a, ab, ac], axis=1))
        else:
            pieces += [np.stack([ab, at_b, at_c], axis=1), np.stack([ab, at_c, ac], axis=1)]
    corners = np.sort(np.concatenate(pieces).reshape(-1, 2), axis=1)
    count = len(field)  # one number per pair: sorting those is far faster than sorting rows
    keys = corners[:, 0].astype(np.int64) * count + corners[:, 1]
    keys, numbers = np.unique(keys, return_inverse=True)
    first, second = np.divmod(keys, count)
    difference = field[first] - field[second]
    share = np.divide(field[first], difference, out=np.zeros(len(first)), where=first != second)
    return Cut(first, second, share, numbers.reshape(-1, 3))


def vertex_normals(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]
) -> Float[np.ndarray, "V 3"]:
    """Unit normals, the mean of the adjoining faces' by area; 0 for vertices without a face."""
    a, b, c = vertices[faces].swapaxes(0, 1)
    face_normals = np.cross(b - a, c - a)  # as long as twice the face's area
    shares, count = np.repeat(face_normals, 3, axis=0), len(vertices)
    normals = np.stack([np.bincount(faces.ravel(), shares[:, k], count) for k in range(3)], axis=1)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)


def smoothed(
    values: Float[np.ndarray, "n d"], faces: Int[np.ndarray, "f 3"], rounds: int
) -> Float[np.ndarray, "n d"]:
    """Each vertex's value drawn half way to its neighbours' mean, again and again; borders stay."""
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
    for limb, bones, tips in (
        ("leg", ("upperleg01", "lowerleg01", "foot"), ("toes",)),
        ("arm", ("upperarm01", "lowerarm01", "wrist"), ("lowerarm02", *FINGER_BONES)),
    ):
        shares, along = {}, {}
        for side in "LR":
            shares[side] = model.skin_share(*(f"{bone}.{side}" for bone in (*bones, *tips)))
            along[side] = _along(vertices, *(body.head_of(f"{bone}.{side}") for bone in bones))
        on_limb = np.maximum(shares["L"], shares["R"]) > 0.5
        own = np.where(shares["L"] > shares["R"], along["L"], along["R"])
        limbs[limb] = on_limb, np.where(on_limb, own, 0.0)
    return Landmarks(
        normals, *limbs["leg"], *limbs["arm"],
        foot=model.skin_share("foot", "toes"),
        hand=model.skin_share("wrist", *FINGER_BONES),
        head=model.skin_share("head", "neck02"),
    )  # fmt: skip


def _along(points: np.ndarray, top: np.ndarray, middle: np.ndarray, end: np.ndarray) -> np.ndarray:
    """0 to 1 from the top to the middle joint, 1 to 2 from there to the end, for each point."""
    upper, lower = middle - top, end - middle
    first = (points - top) @ upper / (upper @ upper)
    second = (points - middle) @ lower / (lower @ lower)
    return np.where(second > 0, 1 + second, np.minimum(first, 1))


MATERIALS = (
    *("skin", "eye", "hair", "shoe", "sole", "sock", "bottom", "coat", "top", "hat", "bag"),
    *("strap", "marker"),
)
CLOSED_MATERIALS = ("skin", "eye", "shoe", "sole", "marker")
"""Surfaces whose inside is never seen."""


@dataclass(frozen=True, eq=False)
class Person:
    """A dressed body at rest, V vertices and F faces, ready for skinning. Frame as `Body`."""

    body: Body
    attire: Attire
    loose: tuple[LooseBone, ...]
    """Bones beyond the body's, for parts that swing; `skin_bones` has them from `NUM_BONES` on."""
    sole_mm: float
    """How far shoes reach below naked feet: raise a motion's root by it to stand on the floor."""
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

    @cached_property
    def bone_heads_mm(self) -> Float[np.ndarray, "B 3"]:
        """Where each bone starts at rest: the body's, then the loose ones."""
        loose = [bone.head_mm[None] for bone in self.loose]
        return np.concatenate([self.body.bone_heads_mm, *loose])

    def with_loose(self, frames: Frames, fps: float) -> Frames:
        """The motion of the body's bones, and behind them that of the loose ones."""
        return with_loose(self.loose, self.body, frames, fps)


@dataclass(frozen=True, eq=False)
class MeshPiece:
    """One garment or bare part: n vertices, how bones move them, and how they look."""

    material: str
    points_mm: Float[np.ndarray, "n 3"]
    faces: Int[np.ndarray, "f 3"]
    weights: Float[np.ndarray, "n bones"]
    """For each bone of the body; those of the piece's own loose bones follow."""
    wrinkle: Float[np.ndarray, "n"]
    tint: Float[np.ndarray, "n"]
    loose: tuple[LooseBone, ...] = ()


def even_piece(
    material: str,
    points_mm: Float[np.ndarray, "*shape 3"],
    faces: Int[np.ndarray, "f 3"],
    weights: Float[np.ndarray, "n bones"],
    wrinkle: float = 0.2,
    tint: float = 1.0,
    loose: tuple[LooseBone, ...] = (),
) -> MeshPiece:
    """A piece that is as wrinkled and as tinted everywhere."""
    points = points_mm.reshape(-1, 3)
    wrinkles, tints = np.full(len(points), wrinkle), np.full(len(points), tint)
    return MeshPiece(material, points, faces, weights, wrinkles, tints, loose)


@dataclass(frozen=True, eq=False)
class Cloth:
    """How cloth lies on the mesh that it is cut from; numbers, or one per vertex of the body."""

    offset_mm: Float[np.ndarray, "V 3"] | Float[np.ndarray, "V"] | float
    """How far it is moved out along the mesh's normals, or by which vectors."""
    wrinkle: Float[np.ndarray, "V"] | float = 0.0
    smoothing: int = 0
    """Rounds of smoothing."""
    clearance_mm: float = 0.0
    """Smoothing leaves each point at least so far away from the mesh."""
    share: Float[np.ndarray, "V"] | float = 1.0
    """Of the smoothing, 0..1."""


@dataclass(frozen=True, eq=False)
class Tailor:
    """What cutting a garment needs to know."""

    model: BodyModel
    body: Body
    marks: Landmarks

    @cached_property
    def weights(self) -> Float[np.ndarray, "V B"]:
        """Skin weights of all vertices on all bones."""
        dense = np.zeros((self.model.num_vertices, NUM_BONES))
        np.put_along_axis(dense, self.model.skin_bones, self.model.skin_weights, axis=1)
        return dense

    def piece(
        self,
        material: str,
        mesh: str,
        field: np.ndarray,
        cloth: Cloth,
        tint: np.ndarray | float = 1.0,
    ) -> MeshPiece:
        """The part of a mesh where the field is positive, as cloth. Hair hangs on the head."""
        count, normals = self.model.num_vertices, self.marks.normals
        cut = cut_faces(self.model.faces[mesh], np.broadcast_to(field, count))
        offset = np.asarray(cloth.offset_mm, float)
        if offset.ndim < 2:
            offset = normals * np.broadcast_to(offset, count)[:, None]
        points = cut.of(self.body.vertices_mm + offset)
        if cloth.smoothing:
            smooth = smoothed(points, cut.faces, cloth.smoothing)
            points = points + cut.of(np.broadcast_to(cloth.share, count))[:, None] * (
                smooth - points
            )
            outwards = cut.of(normals)
            gap = ((points - cut.of(self.body.vertices_mm)) * outwards).sum(axis=1)
            points += outwards * np.maximum(0, cloth.clearance_mm - gap)[:, None]
        wrinkle, tint = (
            cut.of(np.broadcast_to(value, count).astype(float)) for value in (cloth.wrinkle, tint)
        )
        weights = self.hung_on("head", len(points)) if material == "hair" else cut.of(self.weights)
        return MeshPiece(material, points, cut.faces, weights, wrinkle, tint)

    def hung_on(self, bone: str, count: int) -> Float[np.ndarray, "count B"]:
        """The weights of vertices that one bone alone moves."""
        weights = np.zeros((count, NUM_BONES))
        weights[:, BONE_INDEX[bone]] = 1
        return weights


def sewn(
    tailor: Tailor,
    pieces: list[MeshPiece],
    attire: Attire,
    materials: dict[str, Float[np.ndarray, "12"]],
) -> Person:
    """All pieces in one mesh."""
    pieces = [piece for piece in pieces if len(piece.faces)]
    sizes = [len(piece.points_mm) for piece in pieces]
    starts = np.cumsum([0, *sizes[:-1]])
    vertices = np.concatenate([piece.points_mm for piece in pieces])
    faces = np.concatenate([p.faces + start for p, start in zip(pieces, starts, strict=True)])
    normals = vertex_normals(vertices, faces)
    rows = [MATERIALS.index(piece.material) for piece in pieces]
    material = np.repeat(rows, sizes).astype(np.uint8)
    loose, bones, weights = _skinning(pieces)
    closed = np.isin(material, [MATERIALS.index(name) for name in CLOSED_MATERIALS])
    return Person(
        body=tailor.body,
        attire=attire,
        loose=loose,
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


def _skinning(pieces: list[MeshPiece]) -> tuple[tuple[LooseBone, ...], np.ndarray, np.ndarray]:
    """The loose bones of all pieces; the four bones that move each vertex most, and how much."""
    num_loose = sum(len(piece.loose) for piece in pieces)
    loose, mixed = [], []
    for piece in pieces:
        start = NUM_BONES + len(loose)
        dense = np.zeros((len(piece.points_mm), NUM_BONES + num_loose))
        dense[:, :NUM_BONES] = piece.weights[:, :NUM_BONES]
        dense[:, start : start + len(piece.loose)] = piece.weights[:, NUM_BONES:]
        mixed.append(dense)
        loose += [bone.renumbered(len(loose)) for bone in piece.loose]
    weights = np.concatenate(mixed)
    bones = np.argpartition(weights, -4, axis=1)[:, -4:]
    weights = np.take_along_axis(weights, bones, axis=1)
    return tuple(loose), bones, weights / weights.sum(axis=1, keepdims=True)


@cache
def _directions(count: int) -> tuple[tuple[np.ndarray, tuple], ...]:
    """An even spiral of directions but for those from far below, and their lights' frames."""
    steps = np.arange(count) + 0.5
    z, turn = 1 - 1.6 * steps / count, np.pi * (1 + 5**0.5) * steps
    radius = np.sqrt(1 - z**2)
    directions = np.stack([radius * np.cos(turn), radius * np.sin(turn), z], axis=1)
    frames = [light_frame(towards).astype(np.float32) for towards in directions]
    return tuple(
        (towards, tuple(map(tuple, frame)))
        for towards, frame in zip(directions, frames, strict=True)
    )


def _openness(vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """How much of the light from all around, but not from below, reaches each vertex (0.25..1)."""
    size, texels_per_mm = 192, np.float32(192 / 2300)
    centre = tuple(vertices.mean(axis=0).astype(np.float32))
    points, lifted = vertices.astype(np.float32), (vertices + 20 * normals).astype(np.float32)
    screen, both_sides = np.empty_like(points), np.ones(len(faces), bool)
    reached, possible = np.zeros(len(vertices)), np.full(len(vertices), 1e-6)
    for towards, rotation in _directions(32):
        depths = np.full((size, size), NOTHING_MM, np.float32)
        front = np.full((size, size), -1, np.int32)
        project_along_light(points, rotation, centre, texels_per_mm, size, screen)
        rasterise(screen, faces, both_sides, depths, front)
        project_along_light(lifted, rotation, centre, texels_per_mm, size, screen)
        column, row = screen[:, :2].astype(int).clip(0, size - 1).T
        weight = np.maximum(0, normals @ towards)
        possible += weight
        reached += weight * (depths[row, column] < screen[:, 2] + 12)
    return 0.25 + 0.75 * reached / possible
