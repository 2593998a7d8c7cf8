"""Finding the moving person in the video of a fixed camera, by what differs from the empty scene.

    model = learn_background(frame.image for frame in read_frames(path))
    for mask in person_masks(model, (frame.image for frame in read_frames(path))): ...

The comparison runs on pictures reduced to about a quarter of 720p. It allows for the camera's changing brightness
and for shadows, and knows which colours are the person's and which the scene's (`posegrid.prepare.plate`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from scipy import ndimage

from posegrid.errors import SourceError
from posegrid.prepare.plate import Plate, closed, colour_index, grown, in_shadow, learn_plate, opened, unlikeness

WORKING_PIXELS = 640 * 360
"""Pictures are reduced by the whole number that comes nearest to this many pixels."""
NUM_SAMPLES = 32
"""Frames that the scene is learnt from, evenly over the clip."""
LEAST_SAMPLES = 8
LEAST_UNLIKE, SPREADS = 20.0, 5.0
"""A pixel is unlike the scene from this difference on (of 255), or from so many times the scene's own spread."""
SURE, LIKELY, MOST = 1.0, 0.55, 1.6
"""Shares of that difference: a person holds a sure pixel, and reaches as far as the likely ones go. No pixel counts for
more than the most, so that averaging it with its neighbours puts no likely rim round the person."""
SHADOW_SCORE, SHADOW_ODDS = 0.45, 0.0
"""A shadow's difference counts for no more than this, where its colour is more the scene's than the person's."""
COLOUR_WEIGHT = 0.25
"""Exponent of the colour odds in the difference: the person's colours need less of it, the scene's more."""
LEAST_HEIGHT = 1 / 12
"""A person is at least this high, as a share of the picture's shorter side."""
SAME_PLACE = 1.15
"""Where the person was in the frame before, the difference counts for so much more."""
SMALL_HOLE, HOLE_UNLIKE, HOLE_ODDS = 12, 0.25, 0.3
"""A hole in the person is filled up to this area (reduced pixels), or if its mean difference or odds reach these."""
CLOSING, JOINING = 0.012, 0.03
"""Shares of the person's longer side: gaps of twice the first are closed, parts nearer than twice the second joined."""
SMALLEST_PART = 0.003
"""A part of the person that is apart from the rest has at least this area, in squares of the person's longer side."""
REACH = 0.2
"""How far the person can get from one frame to the next, as a share of their box's longer side."""
PARTS, LEAST_CONTRAST, LARGEST_SHIFT, STILL_SHARE = 5, 12.0, 1.0, 0.75
"""A camera is fixed if, of 5 x 5 parts of the picture with some contrast (of 765), over the clip this share has not
shifted by more reduced pixels than that: 94 to 100 % of it in clips of fixed cameras, 61 % and less when it shakes by a
pixel or moves."""


@dataclass(frozen=True, eq=False)
class BackgroundModel:
    """The empty scene as a fixed camera sees it."""

    plate: Plate
    size_wh: tuple[int, int]
    """Size of the pictures, pixels."""
    factor: int
    """The plate's pixel is this many of the picture's, each way."""

    def person_mask(
        self, image: UInt8[np.ndarray, "H W 3"], before: Bool[np.ndarray, "H W"] | None = None
    ) -> Bool[np.ndarray, "H W"]:
        """True where the person is; all False where nobody is found.

        `before`, the mask of the frame before, says whom to follow: the part that overlaps it most, not the largest.
        """
        width, height = self.size_wh
        if image.shape[:2] != (height, width):
            raise SourceError(
                f"The picture is {image.shape[1]} x {image.shape[0]}, but the background was learnt from pictures of "
                f"{width} x {height}: learn it from the same video."
            )
        small_before = None if before is None or not before.any() else before[:: self.factor, :: self.factor]
        mask = np.zeros_like(self.plate.unseen)
        part = _whole(mask) if small_before is None else _grown(small_before)
        mask[part] = self._person(image, part, None if small_before is None else small_before[part])
        return mask.repeat(self.factor, axis=0).repeat(self.factor, axis=1)[:height, :width]

    def _person(self, image: np.ndarray, part: tuple[slice, slice], before: np.ndarray | None) -> np.ndarray:
        """The person's mask in one part of the reduced picture."""
        rows, columns = (slice(side.start * self.factor, side.stop * self.factor) for side in part)
        colour = reduced(image[rows, columns], self.factor) * self._gain(image)
        odds = self.plate.person_odds[colour_index(colour)]
        score = self._difference(colour, odds, part, before)
        sure = score > SURE
        if not sure.any():
            return sure
        size = _longer_side(sure if before is None else before)
        found = ndimage.binary_propagation(sure, mask=score > LIKELY)
        whole = opened(_filled(closed(found, min(max(round(CLOSING * size), 1), 4)), score, odds), 1)
        return _followed(whole, odds, before, size, LEAST_HEIGHT * min(self.plate.unseen.shape))

    def _gain(self, image: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "3"]:
        """Brightness of the scene as learnt, relative to the picture's: from every fourth pixel of the plate."""
        step, middle = 4 * self.factor, self.factor // 2
        pixels, wanted = image[middle::step, middle::step], self.plate.colour[::4, ::4]
        height, width = min(len(pixels), len(wanted)), min(pixels.shape[1], wanted.shape[1])
        return brightness_gain(pixels[:height, :width], wanted[:height, :width])

    def _difference(
        self, colour: np.ndarray, odds: np.ndarray, part: tuple[slice, slice], before: np.ndarray | None
    ) -> Float[np.ndarray, "h w"]:
        """How unlike the scene each pixel is; 1 = as unlike as a person's pixel."""
        plate, spread, unseen = self.plate.colour[part], self.plate.spread[part], self.plate.unseen[part]
        limit = np.maximum(LEAST_UNLIKE, SPREADS * spread)
        unlike = unlikeness(colour, plate)
        # What most of the picture is off by more than usual (a lamp, a badly coded frame) is no sign of a person.
        excess = float(np.median(unlike[::4, ::4]) - np.median(spread[::4, ::4]))
        score = np.maximum(unlike - max(excess, 0.0), 0) / limit
        shadow = in_shadow(colour, plate, limit / 2) & (odds < SHADOW_ODDS)
        if before is not None:
            # Shadows lie on the ground: above the hips, what looks like one is clothes.
            shadow[: int(np.flatnonzero(before.any(axis=1)).mean())] = False
        score[shadow] = np.minimum(score[shadow], SHADOW_SCORE)
        score *= np.exp(COLOUR_WEIGHT * odds)
        score[unseen] = np.maximum(score, 1 + odds)[unseen]
        score = ndimage.uniform_filter(np.minimum(score, MOST), 3, mode="nearest")
        if before is not None:
            score[before] *= SAME_PLACE
        return score


