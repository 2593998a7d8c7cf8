"""How cloth hangs on a body: it spans hollows, falls from what sticks out, and is a tube below it.

A profile says how far a surface reaches from an axis, by level and angle (0 in front, growing to
the left). A form is a body as a dressmaker's dummy: its trunk's profile, to hang cloth on. What
swings hangs on loose bones: chains down a skirt, strands of hair, bags. Lengths are mm, rest frame.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from posegrid.walkers.body.mesh import NUM_BONES, TRUNK_BONES
from posegrid.walkers.clothes.loose import Collider, LooseBone, distance_mm
from posegrid.walkers.clothes.sewing import Tailor
from posegrid.walkers.clothes.wardrobe import Attire
from posegrid.walkers.motion.posture import smoothstep
from posegrid.walkers.render.surface_kernels import rasterise


@dataclass(frozen=True, eq=False)
class Profile:
    """A surface's reach about an axis: rows are levels, `step` apart; columns angles from -pi."""

    radius_mm: Float[np.ndarray, "L A"]
    step: float

    def at(
        self, angle_rad: Float[np.ndarray, "*n"], level: Float[np.ndarray, "*n"]
    ) -> Float[np.ndarray, "*n"]:
        """The reach at angles and levels, linear between the table's; beyond its ends nearest."""
        num_levels, num_angles = self.radius_mm.shape
        column = (angle_rad + np.pi) / (2 * np.pi) * num_angles - 0.5
        row = np.clip(level / self.step - 0.5, 0, num_levels - 1.001)
        i, j = np.floor(row).astype(int), np.floor(column).astype(int)
        v, u = row - i, column - j
        j, j1 = j % num_angles, (j + 1) % num_angles
        low = (1 - u) * self.radius_mm[i, j] + u * self.radius_mm[i, j1]
        high = (1 - u) * self.radius_mm[i + 1, j] + u * self.radius_mm[i + 1, j1]
        return (1 - v) * low + v * high

    def taut(self) -> "Profile":
        """The profile of a cloth stretched round each level: its convex hull."""
        num_angles = self.radius_mm.shape[1]
        turn = 2 * np.pi * np.arange(num_angles) / num_angles
        cosine = np.cos(turn[:, None] - turn)
        reach = (self.radius_mm[:, None, :] * cosine).max(axis=2)  # of each level in each direction
        spans = np.where(cosine > 0.2, reach[:, :, None] / np.maximum(cosine, 0.2), np.inf)
        return Profile(spans.min(axis=1), self.step)

    def hanging(self, slope: float) -> "Profile":
        """Of a cloth that falls from what sticks out, drawing in by `slope` (mm per level)."""
        radius = self.radius_mm.copy()
        for row in range(len(radius) - 2, -1, -1):
            radius[row] = np.maximum(radius[row], radius[row + 1] - slope * self.step)
        return Profile(radius, self.step)


