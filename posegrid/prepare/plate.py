"""The empty scene behind a moving person: what a fixed camera would see if nobody were there.

A median over time is enough where the person walks by. It fails where the person keeps to one spot: there the person
is what is seen most often. So each pixel first gets its few recurring colours (modes), and the background is chosen
among them by three pieces of evidence, in turns until they agree:

- how often a colour was seen while nobody stood there,
- whether the person's colours are like it (colours of moving parts against colours of what never changes),
- which pixels the person's silhouette encloses in the same frame.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Real, UInt8
from scipy import ndimage

from posegrid.prepare.crop import largest_component, without_holes

CHANGING = 24
"""A pixel whose values span more than this (of 255, in any channel) over the clip is not simply background."""
MODE_RADIUS = 16
"""Colours nearer than this (of 255, largest channel) count as one mode."""
NUM_MODES = 5
NUM_ROUNDS = 8
"""Rounds of choosing: a man who stays on one spot for a whole clip needs 6 before his shorts are off the scene."""
ODDS_WEIGHT, ODDS_LIMIT = 1.5, 3.0
"""How much the likeness to the person's colours counts against how often a colour was seen; and its limit."""
UNLIKE = 30
"""A sample farther than this from the background (of 255, largest channel) is taken for the person while learning."""
AGREEMENT_ROUNDS, AGREEMENT_WEIGHT, AGREEMENT_LIMIT = 3, 1.5, 60
"""In the last rounds a colour unlike its neighbourhood's (by up to the limit, of 255) counts less."""
UNSEEN_ODDS, UNSEEN_SHARE, UNSEEN_REACH = 0.5, 0.5, 10
"""The scene was never seen where its best colour is the person's by these odds, and lies in the outline this often
(with its gaps of up to 20 pixels closed, since it leaves out just what looks like the scene)."""
SHADOW_LEAST, SHADOW_TOLERANCE = 0.5, 10.0
"""A shadow leaves at least this share of the light, and the same of red and green up to this (of 255)."""
SHADOW_BLUER = 15.0
"""In a shadow out of doors, which the sky lights, blue falls less than red and green, or rises by this (of 255)."""
RARE = 2e-5
"""Share of the samples below which a colour says nothing."""
BITS = 4
NUM_COLOURS = 1 << 3 * BITS


@dataclass(frozen=True, eq=False)
class Plate:
    """The empty scene and how far a pixel of it strays."""

    colour: Float[np.ndarray, "h w 3"]
    """RGB, 0..255."""
    spread: Float[np.ndarray, "h w"]
    """Mean absolute deviation of the background's own samples, largest channel, of 255."""
    unseen: Bool[np.ndarray, "h w"]
    """True where the person seems to stand in the way all the time, so that `colour` is the person's own."""
    person_odds: Float[np.ndarray, "n"]
    """Log odds that a colour (by `colour_index`) is the person's rather than the scene's."""


_CELL = ((1 << BITS) * (np.arange(256) / 256) ** 0.8).astype(np.int32)
"""Cell of a channel's value: finer where it is dark, since black shorts and a grey floor differ by 20 of 255."""


def colour_index(rgb: np.ndarray) -> np.ndarray:
    """Number of the colour's cell in a cube of 16 x 16 x 16 cells. rgb: (..., 3), 0..255."""
    cell = _CELL[np.clip(rgb, 0, 255).astype(np.uint8)]
    return (cell[..., 0] << 2 * BITS) | (cell[..., 1] << BITS) | cell[..., 2]


def learn_plate(frames: UInt8[np.ndarray, "T h w 3"]) -> Plate:
    """The empty scene behind a sample of frames (about 32, evenly over the clip, equally bright)."""
    changing = (frames.max(axis=0) - frames.min(axis=0)).max(axis=-1) > CHANGING
    colour = np.median(frames, axis=0).astype(np.float32)
    spread = np.stack([unlikeness(frame, colour) for frame in frames]).mean(axis=0)
    unseen = np.zeros_like(changing)
    odds = np.zeros(NUM_COLOURS)
    if changing.any():
        choice = _Choice(frames, changing, colour)
        for number in range(NUM_ROUNDS):
            odds = choice.choose(agreeing=number >= NUM_ROUNDS - AGREEMENT_ROUNDS)
        colour[changing], spread[changing] = choice.chosen_colour(), choice.chosen_spread()
        unseen[changing] = choice.is_unseen(odds)
    return Plate(colour, spread, unseen, odds.astype(np.float32))


