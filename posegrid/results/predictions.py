"""The predictions of one network for one split: made once, kept in a file, scored as often as you
like.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from rich.console import Console

from posegrid import __version__
from posegrid.body.estimate import Estimate
from posegrid.body.metrics import joint_errors_mm
from posegrid.body.skeleton import NUM_JOINTS, SKELETON, relative_to_root
from posegrid.datasets.stored_crops import Crops
from posegrid.errors import CheckpointError, SourceError
from posegrid.files import written
from posegrid.progress import on_console
from posegrid.results.models import Model
from posegrid.untrusted import DAMAGED, arrays_of_npz, object_of_json

PREDICTIONS_FORMAT = 2
NAME = "predictions.npz"
BATCH = 256


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

    def subset(self, rows: Int[np.ndarray, "n"]) -> "Predictions":
        """These rows, in their order."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _ARRAYS})

    @property
    def error_mm(self) -> Float[np.ndarray, "N"]:
        """MPJPE of each pose over 17 joints."""
        return joint_errors_mm(self.pose_pred_cam_mm, self.pose_true_cam_mm).mean(axis=1)

    @property
    def sequence(self) -> np.ndarray:
        """(N,) names of sequence and camera, such as "S9 Walking 1 54138969"."""
        return sequence_names(self.subject, self.action, self.subaction, self.camera_id)

    def follows(self) -> Bool[np.ndarray, "pairs"]:
        """For rows i and i + 1: is the second the next frame of the first's sequence and camera, at
        the usual spacing?

        Usual is the commonest distance in frames: 1 for every frame, 5 where every fifth was kept.
        """
        columns = (getattr(self, name) for name in SEQUENCE[:-1])
        same = np.all([of[1:] == of[:-1] for of in columns], axis=0)
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
        with written(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays, facts=np.array(json.dumps(facts)))

    @staticmethod
    def load(path: Path) -> "Predictions":
        """The predictions in a file. Raises SourceError if there are none, or of another format or
        skeleton.
        """
        if not path.is_file():
            raise SourceError(f"{path}: no such file; `posegrid evaluate` writes it.")
        try:
            arrays = arrays_of_npz(path, [*_ARRAYS, "facts"])
            facts = object_of_json(str(arrays.pop("facts")))
            _check_arrays(arrays)
        except DAMAGED as error:
            raise SourceError(
                f"{path}: not a file of predictions ({error}); evaluate again."
            ) from error
        if facts.get("format") != PREDICTIONS_FORMAT or facts.get("skeleton") != SKELETON:
            raise SourceError(
                f"{path}: format {facts.get('format')}, skeleton {facts.get('skeleton')}; expected format "
                f"{PREDICTIONS_FORMAT}, skeleton {SKELETON}. Evaluate again with this version."
            )
        return Predictions(**arrays, facts=facts)


def _check_arrays(arrays: dict[str, np.ndarray]) -> None:
    """Raise ValueError unless they are complete, of one length, and hold what they should."""
    missing = [name for name in _ARRAYS if name not in arrays]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing")
    length = arrays["frame_index"].size
    for name, array in arrays.items():
        shape, kinds = (length,), "iu" if name in ("frame_index", "subaction") else "f"
        if name.startswith("pose_"):
            shape = (length, NUM_JOINTS, 3)
        elif name in ("sigma_mm", "keypoint_error_px"):
            shape = (length, NUM_JOINTS)
        elif name in ("subject", "action", "camera_id"):
            kinds = "U"
        if array.shape != shape or array.dtype.kind not in kinds:
            raise ValueError(
                f"{name} has the shape {array.shape} of {array.dtype}, expected {shape}"
            )
        if name.startswith("pose_") or name == "time_s":
            bad = ~np.isfinite(array.reshape(length, -1)).all(axis=1)
            if bad.any():
                raise ValueError(f"row {int(np.argmax(bad))}: {name} is not finite")


def sequence_names(
    subject: np.ndarray, action: np.ndarray, subaction: np.ndarray, camera_id: np.ndarray
) -> np.ndarray:
    """(N,) names of the sequence and camera that each row belongs to, such as "S9 Walking 1
    54138969".
    """
    rows = zip(subject, action, subaction, camera_id, strict=True)
    return np.array([" ".join(map(str, row)) for row in rows], dtype=str)


SEQUENCE = ("subject", "action", "subaction", "camera_id", "frame_index")
"""Columns that say which frame of which recording a row is."""
_ARRAYS = tuple(entry.name for entry in fields(Predictions) if entry.name != "facts")


def predicted(model: Model, crops: Crops, facts: dict[str, Any], console: Console) -> Predictions:
    """The model's estimates for the crops, turned into each crop's source camera, with their truth
    and baseline.
    """
    return predicted_in_parts(model, [crops], facts, console, len(crops))


def predicted_in_parts(
    model: Model, parts: Iterable[Crops], facts: dict[str, Any], console: Console, total: int
) -> Predictions:
    """The same for crops that come in parts, of which one is in memory at a time; `total` crops."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in _ARRAYS}
    with on_console(console) as report:
        for part in parts:
            batches = [slice(start, start + BATCH) for start in range(0, len(part), BATCH)]
            said = []
            for rows in batches:
                shown = part.subset(rows).shown_to(model.facts.background)
                said.append(model.estimate(shown.inputs))
                _check_answer(said[-1])
                done = sum(map(len, found["frame_index"])) + min(rows.stop, len(part))
                report("Predicting", done, total)
            for name, values in _rows_of(model, part, Estimate.joined(said)).items():
                found[name].append(values)
    joined = {name: np.concatenate(found.pop(name)) for name in _ARRAYS}
    order = sequence_order(joined)
    if (order[1:] < order[:-1]).any():
        joined = {name: joined.pop(name)[order] for name in _ARRAYS}
    return Predictions(**joined, facts=facts)


def _check_answer(said: Estimate) -> None:
    """Raises CheckpointError for poses that are no numbers."""
    if not np.isfinite(said.pose_mm).all():
        raise CheckpointError(
            "The weights give no poses (pose_mm holds NaN or infinity): they are damaged. Choose "
            "others, or make them again."
        )


def _rows_of(model: Model, crops: Crops, said: Estimate) -> dict[str, np.ndarray]:
    poses = said.pose_mm
    off_px = np.linalg.norm(said.keypoints_px - crops.keypoints_crop_px, axis=-1)
    mean = np.broadcast_to(model.facts.mean_pose(), poses.shape)
    if model.facts.pose_frame == "view":
        turn = crops.rot_cam_to_view
        poses, mean = poses @ turn, mean @ turn
    return {
        "pose_pred_cam_mm": poses.astype(np.float32),
        "pose_true_cam_mm": relative_to_root(crops.pose_cam_mm).astype(np.float32),
        "pose_mean_cam_mm": mean.astype(np.float32),
        "sigma_mm": said.sigma_mm.astype(np.float32),
        "keypoint_error_px": off_px.astype(np.float32),
        **{name: getattr(crops, name) for name in (*SEQUENCE, "time_s")},
    }


def sequence_order(columns: Mapping[str, np.ndarray]) -> Int[np.ndarray, "N"]:
    """Rows sorted by sequence, camera and frame, from the columns SEQUENCE."""
    return np.lexsort([columns[name] for name in reversed(SEQUENCE)])
