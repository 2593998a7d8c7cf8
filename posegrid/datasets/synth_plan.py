"""What follows from the settings of `posegrid synth`: who is rendered, and which clips."""

from dataclasses import asdict

from posegrid.datasets.source import SPLITS
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.walkers.clip import ClipPlan, choose_motion
from posegrid.walkers.motion.acclaim import load_motion_captures
from posegrid.walkers.motion.captured import Captures, load_walks
from posegrid.walkers.render.places import picture_files

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
