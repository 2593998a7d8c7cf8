"""What a network costs: its parameters, its multiplications, and the CPU time of one crop in ONNX
Runtime.
"""

import time
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from posegrid.learning.checkpoint import Checkpoint

WARM_UP, TURNS, RUNS = 10, 5, 40


def num_parameters(checkpoint: Checkpoint) -> int:
    """Numbers that were learnt, the head's included."""
    return sum(parameter.numel() for parameter in checkpoint.network.parameters())


def num_multiply_adds(checkpoint: Checkpoint) -> int:
    """Of the convolutions and linear layers, for one crop."""
    counts: list[int] = []

    def count(layer: nn.Module, _: tuple[Tensor, ...], out: Tensor) -> None:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            counts.append(out[0].numel() * layer.weight[0].numel())

    hooks = [layer.register_forward_hook(count) for layer in checkpoint.network.modules()]
    size = checkpoint.facts.image_size
    with torch.inference_mode():
        checkpoint.network.eval()(torch.zeros(1, checkpoint.facts.channels, size, size))
    for hook in hooks:
        hook.remove()
    return sum(counts)


def cpu_ms_per_crop(path: Path) -> float:
    """CPU time of one crop alone in ONNX Runtime on one thread, ms: the median of five turns."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    _, *shape = entry.shape
    image = np.random.default_rng(0).random((1, *shape), dtype=np.float32)
    turns = []
    for turn in range(TURNS + 1):
        start = time.process_time()
        for _ in range(RUNS if turn else WARM_UP):
            session.run(None, {entry.name: image})
        turns.append(1000 * (time.process_time() - start) / RUNS)
    return median(turns[1:])
