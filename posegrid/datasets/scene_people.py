"""The command `posegrid scenes`: rendered people cut out of their pictures, for whole frames.

Frames are composed of them while a finder is trained, without end; a preview shows what it sees.
"""

import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from tyro.conf import Positional

from posegrid.datasets.parallel import Finished, done_here, follow
from posegrid.errors import SettingsError
from posegrid.files import alone_in, written
from posegrid.walkers.clothes.wardrobe import PeopleKind
from posegrid.walkers.motion.capture_files import load_motion_captures, load_walks
from posegrid.walkers.motion.captured import Captures
from posegrid.walkers.scenes.compose import Reference, SceneRecipe, compose
from posegrid.walkers.scenes.cut_out_files import AGAIN, write_person
from posegrid.walkers.scenes.figures import load_library
from posegrid.walkers.scenes.surroundings import (
    PANORAMAS,
    Split,
    load_surroundings,
    places_and_textures,
)

PREVIEW = "preview.png"
SPLITS: dict[str, Split] = {"W": "train", "V": "validation", "T": "test"}
"""Of a person, by the first letter of their name."""
KINDS: tuple[Reference, ...] = ("none", "clean", "ghosts", "still", "spot", "shaken", "wrong")


@dataclass(frozen=True)
class ScenesSettings:
    """Which people to render. A second call renders what is missing."""

    out: Positional[Path]
    """Folder that takes one file a person: W0001... to train with, V0001... and T0001... to
    validate and to test with."""
    people: int = 1072
    """To train with."""
    validation_people: int = 40
    """To validate with."""
    test_people: int = 60
    """To test with."""
    pictures: int = 25
    """Of each person, each in a pose, in clothes' colours, in a light and from a camera of its own.
    """
    people_kind: PeopleKind = "varied"
    """Of those who are rendered now: plain, varied, sporty, laboratory, everybody, as in `synth`."""
    motion: Path | None = None
    """Folder with motion capture of walks (ASF and AMC files, or BVH): half of the walks are then
    of it."""
    poses: Path | None = None
    """Folder with motion capture of anything else (ASF and AMC files, or BVH): people who are
    rendered now then move as these do."""
    backgrounds: Path | None = None
    """Folder with panoramas/*.jpg and textures/*: people who are rendered now are lit by the places'
    radiance where that lies beside them (.npz), and a preview of scenes before them is written to
    preview.png."""
    seed: int = 14
    """The same seed gives the same people and pictures."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Processes that render side by side."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("people", 1, 9999),
            ("validation_people", 0, 9999),
            ("test_people", 0, 9999),
            ("pictures", 1, 1000),
            ("seed", 0, 2**63),
            ("workers", 1, 10**4),
        ):
            if not low <= getattr(self, name) <= high:
                raise SettingsError(f"{name} is {getattr(self, name)}; expected {low} to {high}.")


def scenes(settings: ScenesSettings) -> None:
    """Render the people that are not there yet.

    Raises SettingsError where the folder is a file, SourceError for folders without captured walks
    or places.
    """
    if settings.out.exists() and not settings.out.is_dir():
        raise SettingsError(f"{settings.out} is a file; give a folder, new or begun.")
    if settings.backgrounds is not None:
        places_and_textures(settings.backgrounds, "train")
    captures = Captures(
        tuple(load_walks(settings.motion)) if settings.motion else (),
        tuple(load_motion_captures(settings.poses)) if settings.poses else (),
    )
    with alone_in(settings.out):
        render_missing(settings, captures)


def render_missing(settings: ScenesSettings, captures: Captures) -> None:
    """Who is not there yet, and the preview if it is asked for."""
    counts = {"W": settings.people, "V": settings.validation_people, "T": settings.test_people}
    names = [f"{letter}{n:04d}" for letter, count in counts.items() for n in range(1, count + 1)]
    missing = [name for name in names if not (settings.out / f"{name}.npz").exists()]
    pieces = [partial(_person, settings, name, captures) for name in missing]
    console = Console(markup=False)
    total = len(missing) * settings.pictures
    follow(done_here(pieces, settings.workers, console), total, "people", console)
    console.print(f"{settings.out}: {len(names)} people", markup=False, soft_wrap=True)
    if settings.backgrounds is not None:
        write_preview(settings.out, settings.backgrounds)


def _person(settings: ScenesSettings, name: str, captures: Captures) -> Finished:
    places = lit_places(settings.backgrounds, name) if settings.backgrounds else ()
    write_person(
        settings.out, name, settings.pictures, settings.seed, captures, places, settings.people_kind
    )
    return Finished(name, settings.pictures)


def lit_places(backgrounds: Path, person: str) -> tuple[Path, ...]:
    """The panoramas with radiance beside them that a person's split may see."""
    names, _ = places_and_textures(backgrounds, SPLITS[person[0]])
    stems = [backgrounds / PANORAMAS / name for name in names]
    return tuple(stem for stem in stems if stem.with_suffix(".npz").exists())


def write_preview(people: Path, backgrounds: Path, rows: int = 8) -> Path:
    """A picture of scenes: frame, reference, and everybody's mask beside each other."""
    library, places = load_library(people, "W"), load_surroundings(backgrounds, "train")
    strips = []
    for number in range(2 * rows):
        rng = np.random.default_rng([1, number])
        size = float(np.exp(rng.uniform(np.log(0.1), 0.0)))
        recipe = SceneRecipe((192, 320), int(rng.integers(0, 4)), size, KINDS[number % len(KINDS)])
        scene = compose(rng, library, places, recipe)
        mask = (255 * np.minimum(scene.cover.sum(axis=0), 1)).astype(np.uint8)
        mask = np.broadcast_to(mask[..., None], scene.frame.shape)
        strips.append(np.concatenate([scene.frame, scene.reference, mask], axis=1))
    sheet = np.concatenate([np.concatenate(strips[part::2]) for part in (0, 1)], axis=1)
    with written(people / PREVIEW, AGAIN) as temporary:
        Image.fromarray(sheet).save(temporary, "PNG")
    return people / PREVIEW
