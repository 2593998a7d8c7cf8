from pathlib import Path

import numpy as np
import pytest

from posegrid.errors import SourceError
from posegrid.walkers.scenes import kernels
from posegrid.walkers.scenes.surroundings import (
    TEST_PLACES,
    VALIDATION_PLACES,
    SceneView,
    load_surroundings,
    random_view,
    room_picture,
)
from tests.walkers.scenes.made_up_scenes import surroundings, write_folders

LEVEL = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


def seen(panorama: np.ndarray, view: SceneView) -> np.ndarray:
    out = np.empty((*view.shape, 3), np.float32)
    kernels.view_panorama(panorama, view.rot_world_to_cam, view.focal_px, *view.centre_px, out)
    return out


def test_a_panoramas_middle_is_ahead_its_left_is_left_its_top_is_up() -> None:
    panorama = np.zeros((64, 128, 3), np.uint8)
    panorama[:, 60:68, 0] = 200
    panorama[:, 44:52, 1] = 200
    panorama[:24, :, 2] = 200
    picture = seen(panorama, SceneView((64, 96), 40.0, LEVEL, 1500.0))
    assert picture[32, 48, 0] > 150
    assert picture[32, :48, 1].max() > 150 and picture[32, 48:, 1].max() == 0
    assert picture[0, 48, 2] > 150 and picture[32, 48, 2] == 0


def test_interpolated_rays_are_as_good_as_exact_ones() -> None:
    ramp = np.tile(np.linspace(0, 255, 512)[None, :, None], (256, 1, 3)).astype(np.uint8)
    rng = np.random.default_rng(0)
    view = random_view(rng, (96, 160), lambda _: 0.2, 90.0)
    columns = (np.arange(160) + 0.5 - 80) / 90
    picture = seen(ramp, view)
    for row in (5, 50, 90):
        rays = np.stack([columns, np.full(160, (row + 0.5 - 48) / 90), np.ones(160)], axis=-1)
        world = rays @ view.rot_world_to_cam
        exact = (0.5 - np.arctan2(world[:, 1], world[:, 0]) / (2 * np.pi)) * 255
        off = np.abs(picture[row, :, 0] - exact)
        assert np.median(off) < 1.0


def test_the_floor_is_below_and_the_ceiling_above() -> None:
    view = SceneView((80, 80), 40.0, LEVEL, 1500.0)
    low, high = view.project(np.array([[4000.0, 0.0, 0.0], [4000.0, 0.0, 3000.0]]))
    np.testing.assert_allclose(low, [40, 55, 4000])
    np.testing.assert_allclose(high, [40, 25, 4000])
    room = room_picture(np.random.default_rng(0), surroundings().pyramids, view, 4000.0)
    assert np.isfinite(room).all()
    assert room.min() >= 0


def test_splits_share_no_places(tmp_path: Path) -> None:
    assert not set(TEST_PLACES) & set(VALIDATION_PLACES)
    assert len(TEST_PLACES) == 10
    write_folders(tmp_path)
    names = {
        split: {p.name for p in load_surroundings(tmp_path / "backgrounds", split).panoramas}
        for split in ("train", "validation", "test")
    }
    assert names == {
        "train": {"train_a"},
        "validation": {"ph_vestibule"},
        "test": {"ph_dancing_hall"},
    }


def test_a_folder_without_places_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="panoramas"):
        load_surroundings(tmp_path, "train")
