"""The networks: one grammar, a backbone (convolutions, then hidden layers) and an exchangeable
linear head.

    features = backbone.forward_features(images)      images (N, channels, size, size), 0..1, grey
    or red, green, blue; perhaps a mask
    outputs = head(features)                          what the numbers mean is the target's matter

Pooling stands before the activation everywhere: for rising activations the result is the same, for
a quarter of the work.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from posegrid.datasets.stored_crops import LUMA
from posegrid.errors import CheckpointError, SettingsError
from posegrid.learning.data import centre_cropped
from posegrid.learning.model_facts import NetworkName
from posegrid.learning.own_code import is_own, own_features
from posegrid.learning.targets import GridTarget, Target
from posegrid.learning.training_settings import Layers

WIDTHS: Mapping[str, tuple[int, int, int]] = {
    "posegrid_s": (32, 64, 128),
    "posegrid_m": (64, 112, 208),
}
"""Our own networks: maps at a quarter, an eighth and a sixteenth of the crop's side."""
INPUT_GAIN = 4.0
"""Grey values of a person before black are small; times this they spread by about one."""


class Backbone(nn.Module):
    """Convolutions and hidden layers; the part of a network that is transferred."""

    def __init__(
        self,
        convolutions: nn.Module,
        hidden: nn.Module,
        input_size: int,
        num_features: int,
        gain: float = INPUT_GAIN,
    ) -> None:
        super().__init__()
        self.convolutions = convolutions
        self.hidden = hidden
        self.input_size = input_size
        """Side of the square that the convolutions see, in pixels; larger crops lose their
        border.
        """
        self.num_features = num_features
        self.gain = gain
        """What grey values are multiplied by first."""

    def forward_features(
        self, images: Float[Tensor, "n channels size size"]
    ) -> Float[Tensor, "n features"]:
        """The last hidden layer's answers to grey crops in 0..1."""
        return self.hidden(
            self.convolutions(centre_cropped(images, self.input_size) * self.gain).flatten(1)
        )

    forward = forward_features


class Network(nn.Module):
    """A backbone and a linear head."""

    def __init__(self, backbone: Backbone, target: Target) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = _new_head(backbone, target)

    def forward(self, images: Float[Tensor, "n channels size size"]) -> Float[Tensor, "n outputs"]:
        """The target's outputs for grey crops in 0..1."""
        return self.head(self.backbone.forward_features(images))


def build_network(name: str, target: Target, image_size: int = 128, channels: int = 1) -> Network:
    """A fresh network for crops of image_size pixels and so many channels; of the user's own, if
    its name is `module:function` (`own_code.own_features`).

    Raises SettingsError for an unknown name, or a size that does not fit.
    """
    if is_own(name):
        features, width = own_features(name, image_size, channels)
        return Network(Backbone(features, nn.Identity(), image_size, width, gain=1.0), target)
    return Network(
        _build_backbone(name, image_size, channels, for_grid=isinstance(target, GridTarget)), target
    )


def network_name(text: str) -> str:
    """The text, if it names a network. Raises SettingsError that lists those there are."""
    if is_own(text) or text in get_args(NetworkName):
        return text
    raise SettingsError(
        f"Unknown network {text!r}; expected one of {', '.join(get_args(NetworkName))}, or "
        "`module:function`."
    )


def input_size_of(name: str, image_size: int) -> int:
    """Side of the square that the network's convolutions see, for crops of image_size pixels."""
    return round(image_size * 112 / 128) if name == "lichan2014" else image_size


def transfer(source: Network, network: Network, layers: Layers = "convolutions") -> None:
    """Copy the source's weights into a network of its kind: the convolutions only (2015), all but
    the head, or all.

    A narrower network fits into a wider one of the same layers, which then answers as the narrower
    one did. Raises CheckpointError where the two are not of the same kind.
    """
    parts = {
        "convolutions": ("backbone.convolutions",),
        "all_but_head": ("backbone",),
        "all": ("backbone", "head"),
    }[layers]
    for part in parts:
        weights, own = source.get_submodule(part).state_dict(), network.get_submodule(part)
        fresh = own.state_dict()
        others = part == "head" and len(weights["bias"]) != len(
            fresh["bias"]
        )  # another target's answers
        if (
            others
            or weights.keys() != fresh.keys()
            or not all(_fits(weights[name], fresh[name]) for name in fresh)
        ):
            raise CheckpointError(
                f"The {part} of the weights to start from does not fit; expected the same network or a narrower one of "
                "its kind, the same crop size"
                + (", background and target." if part == "head" else " and background.")
            )
        own.load_state_dict({name: _widened(weights[name], fresh[name]) for name in fresh})


