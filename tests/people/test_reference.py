"""The empty scene: one place or several, a camera that moves, light that changes."""

import numpy as np
import pytest
from people.made_up import RED, SIZE_WH, picture

from posegrid.people.reference import (
    NUM_SAMPLES,
    ClipReferences,
    Contrasts,
    Reference,
    References,
    RunningReferences,
    light_gain,
    look_of,
    look_size,
)
from posegrid.video.picture import Picture


@pytest.mark.parametrize(
    ("size_wh", "look_wh"),
    [
        ((1920, 1080), (320, 192)),
        ((1280, 960), (288, 224)),
        ((1080, 1920), (192, 320)),
        ((640, 640), (256, 256)),
        ((4000, 200), (960, 64)),
    ],
)
def test_first_looks_have_the_pictures_shape(size_wh, look_wh):
    assert look_size(size_wh) == look_wh


def walker(x: float, shift: int = 0, gain: float = 1.0) -> Picture:
    image = picture([((x, 60, x + 36, 150), RED)], shift)
    return Picture.from_rgb(np.clip(image * gain, 0, 255).astype(np.uint8))


def given_to(references: References, pictures: list[Picture]) -> list[Reference | None]:
    return [references.at(n / 25, one, look_of(one)) for n, one in enumerate(pictures)]


def test_of_a_fixed_camera_the_walker_vanishes():
    walk = [walker(x) for x in np.linspace(0, 280, 40)]
    references = ClipReferences.learnt(walk[::2])
    assert all(given_to(references, walk)) and references.camera_fixed
    (reference,) = references.references
    empty = Picture.from_rgb(picture([])).scaled_rgb((640, 384))
    assert np.abs(reference.rgb.astype(int) - empty).mean() < 2


def test_who_is_seen_to_stand_for_most_of_the_time_vanishes_too():
    stands = [walker(100)] * 16 + [walker(240)] * 8

    def covered(picture, reference):
        red = picture.rgb()[..., 0].astype(int) - picture.rgb()[..., 1] > 60
        assert reference.size_wh == picture.size_wh
        return red

    plain, emptied = (ClipReferences.learnt(stands, how).references[0] for how in (None, covered))
    empty = Picture.from_rgb(picture([])).scaled_rgb((640, 384)).astype(int)
    assert np.abs(plain.rgb - empty).max() > 100
    assert np.abs(emptied.rgb - empty).max() < 60 and emptied.known.mean() > 0.99


def test_live_who_is_seen_to_stand_vanishes_as_soon_as_they_have_gone():
    def covered(picture, reference):
        return picture.rgb()[..., 0].astype(int) - picture.rgb()[..., 1] > 60

    pictures = [walker(100)] * 6 + [walker(240)] * 4
    empty = Picture.from_rgb(picture([])).scaled_rgb((640, 384)).astype(int)
    for how, near in ((None, False), (covered, True)):
        references = RunningReferences(how)
        for n, one in enumerate(pictures):
            reference = references.at(n / 2, one, look_of(one))
        assert reference is not None
        assert (np.abs(reference.rgb - empty).max() < 60) == near


def test_what_somebody_always_covers_is_not_known():
    everywhere = np.ones((192, 320), bool)
    somewhere = everywhere & (np.arange(320) < 50)
    samples = [np.full((384, 640, 3), level, np.uint8) for level in (10, 20, 30, 40, 50, 60)]
    plain = Reference.of(samples, SIZE_WH)
    reference = plain.without([somewhere] * 6, samples)
    assert not reference.known[:, :100].any() and (reference.rgb == 30).all()
    twice = plain.without([somewhere] * 4 + [~everywhere] * 2, samples)
    assert not twice.known[:, :100].any()
    thrice = plain.without([somewhere] * 3 + [~everywhere] * 3, samples)
    assert thrice.known[:, :100].all() and (thrice.rgb[:, :100] == 50).all()


def test_a_camera_that_pans_or_shakes_has_no_reference():
    rng = np.random.default_rng(0)
    panned = [walker(100, shift=4 * n) for n in range(60)]
    shaken = [walker(100, shift=int(rng.integers(0, 200))) for _ in range(60)]
    for pictures in (panned, shaken):
        references = ClipReferences.learnt(pictures[::2])
        assert not any(given_to(references, pictures)) and not references.camera_fixed


def test_a_camera_that_is_moved_once_has_two_places_and_is_not_fixed():
    before, after = ([walker(x, shift) for x in np.linspace(0, 280, 30)] for shift in (0, 90))
    references = ClipReferences.learnt(before + after)
    found = given_to(references, before + after)
    first, second = set(map(id, found[:30])), set(map(id, found[30:]))
    assert len(first) == len(second) == 1 and first != second and None not in found
    assert not references.camera_fixed


