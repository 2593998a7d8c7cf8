"""What `posegrid predict` costs on 1080p videos, beside MediaPipe Pose 0.10.21 on the same files.

    make peers; python benchmarks/predict.py [VIDEO ...]         some minutes

Rendered videos of 100 and 600 frames, 50 per s, of a person who is large and one who is small in
the picture; and those that are named. Each program is a process of its own, in turns; figures are
medians, ratios are of these. Everything counts, from the start of the process: imports, learning
the empty scene, the Track on disk, with the overlay and without. MediaPipe's is decoding and its
pose, written nowhere. CPU time is user and system time of all threads; it is what to compare where
others work on the machine.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import av
import numpy as np

TURNS = 3
PEERS = Path(__file__).parent.parent / ".venv-peers" / "bin" / "python"
SIZE_WH, RATE_HZ, SEED = (1920, 1080), 50, 1
RENDERED = {"large, long": (600, 1.0), "large, short": (100, 1.0), "small, short": (100, 0.35)}
"""Frames, and the sensor's width as a share of the studio's."""

FIRST_POSE = """
import sys, posegrid
print(next(iter(posegrid.load().stream(sys.argv[1]))))
"""


@dataclass(frozen=True)
class Cost:
    """Of one process."""

    cpu_s: float
    wall_s: float
    peak_mb: float


def main() -> None:
    """Print the tables."""
    if not PEERS.exists():
        print(f"{PEERS} is missing (make peers): posegrid alone")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # elsewhere: a process that is started counts as large as the one that starts it
        with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
            videos = {
                name: elsewhere.submit(rendered, folder / f"{name}.mp4", *of).result()
                for name, of in RENDERED.items()
            }
        videos |= {f"{path.parent.name}/{path.name}": path for path in map(Path, sys.argv[1:])}
        for name, video in videos.items():
            compare(name, video, folder)
    print(f"posegrid --help: {seconds_of_help():.2f} s by the clock")


def compare(name: str, video: Path, folder: Path) -> None:
    """All programs on one video, in turns; print their costs and the ratios."""
    predict = [sys.executable, "-m", "posegrid", "predict", str(video), "--overwrite", "--out"]
    peer = Path(__file__).parent / "peers" / "mediapipe_pose.py"
    commands = {
        "predict --no-overlay": [*predict, str(folder / "plain"), "--no-overlay"],
        "predict": [*predict, str(folder / "drawn")],
        "first pose of a stream": [sys.executable, "-c", FIRST_POSE, str(video)],
        "MediaPipe Pose": [str(PEERS), str(peer), str(video)],
    }
    if not PEERS.exists():
        del commands["MediaPipe Pose"]
    costs: dict[str, list[Cost]] = {program: [] for program in commands}
    for _ in range(TURNS):
        for program, command in commands.items():
            costs[program].append(cost_of(command))
    middle = {program: median_of(turns) for program, turns in costs.items()}
    print(f"\n{name}, medians of {TURNS} turns\n")
    print("| program | CPU s | beside MediaPipe | seconds | peak MB |\n|---|---|---|---|---|")
    for program, cost in middle.items():
        theirs = middle.get("MediaPipe Pose")
        ratio = f"{cost.cpu_s / theirs.cpu_s:.2f}" if theirs else ""
        print(
            f"| {program} | {cost.cpu_s:.1f} | {ratio} | {cost.wall_s:.1f} | {cost.peak_mb:.0f} |"
        )


def cost_of(command: list[str]) -> Cost:
    """Run it; SystemExit with what it says if it fails."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        said.seek(0)
        if status:
            raise SystemExit(f"{' '.join(command)} failed:\n{said.read()}")
    cpu_s = usage.ru_utime + usage.ru_stime
    return Cost(cpu_s, time.perf_counter() - start, usage.ru_maxrss / 1024)


def median_of(costs: list[Cost]) -> Cost:
    """Of each figure alone."""
    return Cost(
        median(cost.cpu_s for cost in costs),
        median(cost.wall_s for cost in costs),
        median(cost.peak_mb for cost in costs),
    )


def rendered(path: Path, num_frames: int, sensor: float) -> Path:
    """A walker in a room before a camera with noise, as a telephone codes it: H.264 with a key
    frame per second.
    """
    with av.open(str(path), "w") as container:
        options = {"crf": "21", "preset": "fast", "x264-params": f"keyint={RATE_HZ}:scenecut=0"}
        stream = container.add_stream("libx264", rate=RATE_HZ, options=options)
        (stream.width, stream.height), stream.pix_fmt = SIZE_WH, "yuv420p"
        for image in walk(num_frames, sensor):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def walk(num_frames: int, sensor: float) -> Iterator[np.ndarray]:
    """The pictures of a walk: one of the studio's cameras, with a wide sensor."""
    from posegrid.walkers.clip import ClipPlan, film
    from posegrid.walkers.pictures import pictures
    from posegrid.walkers.render.cameras import CAMERA_IDS

    clip = film(ClipPlan(SEED, "T0001", num_frames=num_frames))
    camera = clip.cameras[CAMERA_IDS[1]]
    scale = sensor * SIZE_WH[1] / camera.size_wh[1]
    camera = replace(
        camera,
        focal_px=(camera.focal_px[0] * scale, camera.focal_px[1] * scale),
        principal_px=(SIZE_WH[0] / 2, SIZE_WH[1] / 2),
        size_wh=SIZE_WH,
    )
    noise = np.random.default_rng(SEED).normal(0, 2, (8, *SIZE_WH[::-1], 1)).astype(np.float32)
    for number, picture in enumerate(pictures(clip, CAMERA_IDS[1], camera)):
        yield np.clip(picture.image + noise[number % 8], 0, 255).astype(np.uint8)


def seconds_of_help() -> float:
    """Seconds that `posegrid --help` takes: the best of 5."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "posegrid", "--help"], stdout=subprocess.DEVNULL, check=True
        )
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
