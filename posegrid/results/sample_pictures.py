"""Pictures of crops and what is made of them: samples of an evaluation, and the grid task's
answers.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from posegrid.body.formats.viewer import MIDDLE, colour_of
from posegrid.body.grid import positive_cells
from posegrid.body.skeleton import JOINT_NAMES
from posegrid.errors import OutputError
from posegrid.files import completed
from posegrid.results.draw import (
    FRONT,
    SIDE,
    Picture,
    below,
    beside,
    draw_dot,
    draw_keypoints,
    draw_pose_3d,
    enlarged,
    labelled,
)

GRID_LINE = (120, 126, 136)
MIDDLE_TINT = (0, 158, 115)
"""Grey, the middle's colour elsewhere, would drown in a grey crop."""


def sample_row(
    image: UInt8[np.ndarray, "S S"],
    estimate_mm: Float[np.ndarray, "17 3"],
    truth_mm: Float[np.ndarray, "17 3"],
    *,
    ground_mm: float | None = None,
    size_px: int = 200,
) -> Picture:
    """A crop, its true pose, the estimate, and both from the side, in a row; poses root-relative,
    levelled, in mm.
    """
    if ground_mm is None:
        ground_mm = float(truth_mm[:, 1].max())
    return beside(
        enlarged(image, size_px),
        draw_pose_3d(truth_mm, size_px, view=FRONT, ground_mm=ground_mm),
        draw_pose_3d(estimate_mm, size_px, view=FRONT, ground_mm=ground_mm),
        draw_pose_3d(estimate_mm, size_px, view=SIDE, true_pose_mm=truth_mm, ground_mm=ground_mm),
    )


COLUMN_NAMES = ("crop", "true pose", "estimate", "both, from the side (true: black)")


def column_titles(size_px: int = 200, gap_px: int = 8) -> Picture:
    """The line above rows of `sample_row`."""
    empty = np.full((1, size_px, 3), 255, np.uint8)
    return beside(
        *(labelled(empty, name, text_px=size_px / 16) for name in COLUMN_NAMES), gap_px=gap_px
    )


def sample_sheet(rows: list[tuple[str, Picture]], size_px: int = 200) -> Picture:
    """Rows of `sample_row` with their captions, below the columns' names."""
    return below(
        column_titles(size_px),
        *(labelled(picture, text, text_px=size_px / 15) for text, picture in rows),
    )


def rows_by_rank(
    error_mm: Float[np.ndarray, "N"], sequence: np.ndarray, count: int
) -> dict[str, list[int]]:
    """Rows of the best, the median and the worst poses, `count` of each, no two of one kind from
    the same sequence.

    Where there are fewer sequences than that, the rows are fewer, too. The median rows are those
    nearest the median.
    """
    order = np.argsort(error_mm, kind="stable")
    middle = np.argsort(np.abs(error_mm - np.median(error_mm)), kind="stable")
    kinds = {"best": order, "median": middle, "worst": order[::-1]}
    return {kind: _of_different_sequences(rows, sequence, count) for kind, rows in kinds.items()}


def _of_different_sequences(rows: np.ndarray, sequence: np.ndarray, count: int) -> list[int]:
    chosen: list[int] = []
    for row in rows.tolist():
        if len(chosen) == count:
            break
        if sequence[row] not in sequence[chosen]:
            chosen.append(row)
    return chosen


def grid_picture(
    crop: UInt8[np.ndarray, "S S"],
    keypoints_px: Float[np.ndarray, "17 2"],
    cells: int = 10,
    panel_px: int = 150,
) -> Picture:
    """One crop with its skeleton, then again for each of the 17 joints with the grid cells that are
    positive for it.

    The number is that of the positive cells; the white dot is the joint.

    keypoints_px: pixels of the crop.
    """
    size = crop.shape[-1]
    positive = positive_cells(keypoints_px[None], size, cells)[0]
    large = enlarged(crop, panel_px)
    points = keypoints_px * (panel_px / size)
    panels = [labelled(draw_keypoints(large, points), f"{cells} x {cells} cells", text_px=13)]
    for joint, name in enumerate(JOINT_NAMES):
        text = f"{name.replace('_', ' ')}: {int(positive[joint].sum())}"
        cells_shown = draw_dot(_with_cells(large, positive[joint], joint), points[joint])
        panels.append(labelled(cells_shown, text, text_px=13))
    rows = [beside(*panels[start : start + 6]) for start in range(0, len(panels), 6)]
    return below(*rows)


def _with_cells(picture: Picture, positive: Bool[np.ndarray, "cells cells"], joint: int) -> Picture:
    """The picture with a grid over it and the positive cells tinted in the joint's colour."""
    size, cells = picture.shape[0], len(positive)
    edges = np.round(np.arange(cells + 1) * size / cells).astype(int)
    tinted = picture.astype(np.float32)
    colour = MIDDLE_TINT if colour_of(joint) == MIDDLE else colour_of(joint)
    for row, column in np.argwhere(positive):
        area = (slice(edges[row], edges[row + 1]), slice(edges[column], edges[column + 1]))
        tinted[area] = 0.3 * tinted[area] + 0.7 * np.array(colour)
    lines = np.minimum(edges, size - 1)
    tinted[lines] = 0.65 * tinted[lines] + 0.35 * np.array(GRID_LINE)
    tinted[:, lines] = 0.65 * tinted[:, lines] + 0.35 * np.array(GRID_LINE)
    return tinted.round().astype(np.uint8)


def save_png(path: Path, picture: Picture) -> None:
    """Write the picture; it appears under its name only when complete. Raises OutputError."""
    try:
        with completed(path) as temporary:
            Image.fromarray(picture).save(temporary, format="PNG", optimize=True)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); choose another --out."
        ) from error
