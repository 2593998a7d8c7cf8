"""Things in the way: what they hide, and what stays."""

import numpy as np
import pytest

from posegrid.walkers.render.occluders import Occluder, draw, random_occluder

SIZE = 64


def test_furniture_ends_the_box_and_hides_what_is_below() -> None:
    box = np.array([10.0, 10.0, 50.0, 60.0])
    table = Occluder("furniture", 0.5, 0.7)
    np.testing.assert_allclose(table.box(box), [10, 10, 50, 45])
    light, coverage = np.zeros((SIZE, SIZE, 3), np.float32), np.zeros((SIZE, SIZE), np.float32)
    hidden = draw(table, light, coverage, box, np.random.default_rng(0))
    assert hidden[55:].all() and not hidden[:35].any()
    assert (light[hidden] > 0).any() and not light[~hidden].any()


@pytest.mark.parametrize("kind", ["pole", "plant", "passer-by", "bystander"])
def test_things_hide_a_part_and_bystanders_nothing(kind: str) -> None:
    light, coverage = np.full((SIZE, SIZE, 3), 0.5, np.float32), np.zeros((SIZE, SIZE), np.float32)
    coverage[10:60, 15:50] = 1
    box = np.array([15.0, 10.0, 50.0, 60.0])
    hidden = [
        draw(Occluder(kind, 0.5, 0.3), light.copy(), coverage, box, np.random.default_rng(seed))  # type: ignore[arg-type]
        for seed in range(5)
    ]
    on_person = np.mean([mask[coverage > 0].mean() for mask in hidden])
    assert on_person == 0 if kind == "bystander" else 0 < on_person < 0.9


def test_one_crop_in_five_has_something_in_it() -> None:
    rng = np.random.default_rng(0)
    assert 0.17 < np.mean([random_occluder(rng) is not None for _ in range(1000)]) < 0.27
