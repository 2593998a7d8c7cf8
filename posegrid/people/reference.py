"""The background model: the empty scene that a camera at rest sees, the median of some dozens
of its pictures, of each what nobody covers.

    references = ClipReferences.learnt(footage.spread(NUM_SAMPLES), covered)
    references = RunningReferences(covered)                  for live pictures: of what has passed
    reference = references.at(time_s, picture, look)         None: there is none to be believed

A wrong reference is worse than none. So every picture is compared with the reference by the
contrasts in its tiles: of a camera at rest most tiles agree, whatever the light does; of one that
moves hardly any do. Whoever was not seen and stood still for most of the time is left in the
reference; the finder has learnt to see that.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from posegrid.people.median import median
from posegrid.untrusted import whole_number
from posegrid.video.picture import Picture, inside_of

NUM_SAMPLES = 16
"""Pictures that a median is of, spread evenly over a clip."""
LEAST_SAMPLES = 5
"""The median of fewer shows whoever stands there."""
LEAST_FREE = 3
"""What fewer samples show uncovered is not known."""
LOOK_PIXELS = 320 * 192
"""A first look at the whole picture has about so many pixels."""
FINER = 2
"""The reference has so many times the first look's pixels, each way, for second looks."""
LIVE_STEP_S = 0.5
"""Live, a picture is kept as a sample so often: the median is of the last 12 seconds."""
TILE = 32
LEAST_CONTRAST = 2.0
"""Grey levels from a pixel to the next (RMS over a tile); what has less may be noise alone."""
LEAST_TILES = 4
AGREEING = 0.5
"""Correlation from which on two tiles show one thing, and share of the tiles that makes it one
place.
"""
ALIKE, MOST = 24, 0.67
"""Levels by which a sample may differ from the median to agree with it, and the share that must."""
DARK, WHITE, USED_EVERY, LEAST_USABLE = 24, 245, 3, 20
"""A change of light is told from every third pixel each way, if so many are neither dark nor
white."""
MOSTLY = 0.9
"""Share of the frames that must show one place for the camera to be called fixed."""

Look = UInt8[np.ndarray, "H W 3"]
Cover = Bool[np.ndarray, "H W"]
"""Where people hide the scene, at the size of first looks."""


