"""Made-up video: a person-like figure walks before a textured wall, with noise, a flickering lamp
and a shadow.
"""

import numpy as np
from scipy import ndimage

SIZE_WH = (200, 130)


def wall(rng: np.random.Generator, size_wh: tuple[int, int] = SIZE_WH) -> np.ndarray:
    """A still background (H, W, 3), float: smooth blotches, an edge where the floor begins, fine
    grain.
    """
    width, height = size_wh
    blotches = rng.uniform(100, 200, (8, 12, 1)) + rng.uniform(-15, 15, (8, 12, 3))
    coarse = ndimage.zoom(blotches, (height / 8, width / 12, 1), order=1)
    coarse[int(0.7 * height) :] *= 0.8
    return coarse + rng.normal(0, 8, coarse.shape)


def figure(
    centre_xy: tuple[float, float], height: float, swing: float, size_wh: tuple[int, int] = SIZE_WH
) -> np.ndarray:
    """The mask (H, W) of a head, a trunk, two legs and two arms; `swing` -1..1 is the step's
    phase.
    """
    width_px, height_px = size_wh
    y, x = np.mgrid[:height_px, :width_px] + 0.5
    u, v = (x - centre_xy[0]) / height, (y - centre_xy[1]) / height
    head = (u / 0.07) ** 2 + ((v + 0.42) / 0.08) ** 2 < 1
    trunk = (np.abs(u) < 0.12) & (np.abs(v + 0.15) < 0.2)
    mask = head | trunk
    for side in (-1, 1):
        down = v - 0.02
        mask |= (np.abs(u - side * swing * 0.4 * down) < 0.05) & (down > 0) & (v < 0.5)
        along = v + 0.33
        mask |= (
            (np.abs(u + side * (0.12 + swing * 0.15 * along)) < 0.035) & (along > 0) & (v < 0.06)
        )
    return mask


def scene(
    centres: list[tuple[float, float]],
    *,
    seed: int = 0,
    height: float = 90,
    noise: float = 2.0,
    flicker: float = 0.04,
    shadow: bool = True,
    bystander: bool = False,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pictures (H, W, 3) uint8 and true masks (H, W) of a figure whose middle is at the given
    places.
    """
    rng = np.random.default_rng(seed)
    background = wall(rng)
    cloth = np.where(
        np.arange(SIZE_WH[1])[:, None, None] % 12 < 6, (60, 40, 110), (75, 50, 130)
    ).astype(float)
    pictures, masks = [], []
    for number, centre in enumerate(centres):
        picture = background.copy()
        mask = figure(centre, height, np.sin(number * 0.5))
        if shadow:
            cast = figure((centre[0] + 25, centre[1] + 0.45 * height), height * 0.5, 0.0) & ~mask
            picture[cast] *= 0.72
        if bystander:
            picture[figure((180 + 2 * np.sin(number), 75), 50, np.sin(number))] = (150, 60, 50)
        picture[mask] = (cloth + rng.normal(0, 5, background.shape))[mask]
        picture *= 1 + flicker * np.sin(number * 1.7)
        pictures.append(
            np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)
        )
        masks.append(mask)
    return pictures, masks


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union."""
    return float((first & second).sum() / max((first | second).sum(), 1))
