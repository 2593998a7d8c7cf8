"""A body as a dressmaker's dummy: profiles of its trunk that cloth is hung on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from posegrid.walkers.drape import Profile, profile_of, smoothstep
from posegrid.walkers.sewing import Tailor
from posegrid.walkers.wardrobe import Attire

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
    """A body as a dressmaker's dummy: the trunk and the legs as profiles, and what is worn on
    them.
    """

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
        """Place along the legs down to which they need not be drawn: a closed coat or a skirt
        always hides that.
        """
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
        lowest, highest = (
            int(level / LEVEL_MM) for level in (self.hips_mm - 70 * self.scale, self.armpit_mm)
        )
        taut[:lowest] = taut[lowest]
        taut[highest:] = taut[highest]
        return Profile(taut, LEVEL_MM)

    def hung(self, slope: float, ease_mm: float, from_mm: float | None = None) -> Profile:
        """Where cloth over the trunk hangs that draws in by `slope` below what it hangs from, at
        most so high.
        """
        row = None if from_mm is None else int(from_mm / LEVEL_MM)
        hanging = Profile(self.trunk.radius_mm[:row], LEVEL_MM).hanging(slope).radius_mm
        radius = hanging if row is None else np.concatenate([hanging, self.trunk.radius_mm[row:]])
        return Profile(radius + ease_mm, LEVEL_MM)

    def tucked_in(self, cloth: Profile) -> Profile:
        """The cloth, drawn to the body at the waist."""
        levels = (np.arange(len(cloth.radius_mm)) + 0.5) * LEVEL_MM
        free = smoothstep(levels, self.waist_mm, self.waist_mm + 90 * self.scale)[:, None]
        return Profile(
            free * cloth.radius_mm + (1 - free) * (self.trunk.radius_mm - 12 * self.scale), LEVEL_MM
        )

    def ring(self, reach: Reach, angle: np.ndarray, height: np.ndarray) -> np.ndarray:
        """Points (*n, 3) of a tube about the trunk's axis."""
        radius = reach((angle.ravel() + np.pi) % (2 * np.pi) - np.pi, height.ravel()).reshape(
            angle.shape
        )
        return np.stack(
            [radius * np.sin(angle), self.axis_y_mm - radius * np.cos(angle), height], axis=-1
        )

    @cached_property
    def free(self) -> np.ndarray:
        """Share (0..1) of each vertex that hangs about the trunk's axis: below the armpits, off the
        arms.
        """
        height = self.tailor.body.vertices_mm[:, 2]
        below = smoothstep(
            height, self.armpit_mm + 70 * self.scale, self.armpit_mm - 60 * self.scale
        )
        return (1 - smoothstep(self.arm, 0.05, 0.4)) * below

    def on_trunk(
        self, cloth: Profile, shoulder_ease_mm: float, arm_ease_mm: np.ndarray | float
    ) -> np.ndarray:
        """How far each vertex moves so that it lies on the cloth: along normals on arms and
        shoulders.
        """
        points, normals = self.tailor.body.vertices_mm, self.tailor.marks.normals
        angle, radius = self.around(points)
        outward = np.stack([np.sin(angle), -np.cos(angle), np.zeros(len(angle))], axis=1)
        along_normal = normals * np.where(self.arm > 0.3, arm_ease_mm, shoulder_ease_mm)[:, None]
        outwards = outward * np.maximum(cloth.at(angle, points[:, 2]) - radius, 0)[:, None]
        return self.free[:, None] * outwards + (1 - self.free[:, None]) * along_normal
