"""What the network said of everybody in a video, on disk while the video is watched: memory stays
as it is, and a call that was killed goes on where it was.

    Answers()                            a file without a name, gone in the end
    Answers(path, identity(...))         one that a kill leaves; `close` may remove it

A file is a line that says what it is and of which call. Then comes a block for every BLOCK frames:
rows (ROW) of fixed size, and what the finder remembered shortly before. Each block is written at
once, with its length and its check sum, so that of a block that was being written nothing counts.
"""

import hashlib
import json
import os
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import onnxruntime

import posegrid
from posegrid.errors import OutputError, SourceError
from posegrid.files import held
from posegrid.people.finder import Finder
from posegrid.untrusted import DAMAGED, object_of_json

BOX_REACH = 2
"""Frames before and after that steady a box."""
BLOCK = 8
"""Frames of a block. What is lost by a kill is in hand: two blocks, and the 6 frames that are
looked at before one is answered for; 22 frames, under a second at 25 a second."""
MOST_BYTES = 2**26
"""Of a block."""
ROOM = 4
"""What the finder remembers is written as soon as it takes less than so many times the room of the
rows since: it may know hundreds of people.
"""
ROW = np.dtype(
    [
        ("number", "<i8"),
        ("frame", "<i8"),
        ("box_xyxy", "<f8", 4),
        ("window", "<f8", 3),
        ("confidence", "<f8"),
        ("pose_mm", "<f4", (17, 3)),
        ("keypoints_px", "<f4", (17, 2)),
        ("sigma_mm", "<f4", 17),
        ("feet_mm", "<f4", (4, 3)),
    ]
)
"""One person in one frame: `PersonEstimate`, a row of it."""
_BEGINNING = b"posegrid answers 2 "
_MARK = b"pgan"
HEAD = struct.Struct("<4sIII")
"""Mark, bytes of rows, bytes of what the finder remembered, CRC-32 of both."""


