"""The Tracks in a folder that edits are of, found by what they hold, and names for new people."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from body.formats.walks import make_walk

from posegrid.errors import SourceError
from posegrid.motion.edits import Edits, Split, Swap, fingerprint
from posegrid.results.edited_tracks import edited_tracks

WALK = make_walk()
OTHER = replace(WALK, root_mm=WALK.root_mm + np.float32(800))
MARKS = {1: fingerprint(WALK), 2: fingerprint(OTHER)}
ONE_MORE = Edits({1: MARKS[1]}, (Split(1, 20, 2),))


@pytest.mark.parametrize(
    ("names", "new"),
    [
        (["walk"], "walk_person2"),
        (["walk_person1", "walk_person4"], "walk_person5"),
        (["person1", "walk_person7"], "person2"),
        (["a_person3", "person9"], "a_person4"),
    ],
)
def test_one_person_more_has_the_next_free_number(tmp_path: Path, names, new) -> None:
    WALK.save(tmp_path / f"{names[0]}.npz")
    for name in names[1:]:
        OTHER.save(tmp_path / f"{name}.npz")
    found = edited_tracks(tmp_path / f"{names[0]}.npz", ONE_MORE)
    assert set(found) == {names[0], new}
    assert found[names[0]].found[:20].any() and not found[names[0]].found[20:].any()
    assert found[new].found[20:].any() and not found[new].found[:20].any()


def test_two_people_more_have_a_number_each(tmp_path: Path) -> None:
    WALK.save(tmp_path / "walk.npz")
    edits = Edits({1: MARKS[1]}, (Split(1, 20, 2), Split(2, 30, 3)))
    names = set(edited_tracks(tmp_path, edits))
    assert names == {"walk", "walk_person2", "walk_person3"}


def test_a_folder_and_each_of_its_tracks_give_the_same(tmp_path: Path) -> None:
    for number, track in ((1, WALK), (2, OTHER)):
        track.save(tmp_path / f"b_person{number}.npz")
    (tmp_path / "a.npz").write_bytes(b"no track")
    edits = Edits(MARKS, (Swap(2, 5, 9),))
    whole = edited_tracks(tmp_path, edits)
    for name in ("b_person1.npz", "b_person2.npz"):
        found = edited_tracks(tmp_path / name, edits)
        assert set(found) == set(whole) == {"b_person1", "b_person2"}
        assert all(fingerprint(found[stem]) == fingerprint(whole[stem]) for stem in whole)
    assert fingerprint(whole["b_person1"]) == MARKS[1] != fingerprint(whole["b_person2"])


def test_edits_of_another_track_are_refused(tmp_path: Path) -> None:
    WALK.save(tmp_path / "walk.npz")
    OTHER.save(tmp_path / "other.npz")
    with pytest.raises(SourceError, match=r"other\.npz: these edits are of another Track"):
        edited_tracks(tmp_path / "other.npz", ONE_MORE)
    (tmp_path / "other.npz").unlink()
    for where in (tmp_path, tmp_path / "walk.npz"):
        with pytest.raises(SourceError, match=r"no Track \(\.npz\) that the edits of person 2 are"):
            edited_tracks(where, Edits(MARKS, ()))
