"""One person's way through a video: where they will be, what they look like, how sure it all is."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from posegrid.people.looks import Outline, iou
from posegrid.untrusted import numbers, of_type, whole_number

AGILITY = 2.0
"""Spectral density of a box's acceleration, squared heights / s^3: who walks off at 0.8 heights a
second does so within a step."""
BOX_NOISE = 0.05
"""Standard deviation of the edges of boxes, heights: limbs swing, masks are uncertain."""
START_SPEED = 1.0
"""Standard deviation of the speed of somebody new, heights / s."""
GATE = 16.0
"""Squared distance, in standard deviations of a box's centre, from which on it is not theirs."""
BANDS, LEVELS = 3, 5
"""Clothes: a histogram of LEVELS^3 colours for the upper, middle and lower part of the mask."""
MEMORY = 0.9
"""Weight of a person's colours so far against those of one more frame."""
STEP_S = 0.5
"""A box is compared with where it was so long before to tell who moves."""


class BoxMotion:
    """A Kalman filter (1960) of a box: its middle, which has a speed, and its sides, which have none,
    since a walker's swing to and fro. Errors are alike when measured in the box's longer side.
    """

    def __init__(self, box_xyxy: Float[np.ndarray, "4"]) -> None:
        self._state = np.stack([_middle_sides(box_xyxy), np.zeros(4)])
        self._spread = np.diag([BOX_NOISE**2, START_SPEED**2])

    def remembered(self) -> list[Any]:
        """All that it holds, as plain values."""
        return [self._state.tolist(), self._spread.tolist()]

    @classmethod
    def recalled(cls, said: list[Any]) -> "BoxMotion":
        """From what `remembered` gave. Raises one of DAMAGED."""
        motion = cls(np.zeros(4))
        motion._state = numbers(said[0], "motion", (2, 4))
        motion._spread = numbers(said[1], "spread", (2, 2))
        return motion

    @property
    def box_xyxy(self) -> Float[np.ndarray, "4"]:
        """Where the box is expected now."""
        middle, sides = self._state[0, :2], np.maximum(self._state[0, 2:], 1.0)
        return np.concatenate([middle - sides / 2, middle + sides / 2])

    def advance(self, seconds: float) -> None:
        """Time passes."""
        ahead = np.array([[1.0, seconds], [0.0, 1.0]])
        noise = np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]])
        self._state = ahead @ self._state
        self._spread = ahead @ self._spread @ ahead.T + AGILITY * noise

    def see(self, box_xyxy: Float[np.ndarray, "4"]) -> None:
        """The box is seen."""
        gain = self._spread[:, 0] / (self._spread[0, 0] + self._noise(box_xyxy))
        self._state = self._state + np.outer(gain, _middle_sides(box_xyxy) - self._state[0])
        self._state[1, 2:] = 0.0
        self._spread = self._spread - np.outer(gain, self._spread[0])

    def _noise(self, box_xyxy: Float[np.ndarray, "4"]) -> float:
        """Variance of a seen box, squared heights: of somebody half hidden the middle is off by up to
        half of what is hidden.
        """
        hidden = np.abs(_middle_sides(box_xyxy) - self._state[0])[2:].max() / 2
        return BOX_NOISE**2 + float(hidden / self._height) ** 2

    @property
    def _height(self) -> float:
        return float(max(*self._state[0, 2:], 1.0))

    def distance(self, box_xyxy: Float[np.ndarray, "4"]) -> float:
        """Squared distance of a box's middle from the expected one, in standard deviations."""
        off = (_middle_sides(box_xyxy)[:2] - self._state[0, :2]) / self._height
        return float(off @ off / (self._spread[0, 0] + self._noise(box_xyxy)))


def _middle_sides(box_xyxy: Float[np.ndarray, "4"]) -> Float[np.ndarray, "4"]:
    low, high = box_xyxy[:2], box_xyxy[2:]
    return np.concatenate([(low + high) / 2, high - low])


def colours_of(outline: Outline) -> Float[np.ndarray, "n"]:
    """Shares of the colours in the upper, middle and lower part of an outline."""
    rows, columns = np.nonzero(outline.mask)
    if not rows.size:
        return np.zeros(BANDS * LEVELS**3)
    cell = outline.rgb[rows, columns].astype(np.intp) * LEVELS // 256
    band = (rows - rows[0]) * BANDS // (rows[-1] + 1 - rows[0])
    index = ((band * LEVELS + cell[:, 0]) * LEVELS + cell[:, 1]) * LEVELS + cell[:, 2]
    return np.bincount(index, minlength=BANDS * LEVELS**3) / rows.size


def alike(first: Float[np.ndarray, "n"], second: Float[np.ndarray, "n"]) -> float:
    """Bhattacharyya's coefficient of two shares of colours: 1 if they are equal."""
    return float(np.sqrt(first * second).sum())


