"""Published figures on Human3.6M, each with what it was measured on. MPJPE in mm, root-relative, as
printed.

Collected from the papers themselves. What a row leaves open (joints, frames) its paper does not
print.

The figures of an evaluation as tables for the terminal.

A run beside the published figures, in one table that never mixes what was measured differently.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from posegrid.errors import SettingsError

USUAL = "train S1 S5 S6 S7 S8, test S9 S11"
S11_ONLY = "train S1 S5 S6 S7 S8 S9, test S11"
"""Splits in words: figures of different ones never stand in one column."""


@dataclass(frozen=True)
class Published:
    """One published row."""

    year: int
    method: str
    input: str
    """What the method sees: one image, several frames, or 2D detections of another network."""
    walking_mm: float | None
    all_actions_mm: float | None
    """Mean of the 15 actions."""
    split: str = USUAL
    joints: str = "17 with the root, as usual"
    metric: str = "MPJPE"


ROWS = (
    Published(
        2014, "LinKDE: HOG, kernel regression (Ionescu et al., TPAMI)", "image", 97.07, 162.1
    ),
    Published(2014, "Li & Chan, pre-trained on detection (ACCV)", "image", 80.09, None),
    Published(2014, "Li & Chan, both tasks at once (ACCV)", "image", 77.60, None),
    Published(
        2015, "the report that posegrid began as", "grey masked image", 80.42, None, S11_ONLY
    ),
    Published(2016, "Tekin et al., direct network (BMVC)", "image", 77.73, None),
    Published(2016, "Tekin et al., with autoencoder (BMVC)", "image", 65.75, None),
    Published(2016, "Tekin et al., motion compensated (CVPR)", "24 frames", 55.07, 125.0),
    Published(2017, "Pavlakos et al., volumes (CVPR)", "image", 59.1, 71.9),
    Published(2017, "Sun et al., compositional, Human3.6M only (ICCV)", "image", 78.0, 92.4),
    Published(2017, "Martinez et al. (ICCV)", "2D detections", 49.5, 62.9),
    Published(2018, "Sun et al., integral, with MPII (ECCV)", "image", 38.9, 49.6),
    Published(2019, "VideoPose3D, 1 frame (Pavllo et al., CVPR)", "2D detections", 39.5, 51.8),
    Published(2019, "VideoPose3D, 243 frames (Pavllo et al., CVPR)", "2D detections", 32.8, 46.8),
    Published(2021, "RLE, ResNet-50, with MPII (Li et al., ICCV)", "image", None, 48.6),
    Published(2021, "MobileHumanPose S (Choi et al., CVPRW)", "image", 42.9, 56.9),
    Published(2021, "MobileHumanPose L (Choi et al., CVPRW)", "image", 40.2, 51.4),
    Published(2023, "DiffPose, 1 frame (Gong et al., CVPR)", "2D detections", 37.6, 49.7),
    Published(2023, "DiffPose, 243 frames (Gong et al., CVPR)", "2D detections", 24.4, 36.9),
)


MOST_ROWS = 16
ROWS_TABLES = (
    ("MPJPE, 17 joints", "mpjpe_mm", "mm"),
    ("MPJPE, 16 joints without the root", "mpjpe_without_root_mm", "mm"),
    ("PA-MPJPE, after rotation, scale, shift", "pa_mpjpe_mm", "mm"),
    ("N-MPJPE, after scale", "n_mpjpe_mm", "mm"),
    ("median pose", "median_pose_mm", "mm"),
    ("worst 5 % of poses, from", "worst_5_percent_pose_mm", "mm"),
)
PCK_ROWS = (
    ("3DPCK, 17 joints within 150 mm", "pck_150mm", "%"),
    ("AUC, 0 to 150 mm", "auc_0_150mm", "%"),
)
PCK_ROWS_3DHP = (
    ("3DPCK, 14 joints below 150 mm, as MPI-INF-3DHP's papers", "pck_150mm", "%"),
    ("AUC, 0 to 150 mm, likewise", "auc_0_150mm", "%"),
)


def title_of(figures: dict[str, Any]) -> str:
    """What was scored, in one line: data, split, subjects, poses, joints."""
    made = "rendered people" if figures.get("synthetic") else "recorded people"
    subjects = figures.get("subjects") or []
    who = ", ".join(subjects) if len(subjects) <= 6 else f"{len(subjects)} subjects"
    return (
        f"{Path(figures['data']).name} ({made}), split {figures['split']}: {who}; "
        f"{figures['num_poses']:,} poses, {figures['num_joints']} joints"
    )


def score_rows(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(metric, weights, mean pose) as text with units, for the terminal and the page."""
    papers = figures.get("mpi_inf_3dhp")
    rows = _rows(ROWS_TABLES, figures) + (
        _rows(PCK_ROWS_3DHP, papers) if papers else _rows(PCK_ROWS, figures)
    )
    if figures["size_floor_mpjpe_mm"] is not None:
        floor_mm = shown(figures["size_floor_mpjpe_mm"], "mm")
        rows.append(("MPJPE of the true poses at one size for everybody", floor_mm, ""))
    if figures["mpjve_mm"] is not None:
        spacing = 1000 * figures["mpjve_spacing_s"]
        name = f"MPJVE per 50 Hz frame, measured {spacing:.0f} ms apart"
        rows.append(
            (name, f"{figures['mpjve_mm']:.2f} mm", f"{figures['mean_pose_mpjve_mm']:.2f} mm")
        )
    for axis, words in (("x", "right"), ("y", "down"), ("z", "forward")):
        value, baseline = figures["per_axis_mm"][axis], figures["mean_pose"]["per_axis_mm"][axis]
        rows.append(
            (f"mean error along {axis} ({words})", shown(value, "mm"), shown(baseline, "mm"))
        )
    for limbs in ("legs", "arms"):
        share = figures["left_right_swapped_share"][limbs]
        rows.append((f"{limbs} nearer with left and right swapped", shown(share, "%"), ""))
    if (within := figures.get("within_radius_share")) is not None:
        shares = " / ".join(shown(within[name], "%") for name in ("once", "twice"))
        rows.append(("joints within the radius said (68 %) / within twice of it", shares, ""))
    if (off_px := figures.get("keypoint_error_px")) is not None:
        rows.append(
            (
                "places in the crop off by, mean / median",
                f"{off_px['mean']:.1f} / {off_px['median']:.1f} px",
                "",
            )
        )
    return rows


