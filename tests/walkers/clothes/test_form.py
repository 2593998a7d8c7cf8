"""Profiles against worked-out hulls and slopes; tubes and chains against their own definitions."""

import numpy as np
import pytest
from walkers.clothes.forms import edges_seen, form_in, tailor, volume_mm3

from posegrid.walkers.body.mesh import NUM_BONES
from posegrid.walkers.clothes.form import (
    NUM_CHAINS,
    Profile,
    chains,
    dangling,
    fitting_rod,
    hung_weights,
    legs,
    profile_of,
    tube_faces,
    turns,
)
from posegrid.walkers.clothes.loose import LooseBone, distance_mm


def test_a_profile_is_linear_between_its_numbers_round_the_seam_and_nearest_beyond() -> None:
    table = np.array([[1.0, 2.0, 3.0, 4.0], [11.0, 12.0, 13.0, 14.0]])
    profile = Profile(table, step=10.0)
    quarter = np.pi / 2  # columns lie at -135, -45, 45 and 135 degrees, rows at 5 and 15
    angle = np.array([-1.5, -0.5, 0.0, 1.0, 2.0, -2.0]) * quarter
    level = np.array([5.0, 15.0, 10.0, 5.0, -99.0, 99.0])
    expected = [1.0, 12.0, 7.5, 3.5, 2.5, 12.5]
    np.testing.assert_allclose(profile.at(angle, level), expected, atol=0.02)


def test_cloth_stretched_round_four_posts_spans_straight_lines_between_them() -> None:
    posts = Profile(np.array([[1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0], [0.2] * 8]), 1.0)
    taut = posts.taut().radius_mm
    np.testing.assert_allclose(taut[0], [1, np.sqrt(0.5)] * 4)
    np.testing.assert_allclose(taut[1], 0.2)
    wild = Profile(np.random.default_rng(0).uniform(0.5, 1.5, (5, 48)), 1.0)
    spanned = wild.taut()
    assert (spanned.radius_mm >= wild.radius_mm - 1e-9).all()
    np.testing.assert_allclose(spanned.taut().radius_mm, spanned.radius_mm)


def test_hanging_cloth_draws_in_by_its_slope_below_what_it_hangs_from() -> None:
    radius = np.array([[0.0], [4.5], [0.0], [5.0], [1.0]])
    hung = Profile(radius, step=2.0).hanging(0.5).radius_mm
    np.testing.assert_array_equal(hung, [[3.5], [4.5], [4.0], [5.0], [1.0]])
    np.testing.assert_array_equal(
        Profile(radius, 2.0).hanging(0.0).radius_mm, [[5.0], [5], [5], [5], [1]]
    )


def test_the_profile_of_cylinders_is_the_larger_radius_and_nothing_where_there_is_none() -> None:
    count, faces = 24, tube_faces(2, 24)
    turn = np.tile(turns(count, 0.0), 2)
    level = np.repeat([80.0, 20.0], count)
    angle, levels = np.concatenate([turn, turn]), np.concatenate([level, level - 40])
    radius = np.repeat([100.0, 150.0], 2 * count)
    both = np.concatenate([faces, faces + 2 * count])
    found = profile_of(angle, levels, radius, both, (12, 36), 10.0).radius_mm
    np.testing.assert_allclose(found[:4], 150)
    np.testing.assert_allclose(found[4:8], 100)
    np.testing.assert_array_equal(found[8:], 0)


@pytest.mark.parametrize("closed", [True, False])
def test_a_tube_is_joined_or_open_and_looks_outwards(closed: bool) -> None:
    rows, columns = 5, 16
    faces = tube_faces(rows, columns, closed=closed)
    assert len(faces) == 2 * (rows - 1) * (columns if closed else columns - 1)
    borders = 2 * columns if closed else 2 * (columns - 1) + 2 * (rows - 1)
    assert (edges_seen(faces) == 1).sum() == borders and edges_seen(faces).max() == 2
    turn, height = np.meshgrid(turns(columns, 0.0), np.linspace(1, 0, rows))
    points = np.stack([np.sin(turn), -np.cos(turn), height], axis=-1).reshape(-1, 3)
    a, b, c = points[faces].swapaxes(0, 1)
    outwards = (np.cross(b - a, c - a) * (a + b + c) * [1, 1, 0]).sum(axis=1)
    assert (outwards > 0).all() and volume_mm3(points, faces) > 0


