"""What in a motion is unlikely for a walking person, in a sentence each: figures that follow from it
may be wrong, and why.
"""

import numpy as np
from jaxtyping import Float

from posegrid.body.skeleton import JOINT_NAMES
from posegrid.body.track import Track
from posegrid.motion.gait_events import facing_world
from posegrid.motion.smoothing import LONGEST_GAP_S, local_parabolas
from posegrid.motion.world import to_world

LEAST_SEEN_S = 1.0
STEPS_PER_MINUTE = (60.0, 180.0)
STATURE_M = (1.0, 2.2)
LARGEST_JUMP_M, LARGEST_JUMP_SHARE = 0.5, 0.12
"""And share of the distance, as a distance's noise grows with it."""
AT_ONCE_S = 0.15
"""Frames farther apart than this do not follow each other."""
LARGEST_SPREAD = 0.15
"""Of a limb's length over the frames, over its mean, before bones are made constant."""
LEAST_SWING_MM, SURE_STEP = 240.0, 0.3
"""Ankles that swing past each other by less do not walk; a step ends beyond this share of the way
from the middle of the swing to its end."""
LEVEL_FRAMES = 3
"""A distance is the median of so many frames: single ones are off by half a metre now and then."""
LEAST_STEPS = 4
HEADING_HALF_S = 1.0
"""Half of the window over which it is smoothed where a person heads: about a stride."""
BENT_DEG = 15.0
"""A stride that turns by more is part of a bend: its arc is 0.3 % longer than its chord, and the
outer foot's way some 5 cm longer than the inner one's."""
ALIKE_COUNTS = 1.15
"""Two counts of the same steps differ by less than this factor."""
CHANGED_SHARE = 1 / 3
FASTEST_M_S, SPEED_OVER_S = 2.1, 0.5
"""Walks of training: captured ones of at most 1.75 m/s, up to 1.2 times as quick."""
LARGEST_LEAN_DEG = 80.0
"""The trunk of training's people leans by at most 75 degrees."""
LARGEST_LIFT_MM, UNTRAINED_SHARE = 150.0, 0.05
"""How high the lower ankle may be over a standing one's height; and of what share of the frames a
kind of motion is told."""
HEIGHT_PER_BONES = 1.065
"""Height without shoes over the sum of these bones: feet and the crown above the head's joint come
on top. 1.065 +- 0.004 in 55 rendered adults (scripts/measure_heights.py)."""
HEIGHT_SPREAD = 0.06
"""Standard deviation of the estimated height over the true one, of 55 rendered adults whom no
training saw (same script, weights of the fourth stage; their mean is 0.98)."""
_UPRIGHT = ((10, 9), (9, 8), (8, 7), (7, 0), (1, 2), (2, 3), (4, 5), (5, 6))
"""Bones that add up to a height: head, neck and trunk once, thighs and shanks of both sides."""
_LIMBS = ((1, 2), (2, 3), (4, 5), (5, 6), (11, 12), (12, 13), (14, 15), (15, 16))
_ANKLES = JOINT_NAMES.index("left_ankle"), JOINT_NAMES.index("right_ankle")


def doubts(raw: Track, refined: Track) -> tuple[str, ...]:
    """Sentences on what is unlikely in a motion, none where all is well. raw: before it was
    refined.
    """
    if not refined.found.any():
        return ()
    sentences = [
        _on_time(refined),
        _on_stature(bones_to_height_mm(refined.joints_mm[refined.found].astype(np.float64)) / 1000),
        _on_jumps(raw),
        _on_limbs(raw.joints_mm[raw.found].astype(np.float64)),
        *_on_steps(refined),
        *on_untrained(refined),
    ]
    return tuple(sentence for sentence in sentences if sentence)


def _on_steps(track: Track) -> tuple[str, str]:
    poses_mm, time_s = track.joints_mm[track.found].astype(np.float64), track.time_s[track.found]
    level_mm = of_level_camera(poses_mm)
    per_minute = steps_per_minute(level_mm, time_s)
    turn_deg = _turn_deg(level_mm, time_s, per_minute) if track.camera_fixed else 0.0
    return on_cadence(per_minute), on_bend(turn_deg)


