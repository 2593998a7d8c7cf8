"""Batches put together ahead are the same batches, in order; what goes wrong there is heard
here.
"""

import threading

import pytest
import torch

from posegrid.learning import data as ahead
from posegrid.learning.batch import Batch
from posegrid.learning.data import WHOLE, Piece, batches_ahead


class Numbered:
    seed, cut_px, size, loaders = 0, 64, 1, 8

    def __init__(self):
        self.asked = []

    def at(self, step, piece=WHOLE):
        if step == 7:
            raise RuntimeError("the eighth batch is broken")
        self.asked.append((step, threading.current_thread(), torch.get_num_threads()))
        return Batch(
            torch.full((1, 1, 2, 2), float(step)), torch.zeros(1, 17, 3), torch.zeros(1, 17, 2)
        )


@pytest.fixture(params=[0, 1], ids=["no core is free", "a core is free"])
def free(request, monkeypatch):
    monkeypatch.setattr(ahead, "free_cores", lambda: request.param)
    return request.param


def test_all_steps_in_order_by_another_thread_where_a_core_is_free(free):
    batches, before = Numbered(), torch.get_num_threads()
    given = [batch.images[0, 0, 0, 0].item() for batch in batches_ahead(batches, range(2, 7))]
    assert given == [2, 3, 4, 5, 6] == [step for step, _, _ in batches.asked]
    elsewhere = {thread is not threading.current_thread() for _, thread, _ in batches.asked}
    assert elsewhere == {bool(free)} and {count for _, _, count in batches.asked} == {
        1 if free else before
    }
    assert torch.get_num_threads() == before


def test_one_batch_is_ahead_and_no_more(free):
    batches = Numbered()
    coming = batches_ahead(batches, range(6))
    next(coming)
    coming.close()
    assert len(batches.asked) <= 1 + free


def test_errors_reach_the_one_who_asks(free):
    coming = batches_ahead(Numbered(), range(6, 9))
    assert next(coming).images.max() == 6
    with pytest.raises(RuntimeError, match="eighth"):
        next(coming)


def test_pieces_come_step_by_step(free):
    asked = []

    class Noted(Numbered):
        def at(self, step, piece=WHOLE):
            asked.append((step, piece.index))
            return super().at(step, piece)

    given = list(batches_ahead(Noted(), range(2), [Piece(2, 4), Piece(3, 4)]))
    assert [int(batch.images.max()) for batch in given] == [0, 0, 1, 1]
    assert sorted(asked) == [(0, 2), (0, 3), (1, 2), (1, 3)]


def test_what_torch_leaves_alone_is_free(monkeypatch):
    monkeypatch.setattr(ahead, "usable_cores", lambda: 3)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert ahead.free_cores() == 1
