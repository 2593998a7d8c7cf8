"""Things before or beside a person: poles, plants, furniture, people, drawn into a crop's light."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32
from PIL import Image, ImageDraw

from posegrid.walkers.render.textures import colour, fractal

OCCLUDER_CHANCE = 0.22
OCCLUDERS = {"pole": 0.25, "plant": 0.2, "furniture": 0.25, "passer-by": 0.15, "bystander": 0.15}


@dataclass(frozen=True)
class Occluder:
    """One thing, placed in shares of the person's box."""

    kind: Literal["pole", "plant", "furniture", "passer-by", "bystander"]
    """A bystander stands behind the person, all others before."""
    at: float
    """Where it stands, from the box's left edge."""
    reach: float
    """How wide it is; of furniture: how far down its upper edge is."""

    @property
    def moves(self) -> bool:
        """Whether it can pass for a part of the person: what stands still is of the empty scene."""
        return self.kind in ("passer-by", "bystander")

    def box(self, box_xyxy: Float[np.ndarray, "4"]) -> Float[np.ndarray, "4"]:
        """The box of what is still seen of the person."""
        if self.kind != "furniture":
            return box_xyxy
        x0, y0, x1, y1 = box_xyxy
        return np.array([x0, y0, x1, y0 + self.reach * (y1 - y0)])


def random_occluder(rng: np.random.Generator) -> Occluder | None:
    """Something before the person in one crop of five; None otherwise."""
    if rng.random() >= OCCLUDER_CHANCE:
        return None
    kind = str(rng.choice(list(OCCLUDERS), p=list(OCCLUDERS.values())))
    reaches = {"pole": (0.03, 0.14), "plant": (0.3, 0.7), "furniture": (0.6, 0.9)}
    at, reach = rng.uniform(-0.1, 1.1), rng.uniform(*reaches.get(kind, (0.3, 0.8)))
    return Occluder(kind, float(at), float(reach))  # type: ignore[arg-type]


def draw(
    occluder: Occluder,
    light: Float32[np.ndarray, "size size 3"],
    coverage: Float32[np.ndarray, "size size"],
    box_crop_px: Float[np.ndarray, "4"],
    rng: np.random.Generator,
) -> Bool[np.ndarray, "size size"]:
    """Draws the thing into `light`, in place; True comes back where it covers.

    `box_crop_px`: the whole person's box in the crop.
    """
    if occluder.moves:
        return _draw_person(occluder, light, coverage, rng)
    shape = Image.new("L", light.shape[:2])
    x0, y0, x1, y1 = (float(v) for v in box_crop_px)
    x, high = x0 + occluder.at * (x1 - x0), y1 - y0
    pen = ImageDraw.Draw(shape)
    if occluder.kind == "pole":
        half, lean = occluder.reach * high / 2, rng.normal(0, 0.04) * high
        top = [(x - half + lean, -2), (x + half + lean, -2)]
        pen.polygon([*top, (x + half, 999), (x - half, 999)], fill=255)
    elif occluder.kind == "furniture":
        edge = y0 + occluder.reach * high
        top = [(-2, edge + rng.normal(0, 2)), (999, edge + rng.normal(0, 2))]
        pen.polygon([*top, (999, 999), (-2, 999)], fill=255)
    else:
        _draw_plant(pen, x, y1, occluder.reach * high, rng)
    there = np.asarray(shape) > 127
    hue = [0.7, 1.2, 0.5] if occluder.kind == "plant" else [1, 1, 1]
    base = colour(rng, 0.02, 0.6, 0.3) * hue
    tone = np.exp(0.25 * fractal(rng, light.shape[:2], 30))
    if occluder.kind == "pole":
        tone = tone * (1 - 0.5 * np.abs(np.arange(len(light)) - x) / (occluder.reach * high))
    light[there] = np.clip(base * tone[..., None], 0, 1)[there]
    return there


def _draw_plant(
    pen: ImageDraw.ImageDraw, x: float, foot: float, high: float, rng: np.random.Generator
) -> None:
    """Leaves about a stem, denser at the bottom."""
    for _ in range(int(rng.integers(25, 70))):
        up = rng.random() ** 1.3 * high
        across = x + rng.normal(0, 0.15) * high
        long, wide = rng.uniform(0.05, 0.16) * high, rng.uniform(0.01, 0.04) * high
        turn = rng.uniform(0, np.pi)
        along = np.array([np.cos(turn), np.sin(turn)]) * long
        aside = np.array([-np.sin(turn), np.cos(turn)]) * wide
        middle = np.array([across, foot - up])
        pen.polygon([tuple(middle + way) for way in (along, aside, -along, -aside)], fill=255)


def _draw_person(
    occluder: Occluder, light: np.ndarray, coverage: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The person's own mirror image in other colours, to one side."""
    size = len(light)
    aside = int(size * rng.uniform(0.2, 0.5)) * (1 if occluder.at > 0.5 else -1)
    down = int(rng.integers(0, max(2, size // 20)))
    there = _shifted(coverage[:, ::-1], aside, down) > 0.5
    if occluder.kind == "bystander":
        there &= coverage < 0.5
    other = _shifted(light[:, ::-1], aside, down)[..., rng.permutation(3)]
    light[there] = np.clip(other[there] ** np.float32(rng.uniform(0.6, 1.6)), 0, 1)
    return there


def _shifted(picture: np.ndarray, aside: int, down: int) -> np.ndarray:
    """The picture moved; what comes in is 0."""
    moved = np.zeros_like(picture)
    size = len(picture)
    to = slice(max(aside, 0), size + min(aside, 0))
    off = slice(max(-aside, 0), size + min(-aside, 0))
    moved[down:, to] = picture[: size - down, off]
    return moved
