"""How far the gait figures that `predict` sees are from the true ones, by rendered walkers whose truth
is known.

    python scripts/measure_gait.py FOLDER            # 208 videos are rendered there, once
    python scripts/measure_gait.py FOLDER --write    # and docs/gait.md and `gait` get the tables

Each person walks for 5 s before one of the studio's cameras: usual walks of all speeds, and marches,
stiff legs and limps. `predict`'s own way finds them; the intrinsics are given. True figures are those
of the true joints, true contacts those that the walk was made with. Nobody here was in any training:
the seed is another one.
"""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice, pairwise
from pathlib import Path

import numpy as np

import posegrid
from posegrid.errors import PosegridError
from posegrid.motion.angles import KNEE_ERRORS, joint_angles
from posegrid.motion.gait import Gait, gait_of
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.scale import scaled_to_height
from posegrid.motion.strides import CYCLE_PERCENT
from posegrid.motion.world import WorldMotion
from posegrid.video.writer import VideoWriter
from posegrid.walkers.clip import Clip, ClipPlan, activity_of, film
from posegrid.walkers.motion.foot_contact import foot_points_mm
from posegrid.walkers.pictures import StudioView
from posegrid.walkers.render.cameras import STUDIO_REACH_MM

PAGE = Path(__file__).parents[1] / "docs" / "gait.md"
PICTURE = PAGE.parent / "images" / "gait_agreement.png"
SEED, PEOPLE, FRAMES, EVERY, PICTURE_PX = 1717, 208, 250, 2, 480
BENDS_DEG = (0, 10, 20, 30, 45, 60, 180)
"""Bounds of the true flexions that the table of knees has a row for."""
VIEWS = {"frontal": (0, 30), "oblique": (30, 60), "sagittal": (60, 90)}
"""By the angle between the true way and the line of sight, degrees."""
FIGURES = {
    "cadence": (1, "steps/min"),
    "stride_length": (1 / 10, "cm"),
    "speed": (1, "m/s"),
    "step_width": (1 / 10, "cm"),
    "double_support": (1, "%"),
    "knee_range": (1, "degrees"),
    "hip_range": (1, "degrees"),
    "ankle_range": (1, "degrees"),
    "elbow_range": (1, "degrees"),
    "foot_progression": (1, "degrees"),
}
"""What is compared, times what, and in which unit; a range is the mean of both sides. That of elbows,
which `gait` does not say, is that of the whole clip."""
SIDES = ("right", "left")
LENGTHS = ("stride_length", "speed", "step_width")


@dataclass(frozen=True, eq=False)
class Walk:
    """What was found of one person, beside the truth."""

    sight_deg: float
    true: Mapping[str, float]
    said: Mapping[str, float]
    with_height: Mapping[str, float]
    strike_s: np.ndarray
    """By how much each found strike is too late; `off_s` the same of offs."""
    off_s: np.ndarray
    curves: np.ndarray
    """(S, 3, 101): true flexion of a stride's knee, the estimated one, 1 in stance."""


