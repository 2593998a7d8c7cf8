"""A batch: crops and their true answers, as every target takes them."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Batch(NamedTuple):
    """Crops and their true answers."""

    images: Float[Tensor, "n channels size size"]
    """Grey, or red, green, blue, 0..1; perhaps the person's mask as the last channel, 0 or 1."""
    pose_mm: Float[Tensor, "n 17 3"]
    """Root-relative, in the pose frame of the run."""
    keypoints_px: Float[Tensor, "n 17 2"]
    """In the pixels of `images`."""

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        return Batch(*(values.to(device, non_blocking=True) for values in self))
