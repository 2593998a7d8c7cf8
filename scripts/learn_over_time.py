"""Learn how answers of single frames are wrong over time: makes posegrid/weights/over_time.npz.

    python scripts/learn_over_time.py DATA [DATA ...] --out over_time.npz

DATA: clips of rendered people, made by `posegrid synth DATA --cameras fixed --views 1 --background
masked --masks found ...` (all of it: runs/release.sh). The shipped weights answer for their crops;
they must not have learnt from these people. Two networks learn: the centred one from answers in turns
plain and mirrored, as in `predict`, and the causal one from plain ones, as live. The last people of
each folder judge: by the poses that are given, filtered, without and with the network.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from learn_contact import LEAST_FRAMES, raw_track_of
from torch import Tensor, nn
from torch.nn import functional

import posegrid
from posegrid.body.estimate import Estimate
from posegrid.body.skeleton import BONES, JOINT_NAMES, NUM_JOINTS, mirror_order
from posegrid.body.track import Track
from posegrid.datasets.dataset_facts import load_dataset_facts
from posegrid.datasets.stored_crops import crops_by_shard
from posegrid.errors import PosegridError
from posegrid.files import written
from posegrid.motion.over_time import (
    AHEAD,
    DILATIONS,
    MOST,
    MOST_SURER,
    NUM_ANSWERS,
    NUM_INPUTS,
    REACH,
    Correction,
    Kind,
    OverTimeNetwork,
    RawPoses,
    correction,
    correction_of_last,
    moments_in,
    seen_from_person,
    size_of,
)
from posegrid.motion.refine import refined
from posegrid.motion.refine_settings import RefineSettings
from posegrid.motion.smoothing import PARABOLA_HALF_S, OneEuro, local_parabolas
from posegrid.results.network import SHIPPED, SHIPPED_INT8

SEED, WIDTH, DROPOUT = 16, 192, 0.3
JUDGES = 10
"""One of so many people of a folder does not teach, but judges."""
ROUNDS, BATCH, RATE, DECAY, AVERAGE = 24, 128, 1e-3, 0.05, 0.998
MOMENTS = 36
"""Longer clips are cut, the rest of shorter ones stays as their end and counts, too."""
SPEED_WEIGHT, LIMB_WEIGHT = 2.0, 0.3
"""Of errors from moment to moment, and of the directions of limbs: what joint angles are made of."""
AMPLITUDE_WEIGHT = 0.5
"""Of how far a joint bends to and fro within a stretch: without it motions shrink."""
HINGES = [
    tuple(map(JOINT_NAMES.index, names))
    for side in ("right", "left")
    for names in (
        (f"{side}_hip", f"{side}_knee", f"{side}_knee", f"{side}_ankle"),
        (f"{side}_shoulder", f"{side}_elbow", f"{side}_elbow", f"{side}_wrist"),
        ("thorax", "pelvis", f"{side}_hip", f"{side}_knee"),
    )
]
"""Two limbs each, from joint to joint: the angle between them is compared."""
RADIUS_WEIGHT = 1.0
HELD = 0.705
"""Share of true joints that a radius is to hold of people who teach: of those who judge it then holds
0.68.
"""
NOISE = 0.02
SIDES_ALONE = RefineSettings(over_time=False, filter="none", bones=False, feet=False)
MIRRORED = [3 * joint + axis for joint in mirror_order() for axis in range(3)]
MIRRORED += [51 + 2 * joint + axis for joint in mirror_order() for axis in range(2)]
MIRRORED += [85 + joint for joint in mirror_order()]
SIGNS = [-1.0, 1.0, 1.0] * NUM_JOINTS + [-1.0, 1.0] * NUM_JOINTS + [1.0] * NUM_JOINTS


@dataclass(frozen=True, eq=False)
class Answered:
    """One person's clip: what single frames say of it, and the truth."""

    track: Track
    """Raw, but for left and right."""
    true_cam_mm: np.ndarray
    """(T, 17, 3) relative to the pelvis."""

    def filtered_mm(self, kind: Kind) -> np.ndarray:
        """The poses as `predict` filters them, or those of live pictures."""
        joints_mm, time_s = self.track.joints_mm.astype(np.float64), self.track.time_s
        if kind == "centred":
            return local_parabolas(joints_mm, time_s, PARABOLA_HALF_S)
        one_euro = OneEuro()
        return np.stack([one_euro.step(p, t) for p, t in zip(joints_mm, time_s, strict=True)])