def main() -> None:
    """Print the tables, and write them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="takes the rendered videos, which are used again")
    parser.add_argument("--render", action="store_true", help="render only")
    parser.add_argument("--write", action="store_true", help="write the tables and the picture")
    asked = parser.parse_args()
    folder, model = asked.folder, posegrid.load()
    folder.mkdir(parents=True, exist_ok=True)
    walks, lost = [], []
    for clip, camera in islice(clips(), PEOPLE):
        video = folder / f"{clip.plan.subject}.mp4"
        if not video.exists():
            render(clip, camera, video)
        if asked.render:
            continue
        try:
            walks.append(measured(model, clip, camera, video))
        except PosegridError as error:
            lost.append(clip.plan.subject)
            print(f"{video.name}: {error}", flush=True)
    if walks:
        name, write = model.network.name, asked.write
        publish(table_of([errors_deg(w.curves) for w in walks if len(w.curves)]), name, write=write)
        print(f"{len(walks)} walks, {len(lost)} without figures: {' '.join(lost)}")
        publish_agreement(walks, len(lost), name, write=write)


def clips() -> Iterator[tuple[Clip, str]]:
    """Walks forwards with the camera that is to see them: two strides or more in truth."""
    for number in count():
        plan = ClipPlan(
            SEED, f"G{number}", num_frames=FRAMES, activities="gaits", picture_size=PICTURE_PX
        )
        if activity_of(plan) not in ("walking", "walking unusually"):
            continue
        clip = film(plan)
        camera = sorted(clip.cameras)[number % len(clip.cameras)]
        try:
            true_gait(clip, camera)
        except PosegridError:
            continue
        yield clip, camera


def render(clip: Clip, camera: str, path: Path) -> None:
    """The video of a clip, 25 frames per second."""
    view = StudioView(clip, camera, clip.location.place(STUDIO_REACH_MM))
    with VideoWriter(path, clip.motion.fps / EVERY, view.camera.size_wh, quality=20) as video:
        for row in range(0, FRAMES, EVERY):
            video.write(view.picture(clip.posed(row)).image)
    print(f"{path.name} rendered", flush=True)


def true_gait(clip: Clip, name: str) -> Gait:
    """The gait of the true joints at the video's frames."""
    camera, rows = clip.cameras[name], np.arange(0, FRAMES, EVERY)
    world = np.stack([clip.pose_world_mm(int(row)) for row in rows])
    soles = foot_points_mm(clip.person.body, clip.motion)[rows][:, ::-1][:, :, [0, 2]]
    under_camera_mm = camera.centre_world_mm * [1, 1, 0]
    motion = WorldMotion(
        rows / clip.motion.fps,
        world - under_camera_mm,
        soles.reshape(-1, 4, 3) - under_camera_mm,
        np.full(world.shape[:2], np.nan),
        camera.rot_world_to_cam.T,
        float(camera.centre_world_mm[2]),
        np.arange(len(rows)),
        clip.motion.fps / EVERY,
        name,
    )
    return gait_of(motion, scale_known=True, source=name)


def measured(model: posegrid.PoseModel, clip: Clip, name: str, video: Path) -> Walk:
    """What `predict` says of a video, beside the truth. Raises PosegridError where it says no gait."""
    truth = true_gait(clip, name)
    track = model(video, camera=clip.cameras[name])
    found = track.gait()
    tall = scaled_to_height(track, clip.person.body.stature_mm).gait()
    late = late_s(found, clip.motion.contacts, clip.motion.fps)
    curves = strides_deg(truth, track)
    world_mm = np.stack([clip.pose_world_mm(row) for row in range(0, FRAMES, EVERY)])
    elbows = [elbow_range_deg(world_mm), *2 * [elbow_range_deg(track.joints_mm[track.found])]]
    pairs = zip((truth, found, tall), elbows, strict=True)
    return Walk(truth.sight_deg, *(figures(*pair) for pair in pairs), *late, curves)


def elbow_range_deg(joints_mm: np.ndarray) -> float:
    """Largest minus smallest flexion of elbows, the mean of both sides."""
    angles = joint_angles(joints_mm)
    return float(np.degrees(np.mean([np.ptp(angles[f"{s}_elbow_flexion"]) for s in SIDES])))


def figures(gait: Gait, elbows_deg: float) -> dict[str, float]:
    """The figures of `FIGURES` in their units."""
    values = {"elbow_range": elbows_deg}
    for name, (factor, _) in FIGURES.items():
        if name in values:
            continue
        sides = [gait.quantities[key].value for key in gait.quantities if key.startswith(name)]
        values[name] = factor * float(np.mean(sides))
    return values


