"""Shoes stand below the feet, bags hang where they are worn."""

import numpy as np
import pytest
from walkers.clothes.forms import assert_whole, form_in, tailor

from posegrid.walkers.body.mesh import NUM_BONES
from posegrid.walkers.clothes.accessories import bags, shoes
from posegrid.walkers.clothes.garments import tops
from posegrid.walkers.clothes.sewing import MeshPiece


def of_kind(pieces: list[MeshPiece], material: str) -> list[MeshPiece]:
    return [piece for piece in pieces if piece.material == material]


@pytest.mark.parametrize("shoe", ["trainer", "leather", "boot", "pump"])
def test_soles_are_as_thick_as_they_should_be_one_for_each_foot(shoe: str) -> None:
    form = form_in(shoe=shoe, sole=20.0, shoe_height=120.0)
    left, right = of_kind(shoes(form), "sole")
    feet = tailor().body.vertices_mm
    for sole, sign in ((left, 1), (right, -1)):
        assert_whole(sole)
        assert sole.points_mm[:, 2].min() == pytest.approx(-20 * form.scale)
        assert (sign * sole.points_mm[:, 0] > 0).all()
        foot = feet[(feet[:, 2] < 45) & (sign * feet[:, 0] > 0), :2]
        centre, reach = 0.5 * (foot.min(axis=0) + foot.max(axis=0)), np.ptp(foot, axis=0) / 2
        edge = np.abs(sole.points_mm[:, :2] - centre).max(axis=0)
        assert (edge > reach - 1).all() and (edge < reach + 16).all(), "a ledge round the foot"


def test_only_trainers_have_no_heel() -> None:
    def arch_mm(shoe: str) -> float:
        """How far the sole's underside is off the floor below the ball of the foot."""
        sole = of_kind(shoes(form_in(shoe=shoe, sole=20.0)), "sole")[0].points_mm[-56:-28]
        front = sole[:, 1] < np.median(sole[:, 1]) - 20
        return float(sole[front, 2].min() - sole[:, 2].min())

    assert arch_mm("trainer") == pytest.approx(0, abs=0.5)
    assert arch_mm("pump") == pytest.approx(12 * form_in().scale, abs=0.5)


def test_a_boot_reaches_higher_under_a_skirt_than_a_shoe() -> None:
    def top_mm(**what: object) -> float:
        (upper,) = of_kind(shoes(form_in(**what)), "shoe")
        return float(upper.points_mm[:, 2].max())

    ankle_mm = float(tailor().body.head_of("foot.L")[2])
    boot = top_mm(shoe="boot", below="skirt", shoe_height=120.0)
    assert boot == pytest.approx(ankle_mm + 120 * form_in().scale, abs=8)
    assert top_mm(shoe="pump") < top_mm(shoe="trainer") < ankle_mm + 40 < boot


def test_pumps_leave_the_instep_bare() -> None:
    ankle, toes = (tailor().body.head_of(f"{bone}.L") for bone in ("foot", "toes"))

    def instep_mm(shoe: str) -> float:
        """How high the shoe reaches half way from the ankle to the toes."""
        (upper,) = of_kind(shoes(form_in(shoe=shoe)), "shoe")
        forward = (ankle[1] - upper.points_mm[:, 1]) / (ankle[1] - toes[1])
        return float(upper.points_mm[np.abs(forward - 0.5) < 0.1, 2].max())

    assert instep_mm("pump") < instep_mm("trainer") - 20


def test_pumps_are_worn_without_socks_but_with_stockings() -> None:
    def sock_faces(**what: object) -> int:
        (sock,) = of_kind(shoes(form_in(sock_start=1.7, **what)), "sock")
        return len(sock.faces)

    assert sock_faces(shoe="pump") == 0 < sock_faces(shoe="trainer")
    (stocking,) = of_kind(shoes(form_in(shoe="pump", below="skirt", sock_start=0.5)), "sock")
    assert len(stocking.faces) > sock_faces(shoe="trainer")


def carried(bag: str) -> list[MeshPiece]:
    form = form_in(bag=bag)
    pieces = bags(form, tops(form))
    for piece in pieces:
        if len(piece.faces):
            assert_whole(piece)
    assert {piece.material for piece in pieces} <= {"bag"}
    return pieces


def test_who_carries_nothing_has_no_bag() -> None:
    assert carried("none") == []


def test_a_backpack_lies_behind_the_back_and_jolts_with_it() -> None:
    form = form_in()
    worn = np.concatenate([piece.points_mm for piece in tops(form)])
    pack, pocket, *straps = carried("backpack")
    middle = pack.points_mm.mean(axis=0)
    near = np.abs(worn[:, 2] - middle[2]) < 100
    assert middle[1] > worn[near, 1].max() and pocket.points_mm[:, 1].max() > middle[1]
    assert abs(middle[0]) < 1 and pack.loose[0].carrier == "spine02"
    assert (pack.weights[:, NUM_BONES] == 1).all() and straps
    strap = np.concatenate([piece.points_mm for piece in straps])
    assert (strap[:, 0] > 0).any() and (strap[:, 0] < 0).any()


def test_a_shoulder_bag_hangs_at_the_left_hip() -> None:
    form = form_in()
    bag, flap, *straps = carried("shoulder bag")
    middle = bag.points_mm.mean(axis=0)
    assert middle[0] > 100 and abs(middle[2] - form.hips_mm) < 80 * form.scale
    assert flap.points_mm[:, 2].mean() > middle[2] and bag.loose[0].carrier == "root"
    strap = np.concatenate([piece.points_mm for piece in straps])
    highest = strap[strap[:, 2].argmax()]
    assert highest[0] < 0, "over the right shoulder"


def test_a_handbag_hangs_below_the_left_hand_by_its_handles() -> None:
    body, form = tailor().body, form_in()
    hold = 0.5 * (body.head_of("finger3-1.L") + body.head_of("finger3-2.L"))
    bag, *handles = carried("handbag")
    assert len(handles) == 2 and bag.loose[0].carrier == "wrist.L"
    np.testing.assert_allclose(bag.loose[0].head_mm, hold)
    assert bag.points_mm[:, 2].max() == pytest.approx(hold[2] - 130 * form.scale)
    for handle in handles:
        assert handle.points_mm[:, 2].max() == pytest.approx(hold[2] - 5)
        assert handle.points_mm[:, 2].min() == pytest.approx(hold[2] - 130 * form.scale)
