"""Published figures on Human3.6M, each with what it was measured on. MPJPE in mm, root-relative, as printed.

Collected from the papers themselves. What a row leaves open (joints, frames) its paper does not print.
"""

from dataclasses import dataclass

USUAL = "train S1 S5 S6 S7 S8, test S9 S11"
S11_ONLY = "train S1 S5 S6 S7 S8 S9, test S11"
"""Splits in words: figures of different ones never stand in one column."""


@dataclass(frozen=True)
class Published:
    """One published row."""

    year: int
    method: str
    input: str
    """What the method sees: one image, several frames, or 2D detections of another network."""
    walking_mm: float | None
    all_actions_mm: float | None
    """Mean of the 15 actions."""
    split: str = USUAL
    joints: str = "17 with the root, as usual"
    metric: str = "MPJPE"


ROWS = (
    Published(2014, "LinKDE: HOG, kernel regression (Ionescu et al., TPAMI)", "image", 97.07, 162.1),
    Published(2014, "Li & Chan, pre-trained on detection (ACCV)", "image", 80.09, None),
    Published(2014, "Li & Chan, both tasks at once (ACCV)", "image", 77.60, None),
    Published(2015, "the report that posegrid began as", "grey masked image", 80.42, None, S11_ONLY),
    Published(2016, "Tekin et al., direct network (BMVC)", "image", 77.73, None),
    Published(2016, "Tekin et al., with autoencoder (BMVC)", "image", 65.75, None),
    Published(2016, "Tekin et al., motion compensated (CVPR)", "24 frames", 55.07, 125.0),
    Published(2017, "Pavlakos et al., volumes (CVPR)", "image", 59.1, 71.9),
    Published(2017, "Sun et al., compositional, Human3.6M only (ICCV)", "image", 78.0, 92.4),
    Published(2017, "Martinez et al. (ICCV)", "2D detections", 49.5, 62.9),
    Published(2018, "Sun et al., integral, with MPII (ECCV)", "image", 38.9, 49.6),
    Published(2019, "VideoPose3D, 1 frame (Pavllo et al., CVPR)", "2D detections", 39.5, 51.8),
    Published(2019, "VideoPose3D, 243 frames (Pavllo et al., CVPR)", "2D detections", 32.8, 46.8),
    Published(2021, "RLE, ResNet-50, with MPII (Li et al., ICCV)", "image", None, 48.6),
    Published(2021, "MobileHumanPose S (Choi et al., CVPRW)", "image", 42.9, 56.9),
    Published(2021, "MobileHumanPose L (Choi et al., CVPRW)", "image", 40.2, 51.4),
    Published(2023, "DiffPose, 1 frame (Gong et al., CVPR)", "2D detections", 37.6, 49.7),
    Published(2023, "DiffPose, 243 frames (Gong et al., CVPR)", "2D detections", 24.4, 36.9),
)
