"""Panoramas as places: where things in them are seen, and the light they bring."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posegrid.body.camera import Camera, look_at
from posegrid.errors import SourceError
from posegrid.walkers.clip import ClipPlan, film
from posegrid.walkers.render.panoramas import PanoramaPlace, light_of_panorama, load_panorama
from posegrid.walkers.render.places import picture_files
from posegrid.walkers.scenes.surroundings import TEST_PLACES, directions

ROWS, COLUMNS = 64, 128


def camera_towards(direction: np.ndarray) -> Camera:
    centre = np.array([100.0, -200.0, 1500.0])
    return Camera(
        focal_px=(100.0, 100.0),
        principal_px=(50.0, 50.0),
        size_wh=(100, 100),
        distortion=(0.0, 0.0, 0.0, 0.0, 0.0),
        rot_world_to_cam=look_at(centre, centre + 1000 * direction, 0.0),
        centre_world_mm=centre,
    )


@pytest.mark.parametrize("at", [(30, 20), (20, 64), (40, 100)])
def test_a_camera_sees_what_lies_in_the_direction_it_looks(at: tuple[int, int]) -> None:
    image = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    image[at] = 255
    towards, _ = directions(ROWS, COLUMNS)
    seen = PanoramaPlace(image).picture(camera_towards(towards[at])).mean(axis=-1)
    row, column = np.unravel_index(seen.argmax(), seen.shape)
    assert abs(row - 50) <= 2
    assert abs(column - 50) <= 2


def test_the_directions_solid_angles_are_those_of_the_sphere() -> None:
    towards, area = directions(ROWS, COLUMNS)
    np.testing.assert_allclose(np.linalg.norm(towards, axis=-1), 1)
    assert area.sum() == pytest.approx(4 * np.pi, rel=1e-3)
    np.testing.assert_allclose((towards * area[..., None]).sum(axis=(0, 1)), 0, atol=1e-9)


def stored(folder: Path, radiance: np.ndarray, name: str = "a") -> Path:
    (folder / "panoramas").mkdir(exist_ok=True)
    path = folder / "panoramas" / f"{name}.jpg"
    Image.fromarray(np.full((32, 64, 3), 120, np.uint8)).save(path)
    np.savez(path.with_suffix(".npz"), radiance=radiance.astype(np.float32))
    return path


def test_the_brightest_direction_is_the_key_light(tmp_path: Path) -> None:
    radiance = np.ones((ROWS, COLUMNS, 3))
    towards, area = directions(ROWS, COLUMNS)
    sun = (12, 37)
    radiance[sun] = 4 * np.pi / area[sun]  # as much as all else together
    light = light_of_panorama(np.random.default_rng(0), stored(tmp_path, radiance))
    assert light is not None
    assert light.key.unit @ towards[sun] > 0.999
    total = light.key_share + light.ambient_share + light.fill_share
    assert light.key_share / total == pytest.approx(0.5, abs=0.03)
    assert light.key_softness < 0.15
    assert light.others == ()


def test_an_even_sky_has_no_hard_light(tmp_path: Path) -> None:
    light = light_of_panorama(
        np.random.default_rng(0), stored(tmp_path, np.ones((ROWS, COLUMNS, 3)))
    )
    assert light is not None
    assert light.key_softness > 0.5


def test_without_its_radiance_a_place_brings_no_light(tmp_path: Path) -> None:
    path = stored(tmp_path, np.ones((ROWS, COLUMNS, 3)))
    path.with_suffix(".npz").unlink()
    assert light_of_panorama(np.random.default_rng(0), path) is None


def test_panoramas_of_the_tests_are_kept_apart_and_the_others_are_filmed_in(tmp_path: Path) -> None:
    kept = stored(tmp_path, np.ones((ROWS, COLUMNS, 3)))
    stored(tmp_path, np.ones((ROWS, COLUMNS, 3)), TEST_PLACES[0])
    files = picture_files(tmp_path)
    assert files == (kept,)
    places = {
        type(
            film(ClipPlan(seed=1, subject=s, num_frames=2, scenes="varied", backgrounds=files))
            .location.place(4000.0)
        ).__name__
        for s in "ABCDEF"
    }  # fmt: skip
    assert places == {"Place", "PanoramaPlace"}


def test_damaged_radiance_is_named(tmp_path: Path) -> None:
    path = stored(tmp_path, np.ones((ROWS, COLUMNS, 3)))
    np.savez(path.with_suffix(".npz"), radiance=np.zeros((ROWS, COLUMNS, 3)))
    with pytest.raises(SourceError, match=r"a\.npz: `radiance` is \(64, 128, 3\)"):
        light_of_panorama(np.random.default_rng(0), path)
    for content in (b"x", b"", path.with_suffix(".npz").read_bytes()[:200]):
        path.with_suffix(".npz").write_bytes(content)
        with pytest.raises(SourceError, match=r"a\.npz cannot be read as radiance"):
            light_of_panorama(np.random.default_rng(0), path)


def test_a_damaged_panorama_is_named(tmp_path: Path) -> None:
    path = stored(tmp_path, np.ones((ROWS, COLUMNS, 3)))
    path.write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"a\.jpg cannot be read as a picture"):
        load_panorama(path)
