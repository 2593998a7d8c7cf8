"""The list of jobs: a row of SQLite and a folder for each, so that it outlives every process."""

import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from posegrid.errors import OutputError

State = Literal["waiting", "running", "done", "failed", "cancelled"]
MOST_STARTS = 3
"""A job during which the app ended so many times is not begun again."""
BUSY_S = 30.0
"""How long a process waits for another one's write."""


@dataclass(frozen=True)
class Job:
    """One video and what is made of it."""

    id: str
    """Random letters; also the name of its folder."""
    name: str
    """What the user calls the video: shown, never a path."""
    video: str
    """The video's file name in the job's folder; empty once it is deleted."""
    state: State
    created: float
    """Seconds since 1970, as are the other times; 0: not yet."""
    height_m: float | None = None
    fov_deg: float | None = None
    doing: str = ""
    """What is being done, of which `done` of `total` are done (0: not known)."""
    done: int = 0
    total: int = 0
    doing_since: float = 0.0
    ended: float = 0.0
    starts: int = 0
    error: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be done."""
        return self.state not in ("waiting", "running")

    def left_s(self, now: float) -> float | None:
        """Seconds until what is being done is done, at the rate so far; None: not known yet."""
        if self.state != "running" or not self.done or not self.total:
            return None
        return (now - self.doing_since) * max(0, self.total - self.done) / self.done


_COLUMNS = ", ".join(field.name for field in fields(Job))
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, video TEXT NOT NULL, state TEXT NOT NULL,
    created REAL NOT NULL, height_m REAL, fov_deg REAL, doing TEXT NOT NULL, done INTEGER NOT NULL,
    total INTEGER NOT NULL, doing_since REAL NOT NULL, ended REAL NOT NULL, starts INTEGER NOT NULL,
    error TEXT NOT NULL)
"""


class Jobs:
    """The jobs in a folder. Every call is a transaction of its own, so that any process may call."""

    def __init__(self, folder: Path) -> None:
        """Raises OutputError where nothing can be written, or for a list that is damaged."""
        self.root = folder
        try:
            (folder / "jobs").mkdir(parents=True, exist_ok=True)
            with self._database() as database:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(
                f"{folder}: the list of jobs cannot be kept there ({error}); choose another "
                "`folder`."
            ) from error

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self.root / "jobs.sqlite", timeout=BUSY_S)
        try:
            with database:
                yield database
        finally:
            database.close()

    def folder(self, job_id: str) -> Path:
        """The job's own folder; its results are in `results`."""
        return self.root / "jobs" / job_id

    def new_id(self) -> str:
        """An id that no job has, and its empty folder."""
        job_id = secrets.token_hex(8)
        self.folder(job_id).mkdir()
        return job_id

    def add(self, job: Job) -> None:
        """Put a job at the end of the queue."""
        values = [getattr(job, field.name) for field in fields(Job)]
        marks = ", ".join("?" * len(values))
        with self._database() as database:
            database.execute(f"INSERT INTO jobs ({_COLUMNS}) VALUES ({marks})", values)

    def all(self) -> list[Job]:
        """Every job, the newest first."""
        return self._select("ORDER BY created DESC, id")

    def get(self, job_id: str) -> Job | None:
        """The job of an id, if there is one."""
        return next(iter(self._select("WHERE id = ?", job_id)), None)

    def _select(self, which: str, *values: object) -> list[Job]:
        with self._database() as database:
            return [
                Job(*row)
                for row in database.execute(f"SELECT {_COLUMNS} FROM jobs {which}", values)
            ]

    def begin_next(self) -> Job | None:
        """The job that has waited longest, now running; None where none waits."""
        with self._database() as database:
            row = database.execute(
                "UPDATE jobs SET state = 'running', doing = 'Starting', done = 0, total = 0, "
                "doing_since = ?, starts = starts + 1 WHERE id = (SELECT id FROM jobs WHERE "
                f"state = 'waiting' ORDER BY created, id LIMIT 1) RETURNING {_COLUMNS}",
                (time.time(),),
            ).fetchone()
            return Job(*row) if row else None

    def progress(self, job_id: str, doing: str, done: int, total: int, since: float) -> None:
        """Note how far a job is."""
        with self._database() as database:
            database.execute(
                "UPDATE jobs SET doing = ?, done = ?, total = ?, doing_since = ? WHERE id = ?",
                (doing, done, total, since, job_id),
            )

    def end(self, job_id: str, state: State, error: str = "") -> None:
        """A job that waits or runs is over; one that is over stays as it is."""
        with self._database() as database:
            database.execute(
                "UPDATE jobs SET state = ?, error = ?, ended = ? "
                "WHERE id = ? AND state IN ('waiting', 'running')",
                (state, error, time.time(), job_id),
            )

    def resume(self) -> None:
        """After a start: jobs that ran when the app ended wait again, and folders without a job,
        of uploads that were broken off, go.
        """
        with self._database() as database:
            database.execute(
                "UPDATE jobs SET state = 'failed', ended = ?, error = ? "
                "WHERE state = 'running' AND starts >= ?",
                (
                    time.time(),
                    f"The app ended {MOST_STARTS} times while it worked on this video.",
                    MOST_STARTS,
                ),
            )
            database.execute("UPDATE jobs SET state = 'waiting' WHERE state = 'running'")
        known = {job.id for job in self.all()}
        for folder in (self.root / "jobs").iterdir():
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)

    def delete(self, job_id: str) -> None:
        """The job is gone from the list; its folder, too, unless it runs: then whoever runs it
        deletes that.
        """
        with self._database() as database:
            row = database.execute(
                "DELETE FROM jobs WHERE id = ? RETURNING state", (job_id,)
            ).fetchone()
        if row and row[0] != "running":
            shutil.rmtree(self.folder(job_id), ignore_errors=True)

    def forget_videos(self, before: float) -> None:
        """Delete the videos of jobs that were over before a time, and the pictures made of them."""
        for job in self._select("WHERE ended BETWEEN 1 AND ? AND video != ''", before):
            (self.folder(job.id) / job.video).unlink(missing_ok=True)
            for path in (self.folder(job.id) / "results").glob("*.[mj]p[4g]"):
                path.unlink(missing_ok=True)
            with self._database() as database:
                database.execute("UPDATE jobs SET video = '' WHERE id = ?", (job.id,))
