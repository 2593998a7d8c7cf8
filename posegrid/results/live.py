"""Poses one after another while the pictures come: for live cameras. Looks at the past only."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from posegrid.body.camera import Camera
from posegrid.motion.over_time import LiveCorrection, RawPoses
from posegrid.motion.plausible import bones_to_height_mm
from posegrid.motion.smoothing import OneEuro
from posegrid.people.crop import window_of_box
from posegrid.people.finder import Finder, Sighting
from posegrid.results.estimator import crop_for, placed
from posegrid.results.network import OnnxModel
from posegrid.results.predict_settings import PoseSettings
from posegrid.video.video import VideoFrame

FORGOTTEN_S = 1.0
"""Who is out of sight for longer is no longer waited for."""
HEIGHT_POSES = 100
"""A given height is compared with the median of so many poses."""


@dataclass(frozen=True, eq=False)
class LivePose:
    """One person in one picture. Arrays as in `Track`, of one frame."""

    time_s: float
    person: int
    """Number of the person; another number is another person, or one who could not be told from
    others.
    """
    joints_mm: Float[np.ndarray, "17 3"]
    root_mm: Float[np.ndarray, "3"]
    keypoints_px: Float[np.ndarray, "17 2"]
    sigma_mm: Float[np.ndarray, "17"]
    feet_mm: Float[np.ndarray, "4 3"]
    box_xyxy: Float[np.ndarray, "4"]
    confidence: float
    num_dropped: int = 0
    """So many pictures have come until then while others were worked on, and were not looked at."""

    def __repr__(self) -> str:
        return f"LivePose(person {self.person} at {self.time_s:.2f} s)"


@dataclass(eq=False)
class _Past:
    """What is remembered of one person."""

    last_s: float
    joints: OneEuro = field(default_factory=OneEuro)
    root: OneEuro = field(default_factory=OneEuro)
    poses: deque[np.ndarray] = field(default_factory=lambda: deque(maxlen=HEIGHT_POSES))
    over_time: LiveCorrection = field(default_factory=LiveCorrection)


def live_poses(
    frames: Iterable[VideoFrame],
    finder: Finder,
    model: OnnxModel,
    camera: Camera,
    settings: PoseSettings,
) -> Iterator[LivePose]:
    """The pose of everybody asked for in each picture that shows them.

    `person` largest: the largest person when there is none yet, and then the same one while they
    are seen. `filter` none: as the network says; any other: one-euro.
    """
    past: dict[int, _Past] = {}
    for number, (frame, sightings) in enumerate(finder.follow(frames)):
        for sighting in _chosen(sightings, past, frame.time_s, settings):
            before = past.setdefault(sighting.number, _Past(frame.time_s))
            before.last_s = frame.time_s
            pose = _pose(frame, sighting, before, model, camera, settings)
            yield replace(pose, num_dropped=frame.index - number)


def _chosen(
    sightings: list[Sighting], past: dict[int, _Past], time_s: float, settings: PoseSettings
) -> list[Sighting]:
    """Whose poses are wanted in this picture; who is gone is forgotten."""
    for number in [n for n, before in past.items() if time_s - before.last_s > FORGOTTEN_S]:
        del past[number]
    if settings.person == "all":
        return sightings
    if settings.person != "largest":
        return [sighting for sighting in sightings if sighting.number == settings.person]
    same = [sighting for sighting in sightings if sighting.number in past]
    if same or past or not sightings:
        return same
    return [max(sightings, key=_area)]


def _area(sighting: Sighting) -> float:
    box = sighting.silhouette.box_xyxy
    return float(np.prod(box[2:] - box[:2]))


def _pose(
    frame: VideoFrame,
    sighting: Sighting,
    past: _Past,
    model: OnnxModel,
    camera: Camera,
    settings: PoseSettings,
) -> LivePose:
    box = sighting.silhouette.box_xyxy.astype(np.float64)
    window = window_of_box(box, model.facts.margin)
    crop = crop_for(model.facts, frame.picture, sighting.silhouette, window)[None]
    said = model.estimate_both(crop) if settings.looks == "both" else model.estimate(crop)
    there = placed(said, window[None], box[None], camera, model.facts)
    joints_mm = np.concatenate([there.joints_mm[0], there.feet_mm[0]])
    count = there.joints_mm.shape[1]
    root_mm, sigma_mm = there.root_mm[0], said.sigma_mm[0]
    if settings.over_time:
        time_s, places = np.array([frame.time_s]), there.keypoints_px
        now = RawPoses(time_s, there.joints_mm, there.root_mm, places, said.sigma_mm, camera)
        change = past.over_time.of(now, model.name)
        joints_mm = joints_mm + change.missing_with_feet_mm[0]
        sigma_mm = sigma_mm * change.sigma_times[0]
    if settings.height_m is not None:
        past.poses.append(joints_mm[:count])
        scale = 1000 * settings.height_m / bones_to_height_mm(np.stack(past.poses))
        joints_mm, root_mm, sigma_mm = joints_mm * scale, root_mm * scale, sigma_mm * scale
    if settings.filter != "none":
        joints_mm = past.joints.step(joints_mm, frame.time_s)
        if np.isfinite(root_mm).all():
            root_mm = past.root.step(root_mm[None], frame.time_s)[0]
    return LivePose(
        frame.time_s,
        sighting.number,
        joints_mm[:count],
        root_mm,
        there.keypoints_px[0],
        sigma_mm,
        joints_mm[count:],
        box,
        sighting.confidence,
    )
