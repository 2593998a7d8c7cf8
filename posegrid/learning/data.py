"""Batches of crops for training, every one a function of (seed, step) alone.

Several devices share a batch: each puts its own piece together. Where cores are free, threads of
their own prepare the next pieces while the network learns.
"""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice, product
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from posegrid.datasets.stored_crops import Crops
from posegrid.errors import SettingsError
from posegrid.learning.augment import EXACT, MaskFacts, augmented
from posegrid.learning.batch import Batch
from posegrid.learning.devices import usable_cores
from posegrid.learning.stored_pictures import Pictures
from posegrid.learning.training_settings import Augment, PoseFrame

CPU = torch.device("cpu")
MOST_LOADERS = 8
"""Threads that put batches together for one device."""


@dataclass(frozen=True, eq=False)
class CropSet:
    """Crops as tensors, their pictures perhaps not decoded yet."""

    images: UInt8[Tensor, "m *colours size size"] | Pictures
    pose_mm: Float[Tensor, "n 17 3"]
    """Root-relative, in `pose_frame`."""
    keypoints_px: Float[Tensor, "n 17 2"]
    """In the whole crop's pixels."""
    focal_px: Float[Tensor, "n"]
    """Focal length of the crop's camera: how far a shift of the crop turns the view."""
    pose_frame: PoseFrame
    background: str
    """As the data set names it (`people.crop.Background`)."""
    of_masks: MaskFacts = EXACT
    masks: UInt8[Tensor, "m size size"] | Pictures | None = None
    """The persons' masks, 0..255, where the data set has them."""
    picture_rows: Int[Tensor, "n"] | None = None
    """Where the pictures of these crops are among `images` and `masks`; None: in order."""

    @classmethod
    def of(
        cls, crops: Crops, pose_frame: PoseFrame, background: str, of_masks: MaskFacts = EXACT
    ) -> "CropSet":
        """The crops with their poses in the wanted frame."""
        pose_mm = crops.pose_view_mm if pose_frame == "view" else crops.pose_cam_mm
        return cls(
            torch.from_numpy(np.ascontiguousarray(crops.images)),
            torch.from_numpy(pose_mm.astype(np.float32)),
            torch.from_numpy(crops.keypoints_crop_px.astype(np.float32)),
            torch.from_numpy(crops.crop_camera[:, :2].mean(axis=1).astype(np.float32)),
            pose_frame,
            background,
            of_masks,
            None if crops.masks is None else torch.from_numpy(crops.masks),
        )

    def __len__(self) -> int:
        return len(self.pose_mm)

    @property
    def image_size(self) -> int:
        """Side of the crops, in pixels."""
        return self.images.shape[-1]

    def batch(self, rows: Int[Tensor, "b"], cut_px: int) -> Batch:
        """These rows as they are, cut to the middle cut_px pixels."""
        images = centre_cropped(self._pictures(rows), cut_px)
        keypoints_px = self.keypoints_px[rows] - (self.image_size - cut_px) // 2
        return Batch(images, self.pose_mm[rows], keypoints_px)

    def _pictures(self, rows: Int[Tensor, "b"]) -> Float[Tensor, "b channels size size"]:
        """These rows' crops in 0..1, with their masks as the last channel where there are any."""
        where = rows if self.picture_rows is None else self.picture_rows[rows]
        images = in_unit_range(self.images[where])
        if self.masks is None:
            return images
        return torch.cat([images, in_unit_range(self.masks[where])], dim=1)

    def thinned(self, count: int) -> "CropSet":
        """At most `count` crops, evenly spread over the set."""
        return self if len(self) <= count else self.chosen(spread(len(self), count))

    def chosen(self, rows: Int[Tensor, "b"]) -> "CropSet":
        """These rows alone."""
        return replace(
            self,
            pose_mm=self.pose_mm[rows],
            keypoints_px=self.keypoints_px[rows],
            focal_px=self.focal_px[rows],
            picture_rows=rows if self.picture_rows is None else self.picture_rows[rows],
        )


