"""Training batches of people who are rendered as they are needed, no crop of them ever seen twice."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import RLock

import torch

from posegrid.learning.batch import Batch
from posegrid.learning.data import CropSet, TrainingBatches
from posegrid.prepare.shards import Crops
from posegrid.prepare.stream import shuffled_batches, streamed_people
from posegrid.prepare.synth_settings import SynthSettings


@dataclass(eq=False)
class StreamedBatches:
    """Batches in the order of the steps, from worker processes that render ahead. A context manager: it ends them."""

    like: TrainingBatches
    """Says how batches are put together; its crops are not seen."""
    people: SynthSettings
    """What is rendered, and by how many processes."""
    buffer_crops: int
    """How many crops a batch is drawn from: so that people mix."""
    _in_use: RLock = field(default_factory=RLock)
    _step: int = 0
    _people: Iterator[Crops] | None = None
    _batches: Iterator[Crops] = field(default_factory=lambda: iter(()))

    @property
    def seed(self) -> int:
        return self.like.seed

    @property
    def cut_px(self) -> int:
        return self.like.cut_px

    def at(self, step: int) -> Batch:
        """The batch of a step.

        Steps follow each other. Another first step than 0, as after `--resume`, begins with people whom the steps
        before did not see; the same steps from the beginning give the same batches.
        """
        with self._in_use:
            if self._people is None or step != self._step:
                self._open(step)
            seen = next(self._batches)
            self._step = step + 1
        like, shown = self.like, self.like.crops
        crops = CropSet.of(seen, shown.pose_frame, shown.background, exact_masks=shown.exact_masks)
        return like.assembled(crops, torch.arange(len(crops)), step)

    def _open(self, step: int) -> None:
        self.close()
        seen = step * self.like.batch_size + (self.buffer_crops if step else 0)
        self._people = streamed_people(self.people, first=1 + -(-seen // self.people.crops_per_person))
        self._batches = shuffled_batches(self._people, self.like.batch_size, self.buffer_crops, self.seed)

    def close(self) -> None:
        """End the processes that render, after the batch that another thread may be waiting for."""
        with self._in_use:
            if self._people is not None:
                self._people.close()  # type: ignore[attr-defined]
                self._people = None

    def __enter__(self) -> "StreamedBatches":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
