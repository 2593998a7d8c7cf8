"""A network in whole numbers of 8 bits: a quarter of the file, half the time on CPUs that multiply them in hardware.

Static quantisation of ONNX Runtime: weights per channel, the size of what flows between layers measured on crops of
training people. What reads the layers' answers (expectations over bins, radii) stays in float32.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from jaxtyping import Float
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from posegrid.errors import CheckpointError
from posegrid.learning.cost import cpu_ms_per_crop
from posegrid.learning.data import CropSet, PoseFrame
from posegrid.learning.facts import METADATA_KEY, ModelFacts
from posegrid.prepare.shards import load_dataset_facts, read_crops

MOST_PEOPLE, CALIBRATION_CROPS, VALIDATION_CROPS = 64, 512, 2000
WORST_RATIO = 1.02
"""What whole numbers may cost in accuracy."""
LAYERS = ["Conv", "Gemm"]
BATCH = 32


@dataclass(frozen=True)
class Comparison:
    """Whole numbers beside float32: MPJPE on validation people, mm, and CPU time of one crop on one thread, ms."""

    float_mm: float
    int8_mm: float
    float_ms: float
    int8_ms: float

    def __str__(self) -> str:
        return (
            f"validation MPJPE {self.int8_mm:.2f} mm (float32: {self.float_mm:.2f} mm), "
            f"{self.int8_ms:.2f} ms per crop on one thread of this CPU (float32: {self.float_ms:.2f} ms)"
        )


def quantise(model: Path, out: Path, facts: ModelFacts, data: Path) -> Comparison:
    """Write the ONNX file `model` in 8 bits as `out`, and compare the two.

    data: folder of prepared crops; its training people calibrate, its validation people judge, both at most 64 of them.
    Raises CheckpointError if the crops do not fit the weights or the error grows by more than 2 %.
    """
    training = _crops(data, "train", facts, CALIBRATION_CROPS)
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(model, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            out,
            _Calibration(training),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=LAYERS,
        )
    quantised = onnx.load(out)
    onnx.helper.set_model_props(quantised, {METADATA_KEY: facts.to_json()})
    onnx.save(quantised, out)
    validation = _crops(data, "validation", facts, VALIDATION_CROPS)
    found = Comparison(
        *(_mpjpe_mm(path, validation) for path in (model, out)), *(cpu_ms_per_crop(path) for path in (model, out))
    )
    if found.int8_mm > WORST_RATIO * found.float_mm:
        raise CheckpointError(
            f"In 8 bits the error grows from {found.float_mm:.2f} to {found.int8_mm:.2f} mm on the validation people "
            f"of {data}, more than 2 %: that file was not written. Calibrate with crops like those the weights saw."
        )
    return found


class _Calibration(CalibrationDataReader):
    """The crops as ONNX Runtime asks for them."""

    def __init__(self, crops: CropSet) -> None:
        self._batches = _batches(crops)

    def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        images = next(self._batches, None)
        return None if images is None else {"image": images}


def _crops(data: Path, split: str, facts: ModelFacts, count: int) -> CropSet:
    """Crops of people of the split, evenly spread. CheckpointError if the weights take others."""
    its = load_dataset_facts(data)
    for name in ("image_size", "background"):
        if getattr(its, name) != getattr(facts, name):
            raise CheckpointError(
                f"{data} has crops with {name} {getattr(its, name)}, the weights take {getattr(facts, name)}."
            )
    subjects = its.subjects_of(split)
    frame: PoseFrame = "camera" if facts.pose_frame == "camera" else "view"
    chosen = subjects[:: -(-len(subjects) // MOST_PEOPLE)] if subjects else []
    return CropSet.of(read_crops(data, chosen), frame, its.background, exact_masks=its.exact_masks).thinned(count)


def _mpjpe_mm(model: Path, crops: CropSet) -> float:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    poses_mm: list[Float[np.ndarray, "b 17 3"]] = [
        np.asarray(session.run(["pose_mm"], {"image": images})[0]) for images in _batches(crops)
    ]
    return float(np.linalg.norm(np.concatenate(poses_mm) - crops.pose_mm.numpy(), axis=-1).mean())


def _batches(crops: CropSet) -> Iterator[Float[np.ndarray, "b channels size size"]]:
    for rows in torch.arange(len(crops)).split(BATCH):
        yield crops.pictures(rows).numpy()
