"""The Track file: NumPy's `.npz` without pickled objects; the facts are JSON text in an array of that name."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError, NotImplementedError, RuntimeError, MemoryError)
DAMAGED += (struct.error, zipfile.BadZipFile, zlib.error, SyntaxError)
"""What numpy and zipfile raise on damaged bytes."""


def npz_bytes(arrays: Mapping[str, np.ndarray], facts: Mapping[str, object]) -> bytes:
    """The arrays under their names and the facts."""
    with io.BytesIO() as file:
        np.savez_compressed(file, allow_pickle=False, facts=np.array(json.dumps(facts)), **arrays)
        return file.getvalue()


def from_npz(content: bytes) -> tuple[dict[str, np.ndarray], Any]:
    """The arrays and the facts. Raises ValueError for anything else than `npz_bytes` made."""
    try:
        with io.BytesIO(content) as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return arrays, json.loads(str(arrays.pop("facts")))
    except DAMAGED as error:
        raise ValueError(str(error)) from error
