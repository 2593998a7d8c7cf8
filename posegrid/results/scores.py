"""Every figure of an evaluation, from predictions alone. Poses are root-relative, in mm, in the
camera frame.

3DPCK and AUC of MPI-INF-3DHP's test set, as its papers report them: Mehta et al., 3DV 2017, and
those after it.

As the evaluation that comes with the test set has it (mpii_test_predictions.m,
mpii_compute_3d_pck.m, mpii_get_pck_auc_joint_groups.m): of its 17 joints 14 count, all but pelvis,
spine and head (the nose of our skeleton); pelvis at the origin; an error must be *below* the
threshold, so that a perfect estimate has an AUC of 30/31; all valid frames are pooled. It takes
`univ_annot3`, poses scaled to one height for everybody.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from posegrid import __version__
from posegrid.body.metrics import (
    AUC_THRESHOLDS_MM,
    PCK_THRESHOLD_MM,
    auc,
    joint_errors_mm,
    pck,
    scale_aligned,
    similarity_aligned,
    velocity_errors_mm,
)
from posegrid.body.skeleton import (
    JOINT_NAMES,
    LEFT_JOINTS,
    NUM_JOINTS,
    RIGHT_JOINTS,
    ROOT,
    SKELETON,
    body_size_mm,
    mirror_order,
    relative_to_root,
)
from posegrid.results.predictions import Predictions

STEP_S = 1 / 50
"""MPJVE is stated in mm per frame at Human3.6M's 50 Hz."""
LONGEST_STEP_S = 0.1
"""Frames further apart than this say nothing of velocity."""
BLOCK = 4096
"""Poses measured at once."""

Poses = Float[np.ndarray, "N 17 3"]


def in_blocks(measure: Callable[..., np.ndarray], *rows: np.ndarray) -> np.ndarray:
    """What `measure` says of each row, asked of some thousand rows at a time.

    Predictions of a million crops fit in memory; copies of them in 64 bits, and what is computed on
    the way to a figure, do not.
    """
    starts = range(0, max(1, len(rows[0])), BLOCK)
    return np.concatenate(
        [measure(*(array[start : start + BLOCK] for array in rows)) for start in starts]
    )


@dataclass(frozen=True, eq=False)
class Errors:
    """How far N estimates are off, in mm: all that the means need of them."""

    joint_mm: Float[np.ndarray, "N 17"]
    axis_mm: Float[np.ndarray, "N 3"]
    """Along x, y and z, without sign, the mean over the joints."""
    scaled_mm: Float[np.ndarray, "N"]
    """Mean over the joints after the best scale; their mean is N-MPJPE."""
    aligned_mm: Float[np.ndarray, "N"]
    """Mean over the joints after the best similarity; their mean is PA-MPJPE."""

    @staticmethod
    def of(estimate: Poses, truth: Poses) -> "Errors":
        """Of poses in mm, in 64 bits."""

        def columns(estimate: Poses, truth: Poses) -> Float[np.ndarray, "n 22"]:
            estimate, truth = estimate.astype(np.float64), truth.astype(np.float64)
            scaled, aligned = scale_aligned(estimate, truth), similarity_aligned(estimate, truth)
            return np.column_stack(
                [
                    joint_errors_mm(estimate, truth),
                    np.abs(estimate - truth).mean(axis=1),
                    joint_errors_mm(scaled, truth).mean(axis=1),
                    joint_errors_mm(aligned, truth).mean(axis=1),
                ]
            )

        found = in_blocks(columns, estimate, truth)
        joints, axes = found[:, :NUM_JOINTS], found[:, NUM_JOINTS : NUM_JOINTS + 3]
        return Errors(joints, axes, found[:, -2], found[:, -1])


def facts_of_figures(predictions: Predictions) -> dict[str, Any]:
    """What figures are of, as they stand at the top of evaluation.json."""
    return {
        "num_poses": len(predictions),
        "num_joints": NUM_JOINTS,
        "skeleton": SKELETON,
        "unit": "mm",
        "posegrid_version": __version__,
    }


