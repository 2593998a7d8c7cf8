"""Straps lie round limbs and trunk, markers stick out farthest near joints."""

import numpy as np
import pytest
from walkers.clothes.forms import assert_whole, form_in

from posegrid.walkers.clothes.accessories import shoes
from posegrid.walkers.clothes.garments import tops, trousers
from posegrid.walkers.clothes.instruments import (
    LEFT_MARKERS,
    LIMB_STRAPS,
    MARKER_MM,
    MIDDLE_MARKERS,
    STRAP_HALF_MM,
    STRAP_LIFT_MM,
    TRUNK_STRAPS,
    markers,
    straps,
)
from posegrid.walkers.clothes.person import random_person
from posegrid.walkers.clothes.sewing import MATERIALS, MeshPiece
from posegrid.walkers.clothes.wardrobe import STRAPS, WARDROBES, random_attire


def worn_by(**what: object) -> tuple[list[MeshPiece], list[MeshPiece], list[MeshPiece]]:
    """Clothes, straps and markers."""
    form = form_in(leg_end=2.0, sleeve_end=1.97, hem=-60.0, **what)
    clothes = [*shoes(form), *trousers(form), *tops(form)]
    return clothes, straps(form, clothes), markers(form, clothes)


@pytest.mark.parametrize("strap", sorted(LIMB_STRAPS))
def test_a_limb_s_strap_goes_round_both_limbs_where_it_should(strap: str) -> None:
    form = form_in()
    _, bands, _ = worn_by(straps=(strap,))
    bands = [band for band in bands if len(band.faces)]
    upper, lower, share, _ = LIMB_STRAPS[strap]
    points_mm = np.concatenate([band.points_mm for band in bands])
    for band in bands:
        assert_whole(band)
    for side, sign in (("L", 1), ("R", -1)):
        start, end = (form.tailor.body.head_of(f"{bone}.{side}") for bone in (upper, lower))
        mine = points_mm[sign * points_mm[:, 0] > 0] - start
        along = (end - start) / np.linalg.norm(end - start)
        at_mm = mine @ along - share * np.linalg.norm(end - start)
        half_mm = STRAP_HALF_MM * form.scale
        # raised along the cloth's normals, which may point a little along the limb
        assert np.abs(at_mm).max() < half_mm + STRAP_LIFT_MM * form.scale
        assert np.ptp(at_mm) > 1.5 * half_mm
        across = mine - np.outer(mine @ along, along)
        ways = across / np.linalg.norm(across, axis=1, keepdims=True)
        assert (ways @ ways.T).min() < -0.95, "all the way round"


@pytest.mark.parametrize("strap", sorted(TRUNK_STRAPS))
def test_a_trunk_s_strap_is_level_and_lies_on_the_top(strap: str) -> None:
    form = form_in()
    clothes, bands, _ = worn_by(straps=(strap,))
    bone, above_mm = TRUNK_STRAPS[strap]
    height_mm = form.tailor.body.head_of(bone)[2] + above_mm * form.scale
    band = max(bands, key=lambda band: len(band.faces))
    assert np.abs(band.points_mm[:, 2] - height_mm).max() < (STRAP_HALF_MM + 5) * form.scale
    top = next(piece for piece in clothes if piece.material == "top")
    apart = np.linalg.norm(band.points_mm[:, None] - top.points_mm, axis=-1).min(axis=1)
    assert np.median(apart) < 15


def test_each_marker_is_a_ball_on_what_lies_farthest_out_and_sides_have_as_many() -> None:
    clothes, _, balls = worn_by(markers=True)
    on_head = sum(bone == "head" for bone, _ in LEFT_MARKERS)  # this dummy has no head
    assert len(balls) == 2 * (len(LEFT_MARKERS) - on_head) + len(MIDDLE_MARKERS)
    points_mm = np.concatenate([piece.points_mm for piece in clothes])
    middles = np.stack([ball.points_mm.mean(axis=0) for ball in balls])
    for ball, middle in zip(balls, middles, strict=True):
        assert_whole(ball)
        far_mm = np.linalg.norm(ball.points_mm - middle, axis=1)
        np.testing.assert_allclose(far_mm, MARKER_MM, atol=1.0)
        assert np.linalg.norm(points_mm - middle, axis=1).min() < 1.0
    left, right = (sorted(middles[sign * middles[:, 0] > 40, 2]) for sign in (1, -1))
    np.testing.assert_allclose(left, right, atol=30)


def test_who_wears_no_instruments_has_none() -> None:
    _, bands, balls = worn_by()
    assert not bands and not balls


def test_only_people_to_be_measured_wear_instruments_or_bare_feet() -> None:
    rng = np.random.default_rng(0)
    for kind, wardrobe in WARDROBES.items():
        attires = [
            random_attire(rng, wardrobe, female=bool(n % 2), child=False) for n in range(400)
        ]
        strapped, marked, barefoot = (
            np.mean([bool(flag(a)) for a in attires])
            for flag in (lambda a: a.straps, lambda a: a.markers, lambda a: a.shoe == "barefoot")
        )
        if kind not in ("laboratory", "everybody"):
            assert strapped == marked == barefoot == 0
            continue
        assert {strap for attire in attires for strap in attire.straps} == set(STRAPS)
        assert 0.08 < strapped < 0.35 and 0.08 < marked < 0.35 and 0.1 < barefoot < 0.45
        clothed = any(a.below in ("skirt", "dress") or a.over == "coat" for a in attires)
        assert clothed == (kind == "everybody")


def test_people_in_a_laboratory_are_of_all_statures_and_stand_on_their_own_soles() -> None:
    people = [random_person(np.random.default_rng(seed), "laboratory") for seed in range(24)]
    statures_mm = [person.body.stature_mm for person in people if person.body.stature_mm > 1400]
    assert min(statures_mm) < 1540 and max(statures_mm) > 1990, "others end at 1950"
    barefoot = [person for person in people if person.attire.shoe == "barefoot"]
    assert barefoot
    for person in barefoot:
        worn = {MATERIALS[index] for index in np.unique(person.material)}
        assert not worn & {"shoe", "sole", "sock"}
        assert person.sole_mm == pytest.approx(0, abs=1.0)
    seen = {MATERIALS[index] for person in people for index in np.unique(person.material)}
    assert {"strap", "marker"} <= seen
    assert max(len(person.vertices_mm) for person in people) < 16_000, "more vertices cost speed"
