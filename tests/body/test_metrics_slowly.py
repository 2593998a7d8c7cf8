"""Every metric against a slow one of its own: plain loops over numbers, written from the papers'
definitions, on 10,000 random poses. The best rotation is found another way, by Horn's quaternion
("Closed-form solution of absolute orientation using unit quaternions", JOSA A 1987).
"""

import math

import numpy as np
import pytest

from posegrid.body import metrics

COUNT = 10_000
Point = list[float]
Matrix = list[list[float]]


def made_up() -> tuple[np.ndarray, np.ndarray]:
    """True poses and estimates of them, mm: a little off, unrelated, mirrored, flat, or tiny."""
    rng = np.random.default_rng(2015)
    truth = rng.normal(0, 300, (COUNT, 17, 3))
    estimate = truth + rng.normal(0, 1, truth.shape) * rng.uniform(0, 120, (COUNT, 1, 1))
    estimate[1::5] = rng.normal(0, 300, estimate[1::5].shape)
    estimate[2::5] *= [-1, 1, 1]
    truth[3::5, :, 2] *= 1e-3
    estimate[4::5] *= 0.01
    truth[:, 0] = estimate[:, 0] = 0
    return estimate, truth


def distance(one: Point, other: Point) -> float:
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)))


def slow_errors(estimate: list[Point], truth: list[Point]) -> list[float]:
    return [distance(one, other) for one, other in zip(estimate, truth, strict=True)]


def slow_scaled(estimate: list[Point], truth: list[Point]) -> list[Point]:
    """By the factor whose derivative of the squared error is zero."""
    above = below = 0.0
    for one, other in zip(estimate, truth, strict=True):
        for a, b in zip(one, other, strict=True):
            above += a * b
            below += a * a
    return [[above / below * a for a in one] for one in estimate]


def slow_aligned(estimate: list[Point], truth: list[Point]) -> list[Point]:
    """Rotated, scaled and shifted so that the squared error is least."""
    centre, goal = mean(estimate), mean(truth)
    left = [[a - m for a, m in zip(one, centre, strict=True)] for one in estimate]
    right = [[b - m for b, m in zip(one, goal, strict=True)] for one in truth]
    sums = [[sum(a[i] * b[j] for a, b in zip(left, right, strict=True)) for j in range(3)]
            for i in range(3)]  # fmt: skip
    turn = rotation_of(leading_vector(quaternion_matrix(sums)))
    turned = [[sum(turn[i][j] * a[j] for j in range(3)) for i in range(3)] for a in left]
    scaled = slow_scaled(turned, right)
    return [[a + m for a, m in zip(one, goal, strict=True)] for one in scaled]


def mean(points: list[Point]) -> Point:
    return [sum(point[axis] for point in points) / len(points) for axis in range(3)]


def quaternion_matrix(s: Matrix) -> Matrix:
    """Horn's N: the quaternion that makes q N q largest is the best rotation."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = s
    return [
        [xx + yy + zz, yz - zy, zx - xz, xy - yx],
        [yz - zy, xx - yy - zz, xy + yx, zx + xz],
        [zx - xz, xy + yx, yy - xx - zz, yz + zy],
        [xy - yx, zx + xz, yz + zy, zz - xx - yy],
    ]


def leading_vector(matrix: Matrix) -> list[float]:
    """Of the largest eigenvalue of a symmetric matrix, by Jacobi's rotations."""
    size = range(len(matrix))
    vectors = [[float(i == j) for j in size] for i in size]
    whole = sum(value * value for row in matrix for value in row)
    for _ in range(12):
        if sum(matrix[i][j] ** 2 for i in size for j in size if i != j) < 1e-28 * whole:
            break
        for p in size:
            for q in range(p + 1, len(matrix)):
                jacobi_step(matrix, vectors, p, q)
    best = max(size, key=lambda i: matrix[i][i])
    return [row[best] for row in vectors]


def jacobi_step(matrix: Matrix, vectors: Matrix, p: int, q: int) -> None:
    """Turn axes p and q so that the element between them becomes zero."""
    if matrix[p][q] == 0:
        return
    angle = 0.5 * math.atan2(2 * matrix[p][q], matrix[q][q] - matrix[p][p])
    c, s = math.cos(angle), math.sin(angle)
    for row in (*matrix, *vectors):
        row[p], row[q] = c * row[p] - s * row[q], s * row[p] + c * row[q]
    above, below = matrix[p], matrix[q]
    matrix[p] = [c * a - s * b for a, b in zip(above, below, strict=True)]
    matrix[q] = [s * a + c * b for a, b in zip(above, below, strict=True)]


def rotation_of(quaternion: list[float]) -> Matrix:
    w, x, y, z = quaternion
    return [
        [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (y * x + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
        [2 * (z * x - w * y), 2 * (z * y + w * x), w * w - x * x - y * y + z * z],
    ]


@pytest.fixture(scope="module")
def poses() -> tuple[np.ndarray, np.ndarray]:
    return made_up()


@pytest.mark.parametrize(
    ("metric", "slow"),
    [
        (metrics.mpjpe_mm, lambda estimate, truth: estimate),
        (metrics.n_mpjpe_mm, slow_scaled),
        (metrics.pa_mpjpe_mm, slow_aligned),
    ],
)
def test_errors_are_those_of_the_definition(poses, metric, slow) -> None:
    errors = [
        slow_errors(slow(estimate, truth), truth)
        for estimate, truth in zip(*(p.tolist() for p in poses), strict=True)
    ]
    ours = [
        metric(one[None], other[None]) for one, other in zip(*(p[:200] for p in poses), strict=True)
    ]
    assert ours == pytest.approx([sum(row) / 17 for row in errors[:200]], abs=1e-6)
    assert metric(*poses) == pytest.approx(sum(map(sum, errors)) / (17 * COUNT), abs=1e-6)


def test_each_pose_is_aligned_as_by_the_definition(poses) -> None:
    ours = metrics.similarity_aligned(*poses)
    for index in range(0, COUNT, 7):
        expected = slow_aligned(poses[0][index].tolist(), poses[1][index].tolist())
        np.testing.assert_allclose(ours[index], expected, atol=1e-5)


def test_shares_and_steps_are_those_of_the_definition(poses) -> None:
    estimate, truth = (p.tolist() for p in poses)
    errors = [slow_errors(one, other) for one, other in zip(estimate, truth, strict=True)]
    within = [
        sum(error <= threshold for row in errors for error in row) / (17 * COUNT)
        for threshold in range(0, 151, 5)
    ]
    measured = metrics.joint_errors_mm(*poses)
    assert metrics.pck(measured) == within[-1]
    assert metrics.auc(measured) == pytest.approx(sum(within) / 31, abs=1e-12)
    steps = [
        [
            distance([a - b for a, b in zip(p1, p0, strict=True)],
                     [a - b for a, b in zip(t1, t0, strict=True)])
            for p0, p1, t0, t1 in zip(*pair, strict=True)
        ]
        for pair in zip(estimate[::2], estimate[1::2], truth[::2], truth[1::2], strict=True)
    ]  # fmt: skip
    pairs = (p.reshape(-1, 2, 17, 3) for p in poses)
    np.testing.assert_allclose(metrics.velocity_errors_mm(*pairs), steps, atol=1e-9)
