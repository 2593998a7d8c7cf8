"""Corrections that a person has made by hand, and Tracks with them applied.

The file is JSON: `format` ("posegrid-edits"), `version`, `tracks`, and `edits`, which are applied
in their order. `tracks` has the fingerprint of each Track that is edited, by the number of its
person: edits of another Track are refused. An edit is an object with its `kind` and the fields of
the class below. Frames are those of the Tracks, and the last one belongs to the stretch.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from jaxtyping import Bool

from posegrid.body.contacts import (
    FEET,
    STANDS,
    SWINGS,
    Foot,
    as_json,
    checked_foot,
    contact_rows,
    contacts_in,
)
from posegrid.body.skeleton import FEET_MIRROR_ORDER, mirror_order
from posegrid.body.track import Track
from posegrid.errors import SourceError
from posegrid.motion.sides import LIMBS as SIDED_LIMBS
from posegrid.untrusted import DAMAGED, object_of_json, of_type, text_of, whole_number

FORMAT, VERSION = "posegrid-edits", 1
MOST_EDITS, MOST_PEOPLE = 10_000, 1_000_000

Limbs = Literal["legs", "arms", "both"]
LEGS, ARMS = (whole for whole, _ in SIDED_LIMBS)
JOINTS_OF: Mapping[str, tuple[int, ...]] = {"legs": LEGS, "arms": ARMS, "both": LEGS + ARMS}

SomeTrack = TypeVar("SomeTrack", bound=Track)


@dataclass(frozen=True)
class Wrong:
    """The poses of a stretch are wrong: nobody is there then."""

    kind: ClassVar = "wrong"
    person: int
    first_frame: int
    last_frame: int

    def applied(self, tracks: dict[int, SomeTrack]) -> dict[int, SomeTrack]:
        track = _person(tracks, self.person)
        return tracks | {self.person: _only(track, ~_stretch(track, self))}


@dataclass(frozen=True)
class Swap:
    """Left and right are exchanged in a stretch: of the legs, the arms, or both."""

    kind: ClassVar = "swap"
    person: int
    first_frame: int
    last_frame: int
    limbs: Limbs = "both"

    def applied(self, tracks: dict[int, SomeTrack]) -> dict[int, SomeTrack]:
        track = _person(tracks, self.person)
        rows, joints = np.flatnonzero(_stretch(track, self)), list(JOINTS_OF[self.limbs])
        arrays = track.arrays()
        arrays["feet_mm"] = arrays["feet_mm"].copy()
        for name in ("joints_mm", "keypoints_px", "sigma_mm"):
            arrays[name] = arrays[name].copy()
            mirrored = arrays[name][rows[:, None], mirror_order()[joints]]
            arrays[name][rows[:, None], joints] = mirrored
        feet = contact_rows(track.contacts, track.frame)
        if self.limbs != "arms":
            feet[rows] = feet[rows, ::-1]
            arrays["feet_mm"][rows] = track.feet_mm[rows][:, FEET_MIRROR_ORDER]
        contacts = contacts_in(feet, track.frame)
        return tracks | {self.person: replace(track, **arrays, contacts=contacts)}


@dataclass(frozen=True)
class Split:
    """From a frame on it is somebody else, who gets a number that is not taken."""

    kind: ClassVar = "split"
    person: int
    at_frame: int
    new_person: int

    def applied(self, tracks: dict[int, SomeTrack]) -> dict[int, SomeTrack]:
        track = _person(tracks, self.person)
        if self.new_person in tracks:
            raise ValueError(f"new_person is {self.new_person}, expected a number not taken")
        _check_frame(track, self.at_frame, "at_frame")
        is_before = track.frame < self.at_frame
        before, after = _only(track, is_before), _only(track, ~is_before)
        if not (before.found.any() and after.found.any()):
            raise ValueError(f"person {self.person} is not seen on both sides of {self.at_frame}")
        return tracks | {self.person: before, self.new_person: after}


@dataclass(frozen=True)
class Join:
    """Two are one person, who keeps the first number; in no frame were both seen."""

    kind: ClassVar = "join"
    person: int
    other_person: int

    def applied(self, tracks: dict[int, SomeTrack]) -> dict[int, SomeTrack]:
        one, other = _person(tracks, self.person), _person(tracks, self.other_person)
        if self.person == self.other_person:
            raise ValueError(f"other_person is {self.person}, expected somebody else")
        if not np.array_equal(one.frame, other.frame):
            raise ValueError("the two have not the same frames: expected people of one video")
        if (both := one.found & other.found).any():
            raise ValueError(
                f"both are seen in frame {int(one.frame[both][0])}: say first which one is wrong"
            )
        rest = {n: track for n, track in tracks.items() if n != self.other_person}
        return rest | {self.person: _joined(one, other)}


@dataclass(frozen=True)
class SetContact:
    """In a stretch a foot stands on the floor, or does not."""

    kind: ClassVar = "contact"
    person: int
    first_frame: int
    last_frame: int
    foot: Foot
    stands: bool

    def applied(self, tracks: dict[int, SomeTrack]) -> dict[int, SomeTrack]:
        track = _person(tracks, self.person)
        feet = contact_rows(track.contacts, track.frame)
        feet[_stretch(track, self), FEET.index(self.foot)] = STANDS if self.stands else SWINGS
        return tracks | {self.person: replace(track, contacts=contacts_in(feet, track.frame))}


Edit = Wrong | Swap | Split | Join | SetContact
KINDS: Mapping[str, type[Edit]] = {
    kind.kind: kind for kind in (Wrong, Swap, Split, Join, SetContact)
}


@dataclass(frozen=True)
class Edits:
    """Corrections, in the order in which they are applied."""

    fingerprints: Mapping[int, str]
    """Of the Tracks that they are of, by the number of the person."""
    edits: tuple[Edit, ...]

    def text(self) -> str:
        """The file's text."""
        tracks = {str(number): mark for number, mark in self.fingerprints.items()}
        content = {"format": FORMAT, "version": VERSION, "tracks": tracks, "edits": self.as_json()}
        return json.dumps(content, indent=1) + "\n"

    def as_json(self) -> tuple[dict[str, object], ...]:
        """The edits as the file lists them."""
        return tuple({"kind": edit.kind, **asdict(edit)} for edit in self.edits)

    @staticmethod
    def load(path: Path) -> "Edits":
        """The edits in a file. Raises SourceError for what is no such file, with the edit that
        cannot be.
        """
        try:
            return Edits.read(text_of(path))
        except FileNotFoundError as error:
            raise SourceError(f"{path}: there is no such file of edits") from error
        except DAMAGED as error:
            said = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
            raise SourceError(
                f"{path}: no edits that can be applied ({said}); the viewer writes such files"
            ) from error

    @staticmethod
    def read(text: str) -> "Edits":
        """The edits that a text says. Raises one of `DAMAGED` for any other text."""
        said = object_of_json(text)
        if (said["format"], said["version"]) != (FORMAT, VERSION):
            raise ValueError(
                f"format {said['format']!r:.60}, version {said['version']!r:.60}, expected "
                f"{FORMAT}, {VERSION}"
            )
        listed = of_type(said["edits"], list, "edits")
        if len(listed) > MOST_EDITS:
            raise ValueError(f"there are {len(listed)} edits, expected at most {MOST_EDITS}")
        marks = {
            whole_number(int(number), "a number in tracks", 1, MOST_PEOPLE): _mark(mark)
            for number, mark in of_type(said["tracks"], dict, "tracks").items()
        }
        return Edits(marks, tuple(_edit(entry, f"edit {n}") for n, entry in enumerate(listed, 1)))


