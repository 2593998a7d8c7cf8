"""Camera geometry: where the pelvis is, from a pose and its places in the picture, frame by frame
and steadied over time.

From the network's answer for a crop to a person in the camera's space: turning it back, and how far
away it is.
"""

import numpy as np
from jaxtyping import Float

from posegrid.body.camera import Camera
from posegrid.motion.refine_settings import check_fov
from posegrid.motion.smoothing import local_parabolas

DISTANCE_HALF_S = 0.6
"""Half of the window over which the distance from the camera is smoothed; a picture hardly shows
it, and it changes evenly. Chosen on rendered walks in circles of 1.3 m."""


def root_from_keypoints(
    pose_mm: Float[np.ndarray, "17 3"],
    keypoints_px: Float[np.ndarray, "17 2"],
    camera: Camera,
    sigma_mm: Float[np.ndarray, "17"],
) -> Float[np.ndarray, "3"]:
    """Where the pelvis must be (camera frame, mm) for the pose to project onto the keypoints; NaN
    if it cannot.

    Each joint lies on its keypoint's ray: two equations, linear in the pelvis' three coordinates,
    solved by least squares, unsure joints weighing less (sigma 0: as the surest other; all alike
    where no sigma is known). The scale is the pose's, so a person whom the network takes for 5 %
    too small comes out 5 % too near.
    """
    slopes = camera.rays(keypoints_px.astype(np.float64))[:, :2]
    sigma_mm = np.where(np.isfinite(sigma_mm), sigma_mm, 0.0)
    weights = 1 / np.maximum(sigma_mm, sigma_mm[sigma_mm > 0].min(initial=1.0))
    A = np.zeros((len(pose_mm), 2, 3))
    A[:, 0, 0] = A[:, 1, 1] = 1
    A[:, :, 2] = -slopes
    b = slopes * pose_mm[:, 2:] - pose_mm[:, :2]
    root = np.linalg.lstsq(
        (A * weights[:, None, None]).reshape(-1, 3), (b * weights[:, None]).ravel(), rcond=None
    )[0]
    return root if root[2] + pose_mm[:, 2].min() > 0 else np.full(3, np.nan)


def placed_again(
    joints_mm: Float[np.ndarray, "T 17 3"],
    keypoints_px: Float[np.ndarray, "T 17 2"],
    camera: Camera,
    sigma_mm: Float[np.ndarray, "T 17"],
) -> Float[np.ndarray, "T 3"]:
    """The pelvis of every frame. Poses without jitter and with constant bones tell its distance
    better than raw ones.

    NaN where joints or keypoints are.
    """
    root_mm = np.full((len(joints_mm), 3), np.nan)
    for row in np.flatnonzero(
        np.isfinite(joints_mm).all(axis=(1, 2)) & np.isfinite(keypoints_px).all(axis=(1, 2))
    ):
        root_mm[row] = root_from_keypoints(joints_mm[row], keypoints_px[row], camera, sigma_mm[row])
    return root_mm


def with_even_distance(
    root_mm: Float[np.ndarray, "T 3"], time_s: Float[np.ndarray, "T"]
) -> Float[np.ndarray, "T 3"]:
    """The places with their distance from the camera smoothed; their direction stays."""
    distance = np.linalg.norm(root_mm, axis=1, keepdims=True)
    return root_mm * np.exp(local_parabolas(np.log(distance), time_s, DISTANCE_HALF_S)) / distance


ASSUMED_FOV_DEG = 60.0
"""Angle of view over the picture's longer side where the camera is unknown: an ordinary
telephone's.
"""

FLESH_MM = np.array([60.0, 20.0, 60.0, 90.0])
"""How far the outline reaches beyond the outermost joints: left, above, right, below (hands, hair,
hands, soles).
"""
SIDE_WEIGHTS = np.array([0.5, 1.0, 0.5, 1.0])
"""Trust in each side of the box: hands and loose clothes make left and right less sure."""


def view_deg(camera: Camera) -> float:
    """Angle of view over the picture's longer side."""
    longer = int(np.argmax(camera.size_wh))
    return float(2 * np.degrees(np.arctan(camera.size_wh[longer] / 2 / camera.focal_px[longer])))


