"""A run beside the published figures, in one table that never mixes what was measured differently."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from posegrid.errors import SettingsError
from posegrid.results.published import ROWS, S11_ONLY, USUAL, Published

HUMAN36M = "Human3.6M"
ALL_ACTIONS = 15
WALKING = "Walking"


@dataclass(frozen=True)
class Column:
    """What every figure of one column has in common."""

    data: str
    """"Human3.6M", "MPI-INF-3DHP", "own recordings", or the name of a data set of rendered people."""
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
        (Column(HUMAN36M, row.split, row.metric, actions), value) for actions, value in values if value is not None
    )
    return Row(str(row.year), row.method, row.input, row.joints, figures)


def run_row(evaluation: dict[str, Any]) -> Row:
    """An evaluation.json as a row: MPJPE over all 17 joints; of MPI-INF-3DHP its 3DPCK and AUC, too.

    The mean of the actions is the mean of their means, as the papers take it. Raises SettingsError if the file says too
    little of what was measured: it was written by an older posegrid.
    """
    lacking = [name for name in ("trained_subjects", "subjects", "frames", "per_action") if name not in evaluation]
    if lacking:
        raise SettingsError(
            f"The evaluation of {evaluation.get('weights')} does not say its {', '.join(lacking)}: evaluate it again."
        )
    data = "rendered people" if evaluation["synthetic"] else evaluation.get("source", HUMAN36M)
    split = split_of(evaluation["trained_subjects"], evaluation["subjects"], recorded=data == HUMAN36M)
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
        figures += [(Column(data, split, name, "all activities", unit), value) for name, value, unit in everything]
    about = f"{evaluation['num_joints']} with the root; {evaluation['num_poses']:,} poses, {evaluation['frames']}"
    return Row("", f"{evaluation['network']} ({evaluation['weights']})", "grey image", about, tuple(figures))


def split_of(trained: Sequence[str], tested: Sequence[str], *, recorded: bool) -> str:
    """The split in words; that of the published figures only if the run is measured exactly as they are.

    Training on fewer of the split's subjects, such as with one kept for validation, is no advantage and counts as it.
    """
    if recorded and set(trained) <= {"S1", "S5", "S6", "S7", "S8"} and set(tested) == {"S9", "S11"}:
        return USUAL
    if recorded and set(trained) <= {"S1", "S5", "S6", "S7", "S8", "S9"} and set(tested) == {"S11"}:
        return S11_ONLY
    return f"train {_people(trained)}, test {_people(tested)}"


def table_rows(rows: Sequence[Row]) -> tuple[list[Column], list[tuple[str, ...]]]:
    """The columns there are, and every row's cells: year, method, input, frames and joints, one for each column.

    Raises SettingsError if a row has two figures for one column.
    """
    columns = list(dict.fromkeys(column for row in rows for column, _ in row.figures))
    cells = []
    for row in rows:
        by_column = dict(row.figures)
        if len(by_column) < len(row.figures):
            raise SettingsError(f"{row.method} has two figures of one kind; a column holds one of each row.")
        values = (f"{by_column[column]:.2f}".removesuffix("0") if column in by_column else "" for column in columns)
        cells.append((row.year, row.method, row.input, row.frames_and_joints, *values))
    return columns, cells


def comparison_markdown(evaluation: dict[str, Any]) -> str:
    """The published figures and the run's, as a Markdown table; a sentence says where the run could not be compared."""
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
        said.append("- The run was measured on rendered people: no published figure can be compared with it.")
    elif not any(column in comparable for column, _ in own.figures):
        said.append("- No published figure was measured on the split of this run: it stands in a column of its own.")
    return said


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _people(subjects: Sequence[str]) -> str:
    return " ".join(subjects) if 0 < len(subjects) <= 8 else f"{len(subjects)} subjects"
