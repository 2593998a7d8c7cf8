"""Whole frames with people in them, the reference of such a video, and exact masks of everybody.

People are cut-outs (`figures.py`), pasted far to near before a place (`surroundings.py`) among
things (`furniture.py`): so masks are exact and the order in depth is known. What cameras do to it
is in `faults.py`.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32, UInt8

from posegrid.walkers.scenes import kernels
from posegrid.walkers.scenes.cut_outs import CutOut
from posegrid.walkers.scenes.faults import filmed, random_faults
from posegrid.walkers.scenes.figures import (
    UPRIGHT_MM,
    Figure,
    Library,
    Tone,
    draw_figure,
    draw_reflection,
    draw_shadow,
    ends_seen,
    figure_at,
    inverted,
    tone_of,
)
from posegrid.walkers.scenes.furniture import Thing, draw_thing, random_thing
from posegrid.walkers.scenes.surroundings import SceneView, Surroundings, place_picture, random_view

Reference = Literal["none", "clean", "ghosts", "still", "spot", "shaken", "wrong"]
"""none: there is none. ghosts: people who stood there for a while. still: the people of the frame
have not moved. spot: somebody moved about one place. shaken: the camera has moved by pixels. wrong:
of a camera that turned.
"""
MOST_PEOPLE = 6
MOMENTS, ALIKE, AGREEING = 5, 24.0, 0.67
"""Of a median: how many; levels by which one may differ from it to agree; the share that must for
the reference to be known, as `people.reference` has it."""
SAID = 0.75
"""How often a reference says where its moments disagree."""


@dataclass(frozen=True)
class SceneRecipe:
    """What a scene is to show."""

    shape: tuple[int, int]
    """Height and width of the frame, multiples of 32."""
    num_people: int
    height_share: float
    """Height of an upright person at the first one's place over the frame's."""
    reference: Reference
    crowded: bool = False
    """The others are near the first one in the picture, so that they touch and hide each other."""
    centred: bool = False
    """The first one stands in the middle: a window that was cut out round somebody."""
    cut: bool = False
    """The first one is cut by the frame's edge."""
    num_things: int = 3
    poster: bool = False
    """Somebody's picture hangs on a wall; only with a reference."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A frame, its reference, and the truth about it."""

    frame: UInt8[np.ndarray, "h w 3"]
    """RGB."""
    reference: UInt8[np.ndarray, "h w 3"]
    known: UInt8[np.ndarray, "h w"]
    """1 where there is a reference."""
    cover: Float32[np.ndarray, "k h w"]
    """Share of each pixel that is each person's, nearer people and things before them considered.
    """
    seen: Float32[np.ndarray, "k 2"]
    """1 where the person's head, and a foot of theirs, is in the frame and not hidden; else 0."""


# --- scenes ---------------------------------------------------------------------------------------


def compose(
    rng: np.random.Generator, library: Library, places: Surroundings, recipe: SceneRecipe
) -> Scene:
    """A scene after a recipe. Equal random numbers give equal scenes."""
    view, first_mm = _view(rng, recipe)
    place, panorama = place_picture(rng, places, view, float(np.hypot(*first_mm)))
    stage = SceneStage(library, places, view, tone_of(rng, place, panorama, view), recipe, first_mm)
    figures, things = _figures(rng, stage), _things(rng, stage)
    frame, reference = place.copy(), place
    if recipe.poster:
        _hang_poster(rng, stage, (frame, reference))
    cover = np.zeros((len(figures), *recipe.shape), np.float32)
    _draw_all(rng, stage, figures, things, (frame, reference), cover)
    agreed = np.ones(recipe.shape, np.uint8)
    if recipe.reference == "ghosts":
        _draw_ghosts(rng, stage, figures, reference)
    elif recipe.reference == "spot" and figures:
        agreed = _move_on_the_spot(rng, stage, figures[0], reference)
    _disturb(rng, stage, frame, cover)
    seen = np.array(
        [ends_seen(figure, cover[n]) for n, figure in enumerate(figures)], np.float32
    ).reshape(-1, 2)
    frame, reference, known = filmed(
        rng, frame, reference, cover, random_faults(rng), recipe.reference
    )
    if rng.random() < SAID:
        known = known * agreed
    scene = Scene(frame, reference, known, cover, seen)
    return _mirrored(scene) if rng.random() < 0.5 else scene


