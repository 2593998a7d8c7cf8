"""Joints in space as other programs want them: turned upright, and at even times for formats that
have only a rate.

TRC: marker positions as OpenSim reads them (OpenSim documentation, "Marker (.trc) Files"), in
metres.

C3D, the file of motion-capture laboratories, written by the format's description (c3d.org, "The C3D
File Format").

Points are 32-bit floats in mm, exactly. A point's fourth number is its residual: 0 (no cameras
measured it), and -1 for a missing point, which is 0 0 0. POINT:X_SCREEN and POINT:Y_SCREEN say what
is to the right and what is up.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from posegrid import __version__
from posegrid.body.skeleton import HUMAN36M_21, NUM_JOINTS

MOST_UNEVEN = 0.25
"""Share of a frame's time that a frame may come early or late and still count as even."""
LONGEST_GAP_S = 0.2
"""Between frames farther apart nothing is interpolated."""


@dataclass(frozen=True, eq=False, repr=False)
class Markers:
    """The 17 joints of a Track in space, or the 21 with heels and toes, T frames, mm.

    Axes of a Track: x to the camera's right, y up (against the camera's y: vertical if the camera
    is level), z towards the camera. Axes of a motion in the world: `motion.world.AXES_OF`.
    """

    frame: Int[np.ndarray, "T"]
    time_s: Float[np.ndarray, "T"]
    places_mm: Float[np.ndarray, "T J 3"]
    """NaN where nobody was found, or where the pelvis' place is unknown."""
    rate_hz: float
    source: str
    origin: str = "the camera's centre"
    up: str = "Y"

    @property
    def found(self) -> Bool[np.ndarray, "T"]:
        """True where each of the 17 joints has a place."""
        return np.asarray(np.isfinite(self.places_mm[:, :NUM_JOINTS]).all(axis=(1, 2)))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the joints."""
        return HUMAN36M_21.joint_names[: self.places_mm.shape[1]]

    def evenly_timed(self) -> "Markers":
        """The markers at times that are 1 / `rate_hz` apart.

        Itself if they are so already, to a quarter of a frame. Otherwise (a variable frame rate)
        places are interpolated linearly; they are NaN next to a NaN and in gaps of more than 0.2 s.
        """
        start, step = float(self.time_s[0]), 1 / self.rate_hz
        if (
            np.abs(self.time_s - start - np.arange(len(self.time_s)) * step) <= MOST_UNEVEN * step
        ).all():
            return self
        even_s = start + step * np.arange(int((self.time_s[-1] - start) / step + 1.5))
        after = np.clip(np.searchsorted(self.time_s, even_s - 1e-6), 1, len(self.time_s) - 1)
        exact = np.abs(self.time_s[after] - even_s) <= 1e-6
        even_s = np.where(exact, self.time_s[after], even_s)
        gap_s = self.time_s[after] - self.time_s[after - 1]
        columns = self.places_mm.reshape(len(self.time_s), -1).astype(np.float64).T
        places_mm = np.stack([np.interp(even_s, self.time_s, column) for column in columns], axis=1)
        places_mm[(gap_s > LONGEST_GAP_S) & ~exact] = np.nan
        places_mm = places_mm.reshape(-1, *self.places_mm.shape[1:])
        return replace(self, frame=np.arange(len(even_s)), time_s=even_s, places_mm=places_mm)


def turned_upright(points_cam: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Points of the camera frame (x right, y down, z forward) with x right, y up, z towards the
    camera.
    """
    return points_cam * np.array([1.0, -1.0, -1.0])


def trc_text(markers: Markers, name: str) -> str:
    """The joints as markers, axes as in `Markers`; cells are empty where nobody was found. Times
    are exact.
    """
    rate, count, names = f"{markers.rate_hz:.6f}", str(len(markers.frame)), markers.names
    head = [
        ["PathFileType", "4", "(X/Y/Z)", name],
        [
            "DataRate",
            "CameraRate",
            "NumFrames",
            "NumMarkers",
            "Units",
            "OrigDataRate",
            "OrigDataStartFrame",
        ]
        + ["OrigNumFrames"],
        [rate, rate, count, str(len(names)), "m", rate, "1", count],
        ["Frame#", "Time", *(cell for joint in names for cell in (joint, "", ""))],
        ["", "", *(f"{letter}{number}" for number in range(1, len(names) + 1) for letter in "XYZ")],
        [],
    ]
    rows = [
        [
            str(int(frame) + 1),
            f"{time:.6f}",
            *("" if np.isnan(value) else f"{value:.6f}" for value in place.ravel()),
        ]
        for frame, time, place in zip(
            markers.frame, markers.time_s, markers.places_mm / 1000, strict=True
        )
    ]
    return "\n".join("\t".join(cells) for cells in [*head, *rows]) + "\n"


