"""Finding a moving person: before noise, flicker and shadow; when standing still; and when there is
none.
"""

import numpy as np
import pytest
from people.scenes import SIZE_WH, figure, overlap, scene, wall

from posegrid.errors import SourceError
from posegrid.people import background
from posegrid.people.background import Background, brightness_gain
from posegrid.people.background import learn_background as learn_from_pictures
from posegrid.people.background_model import colour_index, unlikeness
from posegrid.people.following import People
from posegrid.people.shadow import in_shadow
from posegrid.video.picture import Picture


def learn_background(images: list[np.ndarray]) -> Background:
    return learn_from_pictures(map(Picture.from_rgb, images))


def person_masks(scene_model: Background, images: list[np.ndarray]) -> list[np.ndarray]:
    """The mask of person 1 in every picture."""
    people = People(scene_model)
    nobody = np.zeros(images[0].shape[:2], dtype=bool)
    seen = [people.seen(Picture.from_rgb(image)) for image in images]
    return [there[1].in_picture() if 1 in there else nobody for there in seen]


WALK = [(30 + 6.0 * i, 65.0) for i in range(24)]


@pytest.fixture(scope="module")
def walk():
    pictures, truth = scene(WALK)
    model = learn_background(pictures)
    return pictures, truth, model, list(person_masks(model, pictures))


def test_masks_of_a_walk_overlap_the_truth(walk):
    _, truth, _, found = walk
    overlaps = [overlap(a, b) for a, b in zip(found, truth, strict=True)]
    assert min(overlaps) > 0.8 and np.mean(overlaps) > 0.87


def test_the_plate_is_the_empty_scene(walk):
    *_, model, _ = walk
    # Pillow reduces by nothing here (the pictures are small), so the plate has the wall's own
    # pixels.
    assert model.factor == 1
    true_wall = np.clip(wall(np.random.default_rng(0)), 0, 255)
    assert np.abs(np.moveaxis(model.plate.colour, 0, -1) - true_wall).max(axis=-1).mean() < 5
    assert not model.plate.unseen.any()


def test_a_person_who_stands_most_of_the_time_is_found_there_too():
    centres = [(50.0, 65.0)] * 24 + [(50 + 8.0 * i, 65.0) for i in range(12)]
    pictures, truth = scene(centres, shadow=False)
    found = list(person_masks(learn_background(pictures), pictures))
    overlaps = [overlap(a, b) for a, b in zip(found, truth, strict=True)]
    assert min(overlaps[:24]) > 0.75, "standing"
    assert min(overlaps[24:]) > 0.75, "walking: no ghost is left behind"


def test_a_smaller_bystander_who_moves_does_not_take_over():
    pictures, truth = scene([(30 + 4.0 * i, 65.0) for i in range(24)], bystander=True)
    found = list(person_masks(learn_background(pictures), pictures))
    assert min(overlap(a, b) for a, b in zip(found[:25], truth[:25], strict=True)) > 0.75


def test_a_person_who_leaves_is_lost_and_found_again_on_return():
    centres = [(100 + 8.0 * i, 65.0) for i in range(20)] + [
        (252 - 8.0 * i, 65.0) for i in range(20)
    ]
    pictures, truth = scene(centres, shadow=False)
    found = list(person_masks(learn_background(pictures), pictures))
    assert not any(mask.any() for mask, true in zip(found, truth, strict=True) if not true.any())
    assert overlap(found[-1], truth[-1]) > 0.75 and overlap(found[0], truth[0]) > 0.75


def test_an_arm_and_a_foot_that_come_into_the_picture_first_are_one_person():
    centres = [(100 + 8.0 * i, 65.0) for i in range(20)] + [
        (252 - 8.0 * i, 65.0) for i in range(20)
    ]
    pictures, truth = scene(centres, shadow=False)
    people = People(learn_background(pictures))
    seen = [people.seen(Picture.from_rgb(picture)) for picture in pictures]
    assert list(seen[26]) == [1, 2] and people.pieces == {2}, "an arm at 26"
    assert [list(there) for there in seen[27:]] == [[1]] * 13
    assert overlap(seen[30][1].in_picture(), truth[30]) > 0.75


