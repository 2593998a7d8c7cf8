"""From poses of single frames to a motion: left and right kept apart, poses corrected by those before
and after, jitter taken off, bones of one length, feet that stay where they stand.
"""

from dataclasses import replace
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from posegrid.body.skeleton import (
    FEET_MIRROR_ORDER,
    FEET_PARENTS,
    fitted_bones_mm,
    mirror_order,
    with_bones,
)
from posegrid.body.track import Track
from posegrid.motion.contact import standing
from posegrid.motion.feet import rigid_feet, root_correction_mm, with_still_feet
from posegrid.motion.over_time import corrected
from posegrid.motion.placing import placed_again, with_even_distance
from posegrid.motion.refine_settings import RefineSettings
from posegrid.motion.sides import consistent_sides
from posegrid.motion.smoothing import filtered, gaps_to_fill, interpolated, known

SomeTrack = TypeVar("SomeTrack", bound=Track)


def refined(track: SomeTrack, settings: RefineSettings | None = None) -> SomeTrack:
    """The Track as a motion. Frames without a person stay so unless they are filled; one pass over
    the Track only. Poses that were refined before are not corrected over time once more.
    """
    settings = settings or RefineSettings()
    if not settings.changes_anything:
        return track
    if settings.sides:
        track = _with_consistent_sides(track)
    if settings.over_time and track.raw:
        track = corrected(track)
    if settings.fill:
        track = _filled(track)
    if not known(track.joints_mm).any():
        return track
    time_s = track.time_s
    joints_mm = filtered(track.joints_mm, time_s, settings.filter)
    keypoints_px = filtered(track.keypoints_px, time_s, settings.filter)
    root_mm = filtered(track.root_mm, time_s, settings.filter)
    from_ankle_mm = track.feet_mm - track.joints_mm[:, FEET_PARENTS]
    from_ankle_mm = filtered(from_ankle_mm, time_s, settings.filter)
    if settings.bones:
        from_ankle_mm = rigid_feet(from_ankle_mm)
        length_mm = fitted_bones_mm(joints_mm)
        joints_mm = with_bones(joints_mm, length_mm)
        again_mm = placed_again(
            joints_mm, keypoints_px, track.camera, track.sigma_mm.astype(np.float64)
        )
        keypoints_px = keypoints_px.astype(np.float32)
        root_mm = np.where(np.isfinite(again_mm), again_mm, root_mm)
        if settings.filter in ("savitzky-golay", "light"):
            root_mm = with_even_distance(root_mm, time_s)
            if settings.feet and track.camera_fixed:
                joints_mm, root_mm = _with_still_feet(joints_mm, root_mm, length_mm, time_s)
    return replace(
        track,
        joints_mm=joints_mm.astype(np.float32),
        root_mm=root_mm.astype(np.float32),
        keypoints_px=keypoints_px.astype(np.float32),
        feet_mm=(joints_mm[:, FEET_PARENTS] + from_ankle_mm).astype(np.float32),
        raw=False,
    )


def _with_still_feet(
    joints_mm: Float[np.ndarray, "T 17 3"],
    root_mm: Float[np.ndarray, "T 3"],
    length_mm: Float[np.ndarray, "16"],
    time_s: Float[np.ndarray, "T"],
) -> tuple[Float[np.ndarray, "T 17 3"], Float[np.ndarray, "T 3"]]:
    """Joints relative to the pelvis, and its place; frames where that is unknown stay as they
    are.
    """
    absolute_mm = joints_mm + root_mm[:, None]
    stands = standing(absolute_mm, time_s)
    correction_mm = root_correction_mm(absolute_mm, stands, time_s)
    absolute_mm += correction_mm[:, None]
    root_mm = root_mm + correction_mm
    still_mm = with_still_feet(absolute_mm, length_mm, stands, time_s)
    still_mm -= root_mm[:, None]
    np.copyto(still_mm, joints_mm, where=~known(still_mm)[:, None, None])
    return still_mm, root_mm


def _with_consistent_sides(track: SomeTrack) -> SomeTrack:
    """Keypoints and sigmas go with their limbs, feet with their ankles."""
    joints_mm, exchanged = consistent_sides(track.joints_mm, track.time_s)

    def along(values: np.ndarray) -> np.ndarray:
        there = exchanged.reshape(exchanged.shape + (1,) * (values.ndim - 2))
        return np.where(there, values[:, mirror_order()], values)

    return replace(
        track,
        joints_mm=joints_mm,
        keypoints_px=along(track.keypoints_px),
        sigma_mm=along(track.sigma_mm),
        feet_mm=np.where(
            exchanged[:, FEET_PARENTS, None], track.feet_mm[:, FEET_MIRROR_ORDER], track.feet_mm
        ),
    )


def _filled(track: SomeTrack) -> SomeTrack:
    """Joints, places, keypoints and feet of short gaps; how sure they are and the box stay unknown."""
    gaps = gaps_to_fill(track.found, track.time_s)

    def closed(values: np.ndarray) -> np.ndarray:
        return interpolated(values, gaps, track.time_s).astype(np.float32)

    return replace(
        track,
        joints_mm=closed(track.joints_mm),
        root_mm=closed(track.root_mm),
        keypoints_px=closed(track.keypoints_px),
        feet_mm=closed(track.feet_mm),
        filled_frames=tuple(int(frame) for frame in track.frame[gaps]),
    )
