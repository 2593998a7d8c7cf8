"""From what the network says about one person's crops to the Track: the camera's frame, and where the pelvis is."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from posegrid.body.camera import Camera
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.placing import root_from_keypoints
from posegrid.results.estimating import PersonEstimate
from posegrid.results.lift import in_picture, root_from_box, turned_to_camera
from posegrid.results.model import OnnxModel


def person_track(
    person: PersonEstimate,
    time_s: Float[np.ndarray, "T"],
    camera: Camera,
    model: OnnxModel,
    *,
    source: str,
    camera_assumed: bool,
    fps: float,
) -> MotionTrack:
    """The person's Track over all T frames; NaN where they were not seen.

    fps: frames per second as the container declares them, for where the times do not say (one frame).
    """
    count, size = len(time_s), model.facts.image_size
    poses = person.estimate.pose_mm.astype(np.float64)
    if model.facts.pose_frame == "view":
        poses = turned_to_camera(poses, person.window, camera, size)
    poses -= poses[:, :1]
    keypoints_px = in_picture(person.estimate.keypoints_px.astype(np.float64), person.window, size)
    root_mm = _roots(poses, keypoints_px, person, camera)
    if not np.isfinite(keypoints_px).any():
        keypoints_px = camera.project(poses + root_mm[:, None])
    span_s = time_s[-1] - time_s[0]

    def in_all(values: np.ndarray) -> np.ndarray:
        everywhere = np.full((count, *values.shape[1:]), np.nan, dtype=np.float32)
        everywhere[person.row] = values
        return everywhere

    return MotionTrack(
        frame=np.arange(count, dtype=np.int64),
        time_s=time_s,
        joints_mm=in_all(poses),
        root_mm=in_all(root_mm),
        keypoints_px=in_all(keypoints_px),
        sigma_mm=in_all(person.estimate.sigma_mm),
        box_xyxy=in_all(person.box_xyxy),
        camera=camera,
        fps=float((count - 1) / span_s) if span_s > 0 else fps,
        weights=model.name,
        source=source,
        camera_assumed=camera_assumed,
    )


def _roots(
    poses_mm: Float[np.ndarray, "N 17 3"],
    keypoints_px: Float[np.ndarray, "N 17 2"],
    person: PersonEstimate,
    camera: Camera,
) -> Float[np.ndarray, "N 3"]:
    """The pelvis' place in each frame: from the joints' places where the weights know them, else from the box."""
    root_mm = np.full((len(poses_mm), 3), np.nan)
    for row, pose in enumerate(poses_mm):
        if np.isfinite(keypoints_px[row]).all():
            root_mm[row] = root_from_keypoints(pose, keypoints_px[row], camera, person.estimate.sigma_mm[row])
        else:
            root_mm[row] = root_from_box(pose, person.box_xyxy[row], camera)
    return root_mm


HEIGHT_PER_BONES = 1.065
"""Height without shoes over the sum of these bones: feet and the crown above the head's joint come on top. 1.065 +-
0.004 in 55 rendered adults (scripts/measure_heights.py)."""
HEIGHT_SPREAD = 0.06
"""Standard deviation of the estimated height over the true one, of 55 rendered adults whom no training saw (same
script, weights of the fourth stage; their mean is 0.98)."""
_UPRIGHT = ((10, 9), (9, 8), (8, 7), (7, 0), (1, 2), (2, 3), (4, 5), (5, 6))
"""Bones that add up to a height: head, neck and trunk once, thighs and shanks of both sides."""


def bones_to_height_mm(poses_mm: Float[np.ndarray, "N 17 3"]) -> float:
    """The height without shoes of a person with these poses' bones, the median over the poses."""
    lengths = [np.linalg.norm(poses_mm[:, child] - poses_mm[:, parent], axis=1) for child, parent in _UPRIGHT]
    return HEIGHT_PER_BONES * float(np.median(sum(lengths[:4]) + sum(lengths[4:]) / 2))


def scaled_to_height(track: MotionTrack, height_mm: float) -> MotionTrack:
    """The Track with lengths and distances scaled so that the person has this height without shoes."""
    scale = np.float32(height_mm / bones_to_height_mm(track.joints_mm[track.found].astype(np.float64)))
    return replace(
        track,
        joints_mm=track.joints_mm * scale,
        root_mm=track.root_mm * scale,
        sigma_mm=track.sigma_mm * scale,
        scale_known=True,
    )