class _Choice:
    """The state of choosing one mode per changing pixel. P changing pixels, T frames, M modes."""

    def __init__(self, frames: np.ndarray, changing: np.ndarray, median: np.ndarray) -> None:
        self.samples = frames[:, changing].astype(np.float32)  # (T, P, 3)
        self.modes, self.of_mode, self.distance = _modes(self.samples)
        self.changing = changing
        self.part = _extent(largest_component(closed(changing, 2)) & changing)
        still = colour_index(median[self.part][~changing[self.part]])
        self.still_colours = np.bincount(still, minlength=NUM_COLOURS) * float(len(frames))
        self.sample_colours, self.mode_colours = colour_index(self.samples), colour_index(self.modes)
        inside = np.zeros_like(changing)
        inside[self.part] = True
        # To begin with, everything that changes is a bit of a person, and what never changes is the scene.
        self.person_colours = _counted(self.sample_colours[:, inside[changing]])
        self.scene_colours = self.still_colours
        self.is_person = np.zeros(self.samples.shape[:2], dtype=bool)
        self.median = median
        self.chosen = np.zeros(self.samples.shape[1], dtype=np.intp)

    def choose(self, *, agreeing: bool) -> np.ndarray:
        """Choose each pixel's mode, then find the person anew; returns the log odds of each colour."""
        odds = _log_odds(self.person_colours, self.scene_colours)
        # A sample inside the person's outline still counts if its colour is the scene's: it may be a ghost.
        weight = np.clip(1 / (1 + np.exp(2 * odds)), 0.1, 0.9).astype(np.float32)[self.sample_colours]
        weight = np.where(self.is_person, weight, 1) * (self.distance < MODE_RADIUS)
        votes = np.stack([(weight * (self.of_mode == mode)).sum(axis=0) for mode in range(NUM_MODES)])
        seen = np.stack([(self.of_mode == mode).sum(axis=0) for mode in range(NUM_MODES)])
        score = np.log(votes + 0.3) - ODDS_WEIGHT * odds[self.mode_colours]
        if agreeing:
            score = score - self._disagreement()
        self.chosen = np.where(seen >= 2, score, -50).argmax(axis=0)
        self._find_person()
        return odds

    def _disagreement(self) -> np.ndarray:
        """How far each mode is from the colour that the neighbourhood has now, limited; (M, P)."""
        plate = self.median.copy()
        plate[self.changing] = self.chosen_colour()
        plate[self.part] = ndimage.median_filter(plate[self.part].astype(np.uint8), size=(5, 5, 1))
        unlike = np.minimum(unlikeness(self.modes, plate[self.changing]), AGREEMENT_LIMIT)
        return AGREEMENT_WEIGHT / AGREEMENT_LIMIT * unlike

    def _find_person(self) -> None:
        chosen = self.chosen_colour()
        unlike = unlikeness(self.samples, chosen) > UNLIKE
        like = ~unlike
        unlike &= ~in_shadow(self.samples, chosen, SHADOW_TOLERANCE)
        for frame, pixels in enumerate(unlike):
            mask = np.zeros_like(self.changing)
            mask[self.changing] = pixels
            mask[self.part] = largest_component(_tidied(mask[self.part]))
            self.is_person[frame] = mask[self.changing]
        self.person_colours = _counted(self.sample_colours[unlike & self.is_person])
        self.scene_colours = self.still_colours + _counted(self.sample_colours[like & ~self.is_person])

    def is_unseen(self, odds: np.ndarray) -> np.ndarray:
        """True for each pixel whose chosen colour is the person's and that mostly lies in or by the outline; (P,)."""
        own = odds[self.mode_colours[self.chosen, np.arange(len(self.chosen))]]
        share = np.zeros(len(own))
        for pixels in self.is_person:
            mask = np.zeros_like(self.changing)
            mask[self.changing] = pixels
            mask[self.part] = closed(mask[self.part], UNSEEN_REACH)
            share += mask[self.changing] / len(self.is_person)
        return (own > UNSEEN_ODDS) & (share > UNSEEN_SHARE)

    def chosen_colour(self) -> np.ndarray:
        return self.modes[self.chosen, np.arange(len(self.chosen))]

    def chosen_spread(self) -> np.ndarray:
        own = self.of_mode == self.chosen
        return (self.distance * own).sum(axis=0) / np.maximum(own.sum(axis=0), 1)


