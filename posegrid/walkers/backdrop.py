"""A picture of the user's as the background of crops: it hangs all round, and the camera's turn
says what is seen.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from posegrid.body.camera import Camera
from posegrid.errors import SourceError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
HEIGHT_RAD = 1.2
"""The angle that a picture's height takes up."""


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A picture about the scene."""

    image: UInt8[np.ndarray, "H W 3"]
    """RGB."""

    def picture(self, camera: Camera) -> Float[np.ndarray, "height width 3"]:
        """A part of the picture as the camera's linear RGB float32: not turned by the camera's
        roll.
        """
        height, width = self.image.shape[:2]
        ahead = camera.rays(np.array(camera.size_wh) / 2.0) @ camera.rot_world_to_cam
        angle = 2 * np.arctan(camera.size_wh[1] / (2 * camera.focal_px[1]))
        side = min(max(angle / HEIGHT_RAD, 0.15) * height, height, width)
        across = (np.arctan2(ahead[1], ahead[0]) / np.pi + 1) / 2
        upright = 0.5 - np.arctan2(ahead[2], np.hypot(ahead[0], ahead[1])) / HEIGHT_RAD
        left, top = across * (width - side), min(max(upright, 0.0), 1.0) * (height - side)
        box = (left, top, left + side, top + side)
        part = Image.fromarray(self.image).resize(
            camera.size_wh, Image.Resampling.BILINEAR, box=box
        )
        return (np.asarray(part, np.float32) / 255) ** np.float32(2.2)


def picture_files(folder: Path | None) -> tuple[Path, ...]:
    """The folder's pictures by name; without a folder none. Raises SourceError if it holds none."""
    if folder is None:
        return ()
    found = tuple(sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES))
    if not found:
        raise SourceError(
            f"{folder} holds no pictures: expected files that end in {', '.join(SUFFIXES)}."
        )
    return found


def load_backdrop(path: Path) -> Backdrop:
    """The picture as a backdrop. Raises SourceError if it cannot be read."""
    try:
        with Image.open(path) as picture:
            picture.draft("RGB", (1600, 1600))
            picture.thumbnail((1600, 1600))
            return Backdrop(np.array(picture.convert("RGB")))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise SourceError(
            f"{path} cannot be read as a picture: {error}. Take it out of the folder."
        ) from error
