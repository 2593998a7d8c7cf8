"""Training images per second of every network on one thread, data and augmentation included.

    python benchmarks/train.py [NETWORK ...]            about four minutes

As in `posegrid train --threads 1`, another thread puts the next batch together, for which it needs
a second core (or takes the time of the first: `taskset -c 0`). Beside it in the same run, in turns:
the same network fed one and the same batch from memory; what share of the multiplications per
second of a large matrix product (same precision, one thread) training reaches, three products of
the network's own size counted per image; and what two processes reach together, each with both
threads, against one alone.
"""

import subprocess
import sys
import time
from collections.abc import Iterable
from itertools import repeat
from statistics import median

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from posegrid.body.skeleton import NUM_JOINTS
from posegrid.learning.batch import Batch
from posegrid.learning.data import CropSet, TrainingBatches, batches_ahead
from posegrid.learning.devices import Devices, bf16_pays, keep_freed_memory
from posegrid.learning.loop import CropStage
from posegrid.learning.networks import build_network, input_size_of, network_name
from posegrid.learning.pose_targets import BinsTarget, PoseTarget

BATCH, STEPS, TURNS = 64, 12, 5
NETWORKS = ("posegrid_s", "posegrid_m", "report2015_small", "report2015_large", "lichan2014")
MEAN_POSE = ((0.0, 0.0, 0.0),) * NUM_JOINTS
CPU = torch.device("cpu")
PRECISION = torch.bfloat16 if bf16_pays(CPU) else torch.float32
PEAK_SIDE = 2048


class Learning:
    """A network in training, as `posegrid train` has it by default: optimiser, precision,
    augmentation.
    """

    def __init__(self, name: str) -> None:
        ours = name.startswith("posegrid")
        target = BinsTarget() if ours else PoseTarget(MEAN_POSE)
        network = build_network(network_name(name), target)
        self.stage = CropStage(network, target, Devices(CPU)).train()
        self.optimiser = torch.optim.AdamW(self.stage.parameters(), 1e-3, fused=True)
        size, augment = input_size_of(network_name(name), 128), "standard" if ours else "none"
        self.batches = TrainingBatches(made_up_crops(512), BATCH, 0, augment, size)

    @property
    def multiply_adds(self) -> float:
        """Of one crop, forwards."""
        with FlopCounterMode(display=False) as counted, torch.inference_mode():
            self.stage.network(torch.zeros(2, 1, 128, 128))
        return counted.get_total_flops() / 2 / 2

    def speed(self, batches: Iterable[Batch]) -> float:
        """Images per second over so many batches, the first of which is not counted."""
        start = 0.0
        for step, batch in enumerate(batches):
            if step == 1:
                start = time.perf_counter()
            self.optimiser.zero_grad()
            self.stage(batch).backward()
            self.optimiser.step()
        return STEPS * BATCH / (time.perf_counter() - start)


def main() -> None:
    """Print one line per network."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    if sys.argv[1:2] == ["--alone"]:
        print(real_and_memory(Learning(sys.argv[2]))[0])
        return
    peak = median(peak_of_products() for _ in range(TURNS))
    print(f"matrix product of {PEAK_SIDE} x {PEAK_SIDE} in {PRECISION}: {2e-9 * peak:.0f} GFLOP/s")
    for name in sys.argv[1:] or NETWORKS:
        training = Learning(name)
        real, memory = real_and_memory(training)
        share, together = (
            3 * training.multiply_adds * real / peak,
            side_by_side(name, 2) / side_by_side(name, 1),
        )
        print(
            f"{name:17} {real:5.0f} images/s, {real / memory:.2f} of the speed from memory, {share:.0%} of "
            f"the peak; two processes {together:.2f} x one",
            flush=True,
        )


def real_and_memory(training: Learning) -> tuple[float, float]:
    """Images per second with real batches and with one from memory: medians of turns, the first
    left out.
    """
    fixed, steps = training.batches.at(0), range(STEPS + 1)
    turns = [
        (
            training.speed(batches_ahead(training.batches, steps)),
            training.speed(repeat(fixed, STEPS + 1)),
        )
        for _ in range(TURNS + 1)
    ]
    return median(real for real, _ in turns[1:]), median(memory for _, memory in turns[1:])


def peak_of_products() -> float:
    """Multiply-adds per second of one large matrix product on one thread."""
    left, right = (torch.randn(PEAK_SIDE, PEAK_SIDE, dtype=PRECISION) for _ in range(2))
    left @ right
    start = time.perf_counter()
    left @ right
    return PEAK_SIDE**3 / (time.perf_counter() - start)


def side_by_side(name: str, count: int) -> float:
    """Images per second of so many processes at once, added up."""
    command = [sys.executable, __file__, "--alone", name]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    return sum(float(process.communicate()[0]) for process in running)


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
