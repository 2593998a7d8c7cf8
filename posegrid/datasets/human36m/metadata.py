"""`metadata.xml` of the Human3.6M release: which file is which sequence, and the cameras.

The user's own copy is read at run time; it may not be redistributed. What is used of it:
- `mapping`: a table of file base names, a row per action and subaction, a column per subject. The
  number of a subaction is not the number in the file's name, and actions have other names in some
  files: only the table tells.
- `actionnames`, `dbcameras/index2id`: names of actions and cameras in order.
- `train_subjects`, `val_subjects`, `test_subjects`: the release's own split, where they are there.
- `w0`: numbers of all cameras. For camera c and subject s (from 0, S subjects, C cameras), six
  extrinsics [a, b, g, x, y, z] (rad, mm) at 6 (c S + s), then nine intrinsics [fx, fy, cx, cy, k1,
  k2, k3, p1, p2] at 6 C S + 9 c. R = Rx(a) Ry(b) Rz(g), X_cam = R (X_world - C).

The release counts pixels as MATLAB does, the first pixel's centre being (1, 1); posegrid has it at
(0.5, 0.5). Principal points here, and keypoints where they are read, are half a pixel less.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from posegrid.body.camera import Camera
from posegrid.errors import SourceError
from posegrid.untrusted import DAMAGED, text_of

NUM_ACTIONS = 16
SUBACTIONS = (1, 2)
MOCAP_FRAMES_PER_POSE = 4
"""The release's motion capture ran at 200 Hz, its video at 50 Hz."""
NUM_EXTRINSICS, NUM_INTRINSICS = 6, 9
PIXEL_OFFSET = 0.5
"""The release's pixels minus posegrid's."""
POSELESS = "_ALL"
"""So begin the files of the one action (number 1, "Miscellaneous") that has videos only."""

SequenceKey = tuple[str, str, int]
"""(subject, action, subaction), e.g. ("S1", "Walking", 2)."""


