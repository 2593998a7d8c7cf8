"""A Track that can say more about its motion: in the world, made smooth, as gait."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from posegrid.body.track import Track
from posegrid.motion.gait import Gait, gait_of
from posegrid.motion.refine import RefineSettings, refined
from posegrid.motion.upright import WorldMotion, to_world


@dataclass(frozen=True, eq=False)
class MotionTrack(Track):
    """What `predict` and `posegrid.load()` give; `posegrid.Track.load(path)` reads one."""

    def refined(self, settings: RefineSettings | None = None) -> "MotionTrack":
        """Without jitter, with bones of one length and feet that stand still; `predict` has done that already."""
        return refined(self, settings)

    def to_world(self, up_cam: Float[np.ndarray, "3"] | None = None) -> WorldMotion:
        """The motion with z up and the floor at 0. up_cam: the direction against gravity in the camera's frame.

        Without it, gravity comes from the trunk and the feet. Raises SettingsError if the person's place is unknown.
        """
        return to_world(self, up_cam)

    def gait(self, up_cam: Float[np.ndarray, "3"] | None = None) -> Gait:
        """The figures of the walk. Raises SourceError where no two strides are walked, and as `to_world`."""
        return gait_of(self.to_world(up_cam), scale_known=self.scale_known, source=self.source)
