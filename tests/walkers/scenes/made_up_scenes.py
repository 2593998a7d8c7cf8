"""People of one colour each and places of noise: scenes without anything rendered."""

from pathlib import Path

import numpy as np
from PIL import Image

from posegrid.walkers.scenes import kernels
from posegrid.walkers.scenes.cut_out_files import save_cut_outs
from posegrid.walkers.scenes.cut_outs import CutOut
from posegrid.walkers.scenes.figures import Library
from posegrid.walkers.scenes.surroundings import Panorama, Surroundings


def cut_out(colour: tuple[int, int, int], *, elevation_rad: float = 0.0) -> CutOut:
    """A rectangle of 30 x 90 pixels."""
    rgba = np.empty((90, 30, 4), np.uint8)
    rgba[...] = (*colour, 255)
    return CutOut(
        rgba=rgba,
        shade=np.full((96, 96), 255, np.uint8),
        points_px=np.array([[15.0, 3.0], [15.0, 8.0], [8.0, 86.0], [22.0, 86.0]]),
        elevation_rad=elevation_rad,
        distance_mm=4000.0,
        height_mm=1700.0,
        upright_share=1.0,
        towards_light_cam=(0.0, -1.0, 0.0),
    )


def library(count: int = 6) -> Library:
    colours = np.random.default_rng(5).integers(0, 256, (count, 3))
    people = [cut_out(tuple(int(v) for v in colour)) for colour in colours]
    light = np.array([p.towards_light_cam for p in people])
    return Library(people, np.arange(count), np.zeros(count), light, np.full(count, ""))


def surroundings() -> Surroundings:
    rng = np.random.default_rng(6)
    coarse = rng.integers(60, 200, (8, 16, 3), dtype=np.uint8)
    image = np.asarray(Image.fromarray(coarse).resize((256, 128), Image.Resampling.BILINEAR))
    texels = sum(3 * (kernels.TEXTURE_SIDE >> level) ** 2 for level in range(kernels.LEVELS))
    pyramids = rng.uniform(90, 160, (3, texels)).astype(np.float32)
    return Surroundings((Panorama("made_up", image, np.array([1.0, 0.0, 0.5])),), (), pyramids)


def write_folders(folder: Path) -> None:
    """The same as files: `folder`/backgrounds and `folder`/people."""
    places = folder / "backgrounds"
    for name in ("panoramas", "textures"):
        (places / name).mkdir(parents=True)
    rng = np.random.default_rng(7)
    names = ("train_a", "ph_vestibule", "ph_dancing_hall")
    for name in names:
        picture = rng.integers(40, 220, (64, 128, 3), dtype=np.uint8)
        Image.fromarray(picture).save(places / "panoramas" / f"{name}.jpg")
    for number in range(10):
        tile = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(tile).save(places / "textures" / f"tile_{number}.png")
    (folder / "people").mkdir()
    for letter in "WVT":
        people = [cut_out(tuple(int(v) for v in rng.integers(0, 256, 3))) for _ in range(4)]
        save_cut_outs(folder / "people" / f"{letter}0001.npz", people)
