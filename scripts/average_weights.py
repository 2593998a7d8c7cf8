"""The mean of two checkpoints of one network, one trained on from the other.

    python scripts/average_weights.py BEFORE.safetensors AFTER.safetensors --share 0.7 --out OUT

The same with --finder for two of `train --target finder`; beside OUT.safetensors is then OUT.onnx.

What a network learns last it pays for with a little of what it knew before; the mean of both keeps
most of both (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022). Facts are those
of AFTER, which say what came before.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from safetensors import safe_open
from tyro.conf import Positional

from posegrid.errors import PosegridError
from posegrid.learning.checkpoint import load_checkpoint, save_checkpoint
from posegrid.learning.finder_export import THRESHOLDS, FinderFacts, export_finder
from posegrid.learning.finder_training import load_finder_module
from posegrid.learning.model_facts import METADATA_KEY


@dataclass(frozen=True)
class Settings:
    """Which checkpoints."""

    before: Positional[Path]
    """Checkpoint (.safetensors) that the other was trained on from."""
    after: Positional[Path]
    """The other."""
    out: Path
    """Takes the mean (.safetensors)."""
    share: float = 0.7
    """Of `after`, 0 to 1."""
    finder: bool = False
    """Whether they find people."""


def main(settings: Settings) -> None:
    """Write the mean."""
    if not 0 <= settings.share <= 1:
        raise SystemExit(f"share is {settings.share}; expected 0 to 1.")
    try:
        (mean_of_finders if settings.finder else mean_of_weights)(settings)
    except PosegridError as error:
        raise SystemExit(str(error)) from error


def mean_of_weights(settings: Settings) -> None:
    """Of two pose networks."""
    before, after = load_checkpoint(settings.before), load_checkpoint(settings.after)
    if before.facts.network != after.facts.network:
        raise SystemExit(f"{before.facts.network} and {after.facts.network} have no mean.")
    mix(before.network, after.network, settings.share)
    save_checkpoint(settings.out, after.network, after.facts)


def mean_of_finders(settings: Settings) -> None:
    """Of two finders; as ONNX, too."""
    before, after = load_finder_module(settings.before), load_finder_module(settings.after)
    with safe_open(settings.after, "pt") as file:
        said = (file.metadata() or {}).get(METADATA_KEY)
    if said is None:
        raise SystemExit(f"{settings.after} does not say how it was made; train on from it first.")
    facts = FinderFacts(**json.loads(said))
    mix(before, after, settings.share)
    export_finder(after, settings.out.with_suffix(".onnx"), THRESHOLDS, facts.training)
    save_checkpoint(settings.out, after.half(), facts)


def mix(before: torch.nn.Module, after: torch.nn.Module, share: float) -> None:
    """Turns the weights of `after` into the mean with those of `before`."""
    first = before.state_dict()
    after.load_state_dict(
        {
            name: value.lerp(first[name], 1 - share) if value.is_floating_point() else value
            for name, value in after.state_dict().items()
        }
    )


if __name__ == "__main__":
    main(tyro.cli(Settings))
