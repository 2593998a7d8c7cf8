"""One crop of a walker with everything in it that makes real ones hard: imperfect masks first of all.

The box comes first: faults of its edges are drawn before anything is rendered, the window is cut from the faulty box as
`predict` would cut it, and the mask is then made to fit the box. So one rendering is enough.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from posegrid.body.camera import Camera
from posegrid.sources.walkers.mask_faults import MaskFaults, faulty_mask, random_faults
from posegrid.sources.walkers.render import PosedPerson, Rendered, Sensor, expose, render
from posegrid.sources.walkers.rooms import Room

WORKING_PIXELS = 640 * 360
"""Background subtraction compares pictures that are reduced to about so many pixels (`prepare/background.py`)."""


@dataclass(frozen=True, eq=False)
class Shot:
    """What one camera made of one moment."""

    image: UInt8[np.ndarray, "size size 3"]
    mask: Bool[np.ndarray, "size size"]
    window: Float[np.ndarray, "3"]


def take_shot(
    posed: PosedPerson,
    camera: Camera,
    true_box: Float[np.ndarray, "4"],
    window_of_box: Callable[[Float[np.ndarray, "4"]], Float[np.ndarray, "3"]],
    size: int,
    place: Room,
    sensor_of_window: Callable[[Float[np.ndarray, "3"]], Sensor],
    rng: np.random.Generator,
) -> Shot:
    """The crop of the person with a mask that may be faulty. `true_box`: x0, y0, x1, y1 in the camera's pixels."""
    faults = random_faults(rng)
    box = true_box if faults is None else faults.box(true_box)
    window = window_of_box(box).astype(np.float32)
    behind = place.picture(camera.windowed(window, size))
    rendered = render(posed, camera, window, size, behind)
    mask = _mask(rendered, behind, faults, box, window, camera, rng)
    return Shot(expose(rendered.light, sensor_of_window(window), rng), mask, window)


def _mask(
    rendered: Rendered,
    behind: np.ndarray,
    faults: MaskFaults | None,
    box: np.ndarray,
    window: np.ndarray,
    camera: Camera,
    rng: np.random.Generator,
) -> np.ndarray:
    if faults is None:
        return rendered.coverage >= 0.5
    scale = len(behind) / float(window[2])
    box_crop_px = (box - np.tile(window[:2], 2)) * scale
    factor = max(1, round((camera.size_wh[0] * camera.size_wh[1] / WORKING_PIXELS) ** 0.5))
    return faulty_mask(rendered, behind, faults, box_crop_px, factor * scale, rng)
