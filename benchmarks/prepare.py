"""Frames per second of `posegrid prepare` beside plain decoding of the same videos, and the memory
it takes.

    python benchmarks/prepare.py [FOLDER]       some minutes; FOLDER keeps the rendered videos for
    the next time

Plain decoding is what any user of PyAV writes: one thread, every frame to an RGB array. Both run in
this process, one after the other, in turns; the ratio is that of the best turns: on one core in
processor time (so that other work on the machine matters less), 2 processes against 1 by the clock.
Memory is the sum of the resident sets of the command and all its processes (shared pages count once
for each), sampled every 20 ms, for videos of two lengths.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from posegrid.datasets.prepare import PrepareSettings, prepare

LENGTHS = (60, 300)
"""Frames per video; there are 8 videos of each length, 1000 x 1000 pixels."""
TURNS = 3
MEGABYTE = 2**20


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary)
        trees = {length: rendered(folder / f"frames{length}", length) for length in LENGTHS}
        tree = trees[max(LENGTHS)]
        videos = sorted(tree.rglob("*.mp4"))
        work: dict[str, Callable[[], object]] = {
            "decoding alone": lambda: decode(videos, convert=False),
            "plain decoding": lambda: decode(videos, convert=True),
            "prepare, 1 process": lambda: prepared(tree, workers=1),
            "prepare, 2 processes": lambda: prepared(tree, workers=2),
        }
        prepared(tree, workers=2)  # starts the processes, which takes some seconds once
        seconds = {name: np.full(2, np.inf) for name in work}
        for _ in range(TURNS):
            for name, run in work.items():
                seconds[name] = np.minimum(seconds[name], seconds_of(run))
        print(f"{processor()}, {len(videos)} videos of {max(LENGTHS)} frames, 1000 x 1000")
        frames, plain_s = len(videos) * max(LENGTHS), seconds["plain decoding"][0]
        for name, (cpu_s, clock_s) in seconds.items():
            of_plain = (
                ""
                if "2" in name
                else f", {frames / cpu_s:6.0f} per CPU second, {plain_s / cpu_s:.2f} of plain"
            )
            print(f"{name:22} {frames / clock_s:6.0f} frames/s{of_plain}")
        print(
            f"2 processes / 1: {seconds['prepare, 1 process'][1] / seconds['prepare, 2 processes'][1]:.2f}"
        )
        for length, root in trees.items():
            for workers in (1, 2):
                print(
                    f"{length} frames, {workers} processes: peak {peak_megabytes(root, workers):.0f} MB"
                )


def rendered(root: Path, length: int) -> Path:
    """One walker's eight videos in the release's layout; rendered if they are not there yet."""
    if not root.is_dir():
        flags = [
            "--layout",
            "human36m",
            "--subjects",
            "S1",
            "--frames",
            str(length),
            "--picture-size",
            "1000",
        ]
        subprocess.run([sys.executable, "-m", "posegrid", "synth", str(root), *flags], check=True)
    return root


def decode(videos: list[Path], convert: bool) -> None:
    """Decode every frame in one thread; with `convert`, to RGB arrays."""
    for path in videos:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            stream.codec_context.thread_count = 1
            for frame in container.decode(stream):
                if convert:
                    frame.to_ndarray(format="rgb24")


def prepared(root: Path, workers: int) -> None:
    """Prepare the whole tree, and forget it."""
    with tempfile.TemporaryDirectory() as out:
        prepare(PrepareSettings(root, Path(out), workers=workers))


def peak_megabytes(root: Path, workers: int) -> float:
    """Largest sum of resident sets of the command and its processes."""
    with tempfile.TemporaryDirectory() as out:
        command = [
            sys.executable,
            "-m",
            "posegrid",
            "prepare",
            str(root),
            out,
            "--workers",
            str(workers),
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        peak = 0
        while process.poll() is None:
            peak = max(peak, sum(map(resident_bytes, family(process.pid))))
            time.sleep(0.02)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed")
    return peak / MEGABYTE


def family(pid: int) -> list[int]:
    """The process and all that it started, directly or not (Linux only)."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has just ended
    members = [pid]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def resident_bytes(pid: int) -> int:
    """The process's resident set; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def processor() -> str:
    """The processor's name and number of cores."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")),
        "unknown processor",
    )
    return f"{name}, {os.cpu_count()} cores"


def seconds_of(run: Callable[[], object]) -> np.ndarray:
    """Seconds of this process's processor time that a piece of work takes, and seconds by the
    clock.
    """
    cpu_s, clock_s = time.process_time(), time.perf_counter()
    run()
    return np.array([time.process_time() - cpu_s, time.perf_counter() - clock_s])


if __name__ == "__main__":
    main()
