"""What an error may depend on, as far as predictions tell it: where the person faces, how tall they
are. Which joints are hidden neither predictions nor data sets say.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from posegrid.body.formats.viewer import levelling_rotation
from posegrid.body.skeleton import JOINT_NAMES
from posegrid.motion.plausible import bones_to_height_mm
from posegrid.results.curves import RUN_COLOURS, figure_of, save_figure, tidied
from posegrid.results.predictions import Predictions

HEADING_EDGES_DEG = np.arange(-180, 181, 30)
FEWEST_POSES = 10
"""Of a point on the curve."""
NOT_TOLD = (
    "Error against occlusion is not shown: neither predictions nor data sets say which joints are "
    "hidden. Headings are against the camera's axis, since predictions do not say where in the "
    "picture a person is."
)


def heading_deg(predictions: Predictions) -> Float[np.ndarray, "N"]:
    """Where each person truly faces: 0 into the camera, 90 to the picture's right, 180 away, -90 to
    its left; by the lines of hips and shoulders, levelled over each sequence.
    """
    left = np.zeros((len(predictions), 2))
    sides = [
        [JOINT_NAMES.index(f"{side}_{joint}") for joint in ("hip", "shoulder")]
        for side in ("left", "right")
    ]
    sequence = predictions.sequence
    for name in np.unique(sequence):
        rows = sequence == name
        poses = predictions.pose_true_cam_mm[rows].astype(np.float64)
        level = poses @ levelling_rotation(poses).T
        left[rows] = (level[:, sides[0]] - level[:, sides[1]]).sum(axis=1)[:, [0, 2]]
    return np.degrees(np.arctan2(left[:, 1], left[:, 0]))


def heights_m(predictions: Predictions) -> dict[str, float]:
    """Every subject's height without shoes, as their true bones say."""
    return {
        str(name): bones_to_height_mm(
            predictions.pose_true_cam_mm[predictions.subject == name].astype(np.float64)
        )
        / 1000
        for name in np.unique(predictions.subject)
    }


def by_heading(
    heading: Float[np.ndarray, "N"], error_mm: Float[np.ndarray, "N"]
) -> Float[np.ndarray, "bins"]:
    """Mean error in each bin of `HEADING_EDGES_DEG`; NaN where there are too few poses."""
    bins = np.clip(np.digitize(heading, HEADING_EDGES_DEG) - 1, 0, len(HEADING_EDGES_DEG) - 2)
    count = np.bincount(bins, minlength=len(HEADING_EDGES_DEG) - 1)
    total = np.bincount(bins, weights=error_mm, minlength=len(count))
    return np.where(count >= FEWEST_POSES, total / np.maximum(count, 1), np.nan)


def draw_conditions(path: Path, runs: Mapping[str, Predictions]) -> None:
    """MPJPE of every run against heading, and of each subject against their height."""
    figure = figure_of(10.4, 3.4)
    left, right = figure.subplots(1, 2, sharey=True)
    middles = (HEADING_EDGES_DEG[1:] + HEADING_EDGES_DEG[:-1]) / 2
    for colour, (name, found) in zip(RUN_COLOURS, runs.items(), strict=False):
        error_mm = found.error_mm
        curve = by_heading(heading_deg(found), error_mm)
        left.plot(middles, curve, color=colour, marker="o", markersize=3, label=name)
        tall = heights_m(found)
        of_subject = [error_mm[found.subject == subject].mean() for subject in tall]
        right.scatter(list(tall.values()), of_subject, color=colour, s=22, alpha=0.8, label=name)
    tidied(left, "where the person faces", "degrees: 0 into the camera, 90 to the picture's right")
    tidied(right, "height of the person, by their bones", "m")
    left.xaxis.set_major_formatter("{x:g}")
    right.xaxis.set_major_formatter("{x:.2f}")
    left.set_xticks(HEADING_EDGES_DEG[::3])
    left.set_ylim(bottom=0)
    left.set_ylabel("MPJPE, mm")
    left.legend(frameon=False, loc="best")
    save_figure(figure, path)
