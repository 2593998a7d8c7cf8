"""`posegrid scenes`: the people that whole frames are composed of."""

import pytest

from posegrid.cli import run
from posegrid.walkers.clip import ClipPlan
from posegrid.walkers.clothes.person import random_person
from posegrid.walkers.scenes.figures import load_library

FEW = ["--people", "1", "--validation-people", "1", "--test-people", "0", "--pictures", "2"]


def test_the_people_asked_for_are_there_and_only_missing_ones_are_rendered_again(tmp_path, capsys):
    folder = tmp_path / "people"
    assert run(["scenes", str(folder), *FEW, "--workers", "1"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["V0001.npz", "W0001.npz"]
    people = load_library(folder, "W").people
    assert len(people) == 2 and all((p.rgba[..., 3] > 0).any() for p in people)
    kept = (folder / "W0001.npz").read_bytes()
    (folder / "V0001.npz").unlink()
    capsys.readouterr()
    assert run(["scenes", str(folder), *FEW, "--workers", "1"]) == 0
    assert "V0001" in (said := capsys.readouterr().out) and "W0001" not in said
    assert (folder / "W0001.npz").read_bytes() == kept


@pytest.mark.parametrize("kind", ["varied", "laboratory"])
def test_people_are_of_the_kind_asked_for(kind, tmp_path):
    few = ["--people", "3", "--validation-people", "0", "--test-people", "0", "--pictures", "1"]
    asked = [*few, "--people-kind", kind, "--workers", "1", "--seed", "5"]
    assert run(["scenes", str(tmp_path), *asked]) == 0
    heights = [person.height_mm for person in load_library(tmp_path, "W").people]
    randoms = [ClipPlan(5, f"W000{number}").subject_rng("person") for number in (1, 2, 3)]
    expected = [random_person(rng, kind).body.stature_mm for rng in randoms]
    assert heights == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--people", "0"], "people is 0; expected 1 to 9999"),
        (["--pictures", "0"], "pictures is 0; expected 1 to 1000"),
        (["--backgrounds", "{folder}"], "holds no panoramas/*.jpg or no textures/*"),
    ],
)
def test_what_cannot_be_rendered_is_refused_before_any_work(tmp_path, capsys, flags, message):
    empty = tmp_path / "empty"
    empty.mkdir()
    flags = [flag.format(folder=empty) for flag in flags]
    assert run(["scenes", str(tmp_path / "people"), *flags]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "people").exists()