def scores(predictions: Predictions) -> dict[str, Any]:
    """All figures, ready for JSON: those of the estimate at the top, the baseline's under
    "mean_pose".

    "mpi_inf_3dhp" holds 3DPCK and AUC as that data set's papers count them; None for other data.
    """
    estimate, truth = predictions.pose_pred_cam_mm, predictions.pose_true_cam_mm
    errors, of_mean_pose = (
        Errors.of(poses, truth) for poses in (estimate, predictions.pose_mean_cam_mm)
    )
    figures, baseline = error_figures(errors), error_figures(of_mean_pose)
    trained_size_mm = predictions.facts.get("trained_size_mm")
    return {
        **figures,
        "mean_pose_mpjpe_mm": baseline["mpjpe_mm"],
        "ratio_to_mean_pose": figures["mpjpe_mm"] / baseline["mpjpe_mm"]
        if baseline["mpjpe_mm"] > 0
        else None,
        **velocity(predictions),
        "size_floor_mpjpe_mm": None
        if trained_size_mm is None
        else size_floor_mm(truth, trained_size_mm),
        "left_right_swapped_share": swapped_share(estimate, truth),
        "within_radius_share": within_radius(predictions),
        "keypoint_error_px": keypoint_errors(predictions),
        "per_action": per_group(errors, of_mean_pose, predictions.action),
        "per_subject": per_group(errors, of_mean_pose, predictions.subject),
        "per_camera": per_group(errors, of_mean_pose, predictions.camera_id),
        "mean_pose": baseline,
        "mpi_inf_3dhp": scores_3dhp(predictions),
    }


def error_figures(errors: Errors) -> dict[str, Any]:
    """The metrics of single poses, over all 17 joints unless the name says otherwise, in mm; pck
    and auc are 0..1.
    """
    per_pose = errors.joint_mm.mean(axis=1)
    return {
        "mpjpe_mm": float(errors.joint_mm.mean()),
        "mpjpe_without_root_mm": float(np.delete(errors.joint_mm, ROOT, axis=1).mean()),
        "pa_mpjpe_mm": float(errors.aligned_mm.mean()),
        "n_mpjpe_mm": float(errors.scaled_mm.mean()),
        "pck_150mm": pck(errors.joint_mm),
        "auc_0_150mm": auc(errors.joint_mm),
        "median_pose_mm": float(np.median(per_pose)),
        "worst_5_percent_pose_mm": float(np.percentile(per_pose, 95)),
        "per_joint_mm": dict(zip(JOINT_NAMES, errors.joint_mm.mean(axis=0).tolist(), strict=True)),
        "per_axis_mm": dict(zip("xyz", errors.axis_mm.mean(axis=0).tolist(), strict=True)),
    }


def size_floor_mm(truth: Poses, size_mm: float) -> float:
    """MPJPE of the true poses themselves at one body size for everybody: what a crop, which hides
    it, leaves open.
    """

    def errors_mm(truth: Poses) -> Float[np.ndarray, "n 17"]:
        alike = truth * (size_mm / body_size_mm(truth))[:, None, None]
        return joint_errors_mm(alike.astype(np.float64), truth.astype(np.float64))

    return float(in_blocks(errors_mm, truth).mean())


def velocity(predictions: Predictions) -> dict[str, Any]:
    """MPJVE between frames that truly follow each other, scaled to mm per frame at 50 Hz, and the
    spacing it used.

    None where no two frames follow each other, or only at more than 0.1 s.
    """
    follows, step_s = predictions.follows(), np.diff(predictions.time_s)
    follows = follows & (step_s > 0) & (step_s <= LONGEST_STEP_S + 1e-6)
    if not follows.any():
        return {
            "mpjve_mm": None,
            "mpjve_spacing_s": None,
            "mpjve_pairs": 0,
            "mean_pose_mpjve_mm": None,
        }
    scale = STEP_S / step_s[follows]
    pairs = np.flatnonzero(follows)[:, None] + [0, 1]
    truth = predictions.pose_true_cam_mm

    def scaled(estimate: Poses) -> float:
        def errors_mm(pairs: Int[np.ndarray, "n 2"]) -> Float[np.ndarray, "n"]:
            moves = (poses[pairs].astype(np.float64) for poses in (estimate, truth))
            return velocity_errors_mm(*moves).mean(axis=1)

        return float((in_blocks(errors_mm, pairs) * scale).mean())

    return {
        "mpjve_mm": scaled(predictions.pose_pred_cam_mm),
        "mpjve_spacing_s": float(np.median(step_s[follows])),
        "mpjve_pairs": int(follows.sum()),
        "mean_pose_mpjve_mm": scaled(predictions.pose_mean_cam_mm),
    }


