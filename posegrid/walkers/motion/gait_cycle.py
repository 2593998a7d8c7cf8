"""Whole cycles of a gait: a table to be played at any pace and depth, and made-up walks on a path.

The standing foot pushes the body forward, so that stride length and cadence follow from the angles
(`gait_style.py`) and the body.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from posegrid.walkers.body.mesh import BONE_INDEX, Body, forward_kinematics
from posegrid.walkers.motion.foot_contact import (
    GRAVITY_MM_S2,
    HipWay,
    leg_lengths_mm,
    sole_of,
    walked_along,
)
from posegrid.walkers.motion.gait_style import GaitStyle, gait_angles, stance_share
from posegrid.walkers.motion.paths import WalkingPath
from posegrid.walkers.motion.posture import (
    SIDES,
    Angles,
    Edit,
    Motion,
    limb_frames,
    random_waves,
    skin_rotations,
    smoothstep,
    unedited,
)

STANDING_DEG = {"hip_flexion": 3.0, "knee_flexion": 5.0, "foot_pitch": 0.0}
"""A leg that stands still."""


@dataclass(frozen=True, eq=False)
class GaitLoop:
    """Whole cycles of a gait, N points, the last of which is followed by the first; lengths are the
    body's own.
    """

    cycles: int
    cycle_s: float
    stride_mm: float
    """Way of one cycle."""
    angles: Angles
    """See `posture.py`."""
    hips: HipWay
    """Without way (`distance_mm` is 0): what they do besides going on evenly."""
    contacts: Bool[np.ndarray, "N 2"]
    """When the left and the right foot stand."""
    straightness: float = 0.0
    """Of the knees: see `gait_style.straightened`."""

    def _row(self, phase: Float[np.ndarray, "T"]) -> np.ndarray:
        """Place in the table of phases in cycles."""
        return (np.asarray(phase) / self.cycles % 1) * len(self.contacts)

    def at(
        self, values: Float[np.ndarray, "N"], phase: Float[np.ndarray, "T"]
    ) -> Float[np.ndarray, "T"]:
        """A curve of the table at phases in cycles."""
        return np.interp(self._row(phase), np.arange(len(values) + 1), np.append(values, values[0]))

    def standing(self, phase: Float[np.ndarray, "T"]) -> Bool[np.ndarray, "T 2"]:
        """Which feet stand at phases in cycles."""
        return self.contacts[self._row(phase).astype(int) % len(self.contacts)]

    @cached_property
    def rests(self) -> Float[np.ndarray, "n"]:
        """Phases at which a walker can stop: middles of the times when both feet stand, in one run."""
        both = self.contacts[:, 0] & self.contacts[:, 1]
        first = int(np.flatnonzero(~both)[0])
        edges = np.flatnonzero(np.diff(np.append(np.roll(both, -first).astype(np.int8), 0)))
        middles = (0.5 * (edges[::2] + edges[1::2] + 1) + first) % len(both)
        return np.sort(middles) * self.cycles / len(both)

    def rest(self, number: int) -> float:
        """The phase of the numbered stop, counted on through all repetitions."""
        rounds, index = divmod(number, len(self.rests))
        return float(self.rests[index] + rounds * self.cycles)

    @cached_property
    def lift(self) -> Float[np.ndarray, "N 2"]:
        """0 while a foot stands, 1 in the middle of its swing."""
        columns = []
        for standing in self.contacts.T:
            first = int(np.flatnonzero(standing)[0])
            swinging = ~np.roll(standing, -first)
            edges = np.flatnonzero(np.diff(np.append(swinging.astype(np.int8), 0)))
            lift = np.zeros(len(standing))
            for start, stop in zip(edges[::2] + 1, edges[1::2] + 1, strict=True):
                share = (np.arange(stop - start) + 0.5) / (stop - start)
                lift[start:stop] = np.sin(np.pi * share) ** 2
            columns.append(np.roll(lift, first))
        return np.stack(columns, axis=1)

    @cached_property
    def standing_angles(self) -> dict[str, float]:
        """Of a person who stands still between two walks: the gait's means, with straight legs."""
        means = {name: float(angle.mean()) for name, angle in self.angles.items()}
        legs = {f"{name}.{side}": deg for name, deg in STANDING_DEG.items() for side in "LR"}
        return means | {name: float(np.radians(deg)) for name, deg in legs.items()}

    def standing_height_mm(self, body: Body) -> float:
        """How high the hips are when the person stands still."""
        angles = {name: np.array([angle]) for name, angle in self.standing_angles.items()}
        rotations = skin_rotations(body, limb_frames(angles))
        feet_mm = forward_kinematics(body, rotations, np.zeros((1, 3)))[0, :, 2]
        return min(
            float(sole_of(body, side).ankle_height_mm - feet_mm[BONE_INDEX[f"foot.{side}"]])
            for side in "LR"
        )