def learn_background(frames: Iterable[UInt8[np.ndarray, "H W 3"]]) -> BackgroundModel:
    """The empty scene behind a moving person, from all the frames of a fixed camera's video (one pass).

    Raises SourceError for fewer than 8 frames and for a camera that is not fixed.
    """
    samples, size_wh, factor = _sampled(frames)
    if len(samples) < LEAST_SAMPLES:
        raise SourceError(
            f"The video has {len(samples)} frames; at least {LEAST_SAMPLES} are needed to tell a moving person from "
            "the background. Record a longer clip."
        )
    median = np.median(samples, axis=0).astype(np.float32)
    _check_fixed(samples, median)
    gains = [brightness_gain(sample[::4, ::4], median[::4, ::4]) for sample in samples]
    even = [np.clip(sample * gain, 0, 255).astype(np.uint8) for sample, gain in zip(samples, gains, strict=True)]
    return BackgroundModel(learn_plate(np.stack(even)), size_wh, factor)


def person_masks(
    model: BackgroundModel, images: Iterable[UInt8[np.ndarray, "H W 3"]]
) -> Iterator[Bool[np.ndarray, "H W"]]:
    """The same person's mask in frame after frame; all False where nobody is found."""
    before = None
    for image in images:
        mask = model.person_mask(image, before)
        before = mask if mask.any() else None
        yield mask


def reduced(image: UInt8[np.ndarray, "H W 3"], factor: int) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with each factor x factor pixels averaged; what remains at the right and bottom makes a pixel too."""
    return np.asarray(Image.fromarray(image).reduce(factor)) if factor > 1 else image


def brightness_gain(image: UInt8[np.ndarray, "h w 3"], reference: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "3"]:
    """Factors (red, green, blue) that bring a picture to the reference's brightness.

    Medians over the pixels that are neither dark (where an offset would pass for a factor) nor white;
    the person must cover less than half of them.
    """
    pixels, wanted = (picture.reshape(-1, 3).astype(np.float32) for picture in (image, reference))
    usable = ((wanted > 60) & (wanted < 235) & (pixels > 30) & (pixels < 245)).all(axis=-1)
    if usable.sum() < 50:
        return np.ones(3, dtype=np.float32)
    return np.median(wanted[usable] / pixels[usable], axis=0)


def _sampled(frames: Iterable[np.ndarray]) -> tuple[np.ndarray, tuple[int, int], int]:
    """At most NUM_SAMPLES reduced frames, evenly over a stream of unknown length; the size; the factor."""
    kept: list[np.ndarray] = []
    size_wh, factor, stride = (0, 0), 1, 1
    for number, image in enumerate(frames):
        if number == 0:
            size_wh = (image.shape[1], image.shape[0])
            factor = max(1, round((size_wh[0] * size_wh[1] / WORKING_PIXELS) ** 0.5))
        if number % stride == 0:
            kept.append(reduced(image, factor))
        if len(kept) == 2 * NUM_SAMPLES:
            kept, stride = kept[::2], 2 * stride
    chosen = np.linspace(0, len(kept) - 1, min(NUM_SAMPLES, len(kept))).round().astype(int)
    return np.stack([kept[i] for i in chosen]) if kept else np.zeros((0, 0, 0, 3), np.uint8), size_wh, factor


def _check_fixed(samples: UInt8[np.ndarray, "T h w 3"], median: Float[np.ndarray, "h w 3"]) -> None:
    """Raise SourceError if most parts of the picture shift against the frames' median."""
    reference, edges = _edges(median), [_edges(sample.astype(np.float32)) for sample in samples[::2]]
    height, width = (side // PARTS for side in reference.shape)
    still = seen = 0
    for row, column in np.ndindex(PARTS, PARTS):
        part = (slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width))
        if edges[0][part].std() < LEAST_CONTRAST:
            continue
        shifts = [np.hypot(*_shift(reference[part], frame[part])) for frame in edges]
        still += sum(shift <= LARGEST_SHIFT for shift in shifts)
        seen += len(shifts)
    if still < STILL_SHARE * seen:
        raise SourceError(
            f"The camera is not fixed: only {still / seen:.0%} of the picture stays where it was over the clip "
            f"(expected {STILL_SHARE:.0%}). The person is found by what moves before a still background, so put the "
            "camera on a tripod, without zoom or stabilisation; or cut the clip to the part where it stands still."
        )


