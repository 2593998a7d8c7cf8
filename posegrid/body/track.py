"""The Track: poses over time, and the file that carries them. All that drawing, scoring and exporting know.

The Track file is an `.npz` without pickled objects. Its arrays and their names are stable:

    frame         (T,)       int64    index of the frame in the source, from 0
    time_s        (T,)       float64  time of the frame, from the container
    joints_mm     (T, 17, 3) float32  camera frame, relative to the pelvis; NaN rows where nobody was found
    root_mm       (T, 3)     float32  the pelvis in the camera frame, or NaN
    keypoints_px  (T, 17, 2) float32  in the source picture
    sigma_mm      (T, 17)    float32  expected error of each joint, or NaN where the weights do not say
    box_xyxy      (T, 4)     float32  the person's box in the source picture, half open
    facts         JSON text: format, skeleton, unit, axes, fps, camera, camera_assumed, weights, source, version
"""

import json
import struct
import zipfile
import zlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from posegrid import __version__
from posegrid.body.camera import Camera
from posegrid.body.skeleton import NUM_JOINTS, SKELETON
from posegrid.errors import OutputError, SourceError
from posegrid.files import completed

TRACK_FORMAT = 1
DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError, NotImplementedError, RuntimeError, MemoryError)
DAMAGED += (struct.error, zipfile.BadZipFile, zlib.error, SyntaxError)
"""What numpy and zipfile raise on damaged bytes."""
UNIT = "mm"
AXES = "camera: x right, y down, z forward"


@dataclass(frozen=True, eq=False)
class Track:
    """Poses of one person over time; arrays as in the module's table, T frames."""

    frame: Int[np.ndarray, "T"]
    time_s: Float[np.ndarray, "T"]
    joints_mm: Float[np.ndarray, "T 17 3"]
    root_mm: Float[np.ndarray, "T 3"]
    keypoints_px: Float[np.ndarray, "T 17 2"]
    sigma_mm: Float[np.ndarray, "T 17"]
    box_xyxy: Float[np.ndarray, "T 4"]
    camera: Camera
    fps: float
    """Mean frame rate of the source, frames per second; `time_s` is exact."""
    weights: str
    """Name of the weights that made the estimate."""
    source: str
    """Name of the video."""
    camera_assumed: bool = True
    """The intrinsics were not given but assumed from a field of view."""

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def found(self) -> Bool[np.ndarray, "T"]:
        """True where a person was found."""
        return np.asarray(np.isfinite(self.joints_mm).all(axis=(1, 2)))

    def save(self, path: Path) -> None:
        """Write the Track file; it appears under its name only when complete. Raises OutputError."""
        try:
            with completed(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, facts=np.array(json.dumps(self.facts())), **self.arrays())
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another --out") from error

    def arrays(self) -> dict[str, np.ndarray]:
        """The Track's arrays by name, as the file holds them."""
        return {name: np.asarray(getattr(self, name), dtype=dtype) for name, (dtype, _) in _ARRAYS.items()}

    def facts(self) -> dict[str, object]:
        """What the file says besides the arrays, as JSON holds it."""
        camera = {f.name: np.asarray(getattr(self.camera, f.name)).tolist() for f in fields(Camera)}
        return {
            "format": TRACK_FORMAT,
            "skeleton": SKELETON,
            "unit": UNIT,
            "axes": AXES,
            "fps": self.fps,
            "camera": camera,
            "camera_assumed": self.camera_assumed,
            "weights": self.weights,
            "source": self.source,
            "posegrid_version": __version__,
        }

    @staticmethod
    def load(path: Path) -> "Track":
        """The Track in a file. Raises SourceError if there is none, or one of another format or skeleton."""
        if not path.is_file():
            raise SourceError(f"{path}: no such track file; `posegrid predict VIDEO` writes one")
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                content = {name: file[name] for name in file.files}
            facts = json.loads(str(content["facts"]))
        except DAMAGED as error:
            raise SourceError(f"{path}: not a track file of posegrid ({error})") from error
        _check(path, facts, content)
        arrays = {name: content[name].astype(dtype) for name, (dtype, _) in _ARRAYS.items()}
        stored = facts["camera"]
        camera = Camera(
            focal_px=tuple(stored["focal_px"]),
            principal_px=tuple(stored["principal_px"]),
            size_wh=tuple(stored["size_wh"]),
            distortion=tuple(stored["distortion"]),
            rot_world_to_cam=np.array(stored["rot_world_to_cam"]),
            centre_world_mm=np.array(stored["centre_world_mm"]),
        )
        keys = ("fps", "weights", "source", "camera_assumed")
        return Track(**arrays, camera=camera, **{key: facts[key] for key in keys})


_ARRAYS: dict[str, tuple[type, tuple[int, ...]]] = {
    "frame": (np.int64, ()),
    "time_s": (np.float64, ()),
    "joints_mm": (np.float32, (NUM_JOINTS, 3)),
    "root_mm": (np.float32, (3,)),
    "keypoints_px": (np.float32, (NUM_JOINTS, 2)),
    "sigma_mm": (np.float32, (NUM_JOINTS,)),
    "box_xyxy": (np.float32, (4,)),
}


def _check(path: Path, facts: dict, content: dict[str, np.ndarray]) -> None:
    """Raise SourceError unless the file is of this format and skeleton, its arrays complete and of one length."""
    if facts.get("format") != TRACK_FORMAT or facts.get("skeleton") != SKELETON:
        raise SourceError(
            f"{path}: format {facts.get('format')}, skeleton {facts.get('skeleton')}; "
            f"expected format {TRACK_FORMAT}, skeleton {SKELETON}; make the track anew with this version"
        )
    missing = [name for name in _ARRAYS if name not in content]
    if missing:
        raise SourceError(f"{path}: the arrays {', '.join(missing)} are missing; make the track anew")
    length = len(content["frame"])
    for name, (_, shape) in _ARRAYS.items():
        if content[name].shape != (length, *shape):
            raise SourceError(f"{path}: {name} has shape {content[name].shape}, expected {(length, *shape)}")
