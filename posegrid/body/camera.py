"""Camera geometry: from the world to pixels, and what cropping, resizing and turning do to it.

Conventions, once for the whole package:
- Lengths are mm. World frame: z up. Camera frame: x right, y down, z forward.
- Pixel centres lie at integer + 0.5: the picture's top left corner is (0, 0), the first pixel's
  centre (0.5, 0.5).
- `rot_world_to_cam` R and `centre_world_mm` C: X_cam = R (X_world - C), as Human3.6M defines it.
- A crop is a camera: `cropped` and `resized` return a new camera, and every 3D quantity stays
  exact.

Human3.6M itself counts pixels as MATLAB does, from 1: half a pixel is taken off its principal points
and keypoints where they are read (2 mm at 5 m with its focal length of 1145 px).
"""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from posegrid.body.rotations import rot_z, smallest_rotations

UNIT, AXES = "mm", "camera: x right, y down, z forward"
"""What files say of their lengths and of the camera frame."""
NO_DISTORTION = (0.0, 0.0, 0.0, 0.0, 0.0)
HUMAN36M_TANGENTIAL, OPENCV_TANGENTIAL = 1.0, 2.0
"""The factor `Camera.tangential` of the release's formula and of OpenCV's."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera with the lens distortion of Human3.6M or of OpenCV.

    With x = X/Z, y = Y/Z, r2 = x^2 + y^2, distortion (k1, k2, k3, p1, p2):

        radial = 1 + k1 r2 + k2 r2^2 + k3 r2^3 ;  tangential = t (p1 y + p2 x)
        u = fx (x (radial + tangential) + p2 r2) + cx
        v = fy (y (radial + tangential) + p1 r2) + cy

    t = 1 is the release's own formula, t = 2 OpenCV's (equal where p1 = p2 = 0).
    """

    focal_px: tuple[float, float]
    """(fx, fy)."""
    principal_px: tuple[float, float]
    """(cx, cy)."""
    size_wh: tuple[int, int]
    """Width and height of the picture in pixels."""
    distortion: tuple[float, float, float, float, float] = NO_DISTORTION
    """(k1, k2, k3, p1, p2), without unit."""
    rot_world_to_cam: Float[np.ndarray, "3 3"] = field(default_factory=lambda: np.eye(3))
    centre_world_mm: Float[np.ndarray, "3"] = field(default_factory=lambda: np.zeros(3))
    tangential: float = HUMAN36M_TANGENTIAL
    """t."""

    def world_to_camera(
        self, points_world_mm: Float[np.ndarray, "*batch 3"]
    ) -> Float[np.ndarray, "*batch 3"]:
        """World points in the camera frame, mm."""
        return (points_world_mm - self.centre_world_mm) @ self.rot_world_to_cam.T

    def camera_to_world(
        self, points_cam_mm: Float[np.ndarray, "*batch 3"]
    ) -> Float[np.ndarray, "*batch 3"]:
        """Camera points in the world frame, mm."""
        return points_cam_mm @ self.rot_world_to_cam + self.centre_world_mm

    def project(
        self, points_cam_mm: Float[np.ndarray, "*batch 3"]
    ) -> Float[np.ndarray, "*batch 2"]:
        """Pixels of points in the camera frame (mm). Points at or behind the camera give NaN."""
        depth = points_cam_mm[..., 2:]
        xy = points_cam_mm[..., :2] / np.where(depth > 0, depth, np.nan)
        return self._distorted(xy) * self.focal_px + self.principal_px

    def rays(self, pixels: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 3"]:
        """Points (x, y, 1) of the camera frame that project to the pixels, found by iteration.

        A lens that draws inwards shows nothing beyond some radius: pixels farther out get the ray
        of about that radius.
        """
        target = (pixels - np.asarray(self.principal_px)) / self.focal_px
        xy = target.copy()
        if any(self.distortion):
            widest = turning_radius(self.distortion)
            for _ in range(20):
                xy = xy + (target - self._distorted(xy))
                xy = xy * np.minimum(
                    1.0, widest / np.maximum(np.linalg.norm(xy, axis=-1, keepdims=True), 1e-9)
                )
        return np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1)

    def _distorted(self, xy: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        x, y = distorted(xy[..., 0], xy[..., 1], self.distortion, self.tangential)
        return np.stack([x, y], axis=-1)

    def cropped(self, x0: float, y0: float, width: int, height: int) -> "Camera":
        """The camera of the window that starts at pixel (x0, y0); it may reach over the edge."""
        cx, cy = self.principal_px
        return replace(self, principal_px=(cx - x0, cy - y0), size_wh=(width, height))

    def resized(self, width: int, height: int) -> "Camera":
        """The camera of the same picture at another size."""
        sx, sy = width / self.size_wh[0], height / self.size_wh[1]
        (fx, fy), (cx, cy) = self.focal_px, self.principal_px
        return replace(
            self,
            focal_px=(fx * sx, fy * sy),
            principal_px=(cx * sx, cy * sy),
            size_wh=(width, height),
        )

    def windowed(self, window: Float[np.ndarray, "3"], size: int) -> "Camera":
        """The camera of a square crop: window (x0, y0, side), px, resized to size x size."""
        x0, y0, side = (float(v) for v in window)
        scale = size / side
        (fx, fy), (cx, cy) = self.focal_px, self.principal_px
        return replace(
            self,
            focal_px=(fx * scale, fy * scale),
            principal_px=((cx - x0) * scale, (cy - y0) * scale),
            size_wh=(size, size),
        )

    def rotation_to_view(self) -> Float[np.ndarray, "3 3"]:
        """Rotation from this camera's frame to that of one that looks at the picture's centre.

        `points_cam @ R.T` are the points as that virtual camera sees them: a person in a crop away
        from the optical axis is seen turned, and this takes the turn out.
        """
        width, height = self.size_wh
        ray = self.rays(np.array([width / 2, height / 2], dtype=np.float64))
        return turns_onto_axis(ray)


def turns_onto_axis(rays: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """The smallest rotations (no roll) that take rays of a camera onto its optical axis."""
    return smallest_rotations(rays, np.array([0.0, 0.0, 1.0]))


def distorted(x, y, distortion, tangential):
    """The formula of `Camera` for points at depth 1: of arrays, or of numbers in compiled loops.

    It stands here alone: `walkers/render/camera_kernels.py` compiles this very function.
    """
    k1, k2, k3, p1, p2 = distortion
    r2 = x * x + y * y
    outwards = r2 * (k1 + r2 * (k2 + r2 * k3)) + tangential * (p1 * y + p2 * x)
    return x + x * outwards + p2 * r2, y + y * outwards + p1 * r2


def turning_radius(distortion: tuple[float, float, float, float, float]) -> float:
    """The radius (z = 1) beyond which points are drawn nearer to the middle; infinite if none."""
    k1, k2, k3, *_ = distortion
    # where d/dr of r (1 + k1 r^2 + k2 r^4 + k3 r^6) is 0, in r^2
    squares = np.roots([7 * k3, 5 * k2, 3 * k1, 1.0])
    turns = squares.real[(np.abs(squares.imag) < 1e-9) & (squares.real > 0)]
    return float(np.sqrt(turns.min())) if turns.size else np.inf


def look_at(
    centre_world_mm: Float[np.ndarray, "3"],
    target_world_mm: Float[np.ndarray, "3"],
    roll_rad: float = 0.0,
) -> Float[np.ndarray, "3 3"]:
    """`rot_world_to_cam` of a camera at one point that looks at another; the world's z is up."""
    forward = target_world_mm - centre_world_mm
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return rot_z(roll_rad) @ np.stack([right, np.cross(forward, right), forward])
