"""Feet that keep to the floor: where a standing foot stays put, and the legs that reach it.

A sole is a line under the ankle from heel to ball, the toes bend behind it. A standing foot has one footprint: a point and a
direction. Where its pitch is toes-up it turns about the heel, where it is toes-down about the ball, and the toes stay flat.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from posegrid.sources.walkers.body import BONE_INDEX, Body, forward_kinematics, load_body_model
from posegrid.sources.walkers.motion import Motion
from posegrid.sources.walkers.posture import SIDES, Angles, limb_frames, neutral_rotations, skin_rotations
from posegrid.sources.walkers.rotations import rot_x, rot_z, smallest_rotations

STRETCH = 0.9985
"""Longest leg, as a share of thigh plus shank: a knee is never locked (about 6 degrees of bend)."""
MOST_TOE_BEND_RAD = np.radians(55.0)


@dataclass(frozen=True)
class Sole:
    """One foot as seen from the ankle, mm: how high the ankle is, and how far heel, ball and toe tips lie from under it."""

    ankle_height_mm: float
    heel_mm: float
    """Backwards."""
    ball_mm: float
    """Forwards."""
    toe_mm: float
    """Forwards."""

    def lowest_mm(self, pitch_rad: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T"]:
        """Height of the lower of heel and ball against the ankle (negative), for a foot with its toes up by the pitch."""
        return np.minimum(self._below(-self.heel_mm, pitch_rad)[1], self._below(self.ball_mm, pitch_rad)[1])

    def standing_ankle_mm(
        self, pitch_rad: Float[np.ndarray, "T"]
    ) -> tuple[Float[np.ndarray, "T"], Float[np.ndarray, "T"]]:
        """(forwards, up) of the ankle of a standing foot against its footprint: the floor under the ankle of the flat foot."""
        pivot = np.where(pitch_rad > 0, -self.heel_mm, self.ball_mm)
        forward, up = self._below(pivot, pitch_rad)
        return pivot - forward, -up

    def _below(self, forward_mm: float | np.ndarray, pitch_rad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
        float(ankle[2]), float(12 - forward.min()), float((toes - ankle)[:2] @ direction), float(forward.max() - 12)
    )


@dataclass(frozen=True, eq=False)
class FootPath:
    """Where one foot goes: its ankle, and how the foot is turned (heading in the world, pitch)."""

    ankle_mm: Float[np.ndarray, "T 3"]
    heading_rad: Float[np.ndarray, "T"]
    pitch_rad: Float[np.ndarray, "T"]


def posed_on_floor(
    body: Body,
    angles: Angles,
    root_mm: Float[np.ndarray, "T 3"],
    heading_rad: Float[np.ndarray, "T"],
    contacts: Bool[np.ndarray, "T 2"],
    fps: float,
) -> Motion:
    """The motion of a body with these joint angles, hips and headings, its standing feet fixed to the floor.

    The hips sink a little where a fixed foot would be out of the leg's reach; thigh and shank turn to where the foot is.
    """
    facing = rot_z(heading_rad)
    frames = limb_frames(angles)
    frames = {bone: facing @ frame for bone, frame in frames.items()}
    rotations = skin_rotations(body, frames)
    free = forward_kinematics(body, rotations, root_mm)
    feet = []
    for index, (side, sign) in enumerate(SIDES):
        wanted = FootPath(
            free[:, BONE_INDEX[f"foot.{side}"]],
            heading_rad + sign * angles[f"foot_progression.{side}"],
            angles[f"foot_pitch.{side}"],
        )
        feet.append(standing_foot(wanted, sole_of(body, side), contacts[:, index]))
    drop = _smooth_cover(_reach_shortfall(body, free, feet), reach=max(1, round(0.08 * fps)))
    root = root_mm - np.stack([np.zeros_like(drop), np.zeros_like(drop), drop], axis=-1)
    free = free + (root - root_mm)[:, None]
    neutral = neutral_rotations(body)
    for (side, _), foot in zip(SIDES, feet, strict=True):
        knees = -frames[f"upperleg01.{side}"][..., 1]
        _reach_ankle(rotations, free, side, foot.ankle_mm, knees)
        frame = rot_z(foot.heading_rad)
        sole = sole_of(body, side)
        rotations[:, BONE_INDEX[f"foot.{side}"]] = frame @ rot_x(-foot.pitch_rad) @ neutral[f"foot.{side}"]
        toes = frame @ rot_x(-_toe_pitch(sole, foot)) @ neutral[f"foot.{side}"]
        rotations[:, BONE_INDEX[f"toes.{side}"]] = toes
    return Motion(rotations, root, contacts, fps)


def standing_foot(wanted: FootPath, sole: Sole, contact: Bool[np.ndarray, "T"]) -> FootPath:
    """The foot's path corrected so that it stays where it stands, and never goes under the floor.

    Each stance gets the footprint that needs the least correction; between stances the correction runs smoothly over.
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
    return FootPath(ankle, wanted.heading_rad + shift[:, 3], wanted.pitch_rad)


