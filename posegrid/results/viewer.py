"""A page that shows a Track in space: turn it with the mouse, play it, scrub. One file, no network, no library."""

import json
from importlib.resources import files

import numpy as np
from jaxtyping import Float

from posegrid.body.skeleton import BONES, JOINT_NAMES, ROOT
from posegrid.body.track import Track
from posegrid.errors import OutputError
from posegrid.results.draw import colour_of, levelling_rotation


def viewer_page(track: Track, *, pinned: bool = False) -> str:
    """The page's text: the motion inside it in whole mm, the program that draws it from `viewer.html`.

    For the eye, the person is put upright and on the ground, in the mean over all frames (a camera's tilt is unknown).
    If the pelvis' place is unknown in every frame, or if `pinned`, the person stays on the spot and the page says so.
    Raises OutputError if there is nobody in any frame.
    """
    found = track.found
    if not found.any():
        raise OutputError(f"{track.source}: nothing to show: no person was found in any frame.")
    level = levelling_rotation(track.joints_mm[found].astype(np.float64))
    pinned = pinned or not np.isfinite(track.root_mm[found]).all(axis=1).any()
    root_mm = np.zeros_like(track.root_mm) if pinned else track.root_mm
    places = (track.joints_mm + root_mm[:, None]).astype(np.float64) @ level.T
    content = {
        "source": track.source,
        "joints": JOINT_NAMES,
        "bones": [[parent, child, "rgb({}, {}, {})".format(*colour_of(child))] for parent, child in BONES],
        "frame": track.frame.tolist(),
        "time_s": [round(time, 4) for time in (track.time_s - track.time_s[0]).tolist()],
        "pinned": pinned,
        "places_mm": _whole_mm(_on_ground(places)),
    }
    # Inside a script element "</" would end it, whatever it stands in.
    data = json.dumps(content, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    template = (files("posegrid.results") / "viewer.html").read_text(encoding="utf-8")
    return template.replace("/*TRACK*/null", data)


def _on_ground(places_cam: Float[np.ndarray, "T 17 3"]) -> Float[np.ndarray, "T 17 3"]:
    """x right, y up, z to the viewer; the ground where the lowest joint mostly is, the middle of the way at 0."""
    upright = places_cam * np.array([1.0, -1.0, -1.0])
    shift = np.nanmedian(upright[:, ROOT], axis=0)
    with_pose = np.isfinite(upright).all(axis=(1, 2))
    shift[1] = np.median(upright[with_pose, :, 1].min(axis=1))
    return upright - shift


def _whole_mm(places: Float[np.ndarray, "T 17 3"]) -> list[list[int] | None]:
    """A list of 51 numbers per frame; None where somebody or the place is missing."""
    return [[round(v) for v in place.ravel().tolist()] if np.isfinite(place).all() else None for place in places]
