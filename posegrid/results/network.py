"""Weights that run without torch: an ONNX file of `posegrid export` on ONNX Runtime."""

from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
from jaxtyping import Bool, Float, UInt8
from onnxruntime.capi import onnxruntime_pybind11_state as onnx_errors  # pyright: ignore[reportAttributeAccessIssue]

import posegrid
from posegrid.body.estimate import Estimate
from posegrid.body.skeleton import FEET_NAMES, NUM_JOINTS
from posegrid.errors import CheckpointError
from posegrid.learning.model_facts import METADATA_KEY, ModelFacts, shown_crops
from posegrid.people.crop import WITH_MASK
from posegrid.untrusted import DAMAGED

SHIPPED, SHIPPED_INT8 = "posegrid-m.onnx", "posegrid-m-int8"
INPUT, OUTPUT = "image", "pose_mm"
KEYPOINTS, SIGMA, FEET = "keypoints_px", "sigma_mm", "feet_mm"
MOST_BYTES = 2**31
"""Of memory, for all networks; posegrid-m takes 2 MB a crop of a batch."""

_UNREADABLE = (
    onnx_errors.Fail,
    onnx_errors.InvalidArgument,
    onnx_errors.InvalidGraph,
    onnx_errors.InvalidProtobuf,
    onnx_errors.ModelRequiresCompilation,
    onnx_errors.NoModel,
    onnx_errors.NotImplemented,
    onnx_errors.RuntimeException,
)
"""What ONNX Runtime raises for a file it cannot use; the classes have no common parent but
Exception.
"""


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """A network ready to estimate poses, and what it says about itself."""

    facts: ModelFacts
    name: str
    """Name of the file."""
    session: onnxruntime.InferenceSession

    def predict_mm(
        self, images: UInt8[np.ndarray, "N *channels S S"]
    ) -> Float[np.ndarray, "N 17 3"]:
        """Root-relative poses (float32, mm) of crops, in the pose frame that the facts name."""
        return self.estimate(images).pose_mm

    def estimate(
        self,
        images: UInt8[np.ndarray, "N *channels S S"],
        mirror: Bool[np.ndarray, "N"] | None = None,
    ) -> Estimate:
        """What the network says about crops.

        mirror: which of them to show as their mirror images, without background where there are
        masks; the answers are mirrored back. Networks are wrong in another way about those. Raises
        CheckpointError for crops of another size.
        """
        images = shown_crops(images, self.facts)
        if mirror is None or not mirror.any():
            return self._answer(images)
        shown = images.copy()
        shown[mirror] = (
            without_background(images[mirror])
            if self.facts.background in WITH_MASK
            else images[mirror]
        )[..., ::-1]
        said = self._answer(shown)
        back = said.mirrored(self.facts.image_size)
        return Estimate(
            *(
                _chosen(mirror, getattr(back, f.name), getattr(said, f.name))
                for f in fields(Estimate)
            )
        )

    def estimate_both(self, images: UInt8[np.ndarray, "N *channels S S"]) -> Estimate:
        """The mean of what the network says about the crops and about their mirror images: twice
        the work.
        """
        return self.estimate(images).averaged(
            self.estimate(images, np.ones(len(images), dtype=bool))
        )

    def _answer(self, images: np.ndarray) -> Estimate:
        if not len(images):
            return Estimate.joined([])
        names = [node.name for node in self.session.get_outputs()]
        size = self.facts.image_size
        pictures = images.reshape(-1, self.facts.channels, size, size).astype(np.float32)
        try:
            answers = self.session.run(names, {INPUT: pictures / 255})
            said = {
                name: np.asarray(answer, np.float32)
                for name, answer in zip(names, answers, strict=True)
            }
            self._check_answer(said, len(images))
        except (*_UNREADABLE, *DAMAGED) as error:
            raise CheckpointError(
                f"{self.name} gives no poses ({_first_line(error)}): it is damaged. Make it again with "
                "`posegrid export`."
            ) from error
        poses = Estimate.of_poses(said[OUTPUT])
        return replace(
            poses, **{name: said[name] for name in (KEYPOINTS, SIGMA, FEET) if name in said}
        )

    def _check_answer(self, said: dict[str, np.ndarray], count: int) -> None:
        """Raise ValueError for answers of other shapes than poses have, or that are no numbers."""
        shapes = {OUTPUT: (NUM_JOINTS, 3), KEYPOINTS: (NUM_JOINTS, 2), SIGMA: (NUM_JOINTS,)}
        shapes |= {FEET: (len(FEET_NAMES), 3)}
        for name, shape in shapes.items():
            if name in said and said[name].shape != (count, *shape):
                raise ValueError(f"{name} has the shape {said[name].shape}")
            if name in said and not np.isfinite(said[name]).all():
                raise ValueError(f"{name} holds NaN")


