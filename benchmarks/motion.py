"""What refining does to motions of rendered walks with truth, and how far off their gait figures
are.

    python benchmarks/motion.py [TREE]       about 10 minutes; without a tree, one is rendered: S9
    and S11, two walks each, four cameras, 400 frames at 50 per second, 600 x 600 pixels, seed 77

TREE: what `posegrid synth TREE --layout human36m` wrote. Each video goes through `predict` with the
shipped weights and the true intrinsics; beside it stand the true joints with noise like a network's
(`NOISE_MM`, half of it lasting 0.2 s). Poses are relative to the pelvis; a foot is in contact where
`contact.standing` says so of the refined motion, and, for "true contact", where the true ankle is
slower than 0.3 m/s. Gait figures are compared with those of the true joints.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from posegrid.body.metrics import mpjpe_mm
from posegrid.body.skeleton import bone_lengths
from posegrid.datasets.human36m.layout import VIDEOS
from posegrid.datasets.human36m.release_sequences import Human36m
from posegrid.datasets.sequence import Sequence
from posegrid.datasets.synth import synth
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.motion.contact import standing
from posegrid.motion.feet import ANKLES, slip_mm
from posegrid.motion.gait import Gait, gait_of
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.world import WorldMotion
from posegrid.results.inputs import Given
from posegrid.results.pose_model import load
from posegrid.results.predict_settings import PoseSettings

SEED, NOISE_MM, LASTING_S = 77, 30.0, 0.2
BARS = {"cadence": 2.0, "stride_length": 5.0}
"""Wanted: errors within so many per cent; events within one frame at 30 Hz (median)."""


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(sys.argv[1]) if len(sys.argv) > 1 else rendered(Path(temporary) / "walks")
        model = load()
        cases: dict[str, list[tuple[Sequence, MotionTrack]]] = {
            "predicted": [],
            "truth with noise": [],
        }
        source = Human36m(root)
        for number, files in enumerate(source.find()):
            sequence = source.open(files)
            video, given = files.required(VIDEOS), Given(camera=sequence.camera)
            track = model.watch(video, given, PoseSettings()).chosen("largest")[0]
            print(f"{sequence.name}: {track.found.mean():.0%} of {len(track)} frames", flush=True)
            cases["predicted"].append((sequence, track))
            cases["truth with noise"].append((sequence, noisy(track, sequence, number)))
        for name, tracks in cases.items():
            report(name, tracks)


def rendered(folder: Path) -> Path:
    synth(
        SynthSettings(
            folder,
            layout="human36m",
            subjects=("S9", "S11"),
            frames=400,
            picture_size=600,
            seed=SEED,
            workers=1,
        )
    )
    return folder


def noisy(track: MotionTrack, sequence: Sequence, number: int) -> MotionTrack:
    """The truth in the place of the estimate, with noise that changes from frame to frame and noise
    that lasts.
    """
    rng = np.random.default_rng([SEED, number])
    truth = sequence.pose_cam_mm.astype(np.float64)
    axis_mm = NOISE_MM / np.sqrt(3) / np.sqrt(2)
    quick, raw = (rng.normal(0, axis_mm, truth.shape) for _ in range(2))
    kernel = np.hanning(2 * round(LASTING_S * sequence.fps) + 1)
    kernel /= np.sqrt((kernel**2).sum())
    slow = np.apply_along_axis(np.convolve, 0, raw, kernel, "same")
    joints = truth - truth[:, :1] + quick + slow
    keypoints = sequence.keypoints_px + rng.normal(0, 2.5, sequence.keypoints_px.shape)
    return replace(
        track,
        joints_mm=(joints - joints[:, :1]).astype(np.float32),
        root_mm=(truth[:, 0] + rng.normal(0, [10, 10, 80], (len(truth), 3))).astype(np.float32),
        keypoints_px=keypoints.astype(np.float32),
        feet_mm=np.full_like(track.feet_mm, np.nan),
    )


def report(name: str, cases: list[tuple[Sequence, MotionTrack]]) -> None:
    """Print one kind's figures: of the motion, then of the gait."""
    refined = [track.refined() for _, track in cases]
    pairs = list(zip(cases, refined, strict=True))
    raw = np.array([motion_figures(sequence, track, smooth) for (sequence, track), smooth in pairs])
    after = np.array([motion_figures(sequence, smooth, smooth) for (sequence, _), smooth in pairs])
    print(
        f"\n{name}: {len(cases)} videos, {sum(len(track) for _, track in cases)} frames; means over videos"
    )
    print(f"{'':34s}{'raw':>9s}{'refined':>9s}{'ratio':>7s}")
    for what, before, later in zip(FIGURES, raw.mean(axis=0), after.mean(axis=0), strict=True):
        print(f"{what:34s}{before:9.2f}{later:9.2f}{later / before:7.2f}")
    worse = int((after[:, 0] > raw[:, 0]).sum())
    print(f"videos whose MPJPE is worse after refining: {worse} of {len(cases)}")
    gait_report([(sequence, smooth) for (sequence, _), smooth in pairs])


