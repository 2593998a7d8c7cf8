"""Things that stand about in scenes, made of upright boxes: chairs, tables, cupboards, posts,
treadmills, bags, animals.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from posegrid.walkers.scenes import kernels
from posegrid.walkers.scenes.surroundings import SceneView

KINDS = {
    "chair": 0.28, "stool": 0.08, "table": 0.14, "cupboard": 0.14, "post": 0.1,
    "treadmill": 0.06, "screen": 0.08, "coat stand": 0.06, "heap": 0.06,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Thing:
    """One thing in its place."""

    boxes: Float[np.ndarray, "B 12"]
    """As `kernels.paste_boxes` takes them."""
    depth_mm: float
    bounds_px: tuple[int, int, int, int]
    """x0, y0, x1, y1 of the picture in which it may be seen."""
    light: Float32[np.ndarray, "6"]


def random_thing(
    rng: np.random.Generator,
    view: SceneView,
    at_mm: Float[np.ndarray, "2"],
    num_textures: int,
    kind: str | None = None,
) -> Thing | None:
    """Something at a place on the floor; None where the camera does not see it."""
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values()))) if kind is None else kind
    parts = np.array(_PARTS[kind](rng), np.float64)
    turn = rng.uniform(0, 2 * np.pi) if rng.random() < 0.7 else rng.choice([0, np.pi / 2, np.pi])
    cos, sin = np.cos(turn), np.sin(turn)
    boxes = np.empty((len(parts), 12))
    boxes[:, 0] = at_mm[0] + cos * parts[:, 0] - sin * parts[:, 1]
    boxes[:, 1] = at_mm[1] + sin * parts[:, 0] + cos * parts[:, 1]
    boxes[:, 2:6] = parts[:, 2:6]
    boxes[:, 6:8] = cos, sin
    colours = [_colour(rng) for _ in range(2)]
    which = float(rng.integers(num_textures)) if rng.random() < 0.5 else -1.0
    second = rng.random() < 0.5
    for row, box in enumerate(boxes):
        box[8:11] = colours[int(second and row > 0)]
        box[11] = which if row == 0 or not second else -1.0
    return _placed(rng, view, boxes)


def _placed(rng: np.random.Generator, view: SceneView, boxes: np.ndarray) -> Thing | None:
    reach = np.hypot(boxes[:, 3], boxes[:, 4])
    corners = np.concatenate(
        [
            boxes[:, :3] + np.stack([a * reach, b * reach, c * boxes[:, 5]], axis=-1)
            for a in (-1, 1)
            for b in (-1, 1)
            for c in (-1, 1)
        ]
    )
    seen = view.project(corners)
    if seen[:, 2].min() < 250.0:
        return None
    high, wide = view.shape
    low, top = np.floor(seen[:, :2].min(axis=0)), np.ceil(seen[:, :2].max(axis=0))
    bounds = tuple(int(v) for v in np.clip([*low, *top], 0, [wide, high, wide, high]))
    if bounds[0] >= bounds[2] or bounds[1] >= bounds[3]:
        return None
    strength = float(np.exp(rng.normal(0.0, 0.3)))
    faces = strength * np.array([*rng.uniform(0.5, 1.0, 2), 1.15, *rng.uniform(0.4, 0.9, 2), 0.3])
    depth = float(np.median(seen[:, 2]))
    return Thing(boxes, depth, bounds, faces.astype(np.float32))  # type: ignore[arg-type]


def draw_thing(
    image: np.ndarray, cover: np.ndarray, thing: Thing, view: SceneView, pyramids: np.ndarray
) -> None:
    """Draws the thing into the picture and takes what it hides from the coverage of people, both in
    place.
    """
    kernels.paste_boxes(
        image, cover, thing.boxes,
        view.rot_world_to_cam, view.focal_px, *view.centre_px, view.height_mm,
        np.array(thing.bounds_px, np.int64), thing.light, pyramids,
    )  # fmt: skip


def _colour(rng: np.random.Generator) -> np.ndarray:
    level = np.exp(rng.uniform(np.log(10.0), np.log(235.0)))
    return np.clip(level * np.exp(rng.normal(0.0, rng.choice([0.05, 0.3, 0.6]), 3)), 3.0, 250.0)


def _legs(half_x: float, half_y: float, height: float, thick: float) -> list[list[float]]:
    inset_x, inset_y = half_x - thick, half_y - thick
    return [
        [a * inset_x, b * inset_y, height / 2, thick, thick, height / 2]
        for a in (-1.0, 1.0)
        for b in (-1.0, 1.0)
    ]


def _chair(rng: np.random.Generator) -> list[list[float]]:
    half, seat, back = rng.uniform(190, 300), rng.uniform(380, 520), rng.uniform(300, 650)
    thick, high = rng.uniform(12, 60), rng.uniform(0.2, 1.0)
    parts = [
        [0.0, 0.0, seat, half, half, thick],
        [-half, 0.0, seat + back - high * back / 2, rng.uniform(10, 50), half, high * back / 2],
    ]
    posts = [
        [-half, side * (half - 20), seat + back / 2, 15.0, 15.0, back / 2] for side in (-1.0, 1.0)
    ]
    if rng.random() < 0.4:
        column = [0.0, 0.0, seat / 2, 30.0, 30.0, seat / 2]
        cross = [[0.0, 0.0, 40.0, half, 25.0, 25.0], [0.0, 0.0, 40.0, 25.0, half, 25.0]]
        return [*parts, *posts, column, *cross]
    arms = (
        [[0.0, side * half, seat + 200.0, half, 25.0, 15.0] for side in (-1.0, 1.0)]
        if rng.random() < 0.4
        else []
    )
    return [*parts, *posts, *arms, *_legs(half, half, seat, rng.uniform(10, 30))]


def _stool(rng: np.random.Generator) -> list[list[float]]:
    half, seat = rng.uniform(140, 240), rng.uniform(400, 800)
    return [
        [0.0, 0.0, seat, half, half, rng.uniform(15, 60)],
        *_legs(half, half, seat, rng.uniform(10, 25)),
    ]


def _table(rng: np.random.Generator) -> list[list[float]]:
    x, y, high = rng.uniform(300, 1100), rng.uniform(250, 500), rng.uniform(400, 1100)
    on_top = [
        [
            rng.uniform(-x, x) * 0.7,
            rng.uniform(-y, y) * 0.7,
            high + tall,
            rng.uniform(20, 250),
            rng.uniform(20, 150),
            tall,
        ]
        for tall in rng.uniform(15, 250, int(rng.integers(0, 4)))
    ]
    return [
        [0.0, 0.0, high, x, y, rng.uniform(10, 40)],
        *_legs(x, y, high, rng.uniform(15, 50)),
        *on_top,
    ]


def _cupboard(rng: np.random.Generator) -> list[list[float]]:
    x, y, half = rng.uniform(150, 900), rng.uniform(150, 400), rng.uniform(250, 1100)
    parts = [[0.0, 0.0, half, x, y, half]]
    for level in np.linspace(0, 2 * half, int(rng.integers(1, 6)))[1:]:
        parts.append([0.0, 0.0, level - 15, x + 6, y + 6, 12.0])
    return parts


def _post(rng: np.random.Generator) -> list[list[float]]:
    half, wide = rng.uniform(500, 1700), rng.uniform(15, 180)
    head = (
        [[0.0, 0.0, 2 * half, *rng.uniform(40, 260, 2), rng.uniform(30, 250)]]
        if rng.random() < 0.6
        else []
    )
    foot = [[0.0, 0.0, 20.0, *rng.uniform(60, 350, 2), 20.0]] if rng.random() < 0.5 else []
    return [[0.0, 0.0, half, wide / 2, wide / 2, half], *head, *foot]


def _treadmill(rng: np.random.Generator) -> list[list[float]]:
    long, wide, high = rng.uniform(700, 1000), rng.uniform(300, 450), rng.uniform(900, 1350)
    rails = [[long, side * wide, high / 2, 35.0, 35.0, high / 2] for side in (-1.0, 1.0)]
    bars = (
        [[long / 2, side * wide, high, long / 2, 25.0, 25.0] for side in (-1.0, 1.0)]
        if rng.random() < 0.6
        else []
    )
    return [
        [0.0, 0.0, 80.0, long, wide, 80.0],
        *rails,
        *bars,
        [long, 0.0, high, 60.0, wide, rng.uniform(40, 250)],
    ]


def _screen(rng: np.random.Generator) -> list[list[float]]:
    stand, half = rng.uniform(300, 1500), rng.uniform(150, 500)
    front = [0.0, 0.0, stand + half, rng.uniform(10, 50), half * rng.uniform(0.8, 2), half]
    return [
        front,
        [0.0, 0.0, stand / 2, 30.0, 30.0, stand / 2],
        [0.0, 0.0, 15.0, 250.0, 250.0, 15.0],
    ]


def _coat_stand(rng: np.random.Generator) -> list[list[float]]:
    """A post hung with something of a coat's size."""
    high = rng.uniform(1500, 1900)
    coat = [
        0.0,
        0.0,
        high - rng.uniform(350, 650),
        rng.uniform(80, 160),
        rng.uniform(150, 280),
        rng.uniform(300, 550),
    ]
    hat = [[0.0, 0.0, high, 100.0, 120.0, rng.uniform(40, 120)]] if rng.random() < 0.5 else []
    return [
        coat,
        [0.0, 0.0, high / 2, 25.0, 25.0, high / 2],
        *hat,
        [0.0, 0.0, 20.0, 220.0, 220.0, 20.0],
    ]


def _heap(rng: np.random.Generator) -> list[list[float]]:
    """Boxes and bags one on the other, about as large as an animal."""
    parts, top = [], 0.0
    for _ in range(int(rng.integers(1, 5))):
        half = rng.uniform(40, 250)
        parts.append([*rng.normal(0, 120, 2), top + half, *rng.uniform(80, 450, 2), half])
        top += 2 * half * (rng.random() < 0.6)
    return parts


_PARTS = {
    "chair": _chair, "stool": _stool, "table": _table, "cupboard": _cupboard, "post": _post,
    "treadmill": _treadmill, "screen": _screen, "coat stand": _coat_stand, "heap": _heap,
}  # fmt: skip
