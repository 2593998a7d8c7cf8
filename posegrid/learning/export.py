"""The command `posegrid export`: a checkpoint as an ONNX file that runs without torch, with the same
facts in it, and on demand a second one in whole numbers of 8 bits.

Input `image`: (N, channels, size, size) in 0..1. Output `pose_mm` (N, 17, 3), root-relative, mm;
where the weights know them `keypoints_px` (N, 17, 2), crop px, and `sigma_mm` (N, 17); with a head of
feet `feet_mm` (N, 4, 3), root-relative, mm.

8 bits are a quarter of the file and half the time on CPUs that multiply them in hardware: static
quantisation of ONNX Runtime, weights of 7 bits per channel, the size of what flows between layers
measured on crops of training people. What reads the layers' answers (expectations over bins, radii)
stays in float32.
"""

import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
import onnx
import onnxruntime
import torch
from jaxtyping import Float
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn
from tyro.conf import Positional

from posegrid.datasets.dataset_facts import load_dataset_facts
from posegrid.datasets.stored_crops import read_crops
from posegrid.errors import CheckpointError, SettingsError
from posegrid.files import written
from posegrid.learning.checkpoint import (
    Checkpoint,
    fits_half,
    halved,
    load_checkpoint,
    save_checkpoint,
    with_measured_bounds,
)
from posegrid.learning.data import CropSet, MaskFacts, whole_batches
from posegrid.learning.feet_head import FeetHead, load_feet_head
from posegrid.learning.model_facts import METADATA_KEY, ModelFacts, shown_crops
from posegrid.learning.pose_targets import PersonTarget
from posegrid.learning.targets import GridTarget, pose_part

OPSET = 17
"""Read by every ONNX Runtime since 1.12 (2022)."""
WORST_DIFFERENCE_MM = 0.1
INPUT, OUTPUT = "image", "pose_mm"
MORE_OUTPUTS = ("keypoints_px", "sigma_mm")
"""Of weights with the target person."""
FEET_OUTPUT = "feet_mm"
MOST_PEOPLE, CALIBRATION_CROPS, VALIDATION_CROPS = 64, 512, 2000
WORST_RATIO = 1.02
"""What whole numbers may cost in accuracy."""
LAYERS = ["Conv", "Gemm"]
"""That are quantised."""
BATCH = 32
WARM_UP, TURNS, RUNS = 10, 5, 40
"""Of the measurement of time."""


@dataclass(frozen=True)
class ExportSettings:
    """Settings of `posegrid export`."""

    checkpoint: Positional[Path]
    """Weights of posegrid train (.safetensors)."""
    out: Path | None = None
    """ONNX file to write. Default: the checkpoint's name with .onnx."""
    own: tuple[str, ...] = ()
    """Code of your own that the weights need, as `train` had it: module:function, module:Class."""
    half: bool = False
    """Round the linear layers to 16 bits: files a third smaller, poses a fraction of a mm off. A
    checkpoint with the same numbers is written beside the ONNX file (--out), where none may be
    yet."""
    hard_masks: bool = False
    """The files say that these weights are to be shown masks of 0 and 255, even if they learnt from
    masks that say how sure the finder is."""
    radii: tuple[Path, ...] = ()
    """Folders of prepared crops on whose validation people, all together, it is measured anew which
    radii hold 68 % and 95 % of the errors: for means of weights, and for crops of another kind."""
    feet: Path | None = None
    """Head of heels and toes that was learnt on these weights (scripts/learn_feet.py): with it
    the file tells them with the poses, in mm."""
    int8: Path | None = None
    """Folder of prepared crops like those that the weights learnt from. With it a second file
    NAME-int8.onnx is written, in whole numbers of 8 bits: a quarter as large, faster on most CPUs,
    its error at most 2 % larger on the folder's validation people."""


class Predictor(nn.Module):
    """Network and target as one function from grey crops to poses: what the ONNX file holds.

    Outputs for the grid task, learnt beside the poses, are left out.
    """

    def __init__(self, checkpoint: Checkpoint, feet: FeetHead | None = None) -> None:
        super().__init__()
        self.feet = feet
        self.backbone, self.target = checkpoint.network.backbone, pose_part(checkpoint.target)
        self.head = _first_outputs(checkpoint.network.head, self.target.num_outputs)

    @property
    def output_names(self) -> list[str]:
        """What `forward` answers, in order."""
        more = MORE_OUTPUTS if isinstance(self.target, PersonTarget) else ()
        return [OUTPUT, *more, *((FEET_OUTPUT,) if self.feet else ())]

    def forward(self, image: Float[Tensor, "n channels size size"]) -> tuple[Tensor, ...]:
        """Of grey crops in 0..1: root-relative poses (N, 17, 3), mm; perhaps places (N, 17, 2),
        crop px, and sigma; perhaps heels and toes (N, 4, 3), root-relative, mm.
        """
        features = self.backbone.forward_features(image)
        outputs, target = self.head(features), self.target
        answers = [pose_mm := target.decode(outputs)]
        if isinstance(target, PersonTarget):
            answers += [target.decode_keypoints_px(outputs), target.decode_sigma_mm(outputs)]
        return (*answers, self.feet(features, pose_mm)) if self.feet else tuple(answers)


