"""Where a subject is filmed: a place, and the light and the sensor that go with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from posegrid.walkers.render.light import Light, LightKind, random_light
from posegrid.walkers.render.panoramas import PanoramaPlace, light_of_panorama, load_panorama
from posegrid.walkers.render.places import (
    OUTDOORS,
    Backdrop,
    Place,
    load_backdrop,
    random_kind,
    random_place,
)
from posegrid.walkers.render.sensor import Sensor, random_sensor
from posegrid.walkers.scenes.surroundings import PANORAMAS

Scenes = Literal["plain", "varied"]
"""plain: a room, one lamp, ordinary video. varied: any place, light and sensor."""
PICTURE_SHARE = 0.7
"""Of the varied places, where there are pictures."""
AnyPlace = Place | Backdrop | PanoramaPlace
RngOf = Callable[[str], np.random.Generator]
"""Random numbers for one purpose, the same at every call."""


@dataclass(frozen=True, eq=False)
class Location:
    """A place, and the light and the sensor that go with it."""

    light: Light
    sensor: Sensor
    scenes: Scenes
    pictures: tuple[Path, ...]
    rng_of: RngOf

    def place(self, reach_mm: float) -> AnyPlace:
        """The place, large enough for cameras that stand so far from its middle. Raises SourceError
        if a user's picture cannot be read."""
        rng = self.rng_of("room")
        place = _place_of(rng, self.scenes, self.pictures)
        if isinstance(place, str):
            return random_place(rng, reach_mm, place)
        return load_panorama(place) if _all_round(place) else load_backdrop(place)


def random_location(rng_of: RngOf, scenes: Scenes, pictures: tuple[Path, ...] = ()) -> Location:
    """Lamps and windows in rooms, sun and sky outdoors; a user's pictures take the place of most of
    the varied places, and bring the light in them where it is known."""
    place = _place_of(rng_of("room"), scenes, pictures)
    light_kind: LightKind | None = "lamp" if scenes == "plain" else None
    if scenes == "varied" and isinstance(place, str):
        light_kind = "outdoors" if place in OUTDOORS else "indoors"
    light = None
    if isinstance(place, Path) and _all_round(place):
        light = light_of_panorama(rng_of("light"), place)
    light = light or random_light(rng_of("light"), light_kind)
    return Location(light, random_sensor(rng_of("sensor"), scenes), scenes, pictures, rng_of)


def _place_of(rng: np.random.Generator, scenes: Scenes, pictures: tuple[Path, ...]) -> str | Path:
    """What kind of place it is, or a picture of the user's."""
    if scenes == "plain":
        return "room"
    if pictures and rng.random() < PICTURE_SHARE:
        return pictures[int(rng.integers(len(pictures)))]
    return random_kind(rng)


def _all_round(picture: Path) -> bool:
    return picture.parent.name == PANORAMAS
