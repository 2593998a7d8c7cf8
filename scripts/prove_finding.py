"""Copies of a real video, as people make them: in how many frames of each the person is found.

    python scripts/prove_finding.py WALK.mp4 OUT [--finder posegrid-find.onnx] [--copies grey ...]

WALK: a fixed camera and one person, in sight all the time. Prints a table: frames in which the
person is, those in which they are found where they are found in the plain clip (IoU over 0.5), how
many others are reported. OUT takes a sheet of frames a copy, to be looked at.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw
from tyro.conf import Positional

from posegrid.people.finder import find_people
from posegrid.people.looks import FinderNetwork, iou, load_finder
from posegrid.video.picture import Picture
from posegrid.video.video import VideoFrame, read_frames

Pictures = list[UInt8[np.ndarray, "H W 3"]]
Boxes = dict[int, list[Float[np.ndarray, "4"]]]
"""Of each person by number, frame after frame; NaN where they are not seen."""
SHOWN, HEIGHT_PX = 6, 240


@dataclass(frozen=True)
class Settings:
    """What to try."""

    video: Positional[Path]
    out: Positional[Path]
    finder: Path | None = None
    """ONNX weights; default: those that come with posegrid."""
    copies: tuple[str, ...] = ()
    """Names of copies; default: all."""


@dataclass(frozen=True)
class Copy:
    """A copy of a clip."""

    pictures: Pictures
    corner_px: Float[np.ndarray, "T 2"]
    """Where in the plain clip's pictures each begins."""
    shown: list[int]
    """Which frames of the plain clip these are; -1: nothing can be seen."""


def plain(pictures: Pictures) -> Copy:
    """The clip."""
    return _still(pictures, list(range(len(pictures))))


def _still(pictures: Pictures, shown: list[int]) -> Copy:
    return Copy(pictures, np.zeros((len(pictures), 2)), shown)


def hand_held(pictures: Pictures) -> Copy:
    """A window of 80 % that pans and shakes."""
    rng, count = np.random.default_rng(5), len(pictures)
    high, wide = pictures[0].shape[:2]
    window = np.array([0.8 * wide, 0.8 * high]).astype(int)
    room = np.array([wide, high]) - window
    drift = np.cumsum(rng.normal(0, 0.0035, (count, 2)), axis=0) + rng.normal(0, 0.0015, (count, 2))
    pan = np.stack([0.3 + 0.4 * np.linspace(0, 1, count), np.full(count, 0.5)], axis=1)
    corner = np.clip((pan + drift) * room, 0, room)
    cut = [
        np.asarray(
            Image.fromarray(picture).resize(
                tuple(window), Image.Resampling.BILINEAR, (*at, *(at + window))
            )
        )
        for picture, at in zip(pictures, corner, strict=True)
    ]
    return Copy(cut, corner, list(range(count)))


def photograph(pictures: Pictures) -> Copy:
    """The middle frame alone."""
    middle = len(pictures) // 2
    return _still([pictures[middle]], [middle])


def first_ten(pictures: Pictures) -> Copy:
    """The first ten frames."""
    return _still(pictures[:10], list(range(10)))


def grey(pictures: Pictures) -> Copy:
    """Without colours."""
    levels = [np.asarray(Image.fromarray(p).convert("L")) for p in pictures]
    return plain([np.repeat(level[..., None], 3, axis=2) for level in levels])


def exposure(pictures: Pictures) -> Copy:
    """A third brighter, then a third darker."""
    gains = 1 + 0.35 * np.sin(2 * np.pi * np.arange(len(pictures)) / len(pictures))
    return plain([_scaled(p, gain) for p, gain in zip(pictures, gains, strict=True)])


def mains(pictures: Pictures) -> Copy:
    """Bands of a lamp's flicker run through the picture."""
    rows = np.arange(len(pictures[0]))[:, None, None] / len(pictures[0])
    return plain(
        [
            _scaled(p, 1 + 0.15 * np.sin(2 * np.pi * (2.5 * rows + 0.37 * n)))
            for n, p in enumerate(pictures)
        ]
    )


