"""Poses one after another while the pictures come: for live cameras. Looks at the past only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from posegrid.body.camera import Camera
from posegrid.errors import SourceError
from posegrid.motion.placing import in_picture, root_from_box, root_from_keypoints, turned_to_camera
from posegrid.motion.smoothing import OneEuro
from posegrid.people.crop import Silhouette, window_of_box
from posegrid.people.finder import Finder
from posegrid.results.estimator import crop_for
from posegrid.results.network import OnnxModel
from posegrid.video.picture import Picture
from posegrid.video.video import VideoFrame

FORGOTTEN_S = 1.0
"""Who is out of sight for longer is no longer waited for."""


@dataclass(frozen=True, eq=False)
class LivePose:
    """One person in one picture. Arrays as in `Track`, of one frame, after a One Euro filter."""

    time_s: float
    person: int
    """Number of the person; another number is another person, or one who could not be told from
    others.
    """
    joints_mm: Float[np.ndarray, "17 3"]
    root_mm: Float[np.ndarray, "3"]
    keypoints_px: Float[np.ndarray, "17 2"]
    sigma_mm: Float[np.ndarray, "17"]
    box_xyxy: Float[np.ndarray, "4"]


def timed_pictures(
    frames: Iterable[tuple[float, UInt8[np.ndarray, "H W 3"]] | UInt8[np.ndarray, "H W 3"]],
    fps: float | None = None,
) -> Iterator[VideoFrame]:
    """Frames of times and RGB pictures; pictures that have no time are 1 / fps apart.

    Raises SourceError for what is no RGB picture, and where there is neither a time nor a rate.
    """
    for number, frame in enumerate(frames):
        if isinstance(frame, np.ndarray) and not (fps and fps > 0):
            raise SourceError(
                "pictures without times need the rate at which they come: fps=30, or (seconds, picture)."
            )
        time_s, image = (number / (fps or 1.0), frame) if isinstance(frame, np.ndarray) else frame
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise SourceError(
                f"at {time_s:g} s: {image.dtype} {image.shape} is no picture; expected uint8 (H, W, 3)."
            )
        yield VideoFrame(number, float(time_s), Picture.from_rgb(image))


def live_poses(
    frames: Iterable[VideoFrame], finder: Finder, model: OnnxModel, camera: Camera
) -> Iterator[LivePose]:
    """The pose in each picture that shows somebody: the largest person, and then the same one while
    they are seen.
    """
    number, last_s, filters = 0, -np.inf, (OneEuro(), OneEuro())
    for frame, sightings in finder.follow(frames):
        seen, time_s = {s.number: s.silhouette for s in sightings}, frame.time_s
        if number not in seen:
            if not seen or time_s - last_s <= FORGOTTEN_S:
                continue
            number = max(
                seen,
                key=lambda one: float(np.prod(seen[one].box_xyxy[2:] - seen[one].box_xyxy[:2])),
            )
            filters = (OneEuro(), OneEuro())
        last_s = time_s
        yield _pose(time_s, number, frame.picture, seen[number], model, camera, filters)


def _pose(
    time_s: float,
    number: int,
    picture: Picture,
    silhouette: Silhouette,
    model: OnnxModel,
    camera: Camera,
    filters: tuple[OneEuro, OneEuro],
) -> LivePose:
    size = model.facts.image_size
    box = silhouette.box_xyxy.astype(np.float64)
    window = window_of_box(box, model.facts.margin)
    said = model.estimate(crop_for(model.facts, picture, silhouette, window)[None])
    pose = said.pose_mm.astype(np.float64)
    if model.facts.pose_frame == "view":
        pose = turned_to_camera(pose, window[None], camera, size)
    pose = pose[0] - pose[0, :1]
    keypoints_px = in_picture(said.keypoints_px.astype(np.float64), window[None], size)[0]
    if np.isfinite(keypoints_px).all():
        root_mm = root_from_keypoints(pose, keypoints_px, camera, said.sigma_mm[0])
    else:
        root_mm = root_from_box(pose, box, camera)
        keypoints_px = camera.project(pose + root_mm)
    if np.isfinite(root_mm).all():
        root_mm = filters[1].step(root_mm[None], time_s)[0]
    return LivePose(
        time_s, number, filters[0].step(pose, time_s), root_mm, keypoints_px, said.sigma_mm[0], box
    )
