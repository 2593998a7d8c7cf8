"""Batches of crops for training: all crops in memory, every batch a function of (seed, step) alone.

Where a core is free, a thread of its own puts the next batch together while the network learns.
"""

import os
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from posegrid.datasets.shards import Crops
from posegrid.errors import SettingsError
from posegrid.learning.augment import augmented
from posegrid.learning.batch import Batch
from posegrid.learning.networks import centre_cropped

PoseFrame = Literal["view", "camera"]


Augment = Literal["none", "standard", "rolled"]


@dataclass(frozen=True, eq=False)
class CropSet:
    """Crops in memory, as tensors."""

    images: UInt8[Tensor, "n size size"]
    pose_mm: Float[Tensor, "n 17 3"]
    """Root-relative, in `pose_frame`."""
    keypoints_px: Float[Tensor, "n 17 2"]
    focal_px: Float[Tensor, "n"]
    """Focal length of the crop's camera: how far a shift of the crop turns the view."""
    pose_frame: PoseFrame
    background: str
    """"removed", "kept" or "masked"."""
    exact_masks: bool = True
    """Whether masks beside crops are the rendered truth; else background subtraction has spoilt
    them already.
    """
    packed_masks: UInt8[Tensor, "n size eighth"] | None = None
    """The persons' masks, eight pixels of a row in a byte; only where the background is
    "masked".
    """

    @classmethod
    def of(
        cls, crops: Crops, pose_frame: PoseFrame, background: str, *, exact_masks: bool = True
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
            exact_masks,
            None if crops.packed_masks is None else torch.from_numpy(crops.packed_masks),
        )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_size(self) -> int:
        """Side of the crops, in pixels."""
        return self.images.shape[-1]

    def pictures(self, rows: Int[Tensor, "b"]) -> Float[Tensor, "b channels size size"]:
        """These rows' crops in 0..1, with their masks (0 or 1) as the second channel where there
        are any.
        """
        images = as_grey(self.images[rows])
        if self.packed_masks is None:
            return images
        masks = np.unpackbits(self.packed_masks[rows].numpy(), axis=-1, count=self.image_size)
        return torch.cat([images, torch.from_numpy(masks)[:, None].float()], dim=1)

    def batch(self, rows: Int[Tensor, "b"], cut_px: int) -> Batch:
        """These rows as they are, cut to the middle cut_px pixels."""
        images = centre_cropped(self.pictures(rows), cut_px)
        keypoints_px = self.keypoints_px[rows] - (self.image_size - cut_px) // 2
        return Batch(images, self.pose_mm[rows], keypoints_px)

    @classmethod
    def joined(cls, parts: "Sequence[CropSet]") -> "CropSet":
        """The crops of all parts, which have the same size, background and pose frame."""
        if len(parts) == 1:
            return parts[0]
        first = parts[0]
        masks = [part.packed_masks for part in parts if part.packed_masks is not None]
        return cls(
            torch.cat([part.images for part in parts]),
            torch.cat([part.pose_mm for part in parts]),
            torch.cat([part.keypoints_px for part in parts]),
            torch.cat([part.focal_px for part in parts]),
            first.pose_frame,
            first.background,
            all(part.exact_masks for part in parts),
            torch.cat(masks) if masks else None,
        )

    def thinned(self, count: int) -> "CropSet":
        """At most `count` crops, evenly spread over the set."""
        if len(self) <= count:
            return self
        return self.chosen(torch.linspace(0, len(self) - 1, count, dtype=torch.float64).long())

    def chosen(self, rows: Int[Tensor, "b"]) -> "CropSet":
        """These rows alone."""
        return CropSet(
            self.images[rows],
            self.pose_mm[rows],
            self.keypoints_px[rows],
            self.focal_px[rows],
            self.pose_frame,
            self.background,
            self.exact_masks,
            None if self.packed_masks is None else self.packed_masks[rows],
        )


