"""Who is where: the moving people before a still background, each with a number that stays theirs.

A person is followed by overlap from frame to frame. Where two become one outline, neither is
reported until they part; then each number goes to the outline with that person's colours, as it
does to a person who left and came back. Where the colours do not tell, or somebody new comes, there
is a new number: never in silence the same for somebody else.
"""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import permutations

import numpy as np
from jaxtyping import Bool, Float

from posegrid.people.background import Background, Foreground, longer_side
from posegrid.people.background_model import BITS, NUM_COLOURS
from posegrid.people.crop import Silhouette
from posegrid.people.morphology import boxes_of, grown, labelled
from posegrid.video.picture import Box, Picture

SCAN_EVERY = 12
"""The whole picture is searched for newcomers in every so many frames."""
LEAST_HEIGHT = 1 / 12
"""A person is at least this high, as a share of the picture's shorter side."""
REACH = 0.2
"""How far a person can get from one frame to the next, as a share of their box's longer side."""
JOINING = 0.03
"""Share of the person's longer side: parts nearer than twice that are joined."""
SMALLEST_PART = 0.003
"""A part of the person that is apart from the rest has at least this area, in squares of the
person's longer side.
"""
LARGE = 0.4
"""What is at least so high, as a share of the person's longer side, may be another one."""
ALIKE = 0.7
"""Two outlines that have this much of their colours in common (Bhattacharyya's coefficient) can be
one person's.
"""
CLEARLY = 0.05
"""So much more in common than any other way to give the numbers makes it sure."""
YOUNG = 12
"""Who was seen alone in fewer frames than this and then becomes one outline with somebody was a
piece of them, as where an arm and a foot come into the picture first."""
MEMORY = 0.9
"""Weight of a person's colours so far against those of one more frame."""

_CELL: np.ndarray = np.arange(NUM_COLOURS)
_COARSE = (
    ((_CELL >> 1) & 7) | ((_CELL >> (BITS + 1)) & 7) << 3 | ((_CELL >> (2 * BITS + 1)) & 7) << 6
)
"""Cell of a coarser cube of 8 x 8 x 8 colours."""


Region = tuple[slice, slice]
"""Rows and columns of the plate."""


@dataclass(eq=False)
class _Person:
    number: int
    colours: Float[np.ndarray, "n"]
    before: Bool[np.ndarray, "H W"] | None = None
    """The person's mask in the frame before, of the whole plate; the group's while in one; None
    while out of sight.
    """
    age: int = 0
    """Frames in which the person was seen by themselves."""


