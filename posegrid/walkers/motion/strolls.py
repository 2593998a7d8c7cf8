"""Walks with starts, stops and turns: from place to place in a room, backwards and sideways too.

A stroll is a row of bouts. Each bout is a number of steps of a gait (`GaitLoop`), from one double
support to another: the gait is played deeper and deeper, at full depth, and out again, so that the
person stands still between bouts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.integrate import cumulative_trapezoid

from posegrid.body.rotations import rot_z, turned
from posegrid.walkers.body.mesh import Body
from posegrid.walkers.motion.foot_contact import posed_on_floor
from posegrid.walkers.motion.gait_cycle import GaitLoop
from posegrid.walkers.motion.paths import WalkingPath
from posegrid.walkers.motion.posture import SIDES, Edit, Motion, smoothstep, unedited

Way = Literal["forwards", "backwards", "sideways", "turning", "standing"]
WAYS: dict[Way, float] = {"forwards": 0.7, "backwards": 0.14, "sideways": 0.16}
"""How people get to the next place, and how often."""
RAMP_STEPS = 1.5
"""Steps that it takes to get to full depth, and to stand again."""
LEAST_PACE = 0.6
"""Rhythm of the first and the last steps against that of the others."""
SIDE_STEP_MM, TURN_STEP_RAD = 140.0, np.radians(55.0)
BACKWARD_STRIDE = 0.6
"""Of the same person's stride forwards."""
LOOK_AHEAD_S = 0.35
"""How long before the body the head turns."""
LIFT_RAD = {"forwards": 0.0, "backwards": 0.12, "sideways": 0.24, "turning": 0.24, "standing": 0.0}
"""How far the thigh is raised where the gait's own swing is too small to clear the floor."""


@dataclass(frozen=True, eq=False)
class Bout:
    """Some steps in one way, or none."""

    way: Way
    path: WalkingPath
    """From where to where; of any length if the person stays in place."""
    heading_rad: tuple[float, float]
    """At the beginning and at the end, continuous from bout to bout."""
    steps: int
    depth: float
    """How far the gait's angles swing, 1: as in the gait."""
    seconds: float


@dataclass(frozen=True, eq=False)
class _Course:
    """A stroll over time."""

    phase: Float[np.ndarray, "T"]
    depth: Float[np.ndarray, "T"]
    lift_rad: Float[np.ndarray, "T"]
    stepping: Float[np.ndarray, "T"]
    """0: stands still, 1: steps, wherever to."""
    broad: Float[np.ndarray, "T"]
    """1 where the feet are kept apart."""
    ground_mm: Float[np.ndarray, "T 2"]
    heading_rad: Float[np.ndarray, "T"]


def stroll(
    body: Body,
    gait: GaitLoop,
    half_size_mm: tuple[float, float],
    num_frames: int,
    fps: float,
    rng: np.random.Generator,
    edited: Edit = unedited,
) -> Motion:
    """A body that walks about in an ellipse around the origin; it stops, turns and stands between."""
    lead_s = rng.uniform(0.0, 4.0)
    bouts = _bouts(gait, half_size_mm, lead_s + num_frames / fps + LOOK_AHEAD_S, rng)
    course = _course(gait, bouts, lead_s + np.arange(num_frames) / fps, int(rng.integers(1000)))
    ahead = _course(gait, bouts, lead_s + LOOK_AHEAD_S + np.arange(num_frames) / fps, 0).heading_rad
    angles = _stepped_angles(gait, course)
    glance = np.clip(ahead - course.heading_rad, -0.6, 0.6)
    angles["head_rotation"] = angles["head_rotation"] + glance
    angles["trunk_rotation"] = angles["trunk_rotation"] + 0.3 * glance
    standing_height = gait.standing_height_mm(body)
    height, left, forward = (
        gait.at(v, course.phase)
        for v in (gait.hips.height_mm, gait.hips.left_mm, gait.hips.ahead_mm)
    )
    facing = rot_z(course.heading_rad)
    height = standing_height + course.depth * (height - standing_height)
    sway = np.stack([course.stepping * left, -course.depth * forward, height], axis=1)
    root = turned(facing, sway)
    root[:, :2] += course.ground_mm
    return posed_on_floor(
        body, edited(angles), root, facing, gait.standing(course.phase), fps, gait.straightness
    )


