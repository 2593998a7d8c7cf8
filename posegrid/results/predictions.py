"""The predictions of one network for one split, in a file: predict once, score as often as you
like.
"""

import json
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from posegrid import __version__
from posegrid.body.skeleton import NUM_JOINTS, SKELETON
from posegrid.errors import OutputError, SourceError
from posegrid.files import completed

PREDICTIONS_FORMAT = 2
NAME = "predictions.npz"


@dataclass(frozen=True, eq=False)
class Predictions:
    """N poses, estimated and true, each with the frame it belongs to.

    Poses are root-relative, in mm, in the source camera's frame (x right, y down, z forward),
    whatever the network answers in. Rows are sorted by sequence, camera and frame.
    """

    pose_pred_cam_mm: Float[np.ndarray, "N 17 3"]
    pose_true_cam_mm: Float[np.ndarray, "N 17 3"]
    pose_mean_cam_mm: Float[np.ndarray, "N 17 3"]
    """The mean pose of the training crops in the frame the network answers in, turned into each
    row's camera.
    """
    sigma_mm: Float[np.ndarray, "N 17"]
    """Radius that holds the true joint with a chance of 68 %, as the weights say; NaN where they do
    not.
    """
    keypoint_error_px: Float[np.ndarray, "N 17"]
    """How far off the joints' places in the crop are, in its pixels; NaN where the weights do not
    say them.
    """
    subject: np.ndarray
    """(N,) text, as are action and camera_id."""
    action: np.ndarray
    camera_id: np.ndarray
    subaction: Int[np.ndarray, "N"]
    frame_index: Int[np.ndarray, "N"]
    time_s: Float[np.ndarray, "N"]
    facts: dict[str, Any]
    """weights, data, split, subjects and what else evaluation.json should repeat."""

    def __len__(self) -> int:
        return len(self.frame_index)

    @property
    def sequence(self) -> np.ndarray:
        """(N,) names of sequence and camera, such as "S9 Walking 1 54138969"."""
        return sequence_names(self.subject, self.action, self.subaction, self.camera_id)

    def follows(self) -> Bool[np.ndarray, "pairs"]:
        """For rows i and i + 1: is the second the next frame of the first's sequence and camera, at
        the usual spacing?

        Usual is the commonest distance in frames: 1 for every frame, 5 where every fifth was kept.
        """
        same = self.sequence[1:] == self.sequence[:-1]
        gap = np.diff(self.frame_index)
        if not same.any():
            return same
        values, counts = np.unique(gap[same], return_counts=True)
        return same & (gap == values[counts.argmax()])

    def save(self, path: Path) -> None:
        """Write the file; it appears under its name only when complete. Raises OutputError."""
        facts = {
            **self.facts,
            "format": PREDICTIONS_FORMAT,
            "skeleton": SKELETON,
            "posegrid_version": __version__,
        }
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        try:
            with completed(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, **arrays, facts=np.array(json.dumps(facts)))
        except OSError as error:
            raise OutputError(
                f"{path}: cannot be written ({error.strerror}); choose another --out."
            ) from error

    @staticmethod
    def load(path: Path) -> "Predictions":
        """The predictions in a file. Raises SourceError if there are none, or of another format or
        skeleton.
        """
        if not path.is_file():
            raise SourceError(f"{path}: no such file; `posegrid evaluate` writes it.")
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in _ARRAYS}
                facts = json.loads(str(file["facts"]))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise SourceError(
                f"{path}: not a file of predictions ({error}); evaluate again."
            ) from error
        if facts.get("format") != PREDICTIONS_FORMAT or facts.get("skeleton") != SKELETON:
            raise SourceError(
                f"{path}: format {facts.get('format')}, skeleton {facts.get('skeleton')}; expected format "
                f"{PREDICTIONS_FORMAT}, skeleton {SKELETON}. Evaluate again with this version."
            )
        length = len(arrays["frame_index"])
        for name, array in arrays.items():
            expected = (length, NUM_JOINTS, 3) if name.startswith("pose_") else (length,)
            expected = (
                (length, NUM_JOINTS) if name in ("sigma_mm", "keypoint_error_px") else expected
            )
            if array.shape != expected:
                raise SourceError(
                    f"{path}: {name} has the shape {array.shape}, expected {expected}; evaluate again."
                )
        return Predictions(**arrays, facts=facts)


def sequence_names(
    subject: np.ndarray, action: np.ndarray, subaction: np.ndarray, camera_id: np.ndarray
) -> np.ndarray:
    """(N,) names of the sequence and camera that each row belongs to, such as "S9 Walking 1
    54138969".
    """
    rows = zip(subject, action, subaction, camera_id, strict=True)
    return np.array([" ".join(map(str, row)) for row in rows], dtype=str)


_ARRAYS = tuple(entry.name for entry in fields(Predictions) if entry.name != "facts")
