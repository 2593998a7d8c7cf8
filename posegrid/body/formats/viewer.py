"""A page that shows a motion in space: turn it with the mouse, play it, scrub. One file, no network,
no library.

Colours tell the sides apart for the colour-blind, too (blue and vermillion of Okabe & Ito, 2008):
the person's left is blue, right is orange, the middle is grey.
"""

import json
from importlib.resources import files

import numpy as np
from jaxtyping import Float, Int

from posegrid.body.rotations import smallest_rotations
from posegrid.body.skeleton import BONES, JOINT_NAMES, LEFT_JOINTS, RIGHT_JOINTS, ROOT
from posegrid.errors import OutputError

Colour = tuple[int, int, int]

LEFT: Colour = (0, 114, 178)
RIGHT: Colour = (213, 94, 0)
MIDDLE: Colour = (95, 95, 105)


def colour_of(joint: int) -> Colour:
    """The colour of a joint, and of the bone that ends there."""
    return LEFT if joint in LEFT_JOINTS else RIGHT if joint in RIGHT_JOINTS else MIDDLE


def levelling_rotation(poses_mm: Float[np.ndarray, "N 17 3"]) -> Float[np.ndarray, "3 3"]:
    """The rotation that puts a tilted camera's people upright: `poses_mm @ R.T`.

    Upright is the mean direction from between the ankles to the thorax over all the poses: exact
    for no single one, good over the frames of a walk, and only meant for drawing.
    """
    names = JOINT_NAMES
    feet = (poses_mm[:, names.index("left_ankle")] + poses_mm[:, names.index("right_ankle")]) / 2
    upward = poses_mm[:, names.index("thorax")] - feet
    mean = np.nanmean(upward, axis=0) if np.isfinite(upward).any() else np.array([0.0, -1.0, 0.0])
    if np.linalg.norm(mean) == 0 or mean[1] >= 0:
        return np.eye(3)
    return smallest_rotations(mean.astype(np.float64), np.array([0.0, -1.0, 0.0]))


def viewer_page(
    joints_mm: Float[np.ndarray, "T 17 3"],
    root_mm: Float[np.ndarray, "T 3"],
    frame: Int[np.ndarray, "T"],
    time_s: Float[np.ndarray, "T"],
    source: str,
    *,
    pinned: bool = False,
) -> str:
    """The page's text: the motion inside it in whole mm, the program that draws it from
    `viewer.html`. Arrays as in a Track.

    For the eye, the person is put upright and on the ground, in the mean over all frames (a
    camera's tilt is unknown). If the pelvis' place is unknown in every frame, or if `pinned`, the
    person stays on the spot and the page says so. Raises OutputError if there is nobody in any
    frame.
    """
    found = np.isfinite(joints_mm).all(axis=(1, 2))
    if not found.any():
        raise OutputError(f"{source}: nothing to show: no person was found in any frame.")
    level = levelling_rotation(joints_mm[found].astype(np.float64))
    pinned = pinned or not np.isfinite(root_mm[found]).all(axis=1).any()
    places = joints_mm + (np.zeros_like(root_mm) if pinned else root_mm)[:, None]
    content = {
        "source": source,
        "joints": JOINT_NAMES,
        "bones": [
            [parent, child, "rgb({}, {}, {})".format(*colour_of(child))] for parent, child in BONES
        ],
        "frame": frame.tolist(),
        "time_s": [round(time, 4) for time in (time_s - time_s[0]).tolist()],
        "pinned": pinned,
        "places_mm": _whole_mm(_on_ground(places.astype(np.float64) @ level.T)),
    }
    # Inside a script element "</" would end it, whatever it stands in.
    data = json.dumps(content, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    template = (files("posegrid.body.formats") / "viewer.html").read_text(encoding="utf-8")
    return template.replace("/*TRACK*/null", data)


def _on_ground(places_cam: Float[np.ndarray, "T 17 3"]) -> Float[np.ndarray, "T 17 3"]:
    """x right, y up, z to the viewer; the ground where the lowest joint mostly is, the middle of
    the way at 0.
    """
    upright = places_cam * np.array([1.0, -1.0, -1.0])
    shift = np.nanmedian(upright[:, ROOT], axis=0)
    with_pose = np.isfinite(upright).all(axis=(1, 2))
    shift[1] = np.median(upright[with_pose, :, 1].min(axis=1))
    return upright - shift


def _whole_mm(places: Float[np.ndarray, "T 17 3"]) -> list[list[int] | None]:
    """A list of 51 numbers per frame; None where somebody or the place is missing."""
    return [
        [round(v) for v in place.ravel().tolist()] if np.isfinite(place).all() else None
        for place in places
    ]
