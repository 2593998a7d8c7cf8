"""When the feet of a walking person strike and leave the floor, as the network of feet says
(`contact.py`), and where they stand.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from posegrid.body.contacts import Contact, Foot
from posegrid.body.skeleton import JOINT_NAMES
from posegrid.motion.contact import SHORTEST_S, touch_chance
from posegrid.motion.feet import ANKLES
from posegrid.motion.smoothing import known, local_parabolas, runs

Side = Foot
SIDES: tuple[Side, Side] = ("right", "left")

FACING_HALF_S = 0.4
STRIDE_RANGE_S = (0.5, 2.5)
"""Strikes of one foot that are nearer or farther apart are no stride."""
STRIDE_SHARES = (0.75, 1.35)
"""Strides shorter or longer than these shares of the median stride hold a strike too many or miss
one.
"""
STANDING_PART = (0.10, 0.35)
"""Share of the stride after the strike in which the whole foot is on the floor, the other one
swings.
"""
UNSURE = 2.0
"""Where an ankle's sigma is above so many times its median, no contact is told by it."""

Joints = Float[np.ndarray, "T 17 3"]
Times = Float[np.ndarray, "T"]


@dataclass(frozen=True, eq=False, repr=False)
class FootEvents:
    """One foot's contacts with the floor, in seconds of the recording."""

    strike_s: Float[np.ndarray, "N"]
    off_s: Float[np.ndarray, "M"]

    def __repr__(self) -> str:
        return f"FootEvents({len(self.strike_s)} strikes, {len(self.off_s)} offs)"

    def __len__(self) -> int:
        return len(self.strike_s) + len(self.off_s)

    def where(
        self, kept: Callable[[Float[np.ndarray, "n"]], Bool[np.ndarray, "n"]]
    ) -> "FootEvents":
        """Those at whose times `kept` is true."""
        return FootEvents(self.strike_s[kept(self.strike_s)], self.off_s[kept(self.off_s)])


def foot_events(joints_world_mm: Joints, time_s: Times) -> dict[Side, FootEvents]:
    """The events of both feet: when it becomes likelier than not that a foot touches the floor, and
    when less likely; between frames along a line.
    """
    touches = touch_chance(joints_world_mm, time_s)
    strikes: dict[Side, list[float]] = {side: [] for side in SIDES}
    offs: dict[Side, list[float]] = {side: [] for side in SIDES}
    for rows in runs(known(joints_world_mm), time_s):
        for side, chance in zip(SIDES, touches[rows].T, strict=True):
            rising, at_s = changes_s(chance, time_s[rows])
            strikes[side] += at_s[rising].tolist()
            offs[side] += at_s[~rising].tolist()
    return {side: FootEvents(np.array(strikes[side]), np.array(offs[side])) for side in SIDES}


def changes_s(
    chance: Float[np.ndarray, "n"], time_s: Float[np.ndarray, "n"]
) -> tuple[Bool[np.ndarray, "k"], Float[np.ndarray, "k"]]:
    """When a chance passes one half, and whether upwards. Two changes that are nearer than
    `SHORTEST_S` are none; nor is one that is nearer to an end: what was before, or comes, is too
    short to tell.
    """
    above = chance > 0.5
    rows = np.flatnonzero(above[1:] != above[:-1])
    share = (0.5 - chance[rows]) / (chance[rows + 1] - chance[rows])
    at_s, rising = time_s[rows] + share * (time_s[rows + 1] - time_s[rows]), above[rows + 1]
    while len(at_s) > 1 and np.diff(at_s).min() < SHORTEST_S:
        nearest = int(np.diff(at_s).argmin())
        at_s, rising = (np.delete(values, [nearest, nearest + 1]) for values in (at_s, rising))
    inner = (at_s - time_s[:1] >= SHORTEST_S) & (time_s[-1:] - at_s >= SHORTEST_S)
    return rising[inner], at_s[inner]


def sure_events(
    events: Mapping[Side, FootEvents], sigma_mm: Float[np.ndarray, "T 17"], time_s: Times
) -> dict[Side, FootEvents]:
    """Without those where the ankle is much less sure than it mostly is (`UNSURE`).

    sigma_mm: of the joints, NaN where it is not said.
    """
    result = dict(events)
    for side, ankle in zip(SIDES, ANKLES, strict=True):
        sigma = sigma_mm[:, ankle]
        said = np.isfinite(sigma) & np.isfinite(time_s)
        if said.any():
            at, most = partial(np.interp, xp=time_s[said], fp=sigma[said]), np.median(sigma[said])
            result[side] = events[side].where(lambda s, at=at, most=most: at(s) <= UNSURE * most)
    return result


