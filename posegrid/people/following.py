"""Following people through a video: who of the people in one frame is who of the frame before.

Every frame, each person is looked at in the window where they are expected. The whole picture is
looked at a few times a second, and whenever people come near each other or somebody is not where
they were expected: then the sights are given to the people by the least sum of costs (Kuhn, 1955),
of place (a Kalman filter, as in SORT: Bewley et al., 2016) and of the clothes' colours. Whoever is
seen is reported; where another assignment would fit nearly as well, with less confidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from posegrid.people.looks import Looks, Outline, Shot, iou
from posegrid.people.reference import ClipReferences, Reference, References, look_of
from posegrid.people.tracks import BoxMotion, FollowedPerson, Sight, alike
from posegrid.untrusted import number, of_type, whole_number
from posegrid.video.picture import Picture
from posegrid.video.video import VideoFrame

LOOK_EVERY_S = 0.16
"""The whole picture is looked at so often: every fifth frame of 30 a second."""
HIDDEN_S = 1.0
"""Who is not seen for so long is away; they come back by their clothes alone."""
CROWDED = 0.02
"""People whose boxes overlap so much (IoU) are told apart by first looks."""
STRANGE = 0.5
"""A box that overlaps the expected one less (IoU) is doubted."""
SETTLED, MOST_LOOKS = 0.9, 3
"""A box that overlaps so much (IoU) with what is seen in it is the person's; looks until then."""
SHARED = 0.6
"""Of two outlines that have this share of the smaller one in common, one is nobody's."""
CLEARLY = 0.2
"""So much more must exchanging two people cost for it to be sure who is who."""
UNSURE = 0.5
"""Factor of the confidence where it is not."""
ALIKE, CLEARLY_ALIKE = 0.7, 0.05
"""Colours are one person's from here on (Bhattacharyya's coefficient), if nobody else's are nearly as
much alike."""
ROOM = 2
"""Pixels round people that are not taken for the scene: what of them the masks miss."""
IMPOSSIBLE = 1e6
"""More than the costs of all that is possible."""


Found = tuple[FollowedPerson, Sight, float]
"""Somebody, what is seen of them in a frame, and how sure it is that it is them."""


