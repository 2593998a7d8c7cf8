"""A file appears under its name only when it is complete."""

from pathlib import Path

import pytest

from posegrid.errors import OutputError
from posegrid.files import completed, write_text


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
