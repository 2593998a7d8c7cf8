"""From people seen in picture after picture to their Tracks: steadied boxes, crops, batches, poses in
the camera's frame, and where the pelvis is.

The network works in a thread of its own while the next pictures are decoded and looked through.
"""

import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from posegrid.body.camera import Camera
from posegrid.body.estimate import Estimate
from posegrid.learning.model_facts import ModelFacts
from posegrid.motion.placing import (
    in_picture,
    root_from_box,
    root_from_keypoints,
    steadied_boxes,
    turned_to_camera,
)
from posegrid.people.crop import Silhouette, person_crop, window_of_box
from posegrid.people.finder import Sighting
from posegrid.results.answers import BLOCK, BOX_REACH, ROW, Answers
from posegrid.results.network import OnnxModel
from posegrid.results.predict_settings import LookMode
from posegrid.video.picture import Picture


@dataclass(frozen=True, eq=False)
class PersonEstimate:
    """One person: where and how in N frames, in the order of time."""

    number: int
    row: Int[np.ndarray, "N"]
    """Which frames, counted from the first one that was looked at."""
    box_xyxy: Float[np.ndarray, "N 4"]
    window: Float[np.ndarray, "N 3"]
    estimate: Estimate
    """Poses in the model's pose frame, keypoints in the crop's pixels."""
    confidence: Float[np.ndarray, "N"]
    """How sure it is that this is the person, 0..1."""

    @property
    def size(self) -> float:
        """Area of the boxes, summed over time, pixels."""
        return float(np.prod(self.box_xyxy[:, 2:] - self.box_xyxy[:, :2], axis=1).sum())


@dataclass(frozen=True, eq=False)
class _Place:
    number: int
    row: int
    box: np.ndarray
    window: np.ndarray
    confidence: float
    mirrored: bool


@dataclass(frozen=True, eq=False)
class _Seen:
    picture: Picture
    mirrored: bool
    sightings: list[Sighting]
    boxes: dict[int, np.ndarray]


_NO_BOX = np.full(4, np.nan)
_INTERVALS = 15


