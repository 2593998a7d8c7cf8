"""Where a foot turns, by hand: peaks that stand out, none too near to a higher one."""

import numpy as np

from posegrid.motion.gait_events import LEAST_SWING_MM, turning_points_s


def peaks_s(*values: float) -> list[float]:
    """Turning points of a curve in units of `LEAST_SWING_MM`, one value a second."""
    return turning_points_s(LEAST_SWING_MM * np.array(values), np.arange(float(len(values))))


def test_a_peak_is_measured_from_the_higher_of_its_two_valleys():
    values = np.array([0.0, 5, 3, 9, 9, 9, 1, 2]) / 2
    assert [round(time) for time in peaks_s(*values)] == [1, 4]
    assert [round(time) for time in peaks_s(*values / 1.25)] == [4]
    assert [round(time) for time in peaks_s(*values[::-1] / 1.25)] == [3]
    assert peaks_s(3, 1, 3) == []


def test_between_frames_it_is_where_a_parabola_turns():
    time_s = np.arange(7.0)
    found = turning_points_s(-300.0 * (time_s - 3.2) ** 2, time_s)
    np.testing.assert_allclose(found, [3.2], atol=1e-9)


def test_of_two_peaks_that_are_too_near_the_higher_one_stays():
    time_s = np.linspace(0, 5, 101)
    walk = 300 * np.cos(2 * np.pi * time_s)
    walk[27] += 350
    np.testing.assert_allclose(turning_points_s(walk, time_s), [1, 2, 3, 4], atol=0.02)
    walk[27] += 350
    np.testing.assert_allclose(turning_points_s(walk, time_s), [1.35, 2, 3, 4], atol=0.02)