def _rows(
    names: tuple[tuple[str, str, str], ...], figures: dict[str, Any]
) -> list[tuple[str, str, str]]:
    return [
        (name, shown(figures[key], unit), shown(figures["mean_pose"][key], unit))
        for name, key, unit in names
    ]


def pck_table(figures: dict[str, Any]) -> Table | None:
    """3DPCK and AUC by scene and activity, as MPI-INF-3DHP's papers have them; None for other
    data.
    """
    papers = figures.get("mpi_inf_3dhp")
    if papers is None:
        return None
    title = "14 joints, as MPI-INF-3DHP's papers"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in ("part", "poses", "3DPCK, 150 mm", "AUC, 0 to 150 mm"):
        table.add_column(name, justify="left" if name == "part" else "right")
    for group in ("per_scene", "per_activity"):
        table.add_section()
        for name, part in papers[group].items():
            shares = (shown(part[key], "%") for key in ("pck_150mm", "auc_0_150mm"))
            table.add_row(name, f"{part['num_poses']:,}", *shares)
    return table


def shown(value: float, unit: str) -> str:
    """A figure with its unit; shares (0..1) as percent."""
    return f"{100 * value:.1f} %" if unit == "%" else f"{value:.1f} {unit}"


def score_table(figures: dict[str, Any]) -> Table:
    """The main figures beside those of the mean training pose."""
    table = Table(title=title_of(figures), title_justify="left", title_style="bold")
    table.add_column("metric")
    table.add_column(Path(figures["weights"]).name, justify="right")
    table.add_column("mean pose", justify="right", style="dim")
    for row in score_rows(figures):
        table.add_row(*row)
    return table


