"""The queue: one job after another, each in a process of its own that may crash alone."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

from posegrid.app.jobs import Job, Jobs
from posegrid.app.settings import AppSettings
from posegrid.errors import SettingsError

WORKER = (sys.executable, "-m", "posegrid.app.worker")
LOOK_EVERY_S = 0.1
TRY_AGAIN_S = 5.0
TIDY_EVERY_S = 600.0


class Runner:
    """A thread that starts the worker of the job whose turn it is, and ends it when asked to.

    Its folder is locked: two apps on one folder would run jobs twice. The lock is the system's, so
    that it ends with the process, whichever way that ends.
    """

    def __init__(self, settings: AppSettings, jobs: Jobs) -> None:
        """Raises SettingsError where another app works in the folder."""
        self._settings, self._jobs = settings, jobs
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._lock = sqlite3.connect(jobs.root / "lock.sqlite", timeout=0, check_same_thread=False)
        try:
            self._lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            self._lock.close()
            raise SettingsError(
                f"`folder` {jobs.root}: another posegrid app works there; use that, or give another "
                "`folder`."
            ) from error

    def start(self) -> None:
        """Go on where the last app ended."""
        self._jobs.resume()
        self._thread.start()

    def stop(self) -> None:
        """End the worker; its job is begun again at the next start."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._lock.close()

    def _run(self) -> None:
        tidied, begun = 0.0, None
        while not self._stopped.is_set():
            try:
                if time.time() - tidied > TIDY_EVERY_S:
                    self._jobs.forget_videos(time.time() - 86400 * self._settings.keep_days)
                    tidied = time.time()
                if begun is None:
                    begun = self._jobs.begin_next()
                if begun is not None:
                    self._work(begun)
                    begun = None
            except (OSError, sqlite3.Error) as error:
                # A full disk: whatever could not be noted is tried again.
                print(f"posegrid app: {error}", file=sys.stderr)
                self._stopped.wait(TRY_AGAIN_S)
            self._stopped.wait(LOOK_EVERY_S)

    def _work(self, job: Job) -> None:
        settings, folder = self._settings, self._jobs.folder(job.id)
        command = [*WORKER, str(self._jobs.root), job.id]
        command += [str(settings.max_frames), str(settings.threads)]
        with (folder / "log.txt").open("wb") as log:
            # The worker ends when its input does, which it does when this process ends.
            worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            while worker.poll() is None and self._is_wanted(job):
                self._stopped.wait(LOOK_EVERY_S)
        finally:
            worker.kill()
            worker.communicate()
        if self._jobs.get(job.id) is None:
            shutil.rmtree(folder, ignore_errors=True)
        elif not self._stopped.is_set():
            log_text = (folder / "log.txt").read_text(encoding="utf-8", errors="replace")
            self._jobs.end(job.id, "failed", _ending(worker.returncode, log_text))

    def _is_wanted(self, job: Job) -> bool:
        """Whether the job was neither cancelled nor deleted, and the app goes on."""
        now = self._jobs.get(job.id)
        return not self._stopped.is_set() and now is not None and now.state == "running"


def _ending(code: int, log: str) -> str:
    """Why a worker ended that did not say itself."""
    if code >= 0:
        last = (log.split("\n")[-2:] or [""])[0] or f"exit code {code}"
        return f"The process that worked on this video failed: {last}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return (
        f"The process that worked on this video was ended from outside ({name}). The system does "
        "that when memory runs out: try a shorter or smaller video."
    )
