"""From poses of single frames to a motion: left and right kept apart, jitter taken off, bones of one length, feet that
stand where they stand."""

from dataclasses import dataclass, replace

import numpy as np

from posegrid.body.track import Track
from posegrid.motion.bones import fitted_bones, with_bones
from posegrid.motion.sides import consistent_sides
from posegrid.motion.smoothing import Filter, filtered, known


@dataclass(frozen=True)
class RefineSettings:
    """What is done to a Track, in the order of the fields."""

    sides: bool = True
    """Exchange left and right limbs back where they were exchanged for a moment."""
    filter: Filter = "savitzky-golay"
    """The filter over time."""
    bones: bool = True
    """One length for each bone, left and right alike."""


def refined(track: Track, settings: RefineSettings) -> Track:
    """The Track as a motion. Frames without a person stay so; what is said of the picture's points stays as it was."""
    joints_mm, time_s = track.joints_mm.astype(np.float64), track.time_s
    if settings.sides:
        joints_mm, _ = consistent_sides(joints_mm, time_s)
    joints_mm = filtered(joints_mm, time_s, settings.filter)
    if settings.bones and known(joints_mm).any():
        joints_mm = with_bones(joints_mm, fitted_bones(joints_mm).length_mm)
    return replace(track, joints_mm=joints_mm.astype(np.float32))
