"""The empty scene as a fixed camera sees it, and what of a picture is unlike it.

    scene = learn_background(samples, size_wh, factor)
    foreground = scene.foreground(picture, scene.whole, scene.gain(picture), before=None)

The comparison runs on pictures reduced to about a quarter of 720p, and less where people are large.
It allows for the camera's changing brightness and for shadows, and knows which colours are people's
and which the scene's (`posegrid.people.background_model`). Who is who in it:
`posegrid.people.following`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from posegrid.errors import SourceError
from posegrid.people.background_model import Plate, colour_index, learn_plate, unlikeness
from posegrid.people.morphology import closed, evened, labelled, opened
from posegrid.people.shadow import in_shadow
from posegrid.video.picture import Box, Picture

WORKING_PIXELS = 640 * 360
"""Pictures are reduced by the whole number that comes nearest to this many pixels."""
TALL = 300
"""While the person is at least so high in a reduced picture, it is reduced by half again."""
NUM_SAMPLES = 32
"""Frames that the scene is learnt from, evenly over the clip."""
LEAST_SAMPLES = 8
LEAST_UNLIKE, SPREADS = 20.0, 5.0
"""A pixel is unlike the scene from this difference on (of 255), or from so many times the scene's
own spread.
"""
SURE, LIKELY, MOST = 1.0, 0.6, 1.2
"""Shares of that difference: a person holds a sure pixel, and reaches as far as the likely ones go.
No pixel counts for more than the most, so that averaging it with its neighbours (a straight edge
has 3 of 9 inside) puts no likely rim round the person, not even where they were before: MOST / 3 x
SAME_PLACE < LIKELY."""
SHADOW_SCORE, SHADOW_ODDS = 0.45, 0.0
"""A shadow's difference counts for no more than this, where its colour is more the scene's than the
person's.
"""
COLOUR_WEIGHT = 0.25
"""Exponent of the colour odds in the difference: the person's colours need less of it, the scene's
more.
"""
SAME_PLACE = 1.15
"""Where the person was in the frame before, the difference counts for so much more."""
SMALL_HOLE, HOLE_UNLIKE, HOLE_ODDS = 12, 0.25, 0.3
"""A hole in the person is filled up to this area (reduced pixels), or if its mean difference or
odds reach these.
"""
CLOSING = 0.012
"""Share of the person's longer side: gaps of twice that are closed."""
PARTS, LEAST_CONTRAST, LARGEST_SHIFT, STILL_SHARE = 5, 12.0, 1.0, 0.75
"""A camera is fixed if, of 5 x 5 parts of the picture with some contrast (of 765), over the clip
this share has not shifted by more reduced pixels than that: 94 to 100 % of it in clips of fixed
cameras, 61 % and less when it shakes by a pixel or moves."""
GLANCES, STILL_AT_ONCE = 12, 0.6
"""So many frames are compared, the first and the last among them, and in each of them at least this
share is still: 90 to 100 % in clips of fixed cameras, 0 to 48 % in some frames of clips whose
camera moves for only a fifth of the time.
"""
GAIN_SAMPLES = 32
"""Brightness is compared at so many places along the picture's longer side."""


@dataclass(frozen=True, eq=False)
class Foreground:
    """What of one part of a reduced picture is unlike the scene."""

    mask: Bool[np.ndarray, "h w"]
    odds: Float[np.ndarray, "h w"]
    """Log odds that the pixel's colour is a person's."""
    index: Int[np.ndarray, "h w"]
    """The pixel's colour (`plate.colour_index`)."""


