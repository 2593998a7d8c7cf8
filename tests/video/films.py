"""Pictures and videos made for tests, exactly: the planes are computed here, not by FFmpeg, whose
conversion from RGB to more than 8 bits gives other bits from run to run.
"""

import av
import numpy as np
from av.video.reformatter import ColorRange

MATRICES = {
    "601": (5, 0.299, 0.114),
    "709": (1, 0.2126, 0.0722),
    "2020": (9, 0.2627, 0.0593),
    "240M": (7, 0.212, 0.087),
}
"""FFmpeg's number of a colour matrix, and the shares of red and blue in its brightness."""
SAMPLINGS = {"422": (2, 1), "444": (1, 1), "420": (2, 2)}


def smooth_colours(width: int = 24, height: int = 16) -> np.ndarray:
    """RGB that changes slowly, so that coarse planes of colour lose little."""
    y, x = np.mgrid[:height, :width]
    return (
        np.stack([40 + 7 * x, 60 + 9 * y, 220 - 4 * x - 3 * y], axis=-1)
        .clip(0, 255)
        .astype(np.uint8)
    )


def stored_frame(
    image: np.ndarray, pixel_format: str, *, full: bool = False, matrix: str = "601"
) -> av.VideoFrame:
    """RGB of 8 bits as a decoder leaves it in one of FFmpeg's formats, tagged with its colours."""
    if pixel_format == "rgb24":
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    deep = 10 if "10" in pixel_format else 8
    frame = av.VideoFrame(image.shape[1], image.shape[0], pixel_format)
    planes = yuv_planes(image / 255.0, pixel_format, full=full, matrix=matrix, bits=deep)
    for plane, values in zip(frame.planes, planes, strict=True):
        fill(plane, values.astype("<u2" if deep > 8 else np.uint8))
    frame.color_range = ColorRange.JPEG if full else ColorRange.MPEG
    frame.colorspace = MATRICES[matrix][0]
    return frame


def yuv_planes(
    rgb: np.ndarray, pixel_format: str, *, full: bool, matrix: str, bits: int
) -> list[np.ndarray]:
    """The planes of RGB from 0 to 1, rounded, by ITU-R BT.601, 709 or 2020."""
    _, red, blue = MATRICES[matrix]
    luma = rgb @ (red, 1 - red - blue, blue)
    scale = 2 ** (bits - 8)
    span, half, low = ((2**bits - 1) / scale, (2**bits - 1) / scale, 0) if full else (219, 224, 16)
    planes = [scale * (low + span * luma)]
    if "gray" not in pixel_format:
        sampling = next((name for name in SAMPLINGS if name in pixel_format), "420")
        across, down = SAMPLINGS[sampling]
        for share, colour in ((blue, rgb[..., 2]), (red, rgb[..., 0])):
            difference = (colour - luma) / (2 * (1 - share))
            planes.append(scale * (128 + half * _coarse(difference, across, down)))
    if pixel_format == "nv12":
        planes = [planes[0], np.stack(planes[1:], axis=-1).reshape(planes[1].shape[0], -1)]
    return [np.round(plane).clip(0, 2**bits - 1) for plane in planes]


def _coarse(values: np.ndarray, across: int, down: int) -> np.ndarray:
    """Means of blocks; what remains at the end counts too."""
    height, width = values.shape
    padded = np.pad(values, ((0, -height % down), (0, -width % across)), mode="edge")
    rows, columns = padded.shape[0] // down, padded.shape[1] // across
    return padded.reshape(rows, down, columns, across).mean(axis=(1, 3))


def fill(plane: av.video.plane.VideoPlane, values: np.ndarray) -> None:
    """Write rows into a plane, whose lines may be longer; the rest of them is 0."""
    rows = values.view(np.uint8).reshape(values.shape[0], -1)
    stored = np.zeros((plane.height, plane.line_size), np.uint8)
    stored[:, : rows.shape[1]] = rows
    plane.update(stored.tobytes())
