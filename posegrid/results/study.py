"""The command `posegrid predict`: one video, or several one after another, and a table of them."""

import csv
import io
import sys
from dataclasses import replace
from pathlib import Path

from posegrid.errors import PosegridError, SettingsError, SourceError
from posegrid.files import is_utf8, write_text
from posegrid.motion.motion_track import MotionTrack
from posegrid.results.pose_model import load
from posegrid.results.predict import predict, results_in
from posegrid.results.predict_settings import PredictSettings
from posegrid.results.summary import cautions
from posegrid.video.footage import PICTURE_ENDINGS, name_of
from posegrid.video.webcam import is_webcam

VIDEO_ENDINGS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".mts")


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
    model = load(settings.weights, threads=settings.threads)
    rows: list[dict[str, object]] = []
    failed: list[str] = []
    for number, (video, out) in enumerate(zip(videos, folders, strict=True), start=1):
        print(f"[{number}/{len(videos)}] {video}")
        if not settings.overwrite and results_in(out, video):
            print(f"done before, see {out} (--overwrite does it again)")
        else:
            try:
                predict(replace(settings, video=video, more=(), out=out), model)
            except PosegridError as error:
                print(f"posegrid predict: {error}", file=sys.stderr)
                failed.append(str(video))
                rows.append({"video": str(video), "error": str(error)})
                continue
        rows += [_row(video, path) for path in results_in(out, video)]
    if settings.summary is not None:
        write_text(settings.summary, _csv(rows))
        print(f"{settings.summary}: {len(rows)} rows")
    if failed:
        raise SourceError(f"{len(failed)} of {len(videos)} videos failed: {', '.join(failed)}")


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
