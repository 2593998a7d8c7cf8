"""Files appear under their name only when they are complete, and a folder is filled by one process
at a time.

What is being written has a name of its own, which nothing that is there already can hold: no link
is followed. Locks are the system's own: they end with the process that holds them, however that
ends. So an unlocked leftover is nobody's any more. Where there are no such locks (Windows),
open files cannot be removed, and two processes in one folder are not noticed.
"""

import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from posegrid.errors import OutputError

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None

PART = ".posegrid-part"
LOCK = ".posegrid-lock"
LONGEST_NAME = 255
"""Bytes of a file name that disks take."""
_LEGIBLE = 40
"""So many letters of the file's name stand in that of its temporary one."""
_NEW = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)


def is_utf8(name: str) -> bool:
    """Whether a name can be printed and written into files: Unix takes any bytes for one."""
    return all(not "\ud800" <= letter <= "\udfff" for letter in name)


@contextmanager
def completed(path: Path) -> Iterator[Path]:
    """A temporary path in the folder of `path` to write to; it takes the name `path` when the block
    ends well.

    The folder is made if it is missing. When the block raises, the temporary file is removed and
    what stood at `path` before stays as it was. The suffix is kept, for writers that go by it. Of
    two that write the same path at once, the last one's file stands, whole. What killed processes
    left of this path is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beginning = f".{path.stem[:_LEGIBLE]}."
    remove_leftovers(path.parent, beginning)
    temporary, descriptor = _begun(path, beginning)
    try:
        yield temporary
        # As the system makes files for this user (umask), whatever the writer made of it.
        temporary.chmod(stat.S_IMODE(os.fstat(descriptor).st_mode))
        if os.name == "nt":
            os.close(descriptor)
            descriptor = -1
        os.replace(temporary, path)
    finally:
        if descriptor >= 0:
            os.close(descriptor)
        with suppress(FileNotFoundError):
            temporary.unlink()


def _begun(path: Path, beginning: str) -> tuple[Path, int]:
    """A new file, locked by this process."""
    while True:
        name = f"{beginning}{secrets.token_hex(4)}{PART}{path.suffix}"
        temporary = path.with_name(name)
        with suppress(FileExistsError):
            descriptor = os.open(temporary, _NEW | os.O_EXCL, 0o666)
            if _locked(descriptor) and os.fstat(descriptor).st_nlink:
                return temporary, descriptor
            os.close(descriptor)  # another one took it for a leftover, in between


def remove_leftovers(folder: Path, beginning: str = ".") -> None:
    """Remove from the folder the unfinished files of processes that were killed, of all names or
    those that begin so.

    Only regular files of this user that no living process holds.
    """
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(beginning) and PART in entry.name:
                with suppress(OSError):
                    _remove_if_left(Path(entry.path))


def _remove_if_left(path: Path) -> None:
    if os.name == "nt":
        path.unlink()
        return
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if (
            stat.S_ISREG(found.st_mode)
            and found.st_uid == os.geteuid()
            and found.st_nlink == 1
            and _locked(descriptor)
        ):
            path.unlink()
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Whether the file is held by this process now, or one cannot know: not every network's disk
    has locks.
    """
    # flock, since those of lockf end as soon as a library closes the file that it wrote to
    return fcntl is None or _granted(fcntl.flock, descriptor)


def _granted(lock: Callable[[int, int], object], descriptor: int) -> bool:
    assert fcntl is not None
    try:
        lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


@contextmanager
def alone_in(folder: Path, advice: str = "choose another `out`") -> Iterator[None]:
    """The folder for this process alone; it is made if missing, and cleared of leftovers. A new one
    in which nothing came about is taken away again.

    Raises OutputError where another process is at work in it, or nothing can be written there.
    """
    lock, was_there = folder / LOCK, folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _lock_of(lock)
    except OSError as error:
        raise OutputError(
            f"{folder}: nothing can be written there ({error.strerror}); {advice}."
        ) from error
    if descriptor is None:
        raise OutputError(
            f"{folder}: another one is at work here ({_told(lock)}); wait until it is done, or "
            f"{advice}."
        )
    try:
        remove_leftovers(folder)
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
        os.close(descriptor)
        if not was_there and not any(folder.iterdir()):
            folder.rmdir()


def held(path: Path) -> int | None:
    """The file, open for reading and writing, made if missing, and held by this process until it is
    closed; None where another process holds it.
    """
    while True:
        descriptor = os.open(path, _NEW | getattr(os, "O_BINARY", 0), 0o666)
        # lockf, since those of flock live on in forked children after a kill
        if fcntl is not None and not _granted(fcntl.lockf, descriptor):
            os.close(descriptor)
            return None
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # who held it before has just taken it away


def _lock_of(lock: Path) -> int | None:
    """The lock file, held and saying by whom; None where another process holds it."""
    descriptor = held(lock)
    if descriptor is not None:
        os.truncate(descriptor, 0)
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        os.write(descriptor, f"process {os.getpid()}, since {since}".encode())
    return descriptor


def _told(lock: Path) -> str:
    with suppress(OSError, ValueError):
        return lock.read_text(encoding="utf-8")[:80] or "it has just begun"
    return "it has just ended"


@contextmanager
def refusals_named(path: Path, advice: str) -> Iterator[None]:
    """Where the disk refuses, an OutputError with the path and the advice."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{path}: cannot be written ({reason}); {advice}.") from error


@contextmanager
def written(path: Path, advice: str = "choose another `out`") -> Iterator[Path]:
    """As `completed`. Raises OutputError where the disk refuses."""
    with refusals_named(path, advice), completed(path) as temporary:
        yield temporary


def write_text(path: Path, text: str, advice: str = "choose another `out`") -> None:
    """Write the text in UTF-8, its line ends as they are. Raises OutputError as `written`."""
    with written(path, advice) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
