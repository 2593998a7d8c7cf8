"""Work on one job, in a process of its own: what `posegrid predict` does, for everybody in a video.

python -m posegrid.app.worker FOLDER ID MAX_FRAMES THREADS
"""

import os
import re
import shutil
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from posegrid.app.jobs import Job, Jobs
from posegrid.app.person_files import write_person
from posegrid.app.played_video import write_clip
from posegrid.app.results import Results
from posegrid.errors import PosegridError
from posegrid.progress import Report
from posegrid.results.pose_model import Given, Watched, load
from posegrid.results.predict_settings import PredictSettings
from posegrid.results.summary import summary

_FLAGS = re.compile(r" \(--[^)]*\)")
"""What the command line is told to say, and this page has fields for."""
REPORT_EVERY_S = 0.2
MOST_PEOPLE = 8
"""Of more people those who are largest in the picture are kept."""


def main() -> None:
    """Do the job that the arguments name."""
    folder, job_id, max_frames, threads = sys.argv[1:]
    threading.Thread(target=_end_with_input, daemon=True).start()
    jobs = Jobs(Path(folder))
    job = jobs.get(job_id)
    if job is not None:
        work(jobs, job, int(max_frames), int(threads))


def _end_with_input() -> None:
    """The app holds the other end: when it is gone, nobody waits for this any more."""
    sys.stdin.buffer.read()
    os._exit(1)


def work(jobs: Jobs, job: Job, max_frames: int, threads: int = 1) -> None:
    """Everybody's motion, the viewer's video, and what they rest on, into the job's `results`; the
    job then is done, or has failed for a reason.
    """
    folder = jobs.folder(job.id)
    video, out = folder / job.video, folder / "results"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    report = noted(jobs, job)
    try:
        settings = PredictSettings(video, height_m=job.height_m, fov_deg=job.fov_deg, person="all")
        model = load(threads=threads)
        seen = Counted(report, max_frames)
        watched = model.watch(video, Given(), settings, seen.report, seen.is_enough)
        named = replace(settings, video=Path(job.name))
        people = []
        for number in list(watched.raw)[:MOST_PEOPLE]:
            report(f"Person {number}: smoothing and writing", 0, None)
            track = watched.raw[number].refined(settings)
            track = replace(track, source=job.name)
            spread = watched.spread[number]
            lines = tuple(_FLAGS.sub("", line) for line in summary(track, spread, named, model))
            people.append(write_person(track, number, out, lines))
        write_clip(out, watched, [person.number for person in people], report)
        Results(tuple(people), _notes(watched, job)).save(out)
    except PosegridError as error:
        jobs.end(job.id, "failed", str(error).replace(str(video), job.name))
    else:
        jobs.end(job.id, "done")


class Counted:
    """Passes reports on, and says when enough frames were seen."""

    def __init__(self, report: Report, most: int) -> None:
        self._report, self._most, self._seen = report, most, 0

    def report(self, what: str, done: int, total: int | None) -> None:
        """One more frame."""
        self._seen = done if "estimating" in what else 0
        self._report(what, done, total if total is None else min(total, self._most))

    def is_enough(self) -> bool:
        """Whether the limit is reached."""
        return self._seen >= self._most


def noted(jobs: Jobs, job: Job) -> Report:
    """A report that goes into the list of jobs, a few times a second."""
    what_before, since, told = "", 0.0, 0.0

    def report(what: str, done: int, total: int | None) -> None:
        nonlocal what_before, since, told
        now, what = time.time(), what.replace(f"{job.video}: ", "")
        if what == what_before and now - told < REPORT_EVERY_S and done != total:
            return
        if what != what_before:
            what_before, since = what, now
        told = now
        jobs.progress(job.id, what[:1].upper() + what[1:], done, total or 0, since)

    return report


def _notes(watched: Watched, job: Job) -> tuple[str, ...]:
    """What in the video was unusual, or not used."""
    notes = [*watched.notes]
    if watched.damage:
        notes.append(f"only what comes before the damage was used: {watched.damage}")
    if watched.stopped:
        notes.append("the video is longer than this app takes: only its beginning was used")
    return tuple(note.replace(job.video, job.name) for note in notes)


if __name__ == "__main__":
    main()
