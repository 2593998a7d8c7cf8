"""Learn which feet touch the floor: makes posegrid/weights/contact.npz.

    python scripts/learn_contact.py DATA [DATA ...] --out contact.npz

DATA: clips of rendered walkers, made by `posegrid synth DATA --cameras fixed --views 1 --background
masked --masks found ...` (all of it: runs/release.sh). The shipped weights answer for their crops,
in turns plain and mirrored as in `predict`; the answers are refined but for the feet. The truth is
that of the motion, which is made again from what the data set says of itself. Validation people
judge.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import posegrid
from posegrid.body.camera import Camera
from posegrid.body.estimate import Estimate
from posegrid.body.track import Track
from posegrid.datasets.dataset_facts import load_dataset_facts
from posegrid.datasets.stored_crops import Crops, read_crops
from posegrid.datasets.synth_plan import CropJob, captures_of, crop_jobs
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.errors import PosegridError
from posegrid.files import written
from posegrid.motion.contact import NUM_INPUTS, seen_by_feet
from posegrid.motion.refine import refined
from posegrid.motion.refine_settings import RefineSettings
from posegrid.motion.smoothing import known, runs
from posegrid.results.estimator import placed
from posegrid.results.network import OnnxModel
from posegrid.walkers.clip import film
from posegrid.walkers.motion.captured import RecordedWalk

SEED, HIDDEN, ROUNDS, BATCH, RATE = 16, (128, 48), 5, 512, 2e-3
DROPOUT, NOISE, DECAY = 0.3, 0.05, 0.02
PACES = (0.8, 1.0, 1.25)
"""Clips count as if they were so many times as fast, too."""
STOPS, STOP_S = 3, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""So many frames of each motion last, over these moments."""
LEAST_FRAMES = 10


@dataclass(frozen=True, eq=False)
class Motion:
    """Joints in a frame at rest (T, 17, 3), mm, and their times."""

    joints_mm: np.ndarray
    time_s: np.ndarray


@dataclass(frozen=True, eq=False)
class ClipMotions:
    """One person's motion, as found and as it is."""

    found: tuple[Motion, Motion]
    """With the even frames mirrored, with the odd ones."""
    true: Motion
    touches: np.ndarray
    """(T, 2): whether the right and the left foot touch the floor."""


