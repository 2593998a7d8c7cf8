"""`posegrid.load()`: a network ready for videos and live pictures, in Python."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from rich.console import Console

from posegrid.body.camera import Camera
from posegrid.motion.placing import ASSUMED_FOV_DEG, assumed_camera
from posegrid.motion.refine import MotionTrack, RefineSettings
from posegrid.people.finder import find_people
from posegrid.results.live import LivePose, live_poses, timed_pictures
from posegrid.results.network import OnnxModel, load_onnx
from posegrid.results.predict import chosen_people, watch
from posegrid.results.predict_settings import PredictSettings
from posegrid.video.footage import open_footage
from posegrid.video.video import probe, read_frames, read_spread
from posegrid.video.webcam import is_webcam, webcam_pictures


@dataclass(frozen=True, eq=False)
class PoseModel:
    """Weights that turn a video into a Track: `model(video)`, or pictures into poses:
    `model.stream(pictures)`.
    """

    network: OnnxModel

    def __call__(
        self,
        video: Path | str,
        *,
        camera: Path | str | None = None,
        fov_deg: float | None = None,
        height_m: float | None = None,
        person: str = "largest",
        refine: RefineSettings | None = None,
    ) -> MotionTrack:
        """The motion of the person in a video of a fixed camera; nothing is written, nothing
        printed.

        Settings as those of `posegrid predict`, `person` but "all". refine: what is done to the
        network's poses; default as `predict`. Raises SourceError, also where the video turns out to
        be damaged, and SettingsError.
        """
        settings = PredictSettings(
            Path(video),
            camera=None if camera is None else Path(camera),
            fov_deg=fov_deg,
            height_m=height_m,
            person=person,
        )
        seen = watch(open_footage(settings.video), settings, self.network, Console(quiet=True))
        if seen.stopped:
            raise seen.stopped
        raw = seen.track(chosen_people(seen.people, settings)[0], self.network, settings)
        return raw.refined(refine)

    def stream(
        self,
        source: int
        | Path
        | str
        | Iterable[tuple[float, UInt8[np.ndarray, "H W 3"]] | UInt8[np.ndarray, "H W 3"]],
        *,
        camera: Camera | None = None,
        fps: float | None = None,
    ) -> Iterator[LivePose]:
        """A pose as soon as its picture has come: of a video, a webcam's number, or pictures from
        anywhere.

        Pictures are RGB, each with its seconds as (seconds, picture); without them they are 1 / fps
        apart. Of live pictures the first three seconds only teach the empty scene: somebody has to
        move in them. Poses are filtered by what came before only. camera: the intrinsics; default:
        an ordinary telephone's.
        """
        if isinstance(source, int) or (isinstance(source, Path | str) and is_webcam(Path(source))):
            source = webcam_pictures(int(str(source)))
        if isinstance(source, Path | str):
            path = Path(source)
            camera = camera or assumed_camera(probe(path).size_wh, ASSUMED_FOV_DEG)
            finder = find_people(lambda count: read_spread(path, count))
            yield from live_poses(read_frames(path), finder, self.network, camera)
            return
        pictures = timed_pictures(source, fps)
        first = next(pictures, None)
        if first is None:
            return
        camera = camera or assumed_camera(first.picture.size_wh, ASSUMED_FOV_DEG)
        yield from live_poses(chain([first], pictures), find_people(None), self.network, camera)


def load(weights: Path | str | None = None, *, threads: int = 1) -> PoseModel:
    """The network in a file of `posegrid export`, or the one that comes with posegrid. Raises
    CheckpointError.

    threads: cores that the network may use.
    """
    return PoseModel(load_onnx(None if weights is None else Path(weights), threads=threads))
