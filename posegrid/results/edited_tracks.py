"""Edits and the Tracks in a folder that they are of."""

import re
from collections.abc import Iterable
from pathlib import Path

from posegrid.errors import SourceError
from posegrid.motion.edits import Edits, edited, fingerprint
from posegrid.motion.motion_track import MotionTrack

OF_PERSON = re.compile(r"(?P<name>.*?)_?person(?P<number>\d+)")
"""Names of the files of one of several people, without their endings."""


def edited_tracks(track: Path, edits: Edits) -> dict[str, MotionTrack]:
    """The corrected Tracks by the names that their files should have, without endings. Whoever was
    split off has the next free number in the name.

    track: a Track file, one of those that the edits are of, beside which the others lie; or their
    folder. Raises SourceError where one of them is missing, or as `edited`.
    """
    folder = track if track.is_dir() else track.parent
    beside = sorted(folder.glob("*.npz"))
    found: dict[str, tuple[str, MotionTrack]] = {}
    if not track.is_dir():
        read = MotionTrack.load(track)
        mark = fingerprint(read)
        if mark not in edits.fingerprints.values():
            raise SourceError(f"{track}: these edits are of another Track; give that one.")
        found[mark] = (track.stem, read)
    for path in beside:
        if found.keys() >= set(edits.fingerprints.values()):
            break
        read = _track_in(path)
        if read is not None:
            found.setdefault(fingerprint(read), (path.stem, read))
    missing = [n for n, mark in edits.fingerprints.items() if mark not in found]
    if missing:
        raise SourceError(
            f"{folder}: holds no Track (.npz) that the edits of person {missing[0]} are of: give "
            "the folder with the Tracks that were shown."
        )
    before = {number: found[mark] for number, mark in edits.fingerprints.items()}
    after = edited({number: read for number, (_, read) in before.items()}, edits)
    stems = {number: stem for number, (stem, _) in before.items()}
    taken = [*(path.stem for path in beside), *stems.values()]
    for number in after.keys() - stems.keys():
        stems[number] = _next_name(next(iter(before.values()))[0], taken)
        taken.append(stems[number])
    return {stems[number]: read for number, read in after.items()}


def _track_in(path: Path) -> MotionTrack | None:
    """The Track in a file that may be something else."""
    try:
        return MotionTrack.load(path)
    except SourceError:
        return None


def _next_name(stem: str, taken: Iterable[str]) -> str:
    """The name of one person more: "walk" has "walk_person2", "walk_person1" and "person1" have
    what comes after the largest number.
    """
    named = OF_PERSON.fullmatch(stem)
    name = named["name"] if named else stem
    numbers = [
        int(other["number"])
        for other in map(OF_PERSON.fullmatch, taken)
        if other and other["name"] == name
    ]
    joint = "_" if name else ""
    return f"{name}{joint}person{max([1, *numbers]) + 1}"
