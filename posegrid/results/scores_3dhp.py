"""3DPCK and AUC of MPI-INF-3DHP's test set, as its papers report them: Mehta et al., 3DV 2017, and those after it.

As the evaluation that comes with the test set has it (mpii_test_predictions.m, mpii_compute_3d_pck.m,
mpii_get_pck_auc_joint_groups.m): of its 17 joints 14 count, all but pelvis, spine and head (the nose of our skeleton);
pelvis at the origin; an error must be *below* the threshold, so that a perfect estimate has an AUC of 30/31; all valid
frames are pooled. It takes `univ_annot3`, poses scaled to one height for everybody.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from posegrid.body.metrics import AUC_THRESHOLDS_MM, PCK_THRESHOLD_MM, joint_errors_mm
from posegrid.body.skeleton import JOINT_NAMES, relative_to_root
from posegrid.results.predictions import Predictions

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
    """Shares (0..1) over 14 joints: of all poses, of the mean pose, by scene and activity; None for other data."""
    if predictions.facts.get("source") != MPI_INF_3DHP:
        return None
    truth, estimate, mean = (
        relative_to_root(poses.astype(np.float64))
        for poses in (predictions.pose_true_cam_mm, predictions.pose_pred_cam_mm, predictions.pose_mean_cam_mm)
    )
    errors, baseline = joint_errors_mm(estimate, truth)[:, JOINTS], joint_errors_mm(mean, truth)[:, JOINTS]
    scenes = {name: np.isin(predictions.subject, subjects) for name, subjects in SCENES.items()}
    activities = {str(name): predictions.action == name for name in np.unique(predictions.action)}
    return {
        "num_joints": len(JOINTS),
        **pck_and_auc(errors),
        "mean_pose": pck_and_auc(baseline),
        "per_scene": {name: pck_and_auc(errors[rows]) for name, rows in scenes.items() if rows.any()},
        "per_activity": {name: pck_and_auc(errors[rows]) for name, rows in activities.items()},
        "differs_from_papers": differences(predictions),
    }


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
        said.append(f"true poses are {poses} (annot3), the papers' universal (univ_annot3): prepare --poses universal")
    found = {str(name): int(np.sum(predictions.subject == name)) for name in np.unique(predictions.subject)}
    if found != VALID_FRAMES:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(found.items()))
        said.append(
            f"frames scored are {counts}; the papers' are all {sum(VALID_FRAMES.values())} valid ones of TS1-TS6"
        )
    return said
