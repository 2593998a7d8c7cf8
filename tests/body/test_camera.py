"""Laws of cameras: round trips, hand values, and crops that stay exact."""

import numpy as np
import pytest

from posegrid.body.camera import Camera, look_at, turning_radius

CENTRE_MM = np.array([1840.0, 4960.0, 1560.0])
HUMAN36M_LIKE = Camera(
    focal_px=(1145.0, 1143.8),
    principal_px=(512.5, 515.4),
    size_wh=(1000, 1002),
    distortion=(-0.2, 0.24, -0.002, -0.0009, -0.0016),
    rot_world_to_cam=look_at(CENTRE_MM, np.array([0.0, 0.0, 900.0])),
    centre_world_mm=CENTRE_MM,
)
POINTS_WORLD_MM = np.random.default_rng(0).uniform([-1500, -1500, 0], [1500, 1500, 1900], (50, 3))


def test_world_to_camera_and_back_changes_nothing() -> None:
    there = HUMAN36M_LIKE.world_to_camera(POINTS_WORLD_MM)
    np.testing.assert_allclose(HUMAN36M_LIKE.camera_to_world(there), POINTS_WORLD_MM, atol=1e-9)


def test_a_point_on_the_axis_projects_to_the_principal_point() -> None:
    np.testing.assert_allclose(
        HUMAN36M_LIKE.project(np.array([0.0, 0, 3000])), HUMAN36M_LIKE.principal_px
    )


def test_a_point_one_metre_right_at_two_metres_projects_half_a_focal_length_right() -> None:
    camera = Camera(focal_px=(1000.0, 1000.0), principal_px=(500.0, 500.0), size_wh=(1000, 1000))
    np.testing.assert_allclose(camera.project(np.array([1000.0, -500, 2000])), [1000, 250])


def test_distortion_follows_the_release_and_not_opencv() -> None:
    camera = Camera((1.0, 1.0), (0.0, 0.0), (1, 1), distortion=(0.1, 0.0, 0.0, 0.01, 0.02))
    x, y, r2 = 0.3, 0.2, 0.13
    factor = 1 + 0.1 * r2 + 0.01 * y + 0.02 * x
    expected = [x * factor + 0.02 * r2, y * factor + 0.01 * r2]
    np.testing.assert_allclose(camera.project(np.array([x, y, 1.0])), expected)


def test_points_behind_the_camera_have_no_pixel() -> None:
    assert np.isnan(HUMAN36M_LIKE.project(np.array([0.0, 0.0, -10.0]))).all()


def test_rays_undo_projection() -> None:
    points = HUMAN36M_LIKE.world_to_camera(POINTS_WORLD_MM)
    rays = HUMAN36M_LIKE.rays(HUMAN36M_LIKE.project(points))
    np.testing.assert_allclose(rays, points / points[:, 2:], atol=1e-9)


@pytest.mark.parametrize("window", [(100.0, 50.0, 400.0), (-30.5, 700.25, 333.0)])
def test_a_windowed_camera_sees_what_the_window_shows(window: tuple[float, float, float]) -> None:
    points = HUMAN36M_LIKE.world_to_camera(POINTS_WORLD_MM)
    expected = (HUMAN36M_LIKE.project(points) - window[:2]) * (128 / window[2])
    crop = HUMAN36M_LIKE.windowed(np.array(window), 128)
    np.testing.assert_allclose(crop.project(points), expected, atol=1e-9)
    assert crop.size_wh == (128, 128)


def test_pixels_that_a_lens_cannot_show_get_the_ray_of_its_widest_radius() -> None:
    # r (1 - 0.12 r^2) is largest at r = 1 / sqrt(0.36), where it is 2/3 of that
    camera = Camera(
        (500.0, 500.0), (0.0, 0.0), (1000, 1000), distortion=(-0.12, 0.0, 0.0, 0.0, 0.0)
    )
    widest = 1 / np.sqrt(0.36)
    far = np.array([[600.0, 0.0], [5000.0, 0.0], [0.0, -1e9]])
    rays = camera.rays(far)
    np.testing.assert_allclose(rays, [[widest, 0, 1], [widest, 0, 1], [0, -widest, 1]], atol=1e-9)
    seen = np.array([0.8 * 2 / 3 * widest * 500.0, 0.0])
    np.testing.assert_allclose(camera.project(camera.rays(seen)), seen, atol=1e-3)
    outwards = Camera(
        (500.0, 500.0), (0.0, 0.0), (1000, 1000), distortion=(0.04, 0.01, 0.0, 0.0, 0.0)
    )
    np.testing.assert_allclose(outwards.project(outwards.rays(far[:1])), far[:1], atol=1e-2)


def test_windowed_is_cropped_then_resized() -> None:
    one = HUMAN36M_LIKE.windowed(np.array([100.0, 50.0, 400.0]), 128)
    two = HUMAN36M_LIKE.cropped(100, 50, 400, 400).resized(128, 128)
    np.testing.assert_allclose(
        [*one.focal_px, *one.principal_px], [*two.focal_px, *two.principal_px]
    )


def test_the_view_camera_looks_at_the_crops_centre() -> None:
    crop = HUMAN36M_LIKE.windowed(np.array([700.0, 600.0, 250.0]), 128)
    rotation = crop.rotation_to_view()
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    centre_ray = crop.rays(np.array([64.0, 64.0]))
    seen = rotation @ centre_ray
    np.testing.assert_allclose(seen / np.linalg.norm(seen), [0, 0, 1], atol=1e-12)


def test_look_at_puts_the_target_on_the_axis_and_up_at_the_top() -> None:
    target = HUMAN36M_LIKE.world_to_camera(np.array([0.0, 0.0, 900.0]))
    above = HUMAN36M_LIKE.world_to_camera(np.array([0.0, 0.0, 1900.0]))
    np.testing.assert_allclose(target[:2], 0, atol=1e-9)
    assert target[2] > 0 and above[1] < target[1] and abs(above[0]) < 1e-9


@pytest.mark.parametrize(
    ("radial", "radius"),
    [
        ((-14 / 24, 7 / 40, -1 / 56), 1.0),  # squared radii 1, 2 and 4
        ((-10 / 24, 6 / 40, -1 / 56), 2.0),  # 4, and a pair of complex ones with real parts
        ((-1 / 3, 0.0, 0.0), 1.0),
        ((1 / 3, 0.0, 0.0), np.inf),  # -1
    ],
)
def test_a_lens_turns_where_its_slope_is_first_0(radial: tuple, radius: float) -> None:
    """By hand: 1 + 3 k1 s + 5 k2 s^2 + 7 k3 s^3 = 0 for the squared radius s."""
    assert turning_radius((*radial, 0.0, 0.0)) == pytest.approx(radius)
