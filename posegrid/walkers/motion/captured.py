"""Captured walks: from the bones of a motion capture to a body that walks the same along any path.

In between stand the joint angles of `posture.py`, the way of the hips, and when each foot stands:
the terms in which made-up gaits are written too, so that both go the same way from there on. The
clips at hand are straight and 2 to 5 m long; whole strides of them are repeated as long as it
takes, along a path that turns.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import maximum_filter1d

from posegrid.body.rotations import rot_z
from posegrid.errors import SourceError
from posegrid.walkers.body.mesh import BONE_INDEX, Body, forward_kinematics
from posegrid.walkers.motion.captured_angles import (
    arm_angles,
    captured_angles,
    central_angles,
    leg_angles,
    posed_on_the_spot,
    smoothed,
)
from posegrid.walkers.motion.foot_contact import HipWay, leg_lengths_mm, sole_of, walked_along
from posegrid.walkers.motion.gait_cycle import GaitLoop
from posegrid.walkers.motion.gait_style import straightened
from posegrid.walkers.motion.motion_capture import MotionCapture
from posegrid.walkers.motion.paths import WalkingPath
from posegrid.walkers.motion.posture import (
    SIDES,
    Angles,
    Edit,
    Motion,
    limb_frames,
    limited,
    mirrored_angles,
    skin_rotations,
    unedited,
)

CYCLE_POINTS = 130
"""Points of a table for each cycle of a captured walk: about its own frames."""
TEMPO = (0.8, 1.2)
"""How much quicker than captured a captured motion may be."""


@dataclass(frozen=True, eq=False)
class RecordedWalk:
    """A captured walk along a straight line, in the terms of `posture.py`."""

    name: str
    fps: float
    angles: dict[str, Float[np.ndarray, "T"]]
    forward_mm: Float[np.ndarray, "T"]
    """Way of the hip centre in the direction of walking, from 0."""
    left_mm: Float[np.ndarray, "T"]
    height_mm: Float[np.ndarray, "T"]
    """Height of the hip centre over the capture's floor."""
    leg_mm: float
    """Thigh plus shank."""
    strikes: dict[str, Float[np.ndarray, "n"]]
    """Frames at which the heel of a side ("L", "R") comes down."""
    lifts: dict[str, Float[np.ndarray, "m"]]
    """Frames at which the toes of a side leave the floor."""
    straightness: float = 0.0
    """Of the knees, in the angles: see `gait_style.straightened`."""

    @property
    def speed_mm_s(self) -> float:
        seconds = (len(self.forward_mm) - 1) / self.fps
        return float(self.forward_mm[-1] - self.forward_mm[0]) / seconds

    def phase(self, side: str) -> Float[np.ndarray, "T"]:
        """Cycles since a side's first heel strike; NaN before that and after the last strike."""
        return _phase(self.strikes, side, len(self.forward_mm))


Recorded = RecordedWalk | MotionCapture
"""A walk, or anything else."""


@dataclass(frozen=True)
class Captures:
    """What motion capture there is to move people by."""

    walks: tuple[RecordedWalk, ...] = ()
    """How people walk."""
    others: tuple[MotionCapture, ...] = ()
    """What else they do."""


def posed_as(
    capture: MotionCapture,
    body: Body,
    num_frames: int,
    fps: float,
    rng: np.random.Generator,
    edited: Edit = limited,
) -> Motion:
    """A body that moves on the spot as captured, from a random moment on, up to a fifth slower or
    quicker, half of the time as in a mirror.
    """
    angles = captured_angles(capture)
    if rng.random() < 0.5:
        angles = mirrored_angles(angles)
    frames_on = rng.uniform(*TEMPO) * capture.fps / fps
    moments = rng.uniform(0, capture.num_frames) + frames_on * np.arange(num_frames)
    at = moments.round().astype(int) % capture.num_frames
    skin, hips_mm = posed_on_the_spot(
        body, edited({name: angle[at] for name, angle in angles.items()})
    )
    return Motion(skin, hips_mm, np.zeros((num_frames, 2), bool), fps)


