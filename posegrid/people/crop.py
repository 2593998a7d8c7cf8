"""A person's mask in one picture, kept small; and the crop that a network is given of it.

From a picture and a person's mask to a small crop, grey or in colour.

A crop is a *window* (x0, y0, side): a square in the picture's pixels that may reach over its edge;
what lies outside the picture is black. `Camera.windowed(window, size)` is the crop's camera, so a
crop keeps every 3D quantity exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image
from scipy import ndimage

from posegrid.errors import ShardError, SourceError
from posegrid.untrusted import DAMAGED, opened_picture
from posegrid.video.picture import Box, Picture

WHITE = 128
"""A pixel of a mask is the person's from this level on."""
Background = Literal["removed", "kept", "masked", "colour", "masked_colour"]
"""What a crop shows beside the person: removed: black. kept: what the camera saw. masked: what the
camera saw, and the person's mask beside it as a picture of its own. These are grey. colour: as kept,
masked_colour: as masked, but in red, green and blue."""
WITH_MASK: tuple[Background, ...] = ("masked", "masked_colour")
"""Crops with the person's mask beside them."""
IN_COLOUR: tuple[Background, ...] = ("colour", "masked_colour")
"""Crops in red, green and blue."""


@dataclass(frozen=True, eq=False)
class Silhouette:
    """One person's mask in a picture, as a grid of cells that are `cell` of the picture's pixels
    wide.
    """

    level: UInt8[np.ndarray, "h w"] | None
    """How sure it is that a cell is the person's, 0..255; they are where it is 128 or more. None: not
    known, so that everything may be the person; then the box is given."""
    corner_px: tuple[float, float]
    """Where in the picture the grid begins, x and y."""
    cell: float
    size_wh: tuple[int, int]
    """Size of the picture."""
    given_box_xyxy: Float[np.ndarray, "4"] | None = None
    """The person's box in the picture's pixels, if it is known otherwise than from the mask."""

    @property
    def box_xyxy(self) -> Float[np.ndarray, "4"]:
        """The box of the person in the picture's pixels, half open; NaN for an empty mask."""
        if self.level is None or self.given_box_xyxy is not None:
            return np.full(4, np.nan) if self.given_box_xyxy is None else self.given_box_xyxy
        box = box_of(self.level >= WHITE)
        if box is None:
            return np.full(4, np.nan)
        return np.clip(np.tile(self.corner_px, 2) + self.cell * box, 0, np.tile(self.size_wh, 2))

    def in_picture(self) -> Bool[np.ndarray, "H W"]:
        """The mask of the whole picture."""
        width, height = self.size_wh
        return self._at(0.0, 0.0, 1.0, (width, height)) >= WHITE

    def square(
        self, left: float, top: float, pixel: float, side: int, *, soft: bool = False
    ) -> UInt8[np.ndarray, "{side} {side}"]:
        """The mask (0 or 255; soft: how sure it is) in side x side pixels that are `pixel` of the
        picture's wide, from (left, top) on.
        """
        level = self._at(left, top, pixel, (side, side))
        return level if soft else hardened(level)

    def _at(
        self, left: float, top: float, pixel: float, size_wh: tuple[int, int]
    ) -> UInt8[np.ndarray, "h w"]:
        """The levels in a grid of other pixels: averages of cells that are smaller, else
        interpolated.
        """
        if self.level is None:
            return np.full(size_wh[::-1], 255, dtype=np.uint8)
        step = max(1, int(pixel / self.cell + 1e-6))
        scale, (width, height) = pixel / step / self.cell, (step * size_wh[0], step * size_wh[1])
        x, y = ((edge - c) / self.cell for edge, c in zip((left, top), self.corner_px, strict=True))
        if scale == 1 and x == int(x) and y == int(y):
            box = (int(x), int(y), int(x) + width, int(y) + height)
            levels = Image.fromarray(self.level).crop(box)
        else:
            # A rim of one cell, since Pillow has no value for places nearer than half a cell to the
            # edge.
            to_cells = (scale, 0.0, x + 1, 0.0, scale, y + 1)
            levels = Image.fromarray(np.pad(self.level, 1)).transform(
                (width, height), Image.Transform.AFFINE, to_cells, Image.Resampling.BILINEAR
            )
        return np.asarray(levels if step == 1 else levels.reduce(step))


