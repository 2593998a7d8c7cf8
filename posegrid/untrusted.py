"""Files from outside: each format is read in one place, within bounds, as plain values.

Sizes are looked at before memory is set aside. Nothing is unpickled, and no alias is followed.
Everything here raises one of `DAMAGED` for what is not as expected; whoever reads a file catches
those and names the file, what was expected and what to do.
"""

import csv
import io
import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite, prod
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from PIL import Image

DAMAGED: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,  # RecursionError and NotImplementedError among them
    MemoryError,
    SyntaxError,
    csv.Error,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    Image.DecompressionBombError,
)
"""What readers of all formats raise on damaged bytes."""

MOST_TEXT = 64 * 2**20
"""Bytes of a text file but a motion."""
MOST_ARRAYS = 2**30
"""Bytes of the arrays that are taken from one npz file."""
MOST_PIXELS = 10**8
"""Of one picture."""
DEEPEST = 50
"""Lists in lists; a camera or a data set needs 5."""

Value = TypeVar("Value")


def text_of(path: Path, most_bytes: int | None = MOST_TEXT) -> str:
    """The file's text, which must be UTF-8; None: of any length."""
    size = path.stat().st_size
    if most_bytes is not None and size > most_bytes:
        raise ValueError(f"it has {size} bytes, more than {most_bytes}")
    return path.read_text(encoding="utf-8-sig")


def from_json(text: str | bytes) -> Any:
    """What the JSON says; NaN and Infinity are none."""
    return json.loads(text, parse_constant=_no_number)


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


def object_of_json(text: str | bytes) -> dict[str, Any]:
    """The object that the JSON is."""
    return cast("dict[str, Any]", of_type(from_json(text), dict, "it"))


def from_yaml(text: str) -> Any:
    """What the YAML says, without aliases: with them a page of text can be gigabytes, or hold
    itself.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise ValueError("it has aliases (*name), expected plain values")
            self.depth += 1
            if self.depth > DEEPEST:
                raise ValueError(f"it is more than {DEEPEST} levels deep")
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    try:
        return yaml.load(text, Loader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(str(error).replace("\n", " ")) from error


def arrays_of_npz(
    source: Path | bytes, names: Collection[str], most_bytes: int = MOST_ARRAYS
) -> dict[str, np.ndarray]:
    """The arrays of these names that an npz file has: numbers, truth values and text.

    Each must be as large as its header says, all together at most `most_bytes`; there may be no
    others.
    """
    with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
        members = {info.filename: info for info in archive.infolist()}
        strangers = sorted(members.keys() - {f"{name}.npy" for name in names})
        if strangers:
            raise ValueError(f"it holds {_short(strangers[0])}, which belongs to no such file")
        asked = {name: members[f"{name}.npy"] for name in names if f"{name}.npy" in members}
        size = sum(info.file_size for info in asked.values())
        if size > most_bytes:
            raise ValueError(f"its arrays have {size} bytes, more than {most_bytes}")
        return {name: _array(archive, info) for name, info in asked.items()}


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as member:
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[np.lib.format.read_magic(member)]
        shape, _, dtype = read_header(member)
    if dtype.kind not in "biufU":
        raise ValueError(f"{info.filename} holds {dtype}, expected numbers or text")
    if dtype.itemsize * prod(shape) > info.file_size:
        raise ValueError(f"{info.filename} declares {shape}, and has {info.file_size} bytes")
    with archive.open(info) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


@contextmanager
def opened_picture(
    source: Path | bytes, formats: tuple[str, ...] | None, most_pixels: int = MOST_PIXELS
) -> Iterator[Image.Image]:
    """A picture of one of Pillow's formats (None: any), not decoded yet, and not too large to be."""
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    with Image.open(file, formats=formats) as picture:
        if picture.width * picture.height > most_pixels:
            raise ValueError(f"it is {picture.width} x {picture.height} px large")
        yield picture


# --- values


def of_type(value: object, kind: type[Value], name: str) -> Value:
    """The value, if it is of just this type: True is no whole number."""
    if type(value) is not kind:
        expected = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
        wanted = expected.get(kind, kind.__name__)
        raise ValueError(f"{name} is {_short(value)}, expected {wanted}")
    return cast("Value", value)


def whole_number(value: object, name: str, low: int, high: int) -> int:
    """The value, if it is a whole number from `low` to `high`."""
    if type(value) is float and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} is {_short(value)}, expected a whole number, {low} to {high}")
    return value


def number(value: object, name: str, low: float = -1e30, high: float = 1e30) -> float:
    """The value, if it is a number from `low` to `high`."""
    if type(value) not in (int, float) or not low <= cast("float", value) <= high:
        raise ValueError(f"{name} is {_short(value)}, expected a number, {low:g} to {high:g}")
    return float(cast("float", value))


def numbers(value: object, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The nested lists as an array (float64), if they have this shape and hold finite numbers."""
    flat: list[float] = []
    if not _gathered(value, shape, flat):
        size = " x ".join(map(str, shape))
        raise ValueError(f"{name} is {_short(value)}, expected {size} finite numbers")
    return np.array(flat, dtype=np.float64).reshape(shape)


def _gathered(value: object, shape: tuple[int, ...], flat: list[float]) -> bool:
    if shape:
        return (
            isinstance(value, list)
            and len(value) == shape[0]
            and all(_gathered(part, shape[1:], flat) for part in value)
        )
    if type(value) not in (int, float) or not isfinite(cast("float", value)):
        return False
    flat.append(float(cast("float", value)))
    return True


def texts(value: object, name: str) -> tuple[str, ...]:
    """The list's entries, if all are text."""
    return tuple(of_type(entry, str, f"an entry of {name}") for entry in of_type(value, list, name))


def checked(
    values: Mapping[str, object], checks: Mapping[str, Callable[[object, str], Any]]
) -> dict[str, Any]:
    """Each value that is there by its check."""
    return {name: check(values[name], name) for name, check in checks.items() if name in values}


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**30 else "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}..."
