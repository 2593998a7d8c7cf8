"""Arms and trunk: an arm in the body comes out of it, an arm in the air stays where it is."""

import numpy as np
import pytest

from posegrid.walkers.body.mesh import load_body_model
from posegrid.walkers.motion.arms import Trunk, cleared, depth_mm, sample_arms
from posegrid.walkers.motion.posture import ARM_ANGLES, CENTRAL_ANGLES


def arm(side: str, *degrees: float) -> dict[str, np.ndarray]:
    """Angles of one arm held still for 30 frames."""
    named = zip(ARM_ANGLES, np.radians(degrees), strict=True)
    return {f"{name}.{side}": np.full(30, angle) for name, angle in named}


def held(*degrees: float) -> dict[str, np.ndarray]:
    """Angles of a person with both arms held alike for 30 frames."""
    angles = {name: np.zeros(30) for name in CENTRAL_ANGLES}
    for side in "LR":
        angles |= {
            f"{name}.{side}": np.full(30, np.radians(deg))
            for name, deg in zip(ARM_ANGLES, degrees, strict=True)
        }
    return angles


@pytest.fixture(scope="module")
def body():
    return load_body_model().sample(np.random.default_rng(3))


def test_how_deep_a_point_is_by_hand():
    trunk = Trunk(0.0, np.array([100.0]), np.array([-80.0]), np.array([80.0]))
    points = np.array([[0.0, 0, 10], [100, 0, 10], [0, -80, 10], [0, -160, 10], [0, 0, 500]])
    np.testing.assert_allclose(trunk.depth_mm(points, np.zeros(5)), [80, 0, 0, -80, -np.inf])


def test_an_arm_through_the_chest_comes_out_of_it(body):
    through = held(10, 0, 75, 80)
    assert depth_mm(body, through, "L", 1.0).max() > 20
    out = cleared(body, through)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        assert depth_mm(body, out, side, sign).max() <= 1.0


def test_arms_in_the_air_stay_where_they_are(body):
    spread = held(0, 90, 0, 10)
    for name, angle in cleared(body, spread).items():
        np.testing.assert_array_equal(angle, spread[name])


def test_only_the_shoulder_of_the_arm_concerned_is_turned(body):
    one = held(0, 90, 0, 10) | arm("L", 10, 0, 75, 80)
    changed = {
        name for name, angle in cleared(body, one).items() if not np.array_equal(angle, one[name])
    }
    assert changed and changed <= {"shoulder_flexion.L", "shoulder_abduction.L"}


def test_random_postures_of_random_bodies_are_cleared():
    rng = np.random.default_rng(0)
    left = []
    for _ in range(40):
        body, angles = load_body_model().sample(rng), held(2, 8, 5, 14)
        for side, posture in zip("LR", sample_arms(rng), strict=True):
            if posture is not None:
                angles |= arm(side, *np.degrees(posture.angles_rad))
        left.append(
            max(
                depth_mm(body, cleared(body, angles), s, x).max()
                for s, x in (("L", 1.0), ("R", -1.0))
            )
        )
    assert np.mean(np.array(left) <= 1.0) > 0.95
