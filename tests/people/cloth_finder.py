"""A finder for the figures of `scenes.py`: whoever wears colours, before walls that have none."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from posegrid.people.looks import Candidate, Outline, Shot, Thresholds, window_round

COLOURED, LEAST_HEIGHT = 38, 30


@dataclass
class ClothFinder:
    """Parts of the picture that are coloured, each one person; sure of all."""

    thresholds: Thresholds = field(
        default_factory=lambda: Thresholds(find=0.3, start=0.45, keep=0.15)
    )

    def everybody(self, shot: Shot) -> list[Candidate]:
        width, height = shot.picture.size_wh
        fine = max(1, round(height / 130))
        rgb = shot.picture.scaled_rgb((width // fine, height // fine))
        _, parts = _people(rgb)
        return [
            Candidate(fine * np.array([x.start, y.start, x.stop, y.stop], float), 0.9)
            for y, x in parts
        ]

    def each(self, shot: Shot, boxes: Sequence[np.ndarray]) -> list[Outline]:
        return [self._second(shot, box) for box in boxes]

    def _second(self, shot: Shot, box: np.ndarray) -> Outline:
        window, size = window_round(box)
        rgb = shot.picture.window_rgb(window, size)
        scale = size[0] / (window[2] - window[0])
        labels, parts = _people(rgb, least=min(LEAST_HEIGHT, (box[3] - box[1]) / 2) * scale)
        x0, y0, x1, y1 = np.rint((box - np.tile(window[:2], 2)) * scale).astype(int)
        inside = labels[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        shares = np.bincount(inside[inside > 0], minlength=len(parts) + 1)
        there = shares.any()
        mask = (labels == shares.argmax()) & there
        return Outline(mask.astype(np.float32), rgb, window, 0.9 * there, np.ones(2))


def _people(rgb: np.ndarray, least: float = LEAST_HEIGHT) -> tuple[np.ndarray, list]:
    """Labels of the people and their parts of the picture."""
    planes = np.pad(rgb.transpose(2, 0, 1).astype(np.int16), ((0, 0), (1, 1), (1, 1)), "symmetric")
    rows = planes[:, :-2] + planes[:, 1:-1] + planes[:, 2:]
    sums = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]  # of 3 x 3 pixels
    colour = np.maximum.reduce(sums) - np.minimum.reduce(sums)
    labels, count = ndimage.label(colour > 9 * COLOURED, np.ones((3, 3)))
    kept, parts = np.zeros(count + 1, int), []
    for number, part in enumerate(ndimage.find_objects(labels), start=1):
        if part[0].stop - part[0].start >= least:
            parts.append(part)
            kept[number] = len(parts)
    return kept[labels], parts
