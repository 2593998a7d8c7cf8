"""People in the picture of a scene: cut-outs chosen for where they stand, and how they are pasted.

A figure knows its place in the picture, its colours, shadow and reflection. Pasting keeps the
coverage of everybody: what is nearer takes from what is farther.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from posegrid.errors import SourceError
from posegrid.walkers.scenes import kernels
from posegrid.walkers.scenes.cut_out_files import load_cut_outs
from posegrid.walkers.scenes.cut_outs import SHADOW_PX, SHADOW_REACH, CutOut
from posegrid.walkers.scenes.surroundings import Panorama, SceneView

UPRIGHT_MM = 1700.0
"""Height of the person that sizes and elevations are reckoned with."""


@dataclass(frozen=True, eq=False)
class Library:
    """The cut-outs of one split's people."""

    people: list[CutOut]
    subject: np.ndarray
    elevation_rad: np.ndarray
    towards_light_cam: np.ndarray
    place: np.ndarray
    """Names of the panoramas whose light is on them."""

    def pick(
        self,
        rng: np.random.Generator,
        elevation_rad: float,
        light_cam: np.ndarray | None,
        subject: int | None = None,
        place: str = "",
    ) -> tuple[CutOut, int]:
        """Somebody seen from about that elevation, and lit from about there, half of them by the light
        of the place itself; with the subject's number.
        """
        pool = np.flatnonzero(self.subject == subject) if subject is not None else None
        if pool is None and place:
            lit = np.flatnonzero(self.place == place)
            pool = lit if lit.size and rng.random() < 0.5 else None
        tried = rng.integers(len(self.people), size=20) if pool is None else rng.choice(pool, 8)
        cost = np.abs(self.elevation_rad[tried] - elevation_rad) / 0.12
        if light_cam is not None:
            cost = cost + 0.7 * (1 - self.towards_light_cam[tried] @ light_cam)
        best = int(tried[cost.argmin()])
        return self.people[best], int(self.subject[best])


def files_of_people(folder: Path, letter: str) -> list[Path]:
    """The people's files that start with a letter (W train, V validation, T test). SourceError if
    there are none.
    """
    paths = sorted(folder.glob(f"{letter}*.npz"))
    if not paths:
        raise SourceError(
            f"{folder} holds no people {letter}*.npz; `posegrid scenes {folder}` renders them."
        )
    return paths


def load_library(folder: Path, letter: str) -> Library:
    """The people of `files_of_people`, ready to be laid over places."""
    held = [load_cut_outs(path) for path in files_of_people(folder, letter)]
    people = [person for each in held for person in each]
    subject = np.repeat(np.arange(len(held)), [len(each) for each in held])
    elevation = np.array([p.elevation_rad for p in people])
    light = np.array([p.towards_light_cam for p in people])
    return Library(people, subject, elevation, light, np.array([p.place for p in people]))