def export(settings: ExportSettings) -> Path:
    """Write the checkpoint as ONNX and compare the two; the path of the ONNX file.

    Raises CheckpointError for weights of the grid task, where the two differ by 0.1 mm or more, and
    where 8 bits cost more than 2 %; SettingsError where `half` would replace a checkpoint, where
    `hard_masks` is asked of weights without masks or `radii` of some that state none; OutputError if
    the file cannot be written.
    """
    whole = load_checkpoint(settings.checkpoint, settings.own)
    if isinstance(whole.target, GridTarget):
        raise CheckpointError(
            f"{settings.checkpoint} answers the grid task, not poses; export weights of posegrid "
            "train."
        )
    if settings.hard_masks:
        if not whole.facts.has_masks:
            raise SettingsError(
                f"--hard-masks: {settings.checkpoint} is shown no masks, but crops with the "
                f"background {whole.facts.background}; leave it out."
            )
        whole = replace(whole, facts=replace(whole.facts, soft_masks=False))
    out = settings.out or settings.checkpoint.with_suffix(".onnx")
    beside = out.with_suffix(".safetensors")
    if settings.half and beside.exists():
        raise SettingsError(
            f"--half writes a checkpoint, too, and {beside} is there already: say with --out "
            "where, so that it replaces none."
        )
    if settings.radii:
        whole = _with_radii(whole, settings.radii)
    network = halved(whole.network) if settings.half else whole.network
    checkpoint = replace(whole, network=network)
    feet = settings.feet and load_feet_head(settings.feet, network.backbone)
    _export_float(out, checkpoint, feet)
    if settings.half:
        save_checkpoint(beside, checkpoint.network, checkpoint.facts)
        away_mm = largest_difference_mm(whole, out)
        print(f"{_with_size(beside)}, joints at most {away_mm:.2g} mm from those in 32 bits")
    if settings.int8 is not None:
        smaller = out.with_name(f"{out.stem}-int8.onnx")
        with written(smaller) as temporary:
            found = quantise(out, temporary, checkpoint.facts, settings.int8)
        print(f"{_with_size(smaller)}, {found}")
    return out


def _with_radii(checkpoint: Checkpoint, folders: Sequence[Path]) -> Checkpoint:
    """The checkpoint whose radii are those of its errors on validation people, of each folder as many
    crops at most. SettingsError for weights that state none.
    """
    if not isinstance(pose_part(checkpoint.target), PersonTarget):
        raise SettingsError(
            f"--radii: weights of the target {checkpoint.facts.target} do not say how sure they are; "
            "leave it out."
        )
    facts = checkpoint.facts
    crops = [_crops(folder, "validation", facts, VALIDATION_CROPS) for folder in folders]
    measured = with_measured_bounds(checkpoint, whole_batches(crops, facts.image_size, BATCH))
    told = replace(facts, target_settings=measured.target.settings())
    person = pose_part(measured.target)
    assert isinstance(person, PersonTarget)
    print(f"radii: {person.bound_68:.2f} and {person.bound_95:.2f} times what the weights state")
    return replace(measured, facts=told)


def _export_float(out: Path, checkpoint: Checkpoint, feet: FeetHead | None) -> None:
    with written(out) as temporary:
        temporary.write_bytes(onnx_bytes(checkpoint, feet))
        difference_mm = largest_difference_mm(checkpoint, temporary)
        if not difference_mm < WORST_DIFFERENCE_MM:  # NaN neither
            raise CheckpointError(
                f"The ONNX file differs from the checkpoint by {difference_mm:.3f} mm, expected "
                f"below {WORST_DIFFERENCE_MM} mm; nothing was written. The two runtimes disagree "
                "on this network."
            )
    print(f"{_with_size(out)}, at most {difference_mm:.2g} mm from the checkpoint")


def _with_size(path: Path) -> str:
    return f"{path}: {path.stat().st_size / 1e6:.1f} MB"


def onnx_bytes(checkpoint: Checkpoint, feet: FeetHead | None = None) -> bytes:
    """The checkpoint as an ONNX model: `image` (N, channels, size, size) in 0..1 to `pose_mm` (N,
    17, 3) and more. feet: learnt on its backbone.
    """
    size = checkpoint.facts.image_size
    example = torch.zeros(2, checkpoint.facts.channels, size, size)
    predictor = Predictor(checkpoint, feet).eval()
    names = predictor.output_names
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # torch 2.13 calls this exporter deprecated; the new one needs onnxscript, and its files are
        # no better here.
        warnings.simplefilter("ignore", DeprecationWarning)
        # The crop's size is a constant in the file, and meant to be.
        warnings.filterwarnings("ignore", message="Converting a tensor to a Python boolean")
        warnings.filterwarnings(
            "ignore", message="torch.tensor results are registered as constants"
        )
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            predictor,
            (example,),
            path,
            input_names=[INPUT],
            output_names=names,
            dynamic_axes={name: {0: "n"} for name in (INPUT, *names)},
            opset_version=OPSET,
            dynamo=False,
        )
        model = onnx.load(path)
    _store_in_half(model)
    onnx.helper.set_model_props(model, {METADATA_KEY: checkpoint.facts.to_json()})
    onnx.checker.check_model(model)
    return model.SerializeToString()