@dataclass(frozen=True, eq=False)
class Feet:
    """What the network is shown of N feet, and whether each touches the floor."""

    seen: np.ndarray
    true: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence["Feet"]) -> "Feet":
        """All parts, one after another."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


def main() -> None:
    """Read, learn, judge, write."""
    parser = argparse.ArgumentParser(description="Learn when feet touch the floor.")
    parser.add_argument("data", type=Path, nargs="+", help="made by posegrid synth --cameras fixed")
    parser.add_argument("--out", type=Path, required=True, help="takes the network (.npz)")
    asked = parser.parse_args()
    clips: dict[str, list[ClipMotions]] = {"train": [], "validation": [], "test": []}
    for folder in asked.data:
        for split, clip in clips_of(folder):
            clips[split].append(clip)
    rng, judges = np.random.default_rng(SEED), clips["validation"]
    training = Feet.joined([feet for clip in clips["train"] for feet in learnt_from(clip, rng)])
    judged = {
        "as found": Feet.joined([shown(clip.found[0], clip.touches) for clip in judges]),
        "true joints": Feet.joined([shown(clip.true, clip.touches) for clip in judges]),
    }
    write(learnt(training, judged), training, asked.out)


# --- clips


def clips_of(folder: Path) -> Iterator[tuple[str, ClipMotions]]:
    """Split and motions of every clip of a data set."""
    settings, facts, model = (
        settings_of(folder),
        load_dataset_facts(folder),
        posegrid.load().network,
    )
    if settings.cameras != "fixed" or settings.views != 1:
        raise SystemExit(f"{folder}: expected clips of posegrid synth --cameras fixed --views 1.")
    jobs = jobs_of(settings)
    split_of = {name: split for split, names in facts.splits.items() for name in names}
    for number, job in enumerate(jobs, start=1):
        crops = read_crops(folder, [job.clip.subject])
        # other captured motions do not say when feet touch
        if len(crops) >= LEAST_FRAMES and isinstance(job.clip.recorded, RecordedWalk | None):
            yield split_of[job.clip.subject], clip_of(job, crops, model)
        if number % 50 == 0 or number == len(jobs):
            print(f"{folder}: {number} of {len(jobs)} clips", flush=True)


def jobs_of(settings: SynthSettings) -> list[CropJob]:
    """The shards that are there: one a clip."""
    return [job for job in crop_jobs(settings, captures_of(settings)) if job.path.exists()]


def settings_of(folder: Path) -> SynthSettings:
    """The settings that a data set was made with."""
    facts = load_dataset_facts(folder)
    said = dict(facts.settings)
    for name, value in said.items():
        if name in ("motion", "poses", "backgrounds"):
            said[name] = Path(value) if value else None
        elif isinstance(value, list):
            said[name] = tuple(value)
    counts = {split: len(names) for split, names in facts.splits.items()}
    return SynthSettings(
        folder,
        people=counts["train"],
        validation_people=counts["validation"],
        test_people=counts["test"],
        **said,
    )


def clip_of(job: CropJob, crops: Crops, model: OnnxModel) -> ClipMotions:
    """The motions of one person's crops, all of one camera at rest."""
    rows = crops.frame_index - job.first_frame_index
    even = (rows // job.crops.every_nth_frame) % 2 == 0
    absolute_mm = (crops.pose_cam_mm + crops.root_cam_mm[:, None]).astype(np.float64)
    return ClipMotions(
        (found_in(crops, model, even), found_in(crops, model, ~even)),
        Motion(absolute_mm, crops.time_s),
        film(job.clip).motion.contacts[rows][:, ::-1],
    )


def found_in(crops: Crops, model: OnnxModel, mirrored: np.ndarray) -> Motion:
    """What `predict` would say of the crops, refined but for the feet."""
    raw = raw_track_of(crops, model, model.estimate(crops.inputs, mirrored))
    track = refined(raw, RefineSettings(over_time=False, feet=False))
    return Motion((track.joints_mm + track.root_mm[:, None]).astype(np.float64), track.time_s)


def raw_track_of(crops: Crops, model: OnnxModel, said: Estimate) -> Track:
    """What the weights say of one person's crops, before the camera."""
    camera, window = camera_of(crops), crops.window.astype(np.float64)
    box_xyxy = np.concatenate([window[:, :2], window[:, :2] + window[:, 2:]], axis=1)
    there = placed(said, window, box_xyxy, camera, model.facts)
    return Track(
        frame=crops.frame_index.astype(np.int64),
        time_s=crops.time_s,
        joints_mm=there.joints_mm,
        root_mm=there.root_mm,
        keypoints_px=there.keypoints_px,
        feet_mm=there.feet_mm,
        sigma_mm=said.sigma_mm,
        box_xyxy=box_xyxy,
        confidence=np.ones(len(crops)),
        camera=camera,
        fps=1 / float(np.median(np.diff(crops.time_s))),
        weights=model.name,
        source=str(crops.subject[0]),
        raw=True,
    )


def camera_of(crops: Crops) -> Camera:
    """The camera of the whole pictures, as a crop knows it: without distortion."""
    (x0, y0, side), (fx, fy, cx, cy) = crops.window[0].astype(float), crops.crop_camera[0]
    scale, size_px = side / crops.images.shape[-1], int(np.ceil(crops.window.max() * 2))
    principal_px = (float(cx * scale + x0), float(cy * scale + y0))
    return Camera((float(fx * scale), float(fy * scale)), principal_px, (size_px, size_px))


# --- what feet are seen to do


def learnt_from(clip: ClipMotions, rng: np.random.Generator) -> list[Feet]:
    """What is found and what is true, at all paces and stopped."""
    feet = []
    for motion in (*clip.found, clip.true):
        feet += [shown(motion, clip.touches, pace) for pace in PACES]
        feet += stopped(motion, clip.touches, rng)
    return feet


def shown(motion: Motion, touches: np.ndarray, pace: float = 1.0) -> Feet:
    """What the network is shown of the stretches without gaps, and the truth."""
    seen, true = [np.zeros((0, 2, NUM_INPUTS), np.float16)], [np.zeros((0, 2), np.float32)]
    for rows in runs(known(motion.joints_mm), motion.time_s):
        said = seen_by_feet(motion.joints_mm[rows], motion.time_s[rows], pace=pace)
        seen.append(said.astype(np.float16))
        true.append(touches[rows].astype(np.float32))
    return Feet(np.concatenate(seen).reshape(-1, NUM_INPUTS), np.concatenate(true).reshape(-1))


def stopped(motion: Motion, touches: np.ndarray, rng: np.random.Generator) -> list[Feet]:
    """People who stay as they are in some of the frames."""
    rows = np.flatnonzero(known(motion.joints_mm))
    moments_s, feet = np.array(STOP_S), []
    for row in rng.choice(rows, min(STOPS, len(rows)), replace=False):
        still_mm = np.repeat(motion.joints_mm[[row]], len(STOP_S), axis=0)
        feet.append(shown(Motion(still_mm, moments_s), touches[[row] * len(STOP_S)]))
    return feet


# --- learning


def learnt(training: Feet, judged: Mapping[str, Feet]) -> nn.Sequential:
    """The network after all rounds; prints how it does on validation people."""
    torch.manual_seed(SEED)
    mean, spread = scale_of(training)
    layers: list[nn.Module] = []
    for before, after in pairwise((NUM_INPUTS, *HIDDEN)):
        layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(DROPOUT)]
    network = nn.Sequential(*layers, nn.Linear(HIDDEN[-1], 1))
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    steps = len(training.seen) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=ROUNDS * steps + 1)

    def inputs(feet: Feet, rows: np.ndarray | slice) -> torch.Tensor:
        return torch.from_numpy((feet.seen[rows] - mean) / spread)

    for number in range(1, ROUNDS + 1):
        network.train()
        order = np.random.default_rng([SEED, number]).permutation(len(training.seen))
        for step in range(steps):
            rows = np.sort(order[step * BATCH : (step + 1) * BATCH])
            shaken = inputs(training, rows)
            shaken = shaken + NOISE * torch.randn_like(shaken)
            true = torch.from_numpy(training.true[rows])
            loss = functional.binary_cross_entropy_with_logits(network(shaken)[:, 0], true)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        network.eval()
        with torch.no_grad():
            for name, feet in judged.items():
                said = network(inputs(feet, slice(None))).numpy()[:, 0] > 0
                right = (said == (feet.true > 0.5)).mean()
                print(f"round {number}, {name}: {right:.1%} right", flush=True)
    return network


def scale_of(training: Feet) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of what is shown."""
    values = training.seen[:: max(1, len(training.seen) // 200_000)].astype(np.float32)
    return values.mean(axis=0), values.std(axis=0) + np.float32(0.02)


def write(network: nn.Sequential, training: Feet, out: Path) -> None:
    """As `posegrid/motion/contact.py` reads it, in 16 bits."""
    mean, spread = scale_of(training)
    arrays = {"mean": mean, "spread": spread}
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    for number, layer in enumerate(linear):
        arrays[f"weight{number}"] = layer.weight.detach().numpy()
        arrays[f"bias{number}"] = layer.bias.detach().numpy()
    with written(out, "choose another place") as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **{n: v.astype(np.float16) for n, v in arrays.items()})


if __name__ == "__main__":
    try:
        main()
    except PosegridError as error:
        raise SystemExit(str(error)) from None
