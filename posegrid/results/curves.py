"""Learning curves and bars, drawn with matplotlib without a screen, as PNG and as SVG."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from posegrid.body.skeleton import JOINT_NAMES
from posegrid.errors import SourceError
from posegrid.files import written
from posegrid.results.tables import group_rows, pck_table, score_rows, title_of
from posegrid.untrusted import (
    DAMAGED,
    number,
    object_of_json,
    of_type,
    text_of,
    texts,
    whole_number,
)

PRETRAINED, SCRATCH, QUIET, TEXT = "#0072b2", "#d55e00", "#8a8f98", "#28282d"
RUN_COLOURS = ("#0072b2", "#d55e00")
"""Of two runs in one figure."""
_COLUMNS = ("images", "total_images", "total_seconds", "train_loss", "validation_loss")
_FIGURES = ("validation_mpjpe_mm", "validation_cell_accuracy")


@dataclass(frozen=True, eq=False)
class Curve:
    """What one training run wrote into its metrics.csv: one row per look at the validation
    crops.
    """

    name: str
    images: Float[np.ndarray, "rows"]
    """Training images seen in this stage."""
    total_images: Float[np.ndarray, "rows"]
    """With those of the stage before."""
    total_seconds: Float[np.ndarray, "rows"]
    """By the clock."""
    total_cpu_seconds: Float[np.ndarray, "rows"]
    """CPU time; the clock's where an older run did not record it."""
    train_loss: Float[np.ndarray, "rows"]
    validation_loss: Float[np.ndarray, "rows"]
    figure: Float[np.ndarray, "rows"]
    """MPJPE in mm, or the share of joints (0..1) whose best cell is right."""
    figure_name: str
    """Its column: "validation_mpjpe_mm" or "validation_cell_accuracy"."""

    @property
    def best(self) -> float:
        """The best figure of the run."""
        return float(
            self.figure.max()
            if self.figure_name == "validation_cell_accuracy"
            else self.figure.min()
        )


def load_curve(path: Path, name: str) -> Curve:
    """The curve in a metrics.csv. Raises SourceError if a column is missing or a number is none."""
    try:
        rows = list(csv.DictReader(StringIO(text_of(path), newline="")))
        figure_name = next(column for column in _FIGURES if rows and column in rows[0])
        columns = {
            column: np.array([number(float(row[column]), column) for row in rows])
            for column in (*_COLUMNS, figure_name)
        }
        cpu_seconds = [
            number(float(row.get("total_cpu_seconds", row["total_seconds"])), "total_cpu_seconds")
            for row in rows
        ]
    except (*DAMAGED, StopIteration) as error:
        raise SourceError(
            f"{path}: no learning curve can be read ({error!r}); expected rows with the columns {', '.join(_COLUMNS)} "
            f"and {' or '.join(_FIGURES)}, as `posegrid train` writes them."
        ) from error
    return Curve(
        name,
        **{column: columns[column] for column in _COLUMNS},
        total_cpu_seconds=np.array(cpu_seconds),
        figure=columns[figure_name],
        figure_name=figure_name,
    )


def load_figures(path: Path) -> dict[str, Any]:
    """The figures in an evaluation.json. Raises SourceError if they are none that can be shown."""
    try:
        figures = object_of_json(text_of(path))
        _check_figures(figures)
        for shown in (title_of, score_rows, group_rows, pck_table):
            shown(figures)
    except DAMAGED as error:
        said = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise SourceError(
            f"{path}: does not hold an evaluation ({said}); evaluate again."
        ) from error
    return figures


def _check_figures(figures: dict[str, Any]) -> None:
    for name in ("data", "weights", "split", "posegrid_version"):
        of_type(figures[name], str, name)
    for name in ("network", "target"):
        of_type(figures.get(name, ""), str, name)
    for name in ("warnings", "subjects", "trained_subjects"):
        texts(figures.get(name, []), name)
    whole_number(figures["num_poses"], "num_poses", 0, 2**40)
    baseline = of_type(figures["mean_pose"], dict, "mean_pose")
    number(figures["mean_pose_mpjpe_mm"], "mean_pose_mpjpe_mm")
    for part in (figures, baseline):
        for name in ("mpjpe_mm", "pa_mpjpe_mm", "n_mpjpe_mm", "pck_150mm", "auc_0_150mm"):
            number(part[name], name, 0.0)
        for joint in JOINT_NAMES:
            number(part["per_joint_mm"][joint], joint, 0.0)


def draw_pose_curves(path: Path, curves: list[Curve], mean_pose_mm: float | None) -> None:
    """Validation error of the regression: against its own images, all images, and all CPU time."""
    figure = figure_of(11.6, 3.5)
    panels = figure.subplots(1, 3, sharey=True)
    for curve in curves:
        colour = SCRATCH if curve.name == "from scratch" else PRETRAINED
        label = f"{curve.name}: best {curve.best:.1f} mm"
        for axes, costs in zip(
            panels, (curve.images, curve.total_images, curve.total_cpu_seconds), strict=True
        ):
            axes.plot(costs, curve.figure, color=colour, label=label, marker="o", markersize=3)
        start = curve.total_images[0] - curve.images[0]
        if start > 0:
            panels[1].axvspan(0, start, color=colour, alpha=0.08, linewidth=0)
            place = {"transform": panels[1].get_xaxis_transform(), "ha": "center", "color": colour}
            panels[1].text(start / 2, 0.03, "pre-training", **place)
    titles = ("regression images", "all images, pre-training counted", "all CPU time")
    for axes, title, unit in zip(panels, titles, ("images", "images", "CPU seconds"), strict=True):
        if mean_pose_mm is not None:
            label = f"mean pose: {mean_pose_mm:.1f} mm"
            axes.axhline(mean_pose_mm, color=QUIET, linestyle="--", linewidth=1, label=label)
        tidied(axes, f"against {title}", unit)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
    panels[0].set_ylabel("validation MPJPE, mm")
    panels[0].legend(frameon=False, loc="best")
    save_figure(figure, path)


