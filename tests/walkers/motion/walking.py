"""What tests of walks share: straight paths, and how far soles slip over the floor or sink in."""

import numpy as np

from posegrid.walkers.body.mesh import Body
from posegrid.walkers.motion.foot_contact import foot_points_mm
from posegrid.walkers.motion.paths import WalkingPath
from posegrid.walkers.motion.posture import Motion


def straight_path(length_mm: float, heading_rad: float = 0.0) -> WalkingPath:
    """A straight way from the origin; heading 0 faces -y."""
    end = length_mm * np.array([np.sin(heading_rad), -np.cos(heading_rad)])
    return WalkingPath(np.stack([np.zeros(2), end]), closed=False)


def foot_slip_mm(body: Body, motion: Motion) -> float:
    """The most that a heel or ball on the floor (within 3 mm of it, in a standing foot) slides from
    frame to frame.
    """
    points = foot_points_mm(body, motion)[:, :, :2]
    down = (points[..., 2] < 3.0) & motion.contacts[:, :, None]
    way = np.linalg.norm(np.diff(points[..., :2], axis=0), axis=-1)
    return float(np.max(way, where=down[1:] & down[:-1], initial=0.0))


def foot_sink_mm(body: Body, motion: Motion) -> float:
    """How deep a heel, ball or toe tip gets under the floor at most."""
    return float(max(0.0, -foot_points_mm(body, motion)[..., 2].min()))
