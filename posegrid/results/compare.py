"""Two runs side by side on one page: curves, figures with their differences, samples."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from posegrid.body.formats.viewer import levelling_rotation
from posegrid.datasets.stored_crops import read_crops
from posegrid.results import page
from posegrid.results.conditions import CAPTION, HOW_HIDDEN, draw_conditions, hidden_joints
from posegrid.results.curves import draw_joints_of_runs, draw_runs
from posegrid.results.draw import FRONT, Picture, beside, draw_pose_3d, enlarged
from posegrid.results.predictions import SEQUENCE, Predictions
from posegrid.results.run_parts import Parts
from posegrid.results.samples import rows_in
from posegrid.results.tables import MOST_ROWS, PCK_ROWS, PCK_ROWS_3DHP, ROWS_TABLES, title_of

SAMPLE_PX = 130
SAME = ("data", "split", "subjects", "frames", "num_poses")
"""What two evaluations should have in common."""

Figures = dict[str, Any]
Two = tuple[Parts, Parts]


def compare(runs: Two, names: tuple[str, str], out: Path, samples: int) -> tuple[Path, list[str]]:
    """Write report.html and its figures (SVG and PNG) into `out`; the page's path, and what was
    left out, in words.
    """
    names = (names[0], names[1] if names[1] != names[0] else f"{names[1]} (2)")
    out.mkdir(parents=True, exist_ok=True)
    missing = [
        f"Left out: {words}, of {name}"
        for name, run in zip(names, runs, strict=True)
        for words in run.missing
    ]
    html, tiles = _curves(runs, names, out), []
    first, second = runs[0].figures, runs[1].figures
    if first is not None and second is not None:
        tiles = _tiles(first, second, names)
        html += _scores(first, second, names, out)
    if runs[0].predictions is not None and runs[1].predictions is not None:
        both = common(runs[0].predictions, runs[1].predictions)
        if len(both[0]):
            html += _of_poses(both, names, out, samples, runs[0].data)
        else:
            missing.append("Left out: samples (the two runs were evaluated on no pose in common)")
    html += [page.paragraph(f"{words}.") for words in missing]
    path = out / "report.html"
    subtitle = title_of(first) if first else "Learning curves only."
    page.write_page(path, f"{names[0]} and {names[1]}", subtitle, tiles, html)
    return path, missing


def common(one: Predictions, other: Predictions) -> tuple[Predictions, Predictions]:
    """The poses of the same frames, persons and cameras, in one order."""
    keys = [
        {key: row for row, key in enumerate(zip(*(getattr(p, n) for n in SEQUENCE), strict=True))}
        for p in (one, other)
    ]
    shared = [key for key in keys[0] if key in keys[1]]
    rows = [np.array([of[key] for key in shared], dtype=int) for of in keys]
    return one.subset(rows[0]), other.subset(rows[1])


def _curves(runs: Two, names: tuple[str, str], out: Path) -> list[str]:
    curves = {
        name: [curve for curve in (run.train, run.scratch) if curve is not None]
        for name, run in zip(names, runs, strict=True)
    }
    grids = {name: run.pretrain for name, run in zip(names, runs, strict=True) if run.pretrain}
    if not grids and not any(curves.values()):
        return []
    path = out / "curves.png"
    draw_runs(path, grids, curves)
    caption = (
        "Validation people. Left: joints whose best cell is right, in the grid task. Right: MPJPE "
        "over 17 joints in the regression, against its images and all CPU time; dashed: from scratch."
    )
    return [page.heading("Learning curves"), page.picture_file(path, caption)]


def _tiles(one: Figures, other: Figures, names: tuple[str, str]) -> list[page.Tile]:
    difference = other["mpjpe_mm"] - one["mpjpe_mm"]
    return [
        page.Tile(f"{one['mpjpe_mm']:.1f} mm", f"MPJPE, {names[0]}"),
        page.Tile(f"{other['mpjpe_mm']:.1f} mm", f"MPJPE, {names[1]}"),
        page.Tile(f"{difference:+.1f} mm", "difference"),
        page.Tile(f"{one['pa_mpjpe_mm']:.1f} mm", f"PA-MPJPE, {names[0]}"),
        page.Tile(f"{other['pa_mpjpe_mm']:.1f} mm", f"PA-MPJPE, {names[1]}"),
    ]


def _scores(one: Figures, other: Figures, names: tuple[str, str], out: Path) -> list[str]:
    unlike = [name for name in SAME if one.get(name) != other.get(name)]
    path = out / "joints.png"
    draw_joints_of_runs(path, {names[0]: one, names[1]: other})
    head = ("", *names, "difference")
    warned = [page.warning(text) for text in dict.fromkeys((*one["warnings"], *other["warnings"]))]
    if unlike:
        text = f"the two were not evaluated alike: they differ in {', '.join(unlike)}."
        warned.insert(0, page.warning(text))
    return [
        page.heading("Scores"),
        *warned,
        page.table(head, score_differences(one, other)),
        page.picture_file(path, "Mean error of each joint in mm; the ticks are the mean pose's."),
        page.table(("MPJPE in mm", *head[1:]), group_differences(one, other)),
    ]


def score_differences(one: Figures, other: Figures) -> list[tuple[str, ...]]:
    """(metric, one, other, other - one) as text with units."""
    papers = [figures.get("mpi_inf_3dhp") for figures in (one, other)]
    rows = [(name, one[key], other[key], unit) for name, key, unit in ROWS_TABLES]
    of_papers = all(papers)
    for name, key, unit in PCK_ROWS_3DHP if of_papers else PCK_ROWS:
        values = [part[key] for part in (papers if of_papers else (one, other)) if part]
        rows.append((name, values[0], values[1], unit))
    if one["mpjve_mm"] is not None and other["mpjve_mm"] is not None:
        rows.append(("MPJVE per 50 Hz frame", one["mpjve_mm"], other["mpjve_mm"], "mm"))
    for axis, words in (("x", "right"), ("y", "down"), ("z", "forward")):
        values = (one["per_axis_mm"][axis], other["per_axis_mm"][axis])
        rows.append((f"mean error along {axis} ({words})", *values, "mm"))
    return [_with_difference(*row) for row in rows]


def _with_difference(name: str, one: float, other: float, unit: str) -> tuple[str, ...]:
    scale = 100 if unit == "%" else 1
    shown = (f"{scale * value:.1f} {unit}" for value in (one, other))
    return (name, *shown, f"{scale * (other - one):+.1f}")


def group_differences(one: Figures, other: Figures) -> list[tuple[str, ...]]:
    """(part, one, other, other - one) of every action, subject and camera that both have; of more
    than 16 those with the largest differences.
    """
    rows: list[tuple[str, ...]] = []
    for group in ("per_action", "per_subject", "per_camera"):
        parts = [
            (label, part["mpjpe_mm"], other[group][label]["mpjpe_mm"])
            for label, part in sorted(one[group].items())
            if label in other[group]
        ]
        if len(parts) > MOST_ROWS:
            kept = sorted(parts, key=lambda part: -abs(part[2] - part[1]))[:MOST_ROWS]
            parts = [part for part in parts if part in kept]
        rows += [
            (f"{group[4:]} {label}", f"{a:.1f}", f"{b:.1f}", f"{b - a:+.1f}")
            for label, a, b in parts
        ]
    return rows


def _of_poses(
    both: tuple[Predictions, Predictions],
    names: tuple[str, str],
    out: Path,
    samples: int,
    data: Path | None,
) -> list[str]:
    """What poses that both runs were evaluated on say one by one."""
    one_mm, other_mm = (predictions.error_mm for predictions in both)
    path = out / "conditions.png"
    hidden = hidden_joints(both[0], data)
    draw_conditions(path, dict(zip(names, both, strict=True)), hidden)
    said = (
        f"{len(one_mm):,} poses in common: {names[1]} is nearer to the truth in "
        f"{(other_mm < one_mm).mean():.0%} of them."
    )
    rows = ranked_rows(one_mm, samples)
    untold = "Hidden joints are not shown: there is no data set here with all these crops."
    head = (
        "subject",
        "action",
        "camera",
        "frame",
        *(f"{name}, mm" for name in names),
        "difference",
    )
    return [
        page.heading("When it errs"),
        page.paragraph(said),
        page.picture_file(path, CAPTION + (untold if hidden is None else HOW_HIDDEN)),
        page.heading("Samples"),
        page.paragraph(
            f"Evenly from the best to the worst pose of {names[0]}: {len(rows)}. A click on a column's "
            "head sorts by it. Pictures: the crop, where the data are there, and both estimates in "
            "colour with the true pose in black."
        ),
        page.sides_legend(),
        page.sortable_table(head, sample_rows(both, rows, data)),
    ]


def ranked_rows(error_mm: np.ndarray, count: int) -> Int[np.ndarray, "n"]:
    """Rows evenly from the smallest error to the largest."""
    order = np.argsort(error_mm, kind="stable")
    return order[np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).astype(int))]


def sample_rows(
    both: tuple[Predictions, Predictions], rows: Int[np.ndarray, "n"], data: Path | None
) -> list[page.Sample]:
    """The samples' rows: who, where, both errors, their difference, and pictures."""
    one, other = (predictions.subset(rows) for predictions in both)
    crops: Sequence[Picture | None] = [None] * len(rows)
    if data is not None:
        stored = read_crops(data, sorted(set(one.subject.tolist())))
        crops = list(stored.grey[rows_in(stored, one)])
    truths: Mapping[str, np.ndarray] = {
        name: levelling_rotation(both[0].pose_true_cam_mm[both[0].sequence == name])
        for name in set(one.sequence.tolist())
    }
    samples = []
    for row, crop in enumerate(crops):
        level = truths[str(one.sequence[row])]
        true_mm = one.pose_true_cam_mm[row] @ level.T
        poses = [
            draw_pose_3d(
                predictions.pose_pred_cam_mm[row] @ level.T,
                SAMPLE_PX,
                view=FRONT,
                true_pose_mm=true_mm,
                ground_mm=float(true_mm[:, 1].max()),
            )
            for predictions in (one, other)
        ]
        pictures = poses if crop is None else [enlarged(crop, SAMPLE_PX), *poses]
        errors = (float(one.error_mm[row]), float(other.error_mm[row]))
        who = (str(one.subject[row]), f"{one.action[row]} {one.subaction[row]}")
        where = (str(one.camera_id[row]), str(one.frame_index[row]))
        cells = (*who, *where, *errors, errors[1] - errors[0])
        samples.append(page.Sample(cells, beside(*pictures)))
    return samples
