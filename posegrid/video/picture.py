"""A decoded picture: the planes of brightness and colour that the decoder left, and what is made of
them when asked.

Turning a whole picture of 1920 x 1080 into RGB takes as long as finding the person in it, and most
of it is never looked at. So a picture stays as it was decoded, and only the part that is wanted is
reduced, turned to RGB, or cut out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import TypeVar

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation
from jaxtyping import Float, UInt8
from PIL import Image

PLANAR = {
    "gray",
    *(f"yuv{full}{sampling}p" for full in ("", "j") for sampling in ("420", "422", "444")),
}
"""Formats of FFmpeg whose planes of 8 bits are used as they are."""
_FULL_RANGE = (255.0, 127.0)
_VIDEO_RANGE = (219.0, 112.0)
"""Span of brightness and half span of the colour differences, of 255: ITU-R BT.601."""
BT601 = (0.299, 0.114)
LUMA_SHARES = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
"""Shares of red and blue in the brightness, by FFmpeg's number of a colour matrix: BT.709, FCC,
SMPTE 240M, BT.2020. What says nothing is BT.601's, as in FFmpeg."""

Box = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in pixels of the picture as shown, half open."""
Part = tuple[float, float, float, float]
"""The same, fractions of pixels allowed."""
AnyBox = TypeVar("AnyBox", Box, Part)


@dataclass(frozen=True)
class Turn:
    """How a stored picture is shown: sides swapped first, then mirrored along each axis."""

    swaps_sides: bool = False
    flips_x: bool = False
    flips_y: bool = False

    @classmethod
    def of_matrix(cls, matrix: np.ndarray | None) -> "Turn":
        """The turn in the upper left 2 x 2 of a display matrix; None: as stored.

        The picture's point (x, y) is shown at (x, y) @ matrix. Only the eight quarter turns and
        mirrorings occur.
        """
        if matrix is None:
            return cls()
        if abs(matrix[0, 1]) > abs(matrix[0, 0]):
            return cls(True, bool(matrix[1, 0] < 0), bool(matrix[0, 1] < 0))
        return cls(False, bool(matrix[0, 0] < 0), bool(matrix[1, 1] < 0))

    def shown(self, pixels: np.ndarray) -> np.ndarray:
        """Stored pixels (h, w, ...) as they are shown."""
        if self.swaps_sides:
            pixels = pixels.swapaxes(0, 1)
        return pixels[:: -1 if self.flips_y else 1, :: -1 if self.flips_x else 1]

    def stored_box(self, box: AnyBox, shown_wh: tuple[int, int]) -> AnyBox:
        """Where a box of the picture as shown lies in the picture as stored."""
        x0, y0, x1, y1 = box
        if self.flips_x:
            x0, x1 = shown_wh[0] - x1, shown_wh[0] - x0
        if self.flips_y:
            y0, y1 = shown_wh[1] - y1, shown_wh[1] - y0
        return (y0, x0, y1, x1) if self.swaps_sides else (x0, y0, x1, y1)  # pyright: ignore[reportReturnType]


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture, as shown; what is made of it is made anew at each call."""

    frame: av.VideoFrame
    turn: Turn = Turn()

    @classmethod
    def from_rgb(cls, image: UInt8[np.ndarray, "H W 3"]) -> "Picture":
        """The picture of RGB pixels."""
        return cls(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24"))

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height, pixels."""
        width, height = self.frame.width, self.frame.height
        return (height, width) if self.turn.swaps_sides else (width, height)

    def rgb(self) -> UInt8[np.ndarray, "H W 3"]:
        """All of it as RGB."""
        if len(self._planes) == 1:
            grey = self.reduced_grey((0, 0, *self.size_wh), 1)
            return np.repeat(grey[..., None], 3, axis=-1)
        return np.ascontiguousarray(self.turn.shown(self.frame.to_ndarray(format="rgb24")))

    def reduced_grey(self, box: Box, factor: int) -> UInt8[np.ndarray, "h w"]:
        """Brightness (BT.601's, 0..255) of a part, each factor x factor pixels averaged; what
        remains at the end counts too.
        """
        stored = self.turn.stored_box(box, self.size_wh)
        luma = _reduced(self._planes[0], stored, factor)
        if self._luma_shares != BT601 and len(self._planes) == 3:
            matrix = _to_rgb(self._luma_shares, full=self._is_full_range)
            grey = self._merged(luma, stored).convert("RGB", matrix).convert("L")
        else:
            grey = luma if self._is_full_range else luma.point(_FULL_GREY)
        return self.turn.shown(np.asarray(grey))

    def reduced_rgb(self, box: Box, factor: int) -> UInt8[np.ndarray, "3 h w"]:
        """Red, green and blue of a part, reduced likewise."""
        stored = self.turn.stored_box(box, self.size_wh)
        merged = self._merged(_reduced(self._planes[0], stored, factor), stored)
        return np.ascontiguousarray(np.moveaxis(self.turn.shown(self._coloured(merged)), -1, 0))

    def scaled_rgb(self, size_wh: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
        """All of it as RGB at another size, by averages of areas (libswscale does the work)."""
        width, height = size_wh[::-1] if self.turn.swaps_sides else size_wh
        level = ColorRange.JPEG if self._is_full_range else ColorRange.MPEG
        scaled = self._planar.reformat(
            width,
            height,
            "gray" if len(self._planes) == 1 else "yuv444p",
            src_color_range=level,
            dst_color_range=level,
            interpolation=Interpolation.AREA,
        )
        rgb = self._coloured(_joined(_as_pictures(scaled)))
        return np.ascontiguousarray(self.turn.shown(rgb))

    def window_rgb(
        self, window_xyxy: Float[np.ndarray, "4"], size_wh: tuple[int, int]
    ) -> UInt8[np.ndarray, "h w 3"]:
        """A part as RGB at any size; black where the part leaves the picture.

        window_xyxy: its edges in the picture's pixels, fractions allowed.
        """
        rgb = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
        shown, part = inside_of(window_xyxy, size_wh, self.size_wh)
        x0, y0, x1, y1 = shown
        if x0 < x1 and y0 < y1:
            stored = self.turn.stored_box(part, self.size_wh)
            size = (y1 - y0, x1 - x0) if self.turn.swaps_sides else (x1 - x0, y1 - y0)
            planes = [self._resized(plane, stored, size) for plane in self._planes]
            rgb[y0:y1, x0:x1] = self.turn.shown(self._coloured(_joined(planes)))
        return rgb

    def _resized(self, plane: Image.Image, part: Part, size_wh: tuple[int, int]) -> Image.Image:
        """A part (pixels as stored) of a plane, which may be coarser than the picture."""
        x, y = plane.width / self.frame.width, plane.height / self.frame.height
        box = (part[0] * x, part[1] * y, part[2] * x, part[3] * y)
        box = (*box[:2], min(box[2], plane.width), min(box[3], plane.height))
        return plane.resize(size_wh, Image.Resampling.BILINEAR, box, reducing_gap=1.0)

    def picked_rgb(self, step: int, first: int) -> UInt8[np.ndarray, "3 h w"]:
        """Red, green and blue of every step-th pixel each way, from the first on: no averages."""
        (width, height), pixels = self.size_wh, []
        for plane in self._planar.planes:
            stored = np.frombuffer(memoryview(plane), np.uint8).reshape(
                plane.height, plane.line_size
            )[:, : plane.width]
            shown = self.turn.shown(stored)
            rows = np.arange(first, height, step) * shown.shape[0] // height
            columns = np.arange(first, width, step) * shown.shape[1] // width
            pixels.append(shown[rows[:, None], columns])
        pixels += [np.full_like(pixels[0], 128)] * (3 - len(pixels))
        rgb = self._coloured(Image.fromarray(np.stack(pixels, axis=-1)))
        return np.ascontiguousarray(np.moveaxis(rgb, -1, 0))

    def _coloured(self, merged: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
        """RGB of pixels that hold brightness and colour differences."""
        matrix = _to_rgb(self._luma_shares, full=self._is_full_range)
        return np.asarray(merged.convert("RGB", matrix))

    def _merged(self, luma: Image.Image, stored: Box) -> Image.Image:
        """A reduced part's brightness and colour differences as one picture; grey has none."""
        return _joined(
            [luma, *(self._chroma(plane, stored, luma.size) for plane in self._planes[1:])]
        )

    def _chroma(self, plane: Image.Image, box: Box, size_wh: tuple[int, int]) -> Image.Image:
        """A plane of colour differences, which may be coarser than the picture, at the size of the
        reduced part.
        """
        step_x, step_y = self.frame.width / plane.width, self.frame.height / plane.height
        x0, y0, x1, y1 = box
        inside = (int(x0 / step_x), int(y0 / step_y), ceil(x1 / step_x), ceil(y1 / step_y))
        across, down = (x1 - x0) / step_x / size_wh[0], (y1 - y0) / step_y / size_wh[1]
        ratio = (max(1, int(across + 1e-6)), max(1, int(down + 1e-6)))
        coarse = plane.reduce(
            ratio, (*inside[:2], min(inside[2], plane.width), min(inside[3], plane.height))
        )
        return (
            coarse if coarse.size == size_wh else coarse.resize(size_wh, Image.Resampling.NEAREST)
        )

    @cached_property
    def _planar(self) -> av.VideoFrame:
        stored = self.frame.format
        if stored.name in PLANAR:
            return self.frame
        if stored.is_rgb or stored.has_palette:
            return self.frame.reformat(format="yuvj444p", dst_color_range=ColorRange.JPEG)
        kept = {"src_color_range": self._range, "dst_color_range": self._range}
        is_grey = stored.name.startswith(("gray", "ya", "mono"))
        return self.frame.reformat(format="gray" if is_grey else "yuv420p", **kept)

    @cached_property
    def _planes(self) -> tuple[Image.Image, ...]:
        """The three planes as stored, or the one of a grey picture, not copied."""
        return _as_pictures(self._planar)

    @property
    def _range(self) -> ColorRange:
        """The stored picture's range. What says nothing is full where it is grey, as in FFmpeg."""
        said = ColorRange(self.frame.color_range)
        if said in (ColorRange.MPEG, ColorRange.JPEG):
            return said
        is_full = self.frame.format.name.startswith(("yuvj", "gray", "ya", "mono"))
        return ColorRange.JPEG if is_full else ColorRange.MPEG

    @property
    def _is_full_range(self) -> bool:
        return self._range == ColorRange.JPEG or self._planar.format.name.startswith("yuvj")

    @property
    def _luma_shares(self) -> tuple[float, float]:
        if self.frame.format.is_rgb or self.frame.format.has_palette:
            return BT601
        return LUMA_SHARES.get(int(self.frame.colorspace), BT601)


def inside_of(
    window_xyxy: Float[np.ndarray, "4"], size_wh: tuple[int, int], picture_wh: tuple[int, int]
) -> tuple[Box, Part]:
    """What of a window, shown at a size, shows a picture: in whole pixels of that size, and in the
    picture's. It may be empty.
    """
    corner, sides = window_xyxy[:2], window_xyxy[2:] - window_xyxy[:2]
    scale = np.array(size_wh) / sides
    low = np.ceil((np.maximum(corner, 0) - corner) * scale - 1e-6)
    high = np.floor((np.minimum(window_xyxy[2:], picture_wh) - corner) * scale + 1e-6)
    x0, y0, x1, y1 = (float(v) for v in (*(corner + low / scale), *(corner + high / scale)))
    part = (max(x0, 0.0), max(y0, 0.0), min(x1, picture_wh[0]), min(y1, picture_wh[1]))
    return (int(low[0]), int(low[1]), int(high[0]), int(high[1])), part


def _as_pictures(frame: av.VideoFrame) -> tuple[Image.Image, ...]:
    """The planes of a planar frame, not copied."""
    sizes = [
        ((plane.width, plane.height), memoryview(plane), plane.line_size) for plane in frame.planes
    ]
    return tuple(
        Image.frombuffer("L", size, data, "raw", "L", stride, 1)  # type: ignore[arg-type]
        for size, data, stride in sizes
    )


def _joined(planes: Sequence[Image.Image]) -> Image.Image:
    """Brightness and colour differences, of one size, as one picture; grey has no differences."""
    grey = [Image.new("L", planes[0].size, 128)] * (3 - len(planes))
    return Image.merge("RGB", (*planes, *grey))


def _reduced(plane: Image.Image, box: Box, factor: int) -> Image.Image:
    return plane.reduce(factor, box) if factor > 1 else plane.crop(box)


def _to_rgb(luma_shares: tuple[float, float], *, full: bool) -> tuple[float, ...]:
    """12 numbers that turn brightness and colour differences to RGB, as Pillow takes them."""
    span, half = _FULL_RANGE if full else _VIDEO_RANGE
    y, c, low = 255 / span, 127.5 / half, 0.0 if full else 16.0
    red, blue = luma_shares
    green, from_cr, from_cb = 1 - red - blue, 2 * (1 - red), 2 * (1 - blue)
    to_green = (round(-from_cb * blue / green, 6), round(-from_cr * red / green, 6))
    rows = ((y, 0.0, from_cr * c), (y, to_green[0] * c, to_green[1] * c), (y, from_cb * c, 0.0))
    return tuple(v for row in rows for v in (*row, -row[0] * low - 128 * (row[1] + row[2])))


_FULL_GREY = [min(max(round((value - 16) * 255 / 219), 0), 255) for value in range(256)]
