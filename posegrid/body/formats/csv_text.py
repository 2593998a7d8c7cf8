"""CSV: one row per frame, a column for each number, its unit at the end of its name; empty where a number is missing.

The last column, `facts`, holds in the first row what is true of all frames (unit, axes, camera, rate ...) as JSON.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from posegrid.body.formats.json_text import shown
from posegrid.body.skeleton import JOINT_NAMES

FACTS = "facts"


def csv_text(arrays: Mapping[str, np.ndarray], facts: Mapping[str, object]) -> str:
    """All of the Track's numbers, exactly, and its facts."""
    columns = [arrays[array][(slice(None), *index)] for _, array, index in _columns()]
    rows = [[shown(value) for value in row] for row in zip(*columns, strict=True)]
    return table_text([name for name, _, _ in _columns()], rows, facts)


def table_text(names: list[str], rows: list[list[str]], facts: Mapping[str, object]) -> str:
    """A table with the facts in the first row of a column of their own."""
    with io.StringIO() as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, FACTS])
        for number, row in enumerate(rows):
            writer.writerow([*row, json.dumps(facts) if number == 0 else ""])
        return file.getvalue()


def from_csv(text: str, dtypes: Mapping[str, type]) -> tuple[dict[str, np.ndarray], Any]:
    """The arrays that `dtypes` names, and the facts. Raises ValueError for what is no such table."""
    try:
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
        facts = json.loads(rows[0][FACTS])
        columns = {name: [row[name] for row in rows] for name, _, _ in _columns()}
    except csv.Error as error:
        raise ValueError(str(error)) from error
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(f"there is no row, or no column {error}") from error
    parts: dict[str, list[np.ndarray]] = {}
    for name, array, _ in _columns():
        parts.setdefault(array, []).append(_numbers(name, columns[name], dtypes[array]))
    shapes = {"joints_mm": (-1, 3), "keypoints_px": (-1, 2)}
    arrays = {name: np.stack(part, axis=1) for name, part in parts.items()}
    for name in ("frame", "time_s"):
        arrays[name] = arrays[name][:, 0]
    return {name: array.reshape(len(rows), *shapes.get(name, array.shape[1:])) for name, array in arrays.items()}, facts


def _columns() -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """(name of the column, array, index into the array's row) in the order of the table."""
    yield "frame", "frame", ()
    yield "time_s", "time_s", ()
    for axis, letter in enumerate("xyz"):
        yield f"root_{letter}_mm", "root_mm", (axis,)
    for array, letters, unit in (("joints_mm", "xyz", "mm"), ("keypoints_px", "xy", "px")):
        for joint, name in enumerate(JOINT_NAMES):
            for axis, letter in enumerate(letters):
                yield f"{name}_{letter}_{unit}", array, (joint, axis)
    for joint, name in enumerate(JOINT_NAMES):
        yield f"{name}_sigma_mm", "sigma_mm", (joint,)
    for index, side in enumerate(("x0", "y0", "x1", "y1")):
        yield f"box_{side}_px", "box_xyxy", (index,)


def _numbers(name: str, cells: list[str | None], dtype: type) -> np.ndarray:
    """A column of numbers, empty cells as NaN."""
    try:
        if dtype is np.int64:
            return np.array([int(cell or "") for cell in cells], dtype=np.int64)
        return np.array([float(cell or "nan") for cell in cells]).astype(dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"column {name}: {error}") from error
