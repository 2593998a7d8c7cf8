"""The grid over a crop, and which of its cells each joint overlaps: the answers of the pre-training
task.

A crop of size x size pixels is cut into cells x cells squares. Cell (row, column) covers the
half-open square [column s, column s + s) x [row s, row s + s) with s = size / cells, in the pixel
convention of `body/camera.py` (the crop's top left corner is (0, 0)).
"""

import numpy as np
from jaxtyping import Bool, Float

from posegrid.body.skeleton import BONES

BONE_SHARE = 0.3
"""A cell belongs to a joint, too, if more than this share of an adjoining bone's length lies in it
(the 2015 report, after Li & Chan, ACCV 2014)."""


def positive_cells(
    keypoints_crop_px: Float[np.ndarray, "n 17 2"],
    size_px: int,
    cells: int = 10,
    *,
    bone_rule: bool = True,
) -> Bool[np.ndarray, "n 17 {cells} {cells}"]:
    """Which cells [joint, row, column] each joint overlaps.

    A cell is positive for a joint if the joint lies in it, or (`bone_rule`) if more than 30 % of
    the length of a bone between the joint and an immediate neighbour lies in it. Occlusion is
    ignored. A joint outside the crop, or NaN, lies in no cell.
    """
    points = keypoints_crop_px * (cells / size_px)
    cell = np.floor(points)
    steps = np.arange(cells)
    in_column = cell[..., 0, None] == steps
    in_row = cell[..., 1, None] == steps
    positive = in_row[..., :, None] & in_column[..., None, :]
    if bone_rule:
        share = bone_share_in_cells(points, cells)
        for bone, (parent, child) in enumerate(BONES):
            positive[:, parent] |= share[:, bone] > BONE_SHARE
            positive[:, child] |= share[:, bone] > BONE_SHARE
    return positive


def bone_share_in_cells(
    points_cells: Float[np.ndarray, "n 17 2"], cells: int
) -> Float[np.ndarray, "n 16 {cells} {cells}"]:
    """The share of each bone's length that lies in each cell [bone, row, column]; points in units
    of cells.

    The segment start + t (end - start), 0 <= t <= 1, crosses a column for an interval of t and a
    row for another (Liang & Barsky, 1984); the share is the length of what the two have in common.
    A bone of no length has none.
    """
    parents, children = np.array(BONES).T
    start, end = points_cells[:, parents], points_cells[:, children]
    enter, leave = _crossing(start[..., None], end[..., None], np.arange(cells))
    enter_column, enter_row = enter[:, :, 0, None, :], enter[:, :, 1, :, None]
    leave_column, leave_row = leave[:, :, 0, None, :], leave[:, :, 1, :, None]
    share = np.minimum(leave_column, leave_row) - np.maximum(enter_column, enter_row)
    has_length = np.any(start != end, axis=-1)[..., None, None]
    return np.where(has_length, np.nan_to_num(np.maximum(share, 0.0)), 0.0)


def _crossing(
    start: Float[np.ndarray, "n 16 2 1"], end: Float[np.ndarray, "n 16 2 1"], low: np.ndarray
) -> tuple[Float[np.ndarray, "n 16 2 c"], Float[np.ndarray, "n 16 2 c"]]:
    """The interval of t in [0, 1] in which start + t (end - start) lies in [low, low + 1); (1, 0)
    where in none.
    """
    step = end - start
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = (low - start) / step, (low + 1 - start) / step
    enter = np.clip(np.minimum(first, second), 0.0, 1.0)
    leave = np.clip(np.maximum(first, second), 0.0, 1.0)
    inside = (start >= low) & (start < low + 1)
    enter = np.where(step == 0, np.where(inside, 0.0, 1.0), enter)
    leave = np.where(step == 0, np.where(inside, 1.0, 0.0), leave)
    return enter, leave
