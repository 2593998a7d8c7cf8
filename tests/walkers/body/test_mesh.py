"""Bodies: sampling, the skeleton, and forward kinematics."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from posegrid.body.rotations import rot_x, rot_z
from posegrid.walkers.body.mesh import (
    BONE_INDEX,
    BONE_NAMES,
    BONE_PARENTS,
    NUM_BONES,
    STATURE_RANGE_MM,
    Body,
    forward_kinematics,
    load_body_model,
)
from posegrid.walkers.clothes.wardrobe import WARDROBES


@pytest.fixture(scope="module")
def bodies() -> list[Body]:
    rng = np.random.default_rng(0)
    return [load_body_model().sample(rng) for _ in range(20)]


def at_rest(body: Body) -> tuple[np.ndarray, np.ndarray]:
    return np.tile(np.eye(3), (1, NUM_BONES, 1, 1)), body.hip_centre_mm[None]


def test_the_asset_says_where_it_comes_from() -> None:
    about = load_body_model().about
    assert "CC0" in about and "Apache-2.0" in about and "scripts/build_body_asset.py" in about


def test_parents_come_before_their_children() -> None:
    assert BONE_PARENTS[0] == -1
    assert all(0 <= parent < bone for bone, parent in enumerate(BONE_PARENTS) if bone)


def test_bodies_are_adults_of_usual_stature_with_feet_on_the_floor(bodies: list[Body]) -> None:
    for body in bodies:
        assert STATURE_RANGE_MM[0] - 40 <= body.stature_mm <= STATURE_RANGE_MM[1] + 40
        skin = body.vertices_mm[np.unique(load_body_model().faces["body"])]
        assert skin[:, 2].min() == pytest.approx(0, abs=1e-6)
        assert skin[:, 2].max() == pytest.approx(body.stature_mm)
        assert 0.5 <= body.phenotype["age"] <= 1


def test_bodies_face_minus_y_and_plus_x_is_their_left(bodies: list[Body]) -> None:
    for body in bodies:
        assert body.head_of("toes.L")[1] < body.head_of("foot.L")[1] - 50
        assert body.eyes_mm[0, 0] > 20 and body.eyes_mm[1, 0] < -20
        for name in BONE_NAMES:
            if name.endswith(".L"):
                left, right = body.head_of(name), body.head_of(name[:-1] + "R")
                np.testing.assert_allclose(left * [-1, 1, 1], right, atol=6)


def test_the_same_numbers_give_the_same_body() -> None:
    first, second = (load_body_model().sample(np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.vertices_mm, second.vertices_mm)


def test_skin_weights_add_up_to_one() -> None:
    np.testing.assert_allclose(load_body_model().skin_weights.sum(axis=1), 1, atol=2e-3)
    assert load_body_model().skin_share(*BONE_NAMES).min() > 0.99


def test_foot_vertices_are_low_and_on_their_side(bodies: list[Body]) -> None:
    for side, sign in (("L", 1), ("R", -1)):
        foot = bodies[0].vertices_mm[load_body_model().foot_vertices(side)]
        assert len(foot) > 50 and foot[:, 2].max() < 200 and (sign * foot[:, 0]).min() > 0


def test_unturned_bones_stay_where_they_rest(bodies: list[Body]) -> None:
    positions = forward_kinematics(bodies[0], *at_rest(bodies[0]))
    np.testing.assert_allclose(positions[0], bodies[0].bone_heads_mm, atol=1e-9)


def test_a_turned_body_is_the_resting_one_turned_about_its_hip_centre(bodies: list[Body]) -> None:
    body = bodies[0]
    turn = rot_z(np.array(0.7)) @ rot_x(np.array(-0.3))
    rotations, root = np.tile(turn, (1, NUM_BONES, 1, 1)), np.array([[100.0, -200.0, 900.0]])
    positions = forward_kinematics(body, rotations, root)
    expected = (body.bone_heads_mm - body.hip_centre_mm) @ turn.T + root
    np.testing.assert_allclose(positions[0], expected, atol=1e-9)


def test_a_right_angle_at_the_knee_lifts_the_foot_by_the_shank(bodies: list[Body]) -> None:
    body = bodies[0]
    rotations, root = at_rest(body)
    below = [BONE_INDEX[f"{bone}.L"] for bone in ("lowerleg01", "foot", "toes")]
    rotations[0, below] = rot_x(np.array(np.pi / 2))
    positions = forward_kinematics(body, rotations, root)[0]
    knee, shank = (
        body.head_of("lowerleg01.L"),
        body.head_of("foot.L") - body.head_of("lowerleg01.L"),
    )
    expected = knee + [shank[0], -shank[2], shank[1]]
    np.testing.assert_allclose(positions[BONE_INDEX["foot.L"]], expected, atol=1e-9)
    np.testing.assert_allclose(positions[BONE_INDEX["foot.R"]], body.head_of("foot.R"), atol=1e-9)


def waist_share(body: Body) -> float:
    """Girth of the trunk 150 mm above the hips, as a share of the stature."""
    model = load_body_model()
    trunk = model.skin_share("root", "spine04", "spine03", "spine02", "spine01") > 0.5
    level = body.hip_centre_mm[2] + 150 * body.stature_mm / 1700
    near = trunk & (np.abs(body.vertices_mm[:, 2] - level) < 15)
    near &= np.isin(np.arange(len(near)), model.faces["helper_tights"])
    return float(ConvexHull(body.vertices_mm[near, :2]).area) / body.stature_mm


def test_the_slider_of_weight_makes_people_wider_not_taller() -> None:
    model = load_body_model()
    thin, usual, heavy = (
        model.body(model.coefficients[7] + step * model.weight, model.phenotypes[7])
        for step in (-0.5, 0.0, 1.0)
    )
    assert waist_share(thin) + 0.03 < waist_share(usual) < waist_share(heavy) - 0.08
    assert thin.stature_mm == pytest.approx(heavy.stature_mm, rel=0.03)


def test_everybody_is_of_any_weight_and_stature() -> None:
    """By the volumes of slices, these bodies' waists are 0.40 of the stature at a body mass index
    of 17 and 0.70 at 40."""
    rng, wardrobe = np.random.default_rng(0), WARDROBES["everybody"]
    model, asked = load_body_model(), (wardrobe.statures_mm, wardrobe.body_variety)
    people = [model.sample(rng, *asked, wardrobe.heavier) for _ in range(80)]
    shares = [waist_share(body) for body in people]
    assert min(shares) < 0.42 and max(shares) > 0.68 and 0.47 < np.median(shares) < 0.57
    statures_mm = [body.stature_mm for body in people]
    assert min(statures_mm) < 1460 and max(statures_mm) > 2000
    usual = [waist_share(model.sample(rng, *asked)) for _ in range(40)]
    assert np.quantile(shares, 0.9) > np.quantile(usual, 0.9) + 0.04


def test_without_a_weight_asked_for_bodies_are_the_sampled_ones_to_the_last_bit() -> None:
    model = load_body_model()
    body = model.sample(np.random.default_rng(3))
    every = zip(model.coefficients, model.phenotypes, strict=True)
    assert any(np.array_equal(model.body(*pair).vertices_mm, body.vertices_mm) for pair in every)