def with_contacts(
    events: Mapping[Side, FootEvents],
    contacts: Sequence[Contact],
    frame: Int[np.ndarray, "T"],
    time_s: Times,
) -> dict[Side, FootEvents]:
    """The events with what was set by hand: within such a stretch nothing that was found counts; at
    its ends, halfway to the frame beside it, the foot strikes or leaves where it did otherwise
    before or after.
    """
    result = dict(events)
    halves_s = np.diff(time_s) / 2
    begins_s = time_s - np.concatenate([halves_s[:1], halves_s])
    ends_s = time_s + np.concatenate([halves_s, halves_s[-1:]])
    for contact in contacts:
        first, last = np.searchsorted(frame, [contact.first_frame, contact.last_frame])
        begin_s, end_s = float(begins_s[first]), float(ends_s[last])
        foot = _with_stretch(result[contact.foot], begin_s, end_s, contact.stands)
        result[contact.foot] = foot
    return result


def _with_stretch(events: FootEvents, begin_s: float, end_s: float, stands: bool) -> FootEvents:
    kept = events.where(lambda at_s: (at_s < begin_s) | (at_s > end_s))
    begins = [begin_s] if _stands_after(events, begin_s, right=False) != stands else []
    ends = [end_s] if _stands_after(events, end_s, right=True) != stands else []
    strikes, offs = (begins, ends) if stands else (ends, begins)
    return FootEvents(np.sort([*kept.strike_s, *strikes]), np.sort([*kept.off_s, *offs]))


def _stands_after(events: FootEvents, at_s: float, *, right: bool) -> bool:
    """Whether the foot stands after the events before `at_s` (right: and those at it); before the
    first one it does the opposite of what comes.
    """
    every = sorted([(s, True) for s in events.strike_s] + [(s, False) for s in events.off_s])
    before = [strikes for s, strikes in every if s < at_s or (right and s == at_s)]
    return before[-1] if before else bool(every) and not every[0][1]


def events_within(
    events: Mapping[Side, FootEvents], spans_s: Sequence[tuple[float, float]]
) -> dict[Side, FootEvents]:
    """Those from the begin to the end of one of the strides."""

    def inside(at_s: Float[np.ndarray, "n"]) -> Bool[np.ndarray, "n"]:
        begin_s, end_s = np.array(spans_s).T
        return ((at_s[:, None] >= begin_s) & (at_s[:, None] <= end_s)).any(axis=1)

    return {side: feet.where(inside) for side, feet in events.items()}


def facing_world(joints_world_mm: Joints, time_s: Times) -> Float[np.ndarray, "T 2"]:
    """Where the person faces on the floor, unit vectors: across the lines of hips and shoulders."""
    joint = dict(zip(JOINT_NAMES, np.moveaxis(joints_world_mm[..., :2], 1, 0), strict=True))
    left = joint["left_hip"] - joint["right_hip"] + joint["left_shoulder"] - joint["right_shoulder"]
    ahead = local_parabolas(np.stack([left[:, 1], -left[:, 0]], axis=1), time_s, FACING_HALF_S)
    return ahead / np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)


def strides_s(
    events: Mapping[Side, FootEvents], sees: Callable[[float, float], bool]
) -> list[tuple[Side, float, float]]:
    """(side, begin, end) of the strides: from strike to strike of a foot, where none is missing or
    too many between. sees: whether the person was seen throughout.
    """
    spans: list[tuple[Side, float, float]] = [
        (side, begin_s, end_s)
        for side in SIDES
        for begin_s, end_s in pairwise(events[side].strike_s.tolist())
        if sees(begin_s, end_s)
    ]
    usual_s = float(np.median([end_s - begin_s for _, begin_s, end_s in spans])) if spans else 0.0
    shortest, longest = (share * usual_s for share in STRIDE_SHARES)
    shortest, longest = max(shortest, STRIDE_RANGE_S[0]), min(longest, STRIDE_RANGE_S[1])
    return [span for span in spans if shortest <= span[2] - span[1] <= longest]


def placement_mm(
    joints_world_mm: Joints, time_s: Times, side: Side, strike_s: float, stride_s: float
) -> Float[np.ndarray, "2"]:
    """Where on the floor the ankle is while the foot stands after a strike; NaN if no frame shows
    it.
    """
    rows = _rows_between(time_s, *(strike_s + share * stride_s for share in STANDING_PART))
    ankle = joints_world_mm[rows, ANKLES[SIDES.index(side)], :2]
    ankle = ankle[np.isfinite(ankle).all(axis=1)]
    return ankle.mean(axis=0) if len(ankle) else np.full(2, np.nan)


def _rows_between(time_s: Times, begin_s: float, end_s: float) -> Int[np.ndarray, "_"]:
    return np.flatnonzero((time_s >= begin_s) & (time_s <= end_s))