@dataclass(eq=False)
class People:
    """The people of one video, frame after frame."""

    network: Looks
    references: References
    known: list[FollowedPerson] = field(default_factory=list)
    """Everybody so far, in the order of their numbers."""
    live: list[FollowedPerson] = field(default_factory=list)
    """Who is expected in the picture."""
    num_frames: int = 0
    """How many were seen."""
    _time_s: float = -np.inf
    _next_look_s: float = -np.inf
    _reference: Reference | None = None
    _near_since_s: float = np.inf
    """Since when somebody nobody knows is near somebody else."""

    def seen(self, frame: VideoFrame) -> list[Found]:
        """The people in the next frame, each with a sight of their own."""
        self.num_frames += 1
        self._pass_time(frame.time_s)
        crowded = self._crowded()
        found = [] if crowded else self._where_expected(Shot(frame.picture, self._reference))
        if crowded or self._time_s >= self._next_look_s or len(found) < len(self.live):
            found = self._looked_through(frame, found)
        for person, sight, confidence in found:
            person.see(sight, confidence, self._time_s, alone=not _is_near(sight, found))
        self._let_go()
        return found

    def _pass_time(self, time_s: float) -> None:
        """People go on until the next frame; one without a time, of a damaged file, comes at once."""
        if np.isfinite(time_s):
            passed_s = max(time_s - self._time_s, 0.0) if np.isfinite(self._time_s) else 0.0
            self._time_s = max(time_s, self._time_s)
        else:
            passed_s = 0.0
        for person in self.live:
            person.motion.advance(passed_s)

    def seen_before(
        self, frame: VideoFrame, sight: Sight, others: Sequence[Float[np.ndarray, "4"]]
    ) -> Sight | None:
        """Somebody in the frame before the one of a sight; None if they are not there, or are one
        of the others, whose boxes are given.
        """
        outline = self.network.each(Shot(frame.picture, self._reference), [sight.box_xyxy])[0]
        before = sight_of(outline)
        if before is None or outline.score < self.network.thresholds.find:
            return None
        return None if any(iou(before.box_xyxy, box) > CROWDED for box in others) else before

    def remembered(self) -> dict[str, Any]:
        """What it knows of a clip's frames so far, as plain values: with that it goes on."""
        assert isinstance(self.references, ClipReferences), "live pictures do not come again"
        times_s = (self._time_s, self._next_look_s, self._near_since_s)
        return {
            "num_frames": self.num_frames,
            "times_s": [time_s if np.isfinite(time_s) else None for time_s in times_s],
            "known": [person.remembered() for person in self.known],
            "live": [person.number for person in self.live],
            "references": self.references.remembered(self._reference),
        }

    def recall(self, said: dict[str, Any]) -> None:
        """Take over what `remembered` gave. Raises one of DAMAGED."""
        assert isinstance(self.references, ClipReferences), "live pictures do not come again"
        self.num_frames = whole_number(said["num_frames"], "num_frames", 0, 2**53)
        times_s = of_type(said["times_s"], list, "times_s")
        never = (-np.inf, -np.inf, np.inf)
        self._time_s, self._next_look_s, self._near_since_s = (
            otherwise if time_s is None else number(time_s, "times_s")
            for time_s, otherwise in zip(times_s, never, strict=True)
        )
        self.known = [
            FollowedPerson.recalled(n, person) for n, person in enumerate(said["known"], start=1)
        ]
        by_number = {person.number: person for person in self.known}
        self.live = [by_number[n] for n in said["live"]]
        self._reference = self.references.recall(said["references"])

    def _crowded(self) -> bool:
        boxes = [person.motion.box_xyxy for person in self.live]
        return any(iou(a, b) > CROWDED for n, a in enumerate(boxes) for b in boxes[:n])

    def _let_go(self) -> None:
        """Who is not found goes on unseen for a while, and then is away."""
        self.live = [p for p in self.live if self._time_s - p.last_s <= HIDDEN_S]

    def _where_expected(self, shot: Shot) -> list[Found]:
        """Those who are where they were expected."""
        boxes = [person.motion.box_xyxy for person in self.live]
        outlines = self.network.each(shot, boxes)
        sights = [
            sight_of(o) if o.score >= self.network.thresholds.find else None for o in outlines
        ]
        return [
            (person, sight, sight.outline.score)
            for person, box, sight in zip(self.live, boxes, sights, strict=True)
            if sight is not None and iou(box, sight.box_xyxy) >= STRANGE
        ]

    def _looked_through(self, frame: VideoFrame, found: list[Found]) -> list[Found]:
        """Everybody: besides those found whom a look at the whole picture shows, and who is where
        they were expected though it does not."""
        look = look_of(frame.picture)
        self._reference = self.references.at(self._time_s, frame.picture, look)
        self._next_look_s = self._time_s + LOOK_EVERY_S
        shot = Shot(frame.picture, self._reference, look)
        sights = self._sights(shot)
        for n, (person, sight, score) in enumerate(found):
            again = next((s for s in sights if s.shared(sight) > SHARED), None)
            person.look(0.0 if again is None else again.first_score)
            found[n] = person, sight, score * (UNSURE if again is None else 1.0)
        sights = [sight for sight in sights if not _is_taken(sight, found)]
        for person, sight, confidence in assigned(self._without(found), sights):
            person.look(sight.first_score)
            found.append((person, sight, confidence))
        found += self._hardly_seen(shot, found)
        return found + self._newcomers(sights, found)

    def _sights(self, shot: Shot) -> list[Sight]:
        """Of everybody whom a look at the whole picture shows, the surest first."""
        candidates = self.network.everybody(shot)
        outlines = settled(self.network, shot, [c.box_xyxy for c in candidates])
        return distinct(
            [
                sight_of(o, c.score)
                for o, c in zip(outlines, candidates, strict=True)
                if o.score >= self.network.thresholds.keep
            ]
        )

    def _without(self, found: Sequence[Found]) -> list[FollowedPerson]:
        return [p for p in self.live if all(p is not other for other, _, _ in found)]

    def _hardly_seen(self, shot: Shot, found: Sequence[Found]) -> list[Found]:
        """Those of the rest of whom something is where they were expected."""
        people, more = self._without(found), list(found)
        outlines = self.network.each(shot, [p.motion.box_xyxy for p in people])
        for person, outline in zip(people, outlines, strict=True):
            sight = sight_of(outline) if outline.score >= self.network.thresholds.keep else None
            if sight and np.isfinite(person.cost(sight)) and not _is_taken(sight, more):
                more.append((person, sight, UNSURE * outline.score))
        return more[len(found) :]

    def _newcomers(self, sights: Sequence[Sight], found: Sequence[Found]) -> list[Found]:
        """Those who come into sight. Who is near somebody may be a part of them: they wait until they
        have parted, or were surely seen for HIDDEN_S; in the first picture of all, surely is enough.
        """
        limits, more = self.network.thresholds, list(found)
        least_s = HIDDEN_S if self.known else 0.0
        since_s, self._near_since_s = min(self._near_since_s, self._time_s), np.inf
        for sight in sights:
            near = _is_near(sight, more)
            least = limits.start if near else limits.find
            if sight.first_score < least or _is_taken(sight, more):
                continue
            if near and self._time_s - since_s < least_s:
                self._near_since_s = since_s
                continue
            person = self._welcomed(sight, more)
            person.look(sight.first_score)
            more.append((person, sight, sight.outline.score))
        return more[len(found) :]

    def _welcomed(self, sight: Sight, found: Sequence[Found]) -> FollowedPerson:
        """Who comes into sight: one of those who are away, if the clothes say so, or somebody new."""
        here = {person.number for person, _, _ in found}
        away = [person for person in self.known if person.number not in here]
        away.sort(key=lambda person: alike(person.colours, sight.colours), reverse=True)
        likeness = [alike(person.colours, sight.colours) for person in away[:2]]
        if away and likeness[0] >= ALIKE and likeness[0] - (*likeness, 0.0)[1] >= CLEARLY_ALIKE:
            person = away[0]
            person.motion = BoxMotion(sight.box_xyxy)
            self.live = [other for other in self.live if other is not person]
        else:
            person = FollowedPerson.met(len(self.known) + 1, sight, self._time_s)
            self.known.append(person)
        self.live.append(person)
        return person


