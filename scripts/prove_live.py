"""Proves that live poses keep up: a webcam of an hour, played by the app's sample, by a clock that
runs as fast as the work takes.

    python scripts/prove_live.py --seconds 3600 --slower 8

The clock goes on by the CPU time of the work, times --slower: as on a machine so much slower.
Pictures come at --fps by that clock, into what a webcam's pictures wait in; the newest is next.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np
import tyro
from PIL import Image

import posegrid
from posegrid.video.video import read_frames
from posegrid.video.webcam import Newest

SAMPLE = Path(__file__).parents[1] / "posegrid" / "app" / "sample.mp4"


@dataclass(frozen=True)
class Settings:
    """What to do."""

    seconds: float = 3600
    """How long the webcam is on, by its own clock."""
    fps: float = 30
    """Pictures a second."""
    width: int = 640
    """Pixels of its pictures."""
    slower: float = 8
    """So many times the CPU time that the work takes here."""


@dataclass
class Camera:
    """Pictures by a clock that the work moves on."""

    settings: Settings
    pictures: list[np.ndarray]
    now_s: float = 0.0
    num_came: int = 0
    taken_s: list[float] = field(default_factory=list)
    """When those were taken that were looked at."""
    latency_s: list[float] = field(default_factory=list)
    """From when a picture was taken until its people were known."""

    def frames(self) -> Iterator[tuple[float, np.ndarray]]:
        """The newest picture, whenever one is asked for, with its time."""
        held, shown = Newest[tuple[float, np.ndarray]](), cycle(self.pictures)
        while self.now_s < self.settings.seconds:
            while (time_s := self.num_came / self.settings.fps) <= self.now_s:
                held.put((time_s, next(shown)))
                self.num_came += 1
            newest = held.take()
            assert newest is not None
            self.taken_s.append(newest[0])
            start = time.process_time()
            yield newest
            self.now_s += self.settings.slower * (time.process_time() - start)
            self.latency_s.append(self.now_s - newest[0])
            self.now_s = max(self.now_s, self.num_came / self.settings.fps)


def memory_mb() -> float:
    """Of this process, now."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def report(camera: Camera, since: int, num_poses: int) -> None:
    """A line about the pictures since one of them."""
    late = 1000 * np.array(camera.latency_s[since:])
    print(
        f"{camera.now_s:.0f} s: latency {np.median(late):.0f} ms, at most {late.max():.0f}; "
        f"{camera.num_came - len(camera.taken_s)} of {camera.num_came} pictures dropped, "
        f"{num_poses} poses, {memory_mb():.1f} MB",
        flush=True,
    )


def main(settings: Settings) -> None:
    """Prints a line every tenth of the time."""
    images = [Image.fromarray(frame.image) for frame in read_frames(SAMPLE)]
    size = (settings.width, round(settings.width * images[0].height / images[0].width))
    small = [np.asarray(image.resize(size)) for image in images]
    camera = Camera(settings, small + small[-2:0:-1])
    num_poses, part, since = 0, 1, 0
    for num_poses, _ in enumerate(posegrid.load().stream(camera.frames()), start=1):
        if camera.now_s >= part * settings.seconds / 10:
            report(camera, since, num_poses)
            part, since = part + 1, len(camera.latency_s)
    report(camera, since, num_poses)


if __name__ == "__main__":
    main(tyro.cli(Settings))
