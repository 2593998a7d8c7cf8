"""What the tests in a browser stand on: an app that runs, and an eye on its pages."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page

from posegrid.app.jobs import Job, Jobs

PICTURES = Path(os.environ.get("POSEGRID_PICTURES", "runs/ui"))
"""Where pictures of the pages go, and how long frames took."""


@dataclass
class RunningApp:
    """`posegrid app` as a process, which can be killed and started again."""

    folder: Path
    port: int
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def jobs(self) -> Jobs:
        return Jobs(self.folder)

    def newest(self) -> Job:
        return self.jobs.all()[0]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def start_again(self) -> None:
        self.process = started(self.folder, self.port)

    def workers(self) -> list[int]:
        """Processes that the app has started."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for path in children for pid in path.read_text().split()]


@dataclass
class Watch:
    """What a page did that it should not do."""

    wrong: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        """Note errors on the console, and requests that leave the machine."""
        page.on("console", lambda said: said.type == "error" and self.wrong.append(said.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "file:///", "data:", "blob:")):
            self.wrong.append(f"asked for {url}")


def started(folder: Path, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "posegrid", "app", "--no-open", "--folder", str(folder)]
    process = subprocess.Popen(
        [*command, "--port", str(port)], stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert process.stdout and "posegrid app:" in process.stdout.readline()
    return process
