"""A thread of its own puts the next batch together while the network learns from this one."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import torch

from posegrid.learning.batch import Batch
from posegrid.learning.data import Batches


def batches_ahead(batches: Batches, steps: range) -> Generator[Batch, None, None]:
    """The batches of these steps, one after another; each is begun when the one before is taken."""
    torch.get_num_threads()  # settles how many this thread uses, so that the other one does not
    with ThreadPoolExecutor(1, initializer=_settle) as ahead:
        coming = ahead.submit(batches.at, steps[0])
        for step in steps[1:]:
            batch, coming = coming.result(), ahead.submit(batches.at, step)
            yield batch
        yield coming.result()


def _settle() -> None:
    """What holds for each thread by itself: denormal numbers count as zero, and the work is not split further."""
    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
