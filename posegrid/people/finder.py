"""The people of a video, frame after frame: the one door between this floor and those above it.

finder = find_people(footage.spread)            or given_people(boxes, masks)
for frame, sightings in finder.follow(frames): ...
finder.persons()                                which numbers are one person, after the last frame
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from posegrid.errors import SourceError
from posegrid.people.background import NUM_SAMPLES, learn_background
from posegrid.people.crop import Silhouette
from posegrid.people.following import People
from posegrid.people.given import GivenPeople
from posegrid.video.boxes import Boxes
from posegrid.video.picture import Picture
from posegrid.video.video import VideoFrame

LEARNING_S, MOST_LEARNT = 3.0, 40
"""Of a live source, the empty scene is learnt from so many pictures of the first seconds."""

Spread = Callable[[int], Iterable[Picture]]
"""Gives about so many pictures, evenly over the whole video (`Footage.spread`)."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """One person in one frame."""

    number: int
    """Whom the finder takes them for while the frames come, from 1."""
    silhouette: Silhouette
    """The person's mask and box."""
    confidence: float = 1.0
    """How sure it is that a person is there, 0..1."""


@runtime_checkable
class Finder(Protocol):
    """Finds the people of one video; for one pass."""

    @property
    def camera_fixed(self) -> bool:
        """Whether the camera is known not to move (`Track.camera_fixed`)."""
        ...

    def follow(self, frames: Iterable[VideoFrame]) -> Iterator[tuple[VideoFrame, list[Sighting]]]:
        """Every frame once, in its order, with the people seen in it; it may lag behind `frames`.

        Raises SourceError where people cannot be found in such pictures.
        """
        ...

    def persons(self) -> dict[int, int]:
        """After the last frame: the person of each number of the sightings.

        Numbers that turned out to be one person have one value; those that turned out to be nobody
        are left out.
        """
        ...

    def nobody(self, num_frames: int) -> str:
        """Words for a video in whose frames nobody was seen: what was looked for."""
        ...


def find_people(spread: Spread | None) -> Finder:
    """Finds who moves before a still background.

    spread: pictures of the whole video for a glance before the pass; None for a live source, whose
    first seconds then only teach the empty scene. Raises SourceError for a video that is too short
    and for a camera that moves.
    """
    return MovingPeople(None if spread is None else People(learn_background(spread(NUM_SAMPLES))))


def given_people(boxes: Boxes | None, masks: Iterable[VideoFrame] | None, name: str) -> Finder:
    """The people whom the user has found: by `boxes`, by `masks`, or by the masks in the boxes.

    name: what messages call them, such as the file that they come from.
    """
    return UsersPeople(GivenPeople(boxes, None if masks is None else iter(masks)), name)


@dataclass(eq=False)
class MovingPeople:
    """Who moves before a still background."""

    _people: People | None
    """None: the empty scene is still to be learnt."""
    _numbers: set[int] = field(default_factory=set)

    @property
    def camera_fixed(self) -> bool:
        return True

    def follow(self, frames: Iterable[VideoFrame]) -> Iterator[tuple[VideoFrame, list[Sighting]]]:
        learnt: list[Picture] = []
        begin_s = None
        for frame in frames:
            begin_s = frame.time_s if begin_s is None else begin_s
            since_s = frame.time_s - begin_s
            if self._people is None and since_s > LEARNING_S:
                self._people = People(learn_background(learnt))
            elif self._people is None and since_s >= len(learnt) * LEARNING_S / MOST_LEARNT:
                learnt.append(frame.picture)
            seen = {} if self._people is None else self._people.seen(frame.picture)
            self._numbers |= set(seen)
            yield frame, [Sighting(number, silhouette) for number, silhouette in seen.items()]
        if learnt and self._people is None:
            raise SourceError(
                f"the pictures end before {LEARNING_S:g} s, in which the empty scene is learnt."
            )

    def persons(self) -> dict[int, int]:
        pieces = set() if self._people is None else self._people.pieces
        return {number: number for number in sorted(self._numbers - pieces)}

    def nobody(self, num_frames: int) -> str:
        return (
            f"no moving person was found in {num_frames} frames. The person must move before a "
            "still background, differ from it in colour, and be taller than a twelfth of the "
            "picture's shorter side."
        )


@dataclass(eq=False)
class UsersPeople:
    """Whom the user has found; their numbers count as they are."""

    _people: GivenPeople
    _name: str
    _numbers: set[int] = field(default_factory=set)

    @property
    def camera_fixed(self) -> bool:
        return False

    def follow(self, frames: Iterable[VideoFrame]) -> Iterator[tuple[VideoFrame, list[Sighting]]]:
        for frame in frames:
            seen = self._people.seen(frame.picture)
            self._numbers |= set(seen)
            yield frame, [Sighting(number, silhouette) for number, silhouette in seen.items()]

    def persons(self) -> dict[int, int]:
        return {number: number for number in sorted(self._numbers)}

    def nobody(self, num_frames: int) -> str:
        return f"none of its {num_frames} frames has a person in {self._name}."
