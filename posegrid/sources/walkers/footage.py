"""What lies between a sensor and a crop of ordinary video: tone, motion blur, few pixels, compression."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image

UNTOUCHED_SHARE = 0.15
GAMMA_RANGE = (0.5, 1.8)
"""How far a camera's exposure bends the levels, at most."""


@dataclass(frozen=True)
class Footage:
    """How a crop's video was taken and stored. The default changes nothing."""

    mean_level: float | None = None
    """Mean (of 0..1) that the camera exposes for, as far as it can; None: as the light is."""
    contrast: float = 1.0
    """Slope of the tone curve about that mean; blacks and whites are cut off as cameras do."""
    black_level: float = 0.0
    """Level (of 255) that black becomes: haze, stray light."""
    smear: float = 0.0
    """Length of the motion blur as a share of the crop's side."""
    smear_upright: bool = False
    scale: float = 1.0
    """The person was filmed with this share of the crop's pixels."""
    quality: int | None = None
    """JPEG quality 1..100 at that size, which video of few bits looks like; None: not compressed."""


def random_footage(rng: np.random.Generator) -> Footage:
    """Footage from perfect to poor."""
    if rng.random() < UNTOUCHED_SHARE:
        return Footage()
    return Footage(
        mean_level=float(rng.uniform(0.22, 0.62)),
        contrast=float(np.exp(rng.normal(0.3, 0.25))),
        black_level=float(rng.uniform(0, 30)) if rng.random() < 0.2 else 0.0,
        smear=float(rng.uniform(0.01, 0.05)) if rng.random() < 0.25 else 0.0,
        smear_upright=bool(rng.random() < 0.25),
        scale=float(rng.uniform(0.45, 0.85)) if rng.random() < 0.35 else 1.0,
        quality=int(rng.integers(15, 90)) if rng.random() < 0.6 else None,
    )


def degraded(image: UInt8[np.ndarray, "size size 3"], footage: Footage) -> UInt8[np.ndarray, "size size 3"]:
    """The crop as it comes out of such footage."""
    size = len(image)
    length = round(footage.smear * size)
    if length > 1:
        image = _smeared(image, length, axis=0 if footage.smear_upright else 1)
    picture = Image.fromarray(_toned(image, footage))
    small = round(footage.scale * size)
    if small < size:
        picture = picture.resize((small, small), Image.Resampling.BOX)
    if footage.quality is not None:
        stream = BytesIO()
        picture.save(stream, "JPEG", quality=footage.quality)
        picture = Image.open(stream)
    if small < size:
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    return np.array(picture)


def _toned(image: np.ndarray, footage: Footage) -> np.ndarray:
    levels, mean = np.linspace(0, 1, 256), float(np.clip(image.mean() / 255, 0.05, 0.95))
    wanted = mean if footage.mean_level is None else footage.mean_level
    gamma = np.clip(np.log(wanted) / np.log(mean), *GAMMA_RANGE)
    levels = np.clip((levels**gamma - wanted) * footage.contrast + wanted, 0, 1)
    return (levels * (255 - footage.black_level) + footage.black_level + 0.5).astype(np.uint8)[image]


def _smeared(image: np.ndarray, length: int, axis: int) -> np.ndarray:
    """The mean of `length` copies, each a pixel farther along the axis."""
    total = np.zeros(image.shape, np.uint16)
    for shift in range(-(length // 2), length - length // 2):
        total += np.roll(image, shift, axis)
    return (total // length).astype(np.uint8)
