"""Strides of a walk: from one strike of a foot to its next, what happens between, and how far it
leads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from posegrid.body.skeleton import FEET_NAMES, JOINT_NAMES
from posegrid.motion.angles import joint_angles
from posegrid.motion.gait_events import FootEvents, Side, facing_world, placement_mm, strides_s
from posegrid.motion.smoothing import LONGEST_GAP_S, known

UP = (0.0, 0.0, 1.0)
CYCLE_PERCENT = np.arange(101.0)

Place = Float[np.ndarray, "2"]


@dataclass(frozen=True, eq=False)
class Stride:
    """One stride of one foot. A time or length that was not seen is NaN. Lengths are mm on the
    floor.
    """

    side: Side
    begin_s: float
    end_s: float
    off_s: float
    """When this foot leaves the floor."""
    other_off_s: float
    other_strike_s: float
    length_mm: float
    """Between the places where this foot stands, along the person's way, which may bend; negative
    if they walk backwards.
    """
    turn_rad: float
    """By how much the person turns on it, to the left."""
    step_length_mm: float
    """Of this foot's step, from the other foot's place to this one's next, along the line of this
    foot's places.
    """
    other_step_length_mm: float
    width_mm: float
    """From that line to the other foot's place; negative where the feet cross (Huxham et al., Gait
    & Posture 2006).
    """
    flexion_deg: Mapping[str, Float[np.ndarray, "101"]] = field(repr=False)
    """Flexion of this side's knee and hip over the stride, at 0, 1, ... 100 %. Where feet are known,
    also the dorsiflexion of its ankle, and of its foot ("foot_progression") the angle on the floor
    between heel to toe and the way: positive outwards (as in Appl. Mech. 2022, 3, 174).
    """

    @property
    def time_s(self) -> float:
        return self.end_s - self.begin_s

    @property
    def stance(self) -> float:
        """Share of the stride in which this foot is on the floor."""
        return (self.off_s - self.begin_s) / self.time_s

    @property
    def double_support(self) -> float:
        """Share of the stride in which both feet are."""
        return (self.other_off_s - self.begin_s + self.off_s - self.other_strike_s) / self.time_s


def strides_of(
    joints_world_mm: Float[np.ndarray, "T 17 3"],
    time_s: Float[np.ndarray, "T"],
    events: Mapping[Side, FootEvents],
    feet_world_mm: Float[np.ndarray, "T 4 3"],
) -> list[Stride]:
    """All strides of both feet, the right foot's first. z is up."""
    facing = facing_world(joints_world_mm, time_s)
    walk = _Walk(joints_world_mm, time_s, facing, events, feet_world_mm)
    return [walk.stride(*span) for span in strides_s(events, walk.sees)]


def sight_deg(
    joints_world_mm: Float[np.ndarray, "T 17 3"],
    time_s: Float[np.ndarray, "T"],
    strides: Sequence[Stride],
) -> float:
    """Angle on the floor between where the person faces and the line of sight, the median over the
    strides: 0 from the front or behind, 90 from the side. The camera is over the origin.
    """
    inside = known(joints_world_mm)
    inside &= np.any([(time_s >= s.begin_s) & (time_s <= s.end_s) for s in strides], axis=0)
    sight = joints_world_mm[inside, 0, :2]
    sight = sight / np.maximum(np.linalg.norm(sight, axis=1, keepdims=True), 1e-9)
    along = np.abs((sight * facing_world(joints_world_mm, time_s)[inside]).sum(axis=1))
    return float(np.degrees(np.median(np.arccos(np.clip(along, 0, 1)))))


