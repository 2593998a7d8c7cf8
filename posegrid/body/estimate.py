"""What a network says about crops of people: poses, places in the crop, and how sure it is."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float, Int

from posegrid.body.skeleton import FEET_NAMES, NUM_JOINTS, mirror_order, mirrored, mirrored_feet


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a network says about N crops; NaN where it does not say."""

    pose_mm: Float[np.ndarray, "N 17 3"]
    """Root-relative, in the pose frame of the weights."""
    keypoints_px: Float[np.ndarray, "N 17 2"]
    """In the crop's pixels."""
    sigma_mm: Float[np.ndarray, "N 17"]
    """Radius that holds the true joint with a chance of 68 %."""
    feet_mm: Float[np.ndarray, "N 4 3"]
    """The points of `FEET_NAMES`, as the poses: relative to the pelvis, in their frame."""

    @classmethod
    def of_poses(cls, pose_mm: Float[np.ndarray, "N 17 3"]) -> "Estimate":
        """Of weights that say no more than poses."""
        unsaid = np.full(pose_mm.shape, np.nan, np.float32)
        return cls(pose_mm, unsaid[..., :2], unsaid[..., 0], unsaid[:, : len(FEET_NAMES)])

    @classmethod
    def joined(cls, parts: list["Estimate"]) -> "Estimate":
        """All parts, one after another."""
        nothing = cls.of_poses(np.zeros((0, NUM_JOINTS, 3), np.float32))
        return cls(
            *(
                np.concatenate([getattr(part, f.name) for part in [nothing, *parts]])
                for f in fields(cls)
            )
        )

    def rows(self, rows: Int[np.ndarray, "M"]) -> "Estimate":
        """What it says about some of the crops."""
        return Estimate(*(getattr(self, f.name)[rows] for f in fields(self)))

    def mirrored(self, size: int) -> "Estimate":
        """What this says about the mirror image of the crops, which are `size` pixels wide."""
        order = list(mirror_order())
        keypoints_px = self.keypoints_px[:, order] * np.array([-1, 1], np.float32) + np.array(
            [size, 0], np.float32
        )
        return Estimate(
            mirrored(self.pose_mm),
            keypoints_px,
            self.sigma_mm[:, order],
            mirrored_feet(self.feet_mm),
        )

    def averaged(self, other: "Estimate") -> "Estimate":
        """The mean of two estimates of the same crops."""
        return Estimate(
            *((getattr(self, f.name) + getattr(other, f.name)) / 2 for f in fields(self))
        )
