"""Writes a table of results into a page of the documentation, from the JSON and CSV files that the
runs left.

    python scripts/results_table.py docs/results.md --table baselines --results runs/baselines
    python scripts/results_table.py docs/claim-table.md --table claim --results runs/claim
    python scripts/results_table.py docs/results.md --table weights --results runs/release

The page has a line `<!-- table: NAME -->` and a line `<!-- end: NAME -->`; what stands between them
is replaced.
"""

import csv
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro
from tyro.conf import Positional

from posegrid.errors import PosegridError, SettingsError, SourceError
from posegrid.files import write_text

BASELINES = {
    "knn_hog": "nearest neighbours on HOG",
    "kernel_ridge_hog": "kernel ridge on HOG",
    "report2015_small": "`report2015_small`",
    "report2015_large": "`report2015_large`",
    "lichan2014": "`lichan2014`",
    "posegrid_s_pose": "`posegrid_s`, direct regression",
    "posegrid_s_integral": "`posegrid_s`, integral (soft-argmax)",
    "posegrid_s_rle": "`posegrid_s`, RLE",
    "posegrid_s_bins": "`posegrid_s`, bins (SimCC)",
}
ARMS = {
    "scratch": ("from scratch", "scratch"),
    "convolutions": ("grid first, convolutions taken over", "scratch"),
    "all_but_head": ("grid first, all but the head taken over", "scratch"),
    "joint": ("grid and poses at once", "scratch"),
    "point": ("grid first, cells of the joints only (no bone rule)", "scratch"),
    "cells05": ("grid first, 5 x 5 cells", "scratch"),
    "cells20": ("grid first, 20 x 20 cells", "scratch"),
    "sgd_scratch": ("SGD, from scratch", "sgd_scratch"),
    "sgd_convolutions": ("SGD, grid first", "sgd_scratch"),
    "share25_scratch": ("25 % of the crops, from scratch", "share25_scratch"),
    "share25_convolutions": ("25 % of the crops, grid first on the same", "share25_scratch"),
    "share05_scratch": ("5 % of the crops, from scratch", "share05_scratch"),
    "share05_convolutions": ("5 % of the crops, grid first on the same", "share05_scratch"),
    "share05_from_all": ("5 % of the crops, grid first on all", "share05_scratch"),
}
"""Folder of an arm: what it is, and the arm that it is compared with."""
FIXED_SETS = ("walkers-test", "walkers-hard", "walkers-everybody")


@dataclass(frozen=True)
class Settings:
    """Which table to write where."""

    page: Positional[Path]
    """Markdown file with the two lines."""
    table: Literal["baselines", "claim", "weights"]
    results: Path
    """Folder that the runs wrote."""


@dataclass(frozen=True, eq=False)
class Arm:
    """One seed of one arm: its figures on the test people, and its curve on the validation
    people.
    """

    test: dict[str, Any]
    seconds: np.ndarray
    """CPU time of both stages at each look."""
    mpjpe_mm: np.ndarray

    @property
    def best_mm(self) -> float:
        """The best of the curve."""
        return float(self.mpjpe_mm.min())

    def at_mm(self, seconds: float) -> float:
        """The curve after so much CPU time."""
        return float(np.interp(seconds, self.seconds, self.mpjpe_mm))


def main(settings: Settings) -> None:
    """Replace the table."""
    lines = {"baselines": baselines_table, "claim": claim_table, "weights": weights_table}[
        settings.table
    ](settings.results)
    page = settings.page.read_text(encoding="utf-8")
    write_text(settings.page, with_table(page, settings.table, lines), "choose another page")
    print(f"{settings.page}: {settings.table}, {len(lines)} lines")


def with_table(page: str, name: str, lines: list[str]) -> str:
    """The page with these lines between the table's marks. SettingsError if it lacks one."""
    start, end = f"<!-- table: {name} -->\n", f"<!-- end: {name} -->"
    if page.count(start) != 1 or page.count(end) != 1 or page.index(end) < page.index(start):
        raise SettingsError(
            f"The page must have the lines {start.strip()} and {end} once each, in this order."
        )
    before, rest = page.split(start)
    return before + start + "\n".join(lines) + "\n" + end + rest.split(end)[1]