LIMPING_HASTE = 0.25
"""How much quicker than on average the gait gets on while such a leg stands."""
CYCLE_STEPS = 200
"""Points of the gait cycle at which the push of the standing foot is integrated."""


@dataclass(frozen=True, eq=False)
class HipCycle:
    """How the standing foot makes the hips move over one gait cycle (`CYCLE_STEPS` points, mm)."""

    stride_mm: float
    ahead_mm: Float[np.ndarray, "N"]
    """Forwards of an even pace."""
    left_mm: Float[np.ndarray, "N"]
    height_mm: Float[np.ndarray, "N"]
    step_width_mm: float


def hip_cycle(
    body: Body, style: GaitStyle, relative_speed: float, adduction_rad: float
) -> HipCycle:
    """The path of the hips over one cycle: they move against the footprint of the standing foot.

    Which foot carries is decided by the phase, not by which is lower: a swinging foot clears the
    floor by little.
    """
    phase = np.arange(CYCLE_STEPS) / CYCLE_STEPS
    angles = gait_angles(style, relative_speed, phase, adduction_rad)
    rotations = skin_rotations(body, limb_frames(angles))
    positions = forward_kinematics(body, rotations, np.zeros((CYCLE_STEPS, 3)))
    handover = 2 * (stance_share(relative_speed) - 0.5)
    left_carries = smoothstep(phase / handover) * (1 - smoothstep((phase - 0.5) / handover))
    velocity, height, lines = np.zeros((CYCLE_STEPS, 2)), np.zeros(CYCLE_STEPS), []
    for (side, sign), carries in zip(SIDES, (left_carries, 1 - left_carries), strict=True):
        travel, up = sole_of(body, side).standing_ankle_mm(angles[f"foot_pitch.{side}"])
        turn = sign * angles[f"foot_progression.{side}"]
        ankle = positions[:, BONE_INDEX[f"foot.{side}"]]
        footprint = ankle[:, :2] - travel[:, None] * np.stack([np.sin(turn), -np.cos(turn)], axis=1)
        velocity -= carries[:, None] * _derivative(footprint)
        height += carries * (up - ankle[:, 2])
        lines.append((sign, carries, footprint[:, 0]))
    left = _integral(velocity[:, 0], harmonics=3)
    return HipCycle(
        stride_mm=-float(velocity[:, 1].mean()),
        ahead_mm=_integral(-velocity[:, 1], harmonics=4),
        left_mm=left,
        height_mm=_low_passed(height, harmonics=4),
        step_width_mm=float(
            sum(sign * np.average(left + x, weights=carries) for sign, carries, x in lines)
        ),
    )


def _derivative(periodic: Float[np.ndarray, "N d"]) -> Float[np.ndarray, "N d"]:
    """Per cycle."""
    return (np.roll(periodic, -1, axis=0) - np.roll(periodic, 1, axis=0)) * (len(periodic) / 2)


def _integral(velocity_per_cycle: Float[np.ndarray, "N"], harmonics: int) -> Float[np.ndarray, "N"]:
    """The periodic part of the way, mean zero."""
    way = np.cumsum(velocity_per_cycle - velocity_per_cycle.mean()) / len(velocity_per_cycle)
    return _low_passed(way - way.mean(), harmonics)


