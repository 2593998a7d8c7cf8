"""The command `posegrid convert`: a Track file in the formats of other programs, by their names."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tyro.conf import Positional

from posegrid.body.formats.text import shown, table_text
from posegrid.errors import SettingsError
from posegrid.files import LONGEST_NAME, write_text
from posegrid.motion.angles import joint_angles_deg
from posegrid.motion.edits import Edits
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.world import AXES_OF
from posegrid.results.edited_tracks import edited_tracks
from posegrid.results.predict_settings import Format


def track_file_name(stem: str, ending: Format) -> str:
    """The name of a format's file: NAME.FORMAT, but NAME_angles.csv and NAME_viewer.html."""
    return {"angles": f"{stem}_angles.csv", "html": f"{stem}_viewer.html"}.get(
        ending, f"{stem}.{ending}"
    )


def check_stem(stem: str, longest: str = "_viewer.html") -> None:
    """Raise SettingsError now for a name that no result could be called after; `longest`: what comes
    behind it at most.
    """
    if len(os.fsencode(stem + longest)) > LONGEST_NAME:
        raise SettingsError(
            f"{stem}: is too long a name: disks take {LONGEST_NAME} bytes, and results are called "
            f"NAME{longest}. Rename the file."
        )


def write_track_file(
    track: MotionTrack,
    folder: Path,
    stem: str,
    ending: Format,
    *,
    pinned: bool = False,
    camera_frame: bool = False,
) -> Path:
    """Write one format's file into a folder; its path. `pinned` and `camera_frame` are those of
    `MotionTrack.save`. Raises OutputError.
    """
    path = folder / track_file_name(stem, ending)
    if ending == "angles":
        write_text(path, angles_text(track))
    else:
        track.save(path, pinned=pinned, camera_frame=camera_frame)
    return path


def angles_text(track: MotionTrack) -> str:
    """Joint angles (docs/angles.md) in degrees as CSV, one row per frame; empty where they are not
    known.
    """
    angles_deg = joint_angles_deg(track.joints_and_feet_mm)
    rows = [
        [frame, time, *("" if np.isnan(angle) else f"{angle:.3f}" for angle in angles)]
        for frame, time, *angles in zip(
            shown(track.frame), shown(track.time_s), *angles_deg.values(), strict=True
        )
    ]
    return table_text(["frame", "time_s", *angles_deg], rows, track.facts())


NOTES: dict[Format, tuple[str, str]] = {
    "npz": ("mm, camera frame", "NaN"),
    "json": ("mm, camera frame", "null"),
    "csv": ("mm, camera frame", "empty"),
    "trc": ("m", "empty"),
    "c3d": ("mm", "missing points"),
    "bvh": ("cm", "the pose before, held"),
    "glb": ("m", "without keys"),
    "usd": ("m", "without samples"),
    "mot": ("degrees", "left out"),
    "angles": ("degrees", "empty"),
    "html": ("open it in a browser", "without a picture"),
}
"""Unit of a format, and what stands in it for a frame without a person or without a place
of the pelvis.
"""


@dataclass(frozen=True)
class ConvertSettings:
    """Settings of `posegrid convert`."""

    track: Positional[Path]
    """Track file that `posegrid predict` wrote (.npz, .json or .csv); with `edits` also its folder."""
    formats: tuple[Format, ...] = ()
    """What to write: csv, json, npz, trc and mot (OpenSim: joints, angles), c3d, bvh, glb and
    usd (animation), angles (of the joints, CSV), html (a page that shows it in 3D). With `edits`
    npz by default.
    """
    out: Path | None = None
    """Folder for the files. Default: that of the track."""
    edits: Path | None = None
    """Corrections by hand, as the viewer writes them: the Tracks that they are of are read beside
    the track, and written corrected into another folder (`out`)."""
    world: bool = False
    """Put trc, c3d, bvh, glb and usd on the floor, walking along an axis from the origin. That is
    the default of a camera at rest; of another one this is refused.
    """
    camera_frame: bool = False
    """Leave trc, c3d, bvh, glb and usd where the camera saw them: its centre the origin, y up."""
    pinned: bool = False
    """Put the pelvis at the origin in every frame of trc, c3d, bvh, glb, usd and html: the motion on the
    spot.
    """


def convert(settings: ConvertSettings) -> list[Path]:
    """The files written, one per format, named after the Track's. Raises SourceError,
    SettingsError, OutputError.
    """
    formats: tuple[Format, ...] = settings.formats or (("npz",) if settings.edits else ())
    if not formats:
        raise SettingsError("`formats`: expected at least one format.")
    if settings.world + settings.camera_frame + settings.pinned > 1:
        raise SettingsError("`world`, `camera_frame` and `pinned`: expected one of them at most.")
    folder = settings.track.parent if settings.out is None else settings.out
    tracks = _tracks(settings, folder)
    for stem, track in tracks.items():
        check_stem(stem)
        if settings.world and not track.camera_fixed:
            raise SettingsError(
                f"`world`: the camera of {settings.track} moved, or is not known to be fixed: "
                "there is no floor. Leave it out for the camera's own axes."
            )
    for ending in formats:
        path = folder / track_file_name(settings.track.stem, ending)
        if path.resolve() == settings.track.resolve():
            raise SettingsError(f"`formats` {ending} would write over {path}: give another `out`.")
    return [
        _write(track, stem, folder, ending, settings)
        for stem, track in tracks.items()
        for ending in formats
    ]


def _tracks(settings: ConvertSettings, folder: Path) -> dict[str, MotionTrack]:
    """What is to be written, by the names of the files without their endings."""
    if settings.edits is None:
        return {settings.track.stem: MotionTrack.load(settings.track)}
    source = settings.track if settings.track.is_dir() else settings.track.parent
    if folder.resolve() == source.resolve():
        raise SettingsError(
            "`edits`: the Tracks of before stay as they are: give another folder as `out`."
        )
    return edited_tracks(settings.track, Edits.load(settings.edits))


def _write(
    track: MotionTrack, stem: str, folder: Path, ending: Format, settings: ConvertSettings
) -> Path:
    """One format's file, and a line that says what is in it."""
    missing = int((~track.found).sum())
    if not settings.pinned:
        missing = int((~(track.found & np.isfinite(track.root_mm).all(axis=1))).sum())
    path = write_track_file(
        track, folder, stem, ending, pinned=settings.pinned, camera_frame=settings.camera_frame
    )
    what, instead = NOTES[ending]
    print(
        f"{path}: {what}{_where(ending, settings, track)}"
        + (f"; {missing} frames without a person or place: {instead}" if missing else "")
    )
    return path


def _where(ending: Format, settings: ConvertSettings, track: MotionTrack) -> str:
    """Axes and origin of the files that hold joints in space."""
    if f".{ending}" not in AXES_OF:
        return ""
    if settings.pinned:
        return ", y up, the pelvis at the origin"
    if settings.camera_frame or not track.camera_fixed:
        return ", y up, the camera at the origin"
    axes = AXES_OF[f".{ending}"].split()
    return f", {'xyz'[axes.index('U')]} up, floor at 0, {'xyz'[axes.index('F')]} forwards"
