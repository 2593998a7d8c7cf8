"""Which kind of recordings a folder holds."""

from pathlib import Path

from posegrid.datasets.folder import OwnRecordings, is_folder_tree
from posegrid.datasets.human36m.layout import ShiftedPoses, SplitName
from posegrid.datasets.human36m.release_sequences import Human36m
from posegrid.datasets.mpi_inf_3dhp.views import Mpi3dhp, is_mpi_inf_3dhp
from posegrid.datasets.source import PoseKind, Source
from posegrid.errors import SettingsError, SourceError


def source_of(
    root: Path,
    poses: PoseKind = "mono",
    s9: ShiftedPoses = "keep",
    split: SplitName = "subjects-5-2",
) -> Source:
    """The recordings of a folder; one that is of no kind counts as Human3.6M, and fails as such.

    Raises SourceError for what is no folder, or an empty one, SettingsError for poses that the
    recordings do not have. `split` chooses among Human3.6M's splits; others have one.
    """
    if root.is_file():
        raise SourceError(
            f"{root}: is a file; expected the folder of a data set. "
            "Unpack an archive first (`tar -xf`)."
        )
    if not root.is_dir():
        raise SourceError(f"{root}: there is no such folder.")
    if not any(root.iterdir()):
        raise SourceError(
            f"{root}: the folder is empty. Expected metadata.xml and S1/Videos (Human3.6M), "
            "S1/Seq1 or TS1/annot_data.mat (MPI-INF-3DHP), or your own recordings "
            "(docs/own-data.md)."
        )
    if is_mpi_inf_3dhp(root):
        kind = Mpi3dhp
    elif is_folder_tree(root):
        kind = OwnRecordings
    else:
        return Human36m(root, poses, s9, split)
    if s9 != "keep":
        raise SettingsError(
            f"{root} holds {kind.kind}: --s9 {s9} is for Human3.6M alone. Leave it out."
        )
    return kind(root, poses)
