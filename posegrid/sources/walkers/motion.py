"""Motions of a body, the ways people walk along, and how well feet keep to the floor. World frame: z up, floor z = 0, mm."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from posegrid.sources.walkers.body import Body, forward_kinematics


@dataclass(frozen=True, eq=False)
class Motion:
    """How a body moves: what `forward_kinematics` and the skinning of the body need for each frame."""

    rotations: Float[np.ndarray, "T B 3 3"]
    """World rotation of the skin of each bone of `BONE_NAMES`, from the rest pose."""
    root_mm: Float[np.ndarray, "T 3"]
    """The hip centre: midpoint of the two upper legs' heads."""
    contacts: Bool[np.ndarray, "T 2"]
    """Whether the left and the right foot stand on the floor, wholly or by heel or ball."""
    fps: float

    @property
    def num_frames(self) -> int:
        return len(self.root_mm)

    def bone_positions(self, body: Body) -> Float[np.ndarray, "T B 3"]:
        """Where each bone starts, world frame, mm."""
        return forward_kinematics(body, self.rotations, self.root_mm)

    def shifted(self, offset_mm: Float[np.ndarray, "3"]) -> "Motion":
        """The same motion elsewhere (for example raised by the thickness of a shoe's sole)."""
        return Motion(self.rotations, self.root_mm + offset_mm, self.contacts, self.fps)


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

    def at(self, distance_mm: Float[np.ndarray, "T"]) -> tuple[Float[np.ndarray, "T 2"], Float[np.ndarray, "T"]]:
        """Points of the floor (mm) and headings (radians, continuous; 0 faces -y, growing to the left) at distances.

        A closed path goes round and round; an open one goes on straight beyond its ends.
        """
        points, distances = self._loop(), self._distances()
        steps = np.diff(points, axis=0)
        turns = np.unwrap(np.arctan2(steps[:, 0], -steps[:, 1]))
        middles = 0.5 * (distances[:-1] + distances[1:])
        if not self.closed:
            inside = np.stack([np.interp(distance_mm, distances, points[:, axis]) for axis in (0, 1)], axis=-1)
            beyond = distance_mm - np.clip(distance_mm, 0, distances[-1])
            heading = np.interp(distance_mm, middles, turns)
            return inside + beyond[:, None] * np.stack([np.sin(heading), -np.cos(heading)], axis=-1), heading
        rounds, rest = np.divmod(distance_mm, distances[-1])
        xy = np.stack([np.interp(rest, distances, points[:, axis]) for axis in (0, 1)], axis=-1)
        full_turn = 2 * np.pi * round((np.unwrap([turns[-1], turns[0]])[1] - turns[0]) / (2 * np.pi))
        around = np.concatenate([[middles[-1] - distances[-1]], middles, [middles[0] + distances[-1]]])
        headings = np.concatenate([[turns[-1] - full_turn], turns, [turns[0] + full_turn]])
        return xy, np.interp(rest, around, headings) + rounds * full_turn

    def least_radius_mm(self) -> float:
        """Radius of the sharpest bend."""
        distances = np.linspace(0, self.length_mm, 400)
        bends = np.abs(np.gradient(self.at(distances)[1], distances))
        return float(1 / max(bends.max(), 1e-9))

    def _loop(self) -> np.ndarray:
        return np.concatenate([self.points_mm, self.points_mm[:1]]) if self.closed else self.points_mm

    def _distances(self) -> np.ndarray:
        steps = np.linalg.norm(np.diff(self._loop(), axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])


def straight_path(length_mm: float, heading_rad: float = 0.0) -> WalkingPath:
    """A straight way from the origin; heading 0 faces -y."""
    end = length_mm * np.array([np.sin(heading_rad), -np.cos(heading_rad)])
    return WalkingPath(np.stack([np.zeros(2), end]), closed=False)


def ellipse_path(half_width_mm: float, half_depth_mm: float, *, clockwise: bool = False) -> WalkingPath:
    """Rounds about the origin (Human3.6M's Walking: about 2000 x 1500), against the clock seen from above unless said so."""
    angle = _round_angles() * (-1 if clockwise else 1)
    return WalkingPath(np.stack([half_width_mm * np.cos(angle), half_depth_mm * np.sin(angle)], axis=1), closed=True)


def figure_eight_path(half_width_mm: float, half_depth_mm: float) -> WalkingPath:
    """A lying eight about the origin: bends to both sides in turn (Gerono's lemniscate)."""
    angle = _round_angles()
    return WalkingPath(
        np.stack([half_width_mm * np.cos(angle), half_depth_mm * np.sin(2 * angle)], axis=1), closed=True
    )


def wandering_path(half_width_mm: float, half_depth_mm: float, rng: np.random.Generator) -> WalkingPath:
    """A random smooth round through a room of the given half extents, the gentlest in its bends of twelve tries."""
    angle = _round_angles()
    tries = []
    for _ in range(12):
        xy = np.zeros((len(angle), 2))
        for harmonic, strength in ((1, 1.0), (2, 0.45), (3, 0.12)):
            waves = np.stack([np.cos(harmonic * angle), np.sin(harmonic * angle)], axis=1)
            xy += strength * waves @ rng.normal(size=(2, 2))
        low, high = xy.min(axis=0), xy.max(axis=0)
        extent = np.array([half_width_mm, half_depth_mm])
        tries.append(WalkingPath((xy - 0.5 * (low + high)) / (0.5 * (high - low)) * extent, closed=True))
    return max(tries, key=WalkingPath.least_radius_mm)


def sample_path(half_width_mm: float, half_depth_mm: float, rng: np.random.Generator) -> WalkingPath:
    """A random round inside a room of the given half extents: mostly ellipses both ways, some eights and wanderings."""
    width, depth = half_width_mm * rng.uniform(0.8, 1.0), half_depth_mm * rng.uniform(0.8, 1.0)
    kind = rng.uniform()
    if kind < 0.6:
        return ellipse_path(width, depth, clockwise=bool(rng.uniform() < 0.5))
    return figure_eight_path(width, depth) if kind < 0.75 else wandering_path(width, depth, rng)


def _round_angles() -> np.ndarray:
    """Angles of one round: points about 10 to 20 mm apart in a room."""
    return np.linspace(0, 2 * np.pi, 720, endpoint=False)
