"""A network or a target of the user's own, called `module:name` where posegrid's have a name.

The module is looked for where Python looks, and in the folder that one is in. Weights say what code
they need; it is imported only if the user names it, too (`load_checkpoint`): a file of weights
never chooses what runs.
"""

import os
import sys
from importlib import import_module
from typing import Any

import torch
from torch import nn

from posegrid.errors import SettingsError


def is_own(name: str) -> bool:
    """Whether it names code of the user's own."""
    return ":" in name


def own_code(name: str) -> Any:
    """What `module:name` stands for. Raises SettingsError where there is no such thing."""
    module, _, attribute = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"{name}: no such code ({error}); expected `module:name`, the module in this folder or "
            "where Python finds it."
        ) from error


def own_features(name: str, image_size: int, channels: int) -> tuple[nn.Module, int]:
    """The user's network without a head, and how many numbers it answers for a crop.

    name(channels, image_size) gives a module from grey crops in 0..1, (N, channels, image_size,
    image_size), to maps or features. Raises SettingsError for anything else.
    """
    features = own_code(name)(channels, image_size)
    if not isinstance(features, nn.Module):
        raise SettingsError(f"{name} gave {type(features).__name__}: expected a torch.nn.Module.")
    features.eval()
    with torch.no_grad():
        said = features(torch.zeros(2, channels, image_size, image_size))
    if not isinstance(said, torch.Tensor) or len(said) != 2:
        raise SettingsError(f"{name}: its module must answer a tensor with a row for each crop.")
    return features.train(), said.flatten(1).shape[1]
