import numpy as np

from posegrid.body.camera import Camera
from posegrid.walkers.render.cameras import (
    CAMERA_IDS,
    WALKING_CENTRE_MM,
    WALKING_HALF_SIZE_MM,
    random_camera,
    studio_cameras,
)


def bearing_deg(camera: Camera) -> float:
    x, y, _ = camera.centre_world_mm
    return float(np.degrees(np.arctan2(y, x)))


def test_the_studio_has_human36ms_four_cameras_in_four_corners() -> None:
    cameras = studio_cameras(np.random.default_rng(0))
    assert tuple(cameras) == CAMERA_IDS == ("54138969", "55011271", "58860488", "60457274")
    quadrants = {
        (bool(c.centre_world_mm[0] > 0), bool(c.centre_world_mm[1] > 0)) for c in cameras.values()
    }
    assert len(quadrants) == 4


def test_studio_cameras_look_slightly_down_at_the_middle_of_the_room() -> None:
    for seed in range(5):
        for camera in studio_cameras(np.random.default_rng(seed)).values():
            middle_px = camera.project(camera.world_to_camera(np.array([0.0, 0.0, 900.0])))
            assert np.linalg.norm(middle_px - 500) < 80
            down = -camera.rot_world_to_cam[2, 2]
            assert 0.03 < down < 0.25
            assert 1400 < camera.centre_world_mm[2] < 1750


def test_a_walker_in_the_walking_space_is_whole_in_every_studio_camera() -> None:
    angle = np.linspace(0, 2 * np.pi, 60)
    ellipse = (
        WALKING_CENTRE_MM + np.stack([np.cos(angle), np.sin(angle)], axis=-1) * WALKING_HALF_SIZE_MM
    )
    points = np.concatenate([np.column_stack([ellipse, np.full(60, z)]) for z in (0.0, 1850.0)])
    for seed in range(20):
        for camera in studio_cameras(np.random.default_rng(seed)).values():
            pixels = camera.project(camera.world_to_camera(points))
            assert pixels.min() > 0
            assert pixels.max() < 1000


def test_a_smaller_picture_shows_the_same() -> None:
    large = studio_cameras(np.random.default_rng(3))["54138969"]
    small = studio_cameras(np.random.default_rng(3), size_px=250)["54138969"]
    points = np.random.default_rng(0).uniform(-1000, 1000, (20, 3)) + [0, 0, 1000]
    large_px = large.project(large.world_to_camera(points))
    np.testing.assert_allclose(small.project(small.world_to_camera(points)), large_px / 4)


def test_lenses_stay_and_places_change_from_subject_to_subject() -> None:
    first, second = (studio_cameras(np.random.default_rng(seed))["58860488"] for seed in (1, 2))
    assert first.focal_px == second.focal_px
    assert first.distortion == second.distortion
    assert 1 < np.linalg.norm(first.centre_world_mm - second.centre_world_mm) < 300


def test_random_cameras_keep_to_their_ranges_and_mostly_see_the_whole_person() -> None:
    rng = np.random.default_rng(0)
    around = np.array([500.0, -300.0, 0.0])
    bearings, whole = [], 0
    for _ in range(200):
        camera = random_camera(rng, around, person_height_mm=1750.0)
        offset = camera.centre_world_mm - around
        assert 2000 <= np.hypot(offset[0], offset[1]) <= 12000
        assert 500 <= camera.centre_world_mm[2] <= 3000
        assert 35 <= np.degrees(2 * np.arctan(500 / camera.focal_px[0])) <= 90
        ends = np.array([around, around + [0, 0, 1750.0]])
        pixels = camera.project(camera.world_to_camera(ends))
        whole += bool(pixels.min() > 0 and pixels.max() < 1000)
        bearings.append(bearing_deg(camera))
    assert np.std(bearings) > 60
    assert whole > 180


def test_cameras_in_real_places_are_25_to_100_degrees_wide() -> None:
    rng = np.random.default_rng(0)
    widths_deg = [
        np.degrees(
            2 * np.arctan(500 / random_camera(rng, np.zeros(3), 1750.0, kind="real").focal_px[0])
        )
        for _ in range(300)
    ]
    assert 25 <= min(widths_deg) < 30 and 95 < max(widths_deg) <= 100
