"""Writes a finder's network in whole numbers of 8 bits: most of its work in two thirds of the time.

    python scripts/finder_in_8_bits.py posegrid-find.onnx PEOPLE --backgrounds PLACES --out smaller.onnx

The file is one of `posegrid train --target finder`, PEOPLE and PLACES are those that it learnt from
(runs/finder.sh): scenes of training people say how large what flows between layers is. Weights are
rounded to 7 bits, as ONNX Runtime advises for CPUs that add products of 8 bits in 16. The first
layer and the last three, which see the picture and say the answers, stay in 32 bits. Judge with
`posegrid evaluate --target finder`.
"""

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from posegrid.errors import PosegridError
from posegrid.files import written
from posegrid.learning.finder_data import SceneFolders, Scenes
from posegrid.learning.finder_evaluation import onnx_answer
from posegrid.learning.finder_export import INPUTS

SEED, BATCHES, LOOKS = 5, 48, 6
"""Batches are first and second looks in turns; so many looks of each count."""
LAST = 3
"""Layers that say the answers."""

Look = dict[str, np.ndarray]


class Calibration(CalibrationDataReader):
    """Looks as ONNX Runtime asks for them."""

    def __init__(self, looks: Iterable[Look]) -> None:
        self._looks = iter(looks)

    def get_next(self) -> Look | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return next(self._looks, None)


def main() -> None:
    """Read, write, say how large both are."""
    parser = argparse.ArgumentParser(description="A finder's network in 8 bits.")
    parser.add_argument("model", type=Path, help="posegrid-find.onnx of a training")
    parser.add_argument("people", type=Path, help="made by posegrid scenes")
    parser.add_argument("--backgrounds", type=Path, required=True, help="panoramas/ and textures/")
    parser.add_argument("--out", type=Path, required=True, help="takes the network (.onnx)")
    asked = parser.parse_args()
    folders = SceneFolders(asked.backgrounds, asked.people)
    folders.check("train")
    onnx_answer(asked.model)  # a finder's, or told
    before = asked.model.stat().st_size
    write_in_8_bits(asked.model, asked.out, looks_in(folders))
    print(f"{asked.out}: {before / 1e6:.1f} > {asked.out.stat().st_size / 1e6:.1f} MB")


def looks_in(folders: SceneFolders) -> Iterator[Look]:
    """Scenes of training people, two at a time."""
    for batch in Scenes(folders, "train", SEED).ahead(range(BATCHES), 0):
        for start in range(0, min(len(batch.frame), LOOKS), 2):
            yield {name: getattr(batch, name)[start : start + 2].numpy() for name in INPUTS}


def write_in_8_bits(model: Path, out: Path, looks: Iterable[Look]) -> None:
    """Static quantisation of ONNX Runtime, weights per channel; the facts stay as they are."""
    facts = onnx.load(model).metadata_props
    with tempfile.TemporaryDirectory() as folder, written(out, "make room") as temporary:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(model, prepared, skip_symbolic_shape=True)
        layers = [node.name for node in onnx.load(prepared).graph.node if node.op_type == "Conv"]
        quantize_static(
            prepared,
            temporary,
            Calibration(looks),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=[layers[0], *layers[-LAST:]],
        )
        quantised = onnx.load(temporary)
        onnx.helper.set_model_props(quantised, {fact.key: fact.value for fact in facts})
        onnx.save(quantised, temporary)


if __name__ == "__main__":
    try:
        main()
    except (PosegridError, OSError) as error:
        raise SystemExit(str(error)) from None