def assumed_camera(size_wh: tuple[int, int], fov_deg: float = ASSUMED_FOV_DEG) -> Camera:
    """A camera without distortion that looks through the picture's centre; `fov_deg` spans the
    longer side.
    """
    check_fov(fov_deg)
    focal_px = max(size_wh) / 2 / np.tan(np.radians(fov_deg) / 2)
    return Camera((focal_px, focal_px), (size_wh[0] / 2, size_wh[1] / 2), size_wh)


def turned_to_camera(
    poses_mm: Float[np.ndarray, "N J 3"],
    windows: Float[np.ndarray, "N 3"],
    camera: Camera,
    size: int,
) -> Float[np.ndarray, "N J 3"]:
    """Poses in the frame of each crop's own camera (which looks at the crop's centre), turned to
    the video's camera.
    """
    turned_mm = np.empty(poses_mm.shape)
    for row, (pose, window) in enumerate(zip(poses_mm, windows, strict=True)):
        turned_mm[row] = pose @ camera.windowed(window, size).rotation_to_view()
    return turned_mm


def root_from_box(
    pose_mm: Float[np.ndarray, "17 3"], box_xyxy: Float[np.ndarray, "4"], camera: Camera
) -> Float[np.ndarray, "3"]:
    """Where the pelvis must be (camera frame, mm) for the pose to fill the person's box; NaN if it
    cannot.

    Each side of the box is a plane through the camera's centre that touches the outermost joint on
    that side, or rather the flesh round it. These are four linear equations in the pelvis' three
    coordinates, solved by weighted least squares; which joint is outermost is found anew from the
    answer. The scale is the network's: a person whom it takes for 5 % too small comes out 5 % too
    near.
    """
    x0, y0, x1, y1 = (float(v) for v in box_xyxy)
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    sides = camera.rays(np.array([[x0, middle_y], [middle_x, y0], [x1, middle_y], [middle_x, y1]]))
    slopes = np.array([sides[0, 0], sides[1, 1], sides[2, 0], sides[3, 1]])
    axes, signs = np.array([0, 1, 0, 1]), np.array([-1.0, -1.0, 1.0, 1.0])
    along = np.zeros(3)  # joints' order along each side does not depend on depth to begin with
    for _ in range(4):
        depth = pose_mm[:, 2] + along[2] if along[2] > 0 else np.ones(len(pose_mm))
        place = np.stack([(pose_mm[:, axis] + along[axis]) / depth for axis in axes])
        outermost = (signs[:, None] * place).argmax(axis=1)
        edge = pose_mm[outermost, axes] + signs * FLESH_MM
        # edge + X = slope (z + Z), for X = the root's x or y
        A = np.zeros((4, 3))
        A[np.arange(4), axes], A[:, 2] = 1, -slopes
        b = slopes * pose_mm[outermost, 2] - edge
        along = np.linalg.lstsq(A * SIDE_WEIGHTS[:, None], b * SIDE_WEIGHTS, rcond=None)[0]
        if not (np.isfinite(along).all() and along[2] + pose_mm[:, 2].min() > 0):
            return np.full(3, np.nan)
    return along


def in_picture(
    keypoints_crop_px: Float[np.ndarray, "N 17 2"], windows: Float[np.ndarray, "N 3"], size: int
) -> Float[np.ndarray, "N 17 2"]:
    """Places in crops of size x size pixels, in the source picture's pixels."""
    return keypoints_crop_px * (windows[:, None, 2:] / size) + windows[:, None, :2]


def steadied_boxes(
    boxes_xyxy: Float[np.ndarray, "T 4"], reach: int = 2
) -> Float[np.ndarray, "T 4"]:
    """Boxes whose sides are medians over the frames up to `reach` before and after (NaN where there
    was no box).

    A mask that loses a foot for a frame thus moves no crop, and a person who walks on steadily is
    followed exactly.
    """
    padded = np.pad(boxes_xyxy, ((reach, reach), (0, 0)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0)
    steadied = np.full_like(boxes_xyxy, np.nan)
    found = np.isfinite(boxes_xyxy).all(axis=1)
    # At a track's ends the window is one-sided: keep it as long before as after.
    for row in np.flatnonzero(found):
        values = windows[row]
        present = np.isfinite(values[0])
        present &= present[::-1]
        steadied[row] = np.median(values[:, present], axis=1)
    return steadied