def detail_table(figures: dict[str, Any]) -> Table:
    """MPJPE of every joint, action, subject and camera beside the mean pose's."""
    table = Table(title="MPJPE in parts, mm", title_justify="left", title_style="bold")
    for name in ("part", "poses", "MPJPE", "mean pose"):
        table.add_column(name, justify="left" if name == "part" else "right")
    for joint, value in figures["per_joint_mm"].items():
        baseline = figures["mean_pose"]["per_joint_mm"][joint]
        table.add_row(
            joint.replace("_", " "), f"{figures['num_poses']:,}", f"{value:.1f}", f"{baseline:.1f}"
        )
    for rows in group_rows(figures):
        table.add_section()
        for row in rows:
            table.add_row(*row)
    return table


def group_rows(figures: dict[str, Any]) -> list[list[tuple[str, str, str, str]]]:
    """(part, poses, MPJPE, mean pose's MPJPE) as text for each action, subject and camera, in mm.

    Of more than 16 only the four with the lowest and the four with the highest error; all are in
    evaluation.json.
    """
    groups = []
    for group in ("per_action", "per_subject", "per_camera"):
        parts = sorted(figures[group].items(), key=lambda entry: entry[1]["mpjpe_mm"])
        shortened = [*parts[:4], *parts[-4:]] if len(parts) > MOST_ROWS else sorted(parts)
        groups.append(
            [
                (
                    f"{group[4:]} {label}",
                    f"{p['num_poses']:,}",
                    f"{p['mpjpe_mm']:.1f}",
                    f"{p['mean_pose_mpjpe_mm']:.1f}",
                )
                for label, p in shortened
            ]
        )
    return groups


HUMAN36M = "Human3.6M"
ALL_ACTIONS = 15
WALKING = "Walking"


@dataclass(frozen=True)
class Column:
    """What every figure of one column has in common."""

    data: str
    """"Human3.6M", "MPI-INF-3DHP", "own recordings", or the name of a data set of rendered
    people.
    """
    split: str
    metric: str
    actions: str
    """"Walking", "15 actions" or "all activities"."""
    unit: str = "mm"

    def __str__(self) -> str:
        return f"{self.metric}, {self.unit}; {self.data}, {self.actions}; {self.split}"


@dataclass(frozen=True)
class Row:
    """One method: what it is, and its figures by column."""

    year: str
    method: str
    input: str
    frames_and_joints: str
    figures: tuple[tuple[Column, float], ...]


def published_row(row: Published) -> Row:
    """A published figure as a row of the table."""
    values = ((WALKING, row.walking_mm), (f"{ALL_ACTIONS} actions", row.all_actions_mm))
    figures = tuple(
        (Column(HUMAN36M, row.split, row.metric, actions), value)
        for actions, value in values
        if value is not None
    )
    return Row(str(row.year), row.method, row.input, row.joints, figures)