def look_size(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Width and height at which a picture is looked at as a whole: multiples of 32 of its shape."""
    height = TILE * max(2, round((LOOK_PIXELS * size_wh[1] / size_wh[0]) ** 0.5 / TILE))
    return TILE * max(2, round(LOOK_PIXELS / height / TILE)), height


def look_of(picture: Picture) -> Look:
    """A picture at that size."""
    return picture.scaled_rgb(look_size(picture.size_wh))


def fine_look_of(picture: Picture) -> UInt8[np.ndarray, "h w 3"]:
    """A picture at the size of references."""
    width, height = look_size(picture.size_wh)
    return picture.scaled_rgb((FINER * width, FINER * height))


@dataclass(frozen=True, eq=False)
class Contrasts:
    """What two pictures of one place have in common in any light: differences of neighbours."""

    across: Float[np.ndarray, "h w"]
    down: Float[np.ndarray, "h w"]

    @classmethod
    def of(cls, rgb: UInt8[np.ndarray, "H W 3"]) -> "Contrasts":
        """Of a picture at the size of first looks."""
        luma = np.asarray(Image.fromarray(rgb).convert("L"), dtype=np.float32)
        return cls(
            np.diff(luma, axis=1, append=luma[:, -1:]), np.diff(luma, axis=0, append=luma[-1:])
        )

    @cached_property
    def energy(self) -> Float[np.ndarray, "rows columns"]:
        """Mean squared contrast of each tile."""
        return _tiled(self.across**2 + self.down**2)

    def agreement(self, other: "Contrasts") -> float | None:
        """The median correlation over the tiles in which either has contrast; None for bare ones."""
        telling = np.maximum(self.energy, other.energy) >= LEAST_CONTRAST**2
        if telling.sum() < LEAST_TILES:
            return None
        common = _tiled(self.across * other.across + self.down * other.down)
        scale = np.sqrt(self.energy * other.energy) + 1e-6
        return float(np.median((common / scale)[telling]))

    def same_place(self, other: "Contrasts") -> bool:
        """Whether both show one place, as far as they show anything."""
        agreement = self.agreement(other)
        return agreement is None or agreement >= AGREEING


def _tiled(values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "rows columns"]:
    """Means of tiles; sides are multiples of theirs."""
    rows, columns = values.shape[0] // TILE, values.shape[1] // TILE
    return values.reshape(rows, TILE, columns, TILE).mean(axis=(1, 3))


@dataclass(frozen=True, eq=False)
class Reference:
    """The empty scene, for pictures of one size."""

    rgb: UInt8[np.ndarray, "h w 3"]
    known: UInt8[np.ndarray, "h w"]
    """1 where most samples agree; 0 where somebody may have stood for about as long as nobody, or
    was seen nearly always."""
    size_wh: tuple[int, int]
    """Size of the pictures, pixels."""

    @classmethod
    def of(
        cls, samples: Sequence[UInt8[np.ndarray, "h w 3"]], size_wh: tuple[int, int]
    ) -> "Reference":
        """The median of samples of one place, in one light."""
        return cls(*usual(samples, [np.ones(s.shape[:2], bool) for s in samples]), size_wh)

    def without(
        self, covers: Sequence[Cover], samples: Sequence[UInt8[np.ndarray, "h w 3"]]
    ) -> "Reference":
        """What is usual in the samples (those of the reference) where each is not covered."""
        where, rgb, known = finer(np.any(covers, axis=0)), self.rgb.copy(), self.known.copy()
        free = [~finer(cover)[where] for cover in covers]
        rgb[where], known[where] = usual([sample[where] for sample in samples], free)
        return replace(self, rgb=rgb, known=known)

    @cached_property
    def known_look(self) -> UInt8[np.ndarray, "H W"]:
        """Where the reference is known, at the size of first looks."""
        return self.known[::FINER, ::FINER]

    @cached_property
    def look(self) -> Look:
        """The whole at the size of first looks."""
        return halved(self.rgb)

    @cached_property
    def contrasts(self) -> Contrasts:
        """What tells the place."""
        return Contrasts.of(self.look)

    def window_rgb(
        self, window_xyxy: Float[np.ndarray, "4"], size_wh: tuple[int, int]
    ) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]:
        """What the scene shows in a window of the picture, at any size; and 1 inside the picture."""
        rgb = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
        known = np.zeros((size_wh[1], size_wh[0]), np.uint8)
        (x0, y0, x1, y1), part = inside_of(window_xyxy, size_wh, self.size_wh)
        if x0 < x1 and y0 < y1:
            rows, columns = self.rgb.shape[:2]
            scale = np.tile([columns / self.size_wh[0], rows / self.size_wh[1]], 2)
            left, top, right, bottom = (float(v) for v in np.array(part) * scale)
            box = (left, top, min(right, columns), min(bottom, rows))
            cut = Image.fromarray(self.rgb).resize(
                (x1 - x0, y1 - y0), Image.Resampling.BILINEAR, box, reducing_gap=1.0
            )
            there = Image.fromarray(self.known).resize(
                (x1 - x0, y1 - y0), Image.Resampling.NEAREST, box
            )
            rgb[y0:y1, x0:x1], known[y0:y1, x0:x1] = np.asarray(cut), np.asarray(there)
        return rgb, known


Covered = Callable[[Picture, Reference | None], Cover]
"""Tells where people are in a picture of the size of first looks, beside what is known so far."""


@dataclass(eq=False)
class ClipReferences:
    """Of a whole clip: a reference of each place at which the camera was at rest for a while."""

    references: Sequence[Reference]
    first: Contrasts | None = None
    """Of the first picture."""
    _shown: Counter[int] = field(default_factory=Counter)
    """How many pictures showed the place of each reference, or of the first picture where there are
    none; -1: another place."""

    @classmethod
    def learnt(
        cls, pictures: Iterable[Picture], covered: "Covered | None" = None
    ) -> "ClipReferences":
        """From pictures spread evenly over the clip; few make none.

        covered: such pixels do not count (BSUV-Net: Tezcan et al., 2020, takes pictures without
        people). None: all count.
        """
        size_wh = (0, 0)
        samples: list[np.ndarray] = []
        for picture in pictures:
            size_wh = size_wh if samples else picture.size_wh
            samples.append(fine_look_of(picture))
        at = np.linspace(0, len(samples) - 1, min(NUM_SAMPLES, len(samples))).round().astype(int)
        places = by_place([samples[n] for n in at])
        references = [emptied(s, size_wh, covered) for s in places if len(s) >= LEAST_SAMPLES]
        return cls(references, Contrasts.of(halved(samples[0])) if samples else None)

    @property
    def camera_fixed(self) -> bool:
        """Whether nearly all pictures so far showed one place."""
        total = self._shown.total()
        return not total or max(self._shown[n] for n in self._shown if n >= 0) >= MOSTLY * total

    def at(self, time_s: float, picture: Picture, look: Look) -> Reference | None:
        """The reference of the place that a picture shows, if there is one.

        look: the picture at the size of first looks. The time does not matter.
        """
        mine = Contrasts.of(look)
        places = [r.contrasts for r in self.references] or [self.first or mine]
        shown = next((n for n, place in enumerate(places) if place.same_place(mine)), -1)
        if mine.energy.max() >= LEAST_CONTRAST**2:  # black pictures say nothing about the camera
            self._shown[shown] += 1
        return self.references[shown] if self.references and shown >= 0 else None

    def remembered(self, reference: Reference | None) -> list[Any]:
        """What the pictures so far showed, the last one `reference`, as plain values; what is learnt
        from the clip is learnt again.
        """
        last = next((n for n, one in enumerate(self.references) if one is reference), -1)
        return [last, *(self._shown[n] for n in range(-1, max(1, len(self.references))))]

    def recall(self, said: list[Any]) -> Reference | None:
        """Take over what `remembered` gave; that reference. Raises one of DAMAGED."""
        most = max(1, len(self.references))
        counts = [whole_number(count, "references", 0, 2**53) for count in said[1:]]
        self._shown = Counter(dict(zip(range(-1, most), counts, strict=True)))
        last = whole_number(said[0], "reference", -1, len(self.references) - 1)
        return None if last < 0 else self.references[last]


def emptied(
    samples: Sequence[UInt8[np.ndarray, "h w 3"]], size_wh: tuple[int, int], covered: Covered | None
) -> Reference:
    """The median of samples of one place, and then of what of each nobody covers."""
    samples = in_one_light(samples)
    reference = Reference.of(samples, size_wh)
    if covered is None:
        return reference
    return reference.without([cover_of(s, reference, covered) for s in samples], samples)


def in_one_light(samples: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[UInt8[np.ndarray, "h w 3"]]:
    """Samples of one place, all as bright as the middle one of them."""
    middle = samples[len(samples) // 2]
    everywhere = np.ones(middle.shape[:2], bool)
    return [relit(sample, middle, everywhere) for sample in samples]


def cover_of(
    sample: UInt8[np.ndarray, "h w 3"], reference: Reference | None, covered: Covered
) -> Cover:
    """What people hide in a sample."""
    look = halved(sample)
    own = None if reference is None else replace(reference, size_wh=look.shape[1::-1])
    return covered(Picture.from_rgb(look), own)


@dataclass(eq=False)
class RunningReferences:
    """Of live pictures: what was seen in the last seconds; nothing at first."""

    covered: Covered | None = None
    """See `ClipReferences.learnt`."""
    camera_fixed: bool = True
    """Whether the last picture showed the place of those before."""
    _samples: deque[np.ndarray] = field(default_factory=lambda: deque(maxlen=NUM_SAMPLES))
    _covers: deque[Cover] = field(default_factory=lambda: deque(maxlen=NUM_SAMPLES))
    _reference: Reference | None = None
    _place: Contrasts | None = None
    _next_s: float = -np.inf

    def at(self, time_s: float, picture: Picture, look: Look) -> Reference | None:
        """As of `ClipReferences`; pictures come in the order of time."""
        mine = Contrasts.of(look)
        self.camera_fixed = self._place is None or self._place.same_place(mine)
        if not self.camera_fixed:
            self._samples.clear()
            self._covers.clear()
            self._reference = None
        if time_s >= self._next_s or not self.camera_fixed:
            self._next_s = time_s + LIVE_STEP_S
            self._place = mine
            self._take(fine_look_of(picture), picture.size_wh)
        return self._reference

    def _take(self, sample: UInt8[np.ndarray, "h w 3"], size_wh: tuple[int, int]) -> None:
        """One more sample."""
        self._samples.append(sample)
        if self.covered is not None:
            self._covers.append(cover_of(sample, self._reference, self.covered))
        if len(self._samples) >= LEAST_SAMPLES:
            reference = Reference.of(self._samples, size_wh)
            self._reference = (
                reference.without(self._covers, self._samples) if self._covers else reference
            )


References = ClipReferences | RunningReferences
"""Gives each picture its reference."""


def by_place(samples: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    """Samples (FINER times the size of first looks) put together that show one place."""
    places: list[tuple[Contrasts, list[np.ndarray]]] = []
    for sample in samples:
        mine = Contrasts.of(halved(sample))
        known = next((held for first, held in places if first.same_place(mine)), None)
        if known is None:
            places.append((mine, [sample]))
        else:
            known.append(sample)
    return sorted((held for _, held in places), key=len, reverse=True)


def halved(rgb: UInt8[np.ndarray, "h w 3"]) -> Look:
    """A reference's size reduced to the first look's."""
    return np.asarray(Image.fromarray(rgb).reduce(FINER))


def finer(cover: Cover) -> Bool[np.ndarray, "h w"]:
    """At the size of references."""
    return cover.repeat(FINER, axis=0).repeat(FINER, axis=1)


def usual(
    samples: Sequence[UInt8[np.ndarray, "*shape 3"]], free: Sequence[Bool[np.ndarray, "*shape"]]
) -> tuple[UInt8[np.ndarray, "*shape 3"], UInt8[np.ndarray, "*shape"]]:
    """The median of the samples, of each where it is free; of all where hardly one is. And where that
    is known: most of those that are free agree.
    """
    num_free = np.sum(free, axis=0, dtype=np.uint8)
    hidden = num_free < min(LEAST_FREE, len(samples))
    rgb = median(samples, [one | hidden for one in free])
    agreeing = np.zeros_like(num_free)
    for sample, uncovered in zip(samples, free, strict=True):
        unlike = np.maximum(sample, rgb) - np.minimum(sample, rgb)
        most = np.maximum(np.maximum(unlike[..., 0], unlike[..., 1]), unlike[..., 2])
        agreeing += (most <= ALIKE) & uncovered
    return rgb, ((agreeing >= MOST * num_free) & ~hidden).astype(np.uint8)


def light_gain(
    frame: UInt8[np.ndarray, "h w 3"],
    reference: UInt8[np.ndarray, "h w 3"],
    free: Bool[np.ndarray, "h w"],
) -> Float[np.ndarray, "3"]:
    """Factors (red, green, blue) that bring a reference to a frame's brightness.

    Medians over the free pixels that are neither dark (an offset would pass for a factor there) nor
    white.
    """
    some = slice(None, None, USED_EVERY)
    mine, theirs = (
        np.ascontiguousarray(rgb[some, some].transpose(2, 0, 1)) for rgb in (frame, reference)
    )
    dark, light = np.minimum(mine, theirs).min(axis=0), np.maximum(mine, theirs).max(axis=0)
    usable = free[some, some] & (dark > DARK) & (light < WHITE)
    if usable.sum() < LEAST_USABLE:
        return np.ones(3, np.float32)
    return np.median(mine[:, usable] / theirs[:, usable].astype(np.float32), axis=1)


def relit(
    reference: UInt8[np.ndarray, "h w 3"],
    frame: UInt8[np.ndarray, "h w 3"],
    free: Bool[np.ndarray, "h w"],
) -> UInt8[np.ndarray, "h w 3"]:
    """The reference in the frame's light, told from the free pixels."""
    gain = light_gain(frame, reference, free)
    levels = np.arange(256, dtype=np.uint8)[:, None]
    table = np.clip(levels * gain + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(reference).point(table.T.ravel().tolist()))
