"""How videos become motion, as settings: one set for the command, `model(...)` and `model.stream`.

Apart from what they do, so that `posegrid predict --help` imports next to nothing. A message that
refuses a value names it as Python does, `fov_deg`; the command line makes that --fov-deg.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from inspect import Parameter, Signature, signature
from numbers import Integral, Real
from pathlib import Path
from typing import Annotated, Literal, TypedDict, TypeVar, get_args

from tyro.conf import Positional, arg

from posegrid.errors import SettingsError
from posegrid.motion.refine_settings import Filter, RefineSettings, check_fov

Format = Literal["csv", "json", "trc", "c3d", "bvh", "glb", "usd", "mot", "npz", "angles", "html"]
LookMode = Literal["one", "both", "in-turns"]
PersonChoice = Literal["largest", "all"] | int


@dataclass(frozen=True, kw_only=True)
class PoseSettings(RefineSettings):
    """What a network makes of pictures, and what is then done to the motion."""

    fov_deg: Annotated[float | None, arg(aliases=("--fov",))] = None
    """Angle of view over the picture's longer side, degrees, if the camera is not known. Default:
    60 is assumed.
    """
    height_m: float | None = None
    """The person's height without shoes, metres: sets the scale of the motion, which a picture does
    not show.
    """
    camera_height_m: float | None = None
    """How high the camera is above the floor on which the person walks, metres: sets the scale
    where the person's height is not known. It is the surer the more the camera looks down."""
    camera_pitch_deg: float | None = None
    """How far the camera looks down, degrees: makes the scale by its height surer. Default: found
    from the trunk and the feet."""
    person: PersonChoice = "largest"
    """Whose motion: largest (in the picture, over all the time), all (files NAME_person1 ...), or a
    person's number.
    """
    fps: float | None = None
    """How many pictures of a folder or pattern there are per second. Of a video: only where its own
    times are wrong.
    """
    capture_fps: float | None = None
    """Frames per second at which a slow-motion video was recorded. Default: what the file says."""
    stream: int | None = None
    """Which of a file's videos, from 0. Default: the one that players show."""
    looks: LookMode = "in-turns"
    """How the network sees a person: one: as cut out. both: that, and mirrored without background,
    and the mean of the answers: more exact, twice the network's time. in-turns: the one in one
    frame and the other in the next, and the savitzky-golay filter takes the mean: nearly as exact
    in no more time (with other filters, and live: one)."""
    batch: int = 16
    """Crops per call of the network."""

    def __post_init__(self) -> None:
        """Raises SettingsError for a value that no video can go with."""
        for field in fields(PoseSettings):
            _check_kind(field.name, getattr(self, field.name), field.default)
        _check_choice("filter", self.filter, get_args(Filter))
        _check_choice("looks", self.looks, get_args(LookMode))
        if self.fov_deg is not None:
            check_fov(self.fov_deg)
        if self.height_m is not None and not 0.5 <= self.height_m <= 2.5:
            raise SettingsError(
                f"`height_m` {self.height_m:g}: expected a height of 0.5 to 2.5 metres."
            )
        self._check_camera()
        if isinstance(self.person, bool) or not (
            isinstance(self.person, Integral) or self.person in ("largest", "all")
        ):
            raise SettingsError(
                f"`person` {self.person!r}: expected largest, all, or a person's number."
            )
        if self.batch < 1:
            raise SettingsError(f"`batch` {self.batch}: expected at least 1.")

    def _check_camera(self) -> None:
        height_m, pitch_deg = self.camera_height_m, self.camera_pitch_deg
        if height_m is not None and not 0.3 <= height_m <= 50:
            raise SettingsError(
                f"`camera_height_m` {height_m:g}: expected a height of 0.3 to 50 metres."
            )
        if height_m is not None and self.height_m is not None:
            raise SettingsError("`height_m` and `camera_height_m` both set the scale: give one.")
        if pitch_deg is not None and not -90 < pitch_deg < 90:
            raise SettingsError(
                f"`camera_pitch_deg` {pitch_deg:g}: expected between -90 and 90 degrees."
            )
        if pitch_deg is not None and height_m is None:
            raise SettingsError("`camera_pitch_deg` is for `camera_height_m`: give that, too.")


Call = TypeVar("Call", bound=Callable[..., object])


