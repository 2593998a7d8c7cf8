"""What people do: they walk, usually or not, go about, walk backwards, or stay on the spot.

Every motion of the varied activities is made one of a kind: its angles deviate a little, keep
inside the joints' limits, and the arms keep out of the trunk.
"""

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from posegrid.walkers.body.mesh import Body
from posegrid.walkers.motion.arms import cleared, hold_arm
from posegrid.walkers.motion.captured import (
    TEMPO,
    RecordedWalk,
    recorded_loop,
    retarget,
    with_straight_knees,
)
from posegrid.walkers.motion.gait_cycle import made_up_loop, walk
from posegrid.walkers.motion.gait_style import GaitStyle, sample_style, sample_unusual_style
from posegrid.walkers.motion.paths import WalkingPath
from posegrid.walkers.motion.posture import SIDES, Angles, Edit, Motion, jittered, limited, unedited
from posegrid.walkers.motion.strolls import stroll
from posegrid.walkers.motion.upright import move_upright
from posegrid.walkers.render.cameras import FRAME_RATE_HZ, WALKING_CENTRE_MM, WALKING_HALF_SIZE_MM

Activities = Literal["walking", "gaits", "varied"]
ACTIVITIES = {
    "walking": 0.18,
    "walking unusually": 0.24,
    "strolling": 0.18,
    "walking backwards": 0.05,
    "upright": 0.35,
}
"""What people do in clips of varied activities, and how often; walks are captured or made up."""
GAITS = {
    name: share / (1 - ACTIVITIES["upright"])
    for name, share in ACTIVITIES.items()
    if name != "upright"
}
"""The same without what is done on the spot."""


def plain_walk(
    body: Body,
    recorded: RecordedWalk | None,
    path: WalkingPath,
    num_frames: int,
    rng: np.random.Generator,
    edited: Edit = unedited,
    straightness: float = 0.0,
) -> Motion:
    """A walk along a path: the captured one, or one in a usual style.

    straightness: of the knees, see `gait_style.straightened`.
    """
    if recorded is None:
        style = replace(sample_style(rng), straightness=straightness)
        return walk(body, style, path, num_frames, FRAME_RATE_HZ, rng, edited)
    return retarget(
        with_straight_knees(recorded, straightness),
        body,
        path,
        num_frames,
        FRAME_RATE_HZ,
        start_frame=rng.uniform(0, 200),
        start_mm=rng.uniform(0, path.length_mm),
        edited=edited,
    )


def varied_motion(
    activity: str,
    body: Body,
    recorded: RecordedWalk | None,
    path: WalkingPath,
    num_frames: int,
    rng: np.random.Generator,
    straightness: float = 0.0,
) -> Motion:
    """A motion of one of the `ACTIVITIES` about the middle of the walking space, one of a kind."""
    edited = partial(one_of_a_kind, body, rng)
    if activity == "upright":
        motion = move_upright(body, num_frames, FRAME_RATE_HZ, rng, edited)
        place_mm = rng.uniform(-0.5, 0.5, 2) * WALKING_HALF_SIZE_MM + WALKING_CENTRE_MM
        return motion.shifted(np.array([*place_mm, 0.0]))
    if recorded is not None:
        recorded = replace(recorded, fps=recorded.fps * rng.uniform(*TEMPO))
    if activity == "strolling":
        return _stroll(body, recorded, num_frames, rng, straightness)
    if activity == "walking unusually":
        style = replace(sample_unusual_style(rng), straightness=straightness)
        if recorded is None:
            return walk(body, style, path, num_frames, FRAME_RATE_HZ, rng, edited)
        return plain_walk(
            *(body, recorded, path, num_frames, rng),
            lambda angles: edited(restyled(angles, style)),
            straightness,
        )
    motion = plain_walk(body, recorded, path, num_frames, rng, edited, straightness)
    return motion.backwards() if activity == "walking backwards" else motion


def _stroll(
    body: Body,
    recorded: RecordedWalk | None,
    num_frames: int,
    rng: np.random.Generator,
    straightness: float,
) -> Motion:
    """Walks from place to place, the gait captured or made up, arms held now and then."""
    style = sample_unusual_style(rng) if rng.random() < 0.5 else sample_style(rng)
    if recorded is None:
        gait = made_up_loop(body, replace(style, straightness=straightness))
    else:
        gait = recorded_loop(with_straight_knees(recorded, straightness), body)
    if recorded is not None and rng.random() < 0.5:
        gait = replace(gait, angles=restyled(gait.angles, style))
    edited = partial(one_of_a_kind, body, rng)
    motion = stroll(body, gait, WALKING_HALF_SIZE_MM, num_frames, FRAME_RATE_HZ, rng, edited)
    return motion.shifted(np.array([*WALKING_CENTRE_MM, 0.0]))


def one_of_a_kind(body: Body, rng: np.random.Generator, angles: Angles) -> Angles:
    """The angles with small deviations, inside the joints' limits, arms out of the trunk."""
    return cleared(body, limited(jittered(angles, FRAME_RATE_HZ, rng)))


def restyled(angles: Angles, style: GaitStyle) -> dict[str, np.ndarray]:
    """A captured walk's angles with the trunk, head and arms of a style; legs stay as they are."""
    added = {
        "trunk_tilt": style.trunk_lean_rad + style.stoop_rad,
        "trunk_list": style.trunk_list_rad,
        "trunk_rotation": style.trunk_turn_rad,
        "head_tilt": style.head_pitch_rad + 0.5 * style.stoop_rad,
    }
    for side, _ in SIDES:
        added[f"elbow_flexion.{side}"] = style.elbow_rad
        added[f"shoulder_abduction.{side}"] = style.arm_abduction_rad
    styled = {name: angle + added.get(name, 0.0) for name, angle in angles.items()}
    for (side, _), arm in zip(SIDES, style.arms, strict=True):
        flexion = angles[f"shoulder_flexion.{side}"]
        swing = style.arm_swing * (flexion - flexion.mean())
        styled[f"shoulder_flexion.{side}"] = flexion.mean() + swing
        hold_arm(styled, side, arm)
    return styled
