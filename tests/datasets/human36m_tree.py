"""A small data set in Human3.6M's layout: 64 x 48 px, 6 frames, random joints before true
cameras.
"""

from pathlib import Path

import numpy as np

from posegrid.body.camera import Camera, look_at
from posegrid.datasets.human36m.layout import CAMERA_IDS
from posegrid.datasets.human36m.release_writer import (
    ViewWriter,
    default_file_base,
    write_metadata,
    write_poses,
)

SIZE_WH = (64, 48)
NUM_FRAMES = 6


def make_camera(
    camera_id: str = CAMERA_IDS[0], subject: str = "S1", size_wh: tuple[int, int] = SIZE_WH
) -> Camera:
    """A camera 5 m from the middle of the room; intrinsics by camera, place by camera and
    subject.
    """
    number = CAMERA_IDS.index(camera_id)
    angle_rad = 0.3 + number * np.pi / 2 + 0.01 * int(subject[1:])
    centre_world_mm = np.array([5000 * np.cos(angle_rad), 5000 * np.sin(angle_rad), 1550 + number])
    return Camera(
        focal_px=(80.5 + number, 80.25),
        principal_px=(32.1, 23.9 - number),
        size_wh=size_wh,
        distortion=(-0.2, 0.24, -0.002, -0.0009, 0.0015 + number / 1000),
        rot_world_to_cam=look_at(centre_world_mm, np.array([0.0, 0.0, 900.0]), roll_rad=0.01),
        centre_world_mm=centre_world_mm,
    )


def make_joints(seed: int = 0, num_frames: int = NUM_FRAMES) -> np.ndarray:
    """Joints (T, 32, 3), world frame, mm, about a person's size; float32, as files have them."""
    joints = np.random.default_rng(seed).normal(0, 300, (num_frames, 32, 3)) + [0, 0, 900]
    return joints.astype(np.float32)


def make_mask(index: int) -> np.ndarray:
    """A box of 20 x 10 px that moves to the right by a pixel per frame, and one pixel apart from
    it.
    """
    mask = np.zeros(SIZE_WH[::-1], dtype=bool)
    mask[10:30, 20 + index : 30 + index] = True
    mask[31, 25] = True
    return mask


def write_view(
    root: Path,
    subject: str = "S1",
    file_base: str = "Walking 1",
    camera_id: str = CAMERA_IDS[0],
    num_frames: int = NUM_FRAMES,
    joints_world_mm: np.ndarray | None = None,
) -> None:
    """One sequence as one camera sees it. Without joints given, `make_joints()` for `NUM_FRAMES`
    frames.
    """
    joints = make_joints() if joints_world_mm is None else joints_world_mm
    write_poses(root, subject, file_base, camera_id, joints, make_camera(camera_id, subject))
    with ViewWriter(root, subject, file_base, camera_id, 50, SIZE_WH) as view:
        for index in range(num_frames):
            view.write(
                np.full((SIZE_WH[1], SIZE_WH[0], 3), 30 * (index % 8), dtype=np.uint8),
                make_mask(index % 30),
            )


def write_tree(
    root: Path,
    subjects: tuple[str, ...] = ("S1",),
    camera_ids: tuple[str, ...] = CAMERA_IDS[:1],
    subactions: tuple[int, ...] = (1,),
) -> Path:
    """Sequences of "Walking" of the subjects, seen by the cameras, and metadata.xml."""
    for subject in subjects:
        for camera_id in camera_ids:
            for subaction in subactions:
                write_view(root, subject, default_file_base("Walking", subaction), camera_id)
    cameras = {
        (subject, camera_id): make_camera(camera_id, subject)
        for subject in subjects
        for camera_id in camera_ids
    }
    counts = {
        (subject, "Walking", subaction): NUM_FRAMES
        for subject in subjects
        for subaction in subactions
    }
    write_metadata(root, cameras, counts)
    return root
