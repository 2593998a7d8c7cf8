"""A file appears under its name only when it is complete; a folder is one process's at a time."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from posegrid.errors import OutputError
from posegrid.files import LOCK, PART, alone_in, completed, remove_leftovers, write_text


def test_a_complete_file_gets_its_name_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    with completed(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("all")
    assert [(file.name, file.read_text()) for file in (tmp_path / "new").iterdir()] == [
        ("a.txt", "all")
    ]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("before")

    def fail() -> None:
        with completed(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.txt", "before")]


def test_text_is_written_as_it_is_and_a_refusal_says_what_to_do(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "a.txt", "ä\r\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "ä\r\n".encode()
    with pytest.raises(OutputError, match=r"a\.txt/b: cannot be written \(.*\); make room"):
        write_text(tmp_path / "new" / "a.txt" / "b", "", "make room")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_who_writes_a_file_names_the_disk_s_refusal() -> None:
    """Of others than `written`, two: they write over several calls, and name it in each."""
    root = Path(__file__).parents[1]
    sources = [path for place in ("posegrid", "scripts") for path in (root / place).rglob("*.py")]
    users = {path.relative_to(root).as_posix() for path in sources if _completes(path)}
    several_calls = {"posegrid/datasets/shards.py", "posegrid/video/writer.py"}
    assert users == {"posegrid/files.py", *several_calls}


def _completes(path: Path) -> bool:
    return re.search(r"\bcompleted\(", path.read_text(encoding="utf-8")) is not None


def test_two_writers_of_one_path_never_meet(tmp_path: Path) -> None:
    with completed(tmp_path / "a.txt") as first:
        first.write_text("first")
        with completed(tmp_path / "a.txt") as second:
            second.write_text("second")
            assert first != second
        assert (tmp_path / "a.txt").read_text() == "second"
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.txt", "first")]


def test_no_link_is_followed(tmp_path: Path) -> None:
    victim, out = tmp_path / "victim", tmp_path / "out"
    out.mkdir()
    victim.write_text("precious")
    for name in ("a.npz", ".a.part.npz", f".a.01234567{PART}.npz", LOCK):
        (out / name).symlink_to(victim)
    write_text(out / "a.npz", "new")
    with pytest.raises(OutputError, match="nothing can be written there"), alone_in(out):
        pass
    assert victim.read_text() == "precious"
    assert (out / "a.npz").read_text() == "new"
    assert not (out / "a.npz").is_symlink()


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_files_have_the_mode_that_the_user_s_files_have(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "")
    with completed(tmp_path / "b.txt") as temporary:  # a writer that puts a file of its own there
        temporary.unlink()
        temporary.touch(mode=0o600)
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("a.txt", "b.txt")} == {0o640}


def test_a_name_of_255_bytes_has_room_for_its_temporary_one(tmp_path: Path) -> None:
    name = "ä" * 120 + "x" * 11 + ".npz"
    write_text(tmp_path / name, "all")
    assert [path.name for path in tmp_path.iterdir()] == [name]


HELD = """
import sys
from pathlib import Path
from posegrid.files import alone_in, completed
folder = Path(sys.argv[1])
with alone_in(folder), completed(folder / "a.txt") as temporary:
    temporary.write_text("half")
    print(temporary.name, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def another(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that is writing a.txt in the folder."""
    command = [sys.executable, "-c", HELD, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        yield process
        process.kill()


def test_only_one_is_at_work_in_a_folder(tmp_path: Path, another) -> None:
    half = another.stdout.readline().strip()
    told = rf"another one is at work here \(process {another.pid}, since 20.*\); wait"
    with pytest.raises(OutputError, match=told), alone_in(tmp_path):
        pass
    remove_leftovers(tmp_path)
    write_text(tmp_path / "a.txt", "mine")
    assert {path.name for path in tmp_path.iterdir()} == {LOCK, half, "a.txt"}
    another.stdin.close()
    assert another.wait() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_what_a_killed_process_held_is_free(tmp_path: Path, another) -> None:
    half = another.stdout.readline().strip()
    another.kill()
    another.wait()
    assert {path.name for path in tmp_path.iterdir()} == {LOCK, half}
    with alone_in(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]
    assert list(tmp_path.iterdir()) == []


def test_only_unfinished_files_of_ours_are_leftovers(tmp_path: Path) -> None:
    foreign = (".a.part.txt", f"a{PART}.txt", ".a.txt")
    for name in (*foreign, f".a.01234567{PART}.txt"):
        (tmp_path / name).touch()
    os.link(tmp_path / ".a.txt", tmp_path / f".a.76543210{PART}.txt")  # somebody's second name
    with completed(tmp_path / "a.txt") as temporary:
        remove_leftovers(tmp_path)
        assert temporary.exists()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*foreign, "a.txt", f".a.76543210{PART}.txt"}


def test_a_new_folder_in_which_nothing_came_about_is_taken_away(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), alone_in(tmp_path / "new"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