def _phase(strikes: dict[str, np.ndarray], side: str, num_frames: int) -> np.ndarray:
    """See RecordedWalk.phase; a side without a whole stride is half a cycle behind the other."""
    frames = np.arange(num_frames, dtype=np.float64)
    alone = len(strikes[side]) < 2
    struck = strikes["LR".replace(side, "") if alone else side]
    counted = np.arange(len(struck), dtype=np.float64)
    return np.interp(frames, struck, counted, left=np.nan, right=np.nan) + 0.5 * alone


def recorded_walk(capture: MotionCapture) -> RecordedWalk:
    """Joint angles, hip path and steps of a captured straight walk.

    The direction of walking is that of the whole way. Zeros that marker sets disagree about are set
    here: the mean tilt of pelvis and head is 0, the sole is level in the middle of its stance, and
    knees that seem too bent are taken to be straighter (`_knee_offset`). Heel strike and toe-off
    are found from the foremost and the rearmost point of the foot against the hips (Zeni et al.,
    Gait & Posture 2008). Raises SourceError where the bones have other names than CMU's or there is
    no whole stride.
    """
    bones = {"L": "l", "R": "r"}
    try:
        hips = 0.5 * (capture.starts_mm["lfemur"] + capture.starts_mm["rfemur"])
        way = hips[-1] - hips[0]
        facing = rot_z(np.array(-np.arctan2(way[0], -way[1])))
        rotations = {name: facing @ rotation for name, rotation in capture.rotations.items()}
        walked = (hips - hips[0]) @ facing.T
        strikes, lifts = {}, {}
        for side, prefix in bones.items():
            heel, toe = (
                (points[f"{prefix}foot"] - hips) @ facing.T
                for points in (capture.starts_mm, capture.ends_mm)
            )
            strikes[side] = _peaks(-heel[:, 1], capture.fps)
            lifts[side] = _peaks(toe[:, 1], capture.fps)
        strikes, lifts = _contact_times(capture.name, strikes, lifts)
        angles = central_angles(rotations)
        for side, prefix in bones.items():
            angles |= leg_angles(capture, rotations, side, prefix)
            angles |= arm_angles(capture, side, prefix)
        legs = ("lfemur", "ltibia", "rfemur", "rtibia")
        lengths = [np.linalg.norm((capture.ends_mm[b] - capture.starts_mm[b])[0]) for b in legs]
    except KeyError as error:
        raise SourceError(
            f"{capture.name}: no bone {error}; expected the names of the CMU skeleton."
        ) from error
    # captured at 120 Hz, the marker noise is above 8 Hz
    angles = {name: smoothed(angle, capture.fps / 60) for name, angle in angles.items()}
    for side in bones:
        phase = _phase(strikes, side, capture.num_frames) % 1.0
        # the whole sole stands on the floor from about 0.12 to 0.30 of the cycle
        flat = (phase > 0.12) & (phase < 0.30)
        angles[f"foot_pitch.{side}"] -= angles[f"foot_pitch.{side}"][flat].mean()
        offset = _knee_offset(angles[f"knee_flexion.{side}"], phase)
        angles[f"knee_flexion.{side}"] -= offset
        angles[f"hip_flexion.{side}"] -= 0.5 * offset
    return RecordedWalk(
        capture.name,
        capture.fps,
        angles,
        forward_mm=-walked[:, 1],
        left_mm=walked[:, 0],
        height_mm=hips[:, 2],
        leg_mm=float(sum(lengths)) / 2,
        strikes=strikes,
        lifts=lifts,
    )


def _contact_times(
    name: str, strikes: dict[str, np.ndarray], lifts: dict[str, np.ndarray]
) -> tuple[dict, dict]:
    """Frames of floor contact from the foremost and rearmost points of the feet.

    In CMU's 53 walks the heel's speed over the floor falls under half the walking speed 0.03 of a
    cycle after the foremost point, and the ball's rises over it 0.04 before the rearmost.
    """
    cycles = np.concatenate([np.diff(frames) for frames in strikes.values()])
    if len(cycles) == 0:
        raise SourceError(f"{name}: no whole stride found; expected a walk of at least 2 m.")
    cycle = float(np.median(cycles))
    return (
        {side: frames + 0.03 * cycle for side, frames in strikes.items()},
        {side: frames - 0.04 * cycle for side, frames in lifts.items()},
    )


