"""Linear layers in 16 bits: most of a network's numbers are theirs, and files hold them in half the space.

Only files: whoever reads them computes in 32 bits, with the same rounded numbers in the checkpoint and in ONNX.
"""

from copy import deepcopy

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from posegrid.learning.networks import Network

FEWEST = 10_000
"""Tensors of fewer numbers are not worth it."""


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
