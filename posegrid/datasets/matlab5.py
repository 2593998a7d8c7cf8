"""Arrays of numbers, and cells of them, in MATLAB files of version 5 to 7.2; each is read when it
is asked for.

scipy.io.loadmat reads such files, too, but some damaged bytes end its process (segmentation fault,
scipy 1.17), and it reads all cells where one is wanted. Format: MathWorks, "MAT-File Level 5 File
Format". Whatever is not as it says is a ValueError; whoever calls knows the file's name.
"""

import struct
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

HEADER_BYTES = 128
BYTE_ORDERS = {b"IM": "<", b"MI": ">"}
MATRIX, COMPRESSED = 14, 15
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""How numbers are stored; may be narrower than the class of the array."""
CLASSES = {
    6: "f8",
    7: "f4",
    8: "i1",
    9: "u1",
    10: "i2",
    11: "u2",
    12: "i4",
    13: "u4",
    14: "i8",
    15: "u8",
}
CELL = 1
COMPLEX, LOGICAL = 0x800, 0x200
MOST_COMPRESSED = 1040
"""zlib never makes more than 1032 bytes of one."""
NAME_WITHIN = 256
"""The name of a variable stands in its first bytes."""


@dataclass(frozen=True)
class MatlabArray:
    """One array, its content not yet looked at."""

    name: str
    """Empty in a cell."""
    shape: tuple[int, ...]
    class_number: int
    flags: int
    body: memoryview
    """What follows the name."""
    order: str
    """Byte order, as numpy has it."""

    @property
    def is_cells(self) -> bool:
        """Whether it holds arrays rather than numbers."""
        return self.class_number == CELL

    def numbers(self) -> np.ndarray:
        """The numbers, in MATLAB's shape. Raises ValueError if there are none, or other than the
        array declares.
        """
        if self.class_number not in CLASSES or self.flags & COMPLEX:
            raise ValueError(
                f"an array is of MATLAB's class {self.class_number}, expected real numbers"
            )
        kind, data, _ = _element(self.body, self.order)
        if kind not in TYPES or len(data) != prod(self.shape) * np.dtype(TYPES[kind]).itemsize:
            raise ValueError(
                f"an array declares the shape {self.shape} and has {len(data)} bytes of type {kind}"
            )
        stored = np.frombuffer(data, self.order + TYPES[kind]).astype(CLASSES[self.class_number])
        return (stored != 0 if self.flags & LOGICAL else stored).reshape(self.shape, order="F")

    def cells(self) -> list["MatlabArray"]:
        """The arrays of a cell array, column by column. Raises ValueError if they are not as many
        as it declares.
        """
        if not self.is_cells:
            raise ValueError(f"an array is of MATLAB's class {self.class_number}, expected cells")
        arrays = []
        for kind, data in _elements(self.body, self.order):
            if kind != MATRIX:
                raise ValueError(f"a cell holds an element of type {kind}, expected an array")
            arrays.append(_array(data, self.order) if len(data) else _nothing(self.order))
        if len(arrays) != prod(self.shape):
            raise ValueError(
                f"cells of the shape {self.shape} are declared, and {len(arrays)} are there"
            )
        return arrays


def read_variables(path: Path, names: Collection[str]) -> dict[str, MatlabArray]:
    """The variables of these names that the file holds. Raises ValueError if it is no such file, or
    damaged.
    """
    content = memoryview(path.read_bytes())
    order = BYTE_ORDERS.get(bytes(content[HEADER_BYTES - 2 : HEADER_BYTES]))
    if bytes(content[:10]) != b"MATLAB 5.0" or order is None:
        raise ValueError("it is no MATLAB file of version 5 to 7.2")
    found = {}
    for kind, data in _elements(content[HEADER_BYTES:], order):
        array = _variable(kind, data, order, names)
        if array is not None and array.name in names:
            found[array.name] = array
    return found


def _variable(
    kind: int, data: memoryview, order: str, names: Collection[str]
) -> MatlabArray | None:
    """The array of an element of the file; None if it is something else, or compressed and of
    another name.
    """
    if kind != COMPRESSED:
        return _array(data, order) if kind == MATRIX else None
    stream = zlib.decompressobj()
    start = stream.decompress(data, NAME_WITHIN)
    inner, size = struct.unpack_from(order + "II", start)
    if not size <= MOST_COMPRESSED * len(data):
        raise ValueError(f"an array of {len(data)} compressed bytes declares {size}")
    if inner != MATRIX or not any(name.encode("ascii") in start for name in names):
        return None
    whole = start + stream.decompress(stream.unconsumed_tail, max(size + 8 - len(start), 1))
    if len(whole) < size + 8:
        raise ValueError("a compressed array is cut off")
    stream.decompress(stream.unconsumed_tail, 1)
    if not stream.eof:
        raise ValueError("a compressed array is longer than it declares, or its sum is wrong")
    return _array(memoryview(whole)[8 : 8 + size], order)


def _array(content: memoryview, order: str) -> MatlabArray:
    """The array whose parts are: flags, shape, name, numbers or cells."""
    _, flags, rest = _element(content, order)
    kind, shape, rest = _element(rest, order)
    _, name, body = _element(rest, order)
    if len(flags) != 8 or kind != 5 or len(shape) % 4 or not len(shape):
        raise ValueError("an array does not begin with its class and shape")
    (word,) = struct.unpack_from(order + "I", flags)
    sides = tuple(np.frombuffer(shape, order + "i4").tolist())
    if min(sides) < 0:
        raise ValueError(f"an array declares the shape {sides}")
    return MatlabArray(bytes(name).decode("ascii"), sides, word & 0xFF, word & ~0xFF, body, order)


def _nothing(order: str) -> MatlabArray:
    """What an element without content stands for: the empty array."""
    body = struct.pack(order + "II", 9, 0)
    return MatlabArray("", (0, 0), 6, 0, memoryview(body), order)


def _elements(content: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Type and data of the elements that follow each other to the end."""
    while len(content):
        kind, data, content = _element(content, order)
        yield kind, data


def _element(content: memoryview, order: str) -> tuple[int, memoryview, memoryview]:
    """Type and data of the first element, and what follows it."""
    if len(content) < 8:
        raise ValueError("it is cut off")
    kind, size = struct.unpack_from(order + "II", content)
    if (
        kind >> 16
    ):  # a small element: its length stands beside its type, its data where the length would be
        size, kind, start, end = kind >> 16, kind & 0xFFFF, 4, 8
    else:
        start = 8
        end = start + (size if kind == COMPRESSED else -(-size // 8) * 8)
    if start + size > min(end, len(content)):
        raise ValueError(f"an element declares {size} bytes, and {len(content) - start} are left")
    return kind, content[start : start + size], content[end:]