def test_turns_go_round_once_or_from_edge_to_edge() -> None:
    np.testing.assert_allclose(turns(4, 0.0), [-np.pi, -np.pi / 2, 0, np.pi / 2])
    np.testing.assert_allclose(turns(3, 0.5), [0.5, np.pi, 2 * np.pi - 0.5])


def test_a_ring_lies_where_it_is_said_to_reach() -> None:
    form = form_in()
    angle, height = np.meshgrid(turns(8, 0.0), [900.0, 700.0])
    points = form.ring(lambda angle, height: 100 + 20 * np.cos(angle), angle, height)
    found_angle, distance = form.around(points.reshape(-1, 3))
    np.testing.assert_allclose(np.cos(found_angle), np.cos(angle.ravel()), atol=1e-9)
    np.testing.assert_allclose(distance, 100 + 20 * np.cos(angle.ravel()))
    np.testing.assert_array_equal(points[..., 2], height)


def test_cloth_hangs_outside_of_the_trunk_and_is_drawn_in_at_the_waist() -> None:
    form = form_in()
    cloth = form.hung(0.3, 25.0)
    assert (cloth.radius_mm >= form.trunk.radius_mm + 25 - 1e-9).all()
    tucked = form.tucked_in(cloth).radius_mm
    levels = (np.arange(len(tucked)) + 0.5) * 10
    at_waist, above = levels < form.waist_mm, levels > form.waist_mm + 90 * form.scale
    np.testing.assert_allclose(tucked[at_waist], form.trunk.radius_mm[at_waist] - 12 * form.scale)
    np.testing.assert_allclose(tucked[above], cloth.radius_mm[above])


def test_chains_hang_together_and_carry_all_of_a_skirts_weight() -> None:
    form = form_in(below="skirt")
    loose = chains(form, lambda angle, height: 200 + 0 * angle, 500.0, 0.0)
    assert len(loose) == 2 * NUM_CHAINS
    for k, (upper, lower) in enumerate(zip(loose[:NUM_CHAINS], loose[NUM_CHAINS:], strict=True)):
        assert (upper.after, lower.after) == (None, k) and lower.tip_mm[2] == 500
        np.testing.assert_array_equal(upper.tip_mm, lower.head_mm)
    angle, height = np.meshgrid(turns(24, 0.0), np.linspace(form.hips_mm + 100, 500, 9))
    body = np.tile(np.eye(NUM_BONES)[0], (angle.size, 1))
    weights = hung_weights(form, loose, body, angle, height, closed=True)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert (weights[:24, NUM_BONES:] == 0).all(), "above, the trunk moves it"
    np.testing.assert_allclose(weights[-24:, NUM_BONES + NUM_CHAINS :].sum(axis=1), 1)


def test_rods_are_as_thick_as_the_legs_or_as_fits() -> None:
    form, body = form_in(), tailor().body
    thin, thick = legs(form, 0.0), legs(form, 30.0)
    for one, other in zip(thin, thick, strict=True):
        assert other.radius_mm - one.radius_mm == pytest.approx(30 * form.scale)
        assert 30 < one.radius_mm < 120
    tip = np.array([0.0, 300.0, 1200.0])
    rod = fitting_rod(form, "neck01", "spine03", tip, 15.0)
    ends = body.head_of("neck01"), body.head_of("spine03")
    assert rod.radius_mm == pytest.approx(float(distance_mm(tip[None], *ends)[0]) - 15)


def test_what_dangles_goes_over_from_its_carrier_to_its_bone() -> None:
    form = form_in()
    points = np.array([[0.0, 0.0, z] for z in (1020.0, 1010.0, 1000.0, 990.0, 980.0)])
    bone = LooseBone("head", points[2], points[4], np.eye(3)[1])
    free = dangling(form, points, "head", bone, 40.0)
    np.testing.assert_allclose(free.sum(axis=1), 1)
    assert free[[0, 2, 4], NUM_BONES].tolist() == [0, 0.5, 1]
    assert 0 < free[1, NUM_BONES] < 0.5 < free[3, NUM_BONES] < 1
    assert (dangling(form, points, "head", bone)[:, NUM_BONES] == 1).all()