def _runs(contact: np.ndarray) -> list[slice]:
    """The stretches of frames in which the foot stands."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], contact.astype(np.int8), [0]])))
    return [slice(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _carried_over(shift: Float[np.ndarray, "T 4"], contact: Bool[np.ndarray, "T"]) -> Float[np.ndarray, "T 4"]:
    """Corrections of the standing frames, eased from one stance to the next in between and held at both ends."""
    standing = np.flatnonzero(contact)
    if len(standing) == 0:
        return shift
    carried = shift.copy()
    carried[: standing[0]] = shift[standing[0]]
    carried[standing[-1] + 1 :] = shift[standing[-1]]
    for last, first in zip(standing[:-1], standing[1:], strict=True):
        if first - last > 1:
            share = (np.arange(last + 1, first) - last) / (first - last)
            share = (share * share * (3 - 2 * share))[:, None]
            carried[last + 1 : first] = (1 - share) * shift[last] + share * shift[first]
    return carried


def _reach_shortfall(body: Body, free: np.ndarray, feet: list[FootPath]) -> Float[np.ndarray, "T"]:
    """How far the hips must sink so that both legs reach their ankles, mm."""
    need = np.zeros(len(free))
    for (side, _), foot in zip(SIDES, feet, strict=True):
        hip = free[:, BONE_INDEX[f"upperleg01.{side}"]]
        across = np.linalg.norm((foot.ankle_mm - hip)[:, :2], axis=1)
        down = np.sqrt(np.maximum((STRETCH * sum(leg_lengths_mm(body, side))) ** 2 - across**2, 0))
        need = np.maximum(need, hip[:, 2] - foot.ankle_mm[:, 2] - down)
    return need


def leg_lengths_mm(body: Body, side: str) -> tuple[float, float]:
    """(thigh, shank) of a body."""
    hip, knee, ankle = (body.head_of(f"{bone}.{side}") for bone in ("upperleg01", "lowerleg01", "foot"))
    return float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))


def _smooth_cover(values: Float[np.ndarray, "T"], reach: int) -> Float[np.ndarray, "T"]:
    """A smooth curve that is nowhere below the values: running maximum, then a bell-shaped mean no wider than it."""
    padded = np.pad(values, reach, mode="edge")
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    window = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(np.pad(highest, reach, mode="edge"), window / window.sum(), mode="valid")


def _reach_ankle(rotations: np.ndarray, free: np.ndarray, side: str, target_mm: np.ndarray, knees: np.ndarray) -> None:
    """Turn thigh and shank (in place) so that the ankle comes to its target, the knee staying in its plane."""
    hip, knee, ankle = (free[:, BONE_INDEX[f"{bone}.{side}"]] for bone in ("upperleg01", "lowerleg01", "foot"))
    thigh = np.linalg.norm(knee - hip, axis=1, keepdims=True)
    shank = np.linalg.norm(ankle - knee, axis=1, keepdims=True)
    away = target_mm - hip
    distance = np.linalg.norm(away, axis=1, keepdims=True)
    along = away / distance
    distance = np.minimum(distance, (thigh + shank) * STRETCH)
    bend = knees - np.sum(knees * along, axis=1, keepdims=True) * along
    bend /= np.linalg.norm(bend, axis=1, keepdims=True)
    cosine = np.clip((thigh**2 + distance**2 - shank**2) / (2 * thigh * distance), -1, 1)
    new_knee = hip + thigh * (cosine * along + np.sqrt(1 - cosine**2) * bend)
    new_ankle = hip + distance * along
    for bone, old, new in (("upperleg01", knee - hip, new_knee - hip), ("lowerleg01", ankle - knee, new_ankle - new_knee)):
        index = BONE_INDEX[f"{bone}.{side}"]
        rotations[:, index] = smallest_rotations(old, new) @ rotations[:, index]


def _toe_pitch(sole: Sole, foot: FootPath) -> Float[np.ndarray, "T"]:
    """Pitch of the toes: that of the foot, but bent up as far as it takes to keep their tips out of the floor."""
    pitch = foot.pitch_rad
    ball_height = foot.ankle_mm[:, 2] + sole._below(sole.ball_mm, pitch)[1]
    lowest = -np.arcsin(np.clip(ball_height / (sole.toe_mm - sole.ball_mm), 0, 1))
    return np.clip(lowest, pitch, np.maximum(pitch, pitch + MOST_TOE_BEND_RAD))
