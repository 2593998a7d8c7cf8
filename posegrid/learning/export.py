"""The command `posegrid export`: a checkpoint as an ONNX file that runs without torch, with the same facts in it.

Its input is `image`; its output `pose_mm`, and where the weights know them `keypoints_px` and `sigma_mm`.
"""

import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from jaxtyping import Float
from torch import Tensor, nn
from tyro.conf import Positional

from posegrid.errors import CheckpointError, OutputError, SettingsError
from posegrid.files import completed
from posegrid.learning.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from posegrid.learning.facts import METADATA_KEY
from posegrid.learning.grid_target import GridTarget
from posegrid.learning.half import fits_half, halved
from posegrid.learning.pose_targets import PersonTarget
from posegrid.learning.quantise import quantise
from posegrid.learning.targets import JointTarget

OPSET = 17
"""Read by every ONNX Runtime since 1.12 (2022)."""
WORST_DIFFERENCE_MM = 0.1
INPUT, OUTPUT = "image", "pose_mm"
MORE_OUTPUTS = ("keypoints_px", "sigma_mm")
"""Of weights with the target person."""


@dataclass(frozen=True)
class ExportSettings:
    """Settings of `posegrid export`."""

    checkpoint: Positional[Path]
    """Weights of posegrid train (.safetensors)."""
    out: Path | None = None
    """ONNX file to write. Default: the checkpoint's name with .onnx."""
    half: bool = False
    """Round the linear layers to 16 bits: files a third smaller, poses a fraction of a mm off. A checkpoint with the
    same numbers is written beside the ONNX file (--out), where none may be yet."""
    int8: Path | None = None
    """Folder of prepared crops like those that the weights learnt from. With it a second file NAME-int8.onnx is
    written, in whole numbers of 8 bits: a quarter as large, faster on most CPUs, its error at most 2 % larger on the
    folder's validation people."""


class Predictor(nn.Module):
    """Network and target as one function from grey crops to poses: what the ONNX file holds.

    Outputs for the grid task, learnt beside the poses, are left out.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.backbone, self.head, self.target = checkpoint.network.backbone, checkpoint.network.head, checkpoint.target
        if isinstance(self.target, JointTarget):
            self.target = self.target.pose
            self.head = _first_outputs(self.head, self.target.num_outputs)

    @property
    def output_names(self) -> list[str]:
        """What `forward` answers, in order."""
        return [OUTPUT, *(MORE_OUTPUTS if isinstance(self.target, PersonTarget) else ())]

    def forward(self, image: Float[Tensor, "n channels size size"]) -> tuple[Tensor, ...]:
        """Of grey crops in 0..1: root-relative poses (N, 17, 3), mm; perhaps places (N, 17, 2), crop px, and sigma."""
        outputs = self.head(self.backbone.forward_features(image))
        if isinstance(self.target, PersonTarget):
            target = self.target
            return target.decode(outputs), target.decode_keypoints_px(outputs), target.decode_sigma_mm(outputs)
        return (self.target.decode(outputs),)


def export(settings: ExportSettings) -> Path:
    """Write the checkpoint as ONNX and compare the two; the path of the ONNX file.

    Raises CheckpointError for weights of the grid task, where the two differ by 0.1 mm or more, and where 8 bits cost
    more than 2 %; SettingsError where `half` would replace a checkpoint; OutputError if the file cannot be written.
    """
    checkpoint = whole = load_checkpoint(settings.checkpoint)
    if isinstance(checkpoint.target, GridTarget):
        raise CheckpointError(
            f"{settings.checkpoint} answers the grid task, not poses; export weights of posegrid train."
        )
    out = settings.out or settings.checkpoint.with_suffix(".onnx")
    if settings.half:
        if (beside := out.with_suffix(".safetensors")).exists():
            raise SettingsError(
                f"--half writes a checkpoint, too, and {beside} is there already: say with --out where, so that it "
                "replaces none."
            )
        checkpoint = replace(whole, network=halved(whole.network))
    try:
        with completed(out) as temporary:
            temporary.write_bytes(onnx_bytes(checkpoint))
            difference_mm = largest_difference_mm(checkpoint, temporary)
            if difference_mm >= WORST_DIFFERENCE_MM:
                raise CheckpointError(
                    f"The ONNX file differs from the checkpoint by {difference_mm:.3f} mm, expected below "
                    f"{WORST_DIFFERENCE_MM} mm; nothing was written. The two runtimes disagree on this network."
                )
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error}); choose another --out.") from error
    size_mb = out.stat().st_size / 1e6
    print(f"{out}: {size_mb:.1f} MB, at most {difference_mm:.2g} mm from the checkpoint")
    if settings.half:
        beside = out.with_suffix(".safetensors")
        save_checkpoint(beside, checkpoint.network, checkpoint.facts)
        away_mm = largest_difference_mm(whole, out)
        print(f"{beside}: {beside.stat().st_size / 1e6:.1f} MB, joints at most {away_mm:.2g} mm from those in 32 bits")
    if settings.int8 is not None:
        _export_int8(out, checkpoint, settings.int8)
    return out


def _export_int8(model: Path, checkpoint: Checkpoint, data: Path) -> None:
    """Write NAME-int8.onnx beside the ONNX file and say what it costs and brings."""
    out = model.with_name(f"{model.stem}-int8.onnx")
    with completed(out) as temporary:
        found = quantise(model, temporary, checkpoint.facts, data)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, {found}")


def onnx_bytes(checkpoint: Checkpoint) -> bytes:
    """The checkpoint as an ONNX model: `image` (N, channels, size, size) in 0..1 to `pose_mm` (N, 17, 3) and more."""
    size = checkpoint.facts.image_size
    example = torch.zeros(2, checkpoint.facts.channels, size, size)
    predictor = Predictor(checkpoint).eval()
    names = predictor.output_names
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # torch 2.13 calls this exporter deprecated; the new one needs onnxscript, and its files are no better here.
        warnings.simplefilter("ignore", DeprecationWarning)
        # The crop's size is a constant in the file, and meant to be.
        warnings.filterwarnings("ignore", message="Converting a tensor to a Python boolean")
        warnings.filterwarnings("ignore", message="torch.tensor results are registered as constants")
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
    """The largest difference of any coordinate between the checkpoint and its ONNX file, over made-up crops, mm."""
    size, channels = checkpoint.facts.image_size, checkpoint.facts.channels
    shape = (num_images, *((channels,) if channels > 1 else ()), size, size)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    pictures = images.reshape(num_images, channels, size, size).astype(np.float32)
    answer = session.run([OUTPUT], {INPUT: pictures / 255})[0]
    return float(np.abs(np.asarray(answer) - checkpoint.predict_mm(images)).max())


def _store_in_half(model: onnx.ModelProto) -> None:
    """Turn the constants that 16 bits can hold just as they are into such, widened again where they are used."""
    for constant in model.graph.initializer:
        values = torch.from_numpy(onnx.numpy_helper.to_array(constant).copy())
        if fits_half(values):
            name, half = constant.name, f"{constant.name}_half"
            constant.CopyFrom(onnx.numpy_helper.from_array(values.half().numpy(), half))
            model.graph.node.insert(0, onnx.helper.make_node("Cast", [half], [name], to=onnx.TensorProto.FLOAT))


def _first_outputs(head: nn.Linear, count: int) -> nn.Linear:
    """A head with the first outputs only."""
    smaller = nn.Linear(head.in_features, count)
    with torch.no_grad():
        smaller.weight.copy_(head.weight[:count])
        smaller.bias.copy_(head.bias[:count])
    return smaller