FIGURES = (
    "MPJPE, mm",
    "MPJVE, mm/frame",
    "limb length std, % (mean)",
    "limb length std, % (worst limb)",
    "foot slip in contact, mm/frame",
    "foot slip in true contact, mm/frame",
    "pelvis error, % of distance",
)


def motion_figures(sequence: Sequence, track: MotionTrack, refined: MotionTrack) -> list[float]:
    rows = track.found
    truth = sequence.pose_cam_mm[rows].astype(np.float64)
    estimate, root = (
        track.joints_mm[rows].astype(np.float64),
        track.root_mm[rows].astype(np.float64),
    )
    relative = truth - truth[:, :1]
    lengths = bone_lengths(estimate)
    spread = 100 * lengths.std(axis=0) / lengths.mean(axis=0)
    still = standing(
        (refined.joints_mm + refined.root_mm[:, None])[rows].astype(np.float64), track.time_s[rows]
    )
    speed = np.linalg.norm(np.gradient(truth[:, ANKLES], track.time_s[rows], axis=0), axis=-1)
    place = np.linalg.norm(root - truth[:, 0], axis=1) / np.linalg.norm(truth[:, 0], axis=1)
    steps = np.diff(estimate - relative, axis=0)
    return [
        mpjpe_mm(estimate, relative),
        float(np.linalg.norm(steps, axis=-1).mean()),
        float(spread.mean()),
        float(spread.max()),
        slip_mm(estimate + root[:, None], still),
        slip_mm(estimate + root[:, None], speed < 300),
        100 * float(place.mean()),
    ]


def gait_report(cases: list[tuple[Sequence, MotionTrack]]) -> None:
    """Print how far the gait figures of refined motions are from those of the truth."""
    errors: dict[str, list[float]] = {}
    frames: list[float] = []
    for sequence, track in cases:
        camera = sequence.camera
        world = camera.camera_to_world(sequence.pose_cam_mm.astype(np.float64))
        motion = WorldMotion(
            track.time_s,
            world - camera.centre_world_mm * [1, 1, 0],
            np.full(track.feet_mm.shape, np.nan),
            track.sigma_mm,
            camera.rot_world_to_cam.T,
            float(camera.centre_world_mm[2]),
            track.frame,
            track.fps,
            sequence.name,
        )
        true = gait_of(motion, scale_known=True, source=sequence.name)
        found = track.gait()
        frames.append(30 * float(np.median(event_errors_s(true, found))))
        for name, quantity in true.quantities.items():
            off = found.quantities[name].value - quantity.value
            errors.setdefault(name, []).append(
                100 * off / quantity.value if name in (*BARS, "speed") else off
            )
        errors.setdefault("strides", []).append(len(found.strides) - len(true.strides))
    near = sum(f <= 1 for f in frames)
    print(
        f"events: median of the videos' medians {np.median(frames):.2f} frames at 30 Hz, worst video {max(frames):.2f}"
    )
    print(f"events within 1 frame (median) in {near} of {len(frames)} videos")
    for name, bar in BARS.items():
        off = np.abs(errors[name])
        within = f"within {bar:g} % in {(off <= bar).sum()} of {len(off)}"
        print(f"{name} {within}; mean {off.mean():.2f}, worst {off.max():.2f} %")
    print(f"{'gait figure':26s}{'mean error':>11s}{'mean |error|':>13s}")
    for name, values in errors.items():
        unit = "%" if name in (*BARS, "speed") else ""
        print(f"{name:26s}{np.nanmean(values):11.3f}{np.nanmean(np.abs(values)):13.3f} {unit}")


def event_errors_s(true: Gait, found: Gait) -> np.ndarray:
    """How far the nearest found event is from each true one, seconds."""
    errors: list[float] = []
    for side in ("right", "left"):
        for kind in ("strike_s", "off_s"):
            near = getattr(found.events[side], kind)
            errors += [
                float(np.abs(near - time_s).min()) for time_s in getattr(true.events[side], kind)
            ]
    return np.array(errors)


if __name__ == "__main__":
    main()
