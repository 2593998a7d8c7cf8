"""Made-up scenes of plain-coloured people, and a finder that knows them by their colours."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from posegrid.people.crop import box_of
from posegrid.people.looks import Candidate, Outline, Shot, Thresholds, window_round
from posegrid.video.picture import Picture
from posegrid.video.video import VideoFrame

SIZE_WH = (320, 192)
FPS = 25.0
Box = tuple[float, float, float, float]

RED, NEARLY_RED, BLUE = (200, 30, 30), (201, 33, 33), (30, 30, 200)


@cache
def backdrop(seed: int = 0, size_wh: tuple[int, int] = (640, 192)) -> np.ndarray:
    """Grey blotches, twice as wide as a picture."""
    rng = np.random.default_rng(seed)
    blotches = rng.integers(90, 170, (size_wh[1] // 8, size_wh[0] // 8, 1))
    return np.repeat(blotches.repeat(8, axis=0).repeat(8, axis=1), 3, axis=2).astype(np.uint8)


def picture(people: Sequence[tuple[Box, tuple[int, int, int]]], shift: int = 0) -> np.ndarray:
    """People as rectangles, the later ones in front, before the backdrop."""
    image = backdrop()[:, shift : shift + SIZE_WH[0]].copy()
    for (x0, y0, x1, y1), colour in people:
        image[max(round(y0), 0) : max(round(y1), 0), max(round(x0), 0) : max(round(x1), 0)] = colour
    return image


def frames(images: Sequence[np.ndarray], fps: float = FPS) -> list[VideoFrame]:
    """The pictures as frames of a video."""
    return [VideoFrame(n, n / fps, Picture.from_rgb(image)) for n, image in enumerate(images)]


@dataclass
class ColourFinder:
    """Finds rectangles of known colours, as exactly as the pictures show them."""

    colours: Sequence[tuple[int, int, int]]
    thresholds: Thresholds = field(
        default_factory=lambda: Thresholds(find=0.3, start=0.45, keep=0.15)
    )
    num_first: int = 0
    num_second: int = 0

    def everybody(self, shot: Shot) -> list[Candidate]:
        self.num_first += 1
        rgb = shot.picture.rgb()
        boxes = [box_of(mask) for mask in self._masks(rgb)]
        return [Candidate(box, 0.9) for box in boxes if box is not None]

    def each(self, shot: Shot, boxes: Sequence[np.ndarray]) -> list[Outline]:
        self.num_second += len(boxes)
        return [self._second(shot, box) for box in boxes]

    def _second(self, shot: Shot, box: np.ndarray) -> Outline:
        window, size = window_round(box)
        rgb = shot.picture.window_rgb(window, size)
        inside = np.zeros(rgb.shape[:2], bool)
        low, high = (
            np.rint((at - window[:2]) * size[0] / (window[2] - window[0]))
            for at in (box[:2], box[2:])
        )
        inside[max(int(low[1]), 0) : int(high[1]), max(int(low[0]), 0) : int(high[0])] = True
        best = max(self._masks(rgb), key=lambda mask: (mask & inside).sum())
        filled = (best & inside).sum() / max(inside.sum(), 1)
        return Outline(best.astype(np.float32), rgb, window, min(0.9, 2 * filled), np.ones(2))

    def _masks(self, rgb: np.ndarray) -> list[np.ndarray]:
        """Where each colour is: pixels that are near it, and nearest to it."""
        planes = [rgb[..., n].astype(np.int16) for n in range(3)]
        away = [
            sum(np.abs(plane - value) for plane, value in zip(planes, colour, strict=True))
            for colour in self.colours
        ]
        least = np.minimum.reduce(away)
        return [(mine <= least) & (mine < 40) for mine in away]
