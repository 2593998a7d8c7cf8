"""How the finder's masks and boxes of rendered walkers differ from the true ones.

    posegrid synth release --layout human36m --subjects S1 S5 S9 --frames 150 --picture-size 800
    --activities varied python scripts/measure_mask_faults.py release --sheet sheet.png

Each view is looked through as `predict` does; every `--every`th mask is
compared with the truth.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from jaxtyping import Bool
from PIL import Image
from scipy import ndimage
from tyro.conf import Positional

from posegrid.datasets.human36m.release_sequences import Human36m
from posegrid.datasets.sequence import Sequence
from posegrid.people.crop import Silhouette, box_of, window_of_box
from posegrid.people.finder import Sighting, find_people
from posegrid.video.picture import Picture
from posegrid.video.video import VideoFrame

QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)


@dataclass(frozen=True)
class Settings:
    """What to measure."""

    root: Positional[Path]
    """Folder in Human3.6M's layout, written by `posegrid synth`."""
    every: int = 5
    """Take every n-th frame."""
    sheet: Path | None = None
    """Picture to write: masks in the crops that `predict` would cut; white: both, red: missing,
    green: too much.
    """


def main(settings: Settings) -> None:
    """Print quantiles of each measure over all views."""
    rows, pictures = [], []
    source = Human36m(settings.root)
    for sequence in map(source.open, source.find(actions=("Walking",))):
        finder = find_people(lambda count, s=sequence: (f.picture for f in frames_of(s)))
        found = (largest(sightings) for _, sightings in finder.follow(frames_of(sequence)))
        truths = (frame.mask for frame in sequence.open_frames())
        for index, (mask, truth) in enumerate(zip(found, truths, strict=True)):
            if index % settings.every or truth is None or not truth.any() or mask is None:
                continue
            rows.append(measures(mask, truth))
            if len(rows) % 25 == 0:
                pictures.append(compared(mask, truth))
    for name in rows[0]:
        values = np.quantile([row[name] for row in rows], QUANTILES)
        print(f"{name:28s}" + " ".join(f"{value:8.3f}" for value in values))
    print(f"{len(rows)} masks; quantiles {QUANTILES}")
    if settings.sheet:
        Image.fromarray(sheet(pictures)).save(settings.sheet)


def frames_of(sequence: Sequence) -> Iterator[VideoFrame]:
    """A sequence's pictures as a video's frames."""
    for frame in sequence.open_frames():
        yield VideoFrame(frame.index, frame.time_s, Picture.from_rgb(frame.image))


def largest(sightings: list[Sighting]) -> Bool[np.ndarray, "H W"] | None:
    """The mask of the largest person in a picture."""
    masks = [sighting.silhouette.in_picture() for sighting in sightings]
    return max(masks, key=lambda mask: int(mask.sum()), default=None)


def measures(mask: Bool[np.ndarray, "H W"], truth: Bool[np.ndarray, "H W"]) -> dict[str, float]:
    """One mask against the truth; edges are outwards, as shares of the true box's longer side."""
    box, true_box = box_of(mask), box_of(truth)
    assert box is not None and true_box is not None
    longer = max(true_box[2:] - true_box[:2])
    edges = (box - true_box) * [-1, -1, 1, 1] / longer
    area = truth.sum()
    distance = ndimage.distance_transform_edt(~truth) - ndimage.distance_transform_edt(truth)
    added = mask & ~truth
    feet = np.zeros_like(truth)
    feet[int(true_box[3] - 0.06 * longer) : int(true_box[3])] = True
    low = np.arange(len(truth))[:, None] >= true_box[3] - 0.12 * longer
    return {
        "edge left": edges[0],
        "edge top": edges[1],
        "edge right": edges[2],
        "edge bottom": edges[3],
        "IoU": (mask & truth).sum() / (mask | truth).sum(),
        "area ratio": mask.sum() / area,
        "person missing": (truth & ~mask).sum() / area,
        "  by more than 1.5 % inside": (truth & ~mask & (distance < -0.015 * longer)).sum() / area,
        "  of the lowest 6 %": (truth & ~mask & feet).sum() / max((truth & feet).sum(), 1),
        "added": added.sum() / area,
        "  beyond 2 %": (added & (distance > 0.02 * longer)).sum() / area,
        "  the same, lowest 12 %": (added & low & (distance > 0.02 * longer)).sum() / area,
        "mean outline shift": (added.sum() - (truth & ~mask).sum())
        / outline_length(truth)
        / longer,
    }


def outline_length(mask: Bool[np.ndarray, "H W"]) -> int:
    """Pixels along the mask's edge."""
    return int((mask & ~ndimage.binary_erosion(mask)).sum())


def compared(mask: Bool[np.ndarray, "H W"], truth: Bool[np.ndarray, "H W"]) -> np.ndarray:
    """A crop of both masks in colours."""
    box = box_of(mask)
    assert box is not None
    left, top, side = window_of_box(box, 0.1)
    found, true = (
        Silhouette(one * np.uint8(255), (0.0, 0.0), 1, mask.shape[::-1]).square(
            left, top, side / 128, 128
        )
        for one in (mask, truth)
    )
    return np.stack([true, found, found & true], axis=-1)


def sheet(pictures: list[np.ndarray], columns: int = 12) -> np.ndarray:
    """The pictures in rows."""
    black = [np.zeros_like(pictures[0])] * (-len(pictures) % columns)
    rows = [
        np.concatenate((pictures + black)[i : i + columns], axis=1)
        for i in range(0, len(pictures), columns)
    ]
    return np.concatenate(rows)


if __name__ == "__main__":
    main(tyro.cli(Settings))
