"""One pass over a video: everybody's motion as the network says it."""

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float

from posegrid.errors import SettingsError, SourceError
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.scale import WEIGHTS_SCALE, Scale, scale_by_camera, scale_by_height, scaled
from posegrid.progress import Report
from posegrid.results.answers import BLOCK, BOX_REACH, Answers, identity
from posegrid.results.estimator import Estimator, Origin, PersonEstimate, placed
from posegrid.results.inputs import Footage, Inputs, Video
from posegrid.results.network import OnnxModel
from posegrid.results.predict_settings import LookMode, PoseSettings
from posegrid.results.reading import Reading, Stop


@dataclass(frozen=True)
class Kept:
    """A file that keeps the answers until all is done: what a call that was killed left there counts,
    if it asked the same.
    """

    path: Path
    files: tuple[Path | None, ...] = ()
    """What the answers follow from besides the video: weights, boxes, masks."""
    anew: bool = False
    """Nothing that is there counts."""


@dataclass(frozen=True, eq=False)
class Watched:
    """What one pass over a video gave."""

    raw: dict[int, MotionTrack]
    """Everybody's motion as the network said it, by number, the largest in the picture first."""
    spread: dict[int, float]
    """How far each motion's lengths may be off, as a share: one standard deviation."""
    damage: SourceError | None
    """Why the pass ended before the video's end, if it was damaged."""
    stopped: bool
    """Whether it was asked to end before."""
    notes: tuple[str, ...] = ()
    """What the video's file says that is worth knowing."""
    footage: Footage | None = None
    """The video, to be read again."""
    answers: Answers | None = None
    """What all this was made of."""

    def whole(self) -> "Watched":
        """This, if the video was not damaged; raises SourceError else."""
        if self.damage:
            raise self.damage
        return self

    def numbers(self, person: str | int) -> list[int]:
        """The numbers of those whom `person` asks for, the largest first. Raises SettingsError
        where there is no such person.
        """
        if person in ("largest", "all"):
            return list(self.raw)[: None if person == "all" else 1]
        if person not in self.raw:
            numbers = ", ".join(str(number) for number in sorted(self.raw))
            raise SettingsError(
                f"`person` {person}: expected largest, all, or one of the numbers {numbers}."
            )
        return [int(person)]

    @contextmanager
    def written(self) -> Iterator[None]:
        """A block that writes all this: the file of kept answers goes when it ends well, unless the
        pass was stopped.
        """
        done = False
        try:
            yield
            done = not self.stopped
        finally:
            if self.answers is not None:
                self.answers.close(remove=done)

    def chosen(self, person: str | int) -> list[MotionTrack]:
        """The raw motion of those whom `person` asks for."""
        return [self.raw[number] for number in self.numbers(person)]


def watch(
    video: Video,
    network: OnnxModel,
    inputs: Inputs,
    settings: PoseSettings,
    progress: Report | None = None,
    stop: Stop | None = None,
    kept: Kept | None = None,
) -> Watched:
    """Everybody's motion; see `PoseModel.watch`."""
    answers = _answers(network, inputs, settings, kept)
    with closing(Reading(inputs, answers, progress, stop)) as reading:
        try:
            watched = _watched(video, network, settings, reading)
        except BaseException as error:
            answers.close(remove=isinstance(error, SourceError))
            raise
    if kept is None:
        answers.close(remove=True)
    return watched


def _looks(settings: PoseSettings) -> LookMode:
    """Without the filter that takes the mean of both looks, turns would be seen."""
    in_vain = settings.looks == "in-turns" and settings.filter != "savitzky-golay"
    return "one" if in_vain else settings.looks


def _answers(
    network: OnnxModel, inputs: Inputs, settings: PoseSettings, kept: Kept | None
) -> Answers:
    """Where answers are written, and those that are there."""
    if kept is None:
        return Answers()
    asked = (network.name, _looks(settings), settings.batch, settings.fps, settings.capture_fps)
    files = () if inputs.footage is None else inputs.footage.paths
    call = identity((*asked, settings.stream), (*files, *kept.files))
    return Answers(kept.path, call, anew=kept.anew)


