"""What the shipped weights do well and badly, by what a person does: rendered, with truth.

python scripts/activities.py            # prints the table of docs/activities.md; some minutes
python scripts/activities.py --write    # and writes it there

Of each activity `PEOPLE` people are rendered by one camera of the studio, at 25 frames per second.
Masks and intrinsics are given, so that neither finding people nor an assumed camera counts. Poses
are as `model(...)` gives them, filtered. Nobody here was in any training: the seed is another one.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

import posegrid
from posegrid.body.metrics import mpjpe_mm, n_mpjpe_mm, pa_mpjpe_mm
from posegrid.body.rotations import rot_z
from posegrid.motion.plausible import on_untrained
from posegrid.walkers.body.joints import joints_world_mm
from posegrid.walkers.body.mesh import Body
from posegrid.walkers.clip import Clip, ClipPlan, film
from posegrid.walkers.motion import upright
from posegrid.walkers.motion.activities import plain_walk, varied_motion
from posegrid.walkers.motion.paths import WalkingPath, sample_path
from posegrid.walkers.motion.posture import Motion
from posegrid.walkers.pictures import pictures
from posegrid.walkers.render.cameras import WALKING_CENTRE_MM, WALKING_HALF_SIZE_MM

PAGE = Path(__file__).parents[1] / "docs" / "activities.md"
SEED, PEOPLE, FRAMES, EVERY, PICTURE_PX = 4242, 2, 80, 2, 400
JUMP_MM, GRAVITY_MM_S2 = 350.0, 9810.0

Make = Callable[[Body, WalkingPath, int, np.random.Generator], Motion]


@dataclass(frozen=True)
class Score:
    """Of one clip."""

    found: float
    mpjpe_mm: float
    n_mpjpe_mm: float
    pa_mpjpe_mm: float
    warnings: tuple[str, ...]


def main() -> None:
    """Print the table, and write it if asked to."""
    model = posegrid.load()
    head = (
        "| activity | found | MPJPE | N-MPJPE | PA-MPJPE | warned |\n|---|---:|---:|---:|---:|---:|"
    )
    lines = [head]
    print(head, flush=True)
    for name, make in ACTIVITIES.items():
        scores = [score(model, clip_of(make, number)) for number in range(PEOPLE)]
        means = [
            float(np.mean([getattr(s, part) for s in scores]))
            for part in ("found", "mpjpe_mm", "n_mpjpe_mm", "pa_mpjpe_mm")
        ]
        warned = sum(bool(s.warnings) for s in scores)
        figures = " | ".join(f"{value:.0f}" for value in means[1:])
        lines.append(f"| {name} | {means[0]:.0%} | {figures} | {warned} of {PEOPLE} |")
        print(lines[-1], *(f"  {w}" for s in scores for w in s.warnings), sep="\n", flush=True)
    if "--write" in sys.argv[1:]:
        text = PAGE.read_text(encoding="utf-8")
        marks = r"(<!-- table: activities -->\n).*?(<!-- end: activities -->)"
        table = "\n".join(lines)
        PAGE.write_text(
            re.sub(marks, lambda found: f"{found[1]}{table}\n{found[2]}", text, flags=re.DOTALL),
            encoding="utf-8",
        )


def clip_of(make: Make, number: int) -> Clip:
    """A person who does it: the plan's own person and place, this motion."""
    plan = ClipPlan(SEED, f"A{number}", num_frames=2, picture_size=PICTURE_PX)
    clip, rng = film(plan), np.random.default_rng([SEED, number])
    path = sample_path(*WALKING_HALF_SIZE_MM, rng)
    path = replace(path, points_mm=path.points_mm + np.array(WALKING_CENTRE_MM))
    motion = make(clip.person.body, path, FRAMES, rng)
    rows = slice(None, None, EVERY)
    motion = Motion(
        motion.rotations[rows],
        motion.root_mm[rows] + [0.0, 0.0, clip.person.sole_mm],
        motion.contacts[rows],
        motion.fps / EVERY,
    )
    bones = motion.rotations, motion.bone_positions(clip.person.body)
    rotations, positions = clip.person.with_loose(bones, motion.fps)
    joints = joints_world_mm(clip.person.body, *bones)
    return replace(
        clip,
        motion=motion,
        bone_rotations=rotations,
        bone_positions_mm=positions,
        joints_world_mm=joints,
    )


