"""Writes what weights cost: parameters, multiply-adds, and CPU ms per crop in ONNX Runtime on one
thread.

python scripts/measure_cost.py runs/mine/train/best.safetensors --out runs/mine/cost.json
"""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import tyro
from tyro.conf import Positional

from posegrid.files import completed
from posegrid.learning.checkpoint import load_checkpoint
from posegrid.learning.cost import cpu_ms_per_crop, num_multiply_adds, num_parameters
from posegrid.learning.export import ExportSettings, export


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
    with completed(settings.out) as temporary:
        temporary.write_text(json.dumps(cost, indent=2) + "\n")
    print(json.dumps(cost))


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
