"""The files of one person of a job: the motion in every format, and the gait."""

import os
from pathlib import Path
from typing import get_args
from urllib.parse import quote

from posegrid.app.results import PersonResult, clip_name
from posegrid.errors import OutputError, PosegridError
from posegrid.files import write_text
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.motion_viewer import motion_page
from posegrid.results.convert import track_file_name, write_track_file
from posegrid.results.gait_page import GaitSettings, gait
from posegrid.results.predict_settings import Format


def write_person(
    track: MotionTrack, number: int, out: Path, lines: tuple[str, ...], stem: str = ""
) -> PersonResult:
    """One person's files, named personN or `stem`; a format that cannot be written is a line more.
    The viewer's page plays the video when that is downloaded into the same folder. Raises
    OutputError where the disk takes no more.
    """
    stem, video = stem or f"person{number}", quote(clip_name(track.source))
    for ending in get_args(Format):
        if ending == "usd":
            continue  # needs an extra that the app does not ask for
        try:
            if ending == "html":
                write_text(out / track_file_name(stem, ending), motion_page([track], video=video))
            else:
                write_track_file(track, out, stem, ending)
        except PosegridError as error:
            lines += (_said(error, out),)
    no_gait = ""
    try:
        gait(GaitSettings(out / f"{stem}.npz"))
    except PosegridError as error:
        no_gait = _said(error, out)
    return PersonResult(number, int(track.found.sum()), len(track), lines, no_gait)


def _said(error: PosegridError, out: Path) -> str:
    """Why there is no file, without the folder. Raises OutputError if it is the disk's fault."""
    words = str(error).replace(f"{out}{os.sep}", "")
    if isinstance(error.__cause__, OSError):
        raise OutputError(words) from error
    return words