def seeing_colours(network: Network) -> Network:
    """A network of grey crops and masks as one of red, green, blue and masks, which answers as that
    one does to their brightness (ITU-R BT.601's).

    What the first convolution gave grey goes to each colour by its share in the brightness.
    """
    coloured = deepcopy(network)
    first = next(layer for layer in coloured.modules() if isinstance(layer, nn.Conv2d))
    grey, mask = first.weight.detach().chunk(2, dim=1)
    first.weight = nn.Parameter(
        torch.cat([*(share * grey for share in LUMA.tolist()), mask], dim=1)
    )
    first.in_channels *= 2
    return coloured


def _fits(narrow: Tensor, wide: Tensor) -> bool:
    return narrow.ndim == wide.ndim and all(
        a <= b for a, b in zip(narrow.shape, wide.shape, strict=True)
    )


def _widened(narrow: Tensor, wide: Tensor) -> Tensor:
    """The fresh wider weights with the narrow ones in their first places.

    The first answers ignore what is new, so that they stay the same; the new ones start as they
    were drawn (growing a network that goes on answering alike: Chen et al., ICLR 2016, who copy old
    answers where these are new).
    """
    grown = wide.clone()
    if wide.ndim > 1:
        grown[: len(narrow)] = 0
    grown[tuple(slice(length) for length in narrow.shape)] = narrow
    return grown


def _new_head(backbone: Backbone, target: Target) -> nn.Linear:
    head = nn.Linear(backbone.num_features, target.num_outputs)
    target.start_head(head)
    return head


def _build_backbone(name: str, image_size: int, channels: int, *, for_grid: bool) -> Backbone:
    if image_size < 64 or image_size % 16:
        raise SettingsError(
            f"Crops of {image_size} pixels do not fit {name}; expected a multiple of 16, at least 64."
        )
    if name in WIDTHS:
        return _posegrid(WIDTHS[name], image_size, channels)
    if name == "lichan2014":
        return _lichan2014(input_size_of(name, image_size), channels, for_grid=for_grid)
    return _report2015(
        (5, 10, 15) if name == "report2015_small" else (32, 64, 64), image_size, channels
    )


def _report2015(widths: tuple[int, int, int], size: int, channels: int) -> Backbone:
    """The 2015 report's network: tanh throughout, 124 > 62, 58 > 29, 24 > 12 for 128 pixels."""
    first, second, third = widths
    convolutions = nn.Sequential(
        *(nn.Conv2d(channels, first, 5), nn.MaxPool2d(2), nn.Tanh()),
        *(nn.Conv2d(first, second, 5), nn.MaxPool2d(2), nn.Tanh()),
        *(nn.Conv2d(second, third, 6), nn.MaxPool2d(2), nn.Tanh()),
    )
    width = _num_outputs(convolutions, size, channels)
    hidden = nn.Sequential(nn.Linear(width, 1024), nn.Tanh(), nn.Linear(1024, 2048), nn.Tanh())
    for layer in _layers_of(convolutions, hidden):
        nn.init.xavier_uniform_(layer.weight)
    return Backbone(convolutions, hidden, size, 2048)


