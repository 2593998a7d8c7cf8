"""Crops as they come out of compressed video: sent through H.264, the second of two frames.

The first frame is a key frame in which the person was a little elsewhere, the second is predicted
from it, as nearly all frames of a video are: still surroundings keep the key frame's blocks, the
person is moved blocks and coarse residue.
"""

from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from jaxtyping import Float32, UInt8

from posegrid.walkers.codec_kernels import from_planes, move_person, to_planes

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
