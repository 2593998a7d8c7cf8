"""MATLAB files of any version, as HDF5: version 7.3 is that already, older ones are turned into it.

scipy.io.loadmat reads the older ones, in a process of its own with bounds of memory and time: some
damaged bytes end it (segmentation fault, scipy 1.17). What it finds is written as MATLAB itself
lays out version 7.3: axes in reverse, a cell array as references to its arrays.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import h5py
import numpy as np

from posegrid.errors import SourceError
from posegrid.untrusted import DAMAGED

MOST_SECONDS, MOST_BYTES = 600, 7 * 2**30
"""Of the process that reads an older file, of which MATLAB writes none of more than 2 GB."""


@contextmanager
def opened_matlab(path: Path, names: Collection[str]) -> Iterator[h5py.File]:
    """The file's variables of these names (of version 7.3: all) as HDF5, while the block runs.

    Raises SourceError if there is no such file, or it is no MATLAB file, or damaged.
    """
    refuse_missing_or_web_page(path)
    with ExitStack() as stack:
        source = path
        if not h5py.is_hdf5(path):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="posegrid-"))
            source = Path(folder) / "converted.mat"
            _convert_apart(path, source, names)
        try:
            file = stack.enter_context(h5py.File(source, "r"))
        except DAMAGED as error:
            raise SourceError(
                f"{path}: cannot be read as a MATLAB 7.3 file ({error}): it is damaged or cut off. "
                "Download or copy it again."
            ) from error
        yield file


def refuse_missing_or_web_page(path: Path) -> None:
    """Raise SourceError if there is no such file, or it is a server's page for strangers."""
    if not path.is_file():
        raise SourceError(f"{path}: there is no such file.")
    if is_web_page(path):
        raise SourceError(
            f"{path}: is a web page, since the download's log-in had expired. "
            "Log in and download it again."
        )


def is_web_page(path: Path) -> bool:
    """Whether a file, whatever its name says, is a web page."""
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<?php"))


def _convert_apart(path: Path, target: Path, names: Collection[str]) -> None:
    """`to_hdf5` in a process of its own. Raises SourceError, naming the file, where it fails."""
    with path.open("rb") as file:
        if not file.read(10).startswith(b"MATLAB 5.0"):
            raise SourceError(
                f"{path}: is no MATLAB file, or one that was cut off at its start. "
                "Download or copy it again."
            )
    command = [sys.executable, "-m", __spec__.name, str(path), str(target), *names]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=MOST_SECONDS
        )
        said = ended.stderr.strip().splitlines()[-1:] or [f"exit code {ended.returncode}"]
    except subprocess.TimeoutExpired:
        ended, said = None, [f"it takes more than {MOST_SECONDS} s"]
    if ended is None or ended.returncode != 0:
        raise SourceError(
            f"{path}: cannot be read as a MATLAB file ({said[0]}): it is damaged or cut off. "
            "Download or copy it again."
        )


def to_hdf5(source: Path, target: Path, names: Collection[str]) -> None:
    """Write a MATLAB file's variables of these names as HDF5. Raises whatever scipy raises."""
    import scipy.io

    content = scipy.io.loadmat(source, variable_names=list(names))
    with h5py.File(target, "w") as file:
        for name in names:
            if name in content:
                _write(file, name, content[name])


def _write(file: h5py.File, name: str, values: np.ndarray) -> None:
    """Numbers as a dataset; cells as references to datasets of their own."""
    if values.dtype != object:
        _write_numbers(file, name, values)
        return
    cells = file.create_dataset(name, values.shape[::-1], dtype=h5py.ref_dtype)
    references = np.empty(values.size, dtype=h5py.ref_dtype)
    for index, cell in enumerate(values.ravel(order="F")):
        references[index] = _write_numbers(file, f"#refs#/{name}{index}", np.asarray(cell)).ref
    cells[...] = references.reshape(values.shape[::-1])


def _write_numbers(file: h5py.File, name: str, values: np.ndarray) -> h5py.Dataset:
    if values.dtype.kind not in "buif":
        raise ValueError(f"{name} holds {values.dtype}, expected real numbers")
    if not values.size:
        data = file.create_dataset(name, data=np.array(values.shape, dtype=np.uint64))
        data.attrs["MATLAB_empty"] = np.int32(1)
        return data
    return file.create_dataset(name, data=values.T, compression="gzip", compression_opts=1)


def _main(source: str, target: str, *names: str) -> int:
    """The process that converts: its last line says what went wrong, its exit code whether."""
    import scipy.io  # noqa: F401  # libraries start their threads before memory is bounded

    with suppress(ImportError, ValueError, OSError):  # there are no such bounds on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    try:
        to_hdf5(Path(source), Path(target), names)
    except Exception as error:  # scipy raises whatever the bytes lead to
        print(f"{error or type(error).__name__}".replace("\n", " "), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
