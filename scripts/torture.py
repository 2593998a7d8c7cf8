"""Disturb every command in every way, call it again, and compare what is there in the end.

    python scripts/torture.py --tries 20
    python scripts/torture.py --tries 0 --kills 20      # kills alone
    python scripts/torture.py --tries 0 --kills 0 --workers 20

Each command runs once undisturbed. Then, --kills times, it is killed (SIGKILL, with all its
processes) at a random moment; --workers times, one of its workers is, as the kernel does where
memory is short; --tries times, its disk fills up (a tmpfs of a random size; needs root). Once each,
unless --tries is 0: its folder cannot be written to; two calls work at once. After that it is
called again until it ends well.

A loss is: another exit code than 0 in the end, a traceback, no end, a file that differs, is missing
or left over. Files are compared by hash; of weights, only the tensors, and of metrics, all columns but
times: how long something took is no result. The smallest sizes, on one core.
"""

import argparse
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from prove_cluster import workers_of
from safetensors.numpy import load_file
from torture_data import write_recording

import posegrid
from posegrid.files import LOCK

POSEGRID = [sys.executable, "-m", "posegrid"]
JOB = "0" * 16
LONGEST_S = 600  # what has not ended by then does not end


@dataclass(frozen=True)
class Torment:
    """A command, and what to call after a kill."""

    name: str
    call: Callable[[Path], list[str]]
    """By the folder that it fills."""
    again: tuple[str, ...] = ()
    """Flags of the second call."""
    begun: str = "settings.json"
    """The file that is there where they are needed."""
    results: str = "."
    """Where in the folder the files are that are compared."""
    has_workers: bool = False
    only_killed: bool = False
    """It serves until it is ended, and has no folder to itself."""


def torments(data: Path) -> list[Torment]:
    """All of them; `data` holds what they read."""
    walkers, own, video = (str(data / n) for n in ("walkers", "own", "own/anna/walk/a.mp4"))
    weights = str(data / "train" / "best.safetensors")
    people = ["--people", "2", "--validation-people", "1", "--test-people", "1"]
    small = ["--crops-per-person", "16", "--image-size", "64", "--workers", "2"]
    tiny = ["--subjects", "S9", "--frames", "16", "--picture-size", "96", "--workers", "2"]
    stage = ["--network", "report2015_small", "--batch-size", "8", "--threads", "1"]
    stage += ["--accelerator", "cpu", "--epochs", "6"]
    return [
        Torment("synth", lambda out: ["synth", str(out), *people, *small], has_workers=True),
        Torment(
            "prepare",
            lambda out: ["prepare", own, str(out), "--background", "kept", "--workers", "2"],
            has_workers=True,
        ),
        Torment(
            "pretrain", lambda out: ["pretrain", walkers, "--run", str(out), *stage], ("--resume",)
        ),
        Torment("train", lambda out: ["train", walkers, "--run", str(out), *stage], ("--resume",)),
        Torment("evaluate", lambda out: ["evaluate", weights, walkers, "--out", str(out)]),
        Torment(
            "predict",
            lambda out: ["predict", video, "--boxes", str(data / "boxes.csv"), "--out", str(out)],
            ("--overwrite",),
            begun="a.npz",
        ),
        Torment(
            "human36m",
            lambda out: ["synth", str(out), "--layout", "human36m", *tiny],
            has_workers=True,
        ),
        Torment(
            "app",
            lambda out: ["--serve", str(out)],
            results=f"jobs/{JOB}/results",
            only_killed=True,
        ),
    ]


# --- the data


def make_data(data: Path) -> None:
    """Walkers, own recordings with poses, boxes of their person, and weights."""
    synth, _, _, train, *_ = torments(data)
    if run(synth.call(data / "walkers")):
        raise SystemExit("the data could not be made")
    for subject in ("anna", "ben", "cleo"):
        write_recording(data / "own" / subject / "walk")
    splits = {"train": ["anna"], "validation": ["ben"], "test": ["cleo"]}
    (data / "own" / "split.json").write_text(json.dumps(splits))
    lines = [f"{frame},100,40,200,260" for frame in range(40)]
    (data / "boxes.csv").write_text("\n".join(["frame,x0,y0,x1,y1", *lines]))
    if run(train.call(data / "train")):
        raise SystemExit("the weights could not be made")


