"""C3D, the file of motion-capture laboratories, written by the format's description (c3d.org, "The C3D File Format").

Points are 32-bit floats in mm, exactly. A point's fourth number is its residual: 0 (no cameras measured it), and
-1 for a missing point, which is 0 0 0. POINT:X_SCREEN and POINT:Y_SCREEN say that x is to the right and y up.
"""

import struct
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from posegrid import __version__
from posegrid.body.formats.markers import Markers
from posegrid.body.skeleton import JOINT_NAMES

BLOCK = 512
"""The file is counted in blocks of so many bytes."""
MOST_FRAMES = 65535
"""What the header can count; longer files tell their length in TRIAL:ACTUAL_END_FIELD."""
CHARACTER, INTEGER, REAL = -1, 2, 4
"""Types of parameters: their length in bytes."""


def c3d_bytes(markers: Markers) -> bytes:
    """The joints as points at even times (see `Markers.evenly_timed`), axes as in `Markers`, frames from 1."""
    even = markers.evenly_timed()
    count = len(even.frame)
    blocks = -(-len(_parameters(even, 0)) // BLOCK)
    parameters = _parameters(even, 2 + blocks)
    data = _points(even.places_mm).tobytes()
    return b"".join(map(_padded, (_header(count, even.rate_hz, 2 + blocks), parameters, data)))


def _points(places_mm: Float[np.ndarray, "T 17 3"]) -> Float[np.ndarray, "T 17 4"]:
    points = np.concatenate([places_mm, np.zeros((*places_mm.shape[:2], 1))], axis=2)
    points[~np.isfinite(places_mm).all(axis=2)] = (0, 0, 0, -1)
    return points.astype("<f4")


def _header(count: int, rate_hz: float, data_block: int) -> bytes:
    """The first block: parameters in block 2, no analog data, frames 1 to `count`, no interpolation; float data."""
    last = min(count, MOST_FRAMES)
    return struct.pack("<BBHHHHHfHHf", 2, 0x50, len(JOINT_NAMES), 0, 1, last, 0, -1.0, data_block, 0, rate_hz)


def _parameters(markers: Markers, data_block: int) -> bytes:
    """The parameter section: what the points are."""
    count = len(markers.frame)
    origin = "relative to the pelvis" if markers.pinned else "relative to the camera's centre"
    points = {
        "USED": _integers([len(JOINT_NAMES)]),
        "FRAMES": _integers([min(count, MOST_FRAMES)]),
        "SCALE": _reals([-1.0]),
        "RATE": _reals([markers.rate_hz]),
        "DATA_START": _integers([data_block]),
        "UNITS": _texts(["mm"]),
        "X_SCREEN": _texts(["+X"]),
        "Y_SCREEN": _texts(["+Y"]),
        "LABELS": _texts(JOINT_NAMES, rows=True),
        "DESCRIPTIONS": _texts([f"joint of human36m_17, {origin}"] * len(JOINT_NAMES), rows=True),
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
    return struct.pack("<BBBB", 1, 0x50, -(-length // BLOCK), 84) + entries + b"\0\0"  # 84: little-endian floats


def _entry(name: str, group: int, content: bytes) -> bytes:
    """A group (negative number) or a parameter of one, without a description; the offset counts from itself."""
    return (
        struct.pack("<bb", len(name), group) + name.encode() + struct.pack("<H", 2 + len(content) + 1) + content + b"\0"
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
