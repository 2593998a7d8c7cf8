"""Crops as they come out of compressed video: sent through H.264, the second of two frames.

The first frame is a key frame in which the person was a little elsewhere, the second is predicted
from it, as nearly all frames of a video are: still surroundings keep the key frame's blocks, the
person is moved blocks and coarse residue.

What lies between a sensor and a crop of ordinary video: tone, motion blur, few pixels,
compression.
"""

from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from jaxtyping import Float32, UInt8
from PIL import Image

from posegrid.walkers.render.picture_kernels import from_planes, move_person, to_planes

BLOCK_PX = 16
GROWN = 5
"""256ths by which the person of the frame before is larger."""
_OPTIONS = {
    "preset": "superfast",
    "tune": "zerolatency",
    "x264-params": "threads=1:aq-mode=0:scenecut=0:ref=1:me=dia:weightp=0:log-level=-1",
}
"""One thread and a constant quantiser: the same bits wherever the same library runs."""


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
    planes = _decoded(
        _encoded([_planes(picture, corner) for picture in (before, image)], quantiser)
    )
    seen = np.empty_like(image)
    from_planes(planes, *corner, seen)
    return seen


def a_moment_before(
    image: UInt8[np.ndarray, "size size 3"],
    coverage: Float32[np.ndarray, "size size"],
    shift_px: tuple[float, float],
) -> UInt8[np.ndarray, "size size 3"]:
    """The image with the person, where coverage is at least half, elsewhere by so many pixels and a
    little larger.

    What the person then uncovers is not known and still shows the person.
    """
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
    encoder.width, encoder.height, encoder.pix_fmt = (
        frames[0].shape[1],
        len(frames[0]) * 2 // 3,
        "yuv420p",
    )
    encoder.time_base, encoder.thread_count = Fraction(1, 25), 1
    encoder.options = {**_OPTIONS, "qp": str(quantiser)}
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
