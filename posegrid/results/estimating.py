"""From people seen in picture after picture to what a network says about each: steadied boxes, crops, batches.

The network works in a thread of its own while the next pictures are decoded and looked through.
"""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, UInt8

from posegrid.body.estimate import Estimate
from posegrid.learning.facts import ModelFacts
from posegrid.prepare.crop import window_of_box
from posegrid.prepare.silhouette import Silhouette, person_crop
from posegrid.results.lift import steadied_boxes
from posegrid.results.model import OnnxModel
from posegrid.sources.picture import Picture

BOX_REACH = 2
"""Frames before and after that steady a box."""
Looks = Literal["one", "both", "in-turns"]
"""How a crop is shown to the network: as it is; that, and its mirror image, whose mean is taken; or the one in one
frame and the other in the next, for a filter over time to take the mean of."""
MOST_WAITING = 8
"""Batches that may wait for the network; more would only take memory."""


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


@dataclass(frozen=True, eq=False)
class _Seen:
    picture: Picture
    silhouettes: dict[int, Silhouette]
    boxes: dict[int, np.ndarray]


_NO_BOX = np.full(4, np.nan)


class Estimator:
    """Takes pictures and the people in them one after another; `finished` gives all that was said about each.

    with Estimator(model) as estimator:
        for ...: estimator.add(picture, silhouettes)
        people = estimator.finished()
    """

    def __init__(self, model: OnnxModel, *, batch: int = 16, looks: Looks = "one") -> None:
        self._model, self._batch, self._looks = model, batch, looks
        self._near: deque[_Seen] = deque(maxlen=2 * BOX_REACH + 1)
        self._num_added = self._num_cut = 0
        self._places: list[_Place] = []
        self._crops: list[np.ndarray] = []
        self._answers: list[Future[Estimate]] = []
        self._network = ThreadPoolExecutor(1)

    def __enter__(self) -> "Estimator":
        return self

    def __exit__(self, *_: object) -> None:
        self._network.shutdown(cancel_futures=True)

    def add(self, picture: Picture, silhouettes: dict[int, Silhouette]) -> None:
        """The next picture and the masks of the people in it, by their numbers."""
        boxes = {number: silhouette.box_xyxy for number, silhouette in silhouettes.items()}
        self._near.append(_Seen(picture, silhouettes, boxes))
        self._num_added += 1
        if self._num_added - self._num_cut > BOX_REACH:
            self._cut()

    def finished(self) -> list[PersonEstimate]:
        """All people, in the order of their numbers."""
        while self._num_cut < self._num_added:
            self._cut()
        self._send()
        said = Estimate.joined([answer.result() for answer in self._answers])
        numbers = np.array([place.number for place in self._places])
        return [self._of(number, np.flatnonzero(numbers == number), said) for number in sorted(set(numbers.tolist()))]

    def _of(self, number: int, at: np.ndarray, said: Estimate) -> PersonEstimate:
        places = [self._places[i] for i in at]
        return PersonEstimate(
            number,
            np.array([place.row for place in places]),
            np.stack([place.box for place in places]),
            np.stack([place.window for place in places]),
            said.rows(at),
        )

    def _cut(self) -> None:
        """Cut out the people of the next picture, their boxes steadied by the pictures round it."""
        at = self._num_cut - (self._num_added - len(self._near))
        seen = self._near[at]
        for number, silhouette in seen.silhouettes.items():
            boxes = [near.boxes.get(number, _NO_BOX) for near in self._near]
            box = steadied_boxes(np.stack(boxes), BOX_REACH)[at]
            window = window_of_box(box, self._model.facts.margin)
            self._places.append(_Place(number, self._num_cut, box, window))
            self._crops.append(crop_for(self._model.facts, seen.picture, silhouette, window))
            if len(self._crops) == self._batch:
                self._send()
        self._num_cut += 1

    def _send(self) -> None:
        if self._crops:
            crops, self._crops = np.stack(self._crops), []
            rows = np.array([place.row for place in self._places[-len(crops) :]])
            if self._looks == "both":
                self._answers.append(self._network.submit(self._model.estimate_both, crops))
            else:
                mirror = (rows % 2 == 1) & (self._looks == "in-turns")
                self._answers.append(self._network.submit(self._model.estimate, crops, mirror))
        if len(self._answers) > MOST_WAITING:
            self._answers[-MOST_WAITING].result()


def crop_for(
    facts: ModelFacts, picture: Picture, silhouette: Silhouette, window: Float[np.ndarray, "3"]
) -> UInt8[np.ndarray, "*channels S S"]:
    """One person's crop as the weights take it."""
    return person_crop(picture, silhouette, window, facts.image_size, facts.background)