def fingerprint(track: Track) -> str:
    """SHA-256 of the Track's arrays and contacts, the same from each file that holds them."""
    found = hashlib.sha256()
    for name, values in track.saved_arrays().items():
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), np.array(np.nan, values.dtype), values)
        found.update(f"{name} {values.shape} ".encode())
        found.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    found.update(json.dumps(as_json(track.contacts)).encode())
    return found.hexdigest()


def edited(tracks: Mapping[int, SomeTrack], edits: Edits) -> dict[int, SomeTrack]:
    """The Tracks that the edits are of, corrected, by the numbers of their people; with those that
    a split made, without those that were joined to others.

    Raises SourceError where they are edits of other Tracks, or one of them cannot be.
    """
    for number, mark in edits.fingerprints.items():
        if number not in tracks or fingerprint(tracks[number]) != mark:
            raise SourceError(f"person {number}: these are edits of another Track")
    result = {number: tracks[number] for number in edits.fingerprints}
    for number, edit in enumerate(edits.edits, start=1):
        try:
            result = edit.applied(result)
        except ValueError as error:
            raise SourceError(f"edit {number} ({edit.kind}): {error}") from error
    note = f"corrected by hand: {len(edits.edits)} edits"
    return {
        number: replace(track, warnings=(*track.warnings, note)) for number, track in result.items()
    }


