"""A person's mask in one picture, kept small; and the crop that a network is given of it.

From a picture and a person's mask to a small grey crop.

A crop is a *window* (x0, y0, side): a square in the picture's pixels that may reach over its edge;
what lies outside the picture is black. `Camera.windowed(window, size)` is the crop's camera, so a
crop keeps every 3D quantity exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from posegrid.errors import ShardError, SourceError
from posegrid.people.morphology import labelled, largest_filled
from posegrid.untrusted import DAMAGED, opened_picture
from posegrid.video.picture import Box, Picture


@dataclass(frozen=True, eq=False)
class Silhouette:
    """One person's mask: a part of the picture, in pixels that are `factor` of the picture's
    wide.
    """

    pixels: Bool[np.ndarray, "h w"] | None
    """None: not known, so that everything may be the person; then the box is given."""
    corner: tuple[int, int]
    """Column and row of the first of them, counted in such pixels."""
    factor: int
    size_wh: tuple[int, int]
    """Size of the picture."""
    given_box_xyxy: Float[np.ndarray, "4"] | None = None
    """The person's box in the picture's pixels, if it is known otherwise than from the mask."""

    @property
    def box_xyxy(self) -> Float[np.ndarray, "4"]:
        """The box of the person in the picture's pixels, half open; NaN for an empty mask."""
        if self.pixels is None or self.given_box_xyxy is not None:
            return np.full(4, np.nan) if self.given_box_xyxy is None else self.given_box_xyxy
        rows, columns = (
            np.flatnonzero(self.pixels.any(axis=1)),
            np.flatnonzero(self.pixels.any(axis=0)),
        )
        if not rows.size:
            return np.full(4, np.nan)
        sides = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) + np.tile(
            self.corner, 2
        )
        return np.minimum(self.factor * sides, np.tile(self.size_wh, 2)).astype(np.float64)

    def in_picture(self) -> Bool[np.ndarray, "H W"]:
        """The mask of the whole picture."""
        width, height = self.size_wh
        if self.pixels is None:
            return np.ones((height, width), dtype=bool)
        mask = np.zeros((-(-height // self.factor), -(-width // self.factor)), dtype=bool)
        (x, y), (rows, columns) = self.corner, self.pixels.shape
        mask[y : y + rows, x : x + columns] = self.pixels
        return mask.repeat(self.factor, axis=0).repeat(self.factor, axis=1)[:height, :width]

    def square(
        self, left: float, top: float, pixel: float, side: int
    ) -> UInt8[np.ndarray, "{side} {side}"]:
        """The mask (0 or 255) in side x side pixels that are `pixel` of the picture's wide, from
        (left, top) on.
        """
        if self.pixels is None:
            return np.full((side, side), 255, dtype=np.uint8)
        if self.factor == 1:
            return self._averaged_square(self.pixels, int(left), int(top), int(pixel), side)
        x, y = self.corner
        scale = pixel / self.factor
        to_mask = (scale, 0.0, left / self.factor - x, 0.0, scale, top / self.factor - y)
        # A rim of one pixel, since Pillow has no value for places nearer than half a pixel to the
        # edge.
        padded = Image.fromarray(np.pad(self.pixels, 1).astype(np.uint8) * np.uint8(255))
        to_mask = (*to_mask[:2], to_mask[2] + 1, *to_mask[3:5], to_mask[5] + 1)
        soft = padded.transform(
            (side, side), Image.Transform.AFFINE, to_mask, Image.Resampling.BILINEAR
        )
        return np.where(np.asarray(soft) >= 128, np.uint8(255), np.uint8(0))

    def _averaged_square(
        self, pixels: Bool[np.ndarray, "h w"], left: int, top: int, pixel: int, side: int
    ) -> UInt8[np.ndarray, "{side} {side}"]:
        """The same where mask and picture have the same pixels: white where half of what a pixel
        covers is.
        """
        (x, y), (rows, columns) = self.corner, pixels.shape
        x, y = x - left, y - top
        square = np.zeros((side * pixel, side * pixel), dtype=np.uint8)
        inside = (slice(max(y, 0), max(y + rows, 0)), slice(max(x, 0), max(x + columns, 0)))
        there = square[inside]
        there[:] = pixels[max(-y, 0) :, max(-x, 0) :][: there.shape[0], : there.shape[1]]
        if pixel == 1:
            return square * np.uint8(255)
        covered = Image.fromarray(square * np.uint8(255)).reduce(pixel)
        return np.where(np.asarray(covered) >= 128, np.uint8(255), np.uint8(0))


def person_crop(
    picture: Picture,
    silhouette: Silhouette,
    window: Float[np.ndarray, "3"],
    size: int,
    background: str,
) -> UInt8[np.ndarray, "*channels {size} {size}"]:
    """The window (x0, y0, side) of a picture and a person's mask at size x size, as
    `crop.crop_grey` makes it.

    removed: grey, black where the person is not. kept: grey, with the background. masked: that, and
    as the second channel 255 where the person covers half of a pixel or more, else 0. colour: red,
    green and blue, with the background. What lies outside the picture is black. A window much
    larger than the crop is first reduced by a whole number: the mask's edge is then as sharp as a
    pixel of the crop, not of the picture.
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

    def crop(square: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(square).resize((size, size), how, box=box))

    if background == "colour":
        square = _square(picture, picture.reduced_rgb, left, top, pixel, count)
        return np.stack([crop(colour) for colour in square])
    grey = _square(picture, picture.reduced_grey, left, top, pixel, count)
    if background == "kept":
        return crop(grey)
    mask = silhouette.square(left * pixel, top * pixel, pixel, count)
    if background == "removed":
        return crop(grey & mask)
    return np.stack([crop(grey), np.where(crop(mask) >= 128, np.uint8(255), np.uint8(0))])


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


def largest_component(mask: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """The mask's largest connected part (pixels joined by an edge or a corner); all False if the
    mask is empty.
    """
    labels, count = labelled(mask, diagonals=True)
    if count <= 1:
        return mask
    return labels == np.bincount(labels[mask]).argmax()


def without_holes(mask: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """The mask with every enclosed hole filled.

    A hole is background that cannot reach the picture's edge by steps across pixel edges; a gap
    that opens at the picture's edge is no hole.
    """
    labels, _ = labelled(~np.pad(mask, 1))
    return labels[1:-1, 1:-1] != labels[0, 0]


def cleaned_mask(mask: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """The mask's largest connected part with its holes filled; all False if the mask is empty.

    Human3.6M's masks are background subtraction as it comes: with specks far from the person, and
    holes in the clothes.
    """
    cleaned = np.zeros(mask.shape, dtype=bool)
    pixels, (x, y) = cleaned_part(mask)
    cleaned[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    return cleaned


def cleaned_part(mask: Bool[np.ndarray, "H W"]) -> tuple[Bool[np.ndarray, "h w"], tuple[int, int]]:
    """What `cleaned_mask` keeps, as the smallest box round it and that box's left upper corner (x,
    y).
    """
    rows, columns = _part_of_box(mask)  # all that follows costs by the pixel
    filled = largest_filled(mask[rows, columns])
    inner = _part_of_box(filled)
    return filled[inner], (columns.start + inner[1].start, rows.start + inner[0].start)


def _part_of_box(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the smallest box round the mask; no rows for an empty one."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return slice(0, 0), slice(0, 0)
    part = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(mask[part].any(axis=0))
    return part, slice(int(columns[0]), int(columns[-1]) + 1)


def box_of_mask(mask: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "4"]:
    """Box (x0, y0, x1, y1) of the mask's pixels, half open: a lone pixel (row 2, column 3) gives
    (3, 2, 4, 3).

    Raises SourceError for an empty mask: there is nobody to put a box round. Ask `mask.any()` first
    where that may be.
    """
    rows, columns = _part_of_box(mask)
    if rows.stop == 0:
        raise SourceError(
            f"The mask ({mask.shape[1]} x {mask.shape[0]}) is empty: there is no person to crop."
        )
    return np.array([columns.start, rows.start, columns.stop, rows.stop], dtype=np.float64)


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


def crop_grey(
    image_rgb: UInt8[np.ndarray, "H W 3"],
    mask: Bool[np.ndarray, "_ _"] | None,
    window: Float[np.ndarray, "3"],
    size: int,
) -> UInt8[np.ndarray, "{size} {size}"]:
    """The window (x0, y0, side) of the picture, grey, at size x size; black outside the mask and
    the picture.

    The mask is applied before the resizing, so that no background leaks in over the person's edge;
    without a mask (None) the background stays. The resizing averages over all source pixels (no
    aliasing); a window of side = size at whole pixels is copied exactly. The crop's camera is
    `camera.windowed(window, size)`. Raises SourceError where the mask is not as large as the
    picture.
    """
    height, width = image_rgb.shape[:2]
    if mask is not None and mask.shape != (height, width):
        raise SourceError(
            f"The mask is {mask.shape[1]} x {mask.shape[0]} but its picture is {width} x {height}: they must be equal."
        )
    x0, y0, side = (float(v) for v in window)
    # One filter radius more than the window, so that its border is filtered as its inside is.
    reach = int(np.ceil(max(side / size, 1.0)))
    left, top = int(np.floor(x0)) - reach, int(np.floor(y0)) - reach
    canvas = _grey_square_crop(image_rgb, mask, left, top, int(np.ceil(side)) + 2 * reach + 1)
    box = (x0 - left, y0 - top, x0 - left + side, y0 - top + side)
    # Hamming: as sharp as bicubic when reducing, without the dark and bright rims that bicubic
    # draws against black.
    how = Image.Resampling.HAMMING if side > size else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(canvas).resize((size, size), how, box=box))


def crop_mask(
    mask: Bool[np.ndarray, "H W"], window: Float[np.ndarray, "3"], size: int
) -> Bool[np.ndarray, "{size} {size}"]:
    """The window of a person's mask at size x size: True where it covers half of a pixel or
    more.
    """
    white = np.broadcast_to(np.uint8(255), (*mask.shape, 3))
    return crop_grey(np.ascontiguousarray(white), mask, window, size) >= 128


def _grey_square_crop(
    image_rgb: np.ndarray, mask: np.ndarray | None, left: int, top: int, side: int
) -> np.ndarray:
    """The picture's grey pixels from (left, top) on, side x side; black outside the picture and the
    mask.
    """
    height, width = image_rgb.shape[:2]
    rows = slice(min(max(top, 0), height), max(min(top + side, height), 0))
    columns = slice(min(max(left, 0), width), max(min(left + side, width), 0))
    square = np.zeros((side, side), dtype=np.uint8)
    part = image_rgb[rows, columns]
    if part.size:
        pixels = grey(part)
        if mask is not None:
            pixels = np.where(mask[rows, columns], pixels, np.uint8(0))
        y, x = rows.start - top, columns.start - left
        square[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    return square


def encode_mask(mask: Bool[np.ndarray, "H W"]) -> bytes:
    """The mask as the bytes of a PNG file of one bit per pixel, exactly."""
    stream = BytesIO()
    Image.fromarray(mask).save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def decode_mask(data: bytes) -> Bool[np.ndarray, "H W"]:
    """The mask in the bytes of `encode_mask`. Raises ShardError if they are no such picture."""
    return _decoded(data, ("PNG",), ("1",), "one bit per pixel (1), as encode_mask")


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