def spread(total: int, count: int) -> Int[Tensor, "b"]:
    """So many of the rows 0 to total - 1, the first and the last among them, as even as may be."""
    return torch.linspace(0, total - 1, min(count, total), dtype=torch.float64).long()


@dataclass(frozen=True)
class Piece:
    """Which part of every batch: the crops are dealt out to so many pieces, as evenly as may be."""

    index: int = 0
    count: int = 1

    def of(self, rows: Int[Tensor, "b"]) -> Int[Tensor, "p"]:
        """This piece's rows of a batch's."""
        return rows.tensor_split(self.count)[self.index]


WHOLE = Piece()


@runtime_checkable
class Batches(Protocol):
    """Where a stage's batches come from."""

    @property
    def seed(self) -> int: ...

    @property
    def size(self) -> float:
        """Crops in a whole batch; in the mean, where batches differ and come whole only."""
        ...

    loaders: ClassVar[int]
    """How many threads, at most, may put batches together at once; 0: they come by themselves."""

    def at(self, step: int, piece: Piece = WHOLE) -> Any:
        """The batch of a step, counted from 0 over the whole run, or a piece of it."""
        ...


@dataclass(frozen=True, eq=False)
class TrainingBatches:
    """Shuffled batches without end: batch number `step` is the same in every run with the same
    seed.
    """

    crops: CropSet
    batch_size: int
    seed: int
    augment: Augment
    cut_px: int
    """Side of what the network sees; smaller than the crop: a random window of it (Li & Chan), else
    all of it.
    """
    device: torch.device = CPU
    """Where batches are augmented and end up."""
    loaders: ClassVar[int] = MOST_LOADERS

    def __post_init__(self) -> None:
        if len(self.crops) == 0:
            raise SettingsError(
                "There are no training crops; check the data set's split named train."
            )

    @property
    def size(self) -> int:
        return min(self.batch_size, len(self.crops))

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in one pass; the incomplete one at the end is left out, each time
        another.
        """
        return max(1, len(self.crops) // self.batch_size)

    def at(self, step: int, piece: Piece = WHOLE) -> Batch:
        epoch, position = divmod(step, self.steps_per_epoch)
        order = _shuffled(len(self.crops), self.seed, epoch)
        rows = order[position * self.batch_size : (position + 1) * self.batch_size]
        return self.assembled(self.crops, piece.of(rows), step, piece)

    def assembled(self, crops: CropSet, rows: Tensor, step: int, piece: Piece = WHOLE) -> Batch:
        """A piece of a step's batch from these rows of these crops: augmented by draws of its own,
        and cut to what the network sees.
        """
        numbers = (1, step, piece.index) if piece.index else (1, step)
        generator = generator_of(self.seed, *numbers, device=self.device)
        batch = crops.batch(rows, crops.image_size).to(self.device)
        if self.augment != "none":
            focal_px = crops.focal_px[rows].to(self.device)
            batch = augmented(
                batch,
                focal_px if crops.pose_frame == "view" else None,
                generator,
                background=crops.background,
                of_masks=crops.of_masks,
                strength=self.augment,
            )
        if self.cut_px == crops.image_size:
            return batch
        most = crops.image_size - self.cut_px + 1
        corner = torch.randint(0, most, (len(rows), 2), generator=generator, device=self.device)
        images = _windows(batch.images, corner, self.cut_px)
        return Batch(images, batch.pose_mm, batch.keypoints_px - corner[:, None])


@dataclass(frozen=True, eq=False)
class MixedBatches:
    """Batches of which each data set gives an equal share: data sets of different sizes count the
    same.
    """

    parts: tuple[TrainingBatches, ...]
    loaders: ClassVar[int] = MOST_LOADERS

    @classmethod
    def of(
        cls,
        crops: Sequence[CropSet],
        batch_size: int,
        seed: int,
        augment: Augment,
        cut_px: int,
        device: torch.device = CPU,
    ) -> "TrainingBatches | MixedBatches":
        """Batches of all the sets; where shares do not come out even, the first sets give one crop
        more.
        """
        if batch_size < len(crops):
            raise SettingsError(
                f"A batch of {batch_size} cannot hold crops of {len(crops)} data sets."
            )
        shares = [len(range(index, batch_size, len(crops))) for index in range(len(crops))]
        # each its own seed: else crops of different sets would be turned and shaded alike
        parts = [
            TrainingBatches(its, share, seed + index, augment, cut_px, device)
            for index, (its, share) in enumerate(zip(crops, shares, strict=True))
        ]
        return parts[0] if len(parts) == 1 else cls(tuple(parts))

    @property
    def seed(self) -> int:
        return self.parts[0].seed

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    def at(self, step: int, piece: Piece = WHOLE) -> Batch:
        pieces = (part.at(step, piece) for part in self.parts)
        return Batch(*map(torch.cat, zip(*pieces, strict=True)))


def in_unit_range(
    images: UInt8[Tensor, "n *channels size size"],
) -> Float[Tensor, "n channels size size"]:
    """Values 0..255 as numbers in 0..1; grey crops without a dimension for channels get one."""
    return (images if images.ndim == 4 else images[:, None]).float() / 255


def centre_cropped(
    images: Float[Tensor, "n channels size size"], size: int
) -> Float[Tensor, "n channels cut cut"]:
    """The middle size x size pixels of each picture."""
    margin = (images.shape[-1] - size) // 2
    return images[..., margin : margin + size, margin : margin + size]


def whole_batches(
    sets: Sequence[CropSet], cut_px: int, batch_size: int = 250, *, first: int = 0, every: int = 1
) -> Iterator[Batch]:
    """All crops of the sets in order, unchanged but for the cut to the middle; of these batches the
    one numbered `first` and every so many after it.
    """
    parts = [(crops, rows) for crops in sets for rows in torch.arange(len(crops)).split(batch_size)]
    for crops, rows in parts[first::every]:
        yield crops.batch(rows, cut_px)


def generator_of(*numbers: int, device: torch.device = CPU) -> torch.Generator:
    """A random generator that depends on these numbers only."""
    state = np.random.SeedSequence(numbers).generate_state(2, np.uint32).astype(np.uint64)
    seed = int(state[0] << np.uint64(31)) ^ int(state[1])
    return torch.Generator(device).manual_seed(seed)


@lru_cache(maxsize=8)
def _shuffled(count: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(count, generator=generator_of(seed, 0, epoch))


def _windows(images: Tensor, corner: Tensor, size: int) -> Tensor:
    """From each picture the window of size x size that starts at its corner (x, y)."""
    x, y = corner.T
    number = torch.arange(len(images), device=images.device)
    views = images.unfold(2, size, 1).unfold(3, size, 1)
    return views[number, :, y, x]


def batches_ahead(
    batches: Batches, steps: range, pieces: Sequence[Piece] = (WHOLE,)
) -> Generator[Any, None, None]:
    """These pieces of the batches of these steps, one after another; with cores to spare the next
    are begun when one is taken.

    Without any a second thread would only be in the way: a sixth slower on two cores that both
    learn already.
    """
    asked = product(steps, pieces)
    loaders = min(free_cores(), batches.loaders)
    if loaders < 1:
        yield from (batches.at(step, piece) for step, piece in asked)
        return
    with ThreadPoolExecutor(loaders, initializer=_settle) as ahead:
        coming = deque(ahead.submit(batches.at, *one) for one in islice(asked, loaders))
        while coming:
            batch = coming.popleft().result()
            coming.extend(ahead.submit(batches.at, *one) for one in islice(asked, 1))
            yield batch


def free_cores() -> int:
    """Cores that this process may use and torch leaves alone."""
    return usable_cores() - torch.get_num_threads()


def _settle() -> None:
    """What holds for each thread by itself: denormal numbers count as zero, and the work is not
    split further.
    """
    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