def serve(folder: Path) -> int:
    """`posegrid app` with one job, until that is done."""
    from posegrid.app.jobs import Job, Jobs

    jobs = Jobs(folder)
    if jobs.get(JOB) is None:
        jobs.folder(JOB).mkdir(exist_ok=True)
        sample = Path(posegrid.__file__).parent / "app" / "sample.mp4"
        shutil.copyfile(sample, jobs.folder(JOB) / "upload.mp4")
        jobs.add(Job(JOB, "walk.mp4", "upload.mp4", "waiting", time.time()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    app = subprocess.Popen(
        [*POSEGRID, "app", "--folder", str(folder), "--port", port, "--max-frames", "12"]
    )
    while (job := jobs.get(JOB)) is not None and not job.is_over and app.poll() is None:
        time.sleep(0.1)
    ended = app.poll()
    app.terminate()
    app.wait()
    if job is None or job.state != "done":
        print(f"posegrid app: {job and job.error} {ended}", file=sys.stderr)
        return 1
    return 0


# --- disturbing


def started(arguments: list[str]) -> subprocess.Popen[str]:
    """The command, at work."""
    own = [sys.executable, __file__] if arguments[0] == "--serve" else POSEGRID
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen([*own, *arguments], process_group=0, text=True, **pipes)


def ended(process: subprocess.Popen[str], within_s: float) -> str | None:
    """What it said; None if it had to be killed then, with all its processes."""
    try:
        return process.communicate(timeout=within_s)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None


def run(arguments: list[str], kill_after_s: float | None = None) -> int:
    """The exit code; 3 for a traceback, 4 for no end; with a moment, all of it is killed then."""
    process = started(arguments)
    if (said := ended(process, kill_after_s or LONGEST_S)) is None:
        return -signal.SIGKILL if kill_after_s else 4
    if process.returncode:
        print(f"    {' '.join(arguments)}: {said.strip()[-300:]}", flush=True)
    return 3 if "Traceback" in said else process.returncode


def run_with_a_worker_killed(arguments: list[str], after_s: float) -> tuple[int, int]:
    """The exit code, and how many workers were killed: one at a moment, if any is at work then."""
    process = started(arguments)
    time.sleep(after_s)
    victims = workers_of(process.pid)[:1]
    for worker in victims:
        os.kill(worker, signal.SIGKILL)
    if (said := ended(process, LONGEST_S)) is None:
        return 4, len(victims)
    return 3 if "Traceback" in said else process.returncode, len(victims)


@contextmanager
def disk(folder: Path, size: int) -> Iterator[None]:
    """A disk of so many bytes in place of the folder. PermissionError where none may be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        raise PermissionError("a disk can be mounted by root only")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def changed(folder: Path, options: str) -> None:
    """The disk mounted there, with other options."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def contents(folder: Path) -> dict[str, str]:
    """Every file's name and hash."""
    return {
        str(path.relative_to(folder)): _hash(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    if path.suffix == ".safetensors":
        for name, tensor in sorted(load_file(path).items()):
            digest.update(name.encode() + tensor.tobytes())
    elif path.name == "metrics.csv":
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                digest.update(str([v for k, v in row.items() if "seconds" not in k]).encode())
    elif path.name == "evaluation.json":
        said = json.loads(path.read_text())
        digest.update(json.dumps({k: v for k, v in said.items() if k != "settings"}).encode())
    elif path.suffix == ".npz":
        with np.load(path) as file:
            for name in file.files:
                digest.update(name.encode() + file[name].tobytes())
    elif path.name != "last.ckpt":  # holds times, too; what it leads to is compared
        digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass
class Bout:
    """One command, and what it makes undisturbed."""

    case: Torment
    out: Path
    rng: random.Random
    seconds: float = 0.0
    expected: dict[str, str] = field(default_factory=dict)

    def made(self) -> dict[str, str]:
        """The files that are there."""
        return contents(self.out / self.case.results)

    def undisturbed(self) -> bool:
        """Whether it works at all."""
        start = time.monotonic()
        code = run(self.case.call(self.out))
        self.seconds, self.expected = time.monotonic() - start, self.made()
        return code == 0 and bool(self.expected)

    def moment(self) -> float:
        """Some time while it works."""
        return self.rng.uniform(0.1, 1.0) * self.seconds

    def lost(self, how: str, code: int) -> int:
        """1 if the files are not as expected, else 0; said where not."""
        found = self.made()
        if code == 0 and found == self.expected:
            return 0
        names = found.keys() | self.expected
        wrong = sorted(name for name in names if found.get(name) != self.expected.get(name))
        print(f"  {self.case.name}, {how}: exit code {code}, other files: {wrong}", flush=True)
        return 1

    def again(self) -> int:
        """The exit code of the call that goes on."""
        begun = (self.out / self.case.begun).is_file()
        return run([*self.case.call(self.out), *(self.case.again if begun else ())])

    def killed(self, tries: int) -> tuple[int, int]:
        """How often a kill hit it at work, and losses."""
        hits = losses = 0
        for _ in range(tries):
            shutil.rmtree(self.out, ignore_errors=True)
            code = run(self.case.call(self.out), self.moment())
            hits += code == -signal.SIGKILL
            losses += self.lost("killed", code if code == 0 else self.again())
        return hits, losses

    def worker_killed(self, tries: int) -> tuple[int, int]:
        """How often a worker was there to be killed, and losses: the command itself goes on."""
        hits = losses = 0
        for _ in range(tries):
            shutil.rmtree(self.out, ignore_errors=True)
            code, killed = run_with_a_worker_killed(self.case.call(self.out), self.moment())
            hits += killed
            losses += self.lost("worker killed", code)
        return hits, losses

    def disk_full(self, tries: int) -> tuple[int, int]:
        """How often the disk was full, and losses: no sentence, or other files with room made."""
        files = [path for path in self.out.rglob("*") if path.is_file()]
        size = sum(-(-path.stat().st_size // 4096) for path in files) * 4096
        shutil.rmtree(self.out, ignore_errors=True)
        hits = losses = 0
        for _ in range(tries):
            with disk(self.out.parent, max(8192, int(self.rng.uniform(0.1, 0.9) * size))):
                code = run(self.case.call(self.out))
                hits += code != 0
                changed(self.out.parent, "size=1g")
                after = code if code == 0 else self.again()
                losses += self.lost("full disk", 3 if code == 3 else after)
        return hits, losses

    def read_only(self) -> int:
        """Loss where a folder that cannot be written to is not told in a sentence."""
        with disk(self.out.parent, 2**20):
            changed(self.out.parent, "ro")
            return int(run(self.case.call(self.out)) not in (1, 2))


def two_at_once(case: Torment, out: Path, expected: dict[str, str]) -> int:
    """Losses of two calls at once: other files than of one, or one that could not work and is mute."""
    shutil.rmtree(out, ignore_errors=True)
    pair = [started(case.call(out)) for _ in range(2)]
    said = [process.communicate()[1] for process in pair]
    codes = sorted(process.returncode for process in pair)
    clear = all(
        "at work here" in s or "already" in s or not p.returncode
        for s, p in zip(said, pair, strict=True)
    )
    whole = contents(out / case.results) == expected
    lost = codes[0] != 0 or not clear or not whole or (out / LOCK).exists()
    if lost:
        print(f"  {case.name}, two at once: exit codes {codes}, {said}", flush=True)
    return int(lost)


def tormented(
    case: Torment, folder: Path, num_kills: int, num_workers: int, tries: int, rng: random.Random
) -> list[str | int]:
    """The row of the table."""
    bout = Bout(case, folder / "disk" / "out", rng)  # of one name: settings.json holds it
    untried = ["-"] * 6
    if not bout.undisturbed():
        return [case.name, 0, 0, 1, *untried]
    row = [case.name, num_kills, *bout.killed(num_kills)]
    if case.only_killed:
        return [*row, *untried]
    workers = bout.worker_killed(num_workers) if case.has_workers else untried[:2]
    if not tries:
        return [*row, *untried[:3], *workers, "-"]
    both = two_at_once(case, bout.out, bout.expected)
    try:
        disks = [*bout.disk_full(tries), bout.read_only()]
    except PermissionError as error:
        print(f"  {error}")
        disks = untried[:3]
    return [*row, *disks, *workers, both]


COLUMNS = "command, kills, at work, lost, disks full, lost, read-only: lost, workers killed, lost"
LOST = (3, 5, 6, 8, 9)


def main() -> int:
    """Exit code 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--kills", type=int, help="as many as --tries by default")
    parser.add_argument("--workers", type=int, help="as many as --tries by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--folder", type=Path, default=Path("runs/torture"))
    parser.add_argument("--serve", type=Path, help="(the app, as the command that is tormented)")
    settings = parser.parse_args()
    if settings.serve:
        return serve(settings.serve)
    os.environ["OMP_NUM_THREADS"] = "1"
    rng, data = random.Random(settings.seed), settings.folder / "data"
    shutil.rmtree(settings.folder, ignore_errors=True)
    make_data(data)
    print(f"| {COLUMNS.replace(', ', ' | ')} | two at once: lost |")
    print("|---|" + "---:|" * 9, flush=True)
    counts = (settings.kills, settings.workers)
    kills, workers = (settings.tries if count is None else count for count in counts)
    lost = False
    for case in torments(data):
        if settings.only and case.name not in settings.only:
            continue
        row = tormented(case, settings.folder / case.name, kills, workers, settings.tries, rng)
        lost = lost or any(row[place] not in (0, "-") for place in LOST)
        print(f"| {' | '.join(map(str, row))} |", flush=True)
    return int(lost)


if __name__ == "__main__":
    sys.exit(main())
