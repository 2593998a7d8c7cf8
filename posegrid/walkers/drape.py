"""How cloth hangs on a body: it spans hollows, falls from what sticks out, and is a tube below it.

A profile says how far a surface reaches from an axis, by angle and level. Angles: 0 in front,
growing to the left.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from posegrid.walkers.kernels import rasterise


@dataclass(frozen=True, eq=False)
class Profile:
    """The reach of a surface about an axis: rows are levels, `step` apart from 0 on; columns are
    angles from -pi on.
    """

    radius_mm: Float[np.ndarray, "L A"]
    step: float

    def at(
        self, angle_rad: Float[np.ndarray, "*n"], level: Float[np.ndarray, "*n"]
    ) -> Float[np.ndarray, "*n"]:
        """The reach at angles and levels, linear between the table's; beyond its ends that of the
        nearest.
        """
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
        """The profile of a cloth that falls from what sticks out, drawing in by `slope` (mm per
        unit of level).
        """
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
    screen = (
        np.stack([columns, level[faces] / step, radius_mm[faces]], axis=-1)
        .reshape(-1, 3)
        .astype(np.float32)
    )
    reach = np.zeros((num_levels, 2 * num_angles), np.float32)
    front = np.full(reach.shape, -1, np.int32)
    rasterise(
        screen,
        np.arange(len(screen), dtype=np.int32).reshape(-1, 3),
        np.ones(len(faces), bool),
        reach,
        front,
    )
    left, right = np.split(np.roll(reach, -num_angles // 2, axis=1), 2, axis=1)
    return Profile(np.maximum(left, right).astype(np.float64), step)


def tube_faces(num_rows: int, num_columns: int, *, closed: bool = True) -> Int[np.ndarray, "f 3"]:
    """Triangles of a grid of rows and columns, its last column joined to the first; outside where
    rows go down.
    """
    row, column = np.meshgrid(
        np.arange(num_rows - 1), np.arange(num_columns - (not closed)), indexing="ij"
    )
    beside = (column + 1) % num_columns
    a, b = row * num_columns + column, row * num_columns + beside
    c, d = a + num_columns, b + num_columns
    return np.concatenate(
        [np.stack(corners, axis=-1).reshape(-1, 3) for corners in ((a, c, b), (b, c, d))]
    )


def smoothstep(x: Float[np.ndarray, "*n"], low: float, high: float) -> Float[np.ndarray, "*n"]:
    """0 below low, 1 above high, smooth between; high may be the smaller one."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