def run_row(evaluation: dict[str, Any]) -> Row:
    """An evaluation.json as a row: MPJPE over all 17 joints; of MPI-INF-3DHP its 3DPCK and AUC,
    too.

    The mean of the actions is the mean of their means, as the papers take it. Raises SettingsError
    if the file says too little of what was measured: it was written by an older posegrid.
    """
    lacking = [
        name
        for name in ("trained_subjects", "subjects", "frames", "per_action")
        if name not in evaluation
    ]
    if lacking:
        raise SettingsError(
            f"The evaluation of {evaluation.get('weights')} does not say its {', '.join(lacking)}: evaluate it again."
        )
    data = "rendered people" if evaluation["synthetic"] else evaluation.get("source", HUMAN36M)
    split = split_of(
        evaluation["trained_subjects"], evaluation["subjects"], recorded=data == HUMAN36M
    )
    metric = "MPJPE of universal poses" if evaluation.get("poses") == "universal" else "MPJPE"
    per_action = {name: part["mpjpe_mm"] for name, part in evaluation["per_action"].items()}
    figures = []
    if WALKING in per_action:
        figures.append((Column(data, split, metric, WALKING), per_action[WALKING]))
    if len(per_action) == ALL_ACTIONS:
        mean_mm = sum(per_action.values()) / ALL_ACTIONS
        figures.append((Column(data, split, metric, f"{ALL_ACTIONS} actions"), mean_mm))
    papers = evaluation.get("mpi_inf_3dhp")
    if papers:
        kind = "" if evaluation.get("poses") == "universal" else " of poses of true size"
        shares = (("3DPCK of 14 joints, 150 mm", "pck_150mm"), ("AUC of 14 joints", "auc_0_150mm"))
        everything = [(metric, evaluation["mpjpe_mm"], "mm")]
        everything += [(name + kind, 100 * papers[key], "%") for name, key in shares]
        figures += [
            (Column(data, split, name, "all activities", unit), value)
            for name, value, unit in everything
        ]
    about = f"{evaluation['num_joints']} with the root; {evaluation['num_poses']:,} poses, {evaluation['frames']}"
    return Row(
        "",
        f"{evaluation['network']} ({evaluation['weights']})",
        "grey image",
        about,
        tuple(figures),
    )


def split_of(trained: Sequence[str], tested: Sequence[str], *, recorded: bool) -> str:
    """The split in words; that of the published figures only if the run is measured exactly as they
    are.

    Training on fewer of the split's subjects, such as with one kept for validation, is no advantage
    and counts as it.
    """
    if recorded and set(trained) <= {"S1", "S5", "S6", "S7", "S8"} and set(tested) == {"S9", "S11"}:
        return USUAL
    if recorded and set(trained) <= {"S1", "S5", "S6", "S7", "S8", "S9"} and set(tested) == {"S11"}:
        return S11_ONLY
    return f"train {_people(trained)}, test {_people(tested)}"


def table_rows(rows: Sequence[Row]) -> tuple[list[Column], list[tuple[str, ...]]]:
    """The columns there are, and every row's cells: year, method, input, frames and joints, one for
    each column.

    Raises SettingsError if a row has two figures for one column.
    """
    columns = list(dict.fromkeys(column for row in rows for column, _ in row.figures))
    cells = []
    for row in rows:
        by_column = dict(row.figures)
        if len(by_column) < len(row.figures):
            raise SettingsError(
                f"{row.method} has two figures of one kind; a column holds one of each row."
            )
        values = (
            f"{by_column[column]:.2f}".removesuffix("0") if column in by_column else ""
            for column in columns
        )
        cells.append((row.year, row.method, row.input, row.frames_and_joints, *values))
    return columns, cells


def comparison_markdown(evaluation: dict[str, Any]) -> str:
    """The published figures and the run's, as a Markdown table; a sentence says where the run could
    not be compared.
    """
    own = run_row(evaluation)
    rows = [published_row(row) for row in ROWS]
    comparable = {column for row in rows for column, _ in row.figures}
    columns, cells = table_rows([*rows, own])
    head = ("year", "method", "input", "joints and frames", *map(str, columns))
    bold = [f"**{cell}**" if cell else "" for cell in cells[-1]]
    table = [head, ["---"] * len(head), *cells[:-1], bold]
    return "\n".join([*map(_line, table), "", *remarks(evaluation, own, comparable)]) + "\n"


def remarks(evaluation: dict[str, Any], own: Row, comparable: set[Column]) -> list[str]:
    """What a reader must know before comparing."""
    said = [f"- {warning}" for warning in evaluation.get("warnings", [])]
    if evaluation["synthetic"]:
        said.append(
            "- The run was measured on rendered people: no published figure can be compared with it."
        )
    elif not any(column in comparable for column, _ in own.figures):
        said.append(
            "- No published figure was measured on the split of this run: it stands in a column of its own."
        )
    return said


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _people(subjects: Sequence[str]) -> str:
    return " ".join(subjects) if 0 < len(subjects) <= 8 else f"{len(subjects)} subjects"