BLOCK = 512
"""The file is counted in blocks of so many bytes."""
MOST_FRAMES = 65535
"""What the header can count; longer files tell their length in TRIAL:ACTUAL_END_FIELD."""
CHARACTER, INTEGER, REAL = -1, 2, 4
"""Types of parameters: their length in bytes."""


def c3d_bytes(markers: Markers) -> bytes:
    """The joints as points at even times (see `Markers.evenly_timed`), axes as in `Markers`, frames
    from 1.
    """
    even = markers.evenly_timed()
    blocks = -(-len(_parameters(even, 0)) // BLOCK)
    parameters = _parameters(even, 2 + blocks)
    data = _points(even.places_mm).tobytes()
    return b"".join(map(_padded, (_header(even, 2 + blocks), parameters, data)))


def _points(places_mm: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, "T J 4"]:
    points = np.concatenate([places_mm, np.zeros((*places_mm.shape[:2], 1))], axis=2)
    points[~np.isfinite(places_mm).all(axis=2)] = (0, 0, 0, -1)
    return points.astype("<f4")


def _header(markers: Markers, data_block: int) -> bytes:
    """The first block: parameters in block 2, no analog data, frames from 1 on, no interpolation;
    float data.
    """
    last, points = min(len(markers.frame), MOST_FRAMES), len(markers.names)
    return struct.pack(
        "<BBHHHHHfHHf", 2, 0x50, points, 0, 1, last, 0, -1.0, data_block, 0, markers.rate_hz
    )


def _parameters(markers: Markers, data_block: int) -> bytes:
    """The parameter section: what the points are."""
    count, names = len(markers.frame), markers.names
    about = f"joint of human36m_{len(names)}, relative to {markers.origin}"
    points = {
        "USED": _integers([len(names)]),
        "FRAMES": _integers([min(count, MOST_FRAMES)]),
        "SCALE": _reals([-1.0]),
        "RATE": _reals([markers.rate_hz]),
        "DATA_START": _integers([data_block]),
        "UNITS": _texts(["mm"]),
        "X_SCREEN": _texts(["+X"]),
        "Y_SCREEN": _texts([f"+{markers.up}"]),
        "LABELS": _texts(names, rows=True),
        "DESCRIPTIONS": _texts([about] * len(names), rows=True),
    }
    groups = {
        "POINT": points,
        "ANALOG": {"USED": _integers([0])},
        "TRIAL": {
            "ACTUAL_START_FIELD": _integers([1, 0]),
            "ACTUAL_END_FIELD": _integers([count & 0xFFFF, count >> 16]),
        },
        "MANUFACTURER": {
            "COMPANY": _texts(["posegrid"]),
            "SOFTWARE": _texts([f"posegrid, estimated from {markers.source}"[:127]]),
            "VERSION_LABEL": _texts([__version__]),
        },
    }
    entries = b""
    for number, (group, parameters) in enumerate(groups.items(), start=1):
        entries += _entry(group, -number, b"")
        entries += b"".join(_entry(name, number, content) for name, content in parameters.items())
    length = 4 + len(entries) + 2
    return (
        struct.pack("<BBBB", 1, 0x50, -(-length // BLOCK), 84) + entries + b"\0\0"
    )  # 84: little-endian floats


def _entry(name: str, group: int, content: bytes) -> bytes:
    """A group (negative number) or a parameter of one, without a description; the offset counts
    from itself.
    """
    return (
        struct.pack("<bb", len(name), group)
        + name.encode()
        + struct.pack("<H", 2 + len(content) + 1)
        + content
        + b"\0"
    )


def _integers(values: Sequence[int]) -> bytes:
    return _array(INTEGER, values, struct.pack(f"<{len(values)}H", *values))


def _reals(values: Sequence[float]) -> bytes:
    return _array(REAL, values, struct.pack(f"<{len(values)}f", *values))


def _array(kind: int, values: Sequence[float], content: bytes) -> bytes:
    dimensions = [] if len(values) == 1 else [len(values)]
    return struct.pack(f"<bB{len(dimensions)}B", kind, len(dimensions), *dimensions) + content


def _texts(texts: Sequence[str], *, rows: bool = False) -> bytes:
    """Texts of one width, padded with blanks; a single one has no second dimension."""
    encoded = [text.encode("ascii", "replace") for text in texts]
    width = max(map(len, encoded))
    dimensions = [width, len(texts)] if rows else [width]
    head = struct.pack(f"<bB{len(dimensions)}B", CHARACTER, len(dimensions), *dimensions)
    return head + b"".join(text.ljust(width) for text in encoded)


def _padded(content: bytes) -> bytes:
    """Filled up to whole blocks."""
    return content + bytes(-len(content) % BLOCK)
