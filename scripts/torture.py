"""Kill every command at random moments, call it again, and compare what is there in the end.

    python scripts/torture.py --tries 20

Each command runs once undisturbed. Then, --tries times, it is killed (SIGKILL, with all its
processes) at a random moment and called again until it ends well. A loss is: another exit code than
0, a file that differs, is missing, or is left over. Files are compared by hash; of weights, only the
tensors, and of metrics, all columns but times: how long something took is no result. The smallest
sizes, on one core.
"""

import argparse
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from posegrid.files import LOCK

POSEGRID = [sys.executable, "-m", "posegrid"]


@dataclass(frozen=True)
class Torment:
    """A command, and what to call after a kill."""

    name: str
    call: Callable[[Path], list[str]]
    """By the folder that it fills."""
    again: tuple[str, ...] = ()
    """Flags of the second call."""


def torments(data: Path) -> list[Torment]:
    """All of them; `data` holds what they read."""
    walkers, own, video = (
        str(data / "walkers"),
        str(data / "own"),
        str(data / "own/anna/walk/a.mp4"),
    )
    weights = str(data / "train" / "best.safetensors")
    people = ["--people", "2", "--validation-people", "1", "--test-people", "1"]
    small = ["--crops-per-person", "16", "--image-size", "64", "--workers", "2"]
    stage = ["--network", "report2015_small", "--batch-size", "8", "--threads", "1"]
    stage += ["--accelerator", "cpu", "--epochs", "6"]
    return [
        Torment("synth", lambda out: ["synth", str(out), *people, *small]),
        Torment(
            "prepare",
            lambda out: ["prepare", own, str(out), "--background", "kept", "--workers", "2"],
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


def write_recording(folder: Path) -> None:
    """A grey square that moves, its camera and its poses: nothing here looks at the pictures."""
    from posegrid.body.skeleton import JOINT_NAMES
    from posegrid.video.writer import VideoWriter

    folder.mkdir(parents=True)
    with VideoWriter(folder / "a.mp4", 25, (320, 300)) as video:
        for frame in range(40):
            image = np.full((300, 320, 3), 60, np.uint8)
            image[40:260, 100 + frame : 180 + frame] = 190
            video.write(image)
    camera = {"focal_px": [400, 400], "principal_px": [160, 150], "size_wh": [320, 300]}
    (folder / "a.json").write_text(json.dumps(camera))
    names = [f"{joint}_{axis}" for joint in JOINT_NAMES for axis in "xyz"]
    rng = np.random.default_rng(0)
    pose = rng.normal(0, 250, (17, 3)) + [0, 0, 3000]
    rows = [pose + [4 * frame, 0, 0] for frame in range(40)]
    text = "\n".join([",".join(names), *(",".join(map(str, row.ravel())) for row in rows)])
    (folder / "a.poses.csv").write_text(text + "\n")


# --- killing


def run(arguments: list[str], kill_after_s: float | None = None) -> int:
    """The exit code; with a moment, the command and all its processes are killed then."""
    process = subprocess.Popen(
        [*POSEGRID, *arguments],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _, said = process.communicate(timeout=kill_after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return -signal.SIGKILL
    if process.returncode:
        print(f"    {' '.join(arguments)}: {said.strip()[-300:]}", flush=True)
    return process.returncode


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
        text = json.dumps(
            {k: v for k, v in json.loads(path.read_text()).items() if k != "settings"}
        )
        digest.update(text.encode())
    elif path.suffix == ".npz":
        with np.load(path) as file:
            for name in file.files:
                digest.update(name.encode() + file[name].tobytes())
    elif path.name != "last.ckpt":  # holds times, too; what it leads to is compared
        digest.update(path.read_bytes())
    return digest.hexdigest()


def torment(case: Torment, folder: Path, tries: int, rng: random.Random) -> tuple[int, int, int]:
    """How often a kill hit it at work, losses of that, and of two calls at once."""
    out, start = folder / "out", time.monotonic()  # of one name: settings.json holds it
    if run(case.call(out)) != 0:
        return 0, 0, 2
    seconds, expected = time.monotonic() - start, contents(out)
    killed = losses = 0
    for _ in range(tries):
        shutil.rmtree(out, ignore_errors=True)
        code = run(case.call(out), rng.uniform(0.1, 1.0) * seconds)
        killed += code == -signal.SIGKILL
        if code != 0:
            again = (
                case.again if (out / "settings.json").is_file() or case.name == "predict" else ()
            )
            code = run([*case.call(out), *again])
        found = contents(out)
        if code != 0 or found != expected:
            losses += 1
            wrong = sorted(k for k in found.keys() | expected if found.get(k) != expected.get(k))
            print(f"  {case.name}: exit code {code}, other files: {wrong}", flush=True)
    return killed, losses, two_at_once(case, out, expected)


def two_at_once(case: Torment, out: Path, expected: dict[str, str]) -> int:
    """Losses of two calls that begin together in one folder: what is there is as one alone made it,
    and the call that could not work said so.
    """
    shutil.rmtree(out, ignore_errors=True)
    pair = [
        subprocess.Popen(
            [*POSEGRID, *case.call(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate()[1] for process in pair]
    codes = sorted(process.returncode for process in pair)
    clear = all(
        "at work here" in s or "already" in s or not p.returncode
        for s, p in zip(said, pair, strict=True)
    )
    whole = contents(out) == expected
    if codes[0] != 0 or not clear or not whole or (out / LOCK).exists():
        print(f"  {case.name}, two at once: exit codes {codes}, {said}", flush=True)
        return 1
    return 0


def main() -> int:
    """Exit code 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--folder", type=Path, default=Path("runs/torture"))
    settings = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    rng, data = random.Random(settings.seed), settings.folder / "data"
    shutil.rmtree(settings.folder, ignore_errors=True)
    make_data(data)
    print("| command | tries | killed at work | losses | two at once: losses |")
    print("|---|---:|---:|---:|---:|", flush=True)
    lost = 0
    for case in torments(data):
        if settings.only and case.name not in settings.only:
            continue
        killed, losses, both = torment(case, settings.folder / case.name, settings.tries, rng)
        lost += losses + both
        print(f"| {case.name} | {settings.tries} | {killed} | {losses} | {both} |", flush=True)
    return min(lost, 1)


if __name__ == "__main__":
    sys.exit(main())
