"""Batches of people who are rendered as they are needed, no crop of them ever seen twice."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import RLock
from typing import ClassVar

import torch

from posegrid.datasets.dataset_facts import DatasetFacts
from posegrid.datasets.stored_crops import Crops
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.datasets.synth_stream import settings_of_dataset, shuffled_batches, streamed_people
from posegrid.errors import SettingsError
from posegrid.learning.batch import Batch
from posegrid.learning.data import WHOLE, CropSet, MixedBatches, Piece, TrainingBatches
from posegrid.learning.training_settings import StageSettings

STREAM_BUFFER_CROPS = 4096
"""Crops that a streamed batch is drawn from, but at most a tenth of the run."""


def streamed_batches(
    settings: StageSettings, facts: DatasetFacts, like: TrainingBatches | MixedBatches, pieces: int
) -> "StreamedBatches":
    """Batches put together like those of the data set, of people rendered in the same way.

    Raises SettingsError for runs without an end, several data sets, several pieces of a batch, and
    data that was not rendered.
    """
    if settings.max_images is None:
        raise SettingsError("--stream has no end: say with --max-images how many crops to see.")
    if isinstance(like, MixedBatches):
        raise SettingsError(
            "--stream renders people like those of one data set; leave out --also or --stream."
        )
    if pieces > 1:
        raise SettingsError(
            "--stream feeds one device with whole batches; leave out --devices and --accumulate, "
            "or write the people with posegrid synth first."
        )
    people = settings_of_dataset(facts, settings.data, settings.stream)
    return StreamedBatches(like, people, min(STREAM_BUFFER_CROPS, settings.max_images // 10))


@dataclass(eq=False)
class StreamedBatches:
    """Batches in the order of the steps, from worker processes that render ahead. A context
    manager: it ends them.
    """

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

    loaders: ClassVar[int] = 1

    @property
    def seed(self) -> int:
        return self.like.seed

    @property
    def size(self) -> int:
        return self.like.batch_size

    def at(self, step: int, piece: Piece = WHOLE) -> Batch:
        """The batch of a step; it comes whole only.

        Steps follow each other. Another first step than 0, as after `--resume`, begins with people
        whom the steps before did not see; the same steps from the beginning give the same batches.
        """
        assert piece == WHOLE, "A stream gives whole batches."
        with self._in_use:
            if self._people is None or step != self._step:
                self._open(step)
            seen = next(self._batches)
            self._step = step + 1
        like, shown = self.like, self.like.crops
        crops = CropSet.of(seen, shown.pose_frame, shown.background, shown.of_masks)
        return like.assembled(crops, torch.arange(len(crops)), step)

    def _open(self, step: int) -> None:
        self.close()
        seen = step * self.like.batch_size + (self.buffer_crops if step else 0)
        self._people = streamed_people(
            self.people, first=1 + -(-seen // self.people.crops_per_person)
        )
        self._batches = shuffled_batches(
            self._people, self.like.batch_size, self.buffer_crops, self.seed
        )

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