def _modes(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Modes (M, P, 3) of each pixel, the nearest mode of each sample (T, P), and its distance (T, P).

    A sample joins the nearest mode within the radius (whose colour is the running mean) or replaces the rarest.
    """
    count, pixels = samples.shape[:2]
    modes = np.full((NUM_MODES, pixels, 3), -1000, dtype=np.float32)
    members = np.zeros((NUM_MODES, pixels), dtype=np.float32)
    at = np.arange(pixels)
    for sample in samples:
        distances = unlikeness(modes, sample)
        nearest = distances.argmin(axis=0)
        joins = distances[nearest, at] < MODE_RADIUS
        slot = np.where(joins, nearest, members.argmin(axis=0))
        size = np.where(joins, members[slot, at], 0) + 1
        mean = np.where(joins[:, None], modes[slot, at], sample)
        modes[slot, at] = mean + (sample - mean) / size[:, None]
        members[slot, at] = size
    of_mode = np.zeros((count, pixels), dtype=np.uint8)
    distance = np.zeros((count, pixels), dtype=np.float32)
    for row, sample in enumerate(samples):
        distances = unlikeness(modes, sample)
        of_mode[row] = distances.argmin(axis=0)
        distance[row] = distances[of_mode[row], at]
    return modes, of_mode, distance


def unlikeness(first: Real[np.ndarray, "*batch 3"], second: Float[np.ndarray, "*batch2 3"]) -> np.ndarray:
    """The largest difference of red, green and blue; (*batch,) after broadcasting.

    Channel by channel, which is many times faster than numpy's reduction over an axis of three.
    """
    red, green, blue = (np.abs(first[..., channel] - second[..., channel]) for channel in range(3))
    return np.maximum(np.maximum(red, green, out=red), blue, out=red)


def in_shadow(
    colour: Float[np.ndarray, "*batch 3"],
    plate: Float[np.ndarray, "*batch2 3"],
    tolerance: float | Float[np.ndarray, "*batch2"],
) -> Bool[np.ndarray, "*batch"]:
    """True where red and green are darker than the scene by the same factor, and blue is not much brighter."""
    red, green, blue = (colour[..., channel] for channel in range(3))
    light = (red + green + 2) / (plate[..., 0] + plate[..., 1] + 2)
    shadow = (light > SHADOW_LEAST) & (light < 1)
    shadow &= np.abs(red - plate[..., 0] * light) < tolerance
    shadow &= np.abs(green - plate[..., 1] * light) < tolerance
    shadow &= blue > plate[..., 2] * light - tolerance
    shadow &= blue < plate[..., 2] + SHADOW_BLUER
    return shadow


def opened(mask: Bool[np.ndarray, "h w"], reach: int) -> Bool[np.ndarray, "h w"]:
    """The mask without what is narrower than 2 reach + 1 pixels."""
    return grown(~grown(~mask, reach), reach)


def closed(mask: Bool[np.ndarray, "h w"], reach: int) -> Bool[np.ndarray, "h w"]:
    """The mask with gaps of up to 2 reach pixels closed."""
    padded = np.pad(mask, reach, mode="edge")
    return ~grown(~grown(padded, reach), reach)[reach:-reach, reach:-reach]


def grown(mask: Bool[np.ndarray, "h w"], reach: int) -> Bool[np.ndarray, "h w"]:
    """The mask grown by `reach` pixels each way, diagonals too (a square brush).

    Shifting and joining whole arrays takes a twentieth of the time of scipy's dilation at these reaches.
    """
    for axis in (0, 1):
        source, mask = mask, mask.copy()
        for shift in range(1, reach + 1):
            here, there = _shifted(mask, source, axis, shift)
            here |= there
            here, there = _shifted(mask, source, axis, -shift)
            here |= there
    return mask


def _shifted(target: np.ndarray, source: np.ndarray, axis: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Views of both such that the target's pixel lies on the source's pixel `shift` farther along the axis."""
    low, high = slice(None, -abs(shift)), slice(abs(shift), None)
    ours, theirs = (low, high) if shift > 0 else (high, low)
    index = [slice(None), slice(None)]
    index[axis] = ours
    there = [slice(None), slice(None)]
    there[axis] = theirs
    return target[tuple(index)], source[tuple(there)]


def _tidied(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Gaps and holes closed, then specks and threads taken off."""
    return opened(without_holes(closed(mask, 2)), 1)


def _extent(mask: np.ndarray) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return slice(0, mask.shape[0]), slice(0, mask.shape[1])
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _counted(colours: np.ndarray) -> np.ndarray:
    return np.bincount(colours.ravel(), minlength=NUM_COLOURS).astype(np.float64)


def _log_odds(person: np.ndarray, scene: np.ndarray) -> np.ndarray:
    """Limited log of the ratio of two smoothed colour histograms."""
    cube = (1 << BITS,) * 3
    kernel = np.array([0.25, 0.5, 0.25])
    shares = []
    for counts in (person, scene):
        smooth = counts.reshape(cube)
        for axis in range(3):
            smooth = ndimage.convolve1d(smooth, kernel, axis=axis, mode="constant")
        shares.append(smooth.ravel() / max(smooth.sum(), 1.0) + RARE)
    return np.clip(np.log(shares[0] / shares[1]), -ODDS_LIMIT, ODDS_LIMIT)
