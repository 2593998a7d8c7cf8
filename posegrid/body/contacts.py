"""Contacts of the feet with the floor that a person has set by hand, over the frames of a Track."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Int

from posegrid.untrusted import of_type, whole_number

Foot = Literal["right", "left"]
FEET: tuple[Foot, ...] = get_args(Foot)
STANDS, SWINGS, NOT_SET = 1, -1, 0


@dataclass(frozen=True)
class Contact:
    """From the first frame to the last, both with it, the foot stands on the floor, or does not."""

    foot: Foot
    first_frame: int
    last_frame: int
    stands: bool


def contact_rows(
    contacts: Sequence[Contact], frame: Int[np.ndarray, "T"]
) -> Int[np.ndarray, "T 2"]:
    """STANDS, SWINGS or NOT_SET of the right and the left foot in each frame; later ones count."""
    rows = np.full((len(frame), len(FEET)), NOT_SET)
    for contact in contacts:
        inside = (frame >= contact.first_frame) & (frame <= contact.last_frame)
        rows[inside, FEET.index(contact.foot)] = STANDS if contact.stands else SWINGS
    return rows


def contacts_in(rows: Int[np.ndarray, "T 2"], frame: Int[np.ndarray, "T"]) -> tuple[Contact, ...]:
    """The contacts that `contact_rows` spreads to these rows: one for each unbroken stretch."""
    contacts = []
    for foot, column in zip(FEET, rows.T, strict=True):
        borders = np.flatnonzero(np.diff(column)) + 1
        for stretch in np.split(np.arange(len(column)), borders):
            if len(stretch) and column[stretch[0]] != NOT_SET:
                first, last = int(frame[stretch[0]]), int(frame[stretch[-1]])
                contacts.append(Contact(foot, first, last, bool(column[stretch[0]] == STANDS)))
    return tuple(contacts)


def as_json(contacts: Sequence[Contact]) -> list[list[object]]:
    """The contacts as a Track's facts hold them: foot, first frame, last frame, stands."""
    return [list(astuple(contact)) for contact in contacts]


def checked_contacts(value: object, frame: Int[np.ndarray, "T"]) -> tuple[Contact, ...]:
    """Contacts out of a file. Raises ValueError for what none can be."""
    there, contacts = set(frame.tolist()), []
    for number, entry in enumerate(of_type(value, list, "contacts"), start=1):
        if len(of_type(entry, list, name := f"contact {number}")) != 4:
            raise ValueError(f"{name} has {len(entry)} parts, expected foot, first, last, stands")
        foot, first, last, stands = entry
        first, last = (whole_number(f, f"{name}: a frame", 0, 2**53) for f in (first, last))
        if not {first, last} <= there or first > last:
            raise ValueError(f"{name} is of frames {first} to {last}, which are not there")
        contacts.append(Contact(checked_foot(foot, name), first, last, of_type(stands, bool, name)))
    return tuple(contacts)


def checked_foot(value: Any, name: str) -> Foot:
    """The foot, if it is one."""
    if value not in FEET:
        raise ValueError(f"{name}: foot is {value!r:.60}, expected {' or '.join(FEET)}")
    return FEET[FEET.index(value)]
