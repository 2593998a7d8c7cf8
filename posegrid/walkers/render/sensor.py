"""From linear light to the crop of an ordinary video: the sensor, tone, motion blur, few pixels,
compression.

Compressed as video means: sent through H.264, the second of two frames. The first is a key frame in
which the person was a little elsewhere, the second is predicted from it, as nearly all frames of a
video are: still surroundings keep the key frame's blocks, the person is moved blocks and coarse
residue.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from io import BytesIO
from typing import Literal

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from jaxtyping import Float32, UInt8
from PIL import Image

from posegrid.walkers.render import surface_kernels as kernels
from posegrid.walkers.render.picture_kernels import from_planes, move_person, to_planes

UNTOUCHED_SHARE = 0.15
JPEG_SHARE, CODEC_SHARE = 0.25, 0.35
"""Of the others: compressed picture by picture, and as video."""
QUANTISERS = (22, 41)
"""From hardly visible to a video call over a poor line."""
GAMMA_RANGE = (0.5, 1.8)
"""How far a camera's exposure bends the levels, at most."""
BLOCK_PX = 16
GROWN = 5
"""256ths by which the person of the frame before is larger."""
_H264_OPTIONS = {
    "preset": "superfast",
    "tune": "zerolatency",
    "x264-params": "threads=1:aq-mode=0:scenecut=0:ref=1:me=dia:weightp=0:log-level=-1",
}
"""One thread and a constant quantiser: the same bits wherever the same library runs."""


@dataclass(frozen=True)
class Sensor:
    """What a camera does to light. The default is a perfect camera with the sRGB tone curve."""

    blur: float = 0.0
    """Light that spills into each of four neighbouring pixels, a share of what stays, <= 0.25."""
    noise_levels: float = 0.0
    """Standard deviation of the noise, grey levels of 255."""
    exposure: float = 1.0
    """Factor on the light."""


PERFECT = Sensor()


def random_sensor(rng: np.random.Generator, kind: Literal["plain", "varied"]) -> Sensor:
    """Faults from none to those of an old telephone in a dim room; plain: of ordinary video."""
    most_noise, exposure_spread = (5, 0.15) if kind == "plain" else (16, 0.35)
    noise_levels = np.exp(rng.uniform(np.log(0.5), np.log(most_noise)))
    exposure = np.exp(rng.normal(0.0, exposure_spread))
    blur = float(rng.uniform(0, 0.25))
    return Sensor(blur, float(noise_levels), float(np.clip(exposure, 0.4, 2.2)))


def expose(
    light: Float32[np.ndarray, "H W 3"],
    sensor: Sensor = PERFECT,
    rng: np.random.Generator | None = None,
) -> UInt8[np.ndarray, "H W 3"]:
    """The RGB picture that a sensor makes of linear light; without `rng` there is no noise."""
    image, noise = np.empty(light.shape, np.uint8), _noise_bank()
    start = 0 if rng is None else int(rng.integers(len(noise)))
    levels = np.float32(0 if rng is None else sensor.noise_levels)
    table = _tone_table(sensor.exposure)
    kernels.expose(light, np.float32(sensor.blur), table, noise, levels, start, image)
    return image


@cache
def _noise_bank() -> np.ndarray:
    """A million standard normal numbers, taken in turn from a random place."""
    return np.random.default_rng(0).standard_normal(1 << 20, np.float32)


@cache
def _tone_table(exposure: float) -> np.ndarray:
    """Grey levels 0..255 of linear light 0..1 in equal steps, by the sRGB curve (IEC 61966-2-1)."""
    light = np.clip(np.linspace(0, 1, kernels.LUMA_STEPS + 1) * exposure, 0, 1)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return (255 * curve).astype(np.float32)


@dataclass(frozen=True)
class Degradation:
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
    """Of H.264 at that size, 0..51, see `coded`; None: no H.264."""
    shift_px: tuple[float, float] = (0.0, 0.0)
    """How far the person moves between two frames of that video (x, y)."""
    block_corner: tuple[int, int] = (0, 0)
    """Where in a block of that video the crop begins, pixels (x, y)."""


