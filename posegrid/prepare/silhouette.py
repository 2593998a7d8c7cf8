"""A person's mask in one picture, kept small; and the crop that a network is given of it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from posegrid.sources.picture import Picture


@dataclass(frozen=True, eq=False)
class Silhouette:
    """One person's mask: a part of the picture, in pixels that are `factor` of the picture's wide."""

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
        rows, columns = np.flatnonzero(self.pixels.any(axis=1)), np.flatnonzero(self.pixels.any(axis=0))
        if not rows.size:
            return np.full(4, np.nan)
        sides = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) + np.tile(self.corner, 2)
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

    def square(self, left: float, top: float, pixel: float, side: int) -> UInt8[np.ndarray, "{side} {side}"]:
        """The mask (0 or 255) in side x side pixels that are `pixel` of the picture's wide, from (left, top) on."""
        if self.pixels is None:
            return np.full((side, side), 255, dtype=np.uint8)
        if self.factor == 1:
            return self._averaged_square(self.pixels, int(left), int(top), int(pixel), side)
        x, y = self.corner
        scale = pixel / self.factor
        to_mask = (scale, 0.0, left / self.factor - x, 0.0, scale, top / self.factor - y)
        # A rim of one pixel, since Pillow has no value for places nearer than half a pixel to the edge.
        padded = Image.fromarray(np.pad(self.pixels, 1).astype(np.uint8) * np.uint8(255))
        to_mask = (*to_mask[:2], to_mask[2] + 1, *to_mask[3:5], to_mask[5] + 1)
        soft = padded.transform((side, side), Image.Transform.AFFINE, to_mask, Image.Resampling.BILINEAR)
        return np.where(np.asarray(soft) >= 128, np.uint8(255), np.uint8(0))

    def _averaged_square(
        self, pixels: Bool[np.ndarray, "h w"], left: int, top: int, pixel: int, side: int
    ) -> UInt8[np.ndarray, "{side} {side}"]:
        """The same where mask and picture have the same pixels: white where half of what a pixel covers is."""
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
    """The window (x0, y0, side) of a picture and a person's mask at size x size, as `crop.crop_grey` makes it.

    removed: grey, black where the person is not. kept: grey, with the background. masked: that, and as the second
    channel 255 where the person covers half of a pixel or more, else 0. What lies outside the picture is black.
    A window much larger than the crop is first reduced by a whole number: the mask's edge is then as sharp as a pixel
    of the crop, not of the picture.
    """
    x0, y0, side = (float(v) for v in window)
    pixel = max(1, int(side / (1.5 * size)))
    # One filter radius more than the window, so that its border is filtered as its inside is.
    reach = int(np.ceil(max(side / pixel / size, 1.0)))
    left, top = int(np.floor(x0 / pixel)) - reach, int(np.floor(y0 / pixel)) - reach
    count = int(np.ceil(side / pixel)) + 2 * reach + 1
    box = (x0 / pixel - left, y0 / pixel - top, (x0 + side) / pixel - left, (y0 + side) / pixel - top)
    # Hamming: as sharp as bicubic when reducing, without the dark and bright rims that bicubic draws against black.
    how = Image.Resampling.HAMMING if side > pixel * size else Image.Resampling.BILINEAR

    def crop(square: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(square).resize((size, size), how, box=box))

    grey = _grey_square(picture, left, top, pixel, count)
    if background == "kept":
        return crop(grey)
    mask = silhouette.square(left * pixel, top * pixel, pixel, count)
    if background == "removed":
        return crop(grey & mask)
    return np.stack([crop(grey), np.where(crop(mask) >= 128, np.uint8(255), np.uint8(0))])


def _grey_square(picture: Picture, left: int, top: int, pixel: int, count: int) -> UInt8[np.ndarray, "n n"]:
    """The picture's brightness in count x count pixels, each `pixel` wide, from (left, top) of them on."""
    width, height = (-(-side // pixel) for side in picture.size_wh)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + count, width), min(top + count, height)
    square = np.zeros((count, count), dtype=np.uint8)
    if x0 < x1 and y0 < y1:
        box = (x0 * pixel, y0 * pixel, min(x1 * pixel, picture.size_wh[0]), min(y1 * pixel, picture.size_wh[1]))
        square[y0 - top : y1 - top, x0 - left : x1 - left] = picture.reduced_grey(box, pixel)
    return square