def naming_options(function: Call) -> Call:
    """The function, its `**options: Unpack[PoseOptions]` shown by `help` and by TAB as arguments
    with their names and defaults.
    """
    shown = []
    for parameter in signature(function).parameters.values():
        if parameter.kind is Parameter.VAR_KEYWORD:
            shown += [
                Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default)
                for field in fields(PoseSettings)
            ]
        else:
            shown.append(parameter.replace(annotation=Parameter.empty))
    function.__signature__ = Signature(shown)  # type: ignore[attr-defined]
    return function


class PoseOptions(TypedDict, total=False):
    """The fields of `PoseSettings`, as arguments in Python."""

    sides: bool
    over_time: bool
    fill: bool
    filter: Filter
    bones: bool
    feet: bool
    fov_deg: float | None
    height_m: float | None
    camera_height_m: float | None
    camera_pitch_deg: float | None
    person: PersonChoice
    fps: float | None
    capture_fps: float | None
    stream: int | None
    looks: LookMode
    batch: int


@dataclass(frozen=True)
class PredictSettings(PoseSettings):
    """Settings of `posegrid predict`."""

    video: Positional[Path]
    """Video of walking people, whole in the picture; a picture, folder of pictures, or pattern
    ("walk/*.png" in quotes); 0, 1, ...: a webcam, recorded first."""
    more: Positional[tuple[Path, ...]] = ()
    """More videos; a folder of videos stands for all that are in it."""
    out: Path | None = None
    """Folder for the results. Default: runs/<name of the video>, with a number where that holds
    results already; of several videos, one folder for each in it.
    """
    weights: Path | None = None
    """Weights of `posegrid export` (.onnx), or posegrid-m-int8, the 8-bit ones that come with
    posegrid. Default: those of 32 bits."""
    camera: Path | None = None
    """The camera's intrinsics: JSON or YAML with K (3 x 3, pixels) and dist (k1 k2 p1 p2 k3), also
    as OpenCV writes it, or Human3.6M's metadata.xml. Default: assumed, see --fov-deg."""
    boxes: Path | None = None
    """Boxes of the people that another program found: CSV (frame, x0, y0, x1, y1, person) or COCO
    JSON (docs/sources.md). The camera may then move."""
    masks: Path | None = None
    """Masks of the people that another program made: a video or pictures, white where the person
    is. With --boxes: the person in each box. The camera may then move."""
    seconds: float | None = None
    """How long to record a webcam, seconds. Default: until Ctrl-C."""
    formats: tuple[Format, ...] = ()
    """Write the motion for other programs, too: csv, json, trc and mot (OpenSim: joints, angles),
    c3d, bvh, glb and usd (animation), angles (of the joints, CSV), html (a page that shows it
    in 3D)."""
    camera_frame: bool = False
    """Leave trc, c3d, bvh, glb and usd where the camera saw them, instead of on the floor."""
    overlay: bool = True
    """Write the video with the skeleton on it and the picture of 12 frames, too."""
    overwrite: bool = False
    """Write over the results of an earlier call. Default: refuse where --out is given, or of
    several videos leave those out that are done.
    """
    summary: Path | None = None
    """CSV with a row for each video: how much was found, and the figures of the walk."""
    threads: int = 1
    """Cores that the network may use."""
    workers: int = 1
    """Of several videos, how many at a time, each by its own process."""
    cluster: str | None = None
    """Several videos on a Ray cluster: its address (ray://HOST:10001), or local to start one here
    with --workers CPUs. Videos and --out must be the same on all its machines. Ray asks nobody
    who they are: keep its ports in a closed network."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("threads", "workers"):
            if getattr(self, name) < 1:
                raise SettingsError(f"`{name}` {getattr(self, name)}: expected at least 1.")
        if self.seconds is not None and self.seconds <= 0:
            raise SettingsError(f"`seconds` {self.seconds:g}: expected a time above 0.")


def _check_kind(name: str, value: object, default: object) -> None:
    """Raise SettingsError for what is no switch or no number where one is expected; None is what
    stands for a default of its own.
    """
    if isinstance(default, bool) and not isinstance(value, bool):
        raise SettingsError(f"`{name}` {value!r}: expected True or False.")
    if isinstance(default, bool | str) or (value is None and default is None):
        return
    if isinstance(value, bool) or not isinstance(value, Real):
        raise SettingsError(f"`{name}` {value!r}: expected a number.")


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SettingsError(f"`{name}` {value!r}: expected one of {', '.join(choices)}.")
