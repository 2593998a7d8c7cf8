"""Hair and hats: shells outside of the head, balls that are balls."""

from typing import get_args

import numpy as np
import pytest
from walkers.clothes.forms import assert_whole, edges_seen, form_in, tailor, volume_mm3

from posegrid.walkers.body.mesh import BONE_INDEX, NUM_BONES
from posegrid.walkers.clothes.form import Form
from posegrid.walkers.clothes.headwear import Head, azimuths, ball, hair, hats
from posegrid.walkers.clothes.wardrobe import Hair, Hat


@pytest.fixture(scope="module")
def head() -> Head:
    return Head(tailor())


def height_above_head(head: Head, points: np.ndarray) -> np.ndarray:
    offset = points - head.centre
    distance = np.linalg.norm(offset, axis=1)
    elevation = np.arcsin(np.clip(offset[:, 2] / distance, -1, 1))
    azimuth = np.arctan2(offset[:, 0], -offset[:, 1])
    return distance - head.profile.at(azimuth, elevation + np.pi / 2)


def grown(form: Form, head: Head) -> list:
    return hair(form, head, np.random.default_rng(0))


def test_a_ball_lies_on_its_ellipsoid_and_has_its_volume() -> None:
    centre, radii = np.array([10.0, -20.0, 30.0]), np.array([3.0, 4.0, 5.0])
    points, faces = ball(centre, radii, rows=40, columns=60)
    np.testing.assert_allclose(np.linalg.norm((points - centre) / radii, axis=1), 1)
    assert volume_mm3(points - centre, faces) == pytest.approx(4 / 3 * np.pi * 60, rel=0.01)


def test_the_less_round_a_ball_is_the_more_of_its_box_it_fills() -> None:
    shares = []
    for squareness in (1.0, 0.6, 0.3):
        points, faces = ball(np.zeros(3), np.ones(3), 24, 36, squareness)
        assert np.abs(points).max() <= 1 + 1e-9
        shares.append(volume_mm3(points, faces) / 8)
    assert shares[0] < shares[1] < shares[2] < 1 and shares[2] > 0.8


def test_points_are_as_far_outside_of_the_head_as_is_said(head: Head) -> None:
    azimuth, elevation = azimuths(12), np.linspace(-0.6, 1.2, 12)
    points = head.point(azimuth, elevation, 17.0)
    np.testing.assert_allclose(height_above_head(head, points), 17)
    front = head.point(np.zeros(1), np.zeros(1), 0.0)[0]
    assert front[1] < head.centre[1] and front[2] == pytest.approx(head.centre[2])
    assert 60 < head.centre[1] - front[1] < 130, "a face before the ears"


def test_a_dome_ends_where_its_rim_is(head: Head) -> None:
    rim = np.radians(np.linspace(-10, 20, 28))
    dome = head.dome("hat", rim, 12.0)
    assert_whole(dome)
    edge = dome.points_mm[-28:] - head.centre
    np.testing.assert_allclose(np.arcsin(edge[:, 2] / np.linalg.norm(edge, axis=1)), rim)
    np.testing.assert_allclose(height_above_head(head, dome.points_mm[28:]), 12, atol=1e-6)
    assert (dome.weights[:, BONE_INDEX["head"]] == 1).all()
    a, b, c = (dome.points_mm - head.centre)[dome.faces].swapaxes(0, 1)
    assert ((np.cross(b - a, c - a) * (a + b + c)).sum(axis=1) >= -1e-6).all(), "outside is seen"


@pytest.mark.parametrize("hat", get_args(Hat))
def test_a_hat_sits_outside_of_the_head_and_goes_with_it(hat: str, head: Head) -> None:
    pieces = hats(form_in(hat=hat), head)
    assert bool(pieces) == (hat != "none")
    for piece in pieces:
        assert_whole(piece)
        assert piece.material == "hat" and (piece.weights[:, BONE_INDEX["head"]] == 1).all()
        assert height_above_head(head, piece.points_mm).min() > 5
    highest = max((piece.points_mm[:, 2].max() for piece in pieces), default=np.inf)
    assert highest > tailor().body.stature_mm


@pytest.mark.parametrize("kind", get_args(Hair))
def test_hair_is_of_the_head_and_long_hair_swings(kind: str, head: Head) -> None:
    pieces = grown(form_in(hair=kind, hair_length=300.0), head)
    assert bool(pieces) == (kind != "bald")
    for piece in pieces:
        assert_whole(piece)
        assert piece.material == "hair" and len(piece.weights.T) == NUM_BONES + len(piece.loose)
    loose = {"long": 3, "ponytail": 1}.get(kind, 0)
    assert sum(len(piece.loose) for piece in pieces) == loose


def test_long_hair_ends_as_far_below_the_eyes_as_it_is_long(head: Head) -> None:
    curtain = grown(form_in(hair="long", hair_length=300.0), head)[1]
    eyes_mm = tailor().body.eyes_mm[:, 2].mean()
    assert curtain.points_mm[:, 2].min() == pytest.approx(eyes_mm - 300 * head.scale)
    assert (edges_seen(curtain.faces) <= 2).all()


@pytest.mark.parametrize("hat", ["hood", "scarf"])
def test_under_a_hood_there_is_no_hair_to_be_seen(hat: str, head: Head) -> None:
    assert grown(form_in(hair="long", hat=hat), head) == []
    under_a_cap = grown(form_in(hair="afro", hat="cap"), head)[0].points_mm
    free = grown(form_in(hair="afro"), head)[0].points_mm
    assert height_above_head(head, under_a_cap).max() < height_above_head(head, free).max() - 20