class Answers:
    """Blocks of answers, in one file."""

    def __init__(self, path: Path | None = None, call: str = "", *, anew: bool = False) -> None:
        """path: None: a file without a name. call: of all that answers follow from (`identity`); what
        is there of the same call counts, unless this is to begin anew.

        Raises OutputError where it cannot be written, or another process writes it; SourceError
        where it is damaged.
        """
        self.path = path
        self.num_frames = 0
        """So many are answered for by what was there."""
        self.remembered: dict[str, Any] | None = None
        """What the finder remembered then."""
        self.note = ""
        """Why what was there does not count, if so."""
        self._rows: list[np.ndarray] = []
        self._since = 0
        self._file = self._opened()
        self._line = _BEGINNING + call.encode() + b"\n"
        self._end = len(self._line)
        try:
            self._go_on(anew=anew)
        except BaseException:
            self._file.close()
            raise

    def _opened(self) -> BinaryIO:
        try:
            if self.path is None:
                return tempfile.TemporaryFile(buffering=0)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = held(self.path)
        except OSError as error:
            raise self._unwritable(error) from error
        if descriptor is None:
            raise OutputError(
                f"{self.path}: another one is at work here; wait until it is done, or "
                "choose another `out`."
            )
        return os.fdopen(descriptor, "r+b", buffering=0)

    def _go_on(self, *, anew: bool) -> None:
        """Take over what is there, up to the last block with which the finder can go on."""
        there = self._file.read(len(self._line))
        if there == self._line and not anew:
            end = self._end
            for number, (block_end, rows, said) in enumerate(self._blocks(), start=1):
                try:
                    check_rows(rows, number * BLOCK)
                    remembered = object_of_json(said) if said else None
                except DAMAGED as error:
                    raise self._damaged(error) from error
                if remembered is not None:
                    end, self.num_frames, self.remembered = block_end, number * BLOCK, remembered
            self._end = end
        elif there and not anew:
            self.note = (
                "what was watched before belongs to another video, other settings or another "
                "version: it is watched anew"
            )
        self._write(0, self._line)
        self._file.truncate(self._end)

    def _blocks(self) -> Iterator[tuple[int, np.ndarray, bytes]]:
        """Where each block ends, its rows, and what the finder remembered; without the last, if it is
        not whole. Raises SourceError where another is not.
        """
        size, at = os.fstat(self._file.fileno()).st_size, len(self._line)
        self._file.seek(at)
        while at + HEAD.size <= size:
            mark, *lengths, check = HEAD.unpack(self._file.read(HEAD.size))
            if mark != _MARK or sum(lengths) > MOST_BYTES or lengths[0] % ROW.itemsize:
                raise self._damaged(ValueError(f"at byte {at}"))
            at += HEAD.size + sum(lengths)
            if at > size:
                return
            rows, said = (self._file.read(length) for length in lengths)
            if zlib.crc32(said, zlib.crc32(rows)) != check:
                raise self._damaged(ValueError(f"before byte {at}"))
            yield at, np.frombuffer(rows, ROW), said

    def add(self, rows: np.ndarray) -> None:
        """More rows (ROW) of the block in hand."""
        self._rows.append(rows)

    def end_block(self, remembered: dict[str, Any] | None = None) -> None:
        """Write the block; remembered: by the finder, after the frame BOX_REACH before the last of
        the block. None: one cannot go on from here. Raises OutputError.
        """
        rows = np.concatenate([np.zeros(0, ROW), *self._rows]).tobytes()
        said = b"" if remembered is None else json.dumps(remembered).encode()
        self._since += max(len(rows), BLOCK * ROW.itemsize)
        if len(said) > ROOM * self._since:
            said = b""
        elif said:
            self._since = 0
        check = zlib.crc32(said, zlib.crc32(rows))
        block = HEAD.pack(_MARK, len(rows), len(said), check) + rows + said
        self._rows = []
        self._write(self._end, block)
        self._end += len(block)

    def _write(self, at: int, content: bytes) -> None:
        try:
            self._file.seek(at)
            while content:
                content = content[self._file.write(content) :]
        except OSError as error:
            raise self._unwritable(error) from error

    def rows(self) -> np.ndarray:
        """All (ROW), in the order of the frames."""
        return np.concatenate([np.zeros(0, ROW), *(rows for _, rows, _ in self._blocks())])

    def recalled(self, finder: Finder) -> None:
        """Make the finder remember what it did then, if anything. Raises SourceError."""
        if self.remembered is None:
            return
        try:
            finder.recall(self.remembered)
            if finder.num_frames not in (0, self.num_frames - BOX_REACH):
                raise ValueError(f"num_frames is {finder.num_frames}")
        except DAMAGED as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> SourceError:
        """The sentence for a file that does not hold what it should."""
        return SourceError(
            f"{self.path}: is damaged ({error}); remove it, or give `overwrite`: then the video is "
            "watched anew."
        )

    def _unwritable(self, error: OSError) -> OutputError:
        where = self.path or tempfile.gettempdir()
        advice = "choose another `out`" if self.path else "set TMPDIR to another folder"
        return OutputError(f"{where}: cannot be written ({error.strerror}); {advice}.")

    def close(self, *, remove: bool = False) -> None:
        """Let go of the file; remove: and take it away."""
        if self.path is not None and (remove or self._end == len(self._line)):
            if os.name == "nt":
                self._file.close()
            self.path.unlink(missing_ok=True)  # held until it is gone: nobody else takes it
        self._file.close()


def check_rows(rows: np.ndarray, end: int) -> None:
    """Raise ValueError for rows of a block (ROW) that cannot be: its frames come before `end`."""
    frame = rows["frame"]
    if (frame >= end).any() or (frame < end - BLOCK).any() or (np.diff(frame) < 0).any():
        raise ValueError(f"frames are not those of {end - BLOCK} to {end - 1}")
    for name in ("box_xyxy", "window", "confidence", "pose_mm"):
        if not np.isfinite(rows[name]).all():
            raise ValueError(f"{name} of frames from {end - BLOCK} on is not finite")


def identity(values: Iterable[object], paths: Iterable[Path | None]) -> str:
    """64 letters that differ where the values, the files (names, sizes, times of change) or the
    versions of what answers differ.
    """
    files = []
    for path in paths:
        inside = sorted(path.iterdir()) if path is not None and path.is_dir() else [path]
        for one in filter(None, inside):
            state = one.stat() if one.exists() else None
            files.append((str(one), state and (state.st_size, state.st_mtime_ns)))
    versions = (posegrid.__version__, onnxruntime.__version__, np.__version__)
    return hashlib.sha256(repr((versions, list(values), files)).encode()).hexdigest()
