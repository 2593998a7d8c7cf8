from dataclasses import replace

import numpy as np
import pytest

from posegrid.walkers.scenes.compose import SceneRecipe, compose
from posegrid.walkers.scenes.faults import Faults, filmed, random_faults
from posegrid.walkers.scenes.figures import Figure, draw_figure, ends_seen
from posegrid.walkers.scenes.furniture import KINDS, draw_thing, random_thing
from posegrid.walkers.scenes.surroundings import SceneView
from tests.walkers.scenes.made_up_scenes import cut_out, library, surroundings

PLAIN = SceneRecipe((96, 160), 2, 0.5, "clean")
LEVEL = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""World to a camera that looks along +x."""


def figure(x: float, y: float, colour: tuple[int, int, int] = (200, 40, 90)) -> Figure:
    """A rectangle of 30 x 90 px with its corner at (x, y), drawn as it is."""
    return Figure(
        cut_out=cut_out(colour),
        subject=0,
        to_picture=np.array([[1.0, 0.0, x], [0.0, 1.0, y]]),
        depth_mm=3000.0,
        gain=np.ones(3),
        bend=1.0,
        shadow=0.0,
        mirrored=0.0,
    )


def blank(people: int = 2) -> tuple[np.ndarray, np.ndarray]:
    return np.full((120, 100, 3), 128, np.float32), np.zeros((people, 120, 100), np.float32)


def test_a_figure_covers_its_own_pixels_and_no_others() -> None:
    image, cover = blank()
    draw_figure(image, cover, figure(20, 10), 0)
    wanted = np.zeros((120, 100))
    wanted[10:100, 20:50] = 1
    np.testing.assert_allclose(cover[0], wanted, atol=1e-4)
    np.testing.assert_allclose(image[10:100, 20:50], np.tile([200, 40, 90], (90, 30, 1)), atol=0.1)
    assert (image[wanted == 0] == 128).all()


def test_who_is_drawn_later_hides_who_is_behind() -> None:
    image, cover = blank()
    draw_figure(image, cover, figure(20, 10), 0)
    draw_figure(image, cover, figure(35, 20, (10, 250, 10)), 1)
    assert cover[1].sum() == pytest.approx(30 * 90, abs=1)
    assert cover[0].sum() == pytest.approx(30 * 90 - 15 * 80, abs=1)
    assert cover.sum(axis=0).max() <= 1 + 1e-5


def test_half_a_pixel_is_half_covered() -> None:
    image, cover = blank(1)
    draw_figure(image, cover, figure(20.5, 10), 0)
    np.testing.assert_allclose(cover[0, 50, 19:23], [0, 0.5, 1, 1], atol=0.02)


def test_shadows_and_reflections_are_nobodys() -> None:
    image, cover = blank(1)
    dark = replace(cut_out((200, 40, 90)), shade=np.full((96, 96), 60, np.uint8))
    draw_figure(image, cover, replace(figure(20, 0), cut_out=dark, shadow=0.8, mirrored=0.5), 0)
    assert cover[0].sum() == pytest.approx(30 * 90, abs=1)
    assert (image[40, 60] < 128).all()
    assert abs(image[95, 35] - 128).max() > 10


def test_things_before_people_take_from_them() -> None:
    image, cover = blank(1)
    view = SceneView((120, 100), 100.0, LEVEL, 1000.0)
    draw_figure(image, cover, figure(35, 20), 0)
    before = cover.copy()
    rng = np.random.default_rng(0)
    thing = random_thing(rng, view, np.array([2500.0, 0.0]), 3, "cupboard")
    assert thing is not None
    draw_thing(image, cover, thing, view, surroundings().pyramids)
    assert (cover <= before).all()
    assert cover.sum() < before.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_thing_can_be_drawn(kind: str) -> None:
    view = SceneView((120, 100), 60.0, LEVEL, 1500.0)
    thing = random_thing(np.random.default_rng(1), view, np.array([3000.0, 0.0]), 3, kind)
    assert thing is not None
    image, cover = blank(1)
    draw_thing(image, cover, thing, view, surroundings().pyramids)
    assert (image != 128).any()


def test_ends_are_seen_unless_cut_off_or_hidden() -> None:
    image, cover = blank(1)
    whole = figure(20, 10)
    draw_figure(image, cover, whole, 0)
    assert ends_seen(whole, cover[0]) == (True, True)
    low = figure(20, 60)
    image, cover = blank(1)
    draw_figure(image, cover, low, 0)
    assert ends_seen(low, cover[0]) == (True, False)
    cover[0, 55:75] = 0
    assert ends_seen(low, cover[0]) == (False, False)


@pytest.mark.parametrize(
    "reference", ["none", "clean", "ghosts", "still", "spot", "shaken", "wrong"]
)
def test_scenes_are_the_same_for_the_same_numbers(reference: str) -> None:
    recipe = replace(PLAIN, reference=reference, num_people=3, poster=reference == "clean")
    one, other = (
        compose(np.random.default_rng(3), library(), surroundings(), recipe) for _ in range(2)
    )
    for name in ("frame", "reference", "known", "cover", "seen"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.frame.shape == one.reference.shape == (96, 160, 3)
    assert one.cover.shape[1:] == one.known.shape == (96, 160)
    assert one.cover.sum(axis=0).max() <= 1 + 1e-4
    if reference == "none":
        assert not one.known.any()
        assert not one.reference.any()


def test_nobody_in_the_recipe_is_nobody_in_the_scene() -> None:
    for seed in range(5):
        recipe = replace(PLAIN, num_people=0, reference="ghosts")
        scene = compose(np.random.default_rng(seed), library(), surroundings(), recipe)
        assert scene.cover.shape[0] == 0
        assert scene.seen.shape == (0, 2)


def test_the_first_person_of_a_window_stands_in_its_middle() -> None:
    recipe = replace(PLAIN, num_people=1, centred=True, num_things=0, height_share=0.7)
    for seed in range(8):
        scene = compose(np.random.default_rng(seed), library(), surroundings(), recipe)
        rows, columns = np.nonzero(scene.cover[0] > 0.5)
        assert abs(columns.mean() - 80) < 30
        assert abs(rows.mean() - 48) < 20
        assert 40 < np.ptp(rows) < 90


def test_a_perfect_camera_changes_nothing() -> None:
    picture = np.random.default_rng(0).uniform(0, 255, (20, 30, 3)).astype(np.float32)
    cover = np.zeros((1, 20, 30), np.float32)
    frame, reference, known = filmed(
        np.random.default_rng(2), picture, picture.copy(), cover, Faults(), "clean"
    )
    assert np.abs(frame.astype(float) - picture).max() <= 0.6
    np.testing.assert_array_equal(frame, reference)
    assert set(np.unique(known)) <= {0, 1}


def test_grey_video_is_grey() -> None:
    picture = np.random.default_rng(0).uniform(0, 255, (24, 32, 3)).astype(np.float32)
    for kind in ("grey", "infrared"):
        faults = replace(random_faults(np.random.default_rng(4)), grey=kind, quality=None)
        cover = np.zeros((1, 24, 32), np.float32)
        frame, reference, _ = filmed(
            np.random.default_rng(1), picture, picture.copy(), cover, faults, "clean"
        )
        for each in (frame, reference):
            assert (each == each[..., :1]).all()