def _chosen(first: Bool[np.ndarray, "N"], one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.where(first.reshape(-1, *(1,) * (one.ndim - 1)), one, other).astype(np.float32)


def without_background(images: UInt8[np.ndarray, "N C S S"]) -> UInt8[np.ndarray, "N C S S"]:
    """The crops black off their masks, dark where a mask is not sure: the other way in which these
    networks have learnt to see people.
    """
    crops, mask = images[:, :-1], images[:, -1:]
    seen = np.rint(crops * (mask / np.float32(255))).astype(np.uint8)
    return np.concatenate([seen, mask], axis=1)


def load_onnx(path: Path | None = None, *, threads: int = 1) -> OnnxModel:
    """The network in an ONNX file of `posegrid export`; None: the weights that come with posegrid.

    `posegrid-m-int8` names the same in whole numbers of 8 bits: faster, a little less accurate.

    threads: how many cores one call may use. Raises CheckpointError if the file is missing,
    damaged, not of posegrid, or of another format or skeleton.
    """
    where, content = _content(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4
    _bound_memory()
    options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    except (*_UNREADABLE, *DAMAGED) as error:
        raise CheckpointError(
            f"{where} cannot be read as ONNX ({_first_line(error)}): it is damaged or another kind of file. "
            "Make it again with `posegrid export`."
        ) from error
    if text is None:
        raise CheckpointError(
            f"{where} is an ONNX file, but not of posegrid: it has no facts about itself."
        )
    facts = ModelFacts.from_json(text, where)
    _check_shapes(session, facts, where)
    return OnnxModel(facts, Path(where).name, session)


@cache
def _bound_memory() -> None:
    """Let networks take 2 GB in all: one of a few bytes can ask for any number of them."""
    device = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    bounds = onnxruntime.OrtArenaCfg({"max_mem": MOST_BYTES})
    onnxruntime.create_and_register_allocator(device, bounds)


def _content(path: Path | None) -> tuple[str, bytes | Path]:
    """Name and bytes of a weights' file; of those that come with posegrid the path, which takes less
    memory. (From a path ONNX Runtime also reads what other files a network names.)
    """
    if path is not None and path != Path(SHIPPED_INT8):
        if path.suffix == ".safetensors":
            raise CheckpointError(
                f"{path} is a checkpoint; turn it into ONNX first: posegrid export {path}"
            )
        if not path.is_file():
            raise CheckpointError(
                f"{path} is no file; expected weights (.onnx) of `posegrid export`."
            )
        try:
            return str(path), path.read_bytes()
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read ({error.strerror}).") from error
    name = SHIPPED if path is None else f"{SHIPPED_INT8}.onnx"
    shipped = Path(posegrid.__path__[0], "weights", name)
    if not shipped.is_file():
        raise CheckpointError(
            f"This installation of posegrid has no weights (posegrid/weights/{name}); give some as `weights`."
        )
    return name, shipped


def _check_shapes(session: onnxruntime.InferenceSession, facts: ModelFacts, where: str) -> None:
    """Raise CheckpointError unless the network takes such crops and answers with poses."""
    inputs = {node.name: node.shape for node in session.get_inputs()}
    outputs = {node.name: node.shape for node in session.get_outputs()}
    size = facts.image_size
    if (
        set(inputs) != {INPUT}
        or inputs[INPUT][1:] != [facts.channels, size, size]
        or OUTPUT not in outputs
    ):
        raise CheckpointError(
            f"{where}: takes {inputs} and answers {list(outputs)}, expected {INPUT} (N, {facts.channels}, {size}, "
            f"{size}) and {OUTPUT} (N, {NUM_JOINTS}, 3). Make it again with `posegrid export`."
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
