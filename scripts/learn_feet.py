"""Learn where heels and toes are: makes posegrid/weights/posegrid-m-feet.safetensors.

    python scripts/learn_feet.py DATA [DATA ...] --weights posegrid-m --out feet.safetensors

DATA: crops of rendered walkers with masks, by any cameras. The weights stay as they are; a small
head learns from the last features that they have of each crop, plain and mirrored without background
as in `predict`. The truth is that of the soles of the rendered bodies. Validation people judge.
Afterwards: `posegrid export WEIGHTS --feet feet.safetensors`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from learn_contact import jobs_of, settings_of
from scipy.spatial.transform import Rotation
from torch import Tensor, nn

from posegrid.body.skeleton import FEET_PARENTS, mirrored, mirrored_feet, relative_to_root
from posegrid.datasets.dataset_facts import load_dataset_facts
from posegrid.datasets.stored_crops import Crops, read_crops
from posegrid.datasets.synth_plan import CropJob
from posegrid.errors import PosegridError
from posegrid.learning.checkpoint import Checkpoint, load_checkpoint
from posegrid.learning.feet_head import FeetHead, save_feet_head
from posegrid.learning.model_facts import shown_crops
from posegrid.results.network import without_background
from posegrid.walkers.clip import film
from posegrid.walkers.motion.foot_contact import foot_points_mm

SEED, ROUNDS, BATCH, RATE, DECAY = 16, 6, 256, 2e-3, 1e-3


@dataclass(frozen=True, eq=False)
class Seen:
    """Of N looks at crops: features, and the true points against the true ankles, mm."""

    features: Tensor
    off_mm: Tensor

    @classmethod
    def joined(cls, parts: list["Seen"]) -> "Seen":
        """All parts, one after another."""
        return cls(*(torch.cat([getattr(p, n) for p in parts]) for n in ("features", "off_mm")))


def main() -> None:
    """Read, learn, judge, write."""
    parser = argparse.ArgumentParser(description="Learn where heels and toes are.")
    parser.add_argument("data", type=Path, nargs="+", help="made by posegrid synth")
    parser.add_argument(
        "--weights", type=Path, required=True, help="of posegrid train, or posegrid-m"
    )
    parser.add_argument("--out", type=Path, required=True, help="takes the head (.safetensors)")
    asked = parser.parse_args()
    weights = load_checkpoint(asked.weights)
    weights.network.backbone.eval()
    seen: dict[str, list[Seen]] = {"train": [], "validation": [], "test": []}
    for folder in asked.data:
        for split, looks in seen_in(folder, weights):
            seen[split].append(looks)
    head = learnt(Seen.joined(seen["train"]), Seen.joined(seen["validation"]))
    save_feet_head(asked.out, head, weights.network.backbone)


def seen_in(folder: Path, weights: Checkpoint) -> Iterator[tuple[str, Seen]]:
    """Split and looks of every clip of a data set."""
    facts, jobs = load_dataset_facts(folder), jobs_of(settings_of(folder))
    split_of = {name: split for split, names in facts.splits.items() for name in names}
    for number, job in enumerate(jobs, start=1):
        crops = read_crops(folder, [job.clip.subject])
        if len(crops):
            yield split_of[job.clip.subject], looks_of(crops, true_feet_mm(job, crops), weights)
        if number % 50 == 0 or number == len(jobs):
            print(f"{folder}: {number} of {len(jobs)} clips", flush=True)


def true_feet_mm(job: CropJob, crops: Crops) -> np.ndarray:
    """(N, 4, 3) relative to the pelvis, axes of the source camera: `FEET_NAMES`."""
    clip = film(job.clip)
    soles_world_mm = foot_points_mm(clip.person.body, clip.motion)  # left, right; heel, ball, toe
    feet_mm = []
    for row, pose_cam_mm in zip(
        crops.frame_index - job.first_frame_index, crops.pose_cam_mm, strict=True
    ):
        pose_world_mm = clip.pose_world_mm(int(row))
        turn = Rotation.align_vectors(pose_cam_mm, relative_to_root(pose_world_mm))[0]
        soles_mm = soles_world_mm[row][::-1, [0, 2]].reshape(4, 3) - pose_world_mm[0]
        feet_mm.append(turn.apply(soles_mm))
    return np.stack(feet_mm)


def looks_of(crops: Crops, feet_cam_mm: np.ndarray, weights: Checkpoint) -> Seen:
    """Both looks at every crop."""
    turns = crops.rot_cam_to_view.transpose(0, 2, 1)
    pose_mm, feet_mm = crops.pose_view_mm, (feet_cam_mm @ turns).astype(np.float32)
    shown = shown_crops(crops.inputs, weights.facts)
    cut_out = without_background(shown)[..., ::-1].copy()
    parts = (
        (shown, feet_mm - pose_mm[:, list(FEET_PARENTS)]),
        (cut_out, mirrored_feet(feet_mm) - mirrored(pose_mm)[:, list(FEET_PARENTS)]),
    )
    with torch.inference_mode():
        return Seen.joined(
            [
                Seen(
                    weights.network.backbone.forward_features(
                        torch.from_numpy(images).float() / 255
                    ),
                    torch.from_numpy(np.ascontiguousarray(off_mm)),
                )
                for images, off_mm in parts
            ]
        )


def learnt(training: Seen, validation: Seen) -> FeetHead:
    """The head after all rounds; prints how far off it is on validation people."""
    torch.manual_seed(SEED)
    head = FeetHead(training.features.shape[1])
    mean, spread = training.features.mean(dim=0), training.features.std(dim=0) + 0.01
    optimiser = torch.optim.AdamW(head.parameters(), RATE, weight_decay=DECAY)
    steps = len(training.features) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=ROUNDS * steps + 1)
    for number in range(1, ROUNDS + 1):
        head.train()
        order = torch.randperm(len(training.features))
        for step in range(steps):
            rows = order[step * BATCH : (step + 1) * BATCH]
            found_mm = head.from_ankles_mm((training.features[rows] - mean) / spread)
            loss = distances_mm(found_mm, training.off_mm[rows]).mean() / 100
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        head.eval()
        with torch.no_grad():
            found_mm = head.from_ankles_mm((validation.features - mean) / spread)
        far_mm, turned = (
            distances_mm(found_mm, validation.off_mm),
            turns_deg(found_mm, validation.off_mm),
        )
        print(
            f"round {number}: points {far_mm.mean():.1f} mm from where they are against the ankle, "
            f"feet turned by {turned.mean():.1f} degrees, half by up to {turned.median():.1f}"
        )
    return unscaled(head, mean, spread)


def distances_mm(one: Tensor, other: Tensor) -> Tensor:
    """(N, 4), with a gradient everywhere."""
    return ((one - other).square().sum(dim=-1) + 1e-4).sqrt()


def turns_deg(one: Tensor, other: Tensor) -> Tensor:
    """(N, 2): between the directions from heel to toe."""
    ways = [(points[:, 1::2] - points[:, ::2]) for points in (one, other)]
    return torch.rad2deg(nn.functional.cosine_similarity(*ways, dim=-1).clamp(-1, 1).arccos())


def unscaled(head: FeetHead, mean: Tensor, spread: Tensor) -> FeetHead:
    """The head for features as they are, with the weights of its layers in 16 bits."""
    with torch.no_grad():
        weight = head.hidden.weight / spread
        head.hidden.bias.sub_(weight @ mean)
        head.hidden.weight.copy_(weight.half())
        head.last.weight.copy_(head.last.weight.half())
    return head


if __name__ == "__main__":
    try:
        main()
    except PosegridError as error:
        raise SystemExit(str(error)) from None
