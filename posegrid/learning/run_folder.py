"""What a run of training needs of the machine: a folder of its own, a quiet Lightning, memory that
stays.
"""

import ctypes
import json
import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from posegrid import __version__
from posegrid.errors import OutputError, SettingsError
from posegrid.files import completed
from posegrid.learning.record import BEST, LAST, METRICS, RESUME

SETTINGS = "settings.json"
CURVES = "tensorboard"
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
"""Of glibc's malloc.h."""
MAY_DIFFER = ("run", "threads")
"""Settings that a resumed run may have otherwise than when it started."""


def check_folder(folder: Path, settings: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Raises SettingsError if `claim_folder` would. Writes nothing: so that what fails later leaves
    no run behind.
    """
    if resume and overwrite:
        raise SettingsError("--resume and --overwrite contradict each other; choose one.")
    if (folder / SETTINGS).is_file() and not overwrite:
        _check_same(folder / SETTINGS, settings, resume=resume)


def claim_folder(folder: Path, settings: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Make the run folder and write settings.json into it.

    Raises SettingsError if a run is there and neither resume nor overwrite is set, or if it is to
    be resumed with other settings; OutputError if the folder cannot be written.
    """
    check_folder(folder, settings, resume=resume, overwrite=overwrite)
    path = folder / SETTINGS
    try:
        if overwrite:
            _remove_run(folder)
        if path.is_file():
            return
        text = json.dumps({"posegrid_version": __version__, "settings": settings}, indent=2)
        with completed(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written to ({error}); choose another --run."
        ) from error


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Within the block Lightning reports errors only; the run's own record says the rest."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Lightning 2.6 calls torch's pytree by a deprecated name; nothing here can change that.
            warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Within the block numbers too small for a full float count as zero: they are slow, and nothing
    depends on them.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def keep_freed_memory() -> None:
    """Let glibc keep large freed blocks for the next batch; giving them back each time costs a
    quarter of the time.

    The same as the environment's MALLOC_MMAP_THRESHOLD_ and its fellows; where there is no glibc,
    nothing happens.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    for option, size in (
        (M_MMAP_THRESHOLD, 1 << 30),
        (M_TRIM_THRESHOLD, (1 << 31) - 1),
        (M_TOP_PAD, 1 << 28),
    ):
        mallopt(option, size)


def _check_same(path: Path, settings: dict[str, Any], *, resume: bool) -> None:
    if not resume:
        raise SettingsError(
            f"{path.parent} holds a run already; give --resume, --overwrite, or another --run."
        )
    try:
        before = json.loads(path.read_text(encoding="utf-8"))["settings"]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path} is damaged ({error!r}); give --overwrite or another --run."
        ) from None
    names = [
        name for name in settings if name not in MAY_DIFFER and settings[name] != before.get(name)
    ]
    if names:
        changes = ", ".join(
            f"{name} was {before.get(name)!r} and is now {settings[name]!r}" for name in names
        )
        raise SettingsError(f"{path.parent} cannot be resumed with other settings: {changes}.")


def _remove_run(folder: Path) -> None:
    for name in (SETTINGS, METRICS, BEST, LAST, RESUME):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / CURVES, ignore_errors=True)
