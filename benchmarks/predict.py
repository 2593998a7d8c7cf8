"""What `posegrid predict` costs per frame of a 1080p video, beside MediaPipe Pose 0.10.21 on the
same file.

    make peers python benchmarks/predict.py [VIDEO ...]       some minutes; without a video, one is
    rendered: 600 frames, 50 per s

Each runs in a process of its own, in turns; the ratio is that of the medians. posegrid's figures
hold everything from opening the file to the Track on disk, learning the empty scene included, but
not the import; MediaPipe's hold decoding and its pose, written nowhere. CPU time is user and system
time of all threads; it is what to compare where others work on the machine.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import av
import numpy as np

TURNS = 3
PEERS = Path(__file__).parent.parent / ".venv-peers" / "bin" / "python"
SIZE_WH, NUM_FRAMES, RATE_HZ, SEED = (1920, 1080), 600, 50, 1

OURS = """
import json, sys, time
start = time.perf_counter()
import posegrid
package_s = time.perf_counter() - start
from pathlib import Path
from posegrid.results.predict import predict
from posegrid.results.settings import PredictSettings
begin, begin_cpu = time.perf_counter(), time.process_time()
track = predict(PredictSettings(Path(sys.argv[1]), out=Path(sys.argv[2]), overlay=False))
print(json.dumps({
    "frames": len(track), "found": int(track.found.sum()),
    "cpu_ms": 1000 * (time.process_time() - begin_cpu) / len(track),
    "wall_ms": 1000 * (time.perf_counter() - begin) / len(track),
    "peak_mb": int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024, "import_s": package_s,
}))
"""


def main() -> None:
    """Print the tables."""
    if not PEERS.exists():
        print(f"{PEERS} is missing (make peers): posegrid alone")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        videos = [Path(name) for name in sys.argv[1:]] or [rendered(folder / "walk.mp4")]
        for video in videos:
            compare(video, folder)
    print(f"posegrid --help: {seconds_of_help():.2f} s by the clock")


def compare(video: Path, folder: Path) -> None:
    """Both on one video, in turns; print both and the ratios."""
    commands = {
        "posegrid": [sys.executable, "-c", OURS, str(video), str(folder / "out")],
        "MediaPipe Pose": [
            str(PEERS),
            str(Path(__file__).parent / "peers" / "mediapipe_pose.py"),
            str(video),
        ],
    }
    if not PEERS.exists():
        del commands["MediaPipe Pose"]
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for _ in range(TURNS):
        for name, command in commands.items():
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            figures[name].append(json.loads(said.splitlines()[-1]))
    middle = {
        name: {key: median(f[key] for f in turns) for key in turns[0]}
        for name, turns in figures.items()
    }
    print(f"{video.name}: {middle['posegrid']['frames']:.0f} frames, medians of {TURNS} turns")
    for name, values in middle.items():
        print(
            f"{name:15} CPU {values['cpu_ms']:5.1f} ms/frame, {1000 / values['wall_ms']:5.1f} frames/s, peak "
            f"{values['peak_mb']:.0f} MB, import {values['import_s']:.2f} s, found {values['found']:.0f}"
        )
    for name, theirs in list(middle.items())[1:]:
        ours = middle["posegrid"]
        cpu, speed = ours["cpu_ms"] / theirs["cpu_ms"], theirs["wall_ms"] / ours["wall_ms"]
        print(f"beside {name}: CPU {cpu:.2f} x, speed {speed:.2f} x")


def rendered(path: Path) -> Path:
    """A walker in a room before a camera with noise, as a telephone codes it: H.264 with a key
    frame per second.
    """
    with av.open(str(path), "w") as container:
        options = {"crf": "21", "preset": "fast", "x264-params": f"keyint={RATE_HZ}:scenecut=0"}
        stream = container.add_stream("libx264", rate=RATE_HZ, options=options)
        (stream.width, stream.height), stream.pix_fmt = SIZE_WH, "yuv420p"
        for image in walk():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def walk() -> Iterator[np.ndarray]:
    """The pictures of a walk: one of the studio's cameras, with a wide sensor."""
    from posegrid.walkers.clip import ClipPlan, film
    from posegrid.walkers.pictures import pictures
    from posegrid.walkers.render.cameras import CAMERA_IDS

    clip = film(ClipPlan(SEED, "T0001", num_frames=NUM_FRAMES))
    camera = clip.cameras[CAMERA_IDS[1]]
    scale = SIZE_WH[1] / camera.size_wh[1]
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