def person_crop(
    picture: Picture,
    silhouette: Silhouette,
    window: Float[np.ndarray, "3"],
    size: int,
    background: str,
    *,
    soft: bool = False,
) -> UInt8[np.ndarray, "*channels {size} {size}"]:
    """The window (x0, y0, side) of a picture and a person's mask at size x size.

    removed: grey, black where the person is not. kept: grey, with the background. colour: red,
    green and blue, with the background. masked, masked_colour: these, and as the last channel 255
    where the person covers half of a pixel or more, else 0; soft: how sure the silhouette is of a
    pixel, 0..255. What lies outside the picture is black.
    A window much larger than the crop is first reduced by a whole number: the mask's edge is then
    as sharp as a pixel of the crop, not of the picture.
    """
    x0, y0, side = (float(v) for v in window)
    pixel = max(1, int(side / (1.5 * size)))
    # One filter radius more than the window, so that its border is filtered as its inside is.
    reach = int(np.ceil(max(side / pixel / size, 1.0)))
    left, top = int(np.floor(x0 / pixel)) - reach, int(np.floor(y0 / pixel)) - reach
    count = int(np.ceil(side / pixel)) + 2 * reach + 1
    box = (
        x0 / pixel - left,
        y0 / pixel - top,
        (x0 + side) / pixel - left,
        (y0 + side) / pixel - top,
    )
    # Hamming: as sharp as bicubic when reducing, without the dark and bright rims that bicubic
    # draws against black.
    how = Image.Resampling.HAMMING if side > pixel * size else Image.Resampling.BILINEAR
    crop = partial(_resized, size=size, how=how, box=box)
    reduced = picture.reduced_rgb if background in IN_COLOUR else picture.reduced_grey
    seen = _square(picture, reduced, left, top, pixel, count)
    if background in ("kept", "colour"):
        return crop(seen)
    with_mask = background != "removed"
    mask = silhouette.square(left * pixel, top * pixel, pixel, count, soft=soft and with_mask)
    if not with_mask:
        return crop(seen & mask)
    beside = crop(mask) if soft else hardened(crop(mask))
    return np.concatenate([crop(seen).reshape(-1, size, size), beside[None]])


