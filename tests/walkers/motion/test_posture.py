"""Joint limits and small deviations: what comes out is inside, and near to what went in."""

import numpy as np
import pytest

from posegrid.walkers.motion.gait_style import GaitStyle, gait_angles, sample_unusual_style
from posegrid.walkers.motion.posture import (
    BEND_LIMITS_DEG,
    JITTER_DEG,
    NECK_LIMITS_DEG,
    SIDE_LIMITS_DEG,
    jittered,
    limited,
    unedited,
)


@pytest.fixture(scope="module")
def angles():
    return gait_angles(GaitStyle(), 0.42, np.linspace(0, 4, 200))


def test_no_joint_goes_beyond_its_limit(angles):
    rng = np.random.default_rng(0)
    for _ in range(20):
        wild = jittered(
            gait_angles(sample_unusual_style(rng), 0.4, np.linspace(0, 2, 80)), 50.0, rng, size=8.0
        )
        kept = limited(wild)
        for name, (low, high) in SIDE_LIMITS_DEG.items():
            for side in "LR":
                degrees = np.degrees(kept[f"{name}.{side}"])
                assert low - 1e-9 <= degrees.min() and degrees.max() <= high + 1e-9
        for upper, lower, limits in (
            ("trunk", "pelvis", BEND_LIMITS_DEG),
            ("head", "trunk", NECK_LIMITS_DEG),
        ):
            for kind, (low, high) in limits.items():
                bend = np.degrees(kept[f"{upper}_{kind}"] - kept[f"{lower}_{kind}"])
                assert low - 1e-9 <= bend.min() and bend.max() <= high + 1e-9


def test_what_is_inside_stays_as_it_is(angles):
    for name, angle in limited(angles).items():
        np.testing.assert_allclose(angle, angles[name], atol=1e-12, err_msg=name)


def test_deviations_are_as_large_as_they_are_meant_to_be_and_smooth(angles):
    away = []
    for seed in range(60):
        deviating = jittered(angles, 50.0, np.random.default_rng(seed))
        away.append(np.degrees(deviating["shoulder_flexion.L"] - angles["shoulder_flexion.L"]))
        np.testing.assert_array_equal(deviating["foot_pitch.L"], angles["foot_pitch.L"])
    assert np.std(away) == pytest.approx(JITTER_DEG["shoulder"], rel=0.25)
    assert np.abs(np.diff(away, axis=1)).max() < 2.5


def test_unedited_angles_are_the_very_same(angles):
    assert unedited(angles) is angles
