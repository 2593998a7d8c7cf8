"""How far standing feet slide and how deep they sink: rendered walkers against the captured walks
themselves.

    python benchmarks/feet.py [FOLDER with ASF and AMC files]            about a minute

In mm per frame at 50 frames per second: heel and ball of a standing foot, from one frame to the
next, while they are within 3 mm of the floor; the depth of heel, ball and toe tips under the floor.
Of a capture, in whose files nothing keeps a foot in place: the ball's way while the foot stands
flat, and how far it gets under its median height there.
"""

import sys
from pathlib import Path

import numpy as np

from posegrid.walkers.body.mesh import load_body_model
from posegrid.walkers.motion.acclaim import load_motion_capture
from posegrid.walkers.motion.activities import ACTIVITIES, varied_motion
from posegrid.walkers.motion.capture_files import load_walks
from posegrid.walkers.motion.captured import RecordedWalk, recorded_walk
from posegrid.walkers.motion.foot_contact import foot_points_mm
from posegrid.walkers.motion.motion_capture import CMU_FPS
from posegrid.walkers.motion.paths import sample_path
from posegrid.walkers.render.cameras import FRAME_RATE_HZ, WALKING_HALF_SIZE_MM

NUM_CLIPS, NUM_FRAMES = 40, 250
FLAT = (0.12, 0.40)
"""Share of the cycle after a heel strike in which a walker's whole foot or at least its ball is on
the floor.
"""


def main() -> None:
    """Print one line per activity, and one for the captures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    print(
        f"{'mm per frame':34s}{'slide: mean':>12s}{'95 %':>8s}{'most':>8s}{'sink: mean':>12s}{'most':>8s}"
    )
    if folder is not None:
        captures = [of_capture(amc) for amc in sorted(folder.rglob("*.amc"))]
        show(
            "the captures themselves",
            *(np.concatenate(parts) for parts in zip(*captures, strict=True)),
        )
    walks = load_walks(folder) if folder is not None else []
    for activity in ACTIVITIES:
        show(f"{activity}, made up", *of_activity(activity, []))
        if walks and activity != "upright":
            show(f"{activity}, captured", *of_activity(activity, walks))


def show(what: str, slides: np.ndarray, sinks: np.ndarray) -> None:
    """One line of the table."""
    figures = (slides.mean(), np.percentile(slides, 95), slides.max(), sinks.mean(), sinks.max())
    print(
        f"{what:34s}"
        + "".join(f"{x:{w}.2f}" for x, w in zip(figures, (12, 8, 8, 12, 8), strict=True))
    )


def of_activity(activity: str, walks: list[RecordedWalk]) -> tuple[np.ndarray, np.ndarray]:
    """Slides and sinks of many clips of an activity."""
    slides, sinks = [], []
    for seed in range(NUM_CLIPS):
        rng = np.random.default_rng([seed, 7])
        body, path = load_body_model().sample(rng), sample_path(*WALKING_HALF_SIZE_MM, rng)
        walk = walks[seed % len(walks)] if walks else None
        motion = varied_motion(activity, body, walk, path, NUM_FRAMES, rng)
        points = foot_points_mm(body, motion)
        heel_ball = points[:, :, :2]
        down = (heel_ball[..., 2] < 3.0) & motion.contacts[:, :, None]
        way = np.linalg.norm(np.diff(heel_ball[..., :2], axis=0), axis=-1)
        slides.append(way[down[1:] & down[:-1]])
        sinks.append(np.maximum(0, -points[..., 2].min(axis=(1, 2))))
    return np.concatenate(slides), np.concatenate(sinks)


def of_capture(amc: Path) -> tuple[np.ndarray, np.ndarray]:
    """Slides and sinks of the balls of one capture's feet, while they stand, at 50 frames per
    second.
    """
    capture = load_motion_capture(next(amc.parent.glob("*.asf")), amc, CMU_FPS)
    walk = recorded_walk(capture)
    slides, sinks = [], []
    for side, bone in (("L", "lfoot"), ("R", "rfoot")):
        phase, ball = walk.phase(side) % 1, capture.ends_mm[bone]
        standing = (phase > FLAT[0]) & (phase < FLAT[1])
        way = np.linalg.norm(np.diff(ball[:, :2], axis=0), axis=1) * CMU_FPS / FRAME_RATE_HZ
        slides.append(way[standing[1:] & standing[:-1]])
        if standing.any():
            sinks.append(np.maximum(0, np.median(ball[standing, 2]) - ball[standing, 2]))
    return np.concatenate(slides), np.concatenate(sinks)


if __name__ == "__main__":
    main()
