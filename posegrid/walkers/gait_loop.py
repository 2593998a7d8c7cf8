"""A gait as a table: whole cycles of joint angles and hip sway of one body, to be played at any
pace and any depth.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from posegrid.walkers.body.mesh import BONE_INDEX, Body, forward_kinematics
from posegrid.walkers.footing import HipWay, sole_of
from posegrid.walkers.posture import SIDES, Angles, limb_frames, skin_rotations

STANDING_DEG = {"hip_flexion": 3.0, "knee_flexion": 5.0, "foot_pitch": 0.0}
"""A leg that stands still."""


@dataclass(frozen=True, eq=False)
class GaitLoop:
    """Whole cycles of a gait, N points, the last of which is followed by the first; lengths are the
    body's own.
    """

    cycles: int
    cycle_s: float
    stride_mm: float
    """Way of one cycle."""
    angles: Angles
    """See `posture.py`."""
    hips: HipWay
    """Without way (`distance_mm` is 0): what they do besides going on evenly."""
    contacts: Bool[np.ndarray, "N 2"]
    """When the left and the right foot stand."""

    def _row(self, phase: Float[np.ndarray, "T"]) -> np.ndarray:
        """Place in the table of phases in cycles."""
        return (np.asarray(phase) / self.cycles % 1) * len(self.contacts)

    def at(
        self, values: Float[np.ndarray, "N"], phase: Float[np.ndarray, "T"]
    ) -> Float[np.ndarray, "T"]:
        """A curve of the table at phases in cycles."""
        return np.interp(self._row(phase), np.arange(len(values) + 1), np.append(values, values[0]))

    def standing(self, phase: Float[np.ndarray, "T"]) -> Bool[np.ndarray, "T 2"]:
        """Which feet stand at phases in cycles."""
        return self.contacts[self._row(phase).astype(int) % len(self.contacts)]

    @cached_property
    def rests(self) -> Float[np.ndarray, "n"]:
        """Phases at which a walker can stop: the middles of the times when both feet stand, in one
        run of the table.
        """
        both = self.contacts[:, 0] & self.contacts[:, 1]
        first = int(np.flatnonzero(~both)[0])
        edges = np.flatnonzero(np.diff(np.append(np.roll(both, -first).astype(np.int8), 0)))
        middles = (0.5 * (edges[::2] + edges[1::2] + 1) + first) % len(both)
        return np.sort(middles) * self.cycles / len(both)

    def rest(self, number: int) -> float:
        """The phase of the numbered stop, counted on through all repetitions."""
        rounds, index = divmod(number, len(self.rests))
        return float(self.rests[index] + rounds * self.cycles)

    @cached_property
    def lift(self) -> Float[np.ndarray, "N 2"]:
        """0 while a foot stands, 1 in the middle of its swing."""
        columns = []
        for standing in self.contacts.T:
            first = int(np.flatnonzero(standing)[0])
            swinging = ~np.roll(standing, -first)
            edges = np.flatnonzero(np.diff(np.append(swinging.astype(np.int8), 0)))
            lift = np.zeros(len(standing))
            for start, stop in zip(edges[::2] + 1, edges[1::2] + 1, strict=True):
                lift[start:stop] = (
                    np.sin(np.pi * (np.arange(stop - start) + 0.5) / (stop - start)) ** 2
                )
            columns.append(np.roll(lift, first))
        return np.stack(columns, axis=1)

    @cached_property
    def standing_angles(self) -> dict[str, float]:
        """The angles of the person who stands still between two walks: the gait's means, with
        straight legs.
        """
        means = {name: float(angle.mean()) for name, angle in self.angles.items()}
        legs = {
            f"{name}.{side}": float(np.radians(deg))
            for name, deg in STANDING_DEG.items()
            for side, _ in SIDES
        }
        return means | legs

    def standing_height_mm(self, body: Body) -> float:
        """How high the hips are when the person stands still."""
        angles = {name: np.array([angle]) for name, angle in self.standing_angles.items()}
        positions = forward_kinematics(
            body, skin_rotations(body, limb_frames(angles)), np.zeros((1, 3))
        )
        ankles = [
            sole_of(body, side).ankle_height_mm - positions[0, BONE_INDEX[f"foot.{side}"], 2]
            for side, _ in SIDES
        ]
        return float(min(ankles))