@dataclass(eq=False)
class People:
    """The people of one video, frame after frame."""

    background: Background
    pieces: set[int] = field(default_factory=set)
    """Numbers that turned out to be a piece of somebody else, not to be counted."""
    _people: list[_Person] = field(default_factory=list)
    _num_people: int = 0
    _num_frames: int = 0

    def seen(self, picture: Picture) -> dict[int, Silhouette]:
        """The masks, by number from 1, of the people who are seen, each by themselves, in the next
        picture.
        """
        gain = self.background.gain(picture)
        live = [(person, person.before) for person in self._people if person.before is not None]
        places = [_Place(self._grown(_box_of(before)), [person]) for person, before in live]
        if not live or self._num_frames % SCAN_EVERY == 0:
            places += self._newcomers(picture, gain, [before for _, before in live])
        self._num_frames += 1
        found: dict[int, Silhouette] = {}
        for place in _united(places):
            for person in self._look(picture, place, gain):
                if person.before is not None:
                    found[person.number] = self._silhouette(person.before)
        return found

    @cached_property
    def _coarse(self) -> Background:
        return self.background.halved()

    @cached_property
    def _least_height(self) -> float:
        return LEAST_HEIGHT * min(self.background.plate.unseen.shape)

    def _silhouette(self, mask: Bool[np.ndarray, "H W"]) -> Silhouette:
        x0, y0, x1, y1 = _box_of(mask)
        return Silhouette(
            mask[y0:y1, x0:x1], (x0, y0), self.background.factor, self.background.size_wh
        )

    def _grown(self, box: Box) -> Box:
        """The part of the plate where somebody can be one frame later."""
        x0, y0, x1, y1 = box
        _, _, width, height = self.background.whole
        reach = int(REACH * max(x1 - x0, y1 - y0)) + 4
        return (
            max(x0 - reach, 0),
            max(y0 - reach, 0),
            min(x1 + reach, width),
            min(y1 + reach, height),
        )

    def _newcomers(
        self, picture: Picture, gain: np.ndarray, known: list[np.ndarray]
    ) -> list["_Place"]:
        """Where there is something high enough for a person, apart from those who are known."""
        labels, count = labelled(
            self._coarse.foreground(picture, self._coarse.whole, gain, None).mask
        )
        numbers = set(range(1, count + 1))
        for before in known:
            numbers -= set(np.unique(labels[before[::2, ::2]]).tolist())
        own = np.array(sorted(numbers), dtype=np.intp) - 1
        boxes: list[Box] = [tuple(box) for box in (2 * boxes_of(labels, count)[own]).tolist()]
        high = [box for box in boxes if max(box[2] - box[0], box[3] - box[1]) >= self._least_height]
        return [_Place(self._grown(box), [], has_newcomers=True) for box in high]

    def _look(self, picture: Picture, place: "_Place", gain: np.ndarray) -> list[_Person]:
        """The people who are seen by themselves in one place; takes note of where all are."""
        x0, y0, x1, y1 = place.box
        region = (slice(y0, y1), slice(x0, x1))
        befores = [person.before[region] for person in place.people if person.before is not None]
        before = np.logical_or.reduce(befores) if befores else None
        outlines = _Outlines(
            self.background.foreground(picture, place.box, gain, before),
            befores,
            self._least_height,
        )
        claims = [outlines.under(mask) for mask in befores]
        seen: list[_Person] = []
        welcome = set(outlines.groups) - set(claims) if place.has_newcomers else set()
        for group in set(claims):
            crowd = [
                person for person, claim in zip(place.people, claims, strict=True) if claim == group
            ]
            crowd = self._without_pieces(crowd) if group else crowd
            if group and len(crowd) == 1:
                seen.append(self._note(crowd[0], outlines, group, region))
            elif group:
                parted, left = self._parted(crowd, outlines, group, region)
                seen, welcome = seen + parted, welcome | left
            else:
                for person in crowd:
                    person.before = None
        return seen + [self._welcomed(outlines, group, region) for group in sorted(welcome)]

    def _without_pieces(self, crowd: list[_Person]) -> list[_Person]:
        """Those of a crowd in one outline who are more than a piece of it, or else the first;
        forgets the others.
        """
        stays = [person for person in crowd if person.age >= YOUNG] or [
            min(crowd, key=lambda person: person.number)
        ]
        for piece in crowd:
            if piece not in stays:
                self._people.remove(piece)
                self.pieces.add(piece.number)
        return stays

    def _note(self, person: _Person, outlines: "_Outlines", group: int, region: Region) -> _Person:
        """The person, who is now known to be where the group of parts is."""
        colours = outlines.colours(group)
        person.colours = (
            MEMORY * person.colours + (1 - MEMORY) * colours if person.colours.any() else colours
        )
        person.before = self._placed(outlines.mask(group), region)
        person.age += 1
        return person

    def _placed(self, mask: np.ndarray, region: Region) -> Bool[np.ndarray, "H W"]:
        whole = np.zeros_like(self.background.plate.unseen)
        whole[region] = mask
        return whole

    def _parted(
        self, crowd: list[_Person], outlines: "_Outlines", group: int, region: Region
    ) -> tuple[list[_Person], set[int]]:
        """Those of a crowd in one outline who are told apart by now, and outlines that may be
        anybody's.
        """
        groups = outlines.beside(
            group, np.logical_or.reduce([p.before[region] for p in crowd if p.before is not None])
        )
        if len(groups) < len(crowd):
            for person in crowd:
                person.before = self._placed(outlines.mask(group), region)
            return [], set()
        given = _by_colours(
            [person.colours for person in crowd], [outlines.colours(g) for g in groups]
        )
        for person in crowd:
            person.before = None
        if given is None:
            return [], set(groups)
        return [
            self._note(p, outlines, groups[g], region) for p, g in zip(crowd, given, strict=True)
        ], set()

    def _welcomed(self, outlines: "_Outlines", group: int, region: Region) -> _Person:
        """Who comes into sight: one of those who were seen before, if the colours say so, or
        somebody new.
        """
        away = [person for person in self._people if person.before is None]
        colours = outlines.colours(group)
        common = sorted((_in_common(colours, person.colours) for person in away), reverse=True)
        if common and common[0] >= ALIKE and (len(common) == 1 or common[0] - common[1] >= CLEARLY):
            person = max(away, key=lambda person: _in_common(colours, person.colours))
        else:
            self._num_people += 1
            person = _Person(self._num_people, colours)
            self._people.append(person)
        return self._note(person, outlines, group, region)


@dataclass
class _Place:
    """A part of the plate to look at, and who was there before."""

    box: Box
    people: list[_Person]
    has_newcomers: bool = False


