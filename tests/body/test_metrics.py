"""Metrics: hand values and laws."""

import numpy as np
import pytest

from posegrid.body import metrics
from posegrid.body.rotations import smallest_rotations

TRUTH = np.random.default_rng(0).normal(0, 300, (6, 17, 3))
ESTIMATE = TRUTH + np.random.default_rng(1).normal(0, 40, TRUTH.shape)
ROTATION = smallest_rotations(np.array([1.0, 2.0, 3.0]), np.array([-2.0, 1.0, 0.5]))
METRICS = (metrics.mpjpe_mm, metrics.n_mpjpe_mm, metrics.pa_mpjpe_mm)


def test_an_error_of_3_4_0_is_5_mm() -> None:
    assert metrics.mpjpe_mm(TRUTH + [3, 4, 0], TRUTH) == pytest.approx(5)


@pytest.mark.parametrize("metric", METRICS)
def test_the_truth_has_no_error(metric) -> None:
    assert metric(TRUTH, TRUTH) == pytest.approx(0, abs=1e-9)


def test_n_mpjpe_is_blind_to_scale_alone() -> None:
    assert metrics.n_mpjpe_mm(1.3 * TRUTH, TRUTH) == pytest.approx(0, abs=1e-9)
    assert metrics.n_mpjpe_mm(TRUTH @ ROTATION.T, TRUTH) > 50


def test_pa_mpjpe_is_blind_to_similarities() -> None:
    assert metrics.pa_mpjpe_mm(0.7 * TRUTH @ ROTATION.T + [10, -20, 30], TRUTH) == pytest.approx(
        0, abs=1e-9
    )


def test_pa_mpjpe_sees_reflections() -> None:
    assert metrics.pa_mpjpe_mm(TRUTH * [-1, 1, 1], TRUTH) > 50


def test_every_alignment_lowers_the_squared_error() -> None:
    def square(estimate: np.ndarray) -> float:
        return float(((estimate - TRUTH) ** 2).sum())

    assert square(metrics.similarity_aligned(ESTIMATE, TRUTH)) < square(
        metrics.scale_aligned(ESTIMATE, TRUTH)
    )
    assert square(metrics.scale_aligned(ESTIMATE, TRUTH)) < square(ESTIMATE)


def test_the_scale_is_the_best_of_a_fine_search() -> None:
    aligned = metrics.scale_aligned(ESTIMATE[:1], TRUTH[:1])
    best = min(
        float(((s * ESTIMATE[0] - TRUTH[0]) ** 2).sum()) for s in np.linspace(0.8, 1.2, 4001)
    )
    assert float(((aligned[0] - TRUTH[0]) ** 2).sum()) <= best + 1e-6


def test_an_estimate_of_all_zeros_stays_zero() -> None:
    np.testing.assert_array_equal(metrics.scale_aligned(np.zeros_like(TRUTH), TRUTH), 0)


def test_velocity_errors_are_those_of_the_steps() -> None:
    estimate, truth = np.zeros((2, 2, 17, 3)), np.full((2, 2, 17, 3), 7.0)
    estimate[0, 1] += [3, 4, 0]
    estimate[1] += [300, 400, 0]
    errors = metrics.velocity_errors_mm(estimate, truth)
    np.testing.assert_allclose(errors, np.repeat([[5.0], [0.0]], 17, axis=1))


def test_pck_counts_the_threshold_itself() -> None:
    assert metrics.pck(np.array([0.0, 150.0, 150.1, 400.0])) == 0.5


def test_auc_of_no_error_is_one_and_of_75_mm_is_the_share_of_thresholds_from_75_on() -> None:
    assert metrics.auc(np.zeros(3)) == 1
    assert metrics.auc(np.full(3, 75.0)) == pytest.approx(16 / 31)


def test_however_small_an_estimate_is_it_is_aligned() -> None:
    for align in (metrics.scale_aligned, metrics.similarity_aligned):
        np.testing.assert_allclose(align(1e-4 * TRUTH, TRUTH), TRUTH, atol=1e-6)


def test_an_estimate_without_extent_becomes_the_truths_middle() -> None:
    aligned = metrics.similarity_aligned(np.full_like(TRUTH, 7.0), TRUTH)
    middle = np.broadcast_to(TRUTH.mean(axis=1, keepdims=True), TRUTH.shape)
    np.testing.assert_allclose(aligned, middle, atol=1e-9)
