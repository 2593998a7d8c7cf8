"""The people of a video, frame after frame: the one door between this floor and those above it.

finder = find_people(footage.spread)            or given_people(boxes, masks)
for frame, sightings in finder.follow(frames): ...
finder.persons()                                which numbers are one person, after the last frame
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, runtime_checkable

from posegrid.errors import SourceError
from posegrid.people.crop import Silhouette
from posegrid.people.following import People, covered_by_people
from posegrid.people.given import GivenPeople
from posegrid.people.looks import Looks, load_finder
from posegrid.people.reference import NUM_SAMPLES, ClipReferences, RunningReferences
from posegrid.people.tracks import FollowedPerson, Sight
from posegrid.video.boxes import Boxes
from posegrid.video.picture import Picture
from posegrid.video.video import VideoFrame

LEAST_LOOKS = 2
"""Who was found in fewer first looks is nobody, if anybody was found in so many; likewise of whom no
first look was sure.
"""
LAG = 4
"""Whoever turns up is looked for in so many frames before; so many frames late are the answers."""
RESTLESS = 0.1
"""Whose box changes less (`FollowedPerson.restlessness`) is a thing, if anybody's changes more."""

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

    @property
    def num_frames(self) -> int:
        """How many frames it has been shown."""
        ...

    def remembered(self) -> dict[str, Any]:
        """What it needs to know of the frames so far in order to go on later, as plain values."""
        ...

    def recall(self, said: dict[str, Any]) -> None:
        """Take over what `remembered` gave, before the first frame: `num_frames` are not to be
        shown again. Raises one of DAMAGED.
        """
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

    def prominence(self, person: int) -> tuple[bool, float]:
        """How much somebody is to be taken for the one who is meant, to be compared: whether they
        move, and how long, how large and how surely they were seen.
        """
        ...

    def nobody(self, num_frames: int) -> str:
        """Words for a video in whose frames nobody was seen: what was looked for."""
        ...


def find_people(spread: Spread | None, network: Looks | None = None) -> Finder:
    """Finds whoever is in the pictures.

    spread: pictures of the whole video for a glance before the pass, from which the empty scene is
    learnt if the camera was at rest; None for a live source, whose past serves. network: default
    those weights that come with posegrid.
    """
    network = network or load_finder()
    covered = partial(covered_by_people, network)
    if spread is None:
        return FoundPeople(People(network, RunningReferences(covered)), lag=0)
    return FoundPeople(People(network, ClipReferences.learnt(spread(NUM_SAMPLES), covered)))


def given_people(boxes: Boxes | None, masks: Iterable[VideoFrame] | None, name: str) -> Finder:
    """The people whom the user has found: by `boxes`, by `masks`, or by the masks in the boxes.

    name: what messages call them, such as the file that they come from.
    """
    return UsersPeople(GivenPeople(boxes, None if masks is None else iter(masks)), name)


@dataclass(eq=False)
class FoundPeople:
    """Whom the finder's network sees, followed."""

    _people: People
    lag: int = LAG

    @property
    def camera_fixed(self) -> bool:
        return self._people.references.camera_fixed

    @property
    def num_frames(self) -> int:
        return self._people.num_frames

    def follow(self, frames: Iterable[VideoFrame]) -> Iterator[tuple[VideoFrame, list[Sighting]]]:
        waiting: deque[tuple[VideoFrame, list[Sighting]]] = deque()
        try:
            for frame in frames:
                found = self._people.seen(frame)
                for person, sight, _ in found:
                    if person.num_seen == 1 and waiting:
                        self._look_back(person, sight, waiting)
                size_wh = frame.picture.size_wh
                waiting.append((frame, [_sighting(*one, size_wh) for one in found]))
                if len(waiting) > self.lag:
                    yield waiting.popleft()
        except SourceError:
            yield from waiting
            raise
        yield from waiting

    def remembered(self) -> dict[str, Any]:
        """See `Finder`."""
        return self._people.remembered()

    def recall(self, said: dict[str, Any]) -> None:
        """See `Finder`."""
        self._people.recall(said)

    def _look_back(
        self,
        person: FollowedPerson,
        sight: Sight,
        waiting: Iterable[tuple[VideoFrame, list[Sighting]]],
    ) -> None:
        """Somebody new in the frames before, from the last one on, as long as they are there."""
        for frame, sightings in reversed(list(waiting)):
            before = self._people.seen_before(
                frame, sight, [s.silhouette.box_xyxy for s in sightings]
            )
            if before is None:
                break
            sight = before
            sightings.append(_sighting(person, sight, sight.outline.score, frame.picture.size_wh))

    def persons(self) -> dict[int, int]:
        known, start = self._people.known, self._people.network.thresholds.start
        often = [person for person in known if person.num_looks >= LEAST_LOOKS] or known
        sure = [person for person in often if person.best_score >= start] or often
        return {person.number: person.number for person in sure}

    def prominence(self, person: int) -> tuple[bool, float]:
        mine = self._people.known[person - 1]
        return mine.restlessness >= RESTLESS, mine.weight

    def nobody(self, num_frames: int) -> str:
        return (
            f"nobody was found in {num_frames} frames. People are found from about a twelfth of the "
            "picture's shorter side on; if there is somebody, say where (`boxes` or `masks`)."
        )


def _sighting(
    person: FollowedPerson, sight: Sight, confidence: float, size_wh: tuple[int, int]
) -> Sighting:
    return Sighting(person.number, sight.outline.silhouette(size_wh), confidence)


@dataclass(eq=False)
class UsersPeople:
    """Whom the user has found; their numbers count as they are."""

    _people: GivenPeople
    _name: str
    _numbers: set[int] = field(default_factory=set)
    num_frames: int = 0

    @property
    def camera_fixed(self) -> bool:
        return False

    def follow(self, frames: Iterable[VideoFrame]) -> Iterator[tuple[VideoFrame, list[Sighting]]]:
        for frame in frames:
            self.num_frames += 1
            seen = self._people.seen(frame.picture)
            self._numbers |= set(seen)
            yield frame, [Sighting(number, silhouette) for number, silhouette in seen.items()]

    def remembered(self) -> dict[str, Any]:
        """See `Finder`: nothing, it is shown all frames again, which costs next to nothing."""
        return {}

    def recall(self, said: dict[str, Any]) -> None:
        """See `Finder`."""

    def persons(self) -> dict[int, int]:
        return {number: number for number in sorted(self._numbers)}

    def prominence(self, person: int) -> tuple[bool, float]:
        return True, 0.0

    def nobody(self, num_frames: int) -> str:
        return f"none of its {num_frames} frames has a person in {self._name}."
