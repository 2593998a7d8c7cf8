"""How far knees and hips of healthy adults bend over a stride: mean and spread between people, as published.

`normal_gait.csv`: 24 adults of 21 to 37 years, over ground at the speed they chose, right leg: the public data of
Fukuchi, Fukuchi & Duarte, PeerJ 2018, e4640 (doi.org/10.6084/m9.figshare.5722711, CC BY 4.0); means and standard
deviations of their joint angles as PhysioGaitNorm 2.0.0 tabulates them, every second per cent, rounded to 0.1 degrees.

Their angles are those of marker-based frames of thigh, shank and pelvis, ours those of lines through joint centres;
their hip flexion is against the pelvis, ours against the trunk. Healthy people may lie off by several degrees.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

SOURCE = "Fukuchi et al., PeerJ 2018, e4640 (CC BY 4.0)"
NUM_PEOPLE = 24


@dataclass(frozen=True, eq=False)
class NormalBand:
    """Flexion over the stride, degrees."""

    percent: Float[np.ndarray, "51"]
    """0, 2, ... 100 % of the stride."""
    mean_deg: Float[np.ndarray, "51"]
    spread_deg: Float[np.ndarray, "51"]
    """Standard deviation between people."""


def normal_band(joint: str) -> NormalBand:
    """What is normal for "knee" or "hip"."""
    columns = np.loadtxt(Path(__file__).with_suffix(".csv"), delimiter=",", skiprows=1, unpack=True)
    mean, spread = {"knee": (1, 2), "hip": (3, 4)}[joint]
    return NormalBand(columns[0], columns[mean], columns[spread])
