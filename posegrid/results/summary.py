"""What `posegrid predict` says of a motion: what was found, what was assumed, what is unsure."""

import numpy as np

from posegrid.body.track import Track
from posegrid.motion.placing import ASSUMED_FOV_DEG, view_deg
from posegrid.motion.plausible import HEIGHT_SPREAD
from posegrid.results.pose_model import PoseModel, Watched
from posegrid.results.predict_settings import PredictSettings

DOUBTFUL = 0.3
"""Confidence below which a frame is counted as doubtful."""


def summary(track: Track, spread: float, settings: PredictSettings, model: PoseModel) -> list[str]:
    """Lines that say what was found and what was assumed. spread: of the scale
    (`Watched.spread`).
    """
    found = track.found
    lines = [
        f"{settings.video.name}: person found in {found.sum()} of {len(track)} frames "
        f"({found.mean():.0%})",
        *cautions(track),
    ]
    depth_m = track.root_mm[found, 2] / 1000
    if np.isfinite(depth_m).any():
        lines.append(
            f"distance from the camera {np.nanmin(depth_m):.1f} to {np.nanmax(depth_m):.1f} m"
        )
    if track.camera_assumed:
        fov = view_deg(track.camera)
        assumed = "assumed" if abs(fov - ASSUMED_FOV_DEG) < 0.01 else "by the file's focal length"
        how = "as given" if settings.fov_deg else assumed
        lines.append(
            f"camera: {round(fov, 1):g} degrees over the longer side, {how}; directions and distances depend "
            "on it (--camera or --fov-deg)"
        )
    lines.append(f"weights {model.network.name}; filter {settings.filter}")
    if settings.camera_height_m is not None:
        lines.append(f"scale: by the camera's height; {spread:.0%} off (1 sigma)")
    elif settings.height_m is None:
        lines.append(
            f"scale: as the weights see it; {HEIGHT_SPREAD:.0%} off (1 sigma) for rendered adults, "
            "more for children (--height-m)"
        )
    return lines


def cautions(track: Track) -> list[str]:
    """Lines that say what of a Track is less sure than the rest."""
    lines = []
    width, height = track.camera.size_wh
    x0, y0, x1, y1 = track.box_xyxy[track.found].T
    cut = (x0 <= 1) | (y0 <= 1) | (x1 >= width - 1) | (y1 >= height - 1)
    if cut.any():
        lines.append(
            f"in {cut.sum()} of them the person touches the picture's edge: poses there are unsure"
        )
    doubtful = int((track.confidence[track.found] < DOUBTFUL).sum())
    if doubtful:
        lines.append(
            f"in {doubtful} of them it is doubtful whether this is the person (`confidence` below "
            f"{DOUBTFUL:g})"
        )
    if not track.camera_fixed:
        lines.append(
            "the camera moved, or is not known to be fixed: the place is relative to it, standing "
            "feet are not held, and lengths of steps are not known"
        )
    if track.filled_frames:
        lines.append(
            f"in {len(track.filled_frames)} of them nobody was found: the pose is interpolated "
            "(--fill)"
        )
    lines += [f"unlikely: {warning}" for warning in track.warnings]
    return lines


def others(number: int, watched: Watched, settings: PredictSettings) -> list[str]:
    """A line that says who else there is."""
    if len(watched.raw) == 1:
        return []
    spans = []
    for person, track in sorted(watched.raw.items()):
        times = track.time_s[track.found]
        spans.append(
            f"person {person} in {len(times)} frames ({times[0]:.1f} to {times[-1]:.1f} s)"
        )
    return [
        f"this is person {number} (--person {settings.person}) of {len(spans)} people: "
        + "; ".join(spans)
    ]
