"""Of two calls that fill one folder the second ends, and nothing that the first does is lost."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from learning.made_up import write_dataset

from posegrid.cli import run

HELD = """
import sys
from pathlib import Path
from posegrid.files import alone_in
with alone_in(Path(sys.argv[1])):
    print("begun", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def busy(tmp_path) -> Iterator[Path]:
    """A folder that another process is at work in."""
    command = [sys.executable, "-c", HELD, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout.readline() == "begun\n"
        yield tmp_path
        process.kill()


@pytest.mark.parametrize("command", ["synth", "scenes", "prepare", "pretrain", "train", "evaluate"])
def test_the_second_call_ends(busy, tmp_path_factory, tree_of_recordings, capsys, command):
    walkers = str(write_dataset(tmp_path_factory.mktemp("walkers"), 16))
    before = {path.name for path in busy.iterdir()}
    calls = {
        "synth": ["synth", str(busy), "--people", "1"],
        "scenes": ["scenes", str(busy), "--people", "1"],
        "prepare": ["prepare", str(tree_of_recordings), str(busy), "--background", "kept"],
        "pretrain": ["pretrain", walkers, "--run", str(busy)],
        "train": ["train", walkers, "--run", str(busy)],
        "evaluate": ["evaluate", "nowhere.onnx", walkers, "--out", str(busy)],
    }
    assert run(calls[command]) == 1
    assert "another one is at work here (process" in capsys.readouterr().err
    assert {path.name for path in busy.iterdir()} == before


@pytest.fixture
def tree_of_recordings(tmp_path_factory) -> Path:
    """As far as a call looks at it before it begins."""
    root = tmp_path_factory.mktemp("own")
    folder = root / "anna" / "walk"
    folder.mkdir(parents=True)
    (folder / "front.mp4").touch()
    (folder / "front.json").touch()
    (root / "split.json").write_text('{"train": ["anna"], "validation": [], "test": []}')
    return root