def swapped_share(estimate: Poses, truth: Poses) -> dict[str, float]:
    """Share of poses (0..1) whose legs, or arms, would be nearer to the truth with left and right
    exchanged.
    """
    sides = (*LEFT_JOINTS, *RIGHT_JOINTS)
    limbs = {
        "legs": [joint for joint in sides if _is_leg(joint)],
        "arms": [joint for joint in sides if not _is_leg(joint)],
    }

    def nearer(estimate: Poses, truth: Poses) -> Bool[np.ndarray, "n limbs"]:
        as_is = joint_errors_mm(estimate, truth)
        exchanged = joint_errors_mm(estimate[:, mirror_order()], truth)
        return np.column_stack(
            [exchanged[:, of].sum(axis=1) < as_is[:, of].sum(axis=1) for of in limbs.values()]
        )

    shares = in_blocks(nearer, estimate, truth).mean(axis=0)
    return dict(zip(limbs, shares.tolist(), strict=True))


def within_radius(predictions: Predictions) -> dict[str, float] | None:
    """Share (0..1) of joints, the root left out, within the radius that the weights state (68 %
    would be right), and within twice of it (95 %). None for weights that state none."""
    if np.isnan(predictions.sigma_mm).any():
        return None
    errors = in_blocks(joint_errors_mm, predictions.pose_pred_cam_mm, predictions.pose_true_cam_mm)
    errors, sigma_mm = (
        np.delete(values, ROOT, axis=1) for values in (errors, predictions.sigma_mm)
    )
    return {
        name: float((errors < times * sigma_mm).mean())
        for name, times in (("once", 1), ("twice", 2))
    }


def keypoint_errors(predictions: Predictions) -> dict[str, float] | None:
    """Mean and median distance of the joints' places in the crop, pixels; None for weights that do
    not say them.
    """
    off_px = predictions.keypoint_error_px
    return (
        None
        if np.isnan(off_px).any()
        else {"mean": float(off_px.mean()), "median": float(np.median(off_px))}
    )


def per_group(
    errors: Errors, of_mean_pose: Errors, labels: np.ndarray
) -> dict[str, dict[str, float | int]]:
    """Number of poses, MPJPE, PA-MPJPE and the baseline's MPJPE of each value of the labels, in
    mm.
    """
    groups: dict[str, dict[str, float | int]] = {}
    for label in np.unique(labels):
        rows = labels == label
        groups[str(label)] = {
            "num_poses": int(rows.sum()),
            "mpjpe_mm": float(errors.joint_mm[rows].mean()),
            "pa_mpjpe_mm": float(errors.aligned_mm[rows].mean()),
            "mean_pose_mpjpe_mm": float(of_mean_pose.joint_mm[rows].mean()),
        }
    return groups


def longest_repeat(predictions: Predictions) -> slice:
    """The rows of the longest run of following frames whose estimates are all the same although the
    true pose moves.

    Ten or more are no coincidence: the crops are most likely duplicated, or the network has died.
    """

    def stuck(estimate: Poses, after: Poses, truth: Poses, true_after: Poses) -> np.ndarray:
        still = (np.abs(after - estimate) < 1e-3).all(axis=(1, 2))
        moves = (np.abs(true_after - truth) > 1e-3).any(axis=(1, 2))
        return np.logical_and(still, moves)

    estimate, truth = predictions.pose_pred_cam_mm, predictions.pose_true_cam_mm
    same = in_blocks(stuck, estimate[:-1], estimate[1:], truth[:-1], truth[1:])
    start, length = _longest_run(same & predictions.follows())
    return slice(start, start + length + 1) if length else slice(0, 0)


