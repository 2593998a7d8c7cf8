"""The viewer of a job, and corrections by hand: kept beside the Tracks, which stay as they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from posegrid.app.person_files import write_person
from posegrid.app.results import CORRECTED, EDITS
from posegrid.errors import OutputError, SourceError
from posegrid.files import write_text
from posegrid.motion.edits import Edits, edited
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.motion_viewer import motion_page
from posegrid.untrusted import DAMAGED

MOST_BYTES = 2_000_000
"""Of the edits of one job."""


def viewer_of(folder: Path, numbers: Sequence[int], video: str, save: Mapping[str, str]) -> str:
    """The page of these people, the first one's curves below, with the edits that were saved.

    folder: of the job's results. video: its address, or "". save: as in `motion_page`.
    """
    tracks = [MotionTrack.load(folder / f"person{number}.npz") for number in numbers]
    path = folder / EDITS
    edits = Edits.load(path) if path.is_file() else None
    return motion_page(
        tracks, video=video, programs="/viewer", numbers=numbers, edits=edits, save=save
    )


def _corrected_in(folder: Path) -> list[Path]:
    return [*folder.glob(f"person*_{CORRECTED}*"), *folder.glob(EDITS)]


def _moved(paths: Sequence[Path], folder: Path) -> None:
    for path in paths:
        path.replace(folder / path.name)


def save_corrected(folder: Path, numbers: Sequence[int], text: bytes) -> None:
    """Write edits.json, and the files of everybody whom it corrects in the place of those of
    before, all or nothing. No edits take both away.

    Raises SourceError for what are no edits of these people's Tracks; OutputError.
    """
    try:
        edits = Edits.read(text.decode())
    except DAMAGED as error:
        said = f"{error.args[0]} is missing" if isinstance(error, KeyError) else error
        raise SourceError(f"These edits cannot be applied: {said}.") from error
    tracks = {number: MotionTrack.load(folder / f"person{number}.npz") for number in numbers}
    corrected = edited(tracks, edits) if edits.edits else {}
    try:
        with TemporaryDirectory(dir=folder.parent) as name:
            new, before = Path(name, "new"), Path(name, "before")
            new.mkdir()
            before.mkdir()
            for number, track in corrected.items():
                write_person(track, number, new, (), f"person{number}_{CORRECTED}")
            if edits.edits:
                write_text(new / EDITS, edits.text())
            try:
                _moved(_corrected_in(folder), before)
                _moved(list(new.iterdir()), folder)
            except OSError:
                _moved(_corrected_in(folder), new)
                _moved(list(before.iterdir()), folder)
                raise
    except OSError as error:
        raise OutputError(f"The corrections cannot be kept ({error.strerror}).") from error
