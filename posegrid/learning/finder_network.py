"""`posegrid_find`: a small U-Net that finds people in a frame, with a reference of the empty scene
or without.

Works at a quarter of the frame's resolution and coarser; masks come out at the whole of it by sub-
pixel convolution (Shi et al., 2016), their edges out of the pixels themselves. People are told
apart by centres and boxes (CenterNet, Zhou et al., 2019) and by the centre that every pixel points
at (Panoptic-DeepLab, Cheng et al., 2020). The reference as a second input follows BSUV-Net (Tezcan
et al., 2020). With a box as `prior` the same network answers for one person only.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

NETWORK = "posegrid_find"
STRIDE, MULTIPLE = 4, 32
SIZE_UNIT_PX, OWNER_UNIT_PX = 32.0, 64.0
"""Pixels for which a box's side, and the way to a centre, answers 0 and 1."""
FINE = 64
"""Channels in which masks get their edges, out of the cells' own pixels."""
FREQUENT, RARE = -2.0, -4.6
"""First logits of masks and centres: shares of 0.12 and 0.01 of all."""


@dataclass(frozen=True)
class Widths:
    """Channels at a quarter, an eighth, a 16th and a 32nd of the resolution, on the way down; and
    up again.
    """

    down: tuple[int, int, int, int] = (32, 64, 96, 160)
    up: tuple[int, int, int] = (32, 48, 64)


class RawAnswers(NamedTuple):
    """What the network says, before any decoding."""

    mask: Float[Tensor, "n 1 H W"]
    """Logit of the pixel being a person's."""
    centre: Float[Tensor, "n 1 h w"]
    """Logit of a person's box having its centre in the cell of 4 x 4 pixels."""
    offset: Float[Tensor, "n 2 h w"]
    """From the cell's middle to the centre, in cells (x, y)."""
    size: Float[Tensor, "n 2 h w"]
    """Logarithm of the box's width and height over 32 px."""
    owner: Float[Tensor, "n 2 h w"]
    """From the cell's middle to the centre of the person whose pixels these are, over 64 px (x, y).
    """
    seen: Float[Tensor, "n 2 h w"]
    """Logits of the head and of a foot being seen."""


class FinderModule(nn.Module):
    """Frame, reference, known and prior to `RawAnswers`."""

    def __init__(self, widths: Widths = Widths()) -> None:
        super().__init__()
        (c4, c8, c16, c32), (u4, u8, u16) = widths.down, widths.up
        self.stem = _conv(8 * STRIDE * STRIDE, c4, size=1)
        self.down4 = Residual(c4)
        self.to8, self.down8 = _conv(c4, c8, step=2), Residual(c8)
        self.to16, self.down16 = _conv(c8, c16, step=2), _residuals(c16, 4)
        self.to32, self.down32 = _conv(c16, c32, step=2), _residuals(c32, 3)
        self.context = nn.Linear(c32, c32)
        self.mix16, self.up16 = _conv(c16 + c32, u16, size=1), _residuals(u16, 2)
        self.mix8, self.up8 = _conv(c8 + u16, u8, size=1), _residuals(u8, 2)
        self.mix4, self.up4 = _conv(c4 + u8, u4, size=1), Residual(u4)
        self.edges = _conv(8 * STRIDE * STRIDE + u4, FINE, size=1)
        self.mask = nn.Conv2d(FINE, STRIDE * STRIDE, 1)
        self.things, self.answers = _conv(u4, u4, size=1), nn.Conv2d(u4, 9, 1)
        with torch.no_grad():
            for layer, first in ((self.mask, FREQUENT), (self.answers, 0.0)):
                assert layer.bias is not None
                layer.bias.fill_(first)
            assert self.answers.bias is not None
            self.answers.bias[0] = RARE
        nn.init.zeros_(self.context.weight)

    def forward(self, frame: Tensor, reference: Tensor, known: Tensor, prior: Tensor) -> RawAnswers:
        """What it says about 8-bit pictures (n, 3, H, W), (n, 3, H, W), (n, 1, H, W), (n, 1, H, W).

        H and W are multiples of 32; the reference does not matter where `known` is 0.
        """
        cells = functional.pixel_unshuffle(_planes(frame, reference, known, prior), STRIDE)
        cells = cells.contiguous(memory_format=torch.channels_last)
        down4 = self.down4(self.stem(cells))
        down8 = self.down8(self.to8(down4))
        down16 = self.down16(self.to16(down8))
        down32 = self.down32(self.to32(down16))
        down32 = down32 + self.context(down32.mean((2, 3)))[:, :, None, None]
        up16 = self.up16(self.mix16(torch.cat([down16, _doubled(down32)], 1)))
        up8 = self.up8(self.mix8(torch.cat([down8, _doubled(up16)], 1)))
        up4 = self.up4(self.mix4(torch.cat([down4, _doubled(up8)], 1)))
        edges = self.edges(torch.cat([cells, up4], 1))
        mask = functional.pixel_shuffle(self.mask(edges), STRIDE)
        rest = self.answers(self.things(up4))
        return RawAnswers(mask, rest[:, :1], rest[:, 1:3], rest[:, 3:5], rest[:, 5:7], rest[:, 7:9])


class Residual(nn.Module):
    """x + a 3 x 3 convolution of it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels, momentum=0.02)
        nn.init.zeros_(self.norm.weight)  # begins as the identity

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return functional.relu(x + self.norm(self.conv(x)))


def _residuals(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Residual(channels) for _ in range(count)))


def _conv(inputs: int, outputs: int, size: int = 3, step: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, step, size // 2, bias=False),
        nn.BatchNorm2d(outputs, momentum=0.02),
        nn.ReLU(),
    )


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def _planes(frame: Tensor, reference: Tensor, known: Tensor, prior: Tensor) -> Tensor:
    """Eight planes: the frame, its difference to the reference where that is known, what is known,
    and the prior.
    """
    known, frame = known.float(), frame.float()
    difference = ((frame - reference.float()) * known / 48).clamp(-3, 3)
    return torch.cat([frame / 64 - 2, difference, known, prior.float()], 1)


class Decoded(NamedTuple):
    """The network's answers as probabilities and pixels: the outputs of the ONNX file."""

    person: Float[Tensor, "n 1 H W"]
    centre: Float[Tensor, "n 1 h w"]
    box: Float[Tensor, "n 4 h w"]
    """x0, y0, x1, y1 of the box whose centre the cell is, pixels."""
    owner: Float[Tensor, "n 2 h w"]
    """x, y of the centre of the person whose pixels these are, pixels."""
    seen: Float[Tensor, "n 2 h w"]


def decode(answers: RawAnswers) -> Decoded:
    """Probabilities, boxes and centres in pixels."""
    ones = torch.ones_like(answers.centre)
    cells = torch.cat([ones.cumsum(3), ones.cumsum(2)], 1) - 0.5
    centre = (cells + answers.offset) * STRIDE
    half = 0.5 * SIZE_UNIT_PX * torch.exp(answers.size.clamp(-4, 4))
    owner = cells * STRIDE + answers.owner * OWNER_UNIT_PX
    return Decoded(
        torch.sigmoid(answers.mask),
        torch.sigmoid(answers.centre),
        torch.cat([centre - half, centre + half], 1),
        owner,
        torch.sigmoid(answers.seen),
    )