def late_s(gait: Gait, contacts: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """By how much the found strikes and offs are later than the nearest true ones of that foot."""
    changes = np.diff(contacts.astype(int), axis=0)
    late: tuple[list[float], list[float]] = ([], [])
    for foot, side in enumerate(("left", "right")):
        events = gait.events[side]
        for errors, found, change in ((late[0], events.strike_s, 1), (late[1], events.off_s, -1)):
            true = (np.flatnonzero(changes[:, foot] == change) + 0.5) / fps
            errors += [at - true[np.abs(true - at).argmin()] for at in found if len(true)]
    return np.array(late[0]), np.array(late[1])


def strides_deg(truth: Gait, track: MotionTrack) -> np.ndarray:
    """(S, 3, 101) of every stride that was seen: the true flexion of its knee, the estimated one,
    and 1 in stance.
    """
    curves, angles = [], track.angles()
    for stride in truth.strides:
        at_s = stride.begin_s + stride.time_s * CYCLE_PERCENT / 100
        inside = (track.time_s >= stride.begin_s) & (track.time_s <= stride.end_s)
        if track.found[inside].all() and np.isfinite(stride.off_s):
            said = angles[f"{stride.side}_knee_flexion_deg"]
            said = np.interp(at_s, track.time_s[track.found], said[track.found])
            curves.append([stride.flexion_deg["knee"], said, at_s <= stride.off_s])
    return np.array(curves, float).reshape(-1, 3, len(CYCLE_PERCENT))


def errors_deg(curves: np.ndarray) -> dict[str, float]:
    """By how much knees read too bent in a clip's strides, by the true flexion and as a whole; NaN
    where there is none.
    """
    true, said, stance = np.moveaxis(curves, 1, 0)
    parts = {}
    for low, high in pairwise(BENDS_DEG):
        part = f"bent by {low} to {high}" if high < 180 else f"bent by over {low}"
        parts[part] = (true >= low) & (true < high)
    parts["in stance, on average"] = stance > 0
    means = {part: float((said - true)[at].mean()) for part, at in parts.items() if at.sum() > 5}
    whole = {
        "at their most bent": said.max(axis=1) - true.max(axis=1),
        "range": np.ptp(said, axis=1) - np.ptp(true, axis=1),
    }
    every = means | {part: float(values.mean()) for part, values in whole.items()}
    return {part: every.get(part, float("nan")) for part in (*parts, *whole)}


def table_of(clips: Sequence[dict[str, float]]) -> list[tuple[str, float, float, int]]:
    """(part, mean over the clips, their standard deviation, how many had it)."""
    rows = []
    for part in clips[0]:
        values = np.array([clip[part] for clip in clips])
        values = values[np.isfinite(values)]
        if len(values) > 1:
            spread = float(values.std(ddof=1))
            # in tenths, as the file has them: the page is then rounded from the same numbers
            rows.append((part, round(float(values.mean()), 1), round(spread, 1), len(values)))
    return rows


def publish(rows: list[tuple[str, float, float, int]], weights: str, *, write: bool) -> None:
    """Print the rows of knees; write them into the page and the file that `gait` reads."""
    lines = [f"| knees ({weights}) | too bent by, degrees | clips |", "|---|---:|---:|"]
    lines += [f"| {part} | {mean:+.0f} ± {spread:.0f} | {n} |" for part, mean, spread, n in rows]
    print(*lines, sep="\n")
    if write:
        _into_page("knees", lines)
        head = "weights,part,too_bent_deg,spread_deg,clips\n"
        body = [f'{weights},"{part}",{mean:.1f},{sd:.1f},{n}\n' for part, mean, sd, n in rows]
        KNEE_ERRORS.write_text(head + "".join(body), encoding="utf-8")


def _into_page(table: str, lines: Sequence[str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    marks = rf"(<!-- table: {table} -->\n).*?(<!-- end: {table} -->)"
    text = re.sub(marks, lambda m: "\n".join([m[1] + lines[0], *lines[1:], m[2]]), text, flags=re.S)
    PAGE.write_text(text, encoding="utf-8")


def agreement(pairs: np.ndarray) -> tuple[float, float, float, float]:
    """Bias, the limits of agreement (Bland & Altman, Lancet 1986) and the intraclass correlation of
    (n, 2) true and found values, of single measurements, absolute (ICC(A,1), McGraw & Wong,
    Psychological Methods 1996).
    """
    off = pairs[:, 1] - pairs[:, 0]
    bias, half = float(off.mean()), 1.96 * float(off.std(ddof=1))
    return bias, bias - half, bias + half, intraclass(pairs)


def intraclass(values: np.ndarray) -> float:
    """ICC(A,1) of (n, k): n people, each measured in k ways."""
    n, k = values.shape
    people, ways = values.mean(axis=1), values.mean(axis=0)
    between = k * people.var(ddof=1)
    of_ways = n * ways.var(ddof=1)
    rest = values - people[:, None] - ways + values.mean()
    error = (rest**2).sum() / ((n - 1) * (k - 1))
    return float((between - error) / (between + (k - 1) * error + k / n * (of_ways - error)))


def publish_agreement(walks: Sequence[Walk], lost: int, weights: str, *, write: bool) -> None:
    """Print how well found and true figures agree, by views; write page and picture."""
    lines = [
        f"| {weights}, {len(walks)} walkers | view | n | true | bias | limits of agreement | ICC |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    kinds = [(name, "said") for name in FIGURES] + [(name, "with_height") for name in LENGTHS]
    for name, kind in kinds:
        for view, there in _views(walks).items():
            pairs = np.array([(w.true[name], getattr(w, kind)[name]) for w in there])
            pairs = pairs[np.isfinite(pairs).all(axis=1)]
            bias, low, high, icc = agreement(pairs)
            what = f"{name.replace('_', ' ')}, {FIGURES[name][1]}" + ", height given" * (
                kind == "with_height"
            )
            digits = 2 if name == "speed" else 1
            row = [f"{pairs[:, 0].mean():.{digits}f} ± {pairs[:, 0].std(ddof=1):.{digits}f}"]
            row += [f"{bias:+.{digits}f}", f"{low:+.{digits}f} to {high:+.{digits}f}", f"{icc:.2f}"]
            lines.append("| " + " | ".join([what, view, str(len(pairs)), *row]) + " |")
    for what in ("strike_s", "off_s"):
        for view, there in _views(walks).items():
            late = 1000 * np.concatenate([getattr(w, what) for w in there])
            middle, half = np.median(late), np.median(np.abs(late))
            low, high = np.quantile(late, (0.025, 0.975))
            name = f"{what[:-2]} too late, ms (median; half are within)"
            row = [name, view, str(len(late)), "", f"{middle:+.0f}; {half:.0f}"]
            lines.append("| " + " | ".join([*row, f"{low:+.0f} to {high:+.0f}", ""]) + " |")
    lines.append(f"| no gait was found | all | {lost} | | | | |")
    print(*lines, sep="\n")
    if write:
        _into_page("agreement", lines)
        draw(walks)


def _views(walks: Sequence[Walk]) -> dict[str, list[Walk]]:
    by_view = {
        view: [w for w in walks if low <= w.sight_deg < high or w.sight_deg == high == 90]
        for view, (low, high) in VIEWS.items()
    }
    return {"all": list(walks), **by_view}


def draw(walks: Sequence[Walk]) -> None:
    """Bland-Altman plots of all figures, points coloured by view."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    panels = [(name, "said") for name in FIGURES] + [("stride_length", "with_height")]
    figure, grid = plt.subplots(3, 4, figsize=(14, 9), layout="constrained")
    grid[-1, -1].set_axis_off()
    views = {view: there for view, there in _views(walks).items() if view != "all"}
    for panel, (name, kind) in zip(grid.flat, panels, strict=False):
        for view, there in views.items():
            true, said = np.array([(w.true[name], getattr(w, kind)[name]) for w in there]).T
            panel.scatter((true + said) / 2, said - true, s=9, label=view)
        bias, low, high, _ = agreement(
            np.array([(w.true[name], getattr(w, kind)[name]) for w in walks])
        )
        for at, style in ((bias, "-"), (low, "--"), (high, "--")):
            panel.axhline(at, color="black", linestyle=style, linewidth=0.8)
        title = name.replace("_", " ") + ", height given" * (kind == "with_height")
        panel.set(title=title, xlabel=f"mean of true and found, {FIGURES[name][1]}")
    for first in grid[:, 0]:
        first.set_ylabel("found minus true")
    grid[0, 0].legend(fontsize=8)
    figure.savefig(PICTURE, dpi=80)


if __name__ == "__main__":
    main()
