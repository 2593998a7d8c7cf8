"""Clips: one person on a walk before the cameras, drawn from random numbers of the clip's own.

A `ClipPlan` always gives the same clip, whoever films it and whatever else is filmed: its random
numbers start from the seed and the words that name it. A subject's body, clothes, light, place and
cameras depend on the subject alone, so they are the same in all clips of the subject; gait and path
change from clip to clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from posegrid.body.camera import Camera
from posegrid.walkers.body.joints import SKELETON_JOINTS, joints_world_mm
from posegrid.walkers.clothes.person import WARDROBES, PeopleKind, Person, random_person
from posegrid.walkers.motion.activities import (
    ACTIVITIES,
    GAITS,
    Activities,
    one_of_a_kind,
    plain_walk,
    varied_motion,
)
from posegrid.walkers.motion.captured import (
    Captures,
    Recorded,
    RecordedWalk,
    mirrored_walk,
    posed_as,
)
from posegrid.walkers.motion.paths import WalkingPath, sample_path
from posegrid.walkers.motion.posture import Motion
from posegrid.walkers.render.cameras import (
    FRAME_RATE_HZ,
    PICTURE_SIZE_PX,
    WALKING_CENTRE_MM,
    WALKING_HALF_SIZE_MM,
    studio_cameras,
)
from posegrid.walkers.render.location import Location, Scenes, random_location
from posegrid.walkers.render.renderer import PosedPerson, pose_person


@dataclass(frozen=True)
class ClipPlan:
    """Everything that a clip follows from."""

    seed: int
    subject: str
    subaction: int = 1
    part: int = 1
    """Which piece of a long subaction; each is a walk of its own."""
    num_frames: int = 100
    """Frames at 50 per second."""
    recorded: Recorded | None = None
    """The captured walk to repeat, or another captured motion to make; None: a made-up gait."""
    activities: Activities = "walking"
    """walking: people walk. varied: `ACTIVITIES` says what else they do, and how often."""
    people: PeopleKind = "plain"
    """plain: adults in everyday clothes. varied: adults and children in clothes of all kinds.
    sporty, laboratory, everybody: see `clothes/wardrobe.py`."""
    scenes: Scenes = "plain"
    """plain: a room and one lamp. varied: any place, light and camera, and things in the way."""
    backgrounds: tuple[Path, ...] = ()
    """Pictures to take as backgrounds, in the place of half of the varied places."""
    picture_size: int = PICTURE_SIZE_PX
    """Width and height of the studio's pictures in pixels."""

    @property
    def name(self) -> str:
        """The clip in words, e.g. "W0012 1 part 2"."""
        return f"{self.subject} {self.subaction} part {self.part}"

    def subject_rng(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose, the same in all clips of the subject."""
        return np.random.default_rng([self.seed, *f"{self.subject}/{purpose}".encode()])

    def clip_rng(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose in this clip."""
        return self.subject_rng(f"{self.subaction}/{self.part}/{purpose}")

    def cameras(self) -> dict[str, Camera]:
        """The studio's cameras as they stand for the subject, by id."""
        return studio_cameras(self.subject_rng("cameras"), self.picture_size)


@dataclass(frozen=True, eq=False)
class Clip:
    """A person who walks before cameras: T frames at 50 per second. World frame, mm."""

    plan: ClipPlan
    person: Person
    motion: Motion
    """Raised by the soles of the person's shoes."""
    bone_rotations: Float[np.ndarray, "T B 3 3"]
    """Of the body's bones, as in the motion, and of the clothes' loose ones."""
    bone_positions_mm: Float[np.ndarray, "T B 3"]
    joints_world_mm: Float[np.ndarray, "T 32 3"]
    """The release's 32 joints."""
    location: Location
    cameras: dict[str, Camera]
    """The studio's, by id."""

    def posed(self, frame: int) -> PosedPerson:
        """The person as it looks in one frame."""
        rotations, positions_mm = self.bone_rotations[frame], self.bone_positions_mm[frame]
        return pose_person(self.person, rotations, positions_mm, self.location.light)

    def pose_world_mm(self, frame: int) -> Float[np.ndarray, "17 3"]:
        """The skeleton's 17 joints in one frame."""
        return self.joints_world_mm[frame, SKELETON_JOINTS]


def film(plan: ClipPlan) -> Clip:
    """The clip of the plan: body, clothes, walk, location and cameras."""
    person = random_person(plan.subject_rng("person"), plan.people)
    motion = _motion(plan, person, _studio_path(plan.clip_rng("path")))
    motion = motion.shifted(np.array([0.0, 0.0, person.sole_mm]))
    bones = motion.rotations, motion.bone_positions(person.body)
    rotations, positions = person.with_loose(bones, motion.fps)
    return Clip(
        plan=plan,
        person=person,
        motion=motion,
        bone_rotations=rotations,
        bone_positions_mm=positions,
        joints_world_mm=joints_world_mm(person.body, *bones),
        location=random_location(plan.subject_rng, plan.scenes, plan.backgrounds),
        cameras=plan.cameras(),
    )


def choose_walk(plan: ClipPlan, walks: Sequence[RecordedWalk], share: float) -> ClipPlan:
    """The plan with a captured walk, perhaps mirrored, in a `share` (0..1) of all cases."""
    rng = plan.clip_rng("motion capture")
    if not walks or rng.random() >= share:
        return plan
    chosen = walks[int(rng.integers(len(walks)))]
    return replace(plan, recorded=mirrored_walk(chosen) if rng.random() < 0.5 else chosen)


def choose_motion(
    plan: ClipPlan, captures: Captures, walk_share: float, pose_share: float
) -> ClipPlan:
    """The plan with a captured walk or another captured motion, each in its share (0..1)."""
    rng = plan.clip_rng("poses")
    if captures.others and rng.random() < pose_share:
        return replace(plan, recorded=captures.others[int(rng.integers(len(captures.others)))])
    return choose_walk(plan, captures.walks, walk_share)


def _studio_path(rng: np.random.Generator) -> WalkingPath:
    path = sample_path(*WALKING_HALF_SIZE_MM, rng)
    return replace(path, points_mm=path.points_mm + np.array(WALKING_CENTRE_MM))


def _motion(plan: ClipPlan, person: Person, path: WalkingPath) -> Motion:
    rng, recorded = plan.clip_rng("motion"), plan.recorded
    if not isinstance(recorded, RecordedWalk | None):
        edited = partial(one_of_a_kind, person.body, rng)
        return posed_as(recorded, person.body, plan.num_frames, FRAME_RATE_HZ, rng, edited)
    straight = WARDROBES[plan.people].straight_knees
    straightness = float(plan.clip_rng("knees").uniform()) if straight else 0.0
    going = (person.body, recorded, path, plan.num_frames, rng)
    if plan.activities == "walking":
        return plain_walk(*going, straightness=straightness)
    return varied_motion(activity_of(plan), *going, straightness)


def activity_of(plan: ClipPlan) -> str:
    """What the person of a clip does."""
    if plan.activities == "walking":
        return "walking"
    shares = GAITS if plan.activities == "gaits" else ACTIVITIES
    return str(plan.clip_rng("activity").choice(list(shares), p=list(shares.values())))