def random_degradation(rng: np.random.Generator) -> Degradation:
    """From none to poor."""
    if rng.random() < UNTOUCHED_SHARE:
        return Degradation()
    compression = rng.random()
    return Degradation(
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
    by: Degradation,
    coverage: Float32[np.ndarray, "size size"],
) -> UInt8[np.ndarray, "size size 3"]:
    """The crop as it comes out of such a video. `coverage` says where the person is, 0..1."""
    if by == Degradation():
        return image
    size = len(image)
    length = round(by.smear * size)
    if length > 1:
        image = _smeared(image, length, axis=0 if by.smear_upright else 1)
    picture = Image.fromarray(_toned(image, by))
    small = round(by.scale * size)
    if small < size:
        picture = picture.resize((small, small), Image.Resampling.BOX)
    if by.quality is not None:
        stream = BytesIO()
        picture.save(stream, "JPEG", quality=by.quality)
        picture = Image.open(stream)
    if by.quantiser is not None:
        there = Image.fromarray(coverage)
        if small < size:
            there = there.resize((small, small), Image.Resampling.BOX)
        sharp = np.asarray(picture)
        before = a_moment_before(sharp, np.asarray(there), by.shift_px)
        picture = Image.fromarray(coded(sharp, before, by.quantiser, by.block_corner))
    if small < size:
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    return np.array(picture)


def _toned(image: np.ndarray, by: Degradation) -> np.ndarray:
    levels, mean = np.linspace(0, 1, 256), float(np.clip(image.mean() / 255, 0.05, 0.95))
    wanted = mean if by.mean_level is None else by.mean_level
    gamma = np.clip(np.log(wanted) / np.log(mean), *GAMMA_RANGE)
    levels = np.clip((levels**gamma - wanted) * by.contrast + wanted, 0, 1)
    return (levels * (255 - by.black_level) + by.black_level + 0.5).astype(np.uint8)[image]


def _smeared(image: np.ndarray, length: int, axis: int) -> np.ndarray:
    """The mean of `length` copies, each a pixel farther along the axis."""
    total = np.zeros(image.shape, np.uint16)
    for shift in range(-(length // 2), length - length // 2):
        total += np.roll(image, shift, axis)
    return (total // length).astype(np.uint8)


def coded(
    image: UInt8[np.ndarray, "H W 3"],
    before: UInt8[np.ndarray, "H W 3"],
    quantiser: int,
    corner: tuple[int, int] = (0, 0),
) -> UInt8[np.ndarray, "H W 3"]:
    """The RGB image after H.264 with 4:2:0 colours, predicted from a frame before it that was
    coded, too.

    `quantiser`: 0 (none) to 51; the step doubles every 6. `corner`: where in a block of 16 pixels
    the image starts (x, y, 0..15).
    """
    frames = [_planes(picture, corner) for picture in (before, image)]
    seen = np.empty_like(image)
    from_planes(_decoded(_encoded(frames, quantiser)), *corner, seen)
    return seen


def a_moment_before(
    image: UInt8[np.ndarray, "size size 3"],
    coverage: Float32[np.ndarray, "size size"],
    shift_px: tuple[float, float],
) -> UInt8[np.ndarray, "size size 3"]:
    """The image with the person, where coverage is at least half, elsewhere by so many pixels and a
    little larger. What the person then uncovers is not known and still shows the person."""
    moved = np.empty_like(image)
    move_person(image, coverage, round(256 * shift_px[0]), round(256 * shift_px[1]), GROWN, moved)
    return moved


def _planes(image: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
    """The image in whole blocks, as luma and the two halved colours below each other."""
    width, height = (
        -(-(start + length) // BLOCK_PX) * BLOCK_PX
        for start, length in zip(corner, image.shape[1::-1], strict=True)
    )
    planes = np.empty((height * 3 // 2, width), np.uint8)
    to_planes(image, *corner, planes)
    return planes


def _encoded(frames: list[np.ndarray], quantiser: int) -> list[av.Packet]:
    encoder = VideoCodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height = frames[0].shape[1], len(frames[0]) * 2 // 3
    encoder.pix_fmt, encoder.time_base, encoder.thread_count = "yuv420p", Fraction(1, 25), 1
    encoder.options = {**_H264_OPTIONS, "qp": str(quantiser)}
    packets = []
    for number, planes in enumerate(frames):
        frame = VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = number
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)


def _decoded(packets: list[av.Packet]) -> np.ndarray:
    """The planes of the last frame."""
    decoder = VideoCodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.thread_count = 1
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    return frames[-1].to_ndarray()
