"""How far an estimated pose is from the true one: small pure functions on (N, 17, 3) arrays in mm.

Poses are root-relative. The usual practice averages over all 17 joints, the zero-error root
included; leaving the root out raises MPJPE by 17/16. Every function here takes the joints it is
given: slice before the call.
"""

import numpy as np
from jaxtyping import Float

PCK_THRESHOLD_MM = 150.0
AUC_THRESHOLDS_MM = np.arange(0.0, 151.0, 5.0)
"""Mehta et al., "Monocular 3D human pose estimation in the wild", 3DV 2017."""


def joint_errors_mm(
    estimate_mm: Float[np.ndarray, "n joints 3"], truth_mm: Float[np.ndarray, "n joints 3"]
) -> Float[np.ndarray, "n joints"]:
    """The Euclidean distance of each joint from the truth, mm."""
    return np.linalg.norm(estimate_mm - truth_mm, axis=-1)


def mpjpe_mm(
    estimate_mm: Float[np.ndarray, "n joints 3"], truth_mm: Float[np.ndarray, "n joints 3"]
) -> float:
    """Mean per joint position error, mm: the mean over poses and joints (Ionescu et al., TPAMI
    2014).
    """
    return float(joint_errors_mm(estimate_mm, truth_mm).mean())


def scale_aligned(
    estimate_mm: Float[np.ndarray, "n joints 3"], truth_mm: Float[np.ndarray, "n joints 3"]
) -> Float[np.ndarray, "n joints 3"]:
    """Each estimate times the one factor that fits it best, s = <truth, estimate> / |estimate|^2;
    for N-MPJPE.

    Rhodin et al., "Learning monocular 3D human pose estimation from multi-view images", CVPR 2018.
    """
    product = (truth_mm * estimate_mm).sum(axis=(1, 2))
    square = (estimate_mm**2).sum(axis=(1, 2))
    scale = np.divide(product, square, out=np.ones_like(product), where=square > 0)
    return estimate_mm * scale[:, None, None]


def similarity_aligned(
    estimate_mm: Float[np.ndarray, "n joints 3"], truth_mm: Float[np.ndarray, "n joints 3"]
) -> Float[np.ndarray, "n joints 3"]:
    """Each estimate after the rotation (no reflection), scale and shift that fit it best; for
    PA-MPJPE.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    PAMI 1991.
    """
    estimate_mean, truth_mean = (
        estimate_mm.mean(axis=1, keepdims=True),
        truth_mm.mean(axis=1, keepdims=True),
    )
    centred_estimate, centred_truth = estimate_mm - estimate_mean, truth_mm - truth_mean
    u, singular, vt = np.linalg.svd(centred_estimate.transpose(0, 2, 1) @ centred_truth)
    signs = np.ones_like(singular)
    signs[:, -1] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = (u * signs[:, None, :]) @ vt
    square = (centred_estimate**2).sum(axis=(1, 2))
    product = (singular * signs).sum(axis=1)
    scale = np.divide(product, square, out=np.ones_like(product), where=square > 0)
    return scale[:, None, None] * (centred_estimate @ rotation) + truth_mean


def n_mpjpe_mm(
    estimate_mm: Float[np.ndarray, "n joints 3"], truth_mm: Float[np.ndarray, "n joints 3"]
) -> float:
    """MPJPE after the best scale per pose, mm."""
    return mpjpe_mm(scale_aligned(estimate_mm, truth_mm), truth_mm)


def pa_mpjpe_mm(
    estimate_mm: Float[np.ndarray, "n joints 3"], truth_mm: Float[np.ndarray, "n joints 3"]
) -> float:
    """MPJPE after the best similarity (rotation without reflection, scale, shift) per pose, mm."""
    return mpjpe_mm(similarity_aligned(estimate_mm, truth_mm), truth_mm)


def velocity_errors_mm(
    estimate_mm: Float[np.ndarray, "pairs 2 joints 3"],
    truth_mm: Float[np.ndarray, "pairs 2 joints 3"],
) -> Float[np.ndarray, "pairs joints"]:
    """Distance between the estimated and the true step from a frame to the next of the same
    sequence and camera, mm per frame; its mean is MPJVE (Pavllo et al., "3D human pose estimation
    in video", CVPR 2019).
    """
    return joint_errors_mm(np.diff(estimate_mm, axis=1)[:, 0], np.diff(truth_mm, axis=1)[:, 0])


def pck(errors_mm: Float[np.ndarray, "..."], threshold_mm: float = PCK_THRESHOLD_MM) -> float:
    """Share of joints (0..1) whose error is at most the threshold."""
    return float((errors_mm <= threshold_mm).mean())


def auc(errors_mm: Float[np.ndarray, "..."]) -> float:
    """Mean PCK (0..1) over the thresholds 0, 5, ..., 150 mm."""
    return float(np.mean([pck(errors_mm, float(threshold)) for threshold in AUC_THRESHOLDS_MM]))
