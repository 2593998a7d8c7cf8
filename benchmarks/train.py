"""Training images per second and core of every network, data and augmentation included.

    python benchmarks/train.py             about two minutes

The ratio compares with the same network fed one and the same batch from memory, in the same run.
"""

import time

import numpy as np
import torch

from posegrid.body.skeleton import NUM_JOINTS
from posegrid.learning.data import CropSet, TrainingBatches
from posegrid.learning.networks import build_network, input_size_of
from posegrid.learning.pose_targets import BinsTarget, PoseTarget
from posegrid.learning.run_folder import keep_freed_memory

BATCH, STEPS = 64, 6
NETWORKS = ("posegrid_s", "report2015_small", "report2015_large", "lichan2014")


def main() -> None:
    """Print one line per network; one thread, so that seconds are CPU seconds."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    crops = made_up_crops(512)
    for name in NETWORKS:
        ours = name == "posegrid_s"
        target = BinsTarget() if ours else PoseTarget(((0.0, 0.0, 0.0),) * NUM_JOINTS)
        network = build_network(name, target).to(memory_format=torch.channels_last)
        optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
        batches = TrainingBatches(crops, BATCH, 0, "standard" if ours else "none", input_size_of(name, 128))
        fixed = batches.at(0)
        from_memory = speed(network, target, optimiser, lambda step, batch=fixed: batch)
        real = speed(network, target, optimiser, batches.at)
        print(f"{name:17} {real:5.0f} images/s per core, {real / from_memory:.2f} of the speed from memory")


def speed(network, target, optimiser, batch_of) -> float:
    """Images per CPU second over STEPS steps, after one to warm up."""
    for step in range(STEPS + 1):
        if step == 1:
            start = time.process_time()
        batch = batch_of(step)
        optimiser.zero_grad()
        target.loss(network(batch.images.contiguous(memory_format=torch.channels_last)), batch).backward()
        optimiser.step()
    return STEPS * BATCH / (time.process_time() - start)


def made_up_crops(count: int) -> CropSet:
    """Noise in the shape of crops."""
    rng = np.random.default_rng(0)
    return CropSet(
        torch.from_numpy(rng.integers(0, 256, (count, 128, 128), dtype=np.uint8)),
        torch.from_numpy(rng.normal(0, 300, (count, NUM_JOINTS, 3)).astype(np.float32)),
        torch.from_numpy(rng.uniform(0, 128, (count, NUM_JOINTS, 2)).astype(np.float32)),
        torch.full((count,), 300.0),
        "view",
        "removed",
    )


if __name__ == "__main__":
    main()
