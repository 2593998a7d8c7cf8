"""The seam between recordings and all that is done with them: find, open, splits, faults.

Each kind of recordings (Human3.6M, MPI-INF-3DHP, one's own) is a `Source` of its own; which one a
folder holds, `recordings.source_of` finds out.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from posegrid.datasets.sequence import Sequence
from posegrid.errors import SettingsError, SourceError

PoseKind = Literal["mono", "world", "universal"]
"""Which 3D poses of a release: camera frame; world frame, taken into the camera by its calibration;
camera frame with limbs (Human3.6M) or height (MPI-INF-3DHP) the same for everybody."""

SYNTHETIC_MARK = "SYNTHETIC.txt"
"""This file in the root says that `posegrid synth`, or another computer, made the recordings."""
Level = Literal["fault", "notice"]
"""fault: `prepare` leaves the sequence out, or its result would be wrong. notice: known, and dealt
with."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or odd."""

    level: Level
    what: str
    """The kind of thing, the same words for each of its kind."""
    where: str
    """Sequence, or subject, or file that it was found in."""
    text: str
    """All about this one."""


@dataclass(frozen=True)
class KnownFault:
    """A fault that everybody's copy of a release has, or may have."""

    text: str
    unreadable: bool = False
    """Whether the sequence may turn out to be damaged; that is then no fault of this copy."""
    left_out: bool = False
    """Whether the sequence is not to be taken, by the source's own settings."""


@dataclass(frozen=True)
class View:
    """One sequence and camera, unopened."""

    subject: str
    action: str
    subaction: int
    camera_id: str

    @property
    def name(self) -> str:
        """As `Sequence.name`, e.g. "S1 Walking 1 54138969"."""
        return f"{self.subject} {self.action} {self.subaction} {self.camera_id}"


@dataclass(frozen=True)
class InventoryRow:
    """Files of one subject and action, by kind of file."""

    subject: str
    action: str
    found: dict[str, int]
    expected: dict[str, int]
    missing: dict[str, list[str]]
    """Names, without folder, of the files that are not there."""


@dataclass(frozen=True, eq=False)
class Inventory:
    """What there is, before any of it is opened."""

    views: tuple[View, ...]
    """Sequences and cameras of which there is any file."""
    findings: tuple[Finding, ...] = ()
    rows: tuple[InventoryRow, ...] = ()
    """Subjects and actions of which there is any file; empty where nobody knows what to expect."""
    kind_names: dict[str, str] = field(default_factory=dict)
    """What each kind of file in the rows is called in tables."""
    absent_subjects: tuple[str, ...] = ()
    """Subjects of the release of which there is nothing, not even an archive."""
    archives: tuple[Path, ...] = ()
    """Archives that lie about."""


@dataclass(frozen=True, eq=False)
class FileCheck:
    """What is wrong with the files of one view, each opened for itself."""

    findings: tuple[Finding, ...] = ()
    offset_px: Float[np.ndarray, "2"] | None = None
    """Median of keypoints minus projected joints, pixels; None where there are none to compare."""


@dataclass(frozen=True)
class Source(ABC):
    """A folder of recordings, and how its poses are taken. Raises SettingsError for a choice that
    its kind does not have, so that no figure is called what it is not."""

    kind: ClassVar[str]
    """What figures on it are said to be of, e.g. "Human3.6M"."""
    pose_kinds: ClassVar[tuple[PoseKind, ...]]
    has_masks: ClassVar[bool] = True
    comes_in_parts: ClassVar[bool] = True
    """Whether people may have some of its subjects only, as of a release."""
    usual_actions: ClassVar[tuple[str, ...] | None] = None
    """Those that are taken if none are asked for; None: all."""

    root: Path
    poses: PoseKind = "mono"

    def __post_init__(self) -> None:
        if self.poses not in self.pose_kinds:
            raise SettingsError(
                f"{self.root} holds {self.kind}, which has no poses of the kind {self.poses}: "
                f"--poses {' or '.join(self.pose_kinds)}."
            )

    @abstractmethod
    def find(
        self,
        subjects: Collection[str] | None = None,
        actions: Collection[str] | None = None,
        cameras: Collection[str] | None = None,
    ) -> list[View]:
        """What there is and fits the question, unopened; None asks for all.

        Raises SourceError if there is nothing, or a name is unknown.
        """

    @abstractmethod
    def open(self, view: View) -> Sequence:
        """The opened sequence: poses read, frames to be read when asked for.

        Raises SourceError if a file is missing or damaged, or files do not fit together.
        """

    @abstractmethod
    def splits(self) -> dict[str, list[str]]:
        """Subjects of "train", "validation" and "test".

        Raises SourceError where nobody has said it.
        """

    def refuse_absent(self, splits: dict[str, list[str]]) -> None:
        """Raise SourceError if the splits name somebody who should be there and is not."""
        if self.comes_in_parts:
            return
        there = {view.subject for view in self.find()}
        absent = sorted({name for names in splits.values() for name in names} - there)
        if absent:
            raise SourceError(
                f"{self.root}/split.json: names {', '.join(absent)}, of whom there are no "
                f"recordings; there are those of {', '.join(sorted(there))}. Spell them alike, or "
                "take out who is not there."
            )

    def faults(self, view: View) -> tuple[KnownFault, ...]:
        """What is known to be wrong with the view in everybody's copy of the release."""
        return ()

    @property
    def synthetic(self) -> bool:
        """Whether the folder says that it was made by a computer."""
        return (self.root / SYNTHETIC_MARK).is_file()

    def inventory(
        self, subjects: Collection[str] | None = None, actions: Collection[str] | None = None
    ) -> Inventory:
        """What there is, what is missing, and whether somebody has said who trains and tests."""
        views, findings = self.find(subjects, actions), []
        try:
            splits = self.splits()
            if subjects is None:
                self.refuse_absent(splits)
            named = {name for names in splits.values() for name in names}
            strangers = sorted({view.subject for view in views} - named)
            if strangers:
                text = (
                    f"{self.root}/split.json: does not name {', '.join(strangers)}: "
                    "nobody trains or tests on them"
                )
                kind = "subjects without a part"
                findings.append(Finding("notice", kind, str(self.root), text))
        except SourceError as error:
            findings.append(Finding("fault", "no split", str(self.root), str(error)))
        return Inventory(tuple(views), tuple(findings))

    def check_files(self, view: View) -> FileCheck:
        """What is wrong with single files, where one damaged file must not hide the next."""
        return FileCheck()


def refuse_unknown(
    where: Path, what: str, asked: Collection[str] | None, known: Collection[str]
) -> None:
    """Raise SourceError if a name is asked for that is not known there."""
    unknown = sorted(set(asked or ()) - set(known))
    if unknown:
        raise SourceError(
            f"{where}: has no {what} {', '.join(unknown)}; it has {', '.join(known) or 'none'}."
        )
