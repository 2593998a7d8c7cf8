"""The mean of two checkpoints of one network, one trained on from the other.

    python scripts/average_weights.py BEFORE.safetensors AFTER.safetensors --share 0.7 --out OUT

What a network learns last it pays for with a little of what it knew before; the mean of both keeps
most of both (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022). Facts are those
of AFTER, which say what came before.
"""

from dataclasses import dataclass
from pathlib import Path

import tyro
from tyro.conf import Positional

from posegrid.learning.checkpoint import load_checkpoint, save_checkpoint


@dataclass(frozen=True)
class Settings:
    """Which checkpoints."""

    before: Positional[Path]
    after: Positional[Path]
    out: Path
    share: float = 0.7
    """Of `after`."""


def main(settings: Settings) -> None:
    """Write the mean."""
    before, after = load_checkpoint(settings.before), load_checkpoint(settings.after)
    if before.facts.network != after.facts.network:
        raise SystemExit(f"{before.facts.network} and {after.facts.network} have no mean.")
    first = before.network.state_dict()
    mean = {
        name: value.lerp(first[name], 1 - settings.share) if value.is_floating_point() else value
        for name, value in after.network.state_dict().items()
    }
    after.network.load_state_dict(mean)
    save_checkpoint(settings.out, after.network, after.facts)


if __name__ == "__main__":
    main(tyro.cli(Settings))