def test_nobody_is_found_in_an_empty_scene():
    pictures, _ = scene([(-500.0, 65.0)] * 12)
    assert not any(mask.any() for mask in person_masks(learn_background(pictures), pictures))


def test_large_pictures_are_reduced_and_the_mask_has_their_size(monkeypatch):
    monkeypatch.setattr(background, "WORKING_PIXELS", 100 * 65)
    pictures, truth = scene(WALK)
    pictures, truth = [p[:-1, :-3] for p in pictures], [t[:-1, :-3] for t in truth]
    model = learn_background(pictures)
    masks = list(person_masks(model, pictures))
    assert model.factor == 2
    assert masks[5].shape == truth[5].shape and overlap(masks[5], truth[5]) > 0.75


def test_a_moving_camera_is_refused():
    scenery = wall(np.random.default_rng(1), (400, 200))
    pictures = [
        np.clip(scenery[20:150, 2 * i : 2 * i + 200], 0, 255).astype(np.uint8) for i in range(30)
    ]
    with pytest.raises(SourceError, match=r"camera is not fixed.*tripod"):
        learn_background(pictures)


@pytest.mark.parametrize("moving", [range(24, 30), range(6)])
def test_a_camera_that_moves_for_a_fifth_of_the_time_is_refused(moving):
    """Before or after it, it stands still."""
    pictures, _ = scene([(30 + 4.0 * i, 65.0) for i in range(30)], shadow=False)
    wide = [np.pad(picture, ((0, 0), (0, 40), (0, 0)), mode="reflect") for picture in pictures]
    start = {i: 3 * (i - 23) if moving.stop == 30 else 3 * (6 - i) for i in moving}
    with pytest.raises(SourceError, match="camera is not fixed"):
        learn_background(
            [picture[:, start.get(i, 0) : start.get(i, 0) + 200] for i, picture in enumerate(wide)]
        )


def test_a_mask_is_no_fatter_than_the_person():
    pictures, truth = scene(WALK, shadow=False)
    found = person_masks(learn_background(pictures), pictures)
    added = np.mean([(a & ~b).sum() / b.sum() for a, b in zip(found, truth, strict=True)])
    missing = np.mean([(b & ~a).sum() / b.sum() for a, b in zip(found, truth, strict=True)])
    assert added < 0.09 and missing < 0.05


def test_a_short_clip_is_refused():
    with pytest.raises(SourceError, match="3 frames; at least 8"):
        learn_background(scene(WALK[:3])[0])


def test_a_picture_of_another_size_is_refused(walk):
    *_, model, _ = walk
    with pytest.raises(SourceError, match="learnt from pictures of 200 x 130"):
        model.gain(Picture.from_rgb(np.zeros((10, 20, 3), np.uint8)))


def test_brightness_gain_undoes_a_factor():
    picture = np.moveaxis(wall(np.random.default_rng(2)), -1, 0).astype(np.float32)
    darker = np.clip(picture * 0.8, 0, 255).astype(np.uint8)
    assert brightness_gain(darker, picture) == pytest.approx(1 / 0.8, rel=0.02)


def test_unlikeness_is_the_largest_channel():
    assert unlikeness(
        np.array([[1.0], [5.0], [9.0]]), np.array([[1.0], [1.0], [12.0]])
    ).tolist() == [4.0]


def test_colour_index_tells_dark_and_light_apart():
    colours = colour_index(np.array([[0, 0, 0], [255, 255, 255], [22, 22, 21], [50, 52, 48]]).T)
    assert colours[0] == 0 and colours[1] == 16**3 - 1 and len(set(colours.tolist())) == 4


def test_a_shadow_darkens_all_colours_alike():
    floor = np.array([150.0, 140.0, 120.0])
    cases = np.array(
        [0.7 * floor, 0.3 * floor, 1.2 * floor, [150, 70, 120], [100, 93, 130], [100, 93, 160]]
    )
    assert in_shadow(cases.T, floor[:, None], 10.0).tolist() == [
        True,
        False,
        False,
        False,
        True,
        False,
    ]


def test_the_made_up_figure_has_the_height_asked_for():
    rows = np.flatnonzero(figure((100, 65), 90, 0.3).any(axis=1))
    assert rows[-1] - rows[0] + 1 == pytest.approx(90, abs=2) and SIZE_WH == (200, 130)
