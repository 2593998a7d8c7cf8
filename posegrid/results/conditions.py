"""What an error may depend on: where the person faces, how tall they are, and how many of their
joints their own body hides.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.ticker import MaxNLocator

from posegrid.body.formats.viewer import levelling_rotation
from posegrid.body.occlusion import hidden_by_body
from posegrid.body.skeleton import JOINT_NAMES, NUM_JOINTS
from posegrid.datasets.stored_crops import shards_in
from posegrid.motion.plausible import bones_to_height_mm
from posegrid.results.curves import RUN_COLOURS, figure_of, save_figure, tidied
from posegrid.results.predictions import SEQUENCE, Predictions

HEADING_EDGES_DEG = np.arange(-180, 181, 30)
FEWEST_POSES = 10
"""Of a point on the curve."""
CAPTION = (
    "Mean over poses in parts of 30 degrees, over each subject, and over poses with as many hidden "
    "joints. Headings are against the camera's axis. "
)
HOW_HIDDEN = (
    "Which joints are hidden follows from the true pose and its place before the camera: by limbs "
    "of 60 mm about the bones, and a trunk of 130 mm, for a person of 1.7 m. What clothes, things "
    "and other people hide is not counted."
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
    return _means(bins, error_mm, len(HEADING_EDGES_DEG) - 1)


def hidden_joints(predictions: Predictions, data: Path | None) -> Bool[np.ndarray, "N 17"] | None:
    """Which joints the body hides in each crop: its place before the camera is in the data set.

    None without the data set, or where it lacks one of the crops.
    """
    if data is None:
        return None
    places = _roots_cam_mm(data, sorted(set(predictions.subject.tolist())))
    keys = zip(*(getattr(predictions, name).tolist() for name in SEQUENCE), strict=True)
    try:
        root_cam_mm = np.array([places[key] for key in keys])
    except KeyError:
        return None
    return hidden_by_body(predictions.pose_true_cam_mm + root_cam_mm[:, None])


def _roots_cam_mm(data: Path, subjects: list[str]) -> dict[tuple[object, ...], list[float]]:
    """Where the pelvis is in the source camera's frame, for each crop of the subjects."""
    places: dict[tuple[object, ...], list[float]] = {}
    for shard in shards_in(data, subjects):
        table = shard.table([*SEQUENCE[1:], "root_cam_mm"])
        keys = zip(*(table[name].to_pylist() for name in SEQUENCE), strict=True)
        places |= dict(zip(keys, table["root_cam_mm"].to_pylist(), strict=True))
    return places


def by_hidden(
    hidden: Bool[np.ndarray, "N 17"], error_mm: Float[np.ndarray, "N"]
) -> Float[np.ndarray, "18"]:
    """Mean error of poses with 0, 1, ... 17 hidden joints; NaN where there are too few poses."""
    return _means(hidden.sum(axis=1), error_mm, NUM_JOINTS + 1)


def _means(
    bins: Int[np.ndarray, "N"], error_mm: Float[np.ndarray, "N"], number: int
) -> Float[np.ndarray, "bins"]:
    count = np.bincount(bins, minlength=number)
    total = np.bincount(bins, weights=error_mm, minlength=number)
    return np.where(count >= FEWEST_POSES, total / np.maximum(count, 1), np.nan)


def draw_conditions(
    path: Path, runs: Mapping[str, Predictions], hidden: Bool[np.ndarray, "N 17"] | None
) -> None:
    """MPJPE of every run against heading, of each subject against their height, and against how
    many joints are hidden, where that is known. The runs are of the same poses.
    """
    panels = 2 if hidden is None else 3
    figure = figure_of(3.9 * panels, 3.4)
    left, right, *last = figure.subplots(1, panels, sharey=True)
    middles = (HEADING_EDGES_DEG[1:] + HEADING_EDGES_DEG[:-1]) / 2
    for colour, (name, found) in zip(RUN_COLOURS, runs.items(), strict=False):
        error_mm = found.error_mm
        line = {"color": colour, "marker": "o", "markersize": 3, "label": name}
        left.plot(middles, by_heading(heading_deg(found), error_mm), **line)
        tall = heights_m(found)
        of_subject = [error_mm[found.subject == subject].mean() for subject in tall]
        right.scatter(list(tall.values()), of_subject, color=colour, s=22, alpha=0.8, label=name)
        if hidden is not None:
            last[0].plot(np.arange(NUM_JOINTS + 1), by_hidden(hidden, error_mm), **line)
    tidied(left, "where the person faces", "degrees: 0 into the camera, 90 to the picture's right")
    tidied(right, "height of the person, by their bones", "m")
    for axes in last:
        tidied(axes, "hidden joints", "of 17, hidden by the person's own body")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.xaxis.set_major_formatter("{x:g}")
    right.xaxis.set_major_formatter("{x:.2f}")
    left.set_xticks(HEADING_EDGES_DEG[::3])
    left.set_ylim(bottom=0)
    left.set_ylabel("MPJPE, mm")
    left.legend(frameon=False, loc="best")
    save_figure(figure, path)
