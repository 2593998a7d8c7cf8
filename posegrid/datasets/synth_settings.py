"""What `posegrid synth` is asked for."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from posegrid.datasets.fixed_sets import SetName
from posegrid.datasets.human36m.layout import SPLITS
from posegrid.errors import SettingsError
from posegrid.people.crop import DEFAULT_MARGIN, Background, ImageFormat
from posegrid.walkers.clothes.wardrobe import PeopleKind
from posegrid.walkers.motion.activities import Activities
from posegrid.walkers.render.crops import CameraKind, MaskKind
from posegrid.walkers.render.location import Scenes


@dataclass(frozen=True)
class SynthSettings:
    """What to render. A second call with the same settings goes on where the first one stopped."""

    out: Positional[Path]
    """Folder to write to."""
    set: SetName | None = None
    """One of the fixed sets, 10,000 crops each (docs/walkers.md), in place of all flags but
    --workers and --cluster.
    """
    layout: Literal["crops", "human36m"] = "crops"
    """crops: shards, ready for training; human36m: videos, poses and masks as the Human3.6M release
    has them."""
    subjects: tuple[str, ...] = ()
    """Subjects of the release to render, two subactions each: S1 S5 S6 S7 train, S8 validates, S9
    S11 test. If none are named, crops show as many people as the next three flags say (W0001...
    train, V0001... validate, T0001... test); the human36m layout then has all seven."""
    people: int = 200
    """Training subjects."""
    validation_people: int = 20
    """Validation subjects."""
    test_people: int = 20
    """Test subjects."""
    crops_per_person: int = 120
    """Crops of each training subject."""
    held_out_crops_per_person: int | None = None
    """Crops of each validation and test subject; as many as of a training subject if not given."""
    views: int = 4
    """Cameras that see each moment."""
    every_nth_frame: int = 5
    """Which frames of the 50 Hz motion to render: 0, n, 2n, ..."""
    image_size: int = 128
    """Width and height of a crop, pixels."""
    margin: float = DEFAULT_MARGIN
    """Room round the person: the crop's side is (1 + margin) x the longer side of the person's
    box."""
    image_format: ImageFormat = "jpeg"
    """How crops are compressed; png is exact and about five times as large."""
    quality: int = 90
    """JPEG quality, 1 to 95."""
    background: Background = "removed"
    """What is not the person: removed (black), kept (a room), or masked (a room, and the person's
    mask beside it), all grey; colour (kept) or masked_colour (masked), in red, green and blue."""
    cameras: CameraKind = "human36m"
    """human36m: four fixed cameras like the release's. varied: a new one for every crop, 2 to 12 m
    away, 0.5 to 3 m high, 35 to 90 degrees wide (25 to 100 in real places), rolled now and then.
    fixed: such ones, each of which films a whole clip, as videos are: its light, faults and masks
    go on."""
    masks: MaskKind = "clean"
    """faulty: most masks, and the boxes that crops are cut by, are as wrong as background
    subtraction makes them. found: they are those of the finder that comes with posegrid, which is
    shown each rendered picture."""
    scenes: Scenes = "plain"
    """plain: a room, soft light, nothing in the way. varied: gardens, streets and clutter, too; up
    to four lamps, sun and sky, backlight, dim and compressed video, things before the person,
    people cut by the picture's edge, cameras rolled more often."""
    backgrounds: Path | None = None
    """Folder with pictures (JPEG, PNG, WebP): seven in ten of the varied scenes have one of them as
    background. If it holds panoramas/*.jpg (equirectangular), these are what is all round, and
    light people where their radiance (.npz) lies beside them."""
    activities: Activities = "walking"
    """walking: people walk. gaits: they also walk in odd ways, backwards, turn, start, stop.
    varied: they also stand, lean, squat, balance, reach, sit down."""
    people_kind: PeopleKind = "plain"
    """plain: adults in trousers, shorts, skirts, coats. varied: children and adults of all shapes,
    dresses, open coats, hats, hoods, bags, hair of all kinds. sporty: as varied, fewer children,
    and half of all in a dark suit, in one colour or with a bare trunk. laboratory: what is worn to be
    measured or to train: shorts, tights, bare legs, trunks and feet, straps and markers, adults of
    1.40 to 2.05 m, whose knees are straighter in stance. everybody: such people and those in all
    other clothes, from slim to very heavy."""
    motion: Path | None = None
    """Folder with motion capture of walks (ASF and AMC files, or BVH) to mix with the made-up
    gaits."""
    poses: Path | None = None
    """Folder with motion capture of anything else (ASF and AMC files, or BVH): bending, kicks,
    dances."""
    poses_share: float = 0.3
    """Share of the clips in which people move so, 0 to 1."""
    motion_share: float = 0.5
    """Share of the walks that are taken from the motion capture, 0 to 1."""
    seed: int = 0
    """The same seed gives the same people, rooms, walks and pictures."""
    frames: int = 500
    """Frames (50 per second) of each sequence in the human36m layout."""
    picture_size: int = 1000
    """Width and height of the videos in the human36m layout, pixels."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Clips rendered at a time, each by its own process."""
    cluster: str | None = None
    """Render on a Ray cluster: its address (ray://HOST:10001), or local to start one here with
    --workers CPUs. The output folder must be the same on all its machines. Ray asks nobody who
    they are: whoever reaches its ports runs what they like there, so keep them in a closed
    network."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("people", 0, 9999),
            ("validation_people", 0, 9999),
            ("test_people", 0, 9999),
            ("crops_per_person", 1, 10**7),
            ("held_out_crops_per_person", 1, 10**7),
            ("views", 1, 4),
            ("every_nth_frame", 1, 1000),
            ("image_size", 16, 2048),
            ("margin", 0, 10),
            ("quality", 1, 95),
            ("motion_share", 0, 1),
            ("poses_share", 0, 1),
            ("seed", 0, 2**63),
            ("frames", 2, 100_000),
            ("picture_size", 64, 4000),
            ("workers", 1, 10**4),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise SettingsError(f"{name} is {value}; it must lie between {low} and {high}.")
        known = [name for names in SPLITS["subjects-5-2"].values() for name in names]
        if strangers := [name for name in self.subjects if name not in known]:
            raise SettingsError(
                f"There is no subject {', '.join(strangers)}; choose among {', '.join(known)}."
            )
        if self.picture_size % 2:
            raise SettingsError(f"picture_size is {self.picture_size}; videos need an even one.")
        if self.out.exists() and not self.out.is_dir():
            raise SettingsError(
                f"{self.out} is a file; give a folder, new or begun with the same settings."
            )
        captured = "ASF and AMC files, or BVH"
        for name, files in (
            ("motion", captured), ("poses", captured), ("backgrounds", "pictures"),
        ):  # fmt: skip
            if (folder := getattr(self, name)) is not None and not folder.is_dir():
                raise SettingsError(f"{folder} is no folder; --{name} takes a folder with {files}.")
        if self.masks == "found" and (self.scenes == "plain" or self.background == "removed"):
            raise SettingsError(
                "--masks found are found in varied scenes: add --scenes varied, and --background "
                "masked_colour, masked, kept or colour."
            )
        if self.backgrounds is not None and self.scenes != "varied":
            raise SettingsError(
                "--backgrounds are seen in varied scenes only; add --scenes varied."
            )
