"""Places: what cameras see of them; a user's pictures in their stead."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posegrid.body.camera import Camera, look_at
from posegrid.errors import SourceError
from posegrid.walkers.render.cameras import random_camera, studio_cameras
from posegrid.walkers.render.places import (
    Backdrop,
    Place,
    _node_directions,
    load_backdrop,
    picture_files,
    random_place,
)

SIZE = 64
SIDE_COLOURS = np.array(
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1]], dtype=np.float32
)
"""x low, x high, y low, y high, floor, ceiling."""


def coloured_room() -> Place:
    """2 m x 4 m x 3 m, every side in one colour."""
    texels = np.repeat(SIDE_COLOURS, 4, axis=0)
    table = np.array([[[4 * side, 2, 2]] for side in range(6)])
    return Place((1000.0, 2000.0), 3000.0, 12.0, texels, table)


def camera_towards(target_mm: list[float], size: int = 64) -> Camera:
    centre = np.array([100.0, -200.0, 1500.0])
    return Camera(
        focal_px=(size, size),
        principal_px=(size / 2, size / 2),
        size_wh=(size, size),
        rot_world_to_cam=look_at(centre, np.array(target_mm)),
        centre_world_mm=centre,
    )


def test_a_camera_sees_the_side_it_looks_at() -> None:
    room = coloured_room()
    targets = [
        [-1000, 0, 1500],
        [1000, 0, 1500],
        [0, -2000, 1500],
        [0, 2000, 1500],
        [100, -190, 0],
        [100, -190, 3000],
    ]
    for target, colour in zip(targets, SIDE_COLOURS, strict=True):
        middle = room.picture(camera_towards([float(v) for v in target]))[32, 32]
        np.testing.assert_allclose(middle, colour, atol=1e-5)


def test_edges_of_the_room_lie_where_the_camera_projects_them() -> None:
    room = coloured_room()
    camera = camera_towards([0.0, 2000.0, 400.0], size=200)
    picture = room.picture(camera)
    on_edge = camera.project(camera.world_to_camera(np.array([0.0, 2000.0, 0.0])))
    column, row = int(on_edge[0]), round(on_edge[1])
    np.testing.assert_allclose(picture[row - 3, column], SIDE_COLOURS[3], atol=1e-5)
    np.testing.assert_allclose(picture[row + 2, column], SIDE_COLOURS[4], atol=1e-5)


def test_a_window_shows_the_same_room_as_the_whole_picture() -> None:
    rng = np.random.default_rng(4)
    camera = studio_cameras(rng)["54138969"]
    room = random_place(rng, 5500.0, "room")
    window = np.array([320.0, 410.0, 256.0])
    whole = room.picture(camera)[410 : 410 + 256, 320 : 320 + 256]
    part = room.picture(camera.windowed(window, 64))
    averaged = whole.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
    assert np.abs(part - averaged).mean() < 0.01


def test_the_same_random_numbers_make_the_same_room_and_others_another() -> None:
    camera = camera_towards([0.0, 5000.0, 1000.0])
    pictures = [
        random_place(np.random.default_rng(seed), 5500.0, "room").picture(camera)
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert np.abs(pictures[0] - pictures[2]).mean() > 0.01


def test_rooms_contain_their_cameras_and_colours_are_light() -> None:
    for seed in range(4):
        room = random_place(np.random.default_rng(seed), 5500.0, "room")
        assert min(room.half_size_mm) > 3600
        assert room.half_size_mm[1] > 5500
        assert room.texels.min() > 0
        assert room.texels.max() <= 1
        rows, columns = room.table[4, 0, 1:]
        assert rows * room.texel_mm >= 2 * room.half_size_mm[1]
        assert columns * room.texel_mm >= 2 * room.half_size_mm[0]


def test_rays_of_a_rooms_picture_are_the_cameras_own_to_the_bit() -> None:
    for seed in range(20):
        camera = random_camera(np.random.default_rng(seed), np.zeros(3), 1700.0)
        camera = replace(camera, size_wh=(96, 64))
        nodes = np.stack(np.meshgrid(np.arange(0.0, 97, 8), np.arange(0.0, 65, 8)), axis=-1)
        expected = (camera.rays(nodes) @ camera.rot_world_to_cam).astype(np.float32)
        np.testing.assert_array_equal(_node_directions(camera), expected)


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
