"""Loose parts: pendulums that lag, keep their length, keep off limbs, and do not depend on the
frame rate.
"""

from dataclasses import replace

import numpy as np
import pytest

from posegrid.walkers.body.mesh import BONE_INDEX, NUM_BONES, Body, load_body_model
from posegrid.walkers.clothes.loose import Collider, LooseBone, with_loose
from posegrid.walkers.clothes.loose_kernels import turn_off_rods

PENDULUM = LooseBone(
    carrier="root",
    head_mm=np.array([0.0, 200.0, 900.0]),
    tip_mm=np.array([0.0, 200.0, 500.0]),
    outward=np.array([0.0, 1.0, 0.0]),
    stiffness=0.0,
)


@pytest.fixture(scope="module")
def body() -> Body:
    return load_body_model().sample(np.random.default_rng(0))


def carried(body: Body, way_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The body at rest, carried along a way (T, 3)."""
    rotations = np.tile(np.eye(3), (len(way_mm), NUM_BONES, 1, 1))
    return rotations, body.bone_heads_mm + way_mm[:, None]


def tip(bone: LooseBone, body: Body, way_mm: np.ndarray, fps: float) -> np.ndarray:
    """Where the tip is (T, 3), the way taken off."""
    rotations, positions = with_loose((bone,), body, carried(body, way_mm), fps)
    return positions[:, -1] + rotations[:, -1] @ bone.rest_mm - way_mm


def started(seconds: float, fps: float, speed_mm_s: float = 1200.0) -> np.ndarray:
    """Half a second of standing, then walking off towards -y at once."""
    time = np.arange(0, seconds, 1 / fps)
    return np.outer(np.maximum(time - 0.5, 0) * speed_mm_s, [0.0, -1.0, 0.0])


def test_without_loose_bones_nothing_is_added(body: Body) -> None:
    frames = carried(body, np.zeros((3, 3)))
    assert with_loose((), body, frames, 50.0) is frames


def test_at_rest_everything_hangs_where_it_was_sewn(body: Body) -> None:
    np.testing.assert_allclose(
        tip(PENDULUM, body, np.zeros((20, 3)), 50.0), np.tile(PENDULUM.tip_mm, (20, 1)), atol=1e-9
    )


def test_it_lags_when_the_body_starts_and_comes_to_rest_behind_it(body: Body) -> None:
    behind = tip(PENDULUM, body, started(6.0, 50.0), 50.0)[:, 1] - PENDULUM.tip_mm[1]
    assert behind[:25] == pytest.approx(0)
    assert behind.max() > 60 and 26 < behind.argmax() < 45
    assert behind[45:80].min() < 25  # it swings back
    assert behind[-1] == pytest.approx(behind[-10], abs=1) and 10 < behind[-1] < 60  # the air


def test_the_swing_is_that_of_a_damped_oscillator(body: Body) -> None:
    bone = replace(PENDULUM, frequency_hz=1.0, damping=0.1)
    way = started(4.0, 100.0, speed_mm_s=100.0)
    off = tip(bone, body, way, 100.0)[:, 1] - bone.tip_mm[1]
    off -= off[-1]
    peaks = [t for t in range(60, 390) if off[t] > off[t - 1] and off[t] >= off[t + 1]]
    period_s = np.diff(peaks[:2])[0] / 100
    assert period_s == pytest.approx(1 / np.sqrt(1 - 0.1**2), abs=0.03)
    assert off[peaks[1]] / off[peaks[0]] == pytest.approx(
        np.exp(-2 * np.pi * 0.1 / np.sqrt(1 - 0.1**2)), rel=0.15
    )


def test_the_frame_rate_does_not_matter(body: Body) -> None:
    coarse, fine = (
        tip(PENDULUM, body, started(3, 50.0), 50.0),
        tip(PENDULUM, body, started(3, 200.0), 200.0),
    )
    assert np.abs(coarse - fine[::4]).max() < 12


def test_length_and_joints_are_kept(body: Body) -> None:
    below = replace(
        PENDULUM, head_mm=PENDULUM.tip_mm, tip_mm=np.array([0.0, 200.0, 200.0]), after=0
    )
    rotations, positions = with_loose(
        (PENDULUM, below), body, carried(body, started(2, 50.0)), 50.0
    )
    np.testing.assert_allclose(
        rotations @ rotations.swapaxes(-1, -2),
        np.broadcast_to(np.eye(3), rotations.shape),
        atol=1e-9,
    )
    end = positions[:, NUM_BONES] + rotations[:, NUM_BONES] @ PENDULUM.rest_mm
    np.testing.assert_allclose(end, positions[:, NUM_BONES + 1], atol=1e-9)


def test_a_leg_that_swings_pushes_the_cloth_before_it(body: Body) -> None:
    thigh = Collider("upperleg01.L", "lowerleg01.L", 70.0)
    hip, knee = body.head_of("upperleg01.L"), body.head_of("lowerleg01.L")
    front = replace(
        PENDULUM,
        head_mm=hip + [0, -110, 0],
        tip_mm=knee + [0, -110, 0],
        outward=np.array([0.0, -1.0, 0.0]),
        colliders=(thigh,),
    )
    rotations, positions = carried(body, np.zeros((40, 3)))
    forward = np.minimum(np.arange(40) / 20, 1) * 350
    positions[:, BONE_INDEX["lowerleg01.L"]] += np.outer(forward, [0, -1, 0.2])
    turned, heads = with_loose((front,), body, (rotations, positions), 50.0)
    tips = heads[:, -1] + turned[:, -1] @ front.rest_mm
    start = positions[:, BONE_INDEX["upperleg01.L"]]
    along = positions[:, BONE_INDEX["lowerleg01.L"]] - start
    share = np.clip(((tips - start) * along).sum(axis=1) / (along**2).sum(axis=1), 0, 1)
    distance = np.linalg.norm(tips - start - share[:, None] * along, axis=1)
    assert distance.min() > 0.8 * thigh.radius_mm
    without = with_loose((replace(front, colliders=()),), body, (rotations, positions), 50.0)
    tips_without = without[1][:, -1] + without[0][:, -1] @ front.rest_mm
    assert tips[-1, 1] < tips_without[-1, 1] - 150


def test_a_bone_is_turned_off_a_rod_and_keeps_its_length() -> None:
    ways, heads = np.array([[0.0, 0.0, -400.0], [300.0, 0.0, -300.0]]), np.zeros((2, 3))
    rod = (
        np.array([[-50.0, 20.0, -300.0]]),
        np.array([[50.0, 20.0, -300.0]]),
    )  # across, just behind the first bone
    pushes = np.array([[[0.0, -1.0, 0.0], [0.0, -1.0, 0.0]]])
    before = ways.copy()
    turn_off_rods(ways, heads, np.array([0.75]), *rod, pushes, np.full((1, 1, 2), 60.0), 20)
    np.testing.assert_allclose(np.linalg.norm(ways, axis=1), np.linalg.norm(before, axis=1))
    np.testing.assert_array_equal(ways[1], before[1])  # it passes beside the rod's end
    y, z = 0.75 * ways[0, 1] - 20, 0.75 * ways[0, 2] + 300
    assert np.hypot(y, z) == pytest.approx(60, abs=1) and ways[0, 1] < -50
