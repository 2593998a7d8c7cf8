"""The command `posegrid predict`: one video, or several, and a table of them."""

import csv
import io
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

from rich.console import Console

from posegrid.errors import PosegridError, SettingsError, SourceError, in_flags
from posegrid.files import is_utf8, write_text
from posegrid.motion.motion_track import MotionTrack
from posegrid.results.pose_model import PoseModel, load
from posegrid.results.predict import predict, results_in
from posegrid.results.predict_settings import PredictSettings
from posegrid.results.summary import cautions
from posegrid.video.footage import PICTURE_ENDINGS, name_of
from posegrid.video.webcam import is_webcam

VIDEO_ENDINGS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".mts")


@dataclass(frozen=True)
class Predicted:
    """What became of one of several videos."""

    video: Path
    rows: list[dict[str, object]]
    """Of the table: one for each person."""
    said: str = ""
    """What was printed, where it was not printed at once."""
    error: str = ""
    """Why it failed, if so."""


def study(settings: PredictSettings) -> None:
    """Predict one video, or several, each into a folder of its own.

    Of several, one that fails does not stop the others, and one whose results are there already is
    left out: the same call goes on where it ended. Raises SourceError at the end if one failed.
    """
    videos = videos_of([settings.video, *settings.more])
    if len(videos) == 1 and settings.summary is None:
        predict(replace(settings, video=videos[0], more=()))
        return
    folders = _folders(videos, settings)
    if settings.summary is not None and settings.summary.is_dir():
        raise SettingsError(f"`summary` {settings.summary} is a folder: name a CSV file.")
    _model(settings.weights, settings.threads)
    pieces = [
        partial(
            _predicted, replace(settings, video=video, more=(), out=out), f"[{n}/{len(videos)}]"
        )
        for n, (video, out) in enumerate(zip(videos, folders, strict=True), start=1)
    ]
    found: dict[Path, Predicted] = {}
    for outcome in _done(pieces, settings):
        print(outcome.said, end="", flush=True)
        if outcome.error:
            error = in_flags(outcome.error, PredictSettings)
            print(f"posegrid predict: {error}", file=sys.stderr)
        found[outcome.video] = outcome
    if settings.summary is not None:
        rows = [row for video in videos for row in found[video].rows]
        write_text(settings.summary, _csv(rows))
        print(f"{settings.summary}: {len(rows)} rows")
    failed = [str(video) for video in videos if found[video].error]
    if failed:
        raise SourceError(f"{len(failed)} of {len(videos)} videos failed: {', '.join(failed)}")


def _done(pieces: list[Callable[[], Predicted]], settings: PredictSettings) -> Iterable[Predicted]:
    """Each video as it is finished: in this process, by several, or by a cluster."""
    if settings.workers == 1 and settings.cluster is None:
        return (piece() for piece in pieces)
    from posegrid.datasets.parallel import done  # needs joblib, which one process does without

    quiet = [partial(_told_later, piece) for piece in pieces]
    return done(quiet, settings.workers, settings.cluster, Console(stderr=True, markup=False))


def _told_later(piece: Callable[[], Predicted]) -> Predicted:
    """The same, what is printed kept: lines of several videos at once would mix."""
    with redirect_stdout(io.StringIO()) as text, redirect_stderr(io.StringIO()):
        outcome = piece()
    return replace(outcome, said=text.getvalue())


def _predicted(settings: PredictSettings, number: str) -> Predicted:
    """One of the videos, unless its results are there."""
    video, out = settings.video, settings.out
    assert out is not None, "each of several has its folder"
    print(f"{number} {video}")
    if not settings.overwrite and results_in(out, video):
        print(f"done before, see {out} (--overwrite does it again)")
    else:
        try:
            predict(settings, _model(settings.weights, settings.threads))
        except (PosegridError, MemoryError) as error:
            words = str(error) or f"{video}: not enough memory"
            return Predicted(video, [{"video": str(video), "error": words}], error=words)
    return Predicted(video, [_row(video, path) for path in results_in(out, video)])


@lru_cache(1)
def _model(weights: Path | None, threads: int) -> PoseModel:
    """Loaded once in each process."""
    return load(weights, threads=threads)


def videos_of(where: list[Path]) -> list[Path]:
    """The paths, each folder that holds videos and no pictures replaced by those."""
    videos = []
    for path in where:
        inside = sorted(path.iterdir()) if path.is_dir() else []
        of_videos = [file for file in inside if file.suffix.lower() in VIDEO_ENDINGS]
        pictures = [file for file in inside if file.suffix.lower() in PICTURE_ENDINGS]
        videos += of_videos if of_videos and not pictures else [path]
    for video in videos:
        if not is_utf8(str(video)):
            raise SourceError(f"{str(video)!a}: its name is no UTF-8; rename it.")
    return videos


def _folders(videos: list[Path], settings: PredictSettings) -> list[Path]:
    """Where each video's results go. Raises SettingsError where two would meet, and for what
    belongs to one video.
    """
    if len(videos) > 1:
        for name in ("boxes", "masks"):
            if getattr(settings, name) is not None:
                raise SettingsError(f"`{name}` belongs to one video: predict them one by one.")
    if any(is_webcam(video) for video in videos) and len(videos) > 1:
        raise SettingsError("a webcam never ends: predict it by itself.")
    folders: dict[Path, Path] = {}
    for video in videos:
        folder = (settings.out or Path("runs")) / name_of(video)
        if folder in folders:
            raise SettingsError(
                f"{folders[folder]} and {video} would both go to {folder}: give their folders an "
                "`out` each."
            )
        folders[folder] = video
    return list(folders)


def _row(video: Path, path: Path) -> dict[str, object]:
    """What the table says of one person in one video."""
    track = MotionTrack.load(path)
    words = cautions(track)
    row: dict[str, object] = {
        "video": str(video),
        "track": str(path),
        "frames": len(track),
        "found_share": round(float(track.found.mean()), 4),
        "seconds": round(float(track.time_s[-1] - track.time_s[0]), 3),
        "scale_known": track.scale_known,
        "camera_assumed": track.camera_assumed,
    }
    try:
        gait = track.gait()
    except PosegridError as error:
        words.append(f"no gait: {error}")
    else:
        words += gait.notes
        for name, quantity in gait.quantities.items():
            column = f"{name}_{quantity.unit}".replace("/", "_per_").replace("%", "percent")
            row[column], row[f"{column}_uncertainty"] = quantity.value, quantity.uncertainty
    return {**row, "warnings": "; ".join(words)}


def _csv(rows: list[dict[str, object]]) -> str:
    """A line per row, a column for every name that one of them has; empty where it has none."""
    last = ("warnings", "error")
    names = [name for name in dict.fromkeys(n for row in rows for n in row) if name not in last]
    with io.StringIO(newline="") as file:
        writer = csv.DictWriter(file, [*names, *last], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return file.getvalue()
