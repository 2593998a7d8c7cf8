"""How large everything is, which a picture does not show: from the person's height, or from how high
the camera is above the floor.
"""

from dataclasses import dataclass, replace

import numpy as np

from posegrid.body.track import SomeTrack, Track
from posegrid.errors import SettingsError
from posegrid.motion.plausible import HEIGHT_SPREAD, bones_to_height_mm
from posegrid.motion.smoothing import known
from posegrid.motion.world import (
    ANKLE_HEIGHT_MM,
    estimated_up,
    lowest_ankles,
    spread_of_up_rad,
    up_of_camera,
)

PITCH_NOISE_RAD, ANKLE_NOISE_MM = 0.01, 20.0
"""How far a given pitch is off, as a telephone's level tells it, and the height of standing ankles
above the floor; one standard deviation."""
LEAST_HEIGHT_MM = 200.0
"""Of the camera above the standing ankles: from less no scale can be told."""
SURE_SPREAD = 0.03
"""A scale that is less unsure counts as known."""


@dataclass(frozen=True)
class Scale:
    """What lengths and distances are to be multiplied by."""

    factor: float
    spread: float
    """How far it may be off, as a share of it: one standard deviation."""


WEIGHTS_SCALE = Scale(1.0, HEIGHT_SPREAD)
"""As the weights see it."""


def scaled_to_height(track: SomeTrack, height_mm: float) -> SomeTrack:
    """The Track with lengths and distances scaled so that the person has this height without
    shoes.
    """
    return scaled(track, scale_by_height(track, height_mm))


def scale_by_height(track: Track, height_mm: float) -> Scale:
    """The scale at which the person has this height without shoes."""
    poses_mm = track.joints_mm[track.found].astype(np.float64)
    return Scale(height_mm / bones_to_height_mm(poses_mm), 0.0)


def scaled(track: SomeTrack, scale: Scale) -> SomeTrack:
    """The Track with all lengths and distances multiplied; the scale is then known if it is sure
    enough.
    """
    if scale == WEIGHTS_SCALE:
        return track
    factor = np.float32(scale.factor)
    return replace(
        track,
        joints_mm=track.joints_mm * factor,
        root_mm=track.root_mm * factor,
        sigma_mm=track.sigma_mm * factor,
        feet_mm=track.feet_mm * factor,
        scale_known=scale.spread < SURE_SPREAD,
    )


def scale_by_camera(track: Track, camera_height_mm: float, pitch_rad: float | None = None) -> Scale:
    """The scale at which the camera is so high above the floor on which the person stands.

    track: refined, its scale that of the weights. pitch_rad: how far the camera looks down; None:
    the walk tells it. What the weights see and what the camera's height says count by their
    variances. Raises SettingsError for a camera that moved, and where it is not above the feet.
    """
    if not track.camera_fixed:
        raise SettingsError(
            "`camera_height_m`: this camera moved, or is not known to be fixed; give `height_m`."
        )
    joints_mm = (track.joints_mm + track.root_mm[:, None]).astype(np.float64)
    joints_mm = joints_mm[known(joints_mm)]
    up = estimated_up(joints_mm) if pitch_rad is None else up_of_camera(pitch_rad)
    feet_mm = np.median(lowest_ankles(joints_mm, up), axis=0)
    seen_mm, true_mm = float(-feet_mm @ up), camera_height_mm - ANKLE_HEIGHT_MM
    if min(seen_mm, true_mm) < LEAST_HEIGHT_MM:
        raise SettingsError(
            f"`camera_height_m` {camera_height_mm / 1000:g}: the camera appears {seen_mm / 1000:.1f} m "
            f"above the ankles; expected both at least {LEAST_HEIGHT_MM / 1000:g} m above them. Give "
            "`camera_pitch_deg`, too, or `height_m`."
        )
    away_mm = feet_mm + seen_mm * up
    tilt_rad = spread_of_up_rad(joints_mm, away_mm) if pitch_rad is None else PITCH_NOISE_RAD
    spread = float(np.hypot(tilt_rad * np.linalg.norm(away_mm), ANKLE_NOISE_MM)) / seen_mm
    share = HEIGHT_SPREAD**2 / (HEIGHT_SPREAD**2 + spread**2)
    return Scale((true_mm / seen_mm) ** share, spread * share**0.5)
