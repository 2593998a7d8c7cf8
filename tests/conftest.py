"""Run every shape annotation of the package as a check, keep the tests off the network and the
screen, and let none fail by chance: Hypothesis tries the same examples each time, and waits.
"""

import gc
import os
import sys
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "2")

from hypothesis import settings
from shape_checking import calls, install

settings.register_profile("by_no_chance", deadline=None, derandomize=True)
settings.load_profile("by_no_chance")

PACKAGE = Path(__file__).parents[1] / "posegrid"
CHECKED = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if path.stem != "__init__" and not path.stem.endswith("kernels")
]
"""Every module but those of Numba kernels, which must stay plain functions."""

install(CHECKED)


def pytest_runtest_setup() -> None:
    calls.clear()
    if "torch" in sys.modules:  # a test draws the same, whatever ran before it
        sys.modules["torch"].manual_seed(0)


def pytest_collection_finish() -> None:
    gc.freeze()  # modules and tests stay; without them the collector has little to look through
