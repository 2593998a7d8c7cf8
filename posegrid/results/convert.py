"""The command `posegrid convert`: a Track file in the formats of other programs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tyro.conf import Positional

from posegrid.body.track import Track
from posegrid.errors import SettingsError
from posegrid.results.track_files import Format, track_file_name, write_track_file

NOTES: dict[Format, str] = {
    "npz": "mm, camera frame; everything, exactly",
    "json": "mm, camera frame; everything, exactly; null = missing",
    "csv": "mm, camera frame; everything, exactly; empty = missing",
    "trc": "m, y up; empty = missing",
    "c3d": "mm, y up; residual -1 = missing",
    "bvh": "cm, y up; {missing} frames without a person or place hold the pose before them",
    "glb": "m, y up; {missing} frames without a person or place have no keys",
    "angles": "degrees; empty = missing (docs/angles.md)",
    "html": "open it in a browser",
}


@dataclass(frozen=True)
class ConvertSettings:
    """Settings of `posegrid convert`."""

    track: Positional[Path]
    """Track file that `posegrid predict` wrote (.npz, .json or .csv)."""
    formats: tuple[Format, ...]
    """What to write: csv, json, npz, trc (OpenSim), c3d, bvh and glb (animation), angles (of the
    joints, CSV), html (a page that shows it in 3D)."""
    out: Path | None = None
    """Folder for the files. Default: that of the track."""
    pinned: bool = False
    """Put the pelvis at the origin in every frame of trc, c3d, bvh, glb and html: the motion on the spot."""


def convert(settings: ConvertSettings) -> list[Path]:
    """The files written, one per format, named after the Track's. Raises SourceError, SettingsError, OutputError."""
    if not settings.formats:
        raise SettingsError("--formats: expected at least one format.")
    track = Track.load(settings.track)
    folder = settings.track.parent if settings.out is None else settings.out
    paths = {ending: folder / track_file_name(settings.track.stem, ending) for ending in settings.formats}
    for ending, path in paths.items():
        if path.resolve() == settings.track.resolve():
            raise SettingsError(f"--formats {ending} would write over {path}: give another --out.")
    placed = track.found & (settings.pinned | np.isfinite(track.root_mm).all(axis=1))
    for ending, path in paths.items():
        write_track_file(track, folder, settings.track.stem, ending, pinned=settings.pinned)
        print(f"{path}: {NOTES[ending].format(missing=int((~placed).sum()))}")
    return list(paths.values())