def on_untrained(track: Track) -> list[str]:
    """Sentences on motions of a kind that the weights never learnt from: they saw people walk, lean,
    squat, sit down and balance, not run, jump or lie.
    """
    rows = track.found & np.isfinite(track.root_mm).all(axis=1)
    if track.raw or rows.sum() < LEAST_STEPS:
        return []
    said = []
    pelvis_mm, thorax_mm = (track.joints_mm[rows, joint].astype(np.float64) for joint in (0, 8))
    speed_m_s = _usual_speed_m_s(pelvis_mm + track.root_mm[rows], track.time_s[rows])
    if track.camera_fixed and speed_m_s > FASTEST_M_S:
        said.append(
            f"moves at {speed_m_s:.1f} m/s: the weights never saw anybody faster than "
            f"{FASTEST_M_S:g} (running?)"
        )
    trunk = thorax_mm - pelvis_mm
    lean = np.degrees(np.arccos(-trunk[:, 1] / np.linalg.norm(trunk, axis=1)))
    if (lying := int((lean > LARGEST_LEAN_DEG).sum())) > UNTRAINED_SHARE * len(lean):
        said.append(
            f"in {lying} frames the trunk lies flat or hangs down: the weights never saw that"
        )
    height_mm = to_world(track).joints_world_mm[:, _ANKLES, 2][rows].min(axis=1)
    # the lower quarter stands even of who jumps half of the time
    aloft = int((height_mm - np.quantile(height_mm, 0.25) > LARGEST_LIFT_MM).sum())
    if track.camera_fixed and aloft > UNTRAINED_SHARE * len(height_mm):
        said.append(
            f"in {aloft} frames both feet are off the floor: the weights never saw a jump, a run or "
            "stairs"
        )
    return said


def _usual_speed_m_s(root_mm: Float[np.ndarray, "N 3"], time_s: Float[np.ndarray, "N"]) -> float:
    """The median over all half seconds."""
    later = np.searchsorted(time_s, time_s + SPEED_OVER_S)
    begin = np.flatnonzero(later < len(time_s))
    if not len(begin):
        return 0.0
    way_mm = np.linalg.norm(root_mm[later[begin]] - root_mm[begin], axis=1)
    return float(np.median(way_mm / 1000 / (time_s[later[begin]] - time_s[begin])))


def bones_to_height_mm(poses_mm: Float[np.ndarray, "N 17 3"]) -> float:
    """The height without shoes of a person with these poses' bones, the median over the poses."""
    lengths = [
        np.linalg.norm(poses_mm[:, child] - poses_mm[:, parent], axis=1)
        for child, parent in _UPRIGHT
    ]
    return HEIGHT_PER_BONES * float(np.median(sum(lengths[:4]) + sum(lengths[4:]) / 2))


def of_level_camera(poses_mm: Float[np.ndarray, "N 17 3"]) -> Float[np.ndarray, "N 17 3"]:
    """Poses of the camera's frame with z up, as if it looked along the floor."""
    return poses_mm[..., [0, 2, 1]] * [1.0, 1.0, -1.0]


def _heading_rad(
    joints_mm: Float[np.ndarray, "N 17 3"], time_s: Float[np.ndarray, "N"]
) -> Float[np.ndarray, "N"]:
    """Where the person heads, from x to y, counted on over whole turns. z is up."""
    ahead = local_parabolas(facing_world(joints_mm, time_s), time_s, HEADING_HALF_S)
    return np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0]))


def steps_per_minute(
    joints_mm: Float[np.ndarray, "N 17 3"], time_s: Float[np.ndarray, "N"]
) -> float | None:
    """How often one ankle passes the other, by the line along which they swing most, which turns
    with the person; None for fewer than four times, as of somebody who stands. z is up.
    """
    apart_mm = joints_mm[:, _ANKLES[0], :2] - joints_mm[:, _ANKLES[1], :2]
    apart_mm = (apart_mm @ (1, 1j)) * np.exp(-1j * _heading_rad(joints_mm, time_s))
    apart_mm = np.stack([apart_mm.real, apart_mm.imag], axis=1)
    apart_mm = apart_mm - apart_mm.mean(axis=0)
    along_mm = apart_mm @ np.linalg.svd(apart_mm, full_matrices=False)[2][0]
    swing_mm = float(np.quantile(along_mm, 0.95) - np.quantile(along_mm, 0.05))
    if swing_mm < LEAST_SWING_MM:
        return None
    sure = np.flatnonzero(np.abs(along_mm) > SURE_STEP * swing_mm / 2)
    passes = sure[1:][np.diff(np.sign(along_mm[sure])) != 0]
    if len(passes) < LEAST_STEPS:
        return None
    gaps = np.cumsum(np.diff(time_s, prepend=time_s[0]) > LONGEST_GAP_S)[passes]
    whole = np.diff(gaps) == 0  # steps that no gap interrupts
    if not whole.any():
        return None
    return float(60 * whole.sum() / np.diff(time_s[passes])[whole].sum())


def _turn_deg(
    joints_mm: Float[np.ndarray, "N 17 3"], time_s: Float[np.ndarray, "N"], per_minute: float | None
) -> float:
    """By how much the person turns in a stride, the median over all; 0 of who does not walk."""
    stride_s = 0.0 if per_minute is None else 120 / per_minute
    begin = time_s[time_s + stride_s <= time_s[-1]]
    if not stride_s or not len(begin):
        return 0.0
    heading = _heading_rad(joints_mm, time_s)
    turn = np.interp(begin + stride_s, time_s, heading) - np.interp(begin, time_s, heading)
    return float(np.degrees(np.median(np.abs(turn))))


