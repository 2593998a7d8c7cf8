"""Pictures of crops, decoded when they are asked for: more of them than memory holds.

Encoded they lie one behind the other in a file without a name, which the system keeps in memory as
far as there is room; from a Parquet shard itself a single picture cannot be had. Decoded they stay
in memory as far as they were given room.
"""

import os
from bisect import bisect_right
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from posegrid.datasets.stored_crops import Shard
from posegrid.errors import OutputError
from posegrid.learning.devices import Devices


class ScratchFile:
    """Bytes of all pictures of a run, one behind the other, in a file that goes when it is closed.

    The processes of one machine share it: the first of them writes, all add the same pictures.
    """

    def __init__(self, beside: Path, devices: Devices) -> None:
        """beside: a file of that name, with an ending, is made for as long as others look for
        it. OutputError if it cannot be.
        """
        self._devices, self._lock = devices, Lock()
        self._path = beside.with_name(f".{beside.name}-crops-{devices.machine}")
        self._writes = devices.local_rank == 0
        self._size, self._file = 0, None
        try:
            if self._writes:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("w+b", buffering=0)
        except OSError as error:
            raise self._refusal(error) from error

    def add(self, column: pa.ChunkedArray) -> Int[np.ndarray, "edges"]:
        """Append a column of bytes; where each cell begins, and where the last one ends."""
        edges = [np.array([self._size], np.int64)]
        for chunk in (chunk for chunk in column.chunks if len(chunk)):
            offsets = np.frombuffer(chunk.buffers()[1], np.int32)
            offsets = offsets[chunk.offset : chunk.offset + len(chunk) + 1].astype(np.int64)
            self._write(memoryview(chunk.buffers()[2])[offsets[0] : offsets[-1]])
            edges.append(self._size + offsets[1:] - offsets[0])
            self._size += int(offsets[-1] - offsets[0])
        return np.concatenate(edges)

    def share(self) -> None:
        """All has been added: the other processes open the file, then it loses its name."""
        self._devices.wait()
        if not self._writes:
            self._file = self._path.open("rb", buffering=0)
        self._devices.wait()
        if self._writes and os.name == "posix":
            self._path.unlink()

    def read(self, start: int, end: int) -> bytes:
        """The bytes from start to end; several threads may read at once."""
        assert self._file is not None, "Pictures are read once the file is shared."
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), end - start, start)
        with self._lock:
            self._file.seek(start)
            return self._file.read(end - start)

    def close(self) -> None:
        """Let the bytes go."""
        if self._file is not None:
            self._file.close()
        if self._writes:
            self._path.unlink(missing_ok=True)

    def _write(self, data: memoryview) -> None:
        try:
            while data and self._file is not None:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self._path}: crops cannot be put there while a run goes on ({error}); make room or "
            "choose another --run."
        )


class Pictures:
    """One column of pictures, `image` or `mask`. Indexed by rows it decodes them."""

    def __init__(
        self, scratch: ScratchFile, shards: list[Shard], column: str, kept_share: float
    ) -> None:
        """kept_share: of the pictures, so many may stay in memory once they are decoded."""
        self._scratch, self._column, self._shards = scratch, column, shards
        self._first_rows = np.cumsum([0, *(shard.num_rows for shard in shards)]).tolist()
        shape = shards[0].facts.image_shape
        self.shape = shape if column == "image" else shape[-2:]
        count = self._first_rows[-1]
        self._begins, self._ends = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self._kept = np.empty((int(kept_share * count), *self.shape), np.uint8)
        self._place = np.full(count, -1, np.int32)
        self._num_kept, self._lock = 0, Lock()

    def add(self, rows: Int[np.ndarray, "n"], column: pa.ChunkedArray) -> None:
        """Put the encoded pictures of these rows into the scratch file."""
        edges = self._scratch.add(column)
        self._begins[rows], self._ends[rows] = edges[:-1], edges[1:]

    def __getitem__(self, rows: Int[Tensor, "b"]) -> UInt8[Tensor, "b *colours size width"]:
        found = np.empty((len(rows), *self.shape), np.uint8)
        for index, row in enumerate(rows.tolist()):
            place = self._place[row]
            found[index] = self._kept[place] if place >= 0 else self._decoded(row)
        return torch.from_numpy(found)

    def _decoded(self, row: int) -> np.ndarray:
        number = bisect_right(self._first_rows, row) - 1
        data = self._scratch.read(int(self._begins[row]), int(self._ends[row]))
        picture = self._shards[number].decoded(data, self._column, row - self._first_rows[number])
        with self._lock:
            place = self._num_kept
            self._num_kept += place < len(self._kept)
        if place < len(self._kept):
            self._kept[place] = picture
            self._place[row] = place  # last: others may be looking
        return picture
