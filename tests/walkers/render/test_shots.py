"""Crops of varied scenes: what they keep exact while everything about them gets harder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posegrid.body.camera import Camera, look_at
from posegrid.errors import SourceError
from posegrid.people.crop import window_of_box
from posegrid.walkers.clip import Clip, ClipPlan, film
from posegrid.walkers.render.crops import CropPlan, WalkerCrop, clipped, render_crops
from posegrid.walkers.render.degradation import Footage, degraded, random_footage
from posegrid.walkers.render.faults import Occluder, draw, random_occluder
from posegrid.walkers.render.light import varied_light
from posegrid.walkers.render.places import Backdrop, load_backdrop, picture_files, random_place
from posegrid.walkers.render.textures import fractal, leaves

SIZE = 64
PERSON = np.pad(np.ones((40, 20), np.float32), ((12, 12), (22, 22)))
PLAN = CropPlan(
    num_crops=40,
    every_nth_frame=5,
    image_size=SIZE,
    background="masked",
    cameras="varied",
    masks="faulty",
)


@pytest.fixture(scope="module")
def clip() -> Clip:
    return film(ClipPlan(seed=4, subject="S5", num_frames=51, scenes="varied"))


@pytest.fixture(scope="module")
def crops(clip: Clip) -> list[WalkerCrop]:
    return list(render_crops(clip, PLAN, window_of_box))


def test_a_crop_does_not_depend_on_what_else_is_rendered(
    clip: Clip, crops: list[WalkerCrop]
) -> None:
    fewer = {
        (crop.camera_id, crop.frame_index): crop
        for crop in render_crops(clip, replace(PLAN, num_crops=8), window_of_box)
    }
    found = [crop for crop in crops if (crop.camera_id, crop.frame_index) in fewer]
    assert len(found) >= 4
    for crop in found:
        again = fewer[crop.camera_id, crop.frame_index]
        np.testing.assert_array_equal(crop.image, again.image)
        np.testing.assert_array_equal(crop.mask, again.mask)


def test_joints_still_lie_on_most_masks(crops: list[WalkerCrop]) -> None:
    hits = []
    for crop in crops:
        keypoints = crop.camera.windowed(crop.window, SIZE).project(crop.pose_cam_mm)
        columns, rows = np.clip(keypoints, 0, SIZE - 1).astype(int).T
        hits.append(crop.mask[rows, columns].mean())
    assert np.mean(hits) > 0.6


def test_what_lies_outside_the_picture_is_black(crops: list[WalkerCrop]) -> None:
    for crop in crops:
        steps = crop.window[0] + (np.arange(SIZE) + 0.5) * crop.window[2] / SIZE
        outside = (steps < 0) | (steps >= crop.camera.size_wh[0])
        assert not crop.image[:, outside].any()
        assert not crop.mask[:, outside].any()


def test_removing_the_background_leaves_what_the_mask_holds(
    clip: Clip, crops: list[WalkerCrop]
) -> None:
    removed = list(render_crops(clip, replace(PLAN, background="removed"), window_of_box))
    for crop, bare in zip(crops, removed, strict=True):
        np.testing.assert_array_equal(bare.image, np.where(crop.mask[..., None], crop.image, 0))


def test_perfect_footage_changes_nothing_and_poor_footage_little_on_average() -> None:
    rng = np.random.default_rng(0)
    image = (
        (fractal(rng, (SIZE, SIZE), 32)[..., None] * [30, 30, 30] + 128)
        .clip(0, 255)
        .astype(np.uint8)
    )
    np.testing.assert_array_equal(degraded(image, Footage(), PERSON), image)
    poor = degraded(image, Footage(scale=0.5, quality=30, smear=0.05), PERSON)
    assert poor.shape == image.shape
    assert 1 < np.abs(poor.astype(int) - image).mean() < 25
    for _ in range(20):
        assert degraded(image, random_footage(rng), PERSON).dtype == np.uint8


def test_smear_is_the_mean_along_its_direction() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    image[10, 10] = 200
    across = degraded(image, Footage(smear=0.2), PERSON[:20, :20])
    assert (across[10, 8:12] == 50).all() and across.sum() == 600


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


def test_boxes_are_clipped_to_the_picture() -> None:
    camera = Camera((100.0, 100.0), (50.0, 50.0), (100, 100))
    np.testing.assert_array_equal(
        clipped(np.array([-5.0, 10.0, 120.0, 90.0]), camera), [0, 10, 100, 90]
    )


def test_places_differ_and_fill_the_picture() -> None:
    centre = np.array([0.0, -3000.0, 1500.0])
    camera = Camera(
        (60.0, 60.0), (32.0, 32.0), (SIZE, SIZE), rot_world_to_cam=look_at(centre, np.array([0.0, 0, 900]), 0.0),
        centre_world_mm=centre,
    )  # fmt: skip
    seen = [random_place(np.random.default_rng(seed), 4000.0).picture(camera) for seed in range(6)]
    for picture in seen:
        assert picture.min() > 0 and picture.max() <= 1.01 and picture.std() > 0.005
    assert len({round(float(picture.mean()), 5) for picture in seen}) == 6


def test_fractal_noise_is_as_strong_in_one_octave_as_in_the_next() -> None:
    field = np.mean(
        [
            np.abs(np.fft.fft2(fractal(np.random.default_rng(seed), (128, 128), 64))) ** 2
            for seed in range(8)
        ],
        axis=0,
    )
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))
    octaves = [
        field[(frequency >= low) & (frequency < 2 * low)].sum() for low in (1 / 32, 1 / 16, 1 / 8)
    ]
    assert max(octaves) / min(octaves) < 3


def test_leaves_show_the_palette() -> None:
    palette = np.array([[0.01, 0.01, 0.01], [0.6, 0.6, 0.6]], np.float32)
    painted = leaves(np.random.default_rng(0), (60, 80), palette, 20.0, boxes=0.5)
    assert painted.shape == (60, 80, 3) and painted.std() > 0.1


def test_lights_add_up_to_something_visible() -> None:
    rng = np.random.default_rng(0)
    sums = [
        light.key_share
        + sum(other.share for other in light.others)
        + light.fill_share
        + light.ambient_share
        for light in (varied_light(rng) for _ in range(99))
    ]
    assert min(sums) > 0.34 and max(sums) < 1.81


def test_users_pictures_are_found_and_seen(tmp_path: Path) -> None:
    colours = np.zeros((40, 80, 3), np.uint8)
    colours[:, :40] = 255
    Image.fromarray(colours).save(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("no picture")
    assert picture_files(tmp_path) == (tmp_path / "a.png",)
    backdrop = load_backdrop(tmp_path / "a.png")
    camera = Camera((30.0, 30.0), (16.0, 16.0), (32, 32))
    assert backdrop.picture(camera).shape == (32, 32, 3)
    turned = replace(camera, rot_world_to_cam=look_at(np.zeros(3), np.array([-1.0, -0.01, 0]), 0.0))
    assert backdrop.picture(turned).mean() > 0.9 or backdrop.picture(turned).mean() < 0.1
    assert isinstance(backdrop, Backdrop)


def test_a_folder_without_pictures_and_a_broken_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no pictures"):
        picture_files(tmp_path)
    (tmp_path / "b.jpg").write_bytes(b"no jpeg")
    with pytest.raises(SourceError, match=r"b\.jpg cannot be read"):
        load_backdrop(tmp_path / "b.jpg")


def test_varied_clips_with_pictures_still_render(tmp_path: Path) -> None:
    Image.fromarray(np.full((50, 50, 3), 90, np.uint8)).save(tmp_path / "a.png")
    kinds = set()
    for subject in ("A", "B", "C", "D", "E", "F"):
        plan = ClipPlan(
            seed=1,
            subject=subject,
            num_frames=2,
            scenes="varied",
            backgrounds=picture_files(tmp_path),
        )
        kinds.add(type(film(plan).room(4000.0)).__name__)
    assert kinds == {"Room", "Backdrop"}
