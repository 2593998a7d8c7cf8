"""MATLAB 5 files read as scipy reads them, array by array; damage is a ValueError, never the
process's end.
"""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from posegrid.datasets.matlab5 import read_variables

VALUES = {
    "doubles": np.arange(24.0).reshape(2, 3, 4),
    "whole": np.arange(-3, 9).reshape(3, 4),
    "bytes": np.arange(6, dtype=np.uint8).reshape(3, 2),
    "single": np.array([[1.5, -2.5]], dtype=np.float32),
    "marks": np.array([[True, False], [False, True]]),
    "empty": np.zeros((0, 3)),
    "a_rather_long_name": np.array([[7.0]]),
}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", VALUES)
def test_arrays_are_what_scipy_reads(tmp_path: Path, name: str, compressed: bool) -> None:
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, VALUES, do_compression=compressed)
    (found,) = read_variables(path, (name,)).values()
    expected = scipy.io.loadmat(path)[name]
    assert found.name == name
    np.testing.assert_array_equal(found.numbers(), expected)
    assert found.numbers().dtype == (bool if name == "marks" else expected.dtype)


@pytest.mark.parametrize("compressed", [False, True])
def test_cells_are_what_scipy_reads(tmp_path: Path, compressed: bool) -> None:
    cells = np.empty((2, 3), dtype=object)
    for index in range(6):
        cells.T.flat[index] = np.arange(index * 4.0).reshape(index, 4)
    scipy.io.savemat(tmp_path / "a.mat", {"c": cells}, do_compression=compressed)
    found = read_variables(tmp_path / "a.mat", ("c",))["c"]
    assert found.is_cells and found.shape == (2, 3)
    for index, cell in enumerate(found.cells()):
        np.testing.assert_array_equal(
            cell.numbers(), scipy.io.loadmat(tmp_path / "a.mat")["c"].T.flat[index]
        )


def element(kind: int, data: bytes, order: str = ">") -> bytes:
    return struct.pack(order + "II", kind, len(data)) + data + bytes(-len(data) % 8)


def file_of(body: bytes, order: str = ">") -> bytes:
    mark = b"MI" if order == ">" else b"IM"
    return b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(order + "H", 0x100) + mark + body


def matrix(
    data: bytes, kind: int = 3, order: str = ">", shape: tuple[int, ...] = (1, 2), flags: int = 6
) -> bytes:
    """A matrix of doubles, stored as a type of its own."""
    parts = element(6, struct.pack(order + "II", flags, 0), order)
    parts += element(5, struct.pack(f"{order}{len(shape)}i", *shape), order)
    parts += element(1, b"x", order) + element(kind, data, order)
    return element(14, parts, order)


@pytest.mark.parametrize("order", "<>")
def test_bytes_written_by_hand(tmp_path: Path, order: str) -> None:
    """Both byte orders; whole numbers stand for doubles, as MATLAB saves them."""
    path = tmp_path / "a.mat"
    path.write_bytes(file_of(matrix(struct.pack(order + "hh", -2, 300), order=order), order))
    found = read_variables(path, ("x", "y"))
    np.testing.assert_array_equal(found["x"].numbers(), [[-2.0, 300.0]])
    assert found["x"].numbers().dtype == np.float64


@pytest.mark.parametrize(
    "body",
    [
        matrix(b"\0" * 4, shape=(1, 3)),
        matrix(b"\0" * 4, shape=(10**9, 10**9)),
        matrix(b"\0" * 4, shape=(-1, -2)),
        matrix(b"\0" * 4, kind=99),
        matrix(b"\0" * 4, flags=1),
        matrix(b"\0" * 4, flags=0x806),
        matrix(b"\0" * 4, flags=5),
        matrix(b"\0" * 4)[:-9],
        element(15, b"no zlib stream"),
        element(15, zlib.compress(matrix(b"\0" * 4))[:-1]),
        element(15, zlib.compress(matrix(b"\0" * 4) + b"\0" * 8)),
        element(15, zlib.compress(struct.pack(">II", 14, 2**31) + b"x" * 300)),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(file_of(body))
    with pytest.raises((ValueError, zlib.error)):
        read_variables(tmp_path / "a.mat", ("x",))["x"].numbers()


@pytest.mark.parametrize(
    "content", [b"", b"MATLAB 5.0", b"MATLAB 7.3 MAT-file".ljust(126) + b"IM", b"\0" * 200]
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(ValueError, match=r"no MATLAB file of version 5"):
        read_variables(tmp_path / "a.mat", ("x",))
