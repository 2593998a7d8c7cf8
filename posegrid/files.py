"""Files appear under their name only when they are complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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
