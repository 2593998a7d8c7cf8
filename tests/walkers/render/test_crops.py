"""Crops: equal to those of whole pictures, and what they keep exact while all else gets harder."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from people.plain_crops import crop_grey

from posegrid.body.camera import Camera
from posegrid.people.crop import Silhouette, box_of, grey, person_crop, window_of_box
from posegrid.video.picture import Picture
from posegrid.walkers.clip import Clip, ClipPlan, film
from posegrid.walkers.pictures import pictures
from posegrid.walkers.render.cameras import CAMERA_IDS
from posegrid.walkers.render.crops import CropPlan, WalkerCrop, clipped, render_crops
from posegrid.walkers.render.renderer import surface_box_px
from posegrid.walkers.render.wide_shots import FoundCrop, WideShot

SIZE = 96
WHOLE = np.array([56.0, 56.0, 128.0])
PLAN = CropPlan(num_crops=12, every_nth_frame=10, image_size=SIZE)
HARD = CropPlan(
    num_crops=40,
    every_nth_frame=5,
    image_size=64,
    background="masked",
    cameras="varied",
    masks="faulty",
)


@pytest.fixture(scope="module")
def clip() -> Clip:
    return film(ClipPlan(seed=1, subject="S5", num_frames=31))


@pytest.fixture(scope="module")
def crops(clip: Clip) -> list[WalkerCrop]:
    return list(render_crops(clip, PLAN, window_of_box))


def given_mask(mask: np.ndarray) -> Silhouette:
    return Silhouette(255 * mask.astype(np.uint8), (0.0, 0.0), 1.0, mask.shape[::-1])


def keypoints_crop_px(crop: WalkerCrop) -> np.ndarray:
    return crop.camera.windowed(crop.window, SIZE).project(crop.pose_cam_mm)


def test_every_camera_sees_every_moment(crops: list[WalkerCrop]) -> None:
    assert [(crop.frame_index, crop.camera_id) for crop in crops] == [
        (frame, camera_id) for frame in (0, 10, 20) for camera_id in CAMERA_IDS
    ]


def test_the_same_clip_gives_the_same_crops(clip: Clip, crops: list[WalkerCrop]) -> None:
    again = list(render_crops(clip, PLAN, window_of_box))
    for one, other in zip(crops, again, strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_joints_lie_inside_the_crop_and_on_the_person(crops: list[WalkerCrop]) -> None:
    on_person = []
    for crop in crops:
        keypoints = keypoints_crop_px(crop)
        assert keypoints.min() > 0
        assert keypoints.max() < SIZE
        seen = np.pad(crop.image.any(axis=-1), 1)
        columns, rows = keypoints.astype(int).T
        on_person += [
            seen[row : row + 3, column : column + 3].any()
            for row, column in zip(rows, columns, strict=True)
        ]
    assert np.mean(on_person) > 0.98


def test_the_person_fills_the_crop_up_to_the_margin_and_is_centred(crops: list[WalkerCrop]) -> None:
    for crop in crops:
        x0, y0, x1, y1 = box_of(crop.image.max(axis=-1) > 10)
        assert abs(max(x1 - x0, y1 - y0) - SIZE / 1.1) < 3.5
        assert np.abs(np.array([x0 + x1, y0 + y1]) / 2 - SIZE / 2).max() < 2.5


def test_keeping_the_background_changes_only_the_background(
    clip: Clip, crops: list[WalkerCrop]
) -> None:
    kept = list(render_crops(clip, replace(PLAN, num_crops=4, background="kept"), window_of_box))
    for crop, with_room in zip(crops, kept, strict=False):
        np.testing.assert_array_equal(crop.window, with_room.window)
        person = crop.image.max(axis=-1) > 25
        inside = person.copy()
        for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            inside &= np.roll(person, shift, (0, 1))
        assert np.abs(with_room.image[inside].astype(float) - crop.image[inside]).mean() < 4
        assert (with_room.image[~person].max(axis=-1) > 0).mean() > 0.95


def test_the_mask_is_where_the_person_is(clip: Clip, crops: list[WalkerCrop]) -> None:
    masked = list(
        render_crops(clip, replace(PLAN, num_crops=4, background="masked"), window_of_box)
    )
    for crop, alone in zip(masked, crops, strict=False):
        np.testing.assert_array_equal(crop.mask, alone.mask)
        person = crop.mask == 255
        assert 0.08 < person.mean() < 0.5
        assert alone.image[~person].mean() < 3
        assert crop.image[~person].mean() > 15


def test_a_crop_equals_what_preparing_the_whole_picture_gives(
    clip: Clip, crops: list[WalkerCrop]
) -> None:
    for crop in crops[:2]:
        picture = next(pictures(clip, crop.camera_id))
        window = window_of_box(box_of(picture.mask), PLAN.margin)
        assert np.abs(window - crop.window).max() < 3
        prepared = crop_grey(
            picture.image, picture.mask, crop.window.astype(np.float64), SIZE
        ).astype(float)
        difference = np.abs(prepared - grey(crop.image))
        assert difference.mean() < 2
        assert difference[prepared > 0].mean() < 10


def test_a_person_who_is_not_whole_in_the_picture_is_left_out(clip: Clip) -> None:
    cameras = {
        camera_id: camera.cropped(450, 0, 1000, 1000) for camera_id, camera in clip.cameras.items()
    }
    halved = replace(clip, cameras=cameras)
    for crop in render_crops(halved, PLAN, window_of_box):
        box = surface_box_px(halved.posed(crop.frame_index), crop.camera)
        assert box.min() >= 0
    assert len(list(render_crops(halved, PLAN, window_of_box))) < PLAN.num_crops


def test_varied_cameras_are_all_different(clip: Clip) -> None:
    plan = replace(PLAN, cameras="varied", num_crops=8)
    crops = list(render_crops(clip, plan, window_of_box))
    assert len(crops) >= 6
    assert len({tuple(crop.camera.centre_world_mm) for crop in crops}) == len(crops)


def test_fewer_views_are_drawn_anew_for_each_moment(clip: Clip) -> None:
    crops = list(
        render_crops(clip, replace(PLAN, views=1, num_crops=4, image_size=32), window_of_box)
    )
    assert [crop.frame_index for crop in crops] == [0, 10, 20, 30]


@pytest.fixture(scope="module")
def hard_clip() -> Clip:
    return film(ClipPlan(seed=4, subject="S5", num_frames=51, scenes="varied"))


def test_before_fixed_cameras_a_walk_goes_on_as_in_a_video(hard_clip: Clip) -> None:
    def changes(cameras: str) -> float:
        """Levels from each crop of a view to the next, 50 times a second."""
        plan = replace(HARD, cameras=cameras, masks="found", every_nth_frame=1)
        crops = list(render_crops(hard_clip, plan, window_of_box, cut))
        views = {id_[:8]: [c for c in crops if c.camera_id[:8] == id_[:8]] for id_ in CAMERA_IDS}
        if cameras == "fixed":
            for view in filter(None, views.values()):
                assert len({c.camera_id for c in view}) == 1
                assert len({tuple(c.camera.centre_world_mm) for c in view}) == 1
        differences = [
            np.abs(one.image.astype(float) - other.image).mean()
            for view in views.values()
            for one, other in pairwise(view)
        ]
        return float(np.median(differences))

    def cut(shot: WideShot) -> FoundCrop:
        seen = 255 * shot.seen[56:184:2, 56:184:2].astype(np.uint8)
        return FoundCrop(shot.image[56:184:2, 56:184:2], seen, WHOLE)

    assert changes("fixed") < 0.3 * changes("varied")
    few = replace(HARD, cameras="fixed", views=2, num_crops=8)
    assert len({c.camera_id for c in render_crops(hard_clip, few, window_of_box)}) == 2


@pytest.fixture(scope="module")
def hard_crops(hard_clip: Clip) -> list[WalkerCrop]:
    return list(render_crops(hard_clip, HARD, window_of_box))


def test_a_crop_does_not_depend_on_what_else_is_rendered(
    hard_clip: Clip, hard_crops: list[WalkerCrop]
) -> None:
    fewer = {
        (crop.camera_id, crop.frame_index): crop
        for crop in render_crops(hard_clip, replace(HARD, num_crops=8), window_of_box)
    }
    found = [crop for crop in hard_crops if (crop.camera_id, crop.frame_index) in fewer]
    assert len(found) >= 4
    for crop in found:
        again = fewer[crop.camera_id, crop.frame_index]
        np.testing.assert_array_equal(crop.image, again.image)
        np.testing.assert_array_equal(crop.mask, again.mask)


def test_joints_still_lie_on_most_masks(hard_crops: list[WalkerCrop]) -> None:
    hits = []
    for crop in hard_crops:
        keypoints = crop.camera.windowed(crop.window, HARD.image_size).project(crop.pose_cam_mm)
        columns, rows = np.clip(keypoints, 0, HARD.image_size - 1).astype(int).T
        hits.append(crop.mask[rows, columns].mean() / 255)
    assert np.mean(hits) > 0.6


def test_what_lies_outside_the_picture_is_black(hard_crops: list[WalkerCrop]) -> None:
    for crop in hard_crops:
        steps = (
            crop.window[0] + (np.arange(HARD.image_size) + 0.5) * crop.window[2] / HARD.image_size
        )
        outside = (steps < 0) | (steps >= crop.camera.size_wh[0])
        assert not crop.image[:, outside].any()
        assert not crop.mask[:, outside].any()


def test_removing_the_background_leaves_what_the_mask_holds(
    hard_clip: Clip, hard_crops: list[WalkerCrop]
) -> None:
    removed = list(render_crops(hard_clip, replace(HARD, background="removed"), window_of_box))
    for crop, bare in zip(hard_crops, removed, strict=True):
        np.testing.assert_array_equal(bare.image, np.where(crop.mask[..., None] > 0, crop.image, 0))


def test_boxes_are_clipped_to_the_picture() -> None:
    camera = Camera((100.0, 100.0), (50.0, 50.0), (100, 100))
    np.testing.assert_array_equal(
        clipped(np.array([-5.0, 10.0, 120.0, 90.0]), camera), [0, 10, 100, 90]
    )


def test_a_finder_that_knows_the_truth_cuts_true_crops(clip: Clip) -> None:
    asked = []

    def find(shot: WideShot) -> FoundCrop | None:
        asked.append(shot)
        if len(asked) == 1:
            return None
        window = window_of_box(box_of(shot.seen), 0.1)
        picture, silhouette = Picture.from_rgb(shot.image), given_mask(shot.seen)
        colours = person_crop(picture, silhouette, window, SIZE, "colour")
        mask = person_crop(picture, silhouette, window, SIZE, "masked", soft=True)[1]
        return FoundCrop(np.moveaxis(colours, 0, -1), mask, window)

    plan = replace(PLAN, num_crops=5, background="masked", masks="found")
    found = list(render_crops(clip, plan, window_of_box, find))
    assert len(asked) == 5
    assert len(found) == 4  # who is not found is left out
    for crop in found:
        columns, rows = keypoints_crop_px(crop).astype(int).T
        assert np.pad(crop.mask, 2)[rows + 2, columns + 2].mean() > 0.85 * 255