def baselines_table(results: Path) -> list[str]:
    """One row for each method that has results."""
    found = {
        name: read_json(results / name)
        for name in BASELINES
        if (results / name / "cost.json").is_file()
    }
    if not found:
        raise SourceError(f"{results} holds no results; runs/baselines.sh makes them.")
    any_test = next(iter(found.values()))
    head = (
        "method",
        "parameters",
        "multiply-adds",
        "CPU ms per crop",
        "training images",
        "training, CPU min",
    )
    rows = [(*head, "MPJPE", "N-MPJPE", "PA-MPJPE", "within 150 mm"), ("---", *["---:"] * 9)]
    rows.append(("mean pose", "51", "0", "0", "", "", *errors_of(any_test["mean_pose"])))
    for name, values in found.items():
        cost = (
            f"{values['parameters'] / 1e6:.2f} M",
            f"{values['multiply_adds'] / 1e6:.0f} M",
            f"{values['cpu_ms_per_crop']:.2f}",
            f"{values['training_images']:,}",
            f"{values['training_cpu_seconds'] / 60:.1f}",
        )
        rows.append((BASELINES[name], *cost, *errors_of(values)))
    return [*map(row_of, rows)]


def read_json(folder: Path) -> dict[str, Any]:
    """evaluation.json and cost.json of an arm."""
    return {
        **json.loads((folder / "evaluation.json").read_text()),
        **json.loads((folder / "cost.json").read_text()),
    }


def errors_of(values: dict[str, Any]) -> tuple[str, ...]:
    """The four figures as text, mm and %."""
    errors = (f"{values[name]:.1f}" for name in ("mpjpe_mm", "n_mpjpe_mm", "pa_mpjpe_mm"))
    return (*errors, f"{100 * values['pck_150mm']:.1f} %")


def weights_table(results: Path) -> list[str]:
    """The shipped weights on the fixed sets, from evaluation_SET/evaluation.json."""
    paths = [results / f"evaluation_{name}" / "evaluation.json" for name in FIXED_SETS]
    if missing := [path for path in paths if not path.is_file()]:
        raise SourceError(f"{missing[0]} is missing; runs/release.sh makes it.")
    sets = [json.loads(path.read_text()) for path in paths]
    rows: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("crops", lambda its: f"{its['num_poses']:,}"),
        ("MPJPE", lambda its: f"{its['mpjpe_mm']:.1f}"),
        (
            "MPJPE of the true poses at one size for everybody (the floor that a crop leaves)",
            floor_of,
        ),
        ("N-MPJPE (after scale)", lambda its: f"{its['n_mpjpe_mm']:.1f}"),
        ("PA-MPJPE (after rotation, scale, shift)", lambda its: f"{its['pa_mpjpe_mm']:.1f}"),
        ("3DPCK, within 150 mm", lambda its: percent(its["pck_150mm"])),
        (
            "mean error along x / y / z",
            lambda its: " / ".join(f"{its['per_axis_mm'][axis]:.1f}" for axis in "xyz"),
        ),
        (
            "legs, arms nearer with left and right exchanged",
            lambda its: percents(its["left_right_swapped_share"]),
        ),
        ("joints within the stated radius (68 %), within twice of it (95 %)", within_of),
        ("places in the crop of 128 px off by, mean / median", places_of),
        ("mean pose's MPJPE", lambda its: f"{its['mean_pose_mpjpe_mm']:.1f}"),
    ]
    head = [row_of(("mm", *FIXED_SETS)), row_of(("---", *["---:"] * len(sets)))]
    return [*head, *(row_of((name, *map(value, sets))) for name, value in rows)]


def floor_of(its: dict[str, Any]) -> str:
    """The floor and what the weights add to it."""
    return f"{its['size_floor_mpjpe_mm']:.1f} (the weights: {its['mpjpe_mm'] - its['size_floor_mpjpe_mm']:+.1f})"