@dataclass(frozen=True, eq=False)
class SceneStage:
    """What all parts of a scene share."""

    library: Library
    places: Surroundings
    view: SceneView
    tone: Tone
    recipe: SceneRecipe
    first_mm: Float[np.ndarray, "2"]
    """Where the first person stands on the floor."""

    @property
    def nobody(self) -> np.ndarray:
        """The coverage of no people."""
        return np.zeros((0, *self.recipe.shape), np.float32)

    def near(self, rng: np.random.Generator, spread: float) -> np.ndarray:
        """A place on the floor about the first person's, farther or nearer, somewhere across the
        picture.
        """
        distance = float(np.hypot(*self.first_mm))
        ahead = self.first_mm / distance
        depth = distance * float(np.exp(rng.normal(0.0, 0.5 * spread)))
        half = 0.5 * self.recipe.shape[1] / self.view.focal_px * depth
        across = rng.uniform(-1.1, 1.1) * half if spread >= 1 else rng.normal(0.0, 450.0)
        start = ahead * depth if spread >= 1 else self.first_mm + ahead * (depth - distance)
        return start + across * np.array([ahead[1], -ahead[0]])


def _view(rng: np.random.Generator, recipe: SceneRecipe) -> tuple[SceneView, np.ndarray]:
    """A camera, and where on the floor the first person stands (mm)."""
    high, wide = recipe.shape
    angle = np.radians(rng.uniform(35.0, 80.0) if recipe.centred else rng.uniform(40.0, 105.0))
    focal = 0.5 * max(high, wide) / np.tan(0.5 * angle)
    distance = float(np.clip(focal * UPRIGHT_MM / (recipe.height_share * high), 700.0, 60_000.0))
    x, y = rng.uniform(0.08, 0.92), rng.uniform(0.3, 0.7)
    if recipe.centred:
        x, y = 0.5 + rng.normal(0, 0.04), 0.5 + rng.normal(0, 0.04)
    elif recipe.cut:
        x, y = (rng.choice([rng.uniform(-0.1, 0.1), rng.uniform(0.9, 1.1)]), rng.uniform(0.3, 0.7))
        if rng.random() < 0.5:
            x, y = rng.uniform(0.1, 0.9), rng.choice([rng.uniform(0.0, 0.2), rng.uniform(0.7, 1.0)])
    elif recipe.height_share > 0.7:
        y = 0.5 + rng.uniform(-0.5, 0.5) * abs(1.05 - recipe.height_share) + rng.normal(0, 0.03)
    view = random_view(
        rng, recipe.shape, lambda height: _pitch(height, distance, (y - 0.5) * high / focal), focal
    )
    ahead = view.rot_world_to_cam[2, :2] / max(float(np.hypot(*view.rot_world_to_cam[2, :2])), 1e-6)
    across = (x - 0.5) * wide / focal * distance
    return view, ahead * distance + across * np.array([ahead[1], -ahead[0]])


def _pitch(height_mm: float, distance_mm: float, below_axis: float) -> float:
    """How far down a camera looks that sees somebody's middle so far below its axis (tangent)."""
    return float(np.arctan2(height_mm - 0.5 * UPRIGHT_MM, distance_mm) - np.arctan(below_axis))


def _figures(rng: np.random.Generator, stage: SceneStage) -> list[Figure]:
    found = []
    for number in range(stage.recipe.num_people):
        spread = 0.35 if stage.recipe.crowded or rng.random() < 0.25 else 1.0
        at = stage.first_mm if number == 0 else stage.near(rng, spread)
        figure = figure_at(rng, stage.library, stage.view, at, stage.tone)
        if figure is None:
            continue
        if not stage.recipe.centred and rng.random() < 0.12:
            figure = figure.shifted(*(rng.normal(0, 0.15, 2) * stage.recipe.shape[0]))
        found.append(figure)
    return found


def _things(rng: np.random.Generator, stage: SceneStage) -> list[Thing]:
    textures = len(stage.places.pyramids)
    around = [
        stage.near(rng, 1.0 if rng.random() < 0.8 else 0.4) for _ in range(stage.recipe.num_things)
    ]
    made = [random_thing(rng, stage.view, at, textures) for at in around]
    return [thing for thing in made if thing is not None]


def _draw_all(
    rng: np.random.Generator,
    stage: SceneStage,
    figures: list[Figure],
    things: list[Thing],
    pictures: tuple[np.ndarray, np.ndarray],
    cover: np.ndarray,
) -> None:
    """People and things from far to near into the frame; things, and people who stay, into the
    reference, too.
    """
    frame, reference = pictures
    layers = [(f.depth_mm, n) for n, f in enumerate(figures)] + [
        (t.depth_mm, -1 - n) for n, t in enumerate(things)
    ]
    for _, number in sorted(layers, reverse=True):
        if number >= 0:
            draw_figure(frame, cover, figures[number], number)
            if stage.recipe.reference == "still" and (number == 0 or rng.random() < 0.5):
                _stay(rng, stage, figures[number], reference)
            continue
        thing, when = things[-1 - number], rng.random()
        if when > 0.03:
            draw_thing(frame, cover, thing, stage.view, stage.places.pyramids)
        if when < 0.97:
            draw_thing(reference, stage.nobody, thing, stage.view, stage.places.pyramids)


