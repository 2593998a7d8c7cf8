"""The files beside a Track that `predict` and `convert` write, by the names of their formats."""

from pathlib import Path

import numpy as np

from posegrid.body.formats.csv_text import table_text
from posegrid.body.formats.json_text import shown
from posegrid.body.track import Track
from posegrid.errors import OutputError
from posegrid.files import completed
from posegrid.motion.angles import joint_angles
from posegrid.results.file_formats import Format
from posegrid.results.viewer import viewer_page


def track_file_name(stem: str, ending: Format) -> str:
    """The name of a format's file: NAME.FORMAT, but NAME_angles.csv and NAME_viewer.html."""
    return {"angles": f"{stem}_angles.csv", "html": f"{stem}_viewer.html"}.get(ending, f"{stem}.{ending}")


def write_track_file(track: Track, folder: Path, stem: str, ending: Format, *, pinned: bool = False) -> Path:
    """Write one format's file into a folder; its path. `pinned` is that of `Track.save`. Raises OutputError."""
    path = folder / track_file_name(stem, ending)
    if ending == "angles":
        _write_text(path, angles_text(track))
    elif ending == "html":
        _write_text(path, viewer_page(track, pinned=pinned))
    else:
        track.save(path, pinned=pinned)
    return path


def angles_text(track: Track) -> str:
    """Joint angles (docs/angles.md) in degrees as CSV, one row per frame; empty where they are not known."""
    angles_deg = {f"{name}_deg": np.degrees(angle) for name, angle in joint_angles(track.joints_mm).items()}
    rows = [
        [shown(frame), shown(time), *("" if np.isnan(angle) else f"{angle:.3f}" for angle in angles)]
        for frame, time, *angles in zip(track.frame, track.time_s, *angles_deg.values(), strict=True)
    ]
    return table_text(["frame", "time_s", *angles_deg], rows, track.facts())


def _write_text(path: Path, text: str) -> None:
    try:
        with completed(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another --out.") from error
