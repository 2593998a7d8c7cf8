"""What cameras do to scenes: exposure and tone that drift between reference and frame, noise, blur,
compression.

Levels are 0..255 in the sRGB curve throughout.
"""

from dataclasses import dataclass
from functools import cache
from io import BytesIO

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from posegrid.walkers.scenes import kernels


@dataclass(frozen=True)
class Faults:
    """How a video was taken. The default changes nothing."""

    level: float | None = None
    """Mean level 0..255 that the camera exposes for, as far as it can, in the reference as in the
    frame.
    """
    bend: float = 1.0
    """Exponent of the levels, alike."""
    drift_gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Of the frame alone, by channel: the exposure, or the white balance, has changed."""
    drift_bend: float = 1.0
    local_tone: float = 0.0
    """How much brighter or darker parts of the frame alone became (standard deviation of its
    logarithm).
    """
    bands: float = 0.0
    """Depth of the bands that mains light leaves in the frame alone, 0..1."""
    grey: str = "colour"
    """colour; grey; infrared: grey of any mixture of channels, with a strong tone curve."""
    blur: float = 0.0
    smear_px: int = 0
    """Length of the motion blur of the frame, pixels."""
    smear_upright: bool = False
    small: float = 1.0
    """Both were recorded with this share of the pixels a side."""
    noise: float = 0.0
    shot: float = 0.0
    quality: int | None = None
    """Of JPEG, for both."""


def random_faults(rng: np.random.Generator) -> Faults:
    """From a good camera's to a poor one's."""
    if rng.random() < 0.06:
        return Faults()
    drift = rng.random() < 0.35
    return Faults(
        level=float(
            rng.uniform(60.0, 170.0)
            if rng.random() < 0.85
            else np.exp(rng.uniform(np.log(12), np.log(225)))
        ),
        bend=float(np.exp(rng.normal(0, 0.22))),
        drift_gain=tuple(np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.04, 3)))
        if drift
        else (1.0, 1.0, 1.0),
        drift_bend=float(np.exp(rng.normal(0, 0.12))) if drift else 1.0,
        local_tone=float(rng.uniform(0.03, 0.25)) if rng.random() < 0.13 else 0.0,
        bands=float(rng.uniform(0.03, 0.25)) if rng.random() < 0.07 else 0.0,
        grey=str(rng.choice(["colour", "grey", "infrared"], p=[0.84, 0.1, 0.06])),
        blur=float(rng.uniform(0.0, 0.2)),
        smear_px=int(rng.integers(2, 9)) if rng.random() < 0.1 else 0,
        smear_upright=bool(rng.random() < 0.3),
        small=float(rng.uniform(0.4, 0.85)) if rng.random() < 0.15 else 1.0,
        noise=float(np.exp(rng.uniform(np.log(0.3), np.log(9.0)))),
        shot=float(rng.uniform(0.0, 0.35)) if rng.random() < 0.5 else 0.0,
        quality=int(rng.integers(12, 92)) if rng.random() < 0.45 else None,
    )


Pictures = tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]


def filmed(
    rng: np.random.Generator,
    frame: Float32[np.ndarray, "h w 3"],
    reference: Float32[np.ndarray, "h w 3"],
    cover: Float32[np.ndarray, "k h w"],
    faults: Faults,
    kind: str,
) -> Pictures:
    """Frame, reference, and where the reference is known, as such a camera gives them. `kind`: see
    `scenes.Reference`.

    Motion blur smears the coverage with the frame, in place.
    """
    if faults.smear_px:
        frame = _smeared(frame, faults)
        for each in cover:
            each[:] = _smeared(each, faults)
    if kind in ("shaken", "wrong"):
        reference = _displaced(rng, reference, kind)
    gain = (
        1.0
        if faults.level is None
        else float(np.clip(faults.level / max(frame.mean(), 2.0), 0.35, 5.0))
    )
    frame = _drifted(rng, _toned(frame, faults, gain), faults)
    frame = _taken(rng, frame, faults, faults.noise)
    if kind == "none":
        return frame, np.zeros_like(frame), np.zeros(frame.shape[:2], np.uint8)
    reference = _taken(
        rng, _toned(reference, faults, gain), faults, faults.noise * float(rng.uniform(0.1, 0.6))
    )
    return frame, reference, _known(rng, frame.shape[:2])


def _smeared(image: np.ndarray, faults: Faults) -> np.ndarray:
    """The mean of copies, each a pixel farther along."""
    axis, length = (0 if faults.smear_upright else 1), faults.smear_px
    total = np.zeros_like(image)
    for shift in range(-(length // 2), length - length // 2):
        total += np.roll(image, shift, axis)
    return total / np.float32(length)


def _displaced(rng: np.random.Generator, reference: np.ndarray, kind: str) -> np.ndarray:
    """The reference of a camera that was shaken by pixels, or that turned (then the mean of several
    places).
    """
    reach, copies = (
        (2.0, 1) if kind == "shaken" else (0.15 * reference.shape[1], int(rng.integers(1, 4)))
    )
    total = np.zeros_like(reference)
    for _ in range(copies):
        turn, zoom = rng.normal(0, 0.006), 1 + rng.normal(0, 0.006)
        middle = np.array([0.5 * reference.shape[1], 0.5 * reference.shape[0]])
        matrix = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        shift = middle - matrix @ middle + rng.normal(0, reach, 2)
        out = np.empty_like(reference)
        kernels.moved(reference, np.column_stack([matrix, shift]), out)
        total += out / np.float32(copies)
    return total


def _toned(image: np.ndarray, faults: Faults, gain: float) -> np.ndarray:
    if faults.grey != "colour":
        weights = np.array([0.3, 0.59, 0.11], np.float32)
        image = np.repeat((image @ weights)[..., None], 3, axis=-1)
    bend = faults.bend * (0.6 if faults.grey == "infrared" else 1.0)
    return _bent(image.copy(), np.full(3, gain), bend)


def _bent(image: np.ndarray, gain: np.ndarray, bend: float) -> np.ndarray:
    """Levels times gains, cut off at 255, to a power of themselves; in place."""
    levels = np.clip(np.arange(kernels.TONE_STEPS) / (kernels.TONE_STEPS * 255 / 256), 0, 1)
    kernels.toned(image, gain.astype(np.float32), (255 * levels**bend).astype(np.float32))
    return image


def _drifted(rng: np.random.Generator, frame: np.ndarray, faults: Faults) -> np.ndarray:
    """What changed since the reference was taken."""
    gain = np.array(faults.drift_gain, np.float32)
    gain = np.full(3, gain.mean(), np.float32) if faults.grey != "colour" else gain
    if faults.drift_bend != 1:
        frame = _bent(frame, np.ones(3), faults.drift_bend)
    if faults.local_tone:
        frame = frame * _field(rng, frame.shape[:2], faults.local_tone)[..., None]
    if faults.bands:
        rows = np.arange(len(frame)) / len(frame) * rng.uniform(1.0, 6.0) + rng.random()
        frame = (
            frame * (1 + faults.bands * np.sin(2 * np.pi * rows)).astype(np.float32)[:, None, None]
        )
    return frame * gain


def _field(rng: np.random.Generator, shape: tuple[int, int], spread: float) -> np.ndarray:
    """A smooth field of factors, or one of blocks with edges."""
    cells = rng.normal(0, spread, (int(rng.integers(2, 6)), int(rng.integers(2, 6)))).astype(
        np.float32
    )
    how = Image.Resampling.BICUBIC if rng.random() < 0.75 else Image.Resampling.NEAREST
    return np.exp(np.asarray(Image.fromarray(cells).resize((shape[1], shape[0]), how)))


def _taken(
    rng: np.random.Generator, image: np.ndarray, faults: Faults, noise: float
) -> UInt8[np.ndarray, "h w 3"]:
    """Blur, noise, few pixels, compression."""
    image = np.ascontiguousarray(image, np.float32)
    if faults.blur > 0.03:
        soft = np.empty_like(image)
        kernels.blurred(image, np.float32(faults.blur), soft)
        image = soft
    high, wide = image.shape[:2]
    small = (max(16, round(wide * faults.small)), max(16, round(high * faults.small)))
    out = np.empty(image.shape, np.uint8)
    bank = _noise()
    shrunk = faults.small < 1
    kernels.finished(
        image, bank, int(rng.integers(len(bank))), np.float32(noise), np.float32(faults.shot), out
    )
    if faults.grey != "colour":
        out[:] = out[..., :1]
    if not shrunk and faults.quality is None:
        return out
    picture = Image.fromarray(out)
    if shrunk:
        picture = picture.resize(small, Image.Resampling.BOX)
    if faults.quality is not None:
        stream = BytesIO()
        picture.save(stream, "JPEG", quality=faults.quality)
        picture = Image.open(stream)
    if shrunk:
        picture = picture.resize((wide, high), Image.Resampling.BILINEAR)
    return np.array(picture)


def _known(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """1 nearly everywhere: now and then a border or a part is not known."""
    known = np.ones(shape, np.uint8)
    if rng.random() < 0.08:
        edge = [
            int(rng.uniform(0, 0.15) * side) * int(rng.random() < 0.5) for side in (*shape, *shape)
        ]
        known[:] = 0
        known[edge[0] : shape[0] - edge[2], edge[1] : shape[1] - edge[3]] = 1
    if rng.random() < 0.05:
        y, x = (int(rng.integers(0, side)) for side in shape)
        high, wide = (int(rng.uniform(0.1, 0.6) * side) for side in shape)
        known[y : y + high, x : x + wide] = 0
    return known


@cache
def _noise() -> np.ndarray:
    """Standard normal numbers, taken in turn from a random place."""
    return np.random.default_rng(0).standard_normal(1 << 19, np.float32)