def main() -> None:
    """Read, learn, judge, write."""
    parser = argparse.ArgumentParser(description="Learn to correct poses over time.")
    parser.add_argument("data", type=Path, nargs="+", help="made by posegrid synth --cameras fixed")
    parser.add_argument("--out", type=Path, required=True, help="takes the network (.npz)")
    asked = parser.parse_args()
    people = [clip for folder in asked.data for clip in answered_in(folder)]
    networks = {kind: learnt(kind, people) for kind in AHEAD}
    write(networks, asked.out)


# --- clips


@dataclass(frozen=True, eq=False)
class Person:
    """One person's clip, as it is given to the networks."""

    of: str
    """Name of the folder."""
    judges: bool
    """Not learnt from."""
    centred: tuple[Answered, ...]
    """With the odd, then with the even frames mirrored."""
    causal: tuple[Answered, ...]
    """All plain."""


def answered_in(folder: Path) -> Iterator[Person]:
    """Every clip of a data set with what the shipped weights say."""
    facts, model = load_dataset_facts(folder), posegrid.load().network
    if facts.settings.get("cameras") != "fixed":
        raise SystemExit(f"{folder}: expected clips of posegrid synth --cameras fixed.")
    learners = sorted(facts.splits["train"])
    judges = set(learners[-(len(learners) // JUDGES) :])
    for number, crops in enumerate(crops_by_shard(folder), start=1):
        if len(crops) >= LEAST_FRAMES:
            every, odd = np.ones(len(crops), bool), np.arange(len(crops)) % 2 == 1
            plain, mirrored = model.estimate(crops.inputs), model.estimate(crops.inputs, every)
            turns = (raw_track_of(crops, model, mixed(plain, mirrored, m)) for m in (odd, ~odd))
            yield Person(
                folder.name,
                str(crops.subject[0]) in judges,
                tuple(Answered(refined(t, SIDES_ALONE), crops.pose_cam_mm) for t in turns),
                (Answered(raw_track_of(crops, model, plain), crops.pose_cam_mm),),
            )
        if number % 100 == 0:
            print(f"{folder}: {number} clips", flush=True)


def mixed(first: Estimate, second: Estimate, where: np.ndarray) -> Estimate:
    """The second answer where it is asked for."""
    pairs = ((getattr(first, f.name), getattr(second, f.name)) for f in fields(first))
    return Estimate(*(np.where(where.reshape(-1, *[1] * (a.ndim - 1)), b, a) for a, b in pairs))


# --- learning


@dataclass(frozen=True, eq=False)
class Windows:
    """N stretches of clips at MOMENTS moments: what is shown, poses, and by how much these are off."""

    shown: Tensor
    poses: Tensor
    off: Tensor

    @classmethod
    def of(cls, kind: Kind, clips: Sequence[Answered]) -> "Windows":
        """Of all clips. What is off is that of filtered poses; for the causal one, of raw ones."""
        parts: list[tuple[np.ndarray, ...]] = []
        for clip in clips:
            rows = moments_in(clip.track.time_s)
            raw = RawPoses.of(clip.track, rows)
            size_mm = size_of(raw)
            seen, turns = seen_from_person(raw, size_mm)
            said_mm = clip.filtered_mm(kind) if kind == "centred" else clip.track.joints_mm
            both_mm = (said_mm[rows], (clip.true_cam_mm - said_mm)[rows])
            poses, off = (
                np.einsum("nij,nkj->nki", turns, mm).reshape(len(rows), -1) / size_mm
                for mm in both_mm
            )
            for start in range(0, max(1, len(rows) - MOMENTS // 2), MOMENTS):
                parts.append(tuple(_cut(values[start:]) for values in (seen, poses, off)))
        return cls(*(torch.from_numpy(np.stack(v)).float() for v in zip(*parts, strict=True)))


def _cut(values: np.ndarray) -> np.ndarray:
    """The first MOMENTS; the last of fewer stays."""
    return np.pad(values[:MOMENTS], ((0, max(0, MOMENTS - len(values))), (0, 0)), mode="edge")


class Learner(nn.Module):
    """`OverTimeNetwork` with normalisation and dropout, to learn with."""

    def __init__(self, ahead: int) -> None:
        super().__init__()
        self.edges = (2 * REACH - ahead, ahead)
        taps = [3] + [3, 1] * (len(DILATIONS) - 1)
        steps = [DILATIONS[0]] + [d for dilation in DILATIONS[1:] for d in (dilation, 1)]
        inputs = [NUM_INPUTS] + [WIDTH] * (len(taps) - 1)
        self.layers = nn.ModuleList(
            nn.Conv1d(count, WIDTH, tap, dilation=step, bias=False)
            for count, tap, step in zip(inputs, taps, steps, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(WIDTH) for _ in taps)
        self.last, self.dropout = nn.Conv1d(WIDTH, NUM_ANSWERS, 1), nn.Dropout(DROPOUT)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, shown: Tensor) -> Tensor:
        """(n, moments, inputs) > (n, moments, answers)."""
        padded = functional.pad(shown.transpose(1, 2), self.edges, mode="replicate")
        values = self._layer(0, padded)
        for number, dilation in enumerate(DILATIONS[1:]):
            within = self._layer(2 + 2 * number, self._layer(1 + 2 * number, values))
            values = values[..., dilation:-dilation] + within
        return self.last(values).transpose(1, 2)

    def _layer(self, number: int, values: Tensor) -> Tensor:
        return self.dropout(functional.relu(self.norms[number](self.layers[number](values))))


def learnt(kind: Kind, people: Sequence[Person]) -> OverTimeNetwork:
    """The network after all rounds; prints how it does on people who judge."""
    torch.manual_seed(SEED)
    clips = [clip for person in people if not person.judges for clip in getattr(person, kind)]
    windows, learner = Windows.of(kind, clips), Learner(AHEAD[kind])
    flat = windows.shown.reshape(-1, NUM_INPUTS)
    mean, spread = flat.mean(dim=0), flat.std(dim=0) + 1e-3
    optimiser = torch.optim.AdamW(learner.parameters(), RATE, weight_decay=DECAY)
    steps = len(windows.shown) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=ROUNDS * steps + 1)
    average = torch.optim.swa_utils.AveragedModel(learner, avg_fn=_averaged, use_buffers=True)
    print(f"{kind}: {len(clips)} clips, {len(windows.shown)} stretches", flush=True)
    order, signs = torch.tensor(MIRRORED), torch.tensor(SIGNS)
    for number in range(1, ROUNDS + 1):
        learner.train()
        for rows in torch.randperm(len(windows.shown))[: steps * BATCH].split(BATCH):
            turned = (torch.rand(len(rows), 1, 1) < 0.5).float()
            shown, poses, off = (
                turned * values[rows][..., order[: values.shape[-1]]] * signs[: values.shape[-1]]
                + (1 - turned) * values[rows]
                for values in (windows.shown, windows.poses, windows.off)
            )
            radii = shown[..., -NUM_JOINTS:]
            shown = ((shown - mean) / spread).clamp(-MOST, MOST)
            answers = learner(shown + NOISE * torch.randn_like(shown))
            said, surer = answers.split([3 * NUM_JOINTS, NUM_JOINTS], dim=-1)
            left = said - off
            loss = _lengths(left) + SPEED_WEIGHT * _lengths(left.diff(dim=1))
            loss += LIMB_WEIGHT * (_limbs(poses + said) - _limbs(poses + off)).norm(dim=-1).mean()
            bends = (_bends(values).std(dim=1) for values in (poses + said, poses + off))
            loss += AMPLITUDE_WEIGHT * torch.sub(*bends).abs().mean()
            loss += RADIUS_WEIGHT * _not_held(left.detach(), radii * _times(surer))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            average.update_parameters(learner)
        if number % 10 == 0 or number == ROUNDS:
            network = folded(average.module, mean, spread, AHEAD[kind])
            print(f"round {number}: {judged(kind, network, people)}", flush=True)
    return network


def _averaged(before: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
    """The moving average of weights: of few steps all of them count."""
    return before + (now - before) * max(1 - AVERAGE, 10 / (int(count) + 10))


def _lengths(offsets: Tensor) -> Tensor:
    """Mean length of the vectors."""
    return offsets.unflatten(-1, (NUM_JOINTS, 3)).norm(dim=-1).mean()


def _times(surer: Tensor) -> Tensor:
    """What radii are multiplied by."""
    return surer.clamp(-MOST_SURER, MOST_SURER).exp()


def _not_held(offsets: Tensor, radii: Tensor) -> Tensor:
    """The quantile loss (Koenker & Bassett 1978): least where a radius holds HELD of the joints."""
    beyond = (offsets.unflatten(-1, (NUM_JOINTS, 3)).norm(dim=-1) - radii)[..., 1:]
    return torch.maximum(HELD * beyond, (HELD - 1) * beyond).mean()


def _limbs(poses: Tensor) -> Tensor:
    """The directions of limbs."""
    joints = poses.unflatten(-1, (NUM_JOINTS, 3))
    parents, children = (list(ends) for ends in zip(*BONES, strict=True))
    along = joints[..., children, :] - joints[..., parents, :]
    return functional.normalize(along, dim=-1)


def _bends(poses: Tensor) -> Tensor:
    """How far HINGES are bent, radians."""
    joints = poses.unflatten(-1, (NUM_JOINTS, 3))
    from_, to, from_2, to_2 = (list(ends) for ends in zip(*HINGES, strict=True))
    one = functional.normalize(joints[..., to, :] - joints[..., from_, :], dim=-1)
    other = functional.normalize(joints[..., to_2, :] - joints[..., from_2, :], dim=-1)
    across = torch.linalg.cross(one, other)
    return torch.atan2((across.square().sum(dim=-1) + 1e-6).sqrt(), (one * other).sum(dim=-1))


def folded(learner: nn.Module, mean: Tensor, spread: Tensor, ahead: int) -> OverTimeNetwork:
    """With each normalisation taken into the layer before it, in 16 bits."""
    assert isinstance(learner, Learner)
    layers, biases = [], []
    for layer, norm in zip(learner.layers, learner.norms, strict=True):
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        layers.append(layer.weight * gain[:, None, None])
        biases.append(norm.bias - norm.running_mean * gain)
    layers.append(learner.last.weight)
    biases.append(learner.last.bias)

    def stored(values: Tensor) -> np.ndarray:
        return values.detach().half().numpy().astype(np.float64)

    return OverTimeNetwork(
        (SHIPPED, f"{SHIPPED_INT8}.onnx"),
        stored(mean),
        stored(spread),
        tuple(stored(layer.permute(2, 1, 0)) for layer in layers),
        tuple(stored(bias) for bias in biases),
        ahead,
    )


def judged(kind: Kind, network: OverTimeNetwork, people: Sequence[Person]) -> str:
    """MPJPE of filtered poses and the shares of joints within once and twice their radius, without
    > with the network, for each data set.
    """
    figures: dict[str, list[list[tuple[float, ...]]]] = {}
    for person in people:
        if person.judges:
            clip: Answered = getattr(person, kind)[0]
            better = replace(clip, track=better_track(clip.track, network))
            figures.setdefault(person.of, []).append([_judged(kind, c) for c in (clip, better)])
    said = []
    for name, pairs in figures.items():
        (before, *held), (after, *held_then) = np.mean(pairs, axis=0)
        shares = (f"{one:.1%} and {two:.1%}" for one, two in (held, held_then))
        said.append(
            f"{name} {before:.1f} > {after:.1f} mm ({len(pairs)} clips; {' > '.join(shares)})"
        )
    return ", ".join(said)


def _judged(kind: Kind, clip: Answered) -> tuple[float, ...]:
    """MPJPE, and the shares of joints but the root within once and twice their radius."""
    off_mm = np.linalg.norm(clip.filtered_mm(kind) - clip.true_cam_mm, axis=-1)
    beyond = off_mm[:, 1:] / clip.track.sigma_mm[:, 1:]
    return float(off_mm.mean()), float((beyond <= 1).mean()), float((beyond <= 2).mean())


def better_track(track: Track, network: OverTimeNetwork) -> Track:
    """As `predict` does it, or live, frame after frame."""
    raw = RawPoses.of(track, np.arange(len(track)))
    if network.ahead:
        changes: list[Correction] = [correction(raw, network)]
    else:
        so_far = (raw[np.arange(end)] for end in range(1, len(track) + 1))
        changes = [correction_of_last(before, network) for before in so_far]
    missing_mm = np.concatenate([change.missing_mm for change in changes])
    times = np.concatenate([change.sigma_times for change in changes])
    return replace(track, joints_mm=track.joints_mm + missing_mm, sigma_mm=track.sigma_mm * times)


def write(networks: Mapping[Kind, OverTimeNetwork], out: Path) -> None:
    """As `posegrid/motion/over_time.py` reads them, in 16 bits."""
    arrays: dict[str, np.ndarray] = {}
    for kind, network in networks.items():
        arrays |= {f"{kind}_mean": network.mean, f"{kind}_spread": network.spread}
        for number, (layer, bias) in enumerate(zip(network.layers, network.biases, strict=True)):
            arrays |= {f"{kind}_layer{number}": layer, f"{kind}_bias{number}": bias}
    halves = {name: values.astype(np.float16) for name, values in arrays.items()}
    names = np.array(networks["centred"].weights_of)
    with written(out, "choose another place") as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, weights_of=names, **halves)


if __name__ == "__main__":
    try:
        main()
    except PosegridError as error:
        raise SystemExit(str(error)) from None
