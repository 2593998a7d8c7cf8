"""CSV: one row per frame, a column for each number, its unit at the end of its name; empty where a
number is missing.

The last column, `facts`, holds in the first row what is true of all frames (unit, axes, camera,
rate ...) as JSON.

JSON: the Track's arrays and facts by their names, exactly; null where a number is missing.

The Track file: NumPy's `.npz` without pickled objects; the facts are JSON text in an array of that
name.
"""

import csv
import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from posegrid.body.skeleton import FEET_NAMES, HUMAN36M_21, JOINT_NAMES
from posegrid.untrusted import arrays_of_npz, object_of_json

FACTS = "facts"


def csv_text(arrays: Mapping[str, np.ndarray], facts: Mapping[str, object]) -> str:
    """All of the Track's numbers, exactly, and its facts."""
    columns = columns_of(arrays)
    rows = list(zip(*map(shown, columns.values()), strict=True))
    return table_text(list(columns), rows, facts)


def columns_of(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns of the table by their names, of the arrays that there are."""
    return {
        name: arrays[array][(slice(None), *index)]
        for name, array, index in _columns()
        if array in arrays
    }


def tidy_columns(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns of a table with a row for each frame and joint, one frame after another; with rows for
    heels and toes where there is an array of them.
    """
    count = len(arrays["frame"])
    feet_mm = arrays.get("feet_mm", np.zeros((count, 0, 3), np.float32))
    unsaid = np.full_like(feet_mm, np.nan)
    points_mm = np.concatenate([arrays["joints_mm"], feet_mm], axis=1)
    points_px = np.concatenate([arrays["keypoints_px"], unsaid[..., :2]], axis=1)
    joints = points_mm.shape[1]
    columns = {name: np.repeat(arrays[name], joints) for name in ("frame", "time_s")}
    columns["joint"] = np.tile(HUMAN36M_21.joint_names[:joints], count)
    for axis, letter in enumerate("xyz"):
        columns[f"{letter}_mm"] = points_mm[..., axis].ravel()
    for axis, letter in enumerate("xy"):
        columns[f"{letter}_px"] = points_px[..., axis].ravel()
    columns["sigma_mm"] = np.concatenate([arrays["sigma_mm"], unsaid[..., 0]], axis=1).ravel()
    columns["confidence"] = np.repeat(arrays["confidence"], joints)
    return columns


def table_text(names: list[str], rows: Sequence[Sequence[str]], facts: Mapping[str, object]) -> str:
    """A table with the facts in the first row of a column of their own."""
    with io.StringIO() as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, FACTS])
        for number, row in enumerate(rows):
            writer.writerow([*row, json.dumps(facts) if number == 0 else ""])
        return file.getvalue()


def from_csv(
    text: str, dtypes: Mapping[str, type], added: Collection[str] = ()
) -> tuple[dict[str, np.ndarray], Any]:
    """The arrays that `dtypes` names, NaN where a table lacks those that were `added` later; the
    facts.

    Raises ValueError for what is no such table.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
        facts = object_of_json(rows[0][FACTS])
        columns = {
            name: [row.get(name) if array in added else row[name] for row in rows]
            for name, array, _ in _columns()
        }
    except csv.Error as error:
        raise ValueError(str(error)) from error
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(f"there is no row, or no column {error}") from error
    parts: dict[str, list[np.ndarray]] = {}
    for name, array, _ in _columns():
        parts.setdefault(array, []).append(_numbers(name, columns[name], dtypes[array]))
    shapes = {"joints_mm": (-1, 3), "keypoints_px": (-1, 2), "feet_mm": (-1, 3)}
    arrays = {name: np.stack(part, axis=1) for name, part in parts.items()}
    for name in ("frame", "time_s", "confidence"):
        arrays[name] = arrays[name][:, 0]
    return {
        name: array.reshape(len(rows), *shapes.get(name, array.shape[1:]))
        for name, array in arrays.items()
    }, facts


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
    yield "confidence", "confidence", ()
    for point, name in enumerate(FEET_NAMES):
        for axis, letter in enumerate("xyz"):
            yield f"{name}_{letter}_mm", "feet_mm", (point, axis)


def _numbers(name: str, cells: list[str | None], dtype: type) -> np.ndarray:
    """A column of numbers, empty cells as NaN."""
    try:
        if dtype is np.int64:
            return np.array([int(cell or "") for cell in cells], dtype=np.int64)
        return np.array([float(cell or "nan") for cell in cells]).astype(dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"column {name}: {error}") from error


def json_text(arrays: Mapping[str, np.ndarray], facts: Mapping[str, object]) -> str:
    """One object with the facts and the arrays as nested lists."""
    return (
        json.dumps(
            {**facts, **{name: nested(array) for name, array in arrays.items()}}, allow_nan=False
        )
        + "\n"
    )


def from_json(
    text: str, dtypes: Mapping[str, type]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays that `dtypes` names, and everything else as facts. Raises ValueError for what is
    no such object.
    """
    facts = object_of_json(text)
    present = [name for name in dtypes if name in facts]
    return {name: _array(name, facts.pop(name), dtypes[name]) for name in present}, facts


def shown(values: np.ndarray) -> list[str]:
    """The shortest texts that read back as the same numbers; nothing for NaN."""
    return np.where(np.isnan(values), "", values.astype(str)).tolist()


def nested(values: np.ndarray) -> list[object]:
    """An array as nested lists of numbers whose text is the shortest that reads back as the same,
    None for NaN.
    """
    if values.dtype.kind in "iu":
        return values.tolist()
    exact = values.astype(str).astype(np.float64).astype(object)
    exact[np.isnan(values)] = None
    return exact.tolist()


def _array(name: str, values: object, dtype: type) -> np.ndarray:
    try:
        found = np.array(values)
        if found.dtype.kind in ("iu" if dtype is np.int64 else "iufO") or not found.size:
            return found.astype(dtype)  # None becomes NaN
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name}: {error}") from error
    raise ValueError(f"{name} holds no numbers of the right kind")


def npz_bytes(arrays: Mapping[str, np.ndarray], facts: Mapping[str, object]) -> bytes:
    """The arrays under their names and the facts."""
    with io.BytesIO() as file:
        np.savez_compressed(file, allow_pickle=False, facts=np.array(json.dumps(facts)), **arrays)
        return file.getvalue()


def from_npz(content: bytes, names: Collection[str]) -> tuple[dict[str, np.ndarray], Any]:
    """The arrays of these names and the facts. Raises one of `DAMAGED` for anything else than
    `npz_bytes` made.
    """
    arrays = arrays_of_npz(content, [*names, FACTS])
    return arrays, object_of_json(str(arrays.pop(FACTS)))
