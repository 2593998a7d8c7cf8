"""Dressed people: cuts, clothes, what must cover what."""

from dataclasses import replace

import numpy as np
import pytest

from posegrid.walkers.body.mesh import load_body_model
from posegrid.walkers.clothes.person import dressed, random_person
from posegrid.walkers.clothes.sewing import MATERIALS, Person, cut_faces, smoothed, vertex_normals
from posegrid.walkers.clothes.wardrobe import random_materials, random_outfit
from posegrid.walkers.render.kernels import CHECKS, HOOPS

SQUARE = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
TWO_FACES = np.array([[0, 1, 2], [0, 2, 3]])


def area(points: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = points[faces].swapaxes(0, 1)
    return float(np.cross(b - a, c - a)[:, 2].sum() / 2)


@pytest.mark.parametrize("level", [0.25, 0.5, 0.9])
def test_a_cut_leaves_exactly_the_part_where_the_field_is_positive(level: float) -> None:
    cut = cut_faces(TWO_FACES, level - SQUARE[:, 0])
    points = cut.of(SQUARE)
    assert area(points, cut.faces) == pytest.approx(level)
    assert points[:, 0].max() == pytest.approx(level)


def test_a_cut_along_nothing_leaves_the_mesh_and_one_outside_nothing() -> None:
    np.testing.assert_array_equal(cut_faces(TWO_FACES, np.ones(4)).of(SQUARE), SQUARE)
    assert len(cut_faces(TWO_FACES, -np.ones(4)).faces) == 0


def test_normals_of_a_flat_square_point_up() -> None:
    np.testing.assert_allclose(vertex_normals(SQUARE, TWO_FACES), [[0, 0, 1]] * 4)


def test_smoothing_keeps_the_border_and_flattens_a_peak() -> None:
    points = np.vstack([SQUARE, [[0.5, 0.5, 1.0]]])
    fan = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]])
    smooth = smoothed(points, fan, 2)
    np.testing.assert_array_equal(smooth[:4], SQUARE)
    assert smooth[4, 2] == pytest.approx(0.25)


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return [random_person(np.random.default_rng(seed)) for seed in range(6)]


def test_arrays_of_a_person_fit_each_other(people: list[Person]) -> None:
    for person in people:
        count = len(person.vertices_mm)
        assert person.faces.min() >= 0 and person.faces.max() < count
        assert len(person.two_sided) == len(person.faces)
        assert person.material.max() < len(MATERIALS)
        np.testing.assert_allclose(person.skin_weights.sum(axis=1), 1, atol=1e-5)
        assert all(
            np.isfinite(a).all()
            for a in (person.vertices_mm, person.normals, person.tint, person.wrinkle)
        )
        assert person.openness.min() >= 0.2 and person.openness.max() <= 1.01


def test_soles_reach_below_the_naked_feet_by_what_the_person_says(people: list[Person]) -> None:
    for person in people:
        assert person.vertices_mm[:, 2].min() == pytest.approx(-person.sole_mm, abs=1e-3)
        assert 8 < person.sole_mm < 50


def test_the_same_numbers_give_the_same_person() -> None:
    first, second = (random_person(np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.vertices_mm, second.vertices_mm)
    np.testing.assert_array_equal(first.materials, second.materials)
    assert first.outfit == second.outfit


@pytest.mark.parametrize(
    ("below", "worn"),
    [("trousers", {"bottom", "top"}), ("skirt", {"bottom", "top"}), ("coat", {"bottom", "coat"})],
)
def test_an_outfit_has_its_garments(below: str, worn: set[str]) -> None:
    rng = np.random.default_rng(0)
    model = load_body_model()
    outfit = replace(random_outfit(rng, female=True), below=below, hair="bald")
    person = dressed(model, model.sample(rng), outfit, random_materials(rng), rng)
    used = {MATERIALS[m] for m in np.unique(person.material)}
    assert used == worn | {"skin", "eye", "shoe", "sole", "sock"}


def test_sleeves_cover_what_they_should() -> None:
    rng = np.random.default_rng(0)
    model = load_body_model()
    body = model.sample(rng)
    reach = []
    for end in (0.45, 1.0, 1.9):
        outfit = replace(random_outfit(rng, female=False), below="trousers", sleeve_end=end)
        person = dressed(model, body, outfit, random_materials(rng), rng)
        reach.append(np.abs(person.vertices_mm[person.material == MATERIALS.index("top"), 0]).max())
    elbow, wrist = body.head_of("lowerarm01.L")[0], body.head_of("wrist.L")[0]
    assert reach[0] < elbow < reach[1] + 5 < reach[2] < wrist + 40


def test_materials_are_colours_and_known_patterns() -> None:
    for seed in range(30):
        for row in random_materials(np.random.default_rng(seed)).values():
            assert ((row[:6] > 0) & (row[:6] < 1)).all()
    assert (HOOPS, CHECKS) == (1, 3)