def covered_by_people(
    network: Looks, picture: Picture, reference: Reference | None
) -> Bool[np.ndarray, "H W"]:
    """Where people are in a picture of a first look's size, and a little round them: their masks,
    dilated (morphology) by ROOM pixels.
    """
    covered = np.zeros(picture.size_wh[::-1], bool)
    shot = Shot(picture, reference, picture.rgb())
    boxes = [candidate.box_xyxy for candidate in network.everybody(shot)]
    for outline in network.each(shot, boxes):
        covered |= outline.silhouette(picture.size_wh).in_picture()
    return ndimage.binary_dilation(covered, iterations=ROOM) if covered.any() else covered


def settled(network: Looks, shot: Shot, boxes: Sequence[Float[np.ndarray, "4"]]) -> list[Outline]:
    """Second looks at those in boxes, again and again while the box of what is seen changes: from
    a part of somebody, such as the trunk, to the whole."""
    outlines, asked = network.each(shot, boxes), list(boxes)
    for _ in range(MOST_LOOKS - 1):
        shown = [outline.box_xyxy() for outline in outlines]
        changed = {
            n: box
            for n, box in enumerate(shown)
            if box is not None and iou(box, asked[n]) < SETTLED
        }
        if not changed:
            break
        for n, outline in zip(changed, network.each(shot, list(changed.values())), strict=True):
            outlines[n], asked[n] = outline, changed[n]
    return outlines


def sight_of(outline: Outline, first_score: float = 0.0) -> Sight | None:
    """What an outline shows, if anything."""
    box = outline.box_xyxy()
    return None if box is None else Sight(outline, box, first_score)


def distinct(sights: Sequence[Sight | None]) -> list[Sight]:
    """The sights, the surest first, without those that are part of a surer one."""
    kept: list[Sight] = []
    for sight in sorted(filter(None, sights), key=lambda s: -s.first_score * s.outline.score):
        if all(sight.shared(other) <= SHARED for other in kept):
            kept.append(sight)
    return kept


def _is_near(sight: Sight, found: Sequence[Found]) -> bool:
    """Whether somebody else's box overlaps that of a sight."""
    return any(
        other is not sight and iou(other.box_xyxy, sight.box_xyxy) > CROWDED
        for _, other, _ in found
    )


def _is_taken(sight: Sight, found: Sequence[Found]) -> bool:
    return any(sight.shared(other) > SHARED for _, other, _ in found)


def assigned(people: Sequence[FollowedPerson], sights: Sequence[Sight]) -> list[Found]:
    """Who is who, by the least sum of costs; the confidence is lower where it is nearly as cheap to
    exchange two people, seen or hidden.
    """
    if not people or not sights:
        return []
    costs = np.array([[person.cost(sight) for sight in sights] for person in people])
    pairs = [(r, c) for r, c in least_sum(costs) if np.isfinite(costs[r, c])]
    hidden = set(range(len(people))) - {r for r, _ in pairs}
    found: list[Found] = []
    for r, c in pairs:
        exchanged = [
            costs[r, d] + costs[q, c] - costs[r, c] - costs[q, d] for q, d in pairs if q != r
        ]
        instead = [costs[q, c] - costs[r, c] for q in hidden]
        sure = min(exchanged + instead, default=np.inf) >= CLEARLY
        found.append((people[r], sights[c], sights[c].outline.score * (1.0 if sure else UNSURE)))
    return found


def least_sum(costs: Float[np.ndarray, "n m"]) -> list[tuple[int, int]]:
    """Row and column of each pair, so that their costs have the least sum."""
    if min(costs.shape) == 1:
        at = int(costs.argmin())
        return [(at // costs.shape[1], at % costs.shape[1])]
    from scipy.optimize import linear_sum_assignment  # a fifth of a second that one person saves

    rows, columns = linear_sum_assignment(np.where(np.isfinite(costs), costs, IMPOSSIBLE))
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True)]
