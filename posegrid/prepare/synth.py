"""`posegrid synth`: rendered walkers with exact truth, as shards of crops or as a tree in Human3.6M's own layout.

The work is cut into clips, each drawn from random numbers of its own: what a clip shows depends on the seed, its
subject and its number, not on who renders it, in which order, or what else there is (`sources/walkers/clips.py`).
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Console
from tyro.conf import Positional

from posegrid import __version__
from posegrid.body.skeleton import ROOT, relative_to_root
from posegrid.errors import OutputError, PosegridError, SettingsError
from posegrid.files import completed
from posegrid.prepare.cluster import Finished, Piece, done_here, done_on_cluster, follow
from posegrid.prepare.crop import DEFAULT_MARGIN, ImageFormat, encode_image, encode_mask, grey, window_of_box
from posegrid.prepare.dataset import Background, DatasetFacts, write_dataset_facts
from posegrid.prepare.pipeline import SPLITS, check_begun_alike, remove_leftovers
from posegrid.prepare.shards import CropRow, ShardWriter, load_shard_facts, shard_name, shards_of
from posegrid.sources.human36m_writer import mark_synthetic, write_metadata
from posegrid.sources.walkers.activities import Activities
from posegrid.sources.walkers.clips import ClipPlan, choose_walk, film
from posegrid.sources.walkers.crops import CameraKind, CropPlan, WalkerCrop, render_crops
from posegrid.sources.walkers.mocap import RecordedWalk, load_walks
from posegrid.sources.walkers.recording import ACTION, is_recorded, record
from posegrid.sources.walkers.stage import CAMERA_IDS, FRAME_RATE_HZ

RECORD_FILE = "synth.json"
"""Where a tree in the release's layout keeps the settings it was made with."""
CROPS_PER_SHARD = 2000
GAP_FRAMES = 50
"""Frames left out between two clips of a subaction, so that nobody takes the jump between them for a motion."""