def largest_difference_mm(checkpoint: Checkpoint, path: Path, num_images: int = 16) -> float:
    """The largest difference of any coordinate between the checkpoint and its ONNX file, over
    made-up crops, mm.
    """
    size, channels = checkpoint.facts.image_size, checkpoint.facts.channels
    shape = (num_images, *((channels,) if channels > 1 else ()), size, size)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = shown_crops(images, checkpoint.facts)
    pictures = images.reshape(num_images, channels, size, size).astype(np.float32)
    answer = session.run([OUTPUT], {INPUT: pictures / 255})[0]
    return float(np.abs(np.asarray(answer) - checkpoint.predict_mm(images)).max())


def _store_in_half(model: onnx.ModelProto) -> None:
    """Turn the constants that 16 bits can hold just as they are into such, widened again where they
    are used.
    """
    for constant in model.graph.initializer:
        values = torch.from_numpy(onnx.numpy_helper.to_array(constant).copy())
        if fits_half(values):
            name, half = constant.name, f"{constant.name}_half"
            constant.CopyFrom(onnx.numpy_helper.from_array(values.half().numpy(), half))
            model.graph.node.insert(
                0, onnx.helper.make_node("Cast", [half], [name], to=onnx.TensorProto.FLOAT)
            )


def _first_outputs(head: nn.Linear, count: int) -> nn.Linear:
    """A head with the first outputs only."""
    smaller = nn.Linear(head.in_features, count)
    with torch.no_grad():
        smaller.weight.copy_(head.weight[:count])
        smaller.bias.copy_(head.bias[:count])
    return smaller


# --- 8 bits


@dataclass(frozen=True)
class Comparison:
    """Whole numbers beside float32: MPJPE on validation people, mm, and CPU time of one crop on one
    thread, ms.
    """

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

    data: folder of prepared crops; its training people calibrate, its validation people judge, both
    at most 64 of them. Raises CheckpointError if the crops do not fit the weights or the error
    grows by more than 2 %.
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
            reduce_range=True,  # weights of 7 bits: CPUs without VNNI add up pairs in 16 bits
            op_types_to_quantize=LAYERS,
        )
    quantised = onnx.load(out)
    onnx.helper.set_model_props(quantised, {METADATA_KEY: facts.to_json()})
    onnx.save(quantised, out)
    validation = _crops(data, "validation", facts, VALIDATION_CROPS)
    found = Comparison(
        *(_mpjpe_mm(path, validation) for path in (model, out)),
        *(cpu_ms_per_crop(path) for path in (model, out)),
    )
    if not found.int8_mm <= WORST_RATIO * found.float_mm:  # NaN neither
        raise CheckpointError(
            f"In 8 bits the error grows from {found.float_mm:.2f} to {found.int8_mm:.2f} mm on the "
            f"validation people of {data}, more than 2 %: that file was not written. Calibrate "
            "with crops like those the weights saw."
        )
    return found


class _Calibration(CalibrationDataReader):
    """The crops as ONNX Runtime asks for them."""

    def __init__(self, crops: CropSet) -> None:
        self._batches = _batches(crops)

    def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        images = next(self._batches, None)
        return None if images is None else {INPUT: images}


def _crops(data: Path, split: str, facts: ModelFacts, count: int) -> CropSet:
    """Crops of people of the split, evenly spread. CheckpointError if the weights take others."""
    its = load_dataset_facts(data)
    for name in ("image_size", "background"):
        found, wanted = getattr(its, name), getattr(facts, name)
        if found != wanted:
            raise CheckpointError(
                f"{data} has crops with {name} {found}, the weights take {wanted}."
            )
    subjects = its.subjects_of(split)
    frame = "camera" if facts.pose_frame == "camera" else "view"
    chosen = subjects[:: -(-len(subjects) // MOST_PEOPLE)] if subjects else []
    crops = read_crops(data, chosen)
    crops = crops if facts.soft_masks else crops.with_hard_masks
    return CropSet.of(crops, frame, its.background, MaskFacts.of(its)).thinned(count)


def _mpjpe_mm(model: Path, crops: CropSet) -> float:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    poses_mm: list[Float[np.ndarray, "b 17 3"]] = [
        np.asarray(session.run([OUTPUT], {INPUT: images})[0]) for images in _batches(crops)
    ]
    return float(np.linalg.norm(np.concatenate(poses_mm) - crops.pose_mm.numpy(), axis=-1).mean())


def _batches(crops: CropSet) -> Iterator[Float[np.ndarray, "b channels size size"]]:
    for batch in whole_batches((crops,), crops.image_size, BATCH):
        yield batch.images.numpy()


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
