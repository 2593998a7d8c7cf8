"""What a Track's file holds, and the one check of all that is read from such a file or written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from posegrid.body.camera import HUMAN36M_TANGENTIAL, Camera
from posegrid.body.contacts import checked_contacts
from posegrid.body.formats.text import from_csv, from_json, from_npz
from posegrid.body.skeleton import FEET_NAMES, NUM_JOINTS, SKELETON
from posegrid.errors import OutputError, SourceError
from posegrid.untrusted import DAMAGED, number, numbers, of_type, text_of, texts, whole_number

TRACK_FORMAT = 1
ARRAYS: dict[str, tuple[type, tuple[int, ...]]] = {
    "frame": (np.int64, ()),
    "time_s": (np.float64, ()),
    "joints_mm": (np.float32, (NUM_JOINTS, 3)),
    "root_mm": (np.float32, (3,)),
    "keypoints_px": (np.float32, (NUM_JOINTS, 2)),
    "sigma_mm": (np.float32, (NUM_JOINTS,)),
    "box_xyxy": (np.float32, (4,)),
    "confidence": (np.float32, ()),
    "feet_mm": (np.float32, (len(FEET_NAMES), 3)),
}
ADDED = ("confidence", "feet_mm")
"""Arrays that files may lack: NaN then. Those of posegrid 0.1 have no confidence."""
WHERE_KNOWN = ("feet_mm",)
"""Arrays that are written only where they say something."""
MOST_PIXELS_ASIDE, LONGEST_S, MOST_FPS, FARTHEST_MM = 100_000, 1e9, 1e6, 1e8


def load_values(path: Path) -> dict[str, Any]:
    """The fields of the Track in a .npz, .json or .csv file.

    Raises SourceError if there is none, one of another format or skeleton, or one that says what no
    Track can: where in it, and what was expected.
    """
    ending = path.suffix.lower()
    if ending not in (".npz", ".json", ".csv"):
        raise SourceError(f"{path}: expected a track file, whose name ends in .npz, .json or .csv")
    if not path.is_file():
        raise SourceError(f"{path}: no such track file; `posegrid predict VIDEO` writes one")
    try:
        arrays, facts = _read(path, ending)
    except DAMAGED as error:
        raise SourceError(f"{path}: not a track file of posegrid ({error})") from error
    _check_kind(path, facts)
    try:
        arrays = _checked_arrays(arrays)
        return {**arrays, **_checked_facts(facts, arrays["frame"])}
    except DAMAGED as error:
        said = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise SourceError(f"{path}: is damaged ({said}); make the track anew") from error


def check_values(path: Path, arrays: dict[str, np.ndarray], facts: dict[str, object]) -> None:
    """Raises OutputError for what `load_values` would refuse; facts as JSON holds them."""
    try:
        _checked_facts(json.loads(json.dumps(facts)), _checked_arrays(arrays)["frame"])
    except DAMAGED as error:
        raise OutputError(
            f"{path}: no track file can hold this ({error}); mend the track before it is saved."
        ) from error


def _read(path: Path, ending: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if ending == ".npz":
        return from_npz(path.read_bytes(), list(ARRAYS))
    dtypes = {name: dtype for name, (dtype, _) in ARRAYS.items()}
    text = text_of(path, None)
    return from_json(text, dtypes) if ending == ".json" else from_csv(text, dtypes, ADDED)


def _check_kind(path: Path, facts: dict[str, Any]) -> None:
    if "format" not in facts or "skeleton" not in facts:
        raise SourceError(
            f"{path}: not a track file of posegrid; `posegrid predict` makes them (.npz, .json, .csv)"
        )
    stated, skeleton = facts["format"], facts["skeleton"]
    if type(stated) is not int or stated != TRACK_FORMAT or skeleton != SKELETON:
        raise SourceError(
            f"{path}: format {stated}, skeleton {skeleton}; "
            f"expected format {TRACK_FORMAT}, skeleton {SKELETON}; make the track anew with this version"
        )


# --- arrays


def _checked_arrays(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All arrays, of one length and with numbers that can be."""
    missing = [name for name in ARRAYS if name not in found and name not in ADDED]
    if missing:
        raise ValueError(f"the arrays {', '.join(missing)} are missing")
    length = found["frame"].size
    for name in ADDED:
        found.setdefault(name, np.full((length, *ARRAYS[name][1]), np.nan))
    arrays = {}
    for name, (dtype, shape) in ARRAYS.items():
        array = found[name]
        if array.shape != (length, *shape):
            raise ValueError(f"{name} has shape {array.shape}, expected {(length, *shape)}")
        if array.dtype.kind not in ("iu" if dtype is np.int64 else "iuf"):
            raise ValueError(f"{name} holds {array.dtype}, expected {np.dtype(dtype)}")
        arrays[name] = array.astype(dtype, copy=False)
    _check_order(arrays["frame"], arrays["time_s"])
    for name, (low, high) in _LIMITS.items():
        bad = (arrays[name] < low) | (arrays[name] > high)  # NaN is neither: it is not known
        _refuse_rows(bad.reshape(length, -1).any(axis=1), name, f"{low:g} to {high:g}")
    return arrays