def black(pictures: Pictures) -> Copy:
    """Two of every seventeen frames are black."""
    lost = [n % 17 in (3, 4) for n in range(len(pictures))]
    shown = [-1 if gone else n for n, gone in enumerate(lost)]
    return _still([p * (n >= 0) for n, p in zip(shown, pictures, strict=True)], shown)


def _scaled(picture: np.ndarray, gain: float | np.ndarray) -> np.ndarray:
    return np.clip(picture * gain + 0.5, 0, 255).astype(np.uint8)


COPIES: dict[str, Callable[[Pictures], Copy]] = {
    "plain": plain,
    "hand-held": hand_held,
    "photograph": photograph,
    "first ten": first_ten,
    "grey": grey,
    "exposure": exposure,
    "mains": mains,
    "black": black,
}


def found_in(copy: Copy, network: FinderNetwork) -> Boxes:
    """Who is found."""

    def spread(count: int) -> Iterator[Picture]:
        step = max(1, len(copy.pictures) // count)
        return (Picture.from_rgb(picture) for picture in copy.pictures[::step])

    finder, boxes = find_people(spread, network), {}
    frames = (
        VideoFrame(n, n / 30, Picture.from_rgb(picture)) for n, picture in enumerate(copy.pictures)
    )
    for frame, sightings in finder.follow(frames):
        for sighting in sightings:
            mine = boxes.setdefault(sighting.number, [np.full(4, np.nan)] * len(copy.pictures))
            mine[frame.index] = sighting.silhouette.box_xyxy
    return _joined(boxes, finder.persons())


def _joined(boxes: Boxes, person_of: dict[int, int]) -> Boxes:
    """Numbers that are one person together; those that are nobody left out."""
    people: Boxes = {}
    for number, mine in boxes.items():
        if number in person_of:
            before = people.get(person_of[number], mine)
            people[person_of[number]] = [
                one if np.isfinite(one).all() else other
                for one, other in zip(before, mine, strict=True)
            ]
    return people


def main(settings: Settings) -> None:
    """Prints the table and writes the sheets."""
    pictures = [frame.image for frame in read_frames(settings.video)]
    network = load_finder(settings.finder)
    settings.out.mkdir(parents=True, exist_ok=True)
    truth = next(iter(_surest_first(found_in(plain(pictures), network))))
    print("| copy | frames with the person | found | others |\n|---|---|---|---|")
    for name in settings.copies or tuple(COPIES):
        copy = COPIES[name](pictures)
        people = found_in(copy, network)
        with_person = [n for n, frame in enumerate(copy.shown) if frame >= 0]
        right = set()
        for mine in people.values():
            right |= {
                n
                for n in with_person
                if np.isfinite(mine[n]).all()
                and iou(mine[n] + np.tile(copy.corner_px[n], 2), truth[copy.shown[n]]) > 0.5
            }
        others = max(len(people) - 1, 0)
        print(f"| {name} | {len(with_person)} | {len(right)} | {others} |", flush=True)
        _sheet(copy, people).save(settings.out / f"{settings.video.stem}_{name}.jpg")


def _surest_first(people: Boxes) -> list[list[Float[np.ndarray, "4"]]]:
    """The boxes of whoever is seen most first."""
    return sorted(people.values(), key=lambda mine: -np.isfinite(mine).sum())


def _sheet(copy: Copy, people: Boxes) -> Image.Image:
    """Some frames with everybody's boxes."""
    tiles = []
    for n in np.linspace(0, len(copy.pictures) - 1, SHOWN).round().astype(int):
        picture = Image.fromarray(copy.pictures[n])
        for number, mine in enumerate(_surest_first(people)):
            if np.isfinite(mine[n]).all():
                colour = ("red", "yellow", "cyan")[number % 3]
                ImageDraw.Draw(picture).rectangle(list(mine[n]), outline=colour, width=6)
        width = round(HEIGHT_PX * picture.width / picture.height)
        tiles.append(np.asarray(picture.resize((width, HEIGHT_PX), Image.Resampling.BOX)))
    return Image.fromarray(np.concatenate(tiles, axis=1))


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
