"""The finder's weights as an ONNX file with facts about itself: pictures in, probabilities and
pixels out.
"""

import json
import tempfile
import warnings
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from posegrid import __version__
from posegrid.errors import CheckpointError
from posegrid.files import written
from posegrid.learning.finder_network import (
    MULTIPLE,
    NETWORK,
    STRIDE,
    Decoded,
    FinderModule,
    decode,
)
from posegrid.learning.model_facts import METADATA_KEY

FORMAT = 1
INPUTS = ("frame", "reference", "known", "prior")
FIRST_LOOK_PIXELS, SECOND_LOOK_PIXELS, SECOND_LOOK_MARGIN = 61440, 20480, 0.4
THRESHOLDS = {"start": 0.4, "find": 0.3, "keep": 0.15, "mask": 0.5}
"""Probabilities of centres from which on somebody new is followed, is reported, and is believed
where somebody is expected; and of pixels to be a mask's. Chosen on validation scenes."""
OPSET = 17
WORST_DIFFERENCE = 2e-3
"""Of any probability, between torch and ONNX Runtime."""


@dataclass(frozen=True)
class FinderFacts:
    """What a finder's file of weights says about itself."""

    training: dict[str, Any] = field(default_factory=dict)
    kind: str = "finder"
    network: str = NETWORK
    format: int = FORMAT
    posegrid_version: str = __version__

    def to_json(self) -> str:
        """The facts as JSON text."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)


class _Finder(nn.Module):
    """Network and decoding as one function."""

    def __init__(self, network: FinderModule) -> None:
        super().__init__()
        self.network = network

    def forward(self, frame: Tensor, reference: Tensor, known: Tensor, prior: Tensor) -> Decoded:
        """As `FinderModule.forward`, decoded."""
        return decode(self.network(frame, reference, known, prior))


def export_finder(
    network: FinderModule, out: Path, thresholds: Mapping[str, float], training: Mapping[str, Any]
) -> float:
    """Writes the file; the largest difference of any probability from torch comes back.

    Weights are rounded to 16 bits, after each normalisation is taken into the convolution before
    it. Raises CheckpointError where the two runtimes differ, OutputError if
    the file cannot be written.
    """
    finder = _Finder(rounded(network)).eval()
    facts = {
        **asdict(FinderFacts(dict(training))),
        "inputs": list(INPUTS),
        "stride": STRIDE,
        "multiple": MULTIPLE,
        "first_look_pixels": FIRST_LOOK_PIXELS,
        "second_look_pixels": SECOND_LOOK_PIXELS,
        "second_look_margin": SECOND_LOOK_MARGIN,
        "thresholds": dict(thresholds),
    }
    model = _traced(finder)
    _store_in_half(model)
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(facts, sort_keys=True)})
    onnx.checker.check_model(model)
    with written(out, "make room and call with --resume") as temporary:
        temporary.write_bytes(model.SerializeToString())
        difference = _difference(finder, temporary)
        if not difference <= WORST_DIFFERENCE:  # NaN neither
            raise CheckpointError(
                f"ONNX Runtime and torch differ by {difference:.2g} on this network; not written."
            )
    return difference


def rounded(network: FinderModule) -> FinderModule:
    """A copy without normalisations of its own, its weights rounded to 16 bits."""
    fused = deepcopy(network).eval()
    for module in list(fused.modules()):
        names = dict(module.named_children())
        for name, norm in names.items():
            if isinstance(norm, nn.BatchNorm2d):
                before = "conv" if name == "norm" else str(int(name) - 1)
                conv = names[before]
                assert isinstance(conv, nn.Conv2d)
                setattr(module, before, fuse_conv_bn_eval(conv, norm))
                setattr(module, name, nn.Identity())
    with torch.no_grad():
        for parameter in fused.parameters():
            parameter.copy_(parameter.half().float())
    return fused.requires_grad_(False)


def _example(
    rng: np.random.Generator, shape: tuple[int, int], count: int = 2
) -> tuple[Tensor, ...]:
    def picture(channels: int, top: int) -> Tensor:
        return torch.from_numpy(rng.integers(0, top, (count, channels, *shape), dtype=np.uint8))

    return picture(3, 256), picture(3, 256), picture(1, 2), picture(1, 2)


def _traced(finder: _Finder) -> onnx.ModelProto:
    axes = {name: {0: "n", 2: "height", 3: "width"} for name in INPUTS}
    axes |= {name: {0: "n", 2: f"{name}_height", 3: f"{name}_width"} for name in Decoded._fields}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            finder,
            _example(np.random.default_rng(0), (192, 320)),
            path,
            input_names=list(INPUTS),
            output_names=list(Decoded._fields),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
        return onnx.load(path)


def _store_in_half(model: onnx.ModelProto) -> None:
    """Weights as 16-bit constants, widened again where they are used."""
    for constant in model.graph.initializer:
        values = onnx.numpy_helper.to_array(constant)
        if values.dtype == np.float32 and values.ndim > 1:
            name, half = constant.name, f"{constant.name}_half"
            constant.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), half))
            model.graph.node.insert(
                0, onnx.helper.make_node("Cast", [half], [name], to=onnx.TensorProto.FLOAT)
            )


def _difference(finder: _Finder, path: Path) -> float:
    """The largest difference of any probability over made-up pictures of two shapes."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng, worst = np.random.default_rng(1), 0.0
    for shape in ((192, 320), (160, 128)):
        pictures = _example(rng, shape)
        answers = session.run(
            ["person", "centre", "seen"],
            dict(zip(INPUTS, (p.numpy() for p in pictures), strict=True)),
        )
        with torch.no_grad():
            ours = finder(*pictures)
        for answer, own in zip(answers, (ours.person, ours.centre, ours.seen), strict=True):
            away = np.abs(np.asarray(answer) - own.numpy()).max()
            worst = float(np.maximum(worst, away))  # of NaN, NaN
    return worst