def _watched(video: Video, network: OnnxModel, settings: PoseSettings, reading: Reading) -> Watched:
    finder, answers = reading.inputs.finder, reading.answers
    with Estimator(network, answers, batch=settings.batch, looks=_looks(settings)) as estimator:
        try:
            _pass(reading, estimator)
        except SourceError as error:
            reading.damage = error
        people = [p for p in estimator.finished(finder.persons()) if p.size > 0]
    time_s = np.array(reading.time_s)
    if not people:
        raise reading.damage or SourceError(f"{video}: {finder.nobody(len(time_s))}")
    people.sort(key=lambda one: (*finder.prominence(one.number), one.size), reverse=True)
    raw, spread, origin, warnings = {}, {}, reading.origin(), reading.warnings()
    for person in people:
        track = person_track(person, time_s, network, origin, warnings)
        scale, doubt = _scale_of(track, settings)
        raw[person.number] = scaled(replace(track, warnings=(*track.warnings, *doubt)), scale)
        spread[person.number] = scale.spread
    damage, stopped, notes = reading.damage, reading.stopped, reading.notes()
    return Watched(raw, spread, damage, stopped, notes, reading.inputs.footage, reading.answers)


def _scale_of(track: MotionTrack, settings: PoseSettings) -> tuple[Scale, tuple[str, ...]]:
    """The scale of a raw motion; a sentence where it cannot be told as was wanted."""
    if settings.height_m is not None:
        return scale_by_height(track, 1000 * settings.height_m), ()
    if settings.camera_height_m is None:
        return WEIGHTS_SCALE, ()
    pitch_deg = settings.camera_pitch_deg
    pitch_rad = None if pitch_deg is None else math.radians(pitch_deg)
    try:
        return scale_by_camera(
            track.refined(settings), 1000 * settings.camera_height_m, pitch_rad
        ), ()
    except SettingsError as error:
        return WEIGHTS_SCALE, (str(error),)


def person_track(
    person: PersonEstimate,
    time_s: Float[np.ndarray, "T"],
    model: OnnxModel,
    origin: Origin,
    warnings: tuple[str, ...] = (),
) -> MotionTrack:
    """The person's Track over all T frames; NaN where they were not seen. warnings: what in the
    video is unlikely.
    """
    count, camera = len(time_s), origin.camera
    there = placed(person.estimate, person.window, person.box_xyxy, camera, model.facts)

    def in_all(values: np.ndarray) -> np.ndarray:
        everywhere = np.full((count, *values.shape[1:]), np.nan, dtype=np.float32)
        everywhere[person.row] = values
        return everywhere

    return MotionTrack(
        frame=np.arange(count, dtype=np.int64),
        time_s=time_s,
        joints_mm=in_all(there.joints_mm),
        root_mm=in_all(there.root_mm),
        keypoints_px=in_all(there.keypoints_px),
        sigma_mm=in_all(person.estimate.sigma_mm),
        box_xyxy=in_all(person.box_xyxy),
        confidence=in_all(person.confidence),
        feet_mm=in_all(there.feet_mm),
        camera=camera,
        fps=origin.fps,
        weights=model.name,
        source=origin.source,
        camera_assumed=origin.camera_assumed,
        camera_fixed=origin.camera_fixed,
        raw=True,
        warnings=warnings,
    )


def _pass(reading: Reading, estimator: Estimator) -> None:
    """All frames through the finder and the network; those before, by what was answered, through
    neither.
    """
    finder, answers, frames = reading.inputs.finder, reading.answers, reading.frames()
    answers.recalled(finder)
    for frame in islice(frames, finder.num_frames):
        estimator.skip(frame.time_s)
        reading.time_s.append(frame.time_s)
    remembered = None
    for frame, sightings in finder.follow(frames):
        # Where the frames have ended, the next ones may say otherwise of the last: no place to go on.
        last = None if reading.ended else remembered
        estimator.add(frame.picture, sightings, frame.time_s, last)
        reading.time_s.append(frame.time_s)
        if answers.path is not None and finder.num_frames % BLOCK == BLOCK - BOX_REACH:
            remembered = finder.remembered()