def _lichan2014(size: int, channels: int, *, for_grid: bool) -> Backbone:
    """Li & Chan (ACCV 2014), RGB for crops in colour, else grey: 104 > 52, 48 > 24, 20 > 10 for 112
    pixels.

    The last hidden layer answers with tanh for poses, with ReLU for the grid. Dropout 0.25: the
    paper prints no rate.
    """
    convolutions = nn.Sequential(
        *(nn.Conv2d(channels, 32, 9), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(32, 64, 5), ResponseNorm(64), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(64, 64, 5), nn.MaxPool2d(2), nn.ReLU()),
    )
    width = _num_outputs(convolutions, size, channels)
    last = nn.Linear(1024, 2048)
    hidden = nn.Sequential(
        *(nn.Dropout(0.25), nn.Linear(width, 1024), nn.ReLU()),
        *(nn.Dropout(0.25), last, nn.ReLU() if for_grid else nn.Tanh(), nn.Dropout(0.25)),
    )
    _start_he(convolutions, hidden)
    if not for_grid:
        nn.init.kaiming_normal_(last.weight, nonlinearity="linear")
    return Backbone(convolutions, hidden, size, 2048)


def _posegrid(widths: tuple[int, int, int], size: int, channels: int) -> Backbone:
    """Our own: a small residual network that sees 4 x 4 pixels as 16 channels, and keeps the map
    flat at the end.

    Averaging the map away before the head loses where things are and ruins the result.
    """
    fine, middle, coarse = widths
    convolutions = nn.Sequential(
        *(nn.PixelUnshuffle(4), nn.Conv2d(16 * channels, fine, 3, padding=1, bias=False)),
        *(nn.BatchNorm2d(fine), nn.ReLU()),
        *(ResidualBlock(fine, middle, halve=True), ResidualBlock(middle, middle)),
        *(ResidualBlock(middle, coarse, halve=True), ResidualBlock(coarse, coarse)),
        *(nn.Conv2d(coarse, 48, 1, bias=False), nn.BatchNorm2d(48), nn.ReLU()),
    )
    hidden = nn.Sequential(nn.Linear(48 * (size // 16) ** 2, 448), nn.ReLU())
    _start_he(convolutions, hidden)
    return Backbone(convolutions, hidden, size, 448)


class ResponseNorm(nn.Module):
    """Local response normalisation over 5 channels, x / (1 + a / 5 * sum of squares)^0.75
    (Krizhevsky et al., 2012).

    The same numbers as `nn.LocalResponseNorm(5)` in less than half its time: the sum is a 1 x 1
    convolution.
    """

    def __init__(self, channels: int, alpha: float = 1e-4) -> None:
        super().__init__()
        places = torch.arange(channels)
        band = ((places[:, None] - places).abs() <= 2).float()
        self.weights: Tensor
        self.ones: Tensor
        self.register_buffer("weights", (band * (alpha / 5))[:, :, None, None], persistent=False)
        self.register_buffer("ones", torch.ones(channels), persistent=False)

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The maps, each value divided by what its neighbour channels have at the same place."""
        root = torch.rsqrt(functional.conv2d(maps.square(), self.weights, self.ones))
        return maps * (root * torch.sqrt(root))


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (He et al., CVPR 2016; shortcut by averaging: He et
    al., CVPR 2019).

    It begins as its shortcut alone: the last normalisation starts at zero.
    """

    def __init__(self, channels_in: int, channels: int, *, halve: bool = False) -> None:
        super().__init__()
        stride = 2 if halve else 1
        self.first = nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        norm = nn.BatchNorm2d(channels)
        for parameter in norm.parameters():
            nn.init.zeros_(parameter)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), norm)
        self.shortcut = nn.Sequential()
        if halve or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride),
                nn.Conv2d(channels_in, channels, 1, bias=False),
                nn.BatchNorm2d(channels),
            )

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d i j"]:
        """The block's maps, half as high and wide where it halves."""
        return functional.relu(self.second(self.first(maps)) + self.shortcut(maps))


def _start_he(*parts: nn.Module) -> None:
    """Weights after He et al. (ICCV 2015)."""
    for layer in _layers_of(*parts):
        mode = "fan_out" if isinstance(layer, nn.Conv2d) and layer.bias is None else "fan_in"
        nn.init.kaiming_normal_(layer.weight, mode=mode, nonlinearity="relu")


def _layers_of(*parts: nn.Module) -> Iterator[nn.Conv2d | nn.Linear]:
    """All layers with weights, their biases set to zero."""
    for part in parts:
        for layer in part.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
                yield layer


def _num_outputs(convolutions: nn.Module, size: int, channels: int) -> int:
    with torch.no_grad():
        return convolutions(torch.zeros(1, channels, size, size)).numel()