def _knee_offset(knee: np.ndarray, phase: np.ndarray) -> float:
    """How much less a knee is bent than captured, radians; half from the thigh, half the shank.

    CMU's skeletons bend the carrying knee by 22 to 31 degrees on average and some never below 20,
    where gait analysis finds about 13 and 3 (Perry, Gait Analysis, 1992). The mean from 0.1 to 0.5
    of the cycle is brought down to 15 degrees, as far as the straightest knee stays at 2.
    """
    carrying = knee[(phase > 0.1) & (phase < 0.5)].mean() - np.radians(15.0)
    return float(max(0.0, min(carrying, knee.min() - np.radians(2.0))))


def _peaks(signal: Float[np.ndarray, "T"], fps: float) -> Float[np.ndarray, "n"]:
    """Frames at which a signal is the highest within 0.3 s to both sides, by a parabola's vertex."""
    highest = signal >= maximum_filter1d(signal, 2 * round(0.3 * fps) + 1, mode="nearest")
    edge = max(1, round(0.05 * fps))
    i = edge + np.flatnonzero(highest[edge:-edge] & (np.diff(signal)[edge - 1 : -edge] > 0))
    before, here, after = signal[i - 1], signal[i], signal[i + 1]
    return i + 0.5 * (before - after) / (before - 2 * here + after)


def with_straight_knees(walk: RecordedWalk, straightness: float) -> RecordedWalk:
    """The walk with knees that are less bent while they carry."""
    angles = straightened(walk.angles, straightness)
    return replace(walk, angles=angles, straightness=straightness)


def mirrored_walk(walk: RecordedWalk) -> RecordedWalk:
    """The walk seen in a mirror: left and right exchanged."""
    exchanged = {"L": "R", "R": "L"}
    return replace(
        walk,
        name=f"{walk.name} mirrored",
        angles=mirrored_angles(walk.angles),
        left_mm=-walk.left_mm,
        strikes={exchanged[side]: frames for side, frames in walk.strikes.items()},
        lifts={exchanged[side]: frames for side, frames in walk.lifts.items()},
    )


def retarget(
    walk: RecordedWalk,
    body: Body,
    path: WalkingPath,
    num_frames: int,
    fps: float,
    *,
    start_frame: float = 0.0,
    start_mm: float = 0.0,
    edited: Edit = unedited,
) -> Motion:
    """A body's walk along a path, with the joint angles, rhythm and sway of a captured walk.

    The clip's whole strides are repeated without a jump; lengths scale with the leg (thigh plus
    shank), the feet are set on the floor. `start_frame` counts the clip's frames from its first
    heel strike, `start_mm` the way on the path.
    """
    loop = _Loop.of(walk, body)
    clip_frame = start_frame + np.arange(num_frames) * (walk.fps / fps)
    angles, hips, contacts = loop.played(clip_frame)
    way_mm = loop.way_mm / loop.length * (clip_frame - clip_frame[0])
    hips = replace(hips, distance_mm=start_mm + way_mm)
    return walked_along(body, edited(angles), hips, path, contacts, fps, walk.straightness)


def recorded_loop(walk: RecordedWalk, body: Body) -> GaitLoop:
    """The clip's whole strides in the body's measures, as a table."""
    loop = _Loop.of(walk, body)
    cycles = max(len(frames) for frames in walk.strikes.values()) - 1
    points = CYCLE_POINTS * cycles
    angles, hips, contacts = loop.played(np.arange(points) * (loop.length / points))
    cycle_s = loop.length / walk.fps / cycles
    return GaitLoop(
        cycles, cycle_s, loop.way_mm / cycles, angles, hips, contacts, walk.straightness
    )


