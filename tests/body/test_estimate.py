"""What a network says: joined, chosen, mirrored and averaged, by hand values."""

import numpy as np

from posegrid.body.estimate import Estimate
from posegrid.body.skeleton import LEFT_JOINTS, RIGHT_JOINTS


def said(seed: int, count: int = 2) -> Estimate:
    rng = np.random.default_rng(seed)
    return Estimate(
        rng.normal(0, 300, (count, 17, 3)).astype(np.float32),
        rng.uniform(0, 64, (count, 17, 2)).astype(np.float32),
        rng.uniform(5, 50, (count, 17)).astype(np.float32),
        rng.normal(0, 300, (count, 4, 3)).astype(np.float32),
    )


def same(one: Estimate, other: Estimate) -> None:
    np.testing.assert_allclose(one.pose_mm, other.pose_mm, atol=1e-3)
    np.testing.assert_allclose(one.keypoints_px, other.keypoints_px, atol=1e-4)
    np.testing.assert_allclose(one.sigma_mm, other.sigma_mm, atol=1e-4)
    np.testing.assert_allclose(one.feet_mm, other.feet_mm, atol=1e-3)


def test_of_poses_alone_nothing_else_is_said() -> None:
    plain = Estimate.of_poses(said(0).pose_mm)
    assert plain.keypoints_px.shape == (2, 17, 2) and np.isnan(plain.keypoints_px).all()
    assert plain.sigma_mm.shape == (2, 17) and np.isnan(plain.sigma_mm).all()
    assert plain.feet_mm.shape == (2, 4, 3) and np.isnan(plain.feet_mm).all()


def test_parts_are_joined_in_order_and_rows_take_them_apart() -> None:
    joined = Estimate.joined([said(0), said(1, 3)])
    same(joined.rows(np.array([0, 1])), said(0))
    same(joined.rows(np.array([2, 3, 4])), said(1, 3))
    assert Estimate.joined([]).pose_mm.shape == (0, 17, 3)


def test_in_the_mirror_left_is_right_and_x_runs_from_the_other_edge() -> None:
    plain, mirror = said(0), said(0).mirrored(64)
    left, right = list(LEFT_JOINTS), list(RIGHT_JOINTS)
    np.testing.assert_array_equal(mirror.pose_mm[:, left], plain.pose_mm[:, right] * [-1, 1, 1])
    there = np.array([64, 0]) - plain.keypoints_px[:, right] * [1, -1]
    np.testing.assert_allclose(mirror.keypoints_px[:, left], there, atol=1e-4)
    np.testing.assert_array_equal(mirror.sigma_mm[:, left], plain.sigma_mm[:, right])
    np.testing.assert_array_equal(mirror.feet_mm[:, :2], plain.feet_mm[:, 2:] * [-1, 1, 1])
    same(mirror.mirrored(64), plain)


def test_the_average_is_the_mean() -> None:
    mean = said(0).averaged(said(1))
    same(mean, Estimate(*((getattr(said(0), name) + getattr(said(1), name)) / 2
                          for name in ("pose_mm", "keypoints_px", "sigma_mm", "feet_mm"))))  # fmt: skip
    zero, ten = np.zeros((1, 17, 3), np.float32), np.full((1, 17, 3), 10, np.float32)
    assert (Estimate.of_poses(zero).averaged(Estimate.of_poses(ten)).pose_mm == 5).all()
