"""The renderer: geometry against the camera's own formula, masks, shadows."""

import numpy as np
import pytest
from walkers.posing import standing, swung

from posegrid.body.camera import Camera
from posegrid.body.skeleton import HUMAN36M_32_TO_17, JOINT_NAMES
from posegrid.walkers.body.joints import joints_world_mm
from posegrid.walkers.clothes.person import random_person
from posegrid.walkers.clothes.sewing import Person
from posegrid.walkers.render import camera_kernels
from posegrid.walkers.render import surface_kernels as kernels
from posegrid.walkers.render.cameras import studio_cameras
from posegrid.walkers.render.light import Light, light_frame, random_light
from posegrid.walkers.render.light_kernels import floor_light
from posegrid.walkers.render.renderer import (
    NO_FLOOR_MAP,
    PosedPerson,
    pose_person,
    render,
    surface_box_px,
)
from posegrid.walkers.render.sensor import expose

SWING = 0.45


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return [random_person(np.random.default_rng(seed), "plain") for seed in range(100, 108)]


@pytest.fixture(scope="module")
def cameras() -> list[Camera]:
    return list(studio_cameras(np.random.default_rng(0)).values())


def posed(
    person: Person, swing: float = SWING, heading: float = 0.0, light: Light | None = None
) -> PosedPerson:
    rotations = swung(person.body, swing, heading)
    positions = standing(person.body, rotations, person.sole_mm)
    rotations, positions = person.with_loose((rotations, positions), 50.0)
    return pose_person(person, rotations[0], positions[0], light or Light())


