"""Where a subject is filmed: a place, and the light and the sensor that go with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from posegrid.walkers.render.light import Light, LightKind, random_light
from posegrid.walkers.render.places import (
    OUTDOORS,
    Backdrop,
    Place,
    load_backdrop,
    random_kind,
    random_place,
)
from posegrid.walkers.render.sensor import Sensor, random_sensor

Scenes = Literal["plain", "varied"]
"""plain: a room, one lamp, ordinary video. varied: any place, light and sensor."""
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

    def place(self, reach_mm: float) -> Place | Backdrop:
        """The place, large enough for cameras that stand so far from its middle. Raises SourceError
        if a user's picture cannot be read."""
        rng = self.rng_of("room")
        kind = _kind_of_place(rng, self.scenes, self.pictures)
        if kind is None:
            return load_backdrop(self.pictures[int(rng.integers(len(self.pictures)))])
        return random_place(rng, reach_mm, kind)


def random_location(rng_of: RngOf, scenes: Scenes, pictures: tuple[Path, ...] = ()) -> Location:
    """Lamps and windows in rooms, sun and sky outdoors; a user's pictures take the place of half of
    the varied places."""
    kind = _kind_of_place(rng_of("room"), scenes, pictures)
    light_kind: LightKind | None = "lamp" if scenes == "plain" else None
    if scenes == "varied" and kind is not None:
        light_kind = "outdoors" if kind in OUTDOORS else "indoors"
    light = random_light(rng_of("light"), light_kind)
    return Location(light, random_sensor(rng_of("sensor"), scenes), scenes, pictures, rng_of)


def _kind_of_place(rng: np.random.Generator, scenes: Scenes, pictures: tuple) -> str | None:
    """What kind of place it is; None: a picture of the user's."""
    if scenes == "plain":
        return "room"
    return None if pictures and rng.random() < 0.5 else random_kind(rng)
