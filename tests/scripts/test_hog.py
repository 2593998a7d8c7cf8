"""HOG features and the two ways of regressing from them: laws, hand values, a slow second
solution.
"""

import numpy as np
import pytest
from hog import KernelRidge, NearestNeighbours, gaussian, hog, usual_gamma


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 200, (count, 64, 64)).astype(np.uint8)


def test_a_flat_picture_has_no_gradient():
    assert np.array_equal(
        hog(np.full((1, 64, 64), 90, np.uint8)), np.zeros((1, 3 * 3 * 36), np.float32)
    )


def test_the_negative_has_the_same_features():
    images = pictures(3)
    assert hog(255 - images) == pytest.approx(hog(images), abs=1e-5)


def test_contrast_does_not_matter():
    images = pictures(3) // 2 * 2
    assert hog(images // 2) == pytest.approx(hog(images), abs=0.01)


def test_an_upright_edge_points_across():
    """Direction 0 is that of a gradient along x, each of the 9 is 20 degrees further; 90 degrees
    lie between two.
    """
    step = np.zeros((1, 64, 64), np.uint8)
    step[:, :, 24:] = 200
    upright = hog(step).reshape(3, 3, 4, 9)
    lying = hog(step.swapaxes(1, 2)).reshape(3, 3, 4, 9)
    assert upright[0, 0, 1].argmax() == 0 and upright[..., 1:].max() == 0
    assert set(lying[0, 0, 2].argsort()[-2:]) == {4, 5} and lying[0, 0, 2, 4] == pytest.approx(
        lying[0, 0, 2, 5]
    )


def test_blocks_have_length_one_at_most():
    assert np.linalg.norm(hog(pictures(2)).reshape(2, 9, 36), axis=-1).max() <= 1.0001


def test_the_nearest_neighbours_are_found():
    random = np.random.default_rng(0)
    features, answers = (
        random.normal(size=(300, 8)).astype(np.float32),
        random.normal(size=(300, 5)),
    )
    assert np.array_equal(NearestNeighbours(features, answers, 1).predict(features), answers)
    others = random.normal(size=(20, 8)).astype(np.float32)
    order = np.linalg.norm(others[:, None] - features, axis=-1).argsort(axis=1)[:, :3]
    assert NearestNeighbours(features, answers, 3).predict(others) == pytest.approx(
        answers[order].mean(axis=1)
    )


def test_the_kernel_by_hand():
    assert gaussian(
        np.array([[0.0, 3.0]]), np.array([[4.0, 0.0], [0.0, 3.0]]), 0.1
    ) == pytest.approx(np.array([[np.exp(-2.5), 1.0]]))
    assert usual_gamma(np.array([[0.0], [2.0]])) == pytest.approx(0.25)


def test_kernel_ridge_with_every_crop_a_landmark_is_the_textbooks():
    random = np.random.default_rng(1)
    features, answers = random.normal(size=(40, 3)), random.normal(size=(40, 2))
    (found,) = KernelRidge.fitted(features, answers, features, 0.5, (0.01,))
    kernel = np.exp(-0.5 * ((features[:, None] - features) ** 2).sum(axis=-1))
    mean = answers.mean(axis=0)
    dual = np.linalg.solve(kernel + 0.01 * 40 * np.eye(40), answers - mean)
    others = random.normal(size=(10, 3))
    expected = np.exp(-0.5 * ((others[:, None] - features) ** 2).sum(axis=-1)) @ dual + mean
    # what keeps the system solvable costs a little
    assert found.predict(others) == pytest.approx(expected, abs=0.01)
