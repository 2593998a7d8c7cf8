"""Garments end where they are said to, hang about the body, and carry their weight."""

import numpy as np
import pytest
from walkers.clothes.forms import assert_whole, form_in, tailor

from posegrid.walkers.body.mesh import NUM_BONES
from posegrid.walkers.clothes.form import NUM_ANGLES, NUM_CHAINS, Profile
from posegrid.walkers.clothes.garments import Top, band, skirts, tops, trousers, tube
from posegrid.walkers.clothes.sewing import even_piece


def reach(angle: np.ndarray, height: np.ndarray) -> np.ndarray:
    return 220 + 0.1 * (1000 - height) + 10 * np.cos(angle)


@pytest.mark.parametrize(("opening_rad", "columns"), [(0.0, NUM_ANGLES), (0.3, NUM_ANGLES)])
def test_a_tube_lies_where_it_reaches_between_its_ends(opening_rad: float, columns: int) -> None:
    form = form_in()
    piece = tube(form, "coat", 1000.0, 920.0, reach, opening_rad, rows=5)
    assert_whole(piece)
    angle, distance = form.around(piece.points_mm)
    height = piece.points_mm[:, 2].reshape(5, columns)
    np.testing.assert_allclose(height, np.tile([[1000], [980], [960], [940], [920]], columns))
    np.testing.assert_allclose(distance, reach(angle, height.ravel()))
    assert len(piece.faces) == 2 * 4 * (columns if opening_rad == 0 else columns - 1)
    assert np.abs(angle).min() == pytest.approx(opening_rad, abs=1e-9)


def test_only_a_long_tube_swings_and_its_hem_hangs_on_the_lower_chains() -> None:
    form = form_in()
    short = tube(form, "top", 1000.0, form.hips_mm - 140 * form.scale, reach)
    assert short.loose == () and short.weights.shape[1] == NUM_BONES
    long = tube(form, "bottom", 1000.0, 400.0, reach)
    assert_whole(long)
    assert len(long.loose) == 2 * NUM_CHAINS
    hem = long.weights[-NUM_ANGLES:]
    np.testing.assert_allclose(hem[:, NUM_BONES + NUM_CHAINS :].sum(axis=1), 1)
    assert (long.weights[:NUM_ANGLES, NUM_BONES:] == 0).all()


def test_a_band_is_the_part_where_its_field_is_positive_lifted_off_the_cloth() -> None:
    square = np.array([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0], [100.0, 100.0, 0.0], [0.0, 100.0, 0.0]])
    weights = np.tile([0.25, 0.75], (4, 1))
    cloth = even_piece("top", square, np.array([[0, 1, 2], [0, 2, 3]]), weights)
    strip = band(cloth, 30 - square[:, 0], "bag", 5.0, 0.9)
    assert strip.points_mm.max(axis=0).tolist() == pytest.approx([30, 100, 5])
    np.testing.assert_allclose(strip.points_mm[:, 2], 5)
    np.testing.assert_allclose(strip.weights, np.tile([0.25, 0.75], (len(strip.weights), 1)))
    a, b, c = strip.points_mm[strip.faces].swapaxes(0, 1)
    assert np.cross(b - a, c - a)[:, 2].sum() / 2 == pytest.approx(3000)
    assert strip.material == "bag" and (strip.tint == 0.9).all()


@pytest.mark.parametrize("leg_end", [0.6, 1.0, 1.9])
def test_trousers_end_where_they_should(leg_end: float) -> None:
    marks, body = tailor().marks, tailor().body
    (piece,) = trousers(form_in(leg_end=leg_end))
    assert_whole(piece)
    near = marks.is_leg & (np.abs(marks.along_leg - leg_end) < 0.03)
    assert piece.points_mm[:, 2].min() == pytest.approx(body.vertices_mm[near, 2].min(), abs=25)


def test_trousers_lie_as_far_from_the_legs_as_they_are_wide() -> None:
    body, form = tailor().body, form_in()
    tight, wide = (
        trousers(form_in(leg_ease=ease, leg_flare=0.0, leg_end=1.8))[0] for ease in (10.0, 40.0)
    )
    height = tight.points_mm[:, 2]
    thigh = (height < form.hips_mm - 230) & (height > body.head_of("lowerleg01.L")[2])
    apart = np.linalg.norm((wide.points_mm - tight.points_mm)[thigh], axis=1)
    np.testing.assert_allclose(apart, 30 * form.scale, atol=6)  # smoothing takes a little
    level = body.head_of("lowerleg01.L")[2] + 100
    skin = body.vertices_mm[np.unique(tailor().model.faces["body"])]
    bare = np.abs(skin[np.abs(skin[:, 2] - level) < 20, 0])
    cloth = np.abs(tight.points_mm[np.abs(height - level) < 20, 0])
    assert bare.max() + 5 < cloth.max() and bare.min() > cloth.min(), "the leg is within"


def test_who_wears_a_skirt_wears_no_trousers_and_the_other_way_round() -> None:
    assert trousers(form_in(below="skirt")) == [] == skirts(form_in(below="trousers"))
    hidden = form_in(below="skirt", over="coat", open_front=False, coat_end=0.7, skirt_end=0.6)
    assert skirts(hidden) == [], "under a longer coat"
    assert len(skirts(form_in(below="skirt", over="coat", coat_end=0.5, skirt_end=0.6))) == 1


def test_a_skirt_widens_by_its_flare() -> None:
    wide, narrow = (
        skirts(form_in(below="skirt", skirt_end=0.6, skirt_flare=flare, pleat_mm=0.0))[0]
        for flare in (0.2, 0.0)
    )
    form = form_in()
    apart = form.around(wide.points_mm)[1] - form.around(narrow.points_mm)[1]
    below = np.maximum(form.hips_mm + 30 * form.scale - wide.points_mm[:, 2], 0)
    np.testing.assert_allclose(apart, 0.2 * below, atol=1e-6)


def test_the_gap_of_an_open_front_widens_downwards_by_a_tenth() -> None:
    form, neck_mm = form_in(), float(tailor().body.head_of("neck01")[2])
    top = Top("coat", Profile(np.ones((2, 2)), 1.0), 900.0, None, 1.9, 0.0, 10.0, opening=35.0)
    assert top.gap_mm(form, neck_mm) == pytest.approx(35 * form.scale)
    assert top.gap_mm(form, neck_mm - 200) == pytest.approx(55 * form.scale)


def test_a_closed_coat_has_buttons_and_an_open_one_shows_the_front_of_a_shirt() -> None:
    form = form_in(over="coat", open_front=False, hem=80.0)
    closed = tops(form)
    assert {piece.material for piece in closed} == {"coat"}
    buttons = closed[len(closed) // 2 :]
    for piece in buttons:
        assert np.abs(piece.points_mm[:, 0]).max() < 5 * form.scale + 1.5
        assert (piece.points_mm[:, 1] < form.axis_y_mm).all()
    opened = tops(form_in(over="coat", open_front=True, hem=80.0))
    shirt = [piece for piece in opened if piece.material == "top"]
    coat = [piece for piece in opened if piece.material == "coat"]
    assert shirt and coat
    bare = np.concatenate([piece.points_mm for piece in coat])
    chest = bare[(bare[:, 1] < form.axis_y_mm) & (bare[:, 2] < 1300 * form.scale)]
    assert np.abs(chest[:, 0]).min() > 20 * form.scale
