"""What lies between a sensor and a crop of ordinary video: tone, motion blur, few pixels,
compression.
"""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from posegrid.walkers.codec import BLOCK_PX, a_moment_before, coded

UNTOUCHED_SHARE = 0.15
JPEG_SHARE, CODEC_SHARE = 0.25, 0.35
"""Of the others: compressed picture by picture, and as video."""
QUANTISERS = (22, 41)
"""From hardly visible to a video call over a poor line."""
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
    """JPEG quality 1..100 at that size, as of a webcam; None: no JPEG."""
    quantiser: int | None = None
    """Of H.264 at that size, 0..51, see `codec.py`; None: no H.264."""
    shift_px: tuple[float, float] = (0.0, 0.0)
    """How far the person moves between two frames of that video."""
    block_corner: tuple[int, int] = (0, 0)
    """Where in a block of that video the crop begins, pixels (x, y)."""


def random_footage(rng: np.random.Generator) -> Footage:
    """Footage from perfect to poor."""
    if rng.random() < UNTOUCHED_SHARE:
        return Footage()
    compression = rng.random()
    return Footage(
        mean_level=float(rng.uniform(0.22, 0.62)),
        contrast=float(np.exp(rng.normal(0.3, 0.25))),
        black_level=float(rng.uniform(0, 30)) if rng.random() < 0.2 else 0.0,
        smear=float(rng.uniform(0.01, 0.05)) if rng.random() < 0.25 else 0.0,
        smear_upright=bool(rng.random() < 0.25),
        scale=float(rng.uniform(0.45, 0.85)) if rng.random() < 0.35 else 1.0,
        quality=int(rng.integers(15, 90)) if compression < JPEG_SHARE else None,
        quantiser=int(rng.integers(*QUANTISERS)) if compression > 1 - CODEC_SHARE else None,
        shift_px=(float(rng.normal(0, 2.0)), float(rng.normal(0, 0.7))),
        block_corner=(int(rng.integers(BLOCK_PX)), int(rng.integers(BLOCK_PX))),
    )


def degraded(
    image: UInt8[np.ndarray, "size size 3"],
    footage: Footage,
    coverage: Float32[np.ndarray, "size size"],
) -> UInt8[np.ndarray, "size size 3"]:
    """The crop as it comes out of such footage. `coverage` says where the person is, 0..1."""
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
    if footage.quantiser is not None:
        picture = Image.fromarray(_as_video(np.asarray(picture), footage, coverage))
    if small < size:
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    return np.array(picture)


def _as_video(image: np.ndarray, footage: Footage, coverage: np.ndarray) -> np.ndarray:
    """The image after H.264, in which the person moved; `coverage` may be larger."""
    assert footage.quantiser is not None
    if coverage.shape != image.shape[:2]:
        coverage = np.asarray(
            Image.fromarray(coverage).resize(image.shape[1::-1], Image.Resampling.BOX)
        )
    before = a_moment_before(image, coverage, footage.shift_px)
    return coded(image, before, footage.quantiser, footage.block_corner)


def _toned(image: np.ndarray, footage: Footage) -> np.ndarray:
    levels, mean = np.linspace(0, 1, 256), float(np.clip(image.mean() / 255, 0.05, 0.95))
    wanted = mean if footage.mean_level is None else footage.mean_level
    gamma = np.clip(np.log(wanted) / np.log(mean), *GAMMA_RANGE)
    levels = np.clip((levels**gamma - wanted) * footage.contrast + wanted, 0, 1)
    return (levels * (255 - footage.black_level) + footage.black_level + 0.5).astype(np.uint8)[
        image
    ]


def _smeared(image: np.ndarray, length: int, axis: int) -> np.ndarray:
    """The mean of `length` copies, each a pixel farther along the axis."""
    total = np.zeros(image.shape, np.uint16)
    for shift in range(-(length // 2), length - length // 2):
        total += np.roll(image, shift, axis)
    return (total // length).astype(np.uint8)