@runtime_checkable
class Batches(Protocol):
    """Where a stage's batches come from."""

    @property
    def seed(self) -> int: ...

    @property
    def cut_px(self) -> int: ...

    def at(self, step: int) -> Batch:
        """The batch of a step, counted from 0 over the whole run."""
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

    def __post_init__(self) -> None:
        if len(self.crops) == 0:
            raise SettingsError(
                "There are no training crops; check the data set's split named train."
            )

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in one pass; the incomplete one at the end is left out, each time
        another.
        """
        return max(1, len(self.crops) // self.batch_size)

    def at(self, step: int) -> Batch:
        """The batch of a step, counted from 0 over the whole run."""
        epoch, position = divmod(step, self.steps_per_epoch)
        order = _shuffled(len(self.crops), self.seed, epoch)
        rows = order[position * self.batch_size : (position + 1) * self.batch_size]
        return self.assembled(self.crops, rows, step)

    def assembled(self, crops: CropSet, rows: Tensor, step: int) -> Batch:
        """The batch of a step from these rows of these crops: augmented, and cut to what the
        network sees.
        """
        generator, size = generator_of(self.seed, 1, step), crops.image_size
        batch = Batch(crops.pictures(rows), crops.pose_mm[rows], crops.keypoints_px[rows])
        if self.augment != "none":
            focal_px = crops.focal_px[rows] if crops.pose_frame == "view" else None
            how = {
                "background": crops.background,
                "exact_masks": crops.exact_masks,
                "strength": self.augment,
            }
            batch = augmented(batch, focal_px, generator, **how)
        if self.cut_px == size:
            return batch
        corner = torch.randint(0, size - self.cut_px + 1, (len(rows), 2), generator=generator)
        return Batch(
            _windows(batch.images, corner, self.cut_px),
            batch.pose_mm,
            batch.keypoints_px - corner[:, None],
        )


@dataclass(frozen=True, eq=False)
class MixedBatches:
    """Batches of which each data set gives an equal share: data sets of different sizes count the
    same.
    """

    parts: tuple[TrainingBatches, ...]

    @classmethod
    def of(
        cls, crops: Sequence[CropSet], batch_size: int, seed: int, augment: Augment, cut_px: int
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
            TrainingBatches(its, share, seed + index, augment, cut_px)
            for index, (its, share) in enumerate(zip(crops, shares, strict=True))
        ]
        return parts[0] if len(parts) == 1 else cls(tuple(parts))

    @property
    def seed(self) -> int:
        return self.parts[0].seed

    @property
    def cut_px(self) -> int:
        return self.parts[0].cut_px

    def at(self, step: int) -> Batch:
        """The batch of a step, counted from 0 over the whole run."""
        return Batch(*map(torch.cat, zip(*(part.at(step) for part in self.parts), strict=True)))


def as_grey(
    images: UInt8[Tensor, "n *channels size size"],
) -> Float[Tensor, "n channels size size"]:
    """Grey values 0..255 as numbers in 0..1; crops without a dimension for channels get one."""
    return (images if images.ndim == 4 else images[:, None]).float() / 255


def whole_batches(crops: CropSet, cut_px: int, batch_size: int = 250) -> Iterator[Batch]:
    """All crops in order, unchanged but for the cut."""
    for rows in torch.arange(len(crops)).split(batch_size):
        yield crops.batch(rows, cut_px)


def generator_of(*numbers: int) -> torch.Generator:
    """A random generator that depends on these numbers only."""
    state = np.random.SeedSequence(numbers).generate_state(2, np.uint32).astype(np.uint64)
    return torch.Generator().manual_seed(int(state[0] << np.uint64(31)) ^ int(state[1]))


@lru_cache(maxsize=16)
def _shuffled(count: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(count, generator=generator_of(seed, 0, epoch))


def _windows(images: Tensor, corner: Tensor, size: int) -> Tensor:
    """From each picture the window of size x size that starts at its corner (x, y)."""
    pairs = zip(images, corner.tolist(), strict=True)
    return torch.stack([image[:, y : y + size, x : x + size] for image, (x, y) in pairs])


def batches_ahead(batches: Batches, steps: range) -> Generator[Batch, None, None]:
    """The batches of these steps, one after another; with a core to spare each is begun when the
    one before is taken.

    Without one the second thread would only be in the way: a sixth slower on two cores that both
    learn already.
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
    usable = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return usable - torch.get_num_threads()


def _settle() -> None:
    """What holds for each thread by itself: denormal numbers count as zero, and the work is not
    split further.
    """
    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