@dataclass(frozen=True, eq=False)
class _Loop:
    """The whole strides of a clip: frames from one heel strike to a later one of the same foot."""

    walk: RecordedWalk
    body: Body
    """Whose measures lengths are given in."""
    first: int
    last: int

    @classmethod
    def of(cls, walk: RecordedWalk, body: Body) -> "_Loop":
        strikes = max(
            walk.strikes.values(), key=lambda frames: np.ptp(frames) if len(frames) else 0.0
        )
        return cls(walk, body, round(float(strikes[0])), round(float(strikes[-1])))

    @property
    def length(self) -> int:
        return self.last - self.first

    @property
    def scale(self) -> float:
        return sum(leg_lengths_mm(self.body, "L")) / self.walk.leg_mm

    @property
    def way_mm(self) -> float:
        first_mm, last_mm = self.walk.forward_mm[[self.first, self.last]].tolist()
        return self.scale * (last_mm - first_mm)

    def played(
        self, clip_frame: Float[np.ndarray, "n"]
    ) -> tuple[dict[str, Float[np.ndarray, "n"]], HipWay, Bool[np.ndarray, "n 2"]]:
        """Angles, the hips' sway, and which feet stand, at frames since `first`."""
        walk, scale = self.walk, self.scale
        angles = {name: self.repeated(angle, clip_frame) for name, angle in walk.angles.items()}
        contacts = np.stack([self.standing(side, clip_frame) for side, _ in SIDES], axis=1)
        ahead, left = (
            scale * self.repeated(way_mm, clip_frame, centred=True)
            for way_mm in (walk.forward_mm, walk.left_mm)
        )
        height = scale * self.repeated(walk.height_mm, clip_frame)
        height += _height_correction(self.body, angles, height, contacts)
        return angles, HipWay(np.zeros(len(clip_frame)), ahead, left, height), contacts

    def repeated(
        self,
        signal: Float[np.ndarray, "T"],
        clip_frame: Float[np.ndarray, "n"],
        *,
        centred: bool = False,
    ) -> Float[np.ndarray, "n"]:
        """The signal's strides again and again, without its mean if `centred`.

        What it gains over the loop is spread out, so that the loop closes, and the kink left at the
        seam is rounded.
        """
        gain = signal[self.last] - signal[self.first]
        share = np.arange(self.length) / self.length
        loop = _rounded_seam(signal[self.first : self.last] - gain * (share - 0.5))
        if centred:
            loop = loop - loop.mean()
        frames = np.arange(self.length + 1)
        return np.interp(clip_frame % self.length, frames, np.append(loop, loop[0]))

    def standing(self, side: str, clip_frame: Float[np.ndarray, "n"]) -> Bool[np.ndarray, "n"]:
        """Whether a foot stands: from each heel strike to the next toe-off, over the seam too."""
        since_strike, since_lift = (
            np.min((clip_frame[:, None] - (events[side] - self.first)) % self.length, axis=1)
            for events in (self.walk.strikes, self.walk.lifts)
        )
        return since_strike < since_lift


def _rounded_seam(loop: Float[np.ndarray, "n"], sigma_frames: float = 6.0) -> np.ndarray:
    """A periodic signal smoothed where its end meets its beginning (50 ms at 120 Hz)."""
    frames = np.arange(len(loop))
    from_seam = np.minimum(frames, len(loop) - frames)
    share = np.exp(-0.5 * (from_seam / (2 * sigma_frames)) ** 2)
    return (1 - share) * loop + share * smoothed(loop, sigma_frames, mode="wrap")


def _height_correction(
    body: Body, angles: Angles, height_mm: Float[np.ndarray, "n"], contacts: Bool[np.ndarray, "n 2"]
) -> float:
    """How much higher the hips must be for standing feet to be on the floor, median, mm."""
    root = np.zeros((len(height_mm), 3))
    root[:, 2] = height_mm
    free = forward_kinematics(body, skin_rotations(body, limb_frames(angles)), root)
    need = []
    for (side, _), standing in zip(SIDES, contacts.T, strict=True):
        pitch = angles[f"foot_pitch.{side}"][standing]
        _, ankle_height = sole_of(body, side).standing_ankle_mm(pitch)
        need.append(ankle_height - free[standing, BONE_INDEX[f"foot.{side}"], 2])
    return float(np.median(np.concatenate(need)))
