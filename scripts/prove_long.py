"""Proves what a long video costs: `predict` with overlay on the app's sample, repeated. Memory of
the process over the frames; what a kill at 90 % of the watching leaves, and what the next call
makes of it.

    python scripts/prove_long.py --frames 10000
    python scripts/prove_long.py --frames 36000 --most-s 1200     # two hours at 5 a second, as far
"""

import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import tyro
from PIL import Image

from posegrid.results.answers import Answers
from posegrid.video.video import read_frames
from posegrid.video.writer import VideoWriter

SAMPLE = Path(__file__).parents[1] / "posegrid" / "app" / "sample.mp4"
LEAST_FRAMES = 100
EVERY_S = 0.5
"""From one look at the memory to the next."""


@dataclass(frozen=True)
class Settings:
    """What to do."""

    frames: int = 36000
    """Pictures of the video."""
    fps: int = 5
    """Pictures a second."""
    width: int = 160
    """Pixels of its pictures."""
    most_s: float | None = None
    """Kill the first call after so many seconds, and leave it at that."""
    kill: bool = True
    """Kill a second call, and go on from there."""


def write_video(path: Path, settings: Settings) -> None:
    """The sample, small, forwards and backwards again and again: nobody jumps."""
    pictures = [Image.fromarray(frame.image) for frame in read_frames(SAMPLE)]
    height = round(settings.width * pictures[0].height / pictures[0].width)
    small = [np.asarray(picture.resize((settings.width, height))) for picture in pictures]
    with VideoWriter(path, settings.fps, (settings.width, height)) as video:
        for picture in islice(cycle(small + small[-2:0:-1]), settings.frames):
            video.write(picture)


def watched(
    video: Path, out: Path, most_s: float | None = None, most_bytes: float | None = None
) -> np.ndarray:
    """(N, 4): seconds since the start of `predict`, MB of its memory, bytes of the answers on disk
    (NaN: none now), and 1 as soon as the Track of before the refining is written, else 0. Killed
    after so many seconds, or with so many bytes of answers on disk.
    """
    command = [sys.executable, "-m", "posegrid", "predict", str(video), "--out", str(out)]
    answers, raw = out / f"{video.stem}.watched", out / f"{video.stem}_raw.npz"
    start, seen = time.monotonic(), []
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            elapsed = time.monotonic() - start
            if "VmRSS:" in status:
                size = answers.stat().st_size if answers.exists() else np.nan
                memory = int(status.split("VmRSS:")[1].split()[0]) / 1024
                seen.append((elapsed, memory, size, raw.exists()))
            enough = seen and most_bytes is not None and seen[-1][2] > most_bytes
            if enough or (most_s is not None and elapsed > most_s):
                process.kill()
            time.sleep(EVERY_S)
    if process.returncode not in (0, -signal.SIGKILL):
        sys.exit(f"predict ended with {process.returncode}")
    return np.array(seen)


def num_answered(path: Path) -> int:
    """Frames that the next call will not ask the network about."""
    answers = Answers(path, path.read_bytes().split(b"\n", 1)[0].decode().split()[-1])
    answers.close()
    return answers.num_frames


def report_memory(seen: np.ndarray, frames: int) -> None:
    """Print it, over the frames that were answered for."""
    there = np.flatnonzero(np.isfinite(seen[:, 2]))
    growing = there[seen[there, 2] < seen[there, 2].max()]
    at = seen[growing, 2] / seen[there, 2].max() * frames
    late = at > 0.1 * frames
    slope, _ = np.polyfit(at[late], seen[growing, 1][late], 1)
    for share in (0.1, 0.2, 0.4, 0.6, 0.8, 1):
        print(
            f"  after {share * frames:.0f} frames: {np.interp(share * frames, at, seen[growing, 1]):.1f} MB"
        )
    print(f"  growth from 10 % on: {slope * 10_000:.2f} MB per 10,000 frames")
    after = seen[growing[-1] :]
    for what, rows in (("refining", after[after[:, 3] == 0]), ("drawing", after[after[:, 3] == 1])):
        if len(rows):
            span_s = rows[-1, 0] - rows[0, 0]
            print(f"  {what}: {span_s:.0f} s, at most {rows[:, 1].max():.1f} MB")


def main(settings: Settings) -> None:
    """Prints what was measured."""
    if settings.frames < LEAST_FRAMES:
        raise SystemExit(f"--frames {settings.frames}: expected at least {LEAST_FRAMES}.")
    with tempfile.TemporaryDirectory() as folder:
        video, whole, killed = (Path(folder) / name for name in ("long.mp4", "whole", "killed"))
        write_video(video, settings)
        seen = watched(video, whole, settings.most_s)
        left = whole / "long.watched"
        frames = num_answered(left) if left.exists() else settings.frames
        print(f"{frames} of {settings.frames} frames, {seen[-1, 0]:.0f} s")
        report_memory(seen, frames)
        if left.exists() or not settings.kill:
            return
        cut_s = watched(video, killed, most_bytes=0.9 * np.nanmax(seen[:, 2]))[-1, 0]
        names = [f"{path.name} ({path.stat().st_size} bytes)" for path in sorted(killed.iterdir())]
        print(f"left by a kill after 90 % of the answers, {cut_s:.0f} s: {', '.join(names)}")
        print(f"  {num_answered(killed / 'long.watched')} frames are answered for")
        again_s = watched(video, killed)[-1, 0]
        same = [path.read_bytes() == (killed / path.name).read_bytes() for path in whole.iterdir()]
        print(
            f"the next call took {again_s:.0f} s; {sum(same)} of {len(same)} files are the same bytes"
        )


if __name__ == "__main__":
    main(tyro.cli(Settings))
