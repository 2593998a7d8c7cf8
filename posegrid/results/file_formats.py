"""The names of the formats that a motion is written in."""

from typing import Literal

Format = Literal["csv", "json", "trc", "c3d", "bvh", "glb", "npz", "angles", "html"]