def _edges(image: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
    """Contrast of neighbouring pixels: it stays the same when the brightness drifts."""
    luma = image[..., 0] + image[..., 1] + image[..., 2]
    return np.hypot(np.diff(luma, axis=0, append=luma[-1:]), np.diff(luma, axis=1, append=luma[:, -1:]))


def _shift(reference: np.ndarray, moved: np.ndarray) -> tuple[int, int]:
    """(rows, columns) by which one picture has to be rolled to fit the other best: the peak of their correlation."""
    spectrum = np.fft.rfft2(reference - reference.mean()) * np.conj(np.fft.rfft2(moved - moved.mean()))
    correlation = np.fft.irfft2(spectrum, reference.shape)
    row, column = np.unravel_index(correlation.argmax(), correlation.shape)
    height, width = reference.shape
    return int(row - height * (row > height // 2)), int(column - width * (column > width // 2))


def _whole(mask: np.ndarray) -> tuple[slice, slice]:
    return slice(0, mask.shape[0]), slice(0, mask.shape[1])


def _grown(mask: np.ndarray) -> tuple[slice, slice]:
    """The part of the picture where the person of the frame before can be now."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    reach = int(REACH * max(rows[-1] - rows[0], columns[-1] - columns[0])) + 4
    return (
        slice(max(rows[0] - reach, 0), min(rows[-1] + 1 + reach, mask.shape[0])),
        slice(max(columns[0] - reach, 0), min(columns[-1] + 1 + reach, mask.shape[1])),
    )


def _longer_side(mask: np.ndarray) -> int:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(max(rows[-1] - rows[0], columns[-1] - columns[0])) + 1


def _followed(whole: np.ndarray, odds: np.ndarray, before: np.ndarray | None, size: int, least: float) -> np.ndarray:
    """The person among the found parts: the one that overlaps the mask before most, and what belongs to it.

    A part that is near belongs to the person if it is not tiny and its colours are the person's.
    """
    labels, count = _parts(whole)
    if count == 0:
        return whole
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    mean_odds = np.bincount(labels.ravel(), weights=odds.ravel(), minlength=count + 1) / np.maximum(sizes, 1)
    overlap = sizes.copy() if before is None else np.bincount(labels[before], minlength=count + 1)
    overlap[0] = 0
    main = overlap.argmax()
    keep = (sizes >= SMALLEST_PART * size * size) & (mean_odds > 0)
    keep[0], keep[main] = False, True
    near, _ = _parts(grown(keep[labels], max(1, int(size * JOINING))))
    person = keep[labels] & (near == near[labels == main][0])
    if not overlap.any() or _longer_side(person) < least:
        return np.zeros_like(whole)
    return person


def _parts(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """The number of each pixel's connected part (0 where the mask is False), and how many there are."""
    labels = np.zeros(mask.shape, dtype=np.int32)
    ndimage.label(mask, output=labels)
    return labels, int(labels.max(initial=0))


def _filled(mask: np.ndarray, score: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """The mask with those holes filled that are no view of the scene, as between an arm and the trunk."""
    labels, count = _parts(~np.pad(mask, 1))
    around, labels = labels[0, 0], labels[1:-1, 1:-1]
    area, unlike, colour = (
        np.bincount(labels.ravel(), weights=values, minlength=count + 1)
        for values in (None, score.ravel(), odds.ravel())
    )
    fill = (area <= SMALL_HOLE) | (unlike > HOLE_UNLIKE * area) | (colour > HOLE_ODDS * area)
    fill[0], fill[around] = True, False
    return fill[labels]
