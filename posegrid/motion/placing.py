"""Where the pelvis is, from a pose and its places in the picture: frame by frame, and steadied over time."""

import numpy as np
from jaxtyping import Float

from posegrid.body.camera import Camera
from posegrid.motion.smoothing import local_parabolas

DISTANCE_HALF_S = 0.6
"""Half of the window over which the distance from the camera is smoothed; a picture hardly shows it, and it changes
evenly. Chosen on rendered walks in circles of 1.3 m."""


def root_from_keypoints(
    pose_mm: Float[np.ndarray, "17 3"],
    keypoints_px: Float[np.ndarray, "17 2"],
    camera: Camera,
    sigma_mm: Float[np.ndarray, "17"],
) -> Float[np.ndarray, "3"]:
    """Where the pelvis must be (camera frame, mm) for the pose to project onto the keypoints; NaN if it cannot.

    Each joint lies on its keypoint's ray: two equations, linear in the pelvis' three coordinates, solved by least
    squares, unsure joints weighing less (sigma 0: as the surest other; all alike where no sigma is known). The scale
    is the pose's, so a person whom the network takes for 5 % too small comes out 5 % too near.
    """
    slopes = camera.rays(keypoints_px.astype(np.float64))[:, :2]
    sigma_mm = np.where(np.isfinite(sigma_mm), sigma_mm, 0.0)
    weights = 1 / np.maximum(sigma_mm, sigma_mm[sigma_mm > 0].min(initial=1.0))
    A = np.zeros((len(pose_mm), 2, 3))
    A[:, 0, 0] = A[:, 1, 1] = 1
    A[:, :, 2] = -slopes
    b = slopes * pose_mm[:, 2:] - pose_mm[:, :2]
    root = np.linalg.lstsq((A * weights[:, None, None]).reshape(-1, 3), (b * weights[:, None]).ravel(), rcond=None)[0]
    return root if root[2] + pose_mm[:, 2].min() > 0 else np.full(3, np.nan)


def placed_again(
    joints_mm: Float[np.ndarray, "T 17 3"],
    keypoints_px: Float[np.ndarray, "T 17 2"],
    camera: Camera,
    sigma_mm: Float[np.ndarray, "T 17"],
) -> Float[np.ndarray, "T 3"]:
    """The pelvis of every frame. Poses without jitter and with constant bones tell its distance better than raw ones.

    NaN where joints or keypoints are.
    """
    root_mm = np.full((len(joints_mm), 3), np.nan)
    for row in np.flatnonzero(np.isfinite(joints_mm).all(axis=(1, 2)) & np.isfinite(keypoints_px).all(axis=(1, 2))):
        root_mm[row] = root_from_keypoints(joints_mm[row], keypoints_px[row], camera, sigma_mm[row])
    return root_mm


def with_even_distance(root_mm: Float[np.ndarray, "T 3"], time_s: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T 3"]:
    """The places with their distance from the camera smoothed; their direction stays."""
    distance = np.linalg.norm(root_mm, axis=1, keepdims=True)
    return root_mm * np.exp(local_parabolas(np.log(distance), time_s, DISTANCE_HALF_S)) / distance
