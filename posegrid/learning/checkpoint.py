"""A checkpoint: a network's weights and every fact needed to use them, in one `.safetensors` file.

Large tensors that 16 bits can hold as they are stand in 16 bits, in half the space. Only in files:
whoever reads them computes in 32 bits, with the same numbers in the checkpoint and in ONNX.
"""

from collections.abc import Collection, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Shaped, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from posegrid.body.estimate import Estimate
from posegrid.errors import CheckpointError, SettingsError
from posegrid.files import written
from posegrid.learning.batch import Batch
from posegrid.learning.data import in_unit_range
from posegrid.learning.model_facts import METADATA_KEY, ModelFacts, shown_crops
from posegrid.learning.networks import Network, build_network, network_name
from posegrid.learning.own_code import is_own
from posegrid.learning.pose_targets import PersonTarget
from posegrid.learning.targets import GridTarget, JointTarget, Target, pose_part, target_of

SHIPPED = "posegrid-m"
SHIPPED_WEIGHTS = Path(str(resources.files("posegrid"))) / "weights"
FEWEST = 10_000
"""Tensors of fewer numbers are not worth 16 bits."""


@runtime_checkable
class Facts(Protocol):
    """What a file of weights says about itself; a dataclass. `training`: how they came about."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def training(self) -> dict[str, Any]: ...
    def to_json(self) -> str: ...


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network ready to use, what its outputs mean, and where it comes from."""

    network: Network
    target: Target
    facts: ModelFacts

    def to(self, device: torch.device) -> "Checkpoint":
        """The same, answering from this device."""
        return replace(self, network=self.network.to(device))

    def predict_mm(
        self, images: UInt8[np.ndarray, "n *channels size size"], batch_size: int = 250
    ) -> Float[np.ndarray, "n 17 3"]:
        """Root-relative poses, mm, in `facts.pose_frame`, of grey crops, or of (n, 2, size, size)
        crops and masks.

        Raises CheckpointError for weights of the grid task, which know no poses, for crops of
        another shape, and for answers that are no numbers.
        """
        return self.estimate(images, batch_size).pose_mm

    def estimate(
        self, images: UInt8[np.ndarray, "n *channels size size"], batch_size: int = 250
    ) -> Estimate:
        """All that the weights say about the crops; raises as `predict_mm`."""
        target = pose_part(self.target)
        if isinstance(target, GridTarget):
            raise CheckpointError(
                "These weights answer the grid task, not poses; train them on first: posegrid train "
                "--init FILE."
            )
        parts = []
        for outputs in self._outputs(images, batch_size):
            own = outputs[:, : target.num_outputs]
            said = Estimate.of_poses(target.decode(own).cpu().numpy())
            if isinstance(target, PersonTarget):
                places_px = target.decode_keypoints_px(own).cpu().numpy()
                sigma_mm = target.decode_sigma_mm(own).cpu().numpy()
                places_px = places_px + self._border_px(target)
                said = replace(said, keypoints_px=places_px, sigma_mm=sigma_mm)
            parts.append(said)
        return Estimate.joined(parts)

    def predict_keypoints_px(
        self, images: UInt8[np.ndarray, "n *channels size size"], batch_size: int = 250
    ) -> Float[np.ndarray, "n 17 2"]:
        """The centre of each joint's likeliest cell, in the crops' pixels. CheckpointError but for
        the grid task.
        """
        if not isinstance(self.target, GridTarget):
            raise CheckpointError(
                "These weights answer poses, not the grid task; choose weights of posegrid pretrain."
            )
        target, places = self.target, [np.zeros((0, 17, 2), np.float32)]
        for outputs in self._outputs(images, batch_size):
            places.append(target.decode(outputs).cpu().numpy())
        return np.concatenate(places) + self._border_px(target)

    def grid_chances(
        self, images: UInt8[np.ndarray, "n *channels size size"], batch_size: int = 250
    ) -> tuple[Float[np.ndarray, "n 17 cells cells"], int]:
        """How likely each joint overlaps each cell, 0 to 1; and what of the crops is not seen at
        each side, pixels. Raises CheckpointError but for the grid task.
        """
        if not isinstance(self.target, GridTarget):
            raise CheckpointError("These weights answer poses, not the grid task.")
        cells = self.target.cells
        parts = [said.sigmoid().cpu().numpy() for said in self._outputs(images, batch_size)]
        border_px = (self.facts.image_size - self.target.image_size) // 2
        return np.concatenate(parts).reshape(len(images), -1, cells, cells), border_px

    def _border_px(self, target: GridTarget | PersonTarget) -> np.float32:
        """What the network does not see at each side of a crop."""
        return np.float32((self.facts.image_size - target.image_size) // 2)

    def _outputs(self, images: np.ndarray, batch_size: int) -> Iterator[torch.Tensor]:
        images = shown_crops(images, self.facts)
        self.network.eval()
        device = next(self.network.parameters()).device
        for start in range(0, len(images), batch_size):
            part = torch.from_numpy(np.ascontiguousarray(images[start : start + batch_size]))
            with torch.inference_mode():
                outputs = self.network(in_unit_range(part.to(device)))
            if not bool(outputs.isfinite().all()):
                raise CheckpointError(
                    "These weights answer NaN or infinity, not poses: training went astray, or they "
                    "are damaged. Choose others."
                )
            yield outputs


def with_measured_bounds(checkpoint: Checkpoint, validation: Iterable[Batch]) -> Checkpoint:
    """The checkpoint with the bounds of its uncertainty as they are on these crops of validation
    people; weights that state none as they are.
    """
    person = pose_part(checkpoint.target)
    if not isinstance(person, PersonTarget):
        return checkpoint
    said, truth = [], []
    for batch in validation:
        with torch.inference_mode():
            said.append(checkpoint.network(batch.images)[:, : person.num_outputs])
        truth.append(batch.pose_mm)
    bound_68, bound_95 = person.bounds(torch.cat(said), torch.cat(truth))
    person = replace(person, bound_68=bound_68, bound_95=bound_95)
    joint = checkpoint.target if isinstance(checkpoint.target, JointTarget) else None
    return replace(checkpoint, target=replace(joint, pose=person) if joint else person)


def halved(network: Network) -> Network:
    """The network with the weights of its linear layers rounded to 16 bits (11 binary digits)."""
    rounded = deepcopy(network)
    with torch.no_grad():
        for layer in rounded.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.copy_(layer.weight.half())
    return rounded


def fits_half(weights: Shaped[Tensor, "..."]) -> bool:
    """Whether these are many numbers of 32 bits that 16 bits can hold just as they are."""
    many = weights.dtype is torch.float32 and weights.numel() >= FEWEST
    return many and torch.equal(weights.half().float(), weights)


def save_checkpoint(path: Path, network: nn.Module, facts: Facts) -> None:
    """Write the weights, in 16 bits where these hold them as they are, and facts.

    Raises OutputError if the file cannot be written.
    """
    values = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    weights = {
        name: (value.half() if fits_half(value) else value.clone()).contiguous()
        for name, value in values.items()
    }
    advice = "free some space or choose another folder"
    # `save_file` would leave a temporary file of its own behind, should it be killed
    content = save(weights, metadata={METADATA_KEY: facts.to_json()})
    with written(path, advice) as temporary:
        temporary.write_bytes(content)


def load_facts(path: Path) -> ModelFacts:
    """The facts of a checkpoint alone. Raises CheckpointError."""
    return _read(path)[0]


def load_checkpoint(path: Path, own: Collection[str] = ()) -> Checkpoint:
    """The network with its weights; of the path `posegrid-m`, those that come with posegrid.

    own: code outside posegrid that it may need, such as my_network:build. Raises CheckpointError if
    the file is missing, damaged, no checkpoint of posegrid, of another format or skeleton, if its
    weights do not fit the network it names or are no numbers, or where they need other code.
    """
    path = SHIPPED_WEIGHTS / f"{path}.safetensors" if path == Path(SHIPPED) else path
    facts, weights = _read(path)
    for name in (facts.network, facts.target):
        if is_own(name) and name not in own:
            raise CheckpointError(
                f"{path}: needs code outside posegrid, {name}; say so with `own` {name}, if you "
                "trust it."
            )
    target = target_of(facts, str(path))
    try:
        network = build_network(
            network_name(facts.network), target, facts.image_size, facts.channels
        )
    except SettingsError as error:
        raise CheckpointError(f"{path}: {error}") from error
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    if found != shapes:
        wrong = sorted(
            name for name in shapes.keys() | found.keys() if shapes.get(name) != found.get(name)
        )
        raise CheckpointError(
            f"{path}: {len(wrong)} tensors do not fit the network {facts.network} with the target {facts.target}, "
            f"the first is {wrong[0]}: {found.get(wrong[0])}, expected {shapes.get(wrong[0])}. The file is damaged."
        )
    network.load_state_dict(weights)
    check_finite(network, path)
    return Checkpoint(network.eval(), target, facts)


def not_finite(network: nn.Module) -> str | None:
    """Name of the first tensor that holds NaN or infinity, if one does."""
    tensors = network.state_dict().items()
    return next((name for name, values in tensors if not bool(values.isfinite().all())), None)


def check_finite(network: nn.Module, path: Path) -> None:
    """Raises CheckpointError if a weight that was read from this file is no number."""
    name = not_finite(network)
    if name is not None:
        raise CheckpointError(
            f"{path}: {name} holds NaN or infinity, expected numbers: training went astray, or the "
            "file is damaged. Choose other weights."
        )


def _read(path: Path) -> tuple[ModelFacts, dict[str, torch.Tensor]]:
    if not path.is_file():
        raise CheckpointError(
            f"{path} is no file; expected a checkpoint (.safetensors) of posegrid train or pretrain."
        )
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(METADATA_KEY)
            if text is None:
                raise CheckpointError(
                    f"{path} is a safetensors file, but not of posegrid: it has no facts about itself."
                )
            names = file.keys()
            return ModelFacts.from_json(text, str(path)), {
                name: file.get_tensor(name) for name in names
            }
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint ({error}); it is damaged or another kind of file."
        ) from None