def score(model: posegrid.PoseModel, clip: Clip) -> Score:
    """What the weights say of the clip, beside the truth."""
    name, camera = next(iter(clip.cameras.items()))
    seen = list(pictures(clip, name))
    frames, masks = np.stack([s.image for s in seen]), np.stack([s.mask for s in seen])
    track = model(frames, fps=clip.motion.fps, camera=camera, masks=masks)
    rows = track.frame[track.found]
    world = np.stack([clip.pose_world_mm(int(row)) for row in rows])
    truth = camera.world_to_camera(world)
    truth, said = truth - truth[:, :1], track.joints_mm[track.found].astype(np.float64)
    errors = (float(np.mean(of(said, truth))) for of in (mpjpe_mm, n_mpjpe_mm, pa_mpjpe_mm))
    # who gives masks may move the camera; this one is at rest
    told = (*track.warnings, *on_untrained(replace(track, camera_fixed=True)))
    return Score(len(rows) / len(frames), *errors, told)


def on_the_spot(kind: str, body: Body, path: WalkingPath, frames: int, rng: np.random.Generator):
    """One kind of posture after another, in the middle of the studio."""
    every = dict(upright.KINDS)
    try:
        upright.KINDS.clear()
        upright.KINDS[kind] = 1.0
        motion = upright.move_upright(body, frames, 50.0, rng)
    finally:
        upright.KINDS.clear()
        upright.KINDS.update(every)
    return motion.shifted(np.array([*WALKING_CENTRE_MM, 0.0]))


def varied(name: str, body: Body, path: WalkingPath, frames: int, rng: np.random.Generator):
    """One of the activities of training."""
    return varied_motion(name, body, None, path, frames, rng)


def quick(body: Body, path: WalkingPath, frames: int, rng: np.random.Generator) -> Motion:
    """A walk at twice its speed: the tempo of a run, without its flight."""
    motion = plain_walk(body, None, path, 2 * frames, rng)
    return Motion(motion.rotations[::2], motion.root_mm[::2], motion.contacts[::2], motion.fps)


def jump(body: Body, path: WalkingPath, frames: int, rng: np.random.Generator) -> Motion:
    """Squats thrown up by `JUMP_MM`, again and again."""
    motion = on_the_spot("squatting", body, path, frames, rng)
    flight_s = 2 * np.sqrt(2 * JUMP_MM / GRAVITY_MM_S2)
    time_s = np.arange(frames) / motion.fps % (flight_s + 0.5)
    up = GRAVITY_MM_S2 / 2 * time_s * (flight_s - time_s)
    lift = np.zeros((frames, 3))
    lift[:, 2] = np.maximum(up, 0)
    return replace(motion, root_mm=motion.root_mm + lift)


def whirl(body: Body, path: WalkingPath, frames: int, rng: np.random.Generator) -> Motion:
    """Postures of a balance while the whole person turns once in two seconds."""
    motion = on_the_spot("balancing", body, path, frames, rng)
    turn = rot_z(np.pi * np.arange(frames) / motion.fps)
    return replace(motion, rotations=turn[:, None] @ motion.rotations)


ACTIVITIES: dict[str, Make] = {
    "walking": lambda body, path, frames, rng: plain_walk(body, None, path, frames, rng),
    "walking unusually (limps, stiff knees, held arms)": partial(varied, "walking unusually"),
    "strolling, with turns": partial(varied, "strolling"),
    "walking backwards": partial(varied, "walking backwards"),
    "standing": partial(on_the_spot, "standing"),
    "leaning": partial(on_the_spot, "leaning"),
    "squatting": partial(on_the_spot, "squatting"),
    "sitting down": partial(on_the_spot, "sitting"),
    "lunging": partial(on_the_spot, "lunging"),
    "balancing on a leg": partial(on_the_spot, "balancing"),
    "never trained: a walk at twice its speed": quick,
    "never trained: jumping": jump,
    "never trained: whirling on a leg (dance)": whirl,
}


if __name__ == "__main__":
    main()
