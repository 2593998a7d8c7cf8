"""What follows from the settings of `posegrid synth`: who is rendered, which clips,
and which shards these are cut into.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from posegrid.datasets.human36m.layout import SPLITS
from posegrid.datasets.shards import shard_name
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.walkers.clip import ClipPlan, choose_motion
from posegrid.walkers.motion.capture_files import load_motion_captures, load_walks
from posegrid.walkers.motion.captured import Captures
from posegrid.walkers.render.cameras import FRAME_RATE_HZ
from posegrid.walkers.render.crops import CropPlan
from posegrid.walkers.render.places import picture_files

CROPS_PER_SHARD = 2000
GAP_FRAMES = 50
"""Frames left out between two clips of a subaction: nobody takes the jump for a motion."""
ACTION = "Walking"
"""What rendered people's sequences are called."""


def recorded(settings: SynthSettings) -> dict[str, object]:
    """The settings that decide what is in a shard, as JSON holds them: more people change no shard
    that is there."""
    folders = {name: getattr(settings, name) for name in ("motion", "poses", "backgrounds")}
    values = asdict(settings) | {
        name: str(path.resolve()) if path else None for name, path in folders.items()
    }
    left_out = ("out", "set", "workers", "cluster", "people", "validation_people", "test_people")
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name not in left_out
    }


def subjects_by_split(settings: SynthSettings) -> dict[str, list[str]]:
    """Names of the subjects; those of different splits never share random numbers."""
    if settings.subjects or settings.layout == "human36m":
        known = SPLITS["subjects-5-2"]
        wanted = settings.subjects or tuple(name for names in known.values() for name in names)
        return {split: [name for name in names if name in wanted] for split, names in known.items()}
    counts = {
        "train": settings.people,
        "validation": settings.validation_people,
        "test": settings.test_people,
    }
    letters = {"train": "W", "validation": "V", "test": "T"}
    return {
        split: [f"{letters[split]}{i:04d}" for i in range(1, count + 1)]
        for split, count in counts.items()
    }


def captures_of(settings: SynthSettings) -> Captures:
    """The captured motions to mix in, none if the settings name no folders. Raises SourceError if
    those hold none."""
    return Captures(
        tuple(load_walks(settings.motion)) if settings.motion else (),
        tuple(load_motion_captures(settings.poses)) if settings.poses else (),
    )


def clip_plan(
    settings: SynthSettings,
    captures: Captures,
    subject: str,
    subaction: int,
    num_frames: int,
    part: int = 1,
) -> ClipPlan:
    """The plan of a clip, a share of them with a captured walk or another captured motion."""
    plan = ClipPlan(
        seed=settings.seed,
        subject=subject,
        subaction=subaction,
        part=part,
        num_frames=num_frames,
        activities=settings.activities,
        people=settings.people_kind,
        scenes=settings.scenes,
        backgrounds=picture_files(settings.backgrounds),
    )
    return choose_motion(plan, captures, settings.motion_share, settings.poses_share)


# --- shards -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CropJob:
    """One shard to render: a clip, which moments of it, and who is in which split."""

    clip: ClipPlan
    crops: CropPlan
    path: Path
    first_frame_index: int

    @staticmethod
    def time_s(frame_index: int) -> float:
        """Of a frame of the recording."""
        return frame_index / FRAME_RATE_HZ


def crop_jobs(settings: SynthSettings, captures: Captures) -> list[CropJob]:
    """The shards of the data set: each at most `CROPS_PER_SHARD` crops of one subaction of one
    subject."""
    return [
        job
        for split, subjects in subjects_by_split(settings).items()
        for subject in subjects
        for job in jobs_of_subject(settings, captures, subject, training=split == "train")
    ]


def jobs_of_subject(
    settings: SynthSettings, captures: Captures, subject: str, *, training: bool = True
) -> Iterator[CropJob]:
    """The shards of one subject."""
    wanted = settings.crops_per_person
    if not training and settings.held_out_crops_per_person is not None:
        wanted = settings.held_out_crops_per_person
    num_subactions = 2 if settings.subjects else 1
    for subaction in range(1, num_subactions + 1):
        share = wanted // num_subactions + (subaction <= wanted % num_subactions)
        yield from _jobs_of_subaction(settings, captures, subject, subaction, share)


def _jobs_of_subaction(
    settings: SynthSettings, captures: Captures, subject: str, subaction: int, num_crops: int
) -> Iterator[CropJob]:
    first_frame_index = 0
    num_parts = -(-num_crops // CROPS_PER_SHARD)
    for part in range(1, num_parts + 1):
        crops = num_crops // num_parts + (part <= num_crops % num_parts)
        moments = -(-crops // settings.views)
        num_frames = (moments - 1) * settings.every_nth_frame + 1
        clip = clip_plan(settings, captures, subject, subaction, num_frames, part)
        plan = CropPlan(
            num_crops=crops,
            views=settings.views,
            every_nth_frame=settings.every_nth_frame,
            image_size=settings.image_size,
            margin=settings.margin,
            background=settings.background,
            cameras=settings.cameras,
            masks=settings.masks,
        )
        path = settings.out / shard_name(subject, ACTION, subaction, f"part{part:02d}")
        yield CropJob(clip, plan, path, first_frame_index)
        first_frame_index += moments * settings.every_nth_frame + GAP_FRAMES
