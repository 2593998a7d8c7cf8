"""Bones of one length each: fitted to all frames, left and right alike, given to every pose."""

import numpy as np
from jaxtyping import Float

from posegrid.body.skeleton import BONES, bone_lengths, mirror_order

TYPICAL_SHARE = 0.6
"""A network that is unsure of a direction answers with a mean, which is too short: of the lengths
in all frames, this quantile (0..1) is nearest to the true one on rendered walks."""


def fitted_bones_mm(joints_mm: Float[np.ndarray, "T 17 3"]) -> Float[np.ndarray, "16"]:
    """The lengths that fit the found frames best, in the order of `skeleton.BONES`, left and right
    equal.

    NaN if nobody was found in any frame.
    """
    found = np.isfinite(joints_mm).all(axis=(1, 2))
    if not found.any():
        return np.full(len(BONES), np.nan)
    lengths = bone_lengths(joints_mm[found].astype(np.float64))
    return np.quantile(np.concatenate([lengths, lengths[:, _MIRROR_BONES]]), TYPICAL_SHARE, axis=0)


def with_bones(
    joints_mm: Float[np.ndarray, "T 17 3"], length_mm: Float[np.ndarray, "16"]
) -> Float[np.ndarray, "T 17 3"]:
    """The poses with bones of these lengths: every bone keeps its direction, the root its place."""
    result = joints_mm.astype(np.float64).copy()
    for (parent, child), wanted in zip(BONES, length_mm, strict=True):
        bone = joints_mm[:, child].astype(np.float64) - joints_mm[:, parent]
        size = np.linalg.norm(bone, axis=-1, keepdims=True)
        result[:, child] = result[:, parent] + bone * (wanted / np.where(size > 0, size, np.nan))
    return result


_ENDING_AT = {child: index for index, (_, child) in enumerate(BONES)}


_MIRROR_BONES = [_ENDING_AT[int(mirror_order()[child])] for _, child in BONES]
"""The bone on the other side of the body; those of the trunk are their own."""