def around(surface: PosedPerson, camera: Camera, margin: float = 1.15) -> np.ndarray:
    x0, y0, x1, y1 = surface_box_px(surface, camera)
    side = margin * max(x1 - x0, y1 - y0)
    return np.array([(x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side])


def test_projection_is_the_cameras_own(cameras: list[Camera]) -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform([-1500, -1500, 0], [1500, 1500, 1900], size=(200, 3)).astype(np.float32)
    for camera in cameras:
        assert any(camera.distortion)
        screen = np.empty_like(points)
        camera_kernels.project(points, camera_kernels.kernel_camera(camera), screen)
        expected = camera.project(camera.world_to_camera(points.astype(np.float64)))
        np.testing.assert_allclose(screen[:, :2], expected, atol=2e-2)


def test_points_behind_the_camera_are_not_drawn(cameras: list[Camera]) -> None:
    camera = cameras[0]
    behind = camera.camera_to_world(np.array([[0.0, 0.0, -1000.0]])).astype(np.float32)
    screen = np.ones((1, 3), np.float32)
    camera_kernels.project(behind, camera_kernels.kernel_camera(camera), screen)
    assert screen[0, 2] == 0


def test_the_rasteriser_agrees_with_a_slow_one() -> None:
    rng = np.random.default_rng(1)
    screen = np.concatenate(
        [rng.uniform(-4, 20, (60, 2)), rng.uniform(0.5, 1, (60, 1))], axis=1
    ).astype(np.float32)
    faces = np.arange(60).reshape(20, 3).astype(np.int32)
    nearness, front = np.zeros((16, 16), np.float32), np.full((16, 16), -1, np.int32)
    kernels.rasterise(screen, faces, np.ones(20, bool), nearness, front)
    for row in range(16):
        for column in range(16):
            hits = []
            for t, corners in enumerate(screen[faces].astype(np.float64)):
                system = np.vstack([corners[:, :2].T, np.ones(3)])
                weights = np.linalg.solve(system, [column + 0.5, row + 0.5, 1])
                if weights.min() >= 0:
                    hits.append((weights @ corners[:, 2], t))
            assert front[row, column] == (max(hits)[1] if hits else -1)


def test_back_faces_are_drawn_only_if_two_sided() -> None:
    screen = np.array([[1, 1, 1], [1, 9, 1], [9, 1, 1]], np.float32)
    for faces, two_sided, seen in (
        ([[0, 1, 2]], False, True),
        ([[0, 2, 1]], False, False),
        ([[0, 2, 1]], True, True),
    ):
        nearness, front = np.zeros((10, 10), np.float32), np.full((10, 10), -1, np.int32)
        kernels.rasterise(screen, np.array(faces, np.int32), np.array([two_sided]), nearness, front)
        assert (front >= 0).any() == seen


def test_every_joint_lies_in_the_mask(people: list[Person], cameras: list[Camera]) -> None:
    rng = np.random.default_rng(0)
    for person in people:
        rotations = swung(person.body, rng.uniform(-SWING, SWING), rng.uniform(0, 2 * np.pi))
        positions = standing(person.body, rotations, person.sole_mm)
        joints = joints_world_mm(person.body, rotations, positions)[0, list(HUMAN36M_32_TO_17)]
        rotations, positions = person.with_loose((rotations, positions), 50.0)
        surface = pose_person(person, rotations[0], positions[0], random_light(rng))
        for camera in cameras:
            window = around(surface, camera)
            mask = render(surface, camera, window, 128).mask
            view = camera.windowed(window, 128)
            for name, (x, y) in zip(
                JOINT_NAMES, view.project(view.world_to_camera(joints)), strict=True
            ):
                near = mask[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2]
                assert near.any(), f"{name} of a person in {person.attire.below} lies outside"


def test_a_window_is_a_part_of_the_whole_picture(
    people: list[Person], cameras: list[Camera]
) -> None:
    surface, camera = posed(people[0]), cameras[0]
    x0, y0, x1, y1 = surface_box_px(surface, camera)
    whole = render(
        surface,
        camera,
        np.array([0.0, 0.0, 1000.0]),
        1000,
        np.full((1000, 1000, 3), 0.5, np.float32),
    )
    left, top = int(x0) - 30, int(y0) - 30
    side = int(max(x1 - x0, y1 - y0)) + 60
    part = render(
        surface,
        camera,
        np.array([left, top, side], float),
        side,
        np.full((side, side, 3), 0.5, np.float32),
    )
    same = whole.light[top : top + side, left : left + side]
    assert np.abs(part.light - same).max() < 0.6 and np.abs(part.light - same).mean() < 2e-3
    assert (
        np.abs(part.coverage - whole.coverage[top : top + side, left : left + side]).mean() < 2e-3
    )


def test_the_box_of_the_surface_is_the_box_of_the_mask(
    people: list[Person], cameras: list[Camera]
) -> None:
    for person in people[:3]:
        surface = posed(person, heading=1.0)
        box = surface_box_px(surface, cameras[1])
        rows, columns = np.nonzero(
            render(surface, cameras[1], np.array([0.0, 0.0, 1000.0]), 1000).mask
        )
        found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(box, found, atol=2.5)


def test_a_larger_pixel_gathers_the_light_of_its_part(
    people: list[Person], cameras: list[Camera]
) -> None:
    surface = posed(people[0])
    window = around(surface, cameras[0])
    small, large = (render(surface, cameras[0], window, size).coverage.mean() for size in (64, 256))
    assert small == pytest.approx(large, rel=0.02)


def test_the_shadow_darkens_the_floor_and_nothing_else(
    people: list[Person], cameras: list[Camera]
) -> None:
    light = Light(towards_key=(1.0, 0.3, 1.2), floor_darkening=0.4)
    surface, camera = posed(people[1], light=light), cameras[0]
    grey = np.full((200, 200, 3), 0.5, np.float32)
    picture = render(surface, camera, np.array([0.0, 0.0, 1000.0]), 200, grey)
    behind = picture.light[picture.coverage == 0]
    assert behind.min() == pytest.approx(0.3) and behind.max() == pytest.approx(0.5)
    shadowed = (picture.light[..., 0] < 0.45) & (picture.coverage == 0)
    assert 20 < shadowed.sum() < 4000
    horizon = camera.windowed(np.array([0.0, 0.0, 1000.0]), 200)
    assert np.nonzero(shadowed)[0].min() > horizon.principal_px[1] - 40


def test_the_shadow_lies_where_the_distorted_lens_sees_the_floor(
    people: list[Person], cameras: list[Camera]
) -> None:
    lamp = posed(people[0]).light.lamp
    everywhere = np.zeros((64, 64), np.float32)
    for x, y in ((0.0, 0.0), (1200.0, 1800.0), (-1300.0, 500.0)):
        spot = np.float32([x - 15, x + 15, y - 15, y + 15])
        lamp = lamp._replace(floor_box=tuple(spot), centre=tuple(np.float32([x, y, 0])))
        for camera in cameras:
            here, aside = camera.project(
                camera.world_to_camera(np.array([[x, y, 0.0], [x + 60, y + 60, 0.0]]))
            )
            for pixel, kept in ((here, 1 - lamp.floor_darkening), (aside, 1)):
                share = floor_light(
                    *np.float32(pixel),
                    camera_kernels.kernel_camera(camera),
                    lamp,
                    everywhere,
                    NO_FLOOR_MAP,
                )
                assert share == pytest.approx(kept)


def test_without_background_it_is_black(people: list[Person], cameras: list[Camera]) -> None:
    picture = render(posed(people[0]), cameras[0], np.array([0.0, 0.0, 1000.0]), 100)
    off_the_person = picture.coverage == 0
    assert (picture.light[off_the_person] == 0).all() and (
        expose(picture.light)[off_the_person] == 0
    ).all()


def test_light_that_shines_from_the_left_makes_the_left_side_bright(
    people: list[Person], cameras: list[Camera]
) -> None:
    means = []
    camera = cameras[0]
    right = camera.rot_world_to_cam[0]
    for sign in (-1.0, 1.0):
        way = tuple(float(v) for v in sign * right + [0, 0, 0.3])
        surface = posed(
            people[0],
            swing=0.0,
            light=Light(towards_key=way, key_share=0.9, ambient_share=0.1, fill_share=0),
        )
        picture = render(surface, camera, around(surface, camera), 128)
        grey, mask = picture.light.mean(axis=2), picture.mask
        columns = np.nonzero(mask)[1]
        half = np.median(columns)
        left = np.arange(128)[None] < half
        means.append(grey[mask & left].mean() / grey[mask & ~left].mean())
    assert means[0] > 1.3 and means[1] < 1 / 1.3


def test_a_lights_frame_is_a_rotation_with_z_along_the_rays() -> None:
    for towards in ([0.3, -0.5, 0.8], [0.0, 0.0, 1.0]):
        frame = light_frame(np.array(towards))
        np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(frame) == pytest.approx(1)
        np.testing.assert_allclose(frame[2], -np.array(towards) / np.linalg.norm(towards))
