"""What a Track's file holds in each format, as bytes."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from posegrid.body.formats.c3d import Markers, turned_upright
from posegrid.body.formats.in_space import IN_SPACE, motion_bytes
from posegrid.body.formats.text import csv_text, json_text, npz_bytes
from posegrid.body.formats.viewer import viewer_page
from posegrid.body.skeleton import JOINT_NAMES
from posegrid.errors import OutputError

if TYPE_CHECKING:
    from posegrid.body.track import Track


def content_of(track: "Track", path: Path, *, pinned: bool) -> bytes:
    """The file's bytes, in the format that the name ends in. pinned: as in `Track.save`. Raises
    OutputError.
    """
    match path.suffix.lower():
        case ".npz":
            return npz_bytes(track.saved_arrays(), track.facts())
        case ".json":
            facts = {**track.facts(), "joint_names": JOINT_NAMES}
            return json_text(track.saved_arrays(), facts).encode()
        case ".csv":
            return csv_text(track.saved_arrays(), track.facts()).encode()
        case ending if ending in IN_SPACE:
            return motion_bytes(ending, _markers(track, path, pinned), path.name)
        case ".html":
            of_track = (
                track.joints_and_feet_mm,
                track.root_mm,
                track.frame,
                track.time_s,
                track.source,
            )
            return viewer_page(*of_track, pinned=pinned).encode()
    raise OutputError(f"{path}: expected a name that ends in {', '.join(track.ENDINGS)}.")


def _markers(track: "Track", path: Path, pinned: bool) -> Markers:
    """The joints in space for another program."""
    place_mm = np.zeros_like(track.root_mm) if pinned else track.root_mm
    markers = Markers(
        frame=track.frame,
        time_s=track.time_s,
        places_mm=turned_upright(track.joints_and_feet_mm + place_mm[:, None]),
        rate_hz=track.fps,
        source=track.source,
        origin="the pelvis" if pinned else "the camera's centre",
    )
    if not markers.found.any():
        why = (
            "no frame has the pelvis' place; save it `pinned` to have the joints relative to "
            "the pelvis"
        )
        why = why if track.found.any() else "no person was found in any frame"
        raise OutputError(f"{path}: nothing to write: {why}.")
    return markers
