"""Which kind of recordings a folder holds, and how each kind is found, opened and split."""

import json
from collections.abc import Collection
from pathlib import Path

from posegrid.datasets import folder
from posegrid.datasets.dataset_facts import SPLITS, Background, SplitName
from posegrid.datasets.folder import FolderView
from posegrid.datasets.human36m.sequences import (
    PoseKind,
    SequenceFiles,
    ShiftedPoses,
    find_sequences,
    open_sequence,
)
from posegrid.datasets.mpi_inf_3dhp import sequences as mpi_inf_3dhp
from posegrid.datasets.mpi_inf_3dhp.sequences import Mpi3dhpView
from posegrid.datasets.sequence import Sequence
from posegrid.errors import SettingsError, SourceError

View = SequenceFiles | FolderView | Mpi3dhpView
"""One sequence and camera, unopened."""

HUMAN36M, MPI_INF_3DHP, OWN = "Human3.6M", "MPI-INF-3DHP", "own recordings"
SPLIT_FILE = "split.json"
PARTS = ("train", "validation", "test")


def refuse_no_data_set(root: Path) -> None:
    """Raises SourceError for what is no folder, or an empty one, before any kind of recordings is
    looked for.
    """
    if root.is_file():
        raise SourceError(
            f"{root}: is a file; expected the folder of a data set. Unpack an archive first (`tar -xf`)."
        )
    if not root.is_dir():
        raise SourceError(f"{root}: there is no such folder.")
    if not any(root.iterdir()):
        raise SourceError(
            f"{root}: the folder is empty. Expected metadata.xml and S1/Videos (Human3.6M), S1/Seq1 or "
            "TS1/annot_data.mat (MPI-INF-3DHP), or your own recordings (docs/own-data.md)."
        )


def kind_of(root: Path) -> str:
    """Human3.6M, MPI-INF-3DHP or own recordings; a folder that is none of them counts as Human3.6M,
    and is refused as such."""
    if mpi_inf_3dhp.is_mpi_inf_3dhp(root):
        return MPI_INF_3DHP
    return OWN if folder.is_folder_tree(root) else HUMAN36M


def find_views(
    root: Path,
    subjects: Collection[str] | None,
    actions: Collection[str] | None,
    cameras: Collection[str] | None,
) -> list[View]:
    """What there is and fits the question; None asks for all. Raises SourceError if there is
    nothing.
    """
    kind = kind_of(root)
    if kind == MPI_INF_3DHP:
        if actions is not None:
            raise SourceError(
                f"{root}: the sequences of MPI-INF-3DHP hold all actions, and cannot be chosen by them "
                f"({', '.join(actions)}). Leave --actions out."
            )
        return [*mpi_inf_3dhp.find_views(root, subjects, cameras)]
    if kind == OWN:
        return [*folder.find_views(root, subjects, actions, cameras)]
    return [*find_sequences(root, subjects, actions, cameras)]


def open_recording(view: View, poses: PoseKind, s9: ShiftedPoses) -> Sequence:
    """The opened sequence. Raises SourceError if it cannot be used."""
    if isinstance(view, SequenceFiles):
        return open_sequence(view, poses, s9)
    return (
        mpi_inf_3dhp.open_view(view, poses)
        if isinstance(view, Mpi3dhpView)
        else folder.open_view(view)
    )


def refuse_meaningless(
    root: Path, poses: PoseKind, s9: ShiftedPoses, background: Background
) -> None:
    """Raises SettingsError for what these recordings do not have, so that no figure is called what
    it is not.
    """
    kind = kind_of(root)
    if kind != HUMAN36M and s9 != "keep":
        raise SettingsError(f"{root} holds {kind}: --s9 {s9} is for Human3.6M alone. Leave it out.")
    if kind == MPI_INF_3DHP and background != "kept":
        raise SettingsError(
            f"{root} holds {kind}, whose masks are not read: call with --background kept."
        )
    choice = {
        HUMAN36M: ("mono", "world", "universal"),
        MPI_INF_3DHP: ("mono", "universal"),
        OWN: ("mono",),
    }[kind]
    if poses not in choice:
        raise SettingsError(
            f"{root} holds {kind}, which has no poses of the kind {poses}: --poses {' or '.join(choice)}."
        )


def splits_of(root: Path, split: SplitName) -> dict[str, list[str]]:
    """Subjects of "train", "validation" and "test": by name for Human3.6M, fixed for MPI-INF-3DHP,
    from split.json for own recordings. Raises SourceError if that file is missing or says something
    else."""
    kind = kind_of(root)
    if kind == HUMAN36M:
        return SPLITS[split]
    return mpi_inf_3dhp.SPLIT if kind == MPI_INF_3DHP else load_split(root / SPLIT_FILE)


def load_split(path: Path) -> dict[str, list[str]]:
    """The split of own recordings."""
    expected = '{"train": ["anna"], "validation": ["ben"], "test": ["cleo"]}'
    if not path.is_file():
        raise SourceError(
            f"{path}: there is no such file. Say there who trains and who tests: {expected}."
        )
    try:
        content = json.loads(path.read_bytes())
        splits = {part: [str(name) for name in content[part]] for part in PARTS}
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(f"{path}: is not a split ({error}); expected {expected}.") from error
    names = [name for part in PARTS for name in splits[part]]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(
            f"{path}: {', '.join(twice)} stands in two parts: figures on people seen in training lie."
        )
    return splits
