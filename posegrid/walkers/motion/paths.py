"""Paths on the floor that people walk along. World frame: z up, floor z = 0, mm."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LEAST_RADIUS_MM = 600.0
"""Of the bends of a random path: people go round sharper ones by stopping."""


@dataclass(frozen=True, eq=False)
class WalkingPath:
    """A line on the floor that someone walks along, by length of the way."""

    points_mm: Float[np.ndarray, "N 2"]
    """Dense points; a closed path does not repeat its first one."""
    closed: bool

    @property
    def length_mm(self) -> float:
        """Length of one round (closed) or from the first point to the last."""
        return float(self._distances()[-1])

    def at(
        self, distance_mm: Float[np.ndarray, "T"]
    ) -> tuple[Float[np.ndarray, "T 2"], Float[np.ndarray, "T"]]:
        """Points of the floor (mm) and headings (radians) at distances along the path.

        Headings are continuous; 0 faces -y, growing to the left. A closed path goes round and
        round; an open one goes on straight beyond its ends.
        """
        points, distances = self._loop(), self._distances()
        steps = np.diff(points, axis=0)
        turns = np.unwrap(np.arctan2(steps[:, 0], -steps[:, 1]))
        middles = 0.5 * (distances[:-1] + distances[1:])
        rounds, rest = np.divmod(distance_mm, distances[-1]) if self.closed else (0.0, distance_mm)
        xy = np.stack([np.interp(rest, distances, points[:, axis]) for axis in (0, 1)], axis=-1)
        if not self.closed:
            beyond = distance_mm - np.clip(distance_mm, 0, distances[-1])
            heading = np.interp(distance_mm, middles, turns)
            ahead = np.stack([np.sin(heading), -np.cos(heading)], axis=-1)
            return xy + beyond[:, None] * ahead, heading
        last_turn = np.unwrap([turns[-1], turns[0]])[1] - turns[0]
        full_turn = 2 * np.pi * round(last_turn / (2 * np.pi))
        around = [middles[-1] - distances[-1], *middles, middles[0] + distances[-1]]
        headings = [turns[-1] - full_turn, *turns, turns[0] + full_turn]
        return xy, np.interp(rest, around, headings) + rounds * full_turn

    def least_radius_mm(self) -> float:
        """Radius of the sharpest bend."""
        distances = np.linspace(0, self.length_mm, 400)
        bends = np.abs(np.gradient(self.at(distances)[1], distances))
        return float(1 / max(bends.max(), 1e-9))

    def _loop(self) -> np.ndarray:
        return np.concatenate([self.points_mm, self.points_mm[: int(self.closed)]])

    def _distances(self) -> np.ndarray:
        steps = np.linalg.norm(np.diff(self._loop(), axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])


def ellipse_path(
    half_width_mm: float, half_depth_mm: float, *, clockwise: bool = False
) -> WalkingPath:
    """Rounds about the origin, seen from above counter-clockwise (Human3.6M: about 2000 x 1500)."""
    angle = _round_angles() * (-1 if clockwise else 1)
    xy = half_width_mm * np.cos(angle), half_depth_mm * np.sin(angle)
    return WalkingPath(np.stack(xy, axis=1), closed=True)


def figure_eight_path(half_width_mm: float, half_depth_mm: float) -> WalkingPath:
    """A lying eight about the origin: bends to both sides in turn; at most 0.4 as deep as wide.

    Gerono's lemniscate drawn in a little at the sides: its sharpest bend has 0.36 of the half width
    as radius.
    """
    angle = _round_angles()
    x = half_width_mm * np.cos(angle) / (1 + 0.3 * np.sin(angle) ** 2)
    y = min(half_depth_mm, 0.4 * half_width_mm) * np.sin(2 * angle)
    return WalkingPath(np.stack([x, y], axis=1), closed=True)


def wandering_path(
    half_width_mm: float, half_depth_mm: float, rng: np.random.Generator
) -> WalkingPath:
    """A random smooth round through a room of the given half extents that fills them.

    No bend is sharper than `LEAST_RADIUS_MM` (in a narrow room: 0.8 of the sharpest of the ellipse
    that fills it): the random part is made weaker until it holds.
    """
    angle = _round_angles()
    extent = np.array([half_width_mm, half_depth_mm])
    wanted = min(LEAST_RADIUS_MM, 0.8 * float(extent.min() ** 2 / extent.max()))
    direction = rng.choice([-1.0, 1.0])
    round_xy = np.stack([np.cos(angle), direction * np.sin(angle)], axis=1)
    strength = 1.0
    while True:
        xy = round_xy.copy()
        for harmonic, size in ((2, 0.5), (3, 0.2)):
            waves = np.stack([np.cos(harmonic * angle), np.sin(harmonic * angle)], axis=1)
            xy += strength * size * waves @ rng.normal(size=(2, 2))
        low, high = xy.min(axis=0), xy.max(axis=0)
        path = WalkingPath((xy - 0.5 * (low + high)) / (0.5 * (high - low)) * extent, closed=True)
        if path.least_radius_mm() >= wanted:
            return path
        strength *= 0.9


def sample_path(
    half_width_mm: float, half_depth_mm: float, rng: np.random.Generator
) -> WalkingPath:
    """A random round in a room of these half extents: mostly ellipses, some eights and wanderings."""
    width, depth = half_width_mm * rng.uniform(0.8, 1.0), half_depth_mm * rng.uniform(0.8, 1.0)
    kind = rng.uniform()
    if kind < 0.55:
        return ellipse_path(width, depth, clockwise=bool(rng.uniform() < 0.5))
    return figure_eight_path(width, depth) if kind < 0.7 else wandering_path(width, depth, rng)


def _round_angles() -> np.ndarray:
    """Angles of one round: points about 10 to 20 mm apart in a room."""
    return np.linspace(0, 2 * np.pi, 720, endpoint=False)