class _Outlines:
    """The parts of a foreground, put together to outlines of people: groups of parts that lie near
    each other.
    """

    def __init__(
        self, foreground: Foreground, befores: list[np.ndarray], least_height: float
    ) -> None:
        self._index = foreground.index
        self._labels, count = labelled(foreground.mask)
        self._masks: dict[int, np.ndarray] = {}
        self._group_of = np.zeros(count + 1, dtype=np.intp)
        self.groups: list[int] = []
        if count:
            self._join(foreground, count, befores, least_height)
            self.groups = [
                g
                for g in np.unique(self._group_of[1:]).tolist()
                if g and self._height(g) >= least_height
            ]

    def _join(
        self, foreground: Foreground, count: int, befores: list[np.ndarray], least_height: float
    ) -> None:
        """Put parts together: one that is apart is somebody's if it is not tiny and its colours are
        people's.

        The scene is learnt with one person in mind, so what is as large as a person is one in any
        colours.
        """
        labels = self._labels
        inside = labels[foreground.mask]
        sizes = np.bincount(inside, minlength=count + 1)
        odds = np.bincount(
            inside, weights=foreground.odds[foreground.mask], minlength=count + 1
        ) / np.maximum(sizes, 1)
        mains = [np.bincount(labels[mask], minlength=count + 1) for mask in befores] or [
            sizes.copy()
        ]
        for overlap in mains:
            overlap[0] = 0
        main = [int(overlap.argmax()) for overlap in mains if overlap.any()]
        size = max([longer_side(mask) for mask in befores] or [longer_side(labels == main[0])])
        boxes = boxes_of(labels, count)
        large = np.array([0, *(boxes[:, 2:] - boxes[:, :2]).max(axis=1)]) >= max(
            least_height, LARGE * size
        )
        keep = (sizes >= SMALLEST_PART * size * size) & ((odds > 0) | large)
        keep[main], keep[0] = True, False
        near = (
            labels if count == 1 else labelled(grown(keep[labels], max(1, int(size * JOINING))))[0]
        )
        group_of = np.zeros(count + 1, dtype=np.intp)
        group_of[inside] = near[foreground.mask]
        self._group_of = np.where(keep, group_of, 0)

    def mask(self, group: int) -> Bool[np.ndarray, "h w"]:
        """The outline of a group."""
        if group not in self._masks:
            self._masks[group] = (self._group_of == group)[self._labels]
        return self._masks[group]

    def _height(self, group: int) -> int:
        return longer_side(self.mask(group))

    def under(self, before: np.ndarray) -> int:
        """The group that overlaps a mask of the frame before most; 0 if none does."""
        overlap = np.bincount(self._group_of[self._labels[before]], minlength=1)
        allowed = [group for group in self.groups if group < len(overlap) and overlap[group]]
        return max(allowed, key=lambda group: overlap[group]) if allowed else 0

    def beside(self, group: int, before: np.ndarray) -> list[int]:
        """The groups under a mask of the frame before that are at least half as high as one of
        them, it included.
        """
        there = set(np.unique(self._group_of[self._labels[before]]).tolist())
        return [
            g for g in self.groups if g in there and self._height(g) >= 0.5 * self._height(group)
        ]

    def colours(self, group: int) -> Float[np.ndarray, "n"]:
        """Shares of the colours in a group's outline."""
        counts = np.bincount(_COARSE[self._index[self.mask(group)]], minlength=_COARSE.max() + 1)
        return counts / max(counts.sum(), 1)


def _in_common(first: np.ndarray, second: np.ndarray) -> float:
    """Bhattacharyya's coefficient of two shares of colours: 1 if they are equal."""
    return float(np.sqrt(first * second).sum())


def _by_colours(people: list[np.ndarray], outlines: list[np.ndarray]) -> tuple[int, ...] | None:
    """The outline of each person whose colours fit best; None where another way to give them fits
    nearly as well.
    """
    ways = [
        (sum(_in_common(people[row], outlines[column]) for row, column in enumerate(way)), way)
        for way in permutations(range(len(outlines)), len(people))
    ]
    ways.sort(reverse=True)
    return ways[0][1] if len(ways) == 1 or ways[0][0] - ways[1][0] >= CLEARLY else None


def _united(places: list[_Place]) -> list[_Place]:
    """The places, with those that overlap put together."""
    united: list[_Place] = []
    for place in places:
        while other := next((o for o in united if _overlap(o.box, place.box)), None):
            united.remove(other)
            (a0, b0, a1, b1), (c0, d0, c1, d1) = other.box, place.box
            box = (min(a0, c0), min(b0, d0), max(a1, c1), max(b1, d1))
            place = _Place(
                box, other.people + place.people, other.has_newcomers or place.has_newcomers
            )
        united.append(place)
    return united


def _overlap(first: Box, second: Box) -> bool:
    return (
        first[0] < second[2]
        and second[0] < first[2]
        and first[1] < second[3]
        and second[1] < first[3]
    )


def _box_of(mask: Bool[np.ndarray, "h w"]) -> Box:
    """The box of a mask that is not empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
