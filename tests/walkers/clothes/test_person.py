"""People of all kinds: every garment, hat and bag can be worn by every body; the same numbers give
the same person.
"""

from collections.abc import Iterator
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
from posegrid.walkers.clothes.person import Person, dressed, random_person
from posegrid.walkers.clothes.sewing import MATERIALS
from posegrid.walkers.clothes.wardrobe import (
    WARDROBES,
    Bag,
    Below,
    Hair,
    Hat,
    Over,
    Shoe,
    random_attire,
    random_materials,
)


@pytest.fixture(scope="module")
def people() -> list[Person]:
    plain = [random_person(np.random.default_rng(seed), "plain") for seed in range(6)]
    varied = [random_person(np.random.default_rng(s), child=s % 3 == 0) for s in range(12)]
    return plain + varied


def wearing(seed: int = 0, **what: object) -> Person:
    rng = np.random.default_rng(seed)
    model = load_body_model()
    bare = {"over": "none", "hat": "none", "bag": "none", "below": "trousers", "hair": "bald"}
    attire = random_attire(rng, WARDROBES["varied"], female=True, child=False)
    attire = replace(attire, **(bare | what))
    body = model.sample(np.random.default_rng(1))
    return dressed(model, body, attire, random_materials(rng, attire, child=False), rng)


def used(person: Person) -> set[str]:
    return {MATERIALS[index] for index in np.unique(person.material)}


def test_arrays_of_a_person_fit_each_other(people: list[Person]) -> None:
    for person in people:
        count, bones = len(person.vertices_mm), NUM_BONES + len(person.loose)
        assert person.faces.min() >= 0 and person.faces.max() < count
        assert len(person.two_sided) == len(person.faces)
        assert person.material.max() < len(MATERIALS)
        assert person.skin_bones.max() < bones == len(person.bone_heads_mm)
        np.testing.assert_allclose(person.skin_weights.sum(axis=1), 1, atol=1e-5)
        per_vertex = (person.vertices_mm, person.normals, person.tint, person.wrinkle)
        assert all(np.isfinite(values).all() for values in per_vertex)
        assert person.openness.min() >= 0.2 and person.openness.max() <= 1.01
        assert count < 14000, "more vertices cost speed"


def test_soles_reach_below_the_naked_feet_by_what_the_person_says(people: list[Person]) -> None:
    for person in people:
        assert person.vertices_mm[:, 2].min() == pytest.approx(-person.sole_mm, abs=1e-3)
        assert 5 < person.sole_mm < 60


@pytest.mark.parametrize("kind", ["plain", "varied"])
def test_the_same_numbers_give_the_same_person(kind: str) -> None:
    first, second = (random_person(np.random.default_rng(3), kind) for _ in range(2))  # type: ignore[arg-type]
    np.testing.assert_array_equal(first.vertices_mm, second.vertices_mm)
    np.testing.assert_array_equal(first.materials, second.materials)
    assert first.attire == second.attire


def test_plain_people_are_adults_and_varied_ones_children_too() -> None:
    def statures(kind: str) -> Iterator[float]:
        for seed in range(12):
            yield random_person(np.random.default_rng(seed), kind).body.stature_mm

    assert min(statures("plain")) > 1450 and any(mm < 1450 for mm in statures("varied"))


def test_sleeves_cover_what_they_should() -> None:
    reach = []
    for end in (0.45, 1.0, 1.9):
        person = wearing(sleeve_end=end)
        top = person.vertices_mm[person.material == MATERIALS.index("top"), 0]
        reach.append(np.abs(top).max())
    elbow, wrist = person.body.head_of("lowerarm01.L")[0], person.body.head_of("wrist.L")[0]
    assert reach[0] < elbow < reach[1] + 5 < reach[2] < wrist + 40


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
        assert (material in used(wearing(**{field: kind}))) == (
            kind not in ("none", "bald", "barefoot")
        )


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
        load_child_model().sample(np.random.default_rng(s), CHILD_STATURE_RANGE_MM)
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
