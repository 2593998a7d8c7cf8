"""A decoded picture: the planes of brightness and colour that the decoder left, and what is made of
them when asked.

Turning a whole picture of 1920 x 1080 into RGB takes as long as finding the person in it, and most
of it is never looked at. So a picture stays as it was decoded, and only the part that is wanted is
reduced, turned to RGB, or cut out.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil

import av
import numpy as np
from av.video.reformatter import ColorRange
from jaxtyping import UInt8
from PIL import Image

PLANAR = {f"yuv{full}{sampling}p" for full in ("", "j") for sampling in ("420", "422", "444")}
"""Formats of FFmpeg whose planes of 8 bits are used as they are; others are turned to the first of
them.
"""
_FULL_RANGE = (255.0, 127.0)
_VIDEO_RANGE = (219.0, 112.0)
"""Span of brightness and half span of the colour differences, of 255: ITU-R BT.601."""

Box = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in pixels of the picture as shown, half open."""


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

    def stored_box(self, box: Box, shown_wh: tuple[int, int]) -> Box:
        """Where a box of the picture as shown lies in the picture as stored."""
        x0, y0, x1, y1 = box
        if self.flips_x:
            x0, x1 = shown_wh[0] - x1, shown_wh[0] - x0
        if self.flips_y:
            y0, y1 = shown_wh[1] - y1, shown_wh[1] - y0
        return (y0, x0, y1, x1) if self.swaps_sides else (x0, y0, x1, y1)


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
        return np.ascontiguousarray(self.turn.shown(self.frame.to_ndarray(format="rgb24")))

    def reduced_grey(self, box: Box, factor: int) -> UInt8[np.ndarray, "h w"]:
        """Brightness (0..255) of a part, each factor x factor pixels averaged; what remains at the
        end counts too.
        """
        luma = _reduced(self._planes[0], self.turn.stored_box(box, self.size_wh), factor)
        grey = luma if self._is_full_range else luma.point(_FULL_GREY)
        return self.turn.shown(np.asarray(grey))

    def reduced_rgb(self, box: Box, factor: int) -> UInt8[np.ndarray, "3 h w"]:
        """Red, green and blue of a part, reduced likewise."""
        stored = self.turn.stored_box(box, self.size_wh)
        luma = _reduced(self._planes[0], stored, factor)
        pixels = Image.merge(
            "RGB", (luma, *(self._chroma(plane, stored, luma.size) for plane in self._planes[1:]))
        )
        rgb = pixels.convert("RGB", _rgb_matrix(full=self._is_full_range))
        return np.ascontiguousarray(np.moveaxis(self.turn.shown(np.asarray(rgb)), -1, 0))

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
        rgb = Image.fromarray(np.stack(pixels, axis=-1)).convert(
            "RGB", _rgb_matrix(full=self._is_full_range)
        )
        return np.ascontiguousarray(np.moveaxis(np.asarray(rgb), -1, 0))

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
        if self.frame.format.name in PLANAR:
            return self.frame
        if self.frame.format.name == "rgb24":
            return self.frame.reformat(format="yuvj444p", dst_color_range=ColorRange.JPEG)
        return self.frame.reformat(format="yuv420p")

    @cached_property
    def _planes(self) -> tuple[Image.Image, ...]:
        """The three planes as stored, not copied."""
        planes = self._planar.planes
        sizes = [
            ((plane.width, plane.height), memoryview(plane), plane.line_size) for plane in planes
        ]
        return tuple(
            Image.frombuffer("L", size, data, "raw", "L", stride, 1)  # type: ignore[arg-type]
            for size, data, stride in sizes
        )

    @property
    def _is_full_range(self) -> bool:
        return self._planar.color_range == ColorRange.JPEG or self._planar.format.name.startswith(
            "yuvj"
        )


def _reduced(plane: Image.Image, box: Box, factor: int) -> Image.Image:
    return plane.reduce(factor, box) if factor > 1 else plane.crop(box)


def _rgb_matrix(*, full: bool) -> tuple[float, ...]:
    """12 numbers that turn brightness and colour differences to RGB by ITU-R BT.601, as Pillow
    takes them.
    """
    span, half = _FULL_RANGE if full else _VIDEO_RANGE
    y, c, low = 255 / span, 127.5 / half, 0.0 if full else 16.0
    rows = ((y, 0.0, 1.402 * c), (y, -0.344136 * c, -0.714136 * c), (y, 1.772 * c, 0.0))
    return tuple(v for row in rows for v in (*row, -row[0] * low - 128 * (row[1] + row[2])))


_FULL_GREY = [min(max(round((value - 16) * 255 / 219), 0), 255) for value in range(256)]
