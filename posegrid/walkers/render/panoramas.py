"""Real places: equirectangular panoramas all round the camera, and the light in them as lamps and
sky.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from posegrid.body.camera import Camera
from posegrid.walkers.render.light import Light, SoftLight, lit_by
from posegrid.walkers.scenes.kernels import view_panorama
from posegrid.walkers.scenes.surroundings import directions, panorama_image, radiance_of

CONE = np.cos(np.radians(15.0))
"""What is nearer than so to the brightest direction is one light."""
LEAST_SHARE, MOST_LIGHTS = 0.05, 4
"""Of all light; what is weaker is part of the ambient light."""


@dataclass(frozen=True, eq=False)
class PanoramaPlace:
    """A real place, seen from one point wherever the camera stands."""

    image: UInt8[np.ndarray, "h w 3"]
    """Equirectangular RGB: the middle is the world's +x, the left of it +y."""

    def picture(self, camera: Camera) -> Float[np.ndarray, "height width 3"]:
        """What the camera sees, linear RGB float32, without its lens's distortion."""
        width, height = camera.size_wh
        seen = np.empty((height, width, 3), np.float32)
        view_panorama(
            self.image, camera.rot_world_to_cam, camera.focal_px[0], *camera.principal_px, seen
        )
        return (seen / 255) ** np.float32(2.2)


def load_panorama(path: Path) -> PanoramaPlace:
    """The place of a picture. Raises SourceError if it cannot be read."""
    return PanoramaPlace(panorama_image(path.with_suffix("")))


def light_of_panorama(rng: np.random.Generator, path: Path) -> Light | None:
    """The light in a place: its brightest directions as lamps, the rest from all round. None if its
    radiance (.npz beside it) is not known.

    What comes from below the horizon counts as ambient.
    """
    stored = path.with_suffix(".npz")
    if not stored.exists():
        return None
    radiance = radiance_of(stored).mean(axis=-1)
    towards, area = directions(*radiance.shape)
    left = radiance * area
    total, sources = float(left.sum()), []
    for _ in range(MOST_LIGHTS):
        above = np.where(towards[..., 2] > 0.1, left, 0.0)
        near = towards @ towards[np.unravel_index(above.argmax(), above.shape)] > CONE
        share = float(above[near].sum()) / total
        if share < LEAST_SHARE:
            break
        middle = (towards[near] * above[near][:, None]).sum(axis=0) / above[near].sum()
        # the mean of unit vectors over a cap is cos^2 of a quarter of its angle long
        softness = float(np.sqrt(1 - min(float(np.linalg.norm(middle)), 1.0)))
        sources.append(SoftLight((middle[0], middle[1], middle[2]), share, min(softness, 0.6)))
        left = np.where(near, 0.0, left)
    strength = float(np.exp(rng.normal(0.0, 0.25)))
    if not sources:
        sources = [SoftLight((0.0, 0.0, 1.0), 0.5, 0.9)]
    return lit_by(rng, sources, strength, fill_part=0.0)