# --- of one edit


def _person(tracks: Mapping[int, SomeTrack], number: int) -> SomeTrack:
    if number not in tracks:
        raise ValueError(f"there is no person {number}, expected one of {sorted(tracks)}")
    return tracks[number]


def _check_frame(track: Track, frame: int, name: str) -> None:
    if frame not in track.frame:
        first, last = (track.frame[0], track.frame[-1]) if len(track) else ("none", "none")
        raise ValueError(f"{name} is {frame}, expected a frame of the Track, {first} to {last}")


def _stretch(track: Track, edit: Wrong | Swap | SetContact) -> Bool[np.ndarray, "T"]:
    """True in the stretch's frames."""
    for name in ("first_frame", "last_frame"):
        _check_frame(track, getattr(edit, name), name)
    if edit.first_frame > edit.last_frame:
        raise ValueError(f"last_frame is {edit.last_frame}, before first_frame {edit.first_frame}")
    return (track.frame >= edit.first_frame) & (track.frame <= edit.last_frame)


def _only(track: SomeTrack, rows: Bool[np.ndarray, "T"]) -> SomeTrack:
    """The Track with nobody in all other rows."""
    arrays = track.arrays()
    for name in arrays.keys() - {"frame", "time_s"}:
        arrays[name] = arrays[name].copy()
        arrays[name][~rows] = np.nan
    kept = set(track.frame[rows].tolist())
    feet = contact_rows(track.contacts, track.frame)
    return replace(
        track,
        **arrays,
        filled_frames=tuple(frame for frame in track.filled_frames if frame in kept),
        contacts=contacts_in(np.where(rows[:, None], feet, 0), track.frame),
    )


def _joined(one: SomeTrack, other: SomeTrack) -> SomeTrack:
    """Each frame's values of whoever is there."""
    taken = other.found | (_known(other) & ~_known(one))
    arrays, others = one.arrays(), other.arrays()
    for name in arrays.keys() - {"frame", "time_s"}:
        there = taken.reshape(-1, *(1,) * (arrays[name].ndim - 1))
        arrays[name] = np.where(there, others[name], arrays[name])
    feet, others_feet = (contact_rows(track.contacts, one.frame) for track in (one, other))
    return replace(
        one,
        **arrays,
        filled_frames=tuple(sorted({*one.filled_frames, *other.filled_frames})),
        warnings=tuple(dict.fromkeys((*one.warnings, *other.warnings))),
        contacts=contacts_in(np.where(feet == 0, others_feet, feet), one.frame),
    )


def _known(track: Track) -> Bool[np.ndarray, "T"]:
    """True where anything is known of the person."""
    known = np.zeros(len(track), dtype=bool)
    for name, values in track.arrays().items():
        if name not in ("frame", "time_s"):
            known |= np.isfinite(values).reshape(len(track), -1).any(axis=1)
    return known


# --- out of a file


def _limbs(value: object, name: str) -> str:
    if value not in JOINTS_OF:
        raise ValueError(f"{name} is {value!r:.60}, expected {', '.join(JOINTS_OF)}")
    return str(value)


def _number(value: object, name: str) -> int:
    return whole_number(value, name, 1, MOST_PEOPLE)


def _frame(value: object, name: str) -> int:
    return whole_number(value, name, 0, 2**53)


_CHECKS: Mapping[str, Callable[[object, str], Any]] = {
    **dict.fromkeys(("person", "new_person", "other_person"), _number),
    **dict.fromkeys(("first_frame", "last_frame", "at_frame"), _frame),
    "limbs": _limbs,
    "foot": checked_foot,
    "stands": lambda value, name: of_type(value, bool, name),
}


def _edit(value: object, name: str) -> Edit:
    said = of_type(value, dict, name)
    kind = KINDS.get(str(said.get("kind")))
    if kind is None:
        raise ValueError(f"{name}: kind is {said.get('kind')!r:.60}, expected {', '.join(KINDS)}")
    names = {field.name for field in fields(kind)}
    if said.keys() != names | {"kind"}:
        raise ValueError(f"{name} ({kind.kind}) expects kind, {', '.join(sorted(names))}")
    return kind(**{field: _CHECKS[field](said[field], f"{name}: {field}") for field in names})


def _mark(value: object) -> str:
    text = of_type(value, str, "a fingerprint")
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise ValueError(f"a fingerprint is {text!r:.80}, expected 64 digits of 0-9, a-f")
    return text