def _is_leg(joint: int) -> bool:
    return any(part in JOINT_NAMES[joint] for part in ("hip", "knee", "ankle"))


def _longest_run(flags: Bool[np.ndarray, "n"]) -> tuple[int, int]:
    """Start and length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    if len(starts) == 0:
        return 0, 0
    best = int((ends - starts).argmax())
    return int(starts[best]), int(ends[best] - starts[best])


MPI_INF_3DHP = "MPI-INF-3DHP"
LEFT_OUT = ("pelvis", "spine", "nose")
JOINTS = tuple(index for index, name in enumerate(JOINT_NAMES) if name not in LEFT_OUT)
SCENES = {
    "studio, green screen": ("TS1", "TS2"),
    "studio, no green screen": ("TS3", "TS4"),
    "outdoors": ("TS5", "TS6"),
}
VALID_FRAMES = {"TS1": 603, "TS2": 540, "TS3": 505, "TS4": 553, "TS5": 276, "TS6": 452}
"""Of the test set's README, which weighs scenes by them."""


def scores_3dhp(predictions: Predictions) -> dict[str, Any] | None:
    """Shares (0..1) over 14 joints: of all poses, of the mean pose, by scene and activity; None for
    other data.
    """
    if predictions.facts.get("source") != MPI_INF_3DHP:
        return None
    errors, baseline = (
        in_blocks(errors_3dhp_mm, poses, predictions.pose_true_cam_mm)
        for poses in (predictions.pose_pred_cam_mm, predictions.pose_mean_cam_mm)
    )
    scenes = {name: np.isin(predictions.subject, subjects) for name, subjects in SCENES.items()}
    activities = {str(name): predictions.action == name for name in np.unique(predictions.action)}
    return {
        "num_joints": len(JOINTS),
        **pck_and_auc(errors),
        "mean_pose": pck_and_auc(baseline),
        "per_scene": {
            name: pck_and_auc(errors[rows]) for name, rows in scenes.items() if rows.any()
        },
        "per_activity": {name: pck_and_auc(errors[rows]) for name, rows in activities.items()},
        "differs_from_papers": differences(predictions),
    }


def errors_3dhp_mm(estimate: Poses, truth: Poses) -> Float[np.ndarray, "N 14"]:
    """Errors of the 14 joints, the pelvis at the origin, in mm."""
    estimate, truth = (relative_to_root(poses.astype(np.float64)) for poses in (estimate, truth))
    return joint_errors_mm(estimate, truth)[:, JOINTS]


def pck_and_auc(errors_mm: Float[np.ndarray, "n joints"]) -> dict[str, float | int]:
    """Share of errors below 150 mm, and its mean over the thresholds 0, 5, ..., 150 mm."""
    curve = [float((errors_mm < threshold).mean()) for threshold in AUC_THRESHOLDS_MM]
    below = float((errors_mm < PCK_THRESHOLD_MM).mean())
    return {"num_poses": len(errors_mm), "pck_150mm": below, "auc_0_150mm": float(np.mean(curve))}


def differences(predictions: Predictions) -> list[str]:
    """What keeps the figures from standing beside the papers', in words; empty if nothing does."""
    said = []
    poses = predictions.facts.get("poses", "mono")
    if poses != "universal":
        said.append(
            f"true poses are {poses} (annot3), the papers' universal (univ_annot3): prepare --poses universal"
        )
    found = {
        str(name): int(np.sum(predictions.subject == name))
        for name in np.unique(predictions.subject)
    }
    if found != VALID_FRAMES:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(found.items()))
        said.append(
            f"frames scored are {counts}; the papers' are all {sum(VALID_FRAMES.values())} valid ones of TS1-TS6"
        )
    return said
