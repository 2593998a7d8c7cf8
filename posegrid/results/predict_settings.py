"""The names of the formats that a motion is written in.

The settings of `posegrid predict`, apart from what it does, so that its --help imports next to
nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

Format = Literal["csv", "json", "trc", "c3d", "bvh", "glb", "npz", "angles", "html"]


@dataclass(frozen=True)
class PredictSettings:
    """Settings of `posegrid predict`."""

    video: Positional[Path]
    """Video of walking people, whole in the picture, taken with a camera that does not move; with
    --boxes or --masks any video, picture, folder of pictures, or pattern ("walk/*.png" in quotes).
    0, 1, ...: a webcam, recorded first."""
    out: Path | None = None
    """Folder for the results. Default: runs/<name of the video>."""
    weights: Path | None = None
    """Weights of `posegrid export` (.onnx), or posegrid-m-int8, the 8-bit ones that come with
    posegrid. Default: those of 32 bits."""
    camera: Path | None = None
    """The camera's intrinsics: JSON or YAML with K (3 x 3, pixels) and dist (k1 k2 p1 p2 k3), also
    as OpenCV writes it, or Human3.6M's metadata.xml. Default: assumed, see --fov-deg."""
    fov_deg: Annotated[float | None, arg(aliases=("--fov",))] = None
    """Angle of view over the picture's longer side, degrees, if there is no camera file. Default:
    60 is assumed.
    """
    height_m: float | None = None
    """The person's height without shoes, metres: sets the scale of the motion, which a picture does
    not show.
    """
    person: str = "largest"
    """Whose motion: largest (in the picture, over all the time), all (files NAME_person1 ...), or a
    person's number.
    """
    boxes: Path | None = None
    """Boxes of the people that another program found: CSV (frame, x0, y0, x1, y1, person) or COCO
    JSON (docs/sources.md). The camera may then move."""
    masks: Path | None = None
    """Masks of the people that another program made: a video or pictures, white where the person
    is. With --boxes: the person in each box. The camera may then move."""
    fps: float | None = None
    """How many pictures of a folder or pattern there are per second; a video says it itself."""
    seconds: float | None = None
    """How long to record a webcam, seconds. Default: until Ctrl-C."""
    filter: Literal["none", "light", "one-euro", "savitzky-golay"] = "savitzky-golay"
    """Filter over time: savitzky-golay (looks ahead), one-euro (looks at the past only), light (20
    ms), none. The motion also gets bones of one length and feet that stand still; NAME_raw.npz
    holds it as the network said it."""
    fill: bool = False
    """Interpolate the pose where the person was not found for at most half a second; such frames
    are marked.
    """
    looks: Literal["one", "both", "in-turns"] = "in-turns"
    """How the network sees a person: one: as cut out. both: that, and mirrored without background,
    and the mean of the answers: more exact, twice the network's time. in-turns: the one in one
    frame and the other in the next, and the savitzky-golay filter takes the mean: nearly as exact
    in no more time (with other filters: one)."""
    formats: tuple[Format, ...] = ()
    """Write the motion for other programs, too: csv, json, trc (OpenSim), c3d, bvh and glb
    (animation), angles (of the joints, CSV), html (a page that shows it in 3D)."""
    overlay: bool = True
    """Write the video with the skeleton on it and the picture of 12 frames, too."""
    batch: int = 16
    """Crops per call of the network."""
    threads: int = 1
    """Cores that the network may use."""