def _low_passed(periodic: Float[np.ndarray, "N"], harmonics: int) -> Float[np.ndarray, "N"]:
    spectrum = np.fft.rfft(periodic)
    spectrum[harmonics + 1 :] = 0
    return np.fft.irfft(spectrum, len(periodic))


def walk(
    body: Body,
    style: GaitStyle,
    path: WalkingPath,
    num_frames: int,
    fps: float,
    rng: np.random.Generator,
    edited: Edit = unedited,
) -> Motion:
    """A walk along a path for a number of frames, from somewhere on the path and in the cycle.

    Speed along the path is the style's; stride and cadence follow from the angles and the body's
    legs.
    """
    relative_speed, adduction, cycle = _stepped(body, style)
    time_s = np.arange(num_frames) / fps
    rate_hz = style.speed_mm_s / cycle.stride_mm
    phase = rng.uniform() + rate_hz * time_s + 0.01 * style.unsteadiness * _wandering(time_s, rng)
    phase = phase + LIMPING_HASTE * style.limp / (2 * np.pi) * np.sin(2 * np.pi * (phase - 0.3))
    distance = rng.uniform(0, path.length_mm if path.closed else 1e-9) + cycle.stride_mm * (
        phase - phase[0]
    )
    angles = gait_angles(style, relative_speed, phase, adduction)
    for name, size_deg in (("head_rotation", 4.0), ("head_tilt", 2.0), ("trunk_rotation", 1.0)):
        size_rad = np.radians(size_deg) * style.unsteadiness
        angles[name] = angles[name] + size_rad * _wandering(time_s, rng)
    ahead, left, height = (
        _over_cycle(values, phase) for values in (cycle.ahead_mm, cycle.left_mm, cycle.height_mm)
    )
    contacts = np.stack([phase % 1, (phase + 0.5) % 1], axis=1) < stance_share(relative_speed)
    hips = HipWay(distance, ahead, left, height)
    return walked_along(body, edited(angles), hips, path, contacts, fps, style.straightness)


def _stepped(body: Body, style: GaitStyle) -> tuple[float, float, HipCycle]:
    """The relative speed, the adduction of the hips that makes the step width, and their cycle."""
    leg_mm, adduction = sum(leg_lengths_mm(body, "L")), 0.0
    relative_speed = style.speed_mm_s / np.sqrt(GRAVITY_MM_S2 * leg_mm)
    for _ in range(3):
        cycle = hip_cycle(body, style, relative_speed, adduction)
        adduction += (cycle.step_width_mm - style.step_width_mm) / (2 * leg_mm)
    return relative_speed, adduction, hip_cycle(body, style, relative_speed, adduction)


def made_up_loop(body: Body, style: GaitStyle) -> GaitLoop:
    """One cycle of a style, every stride alike."""
    relative_speed, adduction, cycle = _stepped(body, style)
    phase = np.arange(CYCLE_STEPS) / CYCLE_STEPS
    return GaitLoop(
        cycles=1,
        cycle_s=cycle.stride_mm / style.speed_mm_s,
        stride_mm=cycle.stride_mm,
        angles=gait_angles(style, relative_speed, phase, adduction),
        hips=HipWay(np.zeros(CYCLE_STEPS), cycle.ahead_mm, cycle.left_mm, cycle.height_mm),
        contacts=np.stack([phase, (phase + 0.5) % 1], axis=1) < stance_share(relative_speed),
        straightness=style.straightness,
    )


def _over_cycle(
    values: Float[np.ndarray, "N"], phase: Float[np.ndarray, "T"]
) -> Float[np.ndarray, "T"]:
    """A periodic curve at phases in cycles."""
    return np.interp(
        phase % 1, np.arange(len(values) + 1) / len(values), np.append(values, values[0])
    )


def _wandering(time_s: Float[np.ndarray, "T"], rng: np.random.Generator) -> Float[np.ndarray, "T"]:
    """A slow random curve of about unit size: five waves of 3 to 20 seconds."""
    return random_waves(time_s, (3, 20), 5, rng) * np.sqrt(2 / 5)
