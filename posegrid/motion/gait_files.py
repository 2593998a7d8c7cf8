"""A gait as text: everything as JSON, its quantities as CSV."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from posegrid.motion.gait import Gait


def gait_json(gait: "Gait", **facts: object) -> str:
    """Facts, notes, quantities, events and strides; null for what was not seen. Curves: flexion at
    0, 1, ... 100 % of the stride.
    """
    content = {
        **facts,
        "notes": gait.notes,
        "sight_deg": gait.sight_deg,
        "of_depth": gait.of_depth,
        "quantities": {name: asdict(found) for name, found in gait.quantities.items()},
        "events_s": {
            side: {"strike": seen.strike_s, "off": seen.off_s} for side, seen in gait.events.items()
        },
        "strides": [asdict(stride) for stride in gait.strides],
    }
    return json.dumps(_plain(content), indent=1, allow_nan=False) + "\n"


def gait_csv(gait: "Gait") -> str:
    """A row for each quantity; empty for what was not seen."""
    lines = ["quantity,value,unit,uncertainty,spread,count"]
    for name, q in gait.quantities.items():
        value, uncertainty, spread = (
            "" if np.isnan(v) else f"{v:.9g}" for v in (q.value, q.uncertainty, q.spread)
        )
        lines.append(f"{name},{value},{q.unit},{uncertainty},{spread},{q.count}")
    return "\n".join(lines) + "\n"


def _plain(content: object) -> object:
    """The same with lists in the place of arrays and None in that of NaN, as JSON needs it."""
    if isinstance(content, Mapping):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, np.ndarray | np.generic):
        return _plain(content.tolist())
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    return None if isinstance(content, float) and np.isnan(content) else content
