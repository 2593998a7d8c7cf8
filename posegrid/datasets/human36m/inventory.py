"""Which files of a Human3.6M tree are there, by subject, action and kind, before any of them is
opened.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from posegrid.datasets.folder import FolderView
from posegrid.datasets.human36m.check import REQUIRED, Finding
from posegrid.datasets.human36m.files import is_web_page
from posegrid.datasets.human36m.layout import (
    FOLDERS,
    KIND_NAMES,
    POSED_SUBJECTS,
    POSES_CAMERA,
    POSES_WORLD,
    SUFFIXES,
    archives_in,
    find_archives,
)
from posegrid.datasets.human36m.metadata import Metadata, load_metadata
from posegrid.datasets.human36m.sequences import SequenceFiles, is_synthetic, metadata_path
from posegrid.datasets.mpi_inf_3dhp.sequences import Mpi3dhpView
from posegrid.errors import SourceError

ARCHIVE_STARTS = {".tgz": (b"\x1f\x8b",), ".gz": (b"\x1f\x8b",), ".zip": (b"PK",)}
"""First bytes of archives, by the last part of their name."""


@dataclass(frozen=True)
class InventoryRow:
    """Files of one subject and action."""

    subject: str
    action: str
    found: dict[str, int]
    """Number of files of each kind."""
    expected: dict[str, int]
    missing: dict[str, list[str]]
    """Names, without folder, of the files of each kind that are not there."""

    @property
    def complete(self) -> bool:
        """Whether every file of every kind is there."""
        return self.found == self.expected


@dataclass(frozen=True, eq=False)
class Inventory:
    """What there is of a tree."""

    root: Path
    synthetic: bool
    rows: tuple[InventoryRow, ...]
    """Subjects and actions of which there is any file."""
    present: tuple[SequenceFiles | FolderView | Mpi3dhpView, ...]
    """Sequences and cameras of which there is any file (but for world poses, which are of no
    camera).
    """
    absent_subjects: tuple[str, ...]
    """Subjects with poses in the release of which there is nothing, not even an archive."""
    archives: tuple[Path, ...]
    """Archives that lie about."""
    findings: tuple[Finding, ...]


def taken_stock(
    root: Path, subjects: Collection[str] = (), actions: Collection[str] = ()
) -> Inventory:
    """What there is of a tree; subjects and actions are all if none are named.

    Raises SourceError if the folder is missing, metadata.xml too or damaged, or a name is not in
    it.
    """
    if not root.is_dir():
        raise SourceError(f"{root}: there is no such folder.")
    metadata = load_metadata(metadata_path(root))
    for names, known, what in (
        (subjects, metadata.subjects, "subject"),
        (actions, metadata.actions, "action"),
    ):
        strangers = sorted(set(names) - set(known))
        if strangers:
            raise SourceError(
                f"{metadata.path}: knows no {what} {', '.join(strangers)}; it knows {', '.join(known)}."
            )
    asked = [subject for subject in metadata.subjects if not subjects or subject in subjects]
    views = [files for subject in asked for files in _views(root, metadata, subject, actions)]
    of_a_view = [kind for kind in KIND_NAMES if kind != POSES_WORLD]
    present = [files for files in views if any(map(files.find, of_a_view))]
    there = {files.subject for files in present}
    archives = [
        *archives_in(root),
        *(path for subject in asked for path in archives_in(root / subject)),
    ]
    wanted = subjects or POSED_SUBJECTS
    absent = [
        name
        for name in asked
        if name in wanted and name not in there and not find_archives(root, name)
    ]
    return Inventory(
        root=root,
        synthetic=is_synthetic(root),
        rows=tuple(_rows(present, views)),
        present=tuple(present),
        absent_subjects=tuple(absent),
        archives=tuple(archives),
        findings=(
            *_missing_findings(present),
            *(_archive_finding(path) for path in archives),
            *(finding for subject in asked for finding in _stray_findings(root, subject, metadata)),
        ),
    )


def _views(
    root: Path, metadata: Metadata, subject: str, actions: Collection[str]
) -> Iterator[SequenceFiles]:
    """All sequences and cameras of a subject that metadata.xml knows, but for the recording called
    "_ALL".
    """
    for owner, action, subaction in metadata.file_bases:
        if owner == subject and (action in actions if actions else action != "_ALL"):
            for camera_id in metadata.camera_ids:
                yield SequenceFiles(root, subject, action, subaction, camera_id, metadata)


def _rows(present: list[SequenceFiles], views: list[SequenceFiles]) -> Iterator[InventoryRow]:
    for subject, action in dict.fromkeys((files.subject, files.action) for files in present):
        own = [files for files in views if (files.subject, files.action) == (subject, action)]
        names = {
            kind: {_name(files, kind): files.find(kind) for files in own} for kind in KIND_NAMES
        }
        yield InventoryRow(
            subject=subject,
            action=action,
            found={
                kind: sum(path is not None for path in names[kind].values()) for kind in KIND_NAMES
            },
            expected={kind: len(names[kind]) for kind in KIND_NAMES},
            missing={
                kind: [name for name, path in names[kind].items() if path is None]
                for kind in KIND_NAMES
            },
        )


def _name(files: SequenceFiles, kind: str) -> str:
    camera = "" if kind == POSES_WORLD else f".{files.camera_id}"
    return f"{files.file_base}{camera}{SUFFIXES[kind]}"


def _missing_findings(present: list[SequenceFiles]) -> Iterator[Finding]:
    """Sequences of which some files are there, but not all that `prepare` needs."""
    for files in present:
        without_poses = files.subject not in POSED_SUBJECTS and files.find(POSES_CAMERA) is None
        for kind in () if without_poses else REQUIRED:
            if files.find(kind) is None:
                archives = find_archives(files.root, files.subject, kind)
                hint = f"; it may be in {archives[0]}, which is not unpacked" if archives else ""
                text = f"{files.subject}/{kind}/{_name(files, kind)} is missing{hint}"
                yield Finding("fault", f"no {KIND_NAMES[kind]}", files.name, text)


def _archive_finding(path: Path) -> Finding:
    """An archive that is not unpacked, or is none at all."""
    if is_web_page(path):
        text = f"{path}: is a web page, since the download's log-in had expired. Log in and download it again."
        return Finding("fault", "log-in page saved as an archive", str(path), text)
    with path.open("rb") as file:
        start = file.read(2)
    if not start.startswith(ARCHIVE_STARTS.get(path.suffix.lower(), (b"",))):
        return Finding(
            "fault", "damaged archive", str(path), f"{path}: is no archive. Download it again."
        )
    return Finding(
        "notice",
        "archive not unpacked",
        str(path),
        f"{path}: unpack it with `tar -xf` into its subject.",
    )


def _stray_findings(root: Path, subject: str, metadata: Metadata) -> Iterator[Finding]:
    """Files that no sequence is called like: a misspelt name is never read."""
    bases = {base for (owner, _, _), base in metadata.file_bases.items() if owner == subject}
    known = bases | {base.replace(" ", "_") for base in bases}
    for kind in KIND_NAMES:
        for folder in FOLDERS[kind]:
            for path in sorted((root / subject / folder).glob(f"*{SUFFIXES[kind]}")):
                base, _, camera_id = path.stem.partition(".")
                if kind == POSES_WORLD:
                    base, camera_id = path.stem, metadata.camera_ids[0]
                if (
                    path.is_file()
                    and not path.name.startswith(".")
                    and (base not in known or camera_id not in metadata.camera_ids)
                ):
                    text = f"{path}: metadata.xml names no sequence of {subject} so; it is not read"
                    yield Finding("notice", "file of an unknown name", subject, text)
