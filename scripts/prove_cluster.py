"""Proves that a lost worker changes nothing: renders walkers in one process, then with two Ray
workers, one of which is killed half way, and compares every shard byte by byte.

    python scripts/prove_cluster.py [--people 6] [--crops-per-person 40]

Needs posegrid[cluster]. Exit code 0 if the shards are the same and a worker was lost, 1 if not.
"""

import hashlib
import os
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import tyro

from posegrid.datasets.synth import write_dataset
from posegrid.datasets.synth_settings import SynthSettings


@dataclass(frozen=True)
class Settings:
    """What to render."""

    people: int = 6
    crops_per_person: int = 40
    image_size: int = 96
    seed: int = 0


def main(settings: Settings) -> int:
    """Exit code."""
    with tempfile.TemporaryDirectory() as folder:
        one = SynthSettings(
            Path(folder) / "one",
            people=settings.people,
            validation_people=0,
            test_people=0,
            crops_per_person=settings.crops_per_person,
            image_size=settings.image_size,
            seed=settings.seed,
            activities="varied",
            cameras="varied",
            workers=1,
        )
        two = replace(one, out=Path(folder) / "two", workers=2, cluster="local")
        write_dataset(one)
        killed: list[int] = []
        threading.Thread(
            target=kill_a_worker, args=(two.out, settings.people // 2, killed), daemon=True
        ).start()
        write_dataset(two)
        hashes = [hashes_of(out) for out in (one.out, two.out)]
        left = [path.name for path in two.out.iterdir() if path.name.startswith(".")]
    total = hashlib.sha256("".join(hashes[0].values()).encode()).hexdigest()
    print(f"killed worker: {killed or 'none'}; leftovers: {left or 'none'}")
    print(
        f"{len(hashes[0])} shards {'identical' if hashes[0] == hashes[1] else 'DIFFERENT'}; sha256 of all: {total}"
    )
    return 0 if killed and hashes[0] == hashes[1] and not left else 1


def hashes_of(out: Path) -> dict[str, str]:
    """sha256 of each shard, by name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.glob("*.parquet"))
    }


def kill_a_worker(out: Path, after_shards: int, killed: list[int]) -> None:
    """Wait until so many shards are there, then kill one of the workers that this process
    started.
    """
    while len(list(out.glob("*.parquet"))) < after_shards:
        time.sleep(0.01)
    while not (busy := workers_of(os.getpid())):
        time.sleep(0.01)
    killed.append(busy[0])
    os.kill(busy[0], signal.SIGKILL)


def workers_of(ancestor: int) -> list[int]:
    """Process ids of the Ray workers at work below a process (Linux)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "cmdline").read_bytes()
            if name.startswith(b"ray::PoolActor") and is_below(int(folder.name), ancestor):
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