@dataclass(frozen=True, eq=False)
class Sight:
    """An outline that may be somebody's, with what is compared."""

    outline: Outline
    box_xyxy: Float[np.ndarray, "4"]
    first_score: float = 0.0
    """What a first look said; 0: it was not asked."""

    @cached_property
    def colours(self) -> Float[np.ndarray, "n"]:
        """See `colours_of`."""
        return colours_of(self.outline)

    def shared(self, other: "Sight") -> float:
        """How much of the smaller of two outlines is the other's, too: 0..1."""
        if iou(self.box_xyxy, other.box_xyxy) == 0:
            return 0.0
        mine, theirs = self.outline, other.outline
        rows, columns = np.nonzero(mine.mask)
        x = (columns + 0.5) * mine.scale + mine.window_xyxy[0] - theirs.window_xyxy[0]
        y = (rows + 0.5) * mine.scale + mine.window_xyxy[1] - theirs.window_xyxy[1]
        at = np.floor(np.stack([y, x]) / theirs.scale).astype(int)
        height, width = theirs.mask.shape
        inside = ((at >= 0) & (at < [[height], [width]])).all(axis=0)
        common = theirs.mask[at[0, inside], at[1, inside]].sum() * mine.scale**2
        areas = rows.size * mine.scale**2, theirs.mask.sum() * theirs.scale**2
        return float(common) / max(min(areas), 1e-9)


@dataclass(eq=False)
class FollowedPerson:
    """Somebody who is followed."""

    number: int
    motion: BoxMotion
    colours: Float[np.ndarray, "n"]
    last_s: float
    """When they were last seen."""
    num_seen: int = 0
    num_looks: int = 0
    """In how many first looks they were found."""
    best_score: float = 0.0
    """The most that a first look said of them."""
    weight: float = 0.0
    """Longer side of the boxes, weighed by confidence, summed over the frames."""
    _num_changes: int = 0
    _sum_changes: float = 0.0
    _past: list[tuple[float, np.ndarray]] = field(default_factory=list)

    @classmethod
    def met(cls, number: int, sight: Sight, time_s: float) -> "FollowedPerson":
        """Somebody new."""
        return cls(number, BoxMotion(sight.box_xyxy), sight.colours, time_s)

    def look(self, score: float) -> None:
        """A first look said so much of them; 0: nothing."""
        self.num_looks += score > 0
        self.best_score = max(self.best_score, score)

    def see(self, sight: Sight, confidence: float, time_s: float, *, alone: bool) -> None:
        """They are seen; alone: nobody else's outline is near, so that the colours are theirs."""
        self.motion.see(sight.box_xyxy)
        if alone:
            self.colours = MEMORY * self.colours + (1 - MEMORY) * sight.colours
        self.last_s, self.num_seen = time_s, self.num_seen + 1
        self.weight += confidence * float((sight.box_xyxy[2:] - sight.box_xyxy[:2]).max())
        self._past.append((time_s, sight.box_xyxy))
        while len(self._past) > 1 and time_s - self._past[1][0] >= STEP_S:
            self._past.pop(0)
        if time_s - self._past[0][0] >= STEP_S:
            self._num_changes += 1
            self._sum_changes += 1 - iou(self._past[0][1], sight.box_xyxy)

    @property
    def restlessness(self) -> float:
        """How little a box overlaps the one of half a second before, on average: 0 for what hangs on
        a wall."""
        return self._sum_changes / max(self._num_changes, 1)

    def remembered(self) -> dict[str, Any]:
        """All that is known of them, as plain values."""
        return {
            "motion": self.motion.remembered(),
            "colours": self.colours.tolist(),
            "numbers": [self.last_s, self.best_score, self.weight, self._sum_changes],
            "counts": [self.num_seen, self.num_looks, self._num_changes],
            "past": [[time_s, *box.tolist()] for time_s, box in self._past],
        }

    @classmethod
    def recalled(cls, place: int, said: dict[str, Any]) -> "FollowedPerson":
        """Somebody of that number, from what `remembered` gave. Raises one of DAMAGED."""
        motion = BoxMotion.recalled(of_type(said["motion"], list, "motion"))
        colours = numbers(said["colours"], "colours", (BANDS * LEVELS**3,))
        last_s, best, weight, changes = numbers(said["numbers"], "numbers", (4,)).tolist()
        seen, looks, num_changes = (whole_number(n, "counts", 0, 2**53) for n in said["counts"])
        past = numbers(said["past"], "past", (len(said["past"]), 5))
        rows = [(float(row[0]), row[1:]) for row in past]
        return cls(
            place, motion, colours, last_s, seen, looks, best, weight, num_changes, changes, rows
        )

    def cost(self, sight: Sight) -> float:
        """How ill a sight fits them, 0..2: by place and by colours; infinite where it cannot be
        them.
        """
        overlap = iou(self.motion.box_xyxy, sight.box_xyxy)
        distance = self.motion.distance(sight.box_xyxy)
        if distance > GATE and overlap < NEAR:
            return np.inf
        return min(distance / GATE, 1 - overlap) + 1 - alike(self.colours, sight.colours)


NEAR = 0.3
"""A box that overlaps the expected one so much (IoU) may be theirs however fast they are."""