@dataclass(frozen=True, eq=False)
class Tone:
    """How a place lights people."""

    gain: Float[np.ndarray, "3"]
    light_cam: Float[np.ndarray, "3"] | None
    floor_mirror: float
    place: str
    """Name of the panorama that is seen; empty: another place."""

    def of_person(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """Gains and bend of the levels of one cut-out there."""
        gain = self.gain * np.exp(rng.normal(0.0, 0.3) + rng.normal(0.0, 0.05, 3))
        if rng.random() < 0.08:
            gain = gain * np.exp(rng.normal(0.0, 0.35, 3))
        return gain, float(np.exp(rng.normal(-0.25, 0.3)))


def tone_of(
    rng: np.random.Generator, place: np.ndarray, panorama: Panorama | None, view: SceneView
) -> Tone:
    """Of the picture of a place, which may show a panorama."""
    mean = np.maximum(place.mean(axis=(0, 1)), 8.0)
    tint = (mean / mean.mean()) ** rng.uniform(0.0, 0.7)
    gain = (mean.mean() / 110.0) ** rng.uniform(0.3, 1.0) * tint
    mirror = float(rng.uniform(0.1, 0.6)) if rng.random() < 0.18 else 0.0
    light = None if panorama is None else panorama.towards_light
    light_cam = None if light is None else view.rot_world_to_cam @ light
    return Tone(1.25 * gain, light_cam, mirror, "" if panorama is None else panorama.name)


@dataclass(frozen=True, eq=False)
class Figure:
    """A cut-out in its place in the picture."""

    cut_out: CutOut
    subject: int
    to_picture: Float[np.ndarray, "2 3"]
    """Affine map from the cut-out's pixels to the picture's."""
    depth_mm: float
    gain: Float[np.ndarray, "3"]
    bend: float
    shadow: float
    """How dark the shadow is, 0..1; 0 for none."""
    mirrored: float
    """How bright the reflection on the floor is, 0..1; 0 for none."""
    smear_px: int = 0
    """Length of the motion blur, pixels of the cut-out across."""

    @property
    def inverse(self) -> np.ndarray:
        """Affine map from the picture's pixels to the cut-out's."""
        return inverted(self.to_picture)

    def shifted(self, dx: float, dy: float) -> "Figure":
        """The figure somewhere else."""
        return replace(self, to_picture=self.to_picture + np.array([[0, 0, dx], [0, 0, dy]]))


def inverted(affine: np.ndarray) -> np.ndarray:
    return np.linalg.inv(np.vstack([affine, [0.0, 0.0, 1.0]]))[:2]


def figure_at(
    rng: np.random.Generator,
    library: Library,
    view: SceneView,
    at: np.ndarray,
    tone: Tone,
    subject: int | None = None,
) -> Figure | None:
    """Somebody at a place on the floor (mm); None where the camera does not see the place."""
    foot, head = view.project(np.array([[*at, 0.0], [*at, UPRIGHT_MM]]))
    if foot[2] < 400.0 or head[2] < 400.0:
        return None
    distance = float(np.linalg.norm([*at, view.height_mm - 0.5 * UPRIGHT_MM]))
    elevation = float(np.arcsin((view.height_mm - 0.5 * UPRIGHT_MM) / distance))
    cut_out, who = library.pick(rng, elevation, tone.light_cam, subject, tone.place)
    rows, columns = cut_out.rgba.shape[:2]
    height = cut_out.upright_share * cut_out.height_mm
    tall = (
        height * np.cos(cut_out.elevation_rad) + 350 * abs(np.sin(cut_out.elevation_rad))
    ) / distance
    scale = tall * view.focal_px / rows
    up = head[:2] - foot[:2]
    angle = np.arctan2(up[0], -up[1]) if np.linalg.norm(up) > 1 and elevation < 0.6 else 0.0
    angle = float(np.clip(angle, -0.35, 0.35)) + rng.normal(0, 0.02)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    turn = np.array([[flip * cos, -sin], [flip * sin, cos]])
    shift = foot[:2] - turn @ np.array([0.5 * columns, rows])
    gain, bend = tone.of_person(rng)
    return Figure(
        cut_out=cut_out,
        subject=who,
        to_picture=np.column_stack([turn, shift]),
        depth_mm=float(foot[2]),
        gain=gain,
        bend=bend,
        shadow=float(rng.uniform(0.2, 1.0)) if rng.random() < 0.75 else 0.0,
        mirrored=tone.floor_mirror,
        smear_px=int(rng.integers(3, 22)) if rng.random() < 0.12 else 0,
    )


def draw_figure(
    image: np.ndarray,
    cover: np.ndarray,
    figure: Figure,
    number: int,
    opacity: float = 1.0,
    rows: slice | None = None,
) -> None:
    """Pastes a figure with its shadow and reflection; `rows`: only these of it."""
    rgba = figure.cut_out.rgba
    if figure.shadow:
        draw_shadow(image, figure, figure.shadow * opacity)
    if figure.mirrored:
        draw_reflection(image, cover, figure, opacity)
    if figure.smear_px:
        rgba = _smeared(rgba, figure.smear_px)
    if rows is not None:
        rgba = rgba.copy()
        keep = np.zeros(len(rgba), bool)
        keep[rows] = True
        rgba[~keep, :, 3] = 0
    kernels.paste_person(
        image, cover, number, rgba, figure.inverse, figure.gain, figure.bend, opacity, 1.0
    )


def _smeared(rgba: np.ndarray, length: int) -> np.ndarray:
    """The cut-out moved across by so many pixels while the shutter was open."""
    wide = np.pad(rgba.astype(np.float32), ((0, 0), (length, length), (0, 0)))
    wide[..., :3] *= wide[..., 3:] / 255
    sums = np.cumsum(wide, axis=1)
    mean = (sums[:, length:] - sums[:, :-length])[
        :, length // 2 : length // 2 + rgba.shape[1]
    ] / length
    mean[..., :3] *= 255 / np.maximum(mean[..., 3:], 1)
    return (np.minimum(mean, 255) + 0.5).astype(np.uint8)


def draw_shadow(image: np.ndarray, figure: Figure, strength: float) -> None:
    rows, columns = figure.cut_out.rgba.shape[:2]
    side = SHADOW_REACH * max(rows, columns)
    cell = side / SHADOW_PX
    to_cut_out = np.array([[cell, 0, 0.5 * (columns - side)], [0, cell, 0.5 * (rows - side)]])
    whole = figure.to_picture @ np.vstack([to_cut_out, [0, 0, 1]])
    kernels.cast_shade(image, figure.cut_out.shade, inverted(whole), strength)


def draw_reflection(image: np.ndarray, cover: np.ndarray, figure: Figure, opacity: float) -> None:
    """The figure upside down below its feet, fainter farther down; nobody's mask."""
    rows = len(figure.cut_out.rgba)
    upside_down = np.array([[1.0, 0, 0], [0, -1.0, 1.96 * rows]])
    whole = figure.to_picture @ np.vstack([upside_down, [0, 0, 1]])
    kernels.paste_person(
        image, cover, -1, figure.cut_out.rgba, inverted(whole), 0.8 * figure.gain, figure.bend,
        figure.mirrored * opacity, 0.1,
    )  # fmt: skip


def ends_seen(figure: Figure, cover: np.ndarray) -> tuple[bool, bool]:
    """Whether the head is in the picture and not hidden, and whether a foot is."""
    places = figure.to_picture @ np.column_stack([figure.cut_out.points_px, np.ones(4)]).T
    head = places[:, :2].mean(axis=1)
    return _covered(cover, head), _covered(cover, places[:, 2]) or _covered(cover, places[:, 3])


def _covered(cover: np.ndarray, place: np.ndarray) -> bool:
    x, y = int(np.floor(place[0])), int(np.floor(place[1]))
    high, wide = cover.shape
    if not (0 <= x < wide and 0 <= y < high):
        return False
    return bool(cover[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].max() > 0.3)