@dataclass(frozen=True, eq=False)
class Metadata:
    """What `metadata.xml` says."""

    path: Path
    subjects: tuple[str, ...]
    """All subjects, in the order of the cameras' numbers: "S1" to "S11"."""
    actions: tuple[str, ...]
    """Names of the actions, the first of them "Miscellaneous", which has no poses."""
    camera_ids: tuple[str, ...]
    file_bases: Mapping[SequenceKey, str]
    """File name without camera and suffix, e.g. "Walking 1"."""
    w0: Float[np.ndarray, "numbers"]
    frame_counts: Mapping[SequenceKey, tuple[int, ...]] = field(default_factory=dict)
    """Frames of the four videos, in the order of `camera_ids`, and of the motion capture (200 Hz).

    Empty where the file does not tell.
    """
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Subjects of "train", "validation" and "test" by the release; empty if it does not tell."""

    def has_poses(self, key: SequenceKey) -> bool:
        """Whether the release has poses of a sequence, for those of its subjects that have any."""
        return key in self.file_bases and not self.file_bases[key].startswith(POSELESS)

    @property
    def posed_actions(self) -> tuple[str, ...]:
        """Names of the actions that have poses."""
        posed = {key[1] for key in self.file_bases if self.has_poses(key)}
        return tuple(action for action in self.actions if action in posed)

    def num_poses(self, key: SequenceKey) -> int | None:
        """How many poses a sequence should have: the shortest video's frames, or the motion
        capture's by four."""
        counts = self.frame_counts.get(key)
        return None if counts is None else min(*counts[:-1], counts[-1] // MOCAP_FRAMES_PER_POSE)

    def camera(self, subject: str, camera_id: str, size_wh: tuple[int, int]) -> Camera:
        """The camera as calibrated for a subject; the size of its pictures comes from the video."""
        index, person = self.camera_ids.index(camera_id), self.subjects.index(subject)
        start = NUM_EXTRINSICS * (index * len(self.subjects) + person)
        extrinsics = self.w0[start : start + NUM_EXTRINSICS]
        start = NUM_EXTRINSICS * len(self.camera_ids) * len(self.subjects) + NUM_INTRINSICS * index
        fx, fy, cx, cy, *distortion = (
            float(number) for number in self.w0[start : start + NUM_INTRINSICS]
        )
        k1, k2, k3, p1, p2 = distortion
        return Camera(
            focal_px=(fx, fy),
            principal_px=(cx - PIXEL_OFFSET, cy - PIXEL_OFFSET),
            size_wh=size_wh,
            distortion=(k1, k2, k3, p1, p2),
            rot_world_to_cam=rotation_of_angles(extrinsics[:3]),
            centre_world_mm=extrinsics[3:].copy(),
        )


def load_metadata(path: Path) -> Metadata:
    """What `metadata.xml` says. Raises SourceError if it is missing, no XML, or lacks a part."""
    if not path.is_file():
        raise SourceError(
            f"{path}: there is no such file. Copy metadata.xml out of the release's code archive "
            "into that folder."
        )
    try:
        root = ElementTree.fromstring(text_of(path))
    except DAMAGED as error:
        raise SourceError(
            f"{path}: is not XML ({error}). Copy it out of the release's code archive again."
        ) from error
    try:
        return _metadata(path, root)
    except DAMAGED as error:
        raise SourceError(
            f"{path}: is not the release's metadata.xml: {error}. Copy it out of the release's "
            "code archive again."
        ) from error


def _metadata(path: Path, root: ElementTree.Element) -> Metadata:
    header, *rows = [[cell.text or "" for cell in row] for row in _part(root, "mapping")]
    subjects = tuple(header[2:])
    actions = tuple(item.text or "" for item in _part(root, "actionnames"))
    camera_ids = tuple((item.text or "").strip() for item in _part(root, "dbcameras/index2id"))
    file_bases = {
        (subject, actions[int(row[0]) - 1], int(row[1])): base
        for row in rows[: NUM_ACTIONS * len(SUBACTIONS)]
        for subject, base in zip(subjects, row[2:], strict=True)
        if base
    }
    w0 = np.array(
        [float(number) for number in (_part(root, "w0").text or "").strip(" \n[]").split()]
    )
    expected = len(camera_ids) * (NUM_EXTRINSICS * len(subjects) + NUM_INTRINSICS)
    if len(w0) != expected or expected == 0 or not np.isfinite(w0).all():
        raise ValueError(
            f"w0 holds {len(w0)} numbers, expected {expected} for {len(camera_ids)} cameras, "
            f"{len(subjects)} subjects"
        )
    counts = _frame_counts(root, subjects, actions, len(camera_ids))
    splits = _splits(root)
    return Metadata(path, subjects, actions, camera_ids, file_bases, w0, counts, splits)


def _splits(root: ElementTree.Element) -> dict[str, tuple[str, ...]]:
    """The release's own split, numbers of subjects from 1; empty unless all three parts tell."""
    splits = {}
    for name, part in (("train", "train"), ("validation", "val"), ("test", "test")):
        numbers = re.findall(r"\d+", root.findtext(f"{part}_subjects") or "")
        splits[name] = tuple(f"S{int(number)}" for number in numbers)
    named = [subject for names in splits.values() for subject in names]
    return splits if all(splits.values()) and len(set(named)) == len(named) else {}


def _frame_counts(
    root: ElementTree.Element, subjects: tuple[str, ...], actions: tuple[str, ...], num_videos: int
) -> dict[SequenceKey, tuple[int, ...]]:
    """The part `frames`: a row per subject, a cell "[v1 v2 v3 v4 mocap]" per subaction; other cells
    are passed over.

    Nothing but a comparison hangs on these numbers, so a file without them can still be used.
    """
    counts = {}
    rows = [[(cell.text or "").strip() for cell in row] for row in root.findall("frames/tr")]
    keys = [(action, subaction) for action in actions for subaction in SUBACTIONS]
    for number, row in enumerate(rows):
        named = bool(row) and row[0] in subjects
        subject = row[0] if named else subjects[number] if len(rows) == len(subjects) else ""
        for (action, subaction), text in zip(keys, row[-len(keys) :], strict=False):
            if subject and re.fullmatch(
                rf"\[?\d{{1,9}}( +\d{{1,9}}){{{num_videos}}}\]?", text, re.ASCII
            ):
                counts[subject, action, subaction] = tuple(
                    int(word) for word in text.strip("[]").split()
                )
    return counts


def _part(root: ElementTree.Element, name: str) -> ElementTree.Element:
    part = root.find(name)
    if part is None:
        raise ValueError(f"it has no part '{name}'")
    return part


def rotation_of_angles(angles_rad: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """Rx(a) Ry(b) Rz(g) for angles (a, b, g): the release's world-to-camera rotation."""
    (ca, cb, cg), (sa, sb, sg) = np.cos(angles_rad), np.sin(angles_rad)
    about_x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    about_y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    about_z = np.array([[cg, -sg, 0], [sg, cg, 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


def angles_of_rotation(rotation: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3"]:
    """Angles (a, b, g) with Rx(a) Ry(b) Rz(g) = rotation. Where b is a right angle, g is 0 by
    choice."""
    cosine = float(np.hypot(rotation[0, 0], rotation[0, 1]))
    b = np.arctan2(rotation[0, 2], cosine)
    if cosine < 1e-9:
        return np.array([np.arctan2(rotation[2, 1], rotation[1, 1]), b, 0.0])
    a = np.arctan2(-rotation[1, 2], rotation[2, 2])
    g = np.arctan2(-rotation[0, 1], rotation[0, 0])
    return np.array([a, b, g])
