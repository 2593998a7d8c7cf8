"""Corrections by hand: laws of each kind, what is refused, and what gait makes of them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from body.formats.walks import make_walk_with_feet
from hypothesis import given
from hypothesis import strategies as st
from motion.walks import STANCE, STRIDE_S, walk_track

from posegrid.body.contacts import Contact
from posegrid.body.track import Track
from posegrid.errors import SourceError
from posegrid.motion.edits import (
    Edit,
    Edits,
    Join,
    SetContact,
    Split,
    Swap,
    Wrong,
    edited,
    fingerprint,
)
from posegrid.motion.gait_events import FootEvents, with_contacts
from posegrid.motion.motion_track import MotionTrack

CONTACTS = (Contact("right", 3, 30, True), Contact("left", 12, 14, False))
WALK = replace(make_walk_with_feet(), contacts=CONTACTS, filled_frames=(5, 25))
T = len(WALK)
STRETCHES = st.tuples(st.integers(0, T - 1), st.integers(0, T - 1)).map(sorted)
"""First and last frame of a stretch of `WALK`."""


def of_person(track: Track, *edits: Edit) -> dict[int, Track]:
    return edited({1: track}, Edits({1: fingerprint(track)}, edits))


def assert_same(one: Track, other: Track) -> None:
    """All but the warnings, which say that there were edits."""
    for name, values in one.arrays().items():
        np.testing.assert_array_equal(values, other.arrays()[name], err_msg=name)
    kept = ("contacts", "filled_frames", "fps", "source", "raw")
    assert [getattr(one, name) for name in kept] == [getattr(other, name) for name in kept]


@given(STRETCHES, st.sampled_from(["legs", "arms", "both"]))
def test_swapping_twice_changes_nothing(stretch, limbs) -> None:
    swap = Swap(1, *stretch, limbs)
    assert_same(of_person(WALK, swap, swap)[1], WALK)


def test_swapped_legs_are_the_other_leg_in_the_stretch_only() -> None:
    found = of_person(WALK, Swap(1, 12, 14, "legs"))[1]
    np.testing.assert_array_equal(found["left_knee"][12:15], WALK["right_knee"][12:15])
    np.testing.assert_array_equal(found["left_wrist"], WALK["left_wrist"])
    np.testing.assert_array_equal(found["left_toe"][12:15], WALK["right_toe"][12:15])
    outside = np.r_[0:12, 15:T]
    np.testing.assert_array_equal(found.joints_mm[outside], WALK.joints_mm[outside])
    assert found.contacts == (
        Contact("right", 3, 11, True),
        Contact("right", 12, 14, False),
        Contact("right", 15, 30, True),
        Contact("left", 12, 14, True),
    )
    arms = of_person(WALK, Swap(1, 0, T - 1, "arms"))[1]
    assert arms.contacts == CONTACTS
    np.testing.assert_array_equal(arms.feet_mm, WALK.feet_mm)
    both = of_person(WALK, Swap(1, 12, 14, "legs"), Swap(1, 12, 14, "arms"))[1]
    assert_same(both, of_person(WALK, Swap(1, 12, 14, "both"))[1])


@given(st.integers(3, T - 1))
def test_split_and_joined_is_the_same_person(at: int) -> None:
    both = of_person(WALK, Split(1, at, 2))
    assert sorted(both) == [1, 2]
    assert not both[1].found[at:].any() and not both[2].found[:at].any()
    assert_same(of_person(WALK, Split(1, at, 2), Join(1, 2))[1], WALK)
    assert_same(of_person(WALK, Split(1, at, 2), Join(2, 1))[2], WALK)


@given(STRETCHES)
def test_nobody_is_in_a_wrong_stretch_and_all_else_stays(stretch) -> None:
    first, last = stretch
    wrong = Wrong(1, first, last)
    found = of_person(WALK, wrong)[1]
    inside = np.arange(first, last + 1)
    outside = np.setdiff1d(np.arange(T), inside)
    for name, values in found.arrays().items():
        if name not in ("frame", "time_s"):
            assert np.isnan(values[inside]).all()
        np.testing.assert_array_equal(values[outside], WALK.arrays()[name][outside])
    assert set(found.filled_frames) == {5, 25} - set(inside.tolist())
    assert not any(c.first_frame <= last and c.last_frame >= first for c in found.contacts)
    assert_same(of_person(WALK, wrong, wrong)[1], found)
    assert_same(of_person(WALK, wrong, Swap(1, first, last))[1], found)


@given(STRETCHES, st.sampled_from(["right", "left"]), st.booleans())
def test_the_last_word_on_a_contact_counts(stretch, foot, stands) -> None:
    told = SetContact(1, *stretch, foot, stands)
    opposite = replace(told, stands=not stands)
    found = of_person(WALK, told)[1]
    assert (
        Contact(foot, *stretch, stands) in of_person(replace(WALK, contacts=()), told)[1].contacts
    )
    assert_same(of_person(WALK, opposite, told)[1], found)
    assert_same(replace(found, contacts=CONTACTS), WALK)


def test_it_is_said_that_there_were_edits_and_the_track_of_before_stays() -> None:
    before = {name: values.copy() for name, values in WALK.arrays().items()}
    found = of_person(WALK, Wrong(1, 0, 3), Swap(1, 5, 9))[1]
    assert found.warnings == ("corrected by hand: 2 edits",) and WALK.warnings == ()
    for name, values in WALK.arrays().items():
        np.testing.assert_array_equal(values, before[name])


def test_edits_of_another_track_are_refused() -> None:
    moved = replace(WALK, joints_mm=WALK.joints_mm + np.float32(1))
    edits = Edits({1: fingerprint(WALK)}, (Wrong(1, 0, 1),))
    for tracks in ({1: moved}, {2: WALK}, {}, {1: replace(WALK, contacts=())}):
        with pytest.raises(SourceError, match="person 1: these are edits of another Track"):
            edited(tracks, edits)
    assert list(edited({1: WALK, 2: moved}, edits)) == [1]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (Wrong(1, 0, T), f"last_frame is {T}, expected a frame of the Track, 0 to {T - 1}"),
        (Swap(1, 9, 8), "last_frame is 8, before first_frame 9"),
        (SetContact(1, T, T, "left", True), f"first_frame is {T}"),
        (Split(1, T, 2), f"at_frame is {T}"),
        (Split(1, 2, 2), "person 1 is not seen on both sides of 2"),
        (Split(1, 9, 1), "new_person is 1, expected a number not taken"),
        (Wrong(7, 0, 1), r"there is no person 7, expected one of \[1\]"),
        (Join(1, 1), "other_person is 1, expected somebody else"),
    ],
)
def test_what_cannot_be_is_refused_with_the_edits_number(edit: Edit, said: str) -> None:
    with pytest.raises(SourceError, match=rf"edit 2 \({edit.kind}\): {said}"):
        of_person(WALK, Wrong(1, 0, 0), edit)


def test_two_who_are_seen_at_once_are_not_joined() -> None:
    other = replace(WALK, root_mm=WALK.root_mm + np.float32(9))
    marks = {1: fingerprint(WALK), 2: fingerprint(other)}
    with pytest.raises(SourceError, match="both are seen in frame 2: say first which one is wrong"):
        edited({1: WALK, 2: other}, Edits(marks, (Join(1, 2),)))
    made = Edits(marks, (Wrong(1, 20, T - 1), Wrong(2, 0, 19), Join(1, 2)))
    joined = edited({1: WALK, 2: other}, made)
    assert list(joined) == [1]
    np.testing.assert_array_equal(joined[1].root_mm[:20], WALK.root_mm[:20])
    np.testing.assert_array_equal(joined[1].root_mm[20:], other.root_mm[20:])


EVERY = (
    Wrong(1, 0, 2),
    Swap(1, 4, 6, "legs"),
    Split(1, 20, 2),
    SetContact(2, 22, 24, "left", False),
    Join(1, 2),
)


def test_the_file_reads_back(tmp_path: Path) -> None:
    edits = Edits({1: fingerprint(WALK)}, EVERY)
    (tmp_path / "edits.json").write_text(edits.text())
    assert Edits.load(tmp_path / "edits.json") == edits


def _changed(**changes: object) -> str:
    said = json.loads(Edits({1: fingerprint(WALK)}, EVERY).text())
    said["edits"][1] |= changes
    return json.dumps(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_changed(first_frame=-1), "edit 2: first_frame is -1, expected a whole number"),
        (_changed(person=True), "edit 2: person is True, expected a whole number"),
        (_changed(limbs="head"), "edit 2: limbs is 'head', expected legs, arms, both"),
        (_changed(kind="erase"), "edit 2: kind is 'erase', expected wrong, swap"),
        (_changed(colour="red"), "edit 2 .swap. expects kind, first_frame"),
        (_changed(kind="contact"), "edit 2 .contact. expects kind, first_frame"),
        ('{"format": "posegrid-edits", "version": 2}', "version 2, expected posegrid-edits, 1"),
        ('{"version": 1}', "format is missing"),
        ("[]", r"it is \[\], expected an object"),
        (_changed().replace(fingerprint(WALK), "0g"), "a fingerprint is '0g'"),
        (_changed().replace('{"1":', '{"one":'), "invalid literal"),
        ("[" * 100_000, "no edits that can be applied"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "edits.json").write_text(text)
    with pytest.raises(
        SourceError, match=rf"edits\.json: no edits that can be applied.*{said}|{said}"
    ):
        Edits.load(tmp_path / "edits.json")


def test_a_track_has_one_fingerprint_whatever_file_holds_it(tmp_path: Path) -> None:
    for ending in (".npz", ".json", ".csv"):
        WALK.save(tmp_path / f"walk{ending}")
        read = Track.load(tmp_path / f"walk{ending}")
        assert fingerprint(read) == fingerprint(WALK) and read.contacts == CONTACTS
    assert WALK[10:20].contacts == (Contact("right", 10, 19, True), CONTACTS[1])
    assert fingerprint(WALK[10:20]) != fingerprint(WALK)


# --- gait

FPS = 50.0
LONG = walk_track(np.arange(0, 6, 1 / FPS), noise_mm=2.0)
LONG = MotionTrack(**{name: getattr(LONG, name) for name in LONG.__dataclass_fields__})


def test_a_wrong_stretch_is_left_out_of_gait() -> None:
    before = LONG.gait()
    found = of_person(LONG, Wrong(1, 120, 170))[1].gait()
    assert 2 < len(found.strides) < len(before.strides)
    begin_s, end_s = LONG.time_s[[120, 170]]
    assert not any(s.begin_s < end_s and s.end_s > begin_s for s in found.strides)
    assert "corrected by hand: 1 edits" in found.notes


def test_gait_goes_by_the_contacts_that_were_set() -> None:
    """The right foot strikes at 2 STRIDE_S; said to stand from 5 frames before until it swings."""
    strike, off = (round(FPS * STRIDE_S * phase) for phase in (2, 2 + STANCE))
    told = SetContact(1, strike - 5, off, "right", True)
    found = of_person(LONG, told)[1].gait()
    strikes, set_s = found.events["right"].strike_s, LONG.time_s[strike - 5] - 0.5 / FPS
    assert np.isclose(strikes, set_s).sum() == 1
    assert not any(set_s + 1e-6 < s <= LONG.time_s[off] for s in strikes)
    np.testing.assert_array_equal(
        found.events["left"].strike_s, LONG.gait().events["left"].strike_s
    )
    assert "contacts set by hand: 1 stretches" in found.notes
    swings = of_person(LONG, replace(told, first_frame=strike - 20, stands=False))[1].gait()
    assert len(swings.strides) < len(LONG.gait().strides)


SECONDS = st.lists(st.integers(0, 39), unique=True, max_size=8).map(sorted)


@given(SECONDS, STRETCHES, st.booleans())
def test_set_contacts_hold_and_leave_the_rest(changes, stretch, stands) -> None:
    """Events that alternate; the foot's state in each frame is as set inside, as found outside."""
    times = np.arange(40.0) - 0.25
    found = {"left": FootEvents(times[changes[::2]], times[changes[1::2]])}
    found["right"] = found["left"]
    frame, time_s = np.arange(40), np.arange(40.0)
    contact = Contact("left", *stretch, stands)
    result = with_contacts(found, (contact,), frame, time_s)
    before, after = (standing(events["left"], time_s) for events in (found, result))
    inside = slice(stretch[0], stretch[1] + 1)
    assert (after[inside] == stands).all()
    outside = np.r_[0 : stretch[0], stretch[1] + 1 : 40]
    np.testing.assert_array_equal(after[outside], before[outside])
    assert result["right"] is found["right"]
    again = with_contacts(result, (contact,), frame, time_s)
    np.testing.assert_array_equal(again["left"].strike_s, result["left"].strike_s)
    np.testing.assert_array_equal(again["left"].off_s, result["left"].off_s)


def standing(events: FootEvents, time_s: np.ndarray) -> np.ndarray:
    every = sorted([(s, True) for s in events.strike_s] + [(s, False) for s in events.off_s])
    first = bool(every) and not every[0][1]
    return np.array([[first, *(k for s, k in every if s <= t)][-1] for t in time_s])
