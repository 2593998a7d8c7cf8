"""The empty scene behind a moving person: what a fixed camera would see if nobody were there.

A median over time is enough where the person walks by. It fails where the person keeps to one spot:
there the person is what is seen most often. So each pixel first gets its few recurring colours
(modes), and the background is chosen among them by three pieces of evidence, in turns until they
agree:

- how often a colour was seen while nobody stood there,
- whether the person's colours are like it (moving parts against what never changes),
- which pixels the silhouette encloses.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Real, UInt8

from posegrid.people.crop import largest_component, without_holes
from posegrid.people.morphology import closed, grown, largest_around, medians, opened, softened
from posegrid.people.shadow import SHADOW_TOLERANCE, in_shadow

CHANGING = 24
"""A pixel whose values span more than this (of 255, in any channel) over the clip is not simply
background.
"""
MODE_RADIUS = 16
"""Colours nearer than this (of 255, largest channel) count as one mode."""
NUM_MODES = 5
NUM_ROUNDS = 8
"""Rounds of choosing: a man who stays on one spot for a whole clip needs 6 before his shorts are
off the scene.
"""
ODDS_WEIGHT, ODDS_LIMIT = 1.5, 3.0
"""How much the likeness to the person's colours counts against how often a colour was seen; and its
limit.
"""
UNLIKE = 30
"""A sample farther than this from the background (of 255, largest channel) is taken for the person
while learning.
"""
SETTLED = 2e-3
"""Choosing ends early when no more than this share of the pixels changed their mode."""
AGREEMENT_ROUNDS, AGREEMENT_WEIGHT, AGREEMENT_LIMIT = 3, 1.5, 60
"""In the last rounds a colour unlike its neighbourhood's (by up to the limit, of 255) counts
less.
"""
UNSEEN_ODDS, UNSEEN_SHARE, UNSEEN_REACH = 0.5, 0.5, 10
"""The scene was never seen where its best colour is the person's by these odds, and lies in the
outline this often (with its gaps of up to 20 pixels closed, since it leaves out just what looks
like the scene)."""
RARE = 2e-5
"""Share of the samples below which a colour says nothing."""
OUTLINED = 1.5
"""The person's outlines have so many times the contrast in the frames that the scene has there, if
it is the scene.
"""
OFTEN = 0.6
"""Where the person covers a pixel in a larger share of the frames, what is seen most often may be
the person.
"""
COARSE_HEIGHT = 60
"""Where the person is at least so high (pixels) in frames of half the size, the choice is made
there and only painted at full size: a quarter of the time."""
BITS = 4
NUM_COLOURS = 1 << 3 * BITS


@dataclass(frozen=True, eq=False)
class Plate:
    """The empty scene and how far a pixel of it strays."""

    colour: Float[np.ndarray, "3 h w"]
    """Red, green, blue, 0..255."""
    spread: Float[np.ndarray, "h w"]
    """Mean absolute deviation of the background's own samples, largest channel, of 255."""
    unseen: Bool[np.ndarray, "h w"]
    """True where the person seems to stand in the way all the time, so that `colour` is the
    person's own.
    """
    person_odds: Float[np.ndarray, "n"]
    """Log odds that a colour (by `colour_index`) is the person's rather than the scene's."""
    person_height: float
    """Median height of what moves, in pixels; 0 where nothing does."""

    def halved(self) -> "Plate":
        """The plate of pictures of half the size."""
        colour = np.stack([halved(channel) for channel in self.colour])
        unseen = halved(self.unseen.astype(np.float32)) > 0
        return Plate(colour, halved(self.spread), unseen, self.person_odds, self.person_height / 2)


_CELL = ((1 << BITS) * (np.arange(256) / 256) ** 0.8).astype(np.int32)
"""Cell of a channel's value: finer where it is dark, since black shorts and a grey floor differ by
20 of 255.
"""


def colour_index(rgb: np.ndarray) -> np.ndarray:
    """Number of the colour's cell in a cube of 16 x 16 x 16 cells. rgb: (3, ...), 0..255."""
    cells = _CELL[rgb if rgb.dtype == np.uint8 else np.clip(rgb, 0, 255).astype(np.uint8)]
    return (cells[0] << 2 * BITS) | (cells[1] << BITS) | cells[2]


