"""A Track that can say more about its motion: made smooth, in the world, as angles, as gait."""

import webbrowser
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from posegrid.body.track import Track
from posegrid.body.track_file import check_values
from posegrid.files import write_text
from posegrid.motion.angles import angles_figure, joint_angles_deg, mot_text, on_knees
from posegrid.motion.gait import Gait, gait_of
from posegrid.motion.motion_viewer import motion_page
from posegrid.motion.plausible import bones_to_height_mm, doubts
from posegrid.motion.refine import refined
from posegrid.motion.refine_settings import RefineSettings
from posegrid.motion.world import AXES_OF, WorldMotion, to_world

if TYPE_CHECKING:
    import matplotlib.figure


ELSEWHERE = "choose another place"
IRREGULAR = 0.1
"""Spread of stride times over their mean: 0.02 to 0.04 in healthy walking."""
RAW_NOTE = "the track was raw: it was refined before its gait was measured"


@dataclass(frozen=True, eq=False, repr=False)
class MotionTrack(Track):
    """What `predict` and `posegrid.load()` give; `posegrid.Track.load(path)` reads one."""

    ENDINGS = (*Track.ENDINGS, ".mot")

    def refined(self, settings: RefineSettings | None = None) -> "MotionTrack":
        """Without jitter, with bones of one length and feet that stand still; `predict` has done
        that already.
        """
        motion = refined(self, settings)
        new = [line for line in doubts(self, motion) if line not in self.warnings]
        return replace(motion, warnings=(*self.warnings, *new))

    def save(self, path: Path | str, *, pinned: bool = False, camera_frame: bool = False) -> None:
        """Write the Track in the format that the name ends in: .npz, .json, .csv, .trc, .c3d, .bvh,
        .glb, .usd, .mot (angles for OpenSim), or .html, a page that shows it in 3D.

        The first three hold everything and read back exactly. .trc, .c3d, .bvh, .glb and .usd hold
        the joints in space: of a camera at rest as `to_world().save`, on the floor, from the origin
        along an axis. Of another camera, or with `camera_frame`, they are turned upright (y up),
        the camera's centre their origin; `pinned`: the pelvis at the origin in every frame.
        docs/formats.md has units and frames without a person. The file appears under its name only
        when complete. Raises OutputError: an unknown ending, a folder that cannot be written, no
        place of the pelvis in any frame, or numbers that `load` would refuse.
        """
        path = Path(path)
        ending = path.suffix.lower()
        check_values(path, self.arrays(), self.facts())
        placed = self.found & np.isfinite(self.root_mm).all(axis=1)
        if ending == ".mot":
            write_text(path, mot_text(self.joints_and_feet_mm, self.time_s, path.stem), ELSEWHERE)
        elif ending == ".html":
            write_text(path, motion_page([self], pinned=pinned), ELSEWHERE)
        elif ending in AXES_OF and self.camera_fixed and placed.any() and not camera_frame | pinned:
            self.to_world().save(path)
        else:
            super().save(path, pinned=pinned)

    def angles(self) -> dict[str, Float[np.ndarray, "T"]]:
        """Joint angles in degrees (docs/angles.md), by names such as left_knee_flexion_deg; NaN where
        they are not known.
        """
        return joint_angles_deg(self.joints_and_feet_mm)

    @property
    def height_m(self) -> float:
        """The person's height without shoes, as their bones say; as given, if it was. NaN where
        nobody was found.
        """
        if not self.found.any():
            return float("nan")
        return bones_to_height_mm(self.joints_mm[self.found].astype(np.float64)) / 1000

    def show(self) -> Path:
        """Open the motion in 3D in the browser; the page's path. Raises OutputError where nobody was
        found.
        """
        path = Path(mkdtemp(prefix="posegrid-")) / f"{Path(self.source).stem}.html"
        self.save(path)
        webbrowser.open(path.as_uri())
        return path

    def _repr_html_(self) -> str:
        """The motion in 3D in a notebook."""
        if not self.found.any():
            return f"<pre>{escape(repr(self))}</pre>"
        page = motion_page([self])
        style = "width:100%;height:520px;border:1px solid #dde1e6"
        return f'<iframe srcdoc="{escape(page)}" style="{style}"></iframe>'

    def plot(self) -> "matplotlib.figure.Figure":
        """Flexion of hips, knees and elbows over time. Raises SettingsError where matplotlib is not
        installed.
        """
        return angles_figure(self.joints_mm, self.time_s, self.source)

    def to_world(self, up_cam: Float[np.ndarray, "3"] | None = None) -> WorldMotion:
        """The motion with z up and the floor at 0. up_cam: the direction against gravity in the
        camera's frame.

        Without it, gravity comes from the trunk and the feet. Raises SettingsError if the person's
        place is unknown.
        """
        return to_world(self, up_cam)

    def gait(self, up_cam: Float[np.ndarray, "3"] | None = None) -> Gait:
        """The figures of the walk; a raw track is refined first, and a note says so.

        Raises SourceError where no two strides are walked, and as `to_world`.
        """
        track = self.refined() if self.raw else self
        found = gait_of(
            track.to_world(up_cam),
            scale_known=self.scale_known,
            source=self.source,
            camera_fixed=self.camera_fixed,
            contacts=self.contacts,
        )
        notes = [*found.notes, *track.warnings, *([RAW_NOTE] if self.raw else [])]
        notes += [*_on_rhythm(found), on_knees()]
        return replace(found, notes=tuple(dict.fromkeys(notes)))  # none twice


def _on_rhythm(gait: Gait) -> list[str]:
    """A sentence where the strides are too unlike to be true."""
    stride, sentences = gait.quantities["stride_time"], []
    if stride.spread > IRREGULAR * stride.value:
        sentences.append(
            f"unlikely: stride times vary by {stride.spread / stride.value:.0%}: steps were missed "
            "or made up; look whether the skeleton lies on the video"
        )
    return sentences
