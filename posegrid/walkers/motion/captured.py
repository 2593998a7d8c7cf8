"""Captured walks: from the bones of a motion capture to a body of ours that walks the same way
along any path.

In between stand the joint angles of `posture.py`, the way of the hips, and when each foot stands:
the terms in which made-up gaits are written too, so that both go the same way from there on. The
clips at hand are straight and 2 to 5 m long; whole strides of them are repeated as long as it
takes, along a path that turns.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from posegrid.body.rotations import (
    angles_xyz,
    angles_zxy,
    rot_x,
    rot_y,
    rot_z,
    smallest_rotations,
    turned,
)
from posegrid.errors import SourceError
from posegrid.walkers.body.mesh import BONE_INDEX, Body, forward_kinematics
from posegrid.walkers.motion.acclaim import CMU_FPS, MotionCapture, load_motion_capture
from posegrid.walkers.motion.foot_contact import HipWay, leg_lengths_mm, sole_of, walked_along
from posegrid.walkers.motion.gait_cycle import GaitLoop
from posegrid.walkers.motion.paths import WalkingPath
from posegrid.walkers.motion.posture import (
    SIDES,
    Angles,
    Edit,
    Motion,
    limb_frames,
    mirrored_angles,
    skin_rotations,
    unedited,
)

CYCLE_POINTS = 130
"""Points of a table for each cycle of a captured walk: about its own frames."""


@dataclass(frozen=True, eq=False)
class RecordedWalk:
    """A captured walk along a straight line, in the terms of `posture.py`: what a body needs to do
    the same.
    """

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

    @property
    def speed_mm_s(self) -> float:
        seconds = (len(self.forward_mm) - 1) / self.fps
        return float(self.forward_mm[-1] - self.forward_mm[0]) / seconds

    def phase(self, side: str) -> Float[np.ndarray, "T"]:
        """Cycles since a side's first heel strike, linear between strikes; NaN before the first and
        after the last.
        """
        return _phase(self.strikes, side, len(self.forward_mm))


def _phase(strikes: dict[str, np.ndarray], side: str, num_frames: int) -> np.ndarray:
    """See RecordedWalk.phase; a side without a whole stride is half a cycle behind the other."""
    frames = np.arange(num_frames, dtype=np.float64)
    if len(strikes[side]) < 2:
        side, delay = ("R" if side == "L" else "L"), 0.5
    else:
        delay = 0.0
    counted = np.arange(len(strikes[side]), dtype=np.float64)
    return np.interp(frames, strikes[side], counted, left=np.nan, right=np.nan) + delay


def recorded_walk(capture: MotionCapture) -> RecordedWalk:
    """Joint angles, hip path and steps of a captured straight walk.

    The direction of walking is that of the whole way. Zeros that marker sets disagree about are set
    here: the mean tilt of pelvis and head is 0, the sole is level in the middle of its stance, and
    knees that seem too bent are taken to be straighter (`_knee_offset`). Heel strike and toe-off
    are found from the foremost and the rearmost point of the foot against the hips (Zeni et al.,
    Gait & Posture 2008). Raises SourceError where the bones have other names than CMU's or there is
    no whole stride.
    """
    try:
        hips = 0.5 * (capture.starts_mm["lfemur"] + capture.starts_mm["rfemur"])
        way = hips[-1] - hips[0]
        heading = float(np.arctan2(way[0], -way[1]))
        facing = rot_z(np.array(-heading))
        turned_rotations = {name: facing @ rotation for name, rotation in capture.rotations.items()}
        walked = (hips - hips[0]) @ facing.T
        strikes, lifts = {}, {}
        for side, bone in (("L", "lfoot"), ("R", "rfoot")):
            heel, toe = (
                (points[bone] - hips) @ facing.T for points in (capture.starts_mm, capture.ends_mm)
            )
            strikes[side] = _peaks(-heel[:, 1], capture.fps)
            lifts[side] = _peaks(toe[:, 1], capture.fps)
        strikes, lifts = _contact_times(capture.name, strikes, lifts)
        angles = _central_angles(turned_rotations)
        for side, prefix in (("L", "l"), ("R", "r")):
            angles |= _leg_angles(capture, turned_rotations, side, prefix)
            angles |= _arm_angles(capture, turned_rotations, side, prefix)
    except KeyError as error:
        raise SourceError(
            f"{capture.name}: no bone {error}; expected the names of the CMU skeleton."
        ) from error
    # captured at 120 Hz, the marker noise is above 8 Hz
    angles = {
        name: _smoothed(angle, np.ones_like(angle), capture.fps / 60)
        for name, angle in angles.items()
    }
    for side in ("L", "R"):
        phase = _phase(strikes, side, capture.num_frames) % 1.0
        # the whole sole stands on the floor from about 0.12 to 0.30 of the cycle
        flat = (phase > 0.12) & (phase < 0.30)
        angles[f"foot_pitch.{side}"] -= angles[f"foot_pitch.{side}"][flat].mean()
        offset = _knee_offset(angles[f"knee_flexion.{side}"], phase)
        angles[f"knee_flexion.{side}"] -= offset
        angles[f"hip_flexion.{side}"] -= 0.5 * offset
    leg = float(
        np.mean([_length(capture, f"{s}femur") + _length(capture, f"{s}tibia") for s in "lr"])
    )
    return RecordedWalk(
        capture.name,
        capture.fps,
        angles,
        -walked[:, 1],
        walked[:, 0],
        hips[:, 2],
        leg,
        strikes,
        lifts,
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
    """How much less a knee is bent than captured (radians); half of it comes from the thigh, half
    from the shank.

    CMU's skeletons bend the carrying knee by 22 to 31 degrees on average and some never below 20,
    where gait analysis finds about 13 and 3 (Perry, Gait Analysis, 1992). The mean from 0.1 to 0.5
    of the cycle is brought down to 15 degrees, as far as the straightest knee stays at 2.
    """
    carrying = knee[(phase > 0.1) & (phase < 0.5)].mean() - np.radians(15.0)
    return float(max(0.0, min(carrying, knee.min() - np.radians(2.0))))


def _length(capture: MotionCapture, bone: str) -> float:
    return float(np.linalg.norm(capture.ends_mm[bone][0] - capture.starts_mm[bone][0]))


def _central_angles(rotations: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    angles = {}
    for segment, bone in (("pelvis", "root"), ("trunk", "thorax"), ("head", "head")):
        rotation, tilt, listing = angles_zxy(rotations[bone])
        if segment != "trunk":
            tilt = tilt - tilt.mean()
        angles |= {
            f"{segment}_tilt": tilt,
            f"{segment}_list": listing,
            f"{segment}_rotation": rotation,
        }
    return angles


def _leg_angles(
    capture: MotionCapture, rotations: dict[str, np.ndarray], side: str, prefix: str
) -> dict[str, np.ndarray]:
    sign = 1.0 if side == "L" else -1.0
    mean_tilt = angles_zxy(rotations["root"])[1].mean()
    pelvis = rotations["root"] @ rot_x(-mean_tilt)
    thigh = rotations[f"{prefix}femur"] @ _from_down(capture, f"{prefix}femur")
    shank = rotations[f"{prefix}tibia"] @ _from_down(capture, f"{prefix}tibia")
    flexion, adduction, rotation = angles_xyz(np.swapaxes(pelvis, -1, -2) @ thigh)
    knee, _, _ = angles_xyz(np.swapaxes(thigh, -1, -2) @ shank)
    toes = capture.rest_directions[f"{prefix}foot"]
    foot = rotations[f"{prefix}foot"] @ rot_z(np.arctan2(toes[0], -toes[1]))
    progression, pitch, _ = angles_zxy(foot)
    # a foot on tiptoe has no clear direction, so the direction is smoothed with the foot's
    # horizontal share as weight
    progression = _smoothed(progression, np.cos(pitch) ** 2, 0.08 * capture.fps)
    return {
        f"hip_flexion.{side}": -flexion,
        f"hip_adduction.{side}": sign * adduction,
        f"hip_rotation.{side}": sign * rotation,
        f"knee_flexion.{side}": knee,
        f"foot_pitch.{side}": -pitch,
        f"foot_progression.{side}": sign * progression,
    }


def _from_down(capture: MotionCapture, bone: str) -> np.ndarray:
    """The rotation from a limb that hangs straight down to the same limb in the skeleton's rest
    pose.
    """
    return smallest_rotations(np.array([0.0, 0.0, -1.0]), capture.rest_directions[bone])


def _arm_angles(
    capture: MotionCapture, rotations: dict[str, np.ndarray], side: str, prefix: str
) -> dict[str, np.ndarray]:
    """Angles of an arm from the directions of upper arm and forearm: the elbow is taken as a
    hinge.
    """
    sign = 1.0 if side == "L" else -1.0
    to_trunk = np.swapaxes(capture.rotations["thorax"], -1, -2)
    upper = turned(
        to_trunk, capture.ends_mm[f"{prefix}humerus"] - capture.starts_mm[f"{prefix}humerus"]
    )
    forearm = turned(
        to_trunk, capture.ends_mm[f"{prefix}wrist"] - capture.starts_mm[f"{prefix}radius"]
    )
    upper /= np.linalg.norm(upper, axis=-1, keepdims=True)
    forearm /= np.linalg.norm(forearm, axis=-1, keepdims=True)
    flexion = np.arctan2(-upper[:, 1], -upper[:, 2])
    abduction = np.arcsin(np.clip(sign * upper[:, 0], -1, 1))
    hanging = np.swapaxes(rot_x(-flexion) @ rot_y(-sign * abduction), -1, -2)
    fore = turned(hanging, forearm)
    return {
        f"shoulder_flexion.{side}": flexion,
        f"shoulder_abduction.{side}": abduction,
        f"shoulder_rotation.{side}": np.arctan2(-sign * fore[:, 0], -fore[:, 1]),
        f"elbow_flexion.{side}": np.arccos(np.clip(-fore[:, 2], -1, 1)),
    }


def _smoothed(signal: np.ndarray, weight: np.ndarray, sigma_frames: float) -> np.ndarray:
    """Weighted running mean with a Gaussian window."""
    reach = int(3 * sigma_frames)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_frames) ** 2)
    total, norm = (
        np.convolve(np.pad(x, reach, mode="edge"), window, "valid")
        for x in (signal * weight, weight)
    )
    return total / norm


def _peaks(signal: Float[np.ndarray, "T"], fps: float) -> Float[np.ndarray, "n"]:
    """Frames (between frames: vertex of a parabola) where a signal is the highest within 0.3 s to
    both sides.
    """
    reach = round(0.3 * fps)
    edge = round(0.05 * fps)
    peaks = []
    for i in range(edge, len(signal) - edge):
        if (
            signal[i] >= signal[max(0, i - reach) : i + reach + 1].max()
            and signal[i - 1] < signal[i]
        ):
            before, here, after = signal[i - 1 : i + 2]
            peaks.append(i + 0.5 * (before - after) / (before - 2 * here + after))
    return np.array(peaks)


def load_walks(folder: Path, fps: float = CMU_FPS) -> list[RecordedWalk]:
    """Every captured walk under a folder: each AMC file with the ASF file beside it (one for all,
    or SUBJECT.asf).

    Raises SourceError where there is none, or a file is damaged.
    """
    walks = [
        recorded_walk(load_motion_capture(_skeleton_of(amc), amc, fps))
        for amc in sorted(folder.rglob("*.amc"))
    ]
    if not walks:
        raise SourceError(
            f"{folder}: no AMC file in it or below; expected captured walks (SUBJECT.asf, SUBJECT_*.amc)."
        )
    return walks


def _skeleton_of(amc: Path) -> Path:
    """The ASF file that an AMC file was captured with."""
    skeletons = sorted(amc.parent.glob("*.asf"))
    own = [asf for asf in skeletons if amc.stem.startswith(f"{asf.stem}_")]
    if len(own or skeletons) != 1:
        raise SourceError(
            f"{amc}: {len(skeletons)} ASF files beside it, none clearly its own; expected SUBJECT.asf."
        )
    return (own or skeletons)[0]


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
    loop = _Loop.of(walk)
    clip_frame = start_frame + np.arange(num_frames) * (walk.fps / fps)
    angles = {name: loop.repeated(angle, clip_frame) for name, angle in walk.angles.items()}
    contacts = np.stack([loop.standing(walk, side, clip_frame) for side, _ in SIDES], axis=1)
    scale = sum(leg_lengths_mm(body, "L")) / walk.leg_mm
    pace = (walk.forward_mm[loop.last] - walk.forward_mm[loop.first]) / (loop.last - loop.first)
    hips = HipWay(
        distance_mm=start_mm + scale * pace * (clip_frame - clip_frame[0]),
        ahead_mm=scale * loop.repeated(walk.forward_mm, clip_frame, centred=True),
        left_mm=scale * loop.repeated(walk.left_mm, clip_frame, centred=True),
        height_mm=scale * loop.repeated(walk.height_mm, clip_frame),
    )
    hips = replace(
        hips, height_mm=hips.height_mm + _height_correction(body, angles, hips, contacts)
    )
    return walked_along(body, edited(angles), hips, path, contacts, fps)


def recorded_loop(walk: RecordedWalk, body: Body) -> GaitLoop:
    """The clip's whole strides in the body's measures, as a table."""
    loop = _Loop.of(walk)
    length = loop.last - loop.first
    cycles = max(len(frames) for frames in walk.strikes.values()) - 1
    clip_frame = np.arange(CYCLE_POINTS * cycles) * (length / (CYCLE_POINTS * cycles))
    angles = {name: loop.repeated(angle, clip_frame) for name, angle in walk.angles.items()}
    contacts = np.stack([loop.standing(walk, side, clip_frame) for side, _ in SIDES], axis=1)
    scale = sum(leg_lengths_mm(body, "L")) / walk.leg_mm
    hips = HipWay(
        distance_mm=np.zeros(len(clip_frame)),
        ahead_mm=scale * loop.repeated(walk.forward_mm, clip_frame, centred=True),
        left_mm=scale * loop.repeated(walk.left_mm, clip_frame, centred=True),
        height_mm=scale * loop.repeated(walk.height_mm, clip_frame),
    )
    hips = replace(
        hips, height_mm=hips.height_mm + _height_correction(body, angles, hips, contacts)
    )
    way = float(walk.forward_mm[loop.last] - walk.forward_mm[loop.first])
    return GaitLoop(
        cycles, length / walk.fps / cycles, scale * way / cycles, angles, hips, contacts
    )


@dataclass(frozen=True)
class _Loop:
    """The whole strides of a clip: frames from one heel strike to a later one of the same foot."""

    first: int
    last: int

    @classmethod
    def of(cls, walk: RecordedWalk) -> "_Loop":
        strikes = max(
            walk.strikes.values(), key=lambda frames: np.ptp(frames) if len(frames) else 0.0
        )
        return cls(round(float(strikes[0])), round(float(strikes[-1])))

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
        length = self.last - self.first
        gain = signal[self.last] - signal[self.first]
        loop = signal[self.first : self.last] - gain * (np.arange(length) / length - 0.5)
        loop = _rounded_seam(loop)
        if centred:
            loop = loop - loop.mean()
        return np.interp(clip_frame % length, np.arange(length + 1), np.append(loop, loop[0]))

    def standing(
        self, walk: RecordedWalk, side: str, clip_frame: Float[np.ndarray, "n"]
    ) -> Bool[np.ndarray, "n"]:
        """Whether a foot stands: from each heel strike to the next toe-off, over the seam of the
        loop too.
        """
        length = self.last - self.first
        frame = clip_frame % length
        strikes, lifts = (
            (events[side] - self.first) % length for events in (walk.strikes, walk.lifts)
        )
        since_strike = np.min((frame[:, None] - strikes) % length, axis=1)
        since_lift = np.min((frame[:, None] - lifts) % length, axis=1)
        return since_strike < since_lift


def _rounded_seam(
    loop: Float[np.ndarray, "n"], sigma_frames: float = 6.0
) -> Float[np.ndarray, "n"]:
    """A periodic signal smoothed where its end meets its beginning (50 ms at 120 Hz), as it was
    elsewhere.
    """
    reach = min(int(3 * sigma_frames), len(loop))
    smooth = _smoothed(
        np.pad(loop, reach, mode="wrap"), np.ones(len(loop) + 2 * reach), sigma_frames
    )
    smooth = smooth[reach : reach + len(loop)]
    from_seam = np.minimum(np.arange(len(loop)), len(loop) - np.arange(len(loop)))
    share = np.exp(-0.5 * (from_seam / (2 * sigma_frames)) ** 2)
    return (1 - share) * loop + share * smooth


def _height_correction(body: Body, angles: Angles, hips: HipWay, contacts: np.ndarray) -> float:
    """How much higher the hips must be for the standing feet to be on the floor, median over the
    motion, mm.
    """
    root = np.stack(
        [np.zeros_like(hips.height_mm), np.zeros_like(hips.height_mm), hips.height_mm], axis=1
    )
    free = forward_kinematics(body, skin_rotations(body, limb_frames(angles)), root)
    need = []
    for index, (side, _) in enumerate(SIDES):
        standing = contacts[:, index]
        _, ankle_height = sole_of(body, side).standing_ankle_mm(
            angles[f"foot_pitch.{side}"][standing]
        )
        need.append(ankle_height - free[standing, BONE_INDEX[f"foot.{side}"], 2])
    return float(np.median(np.concatenate(need)))
