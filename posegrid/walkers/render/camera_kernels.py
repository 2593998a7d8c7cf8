"""Compiled loops about cameras: `posegrid.body.camera` for single points, there and back.

Numba's cache files name the class below: a stale cache fails to load when it is renamed or moved.
"""

import inspect
import math
from typing import NamedTuple

import numpy as np
from numba import njit

from posegrid.body import camera

Triple = tuple[np.float32, np.float32, np.float32]

distorted = njit(inline="always", error_model="numpy")(inspect.unwrap(camera.distorted))
"""`camera.distorted`, unwrapped from the checks that tests put round every function."""


class KernelCamera(NamedTuple):
    """A `Camera` as kernels take it: numbers of one kind (float32 or float64) in tuples."""

    rotation: tuple[Triple, ...]
    """World to camera."""
    centre: Triple
    """World, mm."""
    focal: tuple[np.float32, np.float32]
    principal: tuple[np.float32, np.float32]
    """Pixels, as `focal`."""
    distortion: tuple[np.float32, np.float32, np.float32, np.float32, np.float32]
    """k1, k2, k3, p1, p2."""
    tangential: np.float32


def kernel_camera(of: camera.Camera, kind: type = np.float32) -> KernelCamera:
    """The camera in numbers of one kind."""

    def singles(values) -> tuple:
        return tuple(np.asarray(values, kind))

    return KernelCamera(
        tuple(map(singles, of.rot_world_to_cam)), singles(of.centre_world_mm),
        singles(of.focal_px), singles(of.principal_px), singles(of.distortion), kind(of.tangential),
    )  # fmt: skip


@njit(inline="always", error_model="numpy")
def pixel(view, point):
    """Column, row (pixels) and depth (mm) of a world point; only the depth counts if it is <= 0."""
    R = view.rotation
    dx, dy, dz = point[0] - view.centre[0], point[1] - view.centre[1], point[2] - view.centre[2]
    depth = R[2][0] * dx + R[2][1] * dy + R[2][2] * dz
    x = (R[0][0] * dx + R[0][1] * dy + R[0][2] * dz) / depth
    y = (R[1][0] * dx + R[1][1] * dy + R[1][2] * dz) / depth
    x, y = distorted(x, y, view.distortion, view.tangential)
    return view.focal[0] * x + view.principal[0], view.focal[1] * y + view.principal[1], depth


@njit(inline="always", error_model="numpy")
def undistorted(to_x, to_y, distortion, tangential, widest, rounds):
    """The point at depth 1 that a lens moves to (to_x, to_y): by iteration, as `Camera.rays`."""
    x, y = to_x, to_y
    for _ in range(rounds):
        there_x, there_y = distorted(x, y, distortion, tangential)
        x, y = x + (to_x - there_x), y + (to_y - there_y)
        radius = math.sqrt(x * x + y * y)
        if radius > widest:
            x, y = x * (widest / radius), y * (widest / radius)
    return x, y


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def project(points, view, screen):
    """Fill `screen` with columns, rows (pixels) and 1 / depth (0: behind) of world points."""
    for i in range(points.shape[0]):
        column, row, depth = pixel(view, points[i])
        if depth < 50:
            screen[i, 2] = 0
        else:
            screen[i, 0], screen[i, 1], screen[i, 2] = column, row, 1 / depth


@njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def projected_bounds(points, view):
    """Least and greatest column and row (x0, y0, x1, y1) of world points; NaN if one is behind."""
    x0, y0, x1, y1 = 1e9, 1e9, -1e9, -1e9
    for i in range(points.shape[0]):
        column, row, depth = pixel(view, points[i])
        if depth <= 0:
            return np.full(4, np.nan)
        x0, y0, x1, y1 = min(x0, column), min(y0, row), max(x1, column), max(y1, row)
    return np.array([x0, y0, x1, y1])


@njit(cache=True, error_model="numpy", nogil=True)
def undistort(points, distortion, tangential, widest):
    """Undo a lens's distortion of points (N, 2 or more), in place: `Camera.rays`, to the bit."""
    for i in range(points.shape[0]):
        points[i, 0], points[i, 1] = undistorted(
            points[i, 0], points[i, 1], distortion, tangential, widest, 20
        )


@njit(inline="always", error_model="numpy")
def floor_point(column, row, view):
    """Whether the floor z = 0 is seen at a pixel position, and its x and y there, mm."""
    R = view.rotation
    to_x = (column - view.principal[0]) / view.focal[0]
    to_y = (row - view.principal[1]) / view.focal[1]
    x, y = undistorted(to_x, to_y, view.distortion, view.tangential, np.float32(1e9), 4)
    down = R[0][2] * x + R[1][2] * y + R[2][2]
    distance = -view.centre[2] / down
    floor_x = view.centre[0] + distance * (R[0][0] * x + R[1][0] * y + R[2][0])
    floor_y = view.centre[1] + distance * (R[0][1] * x + R[1][1] * y + R[2][1])
    return down <= np.float32(-1e-3), floor_x, floor_y
