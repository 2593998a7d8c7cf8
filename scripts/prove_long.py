"""Proves what a long video costs: `predict` with overlay on the app's sample, repeated; memory of
the process over time, and what a kill at 90 % of that time leaves.

    python scripts/prove_long.py --frames 36000     # two hours at 5 frames a second
"""

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

from posegrid.video.video import read_frames
from posegrid.video.writer import VideoWriter

SAMPLE = Path(__file__).parents[1] / "posegrid" / "app" / "sample.mp4"


@dataclass(frozen=True)
class Settings:
    """What to do."""

    frames: int = 36000
    """Pictures of the video."""
    fps: int = 5
    """Pictures a second."""
    width: int = 160
    """Pixels of its pictures."""
    skip: float = 0.14
    """This share of the time is start and warming up: it does not count for the growth."""
    every_s: float = 0.5
    """Seconds from one look at the memory to the next."""


def write_video(path: Path, settings: Settings) -> None:
    """The sample, small, forwards and backwards again and again: nobody jumps."""
    pictures = [Image.fromarray(frame.image) for frame in read_frames(SAMPLE)]
    height = round(settings.width * pictures[0].height / pictures[0].width)
    small = [np.asarray(picture.resize((settings.width, height))) for picture in pictures]
    with VideoWriter(path, settings.fps, (settings.width, height)) as video:
        for picture in islice(cycle(small + small[-2:0:-1]), settings.frames):
            video.write(picture)


def watched(video: Path, out: Path, every_s: float, kill_after_s: float | None) -> np.ndarray:
    """(N, 2): seconds since the start of `predict`, and MB of its memory. Killed if so asked."""
    command = [sys.executable, "-m", "posegrid", "predict", str(video), "--out", str(out)]
    start, seen = time.monotonic(), []
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            elapsed = time.monotonic() - start
            if "VmRSS:" in status:
                seen.append((elapsed, int(status.split("VmRSS:")[1].split()[0]) / 1024))
            if kill_after_s is not None and elapsed > kill_after_s:
                process.kill()
            time.sleep(every_s)
    if kill_after_s is None and process.returncode:
        sys.exit(f"predict ended with {process.returncode}")
    return np.array(seen)


def main(settings: Settings) -> None:
    """Prints what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "long.mp4"
        write_video(video, settings)
        seen = watched(video, Path(folder) / "whole", settings.every_s, None)
        took_s = seen[-1, 0]
        late = seen[seen[:, 0] > settings.skip * took_s]
        slope = np.polyfit(late[:, 0], late[:, 1], 1)[0] * took_s / settings.frames * 10_000
        print(f"{settings.frames} frames in {took_s:.0f} s; largest {seen[:, 1].max():.0f} MB")
        for share in (0.2, 0.4, 0.6, 0.8, 1):
            print(f"at {share:.0%} of the time: {np.interp(share * took_s, *seen.T):.1f} MB")
        print(f"growth: {slope:.1f} MB per 10,000 frames, if time went evenly over them")
        killed = Path(folder) / "killed"
        watched(video, killed, settings.every_s, 0.9 * took_s)
        left = sorted(killed.iterdir()) if killed.exists() else []
        names = [f"{path.name} ({path.stat().st_size} bytes)" for path in left]
        print(f"left by a kill at 90 % of the time: {', '.join(names) or 'nothing'}")


if __name__ == "__main__":
    main(tyro.cli(Settings))
