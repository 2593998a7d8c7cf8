"""Lights with a width: what they keep of the light, and that their shadows only take some away."""

from dataclasses import replace

import numpy as np
import pytest
from walkers.posing import standing, swung

from posegrid.body.camera import Camera
from posegrid.walkers.clothes.person import random_person
from posegrid.walkers.render import light_kernels
from posegrid.walkers.render.cameras import studio_cameras
from posegrid.walkers.render.light import Light, SoftLight, floor_darkenings, random_light
from posegrid.walkers.render.renderer import PosedPerson, Rendered, pose_person, render

SIZE = 128
GREY = np.full((SIZE, SIZE, 3), 0.5, np.float32)


@pytest.fixture(scope="module")
def camera() -> Camera:
    return next(iter(studio_cameras(np.random.default_rng(0)).values()))


def posed(light: Light) -> PosedPerson:
    person = random_person(np.random.default_rng(106), "plain")
    rotations = swung(person.body, 0.4, 0.5)
    positions = standing(person.body, rotations, person.sole_mm)
    rotations, positions = person.with_loose((rotations, positions), 50.0)
    return pose_person(person, rotations[0], positions[0], light)


def seen(light: Light, camera: Camera) -> Rendered:
    return render(posed(light), camera, np.array([200.0, 200.0, 600.0]), SIZE, GREY)


def shadow(light: Light, camera: Camera) -> np.ndarray:
    """The share of light that the floor lacks, 0 where the person is."""
    picture = seen(light, camera)
    return np.where(picture.coverage == 0, 1 - picture.light[..., 0] / 0.5, 0)


def lit_by(*lights: SoftLight) -> Light:
    key, *others = lights
    light = Light(
        key.towards, (0.0, 0.0, 1.0), key.share, 0.0, 0.3, 0.0, key.softness, tuple(others)
    )
    return replace(light, floor_darkening=floor_darkenings(light)[0])


@pytest.mark.parametrize("softness", [0.0, 0.2, 0.6, 1.0])
def test_a_wider_light_is_as_bright_on_average_over_all_directions(softness: float) -> None:
    facing = np.linspace(-1, 1, 20001)
    light = [light_kernels.wrapped.py_func(np.float32(f), np.float32(softness)) for f in facing]
    assert np.mean(light) == pytest.approx(0.25, abs=1e-4)


def test_however_many_lamps_there_are_the_light_is_as_strong() -> None:
    totals = {1: [], 2: [], 3: [], 4: []}
    for seed in range(400):
        light = random_light(np.random.default_rng(seed), "indoors")
        shares = [light.key_share, *(other.share for other in light.others)]
        assert shares == sorted(shares, reverse=True)
        totals[len(shares)].append(sum(shares) + light.fill_share + light.ambient_share)
    means = [np.mean(values) for values in totals.values()]
    assert min(len(values) for values in totals.values()) > 60
    assert max(means) / min(means) < 1.1


def test_two_halves_of_a_light_are_the_light(camera: Camera) -> None:
    way = (0.4, -0.8, 1.0)
    key, whole, half = (
        SoftLight((-1.0, 0.2, 1.5), 0.3, 0.0),
        SoftLight(way, 0.4, 0.3),
        SoftLight(way, 0.2, 0.3),
    )
    one, two = (seen(lit_by(key, *others), camera).light for others in ([whole], [half, half]))
    np.testing.assert_allclose(one, two, atol=2e-5)


def test_a_light_of_no_share_changes_nothing_to_speak_of(camera: Camera) -> None:
    key = SoftLight((-1.0, 0.2, 1.5), 0.6, 0.0)
    alone, beside = (
        seen(lit_by(*lights), camera).light
        for lights in ([key], [key, SoftLight((0, 0, 1), 0.0, 0.9)])
    )
    np.testing.assert_allclose(alone, beside, atol=1e-5)


@pytest.mark.parametrize("seed", range(12))
def test_shadows_only_darken_and_never_below_nothing(camera: Camera, seed: int) -> None:
    missing = shadow(
        random_light(np.random.default_rng(seed), "indoors" if seed % 2 else "outdoors"), camera
    )
    assert missing.min() > -1e-6 and missing.max() <= 1 + 1e-6
    assert missing.max() > 0.02


def test_a_wider_light_throws_as_much_shadow_with_softer_edges(camera: Camera) -> None:
    right, taken, edges = camera.rot_world_to_cam[0], [], []
    for softness in (0.0, 0.1, 0.4):  # from the right: the whole shadow is seen beside the person
        light = lit_by(SoftLight((float(right[0]), float(right[1]), 1.3), 0.7, softness))
        missing, free = (
            shadow(light, camera) / light.floor_darkening,
            seen(light, camera).coverage == 0,
        )
        taken.append(missing.sum())
        edges.append(np.square(np.diff(missing, axis=0))[free[1:] & free[:-1]].sum())
    assert edges[0] > 1.2 * edges[1] and edges[1] > 2 * edges[2]
    assert taken[1] == pytest.approx(taken[0], rel=0.3) and taken[2] == pytest.approx(
        taken[0], rel=0.5
    )


def test_a_soft_key_light_from_the_left_still_lights_the_left_side(camera: Camera) -> None:
    right = camera.rot_world_to_cam[0]
    means = []
    for sign in (-1.0, 1.0):
        way = tuple(float(v) for v in sign * right + [0, 0, 0.3])
        picture = seen(lit_by(SoftLight(way, 0.9, 0.4)), camera)
        columns = np.nonzero(picture.mask)[1]
        left = picture.mask & (np.arange(SIZE)[None] < np.median(columns))
        grey = picture.light.mean(axis=2)
        means.append(grey[left].mean() / grey[picture.mask & ~left].mean())
    assert means[0] > 1.2 and means[1] < 1 / 1.2


def test_the_same_seed_is_the_same_light_and_the_sun_shines_outdoors_only() -> None:
    for seed in range(30):
        one, two = (random_light(np.random.default_rng(seed), "indoors") for _ in range(2))
        assert one == two and one.key_softness > 0
    hard = [
        random_light(np.random.default_rng(seed), "outdoors").key_softness == 0
        for seed in range(200)
    ]
    assert 0.45 < np.mean(hard) < 0.75


def test_lights_add_up_to_something_visible() -> None:
    rng = np.random.default_rng(0)
    sums = [
        light.key_share
        + sum(other.share for other in light.others)
        + light.fill_share
        + light.ambient_share
        for light in (random_light(rng) for _ in range(99))
    ]
    assert min(sums) > 0.34 and max(sums) < 1.81