def _stepped_angles(gait: GaitLoop, course: _Course) -> dict[str, Float[np.ndarray, "T"]]:
    """The gait's angles at the depth of the course, feet lifted and kept apart where it says so."""
    still = gait.standing_angles
    angles = {
        name: still[name] + course.depth * (gait.at(values, course.phase) - still[name])
        for name, values in gait.angles.items()
    }
    for index, (side, _) in enumerate(SIDES):
        raised = course.lift_rad * gait.at(gait.lift[:, index], course.phase)
        angles[f"hip_flexion.{side}"] += raised
        angles[f"knee_flexion.{side}"] += 1.9 * raised
        angles[f"hip_adduction.{side}"] -= np.radians(5.0) * course.broad
    return angles


def _bouts(
    gait: GaitLoop, half_size_mm: tuple[float, float], length_s: float, rng: np.random.Generator
) -> list[Bout]:
    """Bouts from place to place until the time is over."""
    place, heading = _random_place(half_size_mm, rng), rng.uniform(0, 2 * np.pi)
    bouts: list[Bout] = []
    while sum(bout.seconds for bout in bouts) < length_s:
        target = _random_place(half_size_mm, rng)
        if np.linalg.norm(target - place) > 600.0:
            bouts += _trip(gait, place, target, heading, rng)
            place, heading = target, bouts[-1].heading_rad[1]
    return bouts


def _random_place(half_size_mm: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    angle, radius = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform())
    return radius * np.array([np.cos(angle), np.sin(angle)]) * half_size_mm


def _trip(
    gait: GaitLoop, place: np.ndarray, target: np.ndarray, heading: float, rng: np.random.Generator
) -> Iterator[Bout]:
    """From place to place: turn, perhaps wait, go, perhaps wait; or forwards in a bend, unturned."""
    away = target - place
    direction = float(np.arctan2(away[0], -away[1]))
    way = list(WAYS)[int(rng.choice(len(WAYS), p=list(WAYS.values())))]
    aside = {"forwards": 0.0, "backwards": np.pi, "sideways": 0.5 * np.pi}.get(way, 0.0)
    aside *= float(rng.choice([-1, 1]))
    turn = (direction + aside - heading + np.pi) % (2 * np.pi) - np.pi
    if way == "forwards" and abs(turn) < np.radians(110) and rng.random() < 0.5:
        path = _bend(place, target, heading)
        bearings = path.at(np.array([0.0, path.length_mm]))[1]
        yield _going(gait, "forwards", path, (heading, heading + float(bearings[1] - bearings[0])))
        return
    if abs(turn) > np.radians(15):
        steps = max(2, round(abs(turn) / TURN_STEP_RAD))
        headings, seconds = (heading, heading + turn), 0.5 * steps * gait.cycle_s
        yield Bout("turning", _dot(place), headings, steps, 0.0, seconds)
    heading += turn
    if rng.random() < 0.4:
        yield _standing(place, heading, rng)
    straight = WalkingPath(np.stack([place, target]), closed=False)
    yield _going(gait, way, straight, (heading, heading))
    if rng.random() < 0.6:
        yield _standing(target, heading, rng)


def _standing(place: np.ndarray, heading: float, rng: np.random.Generator) -> Bout:
    return Bout("standing", _dot(place), (heading, heading), 0, 0.0, float(rng.uniform(0.1, 1.2)))


def _dot(place: np.ndarray) -> WalkingPath:
    """A path that is as good as one place."""
    return WalkingPath(np.stack([place, place + [1e-6, 0.0]]), closed=False)


def _bend(place: np.ndarray, target: np.ndarray, heading: float) -> WalkingPath:
    """A bend that leaves in the direction of the heading (quadratic Bezier curve)."""
    ahead = np.array([np.sin(heading), -np.cos(heading)])
    middle = place + 0.45 * np.linalg.norm(target - place) * ahead
    t = np.linspace(0, 1, 100)[:, None]
    points = (1 - t) ** 2 * place + 2 * t * (1 - t) * middle + t**2 * target
    return WalkingPath(points, closed=False)


