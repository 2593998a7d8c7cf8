"""Proves that a lost worker changes nothing: a command by one process, then by two workers, one of
which is killed half way, with a file in hand; every file is compared byte by byte.

    python scripts/prove_cluster.py --command predict --parts 6

Needs posegrid[cluster], or `--cluster none`: two processes of this machine. Exit code 0 if the
files are the same and a worker was lost, 1 if not.
"""

import hashlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

import tyro

from posegrid.datasets import parallel
from posegrid.datasets.prepare import PrepareSettings, prepare
from posegrid.datasets.synth import write_dataset
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.results.predict_settings import PredictSettings
from posegrid.results.study import study
from posegrid.video.video import read_frames
from posegrid.video.writer import VideoWriter

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Settings:
    """What to do."""

    command: Literal["synth", "prepare", "predict"] = "synth"
    parts: int = 6
    """People to render, recordings to prepare, or videos to predict."""
    crops: int = 40
    """Rendered for each person, or pictures of each video."""
    cluster: Literal["local", "none"] = "local"
    """A Ray cluster on this machine, or none: processes."""
    kill: bool = True
    """Otherwise only time is taken."""


Call = Callable[[Path, int, str | None], object]
"""Fills a folder, with so many workers, of the cluster named."""
Piece = Callable[[], object]


def call_of(settings: Settings, data: Path) -> Call:
    """The command; `data` is a folder for what it reads."""
    if settings.command == "synth":
        sizes = {"people": settings.parts, "validation_people": 0, "test_people": 0}
        sizes |= {"crops_per_person": settings.crops, "image_size": 96}
        kinds = {"activities": "varied", "cameras": "varied"}
        return lambda out, workers, cluster: write_dataset(
            SynthSettings(out, workers=workers, cluster=cluster, **sizes, **kinds)
        )
    if settings.command == "prepare":
        walk = ROOT / "examples" / "own_data" / "anna" / "walk"
        for number in range(-(-settings.parts // 2)):  # of two views each
            shutil.copytree(walk, data / "anna" / f"walk{number}")
        (data / "split.json").write_text('{"train": ["anna"], "validation": [], "test": []}')
        return lambda out, workers, cluster: prepare(
            PrepareSettings(data, out, workers=workers, cluster=cluster)
        )
    data.mkdir()
    for number in range(settings.parts):
        write_part(data / f"walk{number}.mp4", number, settings.crops)
    return lambda out, workers, cluster: study(
        PredictSettings(data, out=out, workers=workers, cluster=cluster)
    )


def write_part(path: Path, start: int, count: int) -> None:
    """So many pictures of the app's sample video, from one on."""
    frames = read_frames(ROOT / "posegrid" / "app" / "sample.mp4")
    pictures = [frame.image for frame in islice(frames, start, start + count)]
    with VideoWriter(path, 25, pictures[0].shape[1::-1]) as video:
        for picture in pictures:
            video.write(picture)


def main(settings: Settings) -> int:
    """Exit code."""
    if settings.parts < 2:
        raise SystemExit("--parts: at least 2, or there is no worker to lose.")
    cluster = None if settings.cluster == "none" else settings.cluster
    with tempfile.TemporaryDirectory() as folder:
        call = call_of(settings, Path(folder) / "data")
        one, two = Path(folder) / "1" / "out", Path(folder) / "2" / "out"
        start = time.perf_counter()
        call(one, 1, None)
        middle = time.perf_counter()
        mark = Path(folder) / "killed"
        if settings.kill:
            parallel.done_here = partial(disturbed, parallel.done_here, mark)
            parallel.done_on_cluster = partial(disturbed, parallel.done_on_cluster, mark)
        call(two, 2, cluster)
        end, expected, found = time.perf_counter(), hashes_of(one), hashes_of(two)
        left = [path.name for path in two.rglob(".*")]
        killed = mark.read_text() if mark.exists() else "none"
    print(f"one process {middle - start:.1f} s, two workers {end - middle:.1f} s")
    print(f"killed worker: {killed}; leftovers: {left or 'none'}")
    total = hashlib.sha256("".join(expected.values()).encode()).hexdigest()
    same = "identical" if found == expected else "DIFFERENT"
    print(f"{len(expected)} files {same}; sha256 of all: {total}")
    return 0 if (killed != "none") == settings.kill and found == expected and not left else 1


def hashes_of(out: Path) -> dict[str, str]:
    """sha256 of each finished file, by name."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("[!.]*"))
        if path.is_file()
    }


def disturbed(way: Callable[..., object], mark: Path, pieces: Sequence[Piece], *rest) -> object:
    """The pieces in this way; whoever does the middle one is killed, once."""
    middle = len(pieces) // 2
    pieces = [*pieces[:middle], partial(killed_once, mark, pieces[middle]), *pieces[middle + 1 :]]
    return way(pieces, *rest)


def killed_once(mark: Path, piece: Piece) -> object:
    """What the piece returns; its first call is killed when it is about to name its first file."""

    def replace(source: Path, target: Path) -> None:
        if not mark.exists():
            mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        renamed(source, target)

    renamed, os.replace = os.replace, replace
    try:
        return piece()
    finally:
        os.replace = renamed


def workers_of(ancestor: int) -> list[int]:
    """Process ids of the workers below a process, Ray's or joblib's (Linux)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "cmdline").read_bytes()
            ours = name.startswith(b"ray::PoolActor") or b"popen_loky" in name
            if ours and is_below(int(folder.name), ancestor):
                found.append(int(folder.name))
        except OSError:
            continue
    return sorted(found)


def is_below(pid: int, ancestor: int) -> bool:
    """Whether a process descends from another one."""
    while pid > 1:
        if pid == ancestor:
            return True
        pid = int((Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[1])
    return False


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Settings)))
