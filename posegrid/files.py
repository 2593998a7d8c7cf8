"""Files appear under their name only when they are complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from posegrid.errors import OutputError


@contextmanager
def completed(path: Path) -> Iterator[Path]:
    """A temporary path in the folder of `path` to write to; it takes the name `path` when the block
    ends well.

    The folder is made if it is missing. When the block raises, the temporary file is removed and
    what stood at `path` before stays as it was. The suffix is kept, for writers that go by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


@contextmanager
def written(path: Path, advice: str = "choose another --out") -> Iterator[Path]:
    """As `completed`; where the disk refuses, an OutputError with the path and the advice."""
    try:
        with completed(path) as temporary:
            yield temporary
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{path}: cannot be written ({reason}); {advice}.") from error


def write_text(path: Path, text: str, advice: str = "choose another --out") -> None:
    """Write the text in UTF-8, its line ends as they are. Raises OutputError as `written`."""
    with written(path, advice) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
