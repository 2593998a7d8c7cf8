"""Contacts set by hand: spread over frames and gathered again, and what none can be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posegrid.body.contacts import (
    NOT_SET,
    STANDS,
    SWINGS,
    Contact,
    as_json,
    checked_contacts,
    contact_rows,
    contacts_in,
)

FRAME = np.array([3, 4, 5, 8, 9])
"""Frames 6 and 7 are not there."""


def test_the_last_word_on_a_frame_counts_for_its_foot_alone() -> None:
    said = (Contact("left", 4, 8, True), Contact("left", 5, 5, False), Contact("right", 9, 9, True))
    assert contact_rows(said, FRAME).tolist() == [
        [NOT_SET, NOT_SET],
        [NOT_SET, STANDS],
        [NOT_SET, SWINGS],
        [NOT_SET, STANDS],
        [STANDS, NOT_SET],
    ]


def test_each_unbroken_stretch_is_one_contact() -> None:
    rows = np.array([[1, 0], [1, -1], [-1, -1], [-1, 0], [0, -1]])
    assert contacts_in(rows, FRAME) == (
        Contact("right", 3, 4, True),
        Contact("right", 5, 8, False),
        Contact("left", 4, 5, False),
        Contact("left", 9, 9, False),
    )
    assert contacts_in(np.zeros((0, 2), int), FRAME[:0]) == ()


@given(st.lists(st.tuples(*[st.sampled_from([STANDS, SWINGS, NOT_SET])] * 2), max_size=12))
def test_rows_gathered_and_spread_are_the_same(rows: list[tuple[int, int]]) -> None:
    table, frame = np.array(rows, int).reshape(-1, 2), 2 * np.arange(len(rows))
    found = contacts_in(table, frame)
    np.testing.assert_array_equal(contact_rows(found, frame), table)
    assert checked_contacts(as_json(found), frame) == found


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (["right", 4, 6, True], "contact 2 is of frames 4 to 6, which are not there"),
        (["right", 5, 4, True], "contact 2 is of frames 5 to 4, which are not there"),
        (["both", 4, 5, True], "contact 2: foot is 'both', expected right or left"),
        (["right", 4.5, 5, True], "contact 2: a frame"),
        (["right", 4, 5, 1], "contact 2"),
        (["right", 4, 5], "contact 2 has 3 parts, expected foot, first, last, stands"),
        ("right", "contact 2"),
    ],
)
def test_what_is_no_contact_is_refused_with_its_number(entry: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        checked_contacts([["left", 3, 9, False], entry], FRAME)
