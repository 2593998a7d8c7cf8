"""Batches put together ahead are the same batches, in order; what goes wrong there is heard here."""

import threading

import pytest
import torch

from posegrid.learning.ahead import batches_ahead
from posegrid.learning.batch import Batch


class Numbered:
    seed, cut_px = 0, 64

    def __init__(self):
        self.asked = []

    def at(self, step):
        if step == 7:
            raise RuntimeError("the eighth batch is broken")
        self.asked.append((step, threading.current_thread().name, torch.get_num_threads()))
        return Batch(torch.full((1, 1, 2, 2), float(step)), torch.zeros(1, 17, 3), torch.zeros(1, 17, 2))


def test_all_steps_in_order_by_another_thread():
    batches, before = Numbered(), torch.get_num_threads()
    given = [batch.images[0, 0, 0, 0].item() for batch in batches_ahead(batches, range(2, 7))]
    assert given == [2, 3, 4, 5, 6] == [step for step, _, _ in batches.asked]
    assert {(name != threading.current_thread().name, count) for _, name, count in batches.asked} == {(True, 1)}
    assert torch.get_num_threads() == before


def test_one_batch_is_ahead_and_no_more():
    batches = Numbered()
    coming = batches_ahead(batches, range(6))
    next(coming)
    coming.close()
    assert len(batches.asked) <= 2


def test_errors_reach_the_one_who_asks():
    coming = batches_ahead(Numbered(), range(6, 9))
    assert next(coming).images.max() == 6
    with pytest.raises(RuntimeError, match="eighth"):
        next(coming)