def halved(pixels: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels of (..., h, w); an odd last row or column counts twice."""
    height, width = pixels.shape[-2:]
    if height % 2 or width % 2:
        edges = [(0, 0)] * (pixels.ndim - 2) + [(0, height % 2), (0, width % 2)]
        pixels = np.pad(pixels, edges, mode="edge")
    wide = pixels if pixels.dtype == np.float32 else pixels.astype(np.uint16)
    total = (
        wide[..., ::2, ::2] + wide[..., 1::2, ::2] + wide[..., ::2, 1::2] + wide[..., 1::2, 1::2]
    )
    return (
        total / np.float32(4) if pixels.dtype == np.float32 else (total // 4).astype(pixels.dtype)
    )


def learn_plate(frames: UInt8[np.ndarray, "T 3 h w"]) -> Plate:
    """The empty scene behind a sample of frames (about 32, evenly over the clip, equally
    bright).
    """
    changing = (frames.max(axis=0) - frames.min(axis=0)).max(axis=0) > CHANGING
    colour = np.asarray(frames.mean(axis=0, dtype=np.float32))
    spread = np.asarray(
        sum(unlikeness(frame, colour) for frame in frames) / np.float32(len(frames))
    )
    if not changing.any():
        return Plate(
            colour, spread, np.zeros_like(changing), np.zeros(NUM_COLOURS, np.float32), 0.0
        )
    choice = _most_seen(
        np.stack([halved(frame) for frame in frames]), halved(changing.astype(np.float32)) > 0
    )
    if choice.person_height() < COARSE_HEIGHT:
        choice = _most_seen(frames, changing)
    if choice.outline_contrast() < OUTLINED or choice.usual_cover() > OFTEN:
        choice = max(choice, _chosen(frames, changing), key=_Choice.outline_contrast)
    step = 1 if choice.changing.shape == changing.shape else 2
    colour[:, changing], spread[changing] = _painted(frames, changing, choice, step)
    unseen = _enlarged(choice.unseen(), step, changing.shape) & changing
    return Plate(
        colour, spread, unseen, choice.odds.astype(np.float32), step * choice.person_height()
    )


def _painted(
    frames: np.ndarray, changing: np.ndarray, choice: "_Choice", step: int
) -> tuple[Float[np.ndarray, "3 P"], Float[np.ndarray, "P"]]:
    """Colour and spread of each changing pixel: means over the frames that show the chosen mode
    there.
    """
    colour = _enlarged(choice.plate(), step, changing.shape)[:, changing]
    for limit in (np.inf, MODE_RADIUS):  # of the first, coarse colour a fine line may be far
        total, strays = np.zeros_like(colour), np.zeros_like(colour[0])
        count = np.zeros_like(strays)
        for frame, shows in zip(frames, choice.shows_chosen(), strict=True):
            pixels = frame[:, changing].astype(np.float32)
            unlike = unlikeness(pixels, colour)
            member = _enlarged(shows, step, changing.shape)[changing] & (unlike < limit)
            total += pixels * member
            strays += unlike * member
            count += member
        colour = np.where(count > 0, total / np.maximum(count, 1), colour)
    return colour, strays / np.maximum(count, 1)


def _enlarged(pixels: np.ndarray, step: int, shape: tuple[int, ...]) -> np.ndarray:
    """Each pixel of (..., h, w) repeated step x step times, cut to the shape."""
    if step == 1:
        return pixels
    return pixels.repeat(step, axis=-2).repeat(step, axis=-1)[..., : shape[0], : shape[1]]


def _most_seen(frames: np.ndarray, changing: np.ndarray) -> "_Choice":
    """The modes that the changing pixels show most often."""
    choice = _Choice(frames, changing)
    choice.choose_most_seen()
    return choice


def _chosen(frames: np.ndarray, changing: np.ndarray) -> "_Choice":
    """The modes of the changing pixels, chosen in rounds until they stay."""
    choice = _Choice(frames, changing)
    last = NUM_ROUNDS - AGREEMENT_ROUNDS
    for agreeing, rounds in ((False, last), (True, AGREEMENT_ROUNDS)):
        for _ in range(rounds):
            before = choice.chosen
            choice.choose(agreeing=agreeing)
            if (before != choice.chosen).mean() < SETTLED:
                break
    return choice


class _Choice:
    """The state of choosing one mode per changing pixel. P changing pixels, T frames, M modes."""

    def __init__(self, frames: np.ndarray, changing: np.ndarray) -> None:
        self.frames = frames
        self.samples = frames.swapaxes(0, 1)[:, :, changing].astype(np.float32)  # (3, T, P)
        self.modes, self.of_mode, self.distance = _modes(self.samples)
        self.changing = changing
        self.median = np.median(frames, axis=0).astype(np.float32)
        self.part = _extent(largest_component(closed(changing, 2)) & changing)
        still = colour_index(self.median[:, self.part[0], self.part[1]][:, ~changing[self.part]])
        self.still_colours = np.bincount(still, minlength=NUM_COLOURS) * float(len(frames))
        self.sample_colours, self.mode_colours = (
            colour_index(self.samples),
            colour_index(self.modes),
        )
        inside = np.zeros_like(changing)
        inside[self.part] = True
        # To begin with, everything that changes is a bit of a person, and what never changes is the
        # scene.
        self.person_colours = _counted(self.sample_colours[:, inside[changing]])
        self.scene_colours = self.still_colours
        self.is_person = np.zeros(self.samples.shape[1:], dtype=bool)
        self.chosen = np.zeros(self.samples.shape[2], dtype=np.intp)
        self.odds = np.zeros(NUM_COLOURS)

    def choose_most_seen(self) -> None:
        """Choose the mode that each pixel shows most often, then find the person by it."""
        self.chosen = np.stack(
            [np.count_nonzero(self.of_mode == mode, axis=0) for mode in range(NUM_MODES)]
        ).argmax(0)
        self._find_person()
        self.odds = _log_odds(self.person_colours, self.scene_colours)

    def outline_contrast(self) -> float:
        """How many times the contrast that the frames have along the person's outlines is the
        scene's there.

        A ghost, where the person's place was taken for the scene, has its outline in the scene
        instead.
        """
        scene, shown, own = _contrast(self.plate()), 0.0, 0.0
        for pixels, mask in zip(self.frames, self._person_masks(), strict=True):
            rim = mask & grown(~mask, 1)
            if rim.any():
                shown += float(_contrast(pixels.astype(np.float32))[rim].mean())
                own += float(scene[rim].mean())
        return shown / max(own, 1e-3)

    def usual_cover(self) -> float:
        """In which share of the frames the person covers a pixel, where that is most often."""
        return float(np.quantile(self.is_person.mean(axis=0), 0.99))

    def choose(self, *, agreeing: bool) -> None:
        """Choose each pixel's mode by the log odds of each colour, then find the person anew."""
        self.odds = odds = _log_odds(self.person_colours, self.scene_colours)
        # A sample inside the person's outline still counts if its colour is the scene's: it may be
        # a ghost.
        weight = np.clip(1 / (1 + np.exp(2 * odds)), 0.1, 0.9).astype(np.float32)[
            self.sample_colours
        ]
        weight = np.where(self.is_person, weight, 1) * (self.distance < MODE_RADIUS)
        of_mode = [self.of_mode == mode for mode in range(NUM_MODES)]
        votes = np.stack([(weight * own).sum(axis=0) for own in of_mode])
        seen = np.stack([np.count_nonzero(own, axis=0) for own in of_mode])
        score = np.log(votes + 0.3) - ODDS_WEIGHT * odds[self.mode_colours]
        if agreeing:
            score = score - self._disagreement()
        self.chosen = np.where(seen >= 2, score, -50).argmax(axis=0)
        self._find_person()

    def _disagreement(self) -> np.ndarray:
        """How far each mode is from the colour that the neighbourhood has now, limited; (M, P)."""
        plate = self.plate()
        for channel in plate:
            channel[self.part] = medians(channel[self.part].astype(np.uint8))
        unlike = np.minimum(unlikeness(self.modes, plate[:, None, self.changing]), AGREEMENT_LIMIT)
        return AGREEMENT_WEIGHT / AGREEMENT_LIMIT * unlike

    def _find_person(self) -> None:
        chosen = self._chosen_colour()[:, None]
        unlike = unlikeness(self.samples, chosen) > UNLIKE
        like = ~unlike
        unlike &= ~in_shadow(self.samples, chosen, SHADOW_TOLERANCE)
        for frame, pixels in enumerate(unlike):
            mask = np.zeros_like(self.changing)
            mask[self.changing] = pixels
            mask[self.part] = largest_component(_tidied(mask[self.part]))
            self.is_person[frame] = mask[self.changing]
        self.person_colours = _counted(self.sample_colours[unlike & self.is_person])
        self.scene_colours = self.still_colours + _counted(
            self.sample_colours[like & ~self.is_person]
        )

    def unseen(self) -> Bool[np.ndarray, "h w"]:
        """True where the chosen colour is the person's and that mostly lies in or by the
        outline.
        """
        own = self.odds[self.mode_colours[self.chosen, np.arange(len(self.chosen))]]
        share = np.zeros(len(own))
        for mask in self._person_masks():
            mask[self.part] = closed(mask[self.part], UNSEEN_REACH)
            share += mask[self.changing] / len(self.is_person)
        unseen = np.zeros_like(self.changing)
        unseen[self.changing] = (own > UNSEEN_ODDS) & (share > UNSEEN_SHARE)
        return unseen

    def person_height(self) -> float:
        """Median height of the person in pixels."""
        rows = [np.flatnonzero(mask.any(axis=1)) for mask in self._person_masks()]
        return float(np.median([own[-1] - own[0] + 1 for own in rows if own.size] or [0]))

    def _person_masks(self) -> Iterator[Bool[np.ndarray, "h w"]]:
        for pixels in self.is_person:
            mask = np.zeros_like(self.changing)
            mask[self.changing] = pixels
            yield mask

    def plate(self) -> Float[np.ndarray, "3 h w"]:
        """The scene by the modes chosen so far."""
        plate = self.median.copy()
        plate[:, self.changing] = self._chosen_colour()
        return plate

    def shows_chosen(self) -> Iterator[Bool[np.ndarray, "h w"]]:
        """For each frame, True where it shows the chosen mode."""
        for pixels in (self.of_mode == self.chosen) & (self.distance < MODE_RADIUS):
            shows = np.zeros_like(self.changing)
            shows[self.changing] = pixels
            yield shows

    def _chosen_colour(self) -> np.ndarray:
        return self.modes[:, self.chosen, np.arange(len(self.chosen))]


def _contrast(picture: Float[np.ndarray, "3 h w"]) -> Float[np.ndarray, "h w"]:
    """Difference of neighbouring pixels' brightness, the largest within a pixel's reach."""
    luma = picture.sum(axis=0)
    edges = np.hypot(
        np.diff(luma, axis=0, append=luma[-1:]), np.diff(luma, axis=1, append=luma[:, -1:])
    )
    return largest_around(edges)


def _modes(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Modes (3, M, P) of each pixel, the nearest mode of each sample (T, P), and its distance (T,
    P).

    A sample joins the nearest mode within the radius (whose colour is the running mean) or replaces
    the rarest.
    """
    _, count, pixels = samples.shape
    modes = np.full((3, NUM_MODES, pixels), -1000, dtype=np.float32)
    members = np.zeros((NUM_MODES, pixels), dtype=np.float32)
    at = np.arange(pixels)
    for row in range(count):
        sample = samples[:, row]
        distances = unlikeness(modes, sample[:, None])
        nearest = distances.argmin(axis=0)
        joins = distances[nearest, at] < MODE_RADIUS
        slot = np.where(joins, nearest, members.argmin(axis=0))
        size = np.where(joins, members[slot, at], 0) + 1
        mean = np.where(joins, modes[:, slot, at], sample)
        modes[:, slot, at] = mean + (sample - mean) / size
        members[slot, at] = size
    of_mode = np.zeros((count, pixels), dtype=np.uint8)
    distance = np.zeros((count, pixels), dtype=np.float32)
    for row in range(count):
        distances = unlikeness(modes, samples[:, row, None])
        of_mode[row] = distances.argmin(axis=0)
        distance[row] = distances[of_mode[row], at]
    return modes, of_mode, distance


def unlikeness(
    first: Real[np.ndarray, "3 *batch"], second: Float[np.ndarray, "3 *batch2"]
) -> np.ndarray:
    """The largest difference of red, green and blue; (*batch,) after broadcasting."""
    red, green, blue = (np.abs(first[channel] - second[channel]) for channel in range(3))
    return np.maximum(np.maximum(red, green, out=red), blue, out=red)


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
    shares = []
    for counts in (person, scene):
        smooth = softened(counts.reshape((1 << BITS,) * 3))
        shares.append(smooth.ravel() / max(smooth.sum(), 1.0) + RARE)
    return np.clip(np.log(shares[0] / shares[1]), -ODDS_LIMIT, ODDS_LIMIT)