class _Turns:
    """Whose turn a frame is, the plain look's or the mirrored one's: by its place among the film's
    even times, so that frames that a camera dropped change nothing for those after them.
    """

    def __init__(self) -> None:
        self._time_s, self._place = math.nan, -1
        self._intervals_s: deque[float] = deque(maxlen=_INTERVALS)

    def place(self, time_s: float) -> int:
        """Of the next frame; a time that is not known counts as the usual interval."""
        passed_s = time_s - self._time_s
        steps = 1
        if passed_s > 0:
            self._intervals_s.append(passed_s)
            # Where half of the frames are dropped, most intervals are not single ones.
            short_s = sorted(self._intervals_s)[len(self._intervals_s) // 4]
            single_s = [
                interval_s for interval_s in self._intervals_s if interval_s < 1.5 * short_s
            ]
            steps = max(1, round(passed_s / float(np.mean(single_s))))
        self._place += steps
        if math.isfinite(time_s):
            self._time_s = time_s
        return self._place

    def mirrored(self, time_s: float) -> bool:
        """Whether the next frame is shown as its mirror image."""
        return self.place(time_s) % 2 == 1


class Estimator:
    """Takes pictures and the people in them one after another; `finished` gives all that was said
    about each.

    with Estimator(model) as estimator:
        for frame, sightings in finder.follow(frames):
            estimator.add(frame.picture, sightings, frame.time_s)
        people = estimator.finished(finder.persons())

    What is answered for already is cut out no more. A block's crops are sent when it is full, so that
    the same pictures make the same batches wherever a call went on.
    """

    def __init__(
        self,
        model: OnnxModel,
        answers: Answers | None = None,
        *,
        batch: int = 16,
        looks: LookMode = "one",
    ) -> None:
        self._model, self._batch, self._looks = model, batch, looks
        self._near: deque[_Seen] = deque(maxlen=2 * BOX_REACH + 1)
        self._num_added = self._num_cut = 0
        self._places: list[_Place] = []
        self._crops: list[np.ndarray] = []
        self._answers = answers or Answers()
        self._own_answers = None if answers else self._answers
        self._sent: list[Future[None]] = []
        self._sent_before: list[Future[None]] = []
        self._network = ThreadPoolExecutor(1)
        self._turns = _Turns()

    def __enter__(self) -> "Estimator":
        return self

    def __exit__(self, *_: object) -> None:
        self._network.shutdown(cancel_futures=True)
        if self._own_answers is not None:
            self._own_answers.close(remove=True)

    def skip(self, time_s: float) -> None:
        """The next picture is answered for already, as are all before it and the BOX_REACH after."""
        self._turns.place(time_s)
        self._num_added += 1
        self._num_cut += 1

    def add(
        self,
        picture: Picture,
        sightings: list[Sighting],
        time_s: float,
        remembered: dict[str, Any] | None = None,
    ) -> None:
        """The next picture, the people in it, and its time (NaN: not known).

        remembered: see `Answers.end_block`. Raises OutputError and CheckpointError, also of what the
        network was asked before.
        """
        boxes = {sighting.number: sighting.silhouette.box_xyxy for sighting in sightings}
        self._near.append(_Seen(picture, self._turns.mirrored(time_s), sightings, boxes))
        self._num_added += 1
        if self._num_added - self._num_cut > BOX_REACH:
            self._cut(remembered)

    def finished(self, person_of: dict[int, int] | None = None) -> list[PersonEstimate]:
        """All people, in the order of their numbers.

        person_of: the person of each number given (`Finder.persons`); numbers that it has not are
        nobody. Default: each is a person.
        """
        while self._num_cut < self._num_added:
            self._cut(None)
        self._end_block(None)
        self._wait()
        rows = self._answers.rows()
        rows = rows[rows["frame"] < self._num_cut]  # this pass may have been stopped before
        numbers_of: dict[int, list[int]] = {}
        for number in np.unique(rows["number"]).tolist():
            person = number if person_of is None else person_of.get(number)
            if person is not None:
                numbers_of.setdefault(person, []).append(number)
        return [
            _person(person, rows[np.isin(rows["number"], numbers)])
            for person, numbers in sorted(numbers_of.items())
        ]

    def _cut(self, remembered: dict[str, Any] | None) -> None:
        """Cut out the people of the next picture, their boxes steadied by the pictures round it; with
        the last one of a block this ends.
        """
        at = self._num_cut - (self._num_added - len(self._near))
        seen = self._near[at]
        is_answered = self._num_cut < self._answers.num_frames
        for sighting in [] if is_answered else seen.sightings:
            boxes = [near.boxes.get(sighting.number, _NO_BOX) for near in self._near]
            box = steadied_boxes(np.stack(boxes), BOX_REACH)[at]
            window = window_of_box(box, self._model.facts.margin)
            self._places.append(
                _Place(
                    sighting.number, self._num_cut, box, window, sighting.confidence, seen.mirrored
                )
            )
            self._crops.append(
                crop_for(self._model.facts, seen.picture, sighting.silhouette, window)
            )
            if len(self._crops) == self._batch:
                self._send()
        self._num_cut += 1
        if self._num_cut % BLOCK == 0 and not is_answered:
            self._end_block(remembered)

    def _send(self) -> None:
        if self._crops:
            crops, places = np.stack(self._crops), self._places
            self._crops, self._places = [], []
            self._submit(lambda: self._answers.add(self._answered(crops, places)))

    def _end_block(self, remembered: dict[str, Any] | None) -> None:
        """The network may work on one block while the next one's crops are cut out: more that waits
        would take memory, and be lost by a kill.
        """
        self._wait()
        self._send()
        self._submit(lambda: self._answers.end_block(remembered))
        self._sent_before, self._sent = self._sent, []

    def _submit(self, work: Callable[[], None]) -> None:
        self._sent.append(self._network.submit(work))

    def _wait(self) -> None:
        """Until the last block is written. Raises what went wrong with it."""
        for sent in self._sent_before:
            sent.result()

    def _answered(self, crops: np.ndarray, places: list[_Place]) -> np.ndarray:
        """The rows (ROW) of crops."""
        if self._looks == "both":
            said = self._model.estimate_both(crops)
        else:
            mirrored = np.array([place.mirrored for place in places])
            said = self._model.estimate(crops, mirrored & (self._looks == "in-turns"))
        rows = np.empty(len(places), ROW)
        rows["number"] = [place.number for place in places]
        rows["frame"] = [place.row for place in places]
        rows["box_xyxy"] = [place.box for place in places]
        rows["window"] = [place.window for place in places]
        rows["confidence"] = [place.confidence for place in places]
        for field in fields(Estimate):
            rows[field.name] = getattr(said, field.name)
        return rows


def _person(number: int, rows: np.ndarray) -> PersonEstimate:
    """Of the person's rows (ROW)."""
    values = {name: np.ascontiguousarray(rows[name]) for name in ROW.names or ()}
    return PersonEstimate(
        number,
        values["frame"],
        values["box_xyxy"],
        values["window"],
        Estimate(*(values[field.name] for field in fields(Estimate))),
        values["confidence"],
    )


def crop_for(
    facts: ModelFacts, picture: Picture, silhouette: Silhouette, window: Float[np.ndarray, "3"]
) -> UInt8[np.ndarray, "*channels S S"]:
    """One person's crop as the weights take it."""
    size, soft = facts.image_size, facts.soft_masks
    return person_crop(picture, silhouette, window, size, facts.background, soft=soft)


@dataclass(frozen=True, eq=False)
class Placed:
    """N poses in the camera's frame, as a Track holds them."""

    joints_mm: Float[np.ndarray, "N 17 3"]
    root_mm: Float[np.ndarray, "N 3"]
    keypoints_px: Float[np.ndarray, "N 17 2"]
    """In the picture; as the joints project where the weights do not say them."""
    feet_mm: Float[np.ndarray, "N 4 3"]
    """NaN where the weights do not say them."""


def placed(
    said: Estimate,
    window: Float[np.ndarray, "N 3"],
    box_xyxy: Float[np.ndarray, "N 4"],
    camera: Camera,
    facts: ModelFacts,
) -> Placed:
    """Where a network's answers for crops are in the camera's space: by the joints' places in the
    picture where the weights know them, else by the boxes.
    """
    points = np.concatenate([said.pose_mm, said.feet_mm], axis=1).astype(np.float64)
    if facts.pose_frame == "view":
        points = turned_to_camera(points, window, camera, facts.image_size)
    points -= points[:, :1]
    poses, feet = np.split(points, [said.pose_mm.shape[1]], axis=1)
    keypoints_px = in_picture(said.keypoints_px.astype(np.float64), window, facts.image_size)
    root_mm = np.full((len(poses), 3), np.nan)
    for row, pose in enumerate(poses):
        if np.isfinite(keypoints_px[row]).all():
            root_mm[row] = root_from_keypoints(pose, keypoints_px[row], camera, said.sigma_mm[row])
        else:
            root_mm[row] = root_from_box(pose, box_xyxy[row], camera)
    if not np.isfinite(keypoints_px).any():
        keypoints_px = camera.project(poses + root_mm[:, None])
    return Placed(poses, root_mm, keypoints_px, feet)


@dataclass(frozen=True, eq=False)
class Origin:
    """Where Tracks come from."""

    source: str
    """Name of the video."""
    camera: Camera
    fps: float
    """Frames per second, by their times; as the container declares it where these do not say."""
    camera_assumed: bool = True
    camera_fixed: bool = True
