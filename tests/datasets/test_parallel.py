"""Work side by side: every outcome comes back; on a cluster that loses a worker, the same bytes as
from one process.
"""

import os
import platform
import signal
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pytest
from prove_cluster import workers_of
from rich.console import Console

from posegrid.datasets.parallel import Finished, called_in, done_here, follow
from posegrid.errors import SettingsError

ROOT = Path(__file__).parents[2]


def counted(name: str) -> Finished:
    return Finished(name, 10)


def test_every_piece_comes_back_once() -> None:
    pieces = [partial(counted, f"piece {number}") for number in range(5)]
    console = Console(file=StringIO())
    for workers in (1, 2):
        names = sorted(finished.name for finished in done_here(pieces, workers, console))
        assert names == [f"piece {n}" for n in range(5)]
    assert list(done_here([], 2, console)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_no_process_is_left_that_could_wait_for_one_that_was_killed() -> None:
    pieces = [partial(counted, f"piece {number}") for number in range(4)]
    outcomes = done_here(pieces, 2, Console(file=StringIO()))
    next(outcomes)
    assert len(workers_of(os.getpid())) == 2
    assert len(list(outcomes)) == 3
    assert workers_of(os.getpid()) == []


def test_lines_say_how_far_it_is_and_what_is_left() -> None:
    text = StringIO()
    pieces = [Finished("a", 10), Finished("b", 30)]
    assert follow(pieces, 40, "crops", Console(file=text, width=200)) == pieces
    first, second = text.getvalue().strip().splitlines()  # Rich before 14.3 adds an empty one
    assert first.startswith("10/40 crops, ") and first.endswith("s left: a")
    assert second.startswith("40/40 crops, ") and " 0 s left: b" in second


def killed_once(folder: Path, number: int) -> int:
    """The number; whoever is the first to be asked for 2 is killed."""
    mark = folder / "killed"
    if number == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_what_a_killed_process_had_in_hand_is_done_again(tmp_path) -> None:
    text = StringIO()
    pieces = [partial(killed_once, tmp_path, number) for number in range(6)]
    assert sorted(done_here(pieces, 2, Console(file=text))) == list(range(6))
    assert text.getvalue().count("a worker was lost") == 1


def killed_always() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_processes_that_are_always_killed_end_the_work_in_a_sentence() -> None:
    with pytest.raises(SettingsError, match=r"killed 5 times in a row.*fewer `workers`"):
        list(done_here([killed_always] * 2, 2, Console(file=StringIO())))


def test_a_machine_without_the_folder_is_named(tmp_path) -> None:
    with pytest.raises(SettingsError, match=f"{tmp_path}/none: {platform.node()} cannot work"):
        called_in(tmp_path / "none", partial(counted, "a"))


@pytest.mark.parametrize(
    ("command", "cluster"),
    [
        *(("prepare", "none"), ("predict", "none")),
        *(("synth", "local"), ("prepare", "local"), ("predict", "local")),
    ],
)
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker to kill by /proc")
def test_a_killed_worker_changes_no_byte(command: str, cluster: str) -> None:
    if cluster == "local" and find_spec("ray") is None:
        pytest.skip('no Ray here; pip install "posegrid[cluster]"')
    call = [sys.executable, str(ROOT / "scripts" / "prove_cluster.py"), "--command", command]
    call += ["--cluster", cluster, "--parts", "3", "--crops", "2"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=600, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "files identical" in done.stdout
    assert "a worker was lost" in done.stdout + done.stderr


def test_processes_that_are_used_again_work_in_the_folder_of_the_call(tmp_path, monkeypatch):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        pieces = [partial(written_beside, f"{name}{i}") for i in range(2)]
        list(done_here(pieces, 2, Console(file=StringIO())))
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
