"""The correction of the body's way: what it makes least, beside a slow and obvious solution."""

import numpy as np

from posegrid.motion.feet import ANKLES, BEND_S, STAY_S, root_correction_mm

STEP_S = 0.02


def slow_correction(joints: np.ndarray, stands: np.ndarray) -> np.ndarray:
    """The same by a dense least squares of all terms."""
    count = len(joints)
    eye = np.eye(count)
    rows, goals = [], []
    for foot, ankle in enumerate(ANKLES):
        for i in np.flatnonzero(stands[1:, foot] & stands[:-1, foot]):
            rows.append(eye[i + 1] - eye[i])
            goals.append(joints[i, ankle] - joints[i + 1, ankle])
    rows += [*(BEND_S / STEP_S * np.diff(eye, n=2, axis=0)), *(STEP_S / STAY_S * eye)]
    goals += [np.zeros(3)] * (2 * count - 2)
    return np.linalg.lstsq(np.array(rows), np.array(goals), rcond=None)[0]


def test_it_is_the_least_squares_solution():
    rng = np.random.default_rng(0)
    joints = np.cumsum(rng.normal(0, 5, (60, 17, 3)), axis=0)
    stands = np.stack([np.arange(60) % 30 < 18, np.arange(60) % 30 > 14], axis=1)
    found = root_correction_mm(joints, stands, STEP_S * np.arange(60))
    np.testing.assert_allclose(found, slow_correction(joints, stands), atol=1e-3)


def test_a_body_that_drifts_over_its_standing_feet_drifts_less():
    joints = np.zeros((50, 17, 3)) + np.arange(50)[:, None, None] * np.array([0.0, 0, 2])
    stands = np.ones((50, 2), dtype=bool)
    moved = joints + root_correction_mm(joints, stands, STEP_S * np.arange(50))[:, None]
    assert np.abs(np.diff(moved[:, 0, 2])).mean() < 1.0


def test_nothing_moves_without_a_standing_foot_or_across_a_gap():
    rng = np.random.default_rng(1)
    joints, time_s = np.cumsum(rng.normal(0, 5, (40, 17, 3)), axis=0), STEP_S * np.arange(40)
    assert not root_correction_mm(joints, np.zeros((40, 2), dtype=bool), time_s).any()
    joints[18:20] = np.nan
    stands = np.ones((40, 2), dtype=bool)
    apart = time_s + np.where(np.arange(40) > 18, 10, 0)
    whole = root_correction_mm(joints, stands, apart)
    np.testing.assert_allclose(
        whole[:18], root_correction_mm(joints[:18], stands[:18], apart[:18]), atol=1e-3
    )
    assert not whole[18:20].any()