@dataclass(frozen=True, eq=False)
class _Walk:
    joints_mm: Float[np.ndarray, "T 17 3"]
    time_s: Float[np.ndarray, "T"]
    facing: Float[np.ndarray, "T 2"]
    events: Mapping[Side, FootEvents]
    feet_mm: Float[np.ndarray, "T 4 3"]

    @cached_property
    def seen(self) -> Bool[np.ndarray, "T"]:
        """Frames in which the person was found."""
        return known(self.joints_mm)

    @cached_property
    def heading_rad(self) -> Float[np.ndarray, "seen"]:
        """Where the person faces in those frames, without jumps."""
        return np.unwrap(np.arctan2(self.facing[self.seen, 1], self.facing[self.seen, 0]))

    def sees(self, begin_s: float, end_s: float) -> bool:
        """Whether there is no long gap from begin to end."""
        seen_s = self.time_s[self.seen]
        inside_s = seen_s[(seen_s > begin_s) & (seen_s < end_s)]
        return bool(np.diff([begin_s, *inside_s, end_s]).max() <= LONGEST_GAP_S)

    def stride(self, side: Side, begin_s: float, end_s: float) -> Stride:
        other: Side = "left" if side == "right" else "right"
        other_strike_s = _first_between(self.events[other].strike_s, begin_s, end_s)
        first = placement_mm(self.joints_mm, self.time_s, side, begin_s, end_s - begin_s)
        last = placement_mm(self.joints_mm, self.time_s, side, end_s, end_s - begin_s)
        between = placement_mm(self.joints_mm, self.time_s, other, other_strike_s, end_s - begin_s)
        length = float(np.linalg.norm(last - first))
        along = (last - first) / max(length, 1e-9)
        ahead = float((between - first) @ along)
        to_the_left = float((between - first) @ [-along[1], along[0]])
        inside = (self.time_s >= begin_s) & (self.time_s <= end_s)
        turn_rad = self._turn_rad(begin_s, end_s)
        way = length * along_bend(turn_rad)
        return Stride(
            side=side,
            begin_s=begin_s,
            end_s=end_s,
            off_s=_first_between(self.events[side].off_s, begin_s, end_s),
            other_off_s=_first_between(self.events[other].off_s, begin_s, end_s),
            other_strike_s=other_strike_s,
            length_mm=way if np.nansum(self.facing[inside] @ along) >= 0 else -way,
            turn_rad=turn_rad,
            step_length_mm=length - ahead,
            other_step_length_mm=ahead,
            width_mm=to_the_left if side == "right" else -to_the_left,
            flexion_deg=self._flexion_deg(side, begin_s, end_s, (first, last)),
        )

    def _turn_rad(self, begin_s: float, end_s: float) -> float:
        begin, end = np.interp([begin_s, end_s], self.time_s[self.seen], self.heading_rad)
        return float(end - begin)

    def _flexion_deg(
        self, side: Side, begin_s: float, end_s: float, places_mm: tuple[Place, Place]
    ) -> dict[str, Float[np.ndarray, "101"]]:
        near = self.seen & (self.time_s > begin_s - 0.2) & (self.time_s < end_s + 0.2)
        joints_mm = np.concatenate([self.joints_mm, self.feet_mm], axis=1)[near]
        angles = joint_angles(joints_mm, UP)
        at_s = begin_s + (end_s - begin_s) * CYCLE_PERCENT / 100
        curves = {joint: angles[f"{side}_{joint}_flexion"] for joint in ("knee", "hip")}
        if np.isfinite(self.feet_mm).any():
            curves["ankle"] = angles[f"{side}_ankle_dorsiflexion"]
            turn_rad = self._turn_rad(begin_s, end_s)
            curves["foot_progression"] = self._progression_rad(side, turn_rad, *places_mm)[near]
        return {
            name: np.degrees(np.interp(at_s, self.time_s[near], curve))
            for name, curve in curves.items()
        }

    def _progression_rad(
        self, side: Side, turn_rad: float, first: Place, last: Place
    ) -> Float[np.ndarray, "T"]:
        """How far the foot points outwards from the way where it is, between two of its places."""
        ankle, heel, toe = (
            self.joints_mm[:, JOINT_NAMES.index(f"{side}_ankle"), :2],
            *(self.feet_mm[:, FEET_NAMES.index(f"{side}_{end}"), :2] for end in ("heel", "toe")),
        )
        chord, sole = last - first, toe - heel
        part = (ankle - first) @ chord / np.maximum(chord @ chord, 1e-9)
        to_the_left = np.arctan2(sole @ [-chord[1], chord[0]], sole @ chord)
        to_the_left -= turn_rad * (part - 0.5)
        return to_the_left if side == "left" else -to_the_left


def along_bend(turn_rad: float) -> float:
    """Length of an arc that turns by so much, over its chord."""
    half = min(abs(turn_rad) / 2, np.pi / 2)
    return float(half / np.sin(half)) if half > 0 else 1.0


def _first_between(times_s: Float[np.ndarray, "N"], begin_s: float, end_s: float) -> float:
    inside = times_s[(times_s > begin_s) & (times_s < end_s)]
    return float(inside[0]) if len(inside) else float("nan")
