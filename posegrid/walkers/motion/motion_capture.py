"""A recorded motion: how the bones of a captured person turn, and where they are."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from posegrid.body.rotations import rot_x

Y_UP_TO_Z_UP = rot_x(np.array(np.pi / 2))
"""The files' worlds are y up, and rest poses face +z; here z is up and they face -y."""

CMU_FPS = 120.0
"""AMC files do not say their frame rate; CMU's walks were captured at 120 Hz."""


@dataclass(frozen=True, eq=False)
class MotionCapture:
    """Each bone's rotation from the rest pose, start and end. World z up, mm.

    Bones have the names of CMU's skeletons (Acclaim): root, thorax, head, lfemur, ltibia, lfoot,
    lhumerus, lradius, lwrist, and the same of the right side.
    """

    name: str
    fps: float
    rotations: dict[str, Float[np.ndarray, "T 3 3"]]
    starts_mm: dict[str, Float[np.ndarray, "T 3"]]
    ends_mm: dict[str, Float[np.ndarray, "T 3"]]
    rest_directions: dict[str, Float[np.ndarray, "3"]]

    @property
    def num_frames(self) -> int:
        return len(self.rotations["root"])