def test_a_bump_is_without_reference_and_the_camera_is_still_fixed():
    walk = [
        walker(x, shift=60 if n in (20, 21) else 0) for n, x in enumerate(np.linspace(0, 280, 60))
    ]
    references = ClipReferences.learnt(walk[::3])
    found = given_to(references, walk)
    assert [n for n, one in enumerate(found) if one is None] == [20, 21] and references.camera_fixed


@pytest.mark.parametrize("change", ["brighter", "darker", "bands", "noise", "black"])
def test_light_is_no_movement(change):
    rng = np.random.default_rng(1)
    rows = np.arange(SIZE_WH[1])[:, None, None]

    def lit(n: int) -> Picture:
        image = picture([((5 * n, 60, 5 * n + 36, 150), RED)]).astype(float)
        image = {
            "brighter": image * (1 + n / 60),
            "darker": image * (1 - n / 90),
            "bands": image * (1 + 0.2 * np.sin(rows / 20 + n)),
            "noise": image + rng.normal(0, 12, image.shape),
            "black": image * (n % 9 != 4),
        }[change]
        return Picture.from_rgb(np.clip(image, 0, 255).astype(np.uint8))

    pictures = [lit(n) for n in range(50)]
    references = ClipReferences.learnt(pictures[::2])
    found = given_to(references, pictures)
    assert references.camera_fixed
    assert all(one or (change == "black" and n % 9 == 4) for n, one in enumerate(found))
    if change in ("brighter", "darker"):
        assert references.references[0].known.mean() > 0.95, "samples are compared in one light"


def test_a_bare_wall_may_be_any_place_and_is_taken_for_one():
    bare = [Picture.from_rgb(np.full((192, 320, 3), 120, np.uint8))] * 8
    references = ClipReferences.learnt(bare)
    assert all(given_to(references, bare)) and references.camera_fixed


def test_few_pictures_make_no_reference():
    references = ClipReferences.learnt([walker(10)] * 4)
    assert not any(given_to(references, [walker(10)] * 4)) and references.camera_fixed


def test_many_pictures_are_thinned_out():
    references = ClipReferences.learnt(walker(x) for x in np.linspace(0, 280, 3 * NUM_SAMPLES))
    assert len(references.references) == 1


def test_live_references_begin_after_some_samples_and_end_when_the_camera_moves():
    references = RunningReferences()
    pictures = [walker(x) for x in np.linspace(0, 280, 75)] + [walker(0, shift=100)] * 10
    found = given_to(references, pictures)
    assert not any(found[:50]) and all(found[55:75]) and not any(found[75:])


def test_what_a_window_shows_of_the_scene_is_what_the_picture_shows_there():
    image = picture([])
    reference = Reference.of([Picture.from_rgb(image).scaled_rgb((640, 384))], SIZE_WH)
    window = np.array([-20.0, 40.0, 108.0, 168.0])
    rgb, known = reference.window_rgb(window, (128, 128))
    direct = Picture.from_rgb(image).window_rgb(window, (128, 128))
    assert not known[:, :20].any() and known[:, 20:].all() and not rgb[:, :20].any()
    assert np.abs(rgb[2:-2, 22:-2].astype(int) - direct[2:-2, 22:-2]).mean() < 4


def test_where_somebody_stood_as_long_as_not_the_reference_is_not_known():
    """Half of the time somebody stands on the left, and for an eighth of it on the right."""
    samples = [
        picture([((40, 60, 76, 150), RED)] * (n % 2) + [((240, 60, 276, 150), RED)] * (n % 8 == 0))
        for n in range(24)
    ]
    (reference,) = ClipReferences.learnt(map(Picture.from_rgb, samples)).references
    known = reference.known_look
    assert known.shape == (192, 320) and not known[62:148, 42:74].any()
    assert known[:, 90:].all() and known[:, :30].all()
    _, there = reference.window_rgb(np.array([0.0, 0, 320, 192]), (320, 192))
    assert (there != known).mean() < 0.01


def test_the_gain_of_light_is_that_of_what_is_free():
    rng = np.random.default_rng(2)
    reference = rng.integers(60, 140, (20, 30, 3), dtype=np.uint8)
    frame = np.rint(reference * [1.5, 1.25, 0.75]).astype(np.uint8)
    frame[:, :12] = 30
    free = np.ones((20, 30), bool)
    free[:, :12] = False
    assert light_gain(frame, reference, free) == pytest.approx([1.5, 1.25, 0.75], abs=0.02)
    assert light_gain(frame * 0, reference, free).tolist() == [1, 1, 1], "black says nothing"


def test_contrasts_agree_in_any_light_and_not_when_displaced():
    first, second = picture([]), picture([], shift=24)
    mine = Contrasts.of(first)
    assert mine.agreement(Contrasts.of((first * 0.6).astype(np.uint8))) > 0.95
    assert mine.agreement(Contrasts.of(second)) < 0.3
    bare = Contrasts.of(np.full((192, 320, 3), 90, np.uint8))
    assert bare.agreement(bare) is None and not bare.same_place(mine)
