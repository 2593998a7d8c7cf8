"""TRC: marker positions as OpenSim reads them (OpenSim documentation, "Marker (.trc) Files"), in metres."""

import numpy as np

from posegrid.body.formats.markers import Markers
from posegrid.body.skeleton import JOINT_NAMES


def trc_text(markers: Markers, name: str) -> str:
    """The joints as markers, axes as in `Markers`; cells are empty where nobody was found. Times are exact."""
    rate, count = f"{markers.rate_hz:.6f}", str(len(markers.frame))
    head = [
        ["PathFileType", "4", "(X/Y/Z)", name],
        ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate", "OrigDataStartFrame"]
        + ["OrigNumFrames"],
        [rate, rate, count, str(len(JOINT_NAMES)), "m", rate, "1", count],
        ["Frame#", "Time", *(cell for joint in JOINT_NAMES for cell in (joint, "", ""))],
        ["", "", *(f"{letter}{number}" for number in range(1, len(JOINT_NAMES) + 1) for letter in "XYZ")],
        [],
    ]
    rows = [
        [str(int(frame) + 1), f"{time:.6f}", *("" if np.isnan(value) else f"{value:.6f}" for value in place.ravel())]
        for frame, time, place in zip(markers.frame, markers.time_s, markers.places_mm / 1000, strict=True)
    ]
    return "\n".join("\t".join(cells) for cells in [*head, *rows]) + "\n"