def profile_of(
    angle_rad: Float[np.ndarray, "V"],
    level: Float[np.ndarray, "V"],
    radius_mm: Float[np.ndarray, "V"],
    faces: Int[np.ndarray, "F 3"],
    shape: tuple[int, int],
    step: float,
) -> Profile:
    """The greatest reach of the faces at each level and angle; where no face is, 0."""
    num_levels, num_angles = shape
    first = angle_rad[faces[:, :1]]
    unwrapped = first + (angle_rad[faces] - first + np.pi) % (2 * np.pi) - np.pi
    columns = (unwrapped + np.pi) / (2 * np.pi) * num_angles + num_angles / 2
    corners = np.stack([columns, level[faces] / step, radius_mm[faces]], axis=-1)
    screen = corners.reshape(-1, 3).astype(np.float32)
    own_faces = np.arange(len(screen), dtype=np.int32).reshape(-1, 3)
    reach = np.zeros((num_levels, 2 * num_angles), np.float32)
    front = np.full(reach.shape, -1, np.int32)
    rasterise(screen, own_faces, np.ones(len(faces), bool), reach, front)
    left, right = np.split(np.roll(reach, -num_angles // 2, axis=1), 2, axis=1)
    return Profile(np.maximum(left, right).astype(np.float64), step)


def tube_faces(num_rows: int, num_columns: int, *, closed: bool = True) -> Int[np.ndarray, "f 3"]:
    """Triangles of a grid, its last column joined to the first; outside where rows go down."""
    row, column = np.arange(num_rows - 1)[:, None], np.arange(num_columns - (not closed))
    beside = (column + 1) % num_columns
    a, b = row * num_columns + column, row * num_columns + beside
    c, d = a + num_columns, b + num_columns
    halves = (a, c, b), (b, c, d)
    return np.concatenate([np.stack(half, axis=-1).reshape(-1, 3) for half in halves])


LEVEL_MM = 10.0
NUM_ANGLES = 48
USUAL_STATURE_MM = 1700.0
SWINGING_MM = 150.0
"""Cloth that ends farther below the hips swings."""
Reach = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Distance of a tube from the trunk's axis by angle and height."""


def turns(count: int, opening_rad: float) -> np.ndarray:
    """Angles round a tube; from edge to edge if it is open in front."""
    if opening_rad == 0.0:
        return np.linspace(-np.pi, np.pi, count + 1)[:-1]
    return np.linspace(opening_rad, 2 * np.pi - opening_rad, count)


@dataclass(frozen=True, eq=False)
class Form:
    """A body as a dressmaker's dummy: its trunk and legs as profiles, and what is worn on them."""

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

    @property
    def legs_hidden_to(self) -> float:
        """Place along the legs down to which a closed coat or a skirt always hides them."""
        attire = self.attire
        ends = [attire.skirt_end] if attire.below in ("skirt", "dress") else []
        ends += [attire.coat_end] if attire.over == "coat" and not attire.open_front else []
        return 0.4 if max(ends, default=0.0) > 0.4 else 0.0

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
        lowest = int((self.hips_mm - 70 * self.scale) / LEVEL_MM)
        highest = int(self.armpit_mm / LEVEL_MM)
        taut[:lowest], taut[highest:] = taut[lowest], taut[highest]
        return Profile(taut, LEVEL_MM)

    def hung(self, slope: float, ease_mm: float, from_mm: float | None = None) -> Profile:
        """Where cloth over the trunk hangs that draws in by `slope` below what it hangs from."""
        row = None if from_mm is None else int(from_mm / LEVEL_MM)
        hanging = Profile(self.trunk.radius_mm[:row], LEVEL_MM).hanging(slope).radius_mm
        radius = hanging if row is None else np.concatenate([hanging, self.trunk.radius_mm[row:]])
        return Profile(radius + ease_mm, LEVEL_MM)

    def tucked_in(self, cloth: Profile) -> Profile:
        """The cloth, drawn to the body at the waist."""
        levels = (np.arange(len(cloth.radius_mm)) + 0.5) * LEVEL_MM
        free = smoothstep(levels, self.waist_mm, self.waist_mm + 90 * self.scale)[:, None]
        tight = self.trunk.radius_mm - 12 * self.scale
        return Profile(free * cloth.radius_mm + (1 - free) * tight, LEVEL_MM)

    def ring(self, reach: Reach, angle: np.ndarray, height: np.ndarray) -> np.ndarray:
        """Points (*n, 3) of a tube about the trunk's axis."""
        wrapped = (angle.ravel() + np.pi) % (2 * np.pi) - np.pi
        radius = reach(wrapped, height.ravel()).reshape(angle.shape)
        x, y = radius * np.sin(angle), self.axis_y_mm - radius * np.cos(angle)
        return np.stack([x, y, height], axis=-1)

    @cached_property
    def free(self) -> np.ndarray:
        """Share (0..1) of each vertex that hangs about the trunk: below armpits, off arms."""
        height, armpit = self.tailor.body.vertices_mm[:, 2], self.armpit_mm
        below = smoothstep(height, armpit + 70 * self.scale, armpit - 60 * self.scale)
        return (1 - smoothstep(self.arm, 0.05, 0.4)) * below

    def on_trunk(
        self, cloth: Profile, shoulder_ease_mm: float, arm_ease_mm: np.ndarray | float
    ) -> np.ndarray:
        """How far each vertex moves to lie on the cloth: along normals on arms and shoulders."""
        points, normals = self.tailor.body.vertices_mm, self.tailor.marks.normals
        angle, radius = self.around(points)
        outward = np.stack([np.sin(angle), -np.cos(angle), np.zeros(len(angle))], axis=1)
        along_normal = normals * np.where(self.arm > 0.3, arm_ease_mm, shoulder_ease_mm)[:, None]
        outwards = outward * np.maximum(cloth.at(angle, points[:, 2]) - radius, 0)[:, None]
        return self.free[:, None] * outwards + (1 - self.free[:, None]) * along_normal


NUM_CHAINS = 12
_HANDOVER_MM = 70.0
"""Over this height cloth goes over from the pelvis to the chains."""


def legs(form: Form, clearance_mm: float = 22.0) -> tuple[Collider, ...]:
    """The thighs and shanks as rods, as thick as the body's, and a little more."""
    body, marks = form.tailor.body, form.tailor.marks
    rods = []
    for start, end, place in (("upperleg01", "lowerleg01", 0.5), ("lowerleg01", "foot", 1.35)):
        for side, sign in (("L", 1), ("R", -1)):
            near = marks.is_leg & (np.abs(marks.along_leg - place) < 0.12)
            points = body.vertices_mm[near & (sign * body.vertices_mm[:, 0] > 0)]
            joints = (body.head_of(f"{bone}.{side}") for bone in (start, end))
            radius = float(np.percentile(distance_mm(points, *joints), 85))
            radius += clearance_mm * form.scale
            rods.append(Collider(f"{start}.{side}", f"{end}.{side}", radius))
    return tuple(rods)


def fitting_rod(
    form: Form, start: str, end: str, point_mm: np.ndarray, gap_mm: float = 5.0
) -> Collider:
    """A rod between two bones so thick that at rest a point is just outside of it."""
    body = form.tailor.body
    distance = float(distance_mm(point_mm[None], body.head_of(start), body.head_of(end))[0])
    return Collider(start, end, max(distance - gap_mm, 1.0))


def chains(form: Form, reach: Reach, end_mm: float, opening_rad: float) -> tuple[LooseBone, ...]:
    """Chains of two bones from the hips to the hem, round a tube: the upper bones first."""
    top = form.hips_mm + 20 * form.scale
    angles = turns(NUM_CHAINS, opening_rad)
    middle = 0.5 * (top + end_mm)
    heights = (top, middle, end_mm)
    knots = [form.ring(reach, angles, np.full(NUM_CHAINS, height)) for height in heights]
    outward = np.stack([np.sin(angles), -np.cos(angles), np.zeros(NUM_CHAINS)], axis=1)
    covered = form.attire.below in ("trousers", "shorts")
    rods = legs(form, 22 + covered * (form.attire.leg_ease + 25 * (form.attire.leg_slope < 0.05)))
    return tuple(
        LooseBone(
            "root", knots[level][k], knots[level + 1][k], outward[k], after=k if level else None,
            stiffness=0.35, frequency_hz=1.9 if level == 0 else 1.4, damping=0.4, colliders=rods,
        )
        for level in (0, 1)
        for k in range(NUM_CHAINS)
    )  # fmt: skip


def hung_weights(
    form: Form,
    loose: tuple[LooseBone, ...],
    body: np.ndarray,
    angle: np.ndarray,
    height: np.ndarray,
    *,
    closed: bool,
) -> np.ndarray:
    """Weights of a tube's points: above on the trunk (`body`), below on the two chains beside."""
    angle, height = angle.ravel(), height.ravel()
    top, middle = loose[0].head_mm[2], loose[0].tip_mm[2]
    weights = np.zeros((len(angle), NUM_BONES + len(loose)))
    free = smoothstep(height, top + 30 * form.scale, top - _HANDOVER_MM * form.scale)
    trunk = body[:, : len(TRUNK_BONES)] + [1e-3, *[0.0] * (len(TRUNK_BONES) - 1)]
    weights[:, : len(TRUNK_BONES)] = trunk / trunk.sum(axis=1, keepdims=True) * (1 - free)[:, None]
    low = smoothstep(height, middle + 0.35 * (top - middle), middle - 0.35 * (top - middle))
    start, stop = angle.min(), angle.max()
    place = (angle - start) / (stop - start) * (NUM_CHAINS - 1)
    if closed:
        place = (angle + np.pi) / (2 * np.pi) * NUM_CHAINS
    first = np.floor(place).astype(int)
    share = place - first
    rows = np.arange(len(angle))
    for chain, part in ((first % NUM_CHAINS, 1 - share), ((first + 1) % NUM_CHAINS, share)):
        np.add.at(weights, (rows, NUM_BONES + chain), free * part * (1 - low))
        np.add.at(weights, (rows, NUM_BONES + NUM_CHAINS + chain), free * part * low)
    return weights


def dangling(
    form: Form, points_mm: np.ndarray, carrier: str, bone: LooseBone, handover_mm: float = 0.0
) -> np.ndarray:
    """Weights of points that one loose bone moves, from its head down, smoothly at the handover."""
    weights = np.zeros((len(points_mm), NUM_BONES + 1))
    free = np.ones(len(points_mm))
    if handover_mm:
        height, half = bone.head_mm[2], handover_mm / 2
        free = smoothstep(points_mm[:, 2], height + half, height - half)
    weights[:, :NUM_BONES] = form.tailor.hung_on(carrier, len(points_mm)) * (1 - free)[:, None]
    weights[:, NUM_BONES] = free
    return weights