def _stay(
    rng: np.random.Generator, stage: SceneStage, figure: Figure, reference: np.ndarray
) -> None:
    """Somebody of the frame as the reference keeps them: whole, or half if they were there half of
    the time.
    """
    sway = figure.shifted(*rng.normal(0, rng.choice([0.0, 0.6, 2.0]), 2))
    if rng.random() < 0.3:
        other, subject = stage.library.pick(rng, figure.cut_out.elevation_rad, None, figure.subject)
        sway = replace(_stretched(figure, other), subject=subject)
    draw_figure(
        reference, stage.nobody, sway, -1, 1.0 if rng.random() < 0.6 else rng.uniform(0.3, 0.9)
    )


def _stretched(figure: Figure, other: CutOut) -> Figure:
    """Another pose in a figure's place: feet at the same point, the same scale."""
    rows, columns = figure.cut_out.rgba.shape[:2]
    tall, wide = other.rgba.shape[:2]
    turn = figure.to_picture[:, :2]
    foot = figure.to_picture @ np.array([0.5 * columns, rows, 1.0])
    return replace(
        figure,
        cut_out=other,
        to_picture=np.column_stack([turn, foot - turn @ np.array([0.5 * wide, tall])]),
    )


def _move_on_the_spot(
    rng: np.random.Generator, stage: SceneStage, figure: Figure, reference: np.ndarray
) -> np.ndarray:
    """The median of five moments of somebody who moves about one place and may be away for some;
    where most of the moments agree (1 or 0).
    """
    moments = np.repeat(reference[None], MOMENTS, axis=0)
    for moment in moments[: int(rng.integers(2, MOMENTS + 1))]:
        other, subject = figure.cut_out, figure.subject
        if rng.random() < 0.6:
            elevation = figure.cut_out.elevation_rad
            other, subject = stage.library.pick(rng, elevation, None, figure.subject)
        pose = replace(_stretched(figure, other), subject=subject)
        height = np.linalg.norm(pose.to_picture[:, 1]) * len(other.rgba)
        draw_figure(moment, stage.nobody, pose.shifted(*rng.normal(0, 0.12 * height, 2)), -1)
    reference[:] = np.partition(moments, MOMENTS // 2, axis=0)[MOMENTS // 2]
    agreeing = (np.abs(moments - reference).max(axis=3) <= ALIKE).sum(axis=0)
    return (agreeing >= AGREEING * MOMENTS).astype(np.uint8)


def _draw_ghosts(
    rng: np.random.Generator, stage: SceneStage, figures: list[Figure], reference: np.ndarray
) -> None:
    """One to three people in the reference only, whole, faint or in part.

    They are the frame's own in another place, or others.
    """
    for _ in range(1 + int(rng.integers(0, 3)) * (rng.random() < 0.4)):
        known = (
            figures[int(rng.integers(len(figures)))].subject
            if figures and rng.random() < 0.75
            else None
        )
        at = stage.near(rng, 0.4 if rng.random() < 0.5 else 1.0)
        ghost = figure_at(rng, stage.library, stage.view, at, stage.tone, known)
        if ghost is None:
            continue
        if known is not None:
            first = next(f for f in figures if f.subject == known)
            ghost = replace(ghost, gain=first.gain, bend=first.bend)
        length, part = len(ghost.cut_out.rgba), None
        if rng.random() < 0.3:
            start = int(rng.uniform(0, 0.7) * length)
            part = slice(start, start + int(rng.uniform(0.2, 0.7) * length))
        draw_figure(
            reference,
            stage.nobody,
            ghost,
            -1,
            1.0 if rng.random() < 0.5 else rng.uniform(0.25, 0.9),
            part,
        )


def _disturb(
    rng: np.random.Generator, stage: SceneStage, frame: np.ndarray, cover: np.ndarray
) -> None:
    """What moves and is nobody: an animal, the shadow or reflection of somebody who is out of the
    picture, a patch.
    """
    if rng.random() < 0.08:
        _draw_animal(rng, frame, cover)
    if rng.random() < 0.08:
        stray = figure_at(rng, stage.library, stage.view, stage.near(rng, 1.0), stage.tone)
        if stray is not None:
            draw_shadow(frame, stray, rng.uniform(0.4, 1.0))
            if rng.random() < 0.4:
                draw_reflection(
                    frame, stage.nobody, replace(stray, mirrored=rng.uniform(0.1, 0.5)), 1.0
                )
    if rng.random() < 0.12:
        high, wide = frame.shape[:2]
        y, x = int(rng.integers(0, high - 8)), int(rng.integers(0, wide - 8))
        rows, columns = (
            int(np.exp(rng.uniform(np.log(6), np.log(0.5 * side)))) for side in (high, wide)
        )
        where = (slice(y, y + rows), slice(x, x + columns))
        free = 1 - cover[(slice(None), *where)].sum(axis=0)[..., None]
        change = np.exp(rng.normal(0, 0.4)) * frame[where] + rng.normal(0, 30, 3).astype(np.float32)
        frame[where] += (free * (change - frame[where])).astype(np.float32)


def _draw_animal(rng: np.random.Generator, frame: np.ndarray, cover: np.ndarray) -> None:
    """A body, a head and legs of ellipses, of a dog's or a bird's size, somewhere."""
    size = int(rng.uniform(0.06, 0.3) * frame.shape[0])
    if size < 6:
        return
    y, x = np.mgrid[:size, : int(1.5 * size)] / size
    shape = np.zeros(y.shape, np.float32)
    blobs = [(0.75, 0.4, rng.uniform(0.3, 0.5), rng.uniform(0.12, 0.3)), (1.25, 0.25, 0.18, 0.16)]
    blobs += [
        (0.75 + rng.uniform(-0.45, 0.45), 0.75, 0.06, 0.3) for _ in range(int(rng.integers(0, 5)))
    ]
    for cx, cy, rx, ry in blobs:
        shape = np.maximum(
            shape, (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1).astype(np.float32)
        )
    colour = np.exp(rng.uniform(np.log(12), np.log(230))) * np.exp(rng.normal(0, 0.25, 3))
    fur = np.clip(
        colour * np.exp(rng.normal(0, 0.15, (*shape.shape, 1)) - 0.5 * y[..., None]), 0, 255
    )
    rgba = np.concatenate([fur, 255 * shape[..., None]], axis=-1).astype(np.uint8)
    corner = [
        rng.uniform(-0.5 * size, frame.shape[1] - 0.5 * size),
        rng.uniform(0.2, 1.0) * frame.shape[0] - 0.5 * size,
    ]
    to_picture = np.column_stack([np.diag([rng.choice([-1.0, 1.0]), 1.0]), corner])
    kernels.paste_person(frame, cover, -2, rgba, inverted(to_picture), np.ones(3), 1.0, 1.0, 1.0)


def _hang_poster(
    rng: np.random.Generator, stage: SceneStage, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    """A framed picture of somebody on the wall, in the frame and in the reference."""
    high, wide = stage.recipe.shape
    tall = rng.uniform(0.15, 0.5) * high
    across = min(tall * rng.uniform(0.5, 1.3), 0.8 * wide)
    left, top = rng.uniform(0, wide - across), rng.uniform(0, 0.7 * high)
    cut_out, _ = stage.library.pick(rng, 0.0, None)
    rows, columns = cut_out.rgba.shape[:2]
    scale = rng.uniform(0.7, 2.0) * tall / rows
    ground = rng.uniform(10, 245, 3) + rng.normal(0, 25, (6, 6, 3)).repeat(40, 0).repeat(40, 1)
    inside = (slice(int(max(top, 0)), int(top + tall)), slice(int(left), int(left + across)))
    canvas = pictures[0].copy()
    canvas[inside] = ground[: canvas[inside].shape[0], : canvas[inside].shape[1]]
    corner = [left + 0.5 * across - 0.5 * scale * columns, top + 0.08 * tall]
    to_picture = np.column_stack([np.eye(2) * scale, corner])
    gain, bend = stage.tone.of_person(rng)
    kernels.paste_person(
        canvas, stage.nobody, -1, cut_out.rgba, inverted(to_picture), gain, bend, 1.0, 1.0
    )
    for picture in pictures:
        picture[inside] = canvas[inside]


def _mirrored(scene: Scene) -> Scene:
    return replace(
        scene,
        frame=np.ascontiguousarray(scene.frame[:, ::-1]),
        reference=np.ascontiguousarray(scene.reference[:, ::-1]),
        known=np.ascontiguousarray(scene.known[:, ::-1]),
        cover=np.ascontiguousarray(scene.cover[..., ::-1]),
    )
