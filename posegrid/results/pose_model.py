"""`posegrid.load()`: a network ready for videos and live pictures. The command stands on it, too."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from posegrid.errors import SettingsError
from posegrid.motion.motion_track import MotionTrack
from posegrid.progress import Report
from posegrid.results.inputs import (
    Given,
    GivenBoxes,
    GivenCamera,
    GivenMasks,
    Video,
    opened,
    opened_live,
)
from posegrid.results.live import LivePose, live_poses
from posegrid.results.network import OnnxModel, load_onnx
from posegrid.results.predict_settings import PoseOptions, PoseSettings, naming_options
from posegrid.results.reading import Stop
from posegrid.results.watching import Kept, Watched, watch


@dataclass(frozen=True, eq=False, repr=False)
class PoseModel:
    """Weights that turn a video into a Track: `model(video)`; into the Tracks of everybody in it:
    `model.people(video)`; or pictures into poses as they come: `model.stream(pictures)`.

    All take the same arguments, which are also those of `posegrid predict`:

    video: a file, a folder or a pattern of pictures, or RGB pictures as uint8 (H, W, 3); in a
    stream a webcam's number, too.
    camera: a file of intrinsics, or a Camera; fov_deg: the angle of view over the longer side,
    where there is none.
    boxes, masks: of the people, found by another program: files or arrays. The camera may then
    move.
    fps: pictures per second, of pictures without times. height_m: the person's height, which sets
    the scale. person: "largest", or a number.
    looks, batch: how the network is asked. sides, fill, filter, bones, feet: what is done to its
    poses (docs/motion.md).
    """

    network: OnnxModel

    def __repr__(self) -> str:
        facts = self.network.facts
        return (
            f"PoseModel({self.network.name}: {facts.network}, crops of {facts.image_size} px, "
            f"background {facts.background})"
        )

    @naming_options
    def __call__(
        self,
        video: Video,
        *,
        camera: GivenCamera | None = None,
        boxes: GivenBoxes | None = None,
        masks: GivenMasks | None = None,
        progress: Report | None = None,
        stop: Stop | None = None,
        **options: Unpack[PoseOptions],
    ) -> MotionTrack:
        """The motion of one person in a video, the largest unless `person` says whose; nothing is
        written, nothing printed.

        progress: called as progress(what, done, total) for every picture. stop: asked before every
        picture; once it is true, the Track of the pictures until then comes back. Raises
        SourceError, also where the video turns out to be damaged, and SettingsError.
        """
        settings = PoseSettings(**options)
        if settings.person == "all":
            raise SettingsError(
                "`person` 'all': there may be several motions; `model.people(video)` returns all."
            )
        watched = self.watch(video, Given(camera, boxes, masks), settings, progress, stop)
        return watched.whole().chosen(settings.person)[0].refined(settings)

    @naming_options
    def people(
        self,
        video: Video,
        *,
        camera: GivenCamera | None = None,
        boxes: GivenBoxes | None = None,
        masks: GivenMasks | None = None,
        progress: Report | None = None,
        stop: Stop | None = None,
        **options: Unpack[PoseOptions],
    ) -> dict[int, MotionTrack]:
        """The motion of everybody in a video by their numbers, the largest first; else as
        `model(video)`.
        """
        settings = PoseSettings(**{"person": "all", **options})
        watched = self.watch(video, Given(camera, boxes, masks), settings, progress, stop)
        chosen = watched.whole().numbers(settings.person)
        return {number: watched.raw[number].refined(settings) for number in chosen}

    @naming_options
    def stream(
        self,
        source: Video,
        *,
        camera: GivenCamera | None = None,
        boxes: GivenBoxes | None = None,
        masks: GivenMasks | None = None,
        **options: Unpack[PoseOptions],
    ) -> Iterator[LivePose]:
        """A pose as soon as its picture has come: of a video, a webcam's number, or pictures from
        anywhere, each with its time as (seconds, picture), or 1 / fps apart.

        Whoever is there has a pose from the first picture on. Poses are filtered by what came
        before only: `filter` none: not at all; any other: one-euro. What looks at the whole video
        (fill, sides, bones, feet) is not done. person "all" gives everybody's pose in each picture.
        """
        settings = PoseSettings(**options)
        if settings.fill:
            raise SettingsError("`fill`: a stream cannot look ahead; fill the Track of a video.")
        if settings.camera_height_m is not None:
            raise SettingsError("`camera_height_m`: a stream cannot look ahead; give `height_m`.")
        self._check(Given(camera, boxes, masks))
        return self._streamed(source, Given(camera, boxes, masks), settings)

    def _streamed(self, source: Video, given: Given, settings: PoseSettings) -> Iterator[LivePose]:
        inputs = opened_live(source, given, settings)
        if inputs is not None:
            yield from live_poses(
                inputs.frames, inputs.finder, self.network, inputs.origin.camera, settings
            )

    def watch(
        self,
        video: Video,
        given: Given,
        settings: PoseSettings,
        progress: Report | None = None,
        stop: Stop | None = None,
        kept: Kept | None = None,
    ) -> Watched:
        """Everybody's motion as the network says it. Damage in the video and `stop` end the pass
        early; raises SourceError if nobody was found by then.

        kept: where the answers are kept, so that a call after a kill goes on from them.
        """
        self._check(given)
        inputs = opened(video, given, settings, progress)
        return watch(video, self.network, inputs, settings, progress, stop, kept)

    def _check(self, given: Given) -> None:
        if (
            given.boxes is not None
            and given.masks is None
            and self.network.facts.background == "removed"
        ):
            # Ten times the error: 440 mm for 40 mm on rendered walks.
            raise SettingsError(
                f"`boxes` alone leave the background in the crops, and {self.network.name} knows "
                "only people cut out of it: give `masks`, too, or `weights` of the background "
                '"masked" or "kept".'
            )


def load(weights: Path | str | None = None, *, threads: int = 1) -> PoseModel:
    """The network in a file of `posegrid export`, or the one that comes with posegrid. Raises
    CheckpointError.

    threads: cores that the network may use.
    """
    return PoseModel(load_onnx(None if weights is None else Path(weights), threads=threads))