def draw_grid_curve(path: Path, curve: Curve) -> None:
    """Loss and share of right cells of the pre-training task."""
    figure = figure_of(8.6, 2.9)
    left, right = figure.subplots(1, 2)
    left.plot(
        curve.images, curve.train_loss, color=QUIET, label="training", marker="o", markersize=3
    )
    left.plot(
        curve.images,
        curve.validation_loss,
        color=PRETRAINED,
        label="validation",
        marker="o",
        markersize=3,
    )
    left.legend(frameon=False)
    left.set_ylabel("cross-entropy")
    right.plot(curve.images, 100 * curve.figure, color=PRETRAINED, marker="o", markersize=3)
    right.set_ylabel("joints whose best cell is right, %")
    right.set_ylim(0, 100)
    for axes, title in ((left, "loss"), (right, "validation subjects")):
        tidied(axes, title)
        axes.set_xlim(left=0)
    left.set_ylim(bottom=0)
    save_figure(figure, path)


def draw_runs(path: Path, grids: Mapping[str, Curve], poses: Mapping[str, Sequence[Curve]]) -> None:
    """Curves of several runs by their names: of the grid task, and of the regression (dashed: from
    scratch) against its own images and all CPU time.
    """
    figure = figure_of(11.6, 3.5)
    left, middle, right = figure.subplots(1, 3)
    for colour, name in zip(RUN_COLOURS, poses, strict=False):
        style = {"color": colour, "marker": "o", "markersize": 3}
        if name in grids:
            grid = grids[name]
            left.plot(
                grid.images, 100 * grid.figure, label=f"{name}: {100 * grid.best:.1f}", **style
            )
        for curve in poses[name]:
            line = "--" if curve.name == "from scratch" else "-"
            label = f"{name}, {curve.name}: {curve.best:.1f}"
            for axes, costs in ((middle, curve.images), (right, curve.total_cpu_seconds)):
                axes.plot(costs, curve.figure, linestyle=line, label=label, **style)
    tidied(left, "grid task: joints whose best cell is right, %")
    tidied(middle, "regression: MPJPE, mm")
    tidied(right, "the same against all CPU time", "CPU seconds")
    for axes in (left, middle, right):
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
    for axes in (left, middle):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, loc="best", fontsize=8)
    save_figure(figure, path)


def draw_joints_of_runs(path: Path, figures: Mapping[str, dict[str, Any]]) -> None:
    """MPJPE of every joint as bars, one a run; that of the first one's mean pose as ticks."""
    first = next(iter(figures.values()))
    joints = [joint for joint in first["per_joint_mm"] if joint != "pelvis"]
    figure = figure_of(8.6, 4.6)
    axes = figure.subplots()
    rows = np.arange(len(joints))
    for run, (name, of_run) in enumerate(figures.items()):
        values = [of_run["per_joint_mm"][joint] for joint in joints]
        axes.barh(rows + 0.36 * (run - 0.5), values, 0.34, color=RUN_COLOURS[run], label=name)
    _name_joints(axes, joints, first)
    save_figure(figure, path)


def draw_joint_bars(path: Path, figures: dict[str, Any]) -> None:
    """MPJPE of every joint as bars, that of the mean pose as ticks, from what evaluation.json
    holds.
    """
    joints = [joint for joint in figures["per_joint_mm"] if joint != "pelvis"]
    values = [figures["per_joint_mm"][joint] for joint in joints]
    figure = figure_of(8.6, 4.2)
    axes = figure.subplots()
    rows = np.arange(len(joints))
    axes.barh(rows, values, color=PRETRAINED, height=0.66, label="estimate")
    for row, value in zip(rows, values, strict=True):
        axes.annotate(
            f"{value:.0f}",
            (value, row),
            (4, 0),
            textcoords="offset points",
            va="center",
            color=TEXT,
        )
    _name_joints(axes, joints, figures)
    save_figure(figure, path)


def _name_joints(axes: Axes, joints: Sequence[str], figures: Mapping[str, Any]) -> None:
    """Rows of joints from above, and the mean pose's errors as ticks."""
    baseline = [figures["mean_pose"]["per_joint_mm"][joint] for joint in joints]
    rows = np.arange(len(joints))
    axes.scatter(baseline, rows, color=QUIET, marker="|", s=90, label="mean pose")
    axes.set_yticks(rows, [joint.replace("_", " ") for joint in joints])
    axes.invert_yaxis()
    axes.set_xlabel("mean error, mm")
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def figure_of(width_inches: float, height_inches: float) -> Figure:
    """An empty figure."""
    figure = Figure(
        figsize=(width_inches, height_inches), dpi=160, layout="constrained", facecolor="white"
    )
    FigureCanvasAgg(figure)
    return figure


def tidied(axes: Axes, title: str, unit: str = "images") -> None:
    """Title, unit of x and quiet lines."""
    axes.set_title(title, loc="left", fontsize=10, color=TEXT)
    axes.set_xlabel(unit)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e8eb", linewidth=0.8)
    axes.set_axisbelow(True)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG, and the same as SVG beside it."""
    with rc_context({"svg.hashsalt": path.stem}):
        for ending, facts in ((".png", {}), (".svg", {"Date": None})):
            with written(path.with_suffix(ending)) as temporary:
                figure.savefig(temporary, format=ending[1:], metadata=facts)