def _going(gait: GaitLoop, way: Way, path: WalkingPath, heading_rad: tuple[float, float]) -> Bout:
    """The bout whose steps are the likest to the gait's own for the length of the path."""
    if way == "sideways":
        steps = max(2, round(path.length_mm / SIDE_STEP_MM))
        return Bout(way, path, heading_rad, steps, 0.0, 0.5 * steps * gait.cycle_s)
    stride = gait.stride_mm * (BACKWARD_STRIDE if way == "backwards" else 1.0)
    depths = {
        steps: 2 * path.length_mm / (stride * steps * _share_of_full_depth(steps))
        for steps in range(2, 80)
    }
    steps = min(depths, key=lambda steps: abs(np.log(depths[steps])))
    pace = float(_pace(_envelope(np.linspace(0, 1, 200), steps)).mean())
    depth = depths[steps] * stride / gait.stride_mm
    return Bout(way, path, heading_rad, steps, depth, 0.5 * steps * gait.cycle_s / pace)


def _share_of_full_depth(steps: int) -> float:
    """Way of a bout against that of as many steps at full depth."""
    envelope = _envelope(np.linspace(0, 1, 200), steps)
    pace = _pace(envelope)
    return float((envelope * pace).sum() / pace.sum())


def _envelope(share: Float[np.ndarray, "T"], steps: int) -> Float[np.ndarray, "T"]:
    """Depth of the steps over a bout's time (0..1): up, 1, and down."""
    ramp = min(0.5, RAMP_STEPS / max(steps, 1))
    return smoothstep(np.minimum(share, 1 - share) / ramp)


def _pace(envelope: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T"]:
    """Rhythm against that at full depth."""
    return LEAST_PACE + (1 - LEAST_PACE) * envelope


def _course(
    gait: GaitLoop, bouts: list[Bout], time_s: Float[np.ndarray, "T"], first_rest: int
) -> _Course:
    """What the bouts make of times: each frame from the bout that it falls in."""
    ends = np.cumsum([bout.seconds for bout in bouts])
    stop, pieces = first_rest, []
    for bout, (start, end) in zip(bouts, pairwise([0.0, *ends]), strict=True):
        share = (time_s[(time_s >= start) & (time_s < end)] - start) / bout.seconds
        following = stop + (-bout.steps if bout.way == "backwards" else bout.steps)
        pieces.append(_piece(bout, share, gait.rest(stop), gait.rest(following)))
        stop = following
    return _Course(*(np.concatenate(parts) for parts in zip(*pieces, strict=True)))


def _piece(
    bout: Bout, share: Float[np.ndarray, "n"], begin: float, end: float
) -> tuple[np.ndarray, ...]:
    """The columns of `_Course` for shares (0..1) of one bout's time; `begin` and `end` are phases."""
    grid = np.linspace(0, 1, 401)
    envelope = _envelope(grid, bout.steps) if bout.steps else np.zeros_like(grid)
    pace = _pace(envelope)
    # whoever gets nowhere by the gait's own swing gets on as evenly as the steps are deep
    phases, ways = (cumulative_trapezoid(v, initial=0.0) for v in (pace, envelope * pace))
    gone = np.interp(share, grid, ways / max(ways[-1], 1e-9))
    ground, bearing = bout.path.at(gone * bout.path.length_mm)
    start, finish = bout.heading_rad
    if bout.way == "forwards" and start != finish:
        heading = start + bearing - bout.path.at(np.zeros(1))[1][0]
    else:
        heading = start + gone * (finish - start)
    stepping = np.interp(share, grid, envelope)
    return (
        begin + np.interp(share, grid, phases / phases[-1]) * (end - begin),
        bout.depth * stepping,
        LIFT_RAD[bout.way] * stepping,
        stepping,
        stepping * (bout.way == "sideways"),
        ground,
        heading,
    )
