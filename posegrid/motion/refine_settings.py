"""What is done to a Track, as settings; apart from the doing, so that reading them imports nothing."""

from dataclasses import dataclass
from math import degrees, pi
from typing import Literal

from posegrid.errors import SettingsError

Filter = Literal["none", "light", "one-euro", "savitzky-golay"]


@dataclass(frozen=True, kw_only=True)
class RefineSettings:
    """What is done to a Track, in the order of the fields. The default is what `predict` does."""

    sides: bool = True
    """Exchange left and right limbs back where they were exchanged for a moment."""
    over_time: bool = True
    """Correct poses by those before and after, as a small network has learnt from rendered clips;
    only those of the weights that come with posegrid.
    """
    fill: bool = False
    """Interpolate the pose where the person was not found for at most half a second; such frames
    are marked (`Track.filled_frames`).
    """
    filter: Filter = "savitzky-golay"
    """Filter over time of joints, keypoints and the pelvis' place: savitzky-golay (looks ahead),
    one-euro (looks at the past only), light (20 ms), none."""
    bones: bool = True
    """One length for each bone, left and right alike, and the pelvis where such a body projects
    onto the keypoints.
    """
    feet: bool = True
    """Feet that stand stay where they are. Only where the camera is fixed, only with bones, and
    only after a filter that looks ahead: jitter hides which foot stands."""

    @property
    def changes_anything(self) -> bool:
        """Whether anything is done."""
        parts = (self.sides, self.over_time, self.fill, self.bones)
        return any(parts) or self.filter != "none"


def check_fov(fov_deg: float) -> None:
    """Raise SettingsError for an angle of view that no lens has; radians are told by their size."""
    if 5 <= fov_deg <= 170:
        return
    radians = (
        f" {fov_deg:g} radians are {degrees(fov_deg):.0f} degrees." if 0.2 < fov_deg < pi else ""
    )
    raise SettingsError(
        f"`fov_deg` {fov_deg:g}: expected an angle of view of 5 to 170 degrees.{radians}"
    )
