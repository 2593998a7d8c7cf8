"""One crop of a walker with everything in it that makes real ones hard.

The box comes first: faults of its edges, what hides the person and where the picture ends are known
before anything is rendered. The window is cut from the faulty box, as `predict` would cut it, and
the mask is then made to fit the box: so one rendering is enough.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from posegrid.body.camera import Camera
from posegrid.walkers.backdrop import Backdrop
from posegrid.walkers.footage import Footage, degraded, random_footage
from posegrid.walkers.mask_faults import MaskFaults, faulty_mask, random_faults
from posegrid.walkers.mask_kernels import averaged
from posegrid.walkers.occluders import draw, random_occluder
from posegrid.walkers.render import PosedPerson, Rendered, Sensor, expose, render
from posegrid.walkers.rooms import Room

WORKING_PIXELS = 640 * 360
"""Background subtraction compares pictures that are reduced to about so many pixels
(`prepare/background.py`).
"""


@dataclass(frozen=True)
class Trouble:
    """What kinds of difficulties a shot may have."""

    faulty_masks: bool
    varied_scene: bool
    """Occluders, poor footage."""


@dataclass(frozen=True, eq=False)
class Shot:
    """What one camera made of one moment."""

    image: UInt8[np.ndarray, "size size 3"]
    """RGB."""
    mask: Bool[np.ndarray, "size size"]
    window: Float[np.ndarray, "3"]
    """x0, y0, side in the camera's pixels."""


def take_shot(
    posed: PosedPerson,
    camera: Camera,
    true_box: Float[np.ndarray, "4"],
    window_of_box: Callable[[Float[np.ndarray, "4"]], Float[np.ndarray, "3"]],
    size: int,
    place: Room | Backdrop,
    sensor_of_window: Callable[[Float[np.ndarray, "3"]], Sensor],
    rng: np.random.Generator,
    trouble: Trouble,
) -> Shot:
    """The crop of the person and a mask of what is seen of them, faulty or not.

    `true_box`: x0, y0, x1, y1 of the whole person in the camera's pixels, over the picture's edge
    perhaps.
    """
    faults = random_faults(rng) if trouble.faulty_masks else None
    occluder = random_occluder(rng) if trouble.varied_scene else None
    footage = random_footage(rng) if trouble.varied_scene else Footage()
    box = clipped(true_box if occluder is None else occluder.box(true_box), camera)
    box = box if faults is None else clipped(faults.box(box), camera)
    window = window_of_box(box).astype(np.float32)
    behind = place.picture(camera.windowed(window, size))
    rendered = render(posed, camera, window, size, behind)
    scale, corner = size / float(window[2]), np.tile(window[:2], 2)
    mask = _mask(rendered, behind, faults, (box - corner) * scale, scale, camera, rng)
    if occluder is not None:
        hidden = draw(occluder, rendered.light, rendered.coverage, (true_box - corner) * scale, rng)
        mask = (
            _beside_others(mask, hidden, rendered.coverage)
            if faults and faults.takes_in_others and occluder.moves
            else mask & ~hidden
        )
    image = degraded(
        expose(rendered.light, sensor_of_window(window), rng), footage, rendered.coverage
    )
    outside = _outside(window, size, camera)
    image[outside], mask[outside] = 0, False
    return Shot(image, mask, window)


def clipped(box: Float[np.ndarray, "4"], camera: Camera) -> Float[np.ndarray, "4"]:
    """The part of a box that lies in the camera's picture."""
    return np.clip(box, 0.0, np.tile(np.array(camera.size_wh, np.float64), 2))


def _mask(
    rendered: Rendered,
    behind: np.ndarray,
    faults: MaskFaults | None,
    box_crop_px: np.ndarray,
    scale: float,
    camera: Camera,
    rng: np.random.Generator,
) -> np.ndarray:
    if faults is None:
        return rendered.mask
    factor = max(1, round((camera.size_wh[0] * camera.size_wh[1] / WORKING_PIXELS) ** 0.5))
    return faulty_mask(rendered, behind, faults, box_crop_px, factor * scale, rng)


def _beside_others(mask: np.ndarray, others: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """The mask with what is near of somebody else."""
    near = np.empty_like(coverage)
    averaged(coverage, len(coverage) // 12, near)
    return mask | (others & (near > np.float32(0.02)))


def _outside(window: np.ndarray, size: int, camera: Camera) -> np.ndarray:
    """True for the crop's pixels whose centres lie outside the camera's picture."""
    steps = (np.arange(size) + 0.5) * (window[2] / size)
    across, upright = window[0] + steps, window[1] + steps
    width, height = camera.size_wh
    return ((upright < 0) | (upright >= height))[:, None] | ((across < 0) | (across >= width))
