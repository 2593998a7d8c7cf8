"""MATLAB files of older versions come as HDF5, laid out as MATLAB lays out version 7.3.

Damage is a SourceError, never the end of this process.
"""

import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from posegrid.datasets.matlab import opened_matlab
from posegrid.errors import SourceError

VALUES = {
    "doubles": np.arange(24.0).reshape(2, 3, 4),
    "whole": np.arange(-3, 9).reshape(3, 4),
    "bytes": np.arange(6, dtype=np.uint8).reshape(3, 2),
    "single": np.array([[1.5, -2.5]], dtype=np.float32),
    "marks": np.array([[True, False], [False, True]]),
    "a_rather_long_name": np.array([[7.0]]),
}


def cells_of(values: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    cells = np.empty(shape, dtype=object)
    for index, value in enumerate(values):
        cells.T.flat[index] = value
    return cells


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_and_cells_are_what_scipy_reads(tmp_path: Path, compressed: bool) -> None:
    path, inner = tmp_path / "a.mat", [np.arange(n * 4.0).reshape(n, 4) for n in range(6)]
    content = VALUES | {"c": cells_of(inner, (2, 3)), "empty": np.zeros((0, 3))}
    scipy.io.savemat(path, content, do_compression=compressed)
    with opened_matlab(path, [*content, "missing"]) as file:
        assert "missing" not in file
        for name in VALUES:
            expected = scipy.io.loadmat(path)[name]
            np.testing.assert_array_equal(file[name][()].T, expected)
            assert file[name].dtype == expected.dtype
        assert file["empty"].attrs["MATLAB_empty"] == 1
        assert file["c"].shape == (3, 2)  # MATLAB's axes, reversed
        for index, reference in enumerate(file["c"][()].ravel()):
            found = file[reference]
            assert ("MATLAB_empty" in found.attrs) == (index == 0)
            if index:
                np.testing.assert_array_equal(found[()].T, inner[index])


def test_version_73_is_hdf5_already(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["x"] = np.arange(3)
    with opened_matlab(tmp_path / "a.mat", ()) as file:
        np.testing.assert_array_equal(file["x"][()], [0, 1, 2])


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
    with opened_matlab(path, ("x", "y")) as file:
        np.testing.assert_array_equal(file["x"][()].T, [[-2.0, 300.0]])


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
        element(15, zlib.compress(matrix(b"\0" * 4))[:-9]),
        element(15, zlib.compress(matrix(b"\0" * 4) + b"\0" * 8)),
        element(15, zlib.compress(struct.pack(">II", 14, 2**31) + b"x" * 300)),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(file_of(body))
    with (
        pytest.raises(SourceError, match=r"a\.mat: cannot be read as a MATLAB file \(.+\)"),
        opened_matlab(tmp_path / "a.mat", ("x",)),
    ):
        pass


@pytest.mark.parametrize(
    "content", [b"", b"MATLAB 5.0", b"MATLAB 7.3 MAT-file".ljust(126) + b"IM", b"\0" * 200]
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.mat"), opened_matlab(tmp_path / "a.mat", ("x",)):
        pass