def hardened(level: UInt8[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    """A mask that says how sure it is, as one of 0 and 255."""
    return np.where(level >= WHITE, np.uint8(255), np.uint8(0))


def _resized(
    square: UInt8[np.ndarray, "*colours n n"],
    size: int,
    how: Image.Resampling,
    box: tuple[float, float, float, float],
) -> UInt8[np.ndarray, "*colours {size} {size}"]:
    """A part of a square at size x size."""
    if square.ndim == 3:
        return np.stack([_resized(colour, size, how, box) for colour in square])
    return np.asarray(Image.fromarray(square).resize((size, size), how, box=box))


def _square(
    picture: Picture,
    reduced: Callable[[Box, int], UInt8[np.ndarray, "*colours h w"]],
    left: int,
    top: int,
    pixel: int,
    count: int,
) -> UInt8[np.ndarray, "*colours n n"]:
    """What `reduced` says of the picture in count x count pixels, each `pixel` wide, from (left,
    top) of them on; black outside.
    """
    width, height = (-(-side // pixel) for side in picture.size_wh)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + count, width), min(top + count, height)
    if x0 >= x1 or y0 >= y1:
        outside = reduced((0, 0, 1, 1), 1)
        return np.zeros((*outside.shape[:-2], count, count), dtype=np.uint8)
    box = (
        x0 * pixel,
        y0 * pixel,
        min(x1 * pixel, picture.size_wh[0]),
        min(y1 * pixel, picture.size_wh[1]),
    )
    inside = reduced(box, pixel)
    square = np.zeros((*inside.shape[:-2], count, count), dtype=np.uint8)
    square[..., y0 - top : y1 - top, x0 - left : x1 - left] = inside
    return square


ImageFormat = Literal["jpeg", "png"]

DEFAULT_MARGIN = 0.1
MOST_CROP_PIXELS = 2048 * 2048
"""Room round the person that crops are made with, unless told otherwise, for training as for
prediction.
"""


def cleaned_part(mask: Bool[np.ndarray, "H W"]) -> tuple[Bool[np.ndarray, "h w"], tuple[int, int]]:
    """A mask's largest connected component (pixels joined by an edge or a corner; of equal ones the
    first), its holes filled (morphology): as the smallest box round it and that box's left upper
    corner (x, y).

    Human3.6M's masks are background subtraction as it comes: with specks far from the person, and
    holes in the clothes. A hole is background that cannot reach the picture's edge by steps across
    pixel edges.
    """
    box = box_of(mask)
    if box is None:
        return mask[:0, :0], (0, 0)
    x0, y0, x1, y1 = (int(edge) for edge in box)
    labels = connected_components(mask[y0:y1, x0:x1], touching=True)
    sizes = np.bincount(labels.ravel())
    outside = connected_components(
        np.pad(labels != 1 + sizes[1:].argmax(), 1, constant_values=True)
    )
    filled = outside[1:-1, 1:-1] != outside[0, 0]
    inner = box_of(filled)
    assert inner is not None  # the largest part is in it
    left, top, right, bottom = (int(edge) for edge in inner)
    return filled[top:bottom, left:right], (x0 + left, y0 + top)


def connected_components(
    mask: Bool[np.ndarray, "H W"], *, touching: bool = False
) -> Int[np.ndarray, "H W"]:
    """The connected components of a mask, numbered from 1; by edges, or by `touching` corners."""
    numbers = np.zeros(mask.shape, np.int32)
    ndimage.label(mask, np.ones((3, 3)) if touching else None, output=numbers)
    return numbers


def box_of(mask: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "4"] | None:
    """Box (x0, y0, x1, y1) of the mask's pixels, half open: a lone pixel (row 2, column 3) gives
    (3, 2, 4, 3). None for an empty mask.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=np.float64)


def window_of_box(box_xyxy: Float[np.ndarray, "4"], margin: float) -> Float[np.ndarray, "3"]:
    """The square window (x0, y0, side), in pixels, round the box's centre; side = (1 + margin) x
    the longer side.
    """
    x0, y0, x1, y1 = (float(v) for v in box_xyxy)
    side = (1 + margin) * max(x1 - x0, y1 - y0)
    if not (np.isfinite(side) and side > 0):
        raise SourceError(
            f"The box {(x0, y0, x1, y1)} with margin {margin} has no area: expected x0 < x1 and y0 < y1."
        )
    return np.array([(x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side])


def grey(image_rgb: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H W"]:
    """The picture's luma by ITU-R 601: 0.299 red + 0.587 green + 0.114 blue, rounded."""
    return np.asarray(Image.fromarray(image_rgb).convert("L"))


def encode_mask(level: UInt8[np.ndarray, "H W"]) -> bytes:
    """How sure a mask is of each pixel, 0..255, as the bytes of a PNG file, exactly: of one bit a
    pixel where there are but 0 and 255.
    """
    hard = level >= WHITE
    stream = BytesIO()
    picture = Image.fromarray(hard if np.array_equal(hardened(level), level) else level)
    picture.save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def decode_mask(data: bytes) -> UInt8[np.ndarray, "H W"]:
    """The mask in the bytes of `encode_mask`. Raises ShardError if they are no such picture."""
    mask = _decoded(data, ("PNG",), ("1", "L"), "one bit per pixel (1) or grey (L), as encode_mask")
    return mask * np.uint8(255) if mask.dtype == np.bool_ else mask


def encode_image(
    image: UInt8[np.ndarray, "*colours H W"], image_format: ImageFormat, quality: int = 90
) -> bytes:
    """The grey picture, or that of three colours, as the bytes of a JPEG (quality 1..95) or PNG
    (exact; quality is not used) file.
    """
    stream = BytesIO()
    picture = Image.fromarray(image if image.ndim == 2 else np.moveaxis(image, 0, -1))
    if image_format == "jpeg":
        picture.save(stream, "JPEG", quality=quality)
    else:
        picture.save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def decode_image(data: bytes) -> UInt8[np.ndarray, "*colours H W"]:
    """The grey picture of the bytes of a JPEG or PNG file, or its three colours. Raises ShardError
    if they are no such picture.
    """
    expected = "grey (L) or three colours (RGB), as encode_image"
    picture = _decoded(data, ("JPEG", "PNG"), ("L", "RGB"), expected)
    return picture if picture.ndim == 2 else np.moveaxis(picture, -1, 0)


def _decoded(
    data: bytes, formats: tuple[str, ...], modes: tuple[str, ...], expected: str
) -> np.ndarray:
    try:
        with opened_picture(data, formats, MOST_CROP_PIXELS) as picture:
            if picture.mode not in modes:
                raise ShardError(
                    f"An image has the mode {picture.mode}: expected {expected} writes it."
                )
            return np.asarray(picture)
    except DAMAGED as error:
        raise ShardError(
            f"An image of {len(data)} bytes cannot be decoded: {error}. Prepare it again."
        ) from error
