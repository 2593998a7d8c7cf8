"""When the feet of a walking person strike and leave the floor, and where they stand.

Zeni, Richards & Higginson (Gait & Posture 2008): seen from the pelvis, a foot is farthest ahead
when it strikes and farthest behind when it leaves. Their markers sit on heel and toe, our skeleton
ends at the ankle, which turns back a little before the heel strikes: `STRIKE_EARLY_S`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from posegrid.body.contacts import Contact, Foot
from posegrid.body.skeleton import JOINT_NAMES
from posegrid.motion.feet import ANKLES
from posegrid.motion.smoothing import known, local_parabolas, runs

Side = Foot
SIDES: tuple[Side, Side] = ("right", "left")

LEAST_SWING_MM = 120.0
"""A foot that goes forth and back by less, seen from the pelvis, does not step."""
FACING_HALF_S = 0.4
STRIDE_RANGE_S = (0.5, 2.5)
"""Strikes of one foot that are nearer or farther apart are no stride."""
LEAST_STRIDE_SHARE = 0.6
"""Two strikes nearer than this share of the usual time between two strikes of a foot are not both
true.
"""
STRIDE_SHARES = (0.75, 1.35)
"""Strides shorter or longer than these shares of the median stride hold a strike too many or miss
one.
"""
STANDING_PART = (0.10, 0.35)
"""Share of the stride after the strike in which the whole foot is on the floor, the other one
swings.
"""
STRIKE_EARLY_S = 0.025
"""By how much an ankle turns back before its foot strikes: median of 384 strikes of 30 rendered
walkers, captured and made-up walks alike (half of them within 8 ms); where a foot leaves, the same
difference is 2 ms."""

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
    """The events of both feet; z is up. Between frames the time is that of a parabola's turning
    point.
    """
    facing = facing_world(joints_world_mm, time_s)
    strikes: dict[Side, list[float]] = {side: [] for side in SIDES}
    offs: dict[Side, list[float]] = {side: [] for side in SIDES}
    for rows in runs(known(joints_world_mm), time_s):
        for side, ankle in zip(SIDES, ANKLES, strict=True):
            ahead_mm = (
                (joints_world_mm[rows, ankle] - joints_world_mm[rows, 0])[:, :2] * facing[rows]
            ).sum(axis=1)
            strikes[side] += turning_points_s(ahead_mm, time_s[rows])
            offs[side] += turning_points_s(-ahead_mm, time_s[rows])
    return {
        side: FootEvents(np.array(strikes[side]) + STRIKE_EARLY_S, np.array(offs[side]))
        for side in SIDES
    }


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


def turning_points_s(values: Float[np.ndarray, "n"], time_s: Float[np.ndarray, "n"]) -> list[float]:
    """Times of the peaks that stand out by `LEAST_SWING_MM`, not of those at the ends.

    Of two that are much nearer than is usual here the lower one is left out: for a moment the
    estimate took one leg for the other, or forwards for backwards.
    """
    from scipy.signal import find_peaks  # a second that only the gait pays for

    peaks, _ = find_peaks(values, prominence=LEAST_SWING_MM)
    if len(peaks) > 2:
        heights = np.zeros(len(values))
        heights[peaks] = 1 + values[peaks] - values[peaks].min()
        usual = float(np.median(np.diff(peaks)))
        peaks, _ = find_peaks(heights, distance=LEAST_STRIDE_SHARE * usual)
    return [_vertex_s(values[row - 1 : row + 2], time_s[row - 1 : row + 2]) for row in peaks]


def _vertex_s(values: Float[np.ndarray, "3"], time_s: Float[np.ndarray, "3"]) -> float:
    """Where the parabola through three points turns; the middle one's time if they lie on a
    line.
    """
    steps, slopes = np.diff(time_s), np.diff(values) / np.diff(time_s)
    bend = (slopes[1] - slopes[0]) / (steps.sum() / 2)
    if not bend < 0:
        return float(time_s[1])
    middle_slope = (slopes[0] * steps[1] + slopes[1] * steps[0]) / steps.sum()
    return float(np.clip(time_s[1] - middle_slope / bend, time_s[0], time_s[2]))


def strides_s(events: Mapping[Side, FootEvents]) -> list[tuple[Side, float, float]]:
    """(side, begin, end) of the strides: from strike to strike of a foot, where none is missing or
    too many between.
    """
    spans: list[tuple[Side, float, float]] = []
    for side in SIDES:
        for begin_s, end_s in pairwise(events[side].strike_s.tolist()):
            spans.append((side, begin_s, end_s))
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
