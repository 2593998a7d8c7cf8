"""One video of `posegrid predict`: its people's motion, a video with the skeleton on it, and a
picture.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile

from rich.console import Console

from posegrid.errors import OutputError, SettingsError, SourceError, in_flags
from posegrid.motion.motion_track import MotionTrack
from posegrid.progress import Report, on_console, reported, stop_noted
from posegrid.results.convert import check_stem, write_track_file
from posegrid.results.overlay import write_contact_picture, write_overlay
from posegrid.results.pose_model import Given, Kept, PoseModel, Watched, load
from posegrid.results.predict_settings import PredictSettings
from posegrid.results.summary import others, summary
from posegrid.video.footage import name_of
from posegrid.video.webcam import is_webcam, record_webcam


def predict(settings: PredictSettings, model: PoseModel | None = None) -> MotionTrack:
    """The person's 3D motion; also written to `--out`: NAME.npz (a Track), NAME_overlay.mp4,
    NAME_contact.png.

    It is refined (docs/motion.md); NAME_raw.npz is the Track before. Joints are relative to the
    pelvis, in mm, in the camera's frame (x right, y down, z forward). Where the weights know the
    joints' places in the picture, `keypoints_px` are those, and the pelvis is where the pose
    projects onto them. Else it follows from how large the person appears, and `keypoints_px` are
    the joints as they project from there. Raises SourceError for what is no such video, a camera
    that moves, or a video without a moving person; CheckpointError, SettingsError, OutputError.
    Damage in the video and Ctrl-C leave what was done until then in files that end in _partial.
    What was watched is in NAME.watched until all is written: after a kill or Ctrl-C the same call
    goes on from there. Of several people it returns the largest that were asked for.
    """
    if settings.seconds is not None and not is_webcam(settings.video):
        raise SettingsError(
            f"`seconds` {settings.seconds:g}: is for a webcam (posegrid predict 0)."
        )
    check_stem(name_of(settings.video), "_person99_partial_overlay.mp4")
    model = model or load(settings.weights, threads=settings.threads)
    out = settings.out or _own_folder(settings)
    if not settings.overwrite and (done := results_in(out, settings.video)):
        raise SettingsError(f"{done[0]} is there already: give `overwrite`, or another `out`.")
    console = Console(stderr=True, markup=False)
    with _writable(out):
        settings = _recorded(settings, out, console)
        with on_console(console) as report:
            watched = _watched(settings, model, out, report)
            with watched.written():
                chosen = watched.numbers(settings.person)
                tracks = {number: watched.raw[number].refined(settings) for number in chosen}
                for number, track in tracks.items():
                    _write(track, watched, number, settings, out, report)
                for number, track in tracks.items():
                    # Last: they say that all is there (`results_in`), should this be killed before.
                    track.save(out / f"{_name(watched, number, settings)}.npz")
    lines = list(watched.notes)
    for number, track in tracks.items():
        lines += summary(track, watched.spread[number], settings, model)
        lines += others(number, watched, settings)
    print(in_flags("\n".join(lines), PredictSettings))
    print(f"written to {out}")
    largest = next(iter(tracks.values()))
    if watched.damage or watched.stopped:
        on = "; the same call goes on from there" if watched.stopped else ""
        print(
            f"only part of the video was used: {len(largest)} frames, in files that end in "
            f"_partial{on}"
        )
        raise watched.damage or KeyboardInterrupt
    return largest


def _own_folder(settings: PredictSettings) -> Path:
    """runs/NAME, or the first of NAME-2, NAME-3, ... that holds no results of such a name: of
    another video, or of an earlier call.
    """
    name = name_of(settings.video)
    for number in count(1):
        folder = Path("runs") / (name if number == 1 else f"{name}-{number}")
        if settings.overwrite or not results_in(folder, settings.video):
            return folder
    raise AssertionError("there is no end of numbers")


def results_in(folder: Path, video: Path) -> list[Path]:
    """The Tracks that an earlier call left of a whole video."""
    name = re.compile(re.escape(name_of(video)) + r"(_person\d+)?\.npz")
    return sorted(path for path in folder.glob("*.npz") if name.fullmatch(path.name))


def _watched(settings: PredictSettings, model: PoseModel, out: Path, report: Report) -> Watched:
    """One pass over the video; Ctrl-C ends it between two pictures."""
    given = Given(settings.camera, settings.boxes, settings.masks)
    files = (settings.weights, settings.boxes, settings.masks)
    kept = Kept(out / f"{name_of(settings.video)}.watched", files, settings.overwrite)
    with stop_noted() as is_stopped:
        try:
            return model.watch(settings.video, given, settings, report, is_stopped, kept)
        except SourceError as error:
            if is_stopped():
                raise KeyboardInterrupt from error
            raise


def _write(
    track: MotionTrack,
    watched: Watched,
    number: int,
    settings: PredictSettings,
    out: Path,
    report: Report,
) -> None:
    name, partial = _name(watched, number, settings), watched.damage or watched.stopped
    watched.raw[number].save(out / f"{name}_raw.npz")
    for ending in settings.formats:
        write_track_file(track, out, name, ending, camera_frame=settings.camera_frame)
    if settings.overlay and not partial and watched.footage is not None:
        frames = reported(watched.footage.frames(), f"{name}: drawing", len(track), report)
        ending = "png" if len(track) == 1 else "mp4"
        contact = write_overlay(out / f"{name}_overlay.{ending}", frames, track)
        write_contact_picture(out / f"{name}_contact.png", contact)


def _name(watched: Watched, number: int, settings: PredictSettings) -> str:
    """Which the person's files begin with."""
    person = f"_person{number}" if settings.person == "all" else ""
    partial = "_partial" if watched.damage or watched.stopped else ""
    return f"{name_of(settings.video)}{person}{partial}"


def _recorded(settings: PredictSettings, out: Path, console: Console) -> PredictSettings:
    """The settings with a webcam's recording in its place."""
    if not is_webcam(settings.video):
        return settings
    path = out / f"{name_of(settings.video)}.mp4"
    until = "Ctrl-C" if settings.seconds is None else f"{settings.seconds:g} seconds have passed"
    console.print(f"Recording to {path} until {until}", markup=False)
    with stop_noted() as is_stopped:
        record_webcam(int(str(settings.video)), path, settings.seconds, is_stopped)
    return replace(settings, video=path, seconds=None)


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """A folder made if missing, with those it lies in, and taken away again if nothing came of it.

    OutputError now, not after minutes of work, if nothing can be written there.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise OutputError(
                f"{folder}: nothing can be written there ({error.strerror}); choose another `out`."
            ) from error
        yield
    finally:
        with suppress(OSError):  # there is something in it
            for path in missing:
                path.rmdir()