@dataclass(frozen=True)
class SynthSettings:
    """What to render. A second call with the same settings goes on where the first one stopped."""

    out: Positional[Path]
    """Folder to write to."""
    layout: Literal["crops", "human36m"] = "crops"
    """crops: shards, ready for training; human36m: videos, poses and masks as the Human3.6M release has them."""
    subjects: tuple[str, ...] = ()
    """Subjects of the release to render, two subactions each: S1 S5 S6 S7 train, S8 validates, S9 S11 test.
    If none are named, crops show as many people as the next three flags say (W0001... train, V0001... validate,
    T0001... test); the human36m layout then has all seven."""
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
    """Room round the person: the crop's side is (1 + margin) x the longer side of the person's box."""
    image_format: ImageFormat = "jpeg"
    """How crops are compressed; png is exact and about five times as large."""
    quality: int = 90
    """JPEG quality, 1 to 95."""
    background: Background = "removed"
    """What is not the person: removed (black), kept (a room), or masked (a room, and the person's mask beside it)."""
    cameras: CameraKind = "human36m"
    """human36m: four fixed cameras like the release's.
    varied: a new one for every crop, 2 to 12 m away, 0.5 to 3 m high, 35 to 90 degrees wide, rolled now and then."""
    activities: Activities = "walking"
    """walking: people walk. varied: they also walk in odd ways, stand, lean, squat, balance, reach, sit down."""
    motion: Path | None = None
    """Folder with motion capture of walks (Acclaim ASF and AMC files) to mix with the made-up gaits."""
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
    """Render on a Ray cluster: its address (ray://HOST:10001), or local to start one here with --workers CPUs. The
    output folder must be the same on all its machines."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("people", 1, 9999),
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
            raise SettingsError(f"There is no subject {', '.join(strangers)}; choose among {', '.join(known)}.")
        if self.picture_size % 2:
            raise SettingsError(f"picture_size is {self.picture_size}; videos need an even one.")
        if self.motion is not None and not self.motion.is_dir():
            raise SettingsError(f"{self.motion} is no folder; --motion takes a folder with ASF and AMC files.")


@dataclass(frozen=True)
class CropJob:
    """One shard to render: a clip, which moments of it, and who is in which split."""

    clip: ClipPlan
    crops: CropPlan
    path: Path
    first_frame_index: int


def synth(settings: SynthSettings) -> None:
    """Renders what is not there yet of what the settings ask for.

    Raises SettingsError if the folder was begun with other settings, OutputError if the disk refuses.
    """
    if settings.layout == "human36m":
        write_release(settings)
    else:
        write_dataset(settings)


# --- crops ----------------------------------------------------------------------------------------------------------


def write_dataset(settings: SynthSettings) -> DatasetFacts:
    """What the finished data set says about itself."""
    console = Console()
    facts = DatasetFacts(
        image_size=settings.image_size,
        image_format=settings.image_format,
        background=settings.background,
        settings=recorded(settings),
        synthetic=True,
    )
    check_begun_alike(settings.out, facts)
    remove_leftovers(settings.out)
    jobs = crop_jobs(settings, captured_walks(settings))
    to_do = [job for job in jobs if not job.path.exists()]
    if len(to_do) < len(jobs):
        console.print(f"{len(jobs) - len(to_do)} of {len(jobs)} shards are done already")
    total = sum(job.crops.num_crops for job in to_do)
    pieces = [partial(write_crops, job, settings, facts) for job in to_do]
    follow(done(pieces, settings, console), total, "crops", console)
    remove_leftovers(settings.out)
    num_crops = sum(load_shard_facts(path).num_crops for path in shards_of(settings.out))
    facts = replace(facts, splits=subjects_by_split(settings), num_crops=num_crops)
    write_dataset_facts(settings.out, facts)
    console.print(
        f"{settings.out}: {num_crops} crops of {sum(map(len, facts.splits.values()))} people",
        markup=False,
        soft_wrap=True,
    )
    return facts


def recorded(settings: SynthSettings) -> dict[str, object]:
    """The settings that decide what is in a shard, as JSON holds them: more people change no shard that is there."""
    values = asdict(settings) | {"motion": str(settings.motion.resolve()) if settings.motion else None}
    left_out = ("out", "workers", "cluster", "people", "validation_people", "test_people")
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name not in left_out
    }


def done(pieces: list[Piece], settings: SynthSettings, console: Console) -> Iterator[Finished]:
    """The outcome of each piece of work as it is finished, wherever the settings say that it is done."""
    if settings.cluster is not None:
        return done_on_cluster(pieces, settings.cluster, settings.workers, console)
    return done_here(pieces, settings.workers)


def subjects_by_split(settings: SynthSettings) -> dict[str, list[str]]:
    """Names of the subjects; those of different splits never share random numbers."""
    if settings.subjects or settings.layout == "human36m":
        known = SPLITS["subjects-5-2"]
        wanted = settings.subjects or tuple(name for names in known.values() for name in names)
        return {split: [name for name in names if name in wanted] for split, names in known.items()}
    counts = {"train": settings.people, "validation": settings.validation_people, "test": settings.test_people}
    letters = {"train": "W", "validation": "V", "test": "T"}
    return {split: [f"{letters[split]}{i:04d}" for i in range(1, count + 1)] for split, count in counts.items()}


def captured_walks(settings: SynthSettings) -> list[RecordedWalk]:
    """The captured walks to mix in, none if the settings name no folder. Raises SourceError if it holds none."""
    return load_walks(settings.motion) if settings.motion is not None else []


def crop_jobs(settings: SynthSettings, walks: list[RecordedWalk]) -> list[CropJob]:
    """The shards of the data set: each at most `CROPS_PER_SHARD` crops of one subaction of one subject."""
    jobs = []
    for split, subjects in subjects_by_split(settings).items():
        wanted = settings.crops_per_person
        if split != "train" and settings.held_out_crops_per_person is not None:
            wanted = settings.held_out_crops_per_person
        num_subactions = 2 if settings.subjects else 1
        for subject in subjects:
            for subaction in range(1, num_subactions + 1):
                share = wanted // num_subactions + (subaction <= wanted % num_subactions)
                jobs += list(_jobs_of_subaction(settings, walks, subject, subaction, share))
    return jobs


def _jobs_of_subaction(
    settings: SynthSettings, walks: list[RecordedWalk], subject: str, subaction: int, num_crops: int
) -> Iterator[CropJob]:
    first_frame_index = 0
    num_parts = -(-num_crops // CROPS_PER_SHARD)
    for part in range(1, num_parts + 1):
        crops = num_crops // num_parts + (part <= num_crops % num_parts)
        moments = -(-crops // settings.views)
        clip = ClipPlan(
            seed=settings.seed,
            subject=subject,
            subaction=subaction,
            part=part,
            num_frames=(moments - 1) * settings.every_nth_frame + 1,
            activities=settings.activities,
        )
        plan = CropPlan(
            num_crops=crops,
            views=settings.views,
            every_nth_frame=settings.every_nth_frame,
            image_size=settings.image_size,
            margin=settings.margin,
            background=settings.background,
            cameras=settings.cameras,
        )
        path = settings.out / shard_name(subject, ACTION, subaction, f"part{part:02d}")
        yield CropJob(choose_walk(clip, walks, settings.motion_share), plan, path, first_frame_index)
        first_frame_index += moments * settings.every_nth_frame + GAP_FRAMES


def write_crops(job: CropJob, settings: SynthSettings, facts: DatasetFacts) -> Finished:
    """Renders one shard, unless it is there, and writes it, sorted by camera and frame."""
    if job.path.exists():
        return Finished(job.path.stem, load_shard_facts(job.path).num_crops)
    with named(job.clip.name):
        rows = [crop_row(crop, job, settings) for crop in render_crops(film(job.clip), job.crops, window_of_box)]
        with ShardWriter(job.path, facts) as shard:
            for row in sorted(rows, key=lambda row: (row.camera_id, row.frame_index)):
                shard.write(row)
    return Finished(job.path.stem, len(rows))


def crop_row(crop: WalkerCrop, job: CropJob, settings: SynthSettings) -> CropRow:
    """The crop as `prepare` would have made it from a picture of the same camera."""
    camera = crop.camera.windowed(crop.window, settings.image_size)
    frame_index = job.first_frame_index + crop.frame_index
    return CropRow(
        image=encode_image(grey(crop.image), settings.image_format, settings.quality),
        mask=encode_mask(crop.mask) if settings.background == "masked" else None,
        pose_cam_mm=relative_to_root(crop.pose_cam_mm),
        root_cam_mm=crop.pose_cam_mm[ROOT],
        keypoints_crop_px=camera.project(crop.pose_cam_mm),
        crop_camera=np.array([*camera.focal_px, *camera.principal_px]),
        window=crop.window,
        subject=job.clip.subject,
        action=ACTION,
        subaction=job.clip.subaction,
        camera_id=crop.camera_id,
        frame_index=frame_index,
        time_s=frame_index / FRAME_RATE_HZ,
    )


# --- Human3.6M's layout ---------------------------------------------------------------------------------------------


def write_release(settings: SynthSettings) -> None:
    """Writes the tree: two sequences of each subject, four views each, metadata.xml, the mark that it is synthetic."""
    console, root = Console(), settings.out
    check_recorded_alike(settings)
    mark_synthetic(root, f"Rendered by posegrid {__version__}; the settings are in {RECORD_FILE}.")
    splits = subjects_by_split(settings)
    plans = release_plans(settings)
    to_do = [plan for plan in plans if not is_recorded(root, plan.subject, plan.subaction)]
    if len(to_do) < len(plans):
        console.print(f"{len(plans) - len(to_do)} of {len(plans)} sequences are done already")
    pieces = [partial(record_plan, plan, root) for plan in to_do]
    total = len(to_do) * settings.frames * len(CAMERA_IDS)
    follow(done(pieces, settings, console), total, "pictures", console)
    cameras = {(plan.subject, id_): camera for plan in plans for id_, camera in plan.cameras().items()}
    num_frames = {(plan.subject, ACTION, plan.subaction): settings.frames for plan in plans}
    write_metadata(
        root,
        cameras,
        num_frames,
        splits={"train": splits["train"], "val": splits["validation"], "test": splits["test"]},
    )
    console.print(
        f"{root}: {len(plans)} sequences x {len(CAMERA_IDS)} views x {settings.frames} frames",
        markup=False,
        soft_wrap=True,
    )


def release_plans(settings: SynthSettings) -> list[ClipPlan]:
    """The sequences to write, two of each subject."""
    walks = captured_walks(settings)
    plans = [
        ClipPlan(
            seed=settings.seed,
            subject=subject,
            subaction=subaction,
            num_frames=settings.frames,
            activities=settings.activities,
            picture_size=settings.picture_size,
        )
        for subjects in subjects_by_split(settings).values()
        for subject in subjects
        for subaction in (1, 2)
    ]
    return [choose_walk(plan, walks, settings.motion_share) for plan in plans]


def check_recorded_alike(settings: SynthSettings) -> None:
    """Writes the settings into the folder; raises SettingsError if it was begun with others."""
    path = settings.out / RECORD_FILE
    text = json.dumps(recorded(settings), indent=2) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise SettingsError(
            f"{settings.out} was begun with other settings (see {path}). "
            "Call with those settings to go on, or choose another folder."
        )
    try:
        with completed(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}. Make room and try again.") from error


def record_plan(plan: ClipPlan, root: Path) -> Finished:
    """Films one sequence and writes its files, unless they are there."""
    if is_recorded(root, plan.subject, plan.subaction):
        return Finished(plan.name, plan.num_frames * len(CAMERA_IDS))
    with named(plan.name):
        record(film(plan), root)
    return Finished(plan.name, plan.num_frames * len(CAMERA_IDS))


@contextmanager
def named(what: str) -> Iterator[None]:
    """Says of whatever fails in the block what it was about: errors come back from other processes."""
    try:
        yield
    except PosegridError as error:
        raise type(error)(f"{what}: {error}") from error
    except Exception as error:
        error.add_note(f"This happened in {what}.")
        raise
