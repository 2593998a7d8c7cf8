"""Where a core is free, a thread of its own puts the next batch together while the network learns from this one."""

import os
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import torch

from posegrid.learning.batch import Batch
from posegrid.learning.data import Batches


def batches_ahead(batches: Batches, steps: range) -> Generator[Batch, None, None]:
    """The batches of these steps, one after another; with a core to spare each is begun when the one before is taken.

    Without one the second thread would only be in the way: a sixth slower on two cores that both learn already.
    """
    if free_cores() < 1:
        yield from map(batches.at, steps)
        return
    with ThreadPoolExecutor(1, initializer=_settle) as ahead:
        coming = ahead.submit(batches.at, steps[0])
        for step in steps[1:]:
            batch, coming = coming.result(), ahead.submit(batches.at, step)
            yield batch
        yield coming.result()


def free_cores() -> int:
    """Cores that this process may use and torch leaves alone."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return usable - torch.get_num_threads()


def _settle() -> None:
    """What holds for each thread by itself: denormal numbers count as zero, and the work is not split further."""
    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
