"""A page that shows a Track in space: turn it with the mouse, play it, scrub. One file, no network,
no library.

The files beside a Track that `predict` and `convert` write, by the names of their formats.

The command `posegrid convert`: a Track file in the formats of other programs.
"""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from jaxtyping import Float
from tyro.conf import Positional

from posegrid.body.formats.text import shown, table_text
from posegrid.body.skeleton import BONES, JOINT_NAMES, ROOT
from posegrid.body.track import Track
from posegrid.errors import OutputError, SettingsError
from posegrid.files import completed
from posegrid.motion.angles import joint_angles
from posegrid.results.draw import colour_of, levelling_rotation
from posegrid.results.settings import Format


def viewer_page(track: Track, *, pinned: bool = False) -> str:
    """The page's text: the motion inside it in whole mm, the program that draws it from
    `viewer.html`.

    For the eye, the person is put upright and on the ground, in the mean over all frames (a
    camera's tilt is unknown). If the pelvis' place is unknown in every frame, or if `pinned`, the
    person stays on the spot and the page says so. Raises OutputError if there is nobody in any
    frame.
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
        "bones": [
            [parent, child, "rgb({}, {}, {})".format(*colour_of(child))] for parent, child in BONES
        ],
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


def track_file_name(stem: str, ending: Format) -> str:
    """The name of a format's file: NAME.FORMAT, but NAME_angles.csv and NAME_viewer.html."""
    return {"angles": f"{stem}_angles.csv", "html": f"{stem}_viewer.html"}.get(
        ending, f"{stem}.{ending}"
    )


def write_track_file(
    track: Track, folder: Path, stem: str, ending: Format, *, pinned: bool = False
) -> Path:
    """Write one format's file into a folder; its path. `pinned` is that of `Track.save`. Raises
    OutputError.
    """
    path = folder / track_file_name(stem, ending)
    if ending == "angles":
        _write_text(path, angles_text(track))
    elif ending == "html":
        _write_text(path, viewer_page(track, pinned=pinned))
    else:
        track.save(path, pinned=pinned)
    return path


def angles_text(track: Track) -> str:
    """Joint angles (docs/angles.md) in degrees as CSV, one row per frame; empty where they are not
    known.
    """
    angles_deg = {
        f"{name}_deg": np.degrees(angle) for name, angle in joint_angles(track.joints_mm).items()
    }
    rows = [
        [
            shown(frame),
            shown(time),
            *("" if np.isnan(angle) else f"{angle:.3f}" for angle in angles),
        ]
        for frame, time, *angles in zip(
            track.frame, track.time_s, *angles_deg.values(), strict=True
        )
    ]
    return table_text(["frame", "time_s", *angles_deg], rows, track.facts())


def _write_text(path: Path, text: str) -> None:
    try:
        with completed(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); choose another --out."
        ) from error


NOTES: dict[Format, tuple[str, str]] = {
    "npz": ("mm, camera frame", "NaN"),
    "json": ("mm, camera frame", "null"),
    "csv": ("mm, camera frame", "empty"),
    "trc": ("m, y up", "empty"),
    "c3d": ("mm, y up", "missing points"),
    "bvh": ("cm, y up", "the pose before, held"),
    "glb": ("m, y up", "without keys"),
    "angles": ("degrees", "empty"),
    "html": ("open it in a browser", "without a picture"),
}
"""Unit and axes of a format, and what stands in it for a frame without a person or without a place
of the pelvis.
"""


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
    """Put the pelvis at the origin in every frame of trc, c3d, bvh, glb and html: the motion on the
    spot.
    """


def convert(settings: ConvertSettings) -> list[Path]:
    """The files written, one per format, named after the Track's. Raises SourceError,
    SettingsError, OutputError.
    """
    if not settings.formats:
        raise SettingsError("--formats: expected at least one format.")
    track = Track.load(settings.track)
    stem, folder = (
        settings.track.stem,
        settings.track.parent if settings.out is None else settings.out,
    )
    for ending in settings.formats:
        path = folder / track_file_name(stem, ending)
        if path.resolve() == settings.track.resolve():
            raise SettingsError(f"--formats {ending} would write over {path}: give another --out.")
    missing = int((~track.found).sum())
    if not settings.pinned:
        missing = int((~(track.found & np.isfinite(track.root_mm).all(axis=1))).sum())
    paths = []
    for ending in settings.formats:
        paths.append(write_track_file(track, folder, stem, ending, pinned=settings.pinned))
        what, instead = NOTES[ending]
        print(
            f"{paths[-1]}: {what}"
            + (f"; {missing} frames without a person or place: {instead}" if missing else "")
        )
    return paths