def on_bend(turn_deg: float) -> str:
    """A sentence on strides that turn by so much, or nothing."""
    if turn_deg <= BENT_DEG:
        return ""
    return (
        "the way bends: strides are measured along it, but the two feet's steps and their width "
        "are not alike"
    )


def on_counts(cadence: float, per_minute: float | None) -> str:
    """A sentence on steps of which contacts and passing ankles make different counts, or nothing."""
    if per_minute is None or 1 / ALIKE_COUNTS < cadence / per_minute < ALIKE_COUNTS:
        return ""
    return (
        f"contacts make {cadence:.0f} steps a minute, but the ankles pass each other "
        f"{per_minute:.0f} times: contacts were missed or made up, and times and lengths of steps "
        "are doubtful"
    )


def on_cadence(per_minute: float | None) -> str:
    """A sentence on a cadence that nobody walks with, or nothing."""
    low, high = STEPS_PER_MINUTE
    if per_minute is None or low <= per_minute <= high:
        return ""
    return (
        f"{per_minute:.0f} steps a minute, where people walk with {low:g} to {high:g}: is it slow "
        "motion or a time lapse? (`capture_fps`, or `fps` where the video's rate is wrong)"
    )


def on_changed_pictures(
    share: Float[np.ndarray, "T"], time_s: Float[np.ndarray, "T"], *, is_camera_fixed: bool = True
) -> str:
    """A sentence on frames of which so much is unlike the rest of the video, or nothing."""
    changed = np.flatnonzero(share > CHANGED_SHARE)
    if not is_camera_fixed or not len(changed):
        return ""
    return (
        f"in {len(changed)} frames ({time_s[changed[0]]:.1f} to {time_s[changed[-1]]:.1f} s) more "
        "than a third of the picture is unlike the rest of the video (a fade, a cut, a lamp, "
        "somebody near the camera): poses there are unsure. Cut them off"
    )


def _on_time(track: Track) -> str:
    if len(track) == 1:  # a photograph
        return ""
    seen_s = float(np.median(np.diff(track.time_s))) * (int(track.found.sum()) - 1)
    if seen_s >= LEAST_SEEN_S:
        return ""
    return (
        f"the person is seen for {seen_s:.1f} s only: the scene behind them may never have been "
        "seen, and places are unsure. Film longer"
    )


def _on_stature(stature_m: float) -> str:
    low, high = STATURE_M
    if low <= stature_m <= high:
        return ""
    return (
        f"the person would be {stature_m:.2f} m tall: expected {low:g} to {high:g}. Lengths and "
        "distances are unlikely (`height_m`)"
    )


def _on_jumps(track: Track) -> str:
    time_s, root_mm = track.time_s[track.found], track.root_mm[track.found].astype(np.float64)
    if len(time_s) < 2 * LEVEL_FRAMES:
        return ""
    windows = np.lib.stride_tricks.sliding_window_view(
        np.linalg.norm(root_mm, axis=1) / 1000, LEVEL_FRAMES
    )
    level_m = np.median(windows, axis=1)
    limit_m = np.maximum(LARGEST_JUMP_M, LARGEST_JUMP_SHARE * level_m[:-LEVEL_FRAMES])
    jumps = np.abs(level_m[LEVEL_FRAMES:] - level_m[:-LEVEL_FRAMES]) > limit_m
    steps_s = np.lib.stride_tricks.sliding_window_view(np.diff(time_s), 2 * LEVEL_FRAMES - 1)
    jumps &= steps_s.max(axis=1) < AT_ONCE_S
    if not jumps.any():
        return ""
    return (
        f"the distance from the camera jumps by over {LARGEST_JUMP_M:g} m at "
        f"{time_s[LEVEL_FRAMES:][np.argmax(jumps)]:.1f} s: the person was lost or another one taken"
    )


def _on_limbs(poses_mm: Float[np.ndarray, "N 17 3"]) -> str:
    if len(poses_mm) < LEAST_STEPS:
        return ""
    length_mm = np.stack(
        [np.linalg.norm(poses_mm[:, end] - poses_mm[:, begin], axis=1) for begin, end in _LIMBS]
    )
    spread = length_mm.std(axis=1) / length_mm.mean(axis=1)
    worst = int(spread.argmax())
    if spread[worst] <= LARGEST_SPREAD:
        return ""
    begin, end = (JOINT_NAMES[joint].replace("_", " ") for joint in _LIMBS[worst])
    return (
        f"from {begin} to {end} the length changes by {spread[worst]:.0%} over the frames: the body "
        "is badly seen"
    )