def within_of(its: dict[str, Any]) -> str:
    """Two shares; empty for weights that state no radius."""
    return percents(its["within_radius_share"] or {})


def places_of(its: dict[str, Any]) -> str:
    """Mean and median in pixels; empty for weights that do not say places."""
    return " / ".join(f"{value:.1f}" for value in (its["keypoint_error_px"] or {}).values())


def percents(shares: dict[str, float]) -> str:
    """Several shares as text."""
    return ", ".join(percent(share) for share in shares.values())


def percent(share: float) -> str:
    """A share (0..1) as text."""
    return f"{100 * share:.1f} %"


def claim_table(results: Path) -> list[str]:
    """A table for each network: every arm, beside the arm from scratch that it is to be compared
    with.
    """
    lines: list[str] = []
    for network in sorted(path.name for path in results.glob("*") if path.is_dir()):
        arms = {name: read_arms(results / network / name) for name in ARMS}
        rows = [row_of(claim_row(name, arms)) for name in ARMS if arms[name]]
        head = (
            "`" + network + "`",
            "validation",
            "test",
            "test, N-MPJPE",
            "CPU s",
            "equal images",
            "equal time",
            "seeds",
        )
        lines += [row_of(head), row_of(("---", *["---:"] * 7)), *rows, ""] if rows else []
    if not lines:
        raise SourceError(f"{results} holds no results; runs/claim.sh makes them.")
    return lines[:-1]


def claim_row(name: str, arms: dict[str, dict[str, Arm]]) -> tuple[str, ...]:
    """One arm: figures with their spread over seeds, and what it gains on its arm from scratch,
    seed by seed.
    """
    (words, other), own = ARMS[name], arms[name]
    pairs = [
        (arm, arms[other][seed])
        for seed, arm in own.items()
        if name != other and seed in arms[other]
    ]

    def of(value: Callable[[Arm], float]) -> str:
        return spread([value(arm) for arm in own.values()])

    return (
        words,
        of(lambda arm: arm.best_mm),
        of(lambda arm: arm.test["mpjpe_mm"]),
        of(lambda arm: arm.test["n_mpjpe_mm"]),
        f"{statistics.mean(arm.seconds[-1] for arm in own.values()):.0f}",
        spread([arm.best_mm - scratch.best_mm for arm, scratch in pairs], sign="+"),
        spread([gain_at_equal_time_mm(arm, scratch) for arm, scratch in pairs], sign="+"),
        str(len(own)),
    )


def gain_at_equal_time_mm(arm: Arm, scratch: Arm) -> float:
    """Difference of the two curves when the first of the two had ended, mm; below zero, the arm is
    better.
    """
    seconds = min(arm.seconds[-1], scratch.seconds[-1])
    return arm.at_mm(seconds) - scratch.at_mm(seconds)


def read_arms(folder: Path) -> dict[str, Arm]:
    """The finished seeds of an arm."""
    return {path.parent.name: read_arm(path) for path in sorted(folder.glob("*/evaluation.json"))}


def read_arm(path: Path) -> Arm:
    """An arm from its evaluation.json and the metrics.csv beside it."""
    with path.with_name("metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    seconds, mpjpe_mm = (
        [float(row[name]) for row in rows] for name in ("total_cpu_seconds", "validation_mpjpe_mm")
    )
    return Arm(json.loads(path.read_text()), np.array(seconds), np.array(mpjpe_mm))


def spread(values: list[float], sign: str = "") -> str:
    """Mean and standard deviation as text."""
    if not values:
        return ""
    mean = f"{statistics.mean(values):{sign}.1f}"
    return f"{mean} ± {statistics.stdev(values):.1f}" if len(values) > 1 else mean


def row_of(cells: tuple[str, ...]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    try:
        main(tyro.cli(Settings, description=__doc__))
    except PosegridError as error:
        sys.exit(f"results_table: {error}")