@dataclass(frozen=True, eq=False)
class Background:
    """The empty scene as a fixed camera sees it."""

    plate: Plate
    size_wh: tuple[int, int]
    """Size of the pictures, pixels."""
    factor: int
    """The plate's pixel is this many of the picture's, each way."""

    @property
    def whole(self) -> Box:
        """The box of the whole plate, in its own pixels."""
        height, width = self.plate.unseen.shape
        return 0, 0, width, height

    def halved(self) -> "Background":
        """The same of pictures reduced twice as much."""
        return Background(self.plate.halved(), self.size_wh, 2 * self.factor)

    def gain(self, picture: Picture) -> Float[np.ndarray, "3"]:
        """Factors (red, green, blue) that bring the picture to the scene's brightness.

        Raises SourceError for a picture of another size than the scene was learnt from.
        """
        if picture.size_wh != self.size_wh:
            raise SourceError(
                f"The picture is {picture.size_wh[0]} x {picture.size_wh[1]}, but the background was learnt from "
                f"pictures of {self.size_wh[0]} x {self.size_wh[1]}: learn it from the same video."
            )
        step = max(1, max(self.plate.unseen.shape) // GAIN_SAMPLES)
        pixels = picture.picked_rgb(step * self.factor, self.factor // 2)
        wanted = self.plate.colour[:, ::step, ::step]
        height, width = min(pixels.shape[1], wanted.shape[1]), min(pixels.shape[2], wanted.shape[2])
        return brightness_gain(pixels[:, :height, :width], wanted[:, :height, :width])

    def foreground(
        self,
        picture: Picture,
        part: Box,
        gain: Float[np.ndarray, "3"],
        before: Bool[np.ndarray, "h w"] | None,
    ) -> Foreground:
        """People in one part (a box in the plate's pixels) of a picture whose brightness is off by
        the gain.

        before: where people were in the frame before, in the part; None if that is not known.
        """
        x0, y0, x1, y1 = part
        f, (width, height) = self.factor, self.size_wh
        pixels = picture.reduced_rgb((x0 * f, y0 * f, min(x1 * f, width), min(y1 * f, height)), f)
        colour = pixels * gain[:, None, None].astype(np.float32)
        index = colour_index(colour)
        odds = self.plate.person_odds[index]
        score = self._difference(colour, odds, (slice(y0, y1), slice(x0, x1)), before)
        sure = score > SURE
        if not sure.any():
            return Foreground(sure, odds, index)
        size = longer_side(sure if before is None else before)
        found = _holding(score > LIKELY, sure)
        found = closed(found, min(max(round(CLOSING * size), 1), 4))
        return Foreground(opened(_filled(found, score, odds), 1), odds, index)

    def _difference(
        self,
        colour: np.ndarray,
        odds: np.ndarray,
        part: tuple[slice, slice],
        before: np.ndarray | None,
    ) -> Float[np.ndarray, "h w"]:
        """How unlike the scene each pixel is; 1 = as unlike as a person's pixel."""
        plate, spread, unseen = (
            self.plate.colour[:, *part],
            self.plate.spread[part],
            self.plate.unseen[part],
        )
        limit = np.maximum(LEAST_UNLIKE, np.float32(SPREADS) * spread)
        unlike = unlikeness(colour, plate)
        # What most of the picture is off by more than usual (a lamp, a badly coded frame) is no
        # sign of a person.
        excess = float(np.median(unlike[::4, ::4]) - np.median(spread[::4, ::4]))
        score = np.maximum(unlike - np.float32(max(excess, 0.0)), 0) / limit
        shadow = in_shadow(colour, plate, limit / 2) & (odds < SHADOW_ODDS)
        if before is not None:
            # Shadows lie on the ground: above the hips, what looks like one is clothes.
            shadow[: int(np.flatnonzero(before.any(axis=1)).mean())] = False
        np.minimum(score, SHADOW_SCORE, out=score, where=shadow)
        score *= np.exp(COLOUR_WEIGHT * odds)
        np.maximum(score, 1 + odds, out=score, where=unseen)
        score = evened(np.minimum(score, MOST))
        if before is not None:
            np.multiply(score, SAME_PLACE, out=score, where=before)
        return score


def working_factor(size_wh: tuple[int, int]) -> int:
    """How much pictures of this size are reduced before the scene is learnt from them."""
    return max(1, round((size_wh[0] * size_wh[1] / WORKING_PIXELS) ** 0.5))


def reduced_samples(
    pictures: Iterable[Picture],
) -> tuple[UInt8[np.ndarray, "T 3 h w"], tuple[int, int], int]:
    """At most NUM_SAMPLES reduced pictures, evenly over a stream of unknown length; the pictures'
    size; the factor.
    """
    kept: list[np.ndarray] = []
    size_wh, factor, stride = (0, 0), 1, 1
    for number, picture in enumerate(pictures):
        if number == 0:
            size_wh, factor = picture.size_wh, working_factor(picture.size_wh)
        if number % stride == 0:
            kept.append(picture.reduced_rgb((0, 0, *size_wh), factor))
        if len(kept) == 2 * NUM_SAMPLES:
            kept, stride = kept[::2], 2 * stride
    chosen = np.linspace(0, len(kept) - 1, min(NUM_SAMPLES, len(kept))).round().astype(int)
    return (
        np.stack([kept[i] for i in chosen]) if kept else np.zeros((0, 3, 0, 0), np.uint8),
        size_wh,
        factor,
    )


def learn_background(pictures: Iterable[Picture]) -> Background:
    """The empty scene behind moving people, from pictures of a fixed camera spread over its video.

    Raises SourceError for fewer than 8 pictures and for a camera that is not fixed.
    """
    samples, size_wh, factor = reduced_samples(pictures)
    if len(samples) < LEAST_SAMPLES:
        raise SourceError(
            f"The video has {len(samples)} frames; at least {LEAST_SAMPLES} are needed to tell a moving person from "
            "the background. Record a longer clip, or say where the person is (`boxes` or `masks`)."
        )
    some = samples[np.linspace(0, len(samples) - 1, min(GLANCES, len(samples))).round().astype(int)]
    median = np.median(some, axis=0).astype(np.float32)
    _check_fixed(some, median)
    for sample in samples:
        gain = brightness_gain(sample[:, ::4, ::4], median[:, ::4, ::4])
        sample[:] = np.clip(sample * gain[:, None, None], 0, 255)
    background = Background(learn_plate(samples), size_wh, factor)
    while background.plate.person_height > TALL:
        background = background.halved()
    return background


def brightness_gain(
    image: UInt8[np.ndarray, "3 h w"], reference: Float[np.ndarray, "3 h w"]
) -> Float[np.ndarray, "3"]:
    """Factors (red, green, blue) that bring a picture to the reference's brightness.

    Medians over the pixels that are neither dark (where an offset would pass for a factor) nor
    white; the person must cover less than half of them.
    """
    usable = ((reference > 60) & (reference < 235) & (image > 30) & (image < 245)).all(axis=0)
    if usable.sum() < 50:
        return np.ones(3, dtype=np.float32)
    return np.median(reference[:, usable] / image[:, usable], axis=1).astype(np.float32)


def _check_fixed(samples: UInt8[np.ndarray, "T 3 h w"], median: Float[np.ndarray, "3 h w"]) -> None:
    """Raise SourceError if parts of the picture shift against the frames' median, most of the time
    or most at once.
    """
    reference, edges = _edges(median), [_edges(sample.astype(np.float32)) for sample in samples]
    height, width = (side // PARTS for side in reference.shape)
    still: list[np.ndarray] = []
    for row, column in np.ndindex(PARTS, PARTS):
        part = (
            slice(row * height, (row + 1) * height),
            slice(column * width, (column + 1) * width),
        )
        if edges[0][part].std() < LEAST_CONTRAST:
            continue
        shifts = [np.hypot(*_shift(reference[part], frame[part])) for frame in edges]
        still.append(np.array(shifts) <= LARGEST_SHIFT)
    if not still:
        return
    over_time = np.mean(still, axis=0)
    if over_time.mean() < STILL_SHARE or over_time.min() < STILL_AT_ONCE:
        raise SourceError(
            f"The camera is not fixed: {over_time.mean():.0%} of the picture stays where it was over the clip, "
            f"{over_time.min():.0%} in one frame (expected {STILL_SHARE:.0%} and {STILL_AT_ONCE:.0%}). The person is "
            "found by what moves before a still background: put the camera on a tripod, without zoom or stabilisation, "
            "or cut the clip to the part where it stands still; or say where the person is (`boxes` or `masks`)."
        )


def _edges(image: Float[np.ndarray, "3 h w"]) -> Float[np.ndarray, "h w"]:
    """Contrast of neighbouring pixels: it stays the same when the brightness drifts."""
    luma = image[0] + image[1] + image[2]
    return np.hypot(
        np.diff(luma, axis=0, append=luma[-1:]), np.diff(luma, axis=1, append=luma[:, -1:])
    )


def _shift(reference: np.ndarray, moved: np.ndarray) -> tuple[int, int]:
    """(rows, columns) by which one picture has to be rolled to fit the other best: the peak of
    their correlation.
    """
    spectrum = np.fft.rfft2(reference - reference.mean()) * np.conj(
        np.fft.rfft2(moved - moved.mean())
    )
    correlation = np.fft.irfft2(spectrum, reference.shape)
    row, column = np.unravel_index(correlation.argmax(), correlation.shape)
    height, width = reference.shape
    return int(row - height * (row > height // 2)), int(column - width * (column > width // 2))


def longer_side(mask: Bool[np.ndarray, "h w"]) -> int:
    """The longer side of the box round a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(max(rows[-1] - rows[0], columns[-1] - columns[0])) + 1


def _holding(mask: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """The parts of a mask that hold a sure pixel."""
    labels, count = labelled(mask)
    keep = np.zeros(count + 1, dtype=bool)
    keep[labels[sure]] = True
    keep[0] = False
    return keep[labels]


def _filled(mask: np.ndarray, score: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """The mask with those holes filled that are no view of the scene, as between an arm and the
    trunk.
    """
    labels, count = labelled(~np.pad(mask, 1))
    around, labels = labels[0, 0], labels[1:-1, 1:-1]
    holes = (labels != 0) & (labels != around)
    if not holes.any():
        return mask
    inside = labels[holes]
    area, unlike, colour = (
        np.bincount(inside, weights=values, minlength=count + 1)
        for values in (None, score[holes], odds[holes])
    )
    fill = (area <= SMALL_HOLE) | (unlike > HOLE_UNLIKE * area) | (colour > HOLE_ODDS * area)
    fill[0], fill[around] = True, False
    return fill[labels]
