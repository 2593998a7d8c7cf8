"""A Track as a file for other programs: CSV and JSON for scripts, TRC for biomechanics.

- `.csv`: one row per frame; a column for each number, its unit at the end of its name; empty where nobody was found.
- `.json`: the Track's own arrays and facts by their names (see `body/track.py`), null where a number is missing.
- `.trc`: marker positions as OpenSim reads them, metres, x right, y up, z towards the camera, the camera's centre the
  origin; frames without a person are empty.
"""

import json
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from posegrid.body.skeleton import JOINT_NAMES
from posegrid.body.track import Track
from posegrid.errors import OutputError
from posegrid.files import completed

Format = Literal["csv", "json", "trc"]


def write_track_file(track: Track, path: Path) -> None:
    """Write the Track in the format that the file's name ends in: .csv, .json or .trc. Raises OutputError."""
    makers = {".csv": csv_text, ".json": json_text, ".trc": trc_text}
    if path.suffix not in makers:
        raise OutputError(f"{path}: expected a name that ends in {', '.join(makers)}.")
    try:
        with completed(path) as temporary:
            temporary.write_text(makers[path.suffix](track, path.name), encoding="utf-8", newline="")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another --out.") from error


def csv_text(track: Track, _name: str) -> str:
    """All of the Track's numbers, exactly: one row per frame."""
    columns: dict[str, np.ndarray] = {"frame": track.frame, "time_s": track.time_s}
    for axis, letter in enumerate("xyz"):
        columns[f"root_{letter}_mm"] = track.root_mm[:, axis]
    for joint, name in enumerate(JOINT_NAMES):
        for axis, letter in enumerate("xyz"):
            columns[f"{name}_{letter}_mm"] = track.joints_mm[:, joint, axis]
    for joint, name in enumerate(JOINT_NAMES):
        for axis, letter in enumerate("xy"):
            columns[f"{name}_{letter}_px"] = track.keypoints_px[:, joint, axis]
    columns |= {f"{name}_sigma_mm": track.sigma_mm[:, joint] for joint, name in enumerate(JOINT_NAMES)}
    columns |= {f"box_{side}_px": track.box_xyxy[:, index] for index, side in enumerate(("x0", "y0", "x1", "y1"))}
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(_shown, row)) for row in rows)]) + "\n"


def json_text(track: Track, _name: str) -> str:
    """The Track's arrays, exactly, and its facts."""
    arrays = {name: _nested(array) for name, array in track.arrays().items()}
    return json.dumps({**track.facts(), "joint_names": JOINT_NAMES, **arrays}, allow_nan=False) + "\n"


def trc_text(track: Track, name: str) -> str:
    """Joints as markers in metres, x right, y up, z towards the camera (OpenSim, "Marker (.trc) Files")."""
    places_m = turned_upright(track.joints_mm + track.root_mm[:, None]) / 1000
    rate = f"{track.fps:.6f}"
    count = str(len(track))
    head = [
        ["PathFileType", "4", "(X/Y/Z)", name],
        ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate", "OrigDataStartFrame"]
        + ["OrigNumFrames"],
        [rate, rate, count, str(len(JOINT_NAMES)), "m", rate, "1", count],
        ["Frame#", "Time", *(cell for joint in JOINT_NAMES for cell in (joint, "", ""))],
        ["", "", *(f"{letter}{number}" for number in range(1, len(JOINT_NAMES) + 1) for letter in "XYZ")],
        [],
    ]
    rows = [
        [str(int(frame) + 1), f"{time:.6f}", *("" if np.isnan(value) else f"{value:.6f}" for value in place.ravel())]
        for frame, time, place in zip(track.frame, track.time_s, places_m, strict=True)
    ]
    return "\n".join("\t".join(cells) for cells in [*head, *rows]) + "\n"


def turned_upright(points_cam: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Points of the camera frame (x right, y down, z forward) with x right, y up, z towards the camera."""
    return points_cam * np.array([1.0, -1.0, -1.0])


def _shown(value: np.generic) -> str:
    """The shortest text that reads back as the same number; nothing for NaN."""
    return "" if np.isnan(value) else str(value)


def _nested(values: np.ndarray | np.generic) -> object:
    """An array as nested lists of numbers whose text is the shortest that reads back as the same, None for NaN."""
    if isinstance(values, np.ndarray):
        return [_nested(part) for part in values]
    text = _shown(values)
    return json.loads(text) if text else None
