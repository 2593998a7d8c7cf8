"""Joints in space as other programs want them: turned upright, and at even times for formats that have only a rate."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

MOST_UNEVEN = 0.25
"""Share of a frame's time that a frame may come early or late and still count as even."""
LONGEST_GAP_S = 0.2
"""Between frames farther apart nothing is interpolated."""


@dataclass(frozen=True, eq=False)
class Markers:
    """The 17 joints of a Track in space, T frames.

    Axes: x to the camera's right, y up (against the camera's y: vertical if the camera is level), z towards the camera;
    the camera's centre is the origin, or the pelvis if `pinned`. mm.
    """

    frame: Int[np.ndarray, "T"]
    time_s: Float[np.ndarray, "T"]
    places_mm: Float[np.ndarray, "T 17 3"]
    """NaN where nobody was found, or where the pelvis' place is unknown."""
    rate_hz: float
    source: str
    pinned: bool = False

    @property
    def found(self) -> Bool[np.ndarray, "T"]:
        """True where every joint has a place."""
        return np.asarray(np.isfinite(self.places_mm).all(axis=(1, 2)))

    def evenly_timed(self) -> "Markers":
        """The markers at times that are 1 / `rate_hz` apart.

        Itself if they are so already, to a quarter of a frame. Otherwise (a variable frame rate) places are
        interpolated linearly; they are NaN next to a NaN and in gaps of more than 0.2 s.
        """
        start, step = float(self.time_s[0]), 1 / self.rate_hz
        if (np.abs(self.time_s - start - np.arange(len(self.time_s)) * step) <= MOST_UNEVEN * step).all():
            return self
        even_s = start + step * np.arange(int((self.time_s[-1] - start) / step + 1.5))
        after = np.clip(np.searchsorted(self.time_s, even_s - 1e-6), 1, len(self.time_s) - 1)
        exact = np.abs(self.time_s[after] - even_s) <= 1e-6
        even_s = np.where(exact, self.time_s[after], even_s)
        gap_s = self.time_s[after] - self.time_s[after - 1]
        columns = self.places_mm.reshape(len(self.time_s), -1).astype(np.float64).T
        places_mm = np.stack([np.interp(even_s, self.time_s, column) for column in columns], axis=1)
        places_mm[(gap_s > LONGEST_GAP_S) & ~exact] = np.nan
        places_mm = places_mm.reshape(-1, *self.places_mm.shape[1:])
        return replace(self, frame=np.arange(len(even_s)), time_s=even_s, places_mm=places_mm)


def turned_upright(points_cam: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Points of the camera frame (x right, y down, z forward) with x right, y up, z towards the camera."""
    return points_cam * np.array([1.0, -1.0, -1.0])
