"""People of all kinds: every garment, hat and bag can be worn by every body; the same numbers give
the same person.
"""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from posegrid.walkers.body.mesh import (
    CHILD_STATURE_RANGE_MM,
    NUM_BONES,
    Body,
    load_body_model,
    load_child_model,
)
from posegrid.walkers.clip import ClipPlan, film
from posegrid.walkers.clothes.person import dressed_in, person_of_kind, varied_person
from posegrid.walkers.clothes.sewing import MATERIALS, Person
from posegrid.walkers.clothes.wardrobe import (
    Attire,
    Bag,
    Below,
    Hair,
    Hat,
    Over,
    Shoe,
    random_attire,
    random_dyes,
)


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return [varied_person(np.random.default_rng(seed), child=seed % 3 == 0) for seed in range(12)]


def wearing(seed: int = 0, **what: object) -> Person:
    rng = np.random.default_rng(seed)
    model = load_body_model()
    plain = {"over": "none", "hat": "none", "bag": "none", "below": "trousers", "hair": "bald"}
    attire = replace(random_attire(rng, female=True, child=False), **(plain | what))
    body = load_body_model().sample(np.random.default_rng(1))
    return dressed_in(attire, model, body, random_dyes(rng, attire, child=False), rng)


def used(person: Person) -> set[str]:
    return {MATERIALS[index] for index in np.unique(person.material)}


def test_arrays_of_a_person_fit_each_other(people: list[Person]) -> None:
    for person in people:
        count, bones = len(person.vertices_mm), NUM_BONES + len(person.loose)
        assert person.faces.min() >= 0 and person.faces.max() < count
        assert person.skin_bones.max() < bones == len(person.bone_heads_mm)
        np.testing.assert_allclose(person.skin_weights.sum(axis=1), 1, atol=1e-5)
        assert all(
            np.isfinite(a).all()
            for a in (person.vertices_mm, person.normals, person.tint, person.openness)
        )
        assert count < 14000, "more vertices cost speed"
        assert 5 < person.sole_mm < 60


def test_the_same_numbers_give_the_same_person() -> None:
    first, second = (varied_person(np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.vertices_mm, second.vertices_mm)
    np.testing.assert_array_equal(first.materials, second.materials)
    assert first.outfit == second.outfit


def test_plain_people_are_as_ever() -> None:
    person = person_of_kind("plain", np.random.default_rng(0))
    assert not isinstance(person.outfit, Attire) and person.loose == ()


@pytest.mark.parametrize("below", get_args(Below))
@pytest.mark.parametrize("over", get_args(Over))
def test_clothes_of_every_kind_are_sewn(below: str, over: str) -> None:
    for open_front in (False, True):
        person = wearing(below=below, over=over, open_front=open_front)
        expected = {"bottom"} | (
            {"top"} if over == "none" else {"coat", "top"} if open_front else {"coat"}
        )
        assert used(person) - {"skin", "eye", "shoe", "sole", "sock"} == expected


@pytest.mark.parametrize(
    ("field", "kinds", "material"),
    [("hat", Hat, "hat"), ("bag", Bag, "bag"), ("hair", Hair, "hair"), ("shoe", Shoe, "shoe")],
)
def test_accessories_of_every_kind_are_made(field: str, kinds: object, material: str) -> None:
    for kind in get_args(kinds):
        assert (material in used(wearing(**{field: kind}))) == (kind not in ("none", "bald"))


def test_hems_end_where_they_should() -> None:
    for share in (0.3, 0.6, 0.9):
        person = wearing(below="skirt", skirt_end=share)
        cloth = person.vertices_mm[person.material == MATERIALS.index("bottom")]
        wanted = person.body.hip_centre_mm[2] * (1 - share)
        assert cloth[:, 2].min() == pytest.approx(wanted, abs=1)


def test_a_long_hem_is_level() -> None:
    person = wearing(below="skirt", skirt_end=0.5)
    cloth = person.vertices_mm[person.material == MATERIALS.index("bottom")]
    lowest = cloth[cloth[:, 2] < cloth[:, 2].min() + 5]
    assert len(lowest) >= 48 and np.ptp(lowest[:, 2]) < 1


@pytest.fixture(scope="module")
def children() -> list[Body]:
    return [
        load_child_model().sample_widely(np.random.default_rng(s), CHILD_STATURE_RANGE_MM)
        for s in range(20)
    ]


def test_children_are_small_and_have_larger_heads(children: list[Body]) -> None:
    def head_share(body: Body) -> float:
        return float((body.stature_mm - body.head_of("neck01")[2]) / body.stature_mm)

    low, high = CHILD_STATURE_RANGE_MM
    assert all(low - 100 < body.stature_mm < high + 100 for body in children)
    assert np.std([body.stature_mm for body in children]) > 80
    adults = [load_body_model().sample(np.random.default_rng(seed)) for seed in range(10)]
    assert np.mean([head_share(body) for body in children]) > 1.1 * np.mean(
        [head_share(body) for body in adults]
    )


def test_children_share_the_adults_mesh() -> None:
    adults, children = load_body_model(), load_child_model()
    assert children.faces is adults.faces and children.skin_bones is adults.skin_bones
    assert children.mean_mm.shape == adults.mean_mm.shape


def test_loose_clothes_move_in_a_clip_and_joints_do_not_depend_on_them() -> None:
    plan = ClipPlan(seed=0, subject="W0001", num_frames=20, people="varied")
    subjects = (replace(plan, subject=f"W{number:04d}") for number in range(1, 30))
    clip = next(clip for clip in map(film, subjects) if clip.person.loose)
    assert clip.bone_positions_mm.shape[1] == NUM_BONES + len(clip.person.loose)
    np.testing.assert_array_equal(clip.bone_rotations[:, :NUM_BONES], clip.motion.rotations)
    again = film(clip.plan)
    np.testing.assert_array_equal(again.bone_rotations, clip.bone_rotations)
    assert np.isfinite(clip.posed(19).vertices_mm).all()
