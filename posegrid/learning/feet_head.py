"""Heels and toes: a second, small head on the last features of a pose network that stays as it is.

It answers where the points of `FEET_NAMES` are from their ankles. A file of it (.safetensors) says by
a hash which backbone it was learnt on: on another one it would answer nonsense.
"""

import hashlib
from pathlib import Path

from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from posegrid.body.skeleton import FEET_NAMES, FEET_PARENTS
from posegrid.errors import CheckpointError
from posegrid.files import written
from posegrid.learning.checkpoint import check_finite
from posegrid.learning.networks import Backbone
from posegrid.learning.pose_targets import POSE_UNIT_MM

HIDDEN, DROPOUT = 128, 0.2
BACKBONE_KEY = "posegrid_backbone"


class FeetHead(nn.Module):
    """From a backbone's features to heels and toes."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(num_features, HIDDEN)
        self.dropout = nn.Dropout(DROPOUT)
        self.last = nn.Linear(HIDDEN, 3 * len(FEET_NAMES))

    def from_ankles_mm(self, features: Float[Tensor, "n features"]) -> Float[Tensor, "n 4 3"]:
        """The points against their ankles, in the pose frame of the weights."""
        hidden = self.dropout(self.hidden(features).relu())
        return POSE_UNIT_MM * self.last(hidden).view(-1, len(FEET_NAMES), 3)

    def forward(
        self, features: Float[Tensor, "n features"], pose_mm: Float[Tensor, "n 17 3"]
    ) -> Float[Tensor, "n 4 3"]:
        """The points relative to the pelvis, as the poses are."""
        return pose_mm[:, list(FEET_PARENTS)] + self.from_ankles_mm(features)


def hash_of(backbone: Backbone) -> str:
    """SHA-256 of the backbone's names and numbers."""
    digest = hashlib.sha256()
    for name, values in sorted(backbone.state_dict().items()):
        digest.update(name.encode() + values.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_feet_head(path: Path, head: FeetHead, backbone: Backbone) -> None:
    """Write the head, and on which backbone it was learnt. Raises OutputError."""
    weights = {name: values.detach().cpu() for name, values in head.state_dict().items()}
    content = save(weights, metadata={BACKBONE_KEY: hash_of(backbone)})
    with written(path, "choose another place") as temporary:
        temporary.write_bytes(content)


def load_feet_head(path: Path, backbone: Backbone) -> FeetHead:
    """The head in a file. Raises CheckpointError if there is none, it is damaged, or was learnt on
    another backbone.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} is no file; scripts/learn_feet.py makes heads of feet.")
    try:
        with safe_open(path, framework="pt") as file:
            learnt_on = (file.metadata() or {}).get(BACKBONE_KEY)
            names = file.keys()
            weights = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read as a head of feet ({error}).") from None
    head = FeetHead(backbone.num_features)
    shapes = {name: values.shape for name, values in head.state_dict().items()}
    if learnt_on is None or {name: values.shape for name, values in weights.items()} != shapes:
        raise CheckpointError(f"{path} is no head of feet for these weights; learn one on them.")
    if learnt_on != hash_of(backbone):
        raise CheckpointError(f"{path} was learnt on other weights; learn one on these.")
    head.load_state_dict(weights)
    check_finite(head, path)
    return head.eval()
