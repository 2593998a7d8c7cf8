"""Every error that posegrid raises on purpose.

    PosegridError           what a user can mend; the command line prints it and exits with 1
    ├── SourceError         a data set, video, mask or pose file is not what it claims to be
    ├── ShardError          prepared crops are damaged, or do not fit the question asked of them
    ├── CheckpointError     weights are damaged, of another version, or do not fit the network
    ├── SettingsError       settings contradict each other or the data
    └── OutputError         results cannot be written

A message says what is wrong, where, what was expected and what to do, in one or two sentences.
An argument is called as in Python, in `backticks`; the command line makes that its flag.
"""

import re
from dataclasses import fields
from importlib import import_module
from typing import Any

EXTRA_OF_MODULE = {
    "numba": "synth",
    "ray": "cluster",
    "cdflib": "prepare",
    "h5py": "prepare",
    "joblib": "prepare",
    "pyarrow": "prepare",
    "torch": "train",
    "safetensors": "train",
    "onnx": "train",
    "matplotlib": "notebook",
    "pandas": "notebook",
    "starlette": "app",
    "uvicorn": "app",
    "jinja2": "app",
    "pxr": "usd",
}
"""Which extra of the package brings a library that is not always there."""


class PosegridError(Exception):
    """Base of every error raised on purpose."""


class SourceError(PosegridError):
    """A data set, video, mask or pose file cannot be read as what it claims to be."""


class ShardError(PosegridError):
    """Prepared crops are damaged or do not fit the question asked of them."""


class CheckpointError(PosegridError):
    """Weights are damaged, of another version, or do not fit the network."""


class SettingsError(PosegridError):
    """Settings contradict each other or the data."""


class OutputError(PosegridError):
    """Results cannot be written."""


def in_flags(text: str, settings: type) -> str:
    """A message in which a command's settings (a dataclass) are called as on its command line:
    `fov_deg` becomes --fov-deg.
    """
    names = "|".join(field.name for field in fields(settings))
    return re.sub(rf"`({names})`", lambda found: "--" + found[1].replace("_", "-"), text)


def optional(module: str) -> Any:
    """A library of an extra, imported. Raises SettingsError with the extra's name if it is not
    installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        name = (error.name or module).split(".")[0]
        if name not in EXTRA_OF_MODULE:
            raise
        raise SettingsError(
            f'needs {name}: pip install "posegrid[{EXTRA_OF_MODULE[name]}]"'
        ) from error
