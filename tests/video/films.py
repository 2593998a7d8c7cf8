"""Pictures and videos made for tests, exactly: the planes are computed here, not by FFmpeg, whose
conversion from RGB to more than 8 bits gives other bits from run to run.
"""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

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


RED, GREEN, BLUE, GREY = (200, 30, 40), (20, 200, 60), (30, 60, 220), (128, 128, 128)
HLG_A, HLG_B, HLG_C = 0.17883277, 0.28466892, 0.55991073
TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
"""Linear RGB of BT.709's primaries in BT.2020's (ITU-R BT.2087)."""


def quarters(width: int = 64, height: int = 48) -> np.ndarray:
    """Red top left, green top right, blue bottom left, grey bottom right."""
    image = np.empty((height, width, 3), dtype=np.uint8)
    top, left = height // 2, width // 2
    image[:top, :left], image[:top, left:] = RED, GREEN
    image[top:, :left], image[top:, left:] = BLUE, GREY
    return image


def corners(image: np.ndarray) -> list[tuple[int, int, int]]:
    """The colour nearest to each quarter's centre: top left, top right, bottom left, bottom
    right.
    """
    height, width = image.shape[:2]
    points = [
        image[y, x].astype(int)
        for y in (height // 4, -height // 4)
        for x in (width // 4, -width // 4)
    ]
    return [
        min((RED, GREEN, BLUE, GREY), key=lambda colour: np.abs(point - colour).sum())
        for point in points
    ]


def add_film(
    container: av.container.OutputContainer,
    size_wh: tuple[int, int],
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rate: Fraction | int = 25,
    **options: str,
) -> av.VideoStream:
    """A stream for `write_frames`, nearly without loss."""
    quality = {"libx264": {"crf": "4", "bf": "0"}, "mjpeg": {"qmin": "1", "qmax": "1"}}
    stream = container.add_stream(codec, rate=rate, options={**quality.get(codec, {}), **options})
    stream.width, stream.height, stream.pix_fmt = *size_wh, pixel_format
    stream.codec_context.time_base = 1 / Fraction(rate)
    return stream


def write_frames(
    container: av.container.OutputContainer,
    stream: av.VideoStream,
    images: Iterable[np.ndarray],
    places: Sequence[int] | None = None,
) -> None:
    """Encode RGB at places in units of the stream's rate."""
    for number, image in enumerate(images):
        full = stream.pix_fmt.startswith(("yuvj", "gray"))
        frame = stored_frame(image, stream.pix_fmt, full=full)
        frame.pts = number if places is None else places[number]
        frame.time_base = stream.codec_context.time_base
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_film(
    path: Path,
    images: Sequence[np.ndarray],
    *,
    places: Sequence[int] | None = None,
    aspect: Fraction | None = None,
    matrix: Sequence[int] | None = None,
    metadata: dict[str, str] | None = None,
    **stream_options: Any,
) -> Path:
    """A video of RGB pictures. aspect: of a pixel; matrix: the file's display matrix."""
    movflags = {"movflags": "use_metadata_tags"} if metadata else {}
    with av.open(f"file:{path}", "w", options=movflags) as container:
        container.metadata.update(metadata or {})
        stream = add_film(container, images[0].shape[1::-1], **stream_options)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if matrix is not None:
            stream.set_display_matrix(list(matrix))
        write_frames(container, stream, images, places)
    return path


def with_clean_aperture(path: Path, crop: tuple[int, int, int, int]) -> Path:
    """The same mp4 with an atom `clap` that cuts off pixels: left, right, top, bottom."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        width, height = container.streams.video[0].width, container.streams.video[0].height
    left, right, top, bottom = crop
    clap = struct.pack(
        ">I4s4i4i", 40, b"clap", width - left - right, 1, height - top - bottom, 1,
        left - right, 2, top - bottom, 2,
    )  # fmt: skip
    place, end = 0, len(data)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        while bytes(data[place + 4 : place + 8]) != kind:
            place += int.from_bytes(data[place : place + 4])
            assert place < end
        size = int.from_bytes(data[place : place + 4])
        data[place : place + 4] = (size + len(clap)).to_bytes(4)
        end = place + size
        place += 16 if kind == b"stsd" else 8
    data[end:end] = clap
    path.write_bytes(data)
    return path


def hdr_frame(image: np.ndarray, transfer: str) -> av.VideoFrame:
    """A scene of which ordinary video makes `image`, as a telephone records it in HDR: BT.2020, 10
    bits, diffuse white at 75 % of HLG or 203 cd/m2 of PQ (ITU-R BT.2100, BT.2408).
    """
    v = image / 255.0
    light = np.where(v < 0.081, v / 4.5, ((v + 0.099) / 1.099) ** (1 / 0.45))
    light = (light if transfer != "PQ" else v**2.4) @ TO_BT2020.T
    if transfer == "HLG":
        light = np.maximum(light * 0.265, 0)
        log = HLG_A * np.log(np.maximum(12 * light - HLG_B, 1e-6)) + HLG_C
        signal, number = np.where(light <= 1 / 12, np.sqrt(3 * light), log), 18
    elif transfer == "PQ":
        power = np.maximum(light * 203 / 10_000, 0) ** 0.1593017578125
        signal, number = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375, 16
    else:
        light = np.maximum(light, 0)
        signal, number = np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099), 14
    frame = av.VideoFrame(image.shape[1], image.shape[0], "yuv444p10le")
    planes = yuv_planes(np.clip(signal, 0, 1), "yuv444p10le", full=False, matrix="2020", bits=10)
    for plane, values in zip(frame.planes, planes, strict=True):
        fill(plane, values.astype("<u2"))
    frame.colorspace, frame.color_primaries, frame.color_trc = 9, 9, number
    frame.color_range = ColorRange.MPEG
    return frame
