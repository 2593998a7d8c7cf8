"""Work side by side: every outcome comes back; on a cluster that loses a worker, the same bytes as
from one process.
"""

import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from posegrid.datasets.parallel import Finished, done_here, follow

ROOT = Path(__file__).parents[2]


def counted(name: str) -> Finished:
    return Finished(name, 10)


def test_every_piece_comes_back_once() -> None:
    pieces = [partial(counted, f"piece {number}") for number in range(5)]
    assert sorted(finished.name for finished in done_here(pieces, workers=1)) == [
        f"piece {n}" for n in range(5)
    ]
    assert list(done_here([], workers=2)) == []


def test_lines_say_how_far_it_is_and_what_is_left() -> None:
    text = StringIO()
    pieces = [Finished("a", 10), Finished("b", 30)]
    assert follow(pieces, 40, "crops", Console(file=text, width=200)) == pieces
    first, second = text.getvalue().splitlines()
    assert first.startswith("10/40 crops, ") and first.endswith("s left: a")
    assert second.startswith("40/40 crops, ") and " 0 s left: b" in second


@pytest.mark.skipif(find_spec("ray") is None, reason='no Ray here; pip install "posegrid[cluster]"')
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker to kill by /proc")
def test_a_killed_ray_worker_changes_no_byte() -> None:
    call = [
        sys.executable,
        str(ROOT / "scripts" / "prove_cluster.py"),
        "--people",
        "4",
        "--crops-per-person",
        "8",
    ]
    done = subprocess.run(
        [*call, "--image-size", "48"], capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 shards identical" in done.stdout and "a worker was lost" in done.stdout


def test_processes_that_are_used_again_work_in_the_folder_of_the_call(tmp_path, monkeypatch):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        list(done_here([partial(written_beside, f"{name}{i}") for i in range(2)], workers=2))
    assert sorted(p.name for p in tmp_path.rglob("*.txt")) == [
        "first0.txt",
        "first1.txt",
        "second0.txt",
        "second1.txt",
    ]
    assert len(list((tmp_path / "second").iterdir())) == 2


def written_beside(name: str) -> Finished:
    Path(f"{name}.txt").write_text(name)
    return Finished(name, 1)
