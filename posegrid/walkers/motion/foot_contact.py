"""Feet that keep to the floor: where a standing foot stays put, and the legs that reach it.

A sole is a line under the ankle from heel to ball, with toes that bend in front of it. A standing
foot has one footprint: a point and a direction. Toes up it turns about the heel, toes down about
the ball, with the toes flat.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

from posegrid.body.rotations import rot_x, rot_y, rot_z, smallest_rotations, turned
from posegrid.walkers.body.mesh import BONE_INDEX, Body, forward_kinematics, load_body_model
from posegrid.walkers.motion.paths import WalkingPath
from posegrid.walkers.motion.posture import (
    SIDES,
    Angles,
    Motion,
    limb_frames,
    neutral_rotations,
    skin_rotations,
    smooth_cover,
    smoothstep,
)

STRETCH, STRAIGHT_STRETCH = 0.9985, 0.9996
"""Longest leg, as a share of thigh plus shank: a knee is never locked (about 6 degrees of bend); of
people with the straightest knees (about 3).
"""
MOST_TOE_BEND_RAD = np.radians(65.0)
MOST_LEAN_RAD = np.radians(10.0)
GRAVITY_MM_S2 = 9810.0


@dataclass(frozen=True)
class Sole:
    """One foot, mm: how high the ankle is, how far heel, ball and toe tips lie from under it."""

    ankle_height_mm: float
    heel_mm: float
    """Backwards."""
    ball_mm: float
    """Forwards."""
    toe_mm: float
    """Forwards."""
    toe_joint_height_mm: float
    """Of the joint above the ball that the toes turn about, over the floor."""

    def lowest_mm(self, pitch_rad: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T"]:
        """Height of the lower of heel and ball against the ankle (negative), toes up by the pitch."""
        heel, ball = (self._below(at, pitch_rad)[1] for at in (-self.heel_mm, self.ball_mm))
        return np.minimum(heel, ball)

    def standing_ankle_mm(
        self, pitch_rad: Float[np.ndarray, "T"]
    ) -> tuple[Float[np.ndarray, "T"], Float[np.ndarray, "T"]]:
        """(forwards, up) of a standing foot's ankle against the floor below it when it is flat."""
        pivot = np.where(pitch_rad > 0, -self.heel_mm, self.ball_mm)
        forward, up = self._below(pivot, pitch_rad)
        return pivot - forward, -up

    def toes(
        self, ankle_height_mm: Float[np.ndarray, "T"], pitch_rad: Float[np.ndarray, "T"]
    ) -> tuple[Float[np.ndarray, "T"], Float[np.ndarray, "T"]]:
        """Pitch of the toes (radians) and height of their tips (mm) for a foot's height and pitch.

        The toes go on straight, but bend up, at most by `MOST_TOE_BEND_RAD`, to keep their tips out
        of the floor.
        """
        drop = self.ankle_height_mm - self.toe_joint_height_mm
        joint_height = ankle_height_mm + self.ball_mm * np.sin(pitch_rad) - drop * np.cos(pitch_rad)
        length = float(np.hypot(self.toe_mm - self.ball_mm, self.toe_joint_height_mm))
        slope = float(np.arctan2(self.toe_joint_height_mm, self.toe_mm - self.ball_mm))
        on_floor = slope - np.arcsin(np.clip(joint_height / length, -1, 1))
        toe_pitch = np.clip(on_floor, pitch_rad, pitch_rad + MOST_TOE_BEND_RAD)
        return toe_pitch, joint_height + length * np.sin(toe_pitch - slope)

    def _below(
        self, forward_mm: float | np.ndarray, pitch_rad: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(forwards, up) of a point of the sole against the ankle."""
        cosine, sine = np.cos(pitch_rad), np.sin(pitch_rad)
        height = self.ankle_height_mm
        return forward_mm * cosine + height * sine, forward_mm * sine - height * cosine


def sole_of(body: Body, side: str) -> Sole:
    """The sole of a body's naked foot, from the vertices within 20 mm of the floor."""
    foot = body.vertices_mm[load_body_model().foot_vertices(side)]
    ankle, toes = body.head_of(f"foot.{side}"), body.head_of(f"toes.{side}")
    direction = (toes - ankle)[:2] / np.linalg.norm((toes - ankle)[:2])
    forward = (foot[foot[:, 2] < 20.0, :2] - ankle[:2]) @ direction
    # heel and toe tips are round: they touch the floor about 12 mm inside their outline
    return Sole(
        ankle_height_mm=float(ankle[2]),
        heel_mm=float(-12 - forward.min()),
        ball_mm=float((toes - ankle)[:2] @ direction),
        toe_mm=float(forward.max() - 12),
        toe_joint_height_mm=float(toes[2]),
    )


@dataclass(frozen=True, eq=False)
class FootPath:
    """Where one foot goes: its ankle, and how the foot is turned (heading in the world, pitch)."""

    ankle_mm: Float[np.ndarray, "T 3"]
    heading_rad: Float[np.ndarray, "T"]
    pitch_rad: Float[np.ndarray, "T"]


@dataclass(frozen=True, eq=False)
class HipWay:
    """How the hips get on along a path, mm."""

    distance_mm: Float[np.ndarray, "T"]
    """Way along the path at an even pace."""
    ahead_mm: Float[np.ndarray, "T"]
    """Forwards of that."""
    left_mm: Float[np.ndarray, "T"]
    """Sideways of the path."""
    height_mm: Float[np.ndarray, "T"]
    """Over the floor."""


def walked_along(
    body: Body,
    angles: Angles,
    hips: HipWay,
    path: WalkingPath,
    contacts: Bool[np.ndarray, "T 2"],
    fps: float,
    straightness: float = 0.0,
) -> Motion:
    """A body with these angles on its way along a path: leaning into bends, looking ahead, feet still.

    `contacts` says when the left and the right foot stand. Head and trunk turn towards the path 600
    mm ahead; the lean is 0.7 of what balances the bend's acceleration, at most 10 degrees.
    """
    ground, heading = path.at(hips.distance_mm)
    ahead, behind = path.at(hips.distance_mm + 600.0)[1], path.at(hips.distance_mm - 600.0)[1]
    speed_mm_s = np.ptp(hips.distance_mm) * fps / max(len(heading) - 1, 1)
    lean = 0.7 * speed_mm_s**2 * (ahead - behind) / 1200.0 / GRAVITY_MM_S2
    lean = np.clip(lean, -MOST_LEAN_RAD, MOST_LEAN_RAD)
    angles = dict(angles)
    angles["head_rotation"] = angles["head_rotation"] + 0.7 * (ahead - heading)
    angles["trunk_rotation"] = angles["trunk_rotation"] + 0.25 * (ahead - heading)
    angles["head_list"] = angles["head_list"] - 0.7 * lean
    facing = rot_z(heading) @ rot_y(lean)
    root = turned(facing, np.stack([hips.left_mm, -hips.ahead_mm, hips.height_mm], axis=1))
    root[:, :2] += ground
    return posed_on_floor(body, angles, root, facing, contacts, fps, straightness)


def posed_on_floor(
    body: Body,
    angles: Angles,
    root_mm: Float[np.ndarray, "T 3"],
    facing: Float[np.ndarray, "T 3 3"],
    contacts: Bool[np.ndarray, "T 2"],
    fps: float,
    straightness: float = 0.0,
) -> Motion:
    """The motion of a body with these angles, hips and directions, standing feet fixed to the floor.

    The hips sink a little where a fixed foot would be out of the leg's reach; thigh and shank turn
    to the foot. straightness: how far legs may be stretched, 0..1.
    """
    stretch = STRETCH + straightness * (STRAIGHT_STRETCH - STRETCH)
    frames = {bone: facing @ frame for bone, frame in limb_frames(angles).items()}
    rotations = skin_rotations(body, frames)
    free = forward_kinematics(body, rotations, root_mm)
    heading = np.unwrap(np.arctan2(-facing[:, 0, 1], facing[:, 1, 1]))
    feet = []
    for index, (side, sign) in enumerate(SIDES):
        wanted = FootPath(
            free[:, BONE_INDEX[f"foot.{side}"]],
            heading + sign * angles[f"foot_progression.{side}"],
            angles[f"foot_pitch.{side}"],
        )
        feet.append(standing_foot(wanted, sole_of(body, side), contacts[:, index]))
    drop = np.zeros_like(root_mm)
    drop[:, 2] = smooth_cover(
        _reach_shortfall(body, free, feet, stretch), reach=max(1, round(0.08 * fps))
    )
    free = free - drop[:, None]
    neutral = neutral_rotations(body)
    for (side, _), foot in zip(SIDES, feet, strict=True):
        thigh_frame = frames[f"upperleg01.{side}"]
        _reach_ankle(rotations, free, side, foot.ankle_mm, thigh_frame, stretch)
        ahead, flat = rot_z(foot.heading_rad), neutral[f"foot.{side}"]
        toe_pitch, _ = sole_of(body, side).toes(foot.ankle_mm[:, 2], foot.pitch_rad)
        rotations[:, BONE_INDEX[f"foot.{side}"]] = ahead @ rot_x(-foot.pitch_rad) @ flat
        rotations[:, BONE_INDEX[f"toes.{side}"]] = ahead @ rot_x(-toe_pitch) @ flat
    return Motion(rotations, root_mm - drop, contacts, fps)


def standing_foot(wanted: FootPath, sole: Sole, contact: Bool[np.ndarray, "T"]) -> FootPath:
    """The foot's path corrected so that it stays where it stands and out of the floor.

    Each stance gets the footprint that needs the least correction; between stances the correction
    runs smoothly over.
    """
    travel, height = sole.standing_ankle_mm(wanted.pitch_rad)
    shift = np.zeros((len(contact), 4))
    for run in _runs(contact):
        heading = float(wanted.heading_rad[run].mean())
        way = travel[run, None] * np.array([np.sin(heading), -np.cos(heading)])
        footprint = (wanted.ankle_mm[run, :2] - way).mean(axis=0)
        shift[run, :2] = footprint + way - wanted.ankle_mm[run, :2]
        shift[run, 2] = height[run] - wanted.ankle_mm[run, 2]
        shift[run, 3] = heading - wanted.heading_rad[run]
    shift = _carried_over(shift, contact)
    ankle = wanted.ankle_mm + shift[:, :3]
    ankle[:, 2] += np.maximum(0, -(ankle[:, 2] + sole.lowest_mm(wanted.pitch_rad)))
    ankle[:, 2] += np.maximum(0, -sole.toes(ankle[:, 2], wanted.pitch_rad)[1])
    return FootPath(ankle, wanted.heading_rad + shift[:, 3], wanted.pitch_rad)


def _runs(contact: np.ndarray) -> list[slice]:
    """The stretches of frames in which the foot stands."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], contact.astype(np.int8), [0]])))
    return [
        slice(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)
    ]


def _carried_over(
    shift: Float[np.ndarray, "T 4"], contact: Bool[np.ndarray, "T"]
) -> Float[np.ndarray, "T 4"]:
    """Corrections of the standing frames, eased from stance to stance and held at both ends."""
    standing = np.flatnonzero(contact)
    if len(standing) == 0:
        return shift
    carried = shift.copy()
    carried[: standing[0]] = shift[standing[0]]
    carried[standing[-1] + 1 :] = shift[standing[-1]]
    for last, first in pairwise(standing):
        if first - last > 1:
            share = smoothstep((np.arange(last + 1, first) - last) / (first - last))[:, None]
            carried[last + 1 : first] = (1 - share) * shift[last] + share * shift[first]
    return carried


def _reach_shortfall(
    body: Body, free: np.ndarray, feet: list[FootPath], stretch: float
) -> Float[np.ndarray, "T"]:
    """How far the hips must sink so that both legs reach their ankles, mm."""
    need = np.zeros(len(free))
    for (side, _), foot in zip(SIDES, feet, strict=True):
        hip = free[:, BONE_INDEX[f"upperleg01.{side}"]]
        across = np.linalg.norm((foot.ankle_mm - hip)[:, :2], axis=1)
        down = np.sqrt(np.maximum((stretch * sum(leg_lengths_mm(body, side))) ** 2 - across**2, 0))
        need = np.maximum(need, hip[:, 2] - foot.ankle_mm[:, 2] - down)
    return need


def leg_lengths_mm(body: Body, side: str) -> tuple[float, float]:
    """(thigh, shank) of a body."""
    hip, knee, ankle = (
        body.head_of(f"{bone}.{side}") for bone in ("upperleg01", "lowerleg01", "foot")
    )
    return float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))


def _knee_direction(
    along: Float[np.ndarray, "T 3"], thigh: Float[np.ndarray, "T 3 3"]
) -> Float[np.ndarray, "T 3"]:
    """Where the knee points from the line between hip and ankle: to the thigh's front.

    Of a leg bent so far that this line points to the thigh's front itself: square to the knee's
    axis.
    """
    front = -thigh[..., 1]
    slope = np.sum(front * along, axis=1, keepdims=True)
    share = np.clip((np.abs(slope) - 0.75) / 0.15, 0, 1)
    return _unit(
        (1 - share) * _unit(front - slope * along) + share * _unit(np.cross(along, thigh[..., 0]))
    )


def _unit(vectors: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "T 3"]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _reach_ankle(
    rotations: np.ndarray,
    free: np.ndarray,
    side: str,
    target_mm: np.ndarray,
    frame: np.ndarray,
    stretch: float,
) -> None:
    """Turn thigh and shank (in place) to bring the ankle to its target; `frame` is the thigh's."""
    hip, knee, ankle = (
        free[:, BONE_INDEX[f"{bone}.{side}"]] for bone in ("upperleg01", "lowerleg01", "foot")
    )
    thigh = np.linalg.norm(knee - hip, axis=1, keepdims=True)
    shank = np.linalg.norm(ankle - knee, axis=1, keepdims=True)
    away = target_mm - hip
    distance = np.linalg.norm(away, axis=1, keepdims=True)
    along = away / distance
    distance = np.minimum(distance, (thigh + shank) * stretch)
    bend = _knee_direction(along, frame)
    cosine = np.clip((thigh**2 + distance**2 - shank**2) / (2 * thigh * distance), -1, 1)
    new_knee = hip + thigh * (cosine * along + np.sqrt(1 - cosine**2) * bend)
    new_ankle = hip + distance * along
    turns = (
        ("upperleg01", knee - hip, new_knee - hip),
        ("lowerleg01", ankle - knee, new_ankle - new_knee),
    )
    for bone, old, new in turns:
        index = BONE_INDEX[f"{bone}.{side}"]
        rotations[:, index] = smallest_rotations(old, new) @ rotations[:, index]


def foot_points_mm(body: Body, motion: Motion) -> Float[np.ndarray, "T 2 3 3"]:
    """Places [frame, left and right, heel and ball and toe tips, xyz] of the soles, world frame."""
    positions = motion.bone_positions(body)
    sides = []
    for side, _ in SIDES:
        sole, toes = sole_of(body, side), body.head_of(f"toes.{side}")
        foot = body.head_of(f"foot.{side}")
        ahead = np.append((toes - foot)[:2], 0.0) / np.linalg.norm((toes - foot)[:2])
        floor = np.array([1.0, 1.0, 0.0]) * foot
        points = []
        for bone, way_mm in (
            ("foot", -sole.heel_mm),
            ("foot", sole.ball_mm),
            ("toes", sole.toe_mm),
        ):
            index = BONE_INDEX[f"{bone}.{side}"]
            arm = floor + way_mm * ahead - body.bone_heads_mm[index]
            points.append(positions[:, index] + motion.rotations[:, index] @ arm)
        sides.append(np.stack(points, axis=1))
    return np.stack(sides, axis=1)
