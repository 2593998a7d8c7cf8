"""Small functions on batches of rotation matrices. Right-handed, column vectors: `R @ v` turns v.
Angles in radians.
"""

import numpy as np
from jaxtyping import Float


def rot_x(angle: Float[np.ndarray, "*batch"] | float) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotations about x: y turns towards z."""
    return _about(np.asarray(angle, dtype=np.float64), 1, 2)


def rot_y(angle: Float[np.ndarray, "*batch"] | float) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotations about y: z turns towards x."""
    return _about(np.asarray(angle, dtype=np.float64), 2, 0)


def rot_z(angle: Float[np.ndarray, "*batch"] | float) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotations about z: x turns towards y."""
    return _about(np.asarray(angle, dtype=np.float64), 0, 1)


def _about(angle: np.ndarray, first: int, second: int) -> np.ndarray:
    """Rotation in the plane of two axes that turns the first towards the second."""
    rotation = np.zeros((*angle.shape, 3, 3))
    third = 3 - first - second
    cosine, sine = np.cos(angle), np.sin(angle)
    rotation[..., first, first] = rotation[..., second, second] = cosine
    rotation[..., second, first] = sine
    rotation[..., first, second] = -sine
    rotation[..., third, third] = 1.0
    return rotation


def unit(vectors: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """The vectors at length 1; NaN for those without one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, np.nan)


def turned(
    rotation: Float[np.ndarray, "*batch 3 3"], vector: Float[np.ndarray, "*vectors 3"]
) -> np.ndarray:
    """`rotation @ vector` for every rotation of the batch (one vector for all, or one for each)."""
    return (rotation @ vector[..., None])[..., 0]


def rotation_about(axis: Float[np.ndarray, "3"], angle: float) -> Float[np.ndarray, "3 3"]:
    """The rotation by an angle about an axis of any length (Rodrigues' formula)."""
    skew = _skew(axis / np.linalg.norm(axis))
    return np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew


def smallest_rotations(
    start: Float[np.ndarray, "*#batch 3"], end: Float[np.ndarray, "*#batch 3"]
) -> Float[np.ndarray, "*#batch 3 3"]:
    """The rotations by the smallest angle that make each start parallel to its end (Rodrigues).

    Vectors of any length but 0. Between opposite directions it is half a turn about one of the axes
    across that are equally small.
    """
    a = start / np.linalg.norm(start, axis=-1, keepdims=True)
    b = end / np.linalg.norm(end, axis=-1, keepdims=True)
    skew = _skew(np.cross(a, b))
    real = 1 + np.sum(a * b, axis=-1)[..., None, None]
    result = np.eye(3) + skew + skew @ skew / np.maximum(real, 1e-12)
    opposite = real[..., 0, 0] < 1e-9
    if opposite.any():
        result[opposite] = _half_turns(np.broadcast_to(a, result.shape[:-1])[opposite])
    return result


def _half_turns(vectors: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3 3"]:
    """Half a turn of unit vectors about an axis across each."""
    axes = np.cross(vectors, np.eye(3)[np.argmin(np.abs(vectors), axis=1)])
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    return 2 * axes[:, :, None] * axes[:, None, :] - np.eye(3)


def _skew(v: np.ndarray) -> np.ndarray:
    """The matrices K with K @ w = v x w."""
    x, y, z = v[..., 0], v[..., 1], v[..., 2]
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*v.shape[:-1], 3, 3)


def angles_zxy(
    rotation: Float[np.ndarray, "*batch 3 3"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(z, x, y) with rotation = rot_z(z) @ rot_x(x) @ rot_y(y): heading, lean, list of an upright
    part of the body.
    """
    return (
        np.arctan2(-rotation[..., 0, 1], rotation[..., 1, 1]),
        np.arcsin(np.clip(rotation[..., 2, 1], -1, 1)),
        np.arctan2(-rotation[..., 2, 0], rotation[..., 2, 2]),
    )


def angles_xyz(
    rotation: Float[np.ndarray, "*batch 3 3"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(x, y, z) with rotation = rot_x(x) @ rot_y(y) @ rot_z(z): flexion, adduction, rotation of a
    limb.
    """
    return (
        np.arctan2(-rotation[..., 1, 2], rotation[..., 2, 2]),
        np.arcsin(np.clip(rotation[..., 0, 2], -1, 1)),
        np.arctan2(-rotation[..., 0, 1], rotation[..., 0, 0]),
    )
