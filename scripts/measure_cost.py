"""Writes what weights cost: parameters, multiply-adds, and CPU ms per crop in ONNX Runtime on one
thread.

python scripts/measure_cost.py runs/mine/train/best.safetensors --out runs/mine/cost.json
"""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from torch import Tensor, nn
from tyro.conf import Positional

from posegrid.files import write_text
from posegrid.learning.checkpoint import Checkpoint, load_checkpoint
from posegrid.learning.export import ExportSettings, cpu_ms_per_crop, export


@dataclass(frozen=True)
class Settings:
    """What to measure."""

    checkpoint: Positional[Path]
    """Weights of posegrid train (.safetensors)."""
    out: Path
    """JSON file to write."""


def main(settings: Settings) -> None:
    """Measure, print, write."""
    checkpoint = load_checkpoint(settings.checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        onnx = export(ExportSettings(settings.checkpoint, Path(folder) / "network.onnx"))
        cost = {
            "network": checkpoint.facts.network,
            "target": checkpoint.facts.target,
            "parameters": num_parameters(checkpoint),
            "multiply_adds": num_multiply_adds(checkpoint),
            "cpu_ms_per_crop": cpu_ms_per_crop(onnx),
            "onnx_bytes": onnx.stat().st_size,
        }
    write_text(settings.out, json.dumps(cost, indent=2) + "\n")
    print(json.dumps(cost))


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


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
