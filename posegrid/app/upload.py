"""A video that comes in: its kind by its first bytes, its size by counting, its name only shown."""

import errno
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from posegrid.errors import PosegridError

ENOUGH = 512
"""First bytes that tell a kind."""
RESERVE_BYTES = 500_000_000
"""Left free on the disk beside the video, for what is made of it."""
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""What the first box of MP4 and QuickTime files is called."""


class UploadError(PosegridError):
    """A video that is not taken, with the number that HTTP has for the reason."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def shown_name(name: str) -> str:
    """The name to show: without folders, control characters and what file systems do not take."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip(". ")
    return kept[-80:] or "video"


def ending_of(start: bytes) -> str | None:
    """What the name of a video that begins so should end in; None: it is no video that we take."""
    if start[4:8] in _BOXES:
        return ".mp4"
    if start[:4] == b"\x1a\x45\xdf\xa3":
        return ".mkv"
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return ".avi"
    if start[:4] in (b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3"):
        return ".mpg"
    if start[:4] == b"\x30\x26\xb2\x75":
        return ".wmv"
    if start[:1] == b"G" and start[188:189] == b"G":
        return ".ts"
    if start[4:5] == b"G" and start[196:197] == b"G":
        return ".mts"
    return None


def check_size(size: int, max_mb: int, folder: Path) -> None:
    """Raises UploadError for a video that is too large, or that the disk has no room for."""
    if size > max_mb * 1_000_000:
        raise UploadError(413, f"The video is larger than {max_mb} MB, the most that is taken.")
    if size + RESERVE_BYTES > shutil.disk_usage(folder).free:
        raise UploadError(507, "The disk is nearly full: delete earlier jobs, and try again.")


async def received(chunks: AsyncIterator[bytes], folder: Path, max_mb: int) -> str:
    """Write a video into a job's folder as it comes; its name there. Raises UploadError."""
    path, size, start = folder / "upload.part", 0, b""
    try:
        with path.open("wb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if len(start) < ENOUGH:
                    start += chunk[:ENOUGH]
                    if len(start) >= ENOUGH:
                        _check_kind(start)
                if size > max_mb * 1_000_000:
                    check_size(size, max_mb, folder)
                await run_in_threadpool(file.write, chunk)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UploadError(
                507, "The disk is full: delete earlier jobs, and try again."
            ) from error
        raise UploadError(500, f"The video cannot be kept ({error.strerror}).") from error
    name = f"upload{_check_kind(start)}"
    path.rename(folder / name)
    return name


def _check_kind(start: bytes) -> str:
    ending = ending_of(start)
    if ending is None:
        raise UploadError(
            415, "This is no video: expected MP4, MOV, MKV, WebM, AVI, MPEG or WMV, by content."
        )
    return ending
