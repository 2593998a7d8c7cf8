"""Weights that can be asked for poses, whether they run on torch or on ONNX Runtime."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from posegrid.body.estimate import Estimate
from posegrid.errors import CheckpointError, SettingsError
from posegrid.learning.model_facts import ModelFacts
from posegrid.learning.training_settings import Accelerator
from posegrid.results.network import load_onnx


@runtime_checkable
class Model(Protocol):
    """Weights ready to answer, whatever they run on."""

    @property
    def facts(self) -> ModelFacts:
        """Every fact needed to use them."""
        ...

    def estimate(self, images: UInt8[np.ndarray, "N *channels S S"]) -> Estimate:
        """What they say about crops: root-relative poses in `facts.pose_frame`, mm, and
        perhaps more.
        """
        ...


def load_model(path: Path, accelerator: Accelerator = "cpu", own: tuple[str, ...] = ()) -> Model:
    """The weights in a .safetensors checkpoint (runs on torch) or an .onnx file (does not; on the
    CPU only). own: as in `load_checkpoint`. SettingsError for a GPU that is not there or cannot be used.
    """
    if path.suffix == ".safetensors":
        from posegrid.learning.checkpoint import load_checkpoint
        from posegrid.learning.devices import device_of

        return load_checkpoint(path, own).to(device_of(accelerator))
    if path.suffix == ".onnx" and accelerator == "gpu":
        raise SettingsError(f"{path}: .onnx runs on the CPU; give the .safetensors for a GPU.")
    if path.suffix == ".onnx":
        return load_onnx(path)
    raise CheckpointError(
        f"{path}: weights end in .safetensors or .onnx; `posegrid train` writes best.safetensors."
    )


def grid_chances(
    path: Path, images: UInt8[np.ndarray, "N *channels S S"], own: tuple[str, ...] = ()
) -> tuple[Float[np.ndarray, "N 17 cells cells"], int]:
    """`Checkpoint.grid_chances` of the weights of the grid task in a file."""
    from posegrid.learning.checkpoint import load_checkpoint

    return load_checkpoint(path, own).grid_chances(images)
