"""The wardrobes: plain clothes are a part of the varied ones, colours are colours."""

import numpy as np
import pytest

from posegrid.walkers.clothes.wardrobe import (
    WARDROBES,
    Attire,
    Shares,
    random_attire,
    random_materials,
)
from posegrid.walkers.render.surface_kernels import CHECKS, HOOPS


def drawn(kind: str, count: int = 300) -> list[Attire]:
    rng = np.random.default_rng(0)
    return [
        random_attire(rng, WARDROBES[kind], female=number % 2 == 0, child=False)  # type: ignore[index]
        for number in range(count)
    ]


def test_all_that_plain_people_wear_is_in_the_varied_wardrobe_too() -> None:
    plain, varied = WARDROBES["plain"], WARDROBES["varied"]
    pairs: list[tuple[Shares, Shares]] = [
        (plain.over, varied.over),
        (plain.hat, varied.hat),
        (plain.bag, varied.bag),
        *zip(plain.below, varied.below, strict=True),
        *zip(plain.hair, varied.hair, strict=True),
        *zip(plain.shoe, varied.shoe, strict=True),
    ]
    for narrow, wide in pairs:
        assert set(narrow) <= set(wide)
        assert sum(narrow.values()) == pytest.approx(1) and sum(wide.values()) == pytest.approx(1)


def test_plain_people_wear_no_hats_and_bags_and_nothing_open() -> None:
    for attire in drawn("plain"):
        assert (attire.hat, attire.bag, attire.open_front) == ("none", "none", False)
        assert attire.over in ("none", "coat") and attire.below != "dress"


@pytest.mark.parametrize("kind", ["plain", "varied"])
def test_garments_are_drawn_as_often_as_the_wardrobe_says(kind: str) -> None:
    attires, wardrobe = drawn(kind, 2000), WARDROBES[kind]  # type: ignore[index]
    for what, shares in (("over", wardrobe.over), ("hat", wardrobe.hat), ("bag", wardrobe.bag)):
        for name, share in shares.items():
            found = np.mean([getattr(attire, what) == name for attire in attires])
            assert found == pytest.approx(share, abs=0.04)


def test_materials_are_colours_and_known_patterns() -> None:
    for seed, attire in enumerate(drawn("varied", 30)):
        for row in random_materials(np.random.default_rng(seed), attire, child=False).values():
            assert ((row[:6] > 0) & (row[:6] < 1)).all()
    assert (HOOPS, CHECKS) == (1, 3)