_LIMITS = {
    "joints_mm": (-FARTHEST_MM, FARTHEST_MM),
    "root_mm": (-FARTHEST_MM, FARTHEST_MM),
    "keypoints_px": (-FARTHEST_MM, FARTHEST_MM),
    "sigma_mm": (0.0, FARTHEST_MM),
    "box_xyxy": (-FARTHEST_MM, FARTHEST_MM),
    "confidence": (0.0, 1.0),
    "feet_mm": (-FARTHEST_MM, FARTHEST_MM),
}


def _check_order(frame: np.ndarray, time_s: np.ndarray) -> None:
    _refuse_rows((frame < 0) | (frame > 2**53), "frame", "whole numbers from 0")
    _refuse_rows(~(np.abs(time_s) <= LONGEST_S), "time_s", "seconds")
    for name, values in (("frame", frame), ("time_s", time_s)):
        late = np.concatenate([[False], np.diff(values) <= 0]) if len(values) else np.zeros(0, bool)
        _refuse_rows(late, name, "more than in the row before")


def _refuse_rows(bad: np.ndarray, name: str, expected: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"row {row}: {name} cannot be, expected {expected}")


# --- facts


def _checked_facts(facts: dict[str, Any], frame: np.ndarray) -> dict[str, Any]:
    """The fields that are no arrays; what files of before lack has its default."""
    filled = of_type(facts.get("filled_frames", []), list, "filled_frames")
    there = set(frame.tolist())
    if any(type(entry) is not int or entry not in there for entry in filled):
        raise ValueError("filled_frames names frames that are not there")
    fps = number(facts["fps"], "fps", 0.0, MOST_FPS)
    if fps == 0 and len(frame):
        raise ValueError("fps is 0, expected frames per second")
    stated: dict[str, Callable[[str], Any]] = {
        "weights": lambda name: of_type(facts[name], str, name),
        "source": lambda name: of_type(facts[name], str, name),
        "camera_assumed": lambda name: of_type(facts[name], bool, name),
        "scale_known": lambda name: of_type(facts.get(name, False), bool, name),
        "camera_fixed": lambda name: of_type(facts.get(name, True), bool, name),
        "raw": lambda name: of_type(facts.get(name, False), bool, name),
        "warnings": lambda name: texts(facts.get(name, []), name),
    }
    values = {name: read(name) for name, read in stated.items()}
    contacts = checked_contacts(facts.get("contacts", []), frame)
    values |= {"fps": fps, "filled_frames": tuple(filled), "contacts": contacts}
    return {**values, "camera": _camera(facts)}


def _camera(facts: dict[str, Any]) -> Camera:
    said = of_type(facts["camera"], dict, "camera")
    fx, fy = numbers(said["focal_px"], "focal_px", (2,)).tolist()
    cx, cy = numbers(said["principal_px"], "principal_px", (2,)).tolist()
    width, height = of_type(said["size_wh"], list, "size_wh")
    size_wh = tuple(whole_number(s, "size_wh", 1, MOST_PIXELS_ASIDE) for s in (width, height))
    if min(fx, fy) <= 0:
        raise ValueError(f"focal_px is {(fx, fy)}, expected numbers above 0")
    rotation = numbers(said["rot_world_to_cam"], "rot_world_to_cam", (3, 3))
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3):
        raise ValueError("rot_world_to_cam is no rotation")
    return Camera(
        focal_px=(fx, fy),
        principal_px=(cx, cy),
        size_wh=(size_wh[0], size_wh[1]),
        distortion=tuple(numbers(said["distortion"], "distortion", (5,)).tolist()),
        rot_world_to_cam=rotation,
        centre_world_mm=numbers(said["centre_world_mm"], "centre_world_mm", (3,)),
        tangential=number(said.get("tangential", HUMAN36M_TANGENTIAL), "tangential", 0, 10),
    )
